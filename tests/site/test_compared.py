"""Figures of the course that show two programs on one timeline: where they agree, and where they first differ."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.site.conftest import reach


def compared(page: Page, address: str) -> Locator:
    page.goto(address)
    both = page.locator("vg-compare")
    reach(both)
    expect(both.locator("vg-player[ready]")).to_have_count(2)
    return both


def steps(both: Locator) -> list[int]:
    return both.evaluate("c => [...c.querySelectorAll('vg-player')].map((p) => p.step)")


def test_pytorch_and_vizgrad_agree_in_every_number_of_a_training_step(page, base_url):
    both = compared(page, base_url + "learn/same-network-twice/")
    for step in range(20):
        both.evaluate("(c, k) => c.querySelector('vg-player').go(k)", step)
        assert steps(both) == [step, step]
        expect(both.locator(".vg-compared")).to_contain_text("No number differs at this step.")
    both.get_by_role("button", name="First difference").click()
    expect(both.locator(".vg-compared")).to_contain_text("The two agree in every number.")


def test_both_programs_can_be_read(page, base_url):
    both = compared(page, base_url + "learn/same-network-twice/")
    text = both.inner_text()
    assert "F.mse_loss(y, t)" in text and "vg.mse_loss(y, t)" in text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("learn/momentum/", "w: 2.438 and 1.812"),
        ("learn/adaptive-rates/", re.compile(r"w: 2\.9 and 2\.99")),
    ],
)
def test_the_first_difference_is_where_the_page_says(page, base_url, address, said):
    both = compared(page, base_url + address)
    both.get_by_role("button", name="First difference").click()
    expect(both.locator(".vg-compared")).to_contain_text(said)
    assert len(set(steps(both))) == 1
