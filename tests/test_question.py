"""Questions to predict: the run decides which choice holds, and a question that cannot be decided is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizgrad.check.exercise_html import question_html
from vizgrad.check.question import answer_question
from vizgrad.check.sections import ExerciseError

TASK = '"""What is `x`?"""\n'


def question(program, asked, *choices):
    parts = "".join(f"# --- choice: {text}\n{claim}\n" for text, claim in choices)
    return f"{TASK}{program}\n# --- ask\n{asked}\n{parts}"


@given(st.integers(-99, 99), st.permutations([-1, 0, 1]))
def test_the_run_decides(x, offsets):
    choices = [(f"choice {offset}", f"asked == {x + offset}") for offset in offsets]
    found = answer_question(question(f"x = {x}", "x", *choices))
    assert found.choices[found.place - 1].text == "choice 0"
    assert found.shown == str(x)


def test_an_error_can_be_the_answer():
    found = answer_question(
        question("x = 1", "x / 0", ("no", "asked == 1"), ("yes", "isinstance(asked, ValueError) or 1"))
    )
    assert found.place == 2
    assert found.shown == "ZeroDivisionError: division by zero"


def test_because_belongs_to_the_choice_before_it():
    text = question("x = 1", "x", ("one", "asked == 1")) + "# --- because: It is.\n# --- choice: two\nasked == 2\n"
    assert [choice.because for choice in answer_question(text).choices] == ["It is.", ""]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (question("x = 1", "x", ("one", "asked == 1"), ("odd", "asked % 2")), r"\['one', 'odd'\] of 2"),
        (question("x = 1", "x", ("two", "asked == 2"), ("three", "asked == 3")), "none of 2"),
        (question("x = 1", "x", ("one", "asked == 1")), "two or more"),
        (question("x = 1 / 0", "x", ("one", "True"), ("two", "False")), "its program fails: ZeroDivisionError"),
        (question("x = 1", "x", ("one", "asked.size"), ("two", "False")), "“one” cannot be tried: AttributeError"),
        (f"{TASK}x = 1\n# --- because: early\n# --- ask\nx\n", "explains no choice"),
        (f"{TASK}x = 1\n# --- choice: one\nTrue\n", "sections “# --- ask”"),
        ("x = 1\n# --- ask\nx\n", "does not begin with its task"),
    ],
)
def test_a_question_that_is_not_well_made_is_refused(source, words):
    with pytest.raises(ExerciseError, match=words):
        answer_question(source)


def test_what_a_program_gives_is_text_on_the_page():
    found = answer_question(question("x = '<img src=x onerror=alert(1)>'", "x", ("a", "True"), ("b", "False")))
    html = question_html(found, "question-x", "<b>", lambda text: f"<p>{text}</p>")
    assert "<img" not in html and "<b>" not in html
    assert "&lt;img" in html
    assert html.count("<li>") == 2
