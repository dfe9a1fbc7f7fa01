"""Every page of the site, as a reader's browser sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import LAID_OUT

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


def empty_formulas(page: Page) -> None:
    """axe has no rule for formulas, and would measure each of their thousands of pieces."""
    page.evaluate("document.querySelectorAll('.katex').forEach((formula) => formula.replaceChildren())")


@pytest.mark.parametrize("address", addresses())
def test_each_page_has_no_fault_on_a_phone(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str, address: str
) -> None:
    page = new_page(**PHONE, color_scheme="light", reduced_motion="reduce")
    settle(page, base_url + address)
    expect(page.locator(".katex-error")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    page.evaluate("scrollTo(0, document.body.scrollHeight)")  # what waits until it is in sight
    empty_formulas(page)
    assert axe(page) == []


@pytest.mark.parametrize("address", EACH_KIND)
def test_each_kind_of_page_has_no_fault_on_a_screen_in_the_light_and_in_the_dark(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str, address: str
) -> None:
    assert address in addresses()
    page = new_page(**SCREEN, color_scheme="light", reduced_motion="reduce")
    settle(page, base_url + address)
    empty_formulas(page)
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert axe(page) == []


def test_sitemap_lists_exactly_these_pages(site_dir: Path) -> None:
    listed = re.findall(r"<loc>(.*?)</loc>", (site_dir / "sitemap.xml").read_text(encoding="utf-8"))
    home = min(listed, key=len)
    assert sorted(url.removeprefix(home) for url in listed) == addresses()


def test_links_swap_pages_in_place(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.wait_for_load_state("networkidle")  # the theme has read the sitemap then
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Playground", exact=True).first.click()
    page.wait_for_url(f"{base_url}playground/")
    expect(page).to_have_title(re.compile("Playground"))
    assert page.evaluate("window.stayed") is True
