"""Exercises, derivations with a mistake and questions as pieces of a page, which read without JavaScript.

Scripts of the page make an editor, buttons and radio buttons of them; see docs/assets/exercise/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import PythonConsoleLexer, PythonLexer

from vizgrad.check.exercise_parts import Exercise
from vizgrad.check.mistake import Derivation
from vizgrad.check.question import Question

Markdown = Callable[[str], str]


class Entry(NamedTuple):
    """A line in the list of all exercises.

    Attributes:
        uid: what the reader's progress is kept under.
        kind: "exercise" or "mistake".
        title: what it is called.
        page: the title of its page.
        url: where it is, relative to the list.
    """

    uid: str
    kind: str
    title: str
    page: str
    url: str


def exercise_html(exercise: Exercise, source: str, uid: str, anchor: str, title: str, markdown: Markdown) -> str:
    """An exercise: its task and starter code, with hints and a solution to unfold.

    Args:
        exercise: as it was parsed.
        source: its text, for the grader in the browser.
        uid: what the reader's progress is kept under.
        anchor: its id on the page.
        title: what it is called.
        markdown: makes HTML of Markdown.
    """
    count = len(exercise.hints)
    hints = "".join(
        f'<details class="vg-ex-hint"><summary>Hint {number} of {count}</summary>{markdown(hint)}</details>'
        for number, hint in enumerate(exercise.hints, 1)
    )
    given = f'<details class="vg-ex-given" open><summary>What is given</summary>{_code(exercise.given)}</details>'
    return (
        f'<vg-exercise class="vg-ex" id="{escape(anchor)}" data-uid="{escape(uid)}" data-title="{escape(title)}" '
        f'data-source="{_attribute(source)}" data-start="{_attribute(exercise.start)}">'
        f"{_title('Exercise', title)}"
        f'<div class="vg-ex-task">{markdown(exercise.task)}</div>'
        f"{given if exercise.given else ''}"
        f'<div class="vg-ex-start">{_code(exercise.start)}</div>{hints}'
        f'<details class="vg-ex-solution"><summary>Solution</summary>{_code(exercise.solution)}'
        f"{markdown(exercise.because)}</details>"
        "</vg-exercise>"
    )


def mistake_html(derivation: Derivation, uid: str, anchor: str, title: str, markdown: Markdown) -> str:
    """A derivation with a mistake: its lines, and the answer with the numbers that refute it, to unfold."""
    lines = "".join(f"<li>{_inline(markdown(line.text))}</li>" for line in derivation.lines)
    reasons = "".join(
        f'<div class="vg-ex-because" data-line="{index}" hidden>{markdown(line.because)}</div>'
        for index, line in enumerate(derivation.lines)
        if line.because and not line.wrong
    )
    wrong = derivation.lines[derivation.place - 1]
    refuted = "".join(f"<li>{escape(sentence(text))}</li>" for text in derivation.refuted)
    return (
        f'<vg-mistake class="vg-ex" id="{escape(anchor)}" data-uid="{escape(uid)}" data-title="{escape(title)}" '
        f'data-place="{derivation.place}">'
        f"{_title('Spot the mistake', title)}"
        f'<div class="vg-ex-task">{markdown(derivation.task)}</div>'
        f'<ol class="vg-ex-lines">{lines}</ol>{reasons}'
        f'<details class="vg-ex-solution"><summary>Answer</summary>'
        f"<p><strong>Line {derivation.place} is wrong.</strong></p>{markdown(wrong.because)}"
        f"<p>The numbers that refute it, computed when this page was built:</p><ul>{refuted}</ul></details>"
        "</vg-mistake>"
    )


def question_html(question: Question, anchor: str, title: str, markdown: Markdown) -> str:
    """A question about a program: the program and the choices, with what the program gave to unfold."""
    choices = "".join(f"<li>{_inline(markdown(choice.text))}</li>" for choice in question.choices)
    reasons = "".join(
        f'<div class="vg-ex-because" data-choice="{number}">{markdown(choice.because)}</div>'
        for number, choice in enumerate(question.choices, 1)
        if choice.because
    )
    right = _inline(markdown(question.choices[question.place - 1].text))
    session = f">>> {question.asked}\n{question.shown}"
    return (
        f'<vg-question class="vg-ex" id="{escape(anchor)}" data-place="{question.place}">'
        f"{_title('Predict', title)}"
        f'<div class="vg-ex-task">{markdown(question.task)}</div>{_code(question.program)}'
        f'<ol class="vg-ex-lines">{choices}</ol>'
        f'<details class="vg-ex-solution"><summary>Answer</summary><p><strong>{question.place}.</strong> {right}</p>'
        f"<p>This is what the program gave when the page was built:</p>"
        f"{_code(session, PythonConsoleLexer())}{reasons}</details>"
        "</vg-question>"
    )


def list_html(entries: Sequence[Entry], compact: bool, full: str) -> str:
    """All exercises of a site, with a place for what the reader has done.

    Args:
        entries: the exercises in the order of the pages.
        compact: only say how many are done.
        full: the address of the whole list.
    """
    rows = "".join(
        f'<tr data-uid="{escape(entry.uid)}"><td><a href="{escape(entry.url)}">{escape(entry.title)}</a></td>'
        f"<td>{_KINDS[entry.kind]}</td><td>{escape(entry.page)}</td></tr>"
        for entry in entries
    )
    if compact:
        uids = " ".join(escape(entry.uid) for entry in entries)
        link = f'<a href="{escape(full)}">All {len(entries)} exercises</a>'
        return f'<vg-progress compact data-uids="{uids}"><p>{link}</p></vg-progress>'
    return (
        "<vg-progress><table><caption>All exercises</caption><thead><tr>"
        '<th scope="col">exercise</th><th scope="col">kind</th><th scope="col">page</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></vg-progress>"
    )


_KINDS = {"exercise": "write it", "mistake": "spot the mistake"}


def _title(kind: str, title: str) -> str:
    name = f": {escape(title)}" if title else ""
    return f'<p class="vg-ex-title"><strong>{kind}</strong>{name}</p>'


def _code(source: str, lexer: Lexer | None = None) -> str:
    made: str = highlight(source, lexer or PythonLexer(), HtmlFormatter(cssclass="highlight", wrapcode=True))
    return made


def _attribute(source: str) -> str:
    """A text with lines as the value of an attribute, where Markdown leaves it alone."""
    return escape(source).replace("\n", "&#10;")


def sentence(text: str) -> str:
    """A report on a formula as a sentence, with the minus of a typesetter."""
    return re.sub(r"(?<= )-(?=[\d.])", "\N{MINUS SIGN}", text[:1].upper() + text[1:]) + "."


def _inline(made: str) -> str:
    """A single paragraph without its tags."""
    inner = made.strip().removeprefix("<p>").removesuffix("</p>")
    return inner if "<p>" not in inner else made
