"""Optimisers: how a gradient becomes a change of the parameters."""

from __future__ import annotations

from collections.abc import Iterable

from vizgrad import core
from vizgrad.core import TensorNode


class SGD:
    """Plain gradient descent: each parameter moves against its gradient, ``p <- p - lr * p.grad``.

    Args:
        parameters: the tensors to change.
        lr: the learning rate, the length of a step relative to the gradient.

    Examples:
        >>> import vizgrad as vg
        >>> w = vg.TensorNode(3.0)
        >>> (w * w).backward()
        >>> vg.SGD([w], lr=0.1).step()
        >>> float(w.value)  # 3 - 0.1 * 6
        2.4
    """

    rule = r"\v{p} \leftarrow \v{p} - \k{lr} \cdot \g{p}"

    def __init__(self, parameters: Iterable[TensorNode], lr: float) -> None:
        self.parameters = list(parameters)
        self.lr = lr

    def step(self) -> None:
        """Move every parameter once."""
        for node in self.parameters:
            # A new array, not `-=`: what forward saved in a graph still alive must not change under it.
            core.update(node, node.value - self.lr * node.grad, rule=self.rule, lr=self.lr)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for node in self.parameters:
            core.forget_grad(node)
