"""A trace in words: the numbers, the sentences, the table."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import hostile_text, programs
from vizgrad.trace import run, text

MINUS = "\N{MINUS SIGN}"


@given(
    st.floats(-1e308, 1e308)
    | st.sampled_from([np.inf, -np.inf, np.nan, -0.0])
    | st.integers(-(10**9), 10**9)
    | st.floats(width=32).map(np.float32)
)
def test_a_number_keeps_four_digits_and_no_hyphen(x):
    shown = text.number(x)
    assert "-" not in shown
    if np.isfinite(x):
        assert float(shown.replace(MINUS, "-")) == pytest.approx(float(x), rel=6e-4, abs=1e-320)
    else:
        assert shown in ("nan", "∞", MINUS + "∞")
    assert len(shown) <= len("−1.234e+308")


def test_booleans_are_words():
    assert [text.number(x) for x in (True, np.False_)] == ["True", "False"]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array(2.5), "2.5"),
        (np.array([1.0, -2.0]), f"[1, {MINUS}2]"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.zeros((0, 3)), "[]"),
        (np.zeros(7), "an array of shape (7,)"),
    ],
)
def test_an_array_in_a_sentence(array, words):
    assert text.short(array) == words


def test_the_sentences_of_a_diamond():
    w, v = vg.TensorNode(3.0), vg.TensorNode(2.0)
    with vg.record() as trace:
        x = w * v
        loss = x + x
        loss.backward()
        vg.SGD([w], lr=0.5).step()
        loss.zero_grad()
    assert [step.text for step in trace.steps] == [
        "Multiply computes x = 6 from w = 3 and v = 2.",
        "Add computes loss = 12 from x = 6 and x = 6.",
        "backward() starts at loss: its gradient with respect to itself is 1.",
        "Add receives the gradient 1 and sends 1 to x and 1 to x.",
        "x has 1 of 2 gradients and waits: the first is 1.",
        "x has 2 of 2 gradients: 1 + 1 = 2.",
        "Multiply receives the gradient 2 and sends 4 to w and 6 to v.",
        "The gradient of w is 4.",
        "The gradient of v is 6.",
        "w changes from 3 to 1 by the optimiser.",
        "The gradient of loss, x, v, w is set back to zero.",
    ]


def test_an_earlier_gradient_is_told():
    a = vg.TensorNode(2.0)
    with vg.record() as trace:
        loss = a * 3.0
        loss.backward(retain_graph=True)
        loss.backward()
    sentence = trace.steps[-1].text
    assert sentence.startswith("The gradient of a is")
    assert "3 + 3 = 6" in sentence
    assert "earlier backward" in sentence


def test_a_sentence_tells_the_value_of_its_own_step():
    w = vg.TensorNode(3.0)
    with vg.record() as trace:
        first = w * 2.0
        w.value = 5
        second = w * 2.0
    told = [step.text for step in trace.steps if step.kind == "forward"]
    assert told == [
        f"Multiply computes first = {first.item():.0f} from w = 3 and 2.",
        f"Multiply computes second = {second.item():.0f} from w = 5 and 2.",
    ]


@given(programs(most=12))
def test_every_step_has_one_plain_sentence(program):
    with vg.record() as trace:
        nodes = program.run_here()
        nodes[-1].backward()
        nodes[-1].zero_grad()
    for step in trace.steps:
        assert step.text.endswith(".")
        assert "\n" not in step.text
        assert "None" not in step.text
        assert len(step.text) < 1000


@given(hostile_text)
def test_printable_text_has_no_control_characters(source):
    shown = text.printable(source)
    assert len(shown) == len(source)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in shown)
    kept = [a for a, b in zip(source, shown, strict=True) if a == b]
    assert all(c in source for c in kept)
    assert text.printable("a\nb", keep="\n") == "a\nb"


@pytest.mark.parametrize("width", [10, 60, 80, 200])
def test_the_table_fits_its_width_and_has_every_step(width):
    trace = run("import vizgrad as vg\na = vg.TensorNode([1.0, 2.0])\nb = (a * a).sum()\nb.backward()")
    lines = text.table(trace, width).splitlines()
    assert lines[0] == f"3 tensors, 2 ops, {len(trace.steps)} steps"
    assert max(map(len, lines)) <= max(width, 60)
    numbers = [int(m[1]) for line in lines if (m := re.match(r" *(\d+)  (?:forward|backward|update|failed) ", line))]
    assert numbers == list(range(len(trace.steps)))


def test_the_table_ends_with_notes_and_the_error():
    trace = run("import numpy as np, vizgrad as vg\na = vg.TensorNode(np.ones(2))\nb = 1 / (a - 1)\nb + np.ones(3)\n")
    shown = str(trace)
    assert "note: Divide: 2 of 2 entries of the denominator are 0" in shown
    assert "The program stopped at line 4 with ShapeError:" in shown
    assert "here 2 meets 3" in shown
    assert "(nothing was recorded)" in str(run(""))
