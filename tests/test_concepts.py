"""What the pages between vizgrad and PyTorch rely on: committed results are what their scripts find today."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import vizgrad as vg
from vizgrad import Trace

MAP_PAGES = ["to-pytorch", "same-network-twice"]


@pytest.fixture
def script(root, monkeypatch):
    """Imports a script of ``examples/``; what it imports from there is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(root / "examples"))
    before = set(sys.modules)
    yield lambda name: __import__(name)
    for name in set(sys.modules) - before:
        if name in ("_results", "concept_map", "optimisers", "torch_traces"):
            del sys.modules[name]


@pytest.fixture
def found(script, tmp_path, monkeypatch):
    """Runs a script, and returns what it writes, beside what is committed."""

    def run(name: str, root: Path) -> tuple[dict, dict]:
        monkeypatch.setattr(sys, "argv", [name, "--out", str(tmp_path)])
        script(name).main()
        folders = tmp_path, root / "docs" / "results"
        now, committed = (json.loads((folder / f"{name}.json").read_text("utf-8")) for folder in folders)
        return now, committed

    return run


def page(root: Path, name: str) -> str:
    return (root / "docs" / "learn" / f"{name}.md").read_text("utf-8")


# --- the map ---------------------------------------------------------------------------------------------------------


def test_pytorch_prints_today_what_the_map_says(found, root):
    now, committed = found("concept_map", root)
    assert now["rows"] == committed["rows"]
    assert len(now["rows"]) > 20
    assert all(row["printed"] for row in now["rows"].values())


def test_every_row_of_the_map_is_shown_once(root):
    rows = json.loads((root / "docs/results/concept_map.json").read_text("utf-8"))["rows"]
    shown = re.findall(r'\{= both\("(\w+)"', "".join(page(root, name) for name in MAP_PAGES))
    assert sorted(shown) == sorted(rows)


def test_vizgrads_programs_print_what_pytorchs_do_where_both_print_numbers(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs" / "_hooks"))
    runs = __import__("runs")
    rows = json.loads((root / "docs/results/concept_map.json").read_text("utf-8"))["rows"]
    same = {"op", "engine", "loss", "check", "module", "loop"}
    assert {name for name in same if runs.table(rows[name]["vizgrad"]) != rows[name]["printed"]} == set()
    assert all(runs.table(row["vizgrad"]) for row in rows.values())
    sys.modules.pop("runs", None)


def test_every_link_of_the_map_has_its_section(root):
    text = page(root, "to-pytorch")
    titles = re.findall(r"^### (.*)$", text, re.MULTILINE)
    links = re.findall(r"^\| \[.*?\]\(#([\w-]+)\)", text, re.MULTILINE)
    assert links == [re.sub(r"\W+", "-", title.lower()) for title in titles]


# --- the optimisers --------------------------------------------------------------------------------------------------


def test_the_rules_of_the_pages_are_pytorchs(found, root):
    now, committed = found("optimisers", root)
    assert committed["config"] == now["config"]
    for results in (now, committed):
        assert [row["name"] for row in results["rows"]] == ["SGD", "RMSprop", "Adam", "AdamW", "Adamax"]
        for row in results["rows"]:
            assert row["written_torch"] < 1e-13
            assert row["vizgrad_torch"] < 1e-13
    for ours, theirs in zip(now["rows"], committed["rows"], strict=True):
        assert ours["first_step"] == pytest.approx(theirs["first_step"], rel=1e-12)
    assert now["rows"][1]["first_step"] == pytest.approx(10, rel=1e-4)


def test_the_pages_show_every_rule(script, root):
    pages = page(root, "momentum") + page(root, "adaptive-rates")
    shown = re.findall(r'--8<-- "examples/optimisers.py:(\w+)"', pages)
    assert sorted(shown) == sorted(rule.__name__ for rule in script("optimisers").RULES.values())


# --- the same network in both ----------------------------------------------------------------------------------------


@pytest.fixture
def twice(script, root):
    """The page's program as it runs here, and the committed record of PyTorch."""
    program = re.search(r"\{=% set here = '''\n(.*?)'''", page(root, "same-network-twice"), re.DOTALL)[1]
    stored = (root / "docs/results/torch_twice.json").read_text("utf-8")
    return vg.trace.run(program), Trace.from_json(stored), script("torch_traces").record("torch_twice")


def arrays(trace: Trace) -> list[list]:
    """Every array of every step, in order."""
    found = []
    for step in trace.steps:
        places = [step.array, step.before, step.gradient, step.after, *(step.upstream or []), *(step.gradients or [])]
        outputs = [trace.tensor(id).array for id in trace.op(step.op).outputs] if step.kind == "forward" else []
        found.append([trace.arrays[place] for place in [*places, *outputs] if place is not None])
    return found


def test_pytorch_records_today_what_is_committed(twice):
    _, stored, now = twice
    assert stored.to_json() == now.to_json()


def test_both_traces_have_the_same_steps_and_exactly_the_same_numbers(twice):
    ours, stored, _ = twice
    assert len(ours.steps) == len(stored.steps) == 20
    assert {step.kind for step in ours.steps} >= {"forward", "backward", "accumulate", "update"}
    for mine, other in zip(ours.steps, stored.steps, strict=True):
        assert mine.kind == other.kind
    for mine, other in zip(arrays(ours), arrays(stored), strict=True):
        assert len(mine) == len(other)
        assert all(np.array_equal(a, b) for a, b in zip(mine, other, strict=True))
    assert [tensor.name for tensor in ours.tensors] == [tensor.name for tensor in stored.tensors]
