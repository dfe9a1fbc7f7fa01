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
from filelock import FileLock
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first file has the site built; meanwhile another process goes through the files that need no site."""
    needing = [item.path for item in items if "site_dir" in getattr(item, "fixturenames", ())]
    turn = {path: 1 for path in needing} | {path: -1 for path in needing[:1]}
    items.sort(key=lambda item: turn.get(item.path, 0))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def site_dir(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. If there is none, the first process that asks builds it, while others run what needs no site."""
    site = root / "site"
    with FileLock(tmp_path_factory.getbasetemp().parent / "site.lock"):
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
    flags += ["--js-flags=--liftoff-only"]  # no test runs Python for so long that compiling it twice would pay
    expect.set_options(timeout=20_000)  # where many tests run at once, a page may take its time
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chosen, args=flags)
        yield chromium
        chromium.close()


# On a page of the site, what is far down is laid out last (docs/assets/js/far.js), and a figure starts in pieces.
LAID_OUT = """() => document.readyState === 'complete'
  && !document.documentElement.matches('.site-at-top:not([data-laid-out])')
  && !document.querySelector('vg-player:not([ready]) .vg-bar')"""

# Without the style sheets, which none of its rules reads.
AXE = """(rules) => {
  const options = { resultTypes: ['violations'], preload: false, ...(rules.length && { runOnly: rules }) };
  return axe.run(document, options).then((found) => found.violations);
}"""


@pytest.fixture(scope="session")
def axe(root: Path, site_dir: Path) -> Callable[..., list[str]]:
    """Runs axe-core on a page, all of its rules or some, and returns what it found wrong, a line for each element.

    To build the site brings it from npm.
    """
    source = (root / "web/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")

    def run(page: Page, *rules: str) -> list[str]:
        for frame in page.frames:  # a notebook shows its figures in frames
            frame.wait_for_function(LAID_OUT)
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        violations = page.evaluate(AXE, rules)
        return [describe(violation["id"], node) for violation in violations for node in violation["nodes"]]

    def describe(rule: str, node: dict[str, Any]) -> str:
        return f"{rule}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"

    return run


_idle: dict[tuple[Browser, str], list[Page]] = {}  # by what they were opened with

# What a test does with these to a page or its context would still be there for the next one.
LASTING = {"add_init_script", "emulate_media", "expose_function", "new_cdp_session", "on", "once", "route"}
LASTING |= {"set_default_timeout", "set_viewport_size"}


class Loan:
    """A page for one test. It looks new, but knows the site's files, and its process runs: that saves half the time.

    Args:
        own: addresses of servers; what pages from there have stored is deleted.
        scripts: JavaScript that runs first in each document.
        timeout: how long Playwright waits for something, in milliseconds.
        options: of the context, as Playwright names them.
    """

    def __init__(
        self, browser: Browser, own: Iterable[str], scripts: tuple[str, ...], timeout: float, options: dict[str, Any]
    ) -> None:
        self._pages = _idle.setdefault((browser, repr((scripts, options))), [])
        self._altered: list[str] = []
        self.page = self._pages.pop() if self._pages else _opened(browser, scripts, options)
        self.page.context.set_default_timeout(timeout)
        session = self.page.context.new_cdp_session(self.page)
        for address in own:
            session.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "all"})
        session.detach()

    def watch(self) -> Page:
        """The page for the test. What the test does to it from now on is noted."""
        for changed in (self.page, self.page.context):
            for name in LASTING & set(dir(changed)):
                setattr(changed, name, self._noting(getattr(changed, name)))
        return self.page

    def _noting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self._altered.append(method.__name__)
            return method(*arguments, **named)

        return called

    def end(self) -> None:
        """Keeps the page for another test, if it is as it was."""
        page, context = self.page, self.page.context
        for changed in (page, context):
            for name in LASTING & set(vars(changed)):
                delattr(changed, name)
        try:
            for another in context.pages[1:]:
                another.close()
            page.goto("about:blank")
            page.mouse.move(0, 0)
        except Error:
            self._altered.append("it does not answer")
        if self._altered:
            context.close()
        else:
            self._pages.append(page)


def _opened(browser: Browser, scripts: Iterable[str], options: dict[str, Any]) -> Page:
    context = browser.new_context(**options)
    for script in scripts:
        context.add_init_script(script)
    return context.new_page()


@contextmanager
def unwatched(browser: Browser, *own: str, scripts: tuple[str, ...] = (), timeout: float = 60_000) -> Iterator[Page]:
    """A page that may say what it likes."""
    loan = Loan(browser, own, scripts, timeout, {})
    yield loan.watch()
    loan.end()


@contextmanager
def watched(
    browser: Browser, *own: str, scripts: tuple[str, ...] = (), timeout: float = 60_000
) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options, and watches over them. None knows what another has stored.

    What they say on the console fails the test, and so does a request that leads anywhere but to what is ``own``.
    """
    loans: list[Loan] = []
    problems: list[str] = []

    def note_message(message: ConsoleMessage) -> None:
        problems.append(f"console: {message.text} ({message.location.get('url')})")

    def note_error(error: Error) -> None:
        problems.append(f"uncaught: {error}")

    def note_request(request: Request) -> None:
        if not request.url.startswith(("about:", "data:", *own)):
            problems.append(f"request outside: {request.url}")

    def make(**options: Any) -> Page:
        loan = Loan(browser, (address for address in own if address.startswith("http")), scripts, timeout, options)
        loans.append(loan)
        loan.page.on("console", note_message)
        loan.page.on("pageerror", note_error)
        loan.page.context.on("request", note_request)
        return loan.watch()

    yield make
    for loan in loans:
        loan.page.context.cookies()  # after its answer, all that the page has said is here
        loan.page.remove_listener("console", note_message)
        loan.page.remove_listener("pageerror", note_error)
        loan.page.context.remove_listener("request", note_request)
        loan.end()
    assert problems == []
