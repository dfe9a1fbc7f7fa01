"""Why is this gradient wrong? The usual mistakes, each tried on the numbers.

A hypothesis is a function that looks at the evidence, and returns a `Cause` if it explains *every* entry. To add one,
write it and put it into `HYPOTHESES`: the first that fits is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vizgrad.core import Array


class Cause(NamedTuple):
    """What went wrong, and what to look for."""

    why: str
    do: str


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about one wrong gradient.

    Attributes:
        name: what the input is called.
        value: the input.
        found: the gradient that backward returned, of whatever shape.
        expected: the gradient by finite differences.
        wrong: which entries of ``found`` are wrong (all, if it has another shape).
        kinks: at which entries the function has no slope.
        own_slopes: where there are as many outputs as entries, the slope of each output for the entry at its own place.
        upstream: the gradients of the outputs, as one vector.
        without_upstream: what ``expected`` would be for an upstream gradient of ones.
        upstream_transposed: what it would be for the transposed upstream gradient; ``None`` if that does not fit.
        partners: the other inputs and their expected gradients, by name.
        outputs: the values of the outputs.
        with_transposed: computes what ``expected`` would be if an input, given by its name, were transposed.
    """

    name: str
    value: Array
    found: Array
    expected: Array
    wrong: Array
    kinks: Array
    own_slopes: Array | None
    upstream: Array
    without_upstream: Array
    upstream_transposed: Array | None
    partners: Mapping[str, tuple[Array, Array]]
    outputs: tuple[Array, ...]
    with_transposed: Callable[[str], Array]


Hypothesis = Callable[[Evidence], Cause | None]


def likely_cause(evidence: Evidence) -> Cause:
    """The first hypothesis that explains the gradient.

    Examples:
        >>> import numpy as np
        >>> from dataclasses import replace
        >>> one, yes, no = np.ones(2), np.array([True, True]), np.array([False, False])
        >>> unknown = Evidence("x", one, one, one, yes, no, None, one, one, None, {}, (), lambda name: one)
        >>> slope = np.array([1.0, 2.0])
        >>> likely_cause(replace(unknown, found=-slope, expected=slope)).why
        'the sign is lost: it is minus the right gradient in every entry.'
    """
    causes = (hypothesis(evidence) for hypothesis in HYPOTHESES)
    return next(filter(None, causes), UNKNOWN)


UNKNOWN = Cause(
    "none of the usual mistakes explains these numbers.",
    "derive the gradient of one entry again, and write down every output that this entry has a part in.",
)


def _same(found: Array, guess: Array | None) -> bool:
    """Whether a guess explains the gradient that was found, up to the rounding of finite differences."""
    if guess is None or found.shape != guess.shape:
        return False
    scale = abs(guess).max(initial=0.0)
    return bool(np.allclose(found, guess, rtol=1e-5, atol=1e-7 * scale))


# --- the shape -------------------------------------------------------------------------------------------------------


def transposed_shape(case: Evidence) -> Cause | None:
    """The right numbers, lying on their side."""
    if case.found.shape == case.expected.shape or not _same(case.found, case.expected.T):
        return None
    return Cause(
        f"it is the transpose of the right gradient: {case.found.shape} for {case.expected.shape}.",
        "transpose the result, or each factor with their order exchanged: (A B).T is B.T A.T.",
    )


def not_summed(case: Evidence) -> Cause | None:
    """The gradient of a broadcast input still has the shape that it was stretched to."""
    shape = case.expected.shape
    added = case.found.ndim - len(shape)
    if case.found.shape == shape or added < 0:
        return None
    stretched = tuple(a for a, n in enumerate(case.found.shape) if a < added or (shape[a - added] == 1 and n != 1))
    if not _same(case.found.sum(axis=stretched, keepdims=True).reshape(-1), case.expected.reshape(-1)):
        return None
    axes = f"axis {stretched[0]}" if len(stretched) == 1 else f"axes {stretched}"
    return Cause(
        f"the sum over {axes} is missing: {case.name} was stretched from {shape} to {case.found.shape} on the way "
        "forward, so each of its entries has a part in several outputs.",
        f"sum the gradient over {axes}, so that it has shape {shape} again.",
    )


