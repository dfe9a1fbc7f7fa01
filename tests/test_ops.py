"""Each op against PyTorch and against finite differences, over random shapes and broadcasting."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import broadcast_shapes, normal, positive, seeds, shapes
from vizgrad import ops

matrices = st.tuples(st.integers(1, 4), st.integers(1, 4))


@dataclass
class Drawn:
    """Inputs and settings for one call of an op."""

    inputs: list[np.ndarray]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """An op's inputs, and what PyTorch calls the same computation."""

    draw: st.SearchStrategy[Drawn]
    reference: Callable[..., torch.Tensor]


def one(shape: st.SearchStrategy[Any] = shapes, fill: Callable[..., np.ndarray] = normal) -> st.SearchStrategy[Drawn]:
    return st.builds(lambda seed, s: Drawn([fill(seed, s)]), seeds, shape)


def two(first: Callable[..., np.ndarray] = normal, second: Callable[..., np.ndarray] = normal):
    def build(seed: int, pair: Any) -> Drawn:
        return Drawn([first(seed, pair[0]), second(seed + 1, pair[1])])

    return st.builds(build, seeds, broadcast_shapes())


@st.composite
def reduced(draw: st.DrawFn) -> Drawn:
    x = normal(draw(seeds), draw(shapes))
    axes = [None, *range(-x.ndim, x.ndim), *([(0, -1)] if x.ndim > 1 else []), tuple(range(x.ndim))]
    return Drawn([x], {"axis": draw(st.sampled_from(axes)), "keepdims": draw(st.booleans())})


@st.composite
def multiplied(draw: st.DrawFn) -> Drawn:
    n, k, m = draw(st.tuples(*[st.integers(1, 3)] * 3))
    batch, other = draw(broadcast_shapes())
    left = draw(st.sampled_from([(k,), (n, k), (*batch, n, k)]))
    right = draw(st.sampled_from([(k,), (k, m), (*other, k, m)]))
    seed = draw(seeds)
    return Drawn([normal(seed, left), normal(seed + 1, right)])


@st.composite
def batch(draw: st.DrawFn) -> Drawn:
    n, f, m = draw(st.tuples(*[st.integers(1, 4)] * 3))
    seed = draw(seeds)
    return Drawn([normal(seed, (m, f)), normal(seed + 1, (n, f))])


@st.composite
def selected(draw: st.DrawFn) -> Drawn:
    rows, columns = draw(matrices)
    indices = draw(st.lists(st.integers(-columns, columns - 1), min_size=rows, max_size=rows))
    return Drawn(
        [normal(draw(seeds), (rows, columns))], {"indices": draw(st.sampled_from([indices, np.array(indices)]))}
    )


@st.composite
def with_unit_axis(draw: st.DrawFn, repeated: bool) -> Drawn:
    shape = draw(shapes)
    dim = draw(st.integers(0, len(shape)))
    x = normal(draw(seeds), (*shape[:dim], 1, *shape[dim:]))
    signed = draw(st.sampled_from([dim, dim - x.ndim]))
    return Drawn([x], {"dim": signed, "repeats": draw(st.integers(1, 3))} if repeated else {"dim": signed})


@st.composite
def unsqueezed(draw: st.DrawFn) -> Drawn:
    x = normal(draw(seeds), draw(shapes))
    return Drawn([x], {"dim": draw(st.integers(-x.ndim - 1, x.ndim))})


@st.composite
def reshaped(draw: st.DrawFn) -> Drawn:
    shape = draw(shapes)
    return Drawn([normal(draw(seeds), shape)], {"shape": draw(st.permutations(shape).map(tuple) | st.just((-1,)))})


