"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def site_dir(root: Path) -> Path:
    """The built site: the one that `nox -s tests` has just built, or else built here."""
    site = root / "site"
    if not (site / "sitemap.xml").exists():
        command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        subprocess.run(command, cwd=root, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=True)
    return site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests: the one that the variable CHROMIUM names, one on PATH, or Playwright's own."""
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    chosen = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # the network is cut
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chosen, args=flags)
        yield chromium
        chromium.close()


# On a page of the site, what is far down is laid out last (docs/assets/js/far.js).
LAID_OUT = "() => document.readyState === 'complete' && !document.documentElement.matches('.site-at-top')"

# Without the style sheets, which none of its rules reads.
AXE = "axe.run(document, {resultTypes: ['violations'], preload: false}).then((found) => found.violations)"


@pytest.fixture(scope="session")
def axe(root: Path) -> Callable[[Page], list[str]]:
    """Runs axe-core on a page and returns what it found wrong, one line for each rule and element."""
    source = (root / "web/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.wait_for_function(LAID_OUT)
        page.evaluate(source)
        violations = page.evaluate(AXE)
        return [describe(violation["id"], node) for violation in violations for node in violation["nodes"]]

    def describe(rule: str, node: dict[str, Any]) -> str:
        return f"{rule}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"

    return run


_idle: dict[tuple[Browser, str], list[BrowserContext]] = {}  # by their options


def lend(browser: Browser, options: dict[str, Any]) -> BrowserContext:
    """A context that nobody uses. It may know the site's files already: then pages load twice as fast."""
    idle = _idle.get((browser, repr(options)))
    return idle.pop() if idle else browser.new_context(**options)


def take_back(browser: Browser, options: dict[str, Any], context: BrowserContext) -> None:
    """Close what a test has opened in a context, and keep that for the next."""
    for page in context.pages:
        page.close()
    _idle.setdefault((browser, repr(options)), []).append(context)


def forget(page: Page, origins: Iterable[str]) -> None:
    """Delete what earlier pages have stored."""
    session = page.context.new_cdp_session(page)
    for origin in origins:
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    session.detach()


@contextmanager
def watched(browser: Browser, *own: str, timeout: float = 20_000) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options, and watches over them. None knows what another has stored.

    What they say on the console fails the test, and so does a request that leads anywhere but to what is ``own``.
    """
    lent: list[tuple[dict[str, Any], BrowserContext]] = []
    problems: list[str] = []

    def note_message(message: ConsoleMessage) -> None:
        problems.append(f"console: {message.text} ({message.location.get('url')})")

    def note_request(request: Request) -> None:
        if not request.url.startswith(("data:", *own)):
            problems.append(f"request outside: {request.url}")

    def make(**options: Any) -> Page:
        context = lend(browser, options)
        context.set_default_timeout(timeout)
        lent.append((options, context))
        page = context.new_page()
        forget(page, (address for address in own if address.startswith("http")))
        page.on("console", note_message)
        page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        context.on("request", note_request)
        return page

    yield make
    for options, context in lent:
        context.remove_listener("request", note_request)
        take_back(browser, options, context)
    assert problems == []