def not_summed_elsewhere(case: Evidence) -> Cause | None:
    """The same for an input that was stretched along axes of the function's own choice."""
    added = case.found.ndim - case.expected.ndim
    for axes in _subsets(case.found.ndim):
        if len(axes) == added > 0 and _same(case.found.sum(axis=axes), case.expected):
            said = f"axis {axes[0]}" if added == 1 else f"axes {axes}"
            return Cause(
                f"the sum over {said} is missing: each entry of {case.name} has a part in several outputs.",
                f"sum the gradient over {said}, so that it has shape {case.expected.shape} again.",
            )
    return None


def whole_jacobian(case: Evidence) -> Cause | None:
    """All derivatives of all outputs, not yet multiplied with the upstream gradient."""
    k, n = case.upstream.size, case.value.size
    if case.found.size != k * n or case.found.shape == case.expected.shape:
        return None
    right = case.expected.reshape(-1)
    ways = case.upstream @ case.found.reshape(k, n), case.found.reshape(n, k) @ case.upstream
    if not any(_same(way, right) for way in ways):
        return None
    return Cause(
        f"it is the Jacobian, with a number for each pair of an output and an entry of {case.name}, and the upstream "
        "gradient is forgotten.",
        "multiply each derivative with the gradient of its output, and sum over all outputs.",
    )


def only_the_shape(case: Evidence) -> Cause | None:
    """The right numbers in the right order, in another shape."""
    if case.found.shape == case.expected.shape or not _same(case.found.reshape(-1), case.expected.reshape(-1)):
        return None
    return Cause(
        f"the numbers are right, but in shape {case.found.shape} where {case.name} has {case.expected.shape}.",
        f"end with .reshape({case.expected.shape}), or see where an axis of length 1 came in or got lost.",
    )


def another_shape(case: Evidence) -> Cause | None:
    """A shape that says little about the mistake."""
    if case.found.shape == case.expected.shape:
        return None
    do = f"write down what each axis of it stands for, and compare with the axes of {case.name}."
    if case.expected.ndim == case.found.ndim == 2:
        do = "write the shape of every factor beside it: often only one order and one transposition fits."
    return Cause(
        f"it has shape {case.found.shape}, but a gradient has the shape of its input: one number for each entry of "
        f"{case.name}.",
        do,
    )


# --- the place -------------------------------------------------------------------------------------------------------


def not_finite(case: Evidence) -> Cause | None:
    """Backward divides by zero, or takes the logarithm of something negative."""
    bad = ~np.isfinite(case.found)
    if not bad.any():
        return None
    return Cause(
        f"{np.count_nonzero(bad)} of {bad.size} entries are inf or nan, although the function has a slope there.",
        "look for a division by 0, or the log or root of a negative number, in backward.",
    )


def kink(case: Evidence) -> Cause | None:
    """There is no right answer at a kink."""
    if not (case.wrong <= case.kinks).all():
        return None
    return Cause(
        "the function has a kink or a jump here: to the left it has another slope than to the right, and finite "
        "differences take the mean of the two.",
        "check at a point without kink, away from ties, from 0 for ReLU and from the edge of the domain.",
    )


# --- everywhere the same mistake -------------------------------------------------------------------------------------


def nothing_arrives(case: Evidence) -> Cause | None:
    """The way back to the input is cut."""
    if case.found.any():
        return None
    return Cause(
        f"it is 0 everywhere, although the output depends on {case.name}: no gradient gets through.",
        "see that backward returns the gradient it computed, and that no tensor is unpacked by .value on the way.",
    )


def lost_sign(case: Evidence) -> Cause | None:
    """A minus is missing, or one too many."""
    if not _same(case.found, -case.expected):
        return None
    return Cause(
        "the sign is lost: it is minus the right gradient in every entry.",
        "look for a minus in the derivation that the code does not have, or has twice.",
    )


def forgotten_upstream(case: Evidence) -> Cause | None:
    """The local derivative alone."""
    if not _same(case.found, case.without_upstream):
        return None
    return Cause(
        "the upstream gradient is forgotten: this is the answer for an upstream gradient of ones.",
        "multiply the local derivative with the gradient that backward is given.",
    )


