"""What the experiments with convolutions conclude: on curves made by hand, where the answer is known."""

from __future__ import annotations

import runpy
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tests.strategies  # noqa: F401 (sets no deadline)

SCRIPTS = (
    "cifar_final",
    "cifar_modern",
    "cifar_optimisers",
    "cifar_vgg",
    "deeper",
    "mnist_cnn_batches",
    "mnist_cnn_epochs",
    "mnist_cnn_final",
    "mnist_cnn_kernels",
    "mnist_cnn_optimisers",
    "mnist_cnn_rates",
    "random_labels",
)


@pytest.fixture
def experiment(root, load, monkeypatch):
    """The experiment of a script, which is not run."""

    def of(name):
        seen = []
        monkeypatch.setattr(load("_harness"), "_run", lambda experiment, options: seen.append(experiment))
        runpy.run_path(str(root / "examples" / f"{name}.py"), run_name="__main__")
        return seen[0]

    monkeypatch.setattr("sys.argv", ["script", "--smoke"])
    return of


def flat(seeds=2, epochs=20, **ends):
    """Curves (seeds, epochs + 1) that stay where they are."""
    measures = {"train_loss": 1.0, "loss_sum": 100.0, "train_accuracy": 0.5, "accuracy": 0.5, "seconds": 1.0} | ends
    return {name: np.full((seeds, epochs + 1), value) for name, value in measures.items()}


@pytest.mark.parametrize("epochs", [1, 2, 150])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_claim_is_a_number(experiment, script, epochs):
    """Also of runs that are shorter than the report's, and of one that diverges."""
    of = experiment(script)
    nan = {"train_loss": np.nan, "loss_sum": np.nan, "accuracy": 0.1, "accuracy_with_dropout": 0.1}
    for curves in (flat(3, epochs, accuracy_with_dropout=0.5), flat(3, epochs, **nan)):
        for value in of.claims(dict.fromkeys(of.variants, curves)).values():
            for number in value.values() if isinstance(value, dict) else np.atleast_1d(value):
                assert number is None or isinstance(number, (int, float, np.number))


def test_optimisers_on_cifar(load):
    script = load("cifar_optimisers")
    curves = {name: flat(accuracy=0.3, train_accuracy=0.31) for name in script.variants()}
    adam, sgd = curves["tutorial, Adam 0.0005"], curves["tutorial, SGD 0.001"]
    adam["accuracy"][:, 10] = 0.6
    sgd["accuracy"][:, 10] = [0.5, 0.7]
    adam["train_accuracy"][:, -1] = [0.8, 0.2]
    curves["tutorial, SGD 0.01"]["accuracy"][:, -1] = [0.6, 0.8]
    found = script.claims(curves)
    assert found["tutorial: seeds where Adam is ahead after epoch 10"] == 1
    assert found["tutorial: seeds where Adamax is last after epoch 10"] == 2
    assert found["tutorial: seeds where the gap of Adam grows after epoch 5"] == 1
    assert found["tutorial: seeds where the gap of Adam ends the widest"] == 1
    assert found["tutorial: gap of Adam at the end"] == pytest.approx(0.2)
    assert found["tutorial: best rate of SGD"] == 0.01
    assert found["tutorial: accuracy of SGD at its best rate"] == pytest.approx(0.7)
    assert found["LeNet-5: seeds where Adam is ahead after epoch 10"] == 0


def test_rates(load):
    script = load("mnist_cnn_rates")
    ends = dict(zip(script.RATES, (0.1, 0.9, 0.8, 0.7, 0.6), strict=True))
    curves = {script.variant(kind, rate): flat(accuracy=end) for kind in script.KINDS for rate, end in ends.items()}
    curves["plain 0.001"]["accuracy"][1, -1] = 0.65
    curves["plain 0.1"]["accuracy"][:, -1] = 0.95
    found = script.claims(curves)
    assert found["momentum: seeds where 0.01, 0.001, 0.0001, 0.00001 come in this order"] == 2
    assert found["plain: seeds where 0.01, 0.001, 0.0001, 0.00001 come in this order"] == 1
    assert (found["momentum: best rate"], found["plain: best rate"]) == (0.01, 0.1)
    assert found["momentum: accuracy, by rate"] == pytest.approx(list(ends.values()))


