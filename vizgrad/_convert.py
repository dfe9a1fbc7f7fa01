"""Everything that may stand where a tensor is expected, made into one: numbers, lists, NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vizgrad import core, errors

if TYPE_CHECKING:
    from vizgrad.core import Op, TensorNode

Array = NDArray[Any]


def as_array(value: Any, name: str | None, requires_grad: bool) -> Array:
    """A value as an array that the engine can compute with.

    Raises:
        DtypeError: it holds something else than real numbers, or whole numbers although a gradient is wanted.
    """
    if type(value) is np.ndarray and value.dtype.kind == "f":
        return value
    if isinstance(value, core.TensorNode):
        raise errors.tensor_in_tensor(name)
    given = value
    if not isinstance(value, (np.ndarray, np.generic)):
        try:
            value = np.asarray(value)
        except (ValueError, errors.DtypeError) as error:  # rows of different lengths; tensors in a list
            raise errors.not_numbers(given, name) from error
        if value.dtype.kind in "iu":  # Python's own integers mean numbers, as in TensorNode(3)
            value = value.astype(np.float64)
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise errors.not_numbers(given, name)
    if requires_grad and value.dtype.kind != "f":
        raise errors.integer_array(value, name)
    return value


def as_tensors(op: type[Op], inputs: Sequence[Any]) -> tuple[TensorNode, ...]:
    """An op's inputs as tensors: numbers and arrays become constants.

    A number, and an array of whole numbers or truth values, takes the number type of a partner that holds fractions:
    ``x * 0.5`` stays float32 for a float32 ``x``, and bytes beside a tensor do not wrap around at 255.
    """
    tensors = [value for value in inputs if isinstance(value, core.TensorNode)]
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    types = [dtype for dtype in (*(t.dtype for t in tensors), *(a.dtype for a in arrays)) if dtype.kind == "f"]
    if not tensors:
        types.append(np.dtype(np.float64))
    partner = types[0] if types else None
    return tuple(value if isinstance(value, core.TensorNode) else _constant(op, value, partner) for value in inputs)


def _constant(op: type[Op], value: Any, partner: np.dtype[Any] | None) -> TensorNode:
    if not isinstance(value, (bool, int, float, list, tuple, np.ndarray, np.generic)):
        raise errors.not_a_tensor(op, value)
    array = as_array(value, None, False)
    adapts = not isinstance(value, np.ndarray) or array.dtype.kind != "f"
    return core.TensorNode(array.astype(partner) if partner and adapts else array, requires_grad=False)


def as_floats(arrays: list[Array]) -> list[Array]:
    """Whole numbers and truth values in the float type of their partners, or in float64 where there are only such.

    NumPy would compute whole numbers in their own type, where 200 + 100 is 44 (uint8), and would make float64 of a
    float32 array beside an int64 one.

    Examples:
        >>> import numpy as np
        >>> as_floats([np.ones(2, np.float32), np.array([200, 100])])[1]
        array([200., 100.], dtype=float32)
    """
    if all(array.dtype.kind == "f" for array in arrays):
        return arrays
    floats = [array.dtype for array in arrays if array.dtype.kind == "f"]
    dtype = np.result_type(*floats) if floats else np.dtype(np.float64)
    return [array if array.dtype.kind == "f" else array.astype(dtype) for array in arrays]
