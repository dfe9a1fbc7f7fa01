"""The chain of layers with sliders: it computes what the library computes, and its controls can be used by anyone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import vizgrad as vg
from tests.site.conftest import reach

PAGE = "learn/vanishing-gradients/"
FUNCTIONS = {"sigmoid": vg.sigmoid, "tanh": vg.tanh, "ReLU": vg.relu}
PLAIN = {"depth": 8, "activation": "sigmoid", "changed": 5, "scale": 1.0, "shift": 0.0}
SETTINGS = [
    PLAIN,
    PLAIN | {"scale": 1e-4},
    PLAIN | {"shift": 20.0},
    PLAIN | {"changed": 8, "shift": 20.0},
    PLAIN | {"depth": 12, "activation": "tanh", "changed": 1, "scale": 3.0, "shift": -2.0},
    PLAIN | {"depth": 2, "activation": "ReLU", "changed": 2, "scale": 0.1},
    PLAIN | {"activation": "ReLU", "changed": 3, "shift": 5.0},
    PLAIN | {"activation": "ReLU", "shift": -40.0},
]


@pytest.fixture
def place(page: Page, base_url: str) -> Locator:
    page.goto(base_url + PAGE)
    found = page.locator("[data-calculator=vanishing]")
    expect(found.get_by_role("table")).to_be_visible()
    return found


def gradients(draws: str, depth: int, activation: str, changed: int, scale: float, shift: float) -> np.ndarray:
    """For each layer the norms of the gradients of its weights and its biases, by the library."""
    numbers = np.array(draws.split(), float)
    h = vg.TensorNode(numbers[:4].reshape(4, 1))
    drawn = [*numbers[4:-4].reshape(-1, 4, 4)[: depth - 1], numbers[-4:].reshape(1, 4)]
    layers = []
    for k, weights in enumerate(drawn, 1):
        A = vg.TensorNode(weights * (scale if k == changed else 1))
        b = vg.TensorNode(np.full((len(weights), 1), shift if k == changed else 0.0))
        h = A @ h + b
        h = FUNCTIONS[activation](h) if k < depth else h
        layers.append((A, b))
    h.backward()
    return np.array([[np.linalg.norm(node.grad) for node in layer] for layer in layers])


def rows(place: Locator) -> list[list[str]]:
    return place.locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.textContent))")


def shown(place: Locator) -> np.ndarray:
    return np.array([[float(cell) for cell in (row[2], row[3])] for row in rows(place)])


def move(slider: Locator, value: float) -> None:
    slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", str(value))


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_browser_computes_the_librarys_gradients(place: Locator, settings: dict[str, Any]) -> None:
    draws = place.get_attribute("data-draws")
    assert draws is not None
    found = place.evaluate(
        """async (place, settings) => {
            const script = document.querySelector('script[src*="assets/js/load.js"]').src;
            const { gradientNorms, parseDraws } = await import(new URL("chain.js", script));
            return gradientNorms(parseDraws(place.dataset.draws, 4), settings).map((l) => [l.weights, l.biases]);
        }""",
        settings,
    )
    # 1 - sigmoid(20) has lost half of its digits, in both
    np.testing.assert_allclose(found, gradients(draws, **settings), rtol=1e-6 if settings["shift"] == 20 else 1e-12)


def test_sliders_show_what_the_library_computes(place: Locator) -> None:
    draws = place.get_attribute("data-draws")
    assert draws is not None
    assert shown(place) == pytest.approx(gradients(draws, **PLAIN), rel=5.1e-3)
    move(place.get_by_label("Its weights, times"), -4)
    assert shown(place) == pytest.approx(gradients(draws, **PLAIN | {"scale": 1e-4}), rel=5.1e-3)
    assert [row[0] for row in rows(place)] == ["1", "2", "3", "4", "5 *", "6", "7", "8"]
    move(place.get_by_label("Its weights, times"), 0)
    move(place.get_by_label("Its biases, plus"), 20)
    assert shown(place) == pytest.approx(gradients(draws, **PLAIN | {"shift": 20.0}), rel=5.1e-3)
    move(place.get_by_label("Its biases, plus"), 40)
    expect(place.locator("p[role=status]")).to_have_text("No gradient at all arrives at the first layer.")
    assert [row[2] for row in rows(place)[:5]] == ["0"] * 5


def test_the_page_without_javascript_has_the_same_numbers(
    place: Locator, new_page: Callable[..., Page], base_url: str
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(base_url + PAGE)
    printed = page.locator("[data-calculator=vanishing] tbody tr").all()
    cells = [[cell.strip() for cell in row.locator("td").all_text_contents()] for row in printed]
    assert cells == [[row[0], *row[2:]] for row in rows(place)]


def test_keyboard_and_limits(place: Locator, page: Page) -> None:
    layers, changed = place.get_by_label("Layers"), place.get_by_label("Layer to change")
    layers.focus()
    page.keyboard.press("End")
    assert len(rows(place)) == 12
    expect(layers).to_have_attribute("aria-valuetext", "12")
    changed.focus()
    page.keyboard.press("End")
    expect(changed).to_have_attribute("aria-valuetext", "12")
    layers.focus()
    page.keyboard.press("Home")
    assert len(rows(place)) == 2
    expect(changed).to_have_attribute("aria-valuetext", "2")  # it goes with the number of layers
    place.get_by_label("Its weights, times").focus()
    page.keyboard.press("ArrowLeft")
    expect(place.locator("output").nth(2)).to_have_text("0.32")
    place.get_by_label("Function").select_option("tanh")
    expect(place.locator("p[role=status]")).to_contain_text("The gradient of the first layer")


def test_it_lives_through_a_change_of_page(page: Page, base_url: str) -> None:
    page.goto(base_url + "learn/six-layers-by-hand/")
    page.wait_for_load_state("networkidle")
    page.evaluate("window.stayed = true")
    reach(page.get_by_role("link", name="why the gradient vanishes")).click()
    page.wait_for_url("**/vanishing-gradients/")
    expect(page.locator("[data-calculator=vanishing]").get_by_role("table")).to_be_visible()
    assert page.evaluate("window.stayed") is True


def test_no_fault_in_the_dark_and_on_a_phone(
    new_page: Callable[..., Page], axe: Callable[[Page], list[str]], base_url: str
) -> None:
    page = new_page(viewport={"width": 360, "height": 740}, color_scheme="dark", reduced_motion="reduce")
    page.goto(base_url + PAGE)
    page.evaluate("document.fonts.ready")
    expect(page.locator("[data-calculator=vanishing]").get_by_role("table")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
