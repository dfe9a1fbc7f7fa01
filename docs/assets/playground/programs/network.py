"""A network with two layers, and one step of training."""

import numpy as np

import vizgrad as vg

# Exclusive or: class 1 where just one of the inputs is 1.
points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
labels = np.array([0, 1, 1, 0])

x = vg.TensorNode(points, requires_grad=False)
rng = np.random.default_rng(1)
net = vg.MLP(2, 2, hidden_size=4, output=vg.logsoftmax, rng=rng)
optimiser = vg.SGD(net.parameters(), lr=0.2)

loss = vg.logceloss(net(x), labels)
loss.backward()
optimiser.step()
# Look at: the last steps of the graph. They change each weight a little
# against its gradient.
print("loss:", loss.item())
