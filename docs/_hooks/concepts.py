"""Two programs that do the same, vizgrad's and PyTorch's, side by side, from ``docs/results/concept_map.json``.

vizgrad's run when the site is built; what PyTorch's print was written down by ``examples/concept_map.py``.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import runs

_FILE = Path(__file__).parent.parent / "results" / "concept_map.json"


def both(name: str, guess: bool = False) -> str:
    """Two programs of the map, and what they print; to ``guess`` first, that is folded away."""
    row = json.loads(_FILE.read_text(encoding="utf-8"))["rows"][name]
    codes = [_block("python", title, row[key]) for title, key in (("vizgrad", "vizgrad"), ("PyTorch", "torch"))]
    prints = [_block("text", "", text) for text in (runs.table(row["vizgrad"]), row["printed"])]
    if not guess:
        return _columns([f"{code}\n\n{text}" for code, text in zip(codes, prints, strict=True)])
    answer = textwrap.indent(_columns(prints), "    ")
    return f'{_columns(codes)}\n\n??? question "What do they print? First vizgrad, then PyTorch"\n{answer}'


def _block(language: str, title: str, text: str) -> str:
    heading = f' title="{title}"' if title else ""
    return f"```{language}{heading}\n{text}\n```"


def _columns(sides: list[str]) -> str:
    cells = "\n\n".join(f"<div markdown>\n\n{side}\n\n</div>" for side in sides)
    return f'<div class="grid" markdown>\n\n{cells}\n\n</div>'
