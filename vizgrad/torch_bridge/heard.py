"""A call to PyTorch as it is heard: its name, its tensors, and whether it writes into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vizgrad.trace.model import Tensor

BACKWARDS = (torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad)
_FILLS = ("uniform_", "normal_", "fill_", "zero_")
_VIEWS = ("T", "mT", "H", "mH", "data", "real", "imag")  # attributes that are computed


@dataclass
class Heard:
    """A call, and what came of it.

    Attributes:
        name: what it is called.
        args: what it was given by place.
        kwargs: what it was given by name.
        given: the tensors among these that gradients are taken of.
        before: their records, of a call that writes into them: what they were before.
        outputs: the tensors that it made or wrote into.
    """

    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    given: Sequence[torch.Tensor]
    before: list[Tensor] | None = None
    outputs: Sequence[torch.Tensor] = ()

    @property
    def writes(self) -> bool:
        """Whether a call of this name writes into what it is given."""
        in_place = self.name.endswith("_") and not self.name.endswith("__")
        return in_place or self.name in ("__setitem__", "batch_norm") or self.kwargs.get("inplace") is True

    def named(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Its tensors, for a call that no rule has names for."""
        for i, tensor in enumerate(tensors_in(self.args)):
            yield f"input {i}", tensor
        for key, value in self.kwargs.items():
            for tensor in tensors_in(value):
                yield key, tensor


def name_of(func: Any) -> str:
    """What a call is called; of an attribute, the attribute's name."""
    name = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__", "__delete__"):
        owner: str = getattr(func.__self__, "__name__", name)
        return owner if name != "__get__" or owner in _VIEWS else "grad"
    return name


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in an argument or a result, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def any_tensor(value: Any) -> bool:
    """Whether there is a tensor in an argument."""
    return next(tensors_in(value), None) is not None


def computes(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds what gradients are taken of: classes, indices and masks are settings."""
    return tensor.is_floating_point() or tensor.is_complex()


def fills(func: Any) -> bool:
    """Whether a call gives its first tensor new values, whatever that held. A copy that has a gradient is an op."""
    name = name_of(func)
    start = getattr(func, "__module__", "") == "torch.nn.init"
    return start or name in _FILLS or (name == "copy_" and not torch.is_grad_enabled())


def version_of(tensor: torch.Tensor) -> int:
    """How often a tensor has been written into, as far as PyTorch counts it."""
    return 0 if tensor.is_inference() else tensor._version


def address_of(tensor: torch.Tensor) -> int:
    """Where a tensor's numbers are in memory; 0, where they are not in one place."""
    return tensor.data_ptr() if tensor.layout is torch.strided and not tensor.is_meta else 0


def given_gradients(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor | None]:
    """The gradients that a program starts a walk with; none, where it leaves them out."""
    name, place = {
        torch.Tensor.backward: ("gradient", 1),
        torch.autograd.backward: ("grad_tensors", 1),
        torch.autograd.grad: ("grad_outputs", 2),
    }[func]
    value = args[place] if len(args) > place else kwargs.get(name)
    yield from value if isinstance(value, (tuple, list)) else [value]
