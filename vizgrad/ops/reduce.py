"""Many numbers become fewer: sums, means, the largest entry of each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from vizgrad.core import Array, Op, Rule

Axes = SupportsIndex | Sequence[int] | None


def _spread(go: Array, shape: tuple[int, ...], axis: Axes, keepdims: bool) -> Array:
    """Give every entry that went into a sum the gradient of that sum."""
    if axis is not None and not keepdims:
        go = np.expand_dims(go, tuple(axis) if isinstance(axis, Sequence) else axis)
    return np.broadcast_to(go, shape)


class Sum(Op):
    """The sum of all entries, or along ``axis``."""

    symbol = "Σ"
    rule = Rule(
        forward=r"\v{out} = \operatorname{sum}(\v{x})",
        backward=(r"\g{x} = \g{out} \cdot \mathbf{1}",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        context["shape"], context["axis"], context["keepdims"] = x.shape, axis, keepdims
        return np.asarray(x.sum(axis=axis, keepdims=keepdims))

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return _spread(go, context["shape"], context["axis"], context["keepdims"])


class Mean(Op):
    """The mean of all entries, or along ``axis``."""

    symbol = "mean"
    rule = Rule(
        forward=r"\v{out} = \operatorname{mean}(\v{x})",
        backward=(r"\g{x} = \frac{1}{\k{n}} \g{out} \cdot \mathbf{1}",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        out = np.asarray(x.mean(axis=axis, keepdims=keepdims))
        context["shape"], context["axis"], context["keepdims"] = x.shape, axis, keepdims
        context["n"] = x.size // max(out.size, 1)
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return _spread(go / context["n"], context["shape"], context["axis"], context["keepdims"])


class RowSum(Op):
    """The sum of each row of a matrix: (n, m) -> (n,)."""

    symbol = "row Σ"
    rule = Rule(
        forward=r"\v{out} = \v{x} \, \mathbf{1}",
        backward=(r"\g{x} = \g{out} \, \mathbf{1}^\top",),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["xshape"] = x.shape
        return x.sum(axis=1)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return np.repeat(go[:, None], context["xshape"][1], axis=1)


class RowMax(Op):
    """The largest entry of each row of a matrix: (n, m) -> (n,). Of equal entries the first one wins."""

    symbol = "row max"
    rule = Rule(
        forward=r"\v{out} = \operatorname{rowmax}(\v{x})",
        backward=(r"\g{x} = \g{out} \odot [\v{x} = \operatorname{rowmax}(\v{x})]",),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["xshape"], context["winners"] = x.shape, x.argmax(axis=1)
        return x.max(axis=1)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        gradient = np.zeros(context["xshape"], go.dtype)
        gradient[np.arange(len(go)), context["winners"]] = go
        return gradient
