"""A view -> sheets: which nodes are in which, and which parts of which edges."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from vizgrad.draw.closed import UnitBox, title_width
from vizgrad.draw.content import Contents
from vizgrad.draw.modules import View
from vizgrad.draw.sheets import Item, Link, Opened, Sheet, opened
from vizgrad.trace.model import Operation


def plan(seen: View, inside: Contents, boxes: Mapping[str, UnitBox], direction: str) -> dict[str, Sheet]:
    """Lay out every unit of a trace, or only the part that is seen."""
    units = {} if seen.around else seen.units.all
    sheets = {"": Sheet(), **{path: Sheet(title_width(unit.name)) for path, unit in units.items()}}
    drawn = {op.id for op in seen.ops}
    ops = [op for op in seen.units.trace.ops if op.id in drawn or not seen.around]
    for op in ops:
        for id in (*(port.tensor for port in op.inputs), op.id, *op.outputs):
            _put(id, seen, inside, boxes, sheets)
    for tensor in seen.tensors:
        _put(tensor.id, seen, inside, boxes, sheets)
    for op in ops:
        _connect(op, seen, inside, sheets)
    for sheet in sheets.values():
        sheet.place(turn=direction == "TB")
    return sheets


def arrangement(seen: View, sheets: dict[str, Sheet], direction: str) -> Opened:
    """The sheets as the view has them: with its units opened."""
    units = seen.units.all

    def children(path: str) -> list[tuple[str, str]]:
        return [(units[one].id, one) for one in seen.open if units[one].parent == path]

    return opened(sheets, "", children, direction == "TB")


def _homes(id: str, seen: View) -> list[str]:
    """The sheets that a node is in, outermost first; in all but the last it is in a closed unit."""
    return [""] if seen.around else ["", *seen.units.chain(seen.units.home[id])]


def _put(id: str, seen: View, inside: Contents, boxes: Mapping[str, UnitBox], sheets: dict[str, Sheet]) -> None:
    homes = _homes(id, seen)
    for around, path in itertools.pairwise(homes):
        box = boxes[seen.units.all[path].id]
        unit = seen.units.all[path].id
        sheets[around].items.setdefault(unit, Item(unit, box.width, box.height))
    node = inside.tensors.get(id) or inside.ops[id]
    sheets[homes[-1]].items.setdefault(id, Item(id, node.width, node.height))


def _connect(op: Operation, seen: View, inside: Contents, sheets: dict[str, Sheet]) -> None:
    """Each edge of an op as one link for each sheet that it passes."""
    trace = seen.units.trace
    for port, entering in enumerate(op.inputs):
        tensor = entering.tensor
        up, down = _homes(tensor, seen), _homes(op.id, seen)
        for path in dict.fromkeys([*up, *down]):
            start, end = _seen_from(path, tensor, up, seen), _seen_from(path, op.id, down, seen)
            start, end = start or f"in:{tensor}", end or f"out:{tensor}"
            if start == end:
                continue
            key = f"{op.id}:{port}" if end == op.id else f"{start} {end} {tensor}"
            room = (
                0.0 if end.startswith("out:") else inside.room(trace, tensor, [(op.id, port)])
            )  # shown once, at the end
            link = Link(key, start, end, tensor, room=room)
            if end == op.id:
                link.op, link.port = op.id, port
                box = inside.ops[op.id]
                link.offset = (port - (len(op.inputs) - 1) / 2) * min(12.0, box.height * 0.6 / len(op.inputs))
                link.inset = box.width / 2 * abs(link.offset) / (box.height / 2)  # a diamond is narrower there
            sheets[path].link(link)
    for output in op.outputs:
        sheets[_homes(op.id, seen)[-1]].link(Link(f"{op.id}:{output}", op.id, output, output, op=op.id))


def _seen_from(path: str, id: str, homes: list[str], seen: View) -> str:
    """What stands for a node in a sheet: itself, a closed unit, or nothing, where it is outside."""
    if path not in homes:
        return ""
    place = homes.index(path)
    return id if place == len(homes) - 1 else seen.units.all[homes[place + 1]].id
