"""The library's own frames, recorded while a program runs: which function called which, at which line, with what.

A page names the lines at which to stop, and says a sentence about each. What is shown besides comes from the run. A
line that the library does not have any more, or that the run never comes to, stops the build.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import vizgrad as vg
from vizgrad.core import OpNode
from vizgrad.trace.text import short

_LIBRARY = Path(vg.__file__).parent
_PROGRAM = "program.py"
Row = tuple[str, str]  # a name as it stands in the line, and its value as short text


@dataclass(frozen=True)
class Stop:
    """A line at which the figure stops, and what is said there.

    Attributes:
        function: its qualified name, such as ``Op.do_forward``; ``program`` for the program itself.
        part: what the line contains.
        text: a sentence; ``{name}`` stands for the value of a name in the line.
    """

    function: str
    part: str
    text: str


@dataclass
class Frame:
    """A function that has been called and has not yet returned: where it is, and the values that its line uses."""

    function: str
    line: int
    rows: list[Row]


@dataclass
class Step:
    """A stop that the run came to: the frames from the program to the line, what is said, and what the line gives."""

    text: str
    stack: list[Frame]
    gives: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A function whose lines are shown."""

    file: str
    first: int
    lines: tuple[str, ...]

    def text(self, line: int) -> str:
        """One line, by its number in the file."""
        return self.lines[line - self.first].strip()


def stops(text: str) -> list[Stop]:
    """The stops of a figure, written one on a line: ``function | part of the line | sentence``."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        parts = [part.strip() for part in line.split(" | ", 2)]
        if len(parts) != 3:
            raise ValueError(f'"{line.strip()}" is no stop; a stop is: function | part of the line | sentence')
        found.append(Stop(*parts))
    return found


def record(program: str, wanted: Sequence[Stop]) -> tuple[list[Step], dict[str, Source]]:
    """Run a program, and stop at every line that is asked for, each time that the run comes to it.

    Raises:
        ValueError: the run does not come to one of the lines.
    """
    recorder = _Recorder(program, wanted)
    scope: dict[str, Any] = {"np": np, "vg": vg}
    before = sys.gettrace()
    code = compile(program, _PROGRAM, "exec")
    sys.settrace(recorder.called)
    try:
        exec(code, scope)
    finally:
        sys.settrace(before)
    for stop in wanted:
        if stop not in recorder.reached:
            raise ValueError(f'the run never comes to a line of {stop.function} with "{stop.part}"')
    return recorder.steps, recorder.sources


class _Recorder:
    def __init__(self, program: str, wanted: Sequence[Stop]) -> None:
        self.steps: list[Step] = []
        self.sources: dict[str, Source] = {}
        self.reached: set[Stop] = set()
        self._program = program
        self._wanted = wanted
        self._functions = {stop.function for stop in wanted}
        self._open: list[FrameType] = []  # the frames of functions that are shown
        self._names: dict[int, str] = {}
        self._last: tuple[FrameType, Step] | None = None  # a stop whose line is still running

    def called(self, frame: FrameType, event: str, argument: Any) -> Any:
        """A trace function: says by which function the frame is to be watched."""
        name = _called(frame.f_code)
        if name not in self._functions:
            return None
        self._open.append(frame)
        if name not in self.sources:
            self.sources[name] = self._source(frame.f_code)
        return self._watch

    def _watch(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event not in ("line", "return"):
            return self._watch
        if self._last and self._last[0] is frame:
            self._finish(frame, event, argument)
        if event == "return":
            self._open.remove(frame)
        else:
            self._stop(frame)
        return self._watch

    def _stop(self, frame: FrameType) -> None:
        name = _called(frame.f_code)
        line = self.sources[name].text(frame.f_lineno)
        stop = next((stop for stop in self._wanted if stop.function == name and stop.part in line), None)
        if stop is None:
            return
        self.reached.add(stop)
        self._names = {id(value): name for name, value in self._open[0].f_globals.items() if _is_node(value)}
        stack = [Frame(_called(one.f_code), one.f_lineno, self._rows(one, ast.Load)) for one in self._open]
        step = Step(_filled(stop, dict(stack[-1].rows)), stack)
        self.steps.append(step)
        self._last = frame, step

    def _finish(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note what the line of the last stop has made, unless the figure stopped elsewhere meanwhile."""
        assert self._last is not None
        _, step = self._last
        self._last = None
        made = self._rows(frame, ast.Store, step.stack[-1].line)
        step.gives = [("returns", self._text(argument))] if event == "return" and argument is not None else made

    def _rows(self, frame: FrameType, context: type[ast.expr_context], line: int | None = None) -> list[Row]:
        """The names in the line of a frame, with their values."""
        found: dict[str, str] = {}
        lines = self._program if frame.f_code.co_filename == _PROGRAM else _text_of(frame.f_code.co_filename)
        for expression in _expressions(lines, line or frame.f_lineno, context):
            try:
                value = _look(expression, frame)
            except LookupError:
                continue
            if not callable(value) or isinstance(value, type):
                found[ast.unparse(expression)] = self._text(value)
        return list(found.items())

    def _text(self, value: Any) -> str:
        """A value as short text. Nodes are called what the program calls them, as far as it has come."""
        if _is_node(value):
            name = self._names.get(id(value))
            return f"node {name}" if name else "a new node"
        if isinstance(value, weakref.ref):
            return f"a weak reference to {self._text(value())}"
        if isinstance(value, OpNode):
            return f"OpNode({value.op.__name__})" if hasattr(value, "op") else "a new OpNode"
        if isinstance(value, type):
            return f"class {value.__name__}"
        if isinstance(value, (np.ndarray, np.generic)):
            return short(np.asarray(value))
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._text(key)}: {self._text(one)}" for key, one in value.items()) + "}"
        if isinstance(value, tuple):
            return "(" + ", ".join(map(self._text, value)) + ("," if len(value) == 1 else "") + ")"
        if isinstance(value, (list, set)):
            return "[" + ", ".join(map(self._text, value)) + "]"
        if value is None or isinstance(value, (bool, int, float, str)):
            return repr(value)
        return "a mark" if type(value) is object else type(value).__name__

    def _source(self, code: CodeType) -> Source:
        if code.co_filename == _PROGRAM:
            return Source(_PROGRAM, 1, tuple(self._program.splitlines()))
        return _library_source(code)


