"""Train a 64-32-10 network on the handwritten digits that scikit-learn carries, with vizgrad alone.

    python examples/digits_mlp.py            five seeds, about ten seconds
    python examples/digits_mlp.py --smoke    one seed, two epochs

Writes ``docs/results/digits_mlp.json``, which the page "A network on real digits" shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _data import Data
from _harness import Experiment, main
from _mlp import MLPTraining, Settings, parameters
from sklearn.datasets import load_digits

HIDDEN, BATCH, RATE, EPOCHS, TEST = 32, 32, 0.5, 40, 360


@dataclass(frozen=True)
class Digits(Settings):
    """Settings, and how many images are kept for testing: each seed keeps others."""

    test: int = TEST


def digits(folder: Path | None) -> Data:
    """All images; which are for testing is decided by the seed."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32)
    about = f"scikit-learn load_digits, {len(labels):,} images of 8 x 8"
    facts = {"images": len(labels), "parameters": parameters(64, HIDDEN)}
    return Data(about, (images, labels), (images[:0], labels[:0]), 10, facts)


class DigitsTraining(MLPTraining):
    """Loss and accuracy on all training images, which are few, and the accuracy on those for testing."""

    def measure(self) -> dict[str, float]:
        return {
            "train_loss": self.mean_loss(self._x, self._y),
            "train_accuracy": self.accuracy(self._x, self._y),
            "test_accuracy": self.accuracy(self._x_held, self._y_held),
        }


def start(settings: Digits, seed: int, data: Data, device: str) -> DigitsTraining:
    images, labels = data.train
    order = np.random.default_rng([seed, len(labels)]).permutation(len(labels))
    held, train = order[: settings.test], order[settings.test :]
    split = Data(data.about, (images[train], labels[train]), (images[held], labels[held]), data.classes)
    return DigitsTraining(settings, seed, split, device)


if __name__ == "__main__":
    main(
        Experiment(
            name="digits_mlp",
            about=__doc__,
            # The loss of a batch is a sum: this rate is RATE for its mean.
            variants={"digits": Digits(HIDDEN, lr=RATE / BATCH, batch=BATCH, shuffle=True)},
            start=start,
            data=digits,
            epochs=EPOCHS,
            libraries=("numpy", "scikit-learn"),
        )
    )
