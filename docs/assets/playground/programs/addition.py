"""One addition passes its gradient on to both terms."""

import vizgrad as vg

a = vg.TensorNode(2.0)
b = vg.TensorNode(3.0)
c = a + b

c.backward()
print("gradient of a:", a.grad)
print("gradient of b:", b.grad)
