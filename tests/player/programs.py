"""Programs that the tests of the player run."""

DIAMOND = """\
import vizgrad as vg

a = vg.TensorNode(0.8)
s = a * a
o = 3 * s * vg.sin(s)
o.backward()
"""
WAIT = 9  # the step of DIAMOND at which s has one of two gradients
SQUARE = """\
import vizgrad as vg

a = vg.TensorNode(3.0)
b = a * a
b.backward()
"""
MATRICES = """\
import vizgrad as vg

a = vg.TensorNode([[1.0, -2.0], [3.0, 4.0]])
b = vg.TensorNode([[5.0, 6.0]])
loss = ((a + b) @ a).sum()
loss.backward()
"""
TRAINING = """\
import numpy as np
import vizgrad as vg

x = vg.TensorNode(np.ones((3, 2)), requires_grad=False)
w = vg.TensorNode([[0.5, 0.1], [-0.5, 0.2]])
opt = vg.SGD([w], lr=0.1)
for i in range(2):
    loss = (vg.tanh(x @ w) ** 2).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
TWICE = """\
import vizgrad as vg

a = vg.TensorNode(3.0)
loss = a * a
loss.backward()
loss.backward()
"""
DEAD_BRANCH = """\
import vizgrad as vg

w = vg.TensorNode(3.0)
v = vg.TensorNode(2.0)
x = w * v
dead = x + v
loss = x * v
loss.backward()
"""
HALF_PRECISION = """\
import numpy as np
import vizgrad as vg

a = vg.TensorNode(np.array([0.1, 0.2], np.float16))
(a * a).sum().backward()
"""
FAILING = """\
import vizgrad as vg

x = vg.TensorNode([1.0, 2.0])
y = x * vg.TensorNode([1.0, 2.0, 3.0])
"""
UPDATE = """\
import vizgrad as vg

w = vg.TensorNode(3.0)
loss = w * w
loss.backward()
vg.SGD([w], lr=0.1).step()
"""
OWN_OP = """\
import vizgrad as vg

class Cube(vg.Op):
    @staticmethod
    def forward(context, x):
        context["x"] = x
        return x ** 3

    @staticmethod
    def backward(context, go):
        return go * 3 * context["x"] ** 2

x = vg.TensorNode(2.0)
y = Cube.do_forward(x)
y.backward()
"""
LARGE = """\
import numpy as np
import vizgrad as vg

w = vg.TensorNode(np.linspace(-1, 1, 600).reshape(20, 30))
v = vg.TensorNode(np.ones((100, 100)))
(w * w).sum().backward()
(v * v).sum()
"""
NETWORK = """\
import numpy as np
import vizgrad as vg

net = vg.MLP(64, 3, hidden_size=8, rng=np.random.default_rng(0))
x = vg.TensorNode(np.ones((4, 64)))
loss = net(x).sum()
loss.backward()
"""
LONG = """\
import vizgrad as vg

x = vg.TensorNode(0.5)
y = x
for i in range(400):
    y = vg.sin(y) * x
y.backward()
"""
# The name of everything is filled in: of tensors, of an op, of a context entry, in the source, the output, the error.
HOSTILE = """\
import vizgrad as vg

name = {name!r}
class Odd(vg.Op):
    symbol = name

    @staticmethod
    def forward(context, x):
        context[name] = 1
        return x * 2

    @staticmethod
    def backward(context, go):
        return go * 2

Odd.__name__ = printable = name.encode("utf-8", "replace").decode()
a = vg.TensorNode(2.0, name=name)
b = Odd.do_forward(a) * vg.TensorNode(3.0, name=name)
b.backward()
print(printable)
raise ValueError(name)
"""
