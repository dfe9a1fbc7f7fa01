"""Plots and tables of result files. What has not been run yet leaves a mark in its place, and no number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import plots
from claims import GRID, scores
from found import Found, constants, found

# --- plots -----------------------------------------------------------------------------------------------------------


def lines(
    script: str,
    of: str | Mapping[str, str],
    variants: Sequence[str] | Mapping[str, str] | None = None,
    *,
    y: str,
    label: str,
    x: str = "epoch",
    first: int = 0,
    log_scale: bool = False,
) -> str:
    """Curves of a result file, one for each variant and measure, and their values in a table that opens.

    Args:
        script: whose result file.
        of: a measure, or measures by the names that they get.
        variants: which, by the names that they get; all, if it is left out.
        y: what the vertical axis shows.
        label: the caption; how many seeds there are is added.
        x: what the horizontal axis shows.
        first: the epoch to begin with.
        log_scale: whether the vertical axis is logarithmic.
    """
    run = found(script)
    if run is None:
        return _awaited(label)
    curves = {name: values[:, first:] for name, values in _curves(run, of, variants)}
    count = len(next(iter(curves.values())))
    seeds = "one seed" if count == 1 else f"mean of {count} seeds, with a band of one standard deviation"
    caption = f"{label}: {seeds}{' (reduced run)' if run.reduced else ''}"
    epochs = np.arange(first, first + next(iter(curves.values())).shape[1])
    figure, axes = plots.axes(x, y, 5.4, 3.3)
    if log_scale:
        plots.logarithmic(axes)
    alone = len(epochs) == 1  # a line of one point is not seen: a dot is, whole, beside its name
    for (mean, deviation), colour, dashes in zip(
        map(_mean, curves.values()), plots.COLOURS, plots.DASHES, strict=False
    ):
        if count > 1:
            axes.fill_between(epochs, mean - deviation, mean + deviation, color=colour, alpha=0.18, linewidth=0)
        axes.plot(epochs, mean, color=colour, linewidth=1.7, linestyle=dashes, marker="o" * alone, clip_on=not alone)
    axes.set_xlim(first - alone, epochs[-1])
    axes.xaxis.get_major_locator().set_params(integer=True)
    _name(axes, curves)
    return plots.figure(figure, caption, _values({name or y: values for name, values in curves.items()}, epochs, x))


def _curves(
    run: Found, of: str | Mapping[str, str], variants: Sequence[str] | Mapping[str, str] | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and arrays (seeds, epochs + 1)."""
    chosen = variants if isinstance(variants, Mapping) else {name: name for name in variants or run.variants}
    measures = of if isinstance(of, Mapping) else {"": of}
    for name, variant in chosen.items():
        for measure_name, measure in measures.items():
            yield ", ".join(filter(None, (name, measure_name))), run.curve(measure, variant)


def _mean(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the seeds."""
    return seeds.mean(axis=0), seeds.std(axis=0, ddof=1 if len(seeds) > 1 else 0)


def _name(axes: Any, curves: Mapping[str, np.ndarray]) -> None:
    """Write the name of each line at its end, in its colour, and none over another."""
    last = {name: _last(seeds.mean(axis=0)) for name, seeds in curves.items()}
    shown = {name: end for name, end in last.items() if end is not None}
    axes.autoscale_view()
    to_axes = axes.transScale + axes.transLimits
    heights = [float(to_axes.transform((0, end[1]))[1]) for end in shown.values()]
    for (name, (_, _)), height, place in zip(shown.items(), heights, plots.spread(heights, 0.08), strict=True):
        colour = plots.COLOURS[list(curves).index(name)]
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)}
        axes.annotate(
            name,
            (1, height),
            (1.05, place),
            "axes fraction",
            "axes fraction",
            arrowprops=line,
            color=colour,
            va="center",
        )


def _last(mean: np.ndarray) -> tuple[int, float] | None:
    """Where a line ends: the last epoch with a number."""
    there = np.flatnonzero(np.isfinite(mean))
    return (int(there[-1]), float(mean[there[-1]])) if len(there) else None


def _values(curves: Mapping[str, np.ndarray], epochs: np.ndarray, x: str) -> str:
    """The numbers of a plot, folded away."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (x, *curves))
    columns = [_mean(seeds) for seeds in curves.values()]
    several = len(next(iter(curves.values()))) > 1
    rows = "\n".join(
        f'<tr><th scope="row">{epoch}</th>'
        + "".join(f"<td>{_spread(mean[i], deviation[i] if several else None)}</td>" for mean, deviation in columns)
        + "</tr>"
        for i, epoch in enumerate(epochs)
    )
    return (
        "<details><summary>The numbers</summary>\n"
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</details>"
    )


# --- tables ----------------------------------------------------------------------------------------------------------


def finals(
    script: str, measures: Mapping[str, str], variants: Mapping[str, str] | None = None, *, label: str, what: str = ""
) -> str:
    """The numbers after the last epoch, a row for each variant: mean and standard deviation of the seeds.

    Args:
        script: whose result file.
        measures: keys of the result file, by the heads of their columns.
        variants: which, by the names that they get; all, if it is left out.
        label: the caption.
        what: the head of the first column.
    """
    run = found(script)
    if run is None:
        return _awaited(label)
    chosen = variants or {name: name for name in run.variants}
    seeds = f"{run.seeds} seed{'' if run.seeds == 1 else 's'}, after epoch {run.epochs}"
    rows = []
    for name, variant in chosen.items():
        final = [run.variants[variant]["final"][measure] for measure in measures.values()]
        cells = "".join(f"<td>{_spread(one['mean'], one['std'] if run.seeds != 1 else None)}</td>" for one in final)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return table([what, *measures], rows, f"{label}: {seeds}{' (reduced run)' if run.reduced else ''}")


def concluded(script: str, about: str, *, label: str) -> str:
    """What a script has concluded, in the words of its result file, where these contain some words."""
    run = found(script)
    if run is None:
        return _awaited(label)
    rows = [
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(_shown(value))}</td></tr>'
        for key, value in run.content["claims"].items()
        if about in key
    ]
    if not rows:
        raise ValueError(f"docs/results/{script}.json concludes nothing about {about!r}")
    return table(["", "reached"], rows, f"{label}{' (reduced run)' if run.reduced else ''}")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if value is None:
        return "not a number"
    return signs(number(value)) if isinstance(value, float) else f"{value}"


