"""Where a window stands while it slides over an image: what convolution and pooling have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vizgrad.core import Array

Pair = int | tuple[int, int]


class Windows(NamedTuple):
    """The places of a window on a padded image, (rows, columns) each.

    Attributes:
        size: of the window.
        stride: how far the window moves from one place to the next.
        padding: how much is put around the image, on each side.
        places: how often the window fits. What is left over at the bottom and on the right is not looked at.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    places: tuple[int, int]

    @classmethod
    def over(cls, x: Array, size: Pair, stride: Pair, padding: Pair) -> Windows:
        """The windows on images x (n, c, h, w).

        Raises:
            ValueError: a setting is out of range, or the window does not fit even once.

        Examples:
            >>> Windows.over(np.zeros((1, 1, 5, 7)), size=2, stride=(1, 2), padding=0).places
            (4, 3)
        """
        if x.ndim != 4:
            raise ValueError(f"images have four axes (n, c, h, w); here are {x.ndim}")
        high, wide = pair("size", size, least=1)
        down, along = pair("stride", stride, least=1)
        above, beside = pair("padding", padding, least=0)
        rows, columns = x.shape[2] + 2 * above, x.shape[3] + 2 * beside
        if high > rows or wide > columns:
            raise ValueError(f"a window of {high}x{wide} does not fit into {rows}x{columns}, padding included")
        places = (rows - high) // down + 1, (columns - wide) // along + 1
        return cls((high, wide), (down, along), (above, beside), places)

    def rows(self, i: int) -> slice:
        """The rows of the padded image that lie under row i of the window, over all places."""
        return slice(i, i + self.stride[0] * self.places[0], self.stride[0])

    def columns(self, j: int) -> slice:
        """The columns of the padded image that lie under column j of the window, over all places."""
        return slice(j, j + self.stride[1] * self.places[1], self.stride[1])

    def under(self, i: int, j: int) -> tuple[slice, slice, slice, slice]:
        """An index of the padded images (n, c, h, w): what lies under cell (i, j) of the window, over all places."""
        return slice(None), slice(None), self.rows(i), self.columns(j)

    def cells(self) -> list[tuple[slice, slice, slice, slice]]:
        """`under` for each cell of the window, row by row."""
        return [self.under(i, j) for i in range(self.size[0]) for j in range(self.size[1])]

    def pad(self, x: Array, fill: float = 0.0) -> Array:
        """The images with their padding around them."""
        (above, beside), (n, c, h, w) = self.padding, x.shape
        if above == beside == 0:
            return x
        padded = np.full((n, c, h + 2 * above, w + 2 * beside), fill, x.dtype)
        self.crop(padded)[:] = x
        return padded

    def crop(self, padded: Array) -> Array:
        """The images without their padding, as a view."""
        above, beside = self.padding
        return padded[:, :, above : padded.shape[2] - above, beside : padded.shape[3] - beside]


def pair(name: str, value: Any, least: int) -> tuple[int, int]:
    """A setting for rows and columns: one whole number for both, or two.

    Raises:
        ValueError: it is something else, or below ``least``.

    Examples:
        >>> pair("stride", 2, least=1)
        (2, 2)
    """
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(numbers) != 2 or not all(isinstance(k, (int, np.integer)) and k >= least for k in numbers):
        raise ValueError(f"{name} is a whole number of at least {least}, or two of them; here it is {value!r}")
    return int(numbers[0]), int(numbers[1])
