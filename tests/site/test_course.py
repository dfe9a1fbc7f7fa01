"""The pages of the course in a real browser: what their figures show is what the library computes."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.site.conftest import reach
from vizgrad import Trace
from vizgrad.trace.text import number

PAGES = [
    "",
    "learn/values-and-operations/",
    "learn/backward-step-by-step/",
    "learn/one-node-two-consumers/",
    "reports/digits/",
]


def figure(page: Page, address: str, place: int = 0) -> tuple[Locator, Trace]:
    """A figure of a page, ready to be used, and the trace that it shows."""
    page.goto(address)
    player = page.locator("vg-player").nth(place)
    reach(player)
    page.wait_for_function("place => document.querySelectorAll('vg-player')[place]?.hasAttribute('ready')", arg=place)
    source = player.evaluate("element => new URL(element.dataset.src, document.baseURI).href")
    with urllib.request.urlopen(source) as answer:
        return player, Trace.from_json(answer.read().decode())


def shown(player: Locator, kind: str) -> dict[str, list[str]]:
    """The numbers in each tensor's cells, ``value`` or ``grad``; grey zeros before anything arrives are left out."""
    return player.evaluate(
        """(player, kind) => Object.fromEntries([...player.querySelectorAll(".vg-tensor")].flatMap(tensor => {
            const slot = tensor.querySelector(`.vg-${kind}[data-kind=numbers]:not(.vg-empty)`);
            const cells = slot ? [...slot.querySelectorAll(".vg-cell text")].map(text => text.textContent) : [];
            return cells.some(Boolean) ? [[tensor.dataset.tensor, cells]] : [];
        }))""",
        kind,
    )


def numbers(arrays: dict) -> dict[str, list[str]]:
    return {id: [number(x) for x in array.reshape(-1)] for id, array in arrays.items()}


@pytest.mark.parametrize("page_url", ["", "learn/values-and-operations/", "learn/backward-step-by-step/"])
def test_a_figure_stepped_with_the_keyboard_shows_the_librarys_numbers_at_every_step(page, base_url, page_url):
    player, trace = figure(page, base_url + page_url)
    player.get_by_role("slider").focus()
    page.keyboard.press("Home")
    for step in range(len(trace.steps)):
        state = trace.state(step)
        assert shown(player, "grad") == numbers(state.grads)
        assert shown(player, "value") == numbers(state.values)
        assert trace.steps[step].text in player.get_by_role("status").inner_text()
        page.keyboard.press("ArrowRight")
    assert player.evaluate("element => element.step") == len(trace.steps) - 1


def test_the_home_figure_opens_at_a_tensor_that_waits(page, base_url):
    player, trace = figure(page, base_url)
    waiting = player.locator(".vg-waiting")
    assert waiting.get_attribute("data-tensor") == trace.tensor("s").id
    assert waiting.locator(".vg-badge").text_content() == "1/2"
    box, screen = player.bounding_box(), page.viewport_size
    assert box is not None and screen is not None
    assert box["y"] < screen["height"] * 0.6  # it begins on the first screen


def test_the_home_figure_steps_with_an_arrow_key_before_anything_has_the_focus(page, base_url):
    player, _ = figure(page, base_url)
    before = player.evaluate("element => element.step")
    page.keyboard.press("ArrowRight")
    assert player.evaluate("element => element.step") == before + 1
    page.keyboard.press("ArrowLeft")
    assert player.evaluate("element => element.step") == before


def test_the_diamond_waits_and_then_shows_the_sum(page, base_url):
    player, trace = figure(page, base_url + "learn/one-node-two-consumers/")
    s = trace.tensor("s").id
    arrivals = [k for k, step in enumerate(trace.steps) if step.kind == "accumulate" and step.tensor == s]
    first, second = (trace.steps[k] for k in arrivals)
    player.evaluate("(element, k) => element.go(k)", arrivals[0])
    assert player.locator(f"[data-tensor={s}] .vg-badge:visible").text_content() == "1/2"
    player.evaluate("(element, k) => element.go(k)", arrivals[1])
    parts = [number(trace.arrays[place]) for place in (first.gradient, second.gradient, second.after)]
    card = re.sub(r"\s+", "", player.locator(".vg-card").inner_text())
    assert f"{parts[0]}+{parts[1]}={parts[2]}" in card


