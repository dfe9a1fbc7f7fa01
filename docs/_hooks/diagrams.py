"""Diagrams of boxes and arrows in pages: written in the DOT language, laid out by Graphviz, in the colours of the site.

Which part of the package imports which is read from its source: a page that draws it cannot be out of date, and a
circle stops the build.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from vizgrad.draw.needs import needed

_PACKAGE = Path(__file__).parents[2] / "vizgrad"
# The files of the engine itself, which the first page of the reference describes together.
_ENGINE = ("core", "errors", "graph", "observer", "rule", "walk")
# Graphviz wants real colours; these stand for variables of the site, so that a diagram follows light and dark.
_COLOURS = {
    "#010101": "var(--site-ink)",
    "#020202": "var(--site-ink-soft)",
    "#030303": "var(--site-accent)",
    "#040404": "var(--site-wash)",
}
_STYLE = """
    bgcolor=transparent; nodesep=0.25; ranksep=0.42;
    node [shape=box style="rounded,filled" color="#020202" fillcolor="#040404" fontcolor="#010101"
          fontname=Helvetica fontsize=14 margin="0.18,0.1"];
    edge [color="#020202" fontcolor="#020202" fontname=Helvetica fontsize=12 arrowsize=0.7];
"""


def diagram(dot: str, label: str) -> str:
    """A graph as a figure: ``dot`` is what stands between the braces of a ``digraph``; ``label`` says it in words."""
    pygraphviz = needed("pygraphviz")
    try:
        svg: str = pygraphviz.AGraph(string=f"digraph {{{_STYLE}{dot}}}").draw(format="svg", prog="dot").decode()
    except pygraphviz.DotError as error:
        raise ValueError(f"the diagram is no graph in the DOT language: {dot.strip()}") from error
    svg = re.sub(r"<!--.*?-->|<title>.*?</title>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    for colour, variable in _COLOURS.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r' id="[^"]*"| font-family="[^"]*"', "", svg)
    svg = re.sub(r"\s*\n\s*", " ", svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1))
    return f'<figure class="vg-diagram" tabindex="0" role="group" aria-label="Diagram">{svg}</figure>'


def imports() -> str:
    """The parts of the package and their imports, as DOT: an arrow leads from each part to those that it knows.

    An arrow is left out where a chain of others says the same.
    """
    known = {part: set(_known(part)) - {part} for part in _parts()}
    order = list(graphlib.TopologicalSorter(known).static_order())
    all_known: dict[str, set[str]] = {}
    lines = []
    for part in order:
        through = set().union(*(all_known[other] for other in known[part]))
        all_known[part] = known[part] | through
        lines += [f'"{part}" -> "{other}";' for other in sorted(known[part] - through)]
    return "\n".join(lines)


def _parts() -> list[str]:
    files = {path.stem for path in _PACKAGE.glob("[!_]*.py")} - set(_ENGINE)
    return ["engine", *sorted(files | {path.parent.name for path in _PACKAGE.glob("*/__init__.py")})]


def _known(part: str) -> Iterator[str]:
    """The parts that a part imports when it is imported itself; what a function imports when it is called is aside."""
    single = [_PACKAGE / f"{name}.py" for name in (_ENGINE if part == "engine" else (part,))]
    for path in [one for one in single if one.exists()] + sorted((_PACKAGE / part).glob("*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            for module in _imported(statement):
                name = module.removeprefix("vizgrad.").partition(".")[0]
                if module.startswith("vizgrad.") and not name.startswith("_"):
                    yield "engine" if name in _ENGINE else name


def _imported(statement: Any) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module == "vizgrad":
        yield from (f"vizgrad.{alias.name}" for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        yield statement.module or ""
