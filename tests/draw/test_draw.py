"""The drawing: complete, well-formed, harmless, the same each time, and nothing on top of anything else."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pygraphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import HOSTILE, hostile_text, normal, programs
from vizgrad.draw import content, heat, layout, style
from vizgrad.trace import Trace, run
from vizgrad.trace.text import number

SVG = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
DIAMOND = "import vizgrad as vg\na = vg.TensorNode(0.8)\ns = a * a\no = 3 * s * vg.sin(s)\no.backward()\n"
NETWORK = (
    "import numpy as np, vizgrad as vg\n"
    "class Net(vg.Module):\n"
    "    def __init__(self):\n"
    "        rng = np.random.default_rng(0)\n"
    "        self.first, self.second = vg.Linear(9, 4, rng), vg.MLP(4, 2, rng=rng)\n"
    "    def forward(self, x):\n"
    "        return self.second(vg.relu(self.first(x)))\n"
    "net = Net()\n"
    "x = vg.TensorNode(np.arange(18.0).reshape(2, 9) / 9 - 1, requires_grad=False)\n"
    "loss = vg.celoss(net(x), np.array([0, 1]))\n"
    "loss.backward()\n"
    "vg.SGD(net.parameters(), lr=0.1).step()\n"
)
SOURCES = {"diamond": DIAMOND, "network": NETWORK, "failing": DIAMOND + "import numpy as np\na * s * 'x'\n"}
SOURCES["shapes"] = "import numpy as np, vizgrad as vg\nvg.TensorNode(np.ones(2)) + np.ones(3)\n"


def recorded(program: Any) -> Trace:
    with vg.record() as trace:
        program.run_here()[-1].backward()
    return trace


def parsed(svg: str) -> ET.Element:
    return flattened(ET.fromstring(svg))


def classes(element: ET.Element) -> list[str]:
    return element.get("class", "").split()


def having(root: ET.Element, kind: str) -> list[ET.Element]:
    return [element for element in root.iter() if kind in classes(element)]


def centre(element: ET.Element) -> tuple[float, float]:
    x, y = re.fullmatch(r"translate\((-?[\d.]+),(-?[\d.]+)\)", element.get("transform")).groups()
    return float(x), float(y)


def flattened(root: ET.Element) -> ET.Element:
    """The same drawing with the places of what is in modules as they are on the whole, and without what is hidden."""
    [canvas] = [child for child in root if child.get("transform")]

    def flatten(group: ET.Element, x: float, y: float) -> None:
        for child in list(group):
            if child.get("display") == "none":
                group.remove(child)
            elif "vg-sheet" in classes(child):
                flatten(child, x + centre(child)[0], y + centre(child)[1])
            elif child.get("transform"):
                child.set("transform", f"translate({centre(child)[0] + x},{centre(child)[1] + y})")
            elif "vg-module" in classes(child):
                for rect in child.iter(SVG + "rect"):
                    rect.set("x", str(float(rect.get("x", 0)) + x))
                    rect.set("y", str(float(rect.get("y", 0)) + y))

    flatten(canvas, 0.0, 0.0)
    return root


def box(element: ET.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a node."""
    x, y = centre(element)
    [shape] = [child for child in element if "vg-shape" in classes(child)]
    if shape.tag == SVG + "circle":
        width = height = 2 * float(shape.get("r"))
    elif shape.tag == SVG + "rect":
        width, height = float(shape.get("width")), float(shape.get("height"))
    else:
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", shape.get("d"))]
        width, height = 2 * max(map(abs, numbers[::2])), 2 * max(map(abs, numbers[1::2]))
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def assert_complete(trace: Trace, root: ET.Element) -> None:
    nodes = [e for e in root.iter() if {"vg-tensor", "vg-op"} & set(classes(e))]
    edges = [edge for edge in having(root, "vg-edge") if edge.get("data-op")]  # others lead only to or from a module
    assert Counter(e.get("data-tensor") for e in nodes if "vg-tensor" in classes(e)) == Counter(
        tensor.id for tensor in trace.tensors
    )
    assert Counter(e.get("data-op") for e in nodes if "vg-op" in classes(e)) == Counter(op.id for op in trace.ops)
    found = Counter((e.get("data-op"), e.get("data-port"), e.get("data-tensor")) for e in edges)
    expected = Counter(
        (op.id, str(port), entering.tensor) for op in trace.ops for port, entering in enumerate(op.inputs)
    )
    expected += Counter((op.id, None, id) for op in trace.ops for id in op.outputs)
    assert found == expected
    roles = {tensor.id: f"vg-{tensor.role}" for tensor in trace.tensors}
    for node in nodes:
        if "vg-tensor" in classes(node):
            assert roles[node.get("data-tensor")] in classes(node)
        assert len(node.findall(f"{SVG}title")) == 1
    for edge in edges:
        assert len(edge.findall(f"{SVG}title")) == 1
        assert len(having(edge, "vg-line")) == len(having(edge, "vg-head")) == 1


