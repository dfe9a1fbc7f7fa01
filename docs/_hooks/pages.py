"""MkDocs hook: expressions in pages, between ``{=`` and ``=}``, that bring in measured numbers and the library's lines.

A number in a report is never typed: ``{= percent(result("digits_mlp").final.test_accuracy.mean) =}`` reads it from
``docs/results/``. A quote from the library is taken from its source when the site is built, so it cannot go stale.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
import traceback
from pathlib import Path
from typing import Any

import jinja2
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
import exhibits
import experiments
import frames
import names
import plots
import quality
import runs
import speeds
import walks
from results import provenance, result

_ROOT = Path(__file__).parent.parent.parent


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
        source=source,
        listing=listing,
        provenance=provenance,
        walk=walks.gradient,
    )
    environment.globals.update(contract=contract.table, frames=frames.figure, wrong=errata.wrong, see=errata.see)
    environment.globals.update(speeds=speeds, run=runs.run, table=runs.table, value=runs.value, plot=plot)
    environment.globals.update(names=names.names, all_ops=names.all_ops, quality=quality)
    environment.globals.update(diagram=diagrams.diagram, imports=diagrams.imports)
    environment.globals.update(ravine=descents.ravine, both=concepts.both, beside=concepts.beside)
    environment.globals.update(report=experiments, show=exhibits)
    return environment


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f} %"


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


def plot(program: str, *, x: str, y: str, label: str) -> str:
    """Lines on logarithmic axes: the program defines ``steps`` and ``lines``, a dict of names and values."""
    found = runs.variables(program)
    figure, axes = plots.axes(x, y)
    for (name, values), colour, dashes in zip(found["lines"].items(), plots.COLOURS[:2], ("-", "--"), strict=True):
        axes.loglog(found["steps"], values, dashes, color=colour, linewidth=1.6, label=name)
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda number, _: f"{number:.0e}".replace("e-0", "e-").replace("e+0", "e"))
    axes.legend(frameon=False, labelcolor=plots.INK)
    return plots.figure(figure, label)
