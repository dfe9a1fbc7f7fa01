"""The Trace as an artefact: its schema, its JSON, the same bytes each time, and what is said of a damaged one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import HOSTILE, hostile_text, normal, programs
from vizgrad import trace as trace_package
from vizgrad.trace import Trace, run
from vizgrad.trace.model import Note

PROGRAMS = {
    "diamond": "import vizgrad as vg\na = vg.TensorNode(0.8)\ns = a * a\no = 3 * s * vg.sin(s)\no.backward()\n",
    "training": (
        "import numpy as np, vizgrad as vg\n"
        "(x, y), _, classes = vg.load_synth(6, 1, seed=0)\n"
        "net = vg.MLP(2, classes, hidden_size=3, output=vg.logsoftmax, rng=np.random.default_rng(0))\n"
        "optimiser = vg.SGD(net.parameters(), lr=0.1)\n"
        "for epoch in range(3):\n"
        "    loss = vg.logceloss(net(vg.TensorNode(x, requires_grad=False)), y)\n"
        "    loss.backward()\n"
        "    optimiser.step()\n"
        "    optimiser.zero_grad()\n"
        "    print(epoch, loss.item())\n"
    ),
    "failing": "import numpy as np, vizgrad as vg\na = vg.TensorNode(np.ones(2))\nb = a * 2\nb + np.ones(3)\n",
    "infinite": (
        "import vizgrad as vg\nx = vg.TensorNode([0.0, -1.0, 2.0])\ny = (1 / x + vg.log(x)).sum()\ny.backward()\n"
    ),
    "own op": (
        "import vizgrad as vg\n"
        "class Two(vg.Op):\n"
        "    @staticmethod\n"
        "    def forward(context, x, names=()):\n"
        "        context['set'] = {1, 2}\n"
        "        return x[:1], x[1:]\n"
        "    @staticmethod\n"
        "    def backward(context, a, b):\n"
        "        import numpy as np\n"
        "        return np.concatenate([a, b])\n"
        "first, rest = Two.do_forward(vg.TensorNode([1.0, 2.0, 3.0]), names={'b', 'a', 'c', 'd'})\n"
        "loss = (first * rest).sum()\n"
        "loss.backward()\n"
        "loss.zero_grad()\n"
    ),
    "no graph": "print('nothing')\n",
    "syntax": "a = (\n",
    "empty": "",
    "exit": "import sys\nsys.exit(3)\n",
}


SCHEMA = json.loads(files("vizgrad.trace").joinpath("schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def record(nodes_of: Any) -> Trace:
    with vg.record() as trace:
        nodes_of().backward()
    return trace


# --- schema and round trip -------------------------------------------------------------------------------------------


@given(programs(most=10))
def test_every_trace_follows_the_schema_and_reads_back_the_same(program):
    written = record(lambda: program.run_here()[-1]).to_json()
    VALIDATOR.validate(json.loads(written))
    assert Trace.from_json(written).to_json() == written


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_all_kinds_follow_the_schema_and_read_back_the_same(name):
    trace = run(PROGRAMS[name])
    written = trace.to_json()
    VALIDATOR.validate(json.loads(written))
    again = Trace.from_json(written)
    assert again.to_json() == written
    assert str(again) == str(trace)
    assert repr(again) == repr(trace)
    for k in range(len(trace.steps)):
        one, other = trace.state(k), again.state(k)
        assert one.values.keys() == other.values.keys()
        for before, after in ((one.values, other.values), (one.grads, other.grads)):
            for id, array in before.items():
                np.testing.assert_array_equal(array, after[id])
                assert array.dtype == after[id].dtype


def test_the_schema_accepts_no_more_than_it_says():
    VALIDATOR.check_schema(SCHEMA)
    record = json.loads(run(PROGRAMS["training"]).to_json())
    for part in ("tensors", "ops", "steps"):
        changed = json.loads(json.dumps(record))
        changed[part][0]["surprise"] = 1
        assert list(VALIDATOR.iter_errors(changed))
    for step in record["steps"]:
        assert set(step) <= set(SCHEMA["$defs"]["step"]["properties"])
    del record["steps"][0]["op"]
    assert list(VALIDATOR.iter_errors(record))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8, bool])
@given(data=st.data())
def test_every_number_survives(dtype, data):
    info = np.finfo(dtype) if np.issubdtype(dtype, np.floating) else None
    if info is not None:
        entry = st.floats(width=info.bits) | st.sampled_from([np.nan, np.inf, -np.inf, -0.0, info.max, info.tiny])
    else:
        entry = st.booleans() if dtype is bool else st.integers(0, 255)
    values = np.array(data.draw(st.lists(entry, max_size=6)), dtype)
    node = vg.TensorNode(values, requires_grad=False)
    with vg.record() as trace:
        vg.Id.do_forward(node)
    back = Trace.from_json(trace.to_json()).state().values["t0"]
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, values)
    signed = ~np.isnan(values) if info else np.zeros(values.shape, bool)
    np.testing.assert_array_equal(np.signbit(back[signed]), np.signbit(values[signed]))


# --- hostile text ----------------------------------------------------------------------------------------------------


def hostile_trace(text: str) -> Trace:
    a = vg.TensorNode(2.0, name=text)
    listed = {text: vg.TensorNode(1.0)}
    try:
        op = type(text, (vg.Multiply,), {"symbol": text})
    except ValueError:  # Python itself refuses nul and lone surrogates here
        op = type("Named", (vg.Multiply,), {"symbol": text})
    op.__doc__ = text
    with vg.record() as trace:
        loss = op.do_forward(a, a) + listed[text] + 1
        loss.backward()
    trace.output = text
    trace.notes.append(Note(text))
    return trace


@given(hostile_text)
def test_hostile_text_is_written_as_utf8_and_printed_without_control(text):
    trace = hostile_trace(text)
    written = trace.to_json().encode("utf-8")
    VALIDATOR.validate(json.loads(written))
    again = Trace.from_json(written.decode("utf-8"))
    assert [t.array for t in again.tensors] == [t.array for t in trace.tensors]
    shown = str(trace)
    shown.encode("utf-8")
    assert not any((ord(c) < 32 and c != "\n") or ord(c) in (127, 0x202E) for c in shown)
    assert str(again).encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_errors_and_warnings_are_printed_without_control(text):
    program = (
        "import warnings, vizgrad as vg\n"
        f"warnings.warn({text!r})\n"
        f"print({text!r})\n"
        f"kind = type({text.encode('ascii', 'ignore').decode().replace(chr(0), '') or 'E'!r}, (Exception,), {{}})\n"
        f"raise kind({text!r})\n"
    )
    trace = run(program)
    assert text.strip() in trace.error.message or text.isspace()
    assert trace.output == text + "\n"
    trace.to_json().encode("utf-8")
    shown = str(trace)
    shown.encode("utf-8")
    assert "\x1b" not in shown
    assert "\x00" not in shown
    assert "\u202e" not in shown


def test_a_program_with_half_a_character_is_reported():
    trace = run("a = '\ud800'")
    assert trace.error.type in ("UnicodeEncodeError", "SyntaxError")
    trace.to_json().encode("utf-8")


# --- the same bytes --------------------------------------------------------------------------------------------------

WRITE = """
import json, sys
from vizgrad.trace import run
for name, source in json.load(sys.stdin).items():
    sys.stdout.buffer.write(run(source).to_json().encode() + b"\\n")
