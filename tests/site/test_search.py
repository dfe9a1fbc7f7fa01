"""The search: found is what is there, and nothing is fetched for it before."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect


@pytest.mark.parametrize("words", ["do_forward", "TensorNode.grad", "vanishing gradients"])
def test_the_index_is_fetched_when_the_reader_searches_and_finds(page: Page, base_url: str, words: str) -> None:
    fetched: list[str] = []

    def note(request: Request) -> None:
        fetched.append(request.url)

    page.on("request", note)
    page.goto(base_url + "learn/recipe/")
    page.wait_for_load_state("networkidle")
    assert not any("documents.json" in url for url in fetched)
    page.keyboard.press("s")
    field = page.get_by_role("textbox", name="Search")
    expect(field).to_be_focused()
    page.keyboard.type(words)
    expect(page.locator(".md-search-result__item").first).to_be_visible()
    assert sum("documents.json" in url for url in fetched) == 1
    expect(page.locator(".md-search-result__meta")).to_have_text(re.compile(r"\d+ matching documents?"))
    expect(page.locator(".md-search-result__list")).to_contain_text(words.split(".")[-1].split()[0])
