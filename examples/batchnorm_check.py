"""Is vizgrad's batch norm right? Its gradients beside finite differences, and all its numbers beside PyTorch's.

    python examples/batchnorm_check.py            a second
    python examples/batchnorm_check.py --smoke    the same, and writes elsewhere

Writes ``docs/results/batchnorm_check.json``: for a batch of rows and one of images, in float64, the largest differences
in training and, with running mean and variance, in use.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _results import FOLDER, Result
from torch import nn

import vizgrad as vg

SEED, BATCHES = 0, 3
SHAPES = {"rows": (16, 5), "images": (6, 3, 4, 4)}
NAMES = ("input", "gain", "shift")
Array = np.ndarray


def layers(features: int, ndim: int, rng: np.random.Generator) -> tuple[vg.BatchNorm, nn.Module]:
    """A layer of each library, with the same gain and shift."""
    ours = vg.BatchNorm(features)
    ours.gain.value, ours.shift.value = rng.uniform(0.5, 2.0, features), rng.standard_normal(features)
    theirs = (nn.BatchNorm1d if ndim == 2 else nn.BatchNorm2d)(features, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(ours.gain.value))
        theirs.bias.copy_(torch.tensor(ours.shift.value))
    return ours, theirs


def by_vizgrad(layer: vg.BatchNorm, value: Array, upstream: Array) -> list[Array]:
    """The output, then the gradients of input, gain and shift."""
    x = vg.TensorNode(value)
    layer.zero_grad()
    out = layer(x)
    (out * upstream).sum().backward()
    return [out.value, x.grad, layer.gain.grad, layer.shift.grad]


def by_torch(layer: nn.Module, value: Array, upstream: Array) -> list[Array]:
    x = torch.tensor(value, requires_grad=True)
    layer.zero_grad()
    out = layer(x)
    (out * torch.tensor(upstream)).sum().backward()
    return [tensor.detach().numpy() for tensor in (out, x.grad, layer.weight.grad, layer.bias.grad)]


def largest(ours: list[Array], theirs: list[Array]) -> dict[str, float]:
    pairs = zip(("output", *NAMES), ours, theirs, strict=True)
    return {name: float(abs(a - b).max()) for name, a, b in pairs}


def finite_differences(layer: vg.BatchNorm, value: Array) -> dict[str, float]:
    """How far backward is from finite differences, relative to the largest gradient where that is above 1."""
    settings = (layer.mean, layer.variance) if not layer.training else ()
    report = vg.gradcheck(
        lambda x, gain, shift: vg.batch_norm(x, gain, shift, *settings, eps=layer.eps),
        [value, layer.gain.value, layer.shift.value],
    )
    return {
        name: float(one.error.max() / max(1.0, abs(one.expected).max()))
        for name, one in zip(NAMES, report.inputs, strict=True)
    }


def check(shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Any]:
    """Some batches in training, which the running mean and variance follow, then one in use."""
    ours, theirs = layers(shape[1], len(shape), rng)
    in_training = []
    for _ in range(BATCHES):
        value, upstream = rng.normal(2.0, 3.0, shape), rng.standard_normal(shape)
        in_training.append(largest(by_vizgrad(ours, value, upstream), by_torch(theirs, value, upstream)))
    found = {
        "training": {name: max(batch[name] for batch in in_training) for name in in_training[0]},
        "training_finite_differences": finite_differences(ours, value),
        "running_mean": float(abs(ours.mean - theirs.running_mean.numpy()).max()),
        "running_variance": float(abs(ours.variance - theirs.running_var.numpy()).max()),
    }
    ours.eval()
    theirs.eval()
    value, upstream = rng.normal(2.0, 3.0, shape), rng.standard_normal(shape)
    return {
        **found,
        "use": largest(by_vizgrad(ours, value, upstream), by_torch(theirs, value, upstream)),
        "use_finite_differences": finite_differences(ours, value),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="result into a temporary folder")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the result file")
    options = parser.parse_args()
    rng = np.random.default_rng(SEED)
    config = {"seed": SEED, "batches": BATCHES, "shapes": {name: list(shape) for name, shape in SHAPES.items()}}
    result = Result("batchnorm_check", config, "random numbers from a normal distribution", ["numpy", "torch"])
    found = {name: check(shape, rng) for name, shape in SHAPES.items()}
    finite = [error for of in found.values() for key in of if "finite" in key for error in of[key].values()]
    beside = [error for of in found.values() for key in ("training", "use") for error in of[key].values()]
    running = [of[f"running_{name}"] for of in found.values() for name in ("mean", "variance")]
    claims = {
        "largest difference from finite differences": max(finite),
        "largest difference from PyTorch": max(beside + running),
    }
    folder = Path(tempfile.mkdtemp()) if options.smoke else options.out
    print(result.write(folder, found=found, claims=claims))


if __name__ == "__main__":
    main()
