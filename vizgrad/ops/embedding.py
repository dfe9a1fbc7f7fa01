"""Numbered things, such as words, as rows of a table that is learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule

__all__ = ["Embed"]


class Embed(Op):
    """Look rows up in a table (v, f): ``indices`` of any shape (...), whole numbers from 0 to v - 1, give (..., f).

    Source of the rule: a row that was looked up several times has acted several times, so its gradients add up.
    """

    symbol = "look up"
    rule = Rule(
        forward=r"\v{out}_i = \v{table}_{t_i}",
        backward=(r"\g{table} = \Big[\sum_{i:\,t_i = k} \g{out}_i\Big]_{k}",),
    )

    @staticmethod
    def forward(context: Any, table: Array, *, indices: Any) -> Array:
        indices = np.asarray(indices)
        if table.ndim != 2:
            raise ValueError(f"a table is a matrix (v, f); this array has {table.ndim} axes")
        if indices.dtype.kind not in "iu" and indices.size:
            raise ValueError(f"indices are whole numbers, not {indices.dtype}")
        if indices.size and not (indices.min() >= 0 and indices.max() < len(table)):
            found = f"{indices.min()} to {indices.max()}"
            raise IndexError(
                f"{len(table)} rows have numbers from 0 to {len(table) - 1}; here indices run from {found}"
            )
        indices = indices.astype(np.intp)  # a copy, because the program may change its array
        context["table shape"], context["indices"] = table.shape, indices
        return table[indices]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        gradient = np.zeros(context["table shape"], go.dtype)
        np.add.at(gradient, context["indices"], go)  # not gradient[indices] += go, which adds a repeated row once
        return gradient
