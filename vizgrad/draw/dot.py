"""Trace -> DOT: the bipartite graph, with the sizes of its nodes and room for what travels along its edges."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from vizgrad.draw.content import Contents, OpBox, TensorBox, contents
from vizgrad.draw.needs import needed
from vizgrad.trace.model import Operation, Tensor, Trace
from vizgrad.trace.text import printable

if TYPE_CHECKING:
    import graphviz

_PX = 72.0  # Graphviz counts node sizes in inches of 72 points; a point is a pixel here
_MANY = 60  # nodes; a larger graph is not laid out to the last pixel: one tensor in a hundred ops would take minutes
_SHAPES = {True: "circle", False: "box"}
# An empty label of a given size keeps room free, for a chip on an edge or the name of a module.
_ROOM = '<<TABLE BORDER="0" CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="20"><TR><TD></TD></TR></TABLE>>'


def dot(trace: Trace, direction: str = "LR", labels: bool = True) -> str:
    """The graph of a trace in the DOT language.

    Args:
        trace: what to draw.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom.
        labels: with ``False`` the nodes are bare and only as large as the drawing needs them: this is what layout gets,
            so that it does not depend on the fonts of a machine.
    """
    inside = contents(trace)
    graph = needed("graphviz").Digraph("vizgrad", engine="dot", strict=False)
    graph.attr(rankdir=direction, nodesep="0.25", ranksep="0.4", margin="0", pad="0.1")
    many = len(trace.tensors) + len(trace.ops) > _MANY
    if many:
        graph.attr(nslimit="1")
    graph.attr("node", fixedsize="true" if not labels else "false", margin="0.05")
    _add_modules(graph, trace, inside, labels)
    for op in trace.ops:
        _add_edges(graph, trace, op, inside, labels)
    if not many:
        _order_leaves(graph, trace)
    return str(graph.source)


def _add_modules(graph: graphviz.Digraph, trace: Trace, inside: Contents, labels: bool) -> None:
    """Put each node into the box of its module, and the boxes into each other."""
    members: dict[str, list[Tensor | Operation]] = {}
    nodes: list[Tensor | Operation] = [*trace.tensors, *trace.ops]
    for node in nodes:
        members.setdefault(node.module, []).append(node)
    for path in list(members):
        parts = path.split(".")
        for depth in range(len(parts)):
            members.setdefault(".".join(parts[:depth]), [])

    def fill(into: graphviz.Digraph, path: str) -> None:
        for node in members[path]:
            _add_node(into, trace, node, inside, labels)
        for number, child in enumerate(sorted(members)):
            if child and child.rpartition(".")[0] == path:
                with into.subgraph(name=f"cluster_{number}") as cluster:
                    name = child.rpartition(".")[2]
                    label = _label(name) if labels else _ROOM.format(width=round(8 * len(name) + 12))
                    cluster.attr(label=label, labeljust="l", margin="10", id=_label(child))
                    fill(cluster, child)

    members.setdefault("", [])
    fill(graph, "")


def _add_node(graph: graphviz.Digraph, trace: Trace, node: Tensor | Operation, inside: Contents, labels: bool) -> None:
    box: TensorBox | OpBox
    if isinstance(node, Tensor):
        box = inside.tensors[node.id]
        style = {"shape": _SHAPES[box.round], "class": f"vg-tensor vg-{node.role}"}
        label = _label(box.name, box.shape) if box.name or box.shape else node.role
    else:
        box = inside.ops[node.id]
        style = {"shape": "diamond", "class": "vg-op", "ordering": "in"}
        label = _label(box.symbol)
    if labels:
        graph.node(node.id, label=label, id=node.id, **style)
    else:
        graph.node(node.id, label="", width=_inches(box.width), height=_inches(box.height), **style)


def _add_edges(graph: graphviz.Digraph, trace: Trace, op: Operation, inside: Contents, labels: bool) -> None:
    for port, entering in enumerate(op.inputs):
        chip = inside.chips[op.id] if trace.tensor(entering.tensor).requires_grad else 0
        room = {"label": _ROOM.format(width=round(chip + 8))} if chip and not labels else {}
        graph.edge(entering.tensor, op.id, id=f"{op.id}:{port}", **room)
    for output in op.outputs:
        graph.edge(op.id, output, id=f"{op.id}:{output}")


def _order_leaves(graph: graphviz.Digraph, trace: Trace) -> None:
    """Put leaves that enter an op together into the order of its ports, by edges that nobody sees."""
    ordered: set[tuple[str, str]] = set()
    for op in trace.ops:
        entering = [trace.tensor(port.tensor) for port in op.inputs]
        leaves = list(dict.fromkeys(t.id for t in entering if t.source is None and t.module == ""))
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
