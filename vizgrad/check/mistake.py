"""Spot the mistake: a derivation in lines, of which one is wrong, and the numbers that refute it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from vizgrad.check.formulas import check_formulas
from vizgrad.check.sections import ExerciseError, split

_KINDS = {"line", "wrong", "because", "check"}


@dataclass(frozen=True)
class Line:
    """One line of a derivation.

    Attributes:
        text: the line, in Markdown.
        wrong: whether it is the one to find.
        because: why it is right, or wrong; may be empty.
    """

    text: str
    wrong: bool
    because: str


@dataclass(frozen=True)
class Derivation:
    """A derivation with a mistake.

    Attributes:
        task: what is derived, in Markdown.
        lines: its lines.
        refuted: what the wrong result gives, and what it should be; one sentence for each that the author lists.
    """

    task: str
    lines: tuple[Line, ...]
    refuted: tuple[str, ...]

    @property
    def place(self) -> int:
        """The number of the wrong line, counted from 1."""
        return next(number for number, line in enumerate(self.lines, 1) if line.wrong)


def check_mistake(source: str) -> Derivation:
    """Read a derivation, and see that its result is wrong where its author says so.

    Args:
        source: what is derived, as a docstring; the lines, ``# --- line: text``, one of them ``# --- wrong: text``;
            after any of them ``# --- because: text``; and ``# --- check`` with the formulas, as `check_formulas` reads
            them: ``forward``, the right ``backward``, and as ``wrong_...`` what the wrong line leads to. Where no
            gradient is derived, it has instead ``right()``, which computes the right number in a way of its own, and
            ``wrong_...()``.

    Raises:
        ExerciseError: a part is missing, the right backward is not right, or nothing refutes the wrong one.
    """
    sections = split(source, _KINDS)
    lines: list[Line] = []
    for part in sections.parts:
        if part.kind == "because":
            if not lines:
                raise ExerciseError("its first “# --- because” explains no line.")
            lines[-1] = Line(lines[-1].text, lines[-1].wrong, part.text)
        elif part.kind != "check":
            lines.append(Line(part.text, part.kind == "wrong", ""))
    wrong = sections.only("wrong")
    if len(lines) < 2 or not lines[[line.text for line in lines].index(wrong.text)].because:
        raise ExerciseError("it needs two lines or more, and a “# --- because” after the wrong one.")
    code = sections.only("check").code
    refuted = _by_numbers(code) if re.search(r"^def right\(\)", code, re.MULTILINE) else _by_gradients(code)
    if not refuted:
        raise ExerciseError("its check has no wrong_...: write what the wrong line leads to.")
    return Derivation(sections.task, tuple(lines), refuted)


def _by_gradients(code: str) -> tuple[str, ...]:
    report = check_formulas(code)
    if not report:
        raise ExerciseError(f"its check does not hold: {report.problem()}.")
    return tuple(mistake.refuted for mistake in report.mistakes)


def _by_numbers(code: str) -> tuple[str, ...]:
    """Where nothing is derived: each ``wrong_...()`` must give another number than ``right()``."""
    scope: dict[str, Any] = {"np": np, "__name__": "check"}
    exec(compile(code, "check.py", "exec"), scope)
    right = scope["right"]()
    found = {name: function() for name, function in scope.items() if name.startswith("wrong_")}
    for name, wrong in found.items():
        if np.array_equal(wrong, right):
            raise ExerciseError(f"its check does not hold: {name} gives {_said(right)}, and nothing refutes it.")
    return tuple(f"it gives {_said(wrong)} instead of {_said(right)}" for wrong in found.values())


def _said(numbers: Any) -> str:
    array = np.asarray(numbers)
    return f"{array.item():,}" if array.dtype.kind in "iu" and array.ndim == 0 else f"{array.round(4).tolist()}"
