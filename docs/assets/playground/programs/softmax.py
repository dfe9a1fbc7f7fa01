"""Softmax and cross-entropy: what reaches the scores is p - t."""

import numpy as np

import vizgrad as vg

scores = vg.TensorNode([[2.0, 1.0, 0.0]])
target = [1]  # the second class is the right one
p = vg.softmax(scores)
loss = vg.celoss(p, target)

loss.backward()
# Look at: the gradient of scores. It is p, less one for the right class,
# and its entries add up to 0.
print("p:", p.value.round(4))
print("gradient of scores:", scores.grad.round(4))
print("p - t:", (p.value - np.eye(3)[target]).round(4))
