"""Fault: an array is changed before the backward that needs it."""

import vizgrad as vg

x = vg.TensorNode([1.0, 2.0, 3.0])
y = x * x
# Look at: x * x has kept this very array for its backward. Mend it by
# moving the next line to the end.
x.value += 10.0
loss = y.sum()

loss.backward()
