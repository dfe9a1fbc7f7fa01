"""A whole pass with the keyboard alone, read in the accessibility tree and nowhere else: what a screen reader has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from vizgrad import Trace, trace
from vizgrad.trace.text import number, shape, short

# Twenty ops of all families; s is used twice, and its two ways meet again.
PROGRAM = """\
import numpy as np
import vizgrad as vg

x = vg.TensorNode([[1.0, -2.0], [0.5, 3.0]])
w = vg.TensorNode([[0.3, -0.1], [0.2, 0.4]])
b = vg.TensorNode([0.1, -0.2])
h = vg.linear(x, w, b)
s = vg.tanh(h)
d = s * s + vg.sin(s)
e = vg.relu(d).T.reshape(4)
g = vg.concatenate([e, b, b])
m = g[1:5] / 2
q = vg.softmax(vg.exp(m).reshape(2, 2))
r = q.mean(axis=0) @ w
u = vg.sqrt(vg.maximum(r, 0.1))
loss = (u - r).sum()
loss.backward()
"""
Node = dict[str, Any]


class Tree:
    """The accessibility tree of a page, as it is now."""

    def __init__(self, page: Page) -> None:
        session = page.context.new_cdp_session(page)
        self.nodes: dict[str, Node] = {n["nodeId"]: n for n in session.send("Accessibility.getFullAXTree")["nodes"]}
        session.detach()

    def all(self, role: str, name: str = "") -> list[Node]:
        """The nodes of a role whose name begins so."""
        seen = (node for node in self.under(next(iter(self.nodes.values()))) if not node.get("ignored"))
        return [n for n in seen if self.role(n) == role and self.name(n).startswith(name)]

    def one(self, role: str, name: str = "") -> Node:
        (found,) = self.all(role, name)
        return found

    @property
    def focused(self) -> Node:
        """What has the focus; the page itself if nothing has."""
        return [node for node in self.nodes.values() if self.is_(node, "focused")][-1]

    @property
    def sentence(self) -> str:
        """What the status of the figure says, which is read out whenever it changes."""
        told = [node for node in self.all("status") if self.has(node, "live") == "polite"]
        return self.text(told[0])

    def text(self, node: Node) -> str:
        return "".join(self.name(one) for one in self.under(node) if self.role(one) == "StaticText")

    def under(self, node: Node) -> Iterator[Node]:
        yield node
        for id in node.get("childIds", []):
            if id in self.nodes:
                yield from self.under(self.nodes[id])

    @staticmethod
    def role(node: Node) -> str:
        return str(node.get("role", {}).get("value", ""))

    @staticmethod
    def name(node: Node) -> str:
        return str(node.get("name", {}).get("value", ""))

    @staticmethod
    def has(node: Node, name: str) -> Any:
        return next((one["value"].get("value") for one in node.get("properties", []) if one["name"] == name), None)

    def is_(self, node: Node, name: str) -> bool:
        return self.has(node, name) is True


class Reader:
    """Somebody who has a keyboard, and hears what the tree says."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> Tree:
        for key in keys:
            self.page.keyboard.press(key)
        return Tree(self.page)

    def reach(self, role: str, name: str, key: str = "Tab") -> Tree:
        """Presses a key until something with this role and name has the focus."""
        for _ in range(80):
            tree = self.press(key)
            if tree.role(tree.focused) == role and tree.name(tree.focused).startswith(name):
                return tree
        raise AssertionError(f"{key} never leads to {role} {name!r}")

    def until(self, condition: Any) -> Tree:
        """Waits for what a key does a moment later: a tool is fetched when it is first opened."""
        for _ in range(100):
            tree = Tree(self.page)
            if condition(tree):
                return tree
            self.page.wait_for_timeout(20)
        raise AssertionError("it never happens")


@pytest.fixture(scope="module")
def recorded() -> Trace:
    made = trace.run(PROGRAM)
    assert made.error is None and len(made.ops) == 20
    return made


@pytest.fixture
def reader(show, recorded) -> Reader:
    return Reader(show(recorded).page)


def numbers_of(recorded: Trace, op: str) -> str:
    made = recorded.tensor(recorded.op(op).outputs[0])
    array = recorded.arrays[made.array]
    return short(array) if array.size <= 6 else shape(array.shape)


def test_every_step_is_told_forward_and_backward(reader, recorded):
    tree = reader.reach("button", "Next step")
    for k, step in enumerate(recorded.steps):
        said = tree.sentence
        assert said == step.text
        if step.kind in ("forward", "backward"):
            assert recorded.op(step.op).op in said
        if step.kind == "forward":
            assert numbers_of(recorded, step.op) in said
        if step.kind == "accumulate":
            assert short(recorded.arrays[step.after]) in said
        slider = tree.one("slider", "Step")
        assert (slider["value"]["value"], tree.has(slider, "valuemax")) == (k, len(recorded.steps) - 1)
        tree = reader.press("ArrowRight" if k % 2 else "Enter")


