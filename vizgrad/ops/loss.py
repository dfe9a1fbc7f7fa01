"""Losses: how far a prediction is from what it should be, as one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad.core import Array, Op, Rule, needs_grad
from vizgrad.ops.elementwise import Sigmoid
from vizgrad.ops.normalise import LogSoftmax

__all__ = ["MSE", "NLL", "BCEWithLogits", "CrossEntropy"]


class CrossEntropy(Op):
    """-log softmax(logits)[target] for each instance: logits (n, m), ``targets`` (n,), whole numbers from 0 to m - 1.

    More axes may follow, as for a class in each pixel: logits (n, m, h, w), targets (n, h, w). ``reduction`` says what
    becomes of the losses: their ``"mean"`` or ``"sum"``, shape (), or ``"none"``, the shape of the targets.

    Source of the rule: the chain rule through log-softmax and the choice of one entry; what is left is the distribution
    minus the truth.
    """

    symbol = "cross-entropy"
    rule = Rule(
        forward=r"\v{out} = \operatorname{\k{reduction}}_i \big(-\log \operatorname{softmax}(\v{logits}_i)_{t_i}\big)",
        backward=(
            r"\g{logits} = \frac{\g{out}}{\k{count}} \cdot (\operatorname{softmax}(\v{logits}) - [j = t_i]_{ij})",
        ),
    )

    @staticmethod
    def forward(context: Any, logits: Array, *, targets: Any, reduction: str = "mean") -> Array:
        targets = _class_of_each(logits, targets)
        logprobs = LogSoftmax.forward({}, logits, axis=1)
        context["logprobs"], context["targets"] = logprobs, targets
        return _reduced(context, -np.take_along_axis(logprobs, targets, axis=1)[:, 0], reduction)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        gradient, targets = np.exp(context["logprobs"]), context["targets"]
        np.put_along_axis(gradient, targets, np.take_along_axis(gradient, targets, axis=1) - 1, axis=1)
        return gradient * _share_of_each(context, go)[:, None]


class NLL(Op):
    """-logprobs[target] for each instance: logprobs (n, m), ``targets`` (n,), whole numbers from 0 to m - 1.

    More axes may follow, as for a class in each pixel: logprobs (n, m, h, w), targets (n, h, w). ``reduction`` says
    what becomes of the losses: their ``"mean"`` or ``"sum"``, shape (), or ``"none"``, the shape of the targets.
    """

    symbol = "NLL"
    rule = Rule(
        forward=r"\v{out} = \operatorname{\k{reduction}}_i \big(-\v{logprobs}_{i, t_i}\big)",
        backward=(r"\g{logprobs} = -\frac{\g{out}}{\k{count}} \cdot [j = t_i]_{ij}",),
    )

    @staticmethod
    def forward(context: Any, logprobs: Array, *, targets: Any, reduction: str = "mean") -> Array:
        targets = _class_of_each(logprobs, targets)
        context["xshape"], context["targets"] = logprobs.shape, targets
        return _reduced(context, -np.take_along_axis(logprobs, targets, axis=1)[:, 0], reduction)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        gradient = np.zeros(context["xshape"], go.dtype)
        np.put_along_axis(gradient, context["targets"], -_share_of_each(context, go)[:, None], axis=1)
        return gradient


class MSE(Op):
    """The squared error (prediction - target)² of each entry; both of one shape, any.

    ``reduction`` says what becomes of the errors: their ``"mean"`` or ``"sum"``, shape (), or ``"none"``, all of them.
    """

    symbol = "MSE"
    rule = Rule(
        forward=r"\v{out} = \operatorname{\k{reduction}}\big((\v{prediction} - \v{target})^2\big)",
        backward=(
            r"\g{prediction} = \frac{2}{\k{count}} \g{out} \cdot (\v{prediction} - \v{target})",
            r"\g{target} = -\frac{2}{\k{count}} \g{out} \cdot (\v{prediction} - \v{target})",
        ),
    )

    @staticmethod
    def forward(context: Any, prediction: Array, target: Array, *, reduction: str = "mean") -> Array:
        _check_one_shape("prediction", prediction, "target", target)
        difference = prediction - target
        context["difference"] = difference
        return _reduced(context, difference * difference, reduction)

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array, Array | None]:
        gradient = 2 * context["difference"] * _share_of_each(context, go)
        return gradient, -gradient if needs_grad(context, 1) else None


class BCEWithLogits(Op):
    """The cross-entropy -t log σ(x) - (1 - t) log(1 - σ(x)) of each logit x with its target t; both of one shape, any.

    A target is a probability, 0 or 1 for a sure thing. ``reduction`` says what becomes of the losses: their ``"mean"``
    or ``"sum"``, shape (), or ``"none"``, all of them. No logit is too large: with log σ(x) = x - log(1 + e^x), the
    loss is log(1 + e^x) - t x, and e is only ever raised to -|x|.
    """

    symbol = "BCE"
    rule = Rule(
        forward=r"\v{out} = \operatorname{\k{reduction}}\big(\log(1 + \exp \v{logits}) "
        r"- \v{targets} \odot \v{logits}\big)",
        backward=(
            r"\g{logits} = \frac{\g{out}}{\k{count}} \cdot (\sigma(\v{logits}) - \v{targets})",
            r"\g{targets} = -\frac{\g{out}}{\k{count}} \cdot \v{logits}",
        ),
    )

    @staticmethod
    def forward(context: Any, logits: Array, targets: Array, *, reduction: str = "mean") -> Array:
        _check_one_shape("logits", logits, "targets", targets)
        if targets.size and not (targets.min() >= 0 and targets.max() <= 1):
            raise ValueError(f"targets are probabilities from 0 to 1; here are {targets.min():g} to {targets.max():g}")
        context["logits"], context["targets"] = logits, targets
        losses = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - targets * logits
        return _reduced(context, losses, reduction)

    @staticmethod
    def backward(context: Any, go: Array) -> tuple[Array | None, Array | None]:
        logits, share = context["logits"], _share_of_each(context, go)
        grad_logits = grad_targets = None
        if needs_grad(context, 0):
            grad_logits = (Sigmoid.forward({}, logits) - context["targets"]) * share
        if needs_grad(context, 1):
            grad_targets = -logits * share
        return grad_logits, grad_targets


def _reduced(context: Any, losses: Array, reduction: str) -> Array:
    """The losses as they are, or their sum or mean; backward will need to know by how much they were divided."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if reduction == "mean" and losses.size == 0:
        raise ValueError("an empty batch has no mean; its sum, with reduction='sum', is 0")
    context["count"] = losses.size if reduction == "mean" else 1
    context["losses shape"] = losses.shape
    return losses if reduction == "none" else np.asarray(losses.sum() / context["count"], losses.dtype)


