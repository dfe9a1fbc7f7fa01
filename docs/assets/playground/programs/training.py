"""A training loop, its loss as a curve, and its last step as a graph."""

import numpy as np

import vizgrad as vg

(x, y), _, _ = vg.load_synth(200, 1, seed=1)  # points in the plane, of two classes
rng = np.random.default_rng(0)
net = vg.MLP(2, 2, hidden_size=6, output=vg.logsoftmax, rng=rng)
optimiser = vg.Adam(net.parameters(), lr=0.1)


def step():
    """One step of training; gives the mean loss before it."""
    optimiser.zero_grad()
    loss = vg.logceloss(net(vg.TensorNode(x, requires_grad=False)), y) / len(x)
    loss.backward()
    optimiser.step()
    return loss.item()


# Look at: numbers that are printed again and again under the same name
# become a curve. Try other rates: 0.001, 1.
for epoch in range(80):
    print(f"epoch {epoch}, loss {step():.4f}")

with vg.record():  # the graph shows this step only
    step()
