"""The layers of networks. They hold parameters and settings; what they compute is in `vizgrad.functions`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeAlias, overload

import numpy as np

from vizgrad import errors, functions, ops
from vizgrad.core import Array, TensorNode
from vizgrad.nn import init as starts
from vizgrad.nn.module import Module

Init: TypeAlias = Callable[[tuple[int, ...], "np.random.Generator", Any], Array]
Pair: TypeAlias = "int | tuple[int, int]"


# --- with parameters ---------------------------------------------------------------------------------------------


class Linear(Module):
    """A fully connected layer: (n, f) -> (n, m), computing ``x @ w.T + b``; more axes in front are batch axes too.

    The weights w (m, f) are drawn from a normal distribution with Glorot's standard deviation sqrt(2 / (f + m)), the
    bias b (m,) starts at 0.

    Args:
        input_size: f, the number of input features.
        output_size: m, the number of output features.
        rng: where the weights come from; left out, a fresh generator.
        dtype: number type of the parameters.
        bias: whether there is a b.
        init: how the weights start, such as ``nn.init.he_normal``.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> layer = vg.Linear(3, 2, rng=np.random.default_rng(0))
        >>> layer(vg.TensorNode(np.ones((5, 3)))).shape
        (5, 2)
        >>> layer
        Linear, 8 parameters: w (2, 3), b (2,)
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float64,
        bias: bool = True,
        init: Init = starts.glorot_normal,
    ) -> None:
        _check_sizes("Linear", input_size=input_size, output_size=output_size)
        self.w = TensorNode(init((output_size, input_size), rng or np.random.default_rng(), dtype))
        self.b = TensorNode(np.zeros(output_size, dtype)) if bias else None

    def forward(self, x: TensorNode) -> TensorNode:
        """Apply the layer to a batch x (n, f)."""
        if isinstance(x, (TensorNode, np.ndarray)) and len(x.shape) != 2:
            return functions.linear(x, self.w, self.b)
        product: TensorNode = ops.BatchMM.do_forward(self.w, x)  # two ops, because figures show them one by one
        return product if self.b is None else product + self.b


