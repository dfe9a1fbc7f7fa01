"""An operation of your own, checked before it is used."""

import numpy as np

import vizgrad as vg


class Swish(vg.Op):
    """x times its sigmoid."""

    @staticmethod
    def forward(context, x):
        context["x"] = x
        return x / (1 + np.exp(-x))

    @staticmethod
    def backward(context, go):
        s = 1 / (1 + np.exp(-context["x"]))
        return go * (s + context["x"] * s * (1 - s))


vg.check_op(Swish, [("n", "m")])  # stops here with an explanation if backward does not fit forward

x = vg.TensorNode([-2.0, 0.0, 2.0])
y = Swish.do_forward(x)
loss = y.sum()

loss.backward()
# Look at: change a sign in backward, and run again. The check says what is
# wrong, and what it may come from.
print("gradient of x:", x.grad.round(4))
