"""Programs given as text: how they end, what they print, what they warn of."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

import vizgrad as vg
from vizgrad import core
from vizgrad.trace import run

HEAD = "import numpy as np\nimport vizgrad as vg\n"


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    stdout, shown, filters = sys.stdout, warnings.showwarning, list(warnings.filters)
    yield
    assert core.observers == ()
    assert sys.stdout is stdout
    assert warnings.showwarning is shown
    assert warnings.filters == filters


def test_a_program_is_run_and_recorded():
    trace = run(HEAD + "a = vg.TensorNode(3.0)\nloss = a * a\nloss.backward()\nprint('loss', loss.item())")
    assert trace.error is None
    assert trace.notes == []
    assert trace.output == "loss 9.0\n"
    assert trace.grad("a") == 6
    assert [file.name for file in trace.files] == ["program.py"]
    assert trace.files[0].source.startswith(HEAD)
    assert [step.place[1] for step in trace.steps] == [4, 5, 4, 4, 4]


def test_the_names_of_the_end_count():
    trace = run(HEAD + "def f():\n    return vg.TensorNode(2.0) * 3.0\nresult = f()\n")
    assert trace.value("result") == 6


@pytest.mark.parametrize(
    ("source", "kind", "line", "words"),
    [
        ("a = vg.TensorNode(np.ones(2))\na + np.ones(3)\n", "ShapeError", 4, "a (2,)"),
        ("x = 1\nx / 0\n", "ZeroDivisionError", 4, "division by zero"),
        ("def f():\n    g()\ndef g():\n    raise KeyError('k')\nf()\n", "KeyError", 6, "k"),
        ("a = (\n", "SyntaxError", 3, "never closed"),
        ("  a = 1\n", "IndentationError", 3, "indent"),
        ("import sys\nsys.exit('stopped')\n", "SystemExit", 4, "stopped"),
        ("def f(): f()\nf()\n", "RecursionError", 3, "recursion"),
        ("import absent_module\n", "ModuleNotFoundError", 3, "absent_module"),
        ("vg.TensorNode(1.0).backward()\n", "GraphError", 3, "backward()"),
        ("a = 1\n'\x00'\n", None, None, "null"),
    ],
)
def test_an_exception_ends_the_trace_and_stays_inside(source, kind, line, words):
    trace = run(HEAD + source)
    assert trace.error.type == kind or kind is None
    assert words in trace.error.message
    if line:
        assert trace.error.place[1] == line
        assert trace.files[trace.error.place[0]].name == "program.py"
    assert trace.notes == []
    trace.to_json()


def test_what_happened_before_the_exception_is_kept():
    trace = run(HEAD + "a = vg.TensorNode(2.0)\nb = a * a\nprint('here')\nb + np.ones((2, 2)) @ np.ones(3)\n")
    assert trace.value("b") == 4
    assert trace.output == "here\n"
    assert trace.error.type == "ValueError"
    assert trace.error.op is None


def test_keyboard_interrupts_are_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt")


def test_a_division_by_zero_becomes_one_note_at_its_step():
    trace = run(HEAD + "x = vg.TensorNode([0.0, 1.0])\ny = 1 / x\nz = (y * 2).sum()\nz.backward()\n")
    [note] = trace.notes
    assert note.text.startswith("Divide: 1 of 2 entries of the denominator are 0")
    assert trace.steps[note.step].kind == "forward"
    assert trace.op(trace.steps[note.step].op).op == "Divide"
    assert note.place[1] == 4
    assert trace.error is None


def test_the_same_warning_in_a_loop_is_one_note():
    trace = run(HEAD + "for _ in range(3):\n    y = vg.log(vg.TensorNode(0.0))\ny.backward()\n")
    assert len([note for note in trace.notes if "Log" in note.text]) == 1


def test_a_warning_of_numpy_in_the_program_becomes_a_note():
    trace = run(HEAD + "np.array([1.0]) / np.zeros(1)\n(vg.TensorNode(1.0) * 2).backward()\n")
    [note] = trace.notes
    assert "divide by zero" in note.text
    assert note.place[1] == 3


def test_a_program_without_a_graph_is_told_so():
    trace = run("print('hello')")
    [note] = trace.notes
    assert "built no graph" in note.text
    assert "vg.TensorNode" in note.text
    assert trace.output == "hello\n"


def test_a_program_without_backward_is_told_so():
    trace = run(HEAD + "a = vg.TensorNode(1.0) * 2\n")
    [note] = trace.notes
    assert "backward() was not called" in note.text


def test_what_is_printed_is_passed_on_as_it_comes():
    pieces: list[str] = []
    trace = run("import sys\nprint('a', end='')\nsys.stdout.write('b')\nprint()", write=pieces.append)
    assert "".join(pieces) == trace.output == "ab\n"
    assert len(pieces) > 1


def test_the_last_recording_of_the_programs_own_is_returned():
    body = (
        "with vg.record() as first:\n    a * a\nwith vg.record() as second:\n    loss = a * 3.0\n    loss.backward()\n"
    )
    trace = run(HEAD + "a = vg.TensorNode(2.0)\nignored = a * a * a\n" + body + "print('end')\n")
    assert [op.op for op in trace.ops] == ["Multiply"]
    assert trace.grad("a") == 3
    assert trace.output == "end\n"


def test_an_exception_after_the_programs_own_recording_is_told():
    trace = run(
        HEAD + "a = vg.TensorNode(2.0)\nwith vg.record() as t:\n    (a * a).backward()\nraise KeyError('late')\n"
    )
    assert len(trace.ops) == 1
    assert trace.error.type == "KeyError"
    assert trace.error.place[1] == 6
    trace.to_json()


def test_the_program_is_its_own_main_module():
    trace = run("import sys\nprint(__name__, __file__)\ndef f(): return g\ng = 5\nprint(f())\n", filename="lesson.py")
    assert trace.output == "__main__ lesson.py\n5\n"


def test_programs_do_not_see_each_other():
    run("leak = 1")
    assert run("leak").error.type == "NameError"


def test_an_ops_code_is_quoted_from_the_program():
    own = (
        "class Double(vg.Op):\n"
        '    """Twice x."""\n'
        "    @staticmethod\n"
        "    def forward(context, x):\n"
        "        return 2 * x\n"
        "    @staticmethod\n"
        "    def backward(context, go):\n"
        "        return 2 * go\n"
    )
    trace = run(HEAD + own + "Double.do_forward(vg.TensorNode(1.0)).backward()\n")
    code = trace.codes["Double"]
    assert (code.doc, code.file) == ("Twice x.", "program.py")
    assert code.forward == {"line": 5, "source": "@staticmethod\ndef forward(context, x):\n    return 2 * x"}
    assert code.backward["line"] == 8


def test_the_users_seed_and_numbers_are_not_touched():
    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    run(HEAD + "(vg.TensorNode(1.0) * 2).backward()")
    assert np.random.rand() == expected
    assert vg.TensorNode(1.0).source is None


def test_a_warning_is_told_even_where_nothing_was_recorded():
    recorded = run("import warnings\nwarnings.warn('mind the gap')\n")
    assert "mind the gap" in [note.text for note in recorded.notes]
