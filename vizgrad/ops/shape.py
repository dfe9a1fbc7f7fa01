"""The same numbers in another arrangement. Backward undoes the arrangement; what was copied is summed."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule


class Expand(Op):
    """Repeat an axis of length 1: ``dim`` is the axis, ``repeats`` how often."""

    symbol = "expand"
    rule = Rule(
        forward=r"\v{out} = \operatorname{repeat}(\v{x}, \k{repeats})",
        backward=(r"\g{x} = \operatorname{sum}_{\k{dim}}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, dim: int, repeats: int) -> Array:
        if x.shape[dim] != 1:
            raise ValueError(f"axis {dim} has length {x.shape[dim]}; only an axis of length 1 can be expanded")
        context["dim"] = dim
        return np.repeat(x, repeats, axis=dim)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go.sum(axis=context["dim"], keepdims=True)


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
    """The axes in reverse order: a matrix (n, m) becomes (m, n)."""

    symbol = "T"
    rule = Rule(forward=r"\v{out} = \v{x}^\top", backward=(r"\g{x} = \g{out}^\top",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        return x.T

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go.T
