"""Exercises that grade themselves: an answer against finite differences, on inputs of several shapes.

The same lines run when a site is built, on the solution and on wrong answers that are known, and in the reader's
browser, on what the reader writes. An answer is hostile input: in the browser it runs in the worker of the playground
only, and what comes back about it is text.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from vizgrad.check.causes import Cause
from vizgrad.check.differences import slopes
from vizgrad.check.gradients import CheckedInput, GradientReport, compare, quietly
from vizgrad.check.op import SIZES, Trial, tries
from vizgrad.check.sections import ExerciseError, split
from vizgrad.core import Array, Op, TensorNode
from vizgrad.errors import VizgradError
from vizgrad.trace.text import number

ANSWER = "answer.py"  # what tracebacks call the learner's text
_KINDS = {"start", "solution", "because", "hint", "wrong"}
_LARGEST_TABLE = 30  # entries
_LONGEST_PRINT = 20_000  # characters
_SEED = 7

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
        given: code that every answer is run with: ``forward``, and ``shapes`` or ``inputs``.
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
        return "\n".join(lines)

    def to_json(self) -> str:
        """The verdict for the page."""
        return json.dumps(asdict(self))


def parse(source: str) -> Exercise:
    """Read an exercise.

    Args:
        source: the task as a docstring; code that is given, with ``forward`` and ``shapes`` (or ``inputs``); and
            sections, which begin with a comment: ``# --- start`` and ``# --- solution``, ``# --- because: text`` that
            explains the solution, any number of ``# --- hint: text``, and known mistakes, ``# --- wrong: name -> words
            that must be in the cause``.

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


