"""Fault: an array is changed after it was used, and before the backward that needs it."""

import vizgrad as vg

x = vg.TensorNode([1.0, 2.0, 3.0])
y = x * x
x.value += 10.0  # Look at: x * x has kept this very array for its backward. Mend it by moving this line to the end.
loss = y.sum()

loss.backward()
