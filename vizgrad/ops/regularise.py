"""What makes a network less sure of its training data."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule

__all__ = ["Drop"]


class Drop(Op):
    """x ⊙ mask, with a ``mask`` that is no tensor: 0 where an entry is dropped, 1 / (1 - p) where it is kept.

    The mask has the shape of x. Because what is kept is scaled up, the mean of an entry stays what it is without
    dropout, and nothing needs to be done when the network is used ("inverted" dropout).

    Source of the rule: Srivastava et al., "Dropout" (2014).
    """

    symbol = "drop"
    rule = Rule(
        forward=r"\v{out} = \v{x} \odot \k{mask}",
        backward=(r"\g{x} = \g{out} \odot \k{mask}",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, mask: Any) -> Array:
        mask = np.array(mask, x.dtype)  # a copy, because the program may change its array
        if mask.shape != x.shape:
            raise ValueError(f"the mask needs the shape of x, {x.shape}; here it is {mask.shape}")
        context["mask"] = mask
        return x * mask

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go * context["mask"]
