"""The contents table: every entry has its page, check, exercise and mistake, or the build says what is missing."""

from __future__ import annotations

import importlib
import sys

import pytest

CHECK = """```vizgrad-check title="Double"
def forward(X):
    return 2 * X

def backward(G, X):
    return 2 * G

shapes = dict(X=(2,))
```
"""
EXERCISE = '```vizgrad-exercise title="Do it"\n"""Task."""\n```\n'
MISTAKE = (
    '```vizgrad-mistake title="Find it"\n"""Task."""\n# --- line: one\n# --- wrong: two\n# --- because: x\n'
    "# --- check\n" + "\n".join(CHECK.splitlines()[1:-1]) + "\n```\n"
)


@pytest.fixture
def contract(root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs" / "_hooks"))
    module = importlib.import_module("contract")
    monkeypatch.setattr(module, "_LEARN", tmp_path)
    yield module
    for name in ("contract", "fences"):
        sys.modules.pop(name, None)


def write(folder, name, covers, *parts):
    (folder / f"{name}.md").write_text(f"---\ncovers: [{', '.join(covers)}]\n---\n\n# A page\n\n" + "\n".join(parts))


def test_a_full_page_fills_its_row(contract, tmp_path):
    entries = [*contract.DERIVATIONS, *contract.QUESTIONS]
    write(tmp_path, "all", entries, CHECK, EXERCISE, MISTAKE)
    html = contract.table()
    assert '<a href="all/#exercise-do-it">Do it</a>' in html
    assert '<a href="all/#mistake-find-it">Find it</a>' in html
    assert "none yet" not in html and "not written yet" not in html
    assert html.count('<th scope="row">') == len(entries)


@pytest.mark.parametrize(
    ("parts", "missing"),
    [((CHECK, EXERCISE), "mistake to spot"), ((CHECK, MISTAKE), "exercise"), ((EXERCISE,), "check, .*mistake to spot")],
)
def test_an_empty_cell_stops_the_build_when_every_entry_has_a_page(contract, tmp_path, parts, missing):
    first, *others = [*contract.DERIVATIONS, *contract.QUESTIONS]
    write(tmp_path, "others", others, CHECK, EXERCISE, MISTAKE)
    write(tmp_path, "first", [first], *parts)
    for word in missing.split(", .*"):
        with pytest.raises(ValueError, match=f"{first} has no {word}"):
            contract.table()


def test_while_pages_are_missing_the_table_only_says_so(contract, tmp_path, caplog):
    write(tmp_path, "first", ["D00"], EXERCISE)
    with caplog.at_level("INFO", "mkdocs.hooks.contract"):
        html = contract.table()
    assert "not written yet" in html and "none yet" in html
    assert "D00 has no check" in caplog.text
    assert not [record for record in caplog.records if record.levelname != "INFO"]


def test_a_mistakes_check_stands_in_where_a_page_has_no_other(contract, tmp_path):
    write(tmp_path, "page", ["D00"], MISTAKE)
    assert len(contract.covering()["D00"][0].checks()) == 1


def test_an_unknown_entry_is_named(contract, tmp_path):
    write(tmp_path, "page", ["D99"])
    with pytest.raises(ValueError, match=r"page.md covers D99"):
        contract.table()


def test_fences_that_are_shown_as_examples_are_none(contract):
    inside = "~~~~markdown\n" + CHECK + "~~~~\n\n    ```vizgrad-check\n    x = 1\n    ```\n"
    found = list(contract.fences(inside))
    assert [fence.kind for fence in found] == ["markdown", "vizgrad-check"]
    assert found[1].source == "x = 1"


def test_a_title_is_the_heading_and_no_comment_of_a_program(contract, tmp_path):
    (tmp_path / "page.md").write_text("{=% set p = '''\n# no heading\nx = 1\n''' %=}\n# `sum` and more\n")
    assert contract.page("page").title == "sum and more"
