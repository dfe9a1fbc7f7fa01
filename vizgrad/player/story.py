"""A story: an author's beats for a figure, written as lines of text.

A beat is one line, ``step | focus | text | question | answer``; what comes after the text may be left out::

    wait       | s | Here `s` is used twice, and one gradient is there.
    gradient s | s | Now both have arrived. | Why not earlier? | Each use sends one.

The step is a number, ``start``, ``end``, ``wait``, or what happens to a tensor: ``value s`` is the step that computes
s, and ``gradient s`` the one at which its gradient is complete. The focus is a tensor's name, or empty. Without
JavaScript the beats are an ordered list under the figure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from vizgrad.errors import TraceError
from vizgrad.trace.model import Trace

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Beat:
    """One text of a story, the step that it belongs to, and the id of the tensor to look at."""

    step: int
    focus: str
    text: str
    question: str = ""
    answer: str = ""


def beats(text: str, trace: Trace) -> list[Beat]:
    """The beats of a story.

    Raises:
        TraceError: a line is no beat, or names a step or tensor that the trace does not have.
    """
    lines = [line.strip().removeprefix("#").strip() for line in text.splitlines()]
    return [_beat(line, trace) for line in lines if line]


def story_html(told: list[Beat]) -> str:
    """The beats as a list, which the player takes over."""
    return f'<ol class="vg-story">{"".join(map(_item, told))}</ol>' if told else ""


def _beat(line: str, trace: Trace) -> Beat:
    step, *rest = [part.strip() for part in line.split("|")]
    if not 2 <= len(rest) <= 4 or not rest[1]:
        raise TraceError(f'"{line}" is no beat of a story; a beat is: step | focus | text | question | answer')
    focus = _tensor(trace, rest[0], line) if rest[0] else ""
    return Beat(_step(trace, step, line), focus, *rest[1:])


def _tensor(trace: Trace, name: str, line: str) -> str:
    try:
        return trace.tensor(name).id
    except KeyError as error:
        raise TraceError(f'in the beat "{line}", {error.args[0]}') from error


def _step(trace: Trace, wanted: str, line: str) -> int:
    kind, _, name = wanted.partition(" ")
    steps = list(enumerate(trace.steps))
    if kind == "value" and name:
        tensor = trace.tensors[int(_tensor(trace, name, line)[1:])]
        found = [k for k, step in steps if step.kind == "forward" and step.op == tensor.source]
    elif kind == "gradient" and name:
        tensor_id = _tensor(trace, name, line)
        found = [k for k, step in steps if step.tensor == tensor_id and step.kind in ("start", "accumulate")]
        found = [k for k in found if trace.steps[k].arrived == trace.steps[k].of][:1]
    elif wanted == "wait":
        found = [k for k, step in steps if step.kind == "accumulate" and (step.arrived or 0) < (step.of or 0)]
    elif wanted in ("start", "end"):
        found = [0 if wanted == "start" else len(steps) - 1]
    else:
        found = [int(wanted)] if wanted.isdecimal() and int(wanted) < len(steps) else []
    if not found:
        known = f"known are 0 to {len(steps) - 1}, start, end, wait, value NAME and gradient NAME"
        raise TraceError(f'in the beat "{line}", there is no step "{wanted}"; {known}')
    return found[0]


def _item(beat: Beat) -> str:
    question = ""
    if beat.question:
        answer = f"<p>{_inline(beat.answer)}</p>" if beat.answer else ""
        question = f'<details class="vg-fold"><summary>{_inline(beat.question)}</summary>{answer}</details>'
    return f'<li data-step="{beat.step}" data-focus="{escape(beat.focus)}"><p>{_inline(beat.text)}</p>{question}</li>'


def _inline(text: str) -> str:
    """The text, with what stands between backquotes as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
