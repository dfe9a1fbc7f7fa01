"""Figures whose program is edited and run in its place. Python takes long to start, so a test does several things."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.site.conftest import watched_site

PAGE = "learn/one-node-two-consumers/"
PROGRAM = ["import vizgrad as vg", "", "a = vg.TensorNode(0.8)", "s = a * a", "o = 3 * s * vg.sin(s)", "o.backward()"]
PATIENCE = 60_000
OWN_OP = """\
import vizgrad as vg

class Cube(vg.Op):
    @staticmethod
    def forward(context, x):
        context["x"] = x
        return x**3

    @staticmethod
    def backward(context, go):
        return go * 3 * context["x"] ** 2

x = vg.TensorNode([1.0, 2.0])
loss = Cube.do_forward(x).sum()
loss.backward()"""


def figure(page: Page, address: str, number: int = 1) -> Locator:
    """A figure of a page, once its player is there."""
    page.goto(address)
    found = page.locator(f"vg-live:has(> #vg{number})")
    expect(found.locator("vg-player")).to_have_attribute("ready", "", timeout=PATIENCE)
    expect(found.locator(".vg-live-bar")).to_be_visible()
    return found


@pytest.fixture(scope="module")
def shared(browser: Browser, base_url: str) -> Iterator[Locator]:
    """A figure for several tests: Python takes seconds to start."""
    with watched_site(browser, base_url) as make:
        yield figure(make(viewport={"width": 1280, "height": 800}), base_url + PAGE)


@pytest.fixture
def place(shared: Locator) -> Locator:
    """The shared figure, as it is before somebody edits it, but for Python, which may be there already."""
    if shared.locator(".cm-editor").count():
        shared.get_by_role("button", name="Reset").click()
        expect(shared.locator(".vg-desk[running]")).to_have_count(0)  # a run that is stopped leaves the one before
        shared.get_by_role("button", name="Close the editor").click()
    expect(shared.locator(".vg-lines")).to_contain_text("a = vg.TensorNode(0.8)")
    return shared


def edit(place: Locator) -> Locator:
    """Opens the editor, and gives its text field."""
    place.get_by_role("button", name="Edit and run").click()
    editor = place.get_by_role("textbox", name="Program of the figure")
    expect(editor).to_be_visible(timeout=PATIENCE)
    return editor


def write(place: Locator, program: str) -> None:
    place.locator(".cm-content").press("Control+A")
    place.page.keyboard.insert_text(program)


def text_of(place: Locator) -> list[str]:
    return place.locator(".cm-line").all_text_contents()


def status(place: Locator) -> Locator:
    return place.locator('[data-part="status"]')


def run(place: Locator) -> Locator:
    """Runs by the keyboard, and gives the line that says how it went."""
    place.locator(".cm-content").press("Control+Enter")
    return finished(place)


def finished(place: Locator) -> Locator:
    status(place).filter(has_text=re.compile("^(Finished|Stopped)")).wait_for()
    return status(place)


def step(place: Locator) -> int:
    return place.locator("vg-player").evaluate("player => player.step")


def linked(place: Locator) -> dict[str, object]:
    """What the link to the playground holds."""
    address = place.get_by_role("link", name="Open in playground").get_attribute("href") or ""
    packed = address.partition("#v1.")[2]
    return json.loads(zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), wbits=-15))


def test_a_figure_from_reading_to_running_and_back(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    place = figure(page, base_url + PAGE)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if re.search("pyodide|editor|bench|desk", url)]
    at = step(place)
    assert at > 0

    edit(place)
    assert text_of(place) == PROGRAM
    expect(place.locator(".vg-lines")).to_have_count(0)
    expect(place.locator(".cm-stepLine")).to_have_text(PROGRAM[4])
    expect(place.locator(".cm-content")).to_be_focused()

    write(place, "\n".join(PROGRAM).replace("0.8", "0.5") + "\nprint(a.grad)")
    expect(place.locator(".cm-stepLine")).to_have_count(0)  # of another program
    expect(run(place)).to_contain_text("Finished in")
    assert step(place) == at
    expect(place.locator("vg-player")).to_have_count(1)
    expect(place.locator('[data-tensor="t0"] .vg-value').first).to_contain_text("0.5")
    expect(place.get_by_role("group", name="Printed")).to_contain_text("1.4688961940465524")
    expect(place.locator(".cm-stepLine")).to_have_text(PROGRAM[4])
    expect(place.locator(".cm-content")).to_be_focused()  # who writes goes on writing
    place.get_by_role("button", name="Next step").click()
    assert step(place) == at + 1
    assert linked(place)["step"] == at + 1
    assert str(linked(place)["source"]).endswith("print(a.grad)")

    place.get_by_role("button", name="Reset").click()
    expect(place.get_by_role("group", name="Printed")).to_be_hidden()
    expect(place.locator('[data-tensor="t0"] .vg-value').first).to_contain_text("0.8")
    assert text_of(place) == PROGRAM

    place.get_by_role("button", name="Close the editor").click()
    expect(place.locator(".cm-editor")).to_have_count(0)
    expect(place.locator(".vg-lines")).to_contain_text("a = vg.TensorNode(0.8)")
    assert step(place) == at + 1


def test_errors_are_marked_and_the_rest_is_drawn(place: Locator) -> None:
    edit(place)
    nasty = "<img src=x onerror=window.hacked=1>"
    lines = ["import vizgrad as vg", "a = vg.TensorNode(2.0)", "b = a * a", f"print({nasty!r})"]
    write(place, "\n".join([*lines, f"raise ValueError({nasty!r})"]))
    expect(run(place)).to_have_text("Stopped by a ValueError at line 5.")
    expect(place.locator(".cm-errorLine")).to_contain_text("raise ValueError")
    expect(place.get_by_role("group", name="Errors and notes")).to_contain_text(nasty)
    expect(place.get_by_role("group", name="Printed")).to_have_text(f"{nasty}\n")
    expect(place.locator(".vg-op")).to_have_count(1)

    write(place, "a = = 1")
    expect(run(place)).to_have_text("Stopped by a SyntaxError at line 1.")
    expect(place.locator(".vg-op")).to_have_count(1)  # the graph of before
    expect(place.locator("vg-player")).to_have_class(re.compile("pg-old"))

    write(place, "while True:\n    pass")
    place.get_by_role("button", name="Run", exact=True).click()
    expect(status(place)).to_have_text("Running …")
    place.page.wait_for_timeout(500)
    place.get_by_role("button", name="Stop").click()
    expect(status(place)).to_contain_text("Stopped.")
    write(place, "\n".join(PROGRAM))
    expect(run(place)).to_contain_text("Finished in")
    expect(place.locator("vg-player")).not_to_have_class(re.compile("pg-old"))
    assert place.page.locator("article img[src=x]").count() == 0
    assert place.page.evaluate("window.hacked") is None


def test_a_number_that_only_python_can_follow(place: Locator) -> None:
    """By the figure's own fields, where an operation is unknown to the page: the program runs with the new number."""
    edit(place)
    write(place, OWN_OP)
    run(place)
    at = step(place)
    place.get_by_role("button", name="Change a number").click()
    place.get_by_label("x entry 1").fill("4")
    place.get_by_role("button", name="Run with Python").click()
    expect(place.locator('[data-tensor="t0"] .vg-value')).to_contain_text("4")
    expect(finished(place)).to_contain_text("Finished in")
    assert "x = vg.TensorNode([1, 4])" in text_of(place)
    assert step(place) == at


