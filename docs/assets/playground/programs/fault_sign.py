"""Fault: a sign is lost in a backward, and nothing looks wrong."""

import vizgrad as vg


class Quotient(vg.Op):
    """a / b, entry by entry."""

    @staticmethod
    def forward(context, a, b):
        context["a"], context["b"] = a, b
        return a / b

    @staticmethod
    def backward(context, go):
        a, b = context["a"], context["b"]
        return go / b, go * a / b**2


a, b = vg.TensorNode(6.0), vg.TensorNode(2.0)
loss = Quotient.do_forward(a, b)
loss.backward()
print("gradient of b:", b.grad, "although a larger b makes a / b smaller")

# Look at: what the check says of b. It compares with what a small nudge of
# each input really does.
vg.check_op(Quotient, [("n",), ("n",)])
