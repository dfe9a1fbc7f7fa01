"""How to watch the engine: what it tells, and how to listen. The recorder and the anomaly detector are observers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from vizgrad import core
from vizgrad.core import Array, Op, OpNode, TensorNode


class Observer:
    """What the engine tells whoever watches. The engine never looks at what an observer does with it."""

    def forward(self, op: OpNode, settings: Mapping[str, Any], outputs: Sequence[TensorNode]) -> None:
        """An op has computed its outputs."""

    def failed(self, op: type[Op], inputs: Sequence[TensorNode], settings: Mapping[str, Any], error: Exception) -> None:
        """An op could not compute its outputs."""

    def start(self, loss: TensorNode, seed: Array) -> None:
        """A backward walk begins; ``seed`` is the gradient of the loss with respect to itself."""

    def backward(self, op: OpNode, upstream: Sequence[Array], gradients: Sequence[Array | None]) -> None:
        """An op has turned the gradients of its outputs into gradients of its inputs, which are about to arrive there.

        A gradient is ``None`` where the input wants none.
        """

    def end(self, loss: TensorNode) -> None:
        """A backward walk is over, and every gradient is where it belongs."""

    def update(self, node: TensorNode, before: Array, rule: str, settings: Mapping[str, Any]) -> None:
        """A tensor has a new value, by an optimiser's rule, or by plain assignment (an empty rule)."""

    def zero(self, node: TensorNode) -> None:
        """A tensor's gradient was forgotten."""


@contextmanager
def watching(observer: Observer) -> Iterator[None]:
    """Tell ``observer`` everything that happens inside the block.

    Examples:
        >>> import vizgrad as vg
        >>> from vizgrad.observer import Observer, watching
        >>> class Log(Observer):
        ...     def forward(self, op, settings, outputs):
        ...         print(op.op.__name__)
        >>> with watching(Log()):
        ...     x = vg.TensorNode(2.0) * 3.0
        Multiply
    """
    before, core.observers = core.observers, (*core.observers, observer)
    try:
        yield
    finally:
        core.observers = before