class Conv2d(Module):
    """A convolution: images (n, c, h, w) -> (n, o, h', w'), h' = (h + 2 padding - size) // stride + 1, w' likewise.

    The kernels w (o, c, size, size) start with Glorot's standard deviation, in which a kernel counts once for each of
    its cells; the bias b (o,) starts at 0.

    Args:
        in_channels: c, the number of channels of the images.
        out_channels: o, the number of kernels.
        size: height and width of the kernels, in pixels; one number or a pair.
        stride: how far the kernel moves from one output pixel to the next; one number or a pair.
        padding: how many rows and columns of zeros are put around the images; one number or a pair.
        bias: whether there is a b.
        rng: where the weights come from; left out, a fresh generator.
        dtype: number type of the parameters.
        init: how the kernels start.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> layer = vg.Conv2d(3, 6, 5)
        >>> layer(vg.TensorNode(np.zeros((2, 3, 32, 32)))).shape
        (2, 6, 28, 28)
        >>> layer
        Conv2d(stride=1, padding=0), 456 parameters: w (6, 3, 5, 5), b (6,)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        bias: bool = True,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float64,
        init: Init = starts.glorot_normal,
    ) -> None:
        height, width = (size, size) if isinstance(size, int) else size
        _check_sizes("Conv2d", in_channels=in_channels, out_channels=out_channels, height=height, width=width)
        self.stride = stride
        self.padding = padding
        self.w = TensorNode(init((out_channels, in_channels, height, width), rng or np.random.default_rng(), dtype))
        self.b = TensorNode(np.zeros(out_channels, dtype)) if bias else None

    def forward(self, x: TensorNode) -> TensorNode:
        """Apply the layer to a batch of images x (n, c, h, w)."""
        return functions.conv2d(x, self.w, self.b, stride=self.stride, padding=self.padding)


class Embedding(Module):
    """A table with one row for each word: whole numbers of any shape (...) -> (..., features).

    Args:
        count: the number of words, and of rows.
        features: the length of a row.
        rng: where the rows come from; left out, a fresh generator.
        dtype: number type of the table.
        init: how the rows start; left out, standard normal.

    Examples:
        >>> import vizgrad as vg
        >>> vg.Embedding(1000, 16)([[3, 1, 4], [1, 5, 9]]).shape
        (2, 3, 16)
    """

    def __init__(
        self,
        count: int,
        features: int,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float64,
        init: Init = starts.normal,
    ) -> None:
        _check_sizes("Embedding", count=count, features=features)
        self.table = TensorNode(init((count, features), rng or np.random.default_rng(), dtype))

    def forward(self, indices: Any) -> TensorNode:
        """The rows with the given numbers."""
        return functions.embedding(self.table, indices)


# --- normalisation and dropout -----------------------------------------------------------------------------------


class BatchNorm(Module):
    """Normalise each feature over the batch, then scale and shift it: (n, c) or images (n, c, h, w), same shape out.

    In training, mean and variance are those of the batch (for images over all pixels, too), and running means of them
    are kept: ``(1 - momentum) * mean + momentum * batch mean``, with the variance divided by N - 1 and not by N, as in
    PyTorch. After `eval` these take the place of the batch's. (Ioffe and Szegedy, "Batch normalization", 2015.)

    Args:
        features: c, the number of features or channels.
        eps: what is added to the variance, so that nothing is divided by 0.
        momentum: the weight of the newest batch in the running mean and variance, between 0 and 1.
        dtype: number type of the parameters.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> layer = vg.BatchNorm(1)
        >>> layer(vg.TensorNode([[1.0], [3.0]])).value.round(3)
        array([[-1.],
               [ 1.]])
        >>> layer.mean, layer.variance  # 0.9 * 0 + 0.1 * 2, 0.9 * 1 + 0.1 * 2
        (array([0.2]), array([1.1]))
    """

    buffers: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __init__(self, features: int, eps: float = 1e-5, momentum: float = 0.1, dtype: Any = np.float64) -> None:
        _check_sizes("BatchNorm", features=features)
        self.eps = eps
        self.momentum = momentum
        self.gain = TensorNode(np.ones(features, dtype))
        self.shift = TensorNode(np.zeros(features, dtype))
        self.mean: Array = np.zeros(features, dtype)
        self.variance: Array = np.ones(features, dtype)

    def forward(self, x: TensorNode) -> TensorNode:
        """Normalise a batch x (n, c) or (n, c, h, w)."""
        if not self.training:
            return functions.batch_norm(x, self.gain, self.shift, self.mean, self.variance, eps=self.eps)
        out = functions.batch_norm(x, self.gain, self.shift, eps=self.eps)
        self._remember(x.value if isinstance(x, TensorNode) else x)
        return out

    def _remember(self, x: Array) -> None:
        axes = (0, *range(2, x.ndim))
        mean, variance = x.mean(axis=axes), x.var(axis=axes, ddof=1)
        # new arrays of the old number type
        self.mean = ((1 - self.momentum) * self.mean + self.momentum * mean).astype(self.mean.dtype)
        self.variance = ((1 - self.momentum) * self.variance + self.momentum * variance).astype(self.variance.dtype)


class LayerNorm(Module):
    """Normalise each instance over its features, then scale and shift them: (..., features), same shape out.

    Args:
        features: the length of the last axis, or the lengths of the last few.
        eps: what is added to the variance, so that nothing is divided by 0.
        dtype: number type of the parameters.

    Examples:
        >>> import vizgrad as vg
        >>> vg.LayerNorm(2)(vg.TensorNode([[1.0, 3.0], [10.0, 30.0]])).value.round(3)
        array([[-1.,  1.],
               [-1.,  1.]])
    """

    def __init__(self, features: int | tuple[int, ...], eps: float = 1e-5, dtype: Any = np.float64) -> None:
        shape = (features,) if isinstance(features, int) else tuple(features)
        _check_sizes("LayerNorm", **{f"features[{i}]": size for i, size in enumerate(shape)})
        self.eps = eps
        self.gain = TensorNode(np.ones(shape, dtype))
        self.shift = TensorNode(np.zeros(shape, dtype))

    def forward(self, x: TensorNode) -> TensorNode:
        """Normalise each instance of x (..., features)."""
        return functions.layer_norm(x, self.gain, self.shift, eps=self.eps)


class Dropout(Module):
    """Set entries to 0 at random while training, and scale the others up to make up for it; does nothing after `eval`.

    Args:
        p: the probability of an entry to become 0, below 1.
        rng: where chance comes from; left out, a fresh generator.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> layer = vg.Dropout(0.5, rng=np.random.default_rng(0))
        >>> layer(vg.TensorNode(np.ones(4))).value.tolist()
        [2.0, 0.0, 0.0, 0.0]
        >>> layer.eval()(vg.TensorNode(np.ones(4))).value.tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, rng: np.random.Generator | None = None) -> None:
        if not 0 <= p < 1:
            raise errors.bad_setting("Dropout", "p", p, "a probability, 0 or more and below 1")
        self.p = p
        self.rng = rng or np.random.default_rng()

    def forward(self, x: TensorNode) -> TensorNode:
        """Drop entries of x, of any shape."""
        return functions.dropout(x, self.p, rng=self.rng, training=self.training)


# --- shape -------------------------------------------------------------------------------------------------------


