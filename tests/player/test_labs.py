"""The labs of a figure: numbers computed again in the page, and what a reader can try with them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Locator, Page, expect

import vizgrad as vg
from tests.player import programs
from tests.player.programs import DIAMOND, MATRICES, OWN_OP, TRAINING
from tests.strategies import Program
from tests.strategies import programs as random_programs
from vizgrad import Trace, trace
from vizgrad.trace.text import number

# The program of karpathy/micrograd#68, and the one of its pull request 64.
TWO_PATHS = """\
import vizgrad as vg

a = vg.TensorNode(2.0)
b = vg.TensorNode(3.0)
c = a + b
d = a * b
e = c + d
f = c * d
y = e + f
y.backward()
"""
DOUBLES = "import vizgrad as vg\n\na = vg.TensorNode(1.0)\nb = a + a\nc = b + b\nc.backward()\n"
REPLAY = """async ([text, changes]) => {
    const [{ Trace }, { replayOf }] = await Promise.all([import("/trace.js"), import("/replay.js")]);
    const trace = new Trace(text);
    const replay = replayOf(trace);
    if (replay.problem) return { problem: replay.problem };
    const array = (id, data) => ({ ...trace.array(trace.tensor(id).array), data });
    const arrays = new Map(Object.entries(changes).map(([id, data]) => [id, array(id, data)]));
    const { steps, tensors, arrays: made } = replay.run(arrays);
    return { texts: steps.map((step) => step.text), values: tensors.map(({ array }) => made[array].data.map(String)) };
}"""


def replayed(modules: Page, recorded: Trace, **changes: list[float]) -> dict:
    return modules.evaluate(REPLAY, [recorded.to_json(), changes])


def opened(player: Locator, tool: str) -> Locator:
    player.get_by_role("button", name=tool, exact=True).click()
    return player.locator(".vg-panel:visible")


def shown(player: Locator, name: str) -> list[str]:
    """What the drawing shows of every tensor of a kind, "value" or "grad"."""
    return player.locator(f".vg-graph .vg-{name} .vg-cell text").all_text_contents()


def recorded_in(program: Program) -> Trace:
    with vg.record() as recording:
        program.run_here()[-1].backward()
    return recording


# --- computing again -------------------------------------------------------------------------------------------------


def test_random_programs_give_every_recorded_number_again(modules):
    @given(random_programs(most=12))
    @hypothesis_settings(max_examples=10)
    def check(program):
        answer = replayed(modules, recorded_in(program))
        # Only what is known to Python may be refused: numbers that come out differently never are a reason.
        assert "recorded numbers" not in answer.get("problem", "")

    check()


@pytest.mark.parametrize("name", ["DIAMOND", "MATRICES", "TRAINING", "TWICE", "DEAD_BRANCH", "UPDATE", "LONG"])
def test_sentences_are_the_recorded_ones_where_nothing_is_changed(modules, name):
    recorded = trace.run(getattr(programs, name))
    assert replayed(modules, recorded)["texts"] == [step.text for step in recorded.steps]


@pytest.mark.parametrize(
    ("program", "old", "new", "changes"),
    [
        (DIAMOND, "0.8", "-1.25", {"t0": [-1.25]}),
        (MATRICES, "[5.0, 6.0]", "[5.0, -0.125]", {"t1": [5.0, -0.125]}),
        (TRAINING, "[-0.5, 0.2]", "[-0.5, 7.0]", {"t1": [0.5, 0.1, -0.5, 7.0]}),
        (programs.TWICE, "3.0", "0.5", {"t0": [0.5]}),
    ],
)
def test_a_change_gives_what_the_changed_program_gives(modules, program, old, new, changes):
    changed = trace.run(program.replace(old, new))
    answer = replayed(modules, trace.run(program), **changes)
    assert answer["texts"] == [step.text for step in changed.steps]
    for tensor, data in zip(changed.tensors, answer["values"], strict=True):
        expected = changed.arrays[tensor.array].reshape(-1)
        assert [float(x) for x in data] == pytest.approx(list(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (OWN_OP, "Cube is known to Python only"),
        (programs.LARGE, "too large"),
        (programs.HALF_PRECISION, "float16"),
        (programs.FAILING, "error"),
        (OWN_OP.replace("Cube", "Sin"), "Sin is known to Python only"),
    ],
)
def test_what_cannot_be_computed_again_is_refused_with_the_reason(modules, program, reason):
    assert reason in replayed(modules, trace.run(program))["problem"]


def test_a_recording_that_does_not_agree_with_its_ops_is_refused(modules):
    record = json.loads(trace.run(DIAMOND).to_json())
    place = next(i for i, array in enumerate(record["arrays"]) if array["data"] == [0.6400000000000001])
    record["arrays"][place]["data"] = [0.6400001]
    answer = modules.evaluate(REPLAY, [json.dumps(record), {}])
    assert answer["problem"] == "it does not give the recorded numbers"


# --- changing a number -----------------------------------------------------------------------------------------------


def test_a_changed_number_goes_through_the_whole_figure_at_the_same_step(show):
    player = show(DIAMOND, step="12")
    before = shown(player, "value"), shown(player, "grad")
    opened(player, "Change a number").get_by_label("a", exact=True).fill("1.25")
    changed = trace.run(DIAMOND.replace("0.8", "1.25"))
    assert player.evaluate("p => p.step") == 12
    expect(player.locator(".vg-sentence")).to_have_text(changed.steps[12].text)
    expect(player.locator(".vg-mine")).to_contain_text("Changed by you: a = 1.25, not 0.8")
    assert shown(player, "value") == [number(changed.value(name)) for name in ("a", "s")] + shown(player, "value")[2:]
    player.get_by_role("button", name="Last step").click()
    assert number(changed.grad("a")) in shown(player, "grad")
    player.get_by_role("button", name="Previous step").click(click_count=2)
    player.get_by_role("button", name="Reset").click()
    assert (shown(player, "value"), shown(player, "grad")) == before
    expect(player.locator(".vg-mine")).to_be_hidden()


def test_one_entry_of_a_matrix_is_changed(show):
    player = show(MATRICES, step="end")
    opened(player, "Change a number").get_by_label("b row 0, column 1").fill("-0.125")
    changed = trace.run(MATRICES.replace("[5.0, 6.0]", "[5.0, -0.125]"))
    expect(player.locator(".vg-sentence")).to_have_text(changed.steps[-1].text)
    expect(player.locator(".vg-mine")).to_contain_text("b (row 0, column 1) = −0.125, not 6")


def test_a_number_is_dragged_in_the_graph(show):
    player = show(DIAMOND, step="end")
    opened(player, "Change a number")
    box = player.locator("[data-tensor=t0].vg-tensor .vg-value .vg-cell").bounding_box()
    mouse = player.page.mouse
    mouse.move(box["x"] + 10, box["y"] + 8)
    mouse.down()
    mouse.move(box["x"] + 30, box["y"] + 8, steps=3)
    mouse.up()
    expect(player.locator(".vg-mine")).to_contain_text("a = 1, not 0.8")
    changed = trace.run(DIAMOND.replace("0.8", "1.0"))
    expect(player.locator(".vg-sentence")).to_have_text(changed.steps[-1].text)


def test_changed_cells_flash_only_where_motion_is_wanted(show, new_page):
    for motion, flashes in (("no-preference", True), ("reduce", False)):
        player = show(DIAMOND, page=new_page(reduced_motion=motion), step="end")
        player.evaluate("() => { window.flashed = 0; Element.prototype.animate = () => { flashed += 1; }; }")
        opened(player, "Change a number").get_by_label("a", exact=True).fill("2")
        assert (player.page.evaluate("flashed") > 0) is flashes


def test_what_is_saved_after_a_change_is_what_is_shown(show):
    player = show(DIAMOND)
    opened(player, "Change a number").get_by_label("a", exact=True).fill("1.25")
    opened(player, "Take away")
    with player.page.expect_download() as download:
        player.get_by_role("button", name="Trace (JSON)").click()
    saved = Trace.from_json(download.value.path().read_text("utf-8"))
    expected = trace.run(DIAMOND.replace("0.8", "1.25"))
    assert float(saved.grad("a")) == pytest.approx(float(expected.grad("a")), rel=1e-12)


def test_python_is_asked_where_the_page_cannot_compute(show):
    player = show(OWN_OP, step="end")
    panel = opened(player, "Change a number")
    expect(panel).to_contain_text("Only Python can compute this figure again: Cube is known to Python only.")
    panel.get_by_label("x", exact=True).fill("5")
    panel.get_by_role("button", name="Run with Python").click()
    expect(panel.locator("pre")).to_contain_text("x = vg.TensorNode(5)")
    player.evaluate(
        "p => addEventListener('vg-run', (e) => { e.preventDefault(); window.asked = e.detail; }, { once: true })"
    )
    panel.get_by_role("button", name="Run with Python").click()
    expect(panel).to_contain_text("Python runs the program.")
    source = player.page.evaluate("asked.source")
    assert source == OWN_OP.replace("TensorNode(2.0)", "TensorNode(5)")
    player.page.evaluate("json => asked.resolve(json, null)", trace.run(source).to_json())
    expect(player.locator(".vg-sentence")).to_have_text("The gradient of x is 75.")


# --- the nudge test --------------------------------------------------------------------------------------------------


def bars(panel: Locator) -> dict[str, float]:
    rows = panel.locator(".vg-bar-row").all()
    value = lambda row: float(row.locator("b").inner_text().replace("−", "-"))  # noqa: E731
    return {row.locator("span").first.inner_text(): value(row) for row in rows}


@pytest.mark.parametrize("name", ["a", "s"])
def test_the_nudge_of_a_leaf_and_of_an_intermediate(show, name):
    player = show(DIAMOND)
    panel = opened(player, "Nudge test")
    panel.get_by_label("Tensor", exact=True).select_option(label=name)
    recorded = trace.run(DIAMOND)
    unit = float(f"{float(recorded.value(name)):.1g}")
    step = 0.2 * unit
    if name == "a":
        moved = trace.run(DIAMOND.replace("0.8", repr(0.8 + step)))
    else:
        moved = trace.run(DIAMOND.replace("a * a", f"vg.TensorNode({float(recorded.value('s')) + step!r})"))
    predicted = float(recorded.grad(name)) * step
    true = float(moved.value("o")) - float(recorded.value("o"))
    expected = {"predicted": predicted, "true": true, "residual": true - predicted}
    assert bars(panel) == pytest.approx(expected, rel=2e-3)


def test_a_nudge_follows_the_node_that_is_clicked_and_the_numbers_that_are_changed(show):
    player = show(MATRICES, step="end")
    panel = opened(player, "Nudge test")
    player.locator(".vg-tensor[data-tensor=t1]").click()
    expect(panel.get_by_label("Tensor", exact=True)).to_have_value("t1")
    panel.get_by_label("Entry").select_option("1")
    expect(panel).to_contain_text("a straight line here: the prediction is exact")
    assert bars(panel)["residual"] == pytest.approx(0, abs=1e-9)


# --- the order lab ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "gradients"),
    [
        (TWO_PATHS, {"a": [25, 29, 4, 0], "b": [19, 22, 3, 0]}),
        (DOUBLES, {"a": [4, 8, 4, 0]}),
    ],
)
def test_four_orders_give_what_is_known_of_them(modules, program, gradients):
    recorded = trace.run(program)
    results = modules.evaluate(
        """async (text) => {
            const files = ["trace", "timeline", "order"].map((name) => import(`/${name}.js`));
            const [{ Trace }, { Timeline }, { walks }] = await Promise.all(files);
            const trace = new Trace(text);
            const start = trace.steps.findIndex((step) => step.kind === "start");
            return walks(trace, new Timeline(trace), start).map(({ grads, wrong, visits }) => ({
                grads: Object.fromEntries([...grads].map(([id, { data }]) => [trace.tensor(id).name, data[0]])),
                wrong, visits: visits.map((op) => trace.tensor(op.outputs[0]).name).join(""),
            }));
        }""",
        recorded.to_json(),
    )
    for name, expected in gradients.items():
        assert [result["grads"].get(name, 0) for result in results] == expected
    if program == TWO_PATHS:
        assert [result["visits"] for result in results] == ["yfedc", "yecdfcd", "yecdf", "cdefy"]
        assert [result["wrong"] for result in results] == [-1, 2, 2, 0]


def test_the_order_lab_marks_the_first_visit_that_goes_wrong(show):
    panel = opened(show(TWO_PATHS, step="end"), "Order lab")
    recursion = panel.locator(".vg-policy").nth(1)
    expect(recursion).to_contain_text("a∇ = 29 ✗ (25), b∇ = 22 ✗ (19)")
    expect(recursion).to_contain_text("Visit 3: c∇ is passed on as 1, but it will be 7.")
    recursion.get_by_role("button", name="visit 3: Add of c, the first that goes wrong").click()
    expect(panel.page.locator(".vg-op.vg-selected")).to_have_attribute("data-op", "o0")


def test_recursion_over_very_many_paths_is_cut_off(show):
    program = "import vizgrad as vg\ny = vg.TensorNode(1.0)\nfor i in range(20):\n    y = y + y\ny.backward()\n"
    expect(opened(show(program), "Order lab").locator(".vg-policy").nth(1)).to_contain_text("and very many more")


# --- predict, then reveal --------------------------------------------------------------------------------------------


def answer(panel: Locator, text: str) -> None:
    panel.get_by_label("Your answer").fill(text)
    panel.get_by_role("button", name="Answer").click()


def test_a_prediction_is_asked_before_the_step_and_then_shown(show):
    player = show(DIAMOND, step="4")
    panel = opened(player, "Predict")
    expect(panel).to_contain_text("Multiply is about to send a gradient to vg.sin(s). What is its value?")
    answer(panel, "7")
    expect(panel).to_contain_text("Not yet.")
    expect(panel.locator(".vg-chain")).to_be_visible()
    assert player.evaluate("p => p.step") == 4
    answer(panel, "192/100")
    assert player.evaluate("p => p.step") == 5
    expect(panel).to_contain_text("Right: 1.92.")
    expect(panel).to_contain_text("1 of 1 right")
    panel.get_by_role("button", name="Go to the next question").click()
    panel.get_by_role("button", name="Show me").click()
    expect(panel).to_contain_text("1 of 2 right")


def test_signs_and_shapes_are_asked_too(show):
    player = show(MATRICES)
    panel = opened(player, "Predict")
    panel.get_by_role("button", name="Go to the next question").click()
    panel.get_by_label("What to ask").select_option("shape")
    answer(panel, "2x2")
    expect(panel).to_contain_text("Right: (2, 2).")
    panel.get_by_role("button", name="Go to the next question").click()
    panel.get_by_label("What to ask").select_option("sign")
    panel.get_by_role("button", name="+", exact=True).click()
    expect(panel).to_contain_text("Not yet")
    panel.get_by_role("button", name="−", exact=True).click()
    expect(panel).to_contain_text("Right:")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1/3", 1 / 3), ("−0.5", -0.5), ("2e−3", 0.002), ("2*0.5", 1), (" 4 ", 4), ("-1/4", -0.25), ("1,5", 1.5)],
)
def test_numbers_are_read_as_people_write_them(modules, text, value):
    read = "async (text) => (await import('/predict.js')).valueOf(text)"
    assert modules.evaluate(read, text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "a", "1/", "alert(1)", "1 2"])
def test_what_is_no_number_is_none(modules, text):
    assert modules.evaluate("async (text) => Number.isNaN((await import('/predict.js')).valueOf(text))", text)
