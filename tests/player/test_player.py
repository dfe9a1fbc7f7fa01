"""The player in a real browser: what a reader does, and what happens then."""

from __future__ import annotations

import re
import unicodedata

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.player.programs import DIAMOND, FAILING, LARGE, MATRICES, OWN_OP, UPDATE, WAIT
from vizgrad import Trace, trace
from vizgrad.draw import svg
from vizgrad.player import figure
from vizgrad.trace.text import number


def go(player: Locator, step: int) -> None:
    player.evaluate("(p, k) => p.go(k)", step)


def card(player: Locator) -> str:
    text = unicodedata.normalize("NFKC", player.locator(".vg-card").inner_text())  # MathML shows a variable as 𝑠
    return re.sub(r"\s+", "", text)


def until(player: Locator, condition: str) -> None:
    for _ in range(100):
        if player.evaluate(condition):
            return
        player.page.wait_for_timeout(50)
    raise AssertionError(condition)


def test_the_whole_diamond_by_keyboard(show):
    recorded = trace.run(DIAMOND)
    player = show(recorded)
    page = player.page
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert player.evaluate("p => p.step") == 14
    page.keyboard.press("Home")
    for step in recorded.steps:
        expect(player.get_by_role("status")).to_have_text(step.text)
        page.keyboard.press("ArrowRight")
    for name in ("a", "s", "o"):
        grad = player.locator(f'.vg-tensor[data-tensor="{recorded.tensor(name).id}"] .vg-grad text')
        expect(grad).to_have_text(number(recorded.grad(name)))


def test_a_tensor_waits_and_then_the_sum_is_shown(show):
    player = show(DIAMOND, step="wait")
    s = player.locator('.vg-tensor[data-tensor="t1"]')
    assert "vg-waiting" in s.get_attribute("class")
    expect(s.locator(".vg-badge:visible")).to_have_text("1/2")
    assert "waits: 1 of 2" in s.get_attribute("aria-label")
    go(player, WAIT + 2)
    assert "vg-waiting" not in s.get_attribute("class")
    assert "1.54+1.792=3.332" in card(player)
    assert "fromsin+from×" in card(player)


def test_contributions_travel_and_are_absorbed(show):
    player = show(DIAMOND)
    chips = player.locator(".vg-chip:visible")
    go(player, 5)
    assert chips.all_text_contents() == ["0.5972", "1.92"]
    go(player, 6)
    assert chips.all_text_contents() == ["1.92"]
    go(player, 7)
    expect(chips).to_have_count(0)
    assert player.locator(".vg-edge.vg-passed").count() == 2


def test_sums_of_matrices_are_written_out(show):
    recorded = trace.run(MATRICES)
    player = show(recorded)
    last = max(k for k, step in enumerate(recorded.steps) if step.kind == "accumulate" and step.tensor == "t0")
    go(player, last)
    assert player.locator(".vg-card .vg-matrix").count() == 3


def test_cards_show_the_rule_the_numbers_and_the_result(show):
    player = show(DIAMOND)
    assert "s=a·a=0.8·0.8=0.64" in card(player)
    go(player, 8)
    assert "+=vg.sin(s)∇·coss=1.92·cos0.64=1.54" in card(player)
    assert "vizgrad/ops/elementwise.py" in player.locator(".vg-source").text_content()
    assert "def backward" in player.locator(".vg-source").text_content()


def test_an_update_shows_the_optimisers_rule(show):
    player = show(UPDATE, step="end")
    assert "w←w−lr·w∇=3−0.1·6=2.4" in card(player)


def test_an_op_of_ones_own_has_its_code(show):
    player = show(OWN_OP)
    assert "Norule" in card(player) and "y=8" in card(player)
    assert "return x ** 3" in player.locator(".vg-source").text_content()


def test_negative_numbers_are_put_in_parentheses(show):
    player = show("import vizgrad as vg\na = vg.TensorNode(-2.0)\nb = vg.TensorNode(3.0)\nc = b - a\n")
    assert "3−(−2)=5" in card(player)


