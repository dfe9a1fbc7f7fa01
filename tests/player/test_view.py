"""Getting around in the graph: moving, zooming, fitting, finding; and how fast a step is shown when there is much."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.player.programs import DIAMOND, HOSTILE
from tests.player.test_html import NAMES
from tests.player.test_modules import NETWORK
from tests.player.test_player import until
from vizgrad import trace

CHAIN = """\
import vizgrad as vg

x = vg.TensorNode(0.5)
y = x
for i in range({count}):
    y = vg.sin(y)
y.backward()
"""
FAN = """\
import vizgrad as vg

x = vg.TensorNode(0.5)
y = x
for i in range(80):
    y = y + vg.sin(x * i)
"""


def scale(player: Locator) -> float:
    return player.locator("svg.vg-graph").evaluate("e => e.getBoundingClientRect().width / e.getAttribute('width')")


def middle(box: dict[str, float]) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def node(player: Locator, id: str) -> Locator:
    return player.locator(f".vg-graph .vg-tensor[data-tensor={id}], .vg-graph .vg-op[data-op={id}]")


def test_the_wheel_alone_scrolls_the_page_and_with_ctrl_it_zooms(show):
    player = show(NETWORK)
    page = player.page
    page.mouse.move(*middle(player.locator(".vg-stage").bounding_box()))
    before = scale(player)
    page.mouse.wheel(0, 200)
    until(player, "() => scrollY > 100")
    assert scale(player) == before
    page.mouse.move(*middle(player.locator(".vg-stage").bounding_box()))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    until(player, "p => p.querySelector('svg.vg-graph').style.width !== ''")
    assert scale(player) > 1.3 * before


def test_zooming_keeps_what_is_under_the_pointer(show):
    player = show(NETWORK)
    player.get_by_role("button", name="Fit in").click()
    op = node(player, "o3")
    for delta in (-60, -40, 150, -90):
        x, y = middle(op.bounding_box())
        player.page.mouse.move(x, y)
        player.page.keyboard.down("Control")
        player.page.mouse.wheel(0, delta)
        player.page.keyboard.up("Control")
        player.page.wait_for_timeout(50)
        assert middle(op.bounding_box()) == pytest.approx((x, y), abs=2)


def test_dragging_moves_the_graph_and_chooses_nothing(show):
    player = show(DIAMOND)
    page = player.page
    x, y = middle(node(player, "t1").bounding_box())
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y + 10, steps=4)
    page.mouse.move(x - 120, y + 30, steps=4)
    page.mouse.up()
    assert middle(node(player, "t1").bounding_box()) == pytest.approx((x - 120, y + 30), abs=6)
    expect(player.locator(".vg-chosen")).to_be_hidden()
    page.mouse.click(x - 120, y + 30)
    expect(player.locator(".vg-chosen")).to_be_visible()


def test_some_of_the_graph_always_stays_in_view(show):
    player = show(DIAMOND)
    page = player.page
    for dx, dy in [(-3000, 0), (3000, 0), (0, 3000), (0, -3000)]:
        stage = player.locator(".vg-stage").bounding_box()
        page.mouse.move(*middle(stage))
        page.mouse.down()
        page.mouse.move(middle(stage)[0] + dx, middle(stage)[1] + dy, steps=3)
        page.mouse.up()
        graph, stage = player.locator("svg.vg-graph").bounding_box(), player.locator(".vg-stage").bounding_box()
        for side, size in (("x", "width"), ("y", "height")):
            overlap = min(graph[side] + graph[size], stage[side] + stage[size]) - max(graph[side], stage[side])
            assert overlap >= 40


def test_buttons_and_keys_zoom_and_fit(show):
    player = show(NETWORK)
    page = player.page
    player.get_by_role("button", name="Fit in").click()
    fitted = scale(player)
    graph, stage = player.locator("svg.vg-graph").bounding_box(), player.locator(".vg-stage").bounding_box()
    assert stage["x"] - 1 <= graph["x"] and graph["x"] + graph["width"] <= stage["x"] + stage["width"] + 1
    player.get_by_role("button", name="Zoom in").click()
    assert scale(player) == pytest.approx(1.25 * fitted)
    page.keyboard.press("+")
    assert scale(player) == pytest.approx(1.25**2 * fitted)
    page.keyboard.press("-")
    player.get_by_role("button", name="Zoom out").click()
    assert scale(player) == pytest.approx(fitted)
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert scale(player) == pytest.approx(fitted)
    for _ in range(30):
        page.keyboard.press("-")
    assert player.locator("svg.vg-graph").bounding_box()["width"] > 100
    for _ in range(50):
        page.keyboard.press("+")
    assert scale(player) == pytest.approx(4)


def test_labels_are_drawn_from_near(show):
    player = show(FAN)
    page = player.page
    until(player, "p => p.querySelector('svg.vg-graph').classList.contains('vg-far')")
    expect(player.locator(".vg-tensor text").first).to_be_hidden()
    for _ in range(3):
        page.keyboard.press("Tab")
        page.keyboard.press("+")
    expect(player.locator(".vg-tensor text").first).to_be_attached()
    assert "vg-far" not in player.locator("svg.vg-graph").get_attribute("class")


def test_on_a_phone_two_fingers_zoom_and_one_scrolls_the_page(show, new_page):
    page = new_page(viewport={"width": 360, "height": 740}, has_touch=True)
    player = show(NETWORK, page=page)
    assert player.locator(".vg-stage").evaluate("e => getComputedStyle(e).touchAction") == "pan-y"
    x, y = middle(player.locator(".vg-stage").bounding_box())
    before = scale(player)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    touch("touchStart", (x - 30, y), (x + 30, y))
    for spread in (40, 60, 80):
        touch("touchMove", (x - spread, y), (x + spread, y))
    touch("touchEnd")
    assert scale(player) > 1.8 * before


def test_finding_by_name(show):
    player = show(NETWORK)
    page = player.page
    player.locator(".vg-play").focus()
    page.keyboard.press("/")
    field = player.get_by_role("searchbox")
    expect(field).to_be_focused()
    field.fill("net.head.w")
    found = player.locator(".vg-found")
    expect(found).to_have_text("1 found: Enter goes there")
    page.keyboard.press("Enter")
    expect(found).to_have_text("1 of 1: net.head.w, parameter")
    w = player.locator(".vg-tensor.vg-selected")
    expect(w).to_have_count(1)
    box, stage = w.bounding_box(), player.locator(".vg-stage").bounding_box()
    assert stage["x"] <= box["x"] and box["x"] + box["width"] <= stage["x"] + stage["width"]
    expect(player.locator(".vg-chosen")).to_contain_text("net.head.w")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(player.get_by_role("button", name="Find")).to_be_focused()


def test_finding_opens_the_modules_it_is_in_and_goes_on(show):
    player = show(NETWORK, modules="closed")
    page = player.page
    player.get_by_role("button", name="Find").click()
    field = player.get_by_role("searchbox")
    field.fill("blocks.1.inner.b")
    page.keyboard.press("Enter")
    expect(player.locator(".vg-tensor.vg-selected:visible")).to_have_count(1)
    field.fill("MULTIPLY")
    expect(player.locator(".vg-found")).to_have_text("nothing found")
    field.fill("relu")
    said = []
    for key in ("Enter", "Enter", "Shift+Enter"):
        page.keyboard.press(key)
        said.append(player.locator(".vg-found").inner_text().split(":")[0])
    count = said[0].split(" of ")[1]
    assert said == [f"1 of {count}", f"2 of {count}", f"1 of {count}"]
    field.fill("net.head")
    page.keyboard.press("Enter")
    expect(player.locator(".vg-found")).to_contain_text("module net.head")
    expect(player.locator(".vg-module.vg-selected")).to_have_attribute("data-module", "net.head")
    field.fill("opt.step()")
    expect(player.locator(".vg-found")).to_have_text("nothing found")
    field.fill("loss = vg.celoss")
    page.keyboard.press("Enter")
    expect(player.locator(".vg-found")).to_contain_text("line 23")


def test_keys_typed_into_the_field_do_nothing_else(show):
    player = show(DIAMOND)
    player.get_by_role("button", name="Find").click()
    before = scale(player)
    player.page.keyboard.type("+-0/ a")
    for key in ("ArrowRight", "End", "Home"):
        player.page.keyboard.press(key)
    assert player.evaluate("p => p.step") == 0
    assert scale(player) == before


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_are_found_as_text(show, name):
    player = show(trace.run(HOSTILE.format(name=name)), title="t")
    player.get_by_role("button", name="Find").click()
    field = player.get_by_role("searchbox")
    field.evaluate(
        "(e, text) => { e.value = text; e.dispatchEvent(new Event('input')); }", "t" if "\ud800" in name else name[:20]
    )
    for _ in range(3):
        player.page.keyboard.press("Enter")
    assert player.page.locator("script").count() == 1
    assert player.locator("img[src=x], iframe").count() == 0
    assert player.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_only_what_is_around_a_node(show):
    player = show(NETWORK, modules="open")
    near = player.get_by_role("button", name="Only around it")
    expect(near).to_be_hidden()
    node(player, "o3").click()
    near.click()
    count = player.locator(".vg-near").count()
    assert 5 < count < 40
    assert "vg-near" in node(player, "o3").get_attribute("class")
    assert float(node(player, "o20").evaluate("e => getComputedStyle(e).opacity")) < 0.2
    player.get_by_role("button", name="Everything").click()
    assert player.locator(".vg-near").count() == 0


def test_a_part_of_a_large_graph_says_what_it_is(show):
    player = show(trace.run(CHAIN.format(count=40)), around="t20")
    expect(player.locator(".vg-found")).to_have_text("A part: 17 of 81 nodes.")
    player.get_by_role("button", name="Find").click()
    player.get_by_role("searchbox").fill("x")
    player.page.keyboard.press("Enter")
    expect(player.locator(".vg-found")).to_contain_text("not in this part of the drawing")
