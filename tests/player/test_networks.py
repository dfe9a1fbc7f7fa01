"""Networks of the course in the player: opened module by module, stepped to the end, with the library's gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.player.test_modules import CLOSED, assert_edges_meet_what_they_join, assert_nothing_overlaps
from vizgrad import Trace, trace
from vizgrad.draw.modules import units
from vizgrad.trace.text import number

LENET = """\
import numpy as np
import vizgrad as vg

rng = np.random.default_rng(0)
net = vg.Sequential(
    vg.Conv2d(1, 2, 3, padding=1, rng=rng), vg.relu, vg.MaxPool2d(2),
    vg.Conv2d(2, 3, 3, rng=rng), vg.relu, vg.MaxPool2d(2),
    vg.Flatten(), vg.Linear(12, 5, rng=rng), vg.relu, vg.Linear(5, 3, rng=rng),
)
x = vg.TensorNode(rng.normal(size=(2, 1, 12, 12)), requires_grad=False)
optimiser = vg.SGD(net.parameters(), lr=0.1)
loss = vg.cross_entropy(net(x), np.array([0, 2]))
loss.backward()
"""
RESNET = """\
import numpy as np
import vizgrad as vg

rng = np.random.default_rng(1)

class Block(vg.Module):
    def __init__(self, channels):
        self.first = vg.Conv2d(channels, channels, 3, padding=1, bias=False, rng=rng)
        self.norm = vg.BatchNorm(channels)
        self.second = vg.Conv2d(channels, channels, 3, padding=1, bias=False, rng=rng)
        self.norm_after = vg.BatchNorm(channels)

    def forward(self, x):
        y = vg.relu(self.norm(self.first(x)))
        return vg.relu(x + self.norm_after(self.second(y)))

net = vg.Sequential(vg.Conv2d(1, 2, 3, padding=1, rng=rng), Block(2), vg.Flatten(), vg.Linear(50, 3, rng=rng))
x = vg.TensorNode(rng.normal(size=(3, 1, 5, 5)), requires_grad=False)
optimiser = vg.SGD(net.parameters(), lr=0.1)
loss = vg.cross_entropy(net(x), np.array([0, 2, 1]))
loss.backward()
"""
STEP = "optimiser.step()\n"
every_network = pytest.mark.parametrize("program", [LENET, RESNET], ids=["lenet", "resnet"])


def gradients_of(program: str) -> dict[str, np.ndarray]:
    """What the library computes where nothing is recorded."""
    names: dict[str, Any] = {}
    exec(program, names)
    return {name: p.grad for name, p in names["net"].named_parameters("net")}


def assert_opens_in_place(player: Locator, path: str) -> None:
    """Opens a closed module by a click: what was clicked stays under the pointer."""
    toggle = player.locator(f'.vg-module[data-module="{path}"] > .vg-toggle').locator("visible=true")
    toggle.dispatch_event("pointerdown")
    before = toggle.bounding_box()
    toggle.dispatch_event("click")
    after = toggle.bounding_box()
    assert after["x"] == pytest.approx(before["x"], abs=1)
    assert after["y"] == pytest.approx(before["y"], abs=1)


@every_network
def test_modules_open_one_after_the_other_in_place(show, program):
    recorded = trace.run(program + STEP)
    assert recorded.error is None
    player = show(recorded, modules="closed")
    for path in units(recorded).all:
        assert_opens_in_place(player, path)
        assert_nothing_overlaps(player)
    assert_edges_meet_what_they_join(player)
    assert player.locator(CLOSED).count() == 0
    assert player.locator(".vg-op:visible").count() == len(recorded.ops)


def numbers_told(player: Locator, kind: str) -> list[str]:
    """The numbers of a figure in the details: all of a small array, else the least and the largest."""
    figure = player.locator(f".vg-chosen figure[data-kind={kind}]")
    cells = figure.locator("td").all_text_contents()
    return cells or figure.locator(".vg-say").inner_text().removeprefix("from ").split(" to ")


@every_network
def test_every_gradient_shown_is_the_librarys(show, program):
    recorded: Trace = trace.run(program + STEP)
    expected = gradients_of(program)
    assert len(expected) >= 8
    player = show(recorded, modules="open")
    player.locator(".vg-play").focus()
    for step in recorded.steps:
        expect(player.get_by_role("status").first).to_have_text(step.text)
        player.page.keyboard.press("ArrowRight")
    for name, grad in expected.items():
        player.evaluate("(p, id) => { p.state = { chosen: { tensor: id } }; }", recorded.tensor(name).id)
        expect(player.locator(".vg-chosen .vg-card-title")).to_contain_text(name[-20:])
        rows = grad.reshape(-1, grad.shape[-1])
        small = max(rows.shape) <= 10
        wanted = [number(x) for x in (grad.reshape(-1) if small else (grad.min(), grad.max()))]
        assert numbers_told(player, "grad") == wanted
