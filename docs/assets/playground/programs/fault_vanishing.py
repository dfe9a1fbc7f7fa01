"""Fault: a chain of sigmoids, and a gradient that fades on the way back."""

import vizgrad as vg

x = vg.TensorNode(1.0)
layers = [x]
for _ in range(8):
    layers.append(vg.sigmoid(layers[-1]))
loss = layers[-1]

loss.backward()
# Look at: each sigmoid multiplies the gradient by its slope, which is 1/4
# at most. Replace vg.sigmoid by vg.tanh or vg.relu, and compare the curves.
for depth, layer in reversed(list(enumerate(layers))):
    print(f"layer {depth}, gradient {layer.grad.item():.8f}")
