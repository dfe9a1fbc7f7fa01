"""What refutes a wrong formula, from the checks of its page: a sentence with numbers, and where to look."""

from __future__ import annotations

import ast
import logging
import re
from functools import cache
from html import escape

import contract

from vizgrad.check.exercise_html import sentence
from vizgrad.check.formulas import FormulaReport, check_formulas

log = logging.getLogger("mkdocs.hooks.errata")
_PLACE = re.compile(r"(?<=At )\w+\[[\d, ]+\]")  # an entry of an array


def wrong(name: str, function: str, check: str = "") -> str:
    """The refutation of a wrong formula, with links to its page.

    Args:
        name: of the file of the page.
        function: what the formula is called in one of its checks, such as ``wrong_sign``.
        check: a part of the title of the check, where several have one of this name.
    """
    sources = [fence.source for fence in contract.page(name).of("vizgrad-check") if check in fence.title]
    for source in sources:
        functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
        mistakes = [one for one in functions if one.startswith("wrong_")]
        if function in mistakes:
            found = sentence(_report(source).mistakes[mistakes.index(function)].refuted.strip())
            return _PLACE.sub(r"`\g<0>`", found) + " " + see(name)
    raise ValueError(f"no check of {name}.md has a {function}")


@cache
def _report(source: str) -> FormulaReport:
    return check_formulas(source)


def see(name: str) -> str:
    """Links to a page, and to its first mistake and exercise; nothing while the page is not there."""
    if not contract.exists(name):
        log.info("The page %s.md, to which errata.md would lead, is not there.", name)
        return ""
    page = contract.page(name)
    links = [f'<a href="../{page.url}">{escape(page.title)}</a>']
    for kind, text in (("mistake", "spot it"), ("exercise", "write it")):
        links += [f'<a href="../{page.address(fence)}">{text}</a>' for fence in page.of(f"vizgrad-{kind}")[:1]]
    return f"({', '.join(links)})"
