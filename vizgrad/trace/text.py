"""A Trace in words: one plain sentence for each step, and the table that ``print(trace)`` shows.

The sentences are made here once and kept in the Trace, so that the terminal, the page and a screen reader say the same.
"""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vizgrad.trace.arrays import FULL

if TYPE_CHECKING:
    from vizgrad.core import Array
    from vizgrad.trace.model import Operation, Step, Tensor, Trace

Held = Mapping[str, int]  # tensor id -> place of the value that it holds at a step
_SMALL = 6  # arrays up to this many entries are written out inside a sentence
_MINUS = "\N{MINUS SIGN}"
_PHASES = {
    "forward": "forward",
    "failed": "failed",
    "start": "backward",
    "backward": "backward",
    "accumulate": "backward",
    "update": "update",
    "zero": "update",
}


def number(x: Any) -> str:
    """A number with four significant digits, as every drawing and table shows it.

    Examples:
        >>> number(0.12345678), number(-3.0), number(1e-9), number(float("inf"))
        ('0.1235', '\N{MINUS SIGN}3', '1e\N{MINUS SIGN}09', '\N{INFINITY}')
    """
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    x = float(x)
    if np.isnan(x):
        return "nan"
    if np.isinf(x):
        return "\N{INFINITY}" if x > 0 else _MINUS + "\N{INFINITY}"
    return f"{x:.4g}".replace("-", _MINUS)


def short(array: Array) -> str:
    """An array inside a sentence: its numbers if they are few, else its shape."""
    if array.size > _SMALL:
        return "an array of shape " + shape(array.shape)
    if array.ndim == 0:
        return number(array)
    return "[" + ", ".join(short(row) for row in array) + "]"


def shape(sizes: Any) -> str:
    """A shape as it is usually written, such as (32, 64)."""
    return str(tuple(sizes))


def name(trace: Trace, tensor: Tensor) -> str:
    """What a sentence calls a tensor: its variable or expression, else what made it."""
    if tensor.name:
        return tensor.name
    if tensor.source:
        inside = f" in {tensor.module}" if tensor.module else ""
        return f"the result of {trace.op(tensor.source).op}{inside}"
    return f"{'a' if tensor.role == 'constant' else 'an'} unnamed {tensor.role}"


def sentences(trace: Trace) -> Iterator[str]:
    """What happened in each step, in one plain sentence."""
    held = {tensor.id: tensor.array for tensor in trace.tensors}  # the place of each value, as updates change it
    for step in trace.steps:
        yield _SENTENCES[step.kind](trace, step, held)
        if step.kind == "update" and step.tensor and step.after is not None:
            held[step.tensor] = step.after


def _forward(trace: Trace, step: Step, held: Held) -> str:
    op = trace.op(step.op or "")
    outputs = " and ".join(_with_value(trace, trace.tensor(id), held) for id in op.outputs)
    return f"{op.op} computes {outputs} from {_inputs(trace, op, held)}."


def _failed(trace: Trace, step: Step, held: Held) -> str:
    op = trace.op(step.op or "")
    return f"{op.op} could not compute with {_inputs(trace, op, held)}."


def _start(trace: Trace, step: Step, held: Held) -> str:
    loss = trace.tensor(step.tensor or "")
    return f"backward() starts at {name(trace, loss)}: its gradient with respect to itself is 1."


def _backward(trace: Trace, step: Step, held: Held) -> str:
    op = trace.op(step.op or "")
    upstream = " and ".join(_gradient(trace.arrays[i], "the gradient", "a gradient") for i in step.upstream or [])
    sent = [
        f"{_gradient(trace.arrays[gradient], '', 'one')} to {name(trace, trace.tensor(port.tensor))}"
        for port, gradient in zip(op.inputs, step.gradients or [], strict=True)
        if gradient is not None
    ]
    return f"{op.op} receives {upstream} and sends {' and '.join(sent)}."


def _gradient(array: Array, small: str, large: str) -> str:
    """A gradient in a sentence: its numbers, or its shape where they are many."""
    if array.size > _SMALL:
        return f"{large} of shape {shape(array.shape)}"
    return f"{small} {short(array)}".strip()


