"""Many numbers become fewer: sums, means, variances, the largest entries.

``axis`` is None for all entries, or one axis or several, counted from the end if negative; ``keepdims`` leaves each of
them in the shape with length 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from vizgrad.core import Array, Op, Rule

__all__ = ["LogSumExp", "Max", "Mean", "Min", "RowMax", "RowSum", "Sum", "Var"]

Axes = SupportsIndex | Sequence[int] | None


def _fit(reduced: Array, axis: Any, keepdims: bool) -> Array:
    """What was reduced, with the axes back in place (length 1), so that it broadcasts against what it came from."""
    if axis is None or keepdims:
        return reduced
    return np.expand_dims(reduced, axis)


class Sum(Op):
    """The sum of all entries, or along ``axis``."""

    symbol = "Σ"
    rule = Rule(
        forward=r"\v{out} = \operatorname{sum}_{\k{axis}}(\v{x})",
        backward=(r"\g{x} = \g{out} \cdot \mathbf{1}",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axis = _as_tuple(axis)
        context["shape"], context["axis"], context["keepdims"] = x.shape, axis, keepdims
        return np.asarray(x.sum(axis=axis, keepdims=keepdims))

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        go = _fit(go, context["axis"], context["keepdims"])
        return np.broadcast_to(go, context["shape"])  # a view: nothing is copied


class Mean(Op):
    """The mean of all entries, or along ``axis``. Of no entries there is none."""

    symbol = "mean"
    rule = Rule(
        forward=r"\v{out} = \operatorname{mean}_{\k{axis}}(\v{x})",
        backward=(r"\g{x} = \frac{1}{\k{n}} \g{out} \cdot \mathbf{1}",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axis = _as_tuple(axis)
        n = _entries(x, axis)
        if n == 0:
            raise ValueError("there are no entries of which to take the mean")
        context["shape"], context["axis"], context["keepdims"], context["n"] = x.shape, axis, keepdims, n
        return np.asarray(x.mean(axis=axis, keepdims=keepdims))

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        go = _fit(go / context["n"], context["axis"], context["keepdims"])
        return np.broadcast_to(go, context["shape"])


class Var(Op):
    """The variance of all entries, or along ``axis``: the mean squared distance from the mean.

    Divided by n - ``ddof``: 0 for the variance of the entries themselves, 1 to estimate that of the distribution which
    they were drawn from (PyTorch's default).
    """

    symbol = "var"
    rule = Rule(
        forward=r"\v{out} = \frac{1}{\k{divisor}} "
        r"\operatorname{sum}_{\k{axis}}((\v{x} - \operatorname{mean}_{\k{axis}}(\v{x}))^2)",
        backward=(r"\g{x} = \frac{2}{\k{divisor}} \g{out} \odot (\v{x} - \operatorname{mean}_{\k{axis}}(\v{x}))",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> Array:
        axis = _as_tuple(axis)
        divisor = _entries(x, axis) - ddof
        if divisor <= 0:
            raise ValueError(f"a variance with ddof={ddof} needs at least {ddof + 1} entries, not {divisor + ddof}")
        deviations = x - x.mean(axis=axis, keepdims=True)
        context["deviations"], context["divisor"] = deviations, divisor
        context["axis"], context["keepdims"] = axis, keepdims
        return np.asarray((deviations * deviations).sum(axis=axis, keepdims=keepdims) / divisor)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        # The mean depends on every entry too, but the deviations add up to 0, and so does what comes through the mean.
        go = _fit(go, context["axis"], context["keepdims"])
        return go * (2 / context["divisor"]) * context["deviations"]


class Max(Op):
    """The largest of all entries, or along ``axis``. Equal largest entries share the gradient in equal parts."""

    symbol = "max"
    rule = Rule(
        forward=r"\v{out} = \max_{\k{axis}}(\v{x})",
        backward=(r"\g{x} = \g{out} \odot [\v{x} = \v{out}] \oslash \operatorname{sum}_{\k{axis}}([\v{x} = \v{out}])",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axis = _as_tuple(axis)
        out = np.asarray(x.max(axis=axis, keepdims=keepdims))
        context["winners"] = x == _fit(out, axis, keepdims)
        context["axis"], context["keepdims"] = axis, keepdims
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return _share(context, go)


class Min(Op):
    """The smallest of all entries, or along ``axis``. Equal smallest entries share the gradient in equal parts."""

    symbol = "min"
    rule = Rule(
        forward=r"\v{out} = \min_{\k{axis}}(\v{x})",
        backward=(r"\g{x} = \g{out} \odot [\v{x} = \v{out}] \oslash \operatorname{sum}_{\k{axis}}([\v{x} = \v{out}])",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axis = _as_tuple(axis)
        out = np.asarray(x.min(axis=axis, keepdims=keepdims))
        context["winners"] = x == _fit(out, axis, keepdims)
        context["axis"], context["keepdims"] = axis, keepdims
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return _share(context, go)


class LogSumExp(Op):
    """log(sum(exp(x))) over all entries, or along ``axis``, without overflow: a smooth max. Its slope is the softmax.

    Where all entries are -inf the result is -inf too, and the slope is taken as 0.
    """

    symbol = "log Σ exp"
    rule = Rule(
        forward=r"\v{out} = \log \operatorname{sum}_{\k{axis}}(\exp \v{x})",
        backward=(r"\g{x} = \g{out} \odot \operatorname{softmax}_{\k{axis}}(\v{x})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
        axis = _as_tuple(axis)
        largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
        # Taking out the largest entry keeps exp in range. An infinite one stays in: inf - inf has no value.
        largest = np.where(np.isfinite(largest), largest, 0)
        with np.errstate(divide="ignore", over="ignore"):
            powers = np.exp(x - largest)
            total = powers.sum(axis=axis, keepdims=True)
            out = np.log(total) + largest
        context["powers"], context["total"], context["axis"], context["keepdims"] = powers, total, axis, keepdims
        return out if keepdims else out.squeeze(axis)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        powers, total = context["powers"], context["total"]
        with np.errstate(invalid="ignore"):
            softmax = powers / np.where(total == 0, 1, total)
            return _fit(go, context["axis"], context["keepdims"]) * softmax


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


def _as_tuple(axis: Axes) -> Any:
    return tuple(axis) if isinstance(axis, Sequence) else axis


def _entries(x: Array, axis: Any) -> int:
    """How many entries go into one entry of the result."""
    if axis is None:
        return x.size
    return math.prod(x.shape[a] for a in normalize_axis_tuple(axis, x.ndim))


def _share(context: Any, go: Array) -> Array:
    """Divide a gradient equally among the entries that made the result; there is none where that is nan."""
    winners, axis = context["winners"], context["axis"]
    go = _fit(go, axis, context["keepdims"])
    return winners * (go / np.maximum(winners.sum(axis=axis, keepdims=True), 1).astype(go.dtype))