def exchanged(case: Evidence) -> Cause | None:
    """The gradients of two inputs are returned in the wrong order."""
    for name, (_, expected) in case.partners.items():
        if _same(case.found, expected):
            return Cause(
                f"this is the gradient of {name}: the gradients of two inputs are exchanged.",
                "return the gradients in the order of forward's arguments.",
            )
    return None


def transposed_result(case: Evidence) -> Cause | None:
    """A square gradient, lying on its side."""
    if not _same(case.found, case.expected.T):
        return None
    return Cause(
        "it is the transpose of the right gradient (the shape does not tell, because it is square).",
        "transpose the result, or each factor with their order exchanged: (A B).T is B.T A.T.",
    )


def transposed_upstream(case: Evidence) -> Cause | None:
    """A square upstream gradient was transposed, or should have been."""
    if not _same(case.found, case.upstream_transposed):
        return None
    return Cause(
        "it is the gradient for the transposed upstream gradient (the shape does not tell, because it is square).",
        "look for a .T that is missing on the upstream gradient, or one too many; a non-square example shows it.",
    )


def transposed_factor(case: Evidence) -> Cause | None:
    """A square factor was transposed, or should have been."""
    for name, (value, _) in case.partners.items():
        square = value.ndim == 2 and value.shape[0] == value.shape[1]
        if square and _same(case.found, case.with_transposed(name)):
            return Cause(
                f"it is the gradient for the transpose of {name} (the shape does not tell, because it is square).",
                f"look for a .T that is missing on {name}, or one too many; a non-square example shows it.",
            )
    return None


def constant_factor(case: Evidence) -> Cause | None:
    """Every entry is off by the same factor."""
    largest = abs(case.expected).argmax() if case.expected.size else 0
    if not case.expected.any():
        return None
    factor = float(case.found.flat[largest] / case.expected.flat[largest])
    if not _same(case.found, factor * case.expected):
        return None
    meaning = _meaning(abs(factor), case)
    if meaning is None and case.expected.size == 1:
        return None  # any two numbers have a ratio
    sign = "" if factor > 0 else ", and the sign is lost"
    times = f"1/{1 / factor:.0f} of" if meaning is not None and abs(factor) < 1 else f"{factor:.4g} times"
    return Cause(
        f"it is {times} the right gradient in every entry{meaning or ''}{sign}.",
        "look for a constant that is missing or applied twice, such as the 1/n of a mean or the 2 of a square.",
    )


def _meaning(factor: float, case: Evidence) -> str | None:
    """What stands behind a factor: 2, or the number of entries along an axis; ``None`` if nothing does."""
    counts = {2: ""}
    others = ((value, name) for name, (value, _) in case.partners.items())
    for array, name in ((case.value, case.name), *((output, "the output") for output in case.outputs), *others):
        for axis, length in enumerate(array.shape):
            counts.setdefault(length, f" ({length} is the length of axis {axis} of {name})")
        counts.setdefault(array.size, f" ({array.size} is the number of entries of {name})")
    counts.setdefault(3, "")
    for count, meaning in counts.items():
        if count > 1 and (np.isclose(factor, count, rtol=1e-5) or np.isclose(factor, 1 / count, rtol=1e-5)):
            return meaning
    return None


def array_factor(case: Evidence) -> Cause | None:
    """One array is multiplied or divided by once too often, as in G / Y**2 for G / Y."""
    outputs = {"the output": case.outputs[0]} if len(case.outputs) == 1 else {}
    arrays = {case.name: case.value, **{name: value for name, (value, _) in case.partners.items()}, **outputs}
    if case.expected.size == 1:
        return None  # too little to tell
    for name, array in arrays.items():
        if array.shape != case.expected.shape or np.ptp(array) == 0:
            continue
        if _same(case.found, case.expected * array):
            return Cause(
                f"it is the right gradient times {name}, entry by entry.",
                f"look for a factor {name} too many, or a division by it that is missing.",
            )
        if _same(case.found * array, case.expected):
            return Cause(
                f"it is the right gradient divided by {name}, entry by entry.",
                f"look for a factor {name} that is missing, or a division by it too many.",
            )
    return None