def assert_harmless(root: ET.Element) -> None:
    allowed = {"svg", "style", "g", "title", "rect", "circle", "path", "text", "image"}
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in allowed
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            assert name not in ("id", "style", "href")
            assert name != XLINK_HREF or value.startswith("data:image/png;base64,")
            texts = ("aria-label", "data-module", "data-into", "data-from")
            assert "javascript:" not in value.lower() or name in texts


def assert_nothing_overlaps(root: ET.Element) -> None:
    nodes = [e for e in root.iter() if {"vg-tensor", "vg-op"} & set(classes(e))]
    boxes = [box(node) for node in nodes]
    _, _, width, height = (float(n) for n in root.get("viewBox").split())
    for (a, one), (b, other) in itertools.combinations(enumerate(boxes), 2):
        apart = one[2] <= other[0] + 0.05 or other[2] <= one[0] + 0.05
        apart |= one[3] <= other[1] + 0.05 or other[3] <= one[1] + 0.05
        assert apart, (nodes[a].attrib, nodes[b].attrib)
    for left, top, right, bottom in boxes:
        assert left >= -12
        assert top >= -12
        assert right <= width
        assert bottom <= height


# --- complete, well-formed, harmless ---------------------------------------------------------------------------------


@settings(max_examples=25)
@given(programs(most=15), st.sampled_from(["LR", "TB"]))
def test_every_tensor_op_and_edge_is_drawn_once_and_apart(program, direction):
    trace = recorded(program)
    root = parsed(vg.draw(trace, direction=direction).svg)
    assert_complete(trace, root)
    assert_harmless(root)
    assert_nothing_overlaps(root)


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("name", SOURCES)
def test_programs_of_all_kinds_are_drawn(name, direction):
    trace = run(SOURCES[name])
    root = parsed(vg.draw(trace, direction=direction).svg)
    assert_complete(trace, root)
    assert_harmless(root)
    assert_nothing_overlaps(root)
    failed = [e.get("data-op") for e in having(root, "vg-failed")]
    assert failed == ([trace.error.op] if trace.error and trace.error.op else [])


def test_directions_differ():
    trace = run(DIAMOND)
    sizes = [[float(n) for n in parsed(vg.draw(trace, direction=d).svg).get("viewBox").split()] for d in ("LR", "TB")]
    assert sizes[0][2] > sizes[0][3]
    assert sizes[1][2] < sizes[1][3]
    for direction, axis in (("LR", 0), ("TB", 1)):
        root = parsed(vg.draw(trace, direction=direction).svg)
        places = {e.get("data-op") or e.get("data-tensor"): centre(e)[axis] for e in having(root, "vg-op")}
        places |= {e.get("data-tensor"): centre(e)[axis] for e in having(root, "vg-tensor")}
        for op in trace.ops:
            for entering in op.inputs:
                assert places[entering.tensor] < places[op.id]
            for id in op.outputs:
                assert places[op.id] < places[id]


def test_one_tensor_at_two_ports_has_two_edges():
    a = vg.TensorNode(2.0)
    with vg.record() as trace:
        a + a
    edges = having(parsed(vg.draw(trace).svg), "vg-in")
    assert sorted((e.get("data-port"), e.get("data-tensor")) for e in edges) == [("0", "t0"), ("1", "t0")]
    routes = [having(edge, "vg-line")[0].get("d") for edge in edges]
    assert routes[0] != routes[1]


