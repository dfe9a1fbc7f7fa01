"""Gradient checks: right gradients pass, each usual mistake is named, Ops keep their promises, NaN is found."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import SPECS, normal, positive, programs, seeds
from vizgrad import core
from vizgrad.check import HYPOTHESES
from vizgrad.check.differences import slopes


def learners_op(forward: Callable[..., Any], backward: Callable[..., Any], name: str = "Learners") -> type[vg.Op]:
    return type(name, (vg.Op,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


# --- finite differences ----------------------------------------------------------------------------------------------

FUNCTIONS = [
    (np.sin, np.cos),
    (np.exp, np.exp),
    (np.log1p, lambda x: 1 / (1 + x)),
    (lambda x: x**5, lambda x: 5 * x**4),
    (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
]


@pytest.mark.parametrize(("function", "derivative"), FUNCTIONS)
@given(seed=seeds)
def test_differences_are_exact_to_nine_digits(function, derivative, seed):
    x = positive(seed, (3,))
    found = slopes(function, x, [np.ones(3)])
    np.testing.assert_allclose(found.gradients[0], derivative(x), rtol=1e-9, atol=1e-9)
    assert not found.kinks.any()
    assert (abs(found.gradients[0] - derivative(x)) <= found.noise[0] + 1e-9 * abs(derivative(x))).all()
    np.testing.assert_allclose(found.own, derivative(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("x", [1e-7, 1e-4, 1.0, 1e4, 1e8])
@pytest.mark.parametrize(("function", "derivative"), [(np.log, lambda x: 1 / x), (np.sqrt, lambda x: 0.5 / np.sqrt(x))])
def test_steps_adapt_to_the_size_of_an_entry_and_to_the_edge_of_the_domain(function, derivative, x):
    with np.errstate(invalid="ignore"):
        found = slopes(function, np.array([x]), [np.ones(1)])
    assert found.gradients[0][0] == pytest.approx(derivative(x), rel=1e-4)


@pytest.mark.parametrize(
    ("function", "x", "kinks"),
    [
        (np.abs, [0.0, 1e-6, 1.0], [True, False, False]),
        (lambda x: np.maximum(x, 0), [0.0, -1e-6, 1.0], [True, False, False]),
        (lambda x: np.where(x < 1, x, 2 * x), [1.0, 1.0 - 1e-6, 0.0], [True, False, False]),
        (np.sign, [0.0, 2.0], [True, False]),
        (np.sqrt, [0.0, 1.0], [True, False]),
        (lambda x: x * 0.0, [0.0, 1.0], [False, False]),
        (lambda x: x * x, [0.0, 1e-9], [False, False]),
        (lambda x: x.max(keepdims=True), [1.0, 1.0, 0.0], [True, True, False]),
    ],
)
def test_kinks_are_found_where_they_are(function, x, kinks):
    x = np.array(x)
    before = x.copy()
    with np.errstate(invalid="ignore"):
        found = slopes(function, x, [np.ones_like(function(x))])
    assert found.kinks.tolist() == kinks
    np.testing.assert_array_equal(x, before)


# --- gradcheck: what is right passes ---------------------------------------------------------------------------------


@given(programs(least=2, most=10))
def test_random_programs_pass(program):
    calls = {name: spec.call for name, spec in SPECS.items()}
    report = vg.gradcheck(lambda *leaves: program.run(list(leaves), calls)[-1], program.leaves, raise_exception=False)
    for checked in report.inputs:
        assert checked.cause is None or "kink" in checked.cause.why, report
        assert checked.found.shape == checked.expected.shape == checked.value.shape


def test_a_report_of_right_gradients():
    x, y = normal(1, (2, 3)), positive(2, (3,))
    report = vg.gradcheck(lambda x, y: x / y, [x, y])
    assert report
    assert report.ok
    assert 0 < report.largest_error < 1e-9
    assert [checked.name for checked in report.inputs] == ["x", "y"]
    np.testing.assert_array_equal(report.inputs[0].value, x)
    np.testing.assert_allclose(report.inputs[1].error, abs(report.inputs[1].found - report.inputs[1].expected))
    assert str(report).startswith("the function: right for x (2, 3), y (3,); largest error ")
    assert repr(report) == str(report)


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (lambda x: x * x, normal(1, (2, 2))),
        (lambda x: x * x, vg.TensorNode(normal(1, (2, 2)))),
        (lambda x: x * x, [2.0]),
        (lambda x: x * x, [[1, 2, 3]]),
        (lambda x: x * x, [normal(1, (2,)).astype(np.float32)]),
        (lambda x: (x * x).sum(), [normal(1, (2, 2))]),
        (lambda x: (x * x, x.sum()), [normal(1, (2, 2))]),
        (lambda x: [x + 1.0], [normal(1, ())]),
        (lambda x, n: x * n, [normal(1, (2,)), np.array([1, 2])]),
        (lambda x, c: x * c, [normal(1, (2,)), vg.TensorNode([1.0, 2.0], requires_grad=False)]),
        (lambda x: x * 0.0, [normal(1, (2,))]),
        (lambda x: x.reshape(-1), [normal(1, (2, 2))]),
        (vg.ops.Id.do_forward, [normal(1, (2, 2))]),
        (lambda x: x * x, [np.zeros((0, 3))]),
        (lambda x: x * 1e9, [normal(1, (2, 2))]),
        (lambda x: x * 1e-9, [normal(1, (2, 2))]),
        (lambda x: x + 1e9, [normal(1, (2, 2))]),
    ],
)
def test_inputs_and_outputs_of_every_kind(f, inputs):
    assert vg.gradcheck(f, inputs)


def test_the_parameters_of_a_module_are_checked_and_left_as_they_were():
    net = vg.MLP(3, 2, rng=np.random.default_rng(3), dtype=np.float32)
    data, targets = normal(4, (5, 3)), np.array([0, 1, 1, 0, 1])
    vg.celoss(net(vg.TensorNode(data.astype(np.float32))), targets).backward()
    before = [(parm.value, parm.grad.copy()) for parm in net.parameters()]
    report = vg.gradcheck(lambda *parms: vg.celoss(net(data), targets), net.parameters())
    assert report.largest_error < 1e-8
    assert [checked.name for checked in report.inputs] == [
        "net.layer1.w", "net.layer1.b", "net.layer2.w", "net.layer2.b",
    ]  # fmt: skip
    for parm, (value, grad) in zip(net.parameters(), before, strict=True):
        assert parm.value is value
        assert parm.dtype == np.float32
        np.testing.assert_array_equal(parm.grad, grad)


def test_a_failed_check_leaves_tensors_as_they_were():
    x = vg.TensorNode(np.array([1.0, 2.0], np.float32))
    value = x.value
    with pytest.raises(ZeroDivisionError):
        vg.gradcheck(lambda x: 1 // 0, [x])
    assert x.value is value
    assert x.dtype == np.float32


def test_a_graph_alive_during_a_check_can_still_be_walked():
    w = vg.TensorNode(normal(5, (2,)))
    loss = (w * w).sum()
    vg.gradcheck(lambda w: w * w * w, [w])
    loss.backward()
    np.testing.assert_allclose(w.grad, 2 * w.value)


def test_a_result_of_a_graph_is_checked_as_a_leaf():
    x = vg.TensorNode(normal(6, (2,)))
    hidden = x * 2.0
    vg.gradcheck(vg.sigmoid, [hidden])
    hidden.sum().backward()
    np.testing.assert_array_equal(x.grad, [2.0, 2.0])


def test_one_tensor_given_twice_is_one_input():
    x = vg.TensorNode(normal(6, (2,)), name="x")
    report = vg.gradcheck(lambda a, b: (a * b).sum(), [x, x])
    [checked] = report.inputs
    np.testing.assert_allclose(checked.expected, 2 * x.value)


def test_inputs_of_one_name_are_told_apart():
    a, b = vg.TensorNode(normal(6, (2,)), name="w"), vg.TensorNode(normal(7, (2,)), name="w")
    report = vg.gradcheck(lambda a, b: a * b, [a, b])
    assert [checked.name for checked in report.inputs] == ["w", "w (input 1)"]


def test_a_check_is_not_recorded():
    with vg.record() as trace:
        x = vg.TensorNode(2.0)
        vg.gradcheck(lambda x: x * x, [x])
        x + 1.0
    assert [operation.op for operation in trace.ops] == ["Add"]
    assert core.observers == ()


def test_tolerances_can_be_chosen():
    op = learners_op(lambda context, x: x * 1.0, lambda context, go: go * 1.001)
    x = [normal(7, (3,))]
    assert not vg.gradcheck(op.do_forward, x, raise_exception=False)
    assert vg.gradcheck(op.do_forward, x, rtol=1e-2)
    assert vg.gradcheck(op.do_forward, x, atol=1e-1)
    assert vg.gradcheck(op.do_forward, x, rtol=1e-2, eps=1e-4, seed=5)


# --- gradcheck: what is wrong is explained ---------------------------------------------------------------------------
# Each mistake is a backward for one of these forwards; beside it, what the report must say of it.


def saving(compute: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that saves its inputs under the names a, b ... and its output as out."""

    def forward(context, *inputs):
        context.update(zip("abc", inputs, strict=False), out=compute(*inputs))
        return context["out"]

    return forward


