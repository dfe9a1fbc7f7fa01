"""vizgrad, as its users write it."""

from __future__ import annotations

import numpy as np

import vizgrad as vg


class MLP:
    """Linear, sigmoid, linear, log-softmax; the loss is summed over the batch."""

    def __init__(self, weights, batches, rate):
        w1 = weights[0]
        self.net = vg.MLP(w1.shape[1], len(weights[3]), len(w1), output=vg.logsoftmax, dtype=w1.dtype)
        for parameter, array in zip(self.net.parameters(), weights, strict=True):
            parameter.value = array.copy()
        self.optimiser = vg.SGD(self.net.parameters(), lr=rate)
        self.batches = batches

    def step(self, number):
        x, labels = self.batches[number % len(self.batches)]
        loss = vg.logceloss(self.net(vg.TensorNode(x, requires_grad=False)), labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def weights(self):
        return [parameter.value for parameter in self.net.parameters()]


class LeNet:
    """Two convolutions with ReLU and pooling, three linear layers; the loss is the mean over the batch."""

    def __init__(self, weights, batches, rate):
        self.parameters = [vg.TensorNode(array.copy()) for array in weights]
        self.optimiser = vg.SGD(self.parameters, lr=rate)
        self.batches = batches

    def step(self, number):
        images, labels = self.batches[number % len(self.batches)]
        k1, c1, k2, c2, w1, b1, w2, b2, w3, b3 = self.parameters
        x = vg.TensorNode(images, requires_grad=False)
        x = vg.max_pool2d(vg.relu(vg.conv2d(x, k1, c1)), 2)
        x = vg.max_pool2d(vg.relu(vg.conv2d(x, k2, c2)), 2)
        x = x.reshape(len(images), -1)
        x = vg.relu(vg.linear(x, w1, b1))
        x = vg.relu(vg.linear(x, w2, b2))
        loss = vg.cross_entropy(vg.linear(x, w3, b3), labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def weights(self):
        return [parameter.value for parameter in self.parameters]


class Chain:
    """x * w * w * w ..., its sum, and the gradient of w: forward, backward, freeing."""

    def __init__(self, w, depth):
        self.w, self.depth = w, depth

    def stages(self):
        w, x = vg.TensorNode(self.w), vg.TensorNode(np.ones_like(self.w))
        for _ in range(self.depth):
            x = x * w
        loss = x.sum()
        yield
        loss.backward()
        self.found = [w.grad, np.array(loss.item())]
        yield
        del x, loss
        yield

    def weights(self):
        return self.found
