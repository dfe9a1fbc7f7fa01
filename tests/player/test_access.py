"""The player for everyone: without colour, without a mouse, on a phone, with less motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.player.programs import DIAMOND, FAILING, MATRICES

SCREENS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}},
}


def open_everything(page: Page) -> None:
    page.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
    page.locator(".vg-tensor").first.dispatch_event("click")


@pytest.mark.parametrize("options", SCREENS.values(), ids=SCREENS)
def test_axe_finds_nothing(show, new_page, axe, options):
    player = show(DIAMOND, page=new_page(**options))
    for step in (0, 4, 9, 10, 14):
        player.evaluate("(p, k) => p.go(k)", step)
        open_everything(player.page)
        assert axe(player.page) == []


@pytest.mark.parametrize("options", SCREENS.values(), ids=SCREENS)
@pytest.mark.parametrize("program", [FAILING, MATRICES], ids=["failure", "matrices"])
def test_axe_finds_nothing_in_what_is_wide(show, new_page, axe, program, options):
    player = show(program, page=new_page(**options), step="end" if program == FAILING else "8")
    open_everything(player.page)
    assert axe(player.page) == []


def test_on_a_phone_panes_stack_and_only_the_graph_scrolls_sideways(show, new_page):
    player = show(DIAMOND, page=new_page(viewport={"width": 360, "height": 740}))
    page = player.page
    for step in range(15):
        player.evaluate("(p, k) => p.go(k)", step)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        stage = player.locator(".vg-stage").bounding_box()
        active = player.locator(".vg-op.vg-active, .vg-tensor.vg-active").first.bounding_box()
        assert stage["x"] <= active["x"] and active["x"] + active["width"] <= stage["x"] + stage["width"]
    code, card = player.locator(".vg-code").bounding_box(), player.locator(".vg-card").bounding_box()
    assert card["y"] >= code["y"] + code["height"]


@pytest.mark.parametrize("width", [360, 1000])
def test_targets_are_large_enough(show, new_page, width):
    player = show(DIAMOND, page=new_page(viewport={"width": width, "height": 740}))
    open_everything(player.page)
    for target in player.locator("button, select, summary, input, .vg-tensor, .vg-op").all():
        box = target.bounding_box()
        assert box["width"] >= 24 and box["height"] >= 24, target.evaluate("e => e.outerHTML.slice(0, 200)")


def test_controls_have_names_and_the_slider_says_where_it_is(show):
    player = show(DIAMOND, step="wait")
    for name in ("First step", "Previous step", "Play", "Next step", "Last step"):
        expect(player.get_by_role("button", name=name, exact=True)).to_be_visible()
    assert player.get_by_role("slider", name="Step").get_attribute("aria-valuetext") == "step 9 of 14, backward"
    assert player.get_by_role("status").get_attribute("aria-live") == "polite"


def test_what_is_active_is_marked_by_more_than_colour(show):
    player = show(DIAMOND, step="8")
    assert player.locator(".vg-marker:visible").count() == 1
    width = "e => parseFloat(getComputedStyle(e.querySelector('.vg-shape')).strokeWidth)"
    active, other = (player.locator(f".vg-op[data-op={op}]").evaluate(width) for op in ("o2", "o0"))
    assert active > 2 * other


def test_focus_is_visible(show):
    player = show(DIAMOND)
    for _ in range(9):
        player.page.keyboard.press("Tab")
        seen = player.evaluate(
            """() => { const e = document.activeElement, shape = e.querySelector?.('.vg-shape');
                const style = getComputedStyle(e);
                return style.outlineStyle !== 'none' || (shape && getComputedStyle(shape).filter !== 'none'); }"""
        )
        assert seen, player.evaluate("() => document.activeElement.outerHTML.slice(0, 200)")


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_motion_is_only_for_those_who_want_it(show, new_page, motion, moves):
    player = show(DIAMOND, page=new_page(reduced_motion=motion), step="6")
    running = player.evaluate("p => p.getAnimations({subtree: true}).length")
    assert (running > 0) is moves


def test_print_shows_the_figure_without_its_controls(show):
    player = show(DIAMOND, step="wait")
    player.page.emulate_media(media="print")
    expect(player.locator(".vg-bar")).to_be_hidden()
    expect(player.locator(".vg-graph")).to_be_visible()
    expect(player.locator(".vg-card")).to_be_visible()


TOOLS = {"Go to", "Memory", "Change a number", "Nudge test", "Order lab", "Predict", "Take away", "Keys"}


@pytest.mark.parametrize("options", SCREENS.values(), ids=SCREENS)
def test_axe_finds_nothing_with_each_tool_open(show, new_page, axe, options):
    player = show(MATRICES, page=new_page(**options), step="7")
    tools = player.get_by_role("group", name="Tools").get_by_role("button")
    assert set(tools.all_text_contents()) == TOOLS
    for name in TOOLS:
        tools.get_by_text(name, exact=True).click()
        expect(player.get_by_role("region", name=name)).to_be_visible()
        assert axe(player.page) == []
        assert player.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
