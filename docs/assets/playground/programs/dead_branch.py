"""A branch that leads nowhere sends no gradient."""

import vizgrad as vg

w = vg.TensorNode(3.0)
v = vg.TensorNode(2.0)
x = w * v
dead = x + v  # Look at: it is computed, but the loss does not depend on it, and nobody waits for a gradient from it.
loss = x * v

loss.backward()
print("gradient of v:", v.grad)
