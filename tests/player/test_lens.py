"""The context lens, and the library's lines that give each result."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.player.programs import DIAMOND, HALF_PRECISION, MATRICES, NETWORK, OWN_OP
from tests.player.test_cells import backward_of
from vizgrad import ops, trace
from vizgrad.trace.recorder import record

KEPT = """async json => {
    const modules = ['trace', 'timeline', 'lens'].map(name => import(`/${name}.js`));
    const [{ Trace }, { Timeline }, { keptBy, heldAt }] = await Promise.all(modules);
    const trace = new Trace(json), timeline = new Timeline(trace);
    const kept = keptBy(trace, timeline);
    return [kept.map(({ op, from, to, reads }) => [op.id, from, to, reads]), heldAt(kept, timeline.length)];
}"""


@pytest.mark.parametrize("program", [DIAMOND, MATRICES, HALF_PRECISION, NETWORK])
def test_what_is_held_at_each_step_is_what_the_recording_says(modules, program):
    recorded = trace.run(program)
    kept, held = modules.evaluate(KEPT, recorded.to_json())
    for k in range(len(recorded.steps)):
        places = set()
        for op in recorded.ops:
            runs = [i for i, one in enumerate(recorded.steps) if one.op == op.id and one.kind != "accumulate"]
            last = runs[-1] if len(runs) > 1 else len(recorded.steps) - 1
            if runs[0] <= k <= last:
                arrays = [entry for entry in op.context.values() if isinstance(entry, dict) and "array" in entry]
                places |= {entry["array"] for entry in arrays}
        assert held[k] == sum(recorded.arrays[place].nbytes for place in places)
    for id, start, end, reads in kept:
        assert recorded.steps[start].op == id and start <= end
        assert all(recorded.steps[k].kind == "backward" and recorded.steps[k].op == id for k in reads)


def test_the_panel_says_what_is_held_now_and_leads_to_each_entry(show):
    recorded = trace.run(DIAMOND)
    player = show(recorded)
    player.get_by_role("button", name="Memory").click()
    panel = player.get_by_role("region", name="Memory")
    expect(panel).to_contain_text("Kept for the way back now: 8 bytes")
    bar = panel.get_by_role("button", name="Sin, line 5 keeps x (), saved at step 2")
    bar.click()
    assert player.evaluate("p => p.step") == 2
    expect(player.locator(".vg-chosen .vg-card-title")).to_contain_text("Sin")
    bar.click()
    assert recorded.steps[player.evaluate("p => p.step")].kind == "backward"
    panel.get_by_role("button", name="40 bytes at step 3").click()
    assert player.evaluate("p => p.step") == 3
    assert panel.locator(".vg-held").count() == 4


def test_a_program_that_keeps_nothing_has_no_lens(show):
    player = show("import vizgrad as vg\na = vg.TensorNode(1.0)\n(a + a).backward()\n")
    assert player.get_by_role("button", name="Memory").count() == 0


def test_where_only_shapes_are_kept_it_says_so(show):
    recorded = trace.run("import vizgrad as vg\na = vg.TensorNode([[1.0, 2.0]])\na.sum(axis=1).sum().backward()\n")
    player = show(recorded)
    player.get_by_role("button", name="Memory").click()
    panel = player.get_by_role("region", name="Memory")
    expect(panel).to_contain_text("No array is kept for the way back")
    entries = panel.get_by_role("listitem").all_text_contents()
    assert entries == [
        "Σ, line 3, keeps shape = (1, 2), axis = 1, keepdims = False",
        "Σ, line 3, keeps shape = (1,), axis = None, keepdims = False",
    ]
    player.page.keyboard.press("ArrowRight")
    expect(player.locator(".vg-count")).to_contain_text("1 of")


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}])
def test_axe_finds_nothing(show, new_page, axe, options):
    player = show(MATRICES, page=new_page(**options), step="1")
    player.get_by_role("button", name="Memory").click()
    player.locator(".vg-source").evaluate("fold => { fold.open = true; }")
    assert axe(player.page) == []
    assert player.page.evaluate("document.documentElement.scrollWidth") <= player.page.viewport_size["width"]
    for bar in player.locator(".vg-keep").all():
        assert bar.bounding_box()["width"] >= 24 and bar.bounding_box()["height"] >= 24


# --- the library's lines ---------------------------------------------------------------------------------------------

GIVING = """async methods => {
    const { givingLines } = await import('/lines.js');
    return methods.map(([source, count]) => givingLines(source, count));
}"""
X = np.array([[0.3, 0.7, 0.2], [0.1, 0.4, 0.9]])
IMAGE = np.arange(16.0).reshape(1, 1, 4, 4)
INPUTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "Affine": ((X, X, np.ones(2)), {}),
    "BatchMM": ((X, X), {}),
    "BatchNormalize": ((X, np.ones(3), np.ones(3)), {}),
    "CrossEntropy": ((X,), {"targets": [0, 1]}),
    "Convolution2d": ((IMAGE, np.ones((1, 1, 2, 2))), {}),
    "Drop": ((X,), {"mask": np.ones((2, 3))}),
    "Embed": ((X,), {"indices": [0, 1]}),
    "Expand": ((X[:1],), {"dim": 0, "repeats": 2}),
    "Index": ((X,), {"index": 0}),
    "LayerNormalize": ((X, np.ones(3), np.ones(3)), {}),
    "MatrixMultiply": ((X, X.T), {}),
    "MaxPooling2d": ((IMAGE,), {"size": 2}),
    "MeanPooling2d": ((IMAGE,), {"size": 2}),
    "NLL": ((X,), {"targets": [0, 1]}),
    "Pad": ((X,), {"width": 1}),
    "Reshape": ((X,), {"shape": (3, 2)}),
    "Select": ((X,), {"indices": [0, 1]}),
    "Squeeze": ((X[:1],), {"dim": 0}),
    "Where": ((X, X), {"condition": X > 0.5}),
}
TWO = {
    "Add",
    "Sub",
    "Multiply",
    "Divide",
    "Power",
    "Maximum",
    "Minimum",
    "MSE",
    "BCEWithLogits",
    "Concatenate",
    "Stack",
}


def executed(op: Any, inputs: tuple[Any, ...], settings: dict[str, Any]) -> tuple[set[int], set[int], int]:
    """The lines of an op's forward and backward that run, each relative to its first, and the number of inputs."""
    lines: dict[str, set[int]] = {"forward": set(), "backward": set()}
    codes = {op.forward.__code__: "forward", op.backward.__code__: "backward"}

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        name = codes.get(frame.f_code)
        if name and event == "line":
            lines[name].add(frame.f_lineno - frame.f_code.co_firstlineno)
        return watch if name or event == "call" else None

    context: dict[str, Any] = {}
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        out = op.forward(context, *inputs, **settings)
        op.backward(context, np.ones_like(out))
    finally:
        sys.settrace(before)
    return lines["forward"], lines["backward"], len(inputs)


