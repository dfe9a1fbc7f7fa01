"""Fault: the logarithm of a probability that is exactly zero."""

import vizgrad as vg

p = vg.TensorNode([[0.7, 0.3, 0.0]])  # a network that is quite sure, and wrong
t = [[0.0, 1.0, 0.0]]
loss = -(vg.log(p) * t).sum()

loss.backward()
# Look at: the note names the line where the infinity is made. It becomes
# nan one step later, as 0 * inf. Use vg.logsoftmax on the scores instead:
# it never computes the logarithm of a zero.
print("loss:", loss.value)
