"""Can a CNN learn labels that mean nothing? 6,000 images of MNIST, with labels drawn at random and with the true ones.

python examples/random_labels.py --data-dir data    five seeds, 150 epochs; needs a GPU
python examples/random_labels.py --smoke            16 images, under a minute on a CPU

The report meant to draw from ten classes and drew from nine, and measured accuracy while dropout was on. Both are here,
beside what was meant. Held out are the test images with their true labels: who learns nothing that holds for other
images judges a tenth of them rightly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from _data import Array, Data
from _harness import main
from _images import first, mnist_images, unit
from _torch_training import Settings, TorchExperiment, TorchTraining

IMAGES = 6000
NEAR = 0.98  # a loss above this part of that of guessing is on the plateau
LEARNT = 0.99
MEASURES = {
    "train_accuracy": "training accuracy",
    "accuracy_with_dropout": "training accuracy while dropout is on",
    "accuracy": "test accuracy",
}


@dataclass(frozen=True)
class Labels(Settings):
    """Settings, and what becomes of the labels.

    Attributes:
        random: which part of them is replaced.
        classes: from how many classes the new ones are drawn.
    """

    random: float = 1.0
    classes: int = 10


def labels(dropout: float = 0.5, **of: Any) -> Labels:
    return Labels("memoriser", lr=0.1, of={"dropout": dropout}, batch=64, **of)


VARIANTS = {
    "nine classes": labels(classes=9),
    "ten classes": labels(),
    "ten classes, no dropout": labels(dropout=0.0),
    "half random": labels(random=0.5),
    "true labels": labels(random=0.0),
    "true labels, no dropout": labels(dropout=0.0, random=0.0),
}


def relabelled(settings: Labels, seed: int, data: Data) -> Data:
    """The data with other labels for training, which follow from the seed."""
    images, true = data.train
    rng = np.random.default_rng([seed, len(true)])
    replaced = rng.random(len(true)) < settings.random
    drawn = rng.integers(0, settings.classes, len(true))
    return replace(data, train=(images, np.where(replaced, drawn, true)))


class MemoriserTraining(TorchTraining):
    """One run; also measures the accuracy on training images while dropout is on."""

    def __init__(self, settings: Labels, seed: int, data: Data, device: str = "cpu") -> None:
        super().__init__(settings, seed, relabelled(settings, seed, data), device)

    def measure(self) -> Mapping[str, Array]:
        measured = super().measure()
        self._draw_anew()
        return {**measured, "accuracy_with_dropout": self._accuracy(self._x, self._y, training=True)}


def images(folder: Path | None) -> Data:
    data = first(mnist_images(folder, unit, "test"), IMAGES if folder else 16)
    about = f"{data.about}; the first {len(data.train[0]):,} training images"
    return replace(data, about=about)


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Who learns all labels, after which plateau, and what it is worth for other images."""
    found: dict[str, Any] = {}
    for name, settings in VARIANTS.items():
        of = curves[name]
        learnt = of["train_accuracy"] >= LEARNT
        found[f"{name}: seeds with a training accuracy of {LEARNT} at the end"] = int(learnt[:, -1].sum())
        found[f"{name}: first epoch with it, by seed"] = [int(row.argmax()) if row.any() else None for row in learnt]
        for measure, words in MEASURES.items():
            found[f"{name}: {words}"] = float(of[measure][:, -1].mean())
        if settings.random == 1:
            guessing = log(settings.classes)
            flat = of["train_loss"][:, 1:] > NEAR * guessing
            found[f"{name}: loss of guessing"] = guessing
            found[f"{name}: epochs on the plateau, by seed"] = flat.sum(axis=1).tolist()
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="random_labels",
            about=__doc__,
            variants=VARIANTS,
            start=MemoriserTraining,
            data=images,
            epochs=150,
            claims=claims,
            together=(),
        )
    )
