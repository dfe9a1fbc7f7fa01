"""One sign changed in a formula of any page, and the check of that page fails.

Each `vizgrad-check` of the site is changed in one place of its backward at a time, in the ways in which formulas go
wrong on paper: another sign, a quotient for a product, factors in the wrong order, a sum that is forgotten. A check
that still passes proves nothing about that place.
"""

from __future__ import annotations

import ast
import copy
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from vizgrad.check.formulas import check_formulas

DOCS = Path(__file__).resolve().parent.parent / "docs"

# What a change leaves as it was, and why. The key is the title of the check and the changed line.
EQUIVALENT: dict[tuple[str, str], str] = {
    ("Three paths, as a Jacobian", "return jacobian @ G"): "the Jacobian is symmetric",
    (
        "Softmax, with its backward and with its Jacobian",
        "return (P * (G_rows - (G_rows * P).sum(axis=1, keepdims=True)), jacobian(softmax(z)) @ G[12:])",
    ): "the Jacobian is symmetric",
    (
        "Sum, row maximum, expand, squeeze, reshape and transpose",
        "return (g_sum / np.ones((3, 4)), of_max, g_expand.reshape(3, 5).sum(axis=1, keepdims=True), "
        "g_squeeze[:, None], of_reshape.reshape(3, 4), g_transpose.reshape(4, 3).T)",
    ): "to divide by ones is to multiply with them",
    (
        "One channel",
        "padded[k - 1:k - 1 - h, k - 1:k - 1 + w] = G",
    ): "a slice's end, counted from the other side, is the same place",
    (
        "One channel",
        "padded[k - 1:k - 1 + h, k - 1:k - 1 - w] = G",
    ): "a slice's end, counted from the other side, is the same place",
}


class Check(NamedTuple):
    """A check of a page."""

    page: str
    title: str
    source: str


class Mutant(NamedTuple):
    """A check with one place changed: the line as it has become, and the whole source."""

    line: str
    source: str


def checks() -> list[Check]:
    """All checks of the site."""
    sys.path.insert(0, str(DOCS / "_hooks"))
    try:
        found = importlib.import_module("fences").fences
    finally:
        sys.path.pop(0)
    pages = sorted(DOCS.rglob("*.md"))
    return [
        Check(page.stem, fence.title, fence.source)
        for page in pages
        for fence in found(page.read_text(encoding="utf-8"))
        if fence.kind == "vizgrad-check"
    ]


def mutants(source: str) -> Iterator[Mutant]:
    """The source with one place of its backward changed, for every place and every way."""
    tree = ast.parse(source)
    places = [node for function in _claims(tree) for node in ast.walk(function) if _changes(node)]
    for place in range(len(places)):
        for way in range(len(_changes(places[place]))):
            changed = copy.deepcopy(tree)
            nodes = [node for function in _claims(changed) for node in ast.walk(function) if _changes(node)]
            target = nodes[place]
            replacement = _changes(target)[way]()
            statement = next(
                node for node in ast.walk(changed) if isinstance(node, ast.stmt) and target in _expressions(node)
            )
            _Replace(target, replacement).visit(changed)
            yield Mutant(ast.unparse(statement).splitlines()[0], ast.unparse(ast.fix_missing_locations(changed)))


def _claims(tree: ast.Module) -> list[ast.FunctionDef]:
    """What is claimed, and the functions that it uses and what it is compared with does not."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    def used(name: str) -> set[str]:
        inside = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)} & set(functions) - {name}
        return {name}.union(*map(used, inside))

    claimed, other = ("backward", "forward") if "backward" in functions else ("claimed", "measured")
    return [functions[name] for name in sorted(used(claimed) - used(other))]


def _expressions(statement: ast.stmt) -> list[ast.AST]:
    """What belongs to a statement itself, and not to the statements inside it."""
    parts = [node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.stmt)]
    return [node for part in parts for node in ast.walk(part)]


def _changes(node: ast.AST) -> list[Callable[[], ast.expr]]:
    """The ways in which an expression can be changed."""
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [lambda: ast.BinOp(left, ast.Sub(), right)]
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return [lambda: ast.BinOp(left, ast.Add(), right), lambda: ast.BinOp(right, ast.Sub(), left)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return [lambda: ast.BinOp(left, ast.Div(), right)]
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return [lambda: ast.BinOp(left, ast.Mult(), right), lambda: ast.BinOp(right, ast.Div(), left)]
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return [lambda: ast.BinOp(right, ast.MatMult(), left)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [lambda: operand]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="sum"), args=[summed, *_]):
            return [lambda: summed]
        case ast.Call(func=ast.Attribute(value=summed, attr="sum")):
            return [lambda: summed]
    return []


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: ast.expr) -> None:
        self.target = target
        self.replacement = replacement

    def visit(self, node: ast.AST) -> ast.AST:
        return self.replacement if node is self.target else super().generic_visit(node)


def passes(source: str) -> bool:
    """Whether the site would be built with this check: it runs, and every formula is right."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the build does not mind them
        try:
            return bool(check_formulas(source))
        except Exception:
            return False


CHECKS = checks()


@pytest.mark.parametrize("check", CHECKS, ids=[f"{check.page}: {check.title}" for check in CHECKS])
def test_a_check_fails_when_one_sign_of_its_formulas_changes(check: Check) -> None:
    assert passes(check.source), "as it stands on the page"
    same = [mutant.line for mutant in mutants(check.source) if passes(mutant.source)]
    assert [line for line in same if (check.title, line) not in EQUIVALENT] == [], "these pass as well"


def test_there_are_many_changes_and_none_is_excused_without_a_check() -> None:
    lines = {(check.title, mutant.line) for check in CHECKS for mutant in mutants(check.source)}
    assert len(lines) >= 150
    assert set(EQUIVALENT) <= lines
