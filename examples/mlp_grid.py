"""A grid of 36 networks without convolutions on CIFAR-10, each trained on five folds: 180 fits with skorch's defaults.

    python examples/mlp_grid.py --data-dir data    five folds, 10 epochs
    python examples/mlp_grid.py --smoke            one fold, two epochs, a few seconds

The settings that nobody sees when a tool chooses them are written out here: gradient descent without momentum, ten
epochs, batches that are not shuffled, and a fifth of each fold's training images set aside for a validation that
nothing uses. The loss takes the logarithm of probabilities, to which the smallest step of a float32 is added.

A seed is a fold, and the seed of the weights. The twelve networks of one shape see the same images in the same order,
so they are trained at once: torch.func computes their gradients over stacked weights, 64 images at a time, and a
network with larger batches adds up several such gradients before it takes a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from _data import Data, cifar10_centred
from _harness import Experiment, main
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

FOLDS = 5
NETWORKS = {"100, 100": (100, 100), "1000": (1000,), "50, 30, 20": (50, 30, 20)}
BATCHES, RATES = (64, 128, 256, 512), (0.1, 0.01, 0.001)
AT_ONCE = 2000  # images that are judged together


@dataclass(frozen=True)
class Grid:
    """The networks of one shape.

    Attributes:
        hidden: units in each hidden layer.
        batches: numbers of images in a step, each a multiple of the one before.
        rates: learning rates; there is a network for each batch size and each rate.
    """

    hidden: Sequence[int]
    batches: Sequence[int] = BATCHES
    rates: Sequence[float] = RATES


def network(features: int, hidden: Sequence[int], classes: int) -> nn.Sequential:
    """Linear layers with ReLU between them, and probabilities at the end."""
    widths = [features, *hidden, classes]
    layers: list[nn.Module] = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Softmax(dim=1))


def summed_loss(probabilities: Tensor, classes: Tensor) -> Tensor:
    """The negative logarithm of the probability of the right class, added up over a batch."""
    likely = probabilities.gather(1, classes[:, None])
    return -torch.log(likely + torch.finfo(likely.dtype).eps).sum()


class GridTraining:
    """One fold, for all networks of one shape at once. Weights are stacked, batch sizes outside, rates inside."""

    def __init__(self, settings: Grid, fold: int, data: Data, device: str = "cpu") -> None:
        x, y = data.train
        train, held = list(StratifiedKFold(FOLDS).split(y, y))[fold % FOLDS]
        used, _ = next(StratifiedKFold(FOLDS).split(y[train], y[train]))
        self._x, self._y, self._x_held, self._y_held = (
            torch.from_numpy(part).to(device)
            for part in (x[train[used]], y[train[used]].astype(np.int64), x[held], y[held].astype(np.int64))
        )
        self._settings, self._cells = settings, len(settings.batches) * len(settings.rates)
        torch.manual_seed(fold)
        networks = [network(x.shape[1], settings.hidden, data.classes).to(device) for _ in range(self._cells)]
        weights, _ = stack_module_state(networks)
        self._weights = {name: stacked.detach() for name, stacked in weights.items()}
        self._rates = torch.tensor(settings.rates, device=device).repeat(len(settings.batches))
        template = networks[0].to("meta")
        self._probabilities = vmap(lambda w, x: functional_call(template, w, (x,)), in_dims=(0, None))
        self._gradients = vmap(
            grad(lambda w, x, y: summed_loss(functional_call(template, w, (x,)), y)), in_dims=(0, None, None)
        )

    def epoch(self) -> None:
        """One pass. When a batch ends, so does every smaller one: networks that take a step come first in the stack."""
        summed = {name: torch.zeros_like(stacked) for name, stacked in self._weights.items()}
        seen = np.zeros(len(self._settings.batches), int)  # images since the last step, by batch size
        smallest = self._settings.batches[0]
        for start in range(0, len(self._x), smallest):
            x, y = self._x[start : start + smallest], self._y[start : start + smallest]
            for name, gradients in self._gradients(self._weights, x, y).items():
                summed[name] += gradients
            seen += len(x)
            at_end = start + smallest >= len(self._x)
            complete = sum(at_end or (start + smallest) % batch == 0 for batch in self._settings.batches)
            self._step(summed, seen[:complete])
            seen[:complete] = 0

    def _step(self, summed: Mapping[str, Tensor], seen: np.ndarray) -> None:
        """The first networks go down the mean gradient of their batches, whose sums begin again at 0."""
        cells = len(seen) * len(self._settings.rates)
        images = torch.from_numpy(seen).to(self._rates).repeat_interleave(len(self._settings.rates))
        sizes = self._rates[:cells] / images
        for name, stacked in self._weights.items():
            first = summed[name][:cells]
            stacked[:cells] -= sizes.view(-1, *[1] * (first.dim() - 1)) * first
            first.zero_()

    def measure(self) -> dict[str, float]:
        """The accuracy of each network on the fold that is held out."""
        right = torch.zeros(self._cells, device=self._x.device)
        for x, y in zip(self._x_held.split(AT_ONCE), self._y_held.split(AT_ONCE), strict=True):
            right += (self._probabilities(self._weights, x).argmax(dim=2) == y).sum(dim=1)
        names = (cell(batch, rate) for batch in self._settings.batches for rate in self._settings.rates)
        return dict(zip(names, (right.double() / len(self._y_held)).tolist(), strict=True))

    def state(self) -> dict[str, np.ndarray]:
        return {name: stacked.cpu().numpy().copy() for name, stacked in self._weights.items()}

    def load(self, state: Mapping[str, np.ndarray]) -> None:
        for name, stacked in self._weights.items():
            stacked.copy_(torch.from_numpy(state[name]))


def cell(batch: int, rate: float) -> str:
    """What the accuracy of a network is called."""
    return f"batch {batch}, rate {rate:g}"


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """The score of each cell of the grid: its accuracy after the last epoch, over the folds."""
    final = np.array(
        [[[curves[name][cell(batch, rate)][:, -1] for rate in RATES] for name in NETWORKS] for batch in BATCHES]
    )
    return {
        "mean score, by batch, network and rate": final.mean(axis=-1).tolist(),
        "standard deviation over the folds": final.std(axis=-1, ddof=min(1, final.shape[-1] - 1)).tolist(),
        "batches, networks, rates": [list(BATCHES), list(NETWORKS), list(RATES)],
    }


if __name__ == "__main__":
    main(
        Experiment(
            name="mlp_grid",
            about=__doc__,
            variants={name: Grid(hidden) for name, hidden in NETWORKS.items()},
            start=GridTraining,
            data=cifar10_centred,
            epochs=10,
            claims=claims,
            devices=("cpu", "cuda"),
            libraries=("numpy", "scikit-learn", "torch"),
        )
    )
