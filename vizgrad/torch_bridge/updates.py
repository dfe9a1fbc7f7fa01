"""How PyTorch's optimisers move a parameter: the rule of the one of this library that does the same."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.optimizer import Optimizer

from vizgrad import optim
from vizgrad.core import TensorNode
from vizgrad.optim.optimisers import Optimiser
from vizgrad.trace.arrays import FULL

_KINDS: dict[type[Optimizer], type[Optimiser]] = {
    torch.optim.SGD: optim.SGD,
    torch.optim.RMSprop: optim.RMSprop,
    torch.optim.Adam: optim.Adam,
    torch.optim.AdamW: optim.AdamW,
    torch.optim.Adamax: optim.Adamax,
}
# What is remembered from step to step, by the names that it has here and there.
_REMEMBERED: dict[type[Optimiser], dict[str, str]] = {
    optim.SGD: {"velocity": "momentum_buffer"},
    optim.RMSprop: {"v": "square_avg", "mean": "grad_avg", "velocity": "momentum_buffer"},
    optim.Adam: {"m": "exp_avg", "v": "exp_avg_sq"},
    optim.AdamW: {"m": "exp_avg", "v": "exp_avg_sq"},
    optim.Adamax: {"m": "exp_avg", "u": "exp_inf"},
}


def counterpart(optimiser: Optimizer, group: Mapping[str, Any]) -> Optimiser | None:
    """The optimiser of this library that does what this one does to a group of parameters, if there is one."""
    kind = _KINDS.get(type(optimiser))
    if kind is None or group.get("maximize") or group.get("amsgrad"):
        return None
    if kind is optim.Adam and group.get("decoupled_weight_decay"):
        kind = optim.AdamW
    settings = {name: group[name] for name in inspect.signature(kind).parameters if name in group}
    return kind([TensorNode(0.0)], **settings)


def rule_of(optimiser: Optimizer, ours: Optimiser | None) -> str:
    """The rule of an update; of an optimiser that only PyTorch has, its name."""
    name = type(optimiser).__name__
    return ours.rule if ours else rf"\v{{p}} \leftarrow \operatorname{{{name}}}(\v{{p}}, \g{{p}})"


def numbers_of(ours: Optimiser | None, state: Mapping[str, Any]) -> dict[str, Any]:
    """What the rule speaks of, as it is before a step; ``state`` is what PyTorch remembers of the parameter."""
    if ours is None:
        return {}
    kept = {name: state.get(_REMEMBERED[type(ours)][name]) for name in ours.remembers}
    remembered = {name: _small(tensor) for name, tensor in kept.items() if tensor is not None}
    # SGD of PyTorch does not count its steps, but whether it is the first decides about the dampening.
    step = int(state["step"]) + 1 if "step" in state else 1 + bool(remembered)
    numbers = ours.shown({"t": step, **remembered})
    if r"\k{t}" not in ours.rule:
        del numbers["t"]
    return numbers


def _small(tensor: torch.Tensor) -> Any:
    """A copy, as the step is about to write into it; of a large one the shape: a summary would cost as much again."""
    return tensor.shape if tensor.numel() > FULL else tensor.clone()
