"""Fault: one factor of a matrix product is turned over."""

import vizgrad as vg

x = vg.TensorNode([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
w = vg.TensorNode([[0.1, 0.3, -0.5], [-0.2, 0.4, 0.6]])
hidden = vg.tanh(x)
y = hidden @ w  # Look at: the two shapes.
loss = y.sum()

loss.backward()