def ratio(a, b):
    return a / b


def product(a, b):
    return a @ b


def layer(a, b):
    return a @ b.T


def plus_row(a, b):
    return a + b


def squares(a):
    return (a**2).mean()


def per_row(a):
    return a / a.sum(axis=1, keepdims=True)


def softmax(a):
    return np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)


def convolution(a, b):
    return np.stack([(a[i : i + 3] * b).sum() for i in range(len(a) - 2)])


def relu(a):
    return np.maximum(a, 0)


def one_row_less(c, go):
    gradient = 2 * c["a"] / c["a"].size * go
    gradient[-1] = 0.5
    return gradient


def convolved(c, go, kernel):
    gradient = np.zeros_like(c["a"])
    for i, upstream in enumerate(go):
        gradient[i : i + 3] += upstream * kernel
    return gradient


def kernel_gradient(c, go):
    return sum(upstream * c["a"][i : i + 3] for i, upstream in enumerate(go))


SQUARE = [(3, 3), (3, 3)]
MISTAKES: dict[str, tuple[Callable, list[tuple[int, ...]], Callable, str, str]] = {
    # forward, shapes, backward, input, words
    "lost sign": (ratio, [(3, 4)] * 2, lambda c, go: (go / c["b"], go * c["a"] / c["b"] ** 2), "b", "sign is lost"),
    "1/b**2 for 1/b": (
        ratio,
        [(3, 4)] * 2,
        lambda c, go: (go / c["b"] ** 2, -go * c["a"] / c["b"] ** 2),
        "a",
        "divided by b",
    ),
    "factor too many": (
        ratio,
        [(3, 4)] * 2,
        lambda c, go: (go / c["b"] * c["a"], -go * c["a"] / c["b"] ** 2),
        "a",
        "times a,",
    ),
    "output too many": (
        ratio,
        [(3, 4)] * 2,
        lambda c, go: (go, -go * c["a"] / c["b"] ** 2),
        "a",
        "times b,",
    ),
    "no upstream": (
        ratio,
        [(3, 4)] * 2,
        lambda c, go: (1 / c["b"], -go * c["a"] / c["b"] ** 2),
        "a",
        "upstream gradient is forgotten",
    ),
    "no upstream, one number": (
        ratio,
        [(), ()],
        lambda c, go: (1 / c["b"], -go * c["a"] / c["b"] ** 2),
        "a",
        "upstream gradient is forgotten",
    ),
    "exchanged": (
        ratio,
        [(3, 4)] * 2,
        lambda c, go: (-go * c["a"] / c["b"] ** 2, go / c["b"]),
        "a",
        "gradient of b",
    ),
    "nothing": (ratio, [(3, 4)] * 2, lambda c, go: (None, -go * c["a"] / c["b"] ** 2), "a", "0 everywhere"),
    "nan": (
        ratio,
        [(3, 4)] * 2,
        lambda c, go: (np.log(-abs(go)), -go * c["a"] / c["b"] ** 2),
        "a",
        "inf or nan",
    ),
    "transposed, square": (
        layer,
        SQUARE,
        lambda c, go: (go @ c["b"], c["a"].T @ go),
        "b",
        "transpose of the right gradient",
    ),
    "transposed factor": (layer, SQUARE, lambda c, go: (go @ c["b"].T, go.T @ c["a"]), "a", "the transpose of b"),
    "transposed upstream": (
        layer,
        SQUARE,
        lambda c, go: (go @ c["b"], go @ c["a"]),
        "b",
        "the transposed upstream gradient",
    ),
    "double": (squares, [(3, 4)], lambda c, go: 4 * c["a"] / 12 * go, "a", "2 times the right gradient"),
    "half, no 2": (squares, [(3, 4)], lambda c, go: c["a"] / 12 * go, "a", "it is 1/2 of the right gradient"),
    "no 1/n": (squares, [(3, 4)], lambda c, go: 2 * c["a"] * go, "a", "12 is the number of entries of a"),
    "1/n of the rows only": (
        squares,
        [(3, 5)],
        lambda c, go: 2 * c["a"] / 3 * go,
        "a",
        "5 is the length of axis 1 of a",
    ),
    "odd factor": (squares, [(3, 4)], lambda c, go: -0.7 * 2 * c["a"] / 12 * go, "a", "-0.7 times the right gradient"),
    "1/n twice": (
        layer,
        [(5, 4), (3, 4)],
        lambda c, go: (go @ c["b"], go.T @ c["a"] / 5),
        "b",
        "5 is the length of axis 0 of the output",
    ),
    "summed over everything": (
        plus_row,
        [(4, 3), (3,)],
        lambda c, go: (go, np.full(3, go.sum())),
        "b",
        "the sum over axis 0",
    ),
    "mean over everything": (
        plus_row,
        [(4, 3), (3,)],
        lambda c, go: (go, np.full(3, go.sum() / 3)),
        "b",
        "the mean over axis 0",
    ),
    "element-wise, normalise": (
        per_row,
        [(3, 4)],
        lambda c, go: go / c["a"].sum(1, keepdims=True) - go * c["a"] / c["a"].sum(1, keepdims=True) ** 2,
        "a",
        "the output at its own place",
    ),
    "element-wise, softmax": (
        softmax,
        [(3, 4)],
        lambda c, go: go * c["out"] * (1 - c["out"]),
        "a",
        "the output at its own place",
    ),
    "kernel flipped": (
        convolution,
        [(6,), (3,)],
        lambda c, go: (convolved(c, go, c["b"]), kernel_gradient(c, go)[::-1]),
        "b",
        "back to front along axis 0",
    ),
    "one row": (squares, [(4, 3)], one_row_less, "a", "only row 3 is wrong"),
    "negative side": (relu, [(4, 5)], lambda c, go: go, "a", "exactly where a is negative"),
    "positive side": (
        relu,
        [(4, 5)],
        lambda c, go: np.where(c["a"] > 0, 0.3 * np.exp(c["a"]), 0),
        "a",
        "exactly where a is positive",
    ),
    "a part left out": (
        convolution,
        [(6,), (3,)],
        lambda c, go: (convolved(c, go, c["b"]) * [1, 0, 1, 1, 0, 1], kernel_gradient(c, go)),
        "a",
        "0 in every entry",
    ),
    "something else": (
        squares,
        [(3, 4)],
        lambda c, go: np.sin(c["a"] + 1) * go,
        "a",
        "none of the usual mistakes",
    ),
}


