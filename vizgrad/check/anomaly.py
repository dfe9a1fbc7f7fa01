"""Where does the first NaN or Inf come from? An observer that looks at every number as it is made."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from vizgrad import _frames, errors
from vizgrad.check.gradients import input_names
from vizgrad.core import Array, OpNode, TensorNode
from vizgrad.observer import Observer, watching


class _Detector(Observer):
    """Raises an error at the first op that makes a number which is infinite or none.

    An infinite input that stays infinite is no anomaly: nothing but -inf can mask a score before a softmax.
    """

    def __init__(self) -> None:
        self.places: dict[
            int, _frames.Place | None
        ] = {}  # where each op was computed, until its backward; by its order

    def forward(self, op: OpNode, settings: Mapping[str, Any], outputs: Sequence[TensorNode]) -> None:
        self.places[op.order] = _frames.here()
        inputs = [node._value for node in op.inputs]
        for output in outputs:
            if _made(output._value, inputs):
                raise errors.anomaly_in_forward(op, input_names(op.op.do_forward, len(inputs)), output._value)

    def backward(self, op: OpNode, upstream: Sequence[Array], gradients: Sequence[Array | None]) -> None:
        place = self.places.pop(op.order, None)
        known = [*upstream, *(node._value for node in op.inputs)]
        for port, gradient in enumerate(gradients):
            if gradient is not None and _made(gradient, known):
                names = input_names(op.op.do_forward, len(op.inputs))
                raise errors.anomaly_in_backward(op, names, port, gradient, upstream, place)


def _made(result: Array, inputs: Sequence[Array]) -> bool:
    """Whether a result has nan, or inf although no input has."""
    if np.isfinite(result).all():
        return False
    return bool(np.isnan(result).any()) or all(np.isfinite(array).all() for array in inputs)


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Stop at the first op that makes NaN or Inf, forward or backward, inside the block.

    Every result is looked at, so this costs time; use it to find out where a loss of ``nan`` comes from.

    Raises:
        AnomalyError: names the op, the line that computes it, the input or output, how many entries are not finite, and
            the range of each input.

    Examples:
        >>> import vizgrad as vg
        >>> x = vg.TensorNode([1.0, 0.0], name="x")
        >>> try:
        ...     with vg.detect_anomaly():
        ...         loss = (x * x.log()).sum()
        ... except vg.AnomalyError as error:
        ...     print(str(error).splitlines()[0])
        Log made 1 inf among 2 entries.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.NumericsWarning)  # the error says it, and more
        with watching(_Detector()):
            yield
