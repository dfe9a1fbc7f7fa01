"""What a cell is made of: every number that is written out is the recorded one, and the right cells light."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.player.programs import DIAMOND, MATRICES, TRAINING
from vizgrad import Trace, trace

HEAD = """\
import numpy as np
import vizgrad as vg

rng = np.random.default_rng(1)
def tensor(*shape):
    return vg.TensorNode(rng.normal(size=shape).round(2))
x = tensor(3, 4)
"""
LOSSES = {  # of each, backward is called
    "a layer": "vg.sigmoid(vg.BatchMM.do_forward(tensor(2, 3), tensor(4, 3)) + tensor(1, 2)).sum()",
    "affine": "vg.linear(tensor(4, 3), tensor(2, 3), tensor(2)).sum(axis=0).mean()",
    "batches": "(tensor(2, 1, 2, 3) @ tensor(3, 3, 2)).sum()",
    "vector and matrix": "(tensor(3) @ tensor(3, 2)).sum()",
    "broadcasts": "((tensor(3, 1) * tensor(2) - tensor(1, 2)) / tensor(3, 2)).sum()",
    "curves": "(vg.exp(x) * vg.tanh(x) + vg.sin(x) - vg.relu(x)).sum()",
    "powers": "(vg.exp(x) ** 3 + vg.TensorNode([2.0]) ** x).sum()",
    "rows": "(vg.softmax(x) * vg.logsoftmax(x)).sum()",
    "selection": "vg.Select.do_forward(x, indices=[1, 0, 3]).sum()",
    "parts": "x[1:, [0, 2]].sum() + (x[::2, 3] * x[..., -1][:2]).sum() + x[[0, 0, 1]].mean() + x[None, 2, 1].sum()",
    "loss": "vg.cross_entropy(tensor(4, 3), np.array([0, 2, 1, 1]))",
    "squares": "vg.mse_loss(x, tensor(3, 4))",
    "largest": "vg.RowMax.do_forward(x).sum() + (x.T.reshape(2, 6).max(axis=1) * 3).sum()",
    "joined": "(vg.concatenate([x, tensor(3, 1)], axis=1) * 2).sum() + vg.stack([x, x], axis=-1).mean()",
    "convolution": "vg.conv2d(tensor(2, 2, 4, 4), tensor(3, 2, 3, 3), tensor(3), padding=1).sum()",
    "strides": "vg.conv2d(tensor(1, 1, 5, 5), tensor(1, 1, 2, 2), stride=(2, 1)).sum()",
    "pooling": "vg.max_pool2d(x.reshape(1, 1, 3, 4), 2, stride=1).sum() + vg.avg_pool2d(tensor(1, 2, 4, 4), 2).sum()",
}
PROGRAMS = {
    "diamond": DIAMOND,
    "matrices": MATRICES,
    "training": TRAINING,
    "twice": "import vizgrad as vg\na = vg.TensorNode([1.0, 2.0])\nfor i in range(2): (a * a).sum().backward()",
    "float32": HEAD + "a = vg.TensorNode(rng.normal(size=(3, 4)).astype(np.float32)); (a @ a.T).sum().backward()",
    **{name: f"{HEAD}({loss}).backward()" for name, loss in LOSSES.items()},
}
# Every entry of every result and gradient of a trace: how many can be told, and those that cannot.
ALL = """async json => {
    const modules = ['trace', 'timeline', 'cells'].map(name => import(`/${name}.js`));
    const [{ Trace }, { Timeline }, { madeOf }] = await Promise.all(modules);
    const trace = new Trace(json), timeline = new Timeline(trace);
    let told = 0;
    const untold = [];
    const look = (k, tensor, kind, place, as) => {
        const array = trace.array(place);
        for (let i = 0; i < array.size; i += 1) {
            const made = madeOf(trace, timeline, k, { tensor, kind, array, as }, i);
            if (made) told += 1;
            else untold.push(`${trace.steps[k].text} ${kind} ${tensor} ${i}`);
            for (const { array, i } of made?.from ?? []) if (!(i < array.size)) throw new Error(`${i}`);
        }
    };
    trace.steps.forEach((step, k) => {
        const op = step.op && trace.op(step.op);
        if (step.kind === 'forward') look(k, op.outputs[0], 'value', trace.tensor(op.outputs[0]).array);
        if (step.kind === 'accumulate') look(k, step.tensor, 'grad', step.after);
        if (step.kind === 'backward') step.gradients.forEach((place, p) => {
            const { tensor, port } = op.inputs[p];
            if (Number.isInteger(place)) look(k, tensor, 'grad', place, `${op.id}:${port}`);
        });
    });
    return [told, untold];
}"""


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_every_number_can_be_told_and_is_the_recorded_one(modules, program):
    recorded = trace.run(program)
    assert recorded.error is None, recorded.error
    told, untold = modules.evaluate(ALL, recorded.to_json())
    assert untold == [] and told > 0


def test_what_does_not_give_the_recorded_number_is_not_told(modules):
    record = json.loads(trace.run(MATRICES).to_json())
    place = next(tensor["array"] for tensor in record["tensors"] if tensor["source"] == "o1")
    record["arrays"][place]["data"][0] += 0.001
    _, untold = modules.evaluate(ALL, json.dumps(record))
    assert any("value" in one for one in untold)


def test_ops_of_ones_own_are_not_told(modules):
    program = HEAD + (
        "class Add(vg.Op):\n"
        "    @staticmethod\n    def forward(context, a, b): return a + b\n"
        "    @staticmethod\n    def backward(context, go): return go, go\n"
        "Add.do_forward(tensor(2), tensor(2)).sum().backward()\n"
    )
    _, untold = modules.evaluate(ALL, trace.run(program).to_json())
    assert len(untold) == 2 + 2 * 2 * 2


def backward_of(recorded: Trace, op: str) -> int:
    return next(k for k, one in enumerate(recorded.steps) if one.kind == "backward" and recorded.op(one.op).op == op)


LIT = "player => [...player.querySelectorAll('.vg-card .vg-lit')].map(cell => cell.textContent)"


def test_pointing_at_a_gradient_lights_its_row_and_column(show):
    recorded = trace.run(MATRICES)
    player = show(recorded)
    k = backward_of(recorded, "MatrixMultiply")
    player.evaluate("(p, k) => p.go(k)", k)
    results = player.locator(".vg-card .vg-chain mtr:last-child > mtd:last-child > mrow > mtable.vg-matrix")
    results.nth(1).locator("mtd").nth(1).hover()
    expect(player.locator(".vg-made")).to_have_text("a∇[0, 1] = 1 · 6 + 1 · 8 = 14")
    assert player.evaluate(LIT) == ["1", "1", "6", "8", "1", "1", "14"]  # the upstream gradient is in both derivations
    assert player.locator(".vg-tensor .vg-lit").count() == 4
    player.page.mouse.move(2, 2)
    expect(player.locator(".vg-made")).to_be_hidden()


def test_a_click_pins_and_escape_clears(show):
    player = show(MATRICES, step="2")
    number = player.locator(".vg-card mn").last
    number.click()
    player.page.mouse.move(2, 2)
    expect(player.locator(".vg-made")).to_contain_text("loss =")
    assert player.locator(".vg-chosen").is_hidden()
    player.get_by_role("slider").focus()
    player.page.keyboard.press("Escape")
    expect(player.locator(".vg-made")).to_be_hidden()
    assert player.locator(".vg-lit").count() == 0


def test_arrow_keys_go_from_cell_to_cell_within_one_tab_stop(show):
    player = show(MATRICES, step="0")
    page = player.page
    player.get_by_role("button", name="Play").focus()  # what cells are made of is fetched when somebody comes
    expect(player.locator(".vg-card [tabindex='0']:is(mtable, mn)")).to_have_count(1)
    player.get_by_role("button", name="Stop at line 5").focus()
    page.keyboard.press("Tab")
    made = player.locator(".vg-made")
    expect(made).to_contain_text("[0, 0] = 1 + 5 = 6")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(made).to_contain_text("[1, 1] = 4 + 6 = 10")
    assert player.evaluate("p => p.step") == 0
    assert made.get_attribute("aria-live") == "polite"
    page.keyboard.press("Escape")
    expect(made).to_be_hidden()


def test_tables_of_the_details_have_cells_too(show):
    player = show(MATRICES, step="end")
    player.evaluate("p => { p.state = { chosen: { tensor: 't0' } }; }")
    table = player.locator(".vg-chosen figure[data-kind=grad] .vg-scroll")
    table.locator("td").nth(3).hover()
    expect(player.locator(".vg-made")).to_contain_text("a∇[1, 1] = ")
    assert player.locator(".vg-chosen td.vg-lit").count() >= 1


def test_the_text_stays_inside_a_phone(show, new_page):
    player = show(MATRICES, page=new_page(viewport={"width": 360, "height": 740}), step="1")
    player.locator(".vg-card mtable.vg-matrix mtd").last.hover()
    box = player.locator(".vg-made").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert player.page.evaluate("document.documentElement.scrollWidth") == 360


def test_axe_finds_nothing(show, axe):
    player = show(MATRICES, step="7")
    player.locator(".vg-card mtable.vg-matrix mtd").last.hover()
    assert axe(player.page) == []
