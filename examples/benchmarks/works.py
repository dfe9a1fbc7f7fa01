"""What is measured, and the numbers that every implementation starts from. Nothing here knows an implementation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

BATCHES = 8  # as many different batches are gone through in turn


@dataclass(frozen=True)
class Work:
    """One measurement, done by several implementations in turn.

    Args:
        name: in the result file and on the page.
        kind: the class of this name in each ``peer_*.py`` does it.
        peers: who does it; the others are compared with the first.
        steps: how many of them are timed together.
        batch: images in a step.
        hidden: units of the network's hidden layer.
        dtype: number type of weights and images.
        tolerance: how far weights may be apart in the end, relative to the largest weight.
    """

    name: str
    kind: str
    peers: tuple[str, ...]
    steps: int
    batch: int = 128
    hidden: int = 0
    dtype: str = "float64"
    tolerance: float = 1e-9

    def quick(self) -> Work:
        """The same work, too short for its times to mean something."""
        return replace(self, steps=2)


ALL = ("numpy", "vizgrad", "torch", "autograd", "course")
WORKS = [
    Work("784-3136-10, float32", "MLP", ALL, 8, hidden=3136, dtype="float32", tolerance=1e-3),
    Work("784-3136-10, float64", "MLP", ALL, 4, hidden=3136),
    Work("784-128-10, float32", "MLP", ALL, 150, hidden=128, dtype="float32", tolerance=1e-3),
    Work("chain of 400", "Chain", ALL, 40),
    Work("LeNet-5", "LeNet", ("torch", "vizgrad"), 15, batch=64, dtype="float32", tolerance=1e-3),
    Work("784-3136-10, recorded", "MLP", ("vizgrad", "recorded"), 8, hidden=3136, dtype="float32", tolerance=0.0),
    Work("784-128-10, recorded", "MLP", ("vizgrad", "recorded"), 40, hidden=128, dtype="float32", tolerance=0.0),
]


def mlp(work: Work) -> dict[str, Any]:
    """Weights w1 (h, 784), b1 (h,), w2 (10, h), b2 (10,), batches of random images and labels, and the rate."""
    rng = np.random.default_rng(0)
    sizes = (784, work.hidden, 10)
    weights = [array for f, m in pairwise(sizes) for array in _layer(rng, (m, f), work.dtype)]
    batches = [
        (rng.random((work.batch, 784)).astype(work.dtype), rng.integers(0, 10, work.batch)) for _ in range(BATCHES)
    ]
    return {"weights": weights, "batches": batches, "rate": 0.01 / work.batch}


def lenet(work: Work) -> dict[str, Any]:
    """Weights and biases of LeNet-5 for images of 3 x 32 x 32, batches of random images and labels, and the rate.

    The rate is small: which pixel wins in a window may hang on the last digit, and with larger steps two float32 runs
    that differ there soon go different ways.
    """
    rng = np.random.default_rng(0)
    shapes = [(6, 3, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    weights = [array for shape in shapes for array in _layer(rng, shape, work.dtype)]
    batches = [
        (rng.standard_normal((work.batch, 3, 32, 32)).astype(work.dtype), rng.integers(0, 10, work.batch))
        for _ in range(BATCHES)
    ]
    return {"weights": weights, "batches": batches, "rate": 1e-4}


def chain(work: Work, depth: int = 400) -> dict[str, Any]:
    """A 2 x 2 array, so near 1 that a long product stays in range, and how often to multiply by it."""
    return {"w": np.array([[1.0, 1.0 + 1e-7], [1.0 - 1e-7, 1.0]]), "depth": depth}


INPUTS = {"MLP": mlp, "LeNet": lenet, "Chain": chain}


def _layer(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    inputs = int(np.prod(shape[1:]))
    scale = np.sqrt(2 / (inputs + shape[0]))
    return [(rng.standard_normal(shape) * scale).astype(dtype), np.zeros(shape[0], dtype)]
