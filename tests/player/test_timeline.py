"""What the player shows at a step is what the library held there, however one came there."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Locator

from tests.player import programs
from vizgrad import Trace, trace
from vizgrad.trace.text import number

PROGRAMS = {
    "diamond": programs.DIAMOND,
    "matrices": programs.MATRICES,
    "training": programs.TRAINING,
    "twice": programs.TWICE,
    "dead branch": programs.DEAD_BRANCH,
    "half precision": programs.HALF_PRECISION,
    "failing": programs.FAILING,
}

SHOWN = """(player, kind) => Object.fromEntries([...player.querySelectorAll(".vg-tensor")].flatMap(tensor => {
    const slot = tensor.querySelector(`.vg-${kind}:not(.vg-empty)`);
    const cells = slot ? [...slot.querySelectorAll(".vg-cell text")].map(text => text.textContent) : [];
    return slot ? [[tensor.dataset.tensor, cells]] : [];
}))"""


def shown(player: Locator) -> list[dict[str, list[str]]]:
    return [player.evaluate(SHOWN, kind) for kind in ("value", "grad")]


def held(recorded: Trace, step: int) -> list[dict[str, list[str]]]:
    state = recorded.state(step)
    return [
        {id: list(map(number, array.reshape(-1))) for id, array in kind.items()} for kind in (state.values, state.grads)
    ]


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_stepping_scrubbing_and_jumping_show_what_the_library_held(show, program):
    recorded = trace.run(program)
    player = show(recorded)
    slider = player.get_by_role("slider")
    steps = range(len(recorded.steps))
    slider.focus()
    for step in steps:
        assert player.evaluate("p => p.step") == step
        assert shown(player) == held(recorded, step)
        player.page.keyboard.press("ArrowRight")
    for step in reversed(steps):
        assert shown(player) == held(recorded, step)
        player.page.keyboard.press("ArrowLeft")
    for step in random.Random(0).choices(steps, k=12):
        slider.evaluate("(s, k) => { s.value = k; s.dispatchEvent(new Event('input')); }", step)
        assert shown(player) == held(recorded, step)
    for step in random.Random(1).choices(steps, k=12):
        player.evaluate("(p, k) => p.go(k)", step)
        assert shown(player) == held(recorded, step)


@pytest.mark.parametrize(("wanted", "step"), [("start", 0), ("end", 14), ("wait", 9), ("7", 7)])
def test_where_a_figure_opens(show, wanted, step):
    assert show(programs.DIAMOND, step=wanted).evaluate("p => p.step") == step
