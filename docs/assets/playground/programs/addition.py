"""One addition passes its gradient on to both terms."""

import vizgrad as vg

a = vg.TensorNode(2.0)
b = vg.TensorNode(3.0)
c = a + b

c.backward()
# Look at: both gradients are 1. Whatever a or b grows by, c grows by the
# same.
print("gradient of a:", a.grad)
print("gradient of b:", b.grad)