@pytest.mark.parametrize(("forward", "shapes", "backward", "name", "words"), MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mistake_is_named(forward, shapes, backward, name, words, seed):
    def named(context, a, b):
        return saving(forward)(context, a, b)

    def named_one(context, a):
        return saving(forward)(context, a)

    op = learners_op(named if len(shapes) == 2 else named_one, backward)
    arrays = [normal(seed + 10 * i, shape) for i, shape in enumerate(shapes)]
    arrays = [np.where(abs(array) < 0.3, array + 0.7, array) for array in arrays]
    report = vg.gradcheck(op.do_forward, arrays, raise_exception=False)
    assert not report
    assert not report.ok
    [cause] = [checked.cause for checked in report.inputs if checked.name == name]
    assert cause is not None
    assert words in cause.why, str(report)
    assert f"Learners: the gradient of {name} {arrays['ab'.index(name)].shape} is wrong" in str(report)
    assert "backward says" in str(report)
    assert cause.do in str(report)
    with pytest.raises(vg.GradientError, match=r"where: line \d+ of test_check.py"):
        vg.gradcheck(op.do_forward, arrays)
    with pytest.raises(vg.GradientError) as caught:
        vg.check_op(op, shapes if words != "sign is lost" else [("n", "m"), ("n", "m")])
    if "row 3" not in words and "exactly" not in words:
        assert words in str(caught.value)


WRONG_SHAPES = {
    "transposed": (
        layer,
        [("n", "f"), ("m", "f")],
        lambda c, go: (go @ c["b"], c["a"].T @ go),
        "transpose of the right",
    ),
    "not summed": (plus_row, [("n", "m"), "m"], lambda c, go: (go, go), "the sum over axis 0 is missing"),
    "not summed, stretched": (
        plus_row,
        [("n", "m"), (1, "m")],
        lambda c, go: (go, go),
        "the sum over axis 0 is missing",
    ),
    "not summed twice": (plus_row, [("n", "m"), ()], lambda c, go: (go, go), "the sum over axes (0, 1) is missing"),
    "not summed, of another axis": (
        lambda a: np.repeat(a[:, None], 5, axis=1),
        ["n"],
        lambda c, go: go,
        "the sum over axis 1 is missing",
    ),
    "all derivatives": (
        np.cumsum,
        ["n"],
        lambda c, go: np.tril(np.ones((go.size, go.size))),
        "it is the Jacobian",
    ),
    "an axis too many": (
        plus_row,
        [("n", "m"), "m"],
        lambda c, go: (go, go.sum(0, keepdims=True)),
        "numbers are right, but in shape (1, 4)",
    ),
    "flat": (squares, [("n", "m")], lambda c, go: (2 * c["a"] / c["a"].size * go).ravel(), "numbers are right"),
    "a number": (squares, [("n", "m")], lambda c, go: 0.5, "it has shape (), but"),
}


@pytest.mark.parametrize(("forward", "shapes", "backward", "words"), WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_a_gradient_of_another_shape_is_explained(forward, shapes, backward, words):
    with pytest.raises(vg.GradientError) as caught:
        vg.check_op(learners_op(saving(forward), backward), shapes)
    assert words in str(caught.value)
    assert "is wrong in its shape" in str(caught.value)


def test_every_hypothesis_has_a_mistake_that_it_explains():
    explained = set()
    known = list(HYPOTHESES)
    for hypothesis in known:
        assert hypothesis.__doc__

        def spying(case, hypothesis=hypothesis):
            cause = hypothesis(case)
            if cause:
                explained.add(hypothesis.__name__)
            return cause

        HYPOTHESES[known.index(hypothesis)] = spying
    try:
        for forward, shapes, backward, _, _ in MISTAKES.values():
            arrays = [normal(1 + 10 * i, shape) for i, shape in enumerate(shapes)]
            vg.gradcheck(learners_op(saving(forward), backward).do_forward, arrays, raise_exception=False)
        for forward, shapes, backward, _ in WRONG_SHAPES.values():
            with pytest.raises(vg.GradientError):
                vg.check_op(learners_op(saving(forward), backward), shapes)
        vg.gradcheck(vg.relu, [np.zeros(2)], raise_exception=False)
    finally:
        HYPOTHESES[:] = known
    assert explained == {hypothesis.__name__ for hypothesis in known}


def test_a_hypothesis_can_be_added():
    def off_by_one(case):
        if np.allclose(case.found, case.expected + 1):
            return vg.check.Cause("it is off by one.", "subtract it.")
        return None

    HYPOTHESES.insert(0, off_by_one)
    try:
        op = learners_op(lambda context, x: x * 1.0, lambda context, go: go + 1)
        report = vg.gradcheck(op.do_forward, [np.ones(3)], raise_exception=False)
    finally:
        HYPOTHESES.remove(off_by_one)
    assert "off by one" in str(report)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (vg.relu, [0.0, 1.0]),
        (lambda x: vg.ops.RowMax.do_forward(x), [[1.0, 1.0, 0.0]]),
        (lambda x: x**0.5, [0.0, 4.0]),
    ],
)
def test_a_kink_is_called_a_kink(f, x):
    report = vg.gradcheck(f, [np.array(x)], raise_exception=False)
    assert not report
    assert "kink" in report.inputs[0].cause.why


