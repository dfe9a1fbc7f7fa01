"""Programs in the style of the course's small library: only their import was changed, and they must run as before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import vizgrad as vg
from tests.strategies import normal

STEP = 1e-6


def numeric_gradient(loss: Callable[[], vg.TensorNode], leaf: vg.TensorNode) -> np.ndarray:
    """Finite differences as the course takes them: an entry is changed in place, and the loss computed again."""
    gradient = np.zeros(leaf.size())
    for place in np.ndindex(leaf.size()):
        before = leaf.value[place]
        leaf.value[place] = before + STEP
        right = loss()
        leaf.value[place] = before - STEP
        left = loss()
        leaf.value[place] = before
        gradient[place] = (right.value.item() - left.value.item()) / (2 * STEP)
        right.clear()
        left.clear()
    return gradient


def check_gradients(loss: Callable[[], vg.TensorNode], *leaves: vg.TensorNode) -> None:
    top = loss()
    top.backward()
    for leaf in leaves:
        np.testing.assert_allclose(leaf.grad, numeric_gradient(loss, leaf), rtol=1e-6, atol=1e-8)
    top.zero_grad()
    top.clear()
    for leaf in leaves:
        np.testing.assert_array_equal(leaf.grad, np.zeros(leaf.size()))


# --- single ops ------------------------------------------------------------------------------------------------------


def test_a_sum():
    x = vg.TensorNode(normal(1, (2, 3)))
    check_gradients(lambda: vg.Sum.do_forward(x), x)


def test_a_sum_of_sigmoids():
    x = vg.TensorNode(normal(2, (2, 3)))
    check_gradients(lambda: vg.Sum.do_forward(vg.Sigmoid.do_forward(x)), x)


def test_a_sum_of_sigmoids_of_a_matrix_times_itself():
    x = vg.TensorNode(normal(3, (3, 3)))
    check_gradients(lambda: vg.Sum.do_forward(vg.Sigmoid.do_forward(vg.MatrixMultiply.do_forward(x, x))), x)


def test_a_softmax_made_of_exp_and_normalize():
    x, weights = vg.TensorNode(normal(4, (3, 4))), vg.TensorNode(normal(5, (3, 4)))

    def loss():
        distribution = vg.Normalize.do_forward(vg.Exp.do_forward(x))
        np.testing.assert_allclose(distribution.value.sum(axis=1), 1.0)
        return vg.Sum.do_forward(vg.Multiply.do_forward(distribution, weights))

    check_gradients(loss, x, weights)


def test_the_other_ops_of_the_course():
    x, y = vg.TensorNode(np.abs(normal(6, (3, 4))) + 0.5), vg.TensorNode(normal(7, (1, 4)))

    def loss():
        stretched = vg.Expand.do_forward(y, dim=0, repeats=3)
        mixed = vg.Sub.do_forward(vg.Log.do_forward(x), vg.Add.do_forward(stretched, vg.Id.do_forward(x)))
        rows = vg.Multiply.do_forward(vg.RowMax.do_forward(mixed), vg.RowSum.do_forward(mixed))
        picked = vg.Select.do_forward(mixed, indices=np.array([0, 3, 1]))
        column = vg.Squeeze.do_forward(vg.Unsqueeze.do_forward(rows + picked, dim=1), dim=1)
        return vg.Sum.do_forward(column)

    check_gradients(loss, x, y)


def test_row_max_and_row_sum_keep_the_shape_under_one_name():
    context, x = {}, normal(8, (2, 3))
    vg.RowMax.forward(context, x)
    np.testing.assert_array_equal(vg.RowSum.backward(context, np.array([1.0, 2.0])), [[1, 1, 1], [2, 2, 2]])


# --- graphs ----------------------------------------------------------------------------------------------------------
# The same leaf reaches the loss on several paths. Each graph is a polynomial in x, whose derivative is known.


def diamond(x):
    left, right = vg.Id.do_forward(x), vg.Id.do_forward(x)
    return vg.Multiply.do_forward(left, right)


def lopsided_diamond(x):
    left = x
    for _ in range(4):
        left = vg.Id.do_forward(left)
    return vg.Multiply.do_forward(left, x)


def product_with_itself(x):
    return vg.Multiply.do_forward(x, x)


def sum_with_itself(x):
    return vg.Add.do_forward(x, x)


def diamond_on_a_diamond(x):
    return diamond(diamond(x))


def diamonds_side_by_side(x):
    return vg.Add.do_forward(diamond(x), lopsided_diamond(x))


def diamond_inside_a_diamond(x):
    return vg.Multiply.do_forward(diamond(x), vg.Id.do_forward(x))


def crossed_diamonds(x):
    left, right = vg.Id.do_forward(x), vg.Multiply.do_forward(x, x)
    low, high = vg.Add.do_forward(left, right), vg.Multiply.do_forward(left, right)
    return vg.Multiply.do_forward(low, high)


GRAPHS = {
    diamond: lambda x: 2 * x,
    lopsided_diamond: lambda x: 2 * x,
    product_with_itself: lambda x: 2 * x,
    sum_with_itself: lambda x: 2,
    diamond_on_a_diamond: lambda x: 4 * x**3,
    diamonds_side_by_side: lambda x: 4 * x,
    diamond_inside_a_diamond: lambda x: 3 * x**2,
    crossed_diamonds: lambda x: 4 * x**3 + 5 * x**4,
}
every_graph = pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.__name__)


@every_graph
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize("number", [0.8, -1.5])
def test_a_graph_of_one_number(graph, shape, number):
    x = vg.TensorNode(np.full(shape, number))
    out = graph(x)
    out.backward()
    np.testing.assert_allclose(x.grad, np.full(shape, GRAPHS[graph](number)), rtol=1e-12)
    assert out.grad.item() == 1.0


@every_graph
def test_a_graph_of_many_numbers(graph):
    x = vg.TensorNode(normal(9, (2, 3)))
    check_gradients(lambda: vg.Sum.do_forward(graph(x)), x)


def test_intermediate_tensors_keep_their_gradients():
    a, b = vg.TensorNode(np.array([2.0])), vg.TensorNode(np.array([3.0]))
    product = a * b
    total = product + a
    total.backward()
    assert (product.grad.item(), total.grad.item()) == (1.0, 1.0)
    assert (a.grad.item(), b.grad.item()) == (4.0, 2.0)
    assert product.source.op is vg.Multiply
    assert product.source.inputs[0] is a
    assert product.source.outputs[0] is product


@pytest.mark.parametrize("method", ["zero_grad", "clear"])
def test_cleaning_up_before_any_backward(method):
    x = vg.TensorNode(value=normal(10, (2, 2)))
    getattr(x, method)()
    out = vg.Sum.do_forward(diamond(x))
    getattr(out, method)()
    np.testing.assert_array_equal(x.grad, np.zeros((2, 2)))
    vg.Sum.do_forward(diamond(x)).backward()
    np.testing.assert_allclose(x.grad, 2 * x.value)


# --- training --------------------------------------------------------------------------------------------------------


def test_an_mlp_whose_parameter_is_changed_in_place_after_backward():
    net = vg.MLP(input_size=3, output_size=2, rng=np.random.default_rng(11))
    samples, targets = vg.TensorNode(normal(12, (5, 3))), np.array([0, 1, 1, 0, 1])
    probabilities = net(samples)
    assert probabilities.size() == (5, 2)
    np.testing.assert_allclose(probabilities.value.sum(axis=1), 1.0)

    loss = vg.celoss(probabilities, targets)
    loss.backward()
    for parm in net.parameters():
        place = tuple(np.zeros(len(parm.size()), int))
        parm.value[place] += STEP
        changed = vg.celoss(net(samples), targets)
        parm.value[place] -= STEP
        assert (changed.value - loss.value) / STEP == pytest.approx(parm.grad[place], rel=1e-4, abs=1e-5)
    loss.zero_grad()
    loss.clear()


class Layers(vg.Module):
    """A network as students write it: parameters collected by hand, nothing registered."""

    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        rng = np.random.default_rng(13)
        self.w1 = vg.TensorNode(rng.standard_normal((hidden_size, input_size)) * 0.5)
        self.b1 = vg.TensorNode(np.zeros((1, hidden_size)))
        self.layer2 = vg.Linear(hidden_size, output_size, rng)

    def forward(self, batch):
        assert len(batch.size()) == 2
        n = batch.size()[0]
        hidden = vg.BatchMM.do_forward(self.w1, batch) + vg.Expand.do_forward(self.b1, dim=0, repeats=n)
        return vg.logsoftmax(self.layer2(vg.sigmoid(hidden)))

    def parameters(self):
        return [self.w1, self.b1, *self.layer2.parameters()]


def test_a_training_loop_as_in_the_course():
    (xtrain, ytrain), (xval, yval), classes = vg.load_synth(num_train=600, num_val=200, seed=14)
    net = Layers(xtrain.shape[1], 16, classes)
    assert [parm.size() for parm in net.parameters()] == [(16, 2), (1, 16), (2, 16), (2,)]

    def accuracy():
        outputs = net(vg.TensorNode(xval))
        correct = (np.argmax(outputs.value, axis=1) == yval).mean()
        outputs.clear()  # no backward: the graph is only thrown away
        return correct

    before, losses = accuracy(), []
    for _ in range(40):
        total = 0.0
        for start in range(0, len(xtrain), 50):
            batch, targets = vg.TensorNode(xtrain[start : start + 50]), ytrain[start : start + 50]
            loss = vg.logceloss(net(batch), targets)
            total += loss.value
            loss.backward()
            for parm in net.parameters():
                parm.value -= 0.02 * parm.grad
            loss.zero_grad()
            loss.clear()
        losses.append(float(total))
    assert losses[-1] < 0.5 * losses[0]
    assert accuracy() > max(before, 0.9)


def test_a_training_loop_steps_where_plain_numpy_steps():
    (x, y), _, classes = vg.load_synth(num_train=60, num_val=1, seed=15)
    w = vg.TensorNode(normal(16, (classes, 2)))
    weights = w.value.copy()
    for _ in range(5):
        loss = vg.logceloss(vg.logsoftmax(vg.BatchMM.do_forward(w, vg.TensorNode(x))), y)
        loss.backward()
        w.value -= 0.01 * w.grad
        loss.zero_grad()
        loss.clear()

        scores = np.exp(x @ weights.T)
        errors = scores / scores.sum(axis=1, keepdims=True) - np.eye(classes)[y]
        weights -= 0.01 * errors.T @ x
    np.testing.assert_allclose(w.value, weights, rtol=1e-10)


class Cube(vg.Op):
    """An op as a student writes it for the assignment."""

    @staticmethod
    def forward(context, x):
        context["x"] = x
        return x * x * x

    @staticmethod
    def backward(context, goutput):
        x = context["x"]
        return 3 * x * x * goutput


def test_an_op_of_ones_own():
    x = vg.TensorNode(normal(17, (2, 2)))
    check_gradients(lambda: vg.Sum.do_forward(Cube.do_forward(x)), x)
