"""Modules: reusable pieces of a network that own their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vizgrad import errors, functions, ops
from vizgrad.core import TensorNode

running: list[Module] = []  # the modules whose forward is running, outermost first; drawings group ops by it


class Module:
    """A piece of a network. Derive from it, set parameters and other modules as attributes, and define ``forward``.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> class Scale(vg.Module):
        ...     def __init__(self):
        ...         self.factor = vg.TensorNode(2.0)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> scale = Scale()
        >>> scale(vg.TensorNode(3.0)).item()
        6.0
        >>> len(scale.parameters())
        1
    """

    def forward(self, *inputs: Any) -> Any:
        """Compute the output from the inputs; every module says how."""
        raise errors.unfinished_module(type(self).__name__)

    def __call__(self, *inputs: Any) -> Any:
        running.append(self)
        try:
            return self.forward(*inputs)
        finally:
            running.pop()

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, TensorNode]]:
        """The parameters of this module and of the modules in it, with their paths such as ``hidden.w``."""
        for name, value in vars(self).items():
            path = f"{prefix}.{name}" if prefix else name
            if isinstance(value, TensorNode):
                yield path, value
            elif isinstance(value, Module):
                yield from value.named_parameters(path)

    def parameters(self) -> list[TensorNode]:
        """The tensors that training changes, in the order in which they were set."""
        return [node for _, node in self.named_parameters()]

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and the modules in it, with their paths; its own path is ``prefix``."""
        yield prefix, self
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield from value.named_modules(f"{prefix}.{name}" if prefix else name)


class Linear(Module):
    """A fully connected layer: (n, f) -> (n, m), computing ``x @ w.T + b``.

    The weights w (m, f) are drawn from a normal distribution with Glorot's standard deviation sqrt(2 / (f + m)), the
    bias b (m,) starts at 0.

    Args:
        input_size: f, the number of input features.
        output_size: m, the number of output features.
        rng: where the weights come from; left out, a fresh generator.
        dtype: number type of the parameters.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        rng: np.random.Generator | None = None,
        dtype: Any = np.float64,
    ) -> None:
        rng = rng or np.random.default_rng()
        scale = np.sqrt(2.0 / (input_size + output_size))
        self.w = TensorNode((rng.standard_normal((output_size, input_size)) * scale).astype(dtype))
        self.b = TensorNode(np.zeros(output_size, dtype))

    def forward(self, x: TensorNode) -> TensorNode:
        """Apply the layer to a batch x (n, f)."""
        product: TensorNode = ops.BatchMM.do_forward(self.w, x)
        return product + self.b


class MLP(Module):
    """A network with one hidden layer: (n, f) -> (n, m) probabilities.

    Args:
        input_size: f, the number of input features.
        output_size: m, the number of classes.
        hidden_size: units in the hidden layer; left out, four for each input feature.
        nonlinearity: what is applied to the hidden layer.
        output: what is applied to the scores, `softmax` or `logsoftmax`.
        rng: where the weights come from; left out, a fresh generator.
        dtype: number type of the parameters.

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
    ) -> None:
        rng = rng or np.random.default_rng()
        hidden_size = hidden_size or 4 * input_size
        self.layer1 = Linear(input_size, hidden_size, rng, dtype)
        self.layer2 = Linear(hidden_size, output_size, rng, dtype)
        self.nonlinearity = nonlinearity
        self.output = output

    def forward(self, x: TensorNode) -> TensorNode:
        """Apply the network to a batch x (n, f)."""
        return self.output(self.layer2(self.nonlinearity(self.layer1(x))))
