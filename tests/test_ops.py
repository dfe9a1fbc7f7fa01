"""Each op against PyTorch and against finite differences, over random shapes and broadcasting."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import vizgrad as vg
from tests import network_cases
from tests.strategies import Case, Drawn, broadcast_shapes, normal, positive, seeds, shapes
from vizgrad import ops
from vizgrad.ops.erf import erfc

matrices = st.tuples(st.integers(1, 4), st.integers(1, 4))


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


@st.composite
def varied(draw: st.DrawFn) -> Drawn:
    drawn = draw(reduced())
    smallest = 1 if drawn.settings["axis"] is None else min(drawn.inputs[0].shape, default=1)
    return Drawn(drawn.inputs, {**drawn.settings, "ddof": draw(st.integers(0, 1)) if smallest > 1 else 0})


@st.composite
def tied(draw: st.DrawFn) -> Drawn:
    """Entries of which many are equal."""
    drawn = draw(reduced())
    return Drawn(
        [np.random.default_rng(draw(seeds)).integers(0, 2, x.shape) * 1.0 for x in drawn.inputs], drawn.settings
    )


@st.composite
def chosen(draw: st.DrawFn) -> Drawn:
    a, b = draw(broadcast_shapes())
    whole = np.broadcast_shapes(a, b)
    condition = np.random.default_rng(draw(seeds)).random(whole[draw(st.integers(0, len(whole))) :]) < 0.5
    seed = draw(seeds)
    return Drawn([normal(seed, a), normal(seed + 1, b)], {"condition": np.asarray(condition)})


@st.composite
def clipped(draw: st.DrawFn) -> Drawn:
    limits = st.sampled_from([(-0.5, 0.5), (0, None), (None, 0.25), (-10, 10), (0.5, 0.5)])
    low, high = draw(limits)
    return Drawn([normal(draw(seeds), draw(shapes))], {"low": low, "high": high})


@st.composite
def transposed(draw: st.DrawFn) -> Drawn:
    x = normal(draw(seeds), draw(shapes))
    order = draw(st.permutations(range(x.ndim)))
    axes = draw(st.sampled_from([None, tuple(order), [axis - x.ndim for axis in order]]))
    return Drawn([x], {} if axes is None and draw(st.booleans()) else {"axes": axes})


@st.composite
def joined(draw: st.DrawFn) -> Drawn:
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    inputs = []
    for _ in range(draw(st.integers(1, 4))):
        shape[axis] = draw(st.integers(1, 3))
        inputs.append(normal(draw(seeds), tuple(shape)))
    return Drawn(inputs, {"axis": axis})


@st.composite
def stacked(draw: st.DrawFn) -> Drawn:
    shape = draw(shapes)
    inputs = [normal(draw(seeds), shape) for _ in range(draw(st.integers(1, 4)))]
    return Drawn(inputs, {"axis": draw(st.integers(-len(shape) - 1, len(shape)))})


@st.composite
def padded(draw: st.DrawFn) -> Drawn:
    x = normal(draw(seeds), draw(shapes))
    width = st.integers(0, 2)
    pair = st.tuples(width, width)
    widths = width | pair | st.tuples(pair) | (st.tuples(*[pair] * x.ndim) if x.ndim else width)
    return Drawn([x], {"width": draw(widths), "value": draw(st.sampled_from([0.0, -1.5, 2]))})


def _entry_of_index(size: int) -> st.SearchStrategy[Any]:
    places = st.integers(-size, size - 1)
    ends = st.none() | st.integers(-size - 1, size + 1)
    return places | st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1]))


@st.composite
def indexed(draw: st.DrawFn) -> Drawn:
    """Numbers, slices, None and ...; lists and arrays with repeats; masks. At least one entry is left."""
    x = normal(draw(seeds), draw(st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)))
    kind = draw(st.sampled_from(["basic", "places", "pairs", "mask"]))
    index: Any
    if kind == "basic":
        index = [draw(_entry_of_index(size)) for size in x.shape]
        first, last = sorted(draw(st.tuples(*[st.integers(0, x.ndim)] * 2)))
        index[first:last] = draw(st.sampled_from([[...], [slice(None)] * (last - first)]))
        if draw(st.booleans()):
            index.insert(draw(st.integers(0, len(index))), None)
        index = tuple(index[: draw(st.integers(0, len(index)))]) if ... not in index else tuple(index)
    elif kind == "places":
        axis = draw(st.integers(0, x.ndim - 1))
        places = draw(st.lists(st.integers(-x.shape[axis], x.shape[axis] - 1), min_size=1, max_size=5))
        index = (*[slice(None)] * axis, draw(st.sampled_from([places, np.array(places), np.array([places] * 2)])))
        index = index if axis or draw(st.booleans()) else index[0]
    elif kind == "pairs":
        count = draw(st.integers(1, 4))
        index = tuple(np.random.default_rng(draw(seeds)).integers(-n, n, count) for n in x.shape)
    else:
        index = np.random.default_rng(draw(seeds)).random(x.shape[: draw(st.integers(1, x.ndim))]) < 0.6
    assume(x[index].size > 0)
    return Drawn([x], {"index": index})


def torch_sum(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
    return torch.sum(x, dim=axis if axis is not None else tuple(range(x.ndim)), keepdim=keepdims) if x.ndim else x * 1


def torch_mean(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
    return torch.mean(x, dim=axis if axis is not None else tuple(range(x.ndim)), keepdim=keepdims) if x.ndim else x * 1


def torch_select(x: torch.Tensor, indices: Any) -> torch.Tensor:
    return x[torch.arange(len(x)), torch.tensor(np.asarray(indices))]


def torch_axis(x: torch.Tensor, axis: Any) -> Any:
    return axis if axis is not None else tuple(range(x.ndim))


def torch_extreme(extreme: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def reference(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
        return extreme(x, dim=torch_axis(x, axis), keepdim=keepdims) if x.ndim else x * 1

    return reference


def torch_var(x: torch.Tensor, axis: Any, keepdims: bool, ddof: int) -> torch.Tensor:
    return torch.var(x, dim=torch_axis(x, axis), correction=ddof, keepdim=keepdims) if x.ndim else x * 0


def torch_logsumexp(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
    return torch.logsumexp(x, torch_axis(x, axis), keepdims) if x.ndim else x * 1


def torch_pad(x: torch.Tensor, width: Any, value: float) -> torch.Tensor:
    pairs = np.broadcast_to(width, (x.ndim, 2))[::-1].reshape(-1).tolist()
    return torch.nn.functional.pad(x, pairs, value=value) if x.ndim else x * 1


def torch_index(x: torch.Tensor, index: Any) -> torch.Tensor:
    """By the places of the entries, because PyTorch has no steps below 0."""
    places = np.arange(x.numel()).reshape(x.shape)[index]
    return x.reshape(-1)[torch.tensor(places)]


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
    ops.Abs: Case(one(), torch.abs),
    ops.Log1p: Case(one(fill=positive), torch.log1p),
    ops.Sqrt: Case(one(fill=positive), torch.sqrt),
    ops.LeakyReLU: Case(
        st.builds(
            lambda drawn, slope: Drawn(drawn.inputs, {"slope": slope}), one(), st.sampled_from([0.01, 0.2, 0, 1])
        ),
        lambda x, slope: torch.nn.functional.leaky_relu(x, slope),
    ),
    ops.Softplus: Case(one(), torch.nn.functional.softplus),
    ops.GELU: Case(
        st.builds(
            lambda drawn, approximate: Drawn(drawn.inputs, {"approximate": approximate}),
            one(),
            st.sampled_from(["none", "tanh"]),
        ),
        lambda x, approximate: torch.nn.functional.gelu(x, approximate=approximate),
    ),
    ops.Maximum: Case(two(), torch.maximum),
    ops.Minimum: Case(two(), torch.minimum),
    ops.Where: Case(chosen(), lambda a, b, condition: torch.where(torch.tensor(condition), a, b)),
    ops.Clip: Case(clipped(), lambda x, low, high: torch.clamp(x, low, high)),
    ops.MatrixMultiply: Case(multiplied(), torch.matmul),
    ops.BatchMM: Case(batch(), lambda matrix, vectors: torch.nn.functional.linear(vectors, matrix)),
    ops.Normalize: Case(one(matrices, positive), lambda x: x / x.sum(dim=1, keepdim=True)),
    ops.Sum: Case(reduced(), torch_sum),
    ops.Mean: Case(reduced(), torch_mean),
    ops.Var: Case(varied(), torch_var),
    ops.Max: Case(reduced(), torch_extreme(torch.amax)),
    ops.Min: Case(reduced(), torch_extreme(torch.amin)),
    ops.LogSumExp: Case(reduced(), torch_logsumexp),
    ops.RowSum: Case(one(matrices), lambda x: x.sum(dim=1)),
    ops.RowMax: Case(one(matrices), lambda x: x.max(dim=1).values),
    ops.Expand: Case(with_unit_axis(True), lambda x, dim, repeats: x.repeat_interleave(repeats, dim)),
    ops.Select: Case(selected(), torch_select),
    ops.Squeeze: Case(with_unit_axis(False), torch.squeeze),
    ops.Unsqueeze: Case(unsqueezed(), torch.unsqueeze),
    ops.Reshape: Case(reshaped(), torch.reshape),
    ops.Transpose: Case(
        transposed(), lambda x, axes=None: x.permute(tuple(range(x.ndim - 1, -1, -1)) if axes is None else tuple(axes))
    ),
    ops.Concatenate: Case(joined(), lambda *arrays, axis: torch.cat(arrays, axis)),
    ops.Stack: Case(stacked(), lambda *arrays, axis: torch.stack(arrays, axis)),
    ops.Pad: Case(padded(), torch_pad),
    ops.Index: Case(indexed(), torch_index),
    **network_cases.CASES,
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
@settings(max_examples=15)
@given(data=st.data())
def test_keeps_float32(op, data):
    drawn = data.draw(CASES[op].draw)
    nodes = [vg.TensorNode(x.astype(np.float32)) for x in drawn.inputs]
    out = op.do_forward(*nodes, **drawn.settings)
    loss = (out * 0.5).sum()
    loss.backward()
    assert {out.dtype, loss.dtype, *(node.grad.dtype for node in nodes)} == {np.dtype(np.float32)}


@every_op
@settings(max_examples=15)
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
@settings(max_examples=15)
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
    parameters = inspect.signature(op.forward).parameters.values()
    ports = [p.name for p in parameters if p.annotation in ("Array", "Array | None")]
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


# --- far out, and at kinks -------------------------------------------------------------------------------------------


@given(st.floats(-26, 26))
def test_erfc_keeps_its_digits_everywhere(x):
    assert erfc(np.array(x)) == pytest.approx(math.erfc(x), rel=2e-15)


@given(st.floats(-37, 37))
def test_gelu_keeps_its_digits_where_it_is_tiny(x):
    assert vg.gelu(x).item() == pytest.approx(x * math.erfc(-x / math.sqrt(2)) / 2, rel=1e-12)


FAR: list[tuple[Callable[[vg.TensorNode], vg.TensorNode], float, float, float]] = [
    # function, x, value, slope
    (vg.softplus, 1000.0, 1000.0, 1.0),
    (vg.softplus, -1000.0, 0.0, 0.0),
    (vg.softplus, -30.0, math.log1p(math.exp(-30)), 1 / (1 + math.exp(30))),
    (vg.sigmoid, -700.0, math.exp(-700), math.exp(-700)),
    (vg.gelu, 40.0, 40.0, 1.0),
    (vg.gelu, -40.0, 0.0, 0.0),
    (vg.gelu, 1e300, 1e300, 1.0),
    (vg.gelu, -math.inf, 0.0, 0.0),
    (lambda x: vg.gelu(x, "tanh"), 40.0, 40.0, 1.0),
    (lambda x: vg.gelu(x, "tanh"), -1e300, 0.0, 0.0),
    (vg.log1p, 1e-20, 1e-20, 1.0),
    (vg.logsumexp, 1e300, 1e300, 1.0),
]


@pytest.mark.parametrize(("function", "at", "value", "slope"), FAR)
def test_values_far_out_are_right(function, at, value, slope):
    x = vg.TensorNode(at)
    out = function(x)
    out.backward()
    assert out.item() == pytest.approx(value, rel=1e-12)
    assert float(x.grad) == pytest.approx(slope, rel=1e-12)


ONE_BY_ONE = [ops.Abs, ops.Clip, ops.Cos, ops.Exp, ops.GELU, ops.Id, ops.LeakyReLU, ops.Log, ops.Log1p, ops.LogSumExp]
ONE_BY_ONE += [ops.Max, ops.Mean, ops.Min, ops.Negate, ops.ReLU, ops.Sigmoid, ops.Sin, ops.Softplus, ops.Sqrt, ops.Tanh]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", ONE_BY_ONE, ids=lambda op: op.__name__)
@settings(max_examples=20)
@given(x=st.sampled_from([0.0, 1.0, -1.0, 1e-40, 1e30, -1e30, 1e300, -1e300, math.inf, -math.inf, math.nan]))
def test_no_number_makes_numpy_warn(op, dtype, x):
    limit = float(np.finfo(dtype).max)
    node = vg.TensorNode(np.array([dtype(np.clip(x, -limit, limit) if math.isfinite(x) else x)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vg.NumericsWarning)
        out = op.do_forward(node)
        out.sum().backward()
    assert out.dtype == node.grad.dtype == dtype


@pytest.mark.parametrize(
    ("function", "x", "words"),
    [
        (vg.exp, [0.0, 1000.0], "Exp: 1 of 2 entries of the input are too large for float64; the result there is inf"),
        (vg.exp, np.float32(100), "Exp: the input is too large for float32"),
        (vg.sqrt, [-1.0, 4.0], "Sqrt: 1 of 2 entries of the input are below 0; the result there is nan"),
        (vg.log1p, -1.0, "Log1p: the input is not above -1"),
        (vg.sin, math.inf, "Sin: the input is infinite"),
        (vg.cos, [-math.inf, 0.0], "Cos: 1 of 2 entries of the input are infinite"),
        (lambda x: x**3, [1e200, 1.0], "Power: 1 of 2 entries of the input are raised beyond the range of float64"),
        (lambda x: x**-3, 1e-200, "Power: the input is raised beyond the range of float64"),
        (lambda x: x**-1, 0.0, "Power: the input is outside the domain of this power"),
        (lambda x: x**0.5, [-1.0, 1.0], "Power: 1 of 2 entries of the input are outside the domain"),
    ],
)
def test_what_has_no_finite_result_is_told_in_words(function, x, words):
    node = vg.TensorNode(x)
    with pytest.warns(vg.NumericsWarning, match=re.escape(words)) as caught:
        out = function(node)
    assert len(caught) == 1
    out.sum().backward()


@given(tied())
def test_equal_extremes_share_the_gradient_as_in_torch(drawn):
    for op, extreme in ((ops.Max, torch.amax), (ops.Min, torch.amin)):
        x = vg.TensorNode(drawn.inputs[0])
        out = op.do_forward(x, **drawn.settings)
        (out * normal(1, out.shape)).sum().backward()
        tensor = torch.tensor(x.value, requires_grad=True)
        expected = torch_extreme(extreme)(tensor, **drawn.settings)
        (expected * torch.tensor(normal(1, out.shape))).sum().backward()
        np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-12)


@given(seeds, broadcast_shapes())
def test_equal_entries_share_the_gradient_as_in_torch(seed, pair):
    rng = np.random.default_rng(seed)
    inputs = [rng.integers(0, 2, shape) * 1.0 for shape in pair]
    for op, reference in ((ops.Maximum, torch.maximum), (ops.Minimum, torch.minimum)):
        nodes = [vg.TensorNode(x) for x in inputs]
        op.do_forward(*nodes).sum().backward()
        tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
        reference(*tensors).sum().backward()
        for node, tensor in zip(nodes, tensors, strict=True):
            np.testing.assert_array_equal(node.grad, tensor.grad.numpy())


def test_logsumexp_of_rows_without_hope_or_bounds():
    x = vg.TensorNode([[-np.inf, -np.inf], [np.inf, 1000.0], [1000.0, 1000.0], [-np.inf, 3.0]])
    out = vg.logsumexp(x, axis=1)
    np.testing.assert_allclose(out.value, [-np.inf, np.inf, 1000 + np.log(2), 3])
    vg.where([True, False, True, True], out, 0).sum().backward()
    np.testing.assert_array_equal(x.grad[[0, 2, 3]], [[0, 0], [0.5, 0.5], [0, 1]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, bool])
@pytest.mark.parametrize("op", [ops.Add, ops.Sub, ops.Multiply, ops.Divide, ops.Power, ops.Maximum, ops.Minimum])
def test_whole_numbers_are_computed_as_floats(op, dtype):
    whole = np.array([100, 3, 1]).astype(dtype)
    for partner in (whole, vg.TensorNode(np.array([0.5, 2, 1], np.float32)), vg.TensorNode(whole, requires_grad=False)):
        raw = partner.value if isinstance(partner, vg.TensorNode) else partner
        kind = raw.dtype if raw.dtype.kind == "f" else np.dtype(np.float64)
        for pair in ((whole, partner), (partner, whole), (vg.TensorNode(whole, requires_grad=False), partner)):
            out = op.do_forward(*pair)
            a, b = [(x.value if isinstance(x, vg.TensorNode) else x).astype(kind) for x in pair]
            np.testing.assert_array_equal(out.value, op.forward({}, a, b))
            assert out.dtype == kind


# --- places ----------------------------------------------------------------------------------------------------------


def test_an_entry_picked_twice_gets_both_gradients():
    x = vg.TensorNode([1.0, 2.0, 3.0])
    (ops.Index.do_forward(x, index=[0, 2, 2, -1]) * [1.0, 10.0, 100.0, 1000.0]).sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 0, 1110])


def test_an_index_may_come_in_a_tensor_and_may_change_afterwards():
    places = vg.TensorNode(np.array([2, 0]), requires_grad=False)
    x = vg.TensorNode([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    out = ops.Index.do_forward(x, index=(places, 1))
    np.testing.assert_array_equal(out.value, [6, 2])
    mask = np.array([True, False, True])
    kept = ops.Index.do_forward(x, index=mask)
    mask[:] = False
    places.value[:] = 1
    (out.sum() + kept.sum()).backward()
    np.testing.assert_array_equal(x.grad, [[1, 2], [0, 0], [1, 2]])


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda x: ops.Index.do_forward(x, index=5), "index 5 is out of bounds for axis 0 with size 2"),
        (lambda x: ops.Index.do_forward(x, index=(0, 0, 0)), "too many indices"),
        (lambda x: ops.Index.do_forward(x, index=[0.5]), "must be of integer"),
    ],
)
def test_a_place_that_is_not_there_is_an_index_error(use, words):
    with pytest.raises(IndexError, match=words) as caught:
        use(vg.TensorNode(np.ones((2, 3)), "scores"))
    assert isinstance(caught.value, vg.OutOfRangeError)
    assert "Index cannot compute with scores (2, 3) with index=" in str(caught.value)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda x: vg.where([1, 0, 1], x, 0), "holds booleans, such as x > 0 gives, not int64"),
        (lambda x: vg.where([True, False], x, 0), "shapes"),
        (lambda x: vg.maximum(x, np.ones(4)), "here 3 meets 4"),
        (lambda x: vg.clip(x, 2, 1), "low, 2, is above high, 1"),
        (lambda x: vg.gelu(x, "erf"), "approximate is 'none' or 'tanh', not 'erf'"),
        (lambda x: vg.pad(x, ((1, 1), (2, 2), (3, 3))), "one such pair for each of 2 axes"),
        (lambda x: vg.pad(x, 0.5), "one such pair for each of 2 axes"),
        (lambda x: vg.pad(x, -1), "0 or more entries wide"),
        (lambda x: ops.Var.do_forward(x, axis=0, ddof=2), "ddof=2 needs at least 3 entries, not 2"),
        (lambda x: ops.Mean.do_forward(ops.Index.do_forward(x, index=[])), "no entries of which to take the mean"),
        (lambda x: ops.Sum.do_forward(x, axis=2), "axis 2 is out of bounds"),
        (lambda x: ops.Var.do_forward(x, axis=(0, 0)), "axis"),
        (lambda x: ops.Transpose.do_forward(x, axes=(0, 0)), "axis"),
        (lambda x: ops.Transpose.do_forward(x, axes=(0,)), "axes don't match"),
        (lambda x: ops.Expand.do_forward(x, dim=-3, repeats=2), "axis -3 is out of bounds"),
        (lambda x: vg.concatenate([x, np.ones((2, 3))], axis=2), "axis 2 is out of bounds"),
        (lambda x: vg.concatenate([x, np.ones(3)]), "same number of dimensions"),
        (lambda x: vg.stack([x, np.ones((2, 2))]), "same shape"),
        (lambda x: vg.concatenate([]), "need at least one array"),
    ],
)
def test_what_cannot_be_computed_is_explained(use, words):
    with pytest.raises(vg.ShapeError, match=re.escape(words)) as caught:
        use(vg.TensorNode(np.ones((2, 3))))
    assert "why:" in str(caught.value)


EMPTY = [
    *[(op, [(0, 2)] * 2, {}) for op in (ops.Add, ops.Sub, ops.Multiply, ops.Divide, ops.Power)],
    *[(op, [(0, 2)], {}) for op in (ops.Exp, ops.Log, ops.ReLU, ops.Sigmoid, ops.Sum, ops.RowSum, ops.Transpose)],
    (ops.Add, [(0, 2), (2,)], {}),
    (ops.MatrixMultiply, [(0, 2), (2, 3)], {}),
    (ops.MatrixMultiply, [(2, 0), (0, 3)], {}),
    (ops.BatchMM, [(3, 2), (0, 2)], {}),
    (ops.Select, [(0, 2)], {"indices": np.zeros(0, int)}),
    (ops.Reshape, [(0, 2)], {"shape": (0,)}),
    *[(op, [(0, 2)], {}) for op in (ops.Sqrt, ops.GELU, ops.Softplus, ops.Clip, ops.LogSumExp)],
    (ops.Maximum, [(0, 2), (2,)], {}),
    (ops.Where, [(0, 2), (2,)], {"condition": True}),
    (ops.Mean, [(0, 2)], {"axis": 1}),
    (ops.Max, [(0, 2)], {"axis": 1}),
    (ops.Concatenate, [(0, 2), (0, 2)], {}),
    (ops.Stack, [(0, 2), (0, 2)], {}),
    (ops.Pad, [(0, 2)], {"width": 1}),
    (ops.Index, [(3, 2)], {"index": []}),
    (ops.Index, [(0, 2)], {"index": np.zeros((0, 2), bool)}),
]


@pytest.mark.parametrize(("op", "shapes", "settings"), EMPTY)
def test_empty_arrays_pass_through(op, shapes, settings):
    nodes = [vg.TensorNode(np.zeros(shape)) for shape in shapes]
    op.do_forward(*nodes, **settings).sum().backward()
    for node in nodes:
        np.testing.assert_array_equal(node.grad, np.zeros(node.shape))
