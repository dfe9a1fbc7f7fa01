"""Functions on tensors: thin names over the ops, and losses made of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vizgrad import errors, ops
from vizgrad.core import Operand, TensorNode
from vizgrad.ops.windows import Pair

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "celoss",
    "clip",
    "concatenate",
    "conv2d",
    "cos",
    "cross_entropy",
    "dropout",
    "embedding",
    "exp",
    "gelu",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log1p",
    "logceloss",
    "logsoftmax",
    "logsumexp",
    "max_pool2d",
    "maximum",
    "minimum",
    "mse_loss",
    "nll_loss",
    "pad",
    "relu",
    "sigmoid",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "stack",
    "tanh",
    "where",
]


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


def log1p(x: Operand) -> TensorNode:
    """log(1 + x) for each entry, exact for tiny ones too. Any shape; entries should be above -1.

    Examples:
        >>> import vizgrad as vg
        >>> vg.log1p(1e-20).item()
        1e-20
    """
    return ops.Log1p.do_forward(x)


def sqrt(x: Operand) -> TensorNode:
    """The square root of each entry. Any shape; entries should be 0 or above, and above 0 for a finite gradient."""
    return ops.Sqrt.do_forward(x)


def leaky_relu(x: Operand, slope: float = 0.01) -> TensorNode:
    """x where it is above 0, elsewhere ``slope`` * x. Any shape.

    Examples:
        >>> import vizgrad as vg
        >>> vg.leaky_relu([2.0, -2.0], slope=0.1).value
        array([ 2. , -0.2])
    """
    return ops.LeakyReLU.do_forward(x, slope=slope)


def softplus(x: Operand) -> TensorNode:
    """log(1 + exp(x)) for each entry, without overflow. Any shape.

    Examples:
        >>> import vizgrad as vg
        >>> vg.softplus([-1000.0, 0.0, 1000.0]).value.round(4)
        array([0.000e+00, 6.931e-01, 1.000e+03])
    """
    return ops.Softplus.do_forward(x)


def gelu(x: Operand, approximate: str = "none") -> TensorNode:
    """x times the probability that a standard normal variable is below x. Any shape.

    Args:
        x: the inputs.
        approximate: ``"none"``, or ``"tanh"`` for the formula with tanh (arXiv:1606.08415, section 2).

    Examples:
        >>> import vizgrad as vg
        >>> vg.gelu([-1.0, 0.0, 1.0]).value.round(4)
        array([-0.1587,  0.    ,  0.8413])
    """
    return ops.GELU.do_forward(x, approximate=approximate)


def maximum(a: Operand, b: Operand) -> TensorNode:
    """The larger of a and b, element by element; shapes broadcast. Equal entries get half of the gradient each.

    Examples:
        >>> import vizgrad as vg
        >>> vg.maximum([1.0, 5.0], 3).value
        array([3., 5.])
    """
    return ops.Maximum.do_forward(a, b)


def minimum(a: Operand, b: Operand) -> TensorNode:
    """The smaller of a and b, element by element; shapes broadcast. Equal entries get half of the gradient each."""
    return ops.Minimum.do_forward(a, b)


def where(condition: Any, a: Operand, b: Operand) -> TensorNode:
    """a where the condition holds, elsewhere b; all three shapes broadcast. The condition holds booleans.

    Examples:
        >>> import vizgrad as vg
        >>> x = vg.TensorNode([-2.0, 3.0])
        >>> vg.where(x > 0, x, 0).value
        array([0., 3.])
    """
    return ops.Where.do_forward(a, b, condition=_constant(condition))


def clip(x: Operand, low: float | None = None, high: float | None = None) -> TensorNode:
    """x kept between ``low`` and ``high``. Any shape; the gradient is 0 for entries outside.

    Examples:
        >>> import vizgrad as vg
        >>> vg.clip([-2.0, 0.5, 2.0], -1, 1).value
        array([-1. ,  0.5,  1. ])
    """
    return ops.Clip.do_forward(x, low=low, high=high)


def logsumexp(x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> TensorNode:
    """log(sum(exp(x))) of all entries or along ``axis``, without overflow. Any shape.

    Examples:
        >>> import vizgrad as vg
        >>> round(vg.logsumexp([1000.0, 1000.0]).item(), 4)  # 1000 + log 2
        1000.6931
    """
    return ops.LogSumExp.do_forward(x, axis=axis, keepdims=keepdims)


# --- arrays ----------------------------------------------------------------------------------------------------------


def concatenate(tensors: Sequence[Operand], axis: int = 0) -> TensorNode:
    """Join tensors end to end along an axis that they have; their other axes are of equal length.

    Examples:
        >>> import vizgrad as vg
        >>> vg.concatenate([vg.TensorNode([[1.0, 2.0]]), vg.TensorNode([[3.0, 4.0]])], axis=1).value
        array([[1., 2., 3., 4.]])
    """
    return ops.Concatenate.do_forward(*tensors, axis=axis)


def stack(tensors: Sequence[Operand], axis: int = 0) -> TensorNode:
    """Put n tensors of one shape side by side along a new axis of length n.

    Examples:
        >>> import vizgrad as vg
        >>> vg.stack([vg.TensorNode([1.0, 2.0]), vg.TensorNode([3.0, 4.0])], axis=1).value
        array([[1., 3.],
               [2., 4.]])
    """
    return ops.Stack.do_forward(*tensors, axis=axis)


def pad(x: Operand, width: Any, value: float = 0.0) -> TensorNode:
    """Put a border around a tensor.

    Args:
        x: a tensor of any shape.
        width: n entries on every side, (before, after) for every axis, or one such pair for each axis.
        value: what the border holds.

    Examples:
        >>> import vizgrad as vg
        >>> vg.pad(vg.TensorNode([[1.0, 2.0]]), ((0, 1), (1, 0))).value
        array([[0., 1., 2.],
               [0., 0., 0.]])
    """
    return ops.Pad.do_forward(x, width=width, value=value)


# --- layers ----------------------------------------------------------------------------------------------------------


def linear(x: Operand, w: Operand, b: Operand | None = None) -> TensorNode:
    """A fully connected layer: x (..., f), w (m, f), b (m,) or none -> x @ w.T + b, shape (..., m).

    Raises:
        ShapeError: the numbers of features differ, or the bias does not have one entry for each row of w.

    Examples:
        >>> import vizgrad as vg
        >>> vg.linear(vg.TensorNode([[1.0, 2.0]]), vg.TensorNode([[3.0, 4.0]]), vg.TensorNode([0.5])).value
        array([[11.5]])
    """
    if b is None:
        return ops.MatrixMultiply.do_forward(x, ops.Transpose.do_forward(w))
    return ops.Affine.do_forward(x, w, b)


def conv2d(x: Operand, w: Operand, b: Operand | None = None, stride: Pair = 1, padding: Pair = 0) -> TensorNode:
    """Slide kernels w (o, c, kh, kw) over images x (n, c, h, w): (n, o, h', w'), how well each fits at each place.

    h' = (h + 2 padding - kh) // stride + 1, w' likewise. The kernels are not flipped. b (o,) is added to each channel.

    Args:
        x: the images.
        w: the kernels.
        b: the bias; it may be left out.
        stride: how far a kernel moves from one output pixel to the next; one number or a pair (rows, columns).
        padding: how many rows and columns of zeros are put around the images; one number or a pair.

    Raises:
        ShapeError: the numbers of channels differ, or a kernel is larger than the padded image.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> image = np.array([[[[0.0, 0.0, 1.0, 1.0]]]])
        >>> vg.conv2d(vg.TensorNode(image), vg.TensorNode([[[[-1.0, 1.0]]]])).value  # where does it get brighter?
        array([[[[0., 1., 0.]]]])
    """
    operands = (x, w) if b is None else (x, w, b)
    return ops.Convolution2d.do_forward(*operands, stride=stride, padding=padding)


def max_pool2d(x: Operand, size: Pair, stride: Pair | None = None, padding: Pair = 0) -> TensorNode:
    """The largest entry of each window: images (n, c, h, w) -> (n, c, h', w').

    h' = (h + 2 padding - size) // stride + 1, w' likewise; a window that does not fit any more is left out.

    Args:
        x: the images.
        size: height and width of a window; one number or a pair (rows, columns).
        stride: from one window to the next; left out, the size: windows stand side by side.
        padding: rows and columns around the images, which no maximum ever comes from; at most half the size.

    Raises:
        ShapeError: a window is larger than the padded image.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2).value
        array([[[[ 5.,  7.],
                 [13., 15.]]]])
    """
    return ops.MaxPooling2d.do_forward(x, size=size, stride=stride, padding=padding)


def avg_pool2d(x: Operand, size: Pair, stride: Pair | None = None, padding: Pair = 0) -> TensorNode:
    """The mean of each window: images (n, c, h, w) -> (n, c, h', w').

    h' = (h + 2 padding - size) // stride + 1, w' likewise; a window that does not fit any more is left out.

    Args:
        x: the images.
        size: height and width of a window; one number or a pair (rows, columns).
        stride: from one window to the next; left out, the size: windows stand side by side.
        padding: rows and columns of zeros around the images, which count; at most half the size.

    Raises:
        ShapeError: a window is larger than the padded image.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2).value
        array([[[[ 2.5,  4.5],
                 [10.5, 12.5]]]])
    """
    return ops.MeanPooling2d.do_forward(x, size=size, stride=stride, padding=padding)


def batch_norm(
    x: Operand, gain: Operand, shift: Operand, mean: Any = None, variance: Any = None, eps: float = 1e-5
) -> TensorNode:
    """Give each feature of x (n, c) or (n, c, h, w) mean 0 and variance 1, then scale by gain and add shift, both (c,).

    Args:
        x: the batch.
        gain: what each feature is multiplied by afterwards.
        shift: what is added to each feature afterwards.
        mean: the mean of each feature (c,), as a constant; left out, that of this batch, through which gradients flow.
        variance: likewise; of a batch it is divided by N, not by N - 1.
        eps: added to the variance, so that nothing is divided by 0.

    Raises:
        ShapeError: gain, shift, mean or variance are not (c,), or a batch has one value for each feature.

    Examples:
        >>> import vizgrad as vg
        >>> vg.batch_norm(vg.TensorNode([[1.0], [3.0]]), [1.0], [0.0]).value.round(3)
        array([[-1.],
               [ 1.]])
    """
    return ops.BatchNormalize.do_forward(x, gain, shift, mean=mean, variance=variance, eps=eps)


def layer_norm(x: Operand, gain: Operand, shift: Operand, eps: float = 1e-5) -> TensorNode:
    """Give each instance of x (..., f) mean 0 and variance 1, then multiply by gain and add shift, both (f,).

    Where gain and shift have more axes, mean and variance are taken over as many last axes of x.

    Raises:
        ShapeError: gain and shift do not have the shape of the last axes of x.

    Examples:
        >>> import vizgrad as vg
        >>> vg.layer_norm(vg.TensorNode([[1.0, 3.0], [10.0, 30.0]]), [1.0, 1.0], [0.0, 0.0]).value.round(3)
        array([[-1.,  1.],
               [-1.,  1.]])
    """
    return ops.LayerNormalize.do_forward(x, gain, shift, eps=eps)


def dropout(x: Operand, p: float = 0.5, rng: np.random.Generator | None = None, training: bool = True) -> TensorNode:
    """Set each entry of x, any shape, to 0 with probability p, and divide the others by 1 - p. Not training: x itself.

    Args:
        x: the input.
        p: the probability of an entry to become 0, below 1.
        rng: where chance comes from; left out, a fresh generator.
        training: whether anything is dropped.

    Raises:
        SettingError: p is not a probability below 1.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.dropout(vg.TensorNode(np.ones(4)), 0.5, rng=np.random.default_rng(0)).value
        array([2., 0., 0., 0.])
    """
    if not 0 <= p < 1:
        raise errors.bad_setting("dropout", "p", p, "a probability, 0 or more and below 1")
    node = x if isinstance(x, TensorNode) else TensorNode(x, requires_grad=False)
    if not training or p == 0:
        return node
    kept = (rng or np.random.default_rng()).random(node.shape) >= p
    return ops.Drop.do_forward(node, mask=kept / (1 - p))


def embedding(table: Operand, indices: Any) -> TensorNode:
    """Look rows up in a table (v, f): whole numbers of any shape (...) from 0 to v - 1 -> (..., f).

    Raises:
        OutOfRangeError: an index is not the number of a row.
        ShapeError: an index is no whole number.

    Examples:
        >>> import vizgrad as vg
        >>> table = vg.TensorNode([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
        >>> vg.embedding(table, [2, 0]).value
        array([[2. , 2.1],
               [0. , 0.1]])
    """
    return ops.Embed.do_forward(table, indices=_constant(indices))


# --- distributions and losses ----------------------------------------------------------------------------------------


def softmax(x: Operand, axis: int = -1) -> TensorNode:
    """Turn scores into distributions along ``axis``, same shape: exponentiate, then divide by the sum.

    No score is too large. ``ops.Normalize`` of ``exp`` is the same in two steps, as the textbooks write it.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.softmax(vg.TensorNode([[0.0, np.log(3.0)]])).value
        array([[0.25, 0.75]])
        >>> vg.softmax(vg.TensorNode([1000.0, 0.0])).value
        array([1., 0.])
    """
    return ops.Softmax.do_forward(x, axis=axis)


def logsoftmax(x: Operand, axis: int = -1) -> TensorNode:
    """The logarithm of the softmax along ``axis``, same shape, computed without overflow."""
    return ops.LogSoftmax.do_forward(x, axis=axis)


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


def cross_entropy(logits: Operand, targets: Any, reduction: str = "mean") -> TensorNode:
    """Cross-entropy of scores (n, m), before any softmax, for integer targets (n,); also (n, m, ...) and (n, ...).

    Args:
        logits: the scores.
        targets: the right class of each instance, 0 to m - 1.
        reduction: ``"mean"`` or ``"sum"`` over the batch, shape (), or ``"none"``, one loss for each target.

    Raises:
        OutOfRangeError: a target below 0, or not below m.
        ShapeError: targets that are not whole numbers, or not one for each instance; the mean of an empty batch.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> round(vg.cross_entropy(vg.TensorNode(np.zeros((2, 4))), [0, 3]).item(), 4)  # log 4
        1.3863
    """
    return ops.CrossEntropy.do_forward(logits, targets=_constant(targets), reduction=reduction)


def nll_loss(logprobs: Operand, targets: Any, reduction: str = "mean") -> TensorNode:
    """Cross-entropy of log-probabilities (n, m) for integer targets (n,); otherwise as `cross_entropy`.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.nll_loss(vg.TensorNode([[-1.0, -2.0], [-3.0, -4.0]]), [0, 1]).item()
        2.5
    """
    return ops.NLL.do_forward(logprobs, targets=_constant(targets), reduction=reduction)


def mse_loss(prediction: Operand, target: Operand, reduction: str = "mean") -> TensorNode:
    """The squared error of a prediction; both of one shape, any.

    Args:
        prediction: what was computed.
        target: what it should be.
        reduction: ``"mean"`` or ``"sum"`` of all entries, shape (), or ``"none"``, the error of each.

    Raises:
        ShapeError: the shapes differ; the mean of nothing.

    Examples:
        >>> import vizgrad as vg
        >>> vg.mse_loss(vg.TensorNode([1.0, 5.0]), [1.0, 2.0]).item()
        4.5
    """
    return ops.MSE.do_forward(prediction, target, reduction=reduction)


def binary_cross_entropy_with_logits(logits: Operand, targets: Operand, reduction: str = "mean") -> TensorNode:
    """Cross-entropy of yes-or-no scores, before any sigmoid, for targets from 0 to 1; both of one shape, any.

    Args:
        logits: the scores: above 0 means yes.
        targets: the probability of a yes, 1 or 0 for a sure thing.
        reduction: ``"mean"`` or ``"sum"`` of all losses, shape (), or ``"none"``, the loss of each entry.

    Raises:
        ShapeError: the shapes differ; targets outside 0 to 1; the mean of nothing.

    Examples:
        >>> import vizgrad as vg
        >>> vg.binary_cross_entropy_with_logits(vg.TensorNode([1000.0, -1000.0]), [1.0, 1.0], "none").value
        array([   0., 1000.])
    """
    return ops.BCEWithLogits.do_forward(logits, targets, reduction=reduction)


def _constant(indices: Any) -> Any:
    """Indices and classes may come in a tensor."""
    return indices.value if isinstance(indices, TensorNode) else indices
