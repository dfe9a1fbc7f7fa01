"""Two programs that do the same, vizgrad's and PyTorch's, side by side.

vizgrad's run when the site is built. What PyTorch's print lies in ``docs/results/concept_map.json``, written by
``examples/concept_map.py``; traces of PyTorch are written by ``examples/torch_traces.py``.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import runs

RESULTS = Path(__file__).parent.parent / "results"


def both(name: str, guess: bool = False) -> str:
    """Two programs of the map, and what they print; to ``guess`` first, that is folded away."""
    row = _result("concept_map")["rows"][name]
    codes = [_block("python", title, row[key]) for title, key in (("vizgrad", "vizgrad"), ("PyTorch", "torch"))]
    prints = [_block("text", "", text) for text in (runs.table(row["vizgrad"]), row["printed"])]
    if not guess:
        return _columns([f"{code}\n\n{text}" for code, text in zip(codes, prints, strict=True)])
    answer = textwrap.indent(_columns(prints), "    ")
    return f'{_columns(codes)}\n\n??? question "What do they print? First vizgrad, then PyTorch"\n{answer}'


def beside(program: str, stored: str) -> str:
    """A program of a page, and the program for PyTorch whose trace is stored, side by side."""
    there = _result(stored)["files"][0]["source"]
    return _columns([_block("python", "vizgrad", program.strip()), _block("python", "PyTorch", there.strip())])


def _result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def _block(language: str, title: str, text: str) -> str:
    heading = f' title="{title}"' if title else ""
    return f"```{language}{heading}\n{text}\n```"


def _columns(sides: list[str]) -> str:
    cells = "\n\n".join(f"<div markdown>\n\n{side}\n\n</div>" for side in sides)
    return f'<div class="grid" markdown>\n\n{cells}\n\n</div>'
