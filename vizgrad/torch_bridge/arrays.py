"""Torch tensors as arrays of a Trace. Of a large one only the summary is kept, so that a recording stays small."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from vizgrad.core import Array
from vizgrad.trace import arrays
from vizgrad.trace.arrays import FULL, Measures, Summarised

_KNOWN_TO_NUMPY = {torch.float16, torch.float32, torch.float64, torch.bool}


def to_array(tensor: torch.Tensor) -> Array:
    """A tensor's numbers, from whichever device, or its summary.

    NumPy has no bfloat16 and no smaller floats: those are float32 here, which holds every one of their numbers. A
    complex tensor has one more axis, for its real and its imaginary part.
    """
    tensor = tensor.detach()
    if tensor.is_meta:  # a tensor with a shape and no numbers
        return np.full(tuple(tensor.shape), np.nan, np.float32)
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.is_floating_point() and tensor.dtype not in _KNOWN_TO_NUMPY:
        tensor = tensor.float()
    array: Array = tensor.resolve_neg().cpu().numpy()
    return array if array.size <= FULL else measured(array)


class Measured(Summarised):
    """A stand-in for a large array: it holds what the summary says, and as entries nothing but the mean."""

    measures: Measures

    @property
    def record(self) -> dict[str, Any]:  # type: ignore[override]
        """The array as a trace writes it."""
        return {"shape": list(self.shape), "dtype": str(self.dtype), "summary": self.measures.summary()}


def measured(array: Array) -> Measured:
    """The stand-in for an array."""
    measures = arrays.measures(array)
    stand_in = np.broadcast_to(np.asarray(measures.mean, array.dtype), array.shape).view(Measured)
    stand_in.measures = measures
    return stand_in


def finite_entries(array: Array) -> int:
    """How many entries are finite."""
    if isinstance(array, Measured):
        return array.size - array.measures.nonfinite
    return int(np.isfinite(array).sum())