def test_a_tensor_unpacked_on_the_way_gets_no_gradient():
    report = vg.gradcheck(lambda x: vg.TensorNode(x.value * 2.0), [np.ones(3)], raise_exception=False)
    assert "0 everywhere" in report.inputs[0].cause.why
    assert ".value" in report.inputs[0].cause.do


def test_the_worst_entry_is_named():
    def backward(context, go):
        gradient = 2 * go
        gradient[1, 2] += 5
        gradient[0, 0] += 1
        return gradient

    x = np.arange(6.0).reshape(2, 3)
    op = learners_op(lambda context, x: 2 * x, backward)
    report = vg.gradcheck(lambda x: op.do_forward(x).sum(), [x], raise_exception=False)
    assert "wrong in 2 of 6 entries; at x[1, 2] = 5 backward says 7, finite differences say 2." in str(report)
    assert report.inputs[0].wrong.tolist() == [[True, False, False], [False, False, True]]
    assert report.largest_error == pytest.approx(5)


def test_numbers_that_differ_late_are_shown_with_their_digits():
    op = learners_op(lambda context, x: 2 * x, lambda context, go: 2.00001 * go)
    report = vg.gradcheck(lambda x: op.do_forward(x).sum(), [np.ones(1)], raise_exception=False)
    assert "backward says 2.00001, finite differences say 2." in str(report)


