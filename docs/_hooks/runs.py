"""Small programs that pages run when the site is built: what they print, or the value of an expression.

A page writes its program once, between ``{=% set p %=}`` and ``{=% endset %=}``, and shows it with what it printed.
"""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from functools import cache
from typing import Any

import numpy as np

import vizgrad as vg


def run(program: str) -> str:
    """A program and what it prints, one below the other."""
    return f"```python\n{textwrap.dedent(program).strip()}\n```\n\n```text\n{_run(program)[1].rstrip()}\n```"


def table(program: str) -> str:
    """What a program prints, as it is: a table in Markdown, for example."""
    return _run(program)[1].rstrip()


def value(expression: str, program: str = "", form: str = "%.4g") -> str:
    """An expression after a program has run, as text: a number in the given form, an array as its numbers in a row."""
    found = eval(expression, dict(_run(program)[0]))
    if isinstance(found, (tuple, str)):  # a shape, or text that is as it should be
        return str(found)
    text = ", ".join(form % number for number in np.ravel(found))
    return re.sub(r"(?<!e)-", "\N{MINUS SIGN}", re.sub(r"e([+-])0", r"e\1", text))


def variables(program: str) -> dict[str, Any]:
    """What a program has defined."""
    return _run(program)[0]


@cache
def _run(program: str) -> tuple[dict[str, Any], str]:
    scope: dict[str, Any] = {"np": np, "vg": vg}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(textwrap.dedent(program), "program.py", "exec"), scope)
    return scope, printed.getvalue()
