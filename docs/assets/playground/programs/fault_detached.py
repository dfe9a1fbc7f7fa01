"""Fault: a value is taken out of the graph, and the way back ends there."""

import vizgrad as vg

w = vg.TensorNode(2.0)
v = vg.TensorNode(3.0)
hidden = w * w
# Look at: copy is a new leaf with the same number. Mend it by using hidden
# itself.
copy = vg.TensorNode(hidden.value)
loss = copy * v

loss.backward()
print("gradient of v:", v.grad)
print("gradient of w:", w.grad, "although the loss depends on w")
