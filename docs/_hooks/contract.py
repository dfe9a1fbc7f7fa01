"""The contents table: for every derivation and question of the course its page, check, exercise and mistake.

A page says in its front matter what it covers, as in ``covers: [D03, Q3]``; the rest is read from its fences. As soon
as every entry has a page, an entry without check, exercise or mistake stops the build.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

from fences import Fence, fences
from mkdocs.utils import meta

from vizgrad.check.formulas import check_formulas
from vizgrad.check.html import error_html
from vizgrad.check.sections import split
from vizgrad.mkdocs_plugin import slug

log = logging.getLogger("mkdocs.hooks.contract")
_LEARN = Path(__file__).parent.parent / "learn"

DERIVATIONS = {
    "D00": "What a backward is, and the recipe that finds it",
    "D01": "Element-wise division",
    "D02": "Any element-wise function",
    "D03": "The linear layer, in four conventions",
    "D04": "Broadcasting a vector into columns",
    "D05": "Sums, maxima, selections and changes of shape",
    "D06": "Normalize: rows that sum to one",
    "D07": "Softmax and its Jacobian",
    "D08": "Cross-entropy",
    "D09": "Softmax followed by cross-entropy, and log-softmax",
    "D10": "ReLU, and other functions with a kink",
    "D11": "From one sample to a batch: sum or mean",
    "D12": "Batch normalisation: scale, shift and input",
    "D13": "Convolution, pooling, residual connections, update rules",
    "D14": "A network of six layers, by hand",
    "D15": "Vanishing gradients",
    "D16": "Two forms of momentum",
    "D17": "Receptive fields",
    "D18": "Parameters and operations of two modules",
    "D19": "A value with several uses: add, and wait",
    "D20": "Initialisation and symmetry",
    "D21": "Slices",
}
QUESTIONS = {
    "Q1": "Derive the backward of a division",
    "Q2": "Derive the backward of any element-wise function",
    "Q3": "Derive both gradients of a linear layer",
    "Q4": "Derive the gradient of a vector that was repeated",
    "Q5": "What are the value, the source and the gradient of a node?",
    "Q6": "Where is the addition done, and why do the outputs come last?",
    "Q7": "Where does loss.backward() reach the mathematics?",
    "Q8": "Show for one operation of the library that it is right",
}


@dataclass(frozen=True)
class Covering:
    """A page that covers an entry: its address beside the table, its title and its fences."""

    url: str
    title: str
    fences: tuple[Fence, ...]

    def of(self, kind: str) -> list[Fence]:
        """Its fences of one kind."""
        return [fence for fence in self.fences if fence.kind == kind]

    def address(self, fence: Fence) -> str:
        """Where an exercise or a mistake of the page is, seen from the table."""
        return f"{self.url}#{fence.kind.removeprefix('vizgrad-')}-{slug(fence.title)}"

    def checks(self) -> list[str]:
        """The formulas that the build compares: those of the page, or else those behind its mistakes."""
        own = [fence.source for fence in self.of("vizgrad-check")]
        sections = {"line", "wrong", "because", "check"}
        behind = [split(fence.source, sections).only("check").code for fence in self.of("vizgrad-mistake")]
        return own or [code for code in behind if "def backward(" in code]


def table() -> str:
    """Both tables: what is derived, and which questions about the code are answered."""
    pages = covering()
    missing = [entry for entry in (*DERIVATIONS, *QUESTIONS) if entry not in pages]
    gaps = [f"{entry} has no {what}" for entry in pages for what in _gaps(pages[entry])]
    if missing:
        log.info(
            "The contents table waits for pages about %s. Besides: %s.", ", ".join(missing), "; ".join(gaps) or "-"
        )
    elif gaps:
        raise ValueError(f"the contents table has empty cells: {'; '.join(gaps)}")
    return _table("derivation", DERIVATIONS, pages) + "\n\n" + _table("question", QUESTIONS, pages)


def covering() -> dict[str, list[Covering]]:
    """The pages that cover each entry.

    Raises:
        ValueError: a page covers something that is no entry.
    """
    found: dict[str, list[Covering]] = {}
    for path in sorted(_LEARN.glob("*.md")):
        for entry in meta.get_data(path.read_text(encoding="utf-8"))[1].get("covers", ()):
            if entry not in DERIVATIONS | QUESTIONS:
                raise ValueError(f"{path.name} covers {entry}, which is no entry of the contents table")
            found.setdefault(entry, []).append(page(path.stem))
    return found


def exists(name: str) -> bool:
    """Whether the course has a page of this name."""
    return (_LEARN / f"{name}.md").exists()


def page(name: str) -> Covering:
    """A page of the course, by the name of its file."""
    text = (_LEARN / f"{name}.md").read_text(encoding="utf-8")
    outside = re.sub(r"\{=%.*?%=\}", "", text, flags=re.DOTALL)  # comments of programs look like headings
    heading = re.search(r"^# (.+)$", outside, re.MULTILINE)
    return Covering(f"{name}/", heading[1].replace("`", "") if heading else name, tuple(fences(text)))


def _gaps(pages: list[Covering]) -> Iterator[str]:
    for what, cell in zip(("check", "exercise", "mistake to spot"), _cells(pages), strict=True):
        if not cell:
            yield what


def _cells(pages: list[Covering]) -> tuple[str, str, str]:
    """What stands under check, exercise and mistake."""
    sources = [source for page in pages for source in page.checks()]
    number = f"{error_html(_largest(tuple(sources)))}<br>{_count(len(sources), 'check')}" if sources else ""
    return number.replace(" ", "\N{NO-BREAK SPACE}"), _links(pages, "exercise"), _links(pages, "mistake")


@cache
def _largest(sources: tuple[str, ...]) -> float:
    """The largest error of checked formulas, relative to the largest entry of their gradient."""
    return max(formula.error for source in sources for formula in check_formulas(source).formulas)


def _links(pages: list[Covering], kind: str) -> str:
    return "<br>".join(
        f'<a href="{page.address(fence)}">{escape(fence.title)}</a>'
        for page in pages
        for fence in page.of(f"vizgrad-{kind}")
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _table(what: str, entries: dict[str, str], pages: dict[str, list[Covering]]) -> str:
    """A table in HTML, because entries that share their pages share their cells."""
    head = "".join(
        f'<th scope="col">{name}</th>' for name in (what, "page", "largest error", "exercise", "mistake to spot")
    )
    rows = "\n".join(_rows(entries, pages))
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _rows(entries: dict[str, str], pages: dict[str, list[Covering]]) -> Iterator[str]:
    for covering_pages, group in groupby(entries, key=lambda entry: [page.url for page in pages.get(entry, ())]):
        names = list(group)
        there = pages[names[0]] if covering_pages else []
        where = "<br>".join(f'<a href="{page.url}">{escape(page.title)}</a>' for page in there) or "not written yet"
        shared = "".join(f'<td rowspan="{len(names)}">{cell or "none yet"}</td>' for cell in (where, *_cells(there)))
        for place, name in enumerate(names):
            yield f'<tr><th scope="row">{escape(entries[name])}</th>{shared if place == 0 else ""}</tr>'