def grid() -> str:
    """The 36 scores of the grid, reported and reached."""
    run = found("mlp_grid")
    named = constants("mlp_grid")
    batches, networks, rates = (named[name] for name in ("BATCHES", "NETWORKS", "RATES"))
    reached = scores(run) if run else None
    rows = []
    for i, batch in enumerate(batches):
        for j, network in enumerate(networks):
            cells = "".join(
                f"<td>{GRID[i, j, k]:.3f}</td><td>{'–' if reached is None else f'{reached[i, j, k]:.3f}'}</td>"
                for k in range(len(rates))
            )
            first = f'<th scope="rowgroup" rowspan="{len(networks)}">{batch}</th>' if j == 0 else ""
            rows.append(f'<tr>{first}<th scope="row">{escape(network)}</th>{cells}</tr>')
    state = " (not run in full yet)" if run is None else " (reduced run)" if run.reduced else ""
    over = "".join(f'<th scope="colgroup" colspan="2">rate {rate:g}</th>' for rate in rates)
    under = '<th scope="col">reported</th><th scope="col">reached</th>' * len(rates)
    return (
        f'<div class="vg-dense">\n<table>\n<caption>Mean accuracy on the fold that was held out{state}</caption>\n'
        f'<thead><tr><th scope="col" rowspan="2">batch</th><th scope="col" rowspan="2">hidden units</th>{over}</tr>'
        f"<tr>{under}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>\n</div>"
    )


def confusion(script: str, variant: str = "") -> str:
    """How often each class was taken for each other, and how well each was found: the mean of the seeds."""
    label = "Confusion matrix: rows are the true classes, columns what the network says"
    run = found(script)
    if run is None:
        return _awaited(label)
    judged = run.variants[variant]["at_end"]
    names = [escape(name) for name in run.content["classes"]]
    matrix = np.mean([seed["confusion"] for seed in judged], axis=0)
    shares = matrix / matrix.sum(axis=1, keepdims=True)
    rows = [
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td style="--share: {100 * share:.0f}%">{count:.0f}</td>' for share, count in zip(*of, strict=True))
        + "</tr>"
        for name, of in zip(names, zip(shares, matrix, strict=True), strict=True)
    ]
    measures = {name: np.mean([seed[name] for seed in judged], axis=0) for name in ("precision", "recall", "f1")}
    each = [
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{measure[i]:.3f}</td>" for measure in measures.values())}</tr>'
        for i, name in enumerate(names)
    ]
    state = " (reduced run)" if run.reduced else ""
    heat = table(["", *run.content["classes"]], rows, f"{label}, images for a seed{state}")
    report = table(["class", "precision", "recall", "F1"], each, f"Each class{state}")
    return f'<div class="vg-dense">\n{heat}\n</div>\n\n{report}'


def table(head: Sequence[str], rows: Sequence[str], caption: str) -> str:
    """A table in HTML, from rows that are HTML already."""
    cells = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in head)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{cells}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table>"
    )


def _awaited(label: str) -> str:
    return f'<p class="vg-awaited">{escape(label)}: not run in full yet.</p>'


# --- text ------------------------------------------------------------------------------------------------------------


def _spread(mean: float | None, deviation: float | None) -> str:
    """Mean ± standard deviation, with as many digits as say something."""
    if mean is None or not np.isfinite(mean):
        return "not a number"
    text = number(mean)
    return signs(f"{text} ± {number(deviation)}" if deviation is not None and np.isfinite(deviation) else text)


def number(value: float) -> str:
    """Three digits behind the point, or as many as a small or large number needs."""
    size = abs(value)
    if size and (size < 0.001 or size >= 100_000):
        return re.sub(r"e([+-])0", r"e\1", f"{value:.1e}").replace("e+", "e")
    return f"{value:,.0f}" if size >= 1000 else f"{value:.3f}" if size < 10 else f"{value:.1f}"


def signs(text: str) -> str:
    """A minus is no hyphen; the sign of a power stays, and its power begins with no 0."""
    return re.sub(r"(?<![e\w])-(?=[\d.])", "\N{MINUS SIGN}", re.sub(r"(?<=\de)([+-])0", r"\1", text))


def parameters(*widths: int) -> str:
    """How many numbers a network of linear layers with these widths learns."""
    return f"{sum((n + 1) * m for n, m in pairwise(widths)):,}"
