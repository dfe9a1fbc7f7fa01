"""Tables for the reference: the public names with a line on each, and the ops by family."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from vizgrad import ops
from vizgrad.core import Op

# In this order: a name that several of them export is told by the first, where it is shortest to write.
PACKAGES = ("vizgrad", "vizgrad.nn", "vizgrad.nn.init", "vizgrad.optim", "vizgrad.check", "vizgrad.trace")
PACKAGES += ("vizgrad.draw", "vizgrad.player")


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


def all_ops() -> str:
    """The names of all ops, by family."""
    rows = [f"| {_about(members)} | {', '.join(map(_linked, members))} |" for members in families().values()]
    return "\n".join(["| family | its ops |", "| --- | --- |", *rows])


def families() -> dict[str, list[type[Op]]]:
    """The ops of the library, by the file that they are in."""
    found: dict[str, list[type[Op]]] = {}
    for op in sorted((getattr(ops, name) for name in ops.__all__), key=lambda op: (op.__module__, op.__name__)):
        found.setdefault(op.__module__.rpartition(".")[2], []).append(op)
    return found


def _about(members: list[type[Op]]) -> str:
    """What the file of a family says of itself first."""
    about = inspect.getdoc(importlib.import_module(members[0].__module__)) or ""
    return " ".join(about.split("\n\n")[0].split())


def _linked(op: type[Op]) -> str:
    return f"[`{op.__name__}`][{op.__module__}.{op.__name__}]"


def _written(package: str, name: str) -> str:
    # `vizgrad.draw` is the function, which hides the package of the same name.
    return f"vg.{name}" if package == "vizgrad" else f"{package}.{name}"


def _first_sentence(thing: Any) -> str:
    if not callable(thing):
        return f"a {type(thing).__name__}"
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z`])", text)[0].rstrip(".:").replace("|", r"\|")
