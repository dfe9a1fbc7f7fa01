"""A matrix product, and the two of its backward."""

import vizgrad as vg

x = vg.TensorNode([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
w = vg.TensorNode([[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]])
y = x @ w
loss = y.sum()

loss.backward()
# Look at: the two products on the way back. Each has the gradient of y, and
# the other factor turned over.
print("gradient of x:\n", x.grad)
print("gradient of w:\n", w.grad)
