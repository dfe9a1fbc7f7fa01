"""The page for teachers: it names every option of a fence, and its programs do what it says."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from vizgrad import mkdocs_plugin


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs/teachers.md").read_text(encoding="utf-8")


def test_every_option_and_every_fence_is_named(page: str) -> None:
    for option in mkdocs_plugin._OPTIONS:
        assert f'`{option}="' in page, option
    fences = {
        value for value in vars(mkdocs_plugin).values() if isinstance(value, str) and value.startswith("vizgrad-")
    }
    assert len(fences) == 5
    for fence in fences:
        assert fence in page


def test_the_file_for_a_frame_is_written(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "trace.save" in block)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "page.py", "exec"), {})
    written = (tmp_path / "square.html").read_text(encoding="utf-8")
    assert "<title>A square</title>" in written
    assert 'data-step="wait"' in written


def test_what_was_exported_is_read_by_the_program_of_the_page(
    page: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(root / "docs/_hooks"))
    runs = importlib.import_module("runs")
    program = re.search(r"\{=% set progress %=\}(.*?)\{=% endset", page, re.DOTALL)
    assert program
    assert runs.table(program[1]) == "one.json, The absolute value, done, 3 tries, 1 hints"
    format = re.search(r'FORMAT = "(.*?)"', (root / "docs/assets/exercise/progress.js").read_text(encoding="utf-8"))
    assert format and f'"format": "{format[1]}"' in program[1]
    sys.modules.pop("runs", None)
