"""DOT -> positions. Graphviz places everything; this file runs it and turns its answer the right way up.

The same DOT gives the same layout in a browser through Graphviz's WebAssembly build, whose JSON `parse` reads
too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from vizgrad.draw.needs import needed

Point = tuple[float, float]


@dataclass
class Route:
    """An edge: the points of its Bezier curve, where its arrow ends, and the middle of its label."""

    points: list[Point]
    tip: Point
    label: Point | None = None
    path: str = ""  # instead of the points


@dataclass
class Layout:
    """Where everything is, in px from the top left."""

    width: float
    height: float
    nodes: dict[str, Point] = field(default_factory=dict)  # node id -> centre
    routes: dict[str, Route] = field(default_factory=dict)  # edge id -> route
    modules: dict[str, tuple[float, float, float, float]] = field(
        default_factory=dict
    )  # id of an open unit -> x, y, width, height


def run(dot: str) -> Layout:
    """Lay out a graph with the Graphviz that the package ``pygraphviz`` carries.

    Raises:
        DrawingError: pygraphviz is not installed.
    """
    graph = needed("pygraphviz").AGraph(string=dot)
    return parse(json.loads(graph.draw(format="json", prog="dot")))


def parse(answer: dict[str, Any]) -> Layout:
    """Read Graphviz's JSON: its y axis points up, ours down."""
    _, _, width, height = _numbers(answer["bb"])
    layout = Layout(width, height)

    def flip(x: float, y: float) -> Point:
        return x, height - y

    for item in answer.get("objects", []):
        if "bb" in item:
            left, bottom, right, top = _numbers(item["bb"])
            layout.modules[item["id"]] = (left, height - top, right - left, top - bottom)
        elif "pos" in item:
            layout.nodes[item["name"]] = flip(*_numbers(item["pos"]))
    for edge in answer.get("edges", []):
        if "pos" not in edge or edge.get("style") == "invis":
            continue
        tip, points = None, []
        for part in edge["pos"].split(" "):
            if part.startswith("e,"):
                tip = flip(*_numbers(part[2:]))
            else:
                points.append(flip(*_numbers(part)))
        label = flip(*_numbers(edge["lp"])) if "lp" in edge else None
        layout.routes[edge["id"]] = Route(points, tip or points[-1], label)
    return layout


def _numbers(text: str) -> list[float]:
    return [float(x) for x in text.split(",")]
