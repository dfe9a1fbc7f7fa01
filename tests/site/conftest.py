"""Fixtures for tests in a real browser.

They see site/ as it will be published: under a path prefix, and at the address that its sitemap names, because the
theme swaps pages in place only for addresses listed there. The server writes its own address into the sitemap.
"""

from __future__ import annotations

import http.server
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.conftest import LAID_OUT, unwatched, watched

PREFIX = "/vizgrad/"


class SiteHandler(http.server.SimpleHTTPRequestHandler):
    """Serves site/ under PREFIX, and nothing beside it."""

    def send_head(self) -> Any:
        if not self.path.startswith(PREFIX):
            return self.send_error(404)
        if self.path == f"{PREFIX}sitemap.xml":
            return self.send_sitemap()
        return super().send_head()

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix(PREFIX.rstrip("/")))

    def send_sitemap(self) -> io.BytesIO:
        sitemap = Path(self.directory, "sitemap.xml").read_text(encoding="utf-8")
        published = min(re.findall(r"<loc>(.*?)</loc>", sitemap), key=len)
        body = sitemap.replace(published, f"http://{self.headers['Host']}{PREFIX}").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: pytest's own report is what matters."""


class SiteServer(http.server.ThreadingHTTPServer):
    """Says nothing of a browser that has left a page, and no longer waits for what it asked for."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture(scope="session")
def base_url(site_dir: Path) -> Iterator[str]:
    """The address of the site's home page, with a slash at its end."""
    handler = partial(SiteHandler, directory=str(site_dir))
    with SiteServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


# Where there is little memory, Python has no second interpreter in reserve: it costs as much as the first.
LITTLE_MEMORY = "Object.defineProperty(navigator, 'deviceMemory', { value: 2, configurable: true });"
# Chromium says a violation on the console too; but not every one that a frame causes.
SAY_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


FIRST = (SAY_VIOLATIONS, LITTLE_MEMORY)


@contextmanager
def watched_site(browser: Browser, base_url: str) -> Iterator[Callable[..., Page]]:
    """Makes pages, with Playwright's context options.

    Fails on messages, on what violates the content security policy, and on requests to anywhere else.
    """
    with watched(browser, base_url, "blob:", scripts=FIRST) as make:
        yield make


@contextmanager
def unwatched_site(browser: Browser, base_url: str, timeout: float = 60_000) -> Iterator[Page]:
    """A page for what the browser itself complains about on the console."""
    with unwatched(browser, base_url, scripts=FIRST, timeout=timeout) as page:
        yield page


@pytest.fixture
def new_page(browser: Browser, base_url: str) -> Iterator[Callable[..., Page]]:
    """Makes pages that are watched over."""
    with watched_site(browser, base_url) as make:
        yield make


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page as on a desktop screen."""
    return new_page(viewport={"width": 1280, "height": 800})


CATCH_LIMIT = """() => {
  const wait = setTimeout;
  window.setTimeout = (act, ms, ...more) => {
    if (ms === 10_000) window.tenSecondsPass = act;
    return wait(act, ms, ...more);
  };
}"""


@contextmanager
def ten_seconds(page: Page) -> Iterator[None]:
    """What is started in here is ended as if ten seconds, the most that a program may take, had passed."""
    page.evaluate(CATCH_LIMIT)
    yield
    page.evaluate("tenSecondsPass()")


def reach(place: Locator) -> Locator:
    """Scrolls to a place, when what is above has its length. Before, the place would leave the screen again."""
    place.page.wait_for_function(LAID_OUT)
    place.scroll_into_view_if_needed()
    return place
