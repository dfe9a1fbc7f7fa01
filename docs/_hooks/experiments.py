"""The state of the experiments: which have been run, and the verdict on each claim.

What was claimed, and when a run counts as the same, stands in ``claims.py`` and nowhere else. An experiment that has
not been run shows no number, and what to run; one that was run with fewer seeds or epochs than its script asks for is
marked as reduced.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import results
from claims import EXPERIMENTS
from exhibits import signs
from found import Found, found, source
from rules import Claim, Experiment

_DOCS = Path(__file__).parent.parent

CAME, NOT, OPEN, AWAITED = "came back", "did not come back", "cannot be told", "not run in full yet"

# --- verdicts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What has become of a claim: the number that was reached, as text, and the word for it."""

    claim: Claim
    word: str
    reached: str = ""
    reduced: bool = False

    @property
    def counted(self) -> str:
        """The word that counts: a reduced run settles nothing."""
        return AWAITED if self.reduced and self.claim.rule else self.word


def judge(claim: Claim) -> Verdict:
    """Compare a claim with the run of its script.

    Raises:
        ValueError: a full run does not hold what the claim reads.
    """
    run = found(claim.script)
    if run is None:
        return Verdict(claim, AWAITED if claim.rule else OPEN)
    try:
        value = claim.reads(run)
    except (KeyError, IndexError) as error:
        if run.reduced:  # it may be too short for this claim
            return Verdict(claim, OPEN, reduced=True)
        raise ValueError(f"docs/results/{claim.script}.json has no {error}, which claims.py reads") from error
    seeds = run.seeds or 1
    if value is None or any(one is None or one != one for one in np.ravel(value)):
        return Verdict(claim, OPEN, "not a number", run.reduced)
    word = OPEN if claim.rule is None else CAME if claim.rule.holds(value, seeds) else NOT
    return Verdict(claim, word, signs(claim.form(value, seeds)), run.reduced)


