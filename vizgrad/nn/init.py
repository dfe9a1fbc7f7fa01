"""How the weights of a network start: each function draws an array of a given shape.

All take ``(shape, rng, dtype)``, so that any of them can be given to a layer as ``init=``. Where a formula needs the
number of inputs (fan in) and outputs (fan out) of a layer, they are read from the shape of its weights: (m, f) for a
linear layer, (out, in, height, width) for a convolution, whose kernel counts once for each of its cells.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from vizgrad import errors
from vizgrad.core import Array

__all__ = [
    "constant",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "normal",
    "uniform",
    "zeros",
]

Shape: TypeAlias = tuple[int, ...]
Generator: TypeAlias = "np.random.Generator"  # as text: NumPy loads its generators when they are first used


def fans(shape: Shape) -> tuple[int, int]:
    """The number of inputs and of outputs that meet in a weight array.

    Raises:
        ShapeError: the shape has fewer than two axes.

    Examples:
        >>> fans((10, 784))
        (784, 10)
        >>> fans((16, 6, 5, 5))
        (150, 400)
    """
    if len(shape) < 2:
        raise errors.no_fans(shape)
    outputs, inputs, *kernel = shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def glorot_normal(shape: Shape, rng: Generator | None = None, dtype: Any = np.float64) -> Array:
    """Normal with standard deviation sqrt(2 / (fan_in + fan_out)).

    A compromise: values keep their variance on the way forward if it is 1 / fan_in, gradients on the way back if it is
    1 / fan_out. (Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    equation 12.)

    Examples:
        >>> import numpy as np
        >>> weights = glorot_normal((3136, 784), np.random.default_rng(0))
        >>> print(f"{weights.std():.4f}")  # sqrt(2 / 3920)
        0.0226
    """
    return normal(shape, rng, dtype, std=_glorot(shape))


def glorot_uniform(shape: Shape, rng: Generator | None = None, dtype: Any = np.float64) -> Array:
    """Uniform with the standard deviation of `glorot_normal`: between -b and b, b = sqrt(6 / (fan_in + fan_out)).

    (Glorot and Bengio 2010, equation 16.)

    Examples:
        >>> import numpy as np
        >>> bool(np.abs(glorot_uniform((4, 2))).max() <= 1)  # b is sqrt(6 / 6)
        True
    """
    return _symmetric(shape, rng, dtype, std=_glorot(shape))


def he_normal(shape: Shape, rng: Generator | None = None, dtype: Any = np.float64, slope: float = 0.0) -> Array:
    """Normal with standard deviation sqrt(2 / (1 + slope^2) / fan_in), for layers that a ReLU follows.

    A ReLU sets half of its inputs to 0, and so halves their mean square; the 2 makes up for it. (He, Zhang, Ren and
    Sun, "Delving deep into rectifiers", 2015, equations 10 and 15.)

    Args:
        shape: of the weights, at least two axes.
        rng: where the numbers come from; left out, a fresh generator.
        dtype: number type of the result.
        slope: what a leaky ReLU multiplies negative inputs with; 0 for ReLU.

    Examples:
        >>> import numpy as np
        >>> weights = he_normal((1000, 200), np.random.default_rng(0))
        >>> print(f"{weights.std():.2f}")  # sqrt(2 / 200)
        0.10
    """
    return normal(shape, rng, dtype, std=_he(shape, slope))


def he_uniform(shape: Shape, rng: Generator | None = None, dtype: Any = np.float64, slope: float = 0.0) -> Array:
    """Uniform with the standard deviation of `he_normal`: between -b and b, b = sqrt(6 / (1 + slope^2) / fan_in).

    Examples:
        >>> import numpy as np
        >>> bool(np.abs(he_uniform((4, 6))).max() <= 1)  # b is sqrt(6 / 6)
        True
    """
    return _symmetric(shape, rng, dtype, std=_he(shape, slope))


def normal(
    shape: Shape, rng: Generator | None = None, dtype: Any = np.float64, mean: float = 0.0, std: float = 1.0
) -> Array:
    """Normal with the given mean and standard deviation.

    Examples:
        >>> import numpy as np
        >>> normal((2, 3), np.random.default_rng(0), np.float32, std=0.01).dtype
        dtype('float32')
    """
    return ((rng or np.random.default_rng()).standard_normal(shape) * std + mean).astype(dtype)


def uniform(
    shape: Shape, rng: Generator | None = None, dtype: Any = np.float64, low: float = 0.0, high: float = 1.0
) -> Array:
    """Uniform between ``low`` and ``high``.

    Examples:
        >>> bool(uniform((5,), low=2, high=3).min() >= 2)
        True
    """
    return (rng or np.random.default_rng()).uniform(low, high, shape).astype(dtype)


def zeros(shape: Shape, rng: Generator | None = None, dtype: Any = np.float64) -> Array:
    """All 0. As weights they keep all hidden units equal for ever; for a bias they are right.

    Examples:
        >>> zeros((3,))
        array([0., 0., 0.])
    """
    return np.zeros(shape, dtype)


def constant(shape: Shape, rng: Generator | None = None, dtype: Any = np.float64, value: float = 1.0) -> Array:
    """All ``value``.

    Examples:
        >>> constant((3,), value=0.5)
        array([0.5, 0.5, 0.5])
    """
    return np.full(shape, value, dtype)


def _glorot(shape: Shape) -> float:
    return math.sqrt(2 / max(sum(fans(shape)), 1))


def _he(shape: Shape, slope: float) -> float:
    return math.sqrt(2 / (1 + slope**2) / max(fans(shape)[0], 1))


def _symmetric(shape: Shape, rng: Generator | None, dtype: Any, std: float) -> Array:
    bound = math.sqrt(3) * std  # a uniform distribution between -b and b has the standard deviation b / sqrt(3)
    return uniform(shape, rng, dtype, -bound, bound)
