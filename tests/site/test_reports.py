"""Report pages: a plot has a name and its numbers, verdicts can be read on a phone, and the list leads to its pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

SCREEN = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}}
ADDRESS = "reports/sigmoid-or-relu/"


def test_a_plot_has_a_name_and_its_numbers(page: Page, base_url: str) -> None:
    page.goto(base_url + ADDRESS)
    plot = page.locator("figure.vg-plot").filter(has=page.get_by_role("img", name="Points of the plane"))
    expect(plot.get_by_role("img")).to_be_visible()
    expect(plot.get_by_role("table")).to_be_hidden()
    plot.get_by_text("The numbers").click()
    expect(plot.get_by_role("rowheader")).to_have_count(21)
    expect(plot.get_by_role("cell").first).to_have_text(re.compile(r"^0\.\d{3} ± 0\.\d{3}$"))


def test_each_claim_has_its_rule_and_its_verdict(page: Page, base_url: str) -> None:
    page.goto(base_url + ADDRESS)
    tables = page.locator("table.vg-verdicts")
    expect(tables).to_have_count(2)
    for row in tables.locator("tbody tr").all():
        expect(row).to_contain_text("counts as the same:")
        expect(row.locator(".vg-verdict")).to_have_text(
            re.compile("^(came back|did not come back|cannot be told|not run in full yet)$")
        )


@pytest.mark.parametrize("address", [ADDRESS, "reports/cifar-mlp/"])
def test_a_report_has_no_fault_with_all_of_it_open(
    new_page: Callable[..., Page], axe: Callable[..., list[str]], base_url: str, address: str
) -> None:
    page = new_page(**SCREEN, color_scheme="light", reduced_motion="reduce")
    page.goto(base_url + address)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.evaluate("document.fonts.ready")
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page, "color-contrast") == []  # all that the dark changes
    page.set_viewport_size(PHONE["viewport"])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    assert axe(page) == []


def test_the_list_leads_to_each_report(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}reports/")
    links = page.locator("table.vg-experiments tbody th a")
    addresses = {link.evaluate("link => link.href") for link in links.all()}
    assert len(addresses) >= 9
    for address in addresses:
        assert page.request.get(address).ok
