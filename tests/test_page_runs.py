"""The programs that pages run: what they print and compute, as it appears on the page."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.fixture
def runs(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs" / "_hooks"))
    yield importlib.import_module("runs")
    sys.modules.pop("runs", None)


@pytest.mark.parametrize(
    ("expression", "form", "text"),
    [
        ("x.grad", "%.4g", "6, −2"),
        ("-0.5", "%.2f", "−0.50"),
        ("2e-11", "%.0e", "2e-11"),  # the sign of a power is no minus
        ("-2e-05", "%.0e", "−2e-5"),
        ("x.shape", "%.4g", "(2,)"),
        ("'as it is - here'", "%.4g", "as it is - here"),
    ],
)
def test_a_value_is_a_number_an_array_or_text(runs, expression, form, text):
    program = "x = vg.TensorNode([3.0, -1.0])\n(x * x).sum().backward()"
    assert runs.value(expression, program, form) == text


def test_a_program_is_shown_with_what_it_prints(runs):
    shown = runs.run("\n    a = np.arange(3)\n    print(a.sum())\n")
    assert shown == "```python\na = np.arange(3)\nprint(a.sum())\n```\n\n```text\n3\n```"
    assert runs.table("print('| a |')") == "| a |"


def test_a_program_that_fails_stops_the_build(runs):
    with pytest.raises(ZeroDivisionError):
        runs.value("1 / 0")


def test_expressions_do_not_see_each_other(runs):
    runs.value("[n := 2]", "n = 1")
    assert runs.value("n", "n = 1") == "1"
