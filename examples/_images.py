"""MNIST and CIFAR-10 as images for convolutions: float32 (n, channels, height, width), scaled in one of three ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from _data import Array, Data, Split, cifar10, stand_in

import vizgrad as vg

HELD = 5_000  # training images that are held out to choose by
# From the training images (n, c, h, w) to what is taken away from a pixel, and what it is then divided by.
Scaling = Callable[[Array], tuple[Array | float, Array | float]]


def unit(train: Array) -> tuple[float, float]:
    """Pixels from 0 to 1."""
    return 0.0, 255.0


def halves(train: Array) -> tuple[float, float]:
    """Pixels from -1 to 1: one half is taken away, and what is left is divided by one half."""
    return 127.5, 127.5


def standard(train: Array) -> tuple[Array, Array]:
    """Mean 0 and deviation 1 over the training images, for each channel."""
    axes = (0, 2, 3)
    return train.mean(axes, np.float64, keepdims=True), train.std(axes, np.float64, keepdims=True)


ABOUT = {unit: "pixels from 0 to 1", halves: "pixels from -1 to 1", standard: "pixels standardised"}


def mnist_images(folder: Path | None, scaling: Scaling, held: Literal["validation", "test"]) -> Data:
    """MNIST (n, 1, 28, 28): 55,000 images to learn from and 5,000 to choose by, or all 60,000 and the test images."""
    if folder is None:
        return _scaled(*_stand_in("MNIST", (1, 28, 28)), scaling)
    (x, y), (x_held, y_held), _ = vg.load_mnist(held == "test", flatten=False, directory=folder, dtype=np.float32)
    which = "the last 5,000 training images" if held == "validation" else "the 10,000 test images"
    return _scaled(f"MNIST; held out are {which}", (x[:, None], y), (x_held[:, None], y_held), scaling)


def cifar10_images(folder: Path | None, scaling: Scaling, held: Literal["validation", "test"]) -> Data:
    """CIFAR-10 (n, 3, 32, 32): 45,000 images to learn from and 5,000 to choose by, or all 50,000 and the test images.

    Those to choose by are drawn from the training images, always the same ones.
    """
    if folder is None:
        return _scaled(*_stand_in("CIFAR-10", (3, 32, 32)), scaling)
    about, (x, y), test = cifar10(folder)
    if held == "test":
        return _scaled(f"{about}; held out are the 10,000 test images", (x, y), test, scaling)
    drawn = np.random.default_rng(0).permutation(len(x))
    kept, chosen = drawn[:-HELD], drawn[-HELD:]
    about = f"{about}; held out are {HELD:,} training images, drawn with seed 0"
    return _scaled(about, (x[kept], y[kept]), (x[chosen], y[chosen]), scaling)


def first(data: Data, images: int) -> Data:
    """Only the first images, for a network that is too slow for more on a CPU."""
    (x, y), (x_held, y_held) = data.train, data.held
    return Data(data.about, (x[:images], y[:images]), (x_held[:images], y_held[:images]), data.classes, data.facts)


def _stand_in(name: str, shape: tuple[int, ...]) -> tuple[str, Split, Split]:
    data = stand_in(name, shape)
    (x, y), (x_held, y_held) = data.train, data.held
    return data.about, (x.reshape(-1, *shape), y), (x_held.reshape(-1, *shape), y_held)


def _scaled(about: str, train: Split, held: Split, scaling: Scaling) -> Data:
    mean, deviation = scaling(train[0])

    def scaled(split: Split) -> Split:
        x, y = split
        images = x.astype(np.float32)
        images -= np.float32(mean)
        images /= np.float32(deviation)
        return images, y

    return Data(f"{about}; {ABOUT[scaling]}", scaled(train), scaled(held), 10)
