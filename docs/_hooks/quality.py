"""What is tested, counted in the sources when the site is built: the tests, and the checked pieces of the pages."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fences import fences

_ROOT = Path(__file__).parents[2]
_PAGES = {
    "vizgrad": "programs that run when the site is built, and become figures",
    "vizgrad-check": "groups of formulas that are compared with finite differences",
    "vizgrad-exercise": "exercises whose solution is graded, and whose foreseen wrong answers must be told apart",
    "vizgrad-mistake": "wrong derivations that numbers must refute",
    "vizgrad-question": "questions whose answers are computed",
}


@dataclass(frozen=True)
class File:
    """A file of tests.

    Attributes:
        path: below ``tests/``.
        about: the first sentence of the file.
        tests: how many test functions it has.
        properties: how many of them are tried on random inputs.
    """

    path: str
    about: str
    tests: int
    properties: int


def files(folder: str = "") -> str:
    """A table of the files of tests in a folder of ``tests/``, or of those in none."""
    found = [file for file in _files(_ROOT) if str(Path(file.path).parent) == (folder or ".")]
    if not found:
        raise ValueError(f"there are no tests in tests/{folder}")
    rows = [f"| `{file.path}` | {file.about} | {file.tests} | {file.properties or ''} |" for file in found]
    return "\n".join(["| file | what it shows | tests | of them on random inputs |", "|---|---|---:|---:|", *rows])


def tests() -> int:
    """How many test functions there are."""
    return sum(file.tests for file in _files(_ROOT))


def properties() -> int:
    """How many of them hypothesis feeds with random inputs."""
    return sum(file.properties for file in _files(_ROOT))


def pages() -> str:
    """A table of what the pages hold that the build runs or checks."""
    counts = Counter(fence.kind for path in _markdown() for fence in fences(path.read_text(encoding="utf-8")))
    rows = [f"| `{kind}` | {counts[kind]} | {what} |" for kind, what in _PAGES.items()]
    return "\n".join(["| fence | on the pages | what they are |", "|---|---:|---|", *rows])


@cache
def _files(root: Path) -> tuple[File, ...]:
    return tuple(_read(path, root / "tests") for path in sorted((root / "tests").rglob("test_*.py")))


def _read(path: Path, folder: Path) -> File:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    about = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
    return File(path.relative_to(folder).as_posix(), about, len(found), sum(map(_random, found)))


def _random(test: ast.FunctionDef) -> bool:
    """Whether hypothesis makes the inputs of a test, or of a function within it."""
    functions = (node for node in ast.walk(test) if isinstance(node, ast.FunctionDef))
    return any("given(" in ast.unparse(decorator) for function in functions for decorator in function.decorator_list)


def _markdown() -> Iterator[Path]:
    docs = _ROOT / "docs"
    return (path for path in docs.rglob("*.md") if not path.relative_to(docs).parts[0].startswith(("_", ".")))
