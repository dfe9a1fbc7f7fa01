"""Figures for authors: stories, two traces on one timeline; and all labs for everyone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.player.programs import DIAMOND, MATRICES
from vizgrad import player, trace
from vizgrad.errors import TraceError
from vizgrad.player.story import beats

STORY = """
value o | s | Forward is done, and `s` goes into two operations.
wait | s | One gradient has come.
# gradient s | s | Both have come. | Why wait? | Each use sends one <b>.
end | | The walk is at its end.
"""
DOUBLER = """\
import vizgrad as vg

class Double(vg.Op):
    @staticmethod
    def forward(context, x):
        return 2 * x

    @staticmethod
    def backward(context, go):
        return go * {slope}

x = vg.TensorNode(3.0)
y = Double.do_forward(x)
z = y * y
z.backward()
"""
SINGLE = """\
import numpy as np
import vizgrad as vg

a = vg.TensorNode(np.array(0.1, np.{dtype}))
(a * a * a).backward()
"""
SCREENS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 360, "height": 740}}}


# --- stories ---------------------------------------------------------------------------------------------------------


def test_beats_name_their_steps():
    told = beats(STORY, trace.run(DIAMOND))
    assert [(beat.step, beat.focus) for beat in told] == [(3, "t1"), (9, "t1"), (11, "t1"), (14, "")]
    assert told[2].question == "Why wait?"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("wait | s", "is no beat"),
        ("wait | s | ", "is no beat"),
        ("99 | s | text", "no step"),
        ("soon | s | text", "no step"),
        ("value a | s | text", "no step"),
        ("wait | nobody | text", "no tensor is called"),
        ("gradient nobody | s | text", "no tensor is called"),
    ],
)
def test_what_is_wrong_with_a_beat_is_said(line, complaint):
    with pytest.raises(TraceError, match=complaint):
        player.figure(trace.run(DIAMOND), "f", story=line)


def test_a_story_opens_with_its_point_and_shares_the_clock(show):
    figure = show(DIAMOND, story=STORY)
    story = figure.get_by_role("region", name="Story")
    assert figure.evaluate("p => p.step") == 3
    expect(story).to_contain_text("Forward is done, and s goes into two operations.")
    expect(figure.locator(".vg-told")).to_have_attribute("data-tensor", "t1")
    expect(story.get_by_role("button", name="Back")).to_be_disabled()
    story.get_by_role("button", name="Next").click()
    assert figure.evaluate("p => p.step") == 9
    figure.get_by_role("button", name="Last step").click()
    expect(story).to_contain_text("4 of 4")
    expect(figure.locator(".vg-told")).to_have_count(0)
    story.get_by_role("button", name="Back").click()
    assert figure.evaluate("p => p.step") == 11
    story.get_by_text("Why wait?").click()
    expect(story.get_by_text("Each use sends one <b>.")).to_be_visible()
    figure.evaluate("p => p.go(10)")
    expect(story).to_contain_text("One gradient has come.")


def test_the_graph_walks_to_the_next_beat_where_motion_is_wanted(show, new_page):
    figure = show(DIAMOND, page=new_page(reduced_motion="no-preference"), story=STORY)
    figure.evaluate("p => { window.steps = []; p.addEventListener('vg-step', (e) => steps.push(e.detail.step)); }")
    figure.get_by_role("button", name="Next", exact=True).click()
    expect(figure.get_by_role("region", name="Story")).to_contain_text("One gradient has come.")
    expect(figure.locator(".vg-bar .vg-count")).to_have_text("step 9 of 14")
    assert figure.page.evaluate("steps") == [4, 5, 6, 7, 8, 9]


def test_a_story_reads_without_javascript(new_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(player.standalone(trace.run(DIAMOND), story=STORY), encoding="utf-8")
    page = new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert page.locator("ol.vg-story > li").count() == 4
    expect(page.get_by_text("One gradient has come.")).to_be_visible()


# --- two traces ------------------------------------------------------------------------------------------------------


@pytest.fixture
def compare(new_page, tmp_path):
    """Opens two programs beside each other."""

    def make(one: str, other: str, page: Page | None = None, **options) -> Locator:
        path = tmp_path / "compare.html"
        text = player.standalone(trace.run(one), compare=trace.run(other), **options)
        path.write_text(text, encoding="utf-8")
        page = page or new_page()
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('vg-player[ready]').length === 2")
        return page.locator("vg-compare")

    return make


def steps(both: Locator) -> list[int]:
    return both.evaluate("c => [...c.querySelectorAll('vg-player')].map((p) => p.step)")


def test_one_timeline_steps_both_and_differences_are_marked(compare):
    both = compare(DOUBLER.format(slope=2), DOUBLER.format(slope=1), labels=("right", "faulty"), step="5")
    said = both.locator(".vg-compared")
    assert steps(both) == [5, 5]
    expect(said).to_contain_text("No number differs at this step.")
    expect(both.locator("#vg-other .vg-bar")).to_be_hidden()
    both.get_by_role("button", name="First difference").click()
    assert steps(both) == [6, 6]
    expect(said).to_contain_text("What is sent at this step differs.")
    both.get_by_role("button", name="Next step").click()
    expect(said).to_contain_text("Different at this step: x∇: 24 and 12.")
    assert both.locator(".vg-differs text").all_text_contents() == ["24", "12"]
    both.evaluate("c => c.querySelector('#vg-other').go(2)")
    assert steps(both) == [2, 2]
    expect(both.locator(".vg-differs")).to_have_count(0)


def test_differences_below_what_is_shown_are_told_by_their_size(compare):
    both = compare(SINGLE.format(dtype="float64"), SINGLE.format(dtype="float32"), step="start")
    expect(both.locator(".vg-compared")).to_contain_text(re.compile(r"a: 0\.1 and 0\.1 \(by 1\.49e−09\)"))


def test_programs_of_different_length_are_matched_where_they_agree(compare):
    longer = DIAMOND.replace("o = 3 * s * vg.sin(s)", "t = vg.cos(s)\no = 3 * s * vg.sin(s)")
    both = compare(DIAMOND, longer, step="end")
    assert steps(both) == [14, 15]
    both.evaluate("c => c.querySelector('vg-player').go(1)")
    assert steps(both) == [1, 2]
    expect(both.locator("#vg-other .vg-bar")).to_be_visible()


def test_two_that_agree_are_said_to(compare):
    both = compare(DIAMOND, DIAMOND)
    both.get_by_role("button", name="First difference").click()
    expect(both.locator(".vg-compared")).to_contain_text("The two agree in every number.")


# --- for everyone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", SCREENS.values(), ids=SCREENS)
def test_axe_finds_nothing_in_the_labs(show, new_page, axe, options):
    figure = show(MATRICES, page=new_page(**options), story="7 | a | A text. | Why? | Because.")
    figure.get_by_role("button", name="Change a number").click()
    figure.get_by_label("a row 0, column 0").fill("9")
    assert axe(figure.page) == []
    for tool in ("Nudge test", "Order lab", "Predict"):
        figure.get_by_role("button", name=tool, exact=True).click()
        assert axe(figure.page) == [], tool
        assert figure.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tool
        for target in figure.locator(".vg-panel:visible").locator("button, select, input").all():
            box = target.bounding_box()
            assert box is None or min(box["height"], box["width"]) >= 24


@pytest.mark.parametrize("options", SCREENS.values(), ids=SCREENS)
def test_axe_finds_nothing_in_a_comparison(compare, new_page, axe, options):
    both = compare(DOUBLER.format(slope=2), DOUBLER.format(slope=1), page=new_page(**options), step="end")
    assert axe(both.page) == []
    assert both.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_number_is_changed_by_the_keyboard_alone(show):
    figure = show(DIAMOND, step="end")
    figure.get_by_role("button", name="Change a number").press("Enter")
    while figure.evaluate("() => document.activeElement.tagName") != "INPUT":
        figure.page.keyboard.press("Tab")
    figure.page.keyboard.press("ArrowUp")
    expect(figure.locator(".vg-mine")).to_contain_text("a = 1.8, not 0.8")
    assert figure.evaluate("p => p.step") == 14
