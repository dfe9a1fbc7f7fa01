"""Autograd nodes: which op of the trace they are inside of, and what they keep for backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from vizgrad.trace.model import Operation

Node = Any  # torch.autograd.graph.Node: an abstract class, which mypy cannot match with the real ones
Key = tuple[Node, int]  # an autograd node and which of its outputs

_LEAF = "AccumulateGrad"


@dataclass(eq=False)
class Made:
    """An op of the trace and its inside: the autograd nodes that one call has made."""

    number: int
    operation: Operation
    outputs: dict[Key, int] = field(default_factory=dict)  # which output of the op leaves at which node
    shared: set[int] = field(default_factory=set)  # outputs that the inside goes on from, as h from c in an LSTM
    exits: dict[Node, list[tuple[int, int]]] = field(default_factory=dict)  # node -> its edges to (edge, port)


def is_leaf(node: Node) -> bool:
    """Whether a node is where the gradient of a leaf is collected."""
    return bool(node.name().endswith(_LEAF))


@cache
def _saved_names(kind: Any) -> list[str]:
    return [name for name in dir(kind) if name.startswith("_saved_")]


def saved_tensors(node: Node) -> Iterator[tuple[str, torch.Tensor]]:
    """What a node keeps for backward, as far as it still can be looked at."""
    kind: Any = type(node)
    for name in _saved_names(kind):
        try:
            value = getattr(node, name)
        except RuntimeError:  # freed already, or written into since
            continue
        if isinstance(value, torch.Tensor):
            yield name, value
