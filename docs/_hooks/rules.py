"""What a claim is made of: what it reads in a result file, the rule that turns a number into a verdict, and its form.

``claims.py`` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from found import Found

SEEDS = 5  # of a full run; the harness of the examples asks for as many
Reads = Callable[["Found"], Any]
Form = Callable[[Any, int], str]


@dataclass(frozen=True)
class Rule:
    """When a number counts as the same: in words, and as a test that gets the number and how many seeds there are."""

    text: str
    holds: Callable[[Any, int], bool]


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        script: whose result file has the number.
        text: what was claimed.
        reported: which number stood beside it.
        reads: the number in the result file.
        rule: when it counts as the same; nothing where that cannot be told, whatever the number is.
        form: how the number is shown.
    """

    script: str
    text: str
    reported: str
    reads: Reads
    rule: Rule | None = None
    form: Form = lambda value, _: f"{value:.3f}"


@dataclass(frozen=True)
class Experiment:
    """A question with its page, the scripts that answer it, and what was claimed before."""

    title: str
    page: str
    scripts: tuple[str, ...]
    claims: tuple[Claim, ...] = ()


# --- what a claim reads -----------------------------------------------------------------------------------------------


def said(key: str) -> Reads:
    """What the script has concluded under this key."""
    return lambda run: run.claim(key)


def final(measure: str, variant: str = "") -> Reads:
    """The mean of the seeds after the last epoch."""
    return lambda run: run.final(measure, variant)


def at(epoch: int, measure: str, variant: str = "") -> Reads:
    """The mean of the seeds after this epoch."""
    return lambda run: float(run.curve(measure, variant)[:, epoch].mean())


def gain(first: int, last: int, measure: str, variant: str = "") -> Reads:
    """How much the mean of the seeds rises from one epoch to another; in a shorter run that cannot be told."""
    return lambda run: at(last, measure, variant)(run) - at(first, measure, variant)(run)


def ahead(measure: str, variant: str, other: str) -> Reads:
    """How far the mean of one variant ends above that of another."""

    def reads(run: Found) -> float | None:
        one, two = run.final(measure, variant), run.final(measure, other)
        return None if one is None or two is None else one - two

    return reads


# --- when it counts ---------------------------------------------------------------------------------------------------


def at_least(limit: float) -> Rule:
    """This number or more."""
    return Rule(f"at least {limit:g}", lambda value, _: value >= limit)


def at_most(limit: float) -> Rule:
    """This number or less."""
    return Rule(f"at most {limit:g}", lambda value, _: value <= limit)


def above(limit: float) -> Rule:
    """More than this number."""
    return Rule(f"above {limit:g}", lambda value, _: value > limit)


def within(low: float, high: float) -> Rule:
    """In a band, with both its ends."""
    return Rule(f"{low:g} to {high:g}", lambda value, _: low <= value <= high)


def equal(wanted: Any) -> Rule:
    """This and nothing else."""
    return Rule(f"{wanted}", lambda value, _: value == wanted)


EVERY_SEED = Rule("in every seed", lambda value, seeds: value == seeds)
FOUR_OF_FIVE = Rule("in at least 4 of 5 seeds", lambda value, seeds: value >= 0.8 * seeds)
THREE_OF_FIVE = Rule("in at least 3 of 5 seeds", lambda value, seeds: value >= 0.6 * seeds)
GROWS_WITH_WIDTH = Rule(
    "the last is 16 to 64 times the first, for a layer that is 32 times as wide",
    lambda value, _: 16 <= value[-1] / value[0] <= 64,
)


# --- how it is shown --------------------------------------------------------------------------------------------------


def in_seeds(value: int, seeds: int) -> str:
    """A count of seeds."""
    return f"in {value} of {seeds} seed{'' if seeds == 1 else 's'}"


def plain(value: Any, _: int) -> str:
    """A number with as many digits as it has."""
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def short(value: float, _: int) -> str:
    """A small number, by its power of ten."""
    return f"{value:.0e}".replace("e-0", "e-") if value else "0"


def row(value: list[float], _: int, decimals: int = 3) -> str:
    """Several numbers."""
    return ", ".join(f"{one:.{decimals}f}" for one in value)


def digits(decimals: int) -> Form:
    """A number with this many digits behind the point."""
    return lambda value, _: f"{value:.{decimals}f}"
