"""Marks: where playing stops, the way from one to the next, and the places that are often looked for."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, expect

from tests.player.programs import DIAMOND, HOSTILE, NETWORK, TRAINING
from vizgrad import trace

INFINITE = """\
import vizgrad as vg

x = vg.TensorNode([-1.0, 2.0])
y = vg.TensorNode([0.0, 1.0])
z = vg.exp(x * 1000.0)
(z * y).sum().backward()
"""


def step(player: Locator) -> int:
    return player.evaluate("p => p.step")


def test_a_line_number_marks_the_steps_that_come_to_its_line(show):
    recorded = trace.run(DIAMOND)
    player = show(recorded)
    button = player.get_by_role("button", name="Stop at line 4")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert player.evaluate("p => p.marks") == ["4"] and player.get_attribute("marks") == "4"
    lines = [one.place[1] if one.place else None for one in recorded.steps]
    comes = [k for k, line in enumerate(lines) if line == 4 and (k == 0 or lines[k - 1] != 4)]
    assert player.locator(".vg-marks .vg-flag").count() == len(comes)
    player.evaluate("p => p.go(0)")
    for k in [one for one in comes if one > 0]:
        player.page.keyboard.press("Shift+ArrowRight")
        assert step(player) == k
    player.page.keyboard.press("Shift+ArrowLeft")
    assert step(player) == comes[-2]
    button.click()
    assert player.locator(".vg-marks .vg-flag").count() == 0


def test_line_numbers_are_one_tab_stop(show):
    player = show(DIAMOND)
    player.get_by_role("button", name="Stop at line 4").focus()
    player.page.keyboard.press("ArrowDown")
    expect(player.get_by_role("button", name="Stop at line 5")).to_be_focused()
    player.page.keyboard.press("Enter")
    expect(player.get_by_role("button", name="Stop at line 5", pressed=True)).to_be_focused()
    assert player.locator(".vg-stop[tabindex='0']").count() == 1
    assert player.locator(".vg-stop").count() == 3  # lines at which nothing happens have none


def test_a_node_is_marked_in_its_details(show):
    player = show(DIAMOND)
    player.locator('.vg-op[data-op="o2"]').click()
    player.get_by_role("button", name="Stop here").click()
    assert player.evaluate("p => p.marks") == ["o2"]
    expect(player.get_by_role("button", name="Stop here")).to_have_attribute("aria-pressed", "true")
    expect(player.get_by_role("button", name="Stop here")).to_be_focused()
    player.page.keyboard.press("Shift+ArrowRight")
    assert step(player) == 2


def test_playing_stops_at_a_mark(show):
    player = show(DIAMOND)
    player.get_by_label("Speed").select_option("4")
    player.evaluate("p => { p.marks = ['o1']; p.play(); }")
    player.page.wait_for_function("p => !p.playing", arg=player.element_handle())
    assert step(player) == 1


def test_without_marks_shift_goes_from_op_to_op(show):
    recorded = trace.run(DIAMOND)
    player = show(recorded)
    player.page.keyboard.press("Tab")
    stops = [0]
    while stops[-1] < len(recorded.steps) - 1:
        player.page.keyboard.press("Shift+ArrowRight")
        stops.append(step(player))
    steps = recorded.steps
    other = [k for k, one in enumerate(steps) if k == 0 or (one.kind, one.op) != (steps[k - 1].kind, steps[k - 1].op)]
    assert stops[:-1] == [k for k in other if steps[k].kind != "accumulate"]


def test_a_closed_module_is_one_step(modules):
    recorded = trace.run(NETWORK)
    stops = modules.evaluate(
        """async json => {
            const modules = ['trace', 'timeline', 'marks'].map(name => import(`/${name}.js`));
            const [{ Trace }, { Timeline }, { Marks }] = await Promise.all(modules);
            const trace = new Trace(json), timeline = new Timeline(trace);
            const marks = new Marks(trace, timeline, op => trace.op(op).module || op);
            const stops = [0];
            while (stops.at(-1) < timeline.length - 1) stops.push(marks.next(stops.at(-1), 1));
            return stops;
        }""",
        recorded.to_json(),
    )
    inside = [recorded.op(one.op).module if one.op else one.kind for one in recorded.steps]
    assert len(stops) < len(inside) / 2
    assert all(inside[k] != inside[k - 1] or recorded.steps[k].kind == "start" for k in stops[1:-1] if inside[k])


def test_the_state_comes_back(show):
    player = show(DIAMOND, step="wait")
    player.evaluate("p => { p.marks = ['5', 't1']; }")
    player.locator('.vg-tensor[data-tensor="t1"]').click()
    state = json.loads(player.evaluate("p => JSON.stringify(p.state)"))
    assert state == {"step": 9, "chosen": {"tensor": "t1"}, "marks": ["5", "t1"]}
    player.evaluate("p => { p.state = { step: 0, chosen: null, marks: [] }; }")
    assert player.evaluate("p => JSON.stringify(p.state)") == '{"step":0,"chosen":null,"marks":[]}'
    player.evaluate("(p, state) => { p.state = state; }", state)
    assert json.loads(player.evaluate("p => JSON.stringify(p.state)")) == state
    expect(player.locator(".vg-chosen .vg-card-title")).to_have_text("s")


def test_marks_that_are_nowhere_in_the_trace_are_left_out(show):
    player = show(DIAMOND)
    for mark in ("x", "o99", "t99", "999", "9:4", "-1", "<img src=x onerror=alert(1)>", "o1;t1", "constructor"):
        player.evaluate("(p, mark) => p.setAttribute('marks', mark + ' o1')", mark)
        assert player.evaluate("p => p.marks") == ["o1"]


def test_where_the_first_infinity_and_the_first_zero_gradient_are(show):
    recorded = trace.run(INFINITE)
    player = show(recorded)
    player.get_by_role("button", name="Go to").click()
    player.get_by_role("button", name="First NaN or infinity").click()
    assert recorded.steps[step(player)].kind == "forward" and recorded.op(recorded.steps[step(player)].op).op == "Exp"
    assert player.get_by_role("button", name="First zero gradient").count() == 0
    dead = "import vizgrad as vg\nx = vg.TensorNode([-1.0, -2.0])\nvg.relu(x).sum().backward()\n"
    recorded = trace.run(dead)
    player = show(recorded, page=player.page)
    player.get_by_role("button", name="Go to").click()
    assert player.get_by_role("button", name="First NaN or infinity").count() == 0
    player.get_by_role("button", name="First zero gradient").click()
    assert recorded.steps[step(player)].tensor == recorded.tensor("x").id


def test_the_list_of_marks_leads_to_them_and_clears_them(show):
    player = show(DIAMOND)
    player.get_by_role("button", name="Go to").click()
    player.evaluate("p => { p.marks = ['4', 'o3']; }")
    player.get_by_role("button", name="Multiply", exact=True).click()
    assert step(player) == 3
    player.get_by_role("button", name="Remove all marks").click()
    assert player.evaluate("p => p.marks") == []


def test_marks_are_told_apart_by_shape(show):
    player = show(DIAMOND)
    player.evaluate("p => { p.marks = ['o1']; }")
    flag, tick = player.locator(".vg-marks .vg-flag").first, player.locator(".vg-tick").first
    assert flag.evaluate("e => getComputedStyle(e).clipPath").startswith("polygon")
    assert flag.bounding_box()["y"] < tick.bounding_box()["y"]


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}])
def test_axe_finds_nothing(show, new_page, axe, options):
    player = show(TRAINING, page=new_page(**options), step="3")
    player.evaluate("p => { p.marks = ['9', 'o1']; p.state = { chosen: { op: 'o1' } }; }")
    player.get_by_role("button", name="Go to").click()
    assert axe(player.page) == []
    assert player.page.evaluate("document.documentElement.scrollWidth") <= player.page.viewport_size["width"]


def test_a_strangers_names_stay_text(show):
    player = show(trace.run(HOSTILE.format(name="<img src=x onerror=alert(1)>")))
    player.evaluate("p => { p.marks = ['t0', 'o0']; }")
    player.get_by_role("button", name="Go to").click()
    assert player.locator("img[src=x]").count() == 0