@given(seeds, st.sampled_from([1e-6, 1.0, 1e6]), st.integers(0, 11))
def test_one_wrong_entry_in_a_thousandth_is_noticed(seed, scale, entry):
    def backward(context, go):
        gradient = np.cos(context["x"]) * go * scale
        gradient.flat[entry] *= 1.001
        return gradient

    def forward(context, x):
        context["x"] = x
        return np.sin(x) * scale

    x = np.random.default_rng(seed).uniform(-1, 1, (3, 4))
    report = vg.gradcheck(learners_op(forward, backward).do_forward, [x], atol=0, raise_exception=False)
    assert np.flatnonzero(report.inputs[0].wrong).tolist() == [entry]


# --- check_op --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "shapes", "settings"),
    [
        (vg.ops.Add, [("n", "m"), "m"], {}),
        (vg.ops.Multiply, [("n", 1), (1, "m")], {}),
        (vg.ops.Divide, [("n", "m"), ()], {}),
        (vg.ops.MatrixMultiply, [("n", "k"), ("k", "m")], {}),
        (vg.ops.BatchMM, [("m", "f"), ("n", "f")], {}),
        (vg.ops.Sigmoid, ["n"], {}),
        (vg.ops.Tanh, [3], {}),
        (vg.ops.Sum, [("n", "m", "k")], {"axis": 1, "keepdims": True}),
        (vg.ops.Select, [(3, 4)], {"indices": [0, 3, 1]}),
        (vg.ops.Reshape, [("n", 6)], {"shape": (-1, 2)}),
        (vg.ops.Log, [np.array([0.5, 2.0])], {}),
        (vg.ops.Normalize, [("n", "m")], {}),
        (vg.ops.RowMax, [("n", "m")], {}),
    ],
    ids=lambda item: getattr(item, "__name__", None),
)
def test_the_packages_own_ops_pass(op, shapes, settings):
    report = vg.check_op(op, shapes, **settings)
    assert report
    assert report.function == op.__name__
    assert report.largest_error < 1e-6


