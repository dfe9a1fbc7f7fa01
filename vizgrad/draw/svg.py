"""Layout -> SVG: the picture itself, with an id on everything a reader can point at.

Colours come from CSS classes and variables, so the same drawing works in light, dark and print. It shows the final
values and gradients; the player changes the texts in its cells from step to step, never the places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from xml.etree import ElementTree as ET

import numpy as np

from vizgrad.core import Array
from vizgrad.draw import heat, layout
from vizgrad.draw.closed import UnitBox, cut, title_width, unit_boxes
from vizgrad.draw.content import CELL, GAP, LINE, PAD, Contents, OpBox, Slot, TensorBox, chip, contents
from vizgrad.draw.dot import dot
from vizgrad.draw.layout import Layout, Route
from vizgrad.draw.modules import FEW, MANY, MOST, Unit, View, parts, view
from vizgrad.draw.plan import arrangement, plan
from vizgrad.draw.sheets import Link, Opened, Sheet, flat
from vizgrad.trace.model import Operation, State, Tensor, Trace
from vizgrad.trace.text import number, printable, shape

_MARGIN = 12.0
_BADGE = 26.0


def svg(
    trace: Trace,
    *,
    direction: str = "LR",
    title: str = "",
    places: Layout | None = None,
    css: bool = True,
    modules: str | Iterable[str] = "auto",
    around: str = "",
    steps: int = 3,
    insides: bool = False,
) -> str:
    """Draw a trace.

    Args:
        trace: what to draw.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom.
        title: what a screen reader calls the picture.
        places: a layout made elsewhere (in a browser) from `dot`; left out, or where there are modules or many nodes,
            it is made here.
        css: whether the style sheet goes into the file, so that it can stand alone.
        modules: which modules are open: ``"open"``, ``"closed"``, their paths, or ``"auto"``: outermost first, while
            there are few nodes.
        around: the name or id of a tensor or op; then only what is near it is drawn.
        steps: how many ops away from it.
        insides: whether what is in closed modules goes into the file too, for a player to show.
    """
    seen = view(trace, modules, around, steps)
    pen = _Pen(trace, seen, direction)
    if seen.units.all and not seen.around:
        pen.sheets = plan(seen, pen.inside, pen.boxes, direction)
        whole = arrangement(seen, pen.sheets, direction)
        width, height = whole.size
    else:
        whole, places = None, places if places and seen.nodes <= FEW else place(seen, pen.inside, direction)
        width, height = places.width, places.height
    root = _root(trace, seen, direction, title, width + 2 * _MARGIN, height + 2 * _MARGIN)
    if css:
        _element(root, "style").text = style()
    canvas = _element(root, "g", **_at(_MARGIN, _MARGIN))
    if whole:
        kept = set(seen.units.all) if insides and len(trace.tensors) + len(trace.ops) <= MOST else set(seen.open)
        _sheet(canvas, pen, whole, "", kept)
    elif places:
        _flat(canvas, pen, seen, places)
    return ET.tostring(root, encoding="unicode")


def svg_parts(trace: Trace, direction: str = "LR") -> dict[str, str]:
    """Drawings of the parts of a graph that is too large to be drawn at once, by their first and last op, as `o0 o99`.

    What their nodes show is left to a player. A graph that can be drawn whole has none.
    """
    made: dict[str, str] = {}
    pen: _Pen | None = None
    for seen in parts(trace):
        pen = pen or _Pen(trace, seen, direction)  # it knows the whole trace
        places = place(seen, pen.inside, direction)
        root = _root(trace, seen, direction, "", places.width + 2 * _MARGIN, places.height + 2 * _MARGIN)
        _flat(_element(root, "g", **_at(_MARGIN, _MARGIN)), pen, seen, places, hidden=True)
        made[f"{seen.ops[0].id} {seen.ops[-1].id}"] = ET.tostring(root, encoding="unicode")
    return made


def needs_graphviz(trace: Trace) -> bool:
    """Whether Graphviz lays out what is drawn of a trace at first; it does where there are few nodes and no modules."""
    seen = view(trace)
    return seen.nodes <= FEW and (not seen.units.all or bool(seen.around))


def place(seen: View, inside: Contents, direction: str = "LR") -> Layout:
    """Lay out a view without modules: Graphviz does it best, and for large graphs it would take minutes."""
    if seen.nodes <= FEW:
        return layout.run(dot(seen.units.trace, direction, labels=False, seen=seen))
    return flat(plan(seen, inside, {}, direction)[""])


def style() -> str:
    """The style sheet of the drawings."""
    return files("vizgrad.draw").joinpath("graph.css").read_text("utf-8")


@dataclass
class _Pen:
    """What drawing needs to know of a trace."""

    trace: Trace
    seen: View
    direction: str
    sheets: dict[str, Sheet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inside, self.boxes = contents(self.trace), unit_boxes(self.seen)
        self.state = self.trace.state()
        self.titles = self.seen.nodes <= MANY  # of edges, for who finds their way by pointing
        self.uses = Counter(port.tensor for op in self.trace.ops for port in op.inputs)
        self.last = _last_contributions(self.trace)
        self.paths = {unit.id: path for path, unit in self.seen.units.all.items()}

    def node(self, parent: ET.Element, id: str, at: tuple[float, float], hidden: bool = False) -> ET.Element:
        """Draw a tensor or an op; of what is hidden, what it shows is left to the player."""
        trace = self.trace
        if id in self.inside.tensors:
            state = None if hidden else self.state
            return _tensor(parent, trace.tensor(id), self.inside.tensors[id], at, state, self.uses[id] > 1)
        failed = bool(trace.error and trace.error.op == id)
        return _op(parent, trace.op(id), self.inside.ops[id], at, failed)

    def edge(self, parent: ET.Element, tensor: str, op: str, port: int | None) -> ET.Element:
        """An edge into or out of an op, without its line."""
        made, code = self.trace.tensor(tensor), self.trace.op(op)
        if port is None:
            group = _element(parent, "g", "vg-edge vg-out", **{"data-op": op, "data-tensor": tensor})
            says = f"{code.op} makes {made.name or 'a tensor'}"
        else:
            where = {"data-op": op, "data-port": str(port), "data-tensor": tensor}
            group = _element(parent, "g", "vg-edge vg-in", **where)
            stretched = ", stretched to fit" if code.inputs[port].stretched else ""
            says = f"{made.name or made.role} enters {code.op} as {code.inputs[port].port}{stretched}"
        if self.titles:
            _title(group, says)
        return group

    def contribution(self, op: str, port: int | None) -> str:
        return self.last.get((op, -1 if port is None else port), "")


def _root(trace: Trace, seen: View, direction: str, title: str, width: float, height: float) -> ET.Element:
    root = _element(
        None,
        "svg",
        "vg-graph",
        xmlns="http://www.w3.org/2000/svg",
        **{"xmlns:xlink": "http://www.w3.org/1999/xlink"},
        viewBox=f"0 0 {_px(width)} {_px(height)}",
        width=_px(width),
        height=_px(height),
        role="group",
    )
    root.set("aria-label", _clean(title) or _clean(_summary(trace, seen)))
    if direction != "LR":
        root.set("data-direction", direction)
    if seen.around:
        root.set("data-around", seen.around)
    return root


def _flat(canvas: ET.Element, pen: _Pen, seen: View, places: Layout, hidden: bool = False) -> None:
    """A drawing without modules."""
    for op in seen.ops:
        for port, entering in enumerate(op.inputs):
            group, route = pen.edge(canvas, entering.tensor, op.id, port), places.routes[f"{op.id}:{port}"]
            _curve(group, route, pen.direction)
            room = pen.inside.room(pen.trace, entering.tensor, [(op.id, port)])
            if room:
                x, y = route.label or route.points[len(route.points) // 2]
                _chip(group, (x, y), room, pen.contribution(op.id, port))
        for output in op.outputs:
            _curve(pen.edge(canvas, output, op.id, None), places.routes[f"{op.id}:{output}"], pen.direction)
    for id in [*(tensor.id for tensor in seen.tensors), *(op.id for op in seen.ops)]:
        pen.node(canvas, id, places.nodes[id], hidden)


def _sheet(parent: ET.Element, pen: _Pen, whole: Opened, path: str, kept: set[str], hidden: bool = False) -> None:
    """A unit and everything in it: each place also as it is while all units in it are closed, where that differs."""
    sheet, turn = whole.sheet, pen.direction == "TB"
    size = f"{_px(sheet.width)},{_px(sheet.height)}"
    group = _element(
        parent, "g", "vg-sheet", **{"data-module": _clean(path), "data-size": size, **_at(whole.x, whole.y)}
    )
    if hidden:
        group.set("display", "none")
    if path:
        _frame(group, pen.seen.units.all[path], whole.size)

    def put(made: ET.Element, place: tuple[float, float], at: tuple[float, float] | None = None) -> None:
        at = at or whole.place(*place)
        made.set("transform", _at(*at)["transform"])
        if at != place:
            made.set("data-at", f"{_px(place[0])},{_px(place[1])}")

    for link in sheet.links.values():
        edge = _link(group, pen, link)
        line, tip = whole.route(link, turn)
        drawn = _element(edge, "path", "vg-line", d=line)
        if line != link.path:
            drawn.set("data-d", link.path)
        if ":" not in link.end:
            put(_head(edge, link.tip, turn), link.tip, tip)
        if link.room:
            sent = _chip(edge, link.label, link.room, pen.contribution(link.op, link.port))
            put(sent, link.label)
            if link.end in whole.inside:  # it is shown farther inside
                sent.set("display", "none")
    for id, item in sheet.items.items():
        if id in pen.paths:
            unit = pen.seen.units.all[pen.paths[id]]
            box = _closed_unit(group, unit, pen.boxes[id], pen.trace)
            put(box, (item.x, item.y))
            if id in whole.inside:
                box.set("display", "none")
            if unit.path in kept:
                inner = whole.inside.get(id) or Opened(pen.sheets[unit.path])
                _sheet(group, pen, inner, unit.path, kept, hidden or id not in whole.inside)
        elif ":" not in id:
            put(pen.node(group, id, (item.x, item.y), hidden), (item.x, item.y))


def _link(parent: ET.Element, pen: _Pen, link: Link) -> ET.Element:
    """The part of an edge that is in a sheet, without its line. What it leads to may be a unit, or lie outside."""
    if link.op:
        group = pen.edge(parent, link.tensor, link.op, link.port)
    else:
        group = _element(parent, "g", "vg-edge vg-in", **{"data-tensor": link.tensor})
    for where, id in (("from", link.start), ("into", link.end)):
        if id in pen.paths:
            group.set(f"data-{where}", _clean(pen.paths[id]))
        elif ":" in id:
            group.set(f"data-{where}", "")
    return group


def _frame(parent: ET.Element, unit: Unit, size: tuple[float, float]) -> None:
    group = _element(parent, "g", "vg-module", **{"data-module": _clean(unit.path)})
    _element(group, "rect", "vg-module-box", width=_px(size[0]), height=_px(size[1]), rx="10")
    name = cut(unit.name)
    _element(group, "rect", "vg-grip", x="2", y="1", width=_px(title_width(name) - 4), height="25", rx="8")
    _text(group, "−", "vg-toggle", 15, 17.5)
    _text(group, name, "vg-module-name", 26, 17.5)


def _closed_unit(parent: ET.Element, unit: Unit, box: UnitBox, trace: Trace) -> ET.Element:
    leaves = {"data-leaves": " ".join(unit.leaves)} if unit.leaves else {}
    attributes = {"data-module": _clean(unit.path), "data-ops": f"{unit.ops[0]} {unit.ops[-1]}", **leaves}
    group = _element(parent, "g", "vg-module vg-closed", **attributes)
    _title(group, f"{unit.path}: {box.totals}")
    behind = {"x": 4 - box.width / 2, "y": 4 - box.height / 2, "width": box.width, "height": box.height, "rx": 10.0}
    _element(group, "rect", "vg-stack", **{key: _px(size) for key, size in behind.items()})  # there is more in it
    _rectangle(group, "vg-shape", box.width, box.height, radius=10)
    left, y = -box.width / 2 + PAD, -box.height / 2 + 17.5
    _text(group, "+", "vg-toggle", left + 7, y)
    _text(group, box.name, "vg-module-name", left + 18, y)
    _text(group, box.totals, "vg-module-totals", left + 4, y + LINE)
    for row in box.rows:
        y += LINE
        which = {"data-row": row.tensor} if row.tensor else {}
        line = _element(group, "g", f"vg-row vg-{row.kind or 'own'}", **which)
        _text(line, row.left, "vg-row-left", left + 4, y + LINE)
        if row.right:
            _text(line, row.right, "vg-row-right", -left - 4, y + LINE)
    return group


def _head(parent: ET.Element, tip: tuple[float, float], turn: bool) -> ET.Element:
    corners = "M-4,-9 L0,0 L4,-9 Z" if turn else "M-9,-4 L0,0 L-9,4 Z"
    return _element(parent, "path", "vg-head", d=corners, **_at(*tip))


def _curve(group: ET.Element, route: Route, direction: str) -> None:
    if route.path:
        _element(group, "path", "vg-line", d=route.path)
        _head(group, route.tip, direction == "TB")
        return
    first, *rest = route.points
    curves = " ".join(f"{_px(x)},{_px(y)}" for x, y in rest)
    _element(group, "path", "vg-line", d=f"M{_px(first[0])},{_px(first[1])} C{curves}")
    end, tip = np.array(route.points[-1]), np.array(route.tip)
    along = tip - end
    length = float(np.hypot(*along)) or 1.0
    across = np.array([-along[1], along[0]]) / length * 4
    corners = " L".join(f"{_px(x)},{_px(y)}" for x, y in (end + across, tip, end - across))
    _element(group, "path", "vg-head", d=f"M{corners} Z")


def _chip(group: ET.Element, place: tuple[float, float], width: float, text: str) -> ET.Element:
    box = _element(group, "g", "vg-chip", **_at(*place))
    _element(box, "rect", x=_px(-width / 2), y="-10", width=_px(width), height="20", rx="10")
    _text(box, text, "", 0, 4)
    return box


def _last_contributions(trace: Trace) -> dict[tuple[str, int], str]:
    """What each op sent back from each of its ports the last time, as its chip shows it."""
    last: dict[tuple[str, int], str] = {}
    for step in trace.steps:
        if step.kind == "backward" and step.op:
            for port, array in enumerate(step.gradients or []):
                if array is not None:
                    last[step.op, port] = chip(trace.arrays[array])
    return last


def _tensor(
    parent: ET.Element, tensor: Tensor, box: TensorBox, centre: tuple[float, float], state: State | None, shared: bool
) -> ET.Element:
    group = _element(parent, "g", f"vg-tensor vg-{tensor.role}", **{"data-tensor": tensor.id, **_at(*centre)})
    _title(group, f"{tensor.name or 'unnamed'}: {tensor.role}, shape {shape(tensor.shape)}, {tensor.dtype}")
    if box.round:
        _element(group, "circle", "vg-shape", r=_px(box.width / 2))
    else:
        _rectangle(group, "vg-shape", box.width, box.height, radius=10)
    if tensor.role == "loss" or tensor.role == "parameter":
        _inner_outline(group, box)
    rows = (
        [LINE] * (bool(box.name) + bool(box.shape))
        + [box.value.height]
        + ([GAP + box.value.height] if box.grad else [])
    )
    y = -sum(rows) / 2
    for text, kind in ((box.name, "vg-name"), (box.shape, "vg-dims")):
        if text:
            _text(group, text, kind, 0, y + 12.5)
            y += LINE
    _slot(group, "vg-value", box.value, y, state.values.get(tensor.id) if state else None, tensor, bare=not state)
    if box.grad:
        grad = state.grads.get(tensor.id) if state else None
        y += box.value.height + GAP
        slot = _slot(group, "vg-grad", box.grad, y, grad, tensor, bare=not state)
        if grad is None:
            slot.set("class", "vg-slot vg-grad vg-empty")
    if box.grad and shared:  # only here can a gradient have to wait for another
        x = (box.width if box.round else box.value.width + 2 * PAD) / 2
        badge = _element(group, "g", "vg-badge", **_at(x, -box.height / 2))
        _rectangle(badge, "", _BADGE, 18, radius=9)
        _text(badge, "", "", 0, 4)
    return group


def _inner_outline(group: ET.Element, box: TensorBox) -> None:
    """Roles differ by outline as well as by colour: a parameter and a loss have a double one."""
    if box.round:
        _element(group, "circle", "vg-outline", r=_px(box.width / 2 - 3))
    else:
        _rectangle(group, "vg-outline", box.width - 6, box.height - 6, radius=8)


def _slot(
    group: ET.Element, kind: str, slot: Slot, top: float, array: Array | None, tensor: Tensor, bare: bool
) -> ET.Element:
    holder = _element(group, "g", f"vg-slot {kind}", **{"data-kind": slot.kind, **_at(-slot.width / 2, top)})
    if slot.kind == "numbers":
        none = array is None and (bare or kind == "vg-value")
        _cells(holder, slot, tensor, None if none else np.zeros(tensor.shape) if array is None else array)
        return holder
    holder.set("data-tiles-across", str(slot.tiles_across))
    _element(holder, "rect", "vg-frame", width=_px(slot.width), height=_px(slot.height))
    image = _element(
        holder,
        "image",
        width=_px(slot.width),
        height=_px(slot.height),
        preserveAspectRatio="none",
        **{"class": "vg-heat"},
    )
    if array is not None:
        # Not plain `href`: themes that swap pages in place assign to `.href` of what has one, and an SVG image throws.
        image.set("xlink:href", heat.picture_url(array, slot, tensor.picture))
    return holder


def _cells(holder: ET.Element, slot: Slot, tensor: Tensor, array: Array | None) -> None:
    holder.set("data-count", str(slot.rows * slot.columns))
    width = slot.width / max(slot.columns, 1)
    entries = [None] * (slot.rows * slot.columns) if array is None else list(array.reshape(-1))
    levels = np.zeros(len(entries)) if array is None else heat.level(array).reshape(-1)
    for index, (entry, level) in enumerate(zip(entries, levels, strict=True)):
        row, column = divmod(index, slot.columns)
        cell = _element(holder, "g", "vg-cell", **_at(column * width, row * CELL))
        fill = heat.NEGATIVE if level < 0 else heat.POSITIVE
        colour = {"fill": f"rgb{fill}", "fill-opacity": f"{abs(level) * 0.35:.3f}"}
        colour = colour if len(entries) > 1 else {"fill-opacity": "0"}
        _element(cell, "rect", width=_px(width), height=_px(CELL), **colour)
        _text(cell, "" if entry is None else number(entry), "", width / 2, 13)


def _op(parent: ET.Element, op: Operation, box: OpBox, centre: tuple[float, float], failed: bool) -> ET.Element:
    group = _element(parent, "g", "vg-op vg-failed" if failed else "vg-op", **{"data-op": op.id, **_at(*centre)})
    line = f", line {op.place[1]}" if op.place else ""
    _title(group, f"{op.op}{line}")
    x, y = box.width / 2, box.height / 2
    _element(group, "path", "vg-shape", d=f"M{_px(-x)},0 L0,{_px(-y)} L{_px(x)},0 L0,{_px(y)} Z")
    _text(group, box.symbol, "vg-name", 0, 4.5)
    return group


# --- elements --------------------------------------------------------------------------------------------------------


def _element(parent: ET.Element | None, tag: str, kind: str = "", **attributes: str) -> ET.Element:
    if kind:
        attributes = {"class": kind, **attributes}
    return ET.Element(tag, attributes) if parent is None else ET.SubElement(parent, tag, attributes)


def _text(parent: ET.Element, text: str, kind: str, x: float, y: float) -> None:
    _element(parent, "text", kind, x=_px(x), y=_px(y)).text = _clean(text)


def _title(parent: ET.Element, text: str) -> None:
    _element(parent, "title").text = _clean(text)


def _rectangle(parent: ET.Element, kind: str, width: float, height: float, radius: float) -> None:
    box = {"x": -width / 2, "y": -height / 2, "width": width, "height": height, "rx": radius}
    _element(parent, "rect", kind, **{key: _px(size) for key, size in box.items()})


def _at(x: float, y: float) -> Mapping[str, str]:
    return {"transform": f"translate({_px(x)},{_px(y)})"}


def _px(x: float) -> str:
    return f"{x:.2f}".rstrip("0").rstrip(".")


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _clean(text: str) -> str:
    """Names come from programs: no control characters, nothing that XML cannot hold."""
    return _NOT_XML.sub("", printable(text))


def _summary(trace: Trace, seen: View) -> str:
    ops = ", ".join(dict.fromkeys(op.op for op in trace.ops))
    closed = f", {len(seen.closed)} modules closed" if seen.closed else ""
    part = f", of which {seen.nodes} are drawn" if seen.around else ""
    return f"Computation graph with {len(trace.tensors)} tensors and {len(trace.ops)} operations{closed}{part}" + (
        f": {ops}" if ops else ""
    )
