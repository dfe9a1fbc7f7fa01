"""A branch that leads nowhere sends no gradient."""

import vizgrad as vg

w = vg.TensorNode(3.0)
v = vg.TensorNode(2.0)
x = w * v
# Look at: dead is computed, but the loss does not depend on it, and nobody
# waits for a gradient from it.
dead = x + v
loss = x * v

loss.backward()
print("gradient of v:", v.grad)
