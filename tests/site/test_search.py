"""The search: found is what is there, and nothing is fetched for it before."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, Route, expect

FOUND = {
    "do_forward": "reference/tensors/",
    "TensorNode.grad": "reference/tensors/",
    "gradcheck": "reference/checks/",
    "vanishing gradients": "learn/vanishing-gradients/",
}


@pytest.mark.parametrize("words", FOUND)
def test_the_index_is_fetched_when_the_reader_searches_and_finds(page: Page, base_url: str, words: str) -> None:
    fetched: list[str] = []

    def note(request: Request) -> None:
        fetched.append(request.url)

    page.on("request", note)
    page.goto(base_url + "learn/recipe/")
    page.wait_for_load_state("networkidle")
    assert not any("documents.json" in url for url in fetched)
    page.keyboard.press("s")
    expect(page.get_by_role("textbox", name="Search")).to_be_focused()
    page.keyboard.type(words)
    expect(page.locator(f'.md-search-result__link[href*="{FOUND[words]}"]').first).to_be_visible()
    assert sum("documents.json" in url for url in fetched) == 1


def test_what_is_typed_while_the_search_starts_is_looked_for(page: Page, base_url: str) -> None:
    held: list[Route] = []
    page.context.route("**/search.theme.js", lambda route: held.append(route))
    page.goto(base_url + "learn/recipe/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("s")
    expect(page.get_by_role("textbox", name="Search")).to_be_focused()
    with page.context.expect_event("request", lambda request: request.url.endswith("search.theme.js")):
        page.keyboard.type("d")
    page.keyboard.type("o_forward")
    page.wait_for_timeout(500)
    held[0].continue_()
    expect(page.locator('.md-search-result__link[href*="reference/tensors/"]').first).to_be_visible()
