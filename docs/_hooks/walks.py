"""Backward walks that are wrong in a way people really write them, to show on pages what they would give.

They run on graphs that the library built, with the library's own ``backward`` of each op: only the order is theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vizgrad.core import OpNode, TensorNode
from vizgrad.observer import Observer, watching

Grads = dict[TensorNode, Any]


def gradient(policy: str, program: str, loss: str, wanted: str) -> float:
    """The gradient of one tensor of a program under a walking policy.

    Args:
        policy: ``right``, ``recursive`` (go on with each gradient as soon as it arrives, with the sum so far) or
            ``every use`` (wait for every use of a tensor, also for those that do not lead to the loss).
        program: the source; it need not call backward.
        loss: the name of the variable to start from.
        wanted: the name of the variable whose gradient is asked for.
    """
    uses = _Uses()
    scope: dict[str, Any] = {}
    with watching(uses):
        exec(program, scope)
    walk: dict[str, Callable[[TensorNode, _Uses], Grads]] = {
        "right": _right,
        "recursive": _recursive,
        "every use": _every_use,
    }
    return float(walk[policy](scope[loss], uses).get(scope[wanted], 0.0))


class _Uses(Observer):
    """Counts how often each tensor goes into an op."""

    def __init__(self) -> None:
        self.count: dict[TensorNode, int] = {}

    def forward(self, op: OpNode, settings: Any, outputs: Any) -> None:
        for node in op.inputs:
            self.count[node] = self.count.get(node, 0) + 1


def _sent(op: OpNode, grad: Any) -> list[tuple[TensorNode, Any]]:
    gradients = op.backward(np.asarray(grad))
    return [(node, g) for node, g in zip(op.inputs, gradients, strict=True) if node.requires_grad and g is not None]


def _right(loss: TensorNode, uses: _Uses) -> Grads:
    loss.backward()
    return {node: node.grad for node in [*uses.count, loss]}


def _recursive(loss: TensorNode, uses: _Uses) -> Grads:
    grads: Grads = {}

    def arrive(node: TensorNode, grad: Any) -> None:
        grads[node] = grads.get(node, 0.0) + grad
        if node.source is not None:
            for child, sent in _sent(node.source, grads[node]):
                arrive(child, sent)

    arrive(loss, np.ones_like(loss.value))
    return grads


def _every_use(loss: TensorNode, uses: _Uses) -> Grads:
    grads: Grads = {loss: np.ones_like(loss.value)}
    arrived: dict[TensorNode, int] = {}
    ready = [loss]
    while ready:
        node = ready.pop()
        for child, sent in _sent(node.source, grads[node]) if node.source else []:
            grads[child] = grads.get(child, 0.0) + sent
            arrived[child] = arrived.get(child, 0) + 1
            if arrived[child] == uses.count[child]:
                ready.append(child)
    return grads
