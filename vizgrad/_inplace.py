"""Has an array been written into since an op used it? Then what forward saved is not what it was, nor the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CERTAIN = 1024  # up to so many entries are all compared
_SAMPLED = 256  # as many at least of larger arrays: each entry is a miss of the cache


class Watch:
    """Remembers what an array looked like when it was last seen.

    NumPy does not tell when an array is written into, so its bytes are compared. Only arrays that the program can reach
    are watched: those it made itself, and those it has asked for by ``node.value``.

    Attributes:
        walk: the backward walk that has looked last.
        changed: ``None``, or the moment at which the last change was noticed (the ops' ``order``, which counts down).
    """

    __slots__ = ("changed", "probe", "seen", "walk")

    def __init__(self, array: NDArray[Any]) -> None:
        if array.size > _CERTAIN:
            array = _sample(array)
        self.probe = array.tobytes
        self.seen = array.tobytes()
        self.changed: int | None = None
        self.walk: object = None

    def look(self, moment: int) -> None:
        """Compare the array with what was last seen of it."""
        now = self.probe()
        if now != self.seen:
            self.seen = now
            self.changed = moment


def _sample(array: NDArray[Any]) -> NDArray[Any]:
    """Evenly spaced entries of an array, as a view."""
    if array.flags.f_contiguous:
        array = array.T
    if array.flags.c_contiguous:
        return array.reshape(-1)[:: array.size // _SAMPLED | 1]  # an odd step, so that not all are of one column
    while array.size > _CERTAIN:
        longest = array.shape.index(max(array.shape))
        array = array[(slice(None),) * longest + (slice(None, None, 2),)]
    return array


def shares(array: NDArray[Any], context: dict[str, Any]) -> bool:
    """Whether an op keeps this array, or a view of it, in its context."""
    return any(isinstance(saved, np.ndarray) and np.may_share_memory(saved, array) for saved in context.values())
