"""A bias that is stretched over three rows."""

import vizgrad as vg

x = vg.TensorNode([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
bias = vg.TensorNode([0.5, -0.5])  # one bias for each column
y = (x + bias) ** 2
loss = y.sum()

loss.backward()
# Look at: the gradient of bias is a sum over the rows, because all three of
# them use it.
print("gradient of bias:", bias.grad)
