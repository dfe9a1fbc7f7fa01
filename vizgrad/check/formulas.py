"""Are the formulas on a page right? They are written as code, and compared with finite differences and the library."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vizgrad.check.differences import slopes
from vizgrad.core import Array, TensorNode
from vizgrad.errors import OpDefinitionError, message

AGAINST_DIFFERENCES = 1e-6  # largest error that a right formula may have, relative to the largest entry
AGAINST_LIBRARY = 1e-10
_SEED = 20


@dataclass(frozen=True)
class Formula:
    """One gradient of a checked page, or numbers where nothing is derived.

    Attributes:
        name: of the input that it belongs to.
        shape: of that input.
        error: largest difference to finite differences, relative to the gradient's largest entry.
        library: the same against the library's own gradient; ``None`` where the page names none.
        limit: the largest error that rounding explains.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    library: float | None = None
    limit: float = AGAINST_DIFFERENCES

    @property
    def ok(self) -> bool:
        """Whether both differences are as small as rounding explains."""
        return self.error <= self.limit and (self.library or 0.0) <= AGAINST_LIBRARY


@dataclass(frozen=True)
class Mistake:
    """A wrong formula, and the number or shape that refutes it.

    Attributes:
        name: what is wrong with it.
        refuted: the input at which it fails, with what it gives; empty where nothing refutes it.
    """

    name: str
    refuted: str


@dataclass(frozen=True)
class FormulaReport:
    """What a page's formulas were found to be. True if all are right and every mistake is refuted.

    Attributes:
        formulas: each gradient, or each of the numbers.
        mistakes: what must not pass.
        what: what the formulas give.
        against: what they were compared with.
    """

    formulas: tuple[Formula, ...]
    mistakes: tuple[Mistake, ...]
    what: str = "gradient of"
    against: str = "finite differences"

    def __bool__(self) -> bool:
        return all(formula.ok for formula in self.formulas) and all(mistake.refuted for mistake in self.mistakes)

    def problem(self) -> str:
        """What is not right, in one sentence; nothing if all is."""
        for formula in self.formulas:
            if not formula.ok:
                other = f", from the library's by {formula.library:.1e}" if formula.library is not None else ""
                return (
                    f"the {self.what} {formula.name} is off by {formula.error:.1e} of its largest entry from "
                    f"{self.against}{other}"
                )
        unrefuted = [mistake.name for mistake in self.mistakes if not mistake.refuted]
        return f"{unrefuted[0]} is meant to be wrong, and nothing refutes it" if unrefuted else ""


def check_formulas(source: str, filename: str = "formulas.py") -> FormulaReport:
    """Run formulas that are written as code, and compare them.

    Args:
        source: a program that defines ``forward(X, Y, ...)`` on NumPy arrays and ``backward(G, X, Y, ...)``, which
            returns the gradient of each of them for an upstream gradient G. Their inputs come from ``shapes``, a dict
            of shapes to be filled with random numbers, or from ``inputs``, a dict of arrays. It may also define
            ``library(X, Y, ...)``, the same on tensors, and mistakes: functions such as ``wrong_sign(G, X, Y)``, of
            which at least one gradient must differ. Where nothing is derived, it defines ``claimed()`` and
            ``measured()`` instead, two ways to the same numbers, as a dict of arrays, and ``wrong_...()``.
        filename: what to call the program in messages.

    Raises:
        OpDefinitionError: one of the parts is missing.

    Examples:
        >>> report = check_formulas('''
        ... def forward(X, Y): return X / Y
        ... def backward(G, X, Y): return G / Y, -G * X / Y**2
        ... def wrong_sign(G, X, Y): return G / Y, G * X / Y**2
        ... shapes = dict(X=(2, 3), Y=(2, 3))
        ... ''')
        >>> bool(report), [formula.name for formula in report.formulas], report.mistakes[0].name
        (True, ['X', 'Y'], 'wrong sign')
    """
    scope: dict[str, Any] = {"np": np, "__name__": "formulas"}
    exec(compile(source, filename, "exec"), scope)
    wrong = {name: function for name, function in scope.items() if name.startswith("wrong_") and callable(function)}
    if "measured" in scope:
        return _compare_numbers(_part(scope, "claimed")(), _part(scope, "measured")(), wrong)
    forward, backward = _part(scope, "forward"), _part(scope, "backward")
    inputs = _inputs(scope, forward)
    upstream = np.random.default_rng(_SEED).standard_normal(np.shape(forward(**inputs)))
    expected = {name: _slopes(forward, inputs, name, upstream) for name in inputs}
    claimed = _gradients(backward, upstream, inputs)
    own = _library(scope["library"], inputs, upstream) if "library" in scope else {}
    formulas = tuple(
        Formula(
            name,
            value.shape,
            _distance(claimed[name], expected[name]),
            _distance(claimed[name], own[name]) if own else None,
        )
        for name, value in inputs.items()
    )
    mistakes = tuple(_refute(name, function, upstream, inputs, expected) for name, function in wrong.items())
    return FormulaReport(formulas, mistakes)


