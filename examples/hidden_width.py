"""Does a wider hidden layer learn better? 784 to 25,088 sigmoid units on MNIST.

python examples/hidden_width.py --data-dir data    five seeds, 20 epochs of each width: many hours
python examples/hidden_width.py --smoke            the three narrowest, a few seconds
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import mnist
from _harness import Experiment, main
from _mlp import MLPTraining, Settings, parameters

TIMES = (1, 2, 4) if "--smoke" in sys.argv else (1, 2, 4, 8, 16, 32)


def ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort().argsort()


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Whether loss falls and accuracy rises with the width, and what a wider layer costs."""
    measures = ("train_loss", "accuracy", "seconds")
    loss, accuracy, seconds = (np.stack([width[name][:, -1] for width in curves.values()]) for name in measures)
    by_seed = [np.corrcoef(ranks(np.array(TIMES)), ranks(of_seed))[0, 1] for of_seed in loss.T]
    return {
        "rank correlation of width and training loss (mean of the seeds)": float(np.mean(by_seed)),
        "accuracy of the widest minus that of the narrowest": float((accuracy[-1] - accuracy[0]).mean()),
        "seconds of an epoch, by width": np.median(seconds, axis=1).tolist(),
        "parameters, by width": [parameters(784, 784 * times) for times in TIMES],
    }


if __name__ == "__main__":
    main(
        Experiment(
            name="hidden_width",
            about=__doc__,
            variants={f"x{times}": Settings(784 * times, lr=1e-4) for times in TIMES},
            start=MLPTraining,
            data=mnist,
            epochs=20,
            claims=claims,
        )
    )
