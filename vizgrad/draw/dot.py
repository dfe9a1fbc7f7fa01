"""Trace -> DOT: the bipartite graph, with the sizes of its nodes and room for what travels along its edges."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from vizgrad.draw.closed import UnitBox, title_width, unit_boxes
from vizgrad.draw.content import Contents, OpBox, TensorBox, contents
from vizgrad.draw.modules import FEW, Unit, View, view
from vizgrad.draw.needs import needed
from vizgrad.trace.model import Operation, Tensor, Trace
from vizgrad.trace.text import printable

if TYPE_CHECKING:
    import graphviz

_PX = 72.0  # Graphviz counts node sizes in inches of 72 points; a point is a pixel here
_SHAPES = {True: "circle", False: "box"}
# An empty label of a given size keeps room free, for a chip on an edge or the name of a module.
_ROOM = '<<TABLE BORDER="0" CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="20"><TR><TD></TD></TR></TABLE>>'


def dot(trace: Trace, direction: str = "LR", labels: bool = True, seen: View | None = None) -> str:
    """The graph of a trace in the DOT language.

    Args:
        trace: what to draw.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom.
        labels: with ``False`` the nodes are bare and only as large as the drawing needs them: this is what layout gets,
            so that it does not depend on the fonts of a machine.
        seen: which part of it; left out, what a drawing shows at first.
    """
    seen = seen or view(trace)
    inside, units = contents(trace), unit_boxes(seen)
    graph = needed("graphviz").Digraph("vizgrad", engine="dot", strict=False)
    graph.attr(rankdir=direction, nodesep="0.25", ranksep="0.4", margin="0", pad="0.1")
    many = seen.nodes > FEW
    if many:
        graph.attr(nslimit="1")
    graph.attr("node", fixedsize="true" if not labels else "false", margin="0.05")
    _add_units(graph, seen, inside, units, labels)
    for wire in seen.wires():
        chip = inside.room(trace, wire.tensor, wire.ends)
        room = {"label": _ROOM.format(width=round(chip + 8))} if chip and not labels else {}
        graph.edge(wire.source, wire.target, id=wire.key, **room)
    if not many:
        _order_leaves(graph, trace, seen)
    return str(graph.source)


def _add_units(graph: graphviz.Digraph, seen: View, inside: Contents, boxes: dict[str, UnitBox], labels: bool) -> None:
    """Put each node into the box of its unit, and the boxes into each other."""
    units = seen.units
    members: dict[str, list[Tensor | Operation | Unit]] = {path: [] for path in ["", *seen.open]}
    nodes: list[Tensor | Operation] = [*seen.tensors, *seen.ops]
    for node in nodes:
        members["" if seen.around else units.home[node.id]].append(node)
    for path in seen.closed:
        members[units.all[path].parent].append(units.all[path])

    def fill(into: graphviz.Digraph, path: str) -> None:
        for node in members[path]:
            _add_node(into, node, inside, boxes, labels)
        for child in sorted(seen.open):
            if units.all[child].parent == path:
                with into.subgraph(name=f"cluster_{units.all[child].id}") as cluster:
                    name = units.all[child].name
                    label = _label(name) if labels else _ROOM.format(width=round(title_width(name)))
                    cluster.attr(label=label, labeljust="l", margin="10", id=units.all[child].id)
                    fill(cluster, child)

    fill(graph, "")


def _add_node(
    graph: graphviz.Digraph,
    node: Tensor | Operation | Unit,
    inside: Contents,
    boxes: dict[str, UnitBox],
    labels: bool,
) -> None:
    box: TensorBox | OpBox | UnitBox
    if isinstance(node, Tensor):
        box = inside.tensors[node.id]
        style = {"shape": _SHAPES[box.round], "class": f"vg-tensor vg-{node.role}"}
        label = _label(box.name, box.shape) if box.name or box.shape else node.role
    elif isinstance(node, Unit):
        box = boxes[node.id]
        style = {"shape": "box", "style": "rounded", "class": "vg-module vg-closed"}
        label = _label(box.name, box.totals)
    else:
        box = inside.ops[node.id]
        style = {"shape": "diamond", "class": "vg-op", "ordering": "in"}
        label = _label(box.symbol)
    if labels:
        graph.node(node.id, label=label, id=node.id, **style)
    else:
        graph.node(node.id, label="", width=_inches(box.width), height=_inches(box.height), **style)


def _order_leaves(graph: graphviz.Digraph, trace: Trace, seen: View) -> None:
    """Put leaves that enter an op together into the order of its ports, by edges that nobody sees."""
    ordered: set[tuple[str, str]] = set()
    for op in seen.ops:
        entering = [trace.tensor(port.tensor) for port in op.inputs]
        outside = {t.id for t in entering if t.source is None and (seen.around or seen.units.home[t.id] == "")}
        leaves = list(dict.fromkeys(t.id for t in entering if t.id in outside))
        for first, second in itertools.pairwise(leaves):
            # Only in the order of appearance, which is the same everywhere: so the wishes cannot form a circle.
            if int(first[1:]) < int(second[1:]) and (first, second) not in ordered:
                ordered.add((first, second))
                with graph.subgraph() as same:
                    same.attr(rank="same")
                    same.edge(first, second, id=f"{first}:{second}", style="invis")


def _label(*lines: str) -> str:
    """Lines of text as a label: no markup, no escapes, and no line break of their own.

    (A label that starts with a line break crashes the WebAssembly builds of Graphviz.)
    """
    package = needed("graphviz")
    label: str = package.nohtml("\\n".join(package.escape(printable(line)) for line in lines if line) or " ")
    return label


def _inches(px: float) -> str:
    return f"{px / _PX:.4f}"
