"""Notebooks as pages of the site: they look like the others, are small, and their figures step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.site.conftest import reach

NAMES = ["first-hour", "own-op", "cnn-on-digits"]
FEW = 200_000  # bytes of a page; as mkdocs-jupyter makes them, they have five times as many and more


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_a_page_without_jupyter(site_dir: Path, name: str) -> None:
    html = (site_dir / f"notebooks/{name}/index.html").read_text(encoding="utf-8")
    assert len(html.encode()) < FEW
    article = html[html.index("<article") : html.index("</article>")]
    assert "<script" not in article and "<iframe" not in article
    assert not re.search(r"<style[^>]*>[^<]*jp-", article)
    assert "mathjax" not in html.lower() and "mermaid" not in article
    assert len(re.findall("<h1", article)) == 1
    # The question at its beginning describes it to a search engine.
    assert re.search(r'<meta name="description" content="[^"]*\?"', html)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_pages_and_headings_have_anchors(page: Page, base_url: str, name: str) -> None:
    page.goto(f"{base_url}notebooks/{name}/")
    article = page.locator("article")
    for link in article.locator("a[href]").all():
        address = link.evaluate("link => link.href")
        assert not address.endswith((".md", ".ipynb"))
        if "#" not in address:
            assert page.request.get(address).ok, address
    for heading in article.locator("h2").all():
        assert heading.get_attribute("id")
        expect(heading.locator("a.headerlink")).to_have_count(1)
    contents = page.locator(".md-sidebar--secondary .md-nav__list .md-nav__link")
    assert contents.count() == article.locator("h2").count()


@pytest.mark.parametrize("name", NAMES)
def test_the_player_steps_through_what_the_notebook_recorded(page: Page, base_url: str, name: str) -> None:
    page.goto(f"{base_url}notebooks/{name}/")
    player = page.locator("vg-player")
    expect(player).to_have_count(1)
    reach(player)
    expect(player).to_have_attribute("ready", "")
    sentence = player.get_by_role("status")
    first = sentence.inner_text()
    assert "computes" in first
    player.get_by_role("button", name="Next step").click()
    expect(sentence).not_to_have_text(first)
    assert player.evaluate("player => player.step") == 1
    player.get_by_role("button", name="Last step").click()
    assert player.evaluate("player => player.step") > 5
    assert "Out[" not in player.inner_text()  # what a notebook has shown is still called by its own name


def test_formulas_are_typeset(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}notebooks/own-op/")
    expect(page.locator("article .katex").first).to_be_visible()
    expect(page.locator("article .katex-error")).to_have_count(0)
    for text in page.locator("article .jp-RenderedMarkdown").all():
        assert "$" not in text.evaluate(
            "text => { const copy = text.cloneNode(true);"
            " copy.querySelectorAll('.katex').forEach(k => k.remove()); return copy.textContent; }"
        )


def test_what_a_cell_prints_stands_in_one_block_below_it(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}notebooks/cnn-on-digits/")
    training = page.locator(".vg-output", has_text="untrained")
    expect(training).to_have_count(1)
    reach(training)
    assert "\n\n" not in training.inner_text()
    rates = re.findall(r"epoch +\d+ .*test accuracy (\d\.\d+)", training.inner_text())
    assert len(rates) == 10
    assert float(rates[-1]) > 0.9


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("dark", 360)])
def test_axe_finds_nothing(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str, scheme: str, width: int
) -> None:
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{base_url}notebooks/first-hour/")
    player = page.locator("vg-player")
    reach(player)
    expect(player).to_have_attribute("ready", "")
    page.evaluate("document.fonts.ready")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_notebook_reads_without_javascript(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(f"{base_url}notebooks/first-hour/")
    expect(page.get_by_text("a.grad 5.0")).to_be_visible()
    assert page.locator("vg-player svg .vg-op").count() == 2
    expect(page.get_by_text("Values and gradients at the end")).to_be_visible()
