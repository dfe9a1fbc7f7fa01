"""What other libraries of this kind get wrong or refuse, asked of this one: a right answer or an explained error.

PyTorch says what is right. An error must be one of vizgrad's own, and say what happened, where, why and what to do.
"""

from __future__ import annotations

import gc
import re
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

import vizgrad as vg
from tests.strategies import normal
from vizgrad.core import needs_grad

X, Y = normal(1, (2, 2)), np.abs(normal(2, (2, 2))) + 0.5


def leaves(*arrays: Any) -> tuple[list[vg.TensorNode], list[torch.Tensor]]:
    return (
        [vg.TensorNode(np.array(array, float)) for array in arrays],
        [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays],
    )


def agrees_with_torch(compute: Callable[..., Any], *arrays: Any, reference: Any = None) -> None:
    """The sum of what is computed has the value and the gradients that it has in PyTorch."""
    here, there = leaves(*arrays)
    out, expected = compute(*here), (reference or compute)(*there)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=1e-10, atol=1e-14)
    out.sum().backward()
    expected.sum().backward()
    for node, tensor in zip(here, there, strict=True):
        np.testing.assert_allclose(node.grad, tensor.grad.numpy(), rtol=1e-10, atol=1e-14)


@contextmanager
def explained(error: type[Exception], *words: str) -> Iterator[None]:
    """The block raises this error, whose message says what, where, why and what to do."""
    with pytest.raises(error) as caught:
        yield
    text = str(caught.value)
    assert isinstance(caught.value, vg.VizgradError)
    assert re.match(r"\S.*\n  where: line \d+ of test_probes\.py.*\n  why:   .*\n  do:    ", text)
    for word in words:
        assert word in text


# --- 0, a, b: which gradients arrive ---------------------------------------------------------------------------------


def test_0_sum_of_a_product():
    agrees_with_torch(lambda x, y: x * y, X, Y)


def test_0_a_tensor_used_twice():
    agrees_with_torch(lambda x: x * x, X)


def test_a1_a_leaf_that_is_also_used_in_a_dead_branch():
    x, y = vg.TensorNode(X), vg.TensorNode(Y)
    dead = x * y
    loss = (x * x).sum()
    loss.backward()
    np.testing.assert_allclose(x.grad, 2 * X)
    np.testing.assert_array_equal(y.grad, np.zeros((2, 2)))
    np.testing.assert_array_equal(dead.grad, np.zeros((2, 2)))


def test_a2_an_intermediate_that_is_also_used_in_a_dead_branch():
    w, v = vg.TensorNode(3.0), vg.TensorNode(2.0)
    x = w * v
    dead = x + v
    loss = x * v
    loss.backward()
    assert (float(w.grad), float(v.grad)) == (4.0, 12.0)
    assert float(dead.grad) == 0.0


@pytest.mark.parametrize("length", [1, 2, 30])
def test_a2_a_dead_branch_may_be_long_and_meet_the_living_one(length):
    w = vg.TensorNode(0.5)
    x = w * 2.0
    dead = x
    for _ in range(length):
        dead = dead * x + w
    (x * x * w).backward()  # 4 w**3
    assert float(w.grad) == pytest.approx(12 * 0.25)


def test_a3_the_result_itself_is_used_again_before_backward():
    x = vg.TensorNode(X)
    loss = (x * x).sum()
    later = loss * 3.0
    loss.backward()
    np.testing.assert_allclose(x.grad, 2 * X)
    np.testing.assert_array_equal(later.grad, 0.0)


PRODUCTS = {"b1": lambda x: x, "b2": lambda x: x * x, "b3": lambda x: x * x * x * x}


@pytest.mark.parametrize("compute", PRODUCTS.values(), ids=PRODUCTS)
def test_b_a_second_walk_through_a_graph_is_refused(compute):
    x = vg.TensorNode(X)
    loss = compute(x).sum()
    loss.backward()
    once = x.grad.copy()
    with explained(vg.GraphError, "second time", "retain_graph=True"):
        loss.backward()
    np.testing.assert_array_equal(x.grad, once)


