"""Attention: three words, each of which looks at all three."""

import numpy as np

import vizgrad as vg

rng = np.random.default_rng(0)
words = vg.TensorNode(rng.normal(size=(3, 4)).round(1), requires_grad=False)  # three words, four numbers each
to_query, to_key, to_value = (vg.TensorNode(rng.normal(size=(4, 2)).round(1), name=name) for name in ("q", "k", "v"))

query, key, value = words @ to_query, words @ to_key, words @ to_value
scores = query @ key.T / np.sqrt(2.0)
weights = vg.softmax(scores)  # each row says how much one word takes from each word
mixed = weights @ value
loss = (mixed * mixed).sum()

loss.backward()
# Look at: the gradient of scores. Each of its rows adds up to 0: attention
# given to one word is taken from the others.
print("weights:\n", weights.value.round(3))
print("gradient of scores:\n", scores.grad.round(4))
