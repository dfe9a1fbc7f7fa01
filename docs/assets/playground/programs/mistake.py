"""Fault: one factor of a matrix product is turned over. Run it, read what is said, and mend it."""

import vizgrad as vg

x = vg.TensorNode([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
w = vg.TensorNode([[0.1, 0.3, -0.5], [-0.2, 0.4, 0.6]])
hidden = vg.tanh(x)
y = hidden @ w  # Look at: the shapes. Which of the two has to be turned over?
loss = y.sum()

loss.backward()