def verdicts(*names: str) -> str:
    """A row for each claim of some experiments: what was reported, what was reached, and the verdict."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("claim", "reported", "reached", "verdict"))
    rows = "\n".join(_verdict_row(judge(claim)) for name in names for claim in EXPERIMENTS[name].claims)
    return (
        f'<table class="vg-verdicts">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n\n'
        + _legend(names)
    )


def _verdict_row(verdict: Verdict) -> str:
    claim = verdict.claim
    counts = f"<small>counts as the same: {escape(signs(claim.rule.text))}</small>" if claim.rule else ""
    reduced = f"<small>reduced run, so far: {verdict.word}</small>" if verdict.counted != verdict.word else ""
    return (
        f'<tr><th scope="row">{escape(claim.text)}</th><td data-of="reported">{escape(claim.reported)}</td>'
        f'<td data-of="reached"><span>{escape(verdict.reached) or "–"} {counts}</span></td>'
        f'<td data-of="verdict"><span>{_chip(verdict.counted)} {reduced}</span></td></tr>'
    )


def _chip(word: str, count: int | None = None) -> str:
    number = "" if count is None else f"{count} "
    return f'<span class="vg-verdict" data-verdict="{word}">{number}{word}</span>'


def _legend(names: Sequence[str]) -> str:
    scripts = [claim.script for name in names for claim in EXPERIMENTS[name].claims if claim.rule]
    runs = [run for script in dict.fromkeys(scripts) if (run := found(script))]
    if any(run.reduced for run in runs):
        return "A verdict on a reduced run is provisional: the full run can turn it round.\n"
    return ""


# --- the state of a run ----------------------------------------------------------------------------------------------


def status(*scripts: str) -> str:
    """For each script, whether its run is there in full, and what to run where it is not."""
    lines = [f"<li>{_status(script)}</li>" for script in scripts]
    return f'<ul class="vg-status">\n{chr(10).join(lines)}\n</ul>'


def _status(script: str) -> str:
    run = found(script)
    asked = f"<code>{escape(command(script))}</code>"
    if run is None:
        return f"<strong>Not run in full yet.</strong> The run is {asked}, and its numbers then appear here."
    if run.reduced:
        return f"<strong>Reduced run</strong> of <code>{script}</code>: {_length(run)}. The full run is {asked}."
    length = _length(run)
    return f"<strong>Full run</strong> of <code>{script}</code>{': ' if length else ''}{length}."


def _length(run: Found) -> str:
    """Seeds, epochs and images, beside those of the full run where they differ."""
    parts = []
    for have, full, what in zip((run.seeds, run.epochs), run.full, ("seed", "epoch"), strict=True):
        if have is not None:
            less = f" of {full}" if full and have < full else ""
            parts.append(f"{have}{less} {what}{'' if (full if less else have) == 1 else 's'}")
    if run.images:
        parts.append(f"{run.images:,} images")
    return ", ".join([*parts, *["data that stands in for the real"] * run.stand_in])


def command(script: str) -> str:
    """What to type for the full run, as the script itself says it first."""
    asked = re.search(rf"python examples/{script}\.py( --data-dir \S+)?", source(script))
    return asked[0] if asked else f"python examples/{script}.py"


def sources(*scripts: str) -> str:
    """Where the numbers of a page come from, a paragraph for each script."""
    there = {script: found(script) for script in scripts}
    return "\n\n".join(
        results.provenance(script) if run else f"`{command(script)}` has not been run in full yet."
        for script, run in there.items()
    )


# --- all experiments -------------------------------------------------------------------------------------------------


def index() -> str:
    """Every experiment, its script, its page, its run and its verdicts.

    Raises:
        ValueError: a script is on no page, or a page or a script that is named here is not there.
    """
    _complete()
    head = "".join(f'<th scope="col">{name}</th>' for name in ("experiment", "script and run", "verdicts"))
    rows = "\n".join(map(_index_row, EXPERIMENTS.values()))
    return f'<table class="vg-experiments">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>'


def tally() -> str:
    """How many claims have which verdict, as a sentence."""
    words = Counter(judge(claim).counted for one in EXPERIMENTS.values() for claim in one.claims)
    return " ".join(_chip(word, words[word]) for word in (CAME, NOT, OPEN, AWAITED) if words[word])


def _index_row(experiment: Experiment) -> str:
    address = _address(experiment.page)
    runs = "".join(f"<li><code>{script}</code>: {_short(script)}</li>" for script in experiment.scripts)
    words = Counter(judge(claim).counted for claim in experiment.claims)
    chips = " ".join(_chip(word, words[word]) for word in (CAME, NOT, OPEN, AWAITED) if words[word])
    return (
        f'<tr><th scope="row"><a href="{address}">{escape(experiment.title)}</a></th>'
        f'<td data-of="run"><ul>{runs}</ul></td>'
        f'<td data-of="verdicts"><span>{chips or "nothing was claimed"}</span></td></tr>'
    )


def _short(script: str) -> str:
    run = found(script)
    if run is None:
        return "not run in full yet"
    return f"{'reduced' if run.reduced else 'in full'}{', ' if _length(run) else ''}{_length(run)}"


def _address(page: str) -> str:
    """A page, seen from docs/reports/index.md."""
    folder, name = page.removesuffix(".md").split("/")
    return f"{name}/" if folder == "reports" else f"../{folder}/{name}/"


def _complete() -> None:
    """Every script that runs an experiment is in the list and on its page, and what the list names is there."""
    listed = {script: one.page for one in EXPERIMENTS.values() for script in one.scripts}
    wrong = []
    for script, page in listed.items():
        path = _DOCS / page
        if not path.exists():
            wrong.append(f"there is no docs/{page}, on which {script} should be")
        elif f'"{script}"' not in path.read_text(encoding="utf-8"):
            wrong.append(f"docs/{page} shows nothing of {script}")
        if not source(script):
            wrong.append(f"there is no examples/{script}.py, of which claims.py knows")
    for path in sorted(results.EXAMPLES.glob("[!_]*.py")):
        if "from _harness import" in path.read_text(encoding="utf-8") and path.stem not in listed:
            wrong.append(f"examples/{path.name} is an experiment without a page: add it to docs/_hooks/claims.py")
    if wrong:
        raise ValueError("the list of experiments is not whole: " + "; ".join(wrong))
