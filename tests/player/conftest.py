"""Fixtures for the player: pages that come from a file or from memory, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route

from vizgrad import Trace, player, trace

ORIGIN = "http://player.test"
SCREEN = {"viewport": {"width": 1000, "height": 800}, "reduced_motion": "reduce"}


@contextmanager
def watched(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options; whatever they say on the console or request elsewhere fails."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", f"{ORIGIN}/")):
            problems.append(f"request: {request.url}")

    def make(**options: Any) -> Page:
        context = browser.new_context(**SCREEN | options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        context.on("request", note_request)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options, and watches over them."""
    with watched(browser) as make:
        yield make


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


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    """A page that can import the player's modules, as in ``import("/numbers.js")``."""

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        path = player.assets().get(name)
        if path is None:
            route.fulfill(body="<!doctype html><title>t</title>", content_type="text/html")
        else:
            kind = "text/css" if path.suffix == ".css" else "text/javascript"
            route.fulfill(body=path.read_text(encoding="utf-8"), content_type=kind)

    with watched(browser) as make:
        page = make()
        page.route(f"{ORIGIN}/**", serve)
        page.goto(f"{ORIGIN}/")
        yield page


@pytest.fixture
def blank(modules: Page) -> Page:
    """The same page, empty again, with the player loaded."""
    modules.goto(f"{ORIGIN}/")
    modules.evaluate("() => import('/vg-player.js')")
    return modules
