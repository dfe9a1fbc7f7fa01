"""A network with one hidden layer, trained by vizgrad: what the experiments on NumPy have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from _data import Data, order

import vizgrad as vg
from vizgrad import nn

Array = np.ndarray


def glorot_without_root(shape: tuple[int, ...], rng: np.random.Generator, dtype: type) -> Array:
    """Normal with 2 / (fan_in + fan_out) as standard deviation, where Glorot has its square root."""
    return nn.init.normal(shape, rng, dtype, std=2 / sum(nn.init.fans(shape)))


def small(shape: tuple[int, ...], rng: np.random.Generator, dtype: type) -> Array:
    """Normal with standard deviation 0.0001."""
    return nn.init.normal(shape, rng, dtype, std=1e-4)


ACTIVATIONS = {"sigmoid": vg.sigmoid, "relu": vg.relu}
STARTS = {
    "glorot": nn.init.glorot_normal,
    "glorot without root": glorot_without_root,
    "he": nn.init.he_normal,
    "normal": nn.init.normal,
    "small": small,
    "zero": nn.init.zeros,
}
FLAT = 0.01  # a slope below this hardly passes a gradient on
AT_ONCE = 1000  # images that are judged together


@dataclass(frozen=True)
class Settings:
    """What a run depends on, beside its seed and its data.

    Attributes:
        hidden: units in the hidden layer.
        lr: the learning rate; for ``reduction`` "sum" it is that of the loss added up over a batch.
        activation: of the hidden layer.
        init: how the weights start.
        momentum: which part of the velocity is kept.
        batch: images in a step.
        reduction: whether the loss of a batch is the "sum" or the "mean" of those of its images.
        shuffle: whether each pass has an order of its own; otherwise all have that of the data.
        steps: how many steps make an epoch; 0 for one pass over the training images.
        scale: what the pixels are multiplied with.
    """

    hidden: int
    lr: float
    activation: str = "sigmoid"
    init: str = "glorot"
    momentum: float = 0.0
    batch: int = 128
    reduction: str = "sum"
    shuffle: bool = False
    steps: int = 0
    scale: float = 1.0


class MLPTraining:
    """One run."""

    def __init__(self, settings: Settings, seed: int, data: Data, device: str = "cpu") -> None:
        self._settings, self._seed = settings, seed
        self._x, self._y = self._scaled(data.train[0]), data.train[1]
        self._x_held, self._y_held = self._scaled(data.held[0]), data.held[1]
        rng, init = np.random.default_rng(seed), STARTS[settings.init]
        self._first = vg.Linear(self._x.shape[1], settings.hidden, rng, np.float32, init=init)
        self._second = vg.Linear(settings.hidden, data.classes, rng, np.float32, init=init)
        self._network = vg.Sequential(self._first, ACTIVATIONS[settings.activation], self._second)
        self._optimiser = vg.SGD(self._network.parameters(), settings.lr, momentum=settings.momentum)
        self._done = 0  # steps
        self._loss = self.mean_loss(self._x, self._y)

    def _scaled(self, images: Array) -> Array:
        return images if self._settings.scale == 1 else images * np.float32(self._settings.scale)

    def epoch(self) -> None:
        per_pass = -(-len(self._x) // self._settings.batch)
        total = images = 0.0
        for step in range(self._done, self._done + (self._settings.steps or per_pass)):
            chosen = self._order(step // per_pass)[step % per_pass * self._settings.batch :][: self._settings.batch]
            x, y = vg.TensorNode(self._x[chosen], requires_grad=False), self._y[chosen]
            loss = vg.cross_entropy(self._network(x), y, self._settings.reduction)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            total += loss.item() * (1 if self._settings.reduction == "sum" else len(y))
            images += len(y)
            self._done += 1
        self._loss = total / images

    def _order(self, number: int) -> Array:
        """The order of the images in a pass."""
        if not self._settings.shuffle:
            return np.arange(len(self._x))
        return order(len(self._x), self._seed, number)

    def measure(self) -> dict[str, float]:
        """Loss for each image, averaged over the epoch's steps (at first: of the untrained network), and accuracy.

        Of the hidden units: the share that pass no gradient on for any held image, and how much the weights of two of
        them differ at most.
        """
        return {
            "train_loss": self._loss,
            "accuracy": self.accuracy(self._x_held, self._y_held),
            "flat_units": self._flat_units(),
            "unit_difference": float(np.ptp(self._first.w.value, axis=0).max()),
        }

    def accuracy(self, x: Array, y: Array) -> float:
        """The share of images that are judged rightly."""
        return sum(int((scores.argmax(axis=1) == y).sum()) for scores, y in self._judged(x, y)) / len(y)

    def mean_loss(self, x: Array, y: Array) -> float:
        """The loss for each image."""
        return sum(vg.cross_entropy(scores, y, "sum").item() for scores, y in self._judged(x, y)) / len(y)

    def _judged(self, x: Array, y: Array) -> Iterator[tuple[Array, Array]]:
        """Scores and classes, for some images at once."""
        for piece in _pieces(len(y)):
            with vg.no_grad():
                yield self._network(vg.TensorNode(x[piece], requires_grad=False)).value, y[piece]

    def _flat_units(self) -> float:
        steepest = np.zeros(self._settings.hidden)
        for piece in _pieces(len(self._x_held)):
            with vg.no_grad():
                scores = self._first(vg.TensorNode(self._x_held[piece], requires_grad=False))
                h = ACTIVATIONS[self._settings.activation](scores).value
            slope = h > 0 if self._settings.activation == "relu" else h * (1 - h)
            steepest = np.maximum(steepest, slope.max(axis=0))
        return float((steepest < FLAT).mean())

    def state(self) -> dict[str, Array]:
        network = {f"network.{name}": array for name, array in self._network.state_dict().items()}
        optimiser = {f"optimiser.{name}": array for name, array in self._optimiser.state_dict().items()}
        return {**network, **optimiser, "done": np.array(self._done)}

    def load(self, state: Mapping[str, Array]) -> None:
        def part(name: str) -> dict[str, Array]:
            return {key.removeprefix(f"{name}."): array for key, array in state.items() if key.startswith(f"{name}.")}

        self._network.load_state_dict(part("network"))
        self._optimiser.load_state_dict(part("optimiser"))
        self._done = int(state["done"])


def _pieces(images: int) -> list[slice]:
    return [slice(start, start + AT_ONCE) for start in range(0, images, AT_ONCE)]


def parameters(features: int, hidden: int, classes: int = 10) -> int:
    """How many numbers such a network learns."""
    return (features + 1) * hidden + (hidden + 1) * classes