def test_whole_numbers_among_the_inputs_are_passed_on():
    def forward(context, table, indices):
        context["shape"], context["indices"] = table.shape, indices
        return table[indices]

    def backward(context, go):
        gradient = np.zeros(context["shape"], go.dtype)
        np.add.at(gradient, context["indices"], go)
        return gradient, None

    report = vg.check_op(learners_op(forward, backward), [(3, "m"), np.array([0, 2, 2])])
    assert [checked.name for checked in report.inputs] == ["table"]


def test_inputs_are_called_like_the_arguments_of_forward():
    report = vg.check_op(vg.ops.BatchMM, [("m", "f"), ("n", "f")])
    assert [checked.name for checked in report.inputs] == ["matrix", "vectors"]


def test_letters_stand_for_several_sizes_and_all_different():
    seen = []

    def forward(context, a, b):
        seen.append((a.shape, b.shape))
        return a.sum() + 2 * b.sum()

    def backward(context, go):
        return np.full(seen[-1][0], go), np.full(seen[-1][1], 2 * go)

    vg.check_op(learners_op(forward, backward), [("n", "m"), ("k", "n", 2)])
    shapes = list(dict.fromkeys(seen))
    assert len(shapes) == 3
    for (n, m), (k, again, two) in shapes:
        assert n == again
        assert two == 2
        assert len({n, m, k}) in (1, 3)