@pytest.mark.parametrize("compute", PRODUCTS.values(), ids=PRODUCTS)
def test_b_a_retained_graph_can_be_walked_again_and_leaves_accumulate(compute):
    (x,), (tensor,) = leaves(X)
    loss, expected = compute(x).sum(), compute(tensor).sum()
    for _ in range(3):
        loss.backward(retain_graph=True)
        expected.backward(retain_graph=True)
        np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-12)
    loss.backward()
    with explained(vg.GraphError, "second time"):
        loss.backward()


@pytest.mark.parametrize("compute", PRODUCTS.values(), ids=PRODUCTS)
def test_b_the_same_loss_computed_again_accumulates(compute):
    x = vg.TensorNode(X)
    compute(x).sum().backward()
    once = x.grad.copy()
    compute(x).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * once)


# --- c, d: shapes that do not fit ------------------------------------------------------------------------------------


def test_c_backward_from_many_numbers():
    out = vg.TensorNode(X) * 2.0
    with explained(vg.GraphError, "out (2, 2)", "4 numbers", "sum()"):
        out.backward()


def test_d1_shapes_that_do_not_broadcast():
    a, b = vg.TensorNode(np.ones((2, 2))), vg.TensorNode(np.ones((3, 4)))
    with explained(vg.ShapeError, "a (2, 2)", "b (3, 4)", "2 meets 4"):
        a + b


def test_d2_inner_sizes_that_differ():
    a, b = vg.TensorNode(np.ones((2, 2))), vg.TensorNode(np.ones((3, 4)))
    with explained(vg.ShapeError, "a (2, 2)", "b (3, 4)", "2 and 3"):
        a @ b


# --- e, f: number types and domains ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int8, np.bool_], ids=["e1", "e4", "int8", "bool"])
def test_e_whole_numbers_cannot_want_a_gradient(dtype):
    with explained(vg.DtypeError, np.dtype(dtype).name, "astype(float)"):
        vg.TensorNode(np.ones(3, dtype))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.int8, np.bool_])
@pytest.mark.parametrize(
    "compute",
    [
        lambda n, x: n * x,
        lambda n, x: x * n,
        lambda n, x: n + x,
        lambda n, x: n - x,
        lambda n, x: n / x,
        lambda n, x: x / n,
        lambda n, x: x**n,
        lambda n, x: n @ x,
        lambda n, x: x @ n,
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_e2_whole_numbers_beside_a_tensor_of_fractions(dtype, compute, wrapped):
    whole = np.array([[1, 2], [100, 3]]).astype(dtype)
    if dtype is np.bool_:
        whole = np.array([[True, True], [True, True]])
    partner = vg.TensorNode(whole, requires_grad=False) if wrapped else whole
    for precision in (np.float64, np.float32):
        x = vg.TensorNode(Y.astype(precision))
        tensor = torch.tensor(Y.astype(precision), requires_grad=True)
        out = compute(partner, x)
        expected = compute(torch.tensor(whole.astype(precision)), tensor)
        assert out.dtype == precision
        tolerance = 1e-10 if precision is np.float64 else 1e-4
        np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=tolerance)
        out.sum().backward()
        expected.sum().backward()
        assert x.grad.dtype == precision
        np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_e3_whole_numbers_times_a_fraction(dtype):
    whole = vg.TensorNode(np.array([1, 2, 255]).astype(dtype), requires_grad=False)
    np.testing.assert_array_equal((whole * 0.5).value, [0.5, 1.0, 127.5])
    np.testing.assert_array_equal((0.5 * whole).value, [0.5, 1.0, 127.5])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.bool_])
