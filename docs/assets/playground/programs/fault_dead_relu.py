"""Fault: a bias far below zero, and a unit that can never learn again."""

import vizgrad as vg

x = vg.TensorNode([[0.5, 1.0], [1.5, -0.5], [-1.0, 2.0]], requires_grad=False)
w = vg.TensorNode([[1.0, 0.5], [0.5, 1.0]])
bias = vg.TensorNode([0.1, -5.0])
z = x @ w + bias
y = vg.relu(z)
loss = (y * y).sum()

loss.backward()
# Look at: the second column of z. It is below zero for every row of x, so
# the gate of relu is shut for every row. The second column of w and the
# second bias get exactly 0: no step of training will ever move them.
print("z:\n", z.value)
print("gradient of w:\n", w.grad)
print("gradient of bias:", bias.grad)
