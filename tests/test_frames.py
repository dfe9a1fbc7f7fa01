"""The recorded frames of the library: real lines, real values, in the order in which they happened."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vizgrad as vg
from vizgrad.trace.text import short

FORWARD = """
program | c = a + b | the program
Operators.__add__ | Add.do_forward | the method
Op.do_forward | values.append | {node} is unwrapped
Op.do_forward | raw = cls.forward( | forward is called
Add.forward | return a + b | here
OpNode.__init__ | self.inputs = inputs | the operation
_output | node._source | the pointer back
"""


@pytest.fixture(scope="module")
def frames(root):
    sys.path.insert(0, str(root / "docs" / "_hooks"))
    yield importlib.import_module("frames")
    sys.path.remove(str(root / "docs" / "_hooks"))


def program(a, b):
    return f"a = vg.TensorNode({a})\nb = vg.TensorNode({b})\nc = a + b\n"


numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=4)


@settings(deadline=None, max_examples=30)
@given(numbers)
def test_values_are_those_of_the_run(frames, found):
    steps, _ = frames.record(program(found, found[::-1]), frames.stops(FORWARD))
    added = next(step for step in steps if step.text == "here")
    a, b = np.array(found), np.array(found[::-1])
    assert added.stack[-1].rows == [("a", short(a)), ("b", short(b))]
    assert added.gives == [("returns", short(a + b))]


def test_the_stack_grows_from_the_program_to_the_addition(frames):
    steps, sources = frames.record(program(1.0, 2.0), frames.stops(FORWARD))
    texts = [step.text for step in steps]
    assert texts.index("here") < texts.index("the operation") < texts.index("the pointer back")
    assert texts[2:4] == ["node a is unwrapped", "node b is unwrapped"]
    here = steps[texts.index("here")]
    assert [frame.function for frame in here.stack] == ["program", "Operators.__add__", "Op.do_forward", "Add.forward"]
    for step in steps:
        for frame in step.stack:
            source = sources[frame.function]
            assert source.first <= frame.line < source.first + len(source.lines)


def test_lines_are_the_librarys_own(frames, root):
    steps, sources = frames.record(program(1.0, 2.0), frames.stops(FORWARD))
    for step in steps:
        frame = step.stack[-1]
        source = sources[frame.function]
        if frame.function != "program":
            lines = (root / source.file).read_text(encoding="utf-8").splitlines()
            assert lines[frame.line - 1].strip() == source.text(frame.line)


def test_recording_leaves_numbers_and_the_tracer_alone(frames):
    before = sys.gettrace()
    steps, _ = frames.record(program(1.0, 2.0) + "c.backward()\ngrad = a.grad", frames.stops("program | grad = | {a}"))
    assert sys.gettrace() is before
    assert steps[0].text == "node a"
    a = vg.TensorNode(1.0)
    (a + 2.0).backward()
    assert steps[0].gives == [("grad", short(a.grad))]


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        ("Add.forward | return a - b | x", 'never comes to a line of Add.forward with "return a - b"'),
        ("Multiply.forward | return a * b | x", "never comes"),
        ("Add.forward | return a + b", "is no stop"),
        ("Add.forward | return a + b | {go}", "names go, which the line"),
    ],
)
def test_a_line_that_is_not_there_is_named(frames, stop, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        frames.record(program(1.0, 2.0), frames.stops(stop))


def test_a_failing_program_does_not_leave_the_tracer_on(frames):
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        frames.record("1 / 0", frames.stops("program | 1 / 0 | x"))
    assert sys.gettrace() is before


def test_the_figure_reads_without_javascript_and_names_are_text(frames):
    source = program(1.0, 2.0) + "text = '<img src=x onerror=alert(1)>'\nlast = text\n"
    html = frames.figure(source, "program | last = text | It holds `text`.", "<b>title</b>")
    assert "<img" not in html and "<b>title" not in html
    assert "It holds <code>text</code>." in html
    assert "last = text" in html
    data = json.loads(unescape(re.search(r'data-run="(.*?)"', html)[1]))
    assert data["steps"][0]["stack"][0]["rows"] == [["text", repr("<img src=x onerror=alert(1)>")]]


def test_the_listing_leaves_out_the_docstring_and_keeps_line_numbers(frames):
    html = frames.figure("vg.TensorNode(1.0).sum().backward()\n", "walk_back | walk = object() | x", "")
    lines, first = inspect.getsourcelines(vg.walk.walk_back)
    place = first + next(k for k, line in enumerate(lines) if "walk = object()" in line)
    assert f'data-line="{place}"' in html
    assert "Where the walk starts" not in html and vg.walk.walk_back.__doc__.splitlines()[0] not in unescape(html)
