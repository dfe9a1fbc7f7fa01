"""Traces of PyTorch training steps, for the page on models of your own.

Run ``python examples/torch_traces.py``: it writes ``docs/results/torch_*.json``, from which the page makes its figures.
``--smoke`` records everything once and writes nothing.
"""

from __future__ import annotations

import argparse
import linecache
from pathlib import Path
from types import ModuleType

from _results import FOLDER

from vizgrad import Trace

MLP = """\
import torch
import torch.nn.functional as F
from torch import nn

import vizgrad as vg

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
optimiser = torch.optim.SGD(net.parameters(), lr=0.5)
x = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
classes = torch.tensor([1, 1, 0])

with vg.record_torch(net) as trace:
    loss = F.cross_entropy(net(x), classes)
    loss.backward()
    optimiser.step()
"""
LENET = """\
import torch
import torch.nn.functional as F
from torch import nn

import vizgrad as vg


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 4 * 4, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)


torch.manual_seed(0)
net = LeNet()
x = torch.rand(2, 1, 28, 28)
classes = torch.tensor([3, 8])

with vg.record_torch(net) as trace:
    loss = F.nll_loss(net(x), classes)
    loss.backward()
"""
TWICE = """\
import torch
import torch.nn.functional as F
from torch import nn

import vizgrad as vg

x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
target = torch.tensor([[-3.0], [5.0]])
w1 = nn.Parameter(torch.tensor([[0.5, -1.0], [1.0, 0.25], [-0.5, 1.0]]))
w2 = nn.Parameter(torch.tensor([[1.0, 0.5, -2.0]]))
b2 = nn.Parameter(torch.tensor([0.25]))
optimiser = torch.optim.SGD([w1, w2, b2], lr=0.25)

with vg.record_torch() as trace:
    h = torch.relu(x @ w1.T)
    y = F.linear(h, w2, b2)
    loss = F.mse_loss(y, target)
    loss.backward()
    optimiser.step()
"""
RESNET = """\
import torch
import torch.nn.functional as F
from torch import nn

import vizgrad as vg


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.norm(self.conv(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


torch.manual_seed(0)
net = ResNet18()
optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.rand(2, 3, 96, 96)
classes = torch.tensor([3, 8])

with vg.record_torch(net) as trace:
    loss = F.cross_entropy(net(x), classes)
    loss.backward()
    optimiser.step()
"""
PROGRAMS = {"torch_mlp": MLP, "torch_twice": TWICE, "torch_lenet": LENET, "torch_resnet18": RESNET}


def record(name: str) -> Trace:
    """Run a program, and return what it recorded."""
    source, filename = PROGRAMS[name], f"{name}.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = ModuleType("__main__")
    exec(compile(source, filename, "exec"), vars(module))
    trace: Trace = module.trace
    return trace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="write nothing")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    for name in PROGRAMS:
        trace = record(name)
        if not arguments.smoke:
            print(trace.save(arguments.folder / f"{name}.json"))


if __name__ == "__main__":
    main()
