"""Pooling: each window of an image becomes one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule
from vizgrad.ops.windows import Pair, Windows

__all__ = ["MaxPooling2d", "MeanPooling2d"]


class MaxPooling2d(Op):
    """The largest entry of each window: images (n, c, h, w) -> (n, c, oh, ow).

    ``size``, ``stride`` (left out: the size, so that windows stand side by side) and ``padding`` (at most half of the
    size) are whole numbers or pairs (rows, columns); oh = (h + 2 padding - size) // stride + 1.
    The padding is below every entry and never wins. Of equal entries the first one, row by row, receives the gradient,
    as in PyTorch.

    Source of the rule: only the largest entry moves the output, and with slope 1.
    """

    symbol = "max pool"
    rule = Rule(
        forward=r"\v{out}_{ncpq} = \max_{i,j < \k{size}} \v{x}_{n,c,\,\k{stride}p + i,\,\k{stride}q + j}",
        backward=(r"\g{x} = \Big[\sum_{p,q} \g{out}_{ncpq} \, [(u, v) \text{ wins window } (p, q)]\Big]_{ncuv}",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Array:
        windows = _windows(x, size, stride, padding)
        padded = windows.pad(x, -np.inf)
        # One cell of the window after the other, each for all places at once.
        out = padded[windows.under(0, 0)].copy()
        for cell in windows.cells():
            np.maximum(out, padded[cell], out=out)
        context["padded"], context["out"], context["windows"] = padded, out, windows
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        padded, out, windows = context["padded"], context["out"], context["windows"]
        gradient = np.zeros(padded.shape, go.dtype)
        undecided = np.ones(out.shape, bool)  # no cell has won yet; an equal entry that comes later gets nothing
        for cell in windows.cells():
            won = (padded[cell] == out) & undecided
            undecided ^= won
            gradient[cell] += won * go
        return windows.crop(gradient)


class MeanPooling2d(Op):
    """The mean of each window: images (n, c, h, w) -> (n, c, oh, ow).

    ``size``, ``stride`` (left out: the size, so that windows stand side by side) and ``padding`` (at most half of the
    size) are whole numbers or pairs (rows, columns); oh = (h + 2 padding - size) // stride + 1.
    The padding counts as zeros.

    Source of the rule: each entry moves the mean of a window with slope 1 / (entries of the window).
    """

    symbol = "mean pool"
    rule = Rule(
        forward=r"\v{out}_{ncpq} = \frac{1}{\k{entries}} \sum_{i,j < \k{size}} "
        r"\v{x}_{n,c,\,\k{stride}p + i,\,\k{stride}q + j}",
        backward=(
            r"\g{x} = \frac{1}{\k{entries}} \Big[\sum_{p,q} \g{out}_{ncpq} \, "
            r"[(u, v) \text{ in window } (p, q)]\Big]_{ncuv}",
        ),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Array:
        windows = _windows(x, size, stride, padding)
        padded = windows.pad(x)
        out = np.zeros(padded[windows.under(0, 0)].shape, x.dtype)
        for cell in windows.cells():
            out += padded[cell]
        context["entries"] = windows.size[0] * windows.size[1]
        context["xshape"], context["windows"] = x.shape, windows
        return out / context["entries"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        windows = context["windows"]
        gradient = windows.pad(np.zeros(context["xshape"], go.dtype))
        share = go / context["entries"]
        for cell in windows.cells():
            gradient[cell] += share
        return windows.crop(gradient)


def _windows(x: Array, size: Pair, stride: Pair | None, padding: Pair) -> Windows:
    windows = Windows.over(x, size, size if stride is None else stride, padding)
    if any(2 * around > length for around, length in zip(windows.padding, windows.size, strict=True)):
        raise ValueError(f"padding {padding} is more than half of the window {size}, so windows could miss the image")
    return windows
