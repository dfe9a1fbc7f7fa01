"""How should weights start? Glorot's normal distribution, that without its root, He's, standard normal, and all zero.

    python examples/initialisation.py --data-dir data    five seeds, 20 epochs
    python examples/initialisation.py --smoke            a few seconds

With all weights zero, every hidden unit is the same for ever: the largest difference between two units is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import mnist
from _harness import Experiment, main
from _mlp import MLPTraining, Settings

STARTS = ("glorot", "glorot without root", "he", "normal", "zero")


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """The order of the starts, and whether zero weights keep all hidden units equal."""
    glorot, normal, zero = (curves[start]["accuracy"][:, -1] for start in ("glorot", "normal", "zero"))
    return {
        "seeds where Glorot ends above standard normal, and that above zero": int(
            ((glorot > normal) & (normal > zero)).sum()
        ),
        "largest difference between two hidden units that started at zero": float(
            curves["zero"]["unit_difference"].max()
        ),
    }


if __name__ == "__main__":
    main(
        Experiment(
            name="initialisation",
            about=__doc__,
            variants={start: Settings(4 * 784, lr=1e-4, init=start) for start in STARTS},
            start=MLPTraining,
            data=mnist,
            epochs=20,
            claims=claims,
        )
    )