@pytest.mark.parametrize("name", ops.__all__)
def test_the_lines_said_to_give_a_result_are_lines_that_run(modules, name):
    op = getattr(ops, name)
    inputs, settings = INPUTS.get(name, ((X, X) if name in TWO else (X,), {}))
    forward, backward, count = executed(op, inputs, settings)
    with record() as recorded:
        op.do_forward(*inputs, **settings)
    code = recorded.codes[name]
    methods = [(code.forward["source"], 1, forward), (code.backward["source"], count, backward)]
    found = modules.evaluate(GIVING, [[source, number] for source, number, _ in methods])
    for (source, number, ran), told in zip(methods, found, strict=True):
        assert len(told["results"]) == number
        for spans in told["results"]:
            lines = [range(source[:a].count("\n"), source[:b].count("\n") + 1) for a, b in spans]
            assert any(ran & set(span) for span in lines), source
            if not told["open"] and len(spans) == 1 and not told["together"]:
                assert ran & set(lines[0])


LISTINGS = {
    "return g * b, g * a": ([["g * b"], ["g * a"]], False, False),
    "x = f(g)\n    return x, -x": ([["x = f(g)"], ["-x"]], False, False),
    "x = y = None\n    if g: x = 1\n    y = (2,\n      3)\n    return x, y": (
        [["x"], ["y = (2,\n      3)"]],
        False,
        False,
    ),
    "return tuple(f(g, 1))": ([["tuple(f(g, 1))"]] * 2, True, False),
    "if g:\n        return g, g  # here, or\n    return 'a,b', \"#\"": ([["g", "'a,b'"], ["g", '"#"']], False, True),
    "def inner(): return 1\n    return g, 2": ([["g"], ["2"]], False, False),
    "x = zeros(3)\n    x[0] = g\n    add.at(x, 1, g)\n    x += 1\n    return x, g": (
        [["x = zeros(3)", "x[0] = g", "add.at(x, 1, g)", "x += 1"], ["g"]],
        False,
        False,
    ),
}


@pytest.mark.parametrize("body", LISTINGS)
def test_lines_of_all_kinds(modules, body):
    pieces, together, either = LISTINGS[body]
    source = f'@staticmethod\ndef backward(context, g):\n    """Not a return x, y."""\n    {body}'
    (told,) = modules.evaluate(GIVING, [[source, 2]])
    assert [[source[a:b] for a, b in spans] for spans in told["results"]] == pieces
    assert (told["together"], told["open"]) == (together, either)


def test_the_line_is_linked_with_node_term_and_name(show):
    player = show(MATRICES)
    recorded = trace.run(MATRICES)
    k = backward_of(recorded, "MatrixMultiply")
    player.evaluate("(p, k) => p.go(k)", k)
    player.locator(".vg-source").evaluate("fold => { fold.open = true; }")
    line = player.locator('.vg-gives[data-tensor="t0"]')
    assert line.inner_text().startswith("grad_b = ") and line.get_attribute("data-gives") == "a∇"
    line.hover()
    assert "vg-linked" in player.locator('.vg-tensor[data-tensor="t0"]').get_attribute("class")
    assert player.locator('.vg-card .vg-term.vg-linked[data-tensor="t0"]').count() >= 2
    assert player.locator('.vg-lines .vg-linked[data-tensor="t0"]').count() >= 3
    line.click()
    player.page.mouse.move(2, 2)
    assert "vg-linked" in line.get_attribute("class")  # pinned
    player.page.keyboard.press("Escape")
    assert player.locator(".vg-linked").count() == 0


def test_where_the_text_cannot_tell_it_says_so(show):
    player = show(
        "import vizgrad as vg\na = vg.TensorNode(1.0)\nb = vg.TensorNode(2.0)\n(a * b).backward()\n", step="2"
    )
    assert "does not say at which" in player.locator(".vg-source").text_content()


def test_an_op_of_ones_own_has_marked_lines(show):
    player = show(OWN_OP, step="2")
    assert player.locator(".vg-source .vg-gives").text_content() == 'go * 3 * context["x"] ** 2'
