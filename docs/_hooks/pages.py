"""MkDocs hook: expressions in pages, between ``{=`` and ``=}``, that bring in measured numbers and the library's lines.

A number in a report is never typed: ``{= percent(result("digits_mlp").final.test_accuracy.mean) =}`` reads it from
``docs/results/``. A quote from the library is taken from its source when the site is built, so it cannot go stale.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import re
import sys
import textwrap
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import numpy as np
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))  # MkDocs loads hooks by file; they may import their neighbours
import concepts
import contract
import descents
import diagrams
import errata
import frames
import names
import quality
import runs
import speeds
import walks

_RESULTS = Path(__file__).parent.parent / "results"
_ROOT = Path(__file__).parent.parent.parent
_EXAMPLES = _ROOT / "examples"
# matplotlib wants real colours; these stand for variables of the site, so that a plot follows light and dark.
_COLOURS = {"#010101": "currentColor", "#020202": "var(--vg-plot-1)", "#030303": "var(--vg-plot-2)"}


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill the expressions in; anything wrong with one stops the build and names the page."""
    if "{=" not in markdown:
        return markdown
    try:
        return _environment().from_string(markdown).render()
    except Exception as error:
        line = _line(error, (page.file.content_string.count("\n") - markdown.count("\n")))
        raise PluginError(
            f"{page.file.src_uri}{line}: an expression between {{= and =}} cannot be filled in. "
            f"{type(error).__name__}: {error}"
        ) from error


def _line(error: Exception, above: int) -> str:
    """Where in the file of a page something went wrong; ``above`` is the number of lines before its text."""
    inside = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    line = error.lineno if isinstance(error, jinja2.TemplateSyntaxError) else inside[-1] if inside else None
    return f", line {line + above}" if line else ""


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        variable_start_string="{=",
        variable_end_string="=}",
        block_start_string="{=%",
        block_end_string="%=}",
        comment_start_string="{=#",
        comment_end_string="#=}",
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        result=result,
        percent=percent,
        curves=curves,
        source=source,
        listing=listing,
        provenance=provenance,
        walk=walks.gradient,
    )
    environment.globals.update(contract=contract.table, frames=frames.figure, wrong=errata.wrong, see=errata.see)
    environment.globals.update(speeds=speeds, run=runs.run, table=runs.table, value=runs.value, plot=plot)
    environment.globals.update(names=names.names, rules=names.rules, quality=quality)
    environment.globals.update(diagram=diagrams.diagram, imports=diagrams.imports)
    environment.globals.update(ravine=descents.ravine, both=concepts.both, beside=concepts.beside)
    return environment


def result(name: str) -> Any:
    """A result file, with its fields as attributes."""
    path = _RESULTS / f"{name}.json"
    if not path.exists():
        raise ValueError(f"there is no docs/results/{name}.json; run examples/{name}.py")
    return json.loads(path.read_text(encoding="utf-8"), object_hook=lambda fields: SimpleNamespace(**fields))


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f} %"


def provenance(name: str) -> str:
    """Which run the numbers come from, as one sentence."""
    found = result(name)
    run = found.provenance
    versions = ", ".join(f"{library} {version}" for library, version in vars(run.libraries).items())
    program = f"examples/{name}" if (_EXAMPLES / name).is_dir() else f"examples/{name}.py"
    return (
        f"`{program}`, commit `{run.commit}`, {run.date}: {run.wall_seconds:.0f} s on {run.hardware} "
        f"({versions}). Data: {found.data}. Raw file: [`{name}.json`](../results/{name}.json)."
    )


def source(path: str) -> str:
    """The source of a function or class of the library, as a code block with its file and line."""
    module, _, rest = path.partition(":")
    thing: Any = importlib.import_module(module)
    for name in rest.split("."):
        thing = inspect.getattr_static(thing, name)
    thing = getattr(thing, "__func__", getattr(thing, "fget", thing))
    lines, first = inspect.getsourcelines(thing)
    code = textwrap.dedent("".join(lines)).rstrip()
    return f'```python title="{module.replace(".", "/")}.py, line {first}" linenums="{first}"\n{code}\n```'


def listing(path: str) -> str:
    """A file of the repository as a code block with its name; the path begins at the root."""
    code = (_ROOT / path).read_text(encoding="utf-8").rstrip()
    return f'```{Path(path).suffix[1:]} title="{path}"\n{code}\n```'


def curves(name: str, *keys: str, x: str, y: str, label: str) -> str:
    """Curves of a result file: the mean over its seeds, with a band of one standard deviation."""
    import matplotlib.figure

    found = result(name)
    figure = matplotlib.figure.Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    ink, *lines = _COLOURS
    for key, colour in zip(keys, lines, strict=False):
        seeds = np.array(getattr(found.curves, key))
        epochs, mean, spread = np.arange(seeds.shape[1]), seeds.mean(axis=0), seeds.std(axis=0, ddof=1)
        axes.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
        axes.plot(epochs, mean, color=colour, linewidth=1.6)
        axes.annotate(
            key.replace("_", " "), (epochs[-1], mean[-1]), (6, 0), textcoords="offset points", color=colour, va="center"
        )
    axes.set_xlabel(x, color=ink)
    axes.set_ylabel(y, color=ink)
    axes.tick_params(colors=ink)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(ink)
    axes.set_xlim(0, len(epochs) - 1)
    return f'<figure class="vg-plot">{_svg(figure, label)}<figcaption>{label}</figcaption></figure>'


def plot(program: str, *, x: str, y: str, label: str) -> str:
    """Lines on logarithmic axes: the program defines ``steps`` and ``lines``, a dict of names and values."""
    import matplotlib.figure

    found = runs.variables(program)
    figure = matplotlib.figure.Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    ink, *colours = _COLOURS
    for (name, values), colour, dashes in zip(found["lines"].items(), colours, ("-", "--"), strict=True):
        axes.loglog(found["steps"], values, dashes, color=colour, linewidth=1.6, label=name)
    axes.set_xlabel(x, color=ink)
    axes.set_ylabel(y, color=ink)
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda number, _: f"{number:.0e}".replace("e-0", "e-").replace("e+0", "e"))
    axes.tick_params(colors=ink)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(ink)
    axes.legend(frameon=False, labelcolor=ink)
    return f'<figure class="vg-plot">{_svg(figure, label)}<figcaption>{label}</figcaption></figure>'


def _svg(figure: Any, label: str) -> str:
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "vizgrad", "font.family": "sans-serif"}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.S)
    for sentinel, variable in _COLOURS.items():
        svg = svg.replace(sentinel, variable)
    svg = re.sub(r"font: [^;\"]*", "font: 10px inherit", svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return re.sub(r"\s*\n\s*", " ", svg)
