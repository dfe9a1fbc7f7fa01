"""The course's mini library, from the folder of its package that the variable COURSE_LIBRARY names."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np

_folder = Path(os.environ["COURSE_LIBRARY"]).resolve()
sys.path.append(str(_folder.parent))
course = importlib.import_module(_folder.name)


def op(name):
    """One of its ops."""
    return getattr(course, name, None) or getattr(course.ops, name)


class MLP:
    """Linear, sigmoid, linear, log-softmax; the loss is summed over the batch. Layers as the library writes them."""

    def __init__(self, weights, batches, rate):
        w1, b1, w2, b2 = (array.copy() for array in weights)
        self.parameters = [course.TensorNode(array) for array in (w1, b1[None, :], w2, b2[None, :])]
        self.batches, self.rate = batches, rate

    @staticmethod
    def linear(x, w, b):
        product = op("BatchMM").do_forward(w, x)
        return product + op("Expand").do_forward(b, dim=0, repeats=product.size()[0])

    def step(self, number):
        x, labels = self.batches[number % len(self.batches)]
        w1, b1, w2, b2 = self.parameters
        hidden = course.sigmoid(self.linear(course.TensorNode(x), w1, b1))
        loss = course.logceloss(course.logsoftmax(self.linear(hidden, w2, b2)), labels)
        loss.backward()
        for parameter in self.parameters:
            parameter.value -= self.rate * parameter.grad
        found = float(loss.value)
        loss.zero_grad()
        loss.clear()
        return found

    def weights(self):
        return [parameter.value.squeeze() for parameter in self.parameters]


class Chain:
    """x * w * w * w ..., its sum, and the gradient of w: forward, backward, freeing."""

    def __init__(self, w, depth):
        self.w, self.depth = w, depth

    def stages(self):
        w, x = course.TensorNode(self.w), course.TensorNode(np.ones_like(self.w))
        for _ in range(self.depth):
            x = x * w
        loss = op("Sum").do_forward(x)
        yield
        loss.backward()
        self.found = [w.grad.copy(), np.array(float(loss.value))]
        yield
        loss.zero_grad()
        loss.clear()
        del x, loss
        yield

    def weights(self):
        return self.found