"""


def test_the_same_program_gives_the_same_bytes_in_every_process():
    answers = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", WRITE],
            input=json.dumps(PROGRAMS).encode(),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert answers.pop().decode().splitlines() == [run(source).to_json() for source in PROGRAMS.values()]


@given(programs(most=8))
def test_the_same_program_gives_the_same_bytes_twice(program):
    first, second = (record(lambda: program.run_here()[-1]).to_json() for _ in range(2))
    assert first == second


# --- large arrays ----------------------------------------------------------------------------------------------------


def test_a_traced_batch_of_pictures_stays_small():
    net = vg.MLP(784, 10, hidden_size=64, output=vg.logsoftmax, rng=np.random.default_rng(0))
    optimiser = vg.SGD(net.parameters(), lr=1e-3)
    with vg.record(pictures=(28, 28)) as trace:
        for seed in range(2):
            x = vg.TensorNode(normal(seed, (128, 784)), requires_grad=False)
            vg.logceloss(net(x), np.arange(128) % 10).backward()
            optimiser.step()
            optimiser.zero_grad()
    written = trace.to_json()
    assert len(written.encode()) < 1_000_000
    again = Trace.from_json(written)
    assert again.to_json() == written
    assert again.value("net.layer1.w").shape == (64, 784)


def test_a_loaded_summary_shows_the_same_picture():
    array = np.ones((128, 784))
    array[:, 392:] = -1
    array[64:] *= 2
    with vg.record() as trace:
        vg.Id.do_forward(vg.TensorNode(array))
    loaded = Trace.from_json(trace.to_json()).state().values["t0"]
    assert loaded.shape == array.shape
    assert np.abs(loaded - array).mean() < 0.05
    for rows in (slice(0, 62), slice(66, 128)):
        for columns in (slice(0, 380), slice(400, 784)):
            np.testing.assert_allclose(loaded[rows, columns], array[rows, columns])


# --- reading what is no trace ----------------------------------------------------------------------------------------

GARBAGE = ["", "{", "null", "[]", "3", '"text"', "{}", "[" * 100_000, "1" * 5000, "\x00", "NaN", '{"format": "other"}']


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_trace_is_refused(text):
    with pytest.raises(vg.TraceError):
        Trace.from_json(text)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_another_version_is_refused(version):
    other = json.loads(run(PROGRAMS["diamond"]).to_json()) | {"version": version}
    with pytest.raises(vg.TraceError, match="reads version 1"):
        Trace.from_dict(other)


@given(st.data())
def test_a_truncated_trace_is_refused(data):
    written = run(PROGRAMS["diamond"]).to_json()
    with pytest.raises(vg.TraceError):
        Trace.from_json(written[: data.draw(st.integers(0, len(written) - 1))])


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places_in(item, (*path, key))
    return found


junk = st.sampled_from([None, True, -1, 0, 3.5, 10**6, 10**30, "t99", "o99", "", "t-1", [], [-1], [None], {}, {"x": 1}])


def read_everything(trace: Trace) -> None:
    str(trace)
    trace.to_json()
    for k in range(len(trace.steps)):
        trace.state(k)
    vg.draw(trace).dot  # noqa: B018


TEMPLATES = {name: json.loads(run(source).to_json()) for name, source in PROGRAMS.items() if name != "empty"}


@given(name=st.sampled_from(sorted(TEMPLATES)), data=st.data())
def test_a_damaged_trace_is_refused_or_harmless(name, data):
    record = json.loads(json.dumps(TEMPLATES[name]))
    path = data.draw(st.sampled_from(places_in(record)))
    assume(path[0] != "files" or len(path) < 3 or path[-1] != "source")
    target = record
    for key in path[:-1]:
        target = target[key]
    if isinstance(target, dict) and data.draw(st.booleans()):
        del target[path[-1]]
    else:
        target[path[-1]] = data.draw(junk)
    try:
        trace = Trace.from_json(json.dumps(record))
    except vg.TraceError as error:
        assert str(error)
    else:
        read_everything(trace)


# --- saving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".json", ".svg", ".SVG", ".JSON"])
def test_a_trace_saves_itself(tmp_path, ending):
    trace = run(PROGRAMS["training"])
    path = trace.save(tmp_path / f"trace{ending}")
    content = path.read_text(encoding="utf-8")
    if ending.lower() == ".json":
        assert Trace.from_json(content).to_json() == trace.to_json()
    else:
        assert content == vg.draw(trace).svg
    assert trace.save(str(path)) == path


@pytest.mark.parametrize("name", ["trace.png", "trace", "trace.txt", ".json"])
def test_another_ending_is_explained(tmp_path, name):
    with pytest.raises(vg.TraceError, match=r"\.json, \.html or \.svg"):
        run(PROGRAMS["diamond"]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_package_offers_what_it_says():
    assert set(trace_package.__all__) == {"Trace", "record", "run"}
