"""The text of an exercise: a docstring, code, and sections that begin with a comment such as ``# --- hint: look``.

Everything is Python, or a comment in it, so an editor colours it and nothing has to be escaped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_TASK = re.compile(r'\s*r?("""|\'\'\')(.*?)\1[ \t]*(?=\n|\Z)', re.DOTALL)
_MARK = re.compile(r"#\s*---\s*(\w+)\s*(?::\s*(.*?))?\s*")


class ExerciseError(ValueError):
    """An exercise that is not well made; says what its author should change."""


@dataclass(frozen=True)
class Section:
    """One part of an exercise.

    Attributes:
        kind: the word after the dashes.
        text: what stands behind the colon, with the comment lines right below.
        code: the lines up to the next section.
    """

    kind: str
    text: str
    code: str


@dataclass(frozen=True)
class Sections:
    """A whole text: the task in Markdown, the code before the first section, and the sections."""

    task: str
    head: str
    parts: tuple[Section, ...]

    def of(self, kind: str) -> list[Section]:
        """The sections of one kind, in their order."""
        return [part for part in self.parts if part.kind == kind]

    def only(self, kind: str) -> Section:
        """The one section of a kind that there must be."""
        found = self.of(kind)
        if len(found) != 1:
            raise ExerciseError(f"it has {len(found)} sections “# --- {kind}”, but needs exactly one.")
        return found[0]


def split(source: str, kinds: Collection[str]) -> Sections:
    """Take a text apart.

    The docstring is taken as it stands, so that formulas need no doubled backslashes.

    Raises:
        ExerciseError: there is no docstring, or a section of an unknown kind.

    Examples:
        >>> parts = split(chr(34) * 3 + "Double $x$." + chr(34) * 3 + '''
        ... # --- hint: Twice
        ... # as much.
        ... # --- solution
        ... y = 2 * x
        ... ''', {"hint", "solution"})
        >>> parts.task, parts.of("hint")[0].text, parts.only("solution").code
        ('Double $x$.', 'Twice as much.', 'y = 2 * x')
    """
    task = _TASK.match(source)
    if not task or not task[2].strip():
        raise ExerciseError('it does not begin with its task in """three quotes""".')
    blocks: list[tuple[str, str, list[str]]] = [("", "", [])]
    for line in source[task.end() :].splitlines():
        mark = _MARK.fullmatch(line.rstrip())
        if mark:
            if mark[1] not in kinds:
                raise ExerciseError(f"“{line.strip()}” is no section; those are {', '.join(sorted(kinds))}.")
            blocks.append((mark[1], mark[2] or "", []))
        else:
            blocks[-1][2].append(line)
    (_, _, head), *others = blocks
    return Sections(task[2].strip(), "\n".join(head).strip("\n"), tuple(_sections(others)))


def _sections(blocks: list[tuple[str, str, list[str]]]) -> Iterator[Section]:
    for kind, text, lines in blocks:
        below = 0
        while text and below < len(lines) and lines[below].startswith("#"):
            text += " " + lines[below].lstrip("#").strip()
            below += 1
        yield Section(kind, text.strip(), "\n".join(lines[below:]).strip("\n").rstrip())