def test_e4_whole_numbers_never_wrap_around(dtype):
    largest = 1 if dtype is np.bool_ else np.iinfo(dtype).max
    x = vg.TensorNode(np.array([largest, 0]).astype(dtype), requires_grad=False)
    values, large = np.array([largest, 0], float), float(largest)
    np.testing.assert_array_equal((x * x).sum().value, large * large)
    np.testing.assert_array_equal((x + x).value, values + values)
    np.testing.assert_array_equal((x + 1).value, values + 1)
    np.testing.assert_array_equal((x - 3).value, values - 3)
    np.testing.assert_array_equal((-x).value, -values)
    np.testing.assert_array_equal((x**2).value, values**2)


@pytest.mark.parametrize("value", [-1.0, 0.0], ids=["f1", "f2"])
def test_f_a_logarithm_outside_its_domain_is_what_numpy_says_and_warned_of(value):
    (x,), (tensor,) = leaves([value, 2.0])
    with pytest.warns(vg.NumericsWarning, match="Log: 1 of 2 entries"):
        out = vg.log(x)
    np.testing.assert_array_equal(out.value, torch.log(tensor).detach().numpy())
    out.sum().backward()
    torch.log(tensor).sum().backward()
    np.testing.assert_array_equal(x.grad, tensor.grad.numpy())


@pytest.mark.parametrize("value", [-1.0, 0.0], ids=["f1", "f2"])
def test_f_a_logarithm_outside_its_domain_is_found_when_asked_for(value):
    x = vg.TensorNode([value, 2.0])
    with explained(vg.AnomalyError, "Log made 1", "x (2,)"), vg.detect_anomaly():
        vg.log(x)


# --- g: arrays that change between forward and backward --------------------------------------------------------------


def test_g_an_input_written_into_before_backward():
    x = vg.TensorNode(X.copy())
    loss = (x * x).sum()
    x.value[0, 0] = 100.0
    with explained(vg.GraphError, "x (2, 2)", "in place", "Multiply"):
        loss.backward()


def test_g_an_array_written_into_through_the_name_it_had_before():
    array = X.copy()
    x = vg.TensorNode(array)
    loss = (x * x).sum()
    array *= 2.0
    with explained(vg.GraphError, "x (2, 2)", "in place"):
        loss.backward()


def test_g_a_result_written_into_before_backward():
    x = vg.TensorNode(X.copy())
    hidden = vg.sigmoid(x)
    hidden.value[0] = 0.0
    with explained(vg.GraphError, "hidden (2, 2)", "in place"):
        hidden.sum().backward()


def test_g_augmented_assignment_to_the_value():
    x = vg.TensorNode(X.copy())
    loss = (x * x).sum()
    x.value -= 1.0
    with explained(vg.GraphError, "x (2, 2)", "in place"):
        loss.backward()


def test_g_a_parameter_may_be_written_into_after_backward_and_used_again():
    x = vg.TensorNode(X.copy())
    for _ in range(3):
        x.zero_grad()
        now = x.value.copy()
        (x * x).sum().backward()
        np.testing.assert_allclose(x.grad, 2 * now)
        x.value -= 0.1 * x.grad
    np.testing.assert_allclose(x.value, X * 0.8**3)


def test_g_a_new_array_assigned_before_backward_changes_nothing_that_was_computed():
    x = vg.TensorNode(X.copy())
    loss = (x * x).sum()
    x.value = x.value + 1.0
    loss.backward()
    np.testing.assert_allclose(x.grad, 2 * X)


# --- i, m: graphs whose paths are many -------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [10, 16, 20, 24, 40, 500])
def test_i_diamonds_upon_diamonds_with_cleanup(levels):
    x = vg.TensorNode(1.0)
    top = x
    for _ in range(levels):
        top = (top + top) * 0.5
    top.backward()
    assert float(x.grad) == 1.0
    assert len(list(vg.graph.tensors_below(top))) <= 3 * levels + 1  # each once, not once for each path
    top.zero_grad()
    assert float(x.grad) == 0.0
    top.clear()
    assert top.source is None