def _part(scope: Mapping[str, Any], name: str) -> Callable[..., Any]:
    function = scope.get(name)
    if not callable(function):
        raise OpDefinitionError(
            message(
                f"The checked formulas define no {name}.",
                "forward says what is computed, and backward what its gradients are claimed to be.",
                f"write def {name}(...): in the block.",
            )
        )
    checked: Callable[..., Any] = function
    return checked


def _compare_numbers(
    claimed: Mapping[str, Any], measured: Mapping[str, Any], wrong: Mapping[str, Callable[[], Mapping[str, Any]]]
) -> FormulaReport:
    """Numbers that are found in two ways; these may be counts, so they must agree to the last digit."""
    expected = {name: np.asarray(value, dtype=np.float64) for name, value in measured.items()}
    formulas = tuple(
        Formula(name, value.shape, _distance(claimed[name], value), limit=AGAINST_LIBRARY)
        for name, value in expected.items()
    )
    mistakes = tuple(_differing(name, function, expected) for name, function in wrong.items())
    return FormulaReport(formulas, mistakes, what="number", against="what was measured")


def _differing(name: str, function: Callable[[], Mapping[str, Any]], expected: Mapping[str, Array]) -> Mistake:
    """A mistake among numbers, and the first that refutes it."""
    called = inspect.getdoc(function) or name.replace("_", " ")
    for number, found in function().items():
        right = expected[number]
        if _distance(found, right) > AGAINST_LIBRARY:
            place = np.unravel_index(int(abs(np.asarray(found) - right).argmax()), right.shape)
            return Mistake(called, f"{number}: {np.asarray(found)[place]:,g} instead of {right[place]:,g}")
    return Mistake(called, "")


def _inputs(scope: Mapping[str, Any], forward: Callable[..., Any]) -> dict[str, Array]:
    """The arrays to check with, in the order of forward's arguments."""
    rng = np.random.default_rng(_SEED + 1)
    given = dict(scope.get("inputs") or {})
    given |= {name: rng.standard_normal(shape) for name, shape in dict(scope.get("shapes") or {}).items()}
    names = list(inspect.signature(forward).parameters)
    missing = [name for name in names if name not in given]
    if missing:
        raise OpDefinitionError(
            message(
                f"The checked formulas say nothing about {', '.join(missing)}.",
                "forward's arguments need numbers to be checked with.",
                "write shapes = dict(X=(3, 4), ...), or inputs = dict(X=some_array, ...).",
            )
        )
    return {name: np.asarray(given[name], dtype=np.float64) for name in names}


def _slopes(forward: Callable[..., Any], inputs: dict[str, Array], name: str, upstream: Array) -> Array:
    def evaluate(value: Array) -> Array:
        return np.asarray(forward(**{**inputs, name: value}), dtype=np.float64).reshape(-1)

    return slopes(evaluate, inputs[name], [upstream.reshape(-1)]).gradients[0]


def _gradients(backward: Callable[..., Any], upstream: Array, inputs: dict[str, Array]) -> dict[str, Any]:
    returned = backward(upstream, **inputs)
    gradients = returned if isinstance(returned, tuple) else (returned,)
    return dict(zip(inputs, gradients, strict=True))


def _library(library: Callable[..., Any], inputs: dict[str, Array], upstream: Array) -> dict[str, Array]:
    nodes = {name: TensorNode(value.copy()) for name, value in inputs.items()}
    (library(**nodes) * upstream).sum().backward()
    return {name: node.grad for name, node in nodes.items()}


def _distance(found: Any, expected: Array) -> float:
    """The largest difference, relative to the largest entry; infinite where the shapes differ."""
    found = np.asarray(found, dtype=np.float64)
    if found.shape != expected.shape:
        return float("inf")
    return float(abs(found - expected).max(initial=0.0) / max(abs(expected).max(initial=0.0), 1e-300))


def _refute(
    name: str, function: Callable[..., Any], upstream: Array, inputs: dict[str, Array], expected: dict[str, Array]
) -> Mistake:
    called = inspect.getdoc(function) or name.replace("_", " ")
    try:
        found = _gradients(function, upstream, inputs)
    except ValueError as error:
        return Mistake(called, f"it cannot be computed: {error}")
    for input_name, right in expected.items():
        gradient = np.asarray(found[input_name], dtype=np.float64)
        if gradient.shape != right.shape:
            return Mistake(called, f"the gradient of {input_name} has shape {gradient.shape} instead of {right.shape}")
        if _distance(gradient, right) > AGAINST_DIFFERENCES:
            place = np.unravel_index(int(abs(gradient - right).argmax()), right.shape)
            where = f"{input_name}[{', '.join(map(str, place))}]" if place else input_name
            return Mistake(called, f"at {where} it gives {gradient[place]:.4g} instead of {right[place]:.4g}")
    return Mistake(called, "")
