"""The operators and methods of a tensor. They only say which Op does the work: the arithmetic is in `vizgrad/ops/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

import vizgrad
from vizgrad import errors

if TYPE_CHECKING:
    from vizgrad.core import Operand, TensorNode

Array: TypeAlias = NDArray[Any]
Axes: TypeAlias = SupportsIndex | Sequence[int] | None


class Operators:
    """What a `TensorNode` can be asked to compute."""

    __slots__ = ()
    __array_ufunc__ = None  # so that `array + tensor` asks the tensor, not NumPy

    def __add__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Add.do_forward(self, other)

    def __radd__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Add.do_forward(other, self)

    def __sub__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Sub.do_forward(self, other)

    def __rsub__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Sub.do_forward(other, self)

    def __mul__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Multiply.do_forward(self, other)

    def __rmul__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Multiply.do_forward(other, self)

    def __truediv__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Divide.do_forward(self, other)

    def __rtruediv__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.Divide.do_forward(other, self)

    def __matmul__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.MatrixMultiply.do_forward(self, other)

    def __rmatmul__(self, other: Operand) -> TensorNode:
        return vizgrad.ops.MatrixMultiply.do_forward(other, self)

    def __pow__(self, exponent: Operand) -> TensorNode:
        return vizgrad.ops.Power.do_forward(self, exponent)

    def __rpow__(self, base: Operand) -> TensorNode:
        return vizgrad.ops.Power.do_forward(base, self)

    def matmul(self, other: Operand) -> TensorNode:
        """The matrix product (the name that the course uses)."""
        return vizgrad.ops.MatrixMultiply.do_forward(self, other)

    def __abs__(self) -> TensorNode:
        return vizgrad.ops.Abs.do_forward(self)

    def __neg__(self) -> TensorNode:
        return vizgrad.ops.Negate.do_forward(self)

    def __lt__(self, other: Operand) -> Array:
        return self._compare(np.less, other)

    def __le__(self, other: Operand) -> Array:
        return self._compare(np.less_equal, other)

    def __gt__(self, other: Operand) -> Array:
        return self._compare(np.greater, other)

    def __ge__(self, other: Operand) -> Array:
        return self._compare(np.greater_equal, other)

    def _compare(self, how: Callable[..., Array], other: Operand) -> Array:
        try:
            return how(_raw(self), _raw(other))
        except ValueError as error:
            raise errors.cannot_compare(self, np.shape(_raw(other))) from error

    # --- parts -------------------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> TensorNode:
        """Entries, rows, slices: everything that NumPy's indexing takes. The other entries get the gradient 0."""
        return vizgrad.ops.Index.do_forward(self, index=index)

    def __len__(self) -> int:
        return len(_raw(self))

    def __iter__(self) -> Iterator[TensorNode]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(_raw(self))

    def __float__(self) -> float:
        return float(_raw(self).item())

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise errors.tensor_in_numpy(self)

    # --- shapes ------------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """The number of axes."""
        dimensions: int = _raw(self).ndim
        return dimensions

    @property
    def T(self) -> TensorNode:
        """The transpose: axes in reverse order."""
        return vizgrad.ops.Transpose.do_forward(self)

    def transpose(self, *axes: int | Sequence[int]) -> TensorNode:
        """The axes in another order; left out, in reverse."""
        return vizgrad.ops.Transpose.do_forward(self, axes=_unpacked(axes) or None)

    def reshape(self, *shape: int | Sequence[int]) -> TensorNode:
        """The same entries in another shape, row by row; one size may be -1."""
        return vizgrad.ops.Reshape.do_forward(self, shape=_unpacked(shape))

    def flatten(self) -> TensorNode:
        """All entries in one axis."""
        return vizgrad.ops.Reshape.do_forward(self, shape=(-1,))

    def squeeze(self, dim: int = 0) -> TensorNode:
        """Without an axis of length 1."""
        return vizgrad.ops.Squeeze.do_forward(self, dim=dim)

    def unsqueeze(self, dim: int = 0) -> TensorNode:
        """With a new axis of length 1."""
        return vizgrad.ops.Unsqueeze.do_forward(self, dim=dim)

    def expand(self, dim: int, repeats: int) -> TensorNode:
        """An axis of length 1, repeated."""
        return vizgrad.ops.Expand.do_forward(self, dim=dim, repeats=repeats)

    # --- reductions --------------------------------------------------------------------------------------------------

    def sum(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        """Add up the entries, all of them or along ``axis``."""
        return vizgrad.ops.Sum.do_forward(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        """Average the entries, all of them or along ``axis``."""
        return vizgrad.ops.Mean.do_forward(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axes = None, keepdims: bool = False, ddof: int = 0) -> TensorNode:
        """The variance; with ``ddof=1`` the unbiased one."""
        return vizgrad.ops.Var.do_forward(self, axis=axis, keepdims=keepdims, ddof=ddof)

    def max(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        """The largest entry, of all or along ``axis``."""
        return vizgrad.ops.Max.do_forward(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        """The smallest entry, of all or along ``axis``."""
        return vizgrad.ops.Min.do_forward(self, axis=axis, keepdims=keepdims)

    # --- functions ---------------------------------------------------------------------------------------------------

    def exp(self) -> TensorNode:
        """Element-wise e to the power of the value."""
        return vizgrad.ops.Exp.do_forward(self)

    def log(self) -> TensorNode:
        """Element-wise natural logarithm."""
        return vizgrad.ops.Log.do_forward(self)

    def sqrt(self) -> TensorNode:
        """Element-wise square root."""
        return vizgrad.ops.Sqrt.do_forward(self)

    def tanh(self) -> TensorNode:
        """Element-wise hyperbolic tangent."""
        return vizgrad.ops.Tanh.do_forward(self)

    def sigmoid(self) -> TensorNode:
        """Element-wise 1 / (1 + exp(-x))."""
        return vizgrad.ops.Sigmoid.do_forward(self)

    def relu(self) -> TensorNode:
        """Element-wise max(x, 0)."""
        return vizgrad.ops.ReLU.do_forward(self)

    def clip(self, low: float | None = None, high: float | None = None) -> TensorNode:
        """Element-wise, no smaller than ``low`` and no larger than ``high``."""
        return vizgrad.ops.Clip.do_forward(self, low=low, high=high)


def _unpacked(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes or axes that were given one by one, or as one tuple."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


def _raw(operand: Operand | Operators) -> Any:
    return getattr(operand, "_value", operand)
