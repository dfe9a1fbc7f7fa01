"""SGD, Adam and Adamax on CIFAR-10, with two small networks: at three different rates, and each at its best.

python examples/cifar_optimisers.py --data-dir data    five seeds, 20 epochs; made for a GPU
python examples/cifar_optimisers.py --smoke            under a minute on a CPU

The reported comparison takes one rate for each optimiser, another for each, and so compares rates as well. Here each
optimiser has three more to choose from.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from _data import Array
from _harness import main
from _images import cifar10_images, halves
from _torch_training import Settings, TorchExperiment

NETWORKS: dict[str, dict[str, Any]] = {
    "tutorial": {"network": "small_cnn", "of": {"channels": 3, "size": 32}},
    "LeNet-5": {"network": "lenet5"},
}
REPORTED = {"SGD": 0.001, "Adam": 0.0005, "Adamax": 0.0001}
RATES = {
    "SGD": (0.001, 0.003, 0.01, 0.03),
    "Adam": (0.0002, 0.0005, 0.001, 0.002),
    "Adamax": (0.0001, 0.0005, 0.002, 0.005),
}
EARLY, MIDDLE = 5, 10  # epochs that the report speaks of


def variants() -> dict[str, Settings]:
    return {
        variant(network, optimiser, rate): Settings(
            lr=rate, optimiser=optimiser, momentum=0.9 if optimiser == "SGD" else 0, batch=64, **made
        )
        for network, made in NETWORKS.items()
        for optimiser, rates in RATES.items()
        for rate in rates
    }


def variant(network: str, optimiser: str, rate: float) -> str:
    return f"{network}, {optimiser} {rate:g}"


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Which optimiser is ahead and which overfits, at the reported rates; then what each reaches at its best rate."""
    found: dict[str, Any] = {}
    for network in NETWORKS:
        at_reported = {name: curves[variant(network, name, rate)] for name, rate in REPORTED.items()}
        found |= {f"{network}: {claim}": value for claim, value in as_reported(at_reported).items()}
        for optimiser, rates in RATES.items():
            accuracy = {rate: curves[variant(network, optimiser, rate)]["accuracy"][:, -1].mean() for rate in rates}
            best = max(rates, key=accuracy.__getitem__)
            found[f"{network}: best rate of {optimiser}"] = best
            found[f"{network}: accuracy of {optimiser} at its best rate"] = float(accuracy[best])
    return found


def as_reported(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """The claims about one network. The gap is that between the accuracies on training and on held-out images."""
    accuracy = {name: of["accuracy"] for name, of in curves.items()}
    gap = {name: of["train_accuracy"] - of["accuracy"] for name, of in curves.items()}
    last = accuracy["Adam"].shape[1] - 1
    early, middle = min(EARLY, last), min(MIDDLE, last)
    ahead = np.maximum(accuracy["SGD"], accuracy["Adamax"])[:, middle] < accuracy["Adam"][:, middle]
    lowest = accuracy["Adamax"][:, middle] < np.minimum(accuracy["SGD"], accuracy["Adam"])[:, middle]
    grows = gap["Adam"][:, -1] > gap["Adam"][:, early]
    widest = np.maximum(gap["SGD"], gap["Adamax"])[:, -1] < gap["Adam"][:, -1]
    return {
        f"seeds where Adam is ahead after epoch {middle}": int(ahead.sum()),
        f"seeds where Adamax is last after epoch {middle}": int(lowest.sum()),
        f"gap of Adam after epoch {early}": float(gap["Adam"][:, early].mean()),
        **{f"gap of {name} at the end": float(gap[name][:, -1].mean()) for name in REPORTED},
        "seeds where the gap of Adam ends the widest": int(widest.sum()),
        f"seeds where the gap of Adam grows after epoch {early}": int(grows.sum()),
    }


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="cifar_optimisers",
            about=__doc__,
            variants=variants(),
            data=partial(cifar10_images, scaling=halves, held="validation"),
            epochs=20,
            claims=claims,
        )
    )
