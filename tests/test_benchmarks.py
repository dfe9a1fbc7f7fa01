"""The benchmarks: all implementations do the same work, and the numbers are put together rightly. No time is judged."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import vizgrad as vg


@pytest.fixture
def load(root, monkeypatch):
    """Imports a module of the benchmarks; the course's mini library is played by vizgrad, which knows its names."""
    monkeypatch.syspath_prepend(str(root / "examples"))
    monkeypatch.syspath_prepend(str(root / "examples" / "benchmarks"))
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    monkeypatch.setenv("COURSE_LIBRARY", os.path.dirname(vg.__file__))
    before = set(sys.modules)
    yield importlib.import_module
    for name in {
        name
        for name in set(sys.modules) - before
        if name.partition("_")[0] in ("each", "measure", "peer", "speeds", "worker", "works")
    }:
        del sys.modules[name]


def trained(load, peer, work, **settings):
    if peer == "autograd":
        pytest.importorskip("autograd")
    return load("worker").build(peer, work, **settings)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("peer", ["vizgrad", "recorded", "torch", "autograd", "course"])
def test_every_peer_trains_the_same_network(load, peer, dtype):
    works = load("works")
    work = works.Work("small", "MLP", (peer,), 1, batch=5, hidden=7, dtype=dtype)
    expected, found = trained(load, "numpy", work), trained(load, peer, work)
    for number in range(3):
        assert found.step(number) == pytest.approx(expected.step(number), rel=1e-5 if dtype == "float32" else 1e-10)
    for array, other, start in zip(found.weights(), expected.weights(), works.mlp(work)["weights"], strict=True):
        assert array.dtype == other.dtype == dtype
        np.testing.assert_allclose(array, other, rtol=1e-5 if dtype == "float32" else 1e-10, atol=1e-7)
        assert np.abs(other - start).max() > 1e-5


@pytest.mark.parametrize("peer", ["vizgrad", "torch", "autograd", "course"])
def test_every_peer_differentiates_the_same_chain(load, peer):
    work = next(work for work in load("works").WORKS if work.kind == "Chain")
    expected, found = (trained(load, who, work, depth=30) for who in ("numpy", peer))
    assert len(load("worker").stages(expected)) == len(load("worker").stages(found)) == 3
    for array, other in zip(found.weights(), expected.weights(), strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-12)


def test_lenet_is_the_same_in_vizgrad_and_torch(load):
    work = next(work for work in load("works").WORKS if work.kind == "LeNet")
    expected, found = (trained(load, peer, replace(work, batch=3, dtype="float64")) for peer in work.peers)
    for number in range(3):
        assert found.step(number) == pytest.approx(expected.step(number), rel=1e-10)
    for array, other in zip(found.weights(), expected.weights(), strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-10, atol=1e-12)


def test_a_worker_answers_until_it_is_told_to_end(load):
    worker = load("measure").Worker("numpy", "chain of 400", dict(os.environ))
    assert len(worker.ask(steps=2)) == 3
    worker.end()
    assert worker.process.returncode == 0


def test_what_counts_is_the_median_of_the_ratios(load):
    # The machine was slow in the second round and in the third: it hits both, or one of them.
    runs = {"numpy": [[1.0], [10.0], [1.0]], "vizgrad": [[2.0], [20.0], [40.0]]}
    first, second = load("measure").table(runs, {"vizgrad": 0.5})
    assert first == {"peer": "numpy", "seconds": 1.0, "ratio": 1.0, "quartiles": [1.0, 1.0]}
    assert second == {"peer": "vizgrad", "seconds": 20.0, "ratio": 2.0, "quartiles": [2.0, 21.0], "difference": 0.5}