def summed_too_much(case: Evidence) -> Cause | None:
    """An index was summed over that should have stayed."""
    for axes in _subsets(case.expected.ndim):
        if all(case.expected.shape[axis] == 1 for axis in axes):
            continue
        total = case.expected.sum(axis=axes, keepdims=True)
        said = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
        for guess, word in ((total, "sum"), (total / (case.expected.size / total.size), "mean")):
            if _same(case.found, np.broadcast_to(guess, case.expected.shape)):
                return Cause(
                    f"every entry holds the {word} over {said}, not its own gradient.",
                    "the output of one entry does not depend on its neighbours there: leave out that sum.",
                )
    return None


def only_its_own_output(case: Evidence) -> Cause | None:
    """The local derivative of an element-wise function, for one that is not element-wise."""
    if case.own_slopes is None or not _same(case.found.reshape(-1), case.upstream * case.own_slopes):
        return None
    return Cause(
        f"each entry of {case.name} gets only what comes from the output at its own place, but it has a part in others "
        "as well.",
        "write down every output that this entry changes, and sum over all of them.",
    )


def flipped(case: Evidence) -> Cause | None:
    """The right numbers in reverse order along an axis."""
    for axes in _subsets(case.expected.ndim):
        if _same(case.found, np.flip(case.expected, axes)):
            said = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
            return Cause(
                f"it is the right gradient, back to front along {said}.",
                "look for a reversed index; in a convolution the kernel is flipped for the input's gradient only.",
            )
    return None


def _subsets(ndim: int) -> Iterator[tuple[int, ...]]:
    axes = range(ndim)
    return itertools.chain.from_iterable(itertools.combinations(axes, n) for n in range(1, ndim + 1))


# --- wrong in some entries only --------------------------------------------------------------------------------------


def one_slice(case: Evidence) -> Cause | None:
    """Wrong in one row or column only."""
    for axis in range(case.wrong.ndim):
        others = tuple(a for a in range(case.wrong.ndim) if a != axis)
        some, whole = np.asarray(case.wrong.any(axis=others)), np.asarray(case.wrong.all(axis=others))
        if some.size < 3 or some.sum() != 1 or (some != whole).any():
            continue
        kind = {(2, 0): "row", (2, 1): "column"}.get((case.wrong.ndim, axis), f"index along axis {axis}:")
        return Cause(
            f"only {kind} {some.argmax()} is wrong.",
            "look for an index that is off by one, a loop that ends too early, or a part that is overwritten.",
        )
    return None


def one_side(case: Evidence) -> Cause | None:
    """Wrong exactly where the input is negative, or exactly where it is positive."""
    wrong = case.wrong
    if wrong.all():
        return None
    for where, said in ((case.value < 0, "negative"), (case.value > 0, "positive")):
        if (wrong == where).all():
            return Cause(
                f"it is wrong exactly where {case.name} is {said}.",
                "look at the condition that tells the two sides apart, and at what holds on this one.",
            )
    return None


def cut_off(case: Evidence) -> Cause | None:
    """Zero in every entry that is wrong."""
    if case.wrong.all() or case.found[case.wrong].any():
        return None
    return Cause(
        "it is 0 in every entry that is wrong: these entries have a part in the output, but get no gradient.",
        "look for a part that is left out, or for = where += is needed because an entry is used several times.",
    )


HYPOTHESES: list[Hypothesis] = [
    transposed_shape,
    only_the_shape,
    not_summed,
    not_summed_elsewhere,
    whole_jacobian,
    another_shape,
    kink,
    not_finite,
    nothing_arrives,
    lost_sign,
    forgotten_upstream,
    exchanged,
    transposed_result,
    transposed_upstream,
    transposed_factor,
    constant_factor,
    array_factor,
    summed_too_much,
    only_its_own_output,
    flipped,
    one_slice,
    one_side,
    cut_off,
]
"""What `likely_cause` asks, in this order: each looks at the evidence, and gives a cause or ``None``."""