def test_several_outputs_are_checked_together():
    def forward(context, a, b):
        context["a"], context["b"] = a, b
        return a + b, a * b

    def right(context, gsum, gproduct):
        return gsum + gproduct * context["b"], gsum + gproduct * context["a"]

    def one_forgotten(context, gsum, gproduct):
        return gproduct * context["b"], gsum + gproduct * context["a"]

    assert vg.check_op(learners_op(forward, right), [("n", "m"), ("n", "m")])
    with pytest.raises(vg.GradientError, match="gradient of a"):
        vg.check_op(learners_op(forward, one_forgotten), [("n", "m"), ("n", "m")])


def identity(context, go):
    return go


def add_in_place(context, x):
    x += 1
    return x


def backward_in_place(context, go):
    go *= 2
    return go


def saved_in_place(context, go):
    context["a"] *= go
    return 2 * context["a"]


def kept_in_place(context, go):
    out = 2 * context["a"] * go
    context["mine"] *= 0
    return out


def square_with_copy(context, a):
    context["a"], context["mine"] = a, a.copy()
    return a**2


PROMISES = {
    "forward writes": (add_in_place, identity, vg.GradientError, "forward changed x"),
    "backward writes into upstream": (
        saving(lambda a: 2 * a),
        backward_in_place,
        vg.GradientError,
        "upstream gradient",
    ),
    "backward writes into its input": (saving(np.square), saved_in_place, vg.GradientError, "backward changed"),
    "backward writes into what it saved": (
        square_with_copy,
        kept_in_place,
        vg.GradientError,
        "changed context['mine']",
    ),
    "too many gradients": (saving(np.exp), lambda c, go: (go, go), vg.GradientError, "2 gradient(s)"),
    "a list": (saving(np.exp), lambda c, go: [go * c["out"]], vg.GradientError, "shape"),
    "text": (saving(np.exp), lambda c, go: "no", vg.GradientError, "str ('no')"),
    "forward returns nothing": (lambda c, x: None, identity, vg.OpDefinitionError, "NoneType"),
    "forward returns a list": (lambda c, x: [x], identity, vg.OpDefinitionError, "list"),
    "forward returns a tensor": (lambda c, x: vg.TensorNode(x), identity, vg.OpDefinitionError, "TensorNode"),
    "forward returns integers": (lambda c, x: x.astype(int), identity, vg.OpDefinitionError, "int64"),
    "float64 forward": (lambda c, x: x + np.zeros(x.shape), identity, vg.GradientError, "forward returned float64"),
    "float64 backward": (
        lambda c, x: x * 1,
        lambda c, go: go + np.zeros(go.shape),
        vg.GradientError,
        "gradient of x, float64",
    ),
    "chance": (lambda c, x: x * np.random.rand(), identity, vg.GradientError, "two different results"),
    "outside the domain": (lambda c, x: np.log(x), identity, vg.GradientError, "inf or nan"),
}


@pytest.mark.parametrize(("forward", "backward", "error", "words"), PROMISES.values(), ids=PROMISES)
def test_a_broken_promise_is_named(forward, backward, error, words):
    with pytest.raises(error) as caught:
        vg.check_op(learners_op(forward, backward), [("n", "m")])
    text = str(caught.value)
    assert words in text
    assert "Learners" in text
    assert "of test_check.py" in text
    assert "do:" in text


