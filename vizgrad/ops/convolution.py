"""Convolution: one small kernel looks at every place of an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule, needs_grad
from vizgrad.ops.windows import Pair, Windows

__all__ = ["Convolution2d"]


class Convolution2d(Op):
    r"""Slide o kernels w (o, c, kh, kw) over images x (n, c, h, w): (n, o, oh, ow), how well each fits at each place.

    The kernel is not flipped, as in all deep-learning libraries. The bias b (o,) may be left out. ``stride`` and
    ``padding`` (rows and columns of zeros around the image) are whole numbers or pairs (rows, columns);
    oh = (h + 2 padding - kh) // stride + 1, and pixels at the lower and right edge that no kernel reaches have no
    influence. The gradients, with s the stride, and x with its padding:

    * out[n,o,p,q] = b[o] + Σ_cij w[o,c,i,j] x[n,c,sp+i,sq+j]: weight (i,j) meets one pixel at every place (p,q), so
    * w_grad[o,c,i,j] = Σ_npq out_grad[n,o,p,q] x[n,c,sp+i,sq+j], and the other way round, pixel (u,v) meets one weight
      of every kernel that covers it, the one with sp+i = u and sq+j = v:
    * x_grad[n,c,u,v] = Σ_opq out_grad[n,o,p,q] w[o,c,u-sp,v-sq].

    Source of the rule: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
    """

    symbol = "conv"
    rule = Rule(
        forward=r"\v{out}_{nopq} = \v{b}_o + \sum_{c,i,j} \v{w}_{ocij} \, "
        r"\v{x}_{n,c,\,\k{stride}p + i - \k{padding},\,\k{stride}q + j - \k{padding}}",
        backward=(
            r"\g{x} = \Big[\sum_{o,p,q} \g{out}_{nopq} \, "
            r"\v{w}_{o,c,\,u + \k{padding} - \k{stride}p,\,v + \k{padding} - \k{stride}q}\Big]_{ncuv}",
            r"\g{w} = \Big[\sum_{n,p,q} \g{out}_{nopq} \, "
            r"\v{x}_{n,c,\,\k{stride}p + i - \k{padding},\,\k{stride}q + j - \k{padding}}\Big]_{ocij}",
            r"\g{b} = \Big[\sum_{n,p,q} \g{out}_{nopq}\Big]_o",
        ),
    )

    @staticmethod
    def forward(
        context: Any, x: Array, w: Array, b: Array | None = None, *, stride: Pair = 1, padding: Pair = 0
    ) -> Array:
        _check(x, w, b)
        windows = Windows.over(x, w.shape[2:], stride, padding)
        (oh, ow), n, o = windows.places, len(x), len(w)
        columns = _columns(windows.pad(x), windows)

        # A row of the kernels is a matrix (o, c kw), and what it looks at is one too, (c kw, oh ow) for each image:
        # the whole convolution is one matrix product for each row of the kernel.
        out = np.zeros((n, o, oh * ow), np.result_type(x, w) if b is None else np.result_type(x, w, b))
        if b is not None:
            out += b[:, None]
        for i in range(w.shape[2]):
            out += _kernel_row(w, i) @ _seen_by_row(columns, i, windows)
        context["columns"], context["w"], context["windows"] = columns, w, windows
        context["xshape"], context["bias"] = x.shape, b is not None
        return out.reshape(n, o, oh, ow)

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array | None, ...]:
        columns, w, windows = context["columns"], context["w"], context["windows"]
        n, o, oh, ow = go.shape
        go = go.reshape(n, o, oh * ow)
        grad_x = grad_w = grad_b = None
        if needs_grad(context, 0):
            # The same products transposed, each added to where forward has read.
            grad_columns = np.zeros(columns.shape, go.dtype)
            for i in range(w.shape[2]):
                seen = _kernel_row(w, i).T @ go
                grad_columns[:, :, windows.rows(i)] += seen.reshape(n, columns.shape[1], oh, ow)
            grad_x = _columns_backward(grad_columns, context["xshape"], windows)
        if needs_grad(context, 1):
            grad_w = np.empty(w.shape, go.dtype)
            for i in range(w.shape[2]):
                each_image = go @ _seen_by_row(columns, i, windows).swapaxes(1, 2)
                grad_w[:, :, i] = each_image.sum(axis=0).reshape(o, w.shape[1], w.shape[3])
        if not context["bias"]:
            return grad_x, grad_w
        if needs_grad(context, 2):
            grad_b = go.sum(axis=(0, 2))
        return grad_x, grad_w, grad_b


def _kernel_row(w: Array, i: int) -> Array:
    """Row i of each kernel: (o, c, kh, kw) -> (o, c kw)."""
    return w[:, :, i].reshape(len(w), w.shape[1] * w.shape[3])


def _columns(x: Array, windows: Windows) -> Array:
    """For each place along the width, the kw pixels side by side that lie under a row of the kernel.

    Padded images (n, c, h, w) become (n, c kw, h, ow). Copying along the width alone makes the input kw times as large;
    copying whole windows would make it kh kw times as large, and take longer than the products it prepares.
    """
    (n, c, h, _), kw, ow = x.shape, windows.size[1], windows.places[1]
    columns = np.empty((n, c, kw, h, ow), x.dtype)
    for j in range(kw):
        columns[:, :, j] = x[:, :, :, windows.columns(j)]
    return columns.reshape(n, c * kw, h, ow)


def _columns_backward(grad_columns: Array, xshape: tuple[int, ...], windows: Windows) -> Array:
    """What was copied to kw places is summed, and the padding dropped: (n, c kw, h, ow) -> (n, c, h, w)."""
    (n, _, h, ow), c, kw = grad_columns.shape, xshape[1], windows.size[1]
    grad_columns = grad_columns.reshape(n, c, kw, h, ow)
    grad_x = windows.pad(np.zeros(xshape, grad_columns.dtype))
    for j in range(kw):
        grad_x[:, :, :, windows.columns(j)] += grad_columns[:, :, j]
    return windows.crop(grad_x)


def _seen_by_row(columns: Array, i: int, windows: Windows) -> Array:
    """What row i of the kernel looks at: (n, c kw, h, ow) -> (n, c kw, oh ow), a view where the stride is 1."""
    n, ckw = columns.shape[:2]
    return columns[:, :, windows.rows(i)].reshape(n, ckw, windows.places[0] * windows.places[1])


def _check(x: Array, w: Array, b: Array | None) -> None:
    if w.ndim != 4:
        raise ValueError(f"kernels have four axes (o, c, kh, kw); here are {w.ndim}")
    if x.ndim == 4 and x.shape[1] != w.shape[1]:
        raise ValueError(f"the images have {x.shape[1]} channels, the kernels {w.shape[1]}")
    if b is not None and b.shape != (len(w),):
        raise ValueError(f"{len(w)} kernels need a bias of shape ({len(w)},); here it is {b.shape}")
