"""Fault: a bias is stretched over the rows, and nobody adds them up again."""

import vizgrad as vg


class AddBias(vg.Op):
    """x + bias, with one bias for each column."""

    @staticmethod
    def forward(context, x, bias):
        return x + bias

    @staticmethod
    def backward(context, go):
        # Look at: the shape. Mend it with go.sum(axis=0) for the bias,
        # which all rows have used.
        return go, go


x = vg.TensorNode([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
bias = vg.TensorNode([0.5, -0.5])
loss = AddBias.do_forward(x, bias).sum()

loss.backward()
