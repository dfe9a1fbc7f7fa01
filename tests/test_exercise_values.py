"""Exercises that ask for numbers, or for a function that returns numbers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.strategies  # noqa: F401 (sets no deadline)
from vizgrad.check.exercise import check_exercise, grade
from vizgrad.check.exercise_html import exercise_html
from vizgrad.check.exercise_parts import parse
from vizgrad.check.mistake import check_mistake
from vizgrad.check.sections import ExerciseError

COUNT = '''"""Write `count(k, c)`: the entries of a kernel k x k for c channels, and its products on 8 pixels."""
cases = [(3, 2), (1, 5), (5, 4)]
# --- start
def count(k, c):
    return ...
# --- solution
def square(k):
    return k * k

def count(k, c):
    return square(k) * c, 8 * square(k) * c
# --- hint: Count one channel first.
# --- wrong: k is not squared
def count(k, c):
    return k * c, 8 * k * c
# --- wrong: exchanged -> in another order
def count(k, c):
    return 8 * k * k * c, k * k * c
'''
FIELD = '''"""What does a unit see?"""
import vizgrad as vg

a = vg.TensorNode([1.0, 2.0], name="a")
# --- start
field = ...
values = ...
# --- solution
jump = 2
field, values = 1 + 2 * jump, a.value
# --- wrong: the jump is left out
field, values = 3, a.value
'''


def test_the_right_answers_pass_the_build():
    assert [known.name for known in check_exercise(COUNT).wrong] == ["k is not squared", "exchanged"]
    check_exercise(FIELD)
    assert grade(COUNT, "def count(k, c):\n    return [k**2 * c, 8.0 * k**2 * c]").headline == (
        "Right: count gives the right numbers in all 3 calls."
    )
    assert grade(FIELD, "field = 5\nvalues = [1, 2]").headline == "Right: field and values are what they should be."


def function(*lines: str) -> str:
    return "def count(k, c):\n" + "".join(f"    {line}\n" for line in lines)


ODD = {
    "nothing": (COUNT, "", "broken", "There is no count."),
    "the start": (COUNT, function("return ..."), "unfinished", "still a ... to be replaced"),
    "half of it": (COUNT, function("return k, ..."), "unfinished", "still a ... to be replaced"),
    "no return": (COUNT, function("k * c"), "unfinished", "count(3, 2) gives nothing. Is there a return?"),
    "no function": (COUNT, "count = 3", "broken", "There is no function count."),
    "one of two": (COUNT, function("return k * k * c"), "wrong", "1 number came back, where 2 numbers should"),
    "text": (COUNT, function("return '18', '144'"), "broken", "is of type tuple"),
    "fails": (COUNT, function("return k / 0"), "broken", "ZeroDivisionError at line 2"),
    "one parameter": (COUNT, "def count(k):\n    return k, k", "broken", "TypeError"),
    "twice": (COUNT, function("return 2 * k * k * c, 16 * k * k * c"), "wrong", "it is 2 times what it should be"),
    "a part": (COUNT, function("return k * k * c / 9, 8 * k * k * c / 9"), "wrong", "it is 1/9 of what it should be"),
    "one more": (COUNT, function("return k * k * c + 1, 8 * k * k * c + 1"), "wrong", "it is too large by 1"),
    "off by little": (COUNT, function("return k * k * c, 8 * k * k * c + 1e-9"), "wrong", "and should give [18, 144]"),
    "another name": (FIELD, "field, values = 5, b.value", "broken", "what is given, and what you define yourself"),
    "no name": (FIELD, "field = 5", "broken", "There is no values."),
    "a tensor": (FIELD, "field, values = 5, a", "wrong", "values is a tensor, and not the numbers in it"),
    "nan": (FIELD, "field, values = float('nan'), a.value", "wrong", "field is nan"),
    "changed": (FIELD, "field, values = 5, a.value\nvalues += 1", "wrong", "values is [2, 3]"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_gets_an_explanation(name):
    source, answer, kind, said = ODD[name]
    verdict = grade(source, answer)
    assert (verdict.kind, bool(verdict)) == (kind, False)
    assert said in str(verdict)
    json.loads(verdict.to_json())


def test_what_is_given_is_shown_where_there_is_something():
    shown = [
        exercise_html(parse(source), source, "uid", "anchor", "title", str)
        for source in (COUNT, COUNT.replace("cases = [(3, 2), (1, 5), (5, 4)]", ""))
    ]
    assert ["What is given" in html for html in shown] == [True, False]


def test_a_known_mistake_is_called_by_its_name_and_what_is_right_is_said():
    verdict = grade(COUNT, function("return k * c, 8 * c * k"))
    assert verdict.known == "k is not squared"
    assert verdict.right == ("It is right in 1 of 3 calls, such as count(1, 5).",)
    assert verdict.faults[0].what == "count(3, 2) gives [6, 48], and should give [18, 144]."


def test_the_numbers_that_are_asked_for_are_not_told():
    verdict = grade(FIELD, "field, values = 3, a.value")
    assert verdict.known == "the jump is left out"
    assert verdict.right == ("values is right.",)
    assert "5" not in str(verdict)


def test_an_array_that_a_function_is_given_is_not_to_be_changed():
    source = '''"""Double."""
cases = [(np.array([1.0, 2.0]),)]
# --- start
def double(x):
    return ...
# --- solution
def double(x):
    return 2 * x
'''
    verdict = grade(source, "def double(x):\n    x *= 2\n    return x")
    assert "a given array is changed" in verdict.headline
    assert "writes into x" in str(verdict)
    assert grade(source, "def double(x):\n    return x + x")


@given(st.integers(2, 50), st.integers(-(10**6), 10**6))
def test_a_factor_or_a_term_is_found_for_any_numbers(factor, term):
    source = COUNT.replace("square(k) * c, 8", "square(k) * c + 1, 8")
    times = grade(source, function(f"return {factor} * (k * k * c + 1), {factor} * 8 * k * k * c"))
    assert f"it is {factor} times what it should be" in str(times)
    plus = grade(source, function(f"return k * k * c + 1 + {term}, 8 * k * k * c + {term}"))
    assert bool(plus) == (term == 0)
    if term:
        assert f"too {'large' if term > 0 else 'small'} by" in str(plus)


BAD = {
    "asks for nothing": (FIELD.replace("field = ...\nvalues = ...", "..."), "what does it ask for?"),
    "no function": (FIELD.replace("a = vg", "cases = [1]\na = vg"), "no function to call"),
    "start is no Python": (FIELD.replace("field = ...", "field = a..."), "its start is not Python"),
    "start passes": (FIELD.replace("field = ...\nvalues = ...", "field = 5\nvalues = a.value"), "its start passes"),
    "wrong passes": (FIELD.replace("= 3,", "= 5,"), "“the jump is left out” passes"),
    "not recognised": (COUNT.replace("    return k * c, 8 * k * c", "    return 1 / 0"), "does not recognise"),
    "another cause": (COUNT.replace("-> in another order", "-> too large"), "should say “too large”"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_an_exercise_is_said(name):
    source, said = BAD[name]
    with pytest.raises(ExerciseError) as caught:
        check_exercise(source)
    assert said in str(caught.value)


MISTAKE = '''"""How many rows?"""
# --- line: A kernel of 3 adds 2.
# --- wrong: So does the next, after a pool.
# --- because: It adds 4.
# --- check
def right():
    return 1 + 2 + 1 + 4

def wrong_jump():
    return 1 + 2 + 1 + 2
'''


def test_a_wrong_count_is_refuted_by_the_right_one():
    assert check_mistake(MISTAKE).refuted == ("it gives 6 instead of 8",)
    with pytest.raises(ExerciseError, match="nothing refutes it"):
        check_mistake(MISTAKE.replace("1 + 2 + 1 + 2", "8"))
    with pytest.raises(ExerciseError, match="has no wrong_"):
        check_mistake(MISTAKE.replace("def wrong_jump", "def other"))