def test_two_figures_on_a_page_cannot_be_mixed_up():
    svg = vg.draw(run(NETWORK)).svg
    assert not re.search(r"\sid=|url\(#|href=\"#", svg)
    assert parsed(svg).tag == SVG + "svg"


def test_an_empty_trace_is_an_empty_picture():
    for trace in (Trace(), run(""), run("a = (")):
        root = parsed(vg.draw(trace).svg)
        assert having(root, "vg-tensor") == []


@given(hostile_text)
def test_hostile_names_are_text(text):
    trace = hostile_trace(text)
    drawing = vg.draw(trace, title=text)
    svg = drawing.svg
    svg.encode("utf-8")
    root = parsed(svg)
    assert_complete(trace, root)
    assert_harmless(root)
    assert "<script" not in svg
    graph = pygraphviz.AGraph(string=drawing.dot)
    assert len(graph.nodes()) == len(trace.tensors) + len(trace.ops)
    assert len(graph.edges()) == sum(len(op.inputs) + len(op.outputs) for op in trace.ops)
    graph.close()


def hostile_trace(text: str) -> Trace:
    class Net(vg.Module):
        def forward(self, x):
            return getattr(self, text)(x)

    net = Net()
    setattr(net, text, vg.Linear(2, 2))
    try:
        op = type(text, (vg.Multiply,), {"symbol": text})
    except ValueError:  # Python itself refuses nul and lone surrogates here
        op = type("Named", (vg.Multiply,), {"symbol": text})
    a = vg.TensorNode(2.0, name=text)
    with vg.record() as trace:
        out = net(vg.TensorNode(np.ones((1, 2)), name=text + "x"))
        op.do_forward(out.sum(), a).backward()
    return trace


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 10_000])
def test_labels_in_dot_are_the_names_and_no_markup(text):
    a = vg.TensorNode(2.0, name=text)
    with vg.record() as trace:
        a * 2.0
    source = vg.draw(trace).dot
    assert "label=<" not in source
    assert not re.search(r'label="?(\n|\\n)', source)
    graph = pygraphviz.AGraph(string=source)
    graph.draw(format="json", prog="dot")
    label = graph.get_node("t0").attr["label"]
    graph.close()
    assert label
    if text.isascii() and text.isprintable() and len(text) <= 16 and "\\" not in text:
        assert label == text


def test_a_chip_of_one_number_in_an_array_is_that_number():
    x = vg.TensorNode([3.0])
    with vg.record() as trace:
        loss = x * 2.0
        loss.backward()
    root = parsed(vg.draw(trace).svg)
    [chip] = having(root, "vg-chip")
    assert "".join(chip.itertext()) == "2"


# --- what a node shows -----------------------------------------------------------------------------------------------


def cells(node: ET.Element, kind: str) -> list[str]:
    [slot] = [e for e in having(node, kind) if "vg-slot" in classes(e)]
    return ["".join(cell.itertext()) for cell in having(slot, "vg-cell")]


@given(programs(most=8))
@settings(max_examples=25)
def test_cells_show_the_final_values_and_gradients(program):
    trace = recorded(program)
    state = trace.state()
    for node in having(parsed(vg.draw(trace).svg), "vg-tensor"):
        id = node.get("data-tensor")
        tensor = trace.tensor(id)
        value = state.values[id]
        slots = [e.get("data-kind") for e in having(node, "vg-slot")]
        assert len(slots) == (2 if tensor.requires_grad else 1)
        small = value.ndim <= 2 and all(size <= 5 for size in value.shape)
        assert set(slots) == {"numbers" if small else "heat"}
        if small:
            assert cells(node, "vg-value") == [number(x) for x in value.reshape(-1)]
            if tensor.requires_grad:
                grad = state.grads.get(id, np.zeros_like(value))
                assert cells(node, "vg-grad") == [number(x) for x in grad.reshape(-1)]
                assert bool(having(node, "vg-empty")) == (id not in state.grads)


