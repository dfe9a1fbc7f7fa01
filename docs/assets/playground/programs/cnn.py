"""A small convolutional network learns to read digits."""

import numpy as np

import vizgrad as vg

(x, y), (x_test, y_test), _ = vg.load_digits(flatten=False)  # 8 x 8 pixels, from 0 to 16
x, x_test = x[:, None] / 16, x_test[:, None] / 16  # one channel
rng = np.random.default_rng(0)
net = vg.Sequential(
    vg.Conv2d(1, 4, 3, rng=rng), vg.nn.ReLU(), vg.MaxPool2d(2), vg.Flatten(), vg.Linear(36, 10, rng=rng)
)
optimiser = vg.Adam(net.parameters(), lr=0.05)


def step(images, labels):
    """One step of training; gives the mean loss before it."""
    optimiser.zero_grad()
    loss = vg.cross_entropy(net(vg.TensorNode(images, requires_grad=False)), labels)
    loss.backward()
    optimiser.step()
    return loss.item()


def accuracy():
    """The share of the test images that are read correctly."""
    with vg.no_grad():
        return (net(vg.TensorNode(x_test)).value.argmax(axis=1) == y_test).mean()


# Look at: the loss falls quickly, the accuracy follows. The graph shows one
# more step, on four images, with the kernels and their gradients.
for i in range(41):
    batch = rng.integers(len(x), size=32)
    loss = step(x[batch], y[batch])
    if i % 4 == 0:
        print(f"step {i}, loss {loss:.3f}, accuracy {accuracy():.3f}")

with vg.record():
    step(x[:4], y[:4])
