"""Frames of the library, questions to predict, the contents table and the page for teachers, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import LAID_OUT
from tests.site.conftest import reach

READING = "learn/reading-the-code/"


def frames(page: Page, base_url: str, place: int = 0) -> tuple[Locator, list[dict[str, Any]]]:
    """A figure of frames, ready to be used, and the steps that were recorded for it."""
    page.goto(base_url + READING)
    figure = page.locator("vg-frames").nth(place)
    reach(figure)
    expect(figure.get_by_role("button", name="Next")).to_be_visible()
    return figure, json.loads(figure.get_attribute("data-run") or "")["steps"]


@pytest.mark.parametrize("place", [0, 1])
def test_every_step_shows_the_recorded_line_and_values(page: Page, base_url: str, root: Path, place: int) -> None:
    figure, steps = frames(page, base_url, place)
    files = json.loads(figure.get_attribute("data-run") or "")["sources"]
    figure.get_by_role("button", name="Start").focus()
    for number, step in enumerate(steps):
        frame = step["stack"][-1]
        assert figure.get_by_role("status").inner_text() == step["text"].replace("`", "")
        tabs = figure.get_by_role("tab")
        assert [tab.split("\n")[0] for tab in tabs.all_inner_texts()] == [one["function"] for one in step["stack"]]
        line = figure.locator("[data-line][aria-current]")
        assert line.get_attribute("data-line") == str(frame["line"])
        if frame["function"] != "program":
            source = (root / files[frame["function"]]).read_text(encoding="utf-8").splitlines()
            assert line.inner_text().strip() == source[frame["line"] - 1].strip()
        cells = figure.get_by_role("table").locator("td").all_inner_texts()
        assert cells == [text for _, text in [*frame["rows"], *step["gives"]]]
        assert figure.evaluate("element => element.step") == number
        page.keyboard.press("ArrowRight")
    expect(figure.get_by_text(f"{len(steps)} of {len(steps)}")).to_be_visible()
    page.keyboard.press("Home")
    assert figure.evaluate("element => element.step") == 0


def test_the_stack_is_one_stop_of_the_keyboard_and_arrows_go_through_it(page: Page, base_url: str) -> None:
    figure, steps = frames(page, base_url)
    deepest = max(range(len(steps)), key=lambda k: len(steps[k]["stack"]))
    figure.evaluate("(element, k) => element.go(k)", deepest)
    tabs = figure.get_by_role("tab")
    assert tabs.evaluate_all("tabs => tabs.map((tab) => tab.tabIndex)") == [-1] * (tabs.count() - 1) + [0]
    tabs.last.focus()
    page.keyboard.press("ArrowUp")
    expect(tabs.nth(tabs.count() - 2)).to_be_focused()
    caller = steps[deepest]["stack"][-2]
    expect(figure.get_by_role("tabpanel")).to_have_accessible_name(f"{caller['function']}, line {caller['line']}")
    expect(figure.get_by_text("Waits in this line")).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is no frame above the program
    expect(tabs.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    assert figure.evaluate("element => element.step") == deepest + 1


def test_a_question_shows_its_answer_only_after_a_prediction(page: Page, base_url: str) -> None:
    page.goto(base_url + READING)
    question = page.locator("vg-question").first
    answer = question.locator("details")
    expect(answer).to_be_hidden()
    question.get_by_role("button", name="See").click()
    expect(question.get_by_role("status")).to_have_text("Choose what you expect first.")
    place = int(question.get_attribute("data-place") or "")
    radios = question.get_by_role("radio")
    radios.nth(place % radios.count()).check()  # the one after the right one, or the first
    page.keyboard.press("Enter")
    expect(question.get_by_role("status")).to_contain_text(f"answer {place} is what happens")
    expect(answer).to_be_visible()
    expect(answer.get_by_text("array([[11., 22.]")).to_be_visible()
    radios.nth(place - 1).check()
    question.get_by_role("button", name="See").click()
    expect(question.get_by_role("status")).to_contain_text("Yes")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_use_the_page_has_no_fault(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str, scheme: str
) -> None:
    page = new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme, reduced_motion="reduce")
    figure, steps = frames(page, base_url)
    figure.evaluate("(element, k) => element.go(k)", len(steps) // 2)
    figure.get_by_role("tab").first.click()
    question = page.locator("vg-question").first
    question.get_by_role("radio").first.check()
    question.get_by_role("button", name="See").click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_javascript_there_are_lists_and_answers(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(base_url + READING)
    figure = page.locator("vg-frames").first
    steps = json.loads(figure.get_attribute("data-run") or "")["steps"]
    assert figure.locator(".vg-frames-steps > li").count() == len(steps)
    expect(figure).to_contain_text("return a + b")
    question = page.locator("vg-question").first
    question.locator("summary").click()
    expect(question.locator("details")).to_contain_text("array([[11., 22.]")


def test_frames_and_questions_live_through_a_change_of_page(page: Page, base_url: str) -> None:
    frames(page, base_url)
    page.wait_for_load_state("networkidle")
    page.evaluate("window.stayed = true")
    reach(page.get_by_role("link", name="before you start", exact=True)).click()
    page.wait_for_url("**/before-you-start/")
    expect(page.locator("vg-question").first.get_by_role("button", name="See")).to_be_visible()
    page.go_back()
    page.wait_for_url("**/reading-the-code/")
    figure = page.locator("vg-frames").first
    figure.get_by_role("button", name="Next").click()
    assert figure.evaluate("element => element.step") == 1
    assert page.evaluate("window.stayed") is True


@pytest.mark.parametrize("address", ["learn/", "learn/errata/"])
def test_links_that_the_build_makes_lead_somewhere(site_dir: Path, address: str) -> None:
    page = site_dir / address / "index.html"
    article = page.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
    links = set(re.findall(r'href="([^"#]+)(?:#([^"]*))?"', article))
    assert len(links) > 15
    for target, anchor in links:
        found = (page.parent / target / "index.html").read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in found, f"{target}#{anchor}"


def test_a_figure_for_the_projector_has_no_tools_and_still_steps(page: Page, base_url: str) -> None:
    page.goto(base_url + "teachers/")
    figure = page.locator(".quiet vg-player")
    reach(figure)
    next_step = figure.get_by_role("button", name="Next step")
    expect(next_step).to_be_visible()
    before = figure.evaluate("element => element.step")
    next_step.click()
    assert figure.evaluate("element => element.step") == before + 1
    expect(figure.get_by_role("button", name="Predict")).to_be_hidden()
    expect(page.locator("vg-player").first.get_by_role("button", name="Predict")).to_be_visible()


def test_the_link_to_a_step_opens_there(page: Page, base_url: str) -> None:
    page.goto(base_url + "teachers/#vg1=4")
    page.locator("vg-player[ready]").first.wait_for(state="attached")
    assert page.locator("vg-player").first.evaluate("element => element.step") == 4


def test_only_a_page_that_opens_at_its_top_is_laid_out_piece_by_piece(page, base_url):
    """Elsewhere, what is above would move what is being read."""
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => (window.atTop = document.documentElement.matches('.site-at-top')))"
    )
    address = f"{base_url}learn/six-layers-by-hand/"
    page.goto(address)
    assert page.evaluate("window.atTop") is True
    page.wait_for_function(LAID_OUT)
    page.reload()
    assert page.evaluate("window.atTop") is False
    page.goto("about:blank")
    page.goto(f"{address}#the-check")
    assert page.evaluate("window.atTop") is False


@pytest.mark.parametrize("width", [1280, 360])
def test_a_link_to_a_heading_lands_there_and_a_reload_stays(new_page, base_url, width):
    """Two figures above the heading grow while the page starts."""
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(f"{base_url}learn/batch-norm/#what-the-formula-says")
    heading = page.locator("#what-the-formula-says")

    def settled_at() -> float:
        expect(page.locator("vg-player[ready]")).to_have_count(2)
        expect(page.locator("vg-exercise[ready]")).to_have_count(3)
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(300)  # the theme notes where a reader is a moment later
        return heading.evaluate("heading => heading.getBoundingClientRect().top")

    assert 48 <= settled_at() < 80  # right below the theme's header
    page.mouse.wheel(0, 200)
    page.wait_for_function("() => document.querySelector('#what-the-formula-says').getBoundingClientRect().top < 0")
    left = settled_at()
    page.reload()
    assert abs(settled_at() - left) < 2
    page.mouse.wheel(0, -400)  # the page is the reader's now
    page.wait_for_function("() => document.querySelector('#what-the-formula-says').getBoundingClientRect().top > 100")
    page.set_viewport_size({"width": width - 20, "height": 800})
    assert settled_at() > 100