def test_a_missing_method_is_named():
    class Half(vg.Op):
        @staticmethod
        def forward(context, x):
            return x * 2

    with pytest.raises(vg.OpDefinitionError, match="no backward"):
        vg.check_op(Half, ["n"])
    with pytest.raises(vg.OpDefinitionError, match="no forward"):
        vg.check_op(type("Nothing", (vg.Op,), {}), ["n"])


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_an_error_in_the_learners_code_keeps_its_type_and_says_where(method):
    def fails(context, array):
        raise KeyError("relu")

    methods = {"forward": saving(np.exp), "backward": identity} | {method: fails}
    with pytest.raises(KeyError, match="relu") as caught:
        vg.check_op(learners_op(**methods), [(2, 3)])
    [note] = caught.value.__notes__
    assert f"Learners.{method}" in note
    assert "(2, 3)" in note


def test_a_tuple_of_nothing_cannot_be_checked():
    with pytest.raises(vg.GradientError, match="no gradient"):
        vg.check_op(vg.ops.Add, [np.array([1]), np.array([2])])


# --- detect_anomaly --------------------------------------------------------------------------------------------------


def test_the_first_nan_is_found_and_not_what_follows_from_it():
    x = vg.TensorNode([0.0, 2.0])
    with pytest.raises(vg.AnomalyError) as caught, vg.detect_anomaly():
        y = x / x
        z = y * 2.0
        z.sum()
    text = str(caught.value)
    assert text.startswith("Divide made 1 nan among 2 entries.")
    assert "y = x / x" in text
    assert "a from 0 to 2 (x (2,))" in text


def test_inputs_that_are_not_finite_are_shown():
    x = vg.TensorNode([np.nan, 2.0, np.inf], name="samples")
    with pytest.raises(vg.AnomalyError, match="from 2 to 2 with 1 nan and 1 inf") as caught, vg.detect_anomaly():
        x * 2.0
    assert "a was not finite already" in str(caught.value)


def test_an_anomaly_on_the_way_back_names_the_line_of_the_forward():
    x = vg.TensorNode([0.0, 2.0])
    with pytest.raises(vg.AnomalyError) as caught, vg.detect_anomaly():
        root = x**0.5  # the op
        loss = root.sum()
        loss.backward()
    text = str(caught.value)
    assert "Power.backward made 1 inf among 2 entries as gradient of base" in text
    assert "root = x**0.5  # the op" in text
    assert "loss.backward()" in text
    assert "upstream gradient from 1 to 1" in text


def test_an_overflow_is_found():
    x = vg.TensorNode(np.array([100.0], np.float32))
    with (
        pytest.raises(vg.AnomalyError, match="Exp made 1 inf among 1 entry"),
        vg.detect_anomaly(),
        np.errstate(over="ignore"),
    ):
        x.exp()


def test_infinity_that_is_only_passed_on_is_no_anomaly():
    scores, mask = vg.TensorNode([[1.0, 2.0]]), np.array([[0.0, -np.inf]])
    with vg.detect_anomaly():
        masked = scores + mask
        masked.exp().sum().backward()
    assert scores.grad[0, 1] == 0.0


def test_good_numbers_pass_and_nothing_is_watched_afterwards():
    x = vg.TensorNode(normal(1, (3, 3)))
    with vg.detect_anomaly():
        vg.logsoftmax(x @ x).sum().backward()
    assert core.observers == ()
    with pytest.raises(vg.AnomalyError), vg.detect_anomaly():
        1 / (x * 0.0)
    assert core.observers == ()
    with pytest.warns(vg.NumericsWarning):
        1 / (x * 0.0)


def test_a_walk_through_a_retained_graph_is_watched_each_time():
    x = vg.TensorNode(0.0)
    with vg.detect_anomaly():
        y = x * x
        y.backward(retain_graph=True)
        y.backward()
    assert float(x.grad) == 0.0


def test_it_works_inside_a_recording():
    with pytest.raises(vg.AnomalyError), vg.record() as trace, vg.detect_anomaly():
        x = vg.TensorNode(0.0)
        y = x * 1.0
        1 / y
    assert trace.ops[0].op == "Multiply"


def test_other_warnings_are_still_told_inside():
    with pytest.warns(UserWarning, match="mine"), vg.detect_anomaly():
        warnings.warn("mine", UserWarning, stacklevel=1)