def _accumulate(trace: Trace, step: Step, held: Held) -> str:
    tensor = trace.tensor(step.tensor or "")
    called, arrived, of = name(trace, tensor), step.arrived or 0, step.of or 0
    parts = [trace.arrays[place] for place in (step.before, step.gradient, step.earlier) if place is not None]
    after = trace.arrays[step.after or 0]
    if len(parts) == 1:
        total = f"the first is {short(after)}" if arrived < of else short(after)
    elif after.size > _SMALL:
        total = "they add up"
    else:
        total = " + ".join(map(short, parts)) + f" = {short(after)}"
    if step.earlier is not None:
        total += ", with what an earlier backward left"
    if arrived < of:
        return f"{called} has {arrived} of {of} gradients and waits: {total}."
    if of > 1:
        return f"{called} has {arrived} of {of} gradients: {total}."
    return f"The gradient of {called} is {total}."


def _update(trace: Trace, step: Step, held: Held) -> str:
    tensor = trace.tensor(step.tensor or "")
    before, after = (trace.arrays[i or 0] for i in (step.before, step.after))
    how = " by the optimiser" if step.rule else ""
    if before.size > FULL:
        return f"{name(trace, tensor)} is changed{how}."
    if before.size > _SMALL:
        change = np.abs(after.astype(float) - before.astype(float)).max()
        return f"{name(trace, tensor)} is changed{how}; its largest change is {number(change)}."
    return f"{name(trace, tensor)} changes from {short(before)} to {short(after)}{how}."


def _zero(trace: Trace, step: Step, held: Held) -> str:
    names = [name(trace, trace.tensor(id)) for id in step.tensors or []]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"The gradient of {shown} is set back to zero."


_SENTENCES = {
    "forward": _forward,
    "failed": _failed,
    "start": _start,
    "backward": _backward,
    "accumulate": _accumulate,
    "update": _update,
    "zero": _zero,
}


def _with_value(trace: Trace, tensor: Tensor, held: Held) -> str:
    array = trace.arrays[held[tensor.id]]
    if array.size > _SMALL:
        return f"{name(trace, tensor)} {shape(array.shape)}"
    return f"{name(trace, tensor)} = {short(array)}"


def _inputs(trace: Trace, op: Operation, held: Held) -> str:
    tensors = [trace.tensor(port.tensor) for port in op.inputs]
    return " and ".join(
        short(trace.arrays[held[t.id]]) if t.role == "constant" else _with_value(trace, t, held) for t in tensors
    )


# --- the table -------------------------------------------------------------------------------------------------------


def table(trace: Trace, width: int | None = None) -> str:
    """The steps as a table for a terminal: number, phase, line of the program, and the sentence."""
    width = max(width or shutil.get_terminal_size((100, 24)).columns, 60)
    head = f"{'step':>4}  {'phase':<8}  {'line':>4}  what happens"
    indent = " " * 22
    lines = [f"{len(trace.tensors)} tensors, {len(trace.ops)} ops, {len(trace.steps)} steps", "", head, "-" * width]
    for index, step in enumerate(trace.steps):
        line = str(step.place[1]) if step.place else ""
        prefix = f"{index:>4}  {_PHASES[step.kind]:<8}  {line:>4}  "
        lines += textwrap.wrap(printable(step.text), width, initial_indent=prefix, subsequent_indent=indent)
    if not trace.steps:
        lines.append("      (nothing was recorded)")
    for note in trace.notes:
        lines += [
            "",
            *(f"{'      ' if i else 'note: '}{printable(part)}" for i, part in enumerate(note.text.splitlines())),
        ]
    if trace.error:
        place = f" at line {trace.error.place[1]}" if trace.error.place else ""
        lines += ["", f"The program stopped{place} with {printable(trace.error.type)}:"]
        lines += [printable(trace.error.message, keep="\n")]
    return "\n".join(lines)


def printable(source: str, keep: str = "") -> str:
    """Text without control characters: names and messages come from programs, and a terminal obeys what it prints."""
    unfit = ("Cc", "Cf", "Cs")  # control, format, and half a character
    return "".join(
        c if c in keep or unicodedata.category(c) not in unfit else "\N{REPLACEMENT CHARACTER}" for c in source
    )
