"""What every producer of a Trace needs: steps, places, the names of variables, rules filled in, and the end.

Nothing here knows which engine computes: `vizgrad.trace.recorder` listens to this library's own,
`vizgrad.torch_bridge` to PyTorch.
"""

from __future__ import annotations

import inspect
import linecache
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any, ClassVar

import numpy as np

from vizgrad import _frames, core
from vizgrad.core import Op
from vizgrad.ops.broadcast import stretched_axes
from vizgrad.rule import Rule
from vizgrad.trace import text
from vizgrad.trace.arrays import Arrays
from vizgrad.trace.model import Code, Failure, File, Note, Operation, Place, Step, Tensor, Trace

LONGEST_NAME = 40
_PACKAGE = Path(core.__file__).parent
_LONGEST_FILE = 5000  # lines; a longer program is quoted only by line number
Shape = Sequence[int]


class Writer:
    """Writes a Trace. A subclass knows whose events it writes down."""

    kind: ClassVar[type]  # what the program's variables hold
    nothing: ClassVar[str]  # what to say where nothing was recorded

    def __init__(self) -> None:
        self.trace = Trace()
        self._arrays = Arrays()
        self.trace.arrays = self._arrays.items
        self._files: dict[str, int] = {}
        self._unnamed: dict[Any, Tensor] = {}  # by the key of a node
        self._expressions: dict[str, _frames.Place] = {}
        self._finite = True

    def _key(self, node: Any) -> Any:
        """By what a node is found in ``_unnamed``."""
        return node

    # --- steps ------------------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        self.trace.steps.append(step)

    def _note(self, message: str, step: int | None = None, place: Place = None) -> None:
        self.trace.notes.append(Note(message, step, place))

    def _note_infinite(self, name: str, place: Place, bad: int, size: int) -> None:
        """Say where the first inf or nan was made."""
        where = f" at line {place[1]}" if place else ""
        self._note(
            f"{name}{where} made {bad} of {size} entries infinite or not a number, from finite inputs. "
            "Everything computed from them is affected.",
            len(self.trace.steps),
            place,
        )

    def _place(self, place: _frames.Place | None) -> Place:
        if place is None:
            return None
        if place.filename not in self._files:
            self._files[place.filename] = len(self._files)
            lines = linecache.getlines(place.filename)
            source = "".join(lines) if len(lines) <= _LONGEST_FILE else ""
            self.trace.files.append(File(PurePath(place.filename).name, source))
        return [self._files[place.filename], place.line, place.column, place.end_line, place.end_column]

    # --- the end -----------------------------------------------------------------------------------------------------

    def finish(self, error: BaseException | None = None) -> None:
        """Complete the trace: last names, roles, sentences, hints, and the error if there was one."""
        self._name_variables()
        self._name_expressions()
        distinguish(self.trace.tensors)
        if error is not None:
            self.report(error, self.trace)
        for step, sentence in zip(self.trace.steps, text.sentences(self.trace), strict=True):
            step.text = sentence
        self._hints()

    def report(self, error: BaseException, trace: Trace) -> None:
        """Write into a trace why its program stopped."""
        failed = [step.op for step in trace.steps if step.kind == "failed"]
        message = "\n".join([str(error), *getattr(error, "__notes__", [])]).strip()
        trace.error = Failure(
            type(error).__name__,
            message,
            self._place(_frames.place_of_error(error)),
            failed[-1] if failed else None,
        )

    def _hints(self) -> None:
        if self.trace.error is not None:
            return
        if not self.trace.ops:
            self._note(self.nothing)
        elif not any(step.kind == "start" for step in self.trace.steps):
            self._note(
                "No gradients were computed: backward() was not called.\n"
                "Call it on the result, for example loss.backward()."
            )

    # --- names --------------------------------------------------------------------------------------------------------

    def _name_variables(self) -> None:
        """Give tensors the names of the variables that hold them; the outermost function's names count first."""
        if not self._unnamed:
            return
        for frame in reversed(list(_frames.user_frames())):
            self.name_in(frame.f_locals)

    def name_in(self, scope: Mapping[str, Any]) -> None:
        """Give tensors the names that a namespace has for them."""
        for name, node in _frames.names_in(scope, self.kind):
            tensor = self._unnamed.pop(self._key(node), None)
            if tensor:
                tensor.name = name[:LONGEST_NAME]
                if "." in name and tensor.source is None:
                    tensor.role, tensor.module = "parameter", name.rpartition(".")[0]

    def _name_expressions(self) -> None:
        """A tensor that no variable holds is called by the expression that made it, where that is its own.

        One expression may compute several, as ``sum(...)`` over a list does. Those that go into another op of the same
        expression are parts of it, and have no name. In a loop it has a result each time.
        """
        places = self._expressions
        parts = {(one.tensor, places.get(op.id)) for op in self.trace.ops for one in op.inputs}
        for tensor in self.trace.tensors:
            place = places.get(tensor.source or "")
            if not tensor.name and place and (tensor.id, place) not in parts:
                tensor.name = place.expression if len(place.expression) <= LONGEST_NAME else ""


