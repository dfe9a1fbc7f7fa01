"""Modules that open and close, and parts of large graphs: complete, without circles, quick, and not large."""

from __future__ import annotations

import itertools
import re
import sys
import time
from collections import Counter
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vizgrad as vg
from tests.draw.test_draw import assert_harmless, assert_nothing_overlaps, having, hostile_trace, parsed
from tests.strategies import HOSTILE
from vizgrad.draw import needs_graphviz, svg
from vizgrad.draw.modules import FEW, MOST, Units, units, view
from vizgrad.trace import Trace


class Nested(vg.Module):
    """A module of a random tree: it scales, calls its parts in some order, some twice, and adds what came in."""

    def __init__(self, shape: list) -> None:
        self.w = vg.TensorNode(1.5)
        self.parts = [Nested(part) for part in shape]

    def forward(self, x):
        y = x * self.w
        for part in [*self.parts, *self.parts[:1]]:
            y = part(y) + 2.0 * x
        return y


trees = st.recursive(st.just([]), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=4)


def recorded(shape: list, calls: int = 1) -> Trace:
    net = Nested(shape)
    x = vg.TensorNode(0.5)
    with vg.record() as trace:
        y = x
        for _ in range(calls):
            y = net(y) - x
        y.backward()
    return trace


def chain(count: int, shared: bool = False) -> Trace:
    x = vg.TensorNode(0.5, name="x")
    y = x
    with vg.record() as trace:
        for _ in range(count):
            y = vg.sin(y) * x if shared else vg.sin(y)
        y.backward()
    return trace


def shown(root: ET.Element) -> list[str]:
    """The tensors, ops and closed modules of a drawing."""
    nodes = [e.get("data-tensor") or e.get("data-op") for kind in ("vg-tensor", "vg-op") for e in having(root, kind)]
    return nodes + [e.get("data-module") for e in having(root, "vg-closed")]


# --- units -----------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(trees, st.integers(1, 2))
def test_a_unit_is_one_run_of_ops_and_nothing_leaves_it_and_comes_back(shape, calls):
    trace = recorded(shape, calls)
    found = units(trace)
    for path, unit in found.all.items():
        first = int(unit.ops[0][1:])
        assert unit.ops == [f"o{i}" for i in range(first, first + len(unit.ops))]
        assert all(path in found.chain(found.home[op]) for op in unit.ops)
        assert all(op in found.all[around].ops for around in found.chain(path) for op in unit.ops)
    assert set(found.home) == {t.id for t in trace.tensors} | {o.id for o in trace.ops}


@settings(max_examples=25)
@given(trees, st.data())
def test_whatever_is_open_there_are_no_circles(shape, data):
    found = units(recorded(shape, 2))
    opened = data.draw(st.sets(st.sampled_from(list(found.all))))
    seen = view(found.trace, [path for path in opened if set(found.chain(path)) <= opened])
    after: dict[str, set[str]] = {}
    for wire in seen.wires():
        after.setdefault(wire.source, set()).add(wire.target)
    left = Counter(target for targets in after.values() for target in targets)
    ready = [node for node in after if not left[node]]
    for node in ready:
        for target in after.get(node, ()):
            left[target] -= 1
            if not left[target]:
                ready.append(target)
    assert not any(left.values())


def test_calls_are_numbered_and_what_they_share_is_around_them():
    class Twice(vg.Module):
        def __init__(self):
            self.inner = vg.Linear(2, 2)

        def forward(self, x):
            return self.inner(vg.relu(self.inner(x)) * 3.0)

    net = Twice()
    with vg.record() as trace:
        net(vg.TensorNode(np.ones((1, 2)), name="x")).sum().backward()
    found = units(trace)
    assert list(found.all) == ["net", "net.inner", "net.inner (2)"]
    assert [found.home[trace.tensor(name).id] for name in ("x", "net.inner.w", "net.inner.b")] == ["", "net", "net"]
    [three] = [t for t in trace.tensors if t.role == "constant"]
    assert found.home[three.id] == "net"


def test_a_list_that_is_all_there_is_in_a_module_is_no_box():
    net = vg.nn.Sequential(vg.Linear(2, 2), vg.nn.ReLU(), vg.Linear(2, 1))
    with vg.record() as trace:
        net(vg.TensorNode(np.ones((1, 2)), name="x"))
    found = units(trace)
    assert {unit.path: unit.name for unit in found.all.values()} == {
        "net": "net",
        "net.layers.0": "layers.0",
        "net.layers.1": "layers.1",
        "net.layers.2": "layers.2",
    }
    assert {unit.parent for unit in found.all.values()} == {"", "net"}
    assert found.chain(found.home[trace.ops[0].id]) == ["net", "net.layers.0"]


def test_what_passes_a_unit():
    trace = recorded([[]])
    found: Units = units(trace)
    inner = "net.parts.0"
    assert {trace.tensor(id).module for id in found.inputs(inner)} >= {"net"}
    assert len(found.outputs(inner)) == 1
    assert [trace.tensor(id).name for id in found.parameters("net")] == ["net.w", "net.parts.0.w"]


# --- what is drawn ---------------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(trees, st.data(), st.sampled_from(["LR", "TB"]))
def test_every_state_shows_each_node_once_and_apart(shape, data, direction):
    trace = recorded(shape)
    found = units(trace)
    opened = data.draw(st.sets(st.sampled_from(list(found.all))))
    wanted = [path for path in opened if set(found.chain(path)) <= opened]
    seen = view(trace, wanted)
    root = parsed(svg(trace, modules=wanted, direction=direction))
    expected = [*(t.id for t in seen.tensors), *(o.id for o in seen.ops), *seen.closed]
    assert Counter(shown(root)) == Counter(expected)
    assert_nothing_overlaps(root)
    assert_harmless(root)


