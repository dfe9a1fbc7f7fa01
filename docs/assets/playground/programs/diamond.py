"""What is used twice receives two gradients."""

import vizgrad as vg

a = vg.TensorNode(0.8)
s = a * a
o = 3 * s * vg.sin(s)

o.backward()
print("gradient of a:", a.grad)
