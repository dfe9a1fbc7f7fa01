"""A small VGG with batch norm on CIFAR-10: Adam at 0.001 for 5,000 steps, judged after every 500.

python examples/cifar_vgg.py --data-dir data    five seeds; needs a GPU
python examples/cifar_vgg.py --smoke            16 images, seconds on a CPU

"augmented" mirrors and moves the training images; "cycle" also lets the rate rise to 0.001 and fall to 0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from _data import Array, Data
from _harness import main
from _images import cifar10_images, first, standard
from _networks import parameters, vgg
from _torch_training import Settings, TorchExperiment

EPOCHS = 10
STEPS = 1 if "--smoke" in sys.argv else 500
settings = partial(Settings, "vgg", lr=0.001, optimiser="Adam", batch=128, steps=STEPS)
VARIANTS = {
    "reported": settings(),
    "augmented": settings(flip=True, shift=4),
    "cycle": settings(flip=True, shift=4, cycle=EPOCHS),
}


def images(folder: Path | None) -> Data:
    data = cifar10_images(folder, standard, "test")
    return data if folder else first(data, 16)


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """How far each comes, and when it passes three quarters."""
    found: dict[str, Any] = {"parameters": parameters(vgg())}
    for name in VARIANTS:
        accuracy = curves[name]["accuracy"]
        found[f"{name}: test accuracy at the end"] = float(accuracy[:, -1].mean())
        found[f"{name}: best test accuracy, by seed"] = accuracy.max(axis=1).tolist()
        above = accuracy >= 0.75
        epochs = [int(of_seed.argmax()) if of_seed.any() else None for of_seed in above]
        found[f"{name}: steps until 0.75, by seed"] = [epoch and epoch * STEPS for epoch in epochs]
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="cifar_vgg",
            about=__doc__,
            variants=VARIANTS,
            data=images,
            epochs=EPOCHS,
            claims=claims,
            together=(),
        )
    )
