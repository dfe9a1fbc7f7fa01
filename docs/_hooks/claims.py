"""The experiments: what was claimed about each, what was reported, and when a run counts as the same.

Everything that decides on a verdict stands here, and nowhere else. A claim without a rule cannot be told: nothing was
reported that a run could be compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rules import (
    EVERY_SEED,
    FOUR_OF_FIVE,
    GROWS_WITH_WIDTH,
    THREE_OF_FIVE,
    Claim,
    Experiment,
    Rule,
    above,
    ahead,
    at,
    at_least,
    at_most,
    digits,
    equal,
    final,
    gain,
    in_seeds,
    plain,
    row,
    said,
    short,
    within,
)

if TYPE_CHECKING:
    from found import Found

# --- claims of a kind -------------------------------------------------------------------------------------------------

IN_WORDS = "in words"


def three_optimisers(network: str) -> tuple[Claim, ...]:
    """What was claimed of SGD, Adam and Adamax, each at its own rate, for one network."""
    claimed = {
        "Adam has the highest validation accuracy after 10 epochs": "seeds where Adam is ahead after epoch 10",
        "Adamax has the lowest": "seeds where Adamax is last after epoch 10",
        "With Adam, training and validation accuracy part": "seeds where the gap of Adam grows after epoch 5",
        "They end further apart than with the others": "seeds where the gap of Adam ends the widest",
    }
    return tuple(
        Claim("cifar_optimisers", text, "curves", said(f"{network}: {key}"), FOUR_OF_FIVE, in_seeds)
        for text, key in claimed.items()
    )


# --- the grid ---------------------------------------------------------------------------------------------------------

# The scores that were reported: a block for each batch size, in it a row for each network, a column for each rate.
GRID = np.array(
    [
        [[0.11242, 0.37482, 0.37192], [0.11162, 0.25468, 0.39170], [0.11866, 0.36146, 0.37270]],
        [[0.15542, 0.41258, 0.37902], [0.14622, 0.32458, 0.35014], [0.15166, 0.38232, 0.33658]],
        [[0.22294, 0.41644, 0.32568], [0.19582, 0.35870, 0.35258], [0.32544, 0.38614, 0.29142]],
        [[0.32258, 0.40430, 0.31560], [0.23844, 0.36790, 0.31206], [0.38744, 0.36450, 0.26624]],
    ]
)


def scores(run: Found) -> np.ndarray:
    """The same of a run: mean accuracies on the folds that were held out."""
    return np.array(run.claim("mean score, by batch, network and rate"), float)


def by_batch(grid: np.ndarray) -> list[list[float]]:
    """For each rate, the mean over the networks, by batch size."""
    means: list[list[float]] = grid.mean(axis=1).T.tolist()
    return means


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's; no two scores of 50,000 images are expected to be equal."""
    ranks = [np.argsort(np.argsort(grid, axis=None)) for grid in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


# --- the experiments --------------------------------------------------------------------------------------------------

SIGMOID, MNIST_MLP = "reports/sigmoid-or-relu.md", "reports/width-momentum-start.md"
MNIST_CNN, CIFAR_CNN = "reports/mnist-cnn.md", "reports/cifar-cnn.md"
CIFAR_MLP, NORMED = "reports/cifar-mlp.md", "reports/batch-norm-cnn.md"

EXPERIMENTS = {
    "E00": Experiment(
        "The two training runs that the course starts from",
        SIGMOID,
        ("synth_baseline", "mnist_baseline"),
        (
            Claim(
                "synth_baseline",
                "Points of the plane: ends far above chance",
                "no number",
                final("accuracy"),
                at_least(0.9),
            ),
            Claim(
                "mnist_baseline",
                "MNIST at rate 0.0001: ends far above chance",
                "no number",
                final("accuracy"),
                at_least(0.9),
            ),
        ),
    ),
    "E01": Experiment(
        "Sigmoid against ReLU on MNIST, at a very small rate",
        SIGMOID,
        ("sigmoid_or_relu",),
        (
            Claim(
                "sigmoid_or_relu",
                "ReLU is above sigmoid after every epoch, at rate 0.000001",
                IN_WORDS,
                said("lower rate: seeds where ReLU is ahead after every epoch"),
                EVERY_SEED,
                in_seeds,
            ),
            Claim(
                "sigmoid_or_relu",
                "The gap is still clear after epoch 10",
                "two curves",
                said("lower rate: lead of ReLU after epoch 10"),
                at_least(0.02),
            ),
            *(
                Claim(
                    "sigmoid_or_relu", text, reported, gain(first, 10, "accuracy", f"{kind}, {setting}"), at_most(0.005)
                )
                for setting, reported in (("lower rate", IN_WORDS), ("higher rate", "said of the lower rate"))
                for kind, first, text in (
                    ("relu", 1, f"ReLU no longer improves after its first epoch ({setting})"),
                    ("sigmoid", 5, f"Sigmoid no longer improves after its fifth epoch ({setting})"),
                )
            ),
        ),
    ),
    "E10": Experiment(
        "Sigmoid against ReLU on MNIST, at ten times that rate",
        SIGMOID,
        ("sigmoid_or_relu",),
        (
            Claim(
                "sigmoid_or_relu",
                "ReLU is above sigmoid after every epoch, at rate 0.00001",
                IN_WORDS,
                said("higher rate: seeds where ReLU is ahead after every epoch"),
                EVERY_SEED,
                in_seeds,
            ),
            Claim(
                "sigmoid_or_relu",
                "ReLU ends higher",
                "two curves",
                ahead("accuracy", "relu, higher rate", "sigmoid, higher rate"),
                within(0.01, 0.03),
            ),
        ),
    ),
    "E11": Experiment(
        "The width of the hidden layer",
        MNIST_MLP,
        ("hidden_width",),
        (
            Claim(
                "hidden_width",
                "The wider the layer, the lower the training loss",
                "six curves",
                said("rank correlation of width and training loss (mean of the seeds)"),
                at_most(-0.8),
                lambda value, _: f"rank correlation {value:.2f}",
            ),
            Claim(
                "hidden_width",
                "The widest has the higher validation accuracy, by little",
                "six curves",
                said("accuracy of the widest minus that of the narrowest"),
                at_least(0),
            ),
            Claim(
                "hidden_width",
                "A wider layer takes much longer",
                IN_WORDS,
                said("seconds of an epoch, by width"),
                GROWS_WITH_WIDTH,
                lambda value, _: f"{row(value, 0, 1)} s an epoch",
            ),
        ),
    ),
    "E12": Experiment(
        "How much momentum",
        MNIST_MLP,
        ("momentum",),
        (
            Claim(
                "momentum",
                "Beyond 0.9, momentum raises the loss: 0.99 ends worse than 0.9",
                IN_WORDS,
                said("seeds where 0.99 ends with a higher training loss than 0.9"),
                EVERY_SEED,
                in_seeds,
            ),
            Claim(
                "momentum",
                "Less than that improves validation: the best of 0.5 to 0.9 beats none",
                IN_WORDS,
                said("its accuracy minus that without momentum"),
                above(0),
            ),
            Claim(
                "momentum",
                "Momentum below 0.5 raises the training loss: 0.3 against none",
                IN_WORDS,
                ahead("train_loss", "0.3", "0"),
                above(0),
            ),
        ),
    ),
    "E13": Experiment(
        "How weights start",
        MNIST_MLP,
        ("initialisation",),
        (
            Claim(
                "initialisation",
                "Glorot ends above standard normal, and that above zero",
                "three curves",
                said("seeds where Glorot ends above standard normal, and that above zero"),
                EVERY_SEED,
                in_seeds,
            ),
            Claim(
                "initialisation",
                "Zero weights do not converge: accuracy stays low",
                "a flat curve",
                final("accuracy", "zero"),
                at_most(0.5),
            ),
            Claim(
                "initialisation",
                "With zero weights all hidden units stay equal (“the derivatives remain the same”)",
                IN_WORDS,
                said("largest difference between two hidden units that started at zero"),
                at_most(1e-6),
                short,
            ),
        ),
    ),
    "E14": Experiment(
        "A small CNN on MNIST: the learning rate",
        MNIST_CNN,
        ("mnist_cnn_rates",),
        (
            Claim(
                "mnist_cnn_rates",
                "0.01 is best on validation (with momentum)",
                IN_WORDS,
                said("momentum: best rate"),
                equal(0.01),
                plain,
            ),
            Claim(
                "mnist_cnn_rates",
                "0.01 is best on validation (without)",
                IN_WORDS,
                said("plain: best rate"),
                equal(0.01),
                plain,
            ),
            Claim(
                "mnist_cnn_rates",
                "The smaller the rate below 0.01, the slower",
                "five curves",
                said("momentum: seeds where 0.01, 0.001, 0.0001, 0.00001 come in this order"),
                FOUR_OF_FIVE,
                in_seeds,
            ),
        ),
    ),
    "E15": Experiment(
        "A small CNN on MNIST: the batch size",
        MNIST_CNN,
        ("mnist_cnn_batches",),
        (
            Claim(
                "mnist_cnn_batches",
                "The largest batch has the lowest training loss, added up over batches",
                "five curves",
                said("momentum: seeds where batch 256 has the lowest summed loss after epoch 2"),
                FOUR_OF_FIVE,
                in_seeds,
            ),
            Claim(
                "mnist_cnn_batches",
                "The largest batch learns fastest: it has the lowest loss of an image",
                IN_WORDS,
                said("momentum: seeds where batch 256 has the lowest loss of an image after epoch 2"),
                FOUR_OF_FIVE,
                in_seeds,
            ),
            Claim(
                "mnist_cnn_batches",
                "Validation accuracy is similar for all",
                "five curves",
                said("momentum: accuracy, by batch size"),
                Rule("no two further apart than 0.01", lambda value, _: max(value) - min(value) <= 0.01),
                row,
            ),
        ),
    ),
    "E16": Experiment(
        "A small CNN on MNIST: the number of epochs",
        MNIST_CNN,
        ("mnist_cnn_epochs",),
        (
            Claim(
                "mnist_cnn_epochs",
                "Validation accuracy after 5 epochs",
                "0.9812",
                at(5, "accuracy", "momentum"),
                within(0.975, 0.987),
                digits(4),
            ),
            Claim(
                "mnist_cnn_epochs",
                "After 50 epochs",
                "0.9880",
                at(50, "accuracy", "momentum"),
                within(0.985, 0.991),
                digits(4),
            ),
            Claim(
                "mnist_cnn_epochs",
                "After 100 epochs",
                "0.9886",
                at(100, "accuracy", "momentum"),
                within(0.985, 0.991),
                digits(4),
            ),
            Claim(
                "mnist_cnn_epochs",
                "The second 50 epochs change little",
                f"{0.9886 - 0.9880:+.4f}",
                said("momentum: change of accuracy from epoch 50 to 100"),
                Rule("by less than 0.002", lambda value, _: abs(value) < 0.002),
                lambda value, _: f"{value:+.4f}",
            ),
            Claim(
                "mnist_cnn_epochs",
                "The training loss falls all the way",
                "16.25 to 0.02",
                said("momentum: seeds whose training loss falls from each of these epochs to the next"),
                EVERY_SEED,
                in_seeds,
            ),
            Claim(
                "mnist_cnn_epochs",
                "The training loss after 5 epochs",
                "16.25, unit not stated",
                lambda run: [at(5, name, "momentum")(run) for name in ("loss_sum", "train_loss")],
                None,
                lambda value, _: f"{value[0]:.2f} added up over batches, {value[1]:.3f} an image",
            ),
        ),
    ),
    "E17": Experiment(
        "A small CNN on MNIST: the kernel size",
        MNIST_CNN,
        ("mnist_cnn_kernels",),
        (
            Claim(
                "mnist_cnn_kernels",
                "The kernel size matters",
                "announced, never reported",
                said("accuracy, by kernel"),
                None,
                lambda value, _: f"{row(value, 0, 4)} for 3, 5, 7 pixels",
            ),
        ),
    ),
    "E18": Experiment(
        "A small CNN on MNIST: the optimiser",
        MNIST_CNN,
        ("mnist_cnn_optimisers",),
        (
            Claim(
                "mnist_cnn_optimisers",
                "Adam is faster than SGD, all at rate 0.01",
                "three curves",
                said("seeds where the loss of Adam is below that of SGD after epoch 5"),
                FOUR_OF_FIVE,
                in_seeds,
            ),
            Claim(
                "mnist_cnn_optimisers",
                "RMSprop is the slowest",
                "three curves",
                said("seeds where the loss of RMSprop is the highest after epoch 5"),
                THREE_OF_FIVE,
                in_seeds,
            ),
            Claim(
                "mnist_cnn_optimisers",
                "RMSprop is stuck: it ends where a network that guesses is",
                IN_WORDS,
                said("seeds where RMSprop ends guessing"),
                THREE_OF_FIVE,
                in_seeds,
            ),
        ),
    ),
    "E19": Experiment(
        "A small CNN on MNIST: the final run",
        MNIST_CNN,
        ("mnist_cnn_final",),
        (
            Claim(
                "mnist_cnn_final",
                "Test accuracy at the end",
                "0.9912",
                said("reported: test accuracy"),
                within(0.988, 0.993),
                digits(4),
            ),
            Claim(
                "mnist_cnn_final",
                "Training loss at the end",
                "0.002, unit not stated",
                lambda run: [run.claim(f"reported: training loss{unit}") for unit in (" of an image", ", summed")],
                None,
                lambda value, _: f"{value[0]:.4f} an image, {value[1]:.2f} added up over batches",
            ),
        ),
    ),
    "E02": Experiment(
        "CIFAR-10: three optimisers and a small CNN", CIFAR_CNN, ("cifar_optimisers",), three_optimisers("tutorial")
    ),
    "E03": Experiment("CIFAR-10: the same with LeNet-5", CIFAR_CNN, ("cifar_optimisers",), three_optimisers("LeNet-5")),
    "E04": Experiment(
        "CIFAR-10: the final run of the small CNN",
        CIFAR_CNN,
        ("cifar_final",),
        (
            Claim(
                "cifar_final",
                "Test accuracy after 10 epochs",
                "0.6032",
                said("test accuracy"),
                within(0.573, 0.633),
                digits(4),
            ),
            Claim(
                "cifar_final",
                "It overfits slightly: training minus test accuracy",
                f"0.664 − 0.6032 = {0.664 - 0.6032:.3f}",
                said("gap between the two"),
                within(0.03, 0.1),
            ),
        ),
    ),
    "modern": Experiment("CIFAR-10: what is possible today", CIFAR_CNN, ("cifar_modern",)),
    "E05": Experiment(
        "An MLP on CIFAR-10 with default settings",
        CIFAR_MLP,
        ("cifar_mlp",),
        (
            Claim(
                "cifar_mlp",
                "Test accuracy after 1,500 steps",
                "a curve; 0.46 was expected of the task",
                final("accuracy"),
                within(0.44, 0.5),
            ),
            Claim(
                "cifar_mlp",
                "The training loss falls",
                "a curve",
                said("seeds where the loss ends below its start"),
                EVERY_SEED,
                in_seeds,
            ),
        ),
    ),
    "E06": Experiment(
        "A grid of 36 MLPs with five folds",
        CIFAR_MLP,
        ("mlp_grid",),
        (
            Claim(
                "mlp_grid",
                "The 36 scores come in this order",
                "36 scores",
                lambda run: rank_correlation(scores(run), GRID),
                at_least(0.7),
                lambda value, _: f"rank correlation {value:.2f}",
            ),
            Claim(
                "mlp_grid",
                "At rate 0.1 the mean score rises with each doubling of the batch",
                row(by_batch(GRID)[0], 0),
                lambda run: by_batch(scores(run))[0],
                Rule("each above the one before", lambda value, _: value == sorted(value)),
                row,
            ),
            Claim(
                "mlp_grid",
                "At rate 0.001 it falls",
                row(by_batch(GRID)[2], 0),
                lambda run: by_batch(scores(run))[2],
                Rule("each below the one before", lambda value, _: value == sorted(value, reverse=True)),
                row,
            ),
            Claim(
                "mlp_grid",
                "At rate 0.01 it has its peak at batches of 256",
                row(by_batch(GRID)[1], 0),
                lambda run: by_batch(scores(run))[1],
                Rule("the third is the largest", lambda value, _: value.index(max(value)) == 2),
                row,
            ),
            Claim(
                "mlp_grid",
                "At rate 0.1 and batches of 64 all three networks stay near chance",
                row(GRID[0, :, 0].tolist(), 0),
                lambda run: scores(run)[0, :, 0].tolist(),
                Rule("each within 0.05 of 0.1", lambda value, _: all(abs(one - 0.1) <= 0.05 for one in value)),
                row,
            ),
            Claim(
                "mlp_grid",
                "The best cell has rate 0.01",
                f"{GRID.max()} at rate 0.01",
                lambda run: scores(run).max(axis=(0, 1)).tolist(),
                Rule(
                    "the second is the largest, and lies in 0.38 to 0.46",
                    lambda value, _: value.index(max(value)) == 1 and 0.38 <= value[1] <= 0.46,
                ),
                lambda value, _: f"{row(value, 0)} at most, at rates 0.1, 0.01, 0.001",
            ),
        ),
    ),
    "E07": Experiment(
        "The best MLP on CIFAR-10",
        CIFAR_MLP,
        ("mlp_best",),
        (
            Claim(
                "mlp_best",
                "Best test accuracy within 20 epochs",
                "about 0.53",
                said("best test accuracy, chosen on the test set"),
                within(0.51, 0.56),
            ),
        ),
    ),
    "E08": Experiment(
        "Batch normalisation, checked",
        NORMED,
        ("batchnorm_check",),
        (
            Claim(
                "batchnorm_check",
                "All gradients agree with finite differences",
                "nothing",
                said("largest difference from finite differences"),
                at_most(1e-6),
                short,
            ),
            Claim(
                "batchnorm_check",
                "Everything agrees with PyTorch, while training and in use",
                "nothing",
                said("largest difference from PyTorch"),
                at_most(1e-12),
                short,
            ),
        ),
    ),
    "E09": Experiment(
        "A CNN with batch normalisation on CIFAR-10",
        NORMED,
        ("cifar_vgg",),
        (
            Claim(
                "cifar_vgg",
                "Test accuracy within 5,000 steps",
                "a curve; 0.75 was expected of the task",
                said("reported: test accuracy at the end"),
                at_least(0.75),
            ),
        ),
    ),
    "E20": Experiment(
        "The gradient of six layers that was printed",
        "learn/six-layers-by-hand.md",
        ("six_layers",),
        (
            Claim(
                "six_layers",
                "The gradient of the first weights is the table that was printed",
                "16 numbers",
                lambda run: sum(
                    f"{got:.4e}" == printed
                    for got, printed in zip(run.content["gradients"], run.content["printed"], strict=False)
                ),
                Rule("all 16 in all five digits", lambda value, _: value == 16),
                lambda value, _: f"{value} of 16 in all digits",
            ),
        ),
    ),
    "E21": Experiment(
        "Learning labels that mean nothing",
        "reports/random-labels.md",
        ("random_labels",),
        (
            *(
                Claim(
                    "random_labels",
                    f"Labels drawn from {classes} classes are learned by heart",
                    "a curve",
                    said(f"{classes} classes: seeds with a training accuracy of 0.99 at the end"),
                    FOUR_OF_FIVE,
                    in_seeds,
                )
                for classes in ("nine", "ten")
            ),
            Claim(
                "random_labels",
                "Before that, the loss stays for a while where guessing has it",
                "a curve",
                said("nine classes: epochs on the plateau, by seed"),
                Rule("in every seed, for one epoch at least", lambda value, _: min(value) >= 1),
                lambda value, _: f"{', '.join(map(str, value))} epochs",
            ),
        ),
    ),
    "E22": Experiment(
        "Deeper networks, residual connections and batch normalisation", "reports/deeper.md", ("deeper",)
    ),
    "digits": Experiment("A small network on real digits", "reports/digits.md", ("digits_mlp",)),
}
