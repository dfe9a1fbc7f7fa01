"""Layout -> SVG: the picture itself, with an id on everything a reader can point at.

Colours come from CSS classes and variables, so the same drawing works in light, dark and print. It shows the final
values and gradients; the player changes the texts in its cells from step to step, never the places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from xml.etree import ElementTree as ET

import numpy as np

from vizgrad.core import Array
from vizgrad.draw import heat, layout
from vizgrad.draw.content import CELL, GAP, LINE, PAD, Contents, OpBox, Slot, TensorBox, chip, contents
from vizgrad.draw.dot import dot
from vizgrad.draw.layout import Layout, Route
from vizgrad.trace.model import Operation, State, Tensor, Trace
from vizgrad.trace.text import number, printable, shape

_MARGIN = 12.0
_BADGE = 26.0


def svg(trace: Trace, *, direction: str = "LR", title: str = "", places: Layout | None = None, css: bool = True) -> str:
    """Draw a trace.

    Args:
        trace: what to draw.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom.
        title: what a screen reader calls the picture.
        places: a layout made elsewhere (in a browser); left out, Graphviz is run here.
        css: whether the style sheet goes into the file, so that it can stand alone.
    """
    places = places or layout.run(dot(trace, direction, labels=False))
    inside = contents(trace)
    state = trace.state()
    width, height = places.width + 2 * _MARGIN, places.height + 2 * _MARGIN
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
    root.set("aria-label", _clean(title) or _clean(_summary(trace)))
    if css:
        _element(root, "style").text = style()
    canvas = _element(root, "g", transform=f"translate({_px(_MARGIN)},{_px(_MARGIN)})")
    for path, frame in sorted(places.modules.items()):
        _module(canvas, path, frame)
    for op in trace.ops:
        _edges(canvas, trace, op, places, inside)
    for tensor in trace.tensors:
        if tensor.id in places.nodes:
            _tensor(canvas, tensor, inside.tensors[tensor.id], places.nodes[tensor.id], state)
    for op in trace.ops:
        _op(canvas, op, inside.ops[op.id], places.nodes[op.id], failed=bool(trace.error and trace.error.op == op.id))
    return ET.tostring(root, encoding="unicode")


def style() -> str:
    """The style sheet of the drawings."""
    return files("vizgrad.draw").joinpath("graph.css").read_text("utf-8")


def _module(parent: ET.Element, path: str, frame: tuple[float, float, float, float]) -> None:
    x, y, width, height = frame
    group = _element(parent, "g", "vg-module", **{"data-module": _clean(path)})
    _element(group, "rect", "vg-module-box", x=_px(x), y=_px(y), width=_px(width), height=_px(height), rx="10")
    _text(group, path.rpartition(".")[2], "vg-module-name", x + 12, y + 16)


def _edges(parent: ET.Element, trace: Trace, op: Operation, places: Layout, inside: Contents) -> None:
    for port, entering in enumerate(op.inputs):
        tensor = trace.tensor(entering.tensor)
        group = _element(
            parent, "g", "vg-edge vg-in", **{"data-op": op.id, "data-port": str(port), "data-tensor": tensor.id}
        )
        stretched = ", stretched to fit" if entering.stretched else ""
        _title(group, f"{tensor.name or tensor.role} enters {op.op} as {entering.port}{stretched}")
        route = places.routes[f"{op.id}:{port}"]
        _curve(group, route)
        if inside.chips[op.id] and tensor.requires_grad:
            _chip(group, route, inside.chips[op.id], _last_contribution(trace, op, port))
    for output in op.outputs:
        tensor = trace.tensor(output)
        group = _element(parent, "g", "vg-edge vg-out", **{"data-op": op.id, "data-tensor": output})
        _title(group, f"{op.op} makes {tensor.name or 'a tensor'}")
        _curve(group, places.routes[f"{op.id}:{output}"])


def _curve(group: ET.Element, route: Route) -> None:
    first, *rest = route.points
    curves = " ".join(f"{_px(x)},{_px(y)}" for x, y in rest)
    _element(group, "path", "vg-line", d=f"M{_px(first[0])},{_px(first[1])} C{curves}")
    end, tip = np.array(route.points[-1]), np.array(route.tip)
    along = tip - end
    length = float(np.hypot(*along)) or 1.0
    across = np.array([-along[1], along[0]]) / length * 4
    corners = " L".join(f"{_px(x)},{_px(y)}" for x, y in (end + across, tip, end - across))
    _element(group, "path", "vg-head", d=f"M{corners} Z")


def _chip(group: ET.Element, route: Route, width: float, text: str) -> None:
    x, y = route.label or route.points[len(route.points) // 2]
    box = _element(group, "g", "vg-chip", transform=f"translate({_px(x)},{_px(y)})")
    _element(box, "rect", x=_px(-width / 2), y="-10", width=_px(width), height="20", rx="10")
    _text(box, text, "", 0, 4)


def _last_contribution(trace: Trace, op: Operation, port: int) -> str:
    for step in reversed(trace.steps):
        if step.kind == "backward" and step.op == op.id and step.gradients and step.gradients[port] is not None:
            return chip(trace.arrays[step.gradients[port] or 0])
    return ""


def _tensor(parent: ET.Element, tensor: Tensor, box: TensorBox, centre: tuple[float, float], state: State) -> None:
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
    _slot(group, "vg-value", box.value, y, state.values.get(tensor.id), tensor)
    if box.grad:
        grad = state.grads.get(tensor.id)
        y += box.value.height + GAP
        slot = _slot(group, "vg-grad", box.grad, y, grad, tensor)
        if grad is None:
            slot.set("class", "vg-slot vg-grad vg-empty")
        x = (box.width if box.round else box.value.width + 2 * PAD) / 2
        badge = _element(group, "g", "vg-badge", **_at(x, -box.height / 2))
        _rectangle(badge, "", _BADGE, 18, radius=9)
        _text(badge, "", "", 0, 4)


def _inner_outline(group: ET.Element, box: TensorBox) -> None:
    """Roles differ by outline as well as by colour: a parameter and a loss have a double one."""
    if box.round:
        _element(group, "circle", "vg-outline", r=_px(box.width / 2 - 3))
    else:
        _rectangle(group, "vg-outline", box.width - 6, box.height - 6, radius=8)


def _slot(group: ET.Element, kind: str, slot: Slot, top: float, array: Array | None, tensor: Tensor) -> ET.Element:
    holder = _element(group, "g", f"vg-slot {kind}", **{"data-kind": slot.kind, **_at(-slot.width / 2, top)})
    if slot.kind == "numbers":
        _cells(holder, slot, tensor, array if array is not None or kind == "vg-value" else np.zeros(tensor.shape))
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
        _element(
            cell,
            "rect",
            width=_px(width),
            height=_px(CELL),
            fill=f"rgb{fill}",
            **{"fill-opacity": f"{abs(level) * 0.35:.3f}"} if len(entries) > 1 else {"fill-opacity": "0"},
        )
        _text(cell, "" if entry is None else number(entry), "", width / 2, 13)


def _op(parent: ET.Element, op: Operation, box: OpBox, centre: tuple[float, float], failed: bool) -> None:
    group = _element(parent, "g", "vg-op vg-failed" if failed else "vg-op", **{"data-op": op.id, **_at(*centre)})
    line = f", line {op.place[1]}" if op.place else ""
    _title(group, f"{op.op}{line}")
    x, y = box.width / 2, box.height / 2
    _element(group, "path", "vg-shape", d=f"M{_px(-x)},0 L0,{_px(-y)} L{_px(x)},0 L0,{_px(y)} Z")
    _text(group, box.symbol, "vg-name", 0, 4.5)


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


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _clean(text: str) -> str:
    """Names come from programs: no control characters, nothing that XML cannot hold."""
    return _NOT_XML.sub("", printable(text))


def _summary(trace: Trace) -> str:
    ops = ", ".join(dict.fromkeys(op.op for op in trace.ops))
    return f"Computation graph with {len(trace.tensors)} tensors and {len(trace.ops)} operations" + (
        f": {ops}" if ops else ""
    )
