"""Where in the user's program are we, and what does it call its tensors? Used by messages and by the recorder."""

from __future__ import annotations

import itertools
import linecache
import os
import site
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

_PACKAGE = str(PurePath(__file__).parent / "_")[:-1]  # with the slash: a file beside it is the user's
# Python's own modules, NumPy and its neighbours, and wherever else packages are installed.
_INSTALLED = {str(PurePath(os.__file__).parent), str(PurePath(np.__file__).parent.parent), *site.getsitepackages()}
_NOT_THE_USERS = (_PACKAGE, "<frozen", *(str(PurePath(path) / "_")[:-1] for path in _INSTALLED))
# What most variables hold; looked at for every recorded op.
_HOLDS_NOTHING = frozenset(
    {int, float, str, bool, type(None), type, FunctionType, BuiltinFunctionType, ModuleType, np.ndarray}
)
_LONGEST_CONTAINER = 64  # longer lists are data, not a handful of parameters


@dataclass(frozen=True)
class Place:
    """An expression in the user's program: lines from 1, columns in characters from 0, the end exclusive."""

    filename: str
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    @property
    def text(self) -> str:
        """The line itself, as far as its file can still be read."""
        return linecache.getline(self.filename, self.line).strip()

    @property
    def expression(self) -> str:
        """The expression itself where it stands on one line, else nothing."""
        if self.end_line != self.line:
            return ""
        return linecache.getline(self.filename, self.line)[self.column : self.end_column]

    def __str__(self) -> str:
        text = self.text
        return f"line {self.line} of {PurePath(self.filename).name}" + (f": {text}" if text else "")


def user_frames() -> Iterator[FrameType]:
    """The frames of the running program outside this package, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_users(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


def here() -> Place | None:
    """The expression of the user's program that is being computed now."""
    frame = next(user_frames(), None)
    return None if frame is None else _place(frame.f_code, frame.f_lasti, frame.f_lineno)


def place_of_error(error: BaseException) -> Place | None:
    """The innermost line of the user's program in an exception's traceback."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return Place(error.filename, error.lineno)
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if _is_users(frame.f_code.co_filename):
            found = Place(frame.f_code.co_filename, line)
    return found


def _place(code: CodeType, instruction: int, line: int) -> Place:
    first, last, start, end = next(itertools.islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if first is None or last is None or start is None or end is None:
        return Place(code.co_filename, line)
    return Place(
        code.co_filename,
        first,
        _characters(code.co_filename, first, start),
        last,
        _characters(code.co_filename, last, end),
    )


def _characters(filename: str, line: int, column: int) -> int:
    """Python counts columns in UTF-8 bytes; readers and editors count characters."""
    return len(linecache.getline(filename, line).encode()[:column].decode(errors="ignore"))


def _is_users(filename: str) -> bool:
    return not filename.startswith(_NOT_THE_USERS)


def names_in(scope: Mapping[str, Any], kind: type) -> Iterator[tuple[str, Any]]:
    """The objects of a kind that a namespace knows: by a name, in a list or dict with a name, or in a module."""
    shown = scope.get("_oh")  # a notebook keeps what its cells have shown under this name, and under Out
    for name, value in list(scope.items()):
        if type(value) in _HOLDS_NOTHING or name.startswith("_") or value is shown:
            continue
        if isinstance(value, kind):
            yield name, value
        elif isinstance(value, (list, tuple)) and len(value) <= _LONGEST_CONTAINER:
            yield from ((f"{name}[{i}]", item) for i, item in enumerate(value) if isinstance(item, kind))
        elif isinstance(value, dict) and len(value) <= _LONGEST_CONTAINER:
            yield from ((f"{name}[{key!r}]", item) for key, item in value.items() if isinstance(item, kind))
        elif callable(getattr(type(value), "named_tensors", None)):
            yield from ((path, item) for path, item in value.named_tensors(name) if isinstance(item, kind))


def variable_name(wanted: object, outermost: bool = False) -> str | None:
    """The name under which the user's program knows an object, if it knows it by one.

    Args:
        wanted: the object.
        outermost: whether the names of the function that was called first count first: there a network has its own
            name, and not the ``self`` of its forward.
    """
    frames = user_frames()
    for frame in reversed(list(frames)) if outermost else frames:
        for name, value in names_in(frame.f_locals, type(wanted)):
            if value is wanted:
                return name
    return None
