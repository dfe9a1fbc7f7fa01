"""The fences of a page, as its author wrote them: for the contents table, and for tests that change them.

A fence that is shown as an example stands inside another fence, and is none.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,})(?P<rest>[^`]*)$")
_TITLE = re.compile(r'\btitle="([^"]*)"')


@dataclass(frozen=True)
class Fence:
    """A fenced block.

    Attributes:
        kind: its language, such as ``vizgrad-check``.
        title: the option of that name; may be empty.
        source: what stands in it, without the indentation of the fence.
        line: the number of its first line in the page, counted from 1.
    """

    kind: str
    title: str
    source: str
    line: int


def fences(markdown: str) -> Iterator[Fence]:
    """The fenced blocks of a page, in their order."""
    opened: re.Match[str] | None = None
    start, inside = 0, [""]
    for number, line in enumerate(markdown.splitlines(), 1):
        if opened is None:
            opened = _OPEN.match(line)
            start, inside = number, []
        elif line.strip().startswith(opened["marks"]) and not line.strip().strip(opened["marks"][0]):
            kind, _, options = opened["rest"].strip().partition(" ")
            title = _TITLE.search(options)
            yield Fence(kind, title[1] if title else "", textwrap.dedent("\n".join(inside)), start)
            opened = None
        else:
            inside.append(line)
