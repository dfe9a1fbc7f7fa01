"""Is this a trace? One read from JSON may come from anywhere: it is looked at here once, before anybody relies on it.

What a field may hold is said by the dataclasses of `model.py`; here is how they refer to each other.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from vizgrad.trace.model import Step, Trace

# The fields that a step of each kind has, as in schema.json.
_NEEDS = {
    "forward": ("op",),
    "failed": ("op",),
    "start": ("tensor", "array", "expected"),
    "backward": ("op", "upstream", "gradients", "reads"),
    "accumulate": ("tensor", "op", "port", "gradient", "after", "arrived", "of"),
    "update": ("tensor", "before", "after", "rule"),
    "zero": ("tensors",),
}
_ROLES = ("input", "parameter", "constant", "intermediate", "loss")


def check(trace: Trace) -> None:
    """Look at every field.

    Raises:
        ValueError: one holds what it cannot hold; the message says which.
    """
    for part in ("files", "codes", "tensors", "ops", "steps", "notes", "error", "output"):
        value = getattr(trace, part)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]:
            if is_dataclass(item):
                _check_types(item)
    if not isinstance(trace.output, str):
        raise ValueError("output is no text")
    ids = [*(tensor.id for tensor in trace.tensors), *(op.id for op in trace.ops)]
    if ids != [*(f"t{i}" for i in range(len(trace.tensors))), *(f"o{i}" for i in range(len(trace.ops)))]:
        raise ValueError("the ids of tensors and ops do not count up")
    for tensor in trace.tensors:
        if tensor.role not in _ROLES:
            raise ValueError(f"{tensor.id} has the role {tensor.role!r}")
        if list(trace.arrays[tensor.array].shape) != tensor.shape:
            raise ValueError(f"the value of {tensor.id} has another shape than the tensor")
        if tensor.picture is not None and (len(tensor.picture) != 2 or min(tensor.picture) < 1):
            raise ValueError(f"the picture of {tensor.id} has no height and width")
    for op in trace.ops:
        if op.op not in trace.codes:
            raise ValueError(f"there is no code of {op.op!r}")
    for step in trace.steps:
        _check_step(trace, step)
    for kind, place in _references(trace):
        if not 0 <= place < len(getattr(trace, f"{kind}s")):
            raise ValueError(f"there is no {kind} {place}")


def _check_step(trace: Trace, step: Step) -> None:
    for need in _NEEDS.get(step.kind, ("kind",)):
        if step.kind not in _NEEDS or getattr(step, need) is None:
            raise ValueError(f"a step {step.kind!r} lacks its {need}")
    ports = len(trace.ops[_number("o", step.op)].inputs) if step.op else 0
    if step.kind == "backward" and len(step.gradients or []) != ports:
        raise ValueError(f"{step.op} has {ports} inputs, but sends {len(step.gradients or [])} gradients")
    if step.kind == "accumulate" and not 0 <= (step.port or 0) < ports:
        raise ValueError(f"{step.op} has no port {step.port}")


def _references(trace: Trace) -> Iterator[tuple[str, int]]:
    """Everything that refers to an array, a tensor, an op or a file by its place."""
    for tensor in trace.tensors:
        yield from (("array", place) for place in (tensor.array, tensor.grad) if place is not None)
        if tensor.source is not None:
            yield "op", _number("o", tensor.source)
    for op in trace.ops:
        yield from (("tensor", _number("t", id)) for id in [*(i.tensor for i in op.inputs), *op.outputs])
    for step in trace.steps:
        numbers = [step.array, step.before, step.gradient, step.after, step.earlier]
        numbers += [*(step.upstream or []), *(step.gradients or [])]
        yield from (("array", place) for place in numbers if place is not None)
        ids = [*([step.tensor] if step.tensor is not None else []), *(step.tensors or []), *(step.expected or {})]
        yield from (("tensor", _number("t", id)) for id in ids)
        if step.op is not None:
            yield "op", _number("o", step.op)
    places = [*(op.place for op in trace.ops), *(step.place for step in trace.steps), *(n.place for n in trace.notes)]
    for place in [*places, trace.error.place if trace.error else None]:
        if place is not None:
            file, _, _, _, _ = place
            yield "file", file
    for number in (note.step for note in trace.notes if note.step is not None):
        yield "step", number


def _number(kind: str, id: str) -> int:
    if id[:1] != kind or not id[1:].isdecimal():
        raise ValueError(f"{id!r} is no id")
    return int(id[1:])


def _check_types(item: Any) -> None:
    hints = _hints(cast(Any, type(item)))
    for field in fields(item):
        if not _fits(getattr(item, field.name), hints[field.name]):
            raise ValueError(f"{type(item).__name__}.{field.name} cannot be {getattr(item, field.name)!r:.40}")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from JSON is what a type hint says."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, parts[1]) for item in value.values())
    if is_dataclass(value):
        _check_types(value)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
