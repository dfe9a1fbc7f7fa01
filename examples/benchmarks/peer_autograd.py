"""autograd, which differentiates functions that are written in NumPy."""

from __future__ import annotations

import autograd.numpy as np
from autograd import make_vjp, value_and_grad
from autograd.scipy.special import logsumexp


class MLP:
    """Linear, sigmoid, linear, log-softmax; the loss is summed over the batch."""

    def __init__(self, weights, batches, rate):
        self.parameters = [array.copy() for array in weights]
        self.batches, self.rate = batches, rate
        self.gradients = value_and_grad(self.loss)

    @staticmethod
    def loss(parameters, x, labels):
        w1, b1, w2, b2 = parameters
        hidden = 1 / (1 + np.exp(-(np.dot(x, w1.T) + b1)))
        scores = np.dot(hidden, w2.T) + b2
        log_probabilities = scores - logsumexp(scores, axis=1, keepdims=True)
        return -np.sum(log_probabilities[np.arange(len(x)), labels])

    def step(self, number):
        loss, gradients = self.gradients(self.parameters, *self.batches[number % len(self.batches)])
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter -= self.rate * gradient
        return float(loss)

    def weights(self):
        return self.parameters


class Chain:
    """x * w * w * w ..., its sum, and the gradient of w: forward, backward, freeing."""

    def __init__(self, w, depth):
        self.w, self.depth = w, depth

    def stages(self):
        def product(inputs):
            w, x = inputs
            for _ in range(self.depth):
                x = x * w
            return np.sum(x)

        back, loss = make_vjp(product)((self.w, np.ones_like(self.w)))
        yield
        gradient, _ = back(1.0)
        self.found = [gradient, np.array(float(loss))]
        yield
        del back
        yield

    def weights(self):
        return self.found
