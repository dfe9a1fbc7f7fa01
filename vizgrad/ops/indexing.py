"""Entries picked out by their places. Backward puts each gradient back where its entry came from; the rest is 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule, TensorNode

__all__ = ["Index", "Select"]


class Index(Op):
    """x[index], with all that NumPy allows: numbers, slices, ..., None, arrays of whole numbers, masks of booleans.

    An entry that was picked several times gets the sum of the gradients.
    """

    symbol = "[ ]"
    rule = Rule(
        forward=r"\v{out} = \v{x}[\k{index}]",
        backward=(r"\g{x} = \operatorname{scatter}(\g{out}, \k{index})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, index: Any) -> Array:
        parts = tuple(_part(part) for part in (index if isinstance(index, tuple) else (index,)))
        context["shape"], context["parts"] = x.shape, parts
        return np.asarray(x[parts])

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        gradient, parts = np.zeros(context["shape"], go.dtype), context["parts"]
        if any(isinstance(part, np.ndarray) and part.dtype != bool for part in parts):
            np.add.at(gradient, parts, go)  # `gradient[parts] += go` would count an entry that was picked twice once
        else:
            gradient[parts] = go
        return gradient


def _part(part: Any) -> Any:
    """One part of an index as NumPy takes it; what can be changed later is copied, because backward needs it."""
    if isinstance(part, TensorNode):
        part = part.value
    if isinstance(part, list):
        return np.array(part) if np.size(part) else np.zeros(np.shape(part), int)
    return part.copy() if isinstance(part, np.ndarray) else part


class Select(Op):
    """Pick one entry from each row of a matrix: (n, m) -> (n,); ``indices`` (n,) says which."""

    symbol = "select"
    rule = Rule(
        forward=r"\v{out}_i = \v{x}_{i, t_i}",
        backward=(r"\g{x} = \operatorname{scatter}(\g{out}, t)",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, indices: Any) -> Array:
        indices = np.asarray(indices)
        if x.ndim != 2 or indices.shape != x.shape[:1]:
            raise ValueError(f"a matrix (n, m) needs n indices; here are indices of shape {indices.shape}")
        if indices.dtype.kind not in "iu":
            raise ValueError(f"indices must be whole numbers, not {indices.dtype}")
        if indices.size and not (-x.shape[1] <= indices.min() and indices.max() < x.shape[1]):
            raise ValueError(f"indices run from {indices.min()} to {indices.max()}, but a row has {x.shape[1]} entries")
        context["xshape"], context["indices"] = x.shape, indices
        return x[np.arange(len(x)), indices]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        gradient = np.zeros(context["xshape"], go.dtype)
        gradient[np.arange(len(go)), context["indices"]] = go
        return gradient
