"""Graphs that are too large to be drawn at once: the page shows one part after another, without Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.player.test_player import until
from tests.player.test_takeaway import taken
from vizgrad import Trace, player, trace
from vizgrad.draw import svg
from vizgrad.draw.modules import MANY, MOST, parts
from vizgrad.draw.svg import svg_parts
from vizgrad.trace.text import number

CHAIN = """\
import vizgrad as vg

x = vg.TensorNode(0.5)
w = vg.TensorNode(1.5)
y = x
for i in range(450):
    y = vg.sin(y) * w
y.backward()
"""
DEEP = """\
import numpy as np, vizgrad as vg

class Block(vg.Module):
    def __init__(self, rng):
        self.layers = [vg.Linear(2, 2, rng) for _ in range(50)]
    def forward(self, x):
        for layer in self.layers:
            x = vg.tanh(layer(x))
        return x

rng = np.random.default_rng(0)
one, two, three, four = [Block(rng) for _ in range(4)]
loss = four(three(two(one(vg.TensorNode([[0.1, 0.2]]))))).sum()
loss.backward()
"""


@pytest.fixture(scope="module")
def chain() -> Trace:
    recorded = trace.run(CHAIN)
    assert len(recorded.tensors) + len(recorded.ops) > MOST
    return recorded


@pytest.fixture(scope="module")
def deep() -> Trace:
    recorded = trace.run(DEEP)
    assert recorded.error is None and len(recorded.tensors) + len(recorded.ops) > MOST
    return recorded


def shown(player: Locator, id: str) -> Locator:
    return player.locator(f'.vg-graph :is(.vg-tensor[data-tensor="{id}"], .vg-op[data-op="{id}"])')


def test_the_parts_hold_everything(chain):
    seen = parts(chain)
    assert [op.id for part in seen for op in part.ops] == [op.id for op in chain.ops]
    assert {tensor.id for part in seen for tensor in part.tensors} == {tensor.id for tensor in chain.tensors}
    assert all(part.nodes <= MANY for part in seen)
    drawings = svg_parts(chain)
    assert len(drawings) == len(seen)
    for part, drawing in zip(seen, drawings.values(), strict=True):
        for id in [*(op.id for op in part.ops), *(tensor.id for tensor in part.tensors)]:
            assert f'"{id}"' in drawing


def test_a_graph_that_can_be_drawn_has_no_parts():
    recorded = trace.run(CHAIN.replace("450", "4"))
    assert parts(recorded) == [] and svg_parts(recorded) == {}
    assert "vg-part" not in player.figure(recorded, "f")
    assert svg(recorded)


def test_the_graph_follows_the_steps_from_part_to_part(show, chain):
    figure = show(chain)
    expect(shown(figure, "o0")).to_have_class("vg-op vg-active")  # though it opened with the end
    expect(figure.locator(".vg-found")).to_have_text(f"Part 1 of {len(parts(chain))}: 202 of 1802 nodes.")
    for k in (150, 420, len(chain.steps) - 1, 3):
        figure.evaluate("(p, k) => p.go(k)", k)
        op = chain.steps[k].op
        expect(shown(figure, op)).to_have_count(1)
        assert figure.locator(".vg-active:is(.vg-op, .vg-tensor)").count() >= 1
    figure.evaluate("(p, k) => p.go(k)", len(chain.steps) - 1)
    first = chain.tensor("w").id
    expect(shown(figure, first).locator(".vg-grad text")).to_have_text(number(chain.grad("w")))


def test_parts_are_turned_like_pages(show, chain):
    figure = show(chain)
    said = figure.locator(".vg-found")
    expect(said).to_contain_text("Part 1 of")
    earlier, later = (figure.get_by_role("button", name=name) for name in ("Earlier part", "Later part"))
    expect(earlier).to_be_disabled()
    later.focus()
    later.press("Enter")
    expect(said).to_contain_text("Part 2 of")
    expect(later).to_be_focused()
    expect(shown(figure, "o150")).to_have_count(1)
    assert figure.evaluate("p => p.step") == 0
    figure.page.keyboard.press("ArrowRight")  # the next step is in the first part again
    expect(said).to_contain_text("Part 1 of")


def test_what_is_found_elsewhere_brings_its_part(show, chain):
    figure = show(chain)
    expect(figure.locator(".vg-found")).to_contain_text("Part 1 of")
    figure.get_by_role("button", name="Find").click()
    figure.get_by_role("searchbox").fill("y (4")
    figure.page.keyboard.press("Enter")
    until(figure, "p => p.querySelector('.vg-tensor.vg-selected') !== null")
    chosen = figure.locator(".vg-tensor.vg-selected").get_attribute("data-tensor")
    assert chain.tensors[int(chosen[1:])].name.startswith("y (4")
    expect(figure.locator(".vg-chosen")).to_contain_text("y (4")


def test_what_is_in_a_closed_module_is_shown_as_a_part(show, deep):
    figure = show(deep)
    assert figure.locator(".vg-closed").count() >= 4
    figure.get_by_role("button", name="Find").click()
    figure.get_by_role("searchbox").fill("three.layers.7.w")
    figure.page.keyboard.press("Enter")
    w = deep.tensor("three.layers.7.w")
    expect(shown(figure, w.id)).to_have_count(1)
    figure.get_by_role("button", name="Whole graph").click()
    expect(figure.locator(".vg-closed").first).to_be_visible()
    figure.locator(".vg-closed").nth(1).locator(".vg-module-name").dispatch_event("click")
    expect(figure.locator(".vg-found")).to_contain_text("Part ")
    figure.evaluate("(p, k) => p.go(k)", len(deep.steps) - 1)
    expect(figure.locator(".vg-op.vg-active, .vg-tensor.vg-active").first).to_be_visible()


def test_one_file_takes_its_parts_along(show, chain, tmp_path: Path):
    figure = show(chain, step="end")
    _, content = taken(figure, "One file")
    path = tmp_path / "again.html"
    path.write_bytes(content)
    figure.page.goto(path.as_uri())
    again = figure.page.locator("vg-player[ready]")
    again.evaluate("p => p.go(1)")
    expect(shown(again, "o1")).to_have_count(1)


def test_numbers_that_are_changed_are_changed_in_every_part(show, chain):
    figure = show(chain)
    expect(figure.locator(".vg-found")).to_contain_text("Part 1 of")
    changed = trace.run(CHAIN.replace("0.5", "0.25"))
    figure.get_by_role("button", name="Change a number").click()
    figure.get_by_label("x", exact=True).fill("0.25")
    figure.evaluate("p => p.go(850)")
    made = changed.tensor(changed.ops[850].outputs[0])
    value = shown(figure, made.id).locator(".vg-value text")
    expect(value).to_have_text(number(changed.arrays[made.array]))


def test_axe_finds_nothing(show, chain, axe):
    figure = show(chain)
    expect(figure.locator(".vg-found")).to_contain_text("Part 1 of")
    assert axe(figure.page) == []