@given(programs(most=6))
@settings(max_examples=25)
def test_numbers_lie_inside_their_node(program):
    for node in having(parsed(vg.draw(recorded(program)).svg), "vg-tensor"):
        left, top, right, bottom = box(node)
        circle = node.find(f"{SVG}circle")
        for slot in having(node, "vg-slot"):
            left_edge, y = centre(slot)
            width = -2 * left_edge
            assert width / 2 <= (right - left) / 2
            assert abs(y) <= (bottom - top) / 2
            if circle is not None:  # the digits are lower than their cells: half a line may stick out
                half_a_line = content.LINE / 2
                assert np.hypot(width / 2, max(abs(y), abs(y + content.CELL)) - half_a_line) <= float(circle.get("r"))


def test_after_an_update_the_new_value_is_shown():
    w = vg.TensorNode(3.0)
    with vg.record() as trace:
        (w * w).backward()
        vg.SGD([w], lr=0.5).step()
    [node] = [e for e in having(parsed(vg.draw(trace).svg), "vg-tensor") if e.get("data-tensor") == "t0"]
    assert cells(node, "vg-value") == ["0"]
    assert cells(node, "vg-grad") == ["6"]
    assert "vg-parameter" in classes(node)
    assert having(node, "vg-outline")


def address(image: ET.Element) -> str:
    [value] = [value for name, value in image.attrib.items() if name.endswith("href")]
    return value


def pixels(url: str) -> np.ndarray:
    data = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        chunks[kind], at = body, at + 12 + length
    width, height = (int.from_bytes(chunks[b"IHDR"][i : i + 4], "big") for i in (0, 4))
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, 4)


@given(st.integers(0, 100), st.tuples(st.integers(1, 4), st.integers(6, 9)))
def test_a_heat_map_has_a_pixel_for_each_entry(seed, shape):
    array = normal(seed, shape)
    with vg.record() as trace:
        vg.Id.do_forward(vg.TensorNode(array, requires_grad=False))
    [image, _] = list(parsed(vg.draw(trace).svg).iter(SVG + "image"))
    shown = pixels(image.get(XLINK_HREF))
    assert shown.shape == (*shape, 4)
    np.testing.assert_array_equal(shown[..., :3][array > 0], np.broadcast_to(heat.POSITIVE, ((array > 0).sum(), 3)))
    np.testing.assert_array_equal(shown[..., :3][array < 0], np.broadcast_to(heat.NEGATIVE, ((array < 0).sum(), 3)))
    np.testing.assert_allclose(shown[..., 3], np.abs(array) / np.abs(array).max() * 255, atol=0.51)


