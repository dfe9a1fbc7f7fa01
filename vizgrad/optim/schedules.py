"""Schedules: how the learning rate of an optimiser goes up and down in the course of training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from vizgrad import _state, errors
from vizgrad.core import Array
from vizgrad.optim.optimisers import Optimiser


class Schedule:
    """What all schedules share. One of your own defines ``rate``, the learning rate after so many steps.

    Args:
        optimiser: the one whose ``lr`` is changed, now and at every `step`.

    Attributes:
        base: the learning rate that the optimiser began with.
        taken: how many steps have been taken.

    Examples:
        >>> import vizgrad as vg
        >>> class OneOver(vg.optim.Schedule):
        ...     def rate(self, taken):
        ...         return self.base / (1 + taken)
        >>> optimiser = vg.SGD([vg.TensorNode(1.0)], lr=0.6)
        >>> schedule = OneOver(optimiser)
        >>> schedule.step()
        >>> optimiser.lr
        0.3
    """

    def __init__(self, optimiser: Optimiser) -> None:
        self.optimiser = optimiser
        self.base = optimiser.lr
        self.taken = 0
        optimiser.lr = self.rate(0)

    def rate(self, taken: int) -> float:
        """The learning rate after so many steps."""
        raise errors.unfinished_schedule(type(self).__name__)

    def step(self) -> None:
        """Go one step on; call it once after each epoch, or after each batch, as the schedule counts."""
        self.taken += 1
        self.optimiser.lr = self.rate(self.taken)

    def state_dict(self) -> dict[str, Array]:
        """Where the schedule is."""
        return {"base": np.array(self.base), "taken": np.array(self.taken)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another schedule of the same kind has stopped.

        Raises:
            StateError: this is not the state of a schedule.
        """
        new = _state.fitted(type(self).__name__, self.state_dict(), state, strict=True)
        self.base, self.taken = float(new["base"]), int(new["taken"])
        self.optimiser.lr = self.rate(self.taken)


class StepLR(Schedule):
    """Multiply the learning rate by ``gamma`` after every ``size`` steps.

    Examples:
        >>> import vizgrad as vg
        >>> schedule = vg.optim.StepLR(vg.SGD([vg.TensorNode(1.0)], lr=0.5), size=2, gamma=0.5)
        >>> [schedule.rate(taken) for taken in range(5)]
        [0.5, 0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, optimiser: Optimiser, size: int, gamma: float = 0.1) -> None:
        self.size = _steps("StepLR", "size", size)
        self.gamma = gamma
        super().__init__(optimiser)

    def rate(self, taken: int) -> float:
        return self.base * self.gamma ** (taken // self.size)


class ExponentialLR(Schedule):
    """Multiply the learning rate by ``gamma`` after every step.

    Examples:
        >>> import vizgrad as vg
        >>> schedule = vg.optim.ExponentialLR(vg.SGD([vg.TensorNode(1.0)], lr=0.5), gamma=0.5)
        >>> [schedule.rate(taken) for taken in range(3)]
        [0.5, 0.25, 0.125]
    """

    def __init__(self, optimiser: Optimiser, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimiser)

    def rate(self, taken: int) -> float:
        return self.base * self.gamma**taken


class CosineLR(Schedule):
    """Lower the learning rate to ``lowest`` in ``steps`` steps, along half a wave of the cosine.

    Slow at the start and at the end, fastest in the middle; like PyTorch's CosineAnnealingLR, it rises again after
    ``steps``. (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5.)

    Examples:
        >>> import vizgrad as vg
        >>> schedule = vg.optim.CosineLR(vg.SGD([vg.TensorNode(1.0)], lr=1.0), steps=4)
        >>> [round(schedule.rate(taken), 3) for taken in range(5)]
        [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(self, optimiser: Optimiser, steps: int, lowest: float = 0.0) -> None:
        self.steps = _steps("CosineLR", "steps", steps)
        self.lowest = lowest
        super().__init__(optimiser)

    def rate(self, taken: int) -> float:
        return _cosine(self.base, self.lowest, taken / self.steps)


class OneCycleLR(Schedule):
    """Raise the learning rate to ``highest``, then lower it far below where it began, both along a cosine.

    The optimiser's own learning rate does not count. With PyTorch's OneCycleLR it agrees where that is told
    ``cycle_momentum=False``. (Smith and Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2018.)

    Args:
        optimiser: the one whose learning rate is changed.
        highest: the learning rate at the peak.
        steps: how many updates there will be; take a step of the schedule after each.
        rising: the share of the steps in which it rises.
        start: it begins with ``highest / start``,
        end: and ends with ``highest / start / end``.

    Examples:
        >>> import vizgrad as vg
        >>> schedule = vg.optim.OneCycleLR(vg.SGD([vg.TensorNode(1.0)], lr=1.0), highest=1.0, steps=10, start=10)
        >>> [round(schedule.rate(taken), 2) for taken in range(10)]
        [0.1, 0.55, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05, 0.0]
    """

    def __init__(
        self,
        optimiser: Optimiser,
        highest: float,
        steps: int,
        rising: float = 0.3,
        start: float = 25.0,
        end: float = 1e4,
    ) -> None:
        if not 0 <= rising <= 1:
            raise errors.bad_setting("OneCycleLR", "rising", rising, "between 0 and 1")
        self.highest = highest
        self.steps = _steps("OneCycleLR", "steps", steps)
        self.rising = rising
        self.start = start
        self.end = end
        super().__init__(optimiser)

    def rate(self, taken: int) -> float:
        if taken > self.steps:
            raise errors.schedule_over("OneCycleLR", self.steps)
        first, last = self.highest / self.start, self.highest / self.start / self.end
        peak = self.rising * self.steps - 1
        if taken <= peak:
            return _cosine(first, self.highest, taken / peak if peak else 1.0)
        return _cosine(self.highest, last, min((taken - peak) / (self.steps - 1 - peak), 1.0))


class LinearWarmup(Schedule):
    """Raise the learning rate in a straight line for some steps, from ``start`` times its value to all of it.

    Args:
        optimiser: the one whose learning rate is changed.
        steps: how many steps it rises.
        start: the share of the learning rate that it begins with.
        then: the schedule that takes over; left out, the learning rate stays.

    Examples:
        >>> import vizgrad as vg
        >>> optimiser = vg.SGD([vg.TensorNode(1.0)], lr=0.4)
        >>> schedule = vg.optim.LinearWarmup(optimiser, 4, start=0.25, then=vg.optim.ExponentialLR(optimiser, 0.5))
        >>> [round(schedule.rate(taken), 3) for taken in range(7)]
        [0.1, 0.175, 0.25, 0.325, 0.4, 0.2, 0.1]
    """

    def __init__(self, optimiser: Optimiser, steps: int, start: float = 1 / 3, then: Schedule | None = None) -> None:
        self.steps = _steps("LinearWarmup", "steps", steps)
        self.start = start
        self.then = then
        super().__init__(optimiser)

    def rate(self, taken: int) -> float:
        if taken >= self.steps:
            return self.then.rate(taken - self.steps) if self.then else self.base
        return self.base * (self.start + (1 - self.start) * taken / self.steps)


def _cosine(first: float, last: float, share: float) -> float:
    """From one learning rate to another along half a wave."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def _steps(schedule: str, name: str, steps: Any) -> int:
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise errors.bad_setting(schedule, name, steps, "a whole number above 0")
    return int(steps)
