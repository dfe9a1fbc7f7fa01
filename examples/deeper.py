"""How deep can an MLP be? 2, 8 and 32 hidden layers on MNIST: plain, with residual connections, with batch norm, both.

python examples/deeper.py --data-dir data    five seeds, 10 epochs; made for a GPU
python examples/deeper.py --smoke            seconds on a CPU

The network with two hidden layers is also trained with the squared error of its scores in place of the cross entropy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import log
from typing import Any

from _data import Array
from _harness import main
from _images import mnist_images, standard
from _mnist_cnn import finite
from _networks import CLASSES, deep_mlp, parameters
from _torch_training import Settings, TorchExperiment

DEPTHS = (2, 8, 32)
WIDTH = 128
KINDS: dict[str, dict[str, bool]] = {
    "plain": {},
    "residual": {"residual": True},
    "batch norm": {"norm": True},
    "both": {"residual": True, "norm": True},
}
SQUARED = "squared error"
GUESSING = 0.95 * log(CLASSES)  # a loss above this is that of a network that guesses


def mlp(depth: int, loss: str = "cross entropy", **kind: bool) -> Settings:
    of = {"depth": depth, "width": WIDTH, **kind}
    return Settings("deep_mlp", lr=0.001, of=of, optimiser="Adam", batch=128, loss=loss)


def variant(kind: str, depth: int) -> str:
    return f"{kind} {depth}"


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """What each kind makes of depth, and what the other loss makes of the shallow network."""
    deepest = DEPTHS[-1]
    found: dict[str, Any] = {"depths": list(DEPTHS)}
    final: dict[str, dict[int, Array]] = {}
    for kind in KINDS:
        final[kind] = {depth: curves[variant(kind, depth)]["accuracy"][:, -1] for depth in DEPTHS}
        guessing = finite(curves[variant(kind, deepest)]["train_loss"][:, -1]) > GUESSING
        found[f"{kind}: accuracy, by depth"] = [float(of_depth.mean()) for of_depth in final[kind].values()]
        found[f"{kind}: seeds where {deepest} layers end guessing"] = int(guessing.sum())
    for kind in (kind for kind in KINDS if kind != "plain"):
        ahead = final[kind][deepest] - final["plain"][deepest]
        found[f"{kind}: gain over plain at {deepest} layers"] = float(ahead.mean())
        found[f"{kind}: seeds ahead of plain at {deepest} layers"] = int((ahead > 0).sum())
    found["squared error: accuracy"] = float(curves[SQUARED]["accuracy"][:, -1].mean())
    found["parameters, by depth"] = [parameters(deep_mlp(depth, WIDTH)) for depth in DEPTHS]
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="deeper",
            about=__doc__,
            variants={
                **{variant(kind, depth): mlp(depth, **options) for kind, options in KINDS.items() for depth in DEPTHS},
                SQUARED: mlp(DEPTHS[0], SQUARED),
            },
            data=partial(mnist_images, scaling=standard, held="validation"),
            epochs=10,
            claims=claims,
        )
    )
