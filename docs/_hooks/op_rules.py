r"""Griffe extension: in the reference, what an op says of itself goes on with its symbol and its rule.

Both are the class's own, so a page cannot say anything else.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

from vizgrad import ops
from vizgrad.core import Op

_MARKS = {"v": r"\\mathit{\1}", "g": r"{\\mathit{\1}^\\nabla}", "k": r"\\mathtt{\1}"}


class OpRules(griffe.Extension):
    """Puts a rule behind the first paragraph of each op's docstring."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Change the docstring of a class, if it is an op of the library."""
        op = getattr(ops, cls.name, None)
        if cls.docstring is None or op is None or cls.path != f"{op.__module__}.{op.__qualname__}":
            return
        first, _, rest = cls.docstring.value.partition("\n\n")
        cls.docstring.value = "\n\n".join(filter(None, (first, told(op), rest)))


def told(op: type[Op]) -> str:
    """What is written into the diamond of an op, and its rule, forward and backward, as a Markdown list."""
    parts = {"symbol": [op.symbol], "forward": [_formula(op.rule.forward)]}
    parts["backward"] = [_formula(rule) for rule in op.rule.backward]
    rows = [row for term, texts in parts.items() for row in (term, *(f":   {text}\n" for text in texts))]
    return "\n".join(['<div class="op-rule" markdown="1">', "", *rows, "</div>"])


def _formula(rule: str) -> str:
    r"""A rule as KaTeX reads it, in the letters of the course: ``\v{x}`` is x, ``\g{x}`` its gradient."""
    for mark, meant in _MARKS.items():
        rule = re.sub(rf"\\{mark}\{{(\w+)\}}", meant, rule)
    return f"${rule}$"
