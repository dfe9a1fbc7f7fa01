"""Formulas on pages: right ones pass, wrong ones are named, and a page says what was compared."""

from __future__ import annotations

import pytest

import vizgrad as vg
from vizgrad.check.formulas import check_formulas
from vizgrad.check.html import formulas_html

DIVISION = """
def forward(X, Y):
    return X / Y

def backward(G, X, Y):
    return G / Y, -G * X / Y**2

library = forward
shapes = dict(X=(3, 4), Y=(3, 4))
"""


def test_right_formulas_agree_with_differences_and_library():
    report = check_formulas(DIVISION)
    assert report
    assert report.problem() == ""
    for formula in report.formulas:
        assert formula.shape == (3, 4)
        assert formula.error < 1e-8
        assert formula.library < 1e-14


@pytest.mark.parametrize(
    ("right", "wrong", "name"),
    [("-G * X", "G * X", "Y"), ("G / Y,", "G / Y**2,", "X"), ("X / Y**2", "X / Y", "Y"), ("G / Y,", "(G / Y).T,", "X")],
)
def test_a_wrong_formula_is_named(right, wrong, name):
    report = check_formulas(DIVISION.replace(right, wrong))
    assert not report
    assert f"gradient of {name} is off" in report.problem()


def test_mistakes_are_refuted_by_a_number_or_a_shape():
    report = check_formulas(
        DIVISION
        + """
def wrong_sign(G, X, Y):
    "the minus is lost"
    return G / Y, G * X / Y**2

def wrong_shape(G, X, Y):
    return (G / Y).T, -G * X / Y**2

def wrong_product(G, X, Y):
    return G @ Y, G
"""
    )
    assert report
    lost, transposed, product = report.mistakes
    assert lost.name == "the minus is lost"
    assert lost.refuted.startswith("at Y[")
    assert "shape (4, 3) instead of (3, 4)" in transposed.refuted
    assert "cannot be computed" in product.refuted


def test_a_mistake_that_is_none_fails_the_check():
    report = check_formulas(DIVISION + "\ndef wrong_but_right(G, X, Y):\n    return backward(G, X, Y)\n")
    assert not report
    assert report.problem() == "wrong but right is meant to be wrong, and nothing refutes it"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def backward(G, x): return G\nshapes = dict(x=(2,))", "no forward"),
        ("def forward(x): return x\nshapes = dict(x=(2,))", "no backward"),
        ("def forward(x, y): return x\ndef backward(G, x, y): return G, G\nshapes = dict(x=(2,))", "nothing about y"),
    ],
)
def test_a_missing_part_is_named(source, words):
    with pytest.raises(vg.OpDefinitionError, match=words):
        check_formulas(source)


def test_the_page_shows_names_as_text():
    report = check_formulas(DIVISION + "\ndef wrong_sign(G, X, Y):\n    '<b>bold</b>'\n    return G, G\n")
    page = formulas_html(report, DIVISION, title="<i>Division</i>")
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page
    assert "<i>Division" not in page
    assert page.count("<tr>") == 3
    assert "10<sup>" in page
