"""What every kind of exercise is made of: its parts, the verdict on an answer, and how an answer is run.

An answer is hostile input: whatever it raises becomes a verdict.
"""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from vizgrad.check.sections import ExerciseError, split
from vizgrad.core import Array
from vizgrad.errors import VizgradError
from vizgrad.trace.text import number

ANSWER = "answer.py"  # what tracebacks call the learner's text
_KINDS = {"start", "solution", "because", "hint", "wrong"}
_LARGEST_TABLE = 30  # entries
_LONGEST_PRINT = 20_000  # characters

Kind = Literal["right", "wrong", "broken", "unfinished"]
Inputs = Mapping[str, Array]


class Known(NamedTuple):
    """A wrong answer that is known, and words that the grader must say about it."""

    name: str
    cause: str
    code: str


@dataclass(frozen=True)
class Exercise:
    """An exercise, taken apart.

    Attributes:
        task: what to do, in Markdown.
        given: code that every answer is run with: ``forward``, and ``shapes`` or ``inputs``; or what numbers are
            computed from, and the ``cases`` that a function is called with.
        start: what the editor holds at first.
        solution: an answer that is right.
        because: the derivation of it, in Markdown; may be empty.
        hints: from the first, which says little, to the last.
        wrong: answers that must not pass.
    """

    task: str
    given: str
    start: str
    solution: str
    because: str
    hints: tuple[str, ...]
    wrong: tuple[Known, ...]


@dataclass(frozen=True)
class Table:
    """Two arrays to be compared: what was found, what was expected, and which entries are wrong. At most two axes."""

    found: list[list[str]]
    expected: list[list[str]]
    wrong: list[list[bool]]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an answer.

    Attributes:
        what: which numbers differ, or what happened.
        why: the likely cause; may be empty.
        do: what to look at; may be empty.
        line: of the answer, counted from 1, if it is known.
        table: the numbers, if they are few.
    """

    what: str
    why: str = ""
    do: str = ""
    line: int | None = None
    table: Table | None = None


@dataclass(frozen=True)
class Verdict:
    """What the grader says. True if the answer is right.

    Attributes:
        kind: ``right``; ``wrong`` numbers; ``broken`` code; or ``unfinished``, where a ``...`` is left.
        headline: one sentence.
        right: what is right already.
        faults: what is not.
        known: the name of the usual mistake that gives the same numbers; empty if there is none.
        printed: what the answer has printed.
    """

    kind: Kind
    headline: str
    right: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    known: str = ""
    printed: str = ""

    def __bool__(self) -> bool:
        return self.kind == "right"

    def __str__(self) -> str:
        lines = [self.headline, *(f"  right: {text}" for text in self.right)]
        for fault in self.faults:
            lines += [f"{fault.what}", f"  why:   {fault.why}", f"  do:    {fault.do}"]
        return "\n".join([*lines, f"  known: {self.known}"] if self.known else lines)

    def to_json(self) -> str:
        """The verdict for the page."""
        return json.dumps(asdict(self))


def parse(source: str) -> Exercise:
    """Read an exercise.

    Args:
        source: the task as a docstring; code that is given, with ``forward`` and ``shapes`` (or ``inputs``); and
            sections, which begin with a comment: ``# --- start`` and ``# --- solution``, ``# --- because: text`` that
            explains the solution, any number of ``# --- hint: text``, and known mistakes, ``# --- wrong: name -> words
            that must be in the cause``. Without the arrow, it is enough that the grader knows it by its name.

    Raises:
        ExerciseError: a part is missing, or one is unknown.
    """
    sections = split(source, _KINDS)
    wrong = []
    for part in sections.of("wrong"):
        name, _, cause = (text.strip() for text in part.text.partition("->"))
        wrong.append(Known(name, cause, part.code))
    return Exercise(
        sections.task,
        sections.head,
        sections.only("start").code,
        sections.only("solution").code,
        " ".join(part.text for part in sections.of("because")),
        tuple(part.text for part in sections.of("hint")),
        tuple(wrong),
    )


def statements(source: str, part: str) -> list[ast.stmt]:
    """What an author's code consists of."""
    try:
        return ast.parse(source).body
    except SyntaxError as error:
        raise ExerciseError(f"its {part} is not Python: {error}") from error


def fresh_scope(exercise: Exercise) -> dict[str, Any]:
    """The names that are given, made anew: an answer cannot change those of the grader."""
    scope: dict[str, Any] = {"np": np, "__name__": "exercise"}
    try:
        exec(compile(exercise.given, "given.py", "exec"), scope)
    except Exception as error:
        raise ExerciseError(f"its given code fails: {type(error).__name__}: {error}") from error
    return scope


# --- what is said ----------------------------------------------------------------------------------------------------


