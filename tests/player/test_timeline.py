"""What the player shows at a step is what the library held there, however one came there."""

from __future__ import annotations

import random

import numpy as np
import pytest
from playwright.sync_api import Locator

from vizgrad import Trace, trace
from vizgrad.trace.text import number

PROGRAMS = {
    "diamond": "import vizgrad as vg\na = vg.TensorNode(0.8)\ns = a * a\no = 3 * s * vg.sin(s)\no.backward()\n",
    "matrices": (
        "import vizgrad as vg\na = vg.TensorNode([[1.0, -2.0], [3.0, 4.0]])\nb = vg.TensorNode([[5.0, 6.0]])\n"
        "loss = ((a + b) @ a).sum()\nloss.backward()\n"
    ),
    "training": (
        "import numpy as np\nimport vizgrad as vg\nx = vg.TensorNode(np.ones((3, 2)), requires_grad=False)\n"
        "w = vg.TensorNode([[0.5, 0.1], [-0.5, 0.2]])\nopt = vg.SGD([w], lr=0.1)\n"
        "for i in range(2):\n    loss = (vg.tanh(x @ w) ** 2).sum()\n    opt.zero_grad()\n    loss.backward()\n    opt.step()\n"
    ),
    "twice": "import vizgrad as vg\na = vg.TensorNode(3.0)\nloss = a * a\nloss.backward()\nloss.backward()\n",
    "dead branch": (
        "import vizgrad as vg\nw = vg.TensorNode(3.0)\nv = vg.TensorNode(2.0)\nx = w * v\ndead = x + v\nloss = x * v\n"
        "loss.backward()\n"
    ),
    "half precision": (
        "import numpy as np\nimport vizgrad as vg\na = vg.TensorNode(np.array([0.1, 0.2], np.float16))\n(a * a).sum().backward()\n"
    ),
    "failing": "import vizgrad as vg\na = vg.TensorNode([1.0, 2.0])\nb = vg.log(a - 1.0)\nc = a * vg.TensorNode([1.0, 2.0, 3.0])\n",
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
    return [{id: [number(x) for x in np.reshape(array, -1)] for id, array in kind.items()} for kind in (state.values, state.grads)]


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


def test_a_long_program_is_looked_up_fast(modules):
    program = "import vizgrad as vg\nx = vg.TensorNode(0.5)\ny = x\nfor i in range(400):\n    y = vg.sin(y) * x\ny.backward()\n"
    spent = modules.evaluate(
        """async json => {
            const [{ Trace }, { Timeline }] = await Promise.all([import('/trace.js'), import('/timeline.js')]);
            const timeline = new Timeline(new Trace(json));
            const start = performance.now();
            for (let k = 0; k < timeline.length; k += 50) {
                for (const id of timeline.waiting(k)) timeline.grad(id, k);
                timeline.flights(k); timeline.active(k);
            }
            return (performance.now() - start) / (timeline.length / 50);
        }""",
        trace.run(program).to_json(),
    )
    assert spent < 20  # ms for a step of about 3000


@pytest.mark.parametrize(("wanted", "step"), [("start", 0), ("end", 14), ("wait", 9), ("7", 7)])
def test_where_a_figure_opens(show, wanted, step):
    assert show(PROGRAMS["diamond"], step=wanted).evaluate("p => p.step") == step
