"""Exercises without a gradient: numbers, or a function that returns numbers, compared with what the solution gives.

The start of such an exercise assigns the names that are asked for::

    # --- start
    field = ...
    jump = ...

or its given code lists ``cases``, each a tuple of arguments, and the solution ends with a function that is called with
each of them::

    cases = [(3, 256, 192), (1, 2, 5)]
    # --- start
    def count(k, channels, filters):
        return ...
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from vizgrad.check.causes import Cause
from vizgrad.check.exercise_parts import (
    Exercise,
    Fault,
    Printed,
    Stopped,
    Verdict,
    compiled,
    count,
    fresh_scope,
    refuse_written,
    run,
    statements,
    stop,
    unfinished,
)
from vizgrad.check.sections import ExerciseError
from vizgrad.core import Array, TensorNode
from vizgrad.trace.text import number

_LONGEST_ARGUMENT = 60  # characters of an argument that a message shows

Numbers = dict[str, Array]  # what was asked for, by the name that messages give it


def examine(exercise: Exercise, answer: str, printed: Printed) -> Verdict:
    """Grade an answer that is numbers, or a function that returns numbers."""
    cases = fresh_scope(exercise).get("cases")
    expected = _numbers(exercise, exercise.solution)
    found = _numbers(exercise, answer)
    printed.open = False
    right = [name for name in expected if not _wrong(found[name], expected[name])]
    if len(right) == len(expected):
        return Verdict("right", _praise(exercise, right, cases))
    known = _known(exercise, found)
    cause = likely_cause(found, expected)
    wrong = [name for name in expected if name not in right]
    if cases is None:  # the right numbers are not told: they are the answer
        faults = [Fault(f"{name} is {_shown(found[name])}, and that is not right.") for name in wrong]
        said = [f"{name} is right." for name in right]
    else:
        first = wrong[0]
        faults = [Fault(f"{first} gives {_shown(found[first])}, and should give {_shown(expected[first])}.")]
        said = [f"It is right in {len(right)} of {count(len(expected), 'call')}, such as {right[0]}."] if right else []
        cause = cause if cause.do else Cause("", "go through this call by hand, and compare.")
    faults[0] = Fault(faults[0].what, *cause)
    headline = "Not yet, but a part of it is right." if right else "Not yet."
    return Verdict("wrong", headline, tuple(said), tuple(faults), known)


def _praise(exercise: Exercise, right: Sequence[str], cases: Any) -> str:
    if cases is not None:
        return f"Right: {_function(exercise).name} gives the right numbers in all {count(len(right), 'call')}."
    *others, last = right
    return f"Right: {', '.join(others)} and {last} are what they should be." if others else f"Right: {last}."


# --- what is asked for -----------------------------------------------------------------------------------------------


def _numbers(exercise: Exercise, answer: str) -> Numbers:
    """Run an answer, and take from it what the exercise asks for."""
    code, scope = compiled(answer), fresh_scope(exercise)
    cases = scope.get("cases")
    names = [] if cases is not None else _asked(exercise)
    run(lambda: exec(code, scope))
    if cases is None:
        return {name: _as_numbers(_from(scope, name), name) for name in names}
    asked = _function(exercise)
    function = _from(scope, asked.name)
    if not callable(function):
        raise stop("broken", f"There is no function {asked.name}.", _missing(f"def {asked.name}(…):"))
    return dict(_called(function, asked, cases))


def _called(function: Any, asked: ast.FunctionDef, cases: Sequence[Any]) -> Iterator[tuple[str, Array]]:
    parameters = [parameter.arg for parameter in asked.args.args]
    for case in cases:
        given = case if isinstance(case, tuple) else (case,)
        arguments = copy.deepcopy(given)
        said = f"{asked.name}({', '.join(map(_argument, given))})"
        returned = run(partial(function, *arguments))
        arrays = [place for place, one in enumerate(given) if isinstance(one, np.ndarray)]
        refuse_written(*({parameters[place]: these[place] for place in arrays} for these in (given, arguments)))
        yield said, _as_numbers(returned, said)


def _asked(exercise: Exercise) -> list[str]:
    """The names that the start assigns."""
    body = statements(exercise.start, "start")
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    if not names:
        raise ExerciseError("it has no forward, no cases, and a start that assigns no name: what does it ask for?")
    return names


def _function(exercise: Exercise) -> ast.FunctionDef:
    """The function that the solution ends with."""
    functions = [node for node in statements(exercise.solution, "solution") if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise ExerciseError("it lists cases, and its solution defines no function to call with them.")
    return functions[-1]


def _from(scope: Mapping[str, Any], name: str) -> Any:
    if name not in scope:
        raise stop("broken", f"There is no {name}.", _missing(f"{name} = …"))
    return scope[name]


def _missing(line: str) -> Fault:
    return Fault("The answer does not define it.", do=f"write {line}")


def _as_numbers(value: Any, name: str) -> Array:
    """What was found, as an array of numbers."""
    if value is None:
        raise unfinished(f"{name} gives nothing. Is there a return?")
    if value is ... or (isinstance(value, (tuple, list)) and any(item is ... for item in value)):
        raise unfinished("there is still a ... to be replaced.")
    if isinstance(value, TensorNode):
        do = "a tensor holds its numbers in .value, and their gradient in .grad."
        raise stop("wrong", "Not yet.", Fault(f"{name} is a tensor, and not the numbers in it.", do=do))
    try:
        array = np.asarray(value)
    except Exception:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        why = "what is asked for is a number, or several of them in a tuple, a list or an array."
        fault = Fault(
            f"{name} is of type {type(value).__name__}.", why, "compute it with Python's and NumPy's numbers."
        )
        raise stop("broken", "Not yet: something is not made of numbers.", fault)
    return array


def _wrong(found: Array, expected: Array) -> bool:
    """Whether numbers differ; where whole numbers are expected, by anything at all."""
    if found.shape != expected.shape:
        return True
    exact = expected.dtype.kind != "f"
    return not np.allclose(found, expected, rtol=0.0 if exact else 1e-6, atol=0.0 if exact else 1e-9)


def _known(exercise: Exercise, found: Numbers) -> str:
    """The name of the known mistake that gives the same numbers."""
    for known in exercise.wrong:
        try:
            other = _numbers(exercise, known.code)
        except Stopped:
            continue
        if all(not _wrong(found[name], array) for name, array in other.items()):
            return known.name
    return ""


# --- what may be wrong -----------------------------------------------------------------------------------------------


def likely_cause(found: Numbers, expected: Numbers) -> Cause:
    """What explains all numbers that are wrong, or nothing.

    Examples:
        >>> likely_cause({"a": np.array([2, 6])}, {"a": np.array([1, 3])}).why
        'it is 2 times what it should be, everywhere.'
    """
    for name, array in expected.items():
        if found[name].shape != array.shape:
            return Cause(
                f"{_many(found[name].shape)} came back, where {_many(array.shape)} should.",
                "read in the task what is asked for, and in which order.",
            )
    a, b = (np.concatenate([numbers[name].reshape(-1) for name in expected]) for numbers in (found, expected))
    if a.size > 1 and np.array_equal(np.sort(a), np.sort(b)):
        return Cause("the numbers are right, in another order.", "give each number to the name that it belongs to.")
    factor = a[0] / b[0] if a.size > 1 and b[0] else 0.0
    if factor and np.allclose(a, factor * b, rtol=1e-9, atol=0.0):
        return Cause(
            f"it is {_times(factor)} what it should be, everywhere.",
            "look for a factor that is missing, or there twice.",
        )
    if a.size > 1 and np.allclose(a - b, a[0] - b[0], rtol=1e-9, atol=0.0):
        return Cause(
            f"it is too {'large' if a[0] > b[0] else 'small'} by {number(abs(a[0] - b[0]))}, everywhere.",
            "look for a term that is missing, or a count that begins at the wrong end.",
        )
    return Cause("", "")


def _times(factor: float) -> str:
    part = 1 / factor
    return f"1/{part:.0f} of" if part > 1.5 and np.isclose(part, round(part)) else f"{number(factor)} times"


def _many(shape: tuple[int, ...]) -> str:
    return count(int(np.prod(shape)), "number") if len(shape) < 2 else f"an array of shape {shape}"


# --- in words --------------------------------------------------------------------------------------------------------


def _shown(array: Array) -> str:
    """Numbers as a person writes them, with brackets round several."""
    if array.ndim:
        return f"[{', '.join(map(_shown, array))}]"
    return f"{array.item():,}".replace("-", "\N{MINUS SIGN}") if array.dtype.kind in "iu" else number(float(array))


def _argument(value: Any) -> str:
    if callable(value):
        return getattr(value, "__name__", "f")
    text = str(value.tolist()) if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= _LONGEST_ARGUMENT else text[: _LONGEST_ARGUMENT - 1] + "…"
