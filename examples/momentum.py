"""How much momentum? Seven values of it, from none to 0.99, on MNIST, all at one learning rate.

python examples/momentum.py --data-dir data    five seeds, 20 epochs
python examples/momentum.py --smoke            a few seconds
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import mnist
from _harness import Experiment, main
from _mlp import MLPTraining, Settings

LR = 1e-4
MOMENTA = (0.0, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Where momentum helps, and where it is too much."""
    loss = {momentum: curves[f"{momentum:g}"]["train_loss"][:, -1] for momentum in MOMENTA}
    accuracy = {momentum: curves[f"{momentum:g}"]["accuracy"][:, -1].mean() for momentum in MOMENTA}
    moderate = max((momentum for momentum in MOMENTA if 0.5 <= momentum <= 0.9), key=accuracy.__getitem__)
    return {
        "seeds where 0.99 ends with a higher training loss than 0.9": int((~(loss[0.99] <= loss[0.9])).sum()),
        "best of 0.5 to 0.9": moderate,
        "its accuracy minus that without momentum": float(accuracy[moderate] - accuracy[0.0]),
        "effective learning rate, by momentum": [LR / (1 - momentum) for momentum in MOMENTA],
    }


if __name__ == "__main__":
    main(
        Experiment(
            name="momentum",
            about=__doc__,
            variants={f"{momentum:g}": Settings(4 * 784, LR, momentum=momentum) for momentum in MOMENTA},
            start=MLPTraining,
            data=mnist,
            epochs=20,
            claims=claims,
        )
    )
