"""The walk back from a loss to everything it was made of, and the sums of gradients on the way."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad._inplace import Watch, shares
from vizgrad.core import Array, OpNode, TensorNode, next_order


def walk_back(
    loss: TensorNode, source: OpNode, seed: Array, earlier: dict[TensorNode, Array], retain_graph: bool
) -> None:
    """Carry the gradient of the loss back through every op that it was made by, the latest op first.

    Args:
        loss: where the walk starts.
        source: the op that made it.
        seed: the gradient of the loss with respect to itself.
        earlier: here go the gradients of earlier walks, while ``_grad`` sums up what this walk brings.
        retain_graph: whether ops keep what forward has saved.
    """
    walk = object()  # what marks the tensors that this walk has reached
    waiting: list[tuple[int, OpNode, TensorNode]] = []  # a heap of the ops still to come, each with what reached it
    several: set[OpNode] = set()  # ops of several outputs are reached by each of them, but have one turn

    if loss._grad is not None:
        earlier[loss] = loss._grad
    loss._grad, loss._walk = seed, walk
    waiting.append((source.order, source, loss))
    while waiting:
        _, op, node = heappop(waiting)
        upstream: tuple[Any, ...] = (node._grad,)
        if op.references is not None:
            upstream = tuple([reference.gradient(walk) for reference in op.references])
        if op.context is None:
            raise errors.walked_before(op) if op.inputs else errors.cleared(node)
        gradients = op.backward(*upstream)
        for node, gradient in zip(op.inputs, gradients):  # noqa: B905 (there are as many: _checked has counted them)
            watch = node._watch
            if watch is not None and (watch.walk is not walk or watch.changed is not None):
                _refuse_changed(op, node, watch, walk)
            if not node.requires_grad:
                continue
            if type(gradient) is not np.ndarray or gradient.dtype is not node._value.dtype:
                gradient = _as_gradient(op, node, gradient)
            if node._walk is walk:
                # Never `+=`: the same array may have been handed to another node as well.
                total = node._grad + gradient
                node._grad = total if type(total) is np.ndarray else np.asarray(total)
                continue
            node._walk = walk
            if node._grad is not None:
                earlier[node] = node._grad
            maker = node._source
            if maker is not None:
                if maker.references is None:
                    heappush(waiting, (maker.order, maker, node))
                elif maker not in several:
                    several.add(maker)
                    heappush(waiting, (maker.order, maker, node))
            elif gradient.shape != node._value.shape:
                raise errors.wrong_gradient_shape(op, op.inputs.index(node), gradient.shape)
            elif gradient.base is not None or gradient is upstream[0]:
                gradient = gradient.copy()  # a leaf's gradient is the program's to change: no view, nobody else's array
            node._grad = gradient
        if not retain_graph:
            op.context = None


def _as_gradient(op: OpNode, node: TensorNode, gradient: Any) -> Array:
    """A gradient as an array of its tensor's number type: sums over everything are NumPy scalars, not arrays."""
    if gradient is None:
        raise errors.wanted_too_late(op, node)
    return np.asarray(gradient, dtype=node._value.dtype)


def _refuse_changed(op: OpNode, node: TensorNode, watch: Watch, walk: object) -> None:
    """Raise an error if an array that the op's gradient depends on was written into since; look once in a walk."""
    if watch.walk is not walk:
        watch.walk = walk
        watch.look(next_order())
    if watch.changed is None:
        return
    if node._source is not None:  # its op made other numbers than it holds now, and may have saved them
        raise errors.changed_in_place(op, node)
    if watch.changed < op.order and shares(node._value, op.context or {}):
        raise errors.changed_in_place(op, node)
