"""SGD, Adam and RMSprop for a small CNN on MNIST: all at one rate, and each at its best.

python examples/mnist_cnn_optimisers.py --data-dir data    five seeds, 50 epochs; made for a GPU
python examples/mnist_cnn_optimisers.py --smoke            seconds on a CPU
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np
from _data import Array
from _harness import main
from _mnist_cnn import RATE, VALIDATION, at_most, finite, mnist_cnn
from _networks import CLASSES
from _torch_training import TorchExperiment

OPTIMISERS = ("SGD", "Adam", "RMSprop")
RATES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
EARLY = 5  # epochs after which the report compares
GUESSING = 0.95 * log(CLASSES)  # a loss above this is that of a network that guesses


def variant(optimiser: str, rate: float) -> str:
    return f"{optimiser} {rate:g}"


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """The order of the training losses at one rate, and what each optimiser reaches at its best."""
    loss = {name: finite(curves[variant(name, RATE)]["train_loss"]) for name in OPTIMISERS}
    early = at_most(EARLY, loss["SGD"])
    after = {name: of_one[:, early] for name, of_one in loss.items()}
    adam_below = after["Adam"] < after["SGD"]
    rmsprop_above = after["RMSprop"] > np.maximum(after["SGD"], after["Adam"])
    found: dict[str, Any] = {
        f"loss of each after epoch {early} at {RATE}": {name: float(one.mean()) for name, one in after.items()},
        f"seeds where the loss of Adam is below that of SGD after epoch {early}": int(adam_below.sum()),
        f"seeds where the loss of RMSprop is the highest after epoch {early}": int(rmsprop_above.sum()),
        "seeds where RMSprop ends guessing": int((loss["RMSprop"][:, -1] > GUESSING).sum()),
        "loss of RMSprop in the first epoch": float(loss["RMSprop"][:, 1].mean()),
    }
    for name in OPTIMISERS:
        accuracy = {rate: curves[variant(name, rate)]["accuracy"][:, -1].mean() for rate in RATES}
        best = max(RATES, key=accuracy.__getitem__)
        found[f"best rate of {name}"] = best
        found[f"accuracy of {name} at its best rate"] = float(accuracy[best])
        found[f"accuracy of {name} at {RATE}"] = float(accuracy[RATE])
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="mnist_cnn_optimisers",
            about=__doc__,
            variants={variant(name, rate): mnist_cnn(rate, optimiser=name) for name in OPTIMISERS for rate in RATES},
            data=VALIDATION,
            epochs=50,
            claims=claims,
        )
    )
