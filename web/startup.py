"""Measure how fast Python starts on the built site, for docs/start-up.md; leave the machine alone meanwhile.

nox -s browser
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile

from browse import OPTIONS, ROOT, opened_site
from playwright.sync_api import Browser, BrowserContext

sys.path.insert(0, str(ROOT / "examples"))
from _results import Result

PARTS = ("download", "start", "load", "run", "all", "warm", "rerun", "stop")
TARGETS = {"all": 4.0, "warm": 1.5, "rerun": 0.15, "stop": 0.05}  # seconds
PYTHON = "/vendor/pyodide/"


def measure(browser: Browser, address: str) -> tuple[dict[str, float], list[str]]:
    """Press the button of the page in a browser without a past; the seconds, and what Python was fetched before.

    It is a browser with a profile of its own: one without, as tests use it, keeps no compiled code for a later visit.
    For that the page is opened once more.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        browser.browser_type.launch_persistent_context(profile, **OPTIONS) as context,
    ):
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        first, before = visit(context, address, asked)
        later, _ = visit(context, address, asked)
        return first | {"warm": later["all"]}, before


def visit(context: BrowserContext, address: str, asked: list[str]) -> tuple[dict[str, float], list[str]]:
    """Open the page and press its button."""
    with context.new_page() as page:
        page.goto(f"{address}start-up/")
        page.wait_for_load_state("networkidle")
        before = [url for url in asked if PYTHON in url]
        page.get_by_role("button", name="Measure in this browser").click()
        page.locator('[data-time="stop"][data-seconds]').wait_for(timeout=300_000)
        cells = {part: page.locator(f'[data-time="{part}"]').get_attribute("data-seconds") for part in PARTS}
        return {part: round(float(text or "nan"), 4) for part, text in cells.items()}, before


def main() -> None:
    """Measure several rounds and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    result = Result("startup", {"rounds": rounds}, "none", [])
    load = os.getloadavg()[0]
    with opened_site() as (browser, address):
        runs, before = zip(*(measure(browser, address) for _ in range(rounds)), strict=True)
        version = browser.version
    manifest = json.loads((ROOT / "site/assets/vendor/manifest.json").read_text("utf-8"))
    result.write(
        browser=version,
        load_before=round(load, 2),
        bytes=manifest["bytes"],
        files_before=sum(map(len, before)),
        targets=TARGETS,
        median={part: round(statistics.median(run[part] for run in runs), 4) for part in PARTS},
        rounds=list(runs),
    )
    for run in runs:
        print(run)


if __name__ == "__main__":
    main()
