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


def logarithmic(drawn: Any) -> None:
    """A vertical axis by powers of ten, with plain numbers at 1, 2 and 5."""
    from matplotlib.ticker import LogLocator

    drawn.set_yscale("log")
    drawn.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    drawn.yaxis.set_major_formatter(lambda number, _: f"{number:g}")
    drawn.yaxis.set_minor_formatter(lambda number, _: f"{number:g}")


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
    text = re.sub(r"font-family: [^;\"]*|font: ([\d.]+px)[^;\"]*", _of_the_page, text)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
    return re.sub(r"\s*\n\s*", " ", text)


def _of_the_page(font: re.Match[str]) -> str:
    """The page's font in place of matplotlib's."""
    return f"font-size: {font[1]}; font-family: inherit" if font[1] else "font-family: inherit"


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Places from 0 to 1, each moved as little as it takes for all to lie a gap apart, in the order that they had.

    Example:
        >>> spread([0.5, 0.5, 0.1], 0.25)
        [0.375, 0.625, 0.1]
    """
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(places, kind="stable")
    gaps = gap * np.arange(len(places))
    moved = np.empty(len(places))
    moved[order] = gaps + isotonic_regression(np.asarray(places)[order] - gaps, y_min=0, y_max=max(0, 1 - gaps[-1]))
    return [float(place) for place in moved]
