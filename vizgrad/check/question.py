"""Predict, then see: a question about a program, whose answer is what the program really does.

Nobody marks the right choice. Each choice says in code what it claims of the answer, and the run decides.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from vizgrad.check.sections import ExerciseError, Section, split

_KINDS = {"ask", "choice", "because"}


@dataclass(frozen=True)
class Choice:
    """One of the answers to choose from.

    Attributes:
        text: the answer, in Markdown.
        holds: whether it is true of the program.
        because: why, in Markdown; may be empty.
    """

    text: str
    holds: bool
    because: str


@dataclass(frozen=True)
class Question:
    """A question about a program.

    Attributes:
        task: the question, in Markdown.
        program: what runs.
        asked: the expression that the question is about.
        shown: what it turns out to be, as Python prints it.
        choices: the answers to choose from; exactly one holds.
    """

    task: str
    program: str
    asked: str
    shown: str
    choices: tuple[Choice, ...]

    @property
    def place(self) -> int:
        """The number of the choice that holds, counted from 1."""
        return next(number for number, choice in enumerate(self.choices, 1) if choice.holds)


def answer_question(source: str) -> Question:
    """Read a question, run its program, and see which of the choices holds.

    Args:
        source: the question as a docstring; the program; ``# --- ask`` with an expression; and two or more
            ``# --- choice: text``, each with an expression below that is true if the choice is. In it, ``asked`` is the
            value of the expression that was asked for, or the exception that it raises. After a choice may stand
            ``# --- because: text``.

    Raises:
        ExerciseError: a part is missing, the program fails, or not exactly one of the choices holds.

    Examples:
        >>> question = answer_question(chr(34) * 3 + "What is `1 + 1`?" + chr(34) * 3 + '''
        ... x = 1
        ... # --- ask
        ... x + x
        ... # --- choice: Two.
        ... asked == 2
        ... # --- choice: Eleven.
        ... asked == 11
        ... ''')
        >>> question.place, question.shown
        (1, '2')
    """
    sections = split(source, _KINDS)
    expression = sections.only("ask").code
    scope: dict[str, Any] = {"np": np, "__name__": "question"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(sections.head, "question.py", "exec"), scope)
    except Exception as error:
        raise ExerciseError(f"its program fails: {type(error).__name__}: {error}") from error
    try:
        asked = eval(expression, scope)
        shown = repr(asked)
    except Exception as error:
        asked = error
        shown = f"{type(error).__name__}: {error}"
    scope["asked"] = asked
    choices: list[Choice] = []
    for part in sections.parts:
        if part.kind == "choice":
            choices.append(Choice(part.text, _holds(part, scope), ""))
        elif part.kind == "because":
            if not choices:
                raise ExerciseError("its first “# --- because” explains no choice.")
            choices[-1] = Choice(choices[-1].text, choices[-1].holds, part.text)
    right = [choice.text for choice in choices if choice.holds]
    if len(choices) < 2 or len(right) != 1:
        raise ExerciseError(
            f"exactly one of two or more choices must hold, but {right or 'none'} of {len(choices)} do."
        )
    return Question(sections.task, sections.head.strip(), expression, shown, tuple(choices))


def _holds(part: Section, scope: dict[str, Any]) -> bool:
    try:
        return bool(eval(part.code, dict(scope)))
    except Exception as error:
        raise ExerciseError(f"the choice “{part.text}” cannot be tried: {type(error).__name__}: {error}") from error