def filled_rule(
    rule: Rule | None, shapes: Sequence[Shape], out: Shape | None, known: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A rule for inputs of these shapes: settings filled in, and the sum that undoes a broadcast written around."""
    if rule is None:
        return None
    forward, formulas = _for_inputs(rule, len(shapes))
    for formula in (formula for key, formula in rule.where.items() if known.get(key)):
        left = formula.partition(" = ")[0]
        formulas = [formula if one.startswith(f"{left} = ") else one for one in formulas]
    backward = []
    for formula, shape in zip(formulas, shapes, strict=False):
        axes = stretched_axes(tuple(shape), tuple(out)) if rule.broadcasts and out is not None else ()
        left, _, right = _filled(formula, known).partition(" = ")
        if axes:
            which = ", ".join(map(str, axes))
            right = rf"\operatorname{{sum}}_{{{which}}}({right})"
        backward.append(f"{left} = {right}")
    return {"forward": _filled(forward, known), "backward": backward}


def _for_inputs(rule: Rule, count: int) -> tuple[str, list[str]]:
    """The formulas for so many inputs: each of any number has its own, and one that was left out adds nothing."""
    if rule.each:
        ports = [f"input {i}" for i in range(count)]
        forward = rule.forward.replace(rf"\v{{{rule.each}}}", ", ".join(rf"\v{{{port}}}" for port in ports))
        own = [rule.backward[0].replace(f"{{{rule.each}}}", f"{{{port}}}") for port in ports]
        return forward, [formula.replace(r"\k{i}", str(i)) for i, formula in enumerate(own)]
    forward = rule.forward
    for formula in rule.backward[count:]:
        value = re.escape(formula.partition(" = ")[0].replace(r"\g", r"\v"))
        forward = re.sub(rf"{value}(_\w)? \+ | \+ {value}(_\w)?", "", forward)
    return forward, list(rule.backward)


def _filled(formula: str, known: Mapping[str, Any]) -> str:
    """A formula with the settings that are known; the axis None is all axes, the reduction "none" does nothing."""
    for key, value in known.items():
        if isinstance(value, (int, float, str)):
            formula = formula.replace(rf"\k{{{key}}}", _in_formula(value))
        elif key == "axis" and value in (None, ()):
            formula = formula.replace(r"_{\k{axis}}", "")
        elif key == "axis" and isinstance(value, tuple):
            formula = formula.replace(r"\k{axis}", ", ".join(map(str, value)))
    return re.sub(r"\\operatorname\{none\}(_i)? ?", "", formula)


def _in_formula(value: float | str) -> str:
    """A setting as LaTeX, where 1e-05 is no number."""
    if not isinstance(value, float):
        return str(value)
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    digits, _, power = repr(float(value)).partition("e")
    if not power:
        return digits
    return rf"10^{{{int(power)}}}" if digits == "1" else rf"{digits} \cdot 10^{{{int(power)}}}"


def code_of(op: type[Op]) -> Code:
    """What the library, or the learner, runs for an op."""
    return Code(
        symbol=op.symbol or op.__name__,
        doc=inspect.cleandoc(op.__doc__ or ""),  # its own: a learner's Op without one does not show that of Op
        file=_file_of(op),
        forward=_method(op.forward),
        backward=_method(op.backward),
        page=op.rule.page if op.rule else "",
    )


def _file_of(op: type[Op]) -> str:
    code = getattr(op.forward, "__code__", None)  # a function written in C, or a partial one, has none
    path = PurePath(code.co_filename) if code else PurePath()
    if path.is_relative_to(_PACKAGE):
        return "vizgrad/" + path.relative_to(_PACKAGE).as_posix()
    return path.name


@lru_cache(maxsize=256)
def _method(method: Any) -> dict[str, Any]:
    try:
        lines, first = inspect.getsourcelines(method)
    except (OSError, TypeError):
        return {"line": 0, "source": ""}
    return {"line": first, "source": textwrap.dedent("".join(lines)).rstrip()}


def mark_stretched(operation: Operation, shapes: Sequence[tuple[int, ...]]) -> None:
    """Write on each edge along which axes its input was stretched."""
    try:
        common = np.broadcast_shapes(*shapes)
    except ValueError:
        return  # the op failed because of it; its error says so
    for port, shape in zip(operation.inputs, shapes, strict=True):
        port.stretched = list(stretched_axes(shape, common))


def distinguish(tensors: Sequence[Tensor]) -> None:
    """Number tensors that one variable held one after another: s, s (2), s (3)."""
    seen: dict[str, int] = {}
    for tensor in tensors:
        if tensor.name:
            seen[tensor.name] = seen.get(tensor.name, 0) + 1
            if seen[tensor.name] > 1:
                tensor.name = f"{tensor.name} ({seen[tensor.name]})"
