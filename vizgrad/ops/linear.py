"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule, needs_grad
from vizgrad.ops.broadcast import unbroadcast

__all__ = ["Affine", "BatchMM", "MatrixMultiply"]

Pair = tuple[Array | None, Array | None]


class MatrixMultiply(Op):
    """a @ b: (n, k) @ (k, m) -> (n, m), also with leading batch axes that broadcast, and with vectors."""

    symbol = "@"
    rule = Rule(
        forward=r"\v{out} = \v{a} \, \v{b}",
        backward=(r"\g{a} = \g{out} \, \v{b}^\top", r"\g{b} = \v{a}^\top \, \g{out}"),
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        context["a"], context["b"] = a, b
        return np.asarray(a @ b)

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        a, b = context["a"], context["b"]
        # A vector counts as a row on the left and as a column on the right, as NumPy does it.
        rows = a[None, :] if a.ndim == 1 else a
        columns = b[:, None] if b.ndim == 1 else b
        if b.ndim == 1:
            go = go[..., None]
        if a.ndim == 1:
            go = go[..., None, :]
        grad_a = grad_b = None
        if needs_grad(context, 0):
            grad_a = unbroadcast(go @ columns.swapaxes(-1, -2), rows.shape).reshape(a.shape)
        if needs_grad(context, 1):
            grad_b = unbroadcast(rows.swapaxes(-1, -2) @ go, columns.shape).reshape(b.shape)
        return grad_a, grad_b


class BatchMM(Op):
    """A weight matrix (m, f) applied to each row of a batch (n, f): vectors @ matrix.T, shape (n, m)."""

    symbol = "@"
    rule = Rule(
        forward=r"\v{out} = \v{vectors} \, \v{matrix}^\top",
        backward=(r"\g{matrix} = {\g{out}}^\top \, \v{vectors}", r"\g{vectors} = \g{out} \, \v{matrix}"),
    )

    @staticmethod
    def forward(context: Any, matrix: Array, vectors: Array) -> Array:
        if matrix.ndim != 2 or vectors.ndim != 2:
            raise ValueError("BatchMM takes a weight matrix (m, f) and a batch of vectors (n, f)")
        if matrix.shape[1] != vectors.shape[1]:
            raise ValueError(f"the matrix takes {matrix.shape[1]} features, each vector has {vectors.shape[1]}")
        context["matrix"], context["vectors"] = matrix, vectors
        return vectors @ matrix.T

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        grad_matrix = go.T @ context["vectors"] if needs_grad(context, 0) else None
        grad_vectors = go @ context["matrix"] if needs_grad(context, 1) else None
        return grad_matrix, grad_vectors


class Affine(Op):
    """A fully connected layer in one op: x (..., f), w (m, f), b (m,) -> x @ w.T + b, shape (..., m).

    All axes of x but the last are batch axes: the gradients of w and b are sums over all of them.
    """

    symbol = "affine"
    rule = Rule(
        forward=r"\v{out} = \v{x} \, \v{w}^\top + \v{b}",
        backward=(
            r"\g{x} = \g{out} \, \v{w}",
            r"\g{w} = {\g{out}}^\top \, \v{x}",
            r"\g{b} = \operatorname{sum}_0(\g{out})",
        ),
    )

    @staticmethod
    def forward(context: Any, x: Array, w: Array, b: Array) -> Array:
        if w.ndim != 2:
            raise ValueError(f"Affine takes a weight matrix (m, f); this w has {w.ndim} axes")
        m, f = w.shape
        if x.ndim == 0 or x.shape[-1] != f:
            raise ValueError(f"w takes {f} features, x {x.shape} has {x.shape[-1] if x.ndim else 'none'}")
        if b.shape != (m,):
            raise ValueError(f"{m} outputs need a bias of shape ({m},); here it is {b.shape}")
        context["x"], context["w"] = x, w
        return x @ w.T + b

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array | None, ...]:
        x, w = context["x"], context["w"]
        m, f = w.shape
        rows = go.reshape(math.prod(go.shape[:-1]), m)  # all instances, one below the other
        grad_x = go @ w if needs_grad(context, 0) else None
        grad_w = rows.T @ x.reshape(len(rows), f) if needs_grad(context, 1) else None
        grad_b = rows.sum(axis=0) if needs_grad(context, 2) else None
        return grad_x, grad_w, grad_b