def test_the_line_and_the_expression_of_a_step_are_marked(show):
    player = show(DIAMOND)
    go(player, 2)
    assert player.locator(".vg-current").get_attribute("data-line") == "5"
    assert "".join(player.locator(".vg-here").all_text_contents()) == "vg.sin(s)"


def test_expressions_over_several_lines_and_beyond_ascii(show):
    program = 'import vizgrad as vg\nπ = vg.TensorNode(3.0); s = "🎉"; b = (π *\n     π)\n'
    player = show(program)
    assert player.locator(".vg-current").get_attribute("data-line") == "2"
    assert "".join(player.locator(".vg-here").all_text_contents()) == "π *     π"


def test_the_program_scrolls_in_its_pane_and_the_page_stays(show):
    program = "import vizgrad as vg\na = vg.TensorNode(1.0)\n" + "\n" * 80 + "b = a * a\n"
    player = show(program)
    line, pane = player.locator(".vg-current").bounding_box(), player.locator(".vg-code").bounding_box()
    assert pane["y"] <= line["y"] <= pane["y"] + pane["height"]
    assert player.page.evaluate("scrollY") == 0


def test_buttons_step(show):
    player = show(DIAMOND)
    for name, step in [("Next step", 1), ("Last step", 14), ("Previous step", 13), ("First step", 0)]:
        player.get_by_role("button", name=name).click()
        assert player.evaluate("p => p.step") == step
    assert player.locator(".vg-count").inner_text() == "step 0 of 14"
    player.get_by_role("button", name="Previous step").click(force=True)
    assert player.evaluate("p => p.step") == 0


def test_playing_goes_on_by_itself_and_stops_when_one_steps(show):
    player = show(DIAMOND)
    player.get_by_label("Speed").select_option("4")
    player.get_by_role("button", name="Play").click()
    until(player, "p => p.step >= 2")
    player.page.keyboard.press("ArrowLeft")
    assert player.evaluate("p => p.playing") is False
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    player.get_by_role("slider").focus()
    player.page.keyboard.press("Space")
    assert player.evaluate("p => p.playing") is True
    player.page.keyboard.press("Space")
    assert player.evaluate("p => p.playing") is False


def test_playing_ends_at_the_end(show):
    player = show(DIAMOND, step="13")
    player.get_by_label("Speed").select_option("4")
    player.get_by_role("button", name="Play").click()
    until(player, "p => !p.playing")
    assert player.evaluate("p => p.step") == 14


def test_keys_in_a_select_are_left_alone(show):
    player = show(DIAMOND)
    player.get_by_label("Speed").focus()
    player.page.keyboard.press("End")
    assert player.evaluate("p => p.step") == 0


def test_the_graph_is_walked_with_the_keyboard(show):
    player = show(DIAMOND)
    player.locator(".vg-graph [tabindex='0']").focus()
    names = []
    for _ in range(4):
        names.append(player.evaluate("() => document.activeElement.getAttribute('aria-label').split(',')[0]"))
        player.page.keyboard.press("ArrowDown")
    assert names == ["a", "Multiply", "s", "unnamed"]
    player.page.keyboard.press("ArrowUp")
    player.page.keyboard.press("ArrowUp")
    player.page.keyboard.press("Enter")
    assert player.locator(".vg-chosen").inner_text().startswith("s")
    player.page.keyboard.press("Escape")
    expect(player.locator(".vg-chosen")).to_be_hidden()


def test_a_click_shows_the_details_of_a_tensor_and_where_it_changes(show):
    player = show(DIAMOND, step="3")
    player.locator('.vg-tensor[data-tensor="t1"] .vg-name').click()
    chosen = player.locator(".vg-chosen")
    for text in ("intermediate", "float64", "× at line 4", "none has arrived", "0.64"):
        expect(chosen).to_contain_text(text)
    chosen.get_by_role("button", name="Next change").click()
    assert player.evaluate("p => p.step") == WAIT
    expect(chosen).to_contain_text("1 of 2 arrived")
    expect(chosen).to_contain_text("1.54")
    chosen.get_by_role("button", name="Next change").click()
    expect(chosen.get_by_role("button", name="Next change")).to_be_disabled()
    chosen.get_by_role("button", name="Previous change").click()
    assert player.evaluate("p => p.step") == WAIT


