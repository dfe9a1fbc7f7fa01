"""Scores that become distributions, and features that get a common mean and spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad.core import Array, Op, Rule, needs_grad

__all__ = ["BatchNormalize", "LayerNormalize", "LogSoftmax", "Normalize", "Softmax"]

Axes = tuple[int, ...]


# --- distributions -----------------------------------------------------------------------------------------------


class Normalize(Op):
    """Divide each row of a matrix (n, m) by its sum."""

    symbol = "÷ row Σ"
    rule = Rule(
        forward=r"\v{out} = \v{x} \oslash \operatorname{rowsum}(\v{x})",
        backward=(
            r"\g{x} = (\g{out} - \operatorname{rowsum}(\g{out} \odot \v{out})) \oslash \operatorname{rowsum}(\v{x})",
        ),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        if x.ndim != 2:
            raise ValueError(f"Normalize takes a matrix (n, m); this array has {x.ndim} axes")
        context["sums"] = x.sum(axis=1, keepdims=True)
        if not context["sums"].all():
            row = int(np.argmin(context["sums"] != 0))
            raise ValueError(f"row {row} sums to 0, and nothing can be divided by 0")
        context["out"] = x / context["sums"]
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        # Every entry of a row depends on every other through the sum: the row sum must not be dropped.
        out = context["out"]
        return (go - (go * out).sum(axis=1, keepdims=True)) / context["sums"]


class Softmax(Op):
    """exp(x) divided by its sum along ``axis``: scores of any size become a distribution, the same shape.

    For rows it is what Exp and then Normalize compute, but no score is too large for it.

    Source of the rule: d out_i / d x_j = out_i ([i = j] - out_j), summed over i with the upstream gradient.
    """

    symbol = "softmax"
    rule = Rule(
        forward=r"\v{out} = \exp(\v{x}) \oslash \operatorname{sum}_{\k{axis}}(\exp \v{x})",
        backward=(r"\g{x} = \v{out} \odot (\g{out} - \operatorname{sum}_{\k{axis}}(\g{out} \odot \v{out}))",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: int = -1) -> Array:
        powers = np.exp(_below_largest("Softmax", x, axis))
        context["out"], context["axis"] = powers / powers.sum(axis=axis, keepdims=True), axis
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        out, axis = context["out"], context["axis"]
        return out * (go - (go * out).sum(axis=axis, keepdims=True))


class LogSoftmax(Op):
    """The logarithm of the softmax along ``axis``, the same shape, without overflow for large scores."""

    symbol = "log softmax"
    rule = Rule(
        forward=r"\v{out} = \v{x} - \operatorname{logsumexp}_{\k{axis}}(\v{x})",
        backward=(r"\g{x} = \g{out} - \exp(\v{out}) \odot \operatorname{sum}_{\k{axis}}(\g{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, axis: int = -1) -> Array:
        shifted = _below_largest("LogSoftmax", x, axis)
        context["out"], context["axis"] = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)), axis
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go - np.exp(context["out"]) * go.sum(axis=context["axis"], keepdims=True)


def _below_largest(op: str, x: Array, axis: int) -> Array:
    """Subtract the largest score: this changes no softmax, and keeps exp in range."""
    if x.ndim == 0:
        raise ValueError(f"{op} takes an array with at least one axis, not a single number")
    if x.size == 0:
        return x
    largest = x.max(axis=axis, keepdims=True)
    infinite = int(np.isinf(largest).sum())
    if infinite == 0:
        return x - largest
    errors.outside_domain(
        op,
        "rows whose largest score is infinite",
        infinite,
        largest.size,
        "nan",
        "leave at least one finite score in each row, and look for what has made inf.",
    )
    with np.errstate(invalid="ignore"):
        return x - largest


# --- features ----------------------------------------------------------------------------------------------------


class BatchNormalize(Op):
    """Give each feature mean 0 and variance 1 over the batch, then scale by gain (c,) and add shift (c,).

    x is (n, c) or images (n, c, h, w), and the output has its shape; over images, mean and variance are taken over all
    pixels, too. The variance is that of the batch, divided by N and not by N - 1; ``eps`` is added to it.
    ``mean`` and ``variance`` (c,) take the place of the batch's own, as constants: that is how a trained network is
    used.

    Source of the rule: Ioffe and Szegedy, "Batch normalization" (2015), section 3, with the terms collected: x acts
    directly, through the mean, and through the variance, and each of the latter two takes away one average.
    """

    symbol = "batch norm"
    rule = Rule(
        forward=r"\v{out} = \v{gain} \odot \hat x + \v{shift}, \quad "
        r"\hat x = (\v{x} - \mu) \oslash \sqrt{\sigma^2 + \k{eps}}",
        backward=(
            r"\g{x} = \v{gain} \oslash \sqrt{\sigma^2 + \k{eps}} \odot \big(\g{out} - \operatorname{mean}(\g{out}) "
            r"- \hat x \odot \operatorname{mean}(\g{out} \odot \hat x)\big)",
            r"\g{gain} = \operatorname{sum}(\g{out} \odot \hat x)",
            r"\g{shift} = \operatorname{sum}(\g{out})",
        ),
        where={"fixed": r"\g{x} = \v{gain} \oslash \sqrt{\sigma^2 + \k{eps}} \odot \g{out}"},
    )

    @staticmethod
    def forward(
        context: Any,
        x: Array,
        gain: Array,
        shift: Array,
        *,
        mean: Any = None,
        variance: Any = None,
        eps: float = 1e-5,
    ) -> Array:
        if x.ndim < 2:
            raise ValueError(f"a batch has at least two axes (n, c); here are {x.ndim}")
        c = x.shape[1]
        axes, column = (0, *range(2, x.ndim)), (c, *[1] * (x.ndim - 2))  # (c,), or (c, 1, 1) to fit over pixels
        fixed = mean is not None and variance is not None
        if not fixed and (mean is not None or variance is not None):
            raise ValueError("mean and variance are given together, or neither is")
        if not fixed:
            if x.size < 2 * c:
                raise errors.batch_of_one(x.shape)
            mean, variance = x.mean(axis=axes), x.var(axis=axes)
        mean, variance = np.asarray(mean, x.dtype), np.asarray(variance, x.dtype)
        for name, vector in (("gain", gain), ("shift", shift), ("mean", mean), ("variance", variance)):
            if vector.shape != (c,):
                raise ValueError(f"{c} features need a {name} of shape ({c},); here it is {vector.shape}")

        inverse = _inverse_deviation(variance, eps).reshape(column)
        standard = (x - mean.reshape(column)) * inverse
        context["standard"], context["inverse"], context["gain"] = standard, inverse, gain.reshape(column)
        context["axes"], context["fixed"] = axes, fixed
        return gain.reshape(column) * standard + shift.reshape(column)

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array | None, ...]:
        standard, axes = context["standard"], context["axes"]
        grad_x = None
        if needs_grad(context, 0):
            upstream = go * context["gain"]
            if context["fixed"]:
                grad_x = upstream * context["inverse"]
            else:
                grad_x = _through_standard(upstream, standard, context["inverse"], axes)
        return grad_x, (go * standard).sum(axis=axes), go.sum(axis=axes)


class LayerNormalize(Op):
    """Give each instance mean 0 and variance 1 over its features, then scale by gain and add shift.

    gain and shift have the shape of the features, the last axes of x: x (n, f) with (f,), or x (n, t, f) with (f,) or
    (t, f). The output has the shape of x. ``eps`` is added to the variance, which is divided by the number of features.

    Source of the rule: Ba, Kiros and Hinton, "Layer normalization" (2016); the gradient is that of BatchNormalize with
    the averages taken over the features.
    """

    symbol = "layer norm"
    rule = Rule(
        forward=r"\v{out} = \v{gain} \odot \hat x + \v{shift}, \quad "
        r"\hat x = (\v{x} - \mu) \oslash \sqrt{\sigma^2 + \k{eps}}",
        backward=(
            r"\g{x} = \big(g - \operatorname{mean}(g) - \hat x \odot \operatorname{mean}(g \odot \hat x)\big) "
            r"\oslash \sqrt{\sigma^2 + \k{eps}}, \quad g = \g{out} \odot \v{gain}",
            r"\g{gain} = \operatorname{sum}(\g{out} \odot \hat x)",
            r"\g{shift} = \operatorname{sum}(\g{out})",
        ),
    )

    @staticmethod
    def forward(context: Any, x: Array, gain: Array, shift: Array, *, eps: float = 1e-5) -> Array:
        k = gain.ndim
        if k == 0 or x.shape[-k:] != gain.shape or x.size == 0:
            raise ValueError(f"gain has the shape of the last axes of x; here {gain.shape} stands beside {x.shape}")
        if shift.shape != gain.shape:
            raise ValueError(f"gain and shift have one shape; here they have {gain.shape} and {shift.shape}")
        features = tuple(range(-k, 0))
        inverse = _inverse_deviation(x.var(axis=features, keepdims=True), eps)
        standard = (x - x.mean(axis=features, keepdims=True)) * inverse
        context["standard"], context["inverse"], context["gain"] = standard, inverse, gain
        return gain * standard + shift

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array | None, ...]:
        standard, gain = context["standard"], context["gain"]
        features, instances = tuple(range(-gain.ndim, 0)), tuple(range(go.ndim - gain.ndim))
        grad_x = None
        if needs_grad(context, 0):
            grad_x = _through_standard(go * gain, standard, context["inverse"], features)
        return grad_x, (go * standard).sum(axis=instances), go.sum(axis=instances)


def _inverse_deviation(variance: Array, eps: float) -> Array:
    """1 / sqrt(variance + eps)."""
    total = variance + eps
    if (total <= 0).any():
        raise ValueError(f"variance + eps must be above 0; here it is {total.min():.3g}, so raise eps above {eps!r}")
    return np.asarray(1 / np.sqrt(total))


def _through_standard(go: Array, standard: Array, inverse: Array, axes: Axes) -> Array:
    """The way back through (x - mean) / deviation, where mean and deviation themselves depend on x.

    A change of x that is the same everywhere, or in proportion to x - mean, leaves the result as it is. So the gradient
    has no part in those two directions: both are taken out of it.
    """
    same_everywhere = go.mean(axis=axes, keepdims=True)
    in_proportion = standard * (go * standard).mean(axis=axes, keepdims=True)
    return (go - same_everywhere - in_proportion) * inverse
