"""Exercises and mistakes to spot, as a reader meets them. Python takes long to start, so a test does several things."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.site.conftest import reach, ten_seconds, unwatched_site

PAGE = "learn/element-wise/"
RIGHT = "def backward(G, X, Y):\n    return G / Y, -G * X / Y**2"
WRONG = RIGHT.replace("-G", "G")
ENDLESS = "print('begun')\nwhile True:\n    pass"
PATIENCE = 60_000


def exercise(page: Page, name: str = "division") -> Locator:
    found = page.locator(f"#exercise-{name}")
    expect(found).to_have_attribute("ready", "")
    return found


def opened(page: Page, base_url: str) -> Locator:
    """The exercise on division, with its editor."""
    page.goto(base_url + PAGE)
    found = exercise(page)
    reach(found)
    expect(found.locator(".cm-content")).to_be_visible()
    return found


def status(place: Locator) -> Locator:
    return place.locator(".vg-ex-status")


def write(place: Locator, answer: str) -> None:
    place.get_by_role("textbox").press("Control+A")
    place.page.keyboard.insert_text(answer)


def check(place: Locator, answer: str | None = None) -> Locator:
    """Has an answer graded, and gives the line that says how it went."""
    if answer is not None:
        write(place, answer)
    place.get_by_role("button", name="Check", exact=True).click()
    place.and_(place.page.locator(":not([running])")).wait_for()
    return status(place)


def solution(place: Locator) -> Locator:
    return place.locator(".vg-ex-solution")


def test_an_exercise_from_the_first_try_to_the_solution(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    place = opened(page, base_url)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "pyodide" in url]  # nobody has asked for Python yet
    expect(place.locator("textarea")).to_have_count(0)
    expect(solution(place)).to_be_hidden()

    expect(check(place)).to_contain_text("still a ... to be replaced")  # the start as it stands is no try
    expect(solution(place)).to_be_hidden()

    expect(check(place, WRONG)).to_have_text("Not yet, but a part of it is right.")
    said = place.get_by_role("region", name="What the check says")
    expect(said).to_contain_text("The gradient of X, shape (3, 4), is right.")
    expect(said).to_contain_text("The gradient of Y, shape (3, 4), is wrong everywhere. The first: entry [0, 0] is")
    expect(said).to_contain_text("Why: The sign is lost")
    expect(said).to_contain_text("A usual mistake gives the same numbers: the minus sign of Y is lost.")
    expect(said.locator("td strong")).to_have_count(12)
    expect(solution(place)).to_be_visible()
    solution(place).locator("summary").click()
    expect(solution(place)).to_contain_text("dX = G / Y")

    expect(check(place, RIGHT)).to_contain_text("Right: the gradient of X and the gradient of Y agree")
    expect(said).to_be_hidden()
    expect(place.locator(".vg-ex-done")).to_have_text("✓ done, 2 tries")

    page.wait_for_timeout(500)
    page.reload()
    place = exercise(page)
    expect(place.locator(".vg-ex-done")).to_have_text("✓ done, 2 tries")
    reach(place)
    expect(place.locator(".cm-line").nth(1)).to_have_text(RIGHT.splitlines()[1])

    place.get_by_role("button", name="Start again").click()
    expect(place.locator(".cm-content")).to_contain_text("dX = ...")
    expect(place.locator(".vg-ex-done")).to_have_text("✓ done, 2 tries")


def test_hints_come_one_at_a_time_and_are_remembered(page: Page, base_url: str) -> None:
    place = opened(page, base_url)
    hints = place.locator(".vg-ex-hint:not([hidden])")
    expect(hints).to_have_count(0)
    for number in (1, 2, 3):
        place.get_by_role("button", name=f"Hint {number} of 3").click()
        expect(hints).to_have_count(number)
        expect(place.locator(".vg-ex-hint[open]")).to_have_count(1)
        expect(status(place)).to_have_text(f"Hint {number} of 3 is below.")
    expect(place.get_by_role("button", name="Hint")).to_be_hidden()
    page.reload()
    expect(exercise(page).locator(".vg-ex-hint:not([hidden])")).to_have_count(3)


def test_answers_that_break_things(page: Page, base_url: str) -> None:
    place = opened(page, base_url)
    expect(check(place, "x = = 1")).to_have_text("Python cannot read the answer at line 1.")
    expect(place.locator(".cm-errorLine")).to_have_text("x = = 1")

    nasty = "<img src=x onerror=window.hacked=1>"
    answer = f"def backward(G, X, Y):\n    print({nasty!r})\n    raise ValueError({nasty!r})"
    expect(check(place, answer)).to_have_text("The answer stops with a ValueError at line 3.")
    expect(place.get_by_role("region", name="What the check says")).to_contain_text(f"ValueError: {nasty}")
    expect(place.get_by_role("region", name="Printed")).to_have_text(f"{nasty}\n")
    assert page.locator("article img[src=x]").count() == 0
    assert page.evaluate("window.hacked") is None

    recursion = "def backward(G, X, Y):\n    return backward(G, X, Y)"
    expect(check(place, recursion)).to_have_text("The answer stops with a RecursionError at line 2.")

    write(place, ENDLESS)
    with ten_seconds(page):
        place.get_by_role("button", name="Check", exact=True).click()
        expect(place.get_by_role("region", name="Printed")).to_have_text("begun\n")
        other = exercise(page, "the-logistic-loss-of-a-score")
        other.get_by_role("button", name="Check", exact=True).click()
        expect(status(other)).to_contain_text("Python is busy")
    expect(place).not_to_have_attribute("running", "", timeout=PATIENCE)
    expect(status(place)).to_have_text(
        "Stopped after 10 seconds, the most that a check may take. Does a loop never end?"
    )
    expect(check(place, RIGHT)).to_contain_text("Right")
    expect(check(other, "dX = -G * sigmoid(-X)")).to_contain_text("Right: dX agrees")


def test_the_keyboard_is_enough(page: Page, base_url: str) -> None:
    place = opened(page, base_url)
    box = place.get_by_role("textbox")
    box.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(WRONG)
    page.keyboard.press("Control+Enter")
    expect(status(place)).to_contain_text("Not yet", timeout=PATIENCE)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(place.get_by_role("button", name="Check", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(status(place)).to_have_text("Hint 1 of 3 is below.")

    mistake = page.locator("vg-mistake")
    mistake.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(status(mistake)).to_have_text("Line 1 is right. Look at the others.")
    expect(mistake.locator(".vg-ex-because:visible")).to_contain_text("the chain rule")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(status(mistake)).to_have_text("Yes: line 3 is wrong.")
    expect(mistake.get_by_text("The numbers that refute it")).to_be_visible()
    expect(mistake.locator("details li")).to_contain_text("At Y[0, 0] it gives")
    expect(mistake.locator(".vg-ex-done")).to_have_text("✓ done, 2 tries")


def test_the_list_knows_what_is_done_and_gives_it_to_a_teacher(page: Page, base_url: str, tmp_path: Path) -> None:
    page.goto(base_url + PAGE)
    mistake = page.locator("vg-mistake[ready]")
    mistake.get_by_role("radio").nth(2).check()
    mistake.get_by_role("button", name="Check").click()
    page.goto(f"{base_url}learn/exercises/")
    summary = page.locator("vg-progress[ready]")
    rows = summary.locator("tbody tr")
    expect(rows).not_to_have_count(0)
    count = rows.count()
    expect(summary).to_contain_text(f"Exercises done: 1 of {count}.")
    row = rows.filter(has_text="The slope of a quotient")
    expect(row).to_contain_text("✓ done, 1 try")

    with page.expect_download() as download:
        summary.get_by_role("button", name="Export").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    saved = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = saved["exercises"].values()
    assert (entry["title"], entry["tries"], bool(entry["done"])) == ("The slope of a quotient", 1, True)

    page.once("dialog", lambda dialog: dialog.accept())
    summary.get_by_role("button", name="Reset").click()
    expect(summary).to_contain_text(f"Exercises done: 0 of {count}.")
    summary.get_by_label("A file to import").set_input_files(path)
    expect(summary).to_contain_text(f"Exercises done: 1 of {count}.")

    bad = tmp_path / "bad.json"
    for text in ("", "[]", "null", '{"format": "vizgrad-exercises-1", "exercises": {"a": {"tries": -1}}}', "<b>"):
        bad.write_text(text, encoding="utf-8")
        summary.get_by_label("A file to import").set_input_files(bad)
        expect(status(summary)).to_contain_text("This is no file that")
        summary.get_by_role("button", name="Export").click()
        expect(status(summary)).to_contain_text("Saved")
    expect(summary).to_contain_text(f"Exercises done: 1 of {count}.")

    page.wait_for_load_state("networkidle")
    page.evaluate("window.stayed = true")
    row.get_by_role("link").click()  # the theme swaps the page
    page.wait_for_url(f"**/{PAGE}#mistake-the-slope-of-a-quotient")
    expect(page.locator("vg-mistake .vg-ex-done")).to_have_text("✓ done, 1 try")
    expect(exercise(page).get_by_role("button", name="Check", exact=True)).to_have_count(1)
    assert page.evaluate("window.stayed") is True


def test_numbers_and_counting_functions_are_graded_too(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}learn/counting/")
    place = exercise(page, "one-convolution")
    reach(place)
    expect(place.locator(".cm-content")).to_be_visible()
    expect(check(place)).to_contain_text("still a ... to be replaced")
    expect(solution(place)).to_be_hidden()
    no_bias = "def count(k, C, F, h, w):\n    return k * k * C * F, h * w * k * k * C * F, h * w * F"
    expect(check(place, no_bias)).to_have_text("Not yet.")
    said = place.get_by_role("region", name="What the check says")
    expect(said).to_contain_text("count(1, 1, 1, 1, 1) gives [1, 1, 1], and should give [2, 1, 1].")
    expect(said).to_contain_text("A usual mistake gives the same numbers: the bias is forgotten.")
    expect(solution(place)).to_be_visible()
    expect(check(place, no_bias.replace("C * F,", "C * F + F,", 1))).to_contain_text("in all 4 calls")

    other = exercise(page, "what-a-bottleneck-saves")
    reach(other)
    expect(other.locator(".cm-content")).to_be_visible()
    expect(check(other, "plain = 32 * 32 * 25 * 256 * 96\nbottleneck = 1\nactivations = 64 * 32 * 32")).to_contain_text(
        "a part of it is right"
    )
    said = other.get_by_role("region", name="What the check says")
    expect(said).to_contain_text("activations is right.")
    expect(said).to_contain_text("bottleneck is 1, and that is not right.")


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_when_the_editor_comes(new_page: Callable[..., Page], base_url: str, width: int) -> None:
    """The editor is fetched when the reader comes near: what is below is in sight by then, and may be clicked."""
    page = new_page(viewport={"width": width, "height": 800})
    held: list[Route] = []
    page.context.route("**/vendor/editor.js", lambda route: held.append(route))
    page.goto(base_url + "learn/momentum/")
    place = exercise(page, "when-the-rate-changes")
    with page.context.expect_event("request", lambda request: request.url.endswith("/vendor/editor.js")):
        reach(place)
    field = place.locator("textarea")
    before = [part.bounding_box()["height"] for part in (place, field)]
    held[0].continue_()
    editor = place.locator(".cm-editor")
    expect(editor).to_be_visible()
    expect(field).to_have_count(0)
    assert [part.bounding_box()["height"] for part in (place, editor)] == pytest.approx(before, abs=1)
    expect(place.get_by_role("textbox")).to_have_accessible_description(re.compile("Esc, then Tab leaves the editor"))


def test_what_is_kept_is_read_with_care(browser: Browser, base_url: str) -> None:
    with unwatched_site(browser, base_url) as page:
        page.add_init_script("localStorage.setItem('vizgrad-exercises', '{\"format\": 3, \"exercises\": [7]}')")
        page.goto(base_url + PAGE)
        expect(exercise(page).locator("textarea, .cm-content").first).to_have_count(1)
        expect(exercise(page).locator(".vg-ex-done")).to_have_text("")


def test_axe_finds_nothing_in_any_state(
    new_page: Callable[..., Page], axe: Callable[..., list[str]], base_url: str
) -> None:
    page = new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.goto(f"{base_url}learn/relu/")  # a short page: axe looks at everything
    place = exercise(page, "the-absolute-value")
    reach(place)
    expect(place.locator(".cm-content")).to_be_visible()
    check(place, "def backward(G, X):\n    print(1)\n    return np.sign(X)")
    place.get_by_role("button", name="Hint").click()
    mistake = page.locator("vg-mistake")
    mistake.get_by_role("radio").nth(1).check()
    mistake.get_by_role("button", name="Check").click()
    page.evaluate("document.fonts.ready")
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page, "color-contrast") == []  # all that the dark changes
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert axe(page) == []


def test_everything_reads_without_javascript(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(base_url + PAGE)
    place = page.locator("#exercise-division")
    expect(place).to_contain_text("write the backward of")
    expect(place.get_by_text("dX = ...")).to_be_visible()
    expect(place.get_by_role("button")).to_have_count(0)
    for name in ("Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Solution"):
        place.get_by_text(name, exact=True).click()
    expect(place.get_by_text("only meets entry")).to_be_visible()
    expect(place.get_by_text("-G * X / Y**2")).to_be_visible()
    mistake = page.locator("vg-mistake")
    expect(mistake.locator("ol > li")).to_have_count(3)
    mistake.get_by_text("Answer", exact=True).click()
    expect(mistake.get_by_text("Line 3 is wrong.")).to_be_visible()
    page.goto(f"{base_url}learn/exercises/")
    expect(page.get_by_role("link", name="The slope of a quotient")).to_be_visible()
