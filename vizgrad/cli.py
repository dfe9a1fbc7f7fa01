"""The command ``vizgrad``: record a program and look at it, without writing a line for it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import vizgrad
from vizgrad.errors import VizgradError
from vizgrad.trace.model import Trace
from vizgrad.trace.program import run

_EXAMPLES = """\
examples:
  vizgrad trace program.py                  print the steps in the terminal
  vizgrad trace program.py --open           step through them in the browser
  vizgrad trace program.py -o steps.html    write one file that opens anywhere
  vizgrad show trace.json                   print the steps of a saved trace
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        trace = _traced(options.program) if options.command == "trace" else _loaded(options.trace)
        if options.output:
            print(f"wrote {trace.save(options.output)}")
        if options.open:
            _open(trace)
        if not options.output and not options.open:
            print(trace)
    except (OSError, UnicodeDecodeError, VizgradError) as error:
        print(f"vizgrad: {error}", file=sys.stderr)
        return 2
    return 1 if trace.error else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vizgrad",
        description="Record what a vizgrad program computes, forward and backward, and step through it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"vizgrad {vizgrad.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    trace = commands.add_parser("trace", help="run a program and record it")
    trace.add_argument("program", type=Path, help="a Python file that uses vizgrad")
    show = commands.add_parser("show", help="look at a saved trace")
    show.add_argument("trace", type=Path, help="a .json file that a trace was saved to")
    for command in (trace, show):
        command.add_argument("-o", "--output", type=Path, help="write the trace as .html, .svg or .json")
        command.add_argument("--open", action="store_true", help="open the player in the browser")
    return parser


def _traced(program: Path) -> Trace:
    folder = str(program.resolve().parent)
    sys.path.insert(0, folder)  # the program's own imports work as if Python ran it
    try:
        return run(program.read_text(encoding="utf-8"), str(program), write=sys.stdout.write)
    finally:
        sys.path.remove(folder)


def _loaded(path: Path) -> Trace:
    return Trace.from_json(path.read_text(encoding="utf-8"))


def _open(trace: Trace) -> None:
    with tempfile.NamedTemporaryFile(suffix=".html", prefix="vizgrad-", delete=False) as file:
        path = trace.save(file.name)
    print(f"opening {path}")
    webbrowser.open(path.as_uri())