def test_a_target_is_judged_only_where_both_were_measured(load):
    judge = load("measure").judge
    rows = [{"peer": "numpy", "seconds": 2.0, "ratio": 1.0}, {"peer": "vizgrad", "seconds": 3.0, "ratio": 1.6}]
    found = [{"name": "work", "peers": rows}]
    assert judge(found, "work", "seconds", "numpy", 1.5)["ratio"] == 1.6
    assert judge(found, "work", "seconds", "torch", 1.5)["ratio"] is None
    rows.append({"peer": "torch", "seconds": 1.5, "ratio": 0.7})
    assert judge(found, "work", "seconds", "torch", 1.5)["ratio"] == 2.0


def test_peers_that_did_other_work_are_found_out(load):
    measure, works = load("measure"), load("works")

    class Wrong:
        def ask(self, save):
            np.savez(save, np.zeros((2, 2)), np.ones(()))

    class Right:
        def ask(self, save):
            np.savez(save, np.ones((2, 2)), np.ones(()))

    work = works.Work("small", "Chain", ("numpy", "vizgrad"), 1)
    assert measure.differences({"numpy": Right(), "vizgrad": Right()}, work) == {"numpy": 0.0, "vizgrad": 0.0}
    with pytest.raises(SystemExit, match="vizgrad has not done the same work"):
        measure.differences({"numpy": Right(), "vizgrad": Wrong()}, work)


def test_the_page_says_what_was_met_missed_and_not_measured(load, root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs" / "_hooks"))
    speeds = load("speeds")
    rows = [{"peer": "numpy", "seconds": 0.002, "ratio": 1.0}, {"peer": "vizgrad", "seconds": 0.003, "ratio": 1.5}]
    target = {"work": "one", "column": "seconds", "beside": "numpy", "limit": 1.6, "ratio": 1.5}
    content = {
        "works": [{"name": "one", "peers": rows}, {"name": "two", "peers": rows[:1]}],
        "targets": [target, target | {"limit": 1.4}, target | {"ratio": None, "beside": "torch", "column": "bytes"}],
        "absent": [{"peer": "course", "reason": "its folder was not given"}],
    }
    monkeypatch.setattr(speeds, "_RESULTS", tmp_path)
    with pytest.raises(ValueError, match="nox -s bench"):
        speeds.targets()
    (tmp_path / "benchmarks.json").write_text(json.dumps(content), encoding="utf-8")
    assert speeds.ratios("one", "two").splitlines() == [
        "| library | one | two |",
        "| --- | ---: | ---: |",
        "| NumPy by hand | 1.00 (2.00 ms) | 1.00 (2.00 ms) |",
        "| **vizgrad** | 1.50 (3.00 ms) | not measured |",
    ]
    assert speeds.targets().splitlines()[2:] == [
        "| one: time | 1.6 times NumPy by hand | 1.50 times: met |",
        "| one: time | 1.4 times NumPy by hand | 1.50 times: **missed** |",
        "| one: memory | 1.6 times PyTorch | not measured |",
    ]
    assert "the course's mini library (its folder was not given)" in speeds.absent()
    with pytest.raises(ValueError, match="three"):
        speeds.stages("three", 1)


@pytest.mark.parametrize("name", sorted(vg.ops.__all__))
def test_every_op_is_measured(load, monkeypatch, name):
    each_op = load("each_op")
    monkeypatch.setattr(each_op, "SIDE", 8)
    monkeypatch.setattr(each_op, "LEAST", 0.0)
    found = each_op.measure(getattr(vg.ops, name), 1)
    assert found["forward"] > 0
    assert found["backward"] > 0


def test_an_op_that_was_not_measured_yet_has_its_row(load, root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "docs" / "_hooks"))
    speeds = load("speeds")
    measured = json.loads((root / "docs/results/ops.json").read_text(encoding="utf-8"))
    measured["ops"] = [row for row in measured["ops"] if row["op"] != "Tanh"]
    monkeypatch.setattr(speeds, "_content", lambda _: measured)
    rows = speeds.each_op().splitlines()
    assert len(rows) == 2 + len(vg.ops.__all__)
    assert [row for row in rows if "not measured yet" in row] == [row for row in rows if "`Tanh`" in row] != []
