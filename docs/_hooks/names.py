"""Tables for the reference: the public names with a line on each, and the ops with their rules."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from vizgrad import ops

# In this order: a name that several of them export is told by the first, where it is shortest to write.
PACKAGES = ("vizgrad", "vizgrad.nn", "vizgrad.nn.init", "vizgrad.optim", "vizgrad.check", "vizgrad.trace")
PACKAGES += ("vizgrad.draw", "vizgrad.player")

_MARKS = {"v": r"\\mathit{\1}", "g": r"{\\mathit{\1}^\\nabla}", "k": r"\\mathtt{\1}"}


class Name(NamedTuple):
    """A public name: how a program writes it, where it is defined, and what it is."""

    written: str
    defined: str
    thing: Any


def public() -> Iterator[Name]:
    """Every public name once, those of PyTorch's bridge aside, which cannot be imported without PyTorch."""
    known = set()
    for package in map(importlib.import_module, PACKAGES):
        for name in package.__all__:
            thing = getattr(package, name)
            defined = f"{thing.__module__}.{thing.__qualname__}" if callable(thing) else f"{package.__name__}.{name}"
            if not isinstance(thing, ModuleType) and defined not in known:
                known.add(defined)
                yield Name(_written(package.__name__, name), defined, thing)


def names(*modules: str) -> str:
    """A table of the public names that are defined in some modules, or in packages: each with its first sentence."""
    found = [one for one in public() if any(f"{one.defined}.".startswith(f"{module}.") for module in modules)]
    if not found:
        raise ValueError(f"there is no public name in {', '.join(modules)}")
    rows = [f"| [`{one.written}`][{one.defined}] | {_first_sentence(one.thing)} |" for one in found]
    return "\n".join(["| name | what it is |", "| --- | --- |", *rows])


def rules() -> str:
    """A table of all ops: what is written into the diamond, and the rule, forward and backward."""
    rows = []
    for name in sorted(ops.__all__):
        op = getattr(ops, name)
        symbol = op.symbol.replace("|", r"\|")
        backward = "<br>".join(map(_formula, op.rule.backward))
        rows.append(f"| [`{name}`][{op.__module__}.{name}] | {symbol} | {_formula(op.rule.forward)} | {backward} |")
    return "\n".join(["| op | in the diamond | forward | backward |", "| --- | --- | --- | --- |", *rows])


def _written(package: str, name: str) -> str:
    # `vizgrad.draw` is the function, which hides the package of the same name.
    return f"vg.{name}" if package == "vizgrad" else f"{package}.{name}"


def _first_sentence(thing: Any) -> str:
    if not callable(thing):
        return f"a {type(thing).__name__}"
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z`])", text)[0].rstrip(".:").replace("|", r"\|")


def _formula(rule: str) -> str:
    r"""A rule as KaTeX reads it, in the letters of the course: ``\v{x}`` is x, ``\g{x}`` its gradient."""
    for mark, meant in _MARKS.items():
        rule = re.sub(rf"\\{mark}\{{(\w+)\}}", meant, rule)
    return "$" + rule.replace("|", r"\vert{}") + "$"  # a bar would end the cell of the table