def test_batches_in_both_units(load):
    """A loss of an image that grows with the batch, while its sum over batches shrinks."""
    script = load("mnist_cnn_batches")
    curves = {
        f"{kind} {batch}": flat(train_loss=batch**0.5, loss_sum=batch**0.5 * 55_000 / batch)
        for kind in script.KINDS
        for batch in script.BATCHES
    }
    curves["plain 16"]["train_loss"][1] = np.nan
    found = script.claims(curves)
    for epoch in (2, 20):
        lowest = f"momentum: seeds where batch {{}} has the lowest {{}} after epoch {epoch}"
        assert found[lowest.format(256, "summed loss")] == 2 and found[lowest.format(16, "summed loss")] == 0
        assert found[lowest.format(16, "loss of an image")] == 2 and found[lowest.format(256, "loss of an image")] == 0
    assert found["plain: seeds where batch 16 has the lowest loss of an image after epoch 20"] == 1
    assert [script.rate("scaled rate", batch) for batch in (256, 128)] == [0.01, 0.005]


def test_epochs(load):
    script = load("mnist_cnn_epochs")
    curves = {kind: flat(epochs=100, accuracy=0.98) for kind in script.KINDS}
    curves["momentum"]["train_loss"] = np.stack([1 / (1 + np.arange(101.0)), np.ones(101)])
    curves["momentum"]["accuracy"][:, 100] = [0.99, 0.98]
    found = script.claims(curves)
    assert found["momentum: seeds whose training loss falls from each of these epochs to the next"] == 1
    assert found["momentum: change of accuracy from epoch 50 to 100"] == pytest.approx(0.005)
    assert found["momentum: epoch with the best accuracy, by seed"] == [100, 1]
    assert found["epochs"] == [5, 10, 20, 30, 50, 70, 100]


def test_optimisers_on_mnist(load):
    script = load("mnist_cnn_optimisers")
    curves = {script.variant(name, rate): flat() for name in script.OPTIMISERS for rate in script.RATES}
    for name, loss in (("Adam", 0.1), ("SGD", 0.2), ("RMSprop", [0.15, np.nan])):
        curves[script.variant(name, 0.01)]["train_loss"][:, 5] = loss
    curves["RMSprop 0.01"]["train_loss"][:, -1] = [0.1, log(10)]
    curves["RMSprop 0.001"]["accuracy"][:, -1] = 0.9
    found = script.claims(curves)
    assert found["seeds where the loss of Adam is below that of SGD after epoch 5"] == 2
    assert found["seeds where the loss of RMSprop is the highest after epoch 5"] == 1
    assert found["seeds where RMSprop ends guessing"] == 1
    assert found["best rate of RMSprop"] == 0.001


def test_random_labels(load):
    script = load("random_labels")
    curves = {name: flat(epochs=4, accuracy_with_dropout=0.9) for name in script.VARIANTS}
    nine = curves["nine classes"]
    nine["train_accuracy"][0, 3:] = 1
    nine["train_loss"][:] = [[log(10), log(9), log(9), 1, 0.1], [log(10), log(9), 1, log(9), log(9)]]
    found = script.claims(curves)
    assert found["nine classes: seeds with a training accuracy of 0.99 at the end"] == 1
    assert found["nine classes: first epoch with it, by seed"] == [3, None]
    assert found["nine classes: epochs on the plateau, by seed"] == [2, 3]
    assert found["nine classes: loss of guessing"] == log(9)
    assert found["ten classes: training accuracy while dropout is on"] == pytest.approx(0.9)
    assert "true labels: loss of guessing" not in found


