"""What a node shows inside: its name, its value and its gradient, and how much room that takes.

A small array is shown as numbers in cells, a large one as a heat map, one whose rows are pictures as those pictures.
The room is reserved for the longest number a tensor ever shows, so that nothing moves from step to step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from vizgrad.core import Array
from vizgrad.trace.model import Operation, Tensor, Trace
from vizgrad.trace.text import number, shape

CHAR = 6.7  # width of a digit at the font size of the drawings, in px
LINE = 17.0  # height of a line
CELL = 18.0  # height of a cell with a number in it
PAD = 8.0
GAP = 4.0
_MAX_ROWS, _MAX_COLUMNS = 5, 5  # larger matrices are heat maps
_HEAT_SIZE = 112.0  # longest side of a heat map
_LONGEST_NAME = 16


@dataclass(frozen=True)
class Slot:
    """Room for one array: ``numbers`` in rows and columns of cells, a ``heat`` map, or tiled ``picture`` rows."""

    kind: str
    rows: int
    columns: int
    width: float
    height: float
    tiles_across: int = 1


@dataclass(frozen=True)
class TensorBox:
    """A tensor node: a circle for a single number, a rounded box for more."""

    name: str
    shape: str
    value: Slot
    grad: Slot | None
    round: bool
    width: float
    height: float


@dataclass(frozen=True)
class OpBox:
    """An op node: a diamond around its symbol."""

    symbol: str
    width: float
    height: float


@dataclass
class Contents:
    """The contents of every node of a trace, by id."""

    tensors: dict[str, TensorBox] = field(default_factory=dict)
    ops: dict[str, OpBox] = field(default_factory=dict)
    chips: dict[str, float] = field(default_factory=dict)  # op id -> width of the chips on its input edges

    def room(self, trace: Trace, tensor: str, ends: Iterable[tuple[str, int]]) -> float:
        """Room for a chip on an edge from a tensor to these ports of ops."""
        return max((self.chips[op] for op, _ in ends), default=0.0) if trace.tensor(tensor).requires_grad else 0.0


def contents(trace: Trace) -> Contents:
    """Work out what each node shows and how large it is."""
    shown = arrays_shown(trace)
    chips = _chip_widths(trace)
    result = Contents()
    for tensor in trace.tensors:
        result.tensors[tensor.id] = _tensor_box(tensor, shown[tensor.id])
    for op in trace.ops:
        result.ops[op.id] = _op_box(trace, op)
        result.chips[op.id] = chips.get(op.id, 0.0)
    return result


def short_name(tensor: Tensor) -> str:
    """The name as a node shows it: without the module that is drawn around it, and cut where it is long."""
    name = tensor.name
    if tensor.module and name.startswith(tensor.module + "."):
        name = name[len(tensor.module) + 1 :]
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def as_matrix(array: Array) -> Array:
    """An array as the matrix that a heat map shows: vectors are one row, leading axes are stacked."""
    if array.ndim == 0:
        return array.reshape(1, 1)
    return array.reshape(-1, array.shape[-1]) if array.shape[-1] else array.reshape(0, 0)


def arrays_shown(trace: Trace) -> dict[str, list[Array]]:
    """Every array that a tensor holds at some step, as value or as gradient."""
    shown: dict[str, list[Array]] = {}
    for tensor in trace.tensors:
        places = [tensor.array] + ([tensor.grad] if tensor.grad is not None else [])
        shown[tensor.id] = [trace.arrays[place] for place in places]
    for step in trace.steps:
        if step.tensor:
            places = [place for place in (step.array, step.gradient, step.after) if place is not None]
            shown[step.tensor] += [trace.arrays[place] for place in places]
    return shown


def _tensor_box(tensor: Tensor, shown: list[Array]) -> TensorBox:
    slot = _slot(tensor, shown)
    grad = slot if tensor.requires_grad else None
    name = short_name(tensor)
    single = slot.kind == "numbers" and slot.rows == slot.columns == 1
    caption = "" if slot.kind == "numbers" else shape(tensor.shape)
    heights = [LINE] * (bool(name) + bool(caption)) + [slot.height] + ([slot.height + GAP] if grad else [])
    width = max(len(name) * CHAR, len(caption) * CHAR, slot.width)
    height = sum(heights)
    if single:
        # The corners of the name at the top and of the numbers below must lie inside the circle, and a second outline.
        corners = math.hypot(len(name) * CHAR / 2, height / 2 - 4), math.hypot(slot.width / 2, height / 2 - LINE / 2)
        radius = max(corners) + PAD / 2 + (2 if tensor.role in ("loss", "parameter") else 0)
        return TensorBox(name, caption, slot, grad, True, 2 * radius, 2 * radius)
    return TensorBox(name, caption, slot, grad, False, width + 2 * PAD, height + 2 * PAD)


def _slot(tensor: Tensor, shown: Iterable[Array]) -> Slot:
    rows, columns = as_matrix(np.empty(tensor.shape)).shape
    if tensor.picture:
        return _picture_slot(tensor.picture, rows)
    if rows <= _MAX_ROWS and columns <= _MAX_COLUMNS and len(tensor.shape) <= 2:
        longest = max((len(number(x)) for array in shown for x in array.reshape(-1)), default=1)
        cell = max(longest * CHAR + PAD, 2 * CELL)
        return Slot("numbers", rows, columns, max(columns, 1) * cell, max(rows, 1) * CELL)
    scale = _HEAT_SIZE / max(rows, columns)
    return Slot("heat", rows, columns, max(columns * scale, 10.0), max(rows * scale, 10.0))


def _picture_slot(picture: list[int], count: int) -> Slot:
    height, width = picture
    across = max(1, math.ceil(math.sqrt(count * 2 * height / width)))  # about twice as wide as high
    down = max(1, math.ceil(count / across))
    rows, columns = down * (height + 1) - 1, across * (width + 1) - 1  # a pixel of space between tiles
    scale = min(1.5 * _HEAT_SIZE / columns, 4.0)
    return Slot("picture", rows, columns, columns * scale, rows * scale, across)


def _op_box(trace: Trace, op: Operation) -> OpBox:
    symbol = trace.codes[op.op].symbol[:_LONGEST_NAME]
    return OpBox(symbol, max(46.0, len(symbol) * CHAR * 1.35 + 26), 42.0)


def _chip_widths(trace: Trace) -> dict[str, float]:
    """Room for the contributions that each op sends back; none for one that sends none."""
    widths: dict[str, float] = {}
    for step in trace.steps:
        if step.op and step.kind == "backward":
            longest = max((len(chip(trace.arrays[i])) for i in step.gradients or [] if i is not None), default=0)
            if longest:
                widths[step.op] = max(widths.get(step.op, 0.0), longest * CHAR + PAD)
    return widths


def chip(array: Array) -> str:
    """A contribution as its chip on an edge shows it: a number, or the shape of an array."""
    return number(array.item()) if array.size == 1 else "×".join(map(str, array.shape))
