"""Four hidden layers of 500 units on CIFAR-10, with Adam: how good is an MLP, and how is that found out?

    python examples/mlp_best.py --data-dir data    five seeds, 20 epochs
    python examples/mlp_best.py --smoke            a few seconds

The first variant learns from all training images and is judged on the test images after each epoch. The others keep
5,000 training images aside: these choose the epoch, and the test images are asked once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _data import Data, cifar10_centred
from _harness import Experiment, main
from torch import Tensor, nn

AT_ONCE = 2000  # images that are judged together


@dataclass(frozen=True)
class Settings:
    """What a run depends on, beside its seed and its data.

    Attributes:
        validation: training images that are kept aside, at most a fifth of all.
        dropout: which part of the hidden units is set to 0 while training.
        batch_norm: whether each hidden layer is normalised before its ReLU.
        hidden: units in each hidden layer.
        batch: images in a step.
        lr: Adam's learning rate.
    """

    validation: int = 0
    dropout: float = 0.0
    batch_norm: bool = False
    hidden: tuple[int, ...] = (500, 500, 500, 500)
    batch: int = 400
    lr: float = 0.0005


def network(features: int, classes: int, settings: Settings) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in settings.hidden:
        layers += [nn.Linear(features, width), *[nn.BatchNorm1d(width)] * settings.batch_norm, nn.ReLU()]
        layers += [nn.Dropout(settings.dropout)] if settings.dropout else []
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))


class BestTraining:
    """One run."""

    def __init__(self, settings: Settings, seed: int, data: Data, device: str = "cpu") -> None:
        def moved(x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor]:
            return torch.from_numpy(x).to(device), torch.from_numpy(y.astype(np.int64)).to(device)

        order = np.random.default_rng([seed, 0]).permutation(len(data.train[1]))
        aside = min(settings.validation, len(order) // 5)
        held, train = order[:aside], order[aside:]
        self._settings, self._seed, self._done = settings, seed, 0  # epochs
        self._train, self._test = moved(*(part[train] for part in data.train)), moved(*data.held)
        self._held = moved(*(part[held] for part in data.train)) if aside else None
        torch.manual_seed(seed)
        self._network = network(data.train[0].shape[1], data.classes, settings).to(device)
        self._optimiser = torch.optim.Adam(self._network.parameters(), settings.lr)

    def epoch(self) -> None:
        """One pass; its order and its dropout follow from the seed and from how many passes there were before."""
        self._done += 1
        torch.manual_seed(10_000 * self._seed + self._done)
        self._network.train()
        x, y = self._train
        for chosen in torch.randperm(len(y)).to(x.device).split(self._settings.batch):
            if len(chosen) == 1 and self._settings.batch_norm:
                continue  # one image has no variance
            self._optimiser.zero_grad()
            F.cross_entropy(self._network(x[chosen]), y[chosen]).backward()
            self._optimiser.step()

    def measure(self) -> dict[str, float]:
        """Loss and accuracy on training images, accuracy on test images and on those aside, all without dropout."""
        self._network.eval()
        loss, accuracy = self._judge(*self._train)
        found = {"train_loss": loss, "train_accuracy": accuracy, "test_accuracy": self._judge(*self._test)[1]}
        return found | ({"validation_accuracy": self._judge(*self._held)[1]} if self._held else {})

    @torch.no_grad()
    def _judge(self, x: Tensor, y: Tensor) -> tuple[float, float]:
        scores = torch.cat([self._network(piece) for piece in x.split(AT_ONCE)])
        return F.cross_entropy(scores, y).item(), (scores.argmax(dim=1) == y).double().mean().item()

    def state(self) -> dict[str, np.ndarray]:
        network = {f"network.{name}": value.cpu().numpy().copy() for name, value in self._network.state_dict().items()}
        optimiser = {
            f"optimiser.{parameter}.{name}": value.cpu().numpy().copy()
            for parameter, of_parameter in self._optimiser.state_dict()["state"].items()
            for name, value in of_parameter.items()
        }
        return {**network, **optimiser, "done": np.array(self._done)}

    def load(self, state: Mapping[str, np.ndarray]) -> None:
        saved = {name: torch.from_numpy(np.asarray(array)) for name, array in state.items()}
        self._network.load_state_dict(
            {name.removeprefix("network."): value for name, value in saved.items() if name.startswith("network.")}
        )
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in saved.items():
            if key.startswith("optimiser."):
                _, parameter, name = key.split(".")
                moments.setdefault(int(parameter), {})[name] = value
        self._optimiser.load_state_dict(self._optimiser.state_dict() | {"state": moments})
        self._done = int(state["done"])


def claims(curves: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """The best test accuracy when the test images choose the epoch, and what is found when other images choose it."""
    on_test = curves["all images"]["test_accuracy"][:, 1:]
    found: dict[str, Any] = {
        "best test accuracy, chosen on the test set": float(on_test.max(axis=1).mean()),
        "its epoch, by seed": (on_test.argmax(axis=1) + 1).tolist(),
        "training minus test accuracy at the end": float(
            (curves["all images"]["train_accuracy"] - curves["all images"]["test_accuracy"])[:, -1].mean()
        ),
    }
    for name, of_variant in curves.items():
        if "validation_accuracy" in of_variant:
            epoch = of_variant["validation_accuracy"][:, 1:].argmax(axis=1) + 1
            chosen = of_variant["test_accuracy"][np.arange(len(epoch)), epoch]
            found[f"{name}: test accuracy at the epoch that validation chose"] = float(chosen.mean())
            found[f"{name}: that epoch, by seed"] = epoch.tolist()
    return found


if __name__ == "__main__":
    main(
        Experiment(
            name="mlp_best",
            about=__doc__,
            variants={
                "all images": Settings(),
                "validated": Settings(validation=5000),
                "dropout": Settings(validation=5000, dropout=0.3),
                "batch norm": Settings(validation=5000, batch_norm=True),
            },
            start=BestTraining,
            data=cifar10_centred,
            epochs=20,
            claims=claims,
            devices=("cpu", "cuda"),
            libraries=("numpy", "torch"),
        )
    )
