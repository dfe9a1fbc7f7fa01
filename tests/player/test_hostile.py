"""Names, links and texts that mean harm, wherever a reader meets them: they are text, and nothing runs."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.player import programs
from tests.player.conftest import on_screen
from tests.player.test_html import NAMES
from tests.player.test_takeaway import taken
from vizgrad import Trace, trace
from vizgrad.trace.text import printable

every_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


def assert_harmless(page: Page, scripts: int = 1) -> None:
    assert page.evaluate("window.ran") is None
    assert page.locator("script").count() == scripts
    assert page.locator("img[src=x], iframe, [onerror], [onload]").count() == 0
    # A title and a story are their author's, and paragraphs of their own; what a program says turns nothing around.
    for told in page.locator(":is(.vg-view, .vg-sentence, .vg-code, .vg-side, .vg-steps)").all_text_contents():
        assert not any(unicodedata.category(letter) == "Cf" for letter in told.replace("\u200b", ""))


@pytest.fixture
def wary(browser: Browser) -> Iterator[Page]:
    """A page that notices when what it shows runs."""
    with on_screen(browser, "window.alert = () => { window.ran = true; }") as make:
        yield make()


def renamed(name: str) -> Trace:
    """A recording in which a stranger has put the whole name in the place of every text that a player shows."""
    record = json.loads(trace.run(programs.DIAMOND).to_json())
    for tensor in record["tensors"]:
        tensor["name"], tensor["module"] = name, ""
    names = {old: f"{name}{i}" for i, old in enumerate(record["codes"])}
    record["codes"] = {names[old]: {**code, "symbol": name, "doc": name} for old, code in record["codes"].items()}
    for op in record["ops"]:
        op["op"], op["settings"], op["context"] = names[op["op"]], {name: name}, {name: 1}
        for port in op["inputs"]:
            port["port"] = name
    for step in record["steps"]:
        step["text"] = f"{name} happens"
    record["files"][0]["name"] = name
    return Trace.from_dict(record)


def walk(figure: Locator) -> None:
    """Looks at every step, at the details of a tensor, an op and an edge, and at every fold."""
    for selector in (".vg-tensor", ".vg-op", ".vg-edge"):
        figure.locator(f".vg-graph {selector}").first.dispatch_event("click")
        figure.evaluate(
            """p => {
                for (let k = 0; k < p.figure.timeline.length; k += 1) p.go(k);
                for (const fold of p.querySelectorAll('details')) fold.open = true;
            }"""
        )


@every_name
def test_the_whole_of_a_long_name_is_a_title_and_the_table_of_steps_says_what_the_trace_says(show, wary, name):
    recorded = renamed(name)
    figure = show(recorded, page=wary, title=name)
    walk(figure)
    shown = printable(name.encode("utf-8", "replace").decode())
    for place in (".vg-card", ".vg-chosen"):
        text = figure.locator(place).inner_text()
        assert len(text) < 3000
    if len(shown) > 40:
        titles = figure.evaluate(
            "p => [...p.querySelectorAll('.vg-card [title], .vg-chosen [title]')].map(e => e.title)"
        )
        assert shown in titles
    assert figure.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    rows = figure.locator(".vg-steps tbody tr td:last-child")
    expect(rows).to_have_count(len(recorded.steps))
    assert rows.all_text_contents() == [printable(step.text, keep="\n\t") for step in recorded.steps]
    assert_harmless(wary)


def test_links_lead_to_steps_and_nowhere_else(show, wary):
    figure = show(programs.DIAMOND, page=wary, step="3")
    for name in NAMES.values():
        for fragment in (name, f"vg={name}", f"vg=4{name}", f"{name}=4", f"vg=4={name}", f"vg={name}4"):
            wary.evaluate("text => { location.hash = text; }", fragment)
            wary.evaluate(
                "text => { location.hash = encodeURIComponent(text); }", fragment.encode("utf-8", "replace").decode()
            )
        wary.evaluate("() => new Promise(resolve => setTimeout(resolve, 0))")
        assert figure.evaluate("p => p.step") in (3, 4)  # `vg=4=…` asks for step 4, whatever else it says
        figure.evaluate(
            """(p, name) => {
                p.state = { step: name, chosen: { tensor: name, op: name, port: name }, marks: [name, '5', name] };
                p.setAttribute('marks', `${name} o2`);
            }""",
            name,
        )
        assert figure.evaluate("p => p.state.chosen") is None
        assert figure.evaluate("p => p.marks") == ["o2"]
        assert_harmless(wary)


@every_name
def test_stories_titles_and_labels_are_text(show, wary, name):
    said = "t" + re.sub(r"[\s|`\x00-\x1f\x7f-\x9f]", " ", name)  # what a story is written with is no text
    told = f"start | | {said} `{said}` | {said} | {said}\nend | a | end"
    figure = show(programs.DIAMOND, page=wary, title=name, story=told)
    tags = figure.locator(".vg-beat").evaluate("beat => [...beat.querySelectorAll('*')].map(one => one.localName)")
    assert tags == ["p", "code", "details", "summary", "p"]
    figure.get_by_role("button", name="Next", exact=True).click()
    assert_harmless(wary)
    recorded = trace.run(programs.DIAMOND)
    figure = show(recorded, page=wary, compare=recorded, labels=(name, name), title=name)
    assert_harmless(wary)


@every_name
def test_a_notebook_shows_a_frame_and_no_more(wary, tmp_path: Path, name):
    recorded = trace.run(programs.HOSTILE.format(name=name))
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><title>t</title>{recorded._repr_html_()}", encoding="utf-8")
    wary.goto(path.as_uri())
    frame = wary.frame_locator("iframe")
    frame.locator("vg-player[ready]").wait_for()
    assert wary.locator("body > *").count() == 1
    assert frame.locator("script").count() == 1
    assert frame.locator("img[src=x], iframe").count() == 0
    assert [one.evaluate("window.ran") for one in wary.frames] == [None, None]


@every_name
def test_what_is_taken_away_is_harmless(show, wary, tmp_path: Path, name):
    figure = show(renamed(name), page=wary, title=name)
    made = {what: taken(figure, what)[1] for what in ("SVG of this step", "Strip of all steps", "One file", "Trace")}
    assert json.loads(made.pop("Trace"))["format"] == "vizgrad-trace"
    for what, content in made.items():
        path = tmp_path / ("picture.svg" if what.startswith("SVG") else "page.html")
        path.write_bytes(content)
        wary.goto(path.as_uri())
        if what == "One file":
            wary.locator("vg-player[ready]").wait_for()
        if what.startswith("SVG"):
            assert (
                wary.evaluate(
                    "() => document.querySelectorAll('script, foreignObject, a').length + (window.ran ? 1 : 0)"
                )
                == 0
            )
        else:
            assert_harmless(wary, scripts=int(what == "One file"))
