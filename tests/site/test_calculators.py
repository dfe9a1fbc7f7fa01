"""The calculators of the course: they compute what the tables beside them say, and tell what they do not understand."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.site.conftest import reach

FIELDS = "learn/receptive-fields/"
COUNTING = "learn/counting/"


def calculator(page: Page, address: str) -> Locator:
    page.goto(address)
    found = page.locator("[data-calculator]")
    expect(found.get_by_role("status")).not_to_be_empty()
    return found


def rows(place: Locator) -> list[list[str]]:
    """The cells of a table's body."""
    return place.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(c => c.textContent.trim()))"
    )


def test_receptive_fields_are_those_of_the_pages_table(page: Page, base_url: str) -> None:
    found = calculator(page, base_url + FIELDS)
    printed = rows(page.locator("table", has_text="conv 3 × 3 (y1)"))
    assert [row[1:] for row in rows(found)] == [row[1:] for row in printed[1:]]  # the first row is the image


def test_every_network_can_be_chosen(page: Page, base_url: str) -> None:
    found = calculator(page, base_url + FIELDS)
    ends = {}
    for name in found.get_by_label("A network").locator("option").all_text_contents()[:-1]:
        found.get_by_label("A network").select_option(name)
        ends[name] = rows(found)[-1][1:]
    printed = {tuple(row[2:]) for row in rows(page.locator("table", has_text="LeNet-5: these"))}
    assert len(ends) == 6
    assert printed <= {tuple(end) for end in ends.values()}


def test_a_unit_at_the_border_sees_less(page: Page, base_url: str) -> None:
    found = calculator(page, base_url + FIELDS)
    found.get_by_label("Unit of the last layer").fill("0")
    expect(found.get_by_role("status")).to_have_text(re.compile(r"rows 0 to 9 .* 10 of the 16 rows"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("conv 3\nrubbish", "Line 2"),
        ("conv 3 1 1 1", "Line 1: more numbers"),
        ("conv 3x5", "one after the other"),
        ("conv 0", "Line 1: the kernel"),
        ("conv 3\nconv 999", "does not fit"),
        ("", "at least one layer"),
        ("conv 3 <img src=x onerror=alert(1)>", "is not understood"),
    ],
)
def test_what_is_not_understood_is_said(page: Page, base_url: str, typed: str, said: str) -> None:
    found = calculator(page, base_url + FIELDS)
    found.get_by_label("Layers").fill(typed)
    expect(found.get_by_role("status")).to_contain_text(said)
    expect(found.get_by_role("table")).to_have_count(0)
    found.get_by_label("Layers").fill("conv 3, padding 1\npool 2")
    assert [row[1:] for row in rows(found)] == [["224", "3", "1", "−1"], ["112", "4", "2", "−1"]]


def test_both_modules_count_as_in_the_pages_table(page: Page, base_url: str) -> None:
    found = calculator(page, base_url + COUNTING)
    printed = {(row[0], row[1]): row[2:] for row in rows(page.locator("table", has_text="1 × 1 branch"))}
    assert len(printed) == 4
    for (channels, module), numbers in printed.items():
        found.get_by_label("A module").select_option(f"{module.capitalize()}, {channels} channels")
        assert rows(found)[-1][1:] == numbers


def test_a_module_of_ones_own(page: Page, base_url: str) -> None:
    found = calculator(page, base_url + COUNTING)
    found.get_by_label("Rows and columns").fill("4")
    found.get_by_label("Channels").fill("3")
    found.get_by_label("Branches").fill("conv 3 2")
    assert rows(found)[-1] == ["all", "56", "864", "32"]
    expect(found.get_by_label("A module")).to_have_value("")
    found.get_by_label("Branches").fill("conv 3")
    expect(found.get_by_role("status")).to_contain_text("such as conv 3 192")


def test_calculators_live_through_a_change_of_page(page: Page, base_url: str) -> None:
    calculator(page, base_url + FIELDS)
    page.wait_for_load_state("networkidle")
    page.evaluate("window.stayed = true")
    reach(page.get_by_role("link", name="what such a network costs")).click()
    page.wait_for_url("**/counting/")
    expect(page.locator("[data-calculator=counting]").get_by_role("table")).to_be_visible()
    page.go_back()
    page.wait_for_url("**/receptive-fields/")
    expect(page.locator("[data-calculator=receptive-field]").get_by_role("table")).to_be_visible()
    assert page.evaluate("window.stayed") is True


@pytest.mark.parametrize("address", [FIELDS, COUNTING])
def test_without_javascript_the_page_says_so(new_page: Callable[..., Page], base_url: str, address: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(base_url + address)
    expect(page.locator("[data-calculator]")).to_contain_text("It needs JavaScript")