@cache
def _library_source(code: CodeType) -> Source:
    lines, first = inspect.getsourcelines(code)
    file = Path(code.co_filename).relative_to(_LIBRARY.parent).as_posix()
    return Source(file, first, tuple(textwrap.dedent("".join(lines)).splitlines()))


def _filled(stop: Stop, values: dict[str, str]) -> str:
    """The sentence of a stop, with values for the names in braces."""
    for name in re.findall(r"\{([\w.]+)\}", stop.text):
        if name not in values:
            raise ValueError(f'"{stop.text}" names {name}, which the line with "{stop.part}" does not use')
    return re.sub(r"\{([\w.]+)\}", lambda found: values[found[1]], stop.text)


def _is_node(value: Any) -> bool:
    return isinstance(value, vg.TensorNode)


def _called(code: CodeType) -> str:
    if code.co_filename == _PROGRAM:
        return "program"
    return code.co_qualname if Path(code.co_filename).is_relative_to(_LIBRARY) else ""


@cache
def _text_of(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


def _expressions(source: str, line: int, context: type[ast.expr_context]) -> Iterator[ast.expr]:
    """The names of a line, and what is reached from them by dots, in their order."""
    found = [
        node
        for node in ast.walk(_parsed(source))
        if isinstance(node, (ast.Name, ast.Attribute)) and node.lineno == line and isinstance(node.ctx, context)
    ]
    return iter(sorted(found, key=lambda node: (node.col_offset, node.end_col_offset or 0)))


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _look(expression: ast.expr, frame: FrameType) -> Any:
    """The value of a name, or of an attribute that is simply kept there: nothing is computed."""
    if isinstance(expression, ast.Name):
        return frame.f_locals[expression.id]
    if not isinstance(expression, ast.Attribute):
        raise LookupError(expression)
    owner = _look(expression.value, frame)
    if not hasattr(type(owner), "__slots__") or isinstance(
        inspect.getattr_static(owner, expression.attr, None), property
    ):
        raise LookupError(expression.attr)
    try:
        return getattr(owner, expression.attr)
    except AttributeError as error:
        raise LookupError(expression.attr) from error


# --- the figure ------------------------------------------------------------------------------------------------------


def figure(program: str, wanted: str, title: str) -> str:
    """A figure that steps through the frames of a program.

    Without JavaScript it is an ordered list. The script `assets/js/frames.js` makes a stack of frames of it.
    """
    program = program.strip() + "\n"
    steps, sources = record(program, stops(wanted))
    data = {"steps": [asdict(step) for step in steps], "sources": {name: one.file for name, one in sources.items()}}
    items = "".join(f"<li>{_item(step, sources)}</li>" for step in steps)
    shown = "".join(_listing(name, source) for name, source in sources.items())
    return (  # in a <div>, because Markdown puts what it does not know as a block into a paragraph
        f'<div><vg-frames class="vg-frames" data-title="{escape(title)}" data-run="{escape(json.dumps(data))}">'
        f'<p class="vg-frames-title">{escape(title)}</p><ol class="vg-frames-steps">{items}</ol>'
        f'<details class="vg-frames-sources"><summary>The functions</summary>{shown}</details></vg-frames></div>'
    )


def _item(step: Step, sources: dict[str, Source]) -> str:
    frame = step.stack[-1]
    source = sources[frame.function]
    rows = "".join(
        f"<li><code>{escape(name)}</code> {'is' if name != 'returns' else ''} {escape(text)}</li>"
        for name, text in [*frame.rows, *step.gives]
    )
    where = f"{escape(frame.function)}, {escape(source.file)}, line {frame.line}"
    code = escape(source.text(frame.line))
    return f"{_prose(step.text)}<br><small>{where}:</small> <code>{code}</code><ul>{rows}</ul>"


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _listing(name: str, source: Source) -> str:
    """The lines of a function, without its docstring; each can be found by its number."""
    code = highlight("\n".join(source.lines), PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    left_out = _docstring(source)
    lines = "".join(
        f'<span data-line="{number}">{line or " "}</span>'
        for number, line in enumerate(code.rstrip("\n").split("\n"), source.first)
        if number not in left_out
    )
    where = f"{source.file}, line {source.first}" if source.file != _PROGRAM else "the program"
    caption = escape(f"{name}: {where}" if source.file != _PROGRAM else where)
    return (
        f'<figure data-function="{escape(name)}"><figcaption>{caption}</figcaption>'
        f'<pre class="highlight" tabindex="0"><code>{lines}</code></pre></figure>'
    )


def _docstring(source: Source) -> range:
    """The numbers of the lines that a docstring takes."""
    if source.file == _PROGRAM:
        return range(0)
    body = ast.parse("\n".join(source.lines)).body[0]
    first = body.body[0] if isinstance(body, (ast.FunctionDef, ast.ClassDef)) else body
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return range(source.first + first.lineno - 1, source.first + (first.end_lineno or first.lineno))
    return range(0)