def test_a_dead_branch_takes_no_part(page, base_url):
    player, trace = figure(page, base_url + "learn/one-node-two-consumers/", place=2)
    player.evaluate("(element, k) => element.go(k)", len(trace.steps) - 1)
    grads = shown(player, "grad")
    assert grads[trace.tensor("w").id] == ["4"]
    assert grads[trace.tensor("v").id] == ["12"]
    assert trace.tensor("dead").id not in grads


def test_the_recorded_digits_step_is_small_and_shows_pictures(page, base_url):
    player, trace = figure(page, base_url + "reports/digits/")
    assert len(trace.to_json()) < 1_000_000
    assert trace.tensor("images").shape == [32, 64]
    images = player.locator(f"[data-tensor={trace.tensor('images').id}] [data-kind=picture] image")
    assert images.first.get_attribute("xlink:href").startswith("data:image/png")
    updates = [step for step in trace.steps if step.kind == "update"]
    assert {trace.tensor(step.tensor).role for step in updates} == {"parameter"}
    player.evaluate("(element, k) => element.go(k)", len(trace.steps) - 1)
    weights = next(t for t in trace.tensors if t.name.endswith("layer1.w"))
    image = player.locator(f"[data-tensor={weights.id}] .vg-grad image")
    assert image.get_attribute("xlink:href").startswith("data:image/png")


@pytest.mark.parametrize("page_url", PAGES)
def test_figures_read_without_javascript(new_page, base_url, page_url):
    page = new_page(java_script_enabled=False)
    page.goto(base_url + page_url)
    players = page.locator("vg-player")
    assert players.count() >= 1
    for player in players.all():
        player.scroll_into_view_if_needed()
        assert player.locator("svg .vg-op").count() >= 1
        expect(player.get_by_text("import vizgrad as vg")).to_be_visible()
        expect(player.get_by_role("table").first).to_be_visible()


def test_figures_live_through_a_change_of_page(page, base_url):
    player, _ = figure(page, base_url + "learn/values-and-operations/")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("link", name="Next: What a backward is").click()
    page.wait_for_url("**/recipe/")
    page.locator("vg-player[ready]").first.wait_for(state="attached")
    player = page.locator("vg-player").first
    player.get_by_role("button", name="Next step").click()
    assert page.evaluate("window.sameDocument") is True
    page.go_back()
    page.wait_for_url("**/values-and-operations/")
    page.locator("vg-player[ready]").first.wait_for(state="attached")


def test_quotes_are_the_librarys_own_lines(site_dir: Path, root: Path):
    html = (site_dir / "learn/values-and-operations/index.html").read_text(encoding="utf-8")
    lines = (root / "vizgrad/ops/arithmetic.py").read_text(encoding="utf-8").splitlines()
    place = 1 + next(number for number, line in enumerate(lines) if line.startswith("class Add(Op)"))
    assert f"vizgrad/ops/arithmetic.py, line {place}" in html


def test_a_large_recording_is_fetched_when_the_reader_comes_near(page, base_url):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(base_url + "learn/your-own-model/")
    expect(page.locator("vg-player[data-late]")).to_have_count(2)
    late = page.locator("#vg3[data-late]")
    page.wait_for_load_state("networkidle")
    address = late.get_attribute("data-src").rpartition("/")[2]
    assert not [url for url in asked if url.endswith(address) or "drawings" in url]
    closed = late.locator("[data-op]").count()
    reach(late)
    expect(late).to_have_attribute("ready", "")
    assert late.locator(".vg-stage [data-op]").count() > 3 * closed  # what is in closed modules has come along
    assert len([url for url in asked if url.endswith(address)]) == 1
    page.goto("about:blank")
    page.goto(f"{base_url}learn/your-own-model/#vg3=5")
    expect(late).to_have_attribute("ready", "")
