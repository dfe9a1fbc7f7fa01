"""What a gradient should be: how the outputs change when one entry moves a little to either side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vizgrad.core import Array

STEP = 1e-5  # of an entry up to 1 in size, relative for larger ones: balances rounding against curvature
_SMALLER = (1.0, 1e-2, 1e-4)  # what the step is multiplied with while the slopes disagree
_AGREE = 1e-3  # relative difference between the slopes to one side and to both, above which there is a kink
_SLIGHT = 1e-9  # smaller differences between slopes do not matter
_ROUNDING = 20  # so many last digits of an output may be lost in it


@dataclass(frozen=True)
class Slopes:
    """The gradient of weighted sums of outputs with respect to one input.

    Attributes:
        gradients: one for each upstream gradient, each of the input's shape.
        noise: what rounding can have done to them, at most.
        kinks: the entries at which the slopes to the left and to the right differ, or the function jumps.
        own: where there are as many outputs as entries, the slope of each output for the entry at its own place.
    """

    gradients: list[Array]
    noise: list[Array]
    kinks: Array
    own: Array | None


def slopes(evaluate: Callable[[Array], Array], value: Array, upstreams: Sequence[Array], step: float = STEP) -> Slopes:
    """Differentiate numerically, by the central stencil of fourth order with five points.

    The error of the stencil is h^4/30 times the fifth derivative, so that with a step h of 1e-5 only rounding is left:
    about 1e-11 times the size of the outputs that change. Where the slopes to the left, to the right and to both sides
    disagree, the step is made smaller: either it was too long for the curvature, or there is a kink or a jump.

    Source: Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids" (1988), table 1.

    Args:
        evaluate: the outputs as one vector (k,), given the input.
        value: the input.
        upstreams: gradients of losses with respect to the outputs, each (k,).
        step: h.

    Examples:
        >>> import numpy as np
        >>> found = slopes(lambda x: x**3, np.array([2.0]), [np.ones(1)])
        >>> round(float(found.gradients[0][0]), 8)  # 3 * 2**2
        12.0
        >>> slopes(np.abs, np.array([0.0, 3.0]), [np.ones(2)]).kinks
        array([ True, False])
    """
    centre = evaluate(value)
    weights = np.stack(upstreams)
    gradients = np.zeros((len(upstreams), value.size))
    noise = np.zeros_like(gradients)
    kinks = np.zeros(value.size, bool)
    own = np.zeros(value.size) if centre.size == value.size else None
    moved = value.copy()
    entries = moved.reshape(-1)
    for i, before in enumerate(entries.tolist()):
        for smaller in _SMALLER:
            h = step * smaller * max(1.0, abs(before))
            changes = []
            for steps in (-2, -1, 1, 2):
                entries[i] = before + steps * h
                changes.append(evaluate(moved) - centre)
            two_left, left, right, two_right = changes
            both = (right - left) / (2 * h)
            sides = (4 * right - two_right) / (2 * h), (two_left - 4 * left) / (2 * h)
            # An output that does not change adds no rounding.
            lost = _ROUNDING * np.finfo(np.float64).eps * np.where((left == 0) & (right == 0), 0.0, abs(centre)) / h
            tolerated = _AGREE * abs(both) + 10 * lost + _SLIGHT
            kinks[i] = not all((abs(side - both) <= tolerated).all() for side in sides)  # nan agrees with nothing
            if not kinks[i]:
                break
        entries[i] = before
        slope = (8 * (right - left) - (two_right - two_left)) / (12 * h)
        gradients[:, i] = weights @ slope
        noise[:, i] = abs(weights) @ lost
        if own is not None:
            own[i] = slope[i]
    return Slopes(
        [gradient.reshape(value.shape) for gradient in gradients],
        [bound.reshape(value.shape) for bound in noise],
        kinks.reshape(value.shape),
        own,
    )
