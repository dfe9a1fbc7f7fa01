"""Plots as SVG within the page: drawn by matplotlib, coloured by the site's variables."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

LINES = 7
# matplotlib wants real colours; these stand for variables of the site, so that a plot follows light and dark.
INK = "#010101"
_COLOURS = {f"#{number + 1:02x}0202": f"var(--vg-plot-{number})" for number in range(1, LINES + 1)}
COLOURS = list(_COLOURS)
# A line is known by its label, and by its dashes where two cross.
DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)), (0, (10, 2)), (0, (4, 1.5, 1, 1.5)), (0, (1, 1.5)))


def axes(x: str, y: str, width: float = 7, height: float = 3.4) -> tuple[Any, Any]:
    """A figure in inches and its axes: two lines, and their names."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    plain = figure.subplots()
    plain.set_xlabel(x, color=INK)
    plain.set_ylabel(y, color=INK)
    plain.tick_params(colors=INK, which="both")
    plain.spines[["top", "right"]].set_visible(False)
    plain.spines[["left", "bottom"]].set_color(INK)
    return figure, plain


def figure(drawn: Any, label: str, after: str = "") -> str:
    """A drawn figure with its caption, which is also its name for those who do not see it.

    Args:
        drawn: by matplotlib.
        label: the caption, in plain text.
        after: what follows the caption within the figure, in HTML.
    """
    return f'<figure class="vg-plot">{svg(drawn, label)}<figcaption>{escape(label)}</figcaption>{after}</figure>'


def svg(drawn: Any, label: str) -> str:
    """A drawn figure as SVG on one line."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "vizgrad", "font.family": "sans-serif"}):
        buffer = io.StringIO()
        drawn.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.S)
    for stands_in, variable in {INK: "currentColor", **_COLOURS}.items():
        text = text.replace(stands_in, variable)
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1; font-family: inherit", text)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
    return re.sub(r"\s*\n\s*", " ", text)


def spread(places: Sequence[float], gap: float, top: float = 1.0) -> list[float]:
    """Places in their order, each moved as far as it takes to lie a gap apart, and none above the top.

    Example:
        >>> spread([0.5, 0.5, 0.0], 0.25)
        [0.5, 0.75, 0.0]
    """
    order = np.argsort(places, kind="stable")
    moved = np.asarray(places, float)[order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    limit = top
    for i in reversed(range(len(moved))):
        moved[i] = limit = min(moved[i], limit)
        limit -= gap
    back = np.empty_like(moved)
    back[order] = moved
    return [float(place) for place in back]
