"""What a reader takes away from a figure stands for itself: pictures, a strip, one file, the trace, a link."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from tests.player.programs import DIAMOND, MATRICES
from vizgrad import trace

SVG = "{http://www.w3.org/2000/svg}"


def taken(player, name):
    """What a button of the tool saves: its name and bytes."""
    opened = player.get_by_role("button", name="Take away")
    if opened.get_attribute("aria-expanded") == "false":
        opened.click()
    with player.page.expect_download() as download:
        player.get_by_role("button", name=name).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def texts(svg: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in svg.iter(f"{SVG}text")]


@pytest.mark.parametrize("program", [DIAMOND, MATRICES])
def test_the_svg_is_this_step_and_needs_no_page(show, program):
    recorded = trace.run(program)
    player = show(recorded, step="end")
    name, content = taken(player, "SVG of this step")
    assert name.endswith(f"-step-{len(recorded.steps) - 1}.svg")
    svg = ElementTree.fromstring(content)
    assert not re.search(rb"var\(|class=|style=|light-dark|color-mix|color\(", content)
    for text in player.locator(".vg-tensor .vg-cell text").all_text_contents():
        assert text in texts(svg)
    fills = {element.get("fill") for element in svg.iter(f"{SVG}path")}
    assert any(fill and fill.startswith("rgb") for fill in fills)


def test_the_png_is_a_picture_at_twice_the_size(show):
    player = show(DIAMOND)
    _, content = taken(player, "PNG of this step")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(content[16:20], "big")
    assert width == pytest.approx(2 * float(player.locator("svg.vg-graph").get_attribute("width")), abs=4)


def test_the_strip_has_a_frame_for_each_step_and_leaves_the_figure_where_it_was(show):
    recorded = trace.run(DIAMOND)
    player = show(recorded, step="wait")
    before = player.locator(".vg-tensor .vg-cell text").all_text_contents()
    _, content = taken(player, "Strip of all steps")
    page = content.decode()
    assert page.count("<figure>") == len(recorded.steps)
    for step in recorded.steps:
        assert step.text in page
    assert player.locator(".vg-tensor .vg-cell text").all_text_contents() == before


def test_the_one_file_is_the_figure_again(show, tmp_path):
    recorded = trace.run(DIAMOND)
    player = show(recorded, step="wait")
    _, content = taken(player, "One file")
    path = tmp_path / "figure.html"
    path.write_bytes(content)
    page = player.page
    page.goto(path.as_uri())
    again = page.locator("vg-player[ready]")
    assert again.evaluate("p => p.step") == 9
    again.get_by_role("button", name="Last step").click()
    expect(again.locator(".vg-sentence")).to_have_text(recorded.steps[-1].text)
    _, once_more = taken(again, "Trace")
    assert json.loads(once_more) == json.loads(recorded.to_json())


def test_a_link_leads_to_the_step(show):
    player = show(DIAMOND)
    page = player.page
    page.evaluate("location.hash = 'vg=9'")
    expect(player.locator(".vg-count")).to_have_text("step 9 of 14")
    for other in ("other=3", "vg=x", "vg=", "=2", "vg=-1", "%", "vg=1e3"):
        page.evaluate("hash => { location.hash = hash }", other)
        assert player.evaluate("p => p.step") == 9
    page.evaluate("location.hash = 'vg=99999'")
    expect(player.locator(".vg-count")).to_have_text("step 14 of 14")
