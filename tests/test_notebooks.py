"""The notebooks as they lie among the pages: without outputs, and running clean from the first cell to the last."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import vizgrad as vg

FOLDER = Path(__file__).resolve().parents[1] / "docs/notebooks"
NOTEBOOKS = [path.name for path in sorted(FOLDER.glob("*.ipynb"))]


def cells(name: str) -> list[dict[str, Any]]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))["cells"]


class Run(NamedTuple):
    """What came of running a notebook."""

    scope: dict[str, Any]
    shown: list[Any]
    printed: str
    errors: str


@cache
def run(name: str) -> Run:
    """Run each cell, and take the value of its last line where that is an expression, as a notebook shows it."""
    done = Run({"__name__": "__main__"}, [], "", "")
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        for cell in cells(name):
            if cell["cell_type"] != "code":
                continue
            body = ast.parse("".join(cell["source"])).body
            last = body.pop() if isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), "cell", "exec"), done.scope)
            if isinstance(last, ast.Expr):
                done.shown.append(eval(compile(ast.Expression(last.value), "cell", "eval"), done.scope))
    return done._replace(printed=out.getvalue(), errors=err.getvalue())


def test_there_are_notebooks() -> None:
    assert {"first-hour.ipynb", "own-op.ipynb", "cnn-on-digits.ipynb"} <= set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_holds_no_outputs(name: str) -> None:
    code = [cell for cell in cells(name) if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_clean_and_shows_a_player(name: str) -> None:
    """Warnings are errors here, as everywhere in the tests."""
    done = run(name)
    assert done.errors == ""
    assert "nan" not in done.printed
    assert sum("<iframe" in value._repr_html_() for value in done.shown if isinstance(value, vg.Trace)) == 1


def test_the_network_learns_to_read_digits_and_its_step_is_small() -> None:
    scope = run("cnn-on-digits.ipynb").scope
    assert scope["accuracy"](scope["test"]) > 0.93
    assert len(scope["trace"].to_json()) < 400_000


def test_the_first_attempt_at_an_operation_is_wrong_for_the_reason_that_is_told() -> None:
    printed = run("own-op.ipynb").printed
    assert "only what comes from the output at its own place" in printed
    assert "RowNorm.backward changed the upstream gradient." in printed
    assert printed.count("RowNorm: right for x (3, 4)") == 2
