"""However a reader comes to a step, the same is shown: by single steps, by the slider, from the end, by a link."""

from __future__ import annotations

import json
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

import vizgrad as vg
from tests.player.programs import DIAMOND
from tests.player.test_modules import NETWORK
from tests.strategies import Program, programs
from vizgrad import Trace, player, trace

# Everything that shows: of each element that is seen, its classes, its text, and the attributes that a step may change.
# Of a formula, which is a thousand elements, its text. Where the drawing is scrolled to is the reader's, and no part.
SHOWN = """player => {
    const names = ['aria-label', 'aria-current', 'aria-disabled', 'aria-pressed', 'aria-valuetext', 'd', 'fill',
        'fill-opacity', 'href', 'src', 'textLength', 'transform', 'title', 'xlink:href', 'data-phase', 'display'];
    const own = element => element.matches('.katex') ? element.textContent
        : [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join('');
    const classes = element => [...element.classList].filter(name => name !== 'vg-moved').sort().join(' ');
    return [...player.querySelectorAll(':not(.katex *)')]
        .filter(element => element.checkVisibility({ visibilityProperty: true }))
        .map(element => JSON.stringify([element.localName, classes(element), own(element), element.value ?? '',
            ...names.map(name => element.getAttribute(name) || '')]));
}"""


def differences(one: list[str], other: list[str]) -> list[str]:
    if one == other:
        return []
    return [json.dumps([a, b]) for a, b in zip(one, other, strict=False) if a != b][:3] or [
        "more of one than the other"
    ]


def recorded_in(program: Program) -> Trace:
    with vg.record() as recording:
        program.run_here()[-1].backward()
    return recording


def assert_same_by_all_ways(page: Page, recorded: Trace, path: Path, k: int, chance: random.Random) -> None:
    path.write_text(player.standalone(recorded), encoding="utf-8")
    last = len(recorded.steps) - 1
    slider = page.get_by_role("slider")

    def by_opening_a_link() -> None:
        page.goto("about:blank")
        page.goto(f"{path.as_uri()}#vg={k}")
        page.wait_for_selector("vg-player[ready]", state="attached")

    def by_single_steps() -> None:
        slider.press("Home")
        for _ in range(k):
            page.keyboard.press("ArrowRight")

    def by_the_slider() -> None:
        for place in [*(chance.randint(0, last) for _ in range(3)), k]:
            slider.fill(str(place))

    def from_the_end() -> None:
        slider.press("End")
        for _ in range(last - k):
            page.keyboard.press("ArrowLeft")

    def by_a_link_in_the_page() -> None:
        slider.press("Home")
        page.evaluate("() => { location.hash = ''; }")
        page.evaluate("k => { location.hash = `vg=${k}`; }", k)
        page.wait_for_function("k => document.querySelector('vg-player').step === k", arg=k)

    def by_the_table() -> None:
        slider.press("End")
        page.get_by_text("All steps", exact=True).click()
        page.get_by_role("button", name=f"Go to step {k}", exact=True).press("Enter")
        page.get_by_text("All steps", exact=True).click()

    shown = {}
    for way in (by_opening_a_link, by_single_steps, by_the_slider, from_the_end, by_a_link_in_the_page, by_the_table):
        way()
        page.mouse.move(0, 0)
        page.evaluate("() => document.activeElement.blur()")
        shown[way.__name__] = page.locator("vg-player").evaluate(SHOWN)
    first = shown["by_opening_a_link"]
    assert len(first) > 50
    for name, one in shown.items():
        assert differences(one, first) == [], (name, k)


def test_of_random_programs(new_page, tmp_path):
    page = new_page()

    @given(programs(most=10), st.floats(0, 1), st.randoms(use_true_random=False))
    @settings(max_examples=5)
    def check(program, share, chance):
        recorded = recorded_in(program)
        assert_same_by_all_ways(page, recorded, tmp_path / "f.html", round(share * (len(recorded.steps) - 1)), chance)

    check()


def test_of_a_training_step_with_modules(new_page, tmp_path):
    recorded = trace.run(NETWORK)
    for k in (7, len(recorded.steps) - 3):
        assert_same_by_all_ways(new_page(), recorded, tmp_path / "f.html", k, random.Random(k))


def test_of_a_program_in_two_files(new_page, tmp_path):
    """A step without a place of its own shows the file of the one before it."""
    record = json.loads(trace.run(DIAMOND).to_json())
    record["files"].append({"name": "helper.py", "source": "def square(a):\n    return a * a\n"})
    record["steps"][3]["place"] = [1, 2, 11, 2, 16]
    for k in (4, 5, 6):
        record["steps"][k]["place"] = None
    recorded = Trace.from_dict(record)
    for k in (2, 5, 7):
        assert_same_by_all_ways(new_page(), recorded, tmp_path / "f.html", k, random.Random(k))