def test_i_x_to_the_fourth_by_squaring_counts_no_path_twice():
    x = vg.TensorNode(0.8)
    square = x * x
    (square * square).backward()
    assert float(x.grad) == pytest.approx(4 * 0.8**3)


def test_a_tensor_added_to_itself_has_two_edges():
    with vg.record() as trace:
        a = vg.TensorNode(1.0)
        a + a
    [operation] = trace.ops
    assert [(edge.port, edge.tensor) for edge in operation.inputs] == [("a", "t0"), ("b", "t0")]


def test_m_a_chain_deeper_than_the_recursion_limit():
    x = vg.TensorNode(1.0)
    top = x
    for _ in range(20_000):
        top = top * 1.0
    top.backward()
    assert float(x.grad) == 1.0
    top.zero_grad()
    top.clear()
    del top


class SumAndProduct(vg.Op):
    """Two outputs of two inputs."""

    @staticmethod
    def forward(context, a, b):
        context["a"], context["b"] = a, b
        return a + b, a * b

    @staticmethod
    def backward(context, gsum, gproduct):
        return gsum + gproduct * context["b"], gsum + gproduct * context["a"]


def test_m1_an_op_with_two_outputs_that_are_both_used():
    a, b = vg.TensorNode(X), vg.TensorNode(Y)
    both = SumAndProduct.do_forward(a, b)
    (both[0] * both[1]).sum().backward()
    p, q = torch.tensor(X, requires_grad=True), torch.tensor(Y, requires_grad=True)
    ((p + q) * (p * q)).sum().backward()
    np.testing.assert_allclose(a.grad, p.grad.numpy())
    np.testing.assert_allclose(b.grad, q.grad.numpy())


@pytest.mark.parametrize("used", [0, 1])
@pytest.mark.parametrize("kept", [True, False])
def test_m2_an_op_with_two_outputs_of_which_one_is_unused(used, kept):
    a, b = vg.TensorNode(X), vg.TensorNode(Y)
    both = SumAndProduct.do_forward(a, b)
    one = both[used]
    if not kept:
        del both
    one.sum().backward()
    np.testing.assert_allclose(a.grad, Y if used else np.ones((2, 2)))
    np.testing.assert_allclose(b.grad, X if used else np.ones((2, 2)))


# --- j, k, l: broadcasting, operators, kinds of arrays ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("compute", "left", "right"),
    [
        (lambda a, b: a + b, (3, 4), (4,)),
        (lambda a, b: a * b, (3, 4), (1, 4)),
        (lambda a, b: a - b, (3, 1), (1, 4)),
        (lambda a, b: a + b, (2, 2), ()),
        (lambda a, b: a / b, (), (2, 2)),
        (lambda a, b: a * b, (2, 1, 3), (4, 1)),
    ],
    ids=["j1", "j2", "j3", "j4", "j4 reversed", "j five axes"],
)
def test_j_broadcasting(compute, left, right):
    agrees_with_torch(compute, normal(3, left), np.abs(normal(4, right)) + 0.5)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "k01": lambda x, y: x + 2.0,
    "k02": lambda x, y: 2.0 + x,
    "k03": lambda x, y: x + 2,
    "k04": lambda x, y: x * 2.0,
    "k05": lambda x, y: 2.0 * x,
    "k08": lambda x, y: x - 1.0,
    "k09": lambda x, y: 1.0 - x,
    "k10": lambda x, y: x - y,
    "k11": lambda x, y: -x,
    "k12": lambda x, y: x / y,
    "k13": lambda x, y: x / 2.0,
    "k14": lambda x, y: 1.0 / x,
    "k15": lambda x, y: x**2,
    "k15 reversed": lambda x, y: 2**y,
    "k16": lambda x, y: x @ y,
    "k19": lambda x, y: x[0],
    "k19 column": lambda x, y: x[:, 1],
    "k19 negative": lambda x, y: x[-1, None, :1],
    "abs": lambda x, y: abs(x),
}


