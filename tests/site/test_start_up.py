"""The page that measures how fast Python starts, in the browser that reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

RESULT = Path(__file__).resolve().parents[2] / "docs/results/startup.json"
PARTS = ["download", "start", "load", "run", "all", "warm", "rerun", "stop"]


def test_the_button_measures_each_part_here(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.goto(f"{base_url}start-up/")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/vendor/pyodide/" in url] == []
    page.get_by_role("button", name="Measure in this browser").click()
    expect(page.get_by_role("status")).to_contain_text("Done.", timeout=180_000)
    found = {part: page.locator(f'[data-time="{part}"]').get_attribute("data-seconds") for part in PARTS}
    seconds = {part: float(text or "nan") for part, text in found.items()}
    assert seconds.pop("start") >= 0  # on a slow network, Python has started when the last file is there
    assert all(time > 0 for time in seconds.values())
    parts = sum(float(found[part] or "nan") for part in ("download", "start", "load", "run"))
    assert parts == pytest.approx(seconds["all"], rel=1e-6)


def test_the_other_column_is_the_result_file(page: Page, base_url: str) -> None:
    result = json.loads(RESULT.read_text("utf-8"))
    page.goto(f"{base_url}start-up/")
    for part in PARTS:
        seconds = result["median"][part]
        shown = page.locator(f'tr:has([data-time="{part}"]) td').nth(2)
        expect(shown).to_have_text(f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.2f} s")
    assert len(result["rounds"]) == result["config"]["rounds"] > 2
    assert result["files_before"] == 0


def test_without_javascript_there_is_the_table_and_no_button(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(f"{base_url}start-up/")
    expect(page.get_by_text("First result of a first visit")).to_be_visible()
    expect(page.get_by_role("button", name="Measure in this browser")).to_be_hidden()
