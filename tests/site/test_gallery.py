"""The start programs of the playground: each runs, each says what to look at, and faults show themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.site.test_playground import opened, part
from vizgrad import trace

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROGRAMS = {path.stem: path.read_text("utf-8") for path in (DOCS / "assets/playground/programs").glob("*.py")}

# What the error, a note, or the program itself says of the fault.
FAULTS = {
    "mistake": "needs the same k twice; here it is 3 and 2",
    "fault_zero_grad": "the slope is 4.80, w.grad is 10.80",
    "fault_broadcast": "where an input was broadcast, sum over the axes that were stretched",
    "fault_sign": "the sign is lost",
    "fault_in_place": "x (3,) was changed in place after it was computed with",
    "fault_dead_relu": "gradient of bias: [5.1 0. ]",
    "fault_vanishing": "layer 0, gradient 0.00000552",
    "fault_exploding": "time 0, gradient 6561",
    "fault_log_zero": "Log: 1 of 3 entries of the input are not above 0",
    "fault_backward_twice": "came to Multiply of a () and b () for the second time",
    "fault_detached": "gradient of w: 0.0 although",
}
RAISE = {"mistake", "fault_broadcast", "fault_sign", "fault_in_place", "fault_backward_twice"}

# How the program or its comment says that the fault is mended, and what is said then.
MENDS = [
    ("mistake", {"hidden @ w": "hidden @ w.T"}, ""),
    (
        "fault_zero_grad",
        {"    loss = w * w": "    w.zero_grad()\n    loss = w * w"},
        "slope is 4.80, w.grad is 4.80",
    ),
    ("fault_broadcast", {"return go, go": "return go, go.sum(axis=0)"}, ""),
    ("fault_sign", {"go * a / b**2": "-go * a / b**2"}, "gradient of b: -1.5"),
    ("fault_in_place", {"x.value += 10.0": "", "loss.backward()": "loss.backward()\nx.value += 10.0"}, ""),
    ("fault_vanishing", {"vg.sigmoid(layers": "vg.relu(layers"}, "layer 0, gradient 1.0"),
    ("fault_exploding", {"TensorNode(3.0)": "TensorNode(0.3)"}, "time 8, gradient 1\ntime 7, gradient 0.3"),
    ("fault_backward_twice", {"first.backward()": "first.backward(retain_graph=True)"}, ""),
    ("fault_backward_twice", {"first.backward()": "", "second.backward()": "(first + second).backward()"}, ""),
    ("fault_detached", {"copy * v": "hidden * v"}, "gradient of w: 12.0"),
]


def said(program: str) -> tuple[str, bool]:
    """Everything that a reader is told about a run, and whether it ended with an error."""
    recorded = trace.run(program)
    notes = "\n".join(note.text for note in recorded.notes)
    error = recorded.error.message if recorded.error else ""
    return f"{recorded.output}\n{notes}\n{error}", recorded.error is not None


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_start_program_runs_and_a_fault_shows_itself(name: str) -> None:
    text, failed = said(PROGRAMS[name])
    assert failed == (name in RAISE)
    assert FAULTS.get(name, "") in text
    assert name in FAULTS or not trace.run(PROGRAMS[name]).notes


@pytest.mark.parametrize(("name", "changes", "then"), MENDS, ids=[f"{i}-{mend[0]}" for i, mend in enumerate(MENDS)])
def test_a_fault_is_mended_as_its_comment_says(name: str, changes: dict[str, str], then: str) -> None:
    program = PROGRAMS[name]
    for old, new in changes.items():
        assert program.count(old) == 1
        program = program.replace(old, new)
    text, failed = said(program)
    assert not failed
    assert then in text
    assert FAULTS[name] not in text


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_start_program_is_short_and_says_what_to_look_at(name: str) -> None:
    program = PROGRAMS[name]
    assert program.count("# Look at: ") == 1
    assert len(program.splitlines()) <= 50
    assert program.startswith('"""Fault: ') == (name in FAULTS)


def test_a_network_learns() -> None:
    for name, most in {"training": 0.3, "cnn": 0.6}.items():
        losses = [float(loss) for loss in re.findall(r"loss (\S+?)(?:,|$)", said(PROGRAMS[name])[0], re.MULTILINE)]
        assert losses[0] > 2 * losses[-1]
        assert losses[-1] < most


