"""Exercises that grade themselves: an answer against finite differences, on inputs of several shapes.

The same lines run when a site is built, on the solution and on wrong answers that are known, and in the reader's
browser, on what the reader writes. An answer is hostile input: in the browser it runs in the worker of the playground
only, and what comes back about it is text.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vizgrad.check import exercise_values
from vizgrad.check.causes import UNKNOWN, Cause
from vizgrad.check.differences import slopes
from vizgrad.check.exercise_parts import (
    Exercise,
    Fault,
    Inputs,
    Printed,
    Stopped,
    Verdict,
    compiled,
    count,
    fresh_scope,
    parse,
    refuse_written,
    run,
    statements,
    stop,
    table,
    told_apart,
    unfinished,
)
from vizgrad.check.gradients import CheckedInput, GradientReport, compare, quietly
from vizgrad.check.op import SIZES, Trial, tries
from vizgrad.check.sections import ExerciseError
from vizgrad.core import Array, Op, TensorNode
from vizgrad.errors import VizgradError

_SEED = 7


def grade(source: str | Exercise, answer: str, write: Callable[[str], object] | None = None) -> Verdict:
    """Grade an answer, whatever it may be: it raises nothing that the answer is to blame for.

    Three kinds of answer are told apart by the solution. ``backward(G, X, Y)`` returns the gradients of forward's
    inputs; an `Op` has its own forward and backward; lines such as ``dY = -G * X / Y**2`` are formulas for the
    gradients that they name, in which ``G``, ``X`` and ``Y`` are defined. An exercise without a ``forward`` asks for
    numbers, or for a function that returns numbers (see `vizgrad.check.exercise_values`).

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
    printed = Printed(write)
    with warnings.catch_warnings(), quietly(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("ignore")
        examine = exercise_values.examine if _without_forward(exercise) else _examine
        try:
            verdict = examine(exercise, answer, printed)
        except Stopped as stop:
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
        if not known.cause and verdict.known != known.name:
            raise ExerciseError(
                f"the grader does not recognise “{known.name}”: write “# --- wrong: {known.name} -> ” and words that "
                f"it must say. It says: {verdict}"
            )
        if known.cause.lower() not in str(verdict).lower():
            raise ExerciseError(f"for “{known.name}” the grader should say “{known.cause}”, but says: {verdict}")
    return exercise


def _without_forward(exercise: Exercise) -> bool:
    """Whether an exercise asks for numbers, and not for a gradient of something."""
    body = statements(exercise.solution, "solution")
    asks_for_gradients = any(isinstance(node, ast.ClassDef) or getattr(node, "name", "") == "backward" for node in body)
    return not asks_for_gradients and not callable(fresh_scope(exercise).get("forward"))


# --- the exercise at work --------------------------------------------------------------------------------------------


class _Setting:
    """What an exercise gives: the function, and inputs to try an answer on."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.scope = fresh_scope(exercise)
        if not callable(self.scope.get("forward")):
            raise ExerciseError("the code before its start defines no forward.")
        self.forward: Callable[..., Any] = self.scope["forward"]
        self.names = list(inspect.signature(self.forward).parameters)
        self.tries = [dict(zip(self.names, arrays, strict=True)) for arrays in self._arrays()]
        self.floats = [name for name in self.names if self.tries[0][name].dtype.kind == "f"]
        self.answer_kind, self.asked = self._answer()

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
        body = statements(self.exercise.solution, "solution")
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


def _examine(exercise: Exercise, answer: str, printed: Printed) -> Verdict:
    """Run an answer once in sight, then on all inputs."""
    setting = _Setting(exercise)
    code = compiled(answer)
    judge = {"op": _judge_op, "backward": _judge_function, "formula": _judge_formula}[setting.answer_kind]
    examine = judge(setting, code, setting.tries[0])
    printed.open = False  # what it prints again and again says nothing new
    for inputs in setting.tries:
        asked = examine(inputs)
        named = {f"d{c.name}" if setting.answer_kind == "formula" else f"the gradient of {c.name}": c for c in asked}
        if not all(checked.ok for checked in asked):
            right = tuple(f"{_title(name)}, shape {c.value.shape}, is right." for name, c in named.items() if c.ok)
            faults = tuple(_numbers(name, checked) for name, checked in named.items() if not checked.ok)
            headline = "Not yet." if not right else "Not yet, but a part of it is right."
            known = _known(setting, answer, inputs, judge)
            if known:  # then "none of the usual mistakes" would not be true
                faults = tuple(replace(fault, why="") if fault.why == UNKNOWN.why else fault for fault in faults)
            return Verdict("wrong", headline, right, faults, known)
        if isinstance(examine, _ExamineOp):
            run(Trial(examine.op, inputs, {}).in_float32)
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
            return judge(setting, compiled(text), setting.tries[0]).gradients(inputs, upstream)
        except (Stopped, VizgradError):
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
    scope = fresh_scope(setting.exercise)
    run(lambda: exec(code, scope))
    function = scope.get("backward")
    if not callable(function):
        fault = Fault("It defines no backward.", do=f"begin with the line {signature}")
        raise stop("broken", "The check found no backward to call.", fault)

    def gradients(inputs: Inputs, upstream: Sequence[Array]) -> dict[str, Array]:
        given = {name: array.copy() for name, array in inputs.items()}
        arrived = [go.copy() for go in upstream]
        first = arrived[0] if len(arrived) == 1 else tuple(arrived)
        returned = run(lambda: function(first, *given.values()), {"G": arrived[0], **inputs}, signature)
        refuse_written({"G": upstream[0], **inputs}, {"G": arrived[0], **given})
        return _as_gradients(returned, setting.floats, inputs, "backward returns")

    gradients(rehearsal, setting.upstream(rehearsal))
    return _Examine(setting, gradients)


def _judge_formula(setting: _Setting, code: Any, rehearsal: Inputs) -> _Examine:
    """An answer of lines such as ``dY = -G * X / Y**2``."""

    def gradients(inputs: Inputs, upstream: Sequence[Array]) -> dict[str, Array]:
        given = {"G": upstream[0], **inputs}
        copies = {name: array.copy() for name, array in given.items()}
        scope = {**fresh_scope(setting.exercise), **copies}
        run(lambda: exec(code, scope), given)
        refuse_written(given, copies)
        found: dict[str, Array] = {}
        for name in setting.asked:
            if f"d{name}" not in scope:
                raise stop(
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
        found = run(lambda: trial.gradients(list(trial.floats().values()), upstream))
        return dict(zip(self.setting.floats, found, strict=True))

    def __call__(self, inputs: Inputs) -> list[CheckedInput]:
        trial = Trial(self.op, inputs, {})
        values = list(trial.floats().values())
        outputs = run(lambda: trial.outputs(values))
        for output, expected in zip(outputs, self.setting.outputs(inputs), strict=False):
            _refuse_output(output, expected)

        def evaluate(at: Sequence[Array]) -> list[Array]:
            return list(run(lambda: trial.outputs(at)))

        def backward(at: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
            return list(run(lambda: trial.gradients(at, upstream)))

        report: GradientReport = run(lambda: compare(self.op.__name__, trial.floats(), evaluate, backward))
        return list(report.inputs)


def _judge_op(setting: _Setting, code: Any, rehearsal: Inputs) -> _Examine:
    """An answer that defines a whole Op."""
    scope = fresh_scope(setting.exercise)
    run(lambda: exec(code, scope))
    wanted = setting.asked[-1]
    op = scope.get(wanted)
    if not isinstance(op, type) or not issubclass(op, Op):
        fault = Fault(f"It defines no Op called {wanted}.", do=f"begin with the line class {wanted}(vg.Op):")
        raise stop("broken", "The check found no Op.", fault)
    context: Any = {}
    arrays = [array.copy() for array in rehearsal.values()]
    output = run(lambda: op.forward(context, *arrays), rehearsal)
    if output is None or output is ...:
        raise unfinished("forward returns nothing.")
    upstream = [np.array(go) for go in setting.upstream(rehearsal)]
    outputs = output if isinstance(output, tuple) else (output,)
    if len(outputs) == len(upstream) and all(np.shape(o) == go.shape for o, go in zip(outputs, upstream, strict=True)):
        returned = run(lambda: op.backward(context, *upstream))
        gradients = returned if isinstance(returned, tuple) else (returned,)
        if returned is None or any(gradient is ... for gradient in gradients):
            raise unfinished("backward returns nothing.")
    return _ExamineOp(setting, op)


def _refuse_output(output: Array, expected: Array) -> None:
    wrong = np.ones(expected.shape, bool)
    if output.shape == expected.shape:
        wrong = ~np.isclose(output, expected, rtol=1e-9, atol=1e-12)
    if wrong.any():
        cause = Cause("", "compute forward by hand for the smallest example, and compare.")
        checked = CheckedInput("forward", expected, output, expected, wrong, cause)
        raise stop("wrong", "Not yet: forward computes something else.", _numbers("what forward returns", checked))


# --- what can be wrong with what an answer gives ---------------------------------------------------------------------


def _as_gradients(returned: Any, names: Sequence[str], inputs: Inputs, said: str) -> dict[str, Array]:
    """What was returned, as one array of numbers for each name."""
    if returned is None:
        raise unfinished(f"{said} nothing. Is there a return?" if "returns" in said else f"{said} None.")
    several = returned if isinstance(returned, (tuple, list)) and len(names) > 1 else (returned,)
    if len(names) == 1 and isinstance(returned, tuple) and len(returned) == 1:
        several = returned
    if any(gradient is ... for gradient in several):
        raise unfinished("there is still a ... to be replaced.")
    if len(several) != len(names):
        shapes = " and ".join(f"{name} {inputs[name].shape}" for name in names)
        what = f"{said} {count(len(several), 'gradient')}, but forward has {count(len(names), 'input')} that want one."
        fault = Fault(what, f"each input needs a gradient of its own: {shapes}.", "return them in forward's order.")
        raise stop("broken", "Not yet: the number of gradients is wrong.", fault)
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
    raise stop("broken", "Not yet: a gradient is not made of numbers.", fault)


def _title(name: str) -> str:
    """A name at the beginning of a sentence; what is written so in code stays as it is."""
    return name if name.startswith("d") else name[0].upper() + name[1:]


def _numbers(name: str, checked: CheckedInput) -> Fault:
    """A gradient with wrong numbers: the first of them, the likely cause, and a table."""
    found, expected, wrong = checked.found + 0.0, checked.expected + 0.0, checked.wrong  # and no minus before a zero
    title = _title(name)
    why, do = checked.cause or Cause("", "")
    if found.shape != expected.shape:
        return Fault(f"{title} has shape {found.shape}, and should have shape {expected.shape}.", why, do)
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"entry [{', '.join(map(str, place))}]" if place else "it"
    is_there, should_be = told_apart(float(found[place]), float(expected[place]))
    many = "everywhere" if wrong.all() and wrong.size > 1 else f"in {wrong.sum()} of {wrong.size} entries"
    first = f"{where} is {is_there}, expected {should_be}."
    what = f"{title}, shape {expected.shape}, is wrong {many}. The first: {first}"
    if wrong.size == 1:
        what = f"{title} is {is_there}, expected {should_be}."
    return Fault(what, why, do, table=table(found, expected, wrong))
