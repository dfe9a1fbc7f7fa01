"""A report on formulas as a piece of a page: what was compared, and how far it is off."""

from __future__ import annotations

from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from vizgrad.check.formulas import Formula, FormulaReport
from vizgrad.trace.text import shape


def formulas_html(report: FormulaReport, source: str, title: str = "") -> str:
    """The table of a `vizgrad-check` fence, with the code behind it to unfold.

    Args:
        report: what the check found.
        source: the formulas as code.
        title: the caption; left out, it says what the table is.
    """
    head = "".join(f'<th scope="col">{name}</th>' for name in _columns(report))
    rows = "".join(f"<tr>{_row(formula)}</tr>" for formula in report.formulas)
    mistakes = "".join(f"<li>{escape(m.name)}: {escape(m.refuted)}</li>" for m in report.mistakes)
    refuted = f"<p>What does not pass, and why not:</p><ul>{mistakes}</ul>" if mistakes else ""
    code = highlight(source, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    caption = escape(title) or "These formulas, checked when this page was built"
    return (
        f'<div class="vg-check"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{refuted}"
        f"<details><summary>The formulas as code</summary>{code}</details></div>"
    )


def _columns(report: FormulaReport) -> list[str]:
    columns = [report.what, "shape", f"largest error against {report.against}"]
    return [*columns, "against the library"] if any(f.library is not None for f in report.formulas) else columns


def _row(formula: Formula) -> str:
    cells = [shape(formula.shape), error_html(formula.error)]
    if formula.library is not None:
        cells.append(error_html(formula.library))
    return f'<th scope="row">{escape(formula.name)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells)


def error_html(error: float) -> str:
    """An error to one digit, as in 3 · 10⁻¹¹."""
    if error == 0.0:
        return "0"
    digits, _, power = f"{error:.0e}".partition("e")
    return f"{digits} · 10<sup>{int(power)}</sup>".replace("-", "\N{MINUS SIGN}")
