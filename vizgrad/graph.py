"""Questions about a graph that exists: what a tensor was made of, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from vizgrad.core import OpNode, TensorNode


def tensors_below(top: TensorNode) -> Iterator[TensorNode]:
    """The tensor and everything it was made of, each once."""
    seen = {top}
    stack = [top]
    while stack:
        node = stack.pop()
        for child in node.source.inputs if node.source else ():
            if child not in seen:
                seen.add(child)
                stack.append(child)
        yield node


def ops_below(top: TensorNode) -> list[OpNode]:
    """The ops that the walk back from a tensor visits, in the order in which they were computed."""
    ops: set[OpNode] = set()
    stack = [top.source]
    while stack:
        op = stack.pop()
        if op is not None and op not in ops:
            ops.add(op)
            stack.extend(node.source for node in op.inputs if node.requires_grad)
    return sorted(ops, key=lambda op: -op.order)


def gradients_to_come(loss: TensorNode) -> dict[TensorNode, int]:
    """How many gradients the walk back from ``loss`` brings to each tensor: one for each use on the way to it."""
    counts = {loss: 0}
    for op in reversed(ops_below(loss)):
        for node in op.inputs:
            if node.requires_grad:
                counts[node] = counts.get(node, 0) + 1
    return counts
