"""What is used twice receives two gradients."""

import vizgrad as vg

a = vg.TensorNode(0.8)
s = a * a
o = 3 * s * vg.sin(s)

o.backward()
# Look at: s waits until both of its gradients are there, and passes on
# their sum. So does a, which a * a uses twice.
print("gradient of a:", a.grad)
