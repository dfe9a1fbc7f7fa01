"""The same numbers in another arrangement. Backward undoes the arrangement; what was copied is summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from vizgrad.core import Array, Op, Rule

__all__ = ["Concatenate", "Expand", "Pad", "Reshape", "Squeeze", "Stack", "Transpose", "Unsqueeze"]


class Expand(Op):
    """Repeat an axis of length 1: ``dim`` is the axis, counted from the end if negative, ``repeats`` how often."""

    symbol = "expand"
    rule = Rule(
        forward=r"\v{out} = \operatorname{repeat}(\v{x}, \k{repeats})",
        backward=(r"\g{x} = \operatorname{sum}_{\k{dim}}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, dim: int, repeats: int) -> Array:
        length = x.shape[normalize_axis_index(dim, x.ndim)]
        if length != 1:
            raise ValueError(f"axis {dim} has length {length}; only an axis of length 1 can be expanded")
        context["dim"] = dim
        return np.repeat(x, repeats, axis=dim)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go.sum(axis=context["dim"], keepdims=True)


class Squeeze(Op):
    """Drop an axis of length 1."""

    symbol = "squeeze"
    rule = Rule(
        forward=r"\v{out} = \operatorname{squeeze}(\v{x})",
        backward=(r"\g{x} = \operatorname{unsqueeze}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, dim: int = 0) -> Array:
        context["dim"] = dim
        return x.squeeze(dim)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return np.expand_dims(go, context["dim"])


class Unsqueeze(Op):
    """Insert an axis of length 1."""

    symbol = "unsqueeze"
    rule = Rule(
        forward=r"\v{out} = \operatorname{unsqueeze}(\v{x})",
        backward=(r"\g{x} = \operatorname{squeeze}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, dim: int = 0) -> Array:
        context["dim"] = dim
        return np.expand_dims(x, dim)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go.squeeze(context["dim"])


class Reshape(Op):
    """The same entries, row by row, in another shape."""

    symbol = "reshape"
    rule = Rule(
        forward=r"\v{out} = \operatorname{reshape}(\v{x})",
        backward=(r"\g{x} = \operatorname{reshape}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, shape: Any) -> Array:
        context["xshape"] = x.shape
        return x.reshape(shape)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go.reshape(context["xshape"])


class Transpose(Op):
    """The axes in another order: reversed, or as ``axes`` lists them. A matrix (n, m) becomes (m, n)."""

    symbol = "T"
    rule = Rule(forward=r"\v{out} = \v{x}^\top", backward=(r"\g{x} = \g{out}^\top",))

    @staticmethod
    def forward(context: Any, x: Array, *, axes: Sequence[int] | None = None) -> Array:
        if axes is None:
            return x.T
        out = x.transpose(axes)
        context["axes"] = [axis % x.ndim for axis in axes]
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        if "axes" not in context:
            return go.T
        return go.transpose(np.argsort(context["axes"]))  # the order that puts them back


class Concatenate(Op):
    """Arrays joined end to end along ``axis``; the other axes agree. Each array gets its part of the gradient."""

    symbol = "concat"
    rule = Rule(
        forward=r"\v{out} = \operatorname{concatenate}_{\k{axis}}(\v{arrays})",
        backward=(r"\g{arrays} = \operatorname{split}_{\k{axis}}(\g{out})_{\k{i}}",),
        each="arrays",
    )

    @staticmethod
    def forward(context: Any, *arrays: Array, axis: int = 0) -> Array:
        out = np.concatenate(arrays, axis=axis)
        context["axis"], context["ends"] = axis, np.cumsum([x.shape[axis] for x in arrays])
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array, ...]:
        return tuple(np.split(go, context["ends"][:-1], axis=context["axis"]))


class Stack(Op):
    """Arrays of one shape, side by side along a new ``axis``. Each gets its slice of the gradient."""

    symbol = "stack"
    rule = Rule(
        forward=r"\v{out} = \operatorname{stack}_{\k{axis}}(\v{arrays})",
        backward=(r"\g{arrays} = \operatorname{unstack}_{\k{axis}}(\g{out})_{\k{i}}",),
        each="arrays",
    )

    @staticmethod
    def forward(context: Any, *arrays: Array, axis: int = 0) -> Array:
        context["axis"] = axis
        return np.stack(arrays, axis=axis)

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array, ...]:
        return tuple(np.moveaxis(go, context["axis"], 0))


class Pad(Op):
    """A border of ``value`` around the array: ``width`` is n, (before, after), or one such pair for each axis."""

    symbol = "pad"
    rule = Rule(
        forward=r"\v{out} = \operatorname{pad}(\v{x})",
        backward=(r"\g{x} = \operatorname{crop}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, width: Any, value: float = 0.0) -> Array:
        widths = np.asarray(width)
        if widths.dtype.kind not in "iu" or widths.shape not in ((), (1,), (2,), (1, 2), (x.ndim, 2)):
            raise ValueError(f"width is n, (before, after), or one such pair for each of {x.ndim} axes, not {width!r}")
        if (widths < 0).any():
            raise ValueError(f"a border is 0 or more entries wide; width is {width!r}")
        before, after = np.broadcast_to(widths, (x.ndim, 2)).T.tolist()
        inside = tuple(slice(start, start + size) for start, size in zip(before, x.shape, strict=True))
        out = np.full([sum(sizes) for sizes in zip(before, x.shape, after, strict=True)], value, x.dtype)
        out[inside] = x
        context["inside"] = inside
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go[context["inside"]]