def test_vgg_and_the_depth_of_an_mlp(load):
    vgg = load("cifar_vgg")
    curves = {name: flat(epochs=10) for name in vgg.VARIANTS}
    curves["reported"]["accuracy"][0, 4:] = 0.8
    found = vgg.claims(curves)
    assert found["reported: steps until 0.75, by seed"] == [2000, None]
    assert found["reported: best test accuracy, by seed"] == [0.8, 0.5]
    assert found["parameters"] == 9_231_114

    deeper = load("deeper")
    curves = {deeper.variant(kind, depth): flat() for kind in deeper.KINDS for depth in deeper.DEPTHS}
    curves["plain 32"]["train_loss"][:, -1] = [log(10), np.nan]
    curves["residual 32"]["accuracy"][:, -1] = [0.9, 0.4]
    found = deeper.claims({**curves, deeper.SQUARED: flat(accuracy=0.7)})
    assert found["plain: seeds where 32 layers end guessing"] == 2
    assert found["residual: seeds ahead of plain at 32 layers"] == 1
    assert found["residual: gain over plain at 32 layers"] == pytest.approx(0.15)
    assert found["squared error: accuracy"] == pytest.approx(0.7)


@pytest.mark.parametrize("name", ["nine classes", "ten classes", "half random", "true labels"])
def test_labels_are_replaced_once_and_by_the_seed(load, name):
    script, data = load("random_labels"), load("_data")
    x, y = np.zeros((400, 1, 28, 28), np.float32), np.full(400, 9)
    made = data.Data("made", (x, y), (x[:1], y[:1]), 10)
    first, again, other = (script.relabelled(script.VARIANTS[name], seed, made).train[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    counts = np.bincount(first, minlength=10)
    if name == "true labels":
        assert counts[9] == 400
        return
    assert (first != other).any()
    assert (counts[:9] > 0).all()
    expected = {"nine classes": 0, "ten classes": 40, "half random": 220}[name]
    assert counts[9] == pytest.approx(expected, abs=0 if expected == 0 else 45)


# --- how a network judges ---------------------------------------------------------------------------------------------

PROBABILITIES = arrays(np.float64, (30, 4), elements=st.floats(0.01, 1)).map(lambda p: p / p.sum(1, keepdims=True))
CLASSES = arrays(np.int64, 30, elements=st.integers(0, 3))


@given(PROBABILITIES, CLASSES)
def test_the_confusion_matrix_and_what_follows_from_it(judging, probabilities, classes):
    found = judging.judged(probabilities, classes)
    said = probabilities.argmax(1)
    matrix = np.array(found["confusion"])
    for true in range(4):
        for other in range(4):
            assert matrix[true, other] == ((classes == true) & (said == other)).sum()
    right = np.diag(matrix)
    np.testing.assert_allclose(found["recall"], right / np.maximum(matrix.sum(1), 1))
    np.testing.assert_allclose(found["precision"], right / np.maximum(matrix.sum(0), 1))
    np.testing.assert_allclose(found["f1"], 2 * right / np.maximum(matrix.sum(0) + matrix.sum(1), 1))
    assert found["images"] == matrix.sum(1).tolist()


@given(PROBABILITIES, CLASSES)
def test_the_most_confused_images(judging, probabilities, classes):
    found = judging.most_confused(probabilities, classes)
    wrong = probabilities.argmax(1) != classes
    assert len(found) == min(wrong.sum(), judging.SHOWN)
    behind = [one["probability"] - one["of_true"] for one in found]
    assert behind == sorted(behind, reverse=True)
    for one in found:
        assert wrong[one["image"]] and classes[one["image"]] == one["true"] != one["said"]
        assert probabilities[one["image"], one["said"]] == one["probability"] == probabilities[one["image"]].max()
    others = np.setdiff1d(np.arange(30), [one["image"] for one in found])
    if len(found) == judging.SHOWN:
        left = probabilities.max(1)[others] - probabilities[others, classes[others]]
        assert left.max() <= behind[-1]


def test_a_network_that_is_sure_and_often_wrong(judging):
    probabilities = np.tile([0.95, 0.05], (10, 1))
    classes = np.array([0] * 6 + [1] * 4)
    found = judging.calibration(probabilities, classes)
    assert found["bins"] == [{"images": 10, "sure": pytest.approx(0.95), "right": 0.6}]
    assert found["error"] == pytest.approx(0.35)


@pytest.fixture(scope="module")
def judging(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "examples"))
        import _judged

        return _judged
