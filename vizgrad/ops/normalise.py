"""Rows that become distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule


class Normalize(Op):
    """Divide each row of a matrix (n, m) by its sum."""

    symbol = "÷ row Σ"
    rule = Rule(
        forward=r"\v{out} = \v{x} \oslash \operatorname{rowsum}(\v{x})",
        backward=(
            r"\g{x} = (\g{out} - \operatorname{rowsum}(\g{out} \odot \v{out})) \oslash \operatorname{rowsum}(\v{x})",
        ),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["sums"] = x.sum(axis=1, keepdims=True)
        context["out"] = x / context["sums"]
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        # Every entry of a row depends on every other through the sum: the row sum must not be dropped.
        out = context["out"]
        return (go - (go * out).sum(axis=1, keepdims=True)) / context["sums"]


class LogSoftmax(Op):
    """The logarithm of the softmax of each row of a matrix (n, m), without overflow for large scores."""

    symbol = "log softmax"
    rule = Rule(
        forward=r"\v{out} = \v{x} - \operatorname{logsumexp}(\v{x})",
        backward=(r"\g{x} = \g{out} - \exp(\v{out}) \odot \operatorname{rowsum}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        # Subtracting the row maximum changes nothing but keeps exp in range.
        shifted = x - x.max(axis=1, keepdims=True)
        context["out"] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go - np.exp(context["out"]) * go.sum(axis=1, keepdims=True)
