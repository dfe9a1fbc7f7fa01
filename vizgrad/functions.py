"""Functions on tensors: thin names over the ops, and losses made of several."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad import errors, ops
from vizgrad.core import Array, Operand, TensorNode


def exp(x: Operand) -> TensorNode:
    """e to the power of each entry. Any shape."""
    return ops.Exp.do_forward(x)


def log(x: Operand) -> TensorNode:
    """The natural logarithm of each entry. Any shape; entries should be above 0."""
    return ops.Log.do_forward(x)


def sin(x: Operand) -> TensorNode:
    """The sine of each entry, in radians. Any shape."""
    return ops.Sin.do_forward(x)


def cos(x: Operand) -> TensorNode:
    """The cosine of each entry, in radians. Any shape."""
    return ops.Cos.do_forward(x)


def tanh(x: Operand) -> TensorNode:
    """The hyperbolic tangent of each entry. Any shape."""
    return ops.Tanh.do_forward(x)


def sigmoid(x: Operand) -> TensorNode:
    """1 / (1 + exp(-x)) for each entry. Any shape."""
    return ops.Sigmoid.do_forward(x)


def relu(x: Operand) -> TensorNode:
    """max(x, 0) for each entry. Any shape."""
    return ops.ReLU.do_forward(x)


def softmax(x: Operand) -> TensorNode:
    """Turn each row of scores (n, m) into a distribution: exponentiate, then divide by the row sum.

    This is the textbook form, which overflows for scores above about 700; for training use `logsoftmax`.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.softmax(vg.TensorNode([[0.0, np.log(3.0)]])).value
        array([[0.25, 0.75]])
    """
    return ops.Normalize.do_forward(ops.Exp.do_forward(x))


def logsoftmax(x: Operand) -> TensorNode:
    """The logarithm of the softmax of each row of scores (n, m), computed without overflow."""
    return ops.LogSoftmax.do_forward(x)


def celoss(outputs: Operand, targets: Any) -> TensorNode:
    """Cross-entropy of predicted distributions (n, m) for integer targets (n,), *summed* over the batch, shape ()."""
    return logceloss(ops.Log.do_forward(outputs), targets)


def logceloss(logprobs: Operand, targets: Any) -> TensorNode:
    """Cross-entropy of predicted log-probabilities (n, m) for integer targets (n,), *summed* over the batch, shape ().

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> scores = vg.TensorNode(np.zeros((2, 4)))
        >>> round(vg.logceloss(vg.logsoftmax(scores), np.array([0, 3])).item(), 4)  # 2 log 4
        2.7726
    """
    per_instance = ops.Select.do_forward(logprobs, indices=targets)
    return -ops.Sum.do_forward(per_instance)


def load_synth(num_train: int = 60_000, num_val: int = 10_000, seed: int | None = None) -> tuple[Any, Any, int]:
    """Points of a 2-D normal distribution, in class 1 outside an ellipse: data that a small network learns easily.

    Args:
        num_train: number of training points.
        num_val: number of validation points.
        seed: for the same points each time; left out, NumPy's global generator draws them.

    Returns:
        ``(x, y)`` for training, ``(x, y)`` for validation, and the number of classes; x is (n, 2) float, y (n,) int.

    Examples:
        >>> (x, y), _, classes = load_synth(8, 2, seed=0)
        >>> x.shape, y.shape, classes
        ((8, 2), (8,), 2)
    """
    if num_train < 0 or num_val < 0:
        raise errors.ShapeError(errors.message("load_synth needs numbers of points that are 0 or more."))
    total = num_train + num_val
    x: Array = np.random.randn(total, 2) if seed is None else np.random.default_rng(seed).standard_normal((total, 2))
    form = np.array([[1.0, 0.5], [1.0, 0.2]])
    y = (np.einsum("bi,ij,bj->b", x, form, x) > 0.6).astype(np.int64)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:]), 2