@pytest.mark.parametrize("compute", OPERATORS.values(), ids=OPERATORS)
def test_k_operators(compute):
    here, there = leaves(X, Y)
    out, expected = compute(*here), compute(*there)
    np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=1e-12)
    (out * normal(5, out.shape)).sum().backward()
    (expected * torch.tensor(normal(5, out.shape))).sum().backward()
    for node, tensor in zip(here, there, strict=True):
        wanted = np.zeros((2, 2)) if tensor.grad is None else tensor.grad.numpy()
        np.testing.assert_allclose(node.grad, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x * np.float64(2),
        lambda x: np.float64(2) * x,
        lambda x: x * np.float32(2),
        lambda x: np.int64(2) * x,
        lambda x: x * np.array(2.0),
        lambda x: np.full((2, 2), 2.0) * x,
        lambda x: x * np.full((2, 2), 2.0),
        lambda x: x * [2.0, 2.0],
        lambda x: x * True + x,
    ],
    ids=["k06", "k07", "float32", "int64", "0-d", "k17", "k18", "list", "bool"],
)
def test_k_numpys_numbers_and_arrays_on_either_side(compute):
    x = vg.TensorNode(X)
    out = compute(x)
    assert isinstance(out, vg.TensorNode)
    np.testing.assert_allclose(out.value, 2 * X)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 2), 2.0))


def test_k17_an_array_plus_a_tensor_is_a_tensor():
    x = vg.TensorNode(X)
    out = Y + x
    assert isinstance(out, vg.TensorNode)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 2)))


def test_k20_augmented_assignment_makes_a_new_tensor():
    x, y = vg.TensorNode(X), vg.TensorNode(Y)
    first = x
    x += y
    x *= y
    assert first is not x
    np.testing.assert_array_equal(first.value, X)
    x.sum().backward()
    np.testing.assert_allclose(first.grad, Y)
    np.testing.assert_allclose(y.grad, X + 2 * Y)


def test_l1_a_batched_matrix_product():
    agrees_with_torch(lambda a, b: a @ b, normal(6, (2, 2, 2)), normal(7, (2, 2, 2)))
    agrees_with_torch(lambda a, b: a @ b, normal(6, (3, 2, 4)), normal(7, (4, 5)))


def test_l2_an_empty_array():
    x = vg.TensorNode(np.zeros((0, 3)))
    loss = (x * x + 1.0).sum()
    assert loss.item() == 0.0
    loss.backward()
    assert x.grad.shape == (0, 3)


def test_l3_gradients_of_float32_are_float32():
    x, w = vg.TensorNode(X.astype(np.float32)), vg.TensorNode(Y.astype(np.float32))
    loss = (vg.sigmoid(x @ w + 1.0) * 0.5 - x / 3).sum()
    loss.backward()
    assert {loss.dtype, x.grad.dtype, w.grad.dtype} == {np.dtype(np.float32)}


def test_l4_a_leaf_made_from_a_list():
    x = vg.TensorNode([[1, 2.0], [3, 4]])
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [[2, 4], [6, 8]])


def test_l5_two_graphs_that_share_a_parameter():
    w = vg.TensorNode(Y)
    first, second = (w * X).sum(), (w * w).sum()
    first.backward()
    first.clear()
    second.backward()
    np.testing.assert_allclose(w.grad, X + 2 * Y)


def test_l5_two_graphs_that_share_an_intermediate():
    w = vg.TensorNode(2.0)
    shared = w * w
    first, second = shared * 3.0, shared + 1.0
    first.backward()
    with explained(vg.GraphError, "Multiply", "w ()", "second time"):
        second.backward()
    again = w * w
    (again * 3.0).backward(retain_graph=True)
    (again + 1.0).backward()
    assert float(w.grad) == pytest.approx(12 + 12 + 4)


