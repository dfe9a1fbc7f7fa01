"""The wheel where nothing knows of this checkout: what the page "Use it elsewhere" tells works as it stands there."""

from __future__ import annotations

import functools
import html
import http.server
import importlib
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import watched

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python in some folder, where `vizgrad` is the wheel and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True)
    environment = os.environ | {"PYTHONPATH": str(target), "NO_MKDOCS_2_WARNING": "1"}

    def run(folder: Path, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run(target, "-c", "import vizgrad; print(vizgrad.__file__)").startswith(str(target))
    return run


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """The blocks of the page, by their titles."""
    sys.path.insert(0, str(ROOT / "docs/_hooks"))
    fences = importlib.import_module("fences").fences
    sys.path.pop(0)
    page = (ROOT / "docs/elsewhere.md").read_text(encoding="utf-8")
    return {fence.title: fence.source + "\n" for fence in fences(page) if fence.title}


@contextmanager
def opened(browser: Browser, folder: Path, path: str, **options: str) -> Iterator[Page]:
    """A page of a folder in the browser, which may ask nobody else for anything."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        with watched(browser, address) as make:
            page = make(**options)
            page.goto(address + path)
            yield page
        server.shutdown()


def steps(page: Page) -> None:
    """The figure goes on by a step when it is asked to."""
    player = page.locator("vg-player[ready]").first
    slider = player.locator(".vg-slider")
    before = int(slider.input_value())
    slider.press("ArrowRight")
    expect(slider).to_have_value(str(before + 1))


def test_the_wheel_brings_what_it_needs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    wanted = [
        "player/vg-player.js",
        "player/player.css",
        "draw/graph.css",
        "trace/schema.json",
        "py.typed",
        "digits.npz",
    ]
    assert {f"vizgrad/{name}" for name in wanted} <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"vizgrad", "vizgrad_course"}


def test_a_small_site_gets_figures_checks_and_exercises(python, told, tmp_path, browser) -> None:
    theme = "site_name: small\nsite_url: ''\ntheme: {name: readthedocs, highlightjs: false}\n"
    (tmp_path / "mkdocs.yml").write_text(theme + told["mkdocs.yml"], encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(told["docs/index.md"], encoding="utf-8")
    python(tmp_path, "-m", "mkdocs", "build", "--strict")
    with opened(browser, tmp_path / "site", "index.html") as page:
        steps(page)
        expect(page.locator(".vg-check tbody th")).to_have_text("X")
        exercise = page.locator("vg-exercise")
        expect(exercise).to_contain_text("Write the backward of Y = X²")
        exercise.get_by_text("Hint 1 of 1").click()
        expect(exercise).to_contain_text("What is the slope of x²?")


def test_a_wrong_formula_stops_the_build_of_a_small_site(python, told, tmp_path) -> None:
    (tmp_path / "mkdocs.yml").write_text("site_name: small\n" + told["mkdocs.yml"], encoding="utf-8")
    (tmp_path / "docs").mkdir()
    wrong = told["docs/index.md"].replace("2 * G * X\n\nlibrary", "G * X\n\nlibrary")
    (tmp_path / "docs/index.md").write_text(wrong, encoding="utf-8")
    with pytest.raises(AssertionError, match=r"index\.md, line \d+: the formulas of a vizgrad-check fence"):
        python(tmp_path, "-m", "mkdocs", "build", "--strict")


def test_a_notebook_shows_the_player(python, told, tmp_path, browser) -> None:
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    notebook = {"cells": [cell | {"source": told["a cell"]}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "book.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    python(tmp_path, "-m", "nbconvert", "--log-level=ERROR", "--execute", "--to", "notebook", "--inplace", "book.ipynb")
    (output,) = json.loads((tmp_path / "book.ipynb").read_text(encoding="utf-8"))["cells"][0]["outputs"]
    (frame,) = re.findall(r'<iframe srcdoc="([^"]*)"', "".join(output["data"]["text/html"]))
    (tmp_path / "frame.html").write_text(html.unescape(frame), encoding="utf-8")
    with opened(browser, tmp_path, "frame.html") as page:
        steps(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plain_page_has_a_figure(python, told, tmp_path, browser, axe, scheme) -> None:
    (tmp_path / "page.py").write_text(told["page.py"], encoding="utf-8")
    (tmp_path / "assets").mkdir()
    python(tmp_path, "page.py")
    with opened(browser, tmp_path, "page.html", color_scheme=scheme) as page:
        steps(page)
        # The page of the example has no landmarks, and no icon: what is asked for is the figure.
        assert [fault for fault in axe(page) if "vg-" in fault and not fault.startswith("region")] == []


def test_the_command_writes_one_file(python, tmp_path, browser) -> None:
    (tmp_path / "program.py").write_text("import vizgrad as vg\n\na = vg.TensorNode(3.0)\n(a * a).backward()\n")
    python(tmp_path, "-m", "vizgrad", "trace", "program.py", "-o", "steps.html")
    with opened(browser, tmp_path, "steps.html") as page:
        steps(page)