def test_few_nodes_are_all_open_and_more_are_closed_from_inside():
    small, large = recorded([[]]), recorded([[[], []], [[], []], [[]]], 2)
    assert view(small).closed == []
    seen = view(large)
    assert len(large.tensors) + len(large.ops) > FEW >= seen.nodes
    assert seen.closed
    assert view(large, "closed").open == []
    assert view(large, "open").closed == []
    assert view(large, "net.parts.0").open == ["net", "net.parts", "net.parts.0"]


def test_what_is_in_closed_modules_comes_along_only_for_a_player():
    trace = recorded([[]])
    alone, whole = svg(trace, modules="closed"), svg(trace, modules="closed", insides=True)
    assert len(alone) < len(whole)
    assert Counter(shown(ET.fromstring(whole))) == Counter(
        [*(t.id for t in trace.tensors), *(o.id for o in trace.ops), *units(trace).all]
    )
    assert shown(parsed(whole)) == shown(parsed(alone))


def test_of_a_graph_too_large_to_draw_the_part_around_its_end_is_drawn():
    trace = chain(MOST)
    seen = view(trace)
    assert seen.around == trace.ops[-1].id
    assert trace.ops[-1] in seen.ops
    assert seen.nodes < FEW
    root = parsed(svg(trace))
    assert root.get("data-around") == trace.ops[-1].id
    assert "of which" in root.get("aria-label")


@pytest.mark.parametrize(("around", "count"), [("x", 5), ("t5", 9), ("o7", 7)])
def test_the_part_around_a_node(around, count):
    trace = chain(20)
    seen = view(trace, around=around, steps=1)
    assert seen.nodes == count
    numbers = [int(op.id[1:]) for op in seen.ops]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert_nothing_overlaps(parsed(svg(trace, around=around, steps=1)))
    assert vg.draw(trace, around=around).svg != vg.draw(trace).svg


@pytest.mark.parametrize("options", [{"modules": ["nothing"]}, {"around": "nothing"}, {"around": "o99"}])
def test_what_is_not_there_is_said(options):
    with pytest.raises(vg.DrawingError, match=r"nothing|o99"):
        vg.draw(recorded([]), **options)


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 10_000, "a.b..c" * 50])
def test_names_of_modules_are_text_whether_open_or_closed(text):
    trace = hostile_trace(text)
    for modules in ("open", "closed"):
        drawing = vg.draw(trace, modules=modules)
        assert_harmless(parsed(drawing.svg))
        assert "<script" not in drawing.svg
        assert len(drawing.svg) < 60_000 + 12 * len(text) * len(units(trace).all)
        assert "label=<" not in drawing.dot


# --- large graphs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "shared"), [(150, False), (749, False), (15, True), (50, True), (370, True)], ids=str
)
def test_large_graphs_are_quick_silent_and_not_large(count, shared, capfd):
    trace = chain(count, shared)
    began = time.process_time()
    picture = svg(trace, css=False)
    assert time.process_time() - began < 3
    nodes = len(trace.tensors) + len(trace.ops)
    assert len(picture) / nodes < 1100
    root = parsed(picture)
    assert len(shown(root)) == nodes
    if nodes <= 301:
        assert_nothing_overlaps(root)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_one_tensor_at_two_ports_of_a_large_graph_has_two_edges():
    x = vg.TensorNode(1.0, name="x")
    with vg.record() as trace:
        y = x
        for _ in range(40):
            y = y + y
    root = parsed(svg(trace))
    ways = Counter(e.get("data-op") for e in having(root, "vg-in"))
    assert set(ways.values()) == {2}
    for one, other in itertools.pairwise(having(root, "vg-in")):
        if one.get("data-op") == other.get("data-op"):
            lines = [having(edge, "vg-line")[0].get("d") for edge in (one, other)]
            assert lines[0] != lines[1]


def test_edges_end_at_their_op_and_never_cross_a_node():
    """Where an edge runs straight, no node is; it only turns between columns."""
    trace = chain(25, shared=True)
    root = parsed(svg(trace))
    boxes = {}
    for node in [*having(root, "vg-tensor"), *having(root, "vg-op")]:
        x, y = map(float, re.findall(r"-?[\d.]+", node.get("transform")))
        half = 10.0  # around the middle of every node
        boxes[node.get("data-op") or node.get("data-tensor")] = (x - half, y - half, x + half, y + half)
    for edge in having(root, "vg-edge"):
        path = having(edge, "vg-line")[0].get("d")
        points = [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path)]
        own = {edge.get("data-op"), edge.get("data-tensor")}
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            if y0 == y1:
                for id, (left, top, right, bottom) in boxes.items():
                    assert id in own or not (x0 < right and left < x1 and top < y0 < bottom)


def test_with_modules_or_many_nodes_graphviz_is_not_needed(monkeypatch):
    nested, long, short = recorded([[]]), chain(40), chain(3)
    assert [needs_graphviz(trace) for trace in (nested, long, short)] == [False, False, True]
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    for trace in (nested, long):
        assert "<svg" in svg(trace)
    with pytest.raises(vg.DrawingError):
        svg(short)