# --- m: numbers at the edge ------------------------------------------------------------------------------------------


def test_m3_a_softmax_of_large_scores():
    agrees_with_torch(
        lambda x: vg.softmax(x) * np.array([[1.0, 2.0]]),
        [[1000.0, 0.0]],
        reference=lambda x: torch.softmax(x, dim=1) * torch.tensor([[1.0, 2.0]]),
    )


def test_m4_the_cross_entropy_of_large_scores():
    x = vg.TensorNode([[1000.0, 0.0]])
    loss = vg.logceloss(vg.logsoftmax(x), np.array([1]))
    loss.backward()
    assert loss.item() == 1000.0
    np.testing.assert_allclose(x.grad, [[1.0, -1.0]])


def test_m5_the_cross_entropy_of_a_batch_of_one():
    scores = normal(8, (1, 3))
    x, tensor = vg.TensorNode(scores), torch.tensor(scores, requires_grad=True)
    loss = vg.logceloss(vg.logsoftmax(x), np.array([2]))
    loss.backward()
    expected = torch.nn.functional.cross_entropy(tensor, torch.tensor([2]))
    expected.backward()
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("value", [-1000.0, 1000.0])
def test_m6_a_sigmoid_far_out(value):
    agrees_with_torch(vg.sigmoid, [value, 0.5], reference=torch.sigmoid)


# --- what else the design promises -----------------------------------------------------------------------------------


def test_an_uncleared_graph_is_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = vg.TensorNode(X)
        hidden = x * x
        watch = weakref.ref(hidden)
        loss = hidden.sum()
        loss.backward()
        del hidden, loss
        assert watch() is None
    finally:
        gc.enable()


def test_a_gradient_nobody_wants_is_not_computed():
    asked = []

    class Costly(vg.Op):
        @staticmethod
        def forward(context, x, w):
            context["x"], context["w"] = x, w
            return x @ w

        @staticmethod
        def backward(context, go):
            asked.append((needs_grad(context, 0), needs_grad(context, 1)))
            return None, context["x"].T @ go

    data, w = vg.TensorNode(X, requires_grad=False), vg.TensorNode(Y)
    Costly.do_forward(data, w).sum().backward()
    assert asked == [(False, True)]
    np.testing.assert_array_equal(data.grad, np.zeros((2, 2)))
    np.testing.assert_allclose(w.grad, X.T @ np.ones((2, 2)))


def test_one_array_handed_to_two_inputs_is_not_shared():
    class Twice(vg.Op):
        @staticmethod
        def forward(context, a, b):
            return a + b

        @staticmethod
        def backward(context, go):
            return go, go

    a, b = vg.TensorNode(X), vg.TensorNode(Y)
    (Twice.do_forward(a, b) + a).sum().backward()
    a.grad[...] = 7.0
    np.testing.assert_array_equal(b.grad, np.ones((2, 2)))


def test_a_cleared_graph_says_so():
    x = vg.TensorNode(X)
    hidden = x * x
    other, loss = hidden + 1.0, hidden.sum()
    other.clear()
    with explained(vg.GraphError, "hidden (2, 2)", "clear()"):
        loss.backward()


def test_the_names_that_the_course_uses():
    x = vg.TensorNode(value=np.ones((2, 3)))
    assert x.size() == (2, 3)
    assert (x.size(0), x.size(1), x.size(-1)) == (2, 3, 3)
    np.testing.assert_array_equal(x.matmul(vg.TensorNode(np.ones((3, 1)))).value, [[3.0], [3.0]])


def test_nan_is_named_at_the_op_that_makes_it():
    x = vg.TensorNode([1.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the error comes in place of warnings
        with explained(vg.AnomalyError, "Divide made 1 nan", "2 entries", "x (2,)"), vg.detect_anomaly():
            x / x