def test_in_the_end_every_gradient_is_in_the_tree(reader, recorded):
    tree = reader.press("Tab", "End")
    assert tree.sentence == recorded.steps[-1].text
    found = (re.search(r", gradient (.*)$", tree.name(one)) for one in tree.all("graphics-symbol"))
    told = Counter(one[1] for one in found if one)
    state = recorded.state()
    wanted = Counter(short(state.grads[tensor.id]) for tensor in recorded.tensors if tensor.requires_grad)
    assert told == wanted
    for tensor in recorded.tensors:
        if tensor.name:
            (symbol,) = tree.all("graphics-symbol", f"{tensor.name}, ")
            assert f"value {short(state.values[tensor.id])}" in tree.name(symbol)
    # Those of more than a few numbers are written out in the details.
    reader.reach("graphics-symbol", "")
    tree = reader.reach("graphics-symbol", "g, ", "ArrowDown")
    tree = reader.press("Enter")
    details = tree.one("region", "Details")
    assert tree.focused["nodeId"] == details["nodeId"]
    tables = [node for node in tree.under(details) if tree.role(node) in ("table", "LayoutTable")]
    entries = [tree.name(cell) for table in tables for cell in tree.under(table) if tree.role(cell) == "StaticText"]
    assert entries == [number(x) for array in (recorded.value("g"), recorded.grad("g")) for x in array]


def test_jumps_and_the_next_change_of_one_tensor(reader, recorded):
    last = len(recorded.steps) - 1
    s = recorded.tensor("s")
    made = [k for k, step in enumerate(recorded.steps) if step.kind == "forward" and step.op == s.source]
    changes = made + [k for k, step in enumerate(recorded.steps) if step.tensor == s.id]
    assert reader.press("Tab", "End").sentence == recorded.steps[last].text
    assert reader.press("Home").sentence == recorded.steps[0].text
    reader.reach("graphics-symbol", "")
    reader.reach("graphics-symbol", "s, ", "ArrowDown")
    reader.press("Enter")
    tree = reader.reach("button", "Next change")
    for k in changes:
        tree = reader.press("Enter")
        assert tree.sentence == recorded.steps[k].text
    # The last change leaves the button without use, but the focus does not fall out of the details.
    details = tree.one("region", "Details")
    assert tree.is_(tree.one("button", "Next change"), "disabled")
    assert tree.focused["nodeId"] in {node["nodeId"] for node in tree.under(details)}
    tree = reader.press("Escape")
    assert tree.all("region", "Details") == []
    assert tree.name(tree.focused).startswith("s, ")
    tree = reader.press("Shift+ArrowRight")
    assert tree.sentence != recorded.steps[changes[-1]].text


def test_the_table_of_steps_and_the_lines_of_the_library(reader, recorded):
    reader.reach("DisclosureTriangle", "All steps")
    reader.press("Enter")
    expect(reader.page.locator(".vg-steps tbody tr")).to_have_count(len(recorded.steps))
    tree = Tree(reader.page)
    rows = tree.all("row")[1:]
    for row, step in zip(rows, recorded.steps, strict=True):
        assert tree.text(row).endswith(step.text)
    reader.reach("button", "Go to step 2")
    tree = reader.press("Enter")
    assert tree.sentence == recorded.steps[2].text
    tree = reader.reach("DisclosureTriangle", "Where the library does this", "Shift+Tab")
    tree = reader.press("Enter")
    assert any("def forward" in tree.name(node) for node in tree.all("StaticText"))


def test_search_and_help_and_back(reader, recorded):
    reader.press("ArrowRight")
    reader.reach("button", "Play")
    tree = reader.press("/")
    assert tree.role(tree.focused) == "searchbox"
    reader.page.keyboard.type("sqrt")
    tree = reader.press("Enter")
    said = [tree.text(node) for node in tree.nodes.values() if tree.has(node, "live") == "polite"]
    assert any(text.startswith("1 of 2: Sqrt at line 15") for text in said)
    assert "Sqrt" in tree.text(tree.one("region", "Details"))
    reader.press("Escape")
    reader.reach("button", "Play")
    tree = reader.press("?")
    tree = reader.until(lambda tree: tree.name(tree.focused) == "Keys")
    told = tree.text(tree.focused)
    for what in ("one step back or on", "zoom in", "Home", "this list"):
        assert what in told
    assert reader.press("ArrowRight").sentence == recorded.steps[2].text
    tree = reader.press("Escape")
    assert tree.name(tree.focused) == "Play"
    assert tree.all("region", "Keys") == []


def test_closed_modules_tell_what_passes_them(show):
    program = (
        "import numpy as np, vizgrad as vg\n"
        "net = vg.Linear(2, 1, np.random.default_rng(0))\n"
        "x = vg.TensorNode([[1.0, 2.0]])\n"
        "loss = net(x).sum()\nloss.backward()\n"
    )
    made = trace.run(program)
    reader = Reader(show(made, modules="closed").page)
    tree = reader.press("Tab", "End")
    (module,) = tree.all("graphics-symbol", "net, module")
    assert not tree.all("graphics-symbol", "net.w")
    for name in ("net.w", "net.b"):
        assert f"∇ {short(made.grad(name))}" in tree.name(module)