class MaxPool2d(Module):
    """The largest entry of each window: images (n, c, h, w) -> (n, c, h', w').

    Args:
        size: height and width of a window, in pixels; one number or a pair.
        stride: from one window to the next; left out, windows stand side by side.
        padding: rows and columns around the images, which no maximum ever comes from.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.MaxPool2d(2)(vg.TensorNode(np.arange(16.0).reshape(1, 1, 4, 4))).value.tolist()
        [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    def __init__(self, size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        self.size = size
        self.stride = size if stride is None else stride
        self.padding = padding

    def forward(self, x: TensorNode) -> TensorNode:
        """Pool a batch of images x (n, c, h, w)."""
        return functions.max_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class AvgPool2d(Module):
    """The mean of each window: images (n, c, h, w) -> (n, c, h', w').

    Args:
        size: height and width of a window, in pixels; one number or a pair.
        stride: from one window to the next; left out, windows stand side by side.
        padding: rows and columns of zeros around the images.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.AvgPool2d(2)(vg.TensorNode(np.arange(16.0).reshape(1, 1, 4, 4))).value.tolist()
        [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    def __init__(self, size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        self.size = size
        self.stride = size if stride is None else stride
        self.padding = padding

    def forward(self, x: TensorNode) -> TensorNode:
        """Pool a batch of images x (n, c, h, w)."""
        return functions.avg_pool2d(x, self.size, stride=self.stride, padding=self.padding)


class Flatten(Module):
    """Each instance as one row: (n, ...) -> (n, f).

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> vg.Flatten()(vg.TensorNode(np.zeros((5, 16, 4, 4)))).shape
        (5, 256)
    """

    def forward(self, x: TensorNode) -> TensorNode:
        """Flatten a batch x (n, ...)."""
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))  # not -1, which a batch of 0 leaves open


# --- activations -------------------------------------------------------------------------------------------------


class Identity(Module):
    """x itself: takes the place of a layer that is left out."""

    def forward(self, x: TensorNode) -> TensorNode:
        return x


class ReLU(Module):
    """max(x, 0) for each entry, as a layer."""

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.relu(x)


class LeakyReLU(Module):
    """x where it is above 0, else slope * x, as a layer."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.leaky_relu(x, slope=self.slope)


class Sigmoid(Module):
    """1 / (1 + exp(-x)) for each entry, as a layer."""

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent of each entry, as a layer."""

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.tanh(x)


class Softplus(Module):
    """log(1 + exp(x)) for each entry, as a layer."""

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.softplus(x)


class GELU(Module):
    """x times the probability that a standard normal number is below x, as a layer.

    Args:
        approximate: ``"none"`` or ``"tanh"``.
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.gelu(x, approximate=self.approximate)


class Softmax(Module):
    """Scores as probabilities along an axis, as a layer."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.softmax(x, axis=self.axis)


class LogSoftmax(Module):
    """Scores as logarithms of probabilities along an axis, as a layer."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: TensorNode) -> TensorNode:
        return functions.logsoftmax(x, axis=self.axis)


# --- networks ----------------------------------------------------------------------------------------------------


class Sequential(Module):
    """Layers one after the other; functions such as `relu` may stand among them.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> net = vg.Sequential(vg.Linear(2, 8), vg.nn.ReLU(), vg.Linear(8, 3))
        >>> net(vg.TensorNode(np.zeros((5, 2)))).shape
        (5, 3)
        >>> len(net), len(net[:2])
        (3, 2)
        >>> net
        Sequential, 51 parameters
          layers.0 Linear, 24 parameters: w (8, 2), b (8,)
          layers.1 ReLU
          layers.2 Linear, 27 parameters: w (3, 8), b (3,)
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for place, layer in enumerate(layers):
            if not callable(layer):
                raise errors.not_a_layer(place, layer)
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """Apply each layer to what the one before it gives."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Sequential: ...
    def __getitem__(self, place: int | slice) -> Any:
        return Sequential(*self.layers[place]) if isinstance(place, slice) else self.layers[place]


class MLP(Module):
    """A network with one hidden layer: (n, f) -> (n, m) probabilities.

    Args:
        input_size: f, the number of input features.
        output_size: m, the number of classes.
        hidden_size: units in the hidden layer; left out, ``hidden_mult`` for each input feature.
        nonlinearity: what is applied to the hidden layer.
        output: what is applied to the scores, `softmax` or `logsoftmax`.
        rng: where the weights come from; left out, a fresh generator.
        dtype: number type of the parameters.
        hidden_mult: units in the hidden layer for each input feature.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> net = vg.MLP(input_size=3, output_size=2)
        >>> net(vg.TensorNode(np.zeros((5, 3)))).value.sum(axis=1)
        array([1., 1., 1., 1., 1.])
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        hidden_size: int | None = None,
        nonlinearity: Callable[[TensorNode], TensorNode] = functions.sigmoid,
        output: Callable[[TensorNode], TensorNode] = functions.softmax,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float64,
        *,
        hidden_mult: int = 4,
    ) -> None:
        rng = rng or np.random.default_rng()
        if hidden_size is None:
            hidden_size = hidden_mult * input_size
        self.layer1 = Linear(input_size, hidden_size, rng, dtype)
        self.layer2 = Linear(hidden_size, output_size, rng, dtype)
        self.nonlinearity = nonlinearity
        self.output = output

    def forward(self, x: TensorNode) -> TensorNode:
        """Apply the network to a batch x (n, f)."""
        return self.output(self.layer2(self.nonlinearity(self.layer1(x))))


def _check_sizes(layer: str, **sizes: Any) -> None:
    """Refuse sizes that no layer can have."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise errors.bad_setting(layer, name, size, "a whole number above 0")