def grade(source: str | Exercise, answer: str, write: Callable[[str], object] | None = None) -> Verdict:
    """Grade an answer, whatever it may be: it raises nothing that the answer is to blame for.

    Three kinds of answer are told apart by the solution. ``backward(G, X, Y)`` returns the gradients of forward's
    inputs; an `Op` has its own forward and backward; lines such as ``dY = -G * X / Y**2`` are formulas for the
    gradients that they name, in which ``G``, ``X`` and ``Y`` are defined.

    Args:
        source: the exercise.
        answer: a program.
        write: is given what the answer prints, while it runs.

    Examples:
        >>> task = chr(34) * 3 + "Square." + chr(34) * 3 + '''
        ... def forward(X):
        ...     return X**2
        ... shapes = dict(X=("n",))
        ... # --- start
        ... dX = ...
        ... # --- solution
        ... dX = 2 * G * X
        ... '''
        >>> print(grade(task, "dX = 2 * G * X").headline)
        Right: dX agrees with finite differences on inputs of 3 shapes.
        >>> print(grade(task, "dX = 2 * X").faults[0].why)
        the upstream gradient is forgotten: this is the answer for an upstream gradient of ones.
    """
    exercise = parse(source) if isinstance(source, str) else source
    printed = _Printed(write)
    with warnings.catch_warnings(), quietly(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("ignore")
        setting = _Setting(exercise)
        try:
            verdict = _examine(setting, answer, printed)
        except _Stopped as stop:
            verdict = stop.verdict
    return Verdict(**{**vars(verdict), "printed": printed.getvalue()})


def check_exercise(source: str) -> Exercise:
    """See that an exercise does what it promises, as the build of a site does.

    Raises:
        ExerciseError: the solution does not pass, the start does, or a known mistake passes or is not explained by the
            cause that its author names.
    """
    exercise = parse(source)
    verdict = grade(exercise, exercise.solution)
    if not verdict:
        raise ExerciseError(f"its solution does not pass. {verdict}")
    if grade(exercise, exercise.start):
        raise ExerciseError("its start passes as it stands: nothing is left to do.")
    for known in exercise.wrong:
        verdict = grade(exercise, known.code)
        if verdict:
            raise ExerciseError(f"the wrong answer “{known.name}” passes.")
        if known.cause.lower() not in str(verdict).lower():
            raise ExerciseError(f"for “{known.name}” the grader should say “{known.cause}”, but says: {verdict}")
    return exercise


# --- the exercise at work --------------------------------------------------------------------------------------------


class _Setting:
    """What an exercise gives: the function, and inputs to try an answer on."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.scope = self.fresh_scope()
        if not callable(self.scope.get("forward")):
            raise ExerciseError("the code before its start defines no forward.")
        self.forward: Callable[..., Any] = self.scope["forward"]
        self.names = list(inspect.signature(self.forward).parameters)
        self.tries = [dict(zip(self.names, arrays, strict=True)) for arrays in self._arrays()]
        self.floats = [name for name in self.names if self.tries[0][name].dtype.kind == "f"]
        self.answer_kind, self.asked = self._answer()

    def fresh_scope(self) -> dict[str, Any]:
        """The names that are given, made anew: an answer cannot change those of the grader."""
        scope: dict[str, Any] = {"np": np, "__name__": "exercise"}
        try:
            exec(compile(self.exercise.given, "given.py", "exec"), scope)
        except Exception as error:
            raise ExerciseError(f"its given code fails: {type(error).__name__}: {error}") from error
        return scope

    def outputs(self, inputs: Inputs) -> list[Array]:
        """What forward computes, as a list of arrays."""
        returned = self.forward(**{name: array.copy() for name, array in inputs.items()})
        several = returned if isinstance(returned, tuple) else (returned,)
        return [np.array(output, np.float64) for output in several]

    def upstream(self, inputs: Inputs) -> list[Array]:
        """Some gradient for each output."""
        rng = np.random.default_rng(_SEED)
        return [rng.standard_normal(output.shape) for output in self.outputs(inputs)]

    def _arrays(self) -> Iterator[list[Array]]:
        inputs, shapes = self.scope.get("inputs"), self.scope.get("shapes")
        if callable(inputs):
            letters = len(inspect.signature(inputs).parameters) - 1
            for seed, sizes in enumerate(SIZES):
                yield self._in_order(inputs(np.random.default_rng(seed), *sizes[:letters]))
        elif inputs is not None:
            yield self._in_order(inputs)
        elif shapes is not None:
            yield from tries(self._listed(shapes))
        else:
            raise ExerciseError("it names no shapes: write shapes = dict(X=('n', 'm')), or inputs.")

    def _listed(self, named: Any) -> list[Any]:
        missing = [name for name in self.names if name not in named]
        if missing:
            raise ExerciseError(f"its shapes or inputs say nothing about {', '.join(missing)}.")
        return [named[name] for name in self.names]

    def _in_order(self, named: Any) -> list[Array]:
        arrays = [np.asarray(value) for value in self._listed(named)]
        return [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]

    def _answer(self) -> tuple[str, list[str]]:
        """What kind of answer the solution is, and what it defines that is graded."""
        try:
            body = ast.parse(self.exercise.solution).body
        except SyntaxError as error:
            raise ExerciseError(f"its solution is not Python: {error}") from error
        classes = [node.name for node in body if isinstance(node, ast.ClassDef) and node.bases]
        if classes:
            return "op", classes
        if any(isinstance(node, ast.FunctionDef) and node.name == "backward" for node in body):
            return "backward", self.floats
        assigned = {
            target.id
            for node in body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        asked = [name for name in self.floats if f"d{name}" in assigned]
        if not asked:
            raise ExerciseError("its solution is neither a backward, nor an Op, nor a formula such as dX = ….")
        return "formula", asked


class _Stopped(Exception):
    """The verdict is known, and there is no need to go on."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


def _stop(kind: Kind, headline: str, *faults: Fault) -> _Stopped:
    return _Stopped(Verdict(kind, headline, faults=faults))


def _unfinished(what: str) -> _Stopped:
    return _stop("unfinished", f"Not finished yet: {what}")


class _Printed(io.StringIO):
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


def _examine(setting: _Setting, answer: str, printed: _Printed) -> Verdict:
    """Run an answer once in sight, then on all inputs."""
    code = _compiled(answer)
    judge = {"op": _judge_op, "backward": _judge_function, "formula": _judge_formula}[setting.answer_kind]
    examine = judge(setting, code, setting.tries[0])
    printed.open = False  # what it prints again and again says nothing new
    for inputs in setting.tries:
        asked = examine(inputs)
        named = {f"d{c.name}" if setting.answer_kind == "formula" else f"the gradient of {c.name}": c for c in asked}
        if not all(checked.ok for checked in asked):
            right = tuple(f"{name}, shape {c.value.shape}, is right." for name, c in named.items() if c.ok)
            faults = tuple(_numbers(name, checked) for name, checked in named.items() if not checked.ok)
            headline = "Not yet." if not right else "Not yet, but a part of it is right."
            return Verdict("wrong", headline, right, faults, _known(setting, answer, inputs, judge))
        if isinstance(examine, _ExamineOp):
            _run(Trial(examine.op, inputs, {}).in_float32)
    *others, last = named
    what = f"{', '.join(others)} and {last} agree" if others else f"{last} agrees"
    shapes = len({tuple(array.shape for array in inputs.values()) for inputs in setting.tries})
    where = f"inputs of {shapes} shapes" if shapes > 1 else "its inputs"
    return Verdict("right", f"Right: {what} with finite differences on {where}.")


class _Examine:
    """Examines one answer: called with inputs, it gives the gradients that are asked for."""

    def __init__(self, setting: _Setting, gradients: Callable[[Inputs, Sequence[Array]], dict[str, Array]]) -> None:
        self.setting = setting
        self.gradients = gradients

    def __call__(self, inputs: Inputs) -> list[CheckedInput]:
        setting = self.setting
        floats = {name: inputs[name] for name in setting.floats}

        def evaluate(values: Sequence[Array]) -> list[Array]:
            return setting.outputs({**inputs, **dict(zip(floats, values, strict=True))})

        def backward(values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
            given = {**inputs, **dict(zip(floats, values, strict=True))}
            found = self.gradients(given, upstream)
            return [found[n] if n in found else _difference(setting, given, n, upstream) for n in floats]

        report = compare("the answer", floats, evaluate, backward)
        return [checked for checked in report.inputs if checked.name in setting.asked]


def _difference(setting: _Setting, inputs: Inputs, name: str, upstream: Sequence[Array]) -> Array:
    """A gradient that is not asked for, so that it is right."""

    def evaluate(value: Array) -> Array:
        return np.concatenate([output.reshape(-1) for output in setting.outputs({**inputs, name: value})])

    flat = np.concatenate([go.reshape(-1) for go in upstream])
    return slopes(evaluate, inputs[name], [flat]).gradients[0]


def _known(setting: _Setting, answer: str, inputs: Inputs, judge: Callable[..., _Examine]) -> str:
    """The name of the known mistake that gives the same numbers."""
    upstream = setting.upstream(inputs)

    def numbers(text: str) -> dict[str, Array] | None:
        try:
            return judge(setting, _compiled(text), setting.tries[0]).gradients(inputs, upstream)
        except (_Stopped, VizgradError):
            return None

    own = numbers(answer)
    for known in setting.exercise.wrong:
        other = numbers(known.code)
        if own is None or other is None or own.keys() != other.keys():
            continue
        if all(own[n].shape == other[n].shape and np.allclose(own[n], other[n], equal_nan=True) for n in own):
            return known.name
    return ""


# --- three kinds of answer -------------------------------------------------------------------------------------------


def _judge_function(setting: _Setting, code: Any, rehearsal: Inputs) -> _Examine:
    """An answer that defines ``backward(G, X, Y)``."""
    signature = f"def backward(G, {', '.join(setting.names)}):"
    scope = setting.fresh_scope()
    _run(lambda: exec(code, scope))
    function = scope.get("backward")
    if not callable(function):
        fault = Fault("It defines no backward.", do=f"begin with the line {signature}")
        raise _stop("broken", "The check found no backward to call.", fault)

    def gradients(inputs: Inputs, upstream: Sequence[Array]) -> dict[str, Array]:
        given = {name: array.copy() for name, array in inputs.items()}
        arrived = [go.copy() for go in upstream]
        first = arrived[0] if len(arrived) == 1 else tuple(arrived)
        returned = _run(lambda: function(first, *given.values()), {"G": arrived[0], **inputs}, signature)
        _refuse_written({"G": upstream[0], **inputs}, {"G": arrived[0], **given})
        return _as_gradients(returned, setting.floats, inputs, "backward returns")

    gradients(rehearsal, setting.upstream(rehearsal))
    return _Examine(setting, gradients)


def _judge_formula(setting: _Setting, code: Any, rehearsal: Inputs) -> _Examine:
    """An answer of lines such as ``dY = -G * X / Y**2``."""

    def gradients(inputs: Inputs, upstream: Sequence[Array]) -> dict[str, Array]:
        given = {"G": upstream[0], **inputs}
        copies = {name: array.copy() for name, array in given.items()}
        scope = {**setting.fresh_scope(), **copies}
        _run(lambda: exec(code, scope), given)
        _refuse_written(given, copies)
        found: dict[str, Array] = {}
        for name in setting.asked:
            if f"d{name}" not in scope:
                raise _stop(
                    "broken", f"There is no d{name}.", Fault(f"Nothing is called d{name}.", do=f"write d{name} = …")
                )
            found |= _as_gradients(scope[f"d{name}"], [name], inputs, f"d{name} is")
        return found

    gradients(rehearsal, setting.upstream(rehearsal))
    return _Examine(setting, gradients)


class _ExamineOp(_Examine):
    """Examines a whole Op: first its forward, then its gradients and its promises."""

    def __init__(self, setting: _Setting, op: type[Op]) -> None:
        super().__init__(setting, self._of_op)
        self.op = op

    def _of_op(self, inputs: Inputs, upstream: Sequence[Array]) -> dict[str, Array]:
        trial = Trial(self.op, inputs, {})
        found = _run(lambda: trial.gradients(list(trial.floats().values()), upstream))
        return dict(zip(self.setting.floats, found, strict=True))

    def __call__(self, inputs: Inputs) -> list[CheckedInput]:
        trial = Trial(self.op, inputs, {})
        values = list(trial.floats().values())
        outputs = _run(lambda: trial.outputs(values))
        for output, expected in zip(outputs, self.setting.outputs(inputs), strict=False):
            _refuse_output(output, expected)

        def evaluate(at: Sequence[Array]) -> list[Array]:
            return list(_run(lambda: trial.outputs(at)))

        def backward(at: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
            return list(_run(lambda: trial.gradients(at, upstream)))

        report: GradientReport = _run(lambda: compare(self.op.__name__, trial.floats(), evaluate, backward))
        return list(report.inputs)


def _judge_op(setting: _Setting, code: Any, rehearsal: Inputs) -> _Examine:
    """An answer that defines a whole Op."""
    scope = setting.fresh_scope()
    _run(lambda: exec(code, scope))
    wanted = setting.asked[-1]
    op = scope.get(wanted)
    if not isinstance(op, type) or not issubclass(op, Op):
        fault = Fault(f"It defines no Op called {wanted}.", do=f"begin with the line class {wanted}(vg.Op):")
        raise _stop("broken", "The check found no Op.", fault)
    context: Any = {}
    arrays = [array.copy() for array in rehearsal.values()]
    output = _run(lambda: op.forward(context, *arrays), rehearsal)
    if output is None or output is ...:
        raise _unfinished("forward returns nothing.")
    upstream = [np.array(go) for go in setting.upstream(rehearsal)]
    outputs = output if isinstance(output, tuple) else (output,)
    if len(outputs) == len(upstream) and all(np.shape(o) == go.shape for o, go in zip(outputs, upstream, strict=True)):
        returned = _run(lambda: op.backward(context, *upstream))
        gradients = returned if isinstance(returned, tuple) else (returned,)
        if returned is None or any(gradient is ... for gradient in gradients):
            raise _unfinished("backward returns nothing.")
    return _ExamineOp(setting, op)


def _refuse_output(output: Array, expected: Array) -> None:
    wrong = np.ones(expected.shape, bool)
    if output.shape == expected.shape:
        wrong = ~np.isclose(output, expected, rtol=1e-9, atol=1e-12)
    if wrong.any():
        cause = Cause("", "compute forward by hand for the smallest example, and compare.")
        checked = CheckedInput("forward", expected, output, expected, wrong, cause)
        raise _stop("wrong", "Not yet: forward computes something else.", _numbers("what forward returns", checked))


# --- what can be wrong with what an answer gives ---------------------------------------------------------------------


def _as_gradients(returned: Any, names: Sequence[str], inputs: Inputs, said: str) -> dict[str, Array]:
    """What was returned, as one array of numbers for each name."""
    if returned is None:
        raise _unfinished(f"{said} nothing. Is there a return?" if "returns" in said else f"{said} None.")
    several = returned if isinstance(returned, (tuple, list)) and len(names) > 1 else (returned,)
    if len(names) == 1 and isinstance(returned, tuple) and len(returned) == 1:
        several = returned
    if any(gradient is ... for gradient in several):
        raise _unfinished("there is still a ... to be replaced.")
    if len(several) != len(names):
        shapes = " and ".join(f"{name} {inputs[name].shape}" for name in names)
        what = (
            f"{said} {_count(len(several), 'gradient')}, but forward has {_count(len(names), 'input')} that want one."
        )
        fault = Fault(what, f"each input needs a gradient of its own: {shapes}.", "return them in forward's order.")
        raise _stop("broken", "Not yet: the number of gradients is wrong.", fault)
    return {name: _as_array(gradient, name) for name, gradient in zip(names, several, strict=True)}


def _as_array(gradient: Any, name: str) -> Array:
    kind = type(gradient).__name__
    if not isinstance(gradient, (TensorNode, str, bytes, dict, set)) and gradient is not None:
        try:
            array = np.asarray(gradient)
        except Exception:
            array = np.asarray(None)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64)
        kind = f"{kind} of {array.dtype}" if isinstance(gradient, np.ndarray) else kind
    do = "compute with NumPy arrays of real numbers: G and the inputs are such arrays."
    fault = Fault(f"The gradient of {name} is of type {kind}.", "a gradient is an array of real numbers.", do)
    raise _stop("broken", "Not yet: a gradient is not made of numbers.", fault)


def _refuse_written(before: Inputs, after: Inputs) -> None:
    for name, array in before.items():
        if not np.array_equal(array, after[name], equal_nan=array.dtype.kind == "f"):
            why = "other operations need that array as well."
            do = "make a new array: write a = a * b in place of a *= b, or begin with a copy."
            raise _stop(
                "wrong", "Not yet: a given array is changed.", Fault(f"The answer writes into {name}.", why, do)
            )


def _numbers(name: str, checked: CheckedInput) -> Fault:
    """A gradient with wrong numbers: the first of them, the likely cause, and a table."""
    found, expected, wrong = checked.found, checked.expected, checked.wrong
    title = name[0].upper() + name[1:] if not name.startswith("d") else name
    why, do = checked.cause or Cause("", "")
    if found.shape != expected.shape:
        return Fault(f"{title} has shape {found.shape}, and should have shape {expected.shape}.", why, do)
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"entry [{', '.join(map(str, place))}]" if place else "it"
    is_there, should_be = _told_apart(float(found[place]), float(expected[place]))
    many = "everywhere" if wrong.all() and wrong.size > 1 else f"in {wrong.sum()} of {wrong.size} entries"
    first = f"{where} is {is_there}, expected {should_be}."
    what = f"{title}, shape {expected.shape}, is wrong {many}. The first: {first}"
    if wrong.size == 1:
        what = f"{title} is {is_there}, expected {should_be}."
    return Fault(what, why, do, table=_table(found, expected, wrong))


def _table(found: Array, expected: Array, wrong: Array) -> Table | None:
    if not 1 < expected.size <= _LARGEST_TABLE or expected.ndim > 2:
        return None
    rows = [np.atleast_2d(array).tolist() for array in (found, expected, wrong)]
    texts = [[[number(x) for x in row] for row in array] for array in rows[:2]]
    return Table(texts[0], texts[1], rows[2])


def _told_apart(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as few digits as show that they differ."""
    if number(a) != number(b):
        return number(a), number(b)
    texts = [(f"{a:.{digits}g}", f"{b:.{digits}g}") for digits in (8, 17)]
    return next(((x, y) for x, y in texts if x != y), texts[-1])


def _count(amount: int, noun: str) -> str:
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


# --- running what may fail -------------------------------------------------------------------------------------------


def _compiled(answer: str) -> Any:
    try:
        return compile(answer, ANSWER, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        fault = Fault(f"{type(error).__name__}: {reason}", "Python cannot read this.", _SYNTAX, line)
        raise _stop("broken", f"Python cannot read the answer{_at(line)}.", fault) from None


_SYNTAX = "look at this line and the one before: a bracket, a colon, or a space at the beginning of the line."
_SHAPES = re.compile(r"broadcast|shapes? |matmul|mismatch|aligned|axis|dimension|reshape")


def _run(call: Callable[[], Any], given: Inputs | None = None, signature: str = "") -> Any:
    """Call something of the answer's; whatever it raises becomes a verdict."""
    try:
        return call()
    except (_Stopped, KeyboardInterrupt):
        raise
    except NotImplementedError:
        raise _unfinished("there is still a NotImplementedError to be replaced.") from None
    except BaseException as error:  # SystemExit, and what an answer makes of it
        raise _explained(error, given or {}, signature) from None


def _explained(error: BaseException, given: Inputs, signature: str) -> _Stopped:
    line = _line(error)
    name, text = type(error).__name__, _text(error)
    if isinstance(error, VizgradError):
        parts = dict(re.findall(r"^  (why|do): +(.*)$", text, re.MULTILINE))
        fault = Fault(text.splitlines()[0], parts.get("why", ""), parts.get("do", ""), line)
        return _stop("wrong", "Not yet.", fault)
    why, do = "", ""
    shapes = ", ".join(f"{key} {value.shape}" for key, value in given.items())
    if isinstance(error, RecursionError):
        why, do = (
            "a function calls itself, and never comes to an end.",
            "look for the call, and for what should end it.",
        )
    elif isinstance(error, NameError):
        do = f"only these names are there: {', '.join(['np', *given])}, and what you define yourself."
    elif isinstance(error, KeyError):
        why, do = "nothing is stored under this key.", "use one name in forward and in backward."
    elif isinstance(error, ValueError) and _SHAPES.search(text):
        why = f"the shapes do not fit here{': ' + shapes if shapes else ''}."
        do = "write the shape of every factor beside it; * and / go entry by entry, @ is the matrix product."
    elif isinstance(error, TypeError) and line is None and signature:
        why, do = "backward takes the upstream gradient and all inputs.", f"begin with the line {signature}"
    fault = Fault(f"{name}: {text}" if text else name, why, do, line)
    return _stop("broken", f"The answer stops with {'an' if name[0] in 'AEIOU' else 'a'} {name}{_at(line)}.", fault)


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
