"""The way back through NumPy's broadcasting: what was copied on the way forward is summed on the way back."""

from __future__ import annotations

from vizgrad.core import Array


def stretched_axes(shape: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of ``to`` along which an array of ``shape`` is repeated when it is broadcast.

    Examples:
        >>> stretched_axes((3, 1), (2, 3, 4))
        (0, 2)
    """
    added = len(to) - len(shape)
    return tuple(range(added)) + tuple(
        axis + added for axis, size in enumerate(shape) if size == 1 and to[axis + added] != 1
    )


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over every axis that broadcasting added or stretched, so that it has ``shape`` again.

    Args:
        gradient: the gradient at the broadcast shape.
        shape: the shape of the operand before broadcasting.

    Examples:
        >>> import numpy as np
        >>> unbroadcast(np.ones((4, 3)), (3,))
        array([4., 4., 4.])
    """
    if gradient.shape == shape:
        return gradient
    axes = stretched_axes(shape, gradient.shape)
    return gradient.sum(axis=axes, keepdims=True).reshape(shape) if axes else gradient.reshape(shape)