def test_a_click_shows_the_details_of_an_op_and_of_an_edge(show):
    player = show(DIAMOND)
    player.locator('.vg-op[data-op="o2"]').click()
    chosen = player.locator(".vg-chosen")
    expect(chosen).to_contain_text("The sine of x, in radians.")
    chosen.get_by_role("button", name="Its backward").click()
    assert player.evaluate("p => p.step") == 8
    player.locator('.vg-edge[data-op="o2"].vg-in .vg-reach').click(force=True)
    expect(chosen).to_contain_text("s enters sin as x")


def test_what_belongs_together_lights_up_together(show):
    player = show(DIAMOND)
    player.locator('.vg-op[data-op="o2"]').hover()
    assert "".join(player.locator(".vg-lines .vg-linked").all_text_contents()) == "vg.sin(s)"
    player.locator(".vg-lines [data-line='4'] span[data-tensor='t1']").hover()
    expect(player.locator(".vg-tensor.vg-linked")).to_have_attribute("data-tensor", "t1")
    go(player, 0)
    player.locator(".vg-card .vg-term", has_text="s").first.hover()
    expect(player.locator(".vg-tensor.vg-linked")).to_have_attribute("data-tensor", "t1")
    assert "".join(player.locator(".vg-lines li[data-line='4'] .vg-linked").all_text_contents()).endswith("a * a")


def test_the_table_of_all_steps(show):
    recorded = trace.run(DIAMOND)
    player = show(recorded)
    player.get_by_text("All steps", exact=True).click()
    rows = player.locator(".vg-steps tbody tr")
    expect(rows).to_have_count(15)
    expect(rows.nth(11)).to_contain_text(recorded.steps[11].text)
    rows.nth(11).click()
    assert player.evaluate("p => p.step") == 11
    expect(player.locator("tr[aria-current=step]")).to_have_attribute("data-step", "11")
    player.get_by_role("button", name="Go to step 3").press("Enter")
    assert player.evaluate("p => p.step") == 3


def test_it_tells_of_every_step(show):
    player = show(DIAMOND)
    told = player.evaluate(
        """p => {
            const told = [];
            p.addEventListener('vg-step', event => told.push(event.detail.step));
            for (const k of [4, 99, -1]) p.go(k);
            return told;
        }"""
    )
    assert told == [4, 14, 0]


def test_zones_and_marks(show):
    player = show(DIAMOND)
    assert player.locator(".vg-zone").all_text_contents() == ["forward", "backward"]
    assert player.locator(".vg-tick").count() == 4


def test_a_failure_is_shown_where_it_happened(show):
    player = show(FAILING, step="end")
    assert "vg-failed" in player.locator(".vg-op").get_attribute("class")
    expect(player.locator(".vg-card pre").first).to_contain_text("here 2 meets 3")
    expect(player.locator(".vg-notes")).to_contain_text("stopped at line 4 with ShapeError")


def test_a_program_without_a_graph_says_so(show):
    player = show("x = 1\n")
    expect(player.locator(".vg-note")).to_contain_text("built no graph")
    expect(player.locator(".vg-bar")).to_be_hidden()


def test_large_arrays_are_heat_maps(show):
    player = show(LARGE, step="end")
    w = player.locator('.vg-tensor[data-tensor="t0"]')
    assert w.locator(".vg-value image").get_attribute("xlink:href").startswith("data:image/png")
    assert w.locator(".vg-grad image").get_attribute("xlink:href").startswith("data:image/png")
    go(player, 0)
    assert w.locator(".vg-grad image").get_attribute("xlink:href") is None
    player.locator('.vg-tensor[data-tensor="t0"]').click()
    expect(player.locator(".vg-chosen")).to_contain_text("from −1 to 1")


# --- loading ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(blank: Page) -> Locator:
    """A player that waits for its trace."""
    blank.evaluate("() => document.body.append(document.createElement('vg-player'))")
    return blank.locator("vg-player")


def load(player: Locator, recorded: Trace, drawing: str | None = None) -> None:
    given = [recorded.to_json(), svg(recorded) if drawing is None else drawing]
    player.evaluate("(p, [json, svg]) => p.load(JSON.parse(json), svg)", given)


