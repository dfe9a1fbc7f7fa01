"""How far a CNN comes on CIFAR-10 today: a small residual network, 30 epochs, seconds to a minute on one GPU.

python examples/cifar_modern.py --data-dir data    five seeds; needs a GPU
python examples/cifar_modern.py --smoke            64 images and a narrow network, seconds on a CPU

Batch norm, residual blocks, Nesterov's momentum, a rate that rises and falls, images mirrored and moved, smoothed
labels, and test images judged together with their mirror images.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _data import Array, Data
from _harness import main
from _images import cifar10_images, first, standard
from _judged import inspect
from _networks import parameters, resnet
from _torch_training import Settings, TorchExperiment

EPOCHS = 30
WIDTH = 8 if "--smoke" in sys.argv else 64
GOAL = 0.94
MODERN = Settings(
    "resnet",
    lr=0.4,
    of={"width": WIDTH},
    momentum=0.9,
    nesterov=True,
    decay=5e-4,
    batch=512,
    cycle=EPOCHS,
    smoothing=0.1,
    flip=True,
    shift=4,
    mirrored=True,
    half=True,
)


def images(folder: Path | None) -> Data:
    data = cifar10_images(folder, standard, "test")
    return data if folder else first(data, 64)


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """How far it comes, and how long it takes."""
    accuracy, seconds = (curves["modern"][name] for name in ("accuracy", "seconds"))
    return {
        "test accuracy": float(accuracy[:, -1].mean()),
        "test accuracy, by seed": accuracy[:, -1].tolist(),
        f"seeds that reach {GOAL}": int((accuracy[:, -1] >= GOAL).sum()),
        "seconds of training, by seed": seconds.sum(axis=1).tolist(),
        "parameters": parameters(resnet(WIDTH)),
    }


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="cifar_modern",
            about=__doc__,
            variants={"modern": MODERN},
            data=images,
            epochs=EPOCHS,
            claims=claims,
            libraries=("numpy", "scikit-learn", "torch"),
            together=(),
            inspect=inspect,
        )
    )
