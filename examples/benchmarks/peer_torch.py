"""PyTorch on the CPU, as its users write it."""

from __future__ import annotations

import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


class _Training:
    def __init__(self, weights, batches, rate):
        self.net = self.build(weights)
        with torch.no_grad():
            for parameter, array in zip(self.net.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(array))
        self.optimiser = torch.optim.SGD(self.net.parameters(), lr=rate)
        self.batches = [(torch.from_numpy(x), torch.from_numpy(labels)) for x, labels in batches]

    def step(self, number):
        x, labels = self.batches[number % len(self.batches)]
        loss = self.loss(self.net(x), labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def weights(self):
        return [parameter.detach().numpy() for parameter in self.net.parameters()]


class MLP(_Training):
    """Linear, sigmoid, linear, log-softmax; the loss is summed over the batch."""

    loss = nn.NLLLoss(reduction="sum")

    def build(self, weights):
        (hidden, inputs), outputs = weights[0].shape, len(weights[3])
        layers = nn.Linear(inputs, hidden), nn.Sigmoid(), nn.Linear(hidden, outputs), nn.LogSoftmax(dim=1)
        return nn.Sequential(*layers).to(torch.from_numpy(weights[0]).dtype)


class LeNet(_Training):
    """Two convolutions with ReLU and pooling, three linear layers; the loss is the mean over the batch."""

    loss = nn.CrossEntropyLoss()

    def build(self, weights):
        return nn.Sequential(
            *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        ).to(torch.from_numpy(weights[0]).dtype)


class Chain:
    """x * w * w * w ..., its sum, and the gradient of w: forward, backward, freeing."""

    def __init__(self, w, depth):
        self.w, self.depth = torch.from_numpy(w), depth

    def stages(self):
        w, x = self.w.clone().requires_grad_(), torch.ones_like(self.w, requires_grad=True)
        for _ in range(self.depth):
            x = x * w
        loss = x.sum()
        yield
        loss.backward()
        self.found = [w.grad.numpy(), np.array(loss.item())]
        yield
        del x, loss
        yield

    def weights(self):
        return self.found