class Stopped(Exception):
    """The verdict is known, and there is no need to go on."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


def stop(kind: Kind, headline: str, *faults: Fault) -> Stopped:
    """A verdict that needs no further look."""
    return Stopped(Verdict(kind, headline, faults=faults))


def unfinished(what: str) -> Stopped:
    """Something is still to be written; this is no try."""
    return stop("unfinished", f"Not finished yet: {what}")


class Printed(io.StringIO):
    """Keeps what an answer prints, as much as can be read, until it is closed to more."""

    def __init__(self, write: Callable[[str], object] | None) -> None:
        super().__init__()
        self._write = write
        self._room = _LONGEST_PRINT
        self.open = True

    def write(self, text: str) -> int:
        shown = text[: self._room] if self.open else ""
        self._room -= len(shown)
        if shown and self._write:
            self._write(shown)
        super().write(shown)
        return len(text)


def refuse_written(before: Inputs, after: Inputs) -> None:
    """See that an answer has left the arrays alone that it was given."""
    for name, array in before.items():
        if not np.array_equal(array, after[name], equal_nan=array.dtype.kind == "f"):
            why = "other operations need that array as well."
            do = "make a new array: write a = a * b in place of a *= b, or begin with a copy."
            raise stop("wrong", "Not yet: a given array is changed.", Fault(f"The answer writes into {name}.", why, do))


def table(found: Array, expected: Array, wrong: Array) -> Table | None:
    """The numbers beside each other, if they are few."""
    if not 1 < expected.size <= _LARGEST_TABLE or expected.ndim > 2:
        return None
    rows = [np.atleast_2d(array).tolist() for array in (found, expected, wrong)]
    texts = [[[number(x) for x in row] for row in array] for array in rows[:2]]
    return Table(texts[0], texts[1], rows[2])


def told_apart(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as few digits as show that they differ."""
    if number(a) != number(b):
        return number(a), number(b)
    texts = [(f"{a:.{digits}g}", f"{b:.{digits}g}") for digits in (8, 17)]
    return next(((x, y) for x, y in texts if x != y), texts[-1])


def count(amount: int, noun: str) -> str:
    """A number of things, such as 1 gradient or 2 gradients."""
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


# --- running what may fail -------------------------------------------------------------------------------------------


def compiled(answer: str) -> Any:
    """An answer as code that can be run."""
    try:
        return compile(answer, ANSWER, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        fault = Fault(f"{type(error).__name__}: {reason}", "Python cannot read this.", _SYNTAX, line)
        raise stop("broken", f"Python cannot read the answer{_at(line)}.", fault) from None


_SYNTAX = "look at this line and the one before: a bracket, a colon, or a space at the beginning of the line."
_PRODUCT = re.compile(r"^matmul: .*\(size (\d+) is different from (\d+)\)")
_SHAPES = re.compile(r"broadcast|shapes? |matmul|mismatch|aligned|axis|dimension|reshape")


def run(call: Callable[[], Any], given: Inputs | None = None, signature: str = "") -> Any:
    """Call something of the answer's; whatever it raises becomes a verdict."""
    try:
        return call()
    except (Stopped, KeyboardInterrupt):
        raise
    except NotImplementedError:
        raise unfinished("there is still a NotImplementedError to be replaced.") from None
    except BaseException as error:  # SystemExit, and what an answer makes of it
        raise _explained(error, given or {}, signature) from None


def _explained(error: BaseException, given: Inputs, signature: str) -> Stopped:
    line = _line(error)
    name, text = type(error).__name__, _text(error)
    if isinstance(error, VizgradError):
        parts = dict(re.findall(r"^  (why|do): +(.*)$", text, re.MULTILINE))
        fault = Fault(text.splitlines()[0], parts.get("why", ""), parts.get("do", ""), line)
        return stop("wrong", "Not yet.", fault)
    why, do = "", ""
    shapes = ", ".join(f"{key} {value.shape}" for key, value in given.items())
    if isinstance(error, RecursionError):
        why, do = (
            "a function calls itself, and never comes to an end.",
            "look for the call, and for what should end it.",
        )
    elif isinstance(error, NameError):
        why = f"there are only np, {', '.join(given) or 'what is given'}, and what you define yourself."
        meant = next((known for known in given if known.lower() == str(error.name).lower()), "")
        do = f"write {meant}: large and small letters are not the same." if meant else ""
    elif isinstance(error, KeyError):
        why, do = "nothing is stored under this key.", "use one name in forward and in backward."
    elif isinstance(error, ValueError) and _SHAPES.search(text):
        why = f"the shapes do not fit here{': ' + shapes if shapes else ''}."
        do = "write the shape of every factor beside it; * and / go entry by entry, @ is the matrix product."
        if sizes := _PRODUCT.search(text):
            columns, rows = count(int(sizes[2]), "column"), count(int(sizes[1]), "row")
            do = f"the left factor of @ has {columns}, the right one {rows}: make them equal by an exchange or a .T."
    elif isinstance(error, TypeError) and line is None and signature:
        why, do = "backward takes the upstream gradient and all inputs.", f"begin with the line {signature}"
    fault = Fault(f"{name}: {text}" if text else name, why, do, line)
    return stop("broken", f"The answer stops with {'an' if name[0] in 'AEIOU' else 'a'} {name}{_at(line)}.", fault)


def _text(error: BaseException) -> str:
    """The message; even that can fail, for an exception of the answer's own."""
    try:
        return str(error)[:500]
    except Exception:
        return ""


def _line(error: BaseException) -> int | None:
    """The last line of the answer that an exception came through."""
    line, frame = None, error.__traceback__
    while frame:
        if frame.tb_frame.f_code.co_filename == ANSWER:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _at(line: int | None) -> str:
    return f" at line {line}" if line else ""
