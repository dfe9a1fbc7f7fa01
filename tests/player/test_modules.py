"""Modules in the player: they open and close, and what is drawn is right in every state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.player.test_html import NAMES
from vizgrad import Trace, trace
from vizgrad.draw.modules import units

NETWORK = """\
import numpy as np
import vizgrad as vg

class Block(vg.Module):
    def __init__(self, rng):
        self.inner, self.outer = vg.Linear(4, 4, rng), vg.Linear(4, 4, rng)
    def forward(self, x):
        return vg.relu(x + self.outer(vg.relu(self.inner(x))))

class Net(vg.Module):
    def __init__(self):
        rng = np.random.default_rng(1)
        self.stem, self.blocks, self.head = vg.Linear(7, 4, rng), [Block(rng) for _ in range(3)], vg.Linear(4, 2, rng)
    def forward(self, x):
        x = vg.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(x)

net = Net()
x = vg.TensorNode(np.arange(14.0).reshape(2, 7) / 7, requires_grad=False)
opt = vg.SGD(net.parameters(), lr=0.1)
loss = vg.celoss(net(x), np.array([0, 1]))
loss.backward()
opt.step()
"""
CLOSED = ".vg-closed:visible"
WAY = re.compile(r"-?[\d.]+,-?[\d.]+")


@pytest.fixture(scope="module")
def network() -> Trace:
    return trace.run(NETWORK)


def toggle(player: Locator, path: str) -> None:
    """Opens or closes a module, as a click on its title does."""
    title = player.locator(f'.vg-module[data-module="{path}"]:visible .vg-module-name').first
    title.dispatch_event("click")


def boxes(player: Locator) -> list[list[float]]:
    """Left, top, right and bottom of everything that is drawn as a node, in px of the screen."""
    return player.evaluate(
        """p => [...p.querySelectorAll('.vg-tensor > .vg-shape, .vg-op > .vg-shape, .vg-closed > .vg-shape')]
            .map(e => e.getBoundingClientRect()).filter(b => b.width).map(b => [b.left, b.top, b.right, b.bottom])"""
    )


def assert_nothing_overlaps(player: Locator) -> None:
    found = boxes(player)
    assert len(found) > 3
    for i, (left, top, right, bottom) in enumerate(found):
        for x0, y0, x1, y1 in found[:i]:
            assert right <= x0 + 0.5 or x1 <= left + 0.5 or bottom <= y0 + 0.5 or y1 <= top + 0.5


def assert_edges_meet_what_they_join(player: Locator) -> None:
    """Every visible edge begins and ends at something: a node, a closed module, or the frame of an open one."""
    loose = player.evaluate(
        """p => {
            const seen = e => e.getBoundingClientRect().width > 0;
            const kinds = ':is(.vg-tensor, .vg-op, .vg-closed) > .vg-shape, .vg-module > .vg-module-box';
            const boxes = [...p.querySelectorAll(kinds)].filter(seen).map(e => e.getBoundingClientRect());
            const near = ({x, y}, slack) => boxes.some(b =>
                x > b.left - slack && x < b.right + slack && y > b.top - slack && y < b.bottom + slack);
            const drawing = p.querySelector('svg.vg-graph');
            const scale = drawing.getBoundingClientRect().width / drawing.getAttribute('width');
            return [...p.querySelectorAll('.vg-line')].filter(e => e.getClientRects().length && !e.closest('[display]'))
                .filter(e => ![0, e.getTotalLength()].every(at =>
                    near(e.getPointAtLength(at).matrixTransform(e.getScreenCTM()), 12 * scale)))
                .map(e => e.parentNode.outerHTML.slice(0, 200));
        }"""
    )
    assert loose == []


def test_every_state_is_drawn_apart_and_joined(show, network):
    player = show(network)
    paths = list(units(network).all)
    assert_nothing_overlaps(player)
    player.get_by_role("button", name="Close all").click()
    expect(player.locator(CLOSED)).to_have_count(1)
    for path in paths:
        toggle(player, path)
        assert player.evaluate(
            "(p, path) => !!p.querySelector(`.vg-sheet[data-module='${path}']`).getClientRects()", path
        )
        assert_nothing_overlaps(player)
        assert_edges_meet_what_they_join(player)
    assert player.locator(CLOSED).count() == 0
    assert player.locator(".vg-op:visible").count() == len(network.ops)
    for path in ("net.blocks.1", "net.stem", "net.blocks"):
        toggle(player, path)
        assert_nothing_overlaps(player)
        assert_edges_meet_what_they_join(player)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_the_player_opens_modules_as_python_does(show, network, direction):
    """The same modules open: the same places, whether the page was made so or the reader has opened them."""
    wanted = ["net", "net.blocks", "net.blocks.1", "net.head"]
    made = show(network, direction=direction, modules=wanted)
    look = """p => [...p.querySelectorAll('.vg-tensor, .vg-op, .vg-closed, .vg-head, .vg-sheet')]
        .filter(e => !e.closest('[display]')).map(e => e.getAttribute('transform'))"""
    lines = (
        "p => [...p.querySelectorAll('.vg-line')].filter(e => !e.closest('[display]')).map(e => e.getAttribute('d'))"
    )
    places, ways = made.evaluate(look), made.evaluate(lines)
    opened = show(network, direction=direction, modules="closed")
    for path in wanted:
        toggle(opened, path)
    for one, other in [(places, opened.evaluate(look)), (ways, opened.evaluate(lines))]:
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            numbers = [[float(x) for x in re.findall(r"-?[\d.]+", text)] for text in (a, b)]
            assert numbers[0] == pytest.approx(numbers[1], abs=0.25)


def test_what_is_clicked_stays_under_the_pointer(show, network):
    player = show(network)
    player.get_by_role("button", name="Close all").click()
    toggle(player, "net")
    for path in ("net.blocks", "net.blocks.2", "net.blocks.2.inner", "net.blocks.2", "net.head"):
        title = player.locator(f'.vg-module[data-module="{path}"] .vg-toggle')
        before = title.locator("visible=true").bounding_box()
        toggle(player, path)
        after = title.locator("visible=true").bounding_box()
        assert after["x"] == pytest.approx(before["x"], abs=2)
        assert after["y"] == pytest.approx(before["y"], abs=2)


def test_a_closed_module_shows_its_totals_and_what_passes_it(show, network):
    player = show(network, modules="closed")
    box = player.locator('.vg-closed[data-module="net"]')
    count = sum(network.arrays[t.array].size for t in network.tensors if t.role == "parameter")
    ops = sum(1 for op in network.ops if op.module)
    expect(box.locator(".vg-module-totals")).to_have_text(f"{ops} ops, 16 parameters, {count} numbers")
    rows = box.locator(".vg-row")
    expect(rows.first).to_have_text("in x (2, 7)")
    expect(rows.nth(1)).to_have_text("stem.w (4, 7)∇ –")
    last = len(network.steps) - 1
    player.evaluate("(p, k) => p.go(k)", last)
    largest = abs(network.grad("net.stem.w")).max()
    expect(rows.nth(1)).to_have_text(f"stem.w (4, 7)∇ to ±{largest:.4g}")


def test_a_closed_module_is_active_while_anything_in_it_is(show, network):
    player = show(network, modules=["net", "net.blocks"])
    unit = '.vg-closed[data-module="net.blocks.0"]'
    inside = set(units(network).all["net.blocks.0"].ops)
    for k, step in enumerate(network.steps):
        if step.op and step.kind in ("forward", "backward"):
            player.evaluate("(p, k) => p.go(k)", k)
            active = "vg-active" in player.locator(unit).get_attribute("class")
            assert active == (step.op in inside)


def test_contributions_pass_closed_modules(show, network):
    player = show(network, modules=["net", "net.blocks"])
    tensor = next(t for t in network.tensors if t.name == "x (3)")
    k = next(k for k, s in enumerate(network.steps) if s.kind == "accumulate" and s.tensor == tensor.id)
    player.evaluate("(p, k) => p.go(k)", k - 1)
    chips = player.locator(f'.vg-edge[data-tensor="{tensor.id}"] .vg-chip.vg-travels:visible')
    assert chips.count() == 1
    expect(chips.first).to_have_text("2×4")
    toggle(player, "net.blocks.1")
    expect(chips).to_have_count(1)  # farther inside now, and only there
    toggle(player, "net.blocks.1")
    expect(chips).to_have_count(1)


def test_contributions_fly_to_where_their_tensor_is_drawn(show, network):
    """Open modules are drawn in places of their own."""
    player = show(network, modules=["net", "net.blocks", "net.blocks.1"])
    flown = 0
    for k, step in enumerate(network.steps):
        if step.kind != "accumulate":
            continue
        player.evaluate("(p, k) => p.go(k)", k)
        ways = player.evaluate(
            """p => [...p.querySelectorAll('.vg-chip.vg-lands')].filter(chip => chip.getCTM()).map(chip => {
              chip.getAnimations().forEach(flight => flight.cancel());
              const node = p.figure.graph.node(chip.closest('[data-tensor]').dataset.tensor);
              const [from, to] = [chip.getCTM(), node.getCTM()];
              const told = chip.style.getPropertyValue('--vg-way').split(' ').map(parseFloat);
              return [told, [(to.e - from.e) / from.a, (to.f - from.f) / from.a]];
            })"""
        )
        for told, seen in ways:
            assert told == pytest.approx(seen, abs=0.1)
        flown += len(ways)
    assert flown > 10


def test_modules_open_by_keyboard_and_keep_the_focus(show, network):
    player = show(network, modules="closed")
    page = player.page
    player.locator('.vg-closed[data-module="net"]').focus()
    page.keyboard.press("Enter")
    focused = "() => { const e = document.activeElement; return [e.dataset.module, e.matches('.vg-closed')]; }"
    assert page.evaluate(focused) == ["net", False]
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == ["net.stem", True]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert page.evaluate(focused) == ["net", True]
    assert player.locator(".vg-graph [tabindex='0']").count() == 1


def test_shift_and_an_arrow_take_a_closed_module_as_one_step(show, network):
    player = show(network, modules=["net"])
    player.locator(".vg-play").focus()
    seen = []
    for _ in range(4):
        seen.append(network.steps[player.evaluate("p => p.step")].op)
        player.page.keyboard.press("Shift+ArrowRight")
    modules = [network.op(op).module for op in seen]
    assert modules == ["net.stem", "net", "net.blocks.0.inner", "net.head"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_module_names_stay_text(show, name):
    program = (
        "import numpy as np, vizgrad as vg\n"
        "class Net(vg.Module):\n"
        f"    def forward(self, x):\n        return getattr(self, {name!r})(x)\n"
        f"net = Net()\nsetattr(net, {name!r}, vg.Linear(2, 2))\n"
        "net(vg.TensorNode(np.ones((1, 2)))).sum().backward()\n"
    )
    player = show(trace.run(program), title="t", modules="closed")
    player.get_by_role("button", name="Open all").click()
    assert player.locator(CLOSED).count() == 0
    player.get_by_role("button", name="Close all").click()
    expect(player.locator(CLOSED)).to_have_count(1)
    assert player.page.locator("script").count() == 1
    assert player.locator("img[src=x], iframe").count() == 0
    assert "\u202e" not in player.inner_text()


def test_axe_finds_nothing(show, network, axe):
    player = show(network)
    assert axe(player.page) == []
    player.get_by_role("button", name="Close all").click()
    player.get_by_role("button", name="Find").click()
    assert axe(player.page) == []
