"""How vizgrad's drawing compares with three others: the same small network, drawn by each.

    python examples/benchmarks/drawings.py            a few seconds
    python examples/benchmarks/drawings.py --smoke    draws everything once, and writes nothing near the pages

What micrograd's notebook draws is drawn here from micrograd's own values. Writes ``docs/results/drawings.json``, which
the page "Four drawings of one network" shows.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygraphviz
import torch
from micrograd.engine import Value
from micrograd.nn import MLP
from torchview import draw_graph
from torchviz import make_dot

import vizgrad as vg

sys.path.append(str(Path(__file__).resolve().parent.parent))
from _results import FOLDER, Result

INPUTS, HIDDEN, OUTPUTS, BATCH = 3, 4, 2, 4
MARK = 0.3125  # the first entry of the first weight: whoever shows values shows this one
ROUNDS = 9


def laid_out(dot: str) -> str:
    """A DOT text as SVG, by the same Graphviz for all."""
    return pygraphviz.AGraph(string=dot).draw(format="svg", prog="dot").decode()


# --- the same network, four times ------------------------------------------------------------------------------------


def weights() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    made = [rng.standard_normal(shape) for shape in ((HIDDEN, INPUTS), (HIDDEN,), (OUTPUTS, HIDDEN), (OUTPUTS,))]
    made[0][0, 0] = MARK
    return made


def batch() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((BATCH, INPUTS))


def by_vizgrad() -> tuple[str, list[float]]:
    w1, b1, w2, b2 = (vg.TensorNode(array) for array in weights())
    x = vg.TensorNode(batch(), requires_grad=False)
    with vg.record() as trace:
        out = vg.relu(x @ w1.T + b1) @ w2.T + b2
        loss = (out * out).sum()
        loss.backward()
    return vg.draw(trace).svg, w1.grad.ravel().tolist()


def torch_network() -> torch.nn.Module:
    layers = torch.nn.Linear(INPUTS, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, OUTPUTS)
    network = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter, array in zip(network.parameters(), weights(), strict=True):
            parameter.copy_(torch.from_numpy(array))
    return network


def by_torchviz() -> tuple[str, list[float]]:
    network = torch_network()
    loss = network(torch.from_numpy(batch())).square().sum()
    loss.backward(retain_graph=True)
    dot = make_dot(loss, params=dict(network.named_parameters()))
    return laid_out(dot.source), network[0].weight.grad.ravel().tolist()


def by_torchview() -> tuple[str, list[float]]:
    network = torch_network()
    network(torch.from_numpy(batch())).square().sum().backward()
    drawn = draw_graph(network, input_data=torch.from_numpy(batch()), device="cpu")
    return laid_out(drawn.visual_graph.source), network[0].weight.grad.ravel().tolist()


def by_micrograd() -> tuple[str, list[float]]:
    network = MLP(INPUTS, [HIDDEN, OUTPUTS])
    w1, b1, w2, b2 = weights()
    for layer, (w, b) in zip(network.layers, ((w1, b1), (w2, b2)), strict=True):
        for neuron, row, bias in zip(layer.neurons, w, b, strict=True):
            for value, number in zip(neuron.w, row, strict=True):
                value.data = float(number)
            neuron.b.data = float(bias)
    loss = Value(0.0)
    for row in batch():
        for out in network([float(x) for x in row]):
            loss = loss + out * out
    loss.backward()
    return laid_out(micrograd_dot(loss)), [value.grad for neuron in network.layers[0].neurons for value in neuron.w]


def micrograd_dot(top: Value) -> str:
    """What its notebook draws: a box with data and gradient for each value, a node for each op, edges as a set."""
    seen, stack, nodes, edges = {id(top)}, [top], [], set()
    while stack:
        value = stack.pop()
        nodes.append(f'{id(value)} [shape=record, label="{{ data {value.data:.4f} | grad {value.grad:.4f} }}"]')
        if value._op:
            nodes.append(f'{id(value)}0 [label="{value._op}"]')
            edges.add(f"{id(value)}0 -> {id(value)}")
        for child in value._prev:
            edges.add(f"{id(child)} -> {id(value)}0")
            if id(child) not in seen:
                seen.add(id(child))
                stack.append(child)
    return "digraph { rankdir=LR; " + "; ".join([*nodes, *sorted(edges)]) + " }"


# --- a + a: one tensor at two ports ----------------------------------------------------------------------------------


def uses_by_vizgrad() -> int:
    a = vg.TensorNode(2.0)
    return len(re.findall(r'class="vg-edge vg-in', vg.draw(a + a).svg))


def uses_by_torchviz() -> int:
    a = torch.tensor(2.0, requires_grad=True)
    return arriving(make_dot(a + a, params={"a": a}).source, "AddBackward")


def uses_by_torchview() -> int:
    class Double(torch.nn.Module):
        def forward(self, a: torch.Tensor) -> torch.Tensor:
            return a + a

    dot = draw_graph(Double(), input_data=torch.ones(1), device="cpu").visual_graph.source
    return len(re.findall(r"^\s*0 -> ", dot, re.MULTILINE))  # node 0 is the input


def uses_by_micrograd() -> int:
    a = Value(2.0)
    return arriving(micrograd_dot(a + a), "+")


def arriving(dot: str, label: str) -> int:
    """How many edges end at the node with a label."""
    graph = pygraphviz.AGraph(string=dot)
    return sum(graph.in_degree(node) for node in graph.nodes() if label in (node.attr["label"] or ""))


# --- measuring -------------------------------------------------------------------------------------------------------

TOOLS: dict[str, tuple[Callable[[], tuple[str, list[float]]], Callable[[], int]]] = {
    "vizgrad": (by_vizgrad, uses_by_vizgrad),
    "torchviz": (by_torchviz, uses_by_torchviz),
    "torchview": (by_torchview, uses_by_torchview),
    "micrograd": (by_micrograd, uses_by_micrograd),
}


def looked_at(name: str, svg: str, gradients: list[float], uses: int) -> dict[str, Any]:
    """What a drawing shows, found in the drawing itself."""
    texts = " ".join(re.findall(r"<text[^>]*>([^<]*)", svg)).replace("\N{MINUS SIGN}", "-")
    nodes = r'class="vg-(?:tensor|op)\b' if name == "vizgrad" else r'class="node"'
    return {
        "bytes": len(svg.encode()),
        "nodes": len(re.findall(nodes, svg)),
        "values": f"{MARK:.4g}" in texts,
        "gradients": any(f"{g:.4g}" in texts or f"{g:.4f}" in texts for g in gradients if abs(g) > 1e-3),
        "edges": uses,
    }


def main() -> None:
    """Draw with each tool, look at the drawings, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="draw everything once, into a temporary folder")
    smoke = parser.parse_args().smoke
    libraries = ["vizgrad-course", "torch", "torchviz", "torchview", "micrograd", "pygraphviz"]
    config = {"inputs": INPUTS, "hidden": HIDDEN, "outputs": OUTPUTS, "batch": BATCH, "rounds": 1 if smoke else ROUNDS}
    result = Result("drawings", config, "random numbers", libraries)
    seconds: dict[str, list[float]] = {name: [] for name in TOOLS}
    for _ in range(config["rounds"] + 1):  # the first round warms up
        for name, (draw, _) in TOOLS.items():
            start = time.perf_counter()
            draw()
            seconds[name].append(time.perf_counter() - start)
    rows = []
    for name, (draw, uses) in TOOLS.items():
        svg, gradients = draw()
        median = statistics.median(seconds[name][1:])
        rows.append({"tool": name, "seconds": round(median, 4), **looked_at(name, svg, gradients, uses())})
        print(rows[-1])
    with tempfile.TemporaryDirectory() as scratch:
        path = result.write(Path(scratch) if smoke else FOLDER, tools=rows)
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