def test_every_program_is_offered_once_under_a_heading() -> None:
    page = (DOCS / "playground.md").read_text("utf-8")
    groups = re.findall(r'<optgroup label="(.+?)">(.+?)</optgroup>', page, re.DOTALL)
    offered = {label: re.findall(r'value="(\w+)"', options) for label, options in groups}
    assert sorted(name for names in offered.values() for name in names) == sorted(PROGRAMS)
    assert set(offered["Faults to find"]) == set(FAULTS)


def test_every_program_runs_in_the_browser(page: Page, base_url: str) -> None:
    """As soon as it is chosen, and with its graph; what prints numbers in a loop has a curve."""
    opened(page, base_url)
    for name, program in sorted(PROGRAMS.items()):
        part(page, "start").select_option(name)
        part(page, "run").click()
        expect(page.locator("vg-player .vg-code"), name).to_contain_text(program.splitlines()[0], timeout=60_000)
        expect(page.locator("vg-player svg.vg-graph"), name).to_be_visible()
        expect(part(page, "status"), name).to_contain_text("Stopped by" if name in RAISE else "Finished")
        curves = {"training": 1, "cnn": 2, "fault_vanishing": 1, "fault_exploding": 1}.get(name, 0)
        expect(page.locator(".pg-curve"), name).to_have_count(curves)


# --- curves ----------------------------------------------------------------------------------------------------------

CURVES = """async ([address, text]) => {
  const { curvesIn } = await import(address);
  return curvesIn(text).map(({ name, by, points }) => [name, by, points]);
}"""


@pytest.fixture
def curves(page: Page, base_url: str):
    """Gives the curves that a text of output makes."""
    page.goto(base_url)
    return lambda text: page.evaluate(CURVES, [f"{base_url}assets/playground/curves.js", text])


def test_what_is_printed_again_and_again_becomes_a_curve(curves) -> None:
    lines = [f"epoch {n}, loss {2.0 / (n + 1):.3f}, accuracy: {n}%" for n in range(6)]
    loss, accuracy = curves("begun\n" + "\n".join(lines) + "\nfinal loss: 0.1\n")
    assert loss[:2] == ["loss", "epoch"]
    assert loss[2] == [[n, round(2.0 / (n + 1), 3)] for n in range(6)]
    assert accuracy == ["accuracy", "epoch", [[n, n] for n in range(6)]]


def test_lines_are_counted_where_nothing_else_is_an_axis(curves) -> None:
    assert curves("w: 1e-3\nw: -2.5\nw: .5\nw: 7\nw: 7\n") == [
        ["w", "", [[0, 0.001], [1, -2.5], [2, 0.5], [3, 7], [4, 7]]]
    ]
    backwards = "".join(f"layer {n}  gradient {n * n}\n" for n in range(5, 0, -1))
    assert curves(backwards) == [["gradient", "layer", [[n, n * n] for n in range(5, 0, -1)]]]


@pytest.mark.parametrize(
    "text",
    [
        "loss 1\n" * 4,
        "1 2 3\n" * 9,
        "the loss\n" * 9,
        "w1 1.0.2\n" * 9,
        "[1 2]\n" * 9,
        f"{'a' * 300} 1\n" * 9,
        "",
    ],
    ids=["few", "no names", "no numbers", "a version", "an array", "long", "nothing"],
)
def test_other_output_is_left_alone(curves, text: str) -> None:
    assert curves(text) == []


def test_a_curve_with_holes_is_drawn_around_them(page: Page, base_url: str) -> None:
    page.goto(base_url)
    path = page.evaluate(
        """async (address) => {
          const { curvesIn, plot } = await import(address);
          const [curve] = curvesIn("loss 4\\nloss 2\\nloss nan\\nloss inf\\nloss 1\\nloss 0\\n");
          const figure = plot(curve);
          document.querySelector("article").append(figure);
          return figure.querySelector("path").getAttribute("d");
        }""",
        f"{base_url}assets/playground/curves.js",
    )
    assert [segment[0] for segment in re.findall(r"[ML][^ML]+", path)] == ["M", "L", "M", "L"]
    expect(
        page.get_by_role("img", name="loss: 6 values, from 4 at first to 0 at last; lowest 0, highest 4")
    ).to_be_attached()
