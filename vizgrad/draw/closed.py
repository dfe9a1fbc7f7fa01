"""What a closed unit shows: its totals, what comes in, its parameters with their gradients, and what goes out.

A row has a name with its shape on the left, or with its numbers where they are few; and its gradient on the right, of
many numbers the largest size. The room is reserved for the longest text of all steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vizgrad.core import Array
from vizgrad.draw.content import CHAR, LINE, PAD, arrays_shown, short_name
from vizgrad.draw.modules import Unit, View
from vizgrad.trace.model import State, Tensor
from vizgrad.trace.text import number, shape, short

_FEW_NUMBERS = 2
_MOST_ROWS = {"in": 2, "": 4, "out": 2}
_LONGEST_NUMBER = 10
_LONGEST_NAME = 24
NOTHING = "–"  # where no gradient has arrived


@dataclass(frozen=True)
class Row:
    """One tensor: `kind` is "in", "out", or "" for a parameter. A row without a tensor says how many were left out."""

    kind: str
    tensor: str
    left: str
    right: str


@dataclass(frozen=True)
class UnitBox:
    """A closed unit as a node."""

    name: str
    totals: str
    rows: list[Row]
    width: float
    height: float


def unit_boxes(seen: View) -> dict[str, UnitBox]:
    """What all units show at the end of the trace while they are closed, by id."""
    if not seen.units.all or seen.around:
        return {}
    shown, state = arrays_shown(seen.units.trace), seen.units.trace.state()
    return {unit.id: _unit_box(seen, unit, shown, state) for unit in seen.units.all.values()}


def title_width(name: str) -> float:
    """How wide the title of an open unit is, with the mark in front of it."""
    return 8 * len(cut(name)) + 30


def cut(name: str) -> str:
    """The name of a unit as a drawing shows it."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _unit_box(seen: View, unit: Unit, shown: Mapping[str, list[Array]], state: State) -> UnitBox:
    trace, units = seen.units.trace, seen.units
    rows, longest = [], 0
    groups = {"in": units.inputs(unit.path), "": units.parameters(unit.path), "out": units.outputs(unit.path)}
    for kind, ids in groups.items():
        for id in ids[: _MOST_ROWS[kind]]:
            tensor = trace.tensor(id)
            left, right = row_texts(tensor, kind, unit.module, state.values.get(id), state.grads.get(id))
            rows.append(Row(kind, id, left, right))
            longest = max(longest, _room(tensor, kind, unit.module, shown[id]))
        more = len(ids) - _MOST_ROWS[kind]
        if more > 0:
            rows.append(Row(kind, "", f"and {more} more", ""))
    totals = totals_of(seen, unit)
    width = max(longest, len(totals), len(cut(unit.name)) + 3) * CHAR + 2 * PAD + 8
    return UnitBox(cut(unit.name), totals, rows, width, (2 + len(rows)) * LINE + 2 * PAD)


def totals_of(seen: View, unit: Unit) -> str:
    """How much is in a unit, such as `3 ops, 2 parameters, 7,850 numbers`."""
    parameters = seen.units.parameters(unit.path)
    numbers = sum(int(np.prod(seen.units.trace.tensor(id).shape)) for id in parameters)
    counts = [(len(unit.ops), "op"), (len(parameters), "parameter"), (numbers, "number")]
    return ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in counts if count)


def row_texts(tensor: Tensor, kind: str, module: str, value: Array | None, grad: Array | None) -> tuple[str, str]:
    """Both texts of a row of a unit of this module."""
    named = _named(tensor, kind, module)
    right = "" if not tensor.requires_grad else f"∇ {_entries(grad)}" if grad is not None else f"∇ {NOTHING}"
    return f"{named}{_numbers(value) if value is not None and _is_small(value) else shape(tensor.shape)}", right


def _entries(grad: Array) -> str:
    if _is_small(grad):
        return _numbers(grad)
    return f"to ±{number(_largest(grad))}"


def _largest(array: Array) -> float:
    """The largest size of a finite entry, in the array's own precision as the player has it."""
    size = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(size.max(initial=0.0))


def _numbers(array: Array) -> str:
    return short(array)


def _is_small(array: Array) -> bool:
    return 0 < array.size <= _FEW_NUMBERS


def _named(tensor: Tensor, kind: str, module: str) -> str:
    inside = not kind and tensor.name.startswith(f"{module}.")
    name = cut(tensor.name[len(module) + 1 :]) if inside else short_name(tensor)
    return "".join(f"{part} " for part in (kind, name) if part)


def _room(tensor: Tensor, kind: str, module: str, shown: list[Array]) -> int:
    longest = max((len(_numbers(array)) for array in shown if _is_small(array)), default=0)
    left = len(_named(tensor, kind, module)) + max(longest, len(shape(tensor.shape)))
    right = 4 + (longest or _LONGEST_NUMBER + 4) if tensor.requires_grad else 0
    return left + right
