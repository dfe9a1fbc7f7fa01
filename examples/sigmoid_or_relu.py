"""Sigmoid against ReLU: a network with one hidden layer on MNIST, at two learning rates.

    python examples/sigmoid_or_relu.py --data-dir data    five seeds, 20 epochs
    python examples/sigmoid_or_relu.py --smoke            a few seconds

At the lower rate, 0.000001, the weights start without the root in Glorot's standard deviation, and ten epochs count; at
0.00001 they start with it. The last variants are those at 0.00001 with pixels from 0 to 1, with which sigmoids do not
start saturated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import mnist
from _harness import Experiment, main
from _mlp import MLPTraining, Settings

HIDDEN = 4 * 784
SETTINGS = {
    "lower rate": {"lr": 1e-6, "init": "glorot without root"},
    "higher rate": {"lr": 1e-5},
    "scaled pixels": {"lr": 1e-5, "scale": 1 / 255},
}


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """How often ReLU is ahead, by how much, and whether either has stopped to improve."""
    found: dict[str, Any] = {}
    for name in SETTINGS:
        sigmoid, relu = (curves[f"{kind}, {name}"]["accuracy"][:, 1:] for kind in ("sigmoid", "relu"))
        last = min(10, relu.shape[1]) - 1
        found[f"{name}: seeds where ReLU is ahead after every epoch"] = int((relu > sigmoid).all(axis=1).sum())
        found[f"{name}: lead of ReLU after epoch {last + 1}"] = float((relu - sigmoid)[:, last].mean())
        found[f"{name}: gain of ReLU after epoch 1"] = float((relu[:, last] - relu[:, 0]).mean())
        fifth = min(5, relu.shape[1]) - 1
        found[f"{name}: gain of sigmoid after epoch {fifth + 1}"] = float((sigmoid[:, last] - sigmoid[:, fifth]).mean())
    return found


if __name__ == "__main__":
    main(
        Experiment(
            name="sigmoid_or_relu",
            about=__doc__,
            variants={
                f"{kind}, {name}": Settings(HIDDEN, activation=kind, **settings)
                for name, settings in SETTINGS.items()
                for kind in ("sigmoid", "relu")
            },
            start=MLPTraining,
            data=mnist,
            epochs=20,
            claims=claims,
        )
    )
