"""Arrays inside a Trace: each distinct one is kept once; a large one is kept as a summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vizgrad.core import Array
from vizgrad.errors import TraceError

FULL = 4096  # up to this many entries an array is kept as it is
_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}  # JSON has no numbers for these
_BINS = 16
_THUMBNAIL = 32


class Arrays:
    """A list of arrays without repetition. Equal arrays (dtype, shape and every bit) share one place.

    Examples:
        >>> store = Arrays()
        >>> store.add(np.ones(2)), store.add(np.zeros(2)), store.add(np.ones(2))
        (0, 1, 0)
    """

    def __init__(self) -> None:
        self.items: list[Array] = []
        self._places: dict[tuple[str, tuple[int, ...], bytes], int] = {}

    def add(self, array: Any) -> int:
        """Keep a copy of the array and return its place."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._places:
            self._places[key] = len(self.items)
            self.items.append(array.copy())
        return self._places[key]


class Summarised(np.ndarray[Any, Any]):
    """An array of which only a summary was kept: it has the entries of the thumbnail, and writes the summary again."""

    record: dict[str, Any]


def to_json(array: Array) -> dict[str, Any]:
    """An array as JSON: shape, dtype, and its entries row by row, or a summary of them where there are too many."""
    if isinstance(array, Summarised):
        return array.record
    record: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.size <= FULL:
        record["data"] = _numbers(array)
    else:
        record["summary"] = summary(array)
    return record


def from_json(record: dict[str, Any]) -> Array:
    """The array that `to_json` wrote. Of a summary only the thumbnail comes back, stretched to the full shape."""
    try:
        shape, dtype = tuple(record["shape"]), np.dtype(str(record["dtype"]))
        if dtype.kind not in "fiub" or not all(size >= 0 for size in shape):
            raise ValueError(f"no array has shape {shape} and dtype {dtype}")
        if "data" in record:
            return np.array([_SPECIAL.get(x, x) for x in record["data"]], dtype).reshape(shape)
        thumbnail = record["summary"]["thumbnail"]
        small = np.array([_SPECIAL.get(x, x) for x in thumbnail["data"]]).reshape(thumbnail["shape"])
        rows, columns = (
            np.repeat(np.arange(n), np.diff(_cuts(of, n))) for n, of in zip(small.shape, _matrix(shape), strict=True)
        )
        array = small[np.ix_(rows, columns)].reshape(shape).astype(dtype).view(Summarised)
        array.record = record
        return array
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise TraceError(f"The trace holds an array that cannot be read: {error}.") from error


def summary(array: Array) -> dict[str, Any]:
    """What a reader can still be shown of a large array: range, moments, histogram, and a small picture of it."""
    finite = array[np.isfinite(array)].astype(np.float64)
    if finite.size == 0:
        finite = np.zeros(1)
    low, high = finite.min(), finite.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Halves and shares of the largest entry: a network that diverges has values whose sum or distance overflows.
    largest = np.abs(finite).max() or 1.0
    places = (finite / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
    counts, shares = np.histogram(places, bins=_BINS, range=(0.0, 1.0))
    with np.errstate(over="ignore", invalid="ignore"):
        picture = thumbnail(array).astype(np.float32)
    return {
        "min": _number(finite.min()),
        "max": _number(finite.max()),
        "mean": _number((finite / largest).mean() * largest),
        "std": _number((finite / largest).std() * largest),
        "nonfinite": int(array.size - np.isfinite(array).sum()),
        "histogram": {"edges": _numbers(low * (1 - shares) + high * shares), "counts": counts.tolist()},
        "thumbnail": {"shape": list(picture.shape), "data": _numbers(picture)},
    }


def thumbnail(array: Array) -> Array:
    """The array as a matrix of at most 32 by 32 block means: rows are the first axis, columns all the others."""
    matrix = np.where(np.isfinite(array), array, 0).astype(np.float64).reshape(_matrix(array.shape))
    rows, columns = (_cuts(n, min(n, _THUMBNAIL)) for n in matrix.shape)
    sums = np.add.reduceat(np.add.reduceat(matrix, rows[:-1], axis=0), columns[:-1], axis=1)
    means: Array = sums / np.outer(np.diff(rows), np.diff(columns))
    return means


def _matrix(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of an array seen as a matrix."""
    return (shape[0] if shape else 1), math.prod(shape[1:])


def _cuts(n: int, parts: int) -> Array:
    """Where a length is cut into parts of (nearly) the same size."""
    return np.linspace(0, n, parts + 1).astype(int)


def _numbers(array: Array) -> list[Any]:
    return [_number(x) for x in array.reshape(-1)]


def _number(x: Any) -> Any:
    """The shortest JSON number that reads back as the same number of its dtype."""
    if isinstance(x, (np.bool_, bool)):
        return bool(x)
    if isinstance(x, np.integer):
        return int(x)
    if np.isfinite(x):
        return float(str(x))
    return "NaN" if np.isnan(x) else "Infinity" if x > 0 else "-Infinity"
