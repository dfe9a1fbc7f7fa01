"""The command line: what it prints, what it writes, how it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vizgrad import Trace
from vizgrad.cli import main

PROGRAM = """\
import vizgrad as vg
from neighbour import factor

a = vg.TensorNode(3.0)
loss = a * a * factor
loss.backward()
print("loss is", loss.item())
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("factor = 2.0\n")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_trace_prints_the_steps_and_what_the_program_prints(program, capsys):
    assert main(["trace", str(program)]) == 0
    out = capsys.readouterr().out
    assert "loss is 18.0" in out
    assert "backward() starts at loss" in out


@pytest.mark.parametrize(
    ("ending", "start"), [("json", '{"format":"vizgrad-trace"'), ("svg", "<svg"), ("html", "<!doctype html>")]
)
def test_trace_writes_a_file(program, tmp_path, ending, start, capsys):
    target = tmp_path / f"steps.{ending}"
    assert main(["trace", str(program), "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8").lower().startswith(start)
    assert str(target) in capsys.readouterr().out


def test_show_prints_what_trace_saved(program, tmp_path, capsys):
    saved = tmp_path / "trace.json"
    main(["trace", str(program), "-o", str(saved)])
    capsys.readouterr()
    assert main(["show", str(saved)]) == 0
    assert capsys.readouterr().out.strip() == str(Trace.from_json(saved.read_text(encoding="utf-8"))).strip()


def test_open_hands_a_page_to_the_browser(program, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["trace", str(program), "--open"]) == 0
    (address,) = opened
    page = Path(address.removeprefix("file://"))
    assert "<vg-player" in page.read_text(encoding="utf-8")
    page.unlink()


def test_a_program_that_fails_shows_how_far_it_came_and_exits_with_1(tmp_path, capsys):
    program = tmp_path / "wrong.py"
    program.write_text("import vizgrad as vg\nx = vg.TensorNode([1.0, 2.0])\ny = x * vg.TensorNode([1.0, 2.0, 3.0])\n")
    assert main(["trace", str(program)]) == 1
    out = capsys.readouterr().out
    assert "Multiply could not compute" in out
    assert "line 3" in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["trace", "nowhere.py"], "nowhere.py"),
        (["show", __file__], "not JSON"),
        (["trace", "{program}", "-o", "steps.pdf"], "saved as .json, .html or .svg"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments, complaint, program, capsys):
    assert main([argument.format(program=program) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert "Traceback" not in said


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "vizgrad", "--help"], capture_output=True, text=True, check=True)
    assert "examples:" in done.stdout