def test_a_number_is_changed_by_keys_and_by_dragging(place: Locator) -> None:
    edit(place)
    at = step(place)
    place.locator(".cm-line", has_text="TensorNode").click()
    place.page.keyboard.press("End")
    place.page.keyboard.press("ArrowLeft")
    place.page.keyboard.press("Alt+ArrowUp")
    expect(finished(place)).to_contain_text("Finished in")
    assert text_of(place)[2] == "a = vg.TensorNode(0.9)"
    expect(place.locator('[data-tensor="t0"] .vg-value').first).to_contain_text("0.9")
    flashing = "player => [...player.querySelectorAll('.vg-cell')].filter(cell => cell.getAnimations().length).length"
    assert place.locator("vg-player").evaluate(flashing) > 3
    assert step(place) == at

    handle = place.locator(".cm-numberHandle > span")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    place.page.mouse.move(box["x"] + 10, box["y"] + 8)
    place.page.mouse.down()
    place.page.mouse.move(box["x"] - 98, box["y"] + 8, steps=6)
    assert text_of(place)[2] == "a = vg.TensorNode(-0.9)"
    place.page.mouse.up()
    expect(place.locator('[data-tensor="t0"] .vg-value').first).to_contain_text("−0.9")
    assert step(place) == at
    place.page.keyboard.press("Control+z")
    assert text_of(place)[2] != "a = vg.TensorNode(-0.9)"


def test_the_playground_and_the_way_back(place: Locator) -> None:
    place.page.wait_for_load_state("networkidle")  # the theme has read the sitemap then
    place.page.evaluate("window.stayed = true")
    edit(place)
    write(place, "\n".join(PROGRAM).replace("0.8", "0.7"))
    run(place)
    place.get_by_role("button", name="First step").click()
    place.get_by_role("button", name="Next step").click()
    at = step(place)
    place.get_by_role("link", name="Open in playground").click()
    playground = place.page.locator("vg-playground")
    expect(playground).to_have_attribute("ready", "", timeout=PATIENCE)
    expect(playground).to_contain_text("a = vg.TensorNode(0.7)")
    playground.get_by_role("button", name="Run", exact=True).click()
    expect(playground.locator('[data-part="status"]')).to_contain_text("Finished", timeout=PATIENCE)
    expect(place.page.locator("vg-player")).to_contain_text(f"step {at} of")

    place.page.go_back()
    expect(place.locator(".cm-content")).to_contain_text("a = vg.TensorNode(0.7)", timeout=PATIENCE)  # as it was left
    expect(place.locator('[data-tensor="t0"] .vg-value').first).to_contain_text("0.7")
    assert step(place) == at
    assert place.page.evaluate("window.stayed") is True


def test_axe_finds_nothing_while_a_figure_is_edited(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str
) -> None:
    page = new_page(viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce")
    place = figure(page, base_url + PAGE)
    edit(place)
    write(place, "\n".join(PROGRAM) + "\nfor i in range(6):\n    print('loss', i)\nboom")
    expect(run(place)).to_contain_text("Stopped by a NameError")
    expect(place.locator(".pg-curve")).to_have_count(1)
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert axe(page) == []


def test_only_programs_that_run_in_a_browser_are_offered(page: Page, base_url: str) -> None:
    for address in ("learn/your-own-model/", "playground/"):  # traces of PyTorch; a figure that is live already
        page.goto(base_url + address)
        expect(page.locator("vg-player[ready]").first).to_be_visible()
        expect(page.locator("vg-live")).to_have_count(0)


def test_without_javascript_a_figure_is_as_before(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(base_url + PAGE)
    place = page.locator("vg-live").first
    expect(place.locator("svg.vg-graph")).to_be_visible()
    expect(place.locator(".vg-final")).to_be_visible()
    expect(place.locator(".vg-lines")).to_contain_text("a = vg.TensorNode(0.8)")
    expect(place.get_by_role("button")).to_have_count(0)
