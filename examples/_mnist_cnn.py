"""What the experiments with a small CNN on MNIST have in common: the network, its usual settings, and its data."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from _data import Array
from _images import halves, mnist_images
from _torch_training import Settings

BATCH, RATE, MOMENTUM = 256, 0.01, 0.9
VALIDATION = partial(mnist_images, scaling=halves, held="validation")
TEST = partial(mnist_images, scaling=halves, held="test")


def mnist_cnn(lr: float = RATE, kernel: int = 5, **settings: Any) -> Settings:
    """Settings of the network with two convolutions on 28 x 28 pixels; SGD has momentum unless it is told otherwise."""
    if settings.get("optimiser", "SGD") == "SGD":
        settings = {"momentum": MOMENTUM} | settings
    of = {"channels": 1, "size": 28, "kernel": kernel}
    return Settings("small_cnn", lr, of, **{"batch": BATCH} | settings)


def at_most(wanted: int, curve: Array) -> int:
    """An epoch, or the last one of a curve (seeds, epochs + 1) that is shorter."""
    return min(wanted, curve.shape[1] - 1)


def finite(values: Array) -> Array:
    """A loss that is nan, of a run that diverged, counts as infinite."""
    return np.where(np.isnan(values), np.inf, values)