def torch_sum(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
    return torch.sum(x, dim=axis if axis is not None else tuple(range(x.ndim)), keepdim=keepdims) if x.ndim else x * 1


def torch_mean(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
    return torch.mean(x, dim=axis if axis is not None else tuple(range(x.ndim)), keepdim=keepdims) if x.ndim else x * 1


def torch_select(x: torch.Tensor, indices: Any) -> torch.Tensor:
    return x[torch.arange(len(x)), torch.tensor(np.asarray(indices))]


CASES: dict[type[vg.Op], Case] = {
    ops.Add: Case(two(), torch.add),
    ops.Sub: Case(two(), torch.sub),
    ops.Multiply: Case(two(), torch.mul),
    ops.Divide: Case(two(second=positive), torch.div),
    ops.Power: Case(two(first=positive), torch.pow),
    ops.Negate: Case(one(), torch.neg),
    ops.Id: Case(one(), torch.clone),
    ops.Exp: Case(one(), torch.exp),
    ops.Log: Case(one(fill=positive), torch.log),
    ops.Sin: Case(one(), torch.sin),
    ops.Cos: Case(one(), torch.cos),
    ops.Tanh: Case(one(), torch.tanh),
    ops.Sigmoid: Case(one(), torch.sigmoid),
    ops.ReLU: Case(one(), torch.relu),
    ops.MatrixMultiply: Case(multiplied(), torch.matmul),
    ops.BatchMM: Case(batch(), lambda matrix, vectors: torch.nn.functional.linear(vectors, matrix)),
    ops.Normalize: Case(one(matrices, positive), lambda x: x / x.sum(dim=1, keepdim=True)),
    ops.LogSoftmax: Case(one(matrices), lambda x: torch.log_softmax(x, dim=1)),
    ops.Sum: Case(reduced(), torch_sum),
    ops.Mean: Case(reduced(), torch_mean),
    ops.RowSum: Case(one(matrices), lambda x: x.sum(dim=1)),
    ops.RowMax: Case(one(matrices), lambda x: x.max(dim=1).values),
    ops.Expand: Case(with_unit_axis(True), lambda x, dim, repeats: x.repeat_interleave(repeats, dim)),
    ops.Select: Case(selected(), torch_select),
    ops.Squeeze: Case(with_unit_axis(False), torch.squeeze),
    ops.Unsqueeze: Case(unsqueezed(), torch.unsqueeze),
    ops.Reshape: Case(reshaped(), torch.reshape),
    ops.Transpose: Case(one(), lambda x: x.permute(tuple(range(x.ndim - 1, -1, -1)))),
}
every_op = pytest.mark.parametrize("op", CASES, ids=lambda op: op.__name__)


def test_every_op_of_the_package_has_a_case():
    defined = set()
    for module in pkgutil.iter_modules(ops.__path__, "vizgrad.ops."):
        members = vars(importlib.import_module(module.name)).values()
        defined |= {m for m in members if inspect.isclass(m) and issubclass(m, vg.Op) and m is not vg.Op}
    assert defined == set(CASES)
    assert {getattr(ops, name) for name in ops.__all__} == defined
    assert set(ops.__all__) <= set(vg.__all__)


def weighted_loss(
    op: type[vg.Op], drawn: Drawn, seed: int = 7
) -> tuple[list[vg.TensorNode], vg.TensorNode, np.ndarray]:
    nodes = [vg.TensorNode(x.copy()) for x in drawn.inputs]
    out = op.do_forward(*nodes, **drawn.settings)
    weights = normal(seed, out.shape)
    return nodes, out, weights


@every_op
@given(data=st.data())
def test_matches_torch(op, data):
    drawn = data.draw(CASES[op].draw)
    nodes, out, weights = weighted_loss(op, drawn)
    loss = (out * weights).sum()
    loss.backward()

    tensors = [torch.tensor(x, requires_grad=True) for x in drawn.inputs]
    expected = CASES[op].reference(*tensors, **drawn.settings)
    (expected * torch.tensor(weights)).sum().backward()
    assert out.shape == tuple(expected.shape)
    assert out.dtype == np.float64
    np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    for node, tensor in zip(nodes, tensors, strict=True):
        scale = max(1.0, float(tensor.grad.abs().max()))
        np.testing.assert_allclose(node.grad, tensor.grad.numpy(), rtol=1e-10, atol=1e-12 * scale)


@every_op
@given(data=st.data())
def test_matches_finite_differences(op, data):
    drawn = data.draw(CASES[op].draw)
    nodes, out, weights = weighted_loss(op, drawn)
    (out * weights).sum().backward()

    def loss(inputs: list[np.ndarray]) -> float:
        return float((op.forward(vg.Context(), *inputs, **drawn.settings) * weights).sum())

    for port, node in enumerate(nodes):
        entry = data.draw(st.integers(0, node.value.size - 1))
        step = 1e-6
        changed = []
        for sign in (step, -step):
            inputs = [x.copy() for x in drawn.inputs]
            inputs[port].reshape(-1)[entry] += sign
            changed.append(loss(inputs))
        numeric = (changed[0] - changed[1]) / (2 * step)
        exact = node.grad.reshape(-1)[entry]
        assert exact == pytest.approx(numeric, rel=2e-5, abs=2e-7 * max(1.0, abs(changed[0])))


@every_op
@given(data=st.data())
def test_keeps_float32(op, data):
    drawn = data.draw(CASES[op].draw)
    nodes = [vg.TensorNode(x.astype(np.float32)) for x in drawn.inputs]
    out = op.do_forward(*nodes, **drawn.settings)
    loss = (out * 0.5).sum()
    loss.backward()
    assert {out.dtype, loss.dtype, *(node.grad.dtype for node in nodes)} == {np.dtype(np.float32)}


@every_op
@given(data=st.data())
def test_inputs_are_never_written_to(op, data):
    drawn = data.draw(CASES[op].draw)
    frozen = [x.copy() for x in drawn.inputs]
    for x in frozen:
        x.flags.writeable = False
    nodes = [vg.TensorNode(x) for x in frozen]
    op.do_forward(*nodes, **drawn.settings).sum().backward()
    for node, x in zip(nodes, drawn.inputs, strict=True):
        np.testing.assert_array_equal(node.value, x)


@every_op
@given(data=st.data())
def test_any_subset_of_inputs_may_want_no_gradient(op, data):
    drawn = data.draw(CASES[op].draw)
    wanted = data.draw(st.lists(st.booleans(), min_size=len(drawn.inputs), max_size=len(drawn.inputs)).filter(any))
    nodes, out, weights = weighted_loss(op, drawn)
    (out * weights).sum().backward()
    some = [vg.TensorNode(x, requires_grad=want) for x, want in zip(drawn.inputs, wanted, strict=True)]
    (op.do_forward(*some, **drawn.settings) * weights).sum().backward()
    for want, full, node in zip(wanted, nodes, some, strict=True):
        np.testing.assert_array_equal(node.grad, full.grad if want else np.zeros_like(node.value))


@every_op
def test_states_its_rule(op):
    inputs = [p for p in list(inspect.signature(op.forward).parameters.values())[1:] if p.default is p.empty]
    ports = [p.name for p in inputs if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert op.__doc__
    assert op.symbol
    assert len(op.rule.backward) == len(ports)
    assert r"\v{out}" in op.rule.forward
    for port, formula in zip(ports, op.rule.backward, strict=True):
        assert formula.startswith(rf"\g{{{port}}} =")
        assert r"\g{out}" in formula


# --- points of special interest --------------------------------------------------------------------------------------


@given(seeds, st.integers(1, 4), st.integers(1, 4))
def test_row_max_gives_a_tie_to_the_first(seed, rows, columns):
    x = vg.TensorNode(np.random.default_rng(seed).integers(0, 2, (rows, columns)).astype(float))
    ops.RowMax.do_forward(x).sum().backward()
    for values, grads in zip(x.value, x.grad, strict=True):
        expected = np.zeros(columns)
        expected[values.tolist().index(values.max())] = 1
        np.testing.assert_array_equal(grads, expected)


def test_relu_is_flat_at_zero():
    x = vg.TensorNode([-1.0, 0.0, -0.0, 2.0])
    vg.relu(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0, 0, 1])


@pytest.mark.parametrize("score", [1e3, 1e5])
def test_large_scores_do_not_overflow(score):
    x = vg.TensorNode([[score, 0.0], [-score, 0.0]])
    loss = vg.logceloss(vg.logsoftmax(x), np.array([1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(score)
    np.testing.assert_allclose(x.grad, [[1, -1], [0, 0]], atol=1e-12)
    y = vg.TensorNode([score, -score])
    out = vg.sigmoid(y)
    out.sum().backward()
    np.testing.assert_array_equal(out.value, [1, 0])
    np.testing.assert_array_equal(y.grad, [0, 0])


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 2.0, 0.5, -1, -2.5])
@pytest.mark.parametrize("base", [0.0, -1.5, 2.0])
def test_power_at_its_edges_agrees_with_torch(base, exponent):
    x = vg.TensorNode(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vg.NumericsWarning)
        out = x**exponent
    out.backward()
    tensor = torch.tensor(base, dtype=torch.float64, requires_grad=True)
    expected = tensor**exponent
    expected.backward()
    np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-12)


@given(base=st.sampled_from([0.0, 0.5, 2.0]), exponent=st.sampled_from([0.5, 1.0, 2.0]))
def test_power_gives_its_exponent_a_gradient(base, exponent):
    p = vg.TensorNode(exponent)
    (base**p).backward()
    tensor = torch.tensor(exponent, dtype=torch.float64, requires_grad=True)
    (torch.tensor(base, dtype=torch.float64) ** tensor).backward()
    np.testing.assert_allclose(p.grad, tensor.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize(("a", "b"), [(1e-200, 1e-200), (1e200, 1e200), (3.0, 1e-150), (1e-300, 1e10)])
def test_divide_has_the_gradient_of_very_small_and_large_denominators(a, b):
    x, y = vg.TensorNode(a), vg.TensorNode(b)
    (x / y).backward()
    p, q = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b))
    (p / q).backward()
    np.testing.assert_allclose([x.grad, y.grad], [p.grad.numpy(), q.grad.numpy()], rtol=1e-12)


@pytest.mark.parametrize("op", [ops.Add, ops.Sub, ops.Multiply, ops.Divide, ops.Power, ops.MatrixMultiply])
@pytest.mark.parametrize("narrow", [0, 1])
def test_a_float32_partner_does_not_make_float64_gradients_coarse(op, narrow):
    pair = [positive(seed, (2, 2)).astype(np.float32).astype(np.float64) for seed in (4, 5)]
    wide = [vg.TensorNode(x) for x in pair]
    op.do_forward(*wide).sum().backward()
    mixed = [vg.TensorNode(x.astype(np.float32) if i == narrow else x) for i, x in enumerate(pair)]
    op.do_forward(*mixed).sum().backward()
    assert mixed[narrow].grad.dtype == np.float32
    np.testing.assert_allclose(mixed[1 - narrow].grad, wide[1 - narrow].grad, rtol=1e-12)


@given(seeds, matrices)
def test_normalize_does_not_feel_a_scaled_row(seed, shape):
    x = vg.TensorNode(positive(seed, shape))
    (ops.Normalize.do_forward(x) * normal(seed + 1, shape)).sum().backward()
    np.testing.assert_allclose((x.grad * x.value).sum(axis=1), 0, atol=1e-12)


def test_select_takes_a_batch_of_one():
    x = vg.TensorNode([[1.0, 2.0, 3.0]])
    out = ops.Select.do_forward(x, indices=[1])
    assert out.shape == (1,)
    out.backward()
    np.testing.assert_array_equal(x.grad, [[0, 1, 0]])


EMPTY = [
    *[(op, [(0, 2)] * 2, {}) for op in (ops.Add, ops.Sub, ops.Multiply, ops.Divide, ops.Power)],
    *[(op, [(0, 2)], {}) for op in (ops.Exp, ops.Log, ops.ReLU, ops.Sigmoid, ops.Sum, ops.RowSum, ops.Transpose)],
    (ops.Add, [(0, 2), (2,)], {}),
    (ops.MatrixMultiply, [(0, 2), (2, 3)], {}),
    (ops.MatrixMultiply, [(2, 0), (0, 3)], {}),
    (ops.BatchMM, [(3, 2), (0, 2)], {}),
    (ops.Select, [(0, 2)], {"indices": np.zeros(0, int)}),
    (ops.Reshape, [(0, 2)], {"shape": (0,)}),
]


@pytest.mark.parametrize(("op", "shapes", "settings"), EMPTY)
def test_empty_arrays_pass_through(op, shapes, settings):
    nodes = [vg.TensorNode(np.zeros(shape)) for shape in shapes]
    op.do_forward(*nodes, **settings).sum().backward()
    for node in nodes:
        np.testing.assert_array_equal(node.grad, np.zeros(node.shape))
