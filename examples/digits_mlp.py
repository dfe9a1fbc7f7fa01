"""Train a 64-32-10 network on the handwritten digits that scikit-learn carries, with vizgrad alone.

    python examples/digits_mlp.py            five seeds, about ten seconds
    python examples/digits_mlp.py --smoke    one seed, two epochs

Writes ``docs/results/digits_mlp.json``, which the page "A network on real digits" shows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from _results import FOLDER, Result
from sklearn.datasets import load_digits

import vizgrad as vg

HIDDEN, BATCH, RATE, EPOCHS, TEST = 32, 32, 0.5, 40, 360


def main() -> None:
    """Train with each seed and write what was found."""
    options = _options()
    seeds = range(1 if options.smoke else options.seeds)
    epochs = 2 if options.smoke else options.epochs
    config = {"hidden": HIDDEN, "batch": BATCH, "lr": RATE, "epochs": epochs, "test": TEST, "seeds": list(seeds)}
    result = Result("digits_mlp", config, "scikit-learn load_digits, 1,797 images of 8 x 8", ["numpy", "scikit-learn"])
    runs = [train(seed, epochs) for seed in seeds]
    found = {
        "curves": {key: [run[key] for run in runs] for key in ("train_loss", "train_accuracy", "test_accuracy")},
        "final": {
            "train_accuracy": _summary([run["train_accuracy"][-1] for run in runs]),
            "test_accuracy": _summary([run["test_accuracy"][-1] for run in runs]),
        },
        "images": len(load_digits().target),
        "parameters": sum(p.value.size for p in vg.MLP(64, 10, HIDDEN).parameters()),
    }
    path = result.write(Path(tempfile.mkdtemp()) if options.smoke else options.out, **found)
    print(f"test accuracy {found['final']['test_accuracy']['mean']:.4f}; wrote {path}")


def train(seed: int, epochs: int) -> dict[str, list[float]]:
    """Train one network; returns its curves, which begin with the untrained network."""
    rng = np.random.default_rng(seed)
    pixels, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(pixels))
    x, y = (pixels[order] / 16).astype(np.float32), labels[order]
    (x_train, y_train), (x_test, y_test) = (x[TEST:], y[TEST:]), (x[:TEST], y[:TEST])
    net = vg.MLP(64, 10, HIDDEN, output=vg.logsoftmax, rng=rng, dtype=np.float32)
    optimiser = vg.SGD(net.parameters(), lr=RATE / BATCH)  # the loss is a sum: this is RATE for its mean
    curves: dict[str, list[float]] = {"train_loss": [], "train_accuracy": [], "test_accuracy": []}
    for epoch in range(epochs + 1):
        loss, accuracy = evaluate(net, x_train, y_train)
        curves["train_loss"].append(loss)
        curves["train_accuracy"].append(accuracy)
        curves["test_accuracy"].append(evaluate(net, x_test, y_test)[1])
        correct = f"train {accuracy:.4f}  test {curves['test_accuracy'][-1]:.4f}"
        print(f"seed {seed}  epoch {epoch:2d}  loss {loss:.4f}  {correct}")
        if epoch < epochs:
            one_epoch(net, optimiser, x_train, y_train, rng)
    return curves


def one_epoch(net: vg.MLP, optimiser: vg.SGD, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> None:
    """Go through the training images once, in a new order."""
    order = rng.permutation(len(x))
    for start in range(0, len(x), BATCH):
        batch = order[start : start + BATCH]
        loss = vg.logceloss(net(vg.TensorNode(x[batch], requires_grad=False)), y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def evaluate(net: vg.MLP, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Mean loss and accuracy."""
    with vg.no_grad():
        scores = net(vg.TensorNode(x, requires_grad=False)).value
    return float(-scores[np.arange(len(y)), y].mean()), float((scores.argmax(axis=1) == y).mean())


def _summary(values: list[float]) -> dict[str, float]:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": spread}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one seed, two epochs, result into a temporary folder")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds (default: %(default)s)")
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, help="passes over the training images (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the result file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
