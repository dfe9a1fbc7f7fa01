"""Arrays as pictures: sign by hue, size by opacity, so that they read on a light and on a dark page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from vizgrad.core import Array
from vizgrad.draw.content import Slot, as_matrix

POSITIVE = (37, 99, 235)
NEGATIVE = (217, 70, 39)


def level(array: Array) -> Array:
    """Each entry relative to the largest: from -1 to 1, and 0 for what is not a number."""
    finite = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    largest = np.abs(finite).max(initial=0.0)
    levels: Array = finite / largest if largest else finite
    return levels


def picture_url(array: Array, slot: Slot, picture: list[int] | None) -> str:
    """An array as a data URL of a PNG, one pixel for each entry."""
    levels = level(array)
    matrix = _tiles(levels, picture, slot.tiles_across) if picture else as_matrix(levels)
    colours = np.where(matrix[..., None] < 0, NEGATIVE, POSITIVE)
    alpha = np.round(np.abs(matrix) * 255)[..., None]
    pixels = np.concatenate([colours, alpha], axis=2).astype(np.uint8)
    return "data:image/png;base64," + base64.b64encode(_png(pixels)).decode()


def _tiles(levels: Array, picture: list[int], across: int) -> Array:
    """Rows of flattened pictures as one sheet, with a pixel of space between them."""
    height, width = picture
    pictures = levels.reshape(-1, height, width)
    down = max(1, -(-len(pictures) // across))
    sheet = np.zeros((down * (height + 1) - 1, across * (width + 1) - 1))
    for index, tile in enumerate(pictures):
        top, left = (index // across) * (height + 1), (index % across) * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _png(pixels: Array) -> bytes:
    """The smallest possible PNG writer: 8-bit RGBA, no filters."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
