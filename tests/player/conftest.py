"""Fixtures for the player: pages that come from a file or from memory, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from tests.conftest import watched
from vizgrad import Trace, player, trace

ORIGIN = "http://player.test"
SCREEN = {"viewport": {"width": 1000, "height": 800}, "reduced_motion": "reduce"}


@contextmanager
def on_screen(browser: Browser, *scripts: str) -> Iterator[Callable[..., Page]]:
    """Makes pages on a small screen, with Playwright's context options, and watches over them."""
    with watched(browser, "file:", f"{ORIGIN}/", scripts=scripts, timeout=30_000) as make:
        yield lambda **options: make(**SCREEN | options)


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options, and watches over them."""
    with on_screen(browser) as make:
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

    with on_screen(browser) as make:
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
