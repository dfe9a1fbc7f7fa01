"""Arrays inside a Trace: each distinct one is kept once; a large one is kept as a summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vizgrad._inplace import Watch
from vizgrad.core import Array
from vizgrad.errors import TraceError

FULL = 4096  # up to this many entries an array is kept as it is
_SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}  # JSON has no numbers for these
_BINS = 16
_THUMBNAIL = 32
_PIECE = 1 << 14  # entries; larger temporary arrays cost more to get than to compute


class Arrays:
    """A list of arrays without repetition.

    Small arrays are copied, and equal ones (dtype, shape and every bit) share one place. To compare and copy large ones
    would cost more than the recorded computation; so those are known by identity, and copied only if somebody might
    write into them.

    Examples:
        >>> store = Arrays()
        >>> store.add(np.ones(2)), store.add(np.zeros(2)), store.add(np.ones(2))
        (0, 1, 0)
    """

    def __init__(self) -> None:
        self.items: list[Array] = []
        self._places: dict[tuple[str, tuple[int, ...], bytes], int] = {}
        self._large: dict[int, tuple[Array, Watch, int]] = {}  # by id(array); the array is held, so no id comes twice

    def add(self, array: Any, fresh: bool = False) -> int:
        """Keep the array and return its place.

        Args:
            array: any array or number.
            fresh: whether the engine has just made it, and nobody else holds it: then no copy is needed.
        """
        array = np.asarray(array)
        if array.size > FULL:
            return self._add_large(array, fresh)
        key = (array.dtype.str, array.shape, array.tobytes())
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.items)
            self.items.append(array.copy())
        return place

    def _add_large(self, array: Array, fresh: bool) -> int:
        known = self._large.get(id(array))
        if known is not None and known[1].probe() == known[1].seen:
            return known[2]
        self._large[id(array)] = array, Watch(array), len(self.items)
        self.items.append(array if fresh and array.base is None else array.copy())
        return len(self.items) - 1


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


@dataclass(frozen=True)
class Measures:
    """What a summary says of an array, as numbers; they are written out when a trace is."""

    low: float
    high: float
    mean: float
    std: float
    nonfinite: int
    counts: Array
    picture: Array

    def summary(self) -> dict[str, Any]:
        """The summary as JSON."""
        ends = (self.low, self.high) if self.low < self.high else (self.low - 0.5, self.high + 0.5)
        shares = np.linspace(0.0, 1.0, _BINS + 1)
        return {
            "min": _number(self.low),
            "max": _number(self.high),
            "mean": _number(self.mean),
            "std": _number(self.std),
            "nonfinite": self.nonfinite,
            "histogram": {"edges": _numbers(ends[0] * (1 - shares) + ends[1] * shares), "counts": self.counts.tolist()},
            "thumbnail": {"shape": list(self.picture.shape), "data": _numbers(self.picture)},
        }


def summary(array: Array) -> dict[str, Any]:
    """What a reader can still be shown of a large array: range, moments, histogram, and a small picture of it."""
    return measures(array).summary()


def measures(array: Array) -> Measures:
    """What a summary says of an array."""
    finite = array.reshape(-1)
    whole = _is_finite(array)
    if not whole:
        finite = finite[np.isfinite(finite)]
    nonfinite = array.size - finite.size
    if finite.size == 0:
        finite = np.zeros(1)
    low, high = np.float64(finite.min()), np.float64(finite.max())
    # Shares of the largest entry: a network that diverges has values whose sum or distance overflows.
    largest = max(abs(low), abs(high)) or 1.0
    mean, std, counts = _moments(finite, low / largest, high / largest, largest)
    with np.errstate(over="ignore", invalid="ignore"):
        picture = _block_means(array if whole else _without_infinite(array)).astype(np.float32)
    return Measures(low, high, mean * largest, std * largest, nonfinite, counts, picture)


def _moments(array: Array, low: float, high: float, unit: float) -> tuple[float, float, Array]:
    """Mean, standard deviation and histogram of an array in a unit, piece by piece: a piece stays in fast memory."""
    dtype = np.result_type(array, np.float32)
    unit, low = dtype.type(unit), dtype.type(low)
    scale = dtype.type(_BINS / (high - float(low)) if low < high else 0.0)
    count, mean, squares, counts = 0, 0.0, 0.0, np.zeros(_BINS, int)
    for start in range(0, array.size, _PIECE):
        piece = array[start : start + _PIECE] / unit
        counts += _counted(((piece - low) * scale).astype(np.uint8))
        own = piece.mean(dtype=np.float64)
        piece -= dtype.type(own)
        away, count = own - mean, count + piece.size
        mean += away * piece.size / count
        spread = np.square(piece, out=piece).sum(dtype=np.float64)
        squares += spread + away * away * piece.size * (count - piece.size) / count
    return mean, math.sqrt(squares / count), counts


def _counted(bins: Array) -> Array:
    """How often each bin occurs. Two neighbours are read as one number: there is half as much to count."""
    np.minimum(bins, _BINS - 1, out=bins)
    even = bins.size // 2 * 2
    pairs = np.bincount(bins[:even].view(np.uint16), minlength=256 * _BINS).reshape(_BINS, 256)[:, :_BINS]
    counts: Array = pairs.sum(axis=0) + pairs.sum(axis=1) + np.bincount(bins[even:], minlength=_BINS)
    return counts


def _is_finite(array: Array) -> bool:
    """Whether all entries are finite; their sum, which costs less to look at, nearly always tells."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum(dtype=np.float64))) or bool(np.isfinite(array).all())


def thumbnail(array: Array) -> Array:
    """The array as a matrix of at most 32 by 32 block means: rows are the first axis, columns all the others."""
    return _block_means(_without_infinite(array))


def _without_infinite(array: Array) -> Array:
    return np.where(np.isfinite(array), array, 0)


def _block_means(array: Array) -> Array:
    matrix = array.astype(np.result_type(array, np.float32), copy=False).reshape(_matrix(array.shape))
    rows, columns = (_cuts(n, min(n, _THUMBNAIL)) for n in matrix.shape)
    sums = np.add.reduceat(np.add.reduceat(matrix, columns[:-1], axis=1), rows[:-1], axis=0)
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
