"""Every page of the site, as a reader's browser sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import LAID_OUT
from tests.site.conftest import watched_site

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCREEN = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}}
EACH_KIND = ["", "learn/element-wise/", "learn/exercises/", "learn/receptive-fields/", "playground/", "reference/"]
EACH_KIND += ["learn/", "learn/momentum/", "learn/reading-the-code/", "learn/to-pytorch/", "notebooks/cnn-on-digits/"]
EACH_KIND += ["reports/digits/", "reports/performance/", "start-up/", "elsewhere/", "develop/", "develop/quality/"]
EACH_KIND += ["reference/tensors/", "reference/ops/", "reports/", "reports/sigmoid-or-relu/"]


def addresses() -> list[str]:
    """The address of each page below the site's, from the files that pages are made of."""
    pages = [path.relative_to(DOCS) for pattern in ("*.md", "*.ipynb") for path in DOCS.rglob(pattern)]
    visible = [page for page in pages if not any(part.startswith(("_", ".")) for part in page.parts)]
    return sorted(re.sub(r"(^|/)index/$", r"\1", f"{page.with_suffix('').as_posix()}/") for page in visible)


def settle(page: Page, url: str = "") -> None:
    """Opens a page, and waits until it is laid out, its fonts are there and nothing moves: axe measures colours."""
    if url:
        page.goto(url)
    page.wait_for_function(LAID_OUT)
    page.evaluate("document.fonts.ready")
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => 0)))")


def thin_out(page: Page, others: Iterable[str]) -> None:
    """axe measures each of the thousands of pieces of formulas, for which it has no rule, and of ``others``."""
    page.evaluate(
        "(places) => document.querySelectorAll(places).forEach((place) => place.replaceChildren())",
        ", ".join([".katex", *others]),
    )


# While a piece of a page waits to be laid out (far.js), the space above and below its children stays in it.
# By how much the page is longer when all pieces wait:
LONGER = """() => {
  const far = [...document.querySelectorAll("article *")].filter((piece) => piece.style.contentVisibility);
  const length = () => document.querySelector("article").getBoundingClientRect().height;
  const before = length();
  for (const piece of far) piece.style.contain = "layout paint style";
  const longer = length() - before;
  for (const piece of far) piece.style.contain = "";
  return longer;
}"""


# What is alike on all pages, or is looked into by the tests of the player.
KNOWN = (".md-nav", "svg")
WHOLE = ("", "learn/element-wise/", "reference/")  # where that is looked at too: without and with a list at the side


@pytest.fixture(scope="module")
def phone(browser: Browser, base_url: str) -> Iterator[Page]:
    """One page for all addresses: each costs half of what it does in a page of its own."""
    with watched_site(browser, base_url) as make:
        yield make(**PHONE, color_scheme="light", reduced_motion="reduce")


@pytest.fixture(scope="module")
def screen(browser: Browser, base_url: str) -> Iterator[Page]:
    """The same on a desktop screen."""
    with watched_site(browser, base_url) as make:
        yield make(**SCREEN, reduced_motion="reduce")


@pytest.mark.parametrize("address", addresses())
def test_each_page_has_no_fault_on_a_phone(
    phone: Page, axe: Callable[..., list[str]], base_url: str, address: str
) -> None:
    settle(phone, base_url + address)
    assert phone.locator(".katex-error").count() == 0
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    assert phone.evaluate(LONGER) == pytest.approx(0, abs=1)
    phone.evaluate("scrollTo(0, document.body.scrollHeight)")  # what waits until it is in sight
    phone.evaluate("document.querySelectorAll('pre code').forEach((code) => (code.textContent = code.textContent))")
    thin_out(phone, KNOWN)
    assert axe(phone) == []


@pytest.mark.parametrize("address", EACH_KIND)
def test_each_kind_of_page_has_no_fault_on_a_screen_in_the_light_and_in_the_dark(
    screen: Page, axe: Callable[..., list[str]], base_url: str, address: str
) -> None:
    assert address in addresses()
    screen.emulate_media(color_scheme="light")
    settle(screen, base_url + address)
    thin_out(screen, () if address in WHOLE else KNOWN)
    assert axe(screen) == []
    screen.emulate_media(color_scheme="dark")
    settle(screen)
    assert axe(screen, "color-contrast") == []  # all that the dark changes


def test_sitemap_lists_exactly_these_pages(site_dir: Path) -> None:
    listed = re.findall(r"<loc>(.*?)</loc>", (site_dir / "sitemap.xml").read_text(encoding="utf-8"))
    home = min(listed, key=len)
    assert sorted(url.removeprefix(home) for url in listed) == addresses()


def test_the_player_is_fetched_for_the_first_figure(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{base_url}reference/")
    page.wait_for_load_state("networkidle")  # the theme has read the sitemap then
    assert not [url for url in asked if url.endswith("/vg-player.js")]
    page.get_by_role("link", name="Home", exact=True).first.click()  # swaps the page in place
    expect(page.locator("vg-player[ready]").first).to_be_visible()
    assert [url for url in asked if url.endswith("/vg-player.js")]


def test_links_swap_pages_in_place(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.wait_for_load_state("networkidle")  # the theme has read the sitemap then
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Playground", exact=True).first.click()
    page.wait_for_url(f"{base_url}playground/")
    expect(page).to_have_title(re.compile("Playground"))
    assert page.evaluate("window.stayed") is True
