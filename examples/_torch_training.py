"""A network of PyTorch in training, or one for each of several seeds at once.

Networks that are small leave most of a GPU idle. So the networks of several seeds can be trained as one: each parameter
is a stack (seeds, ...), and `torch.func.vmap` goes over it. Each seed sees the images in its own order, and has its own
losses; only dropout and augmentation draw for all seeds from one generator.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _data import Array, Data, order
from _harness import Experiment
from _networks import NETWORKS
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

DEVICES = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
AT_ONCE = 1000  # images that are judged together
WARM_UP = 0.2  # part of a cycle in which the rate rises


@dataclass(frozen=True)
class Settings:
    """What a run depends on, beside its seeds and its data.

    Attributes:
        network: which function of ``_networks`` makes it.
        lr: the learning rate, of the loss averaged over a batch.
        of: what that function is told.
        optimiser: its name in `torch.optim`.
        momentum: which part of the velocity is kept; for SGD.
        nesterov: whether SGD looks ahead by its momentum.
        decay: weight decay, as the optimiser has it.
        batch: images in a step.
        steps: how many steps make an epoch; 0 for one pass over the training images.
        cycle: over how many epochs the rate rises from 0 to ``lr`` and falls back to 0, both in a line, even where the
            run is shorter; 0 for one rate.
        init: how the weights start: "torch" for each layer's default; "glorot", uniform, with biases of 0.
        loss: "cross entropy", or "squared error" of the scores against 0 and 1.
        smoothing: of the labels, which part is spread over all classes.
        flip: whether a training image is mirrored, every other time.
        shift: by up to how many pixels a training image is moved, in both directions.
        mirrored: whether a held-out image is judged by itself and its mirror image.
        half: whether cuda computes in bfloat16 where PyTorch holds that to be safe.
    """

    network: str
    lr: float
    of: Mapping[str, Any] = field(default_factory=dict)
    optimiser: str = "SGD"
    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.0
    batch: int = 64
    steps: int = 0
    cycle: int = 0
    init: str = "torch"
    loss: str = "cross entropy"
    smoothing: float = 0.0
    flip: bool = False
    shift: int = 0
    mirrored: bool = False
    half: bool = False


class TorchTraining:
    """One run.

    Args:
        settings: what it depends on.
        seeds: one, or those of the networks that are trained together.
        data: images (n, ...) to learn from, and to judge by.
        device: "cpu" or "cuda".
    """

    def __init__(self, settings: Settings, seeds: int | Sequence[int], data: Data, device: str = "cpu") -> None:
        self._settings = settings
        self._seeds = [seeds] if isinstance(seeds, int) else list(seeds)
        self._device = ready(device)
        self._x, self._y = self._placed(data.train)
        self._x_held, self._y_held = self._placed(data.held)
        networks = [self._made(seed) for seed in self._seeds]
        self._network = networks[0]  # what it computes; the numbers are in the stacks
        self._parameters, self._buffers = stack_module_state(networks)
        self._optimiser = self._chosen_optimiser()
        self._done = 0  # steps
        self._loss, self._loss_sum = self._untrained_losses()

    # --- what it begins with ---

    def _placed(self, split: tuple[Array, Array]) -> tuple[Tensor, Tensor]:
        x, y = (torch.from_numpy(np.ascontiguousarray(array)) for array in split)
        return x.to(self._device), y.long().to(self._device)

    def _made(self, seed: int) -> nn.Module:
        """A network on the device; its numbers are drawn on the CPU, so that they are the same on any device."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network: nn.Module = NETWORKS[self._settings.network](**self._settings.of)
            if self._settings.init == "glorot":
                for name, parameter in network.named_parameters():
                    nn.init.zeros_(parameter) if name.endswith("bias") else nn.init.xavier_uniform_(parameter)
        return network.to(self._device)

    def _chosen_optimiser(self) -> torch.optim.Optimizer:
        own = {"momentum": self._settings.momentum, "nesterov": self._settings.nesterov}
        return getattr(torch.optim, self._settings.optimiser)(
            self._parameters.values(),
            lr=self._settings.lr,
            weight_decay=self._settings.decay,
            **own if self._settings.optimiser == "SGD" else {},
        )

    # --- training ---

    def epoch(self) -> None:
        self._draw_anew()
        self._network.train()
        per_pass = -(-len(self._x) // self._settings.batch)
        per_epoch = self._settings.steps or per_pass
        total = total_of_means = torch.zeros(len(self._seeds), device=self._device)
        images = 0
        orders: dict[int, Tensor] = {}
        for step in range(self._done, self._done + per_epoch):
            number, place = divmod(step, per_pass)
            if number not in orders:
                orders = {number: self._orders(number)}
            chosen = orders[number][:, place * self._settings.batch :][:, : self._settings.batch]
            self._set_rate(step / per_epoch)
            losses = self._step(self._augmented(self._x[chosen]), self._y[chosen])
            total = total + losses.sum(dim=1)
            total_of_means = total_of_means + losses.mean(dim=1)
            images += chosen.shape[1]
        self._done = step + 1
        self._loss, self._loss_sum = (total / images).cpu(), total_of_means.cpu()  # which waits for the device

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        """A step of each network with its batch; the losses that it had before, (seeds, images)."""
        losses = self._losses(self._scores(x), y)
        self._optimiser.zero_grad()
        losses.mean(dim=1).sum().backward()  # a network has a gradient from its own losses only
        self._optimiser.step()
        return losses.detach()

    def _orders(self, number: int) -> Tensor:
        """The order of the images in a pass for each seed, (seeds, n)."""
        orders = np.stack([order(len(self._x), seed, number) for seed in self._seeds])
        return torch.from_numpy(orders).to(self._device)

    def _draw_anew(self) -> None:
        """Dropout and augmentation draw what follows from seeds and step, so no generator has to be saved."""
        torch.manual_seed(int(np.random.SeedSequence([self._done, *self._seeds]).generate_state(1)[0]))

    def _set_rate(self, epochs: float) -> None:
        if self._settings.cycle:
            part = epochs / self._settings.cycle
            height = min(part / WARM_UP, (1 - part) / (1 - WARM_UP))
            for group in self._optimiser.param_groups:
                group["lr"] = self._settings.lr * max(height, 0.0)

    def _scores(self, x: Tensor) -> Tensor:
        """The scores of each network for its images: from (seeds, images, ...) to (seeds, images, classes)."""
        values = {**self._parameters, **self._buffers}
        half = self._settings.half and self._device.type == "cuda"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            if len(self._seeds) == 1:
                only = {name: value.squeeze(0) for name, value in values.items()}
                scores = functional_call(self._network, only, (self._laid_out(x[0]),))[None]
            else:
                each = vmap(lambda values, x: functional_call(self._network, values, (x,)), randomness="different")
                scores = each(values, x)
        return scores.float()

    def _laid_out(self, x: Tensor) -> Tensor:
        """As cuda's convolutions have it, with the channels of a pixel side by side."""
        if self._device.type == "cuda" and x.ndim == 4:
            return x.contiguous(memory_format=torch.channels_last)
        return x

    def _losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """The loss of each image, (seeds, images), from scores (seeds, images, classes) and the true classes y."""
        if self._settings.loss == "squared error":
            return (scores - F.one_hot(y, scores.shape[-1])).square().sum(dim=-1)
        smoothing = self._settings.smoothing
        flat = F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="none", label_smoothing=smoothing)
        return flat.view(y.shape)

    def _augmented(self, x: Tensor) -> Tensor:
        images = x.flatten(0, 1)
        if self._settings.flip:
            images = flipped(images)
        if self._settings.shift:
            images = shifted(images, self._settings.shift)
        return images.unflatten(0, x.shape[:2])

    # --- measuring ---

    def measure(self) -> Mapping[str, Array]:
        """Of the training: the loss of an image, averaged over the epoch's steps, and the batch means added up.

        Before the first epoch, both are those of the untrained network. Accuracies are those of the network as it is
        used, without dropout and augmentation.
        """
        return {
            "train_loss": self._loss.numpy(),
            "loss_sum": self._loss_sum.numpy(),
            "train_accuracy": self._accuracy(self._x, self._y),
            "accuracy": self._accuracy(self._x_held, self._y_held, mirrored=self._settings.mirrored),
        }

    def held_probabilities(self) -> Array:
        """What each network makes of the held-out images, (seeds, images, classes)."""
        pieces = [scores for scores, _ in self._judged(self._x_held, self._y_held, mirrored=self._settings.mirrored)]
        return torch.cat(pieces, dim=1).softmax(dim=-1).cpu().numpy()

    def held_classes(self) -> Array:
        """The true ones, (images,)."""
        return self._y_held.cpu().numpy()

    def _accuracy(self, x: Tensor, y: Tensor, *, mirrored: bool = False, training: bool = False) -> Array:
        """The share of images that each network judges rightly, (seeds,)."""
        judged = self._judged(x, y, mirrored=mirrored, training=training)
        right = sum((scores.argmax(dim=-1) == y).sum(dim=1) for scores, y in judged)
        return right.cpu().numpy() / len(y)

    def _untrained_losses(self) -> tuple[Tensor, Tensor]:
        losses = torch.cat([self._losses(s, y.expand(s.shape[:2])) for s, y in self._judged(self._x, self._y)], dim=1)
        batches = losses.gather(1, self._orders(0)).split(self._settings.batch, dim=1)
        return losses.mean(dim=1).cpu(), sum(batch.mean(dim=1) for batch in batches).cpu()

    def _judged(
        self, x: Tensor, y: Tensor, *, mirrored: bool = False, training: bool = False
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Scores (seeds, images, classes) and classes (images,), for some images at once.

        With ``training``, dropout is on; batch norm would take the images into its running means.
        """
        self._network.train(training)
        for images, classes in zip(x.split(AT_ONCE), y.split(AT_ONCE), strict=True):
            with torch.no_grad():
                scores = self._scores(self._for_all(images))
                if mirrored:
                    scores = (scores + self._scores(self._for_all(images.flip(-1)))) / 2
            yield scores, classes

    def _for_all(self, images: Tensor) -> Tensor:
        return images.expand(len(self._seeds), *images.shape)

    # --- stopping and going on ---

    def state(self) -> dict[str, Array]:
        values = {f"value.{name}": value for name, value in (self._parameters | self._buffers).items()}
        optimiser = {
            f"optimiser.{place}.{name}": value
            for place, of_parameter in self._optimiser.state_dict()["state"].items()
            for name, value in of_parameter.items()
            if value is not None
        }
        arrays = {name: value.detach().cpu().numpy().copy() for name, value in (values | optimiser).items()}
        return {**arrays, "done": np.array(self._done)}

    def load(self, state: Mapping[str, Array]) -> None:
        with torch.no_grad():
            for name, value in (self._parameters | self._buffers).items():
                value.copy_(torch.from_numpy(state[f"value.{name}"]))
        optimiser: dict[int, dict[str, Tensor]] = {}
        for key, array in state.items():
            if key.startswith("optimiser."):
                _, place, name = key.split(".")
                optimiser.setdefault(int(place), {})[name] = torch.from_numpy(array)
        self._optimiser.load_state_dict(self._optimiser.state_dict() | {"state": optimiser})
        self._done = int(state["done"])


TorchExperiment = partial(
    Experiment, start=TorchTraining, devices=DEVICES, libraries=("numpy", "torch"), together=("cuda",)
)


def ready(device: str) -> torch.device:
    """The device; of several, that of this process. Where PyTorch can choose, it computes the same way each time."""
    if device == "cpu":
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # that takes time, and nothing here reads such memory
    own = torch.device(device, int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(own)
    return own


def flipped(images: Tensor) -> Tensor:
    """Every other image mirrored, on the average: (n, c, h, w)."""
    chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(chosen, images.flip(-1), images)


def shifted(images: Tensor, most: int) -> Tensor:
    """Each image (c, h, w) of n moved by up to ``most`` pixels; what comes in over an edge mirrors what is inside."""
    n, _, height, width = images.shape
    padded = F.pad(images, [most] * 4, mode="reflect")
    down, across = torch.randint(0, 2 * most + 1, (2, n, 1), device=images.device)
    rows = (down + torch.arange(height, device=images.device))[:, :, None]
    columns = (across + torch.arange(width, device=images.device))[:, None]
    each = torch.arange(n, device=images.device)[:, None, None]
    return padded[each, :, rows, columns].permute(0, 3, 1, 2)  # the index puts the channels last