def test_rows_that_are_pictures_are_shown_as_pictures():
    images = np.zeros((5, 12))
    images[2, 5] = 1
    with vg.record(pictures=(3, 4)) as trace:
        vg.Id.do_forward(vg.TensorNode(images, requires_grad=False))
    root = parsed(vg.draw(trace).svg)
    slot = having(root, "vg-slot")[0]
    assert slot.get("data-kind") == "picture"
    across = int(slot.get("data-tiles-across"))
    image = next(slot.iter(SVG + "image"))
    [[row, column]] = np.argwhere(pixels(image.get(XLINK_HREF))[..., 3])
    assert (row, column) == (2 // across * 4 + 1, 2 % across * 5 + 1)


ODD = [(0,), (0, 3), (3, 0), (0, 9), (9, 0), (1,), (1, 1, 1), (2, 2, 2), (5, 5), (6, 1), (1, 200), (70, 70), (2, 0, 2)]


@pytest.mark.parametrize("shape", ODD, ids=str)
@pytest.mark.parametrize("fill", [0.0, -1.0, np.nan, np.inf])
def test_arrays_of_any_shape_and_content_are_drawn(shape, fill):
    x = vg.TensorNode(np.full(shape, fill))
    with vg.record() as trace:
        vg.Id.do_forward(x)
    root = parsed(vg.draw(trace).svg)
    assert_complete(trace, root)
    assert_nothing_overlaps(root)
    sizes = [float(e.get(side)) for e in root.iter() for side in ("width", "height") if e.get(side) and e is not root]
    assert np.isfinite(sizes).all()
    assert min(sizes, default=0) >= 0


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_pictures_is_drawn(count):
    with vg.record(pictures=(2, 3)) as trace:
        vg.Id.do_forward(vg.TensorNode(np.ones((count, 6))))
    assert_complete(trace, parsed(vg.draw(trace).svg))


def test_modules_are_boxes_around_their_nodes():
    trace = run(NETWORK)
    root = parsed(vg.draw(trace).svg)
    frames = {}
    for group in having(root, "vg-module"):
        rect = having(group, "vg-module-box")[0]
        x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        frames[group.get("data-module")] = (x, y, x + width, y + height)
    assert set(frames) == {"net", "net.first", "net.second", "net.second.layer1", "net.second.layer2"}
    members = {tensor.id: tensor.module for tensor in trace.tensors} | {op.id: op.module for op in trace.ops}
    nodes = {e.get("data-op") or e.get("data-tensor"): e for kind in ("vg-tensor", "vg-op") for e in having(root, kind)}
    for id, module in members.items():
        left, top, right, bottom = box(nodes[id])
        for path, (x0, y0, x1, y1) in frames.items():
            inside = x0 <= left and y0 <= top and right <= x1 and bottom <= y1
            outside = right <= x0 or x1 <= left or bottom <= y0 or y1 <= top
            belongs = module == path or module.startswith(path + ".")
            assert inside if belongs else outside, (id, module, path)


def test_an_unlabelled_picture_says_what_it_is():
    trace = run(DIAMOND)
    root = parsed(vg.draw(trace).svg)
    assert root.get("aria-label") == "Computation graph with 6 tensors and 4 operations: Multiply, Sin"
    assert parsed(vg.draw(trace, title="A diamond").svg).get("aria-label") == "A diamond"


def test_the_style_sheet_has_a_rule_for_every_role():
    sheet = style()
    for kind in ("input", "parameter", "constant", "intermediate", "loss"):
        assert f".vg-{kind}" in sheet
    assert "<" not in sheet


# --- layout ----------------------------------------------------------------------------------------------------------


def test_the_room_for_numbers_is_that_of_the_longest_step():
    w = vg.TensorNode(1.0)
    with vg.record() as short:
        w * 2.0
    with vg.record() as long:
        w * 2.0
        w.value = np.array(-1.2345e-100)
        w.value = np.array(1.0)
    widths = [content.contents(trace).tensors["t0"].width for trace in (short, long)]
    assert widths[1] > widths[0]


def test_layout_reads_every_node_and_edge():
    trace = run(NETWORK)
    from vizgrad.draw import dot

    places = layout.run(dot(trace, labels=False))
    assert set(places.nodes) == {t.id for t in trace.tensors} | {o.id for o in trace.ops}
    assert len(places.routes) == sum(len(op.inputs) + len(op.outputs) for op in trace.ops)
    for x, y in places.nodes.values():
        assert 0 <= x <= places.width
        assert 0 <= y <= places.height


def test_a_layout_made_elsewhere_is_used():
    from vizgrad.draw import dot, svg

    trace = run(DIAMOND)
    places = layout.run(dot(trace, labels=False))
    assert svg(trace, places=places) == vg.draw(trace).svg
    assert "<style" not in svg(trace, css=False)


# --- the same bytes, and silence -------------------------------------------------------------------------------------

DRAW = """
import json, sys
import vizgrad as vg
from vizgrad.trace import run
for source in json.load(sys.stdin).values():
    for direction in ("LR", "TB"):
        drawing = vg.draw(run(source), direction=direction)
        sys.stdout.buffer.write(drawing.svg.encode() + drawing.dot.encode())
"""


def test_the_same_program_gives_the_same_picture_in_every_process_and_silence(tmp_path):
    answers = []
    for seed in ("1", "2"):
        elsewhere = {"PYTHONHASHSEED": seed, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", DRAW],
            input=json.dumps(SOURCES).encode(),
            env=os.environ | elsewhere,
            capture_output=True,
            check=False,
        )
        assert done.stderr == b""
        assert done.returncode == 0
        answers.append(done.stdout)
    here = [vg.draw(run(source), direction=d) for source in SOURCES.values() for d in ("LR", "TB")]
    assert answers[0] == answers[1] == "".join(drawing.svg + drawing.dot for drawing in here).encode()


def test_saved_files_are_drawn_in_silence(tmp_path, capfd):
    trace = run(NETWORK)
    trace.save(tmp_path / "net.svg")
    vg.draw(trace).dot  # noqa: B018
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


# --- unrecorded graphs, saving ---------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(programs(most=10))
def test_an_unrecorded_graph_has_the_tensors_and_ops_of_the_recorded_one(program):
    with vg.record() as trace:
        nodes = program.run_here()
    drawn = vg.draw(nodes[-1]).trace
    needed: set[str] = set()
    waiting = [trace.ops[-1].outputs[0]]
    while waiting:
        id = waiting.pop()
        if id not in needed:
            needed.add(id)
            source = trace.tensor(id).source
            waiting += [i.tensor for i in trace.op(source).inputs] if source else []
    made_by = Counter(trace.op(trace.tensor(id).source).op for id in needed if trace.tensor(id).source)
    assert Counter(op.op for op in drawn.ops) == made_by
    values = sorted(trace.arrays[trace.tensor(id).array].tobytes() for id in needed)
    assert sorted(drawn.arrays[tensor.array].tobytes() for tensor in drawn.tensors) == values
    root = parsed(vg.draw(nodes[-1]).svg)
    assert_complete(drawn, root)
    assert_nothing_overlaps(root)


def test_an_unrecorded_graph_knows_names_roles_and_gradients():
    a, b = vg.TensorNode(2.0), vg.TensorNode(3.0)
    c = a * b
    c.backward()
    trace = vg.draw(c).trace
    assert [t.name for t in trace.tensors] == ["a", "b", "c"]
    assert trace.value("c") == 6
    assert (trace.grad("a"), trace.grad("b")) == (3, 2)
    assert c.source.inputs == (a, b)


def test_a_long_chain_on_one_tensor_is_drawn():
    x = vg.TensorNode(1.0)
    y = x
    for i in range(60):
        y = y + x if i % 2 else vg.sin(y)
    root = parsed(vg.draw(y).svg)
    assert len(having(root, "vg-op")) == 60
    assert "nslimit" in vg.draw(y).dot
    assert "nslimit" not in vg.draw(x * x).dot  # what is small is laid out as well as can be
    assert_nothing_overlaps(root)


@pytest.mark.parametrize("ending", [".svg", ".dot"])
def test_a_drawing_saves_itself(tmp_path, ending):
    drawing = vg.draw(run(DIAMOND))
    path = drawing.save(tmp_path / f"graph{ending}")
    assert path.read_text(encoding="utf-8") == (drawing.svg if ending == ".svg" else drawing.dot)
    assert drawing.save(str(path)) == path
    assert drawing._repr_html_() == drawing.svg


@pytest.mark.parametrize("name", ["graph.png", "graph", "graph.pdf"])
def test_another_ending_is_explained(tmp_path, name):
    with pytest.raises(vg.DrawingError, match=r"\.svg or \.dot") as caught:
        vg.draw(run(DIAMOND)).save(tmp_path / name)
    assert name in str(caught.value)
    assert isinstance(caught.value, vg.VizgradError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["pygraphviz", "graphviz"])
def test_a_missing_package_is_explained(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(vg.DrawingError, match=package) as caught:
        vg.draw(run(DIAMOND)).svg  # noqa: B018
    assert "[draw]" in str(caught.value)
    assert "pip install vizgrad" not in str(caught.value)


@pytest.mark.parametrize("what", [5, None, "loss", np.ones(2)])
def test_what_is_no_graph_is_refused_with_advice(what):
    with pytest.raises(vg.DrawingError, match=type(what).__name__) as refused:
        vg.draw(what)
    assert "vg.draw(loss)" in str(refused.value)
