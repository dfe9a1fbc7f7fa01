"""The HTML around the player: figures, files that stand alone, frames in notebooks."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.player import programs
from tests.player.programs import SQUARE
from vizgrad import Trace, player, trace
from vizgrad.errors import TraceError
from vizgrad.player.html import bundle

NAMES = {
    "an image": "<img src=x onerror=alert(1)>",
    "the end of a script": "</script><script>alert(1)</script>",
    "the end of a template": "</template></vg-player><script>alert(1)</script>",
    "a comment": "<!--",
    "the end of a comment": "--><script>alert(1)</script>",
    "right to left": "\u202egnp.txt \u05d0\u05d1",
    "bidi controls": "\u2066\u202bevil\u2069\u200f",
    "control characters": "a\x01b\x07\x1b[31m\x7f\x85\u2028",
    "emoji": "👩‍👩‍👧 🎉",
    "very long": "x" * 10_000,
    "quotes": "\"'`${alert(1)}\\",
    "half a character": "\ud800",
    "LaTeX": r"\v{a} \frac{1}{0}",
}
ALLOWED = re.compile(r'import \{ \w+(, \w+)* \} from "\./[\w-]+\.js";$|export (?:async )?(function|const|class) \w')
MARKUP = re.compile(r"(?:inner|outer)HTML\s*\+?=[^=]|insertAdjacent|document\.write|\beval\b|new Function")
LIMIT = 150_000


def test_modules_can_be_put_one_after_another():
    names: list[str] = []
    for path in player.assets().values():
        source = path.read_text(encoding="utf-8")
        if path.suffix != ".js":
            continue
        for line in re.findall(r"^(?:import|export)\b.*", source, re.MULTILINE):
            assert ALLOWED.match(line), line
        names += re.findall(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", source, re.MULTILINE)
    assert len(names) == len(set(names))
    script, _ = bundle()
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


def at_once(name: str = "vg-player.js") -> set[str]:
    """The scripts that a page loads with the player: what they import, but not what is fetched later."""
    found = {name}
    for imported in re.findall(r'^import .* from "\./([\w-]+\.js)";', player.served(name), re.MULTILINE):
        found |= at_once(imported)
    return found


def test_script_and_style_stay_small():
    loaded = at_once()
    assert "replay.js" not in loaded
    sizes = {name: len(player.served(name).encode()) for name in [*loaded, "player.css", "graph.css"]}
    assert sum(sizes.values()) < LIMIT, sizes


def test_what_is_served_is_the_same_code_without_its_comments():
    for name in player.assets():
        lean = player.served(name)
        assert not re.search(r"^\s*//|^\s+|^/\*\*", lean, re.MULTILINE), name
        code = re.sub(
            r"\s+", "", re.sub(r"^\s*//.*$", "", player.assets()[name].read_text("utf-8"), flags=re.MULTILINE)
        )
        assert len(re.sub(r"\s+", "", lean)) > 0.6 * len(code)


def test_nothing_of_a_program_can_become_markup():
    for path in player.assets().values():
        assert not MARKUP.search(path.read_text("utf-8"))


def test_nothing_is_fetched_from_elsewhere():
    for path in player.assets().values():
        addresses = re.findall(r"https?://[^\"'\s]+|@import|url\(", path.read_text(encoding="utf-8"))
        assert all(address.startswith("http://www.w3.org/") for address in addresses)  # names of vocabularies


def test_a_standalone_file_needs_nothing(show):
    shown = show(SQUARE, title="A square", step="end")  # the fixture fails on a request or a console message
    assert shown.page.title() == "A square"
    assert shown.locator(".vg-tensor").first.locator(".vg-grad text").text_content() == "6"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(show, name):
    shown = show(trace.run(programs.HOSTILE.format(name=name)), title=name)
    shown.page.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
    for node in ("[data-tensor=t0]", "[data-op=o0]"):
        shown.locator(f".vg-graph {node}").last.dispatch_event("click")
        for step in range(shown.evaluate("p => Number(p.querySelector('input').max)") + 1):
            shown.evaluate("(p, k) => p.go(k)", step)
    assert shown.page.locator("script").count() == 1
    assert shown.locator("img[src=x], iframe").count() == 0
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "\u202e" not in shown.inner_text()


def test_a_figure_reads_without_javascript(new_page, tmp_path):
    page = new_page(java_script_enabled=False)
    path = tmp_path / "page.html"
    path.write_text(player.standalone(trace.run(SQUARE)), encoding="utf-8")
    page.goto(path.as_uri())
    text = page.locator("vg-player").inner_text()
    assert "b = a * a" in text
    assert page.get_by_role("table").is_visible()
    assert page.get_by_role("row", name="a ()").inner_text().split() == ["a", "()", "3", "6"]
    assert page.locator(".vg-op").count() == 1


def test_a_figure_carries_its_trace_or_its_address():
    recorded = trace.run(programs.HOSTILE.format(name=NAMES["the end of a template"]))
    inline = player.figure(recorded, "f1")
    (text,) = re.findall(r'<template class="vg-trace">(.*?)</template>', inline, re.DOTALL)
    assert Trace.from_json(html.unescape(text)).to_json() == recorded.to_json()
    linked = player.figure(recorded, "f1", trace_url='x.json?a="b"')
    assert "<template" not in linked
    assert 'data-src="x.json?a=&quot;b&quot;"' in linked


def test_what_is_in_closed_modules_of_a_large_trace_can_be_fetched_later(root):
    large = Trace.from_json((root / "docs/results/torch_resnet18.json").read_text(encoding="utf-8"))
    inside, outside = player.figure(large, "f"), player.figure(large, "f", trace_url="x.json", whole_url="x.svg")
    whole = player.whole(large)
    assert 'data-whole="x.svg"' in outside
    ops = [set(re.findall(r'data-op="(o\d+)"', text)) for text in (inside, whole, outside)]
    assert ops[0] == ops[1] == {op.id for op in large.ops} > ops[2]
    assert player.whole(trace.run(SQUARE)) is None


def test_a_notebook_gets_a_frame(new_page, tmp_path):
    recorded = trace.run(SQUARE)
    frame = recorded._repr_html_()
    assert re.match(
        r'<iframe srcdoc="[^"]+" title="[^"]+" sandbox="allow-scripts allow-downloads" style="[^"]*height: \d+px', frame
    )
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><title>t</title>{frame}", encoding="utf-8")
    page = new_page()
    page.goto(path.as_uri())
    inside = page.frame_locator("iframe")
    inside.locator("vg-player[ready]").wait_for()
    inside.get_by_role("button", name="Last step").click()
    assert inside.locator(".vg-tensor").first.locator(".vg-grad text").text_content() == "6"


@pytest.mark.parametrize("step", [None, 0, "3", "start", "end", "wait"])
def test_steps_that_a_figure_can_open_at(step):
    assert "data-step=" in player.figure(trace.run(SQUARE), "f", step=step)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"step": "soon"}, "soon"),
        ({"step": 99}, "0 to "),
        ({"step": "-1"}, "-1"),
        ({"direction": "up"}, "direction"),
        ({"step": "wait"}, "waits"),
    ],
)
def test_what_a_figure_cannot_do_is_said(options, complaint):
    once = "import vizgrad as vg\na = vg.TensorNode(3.0)\nb = vg.exp(a)\nb.backward()\n"
    with pytest.raises(TraceError, match=complaint):
        player.figure(trace.run(once), "f", **options)


def test_saving_as_html(tmp_path: Path):
    path = trace.run(SQUARE).save(tmp_path / "steps.html", title="Steps", step="end")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
