"""A network with one hidden layer of 100 ReLUs on CIFAR-10: 1,500 steps, judged after every 100.

python examples/cifar_mlp.py --data-dir data    five seeds
python examples/cifar_mlp.py --smoke            a few seconds
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import cifar10_centred
from _harness import Experiment, main
from _mlp import MLPTraining, Settings, parameters

HIDDEN = 100


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """How far it comes."""
    accuracy, loss = (curves["default"][name] for name in ("accuracy", "train_loss"))
    return {
        "test accuracy at the end, by seed": accuracy[:, -1].tolist(),
        "seeds where the loss ends below its start": int((loss[:, -1] < loss[:, 0]).sum()),
        "parameters": parameters(3 * 32 * 32, HIDDEN),
    }


if __name__ == "__main__":
    settings = Settings(
        HIDDEN, lr=2e-3, activation="relu", init="small", batch=200, reduction="mean", shuffle=True, steps=100
    )
    main(
        Experiment(
            name="cifar_mlp",
            about=__doc__,
            variants={"default": settings},
            start=MLPTraining,
            data=cifar10_centred,
            epochs=15,
            claims=claims,
        )
    )
