"""Fixtures for the player: pages that come from a file or from memory, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, sync_playwright

from vizgrad import Trace, player, trace

ORIGIN = "http://player.test"
DIAMOND = """\
import vizgrad as vg

a = vg.TensorNode(0.8)
s = a * a
o = 3 * s * vg.sin(s)
o.backward()
"""


# Ends with this package: the tests of the site start a Playwright of their own, and two at a time are too many.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium: the one that the variable CHROMIUM names, one on PATH, or Playwright's own."""
    chosen = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chosen, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options; whatever they say on the console or request elsewhere fails."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, "reduced_motion": "reduce"} | options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        context.on("request", lambda request: problems.append(request.url) if not expected(request.url) else None)
        return page

    def expected(url: str) -> bool:
        return url.startswith(("file:", "data:", ORIGIN + "/"))

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()


@pytest.fixture
def show(new_page: Callable[..., Page], tmp_path: Path) -> Callable[..., Locator]:
    """Opens a program or a trace in the player, as a file of its own."""

    def make(what: str | Trace, page: Page | None = None, **options: Any) -> Locator:
        shown = trace.run(what) if isinstance(what, str) else what
        path = tmp_path / "figure.html"
        path.write_text(player.standalone(shown, **options), encoding="utf-8")
        page = page or new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("vg-player[ready]", state="attached")
        return page.locator("vg-player")

    return make


@pytest.fixture
def modules(page: Page) -> Page:
    """A page that can import the player's modules, as in ``import("/numbers.js")``."""

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        path = player.assets().get(name)
        kind = "text/css" if name.endswith(".css") else "text/javascript" if path else "text/html"
        route.fulfill(body=path.read_text(encoding="utf-8") if path else "<!doctype html><title>t</title>", content_type=kind)

    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/")
    return page


@pytest.fixture(scope="session")
def axe(root: Path) -> Callable[[Page], list[str]]:
    """Runs axe-core on a page and returns what it found wrong."""
    path = root / "web/node_modules/axe-core/axe.min.js"
    if not path.exists():
        pytest.skip("axe-core comes with `npm ci` in web/")
    source = path.read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
        return [f"{rule['id']}: {node['target']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    return run
