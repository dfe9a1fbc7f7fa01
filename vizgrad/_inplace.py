"""Has an array been written into since an op used it? Then what forward saved is not what it was, nor the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CERTAIN = 1024  # up to so many entries are all compared; of larger arrays as many, evenly spaced


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
        while array.size > _CERTAIN:
            longest = array.shape.index(max(array.shape))
            array = array[(slice(None),) * longest + (slice(None, None, 2),)]
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


def shares(array: NDArray[Any], context: dict[str, Any]) -> bool:
    """Whether an op keeps this array, or a view of it, in its context."""
    return any(isinstance(saved, np.ndarray) and np.may_share_memory(saved, array) for saved in context.values())
