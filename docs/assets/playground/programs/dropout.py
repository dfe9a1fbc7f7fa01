"""Dropout: what was set to zero gets no gradient."""

import numpy as np

import vizgrad as vg

rng = np.random.default_rng(7)
x = vg.TensorNode([[0.5, 1.5, -1.0, 2.0], [1.0, -0.5, 2.5, 0.3]])
kept = vg.dropout(x, p=0.5, rng=rng)
loss = (kept * kept).sum()

loss.backward()
# Look at: kept and x.grad are zero in the same places. What is kept is
# doubled, so that the mean stays what it was.
print("kept:\n", kept.value)
print("gradient of x:\n", x.grad)
