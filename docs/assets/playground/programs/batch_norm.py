"""Batch normalisation: directly, through the mean, through the variance."""

import vizgrad as vg

x = vg.TensorNode([[1.0], [2.0], [6.0]])
mean = x.mean(axis=0)
centred = x - mean
variance = (centred * centred).mean(axis=0)
normal = centred / vg.sqrt(variance + 1e-5)
weights = [[1.0], [-2.0], [0.5]]
loss = (normal * weights).sum()

loss.backward()
# Look at: x waits for two gradients, and centred for three. The entries of
# x.grad add up to 0, because the loss stays as it is when the same number
# is added to all of x.
print("normalised:", normal.value.ravel().round(4))
print("gradient of x:", x.grad.ravel().round(5), "with sum", abs(x.grad.sum()).round(9))
