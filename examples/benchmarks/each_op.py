"""How long each op takes, forward and backward, beside one addition of two arrays of the same size.

    python examples/benchmarks/each_op.py            a minute; leave the machine alone meanwhile
    python examples/benchmarks/each_op.py --smoke    runs every op once, and writes nothing near the pages

An op gets square arrays, as many as its rule has gradients; one that wants something else has a line in ``INPUTS``.
Writes ``docs/results/ops.json``, which the page "How fast it is" shows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import vizgrad as vg
from vizgrad import ops

sys.path.append(str(Path(__file__).resolve().parent.parent))
from _results import FOLDER, Result

SIDE = 512  # of the square arrays
ROUNDS = 15
LEAST = 0.01  # seconds that one timing takes at least, as many repetitions as that needs

Inputs = tuple[list[np.ndarray], dict[str, Any]]


def between(low: float, high: float, *shape: int) -> np.ndarray:
    """Random numbers that no op minds: no zeros, and nothing large."""
    return np.random.default_rng(0).uniform(low, high, shape or (SIDE, SIDE)).astype(np.float32)


def whole(most: int, *shape: int) -> np.ndarray:
    """Random whole numbers below ``most``."""
    return np.random.default_rng(0).integers(0, most, shape)


IMAGES = (16, 16, 32, 32)  # as many numbers as a square array
INPUTS: dict[str, Callable[[], Inputs]] = {
    "Affine": lambda: ([between(0.1, 1), between(0.1, 1), between(0.1, 1, SIDE)], {}),
    "BCEWithLogits": lambda: ([between(-1, 1), between(0, 1)], {}),
    "BatchNormalize": lambda: ([between(0.1, 1), between(0.1, 1, SIDE), between(0.1, 1, SIDE)], {}),
    "Concatenate": lambda: ([between(0.1, 1), between(0.1, 1)], {}),
    "Convolution2d": lambda: (
        [between(0.1, 1, *IMAGES), between(-1, 1, 16, 16, 3, 3), between(0, 1, 16)],
        {"padding": 1},
    ),
    "CrossEntropy": lambda: ([between(0.1, 1)], {"targets": whole(SIDE, SIDE)}),
    "Drop": lambda: ([between(0.1, 1)], {"mask": between(0, 1) > 0.5}),
    "Embed": lambda: ([between(0.1, 1)], {"indices": whole(SIDE, SIDE)}),
    "Expand": lambda: ([between(0.1, 1, 1, SIDE)], {"dim": 0, "repeats": SIDE}),
    "Index": lambda: ([between(0.1, 1)], {"index": slice(None, None, 2)}),
    "LayerNormalize": lambda: ([between(0.1, 1), between(0.1, 1, SIDE), between(0.1, 1, SIDE)], {}),
    "MaxPooling2d": lambda: ([between(0.1, 1, *IMAGES)], {"size": 2}),
    "MeanPooling2d": lambda: ([between(0.1, 1, *IMAGES)], {"size": 2}),
    "NLL": lambda: ([between(-1, -0.1)], {"targets": whole(SIDE, SIDE)}),
    "Pad": lambda: ([between(0.1, 1)], {"width": 1}),
    "Reshape": lambda: ([between(0.1, 1)], {"shape": (-1,)}),
    "Select": lambda: ([between(0.1, 1)], {"indices": whole(SIDE, SIDE)}),
    "Squeeze": lambda: ([between(0.1, 1, 1, SIDE, SIDE)], {}),
    "Stack": lambda: ([between(0.1, 1), between(0.1, 1)], {}),
    "Where": lambda: ([between(0.1, 1), between(0.1, 1)], {"condition": between(0, 1) > 0.5}),
}


def inputs_of(op: type[vg.Op]) -> Inputs:
    """What an op is measured on."""
    if op.__name__ in INPUTS:
        return INPUTS[op.__name__]()
    return [between(0.1, 1) for _ in op.rule.backward], {}


def runs_of(op: type[vg.Op]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The op forward, and its way back, as functions to be called again and again."""
    arrays, settings = inputs_of(op)
    nodes = [vg.TensorNode(array) for array in arrays]
    out = op.do_forward(*nodes, **settings)
    upstream = np.ones_like(out.value)
    return lambda: op.do_forward(*nodes, **settings), lambda: out.source.backward(upstream)


def seconds(run: Callable[[], Any]) -> float:
    """What one call takes."""
    timer = timeit.Timer(run)
    times = 1
    while (spent := timer.timeit(times)) < LEAST:
        times *= 2
    return spent / times


def measure(op: type[vg.Op], rounds: int) -> dict[str, Any]:
    """Median times of an op relative to one addition, which has its turn before each."""
    a, b = between(0.1, 1), between(0.1, 1)
    forward, backward = runs_of(op)
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        addition = seconds(lambda: a + b)
        found.append((seconds(forward) / addition, seconds(backward) / addition))
    arrays, settings = inputs_of(op)
    return {
        "op": op.__name__,
        "shapes": [list(array.shape) for array in arrays],
        "settings": {name: _written(value) for name, value in settings.items()},
        "forward": median(ratio for ratio, _ in found),
        "backward": median(ratio for _, ratio in found),
    }


def _written(value: Any) -> str:
    return f"array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)


def main() -> None:
    """Measure every op and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="every op once, its result into a temporary folder")
    options = parser.parse_args()
    rounds = 1 if options.smoke else ROUNDS
    result = Result("ops", {"side": SIDE, "rounds": rounds, "dtype": "float32"}, "random numbers", ["numpy"])
    found = []
    for name in sorted(ops.__all__):
        found.append(measure(getattr(ops, name), rounds))
        print(f"{name:16} forward {found[-1]['forward']:8.2f}   backward {found[-1]['backward']:8.2f}", flush=True)
    path = result.write(Path(tempfile.mkdtemp()) if options.smoke else FOLDER, ops=found)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