def test_load_replaces_everything(empty):
    load(empty, trace.run(DIAMOND))
    assert empty.get_attribute("ready") == ""
    go(empty, 7)
    load(empty, trace.run("import vizgrad as vg\nx = vg.TensorNode(2.0)\ny = x * x\n"))
    assert empty.evaluate("p => p.step") == 0
    assert empty.locator(".vg-op").count() == 1
    expect(empty.get_by_role("status")).to_have_text("Multiply computes y = 4 from x = 2 and x = 2.")


def test_load_without_a_drawing_still_steps(empty):
    load(empty, trace.run(DIAMOND), "")
    go(empty, 11)
    assert "1.54+1.792=3.332" in card(empty)


GARBAGE = [
    None,
    7,
    "text",
    [],
    {},
    {"format": "vizgrad-trace", "version": 99},
    {"format": "vizgrad-trace", "version": 1},
    {"format": "vizgrad-trace", "version": 1, "files": [None], "arrays": [None]},
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
def test_garbage_becomes_a_sentence(empty, garbage):
    empty.evaluate("(p, g) => p.load(g, '<svg')", garbage)
    expect(empty.get_by_role("alert")).to_contain_text(re.compile("trace|JSON"))
    assert empty.get_attribute("ready") is None
    load(empty, trace.run(DIAMOND))
    expect(empty.get_by_role("alert")).to_have_count(0)


def test_a_trace_with_any_one_field_damaged_never_throws(empty):
    program = "import vizgrad as vg\na = vg.TensorNode(2.0)\nloss = a * a + a\nloss.backward()"
    record = trace.run(program).to_json()
    problems = empty.evaluate(
        """(player, [json, svg]) => {
            const places = [];
            const walk = (value, path) => {
                places.push(path);
                if (typeof value === "string") return;
                for (const key of Object.keys(Object(value))) walk(value[key], [...path, key]);
            };
            walk(JSON.parse(json), []);
            const failures = [];
            for (const path of places.slice(1)) {
                for (const wrong of [null, -1, "x", {}]) {
                    const record = JSON.parse(json);
                    const last = path.at(-1);
                    path.slice(0, -1).reduce((at, key) => at[key], record)[last] = wrong;
                    try {
                        player.load(record, svg);
                        if (player.hasAttribute("ready")) player.go(5);
                    } catch (error) {
                        failures.push(path.join(".") + " = " + JSON.stringify(wrong) + ": " + error.message);
                    }
                }
            }
            return failures;
        }""",
        [record, ""],
    )
    assert problems == []


def test_a_trace_that_is_not_there(blank):
    blank.route("**/missing.json", lambda route: route.fulfill(status=200, body="<html>"))
    blank.evaluate("() => { document.body.innerHTML = '<vg-player data-src=missing.json><p>stays</p></vg-player>'; }")
    expect(blank.get_by_role("alert")).to_contain_text("not JSON")
    expect(blank.get_by_text("stays")).to_be_visible()


def test_figures_share_a_page_and_survive_being_moved(blank):
    recorded = trace.run(DIAMOND)
    blank.route("**/trace.json", lambda route: route.fulfill(body=recorded.to_json()))
    inline = figure(recorded, "one", step="wait")
    linked = figure(recorded, "two", trace_url="trace.json")
    blank.evaluate("html => { document.body.innerHTML = html; }", inline + linked)
    blank.wait_for_function("document.querySelectorAll('vg-player[ready]').length === 2")
    first, second = blank.locator("vg-player").all()
    second.evaluate("p => p.go(3)")
    assert first.evaluate("p => p.step") == WAIT
    first.get_by_role("button", name="Play").click()
    blank.evaluate("() => { window.one = document.querySelector('vg-player'); one.remove(); }")
    assert blank.evaluate("() => one.playing") is False
    blank.evaluate("() => document.body.append(one)")
    blank.locator("#one").get_by_role("slider").press("ArrowRight")
    assert blank.evaluate("() => one.step") == WAIT + 1


def test_a_hidden_player_is_hidden(empty):
    load(empty, trace.run(DIAMOND))
    empty.evaluate("p => { p.hidden = true; }")
    expect(empty).to_be_hidden()
