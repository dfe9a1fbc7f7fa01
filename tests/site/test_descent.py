"""The sliders under the ravine: the paths that the browser draws are those that the library takes."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vizgrad as vg
from tests.site.conftest import reach

MOMENTUM = "learn/momentum/"
STEPS = 40


def ravine(page: Page, base_url: str) -> Locator:
    page.goto(base_url + MOMENTUM)
    place = page.locator("[data-descent]")
    expect(place.get_by_role("slider")).to_have_count(3)
    return place


def put(place: Locator, **settings: float) -> None:
    """Move the sliders, as a hand would: what is said changes with each move."""
    labels = {"alpha": "step size", "beta": "momentum", "curvature": "curvature"}
    for name, value in settings.items():
        place.get_by_role("slider", name=labels[name]).fill(str(value))


def drawn(place: Locator, which: int) -> np.ndarray:
    """The points of a path, (steps + 1, 2)."""
    line = place.locator(f"svg .vg-path-{which} path").first.get_attribute("d")
    return np.array([[float(x) for x in point.split(",")] for point in line.removeprefix("M").split(" ")])


def library(alpha: float, beta: float, curvature: float) -> np.ndarray:
    w = vg.TensorNode([-9.0, 2.0])
    optimiser = vg.SGD([w], lr=alpha, momentum=beta)
    path = [w.value]
    for _ in range(STEPS):
        optimiser.zero_grad()
        (w * w * [0.5, 0.5 * curvature]).sum().backward()
        optimiser.step()
        path.append(w.value)
    return np.array(path)


def loss(path: np.ndarray, curvature: float) -> float:
    return float((path[-1] ** 2 @ [1, curvature]) / 2)


def test_the_browser_takes_the_librarys_path(page, base_url):
    place = ravine(page, base_url)
    for alpha, beta, curvature in [(0.09, 0.5, 20), (0.02, 0.9, 20), (0.01, 0.0, 1), (0.15, 0.99, 12), (0.05, 0.3, 40)]:
        put(place, alpha=alpha, beta=beta, curvature=curvature)
        paths = [library(alpha, momentum, curvature) for momentum in (beta, 0.0)]
        for which, path in enumerate(paths, 1):
            np.testing.assert_allclose(drawn(place, which), path, rtol=1e-5, atol=1e-30)
        told = place.locator("output").inner_text()
        ends = [float(number) for number in re.findall(r"(?:loss is|momentum it is) ([\d.e-]+\d)", told)]
        np.testing.assert_allclose(ends, [loss(path, curvature) for path in paths], rtol=6e-3)


def test_the_sentence_of_the_page_is_the_one_that_the_browser_computes(page, new_page, base_url):
    still = new_page(java_script_enabled=False)
    still.goto(base_url + MOMENTUM)
    served = still.locator("[data-descent]")
    expect(served.get_by_role("slider")).to_have_count(0)
    assert "After 40 steps the loss is" in served.locator("output").text_content()
    live = ravine(page, base_url)
    assert live.locator("output").text_content() == served.locator("output").text_content()
    for which in (1, 2):
        np.testing.assert_allclose(drawn(live, which), drawn(served, which), rtol=1e-3, atol=1e-3)
    rings = [place.locator("ellipse").last.get_attribute("ry") for place in (live, served)]
    assert float(rings[0]) == pytest.approx(float(rings[1]), rel=1e-3)


def test_it_says_on_which_side_of_the_limit_it_is(page, base_url):
    place = ravine(page, base_url)
    for alpha, said in ((0.14, "is 3: stable"), (0.15, "is 3: at the limit"), (0.16, "is 3: it diverges")):
        put(place, alpha=alpha, beta=0.5, curvature=20)
        expect(place.locator("output")).to_contain_text(said)


def test_a_path_that_diverges_ends_outside_the_picture(page, base_url):
    place = ravine(page, base_url)
    put(place, alpha=0.3, beta=0.0, curvature=40)
    path = drawn(place, 1)
    assert len(path) < STEPS + 1
    assert 1e3 < abs(path).max() < 1e5
    assert float(re.search(r"the loss is ([\d.e]+\d);", place.locator("output").inner_text())[1]) > 1e60


def test_the_sliders_move_with_the_arrow_keys(page, base_url):
    place = ravine(page, base_url)
    before = place.locator("output").inner_text()
    place.get_by_role("slider", name="momentum β: 0.5").focus()
    page.keyboard.press("ArrowRight")
    expect(place.get_by_role("slider", name="momentum β: 0.51")).to_be_focused()
    assert place.locator("output").inner_text() != before


def test_the_sliders_live_through_a_change_of_page(page, base_url):
    ravine(page, base_url)
    page.wait_for_load_state("networkidle")
    page.evaluate("window.stayed = true")
    reach(page.get_by_role("link", name="a rate for each parameter", exact=True)).click()
    page.wait_for_url("**/adaptive-rates/")
    expect(page.locator(".vg-ravines svg")).to_have_count(6)
    page.go_back()
    page.wait_for_url("**/momentum/")
    expect(page.locator("[data-descent]").get_by_role("slider")).to_have_count(3)
    assert page.evaluate("window.stayed") is True


@pytest.mark.parametrize("address", [MOMENTUM, "learn/adaptive-rates/"])
def test_a_drawing_says_what_it_shows(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str, address: str
):
    page = new_page(color_scheme="dark", reduced_motion="reduce", viewport={"width": 360, "height": 740})
    page.goto(base_url + address)
    pictures = page.locator(".vg-ravine").get_by_role("img")
    assert all(len(picture.get_attribute("aria-label")) > 40 for picture in pictures.all())
    assert pictures.first.bounding_box()["width"] > 250
    assert axe(page) == []