def _share_of_each(context: Any, go: Array) -> Array:
    """The gradient of each single loss."""
    return np.broadcast_to(go / context["count"], context["losses shape"])


def _class_of_each(scores: Array, targets: Any) -> Array:
    """The targets (n, ...), checked, as an index (n, 1, ...) along axis 1 of the scores (n, m, ...)."""
    targets = np.asarray(targets)
    if scores.ndim < 2:
        raise ValueError(f"scores are a matrix (n, m), one row for each instance; here is an array {scores.shape}")
    expected = scores.shape[:1] + scores.shape[2:]
    if targets.dtype.kind not in "iu" and targets.size:
        hint = "; targets.argmax(axis=1) makes classes of one-hot rows" if targets.shape == scores.shape else ""
        raise ValueError(f"targets are classes, whole numbers of shape {expected}, not {targets.dtype}{hint}")
    if targets.shape != expected:
        raise ValueError(f"scores {scores.shape} need one target each, shape {expected}; here they are {targets.shape}")
    m = scores.shape[1]
    if targets.size and not (targets.min() >= 0 and targets.max() < m):
        found = f"{targets.min()} to {targets.max()}"
        raise IndexError(f"{m} classes are numbered from 0 to {m - 1}; here the targets run from {found}")
    return np.expand_dims(targets.astype(np.intp), 1)  # a copy, because the program may change its array


def _check_one_shape(one: str, a: Array, other: str, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(f"{one} {a.shape} and {other} {b.shape} have different shapes, so entries would be mismatched")
