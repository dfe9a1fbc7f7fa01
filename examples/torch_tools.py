"""What four tools make of one training step of a ResNet-18: how long each takes, how much it writes, and what is in it.

    python examples/torch_tools.py            about two minutes
    python examples/torch_tools.py --smoke    each tool once, and nothing is written near the pages

A tool that is not installed is named and left out. Writes ``docs/results/torch_tools.json``, which the page "Your own
model" shows.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from _results import FOLDER, Result
from torch import nn
from torch_traces import RESNET

import vizgrad as vg

ROUNDS = 5


def network() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """The network of the page's figure, in training, with its batch."""
    program: dict[str, Any] = {"__name__": "resnet"}
    exec(RESNET.partition("with vg.record_torch")[0], program)
    return program["net"], program["x"], program["classes"]


def plain(net: nn.Module, x: torch.Tensor, classes: torch.Tensor) -> int:
    """The step alone, with which the others are compared."""
    F.cross_entropy(net(x), classes).backward()
    return 0


def by_vizgrad(net: nn.Module, x: torch.Tensor, classes: torch.Tensor) -> int:
    with vg.record_torch(net) as trace:
        F.cross_entropy(net(x), classes).backward()
    return len(trace.to_json().encode())


def by_torchviz(net: nn.Module, x: torch.Tensor, classes: torch.Tensor) -> int:
    from torchviz import make_dot

    loss = F.cross_entropy(net(x), classes)
    drawn = make_dot(loss, params=dict(net.named_parameters()))
    loss.backward()
    return len(drawn.source)


def by_torchview(net: nn.Module, x: torch.Tensor, classes: torch.Tensor) -> int:
    from torchview import draw_graph

    drawn = draw_graph(net, input_data=x, mode="train", device="cpu")
    F.cross_entropy(net(x), classes).backward()
    return len(drawn.visual_graph.source)


def by_torchlens(net: nn.Module, x: torch.Tensor, classes: torch.Tensor) -> int:
    import torchlens

    record = torchlens.trace(net, x)
    F.cross_entropy(net(x), classes).backward()
    with tempfile.TemporaryDirectory() as folder:
        torchlens.save(record, f"{folder}/record")
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


TOOLS: dict[str, Callable[[nn.Module, torch.Tensor, torch.Tensor], int]] = {
    "vizgrad": by_vizgrad,
    "torchviz": by_torchviz,
    "torchview": by_torchview,
    "torchlens": by_torchlens,  # the last one: it leaves PyTorch's functions wrapped
}


def measure(tool: Callable[..., int], rounds: int) -> dict[str, Any]:
    """Seconds of the processor, in the quickest round, and bytes of what a tool writes."""
    net, x, classes = network()
    seconds, size = [], 0
    for _ in range(rounds):
        net.zero_grad()
        start = time.process_time()
        size = tool(net, x, classes)
        seconds.append(time.process_time() - start)
    return {"seconds": min(seconds), "bytes": size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="each tool once, result into a temporary folder")
    smoke = parser.parse_args().smoke
    rounds = 1 if smoke else ROUNDS
    torch.set_num_threads(1)  # so that seconds of the processor say what they say on a machine that others use as well
    there = [name for name in TOOLS if importlib.util.find_spec(name)]
    config = {"rounds": rounds, "batch": [2, 3, 96, 96], "threads": 1}
    result = Result("torch_tools", config, "random pixels", ["torch", *(name for name in there if name != "vizgrad")])
    found = {"plain": measure(plain, rounds)} | {name: measure(TOOLS[name], rounds) for name in there}
    path = result.write(
        Path(tempfile.mkdtemp()) if smoke else FOLDER,
        tools=found,
        missing=[name for name in TOOLS if name not in there],
        parameters=sum(p.numel() for p in network()[0].parameters()),
    )
    for name, row in found.items():
        print(f"{name:10} {row['seconds']:7.3f} s {row['bytes']:10,} bytes")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
