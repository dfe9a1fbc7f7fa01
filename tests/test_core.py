"""The engine: graphs of every form against PyTorch, what is freed, what is watched, and what may be mixed in."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import SPECS, broadcast_shapes, normal, positive, programs, seeds
from vizgrad import core, graph, ops
from vizgrad.observer import Observer, watching


def torch_axis(x: torch.Tensor, axis: Any) -> Any:
    return tuple(range(x.ndim)) if axis is None else axis


TORCH = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "add_number": lambda x, number: number + x,
    "rsub_number": lambda x, number: number - x,
    "neg": torch.neg,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "abs": torch.abs,
    "clip": lambda x: torch.clamp(x, -1.5, 0.75),
    "id": torch.clone,
    "exp": torch.exp,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where": lambda a, b, condition: torch.where(torch.tensor(condition), a, b),
    "power": torch.pow,
    "sum": lambda x, axis, keepdims: x.sum(torch_axis(x, axis), keepdims) if x.ndim else x.clone(),
    "mean": lambda x, axis, keepdims: x.mean(torch_axis(x, axis), keepdims) if x.ndim else x.clone(),
    "max": lambda x, axis, keepdims: x.amax(torch_axis(x, axis), keepdims) if x.ndim else x.clone(),
    "min": lambda x, axis, keepdims: x.amin(torch_axis(x, axis), keepdims) if x.ndim else x.clone(),
    "var": lambda x, axis, keepdims: x.var(torch_axis(x, axis), correction=0, keepdim=keepdims) if x.ndim else x - x,
    "logsumexp": lambda x, axis, keepdims: x.logsumexp(torch_axis(x, axis), keepdims) if x.ndim else x.clone(),
    "reshape": torch.reshape,
    "transpose": lambda x: x.permute(tuple(range(x.ndim - 1, -1, -1))),
    "permute": lambda x, axes: x.permute(axes),
    "concatenate": lambda a, b, axis: torch.cat([a, b], axis),
    "stack": lambda a, b, axis: torch.stack([a, b], axis),
    "pad": lambda x, before, after: torch.nn.functional.pad(x, (before, after)),
    "take": lambda x, places: x[torch.tensor(places)],
    "slice": lambda x, start: x[..., start:, None],
    "matmul": torch.matmul,
    "batchmm": lambda matrix, vectors: vectors @ matrix.T,
    "rowsum": lambda x: x.sum(1),
    "rowmax": lambda x: x.max(1).values,
    "normalize": lambda x: x / x.sum(1, keepdim=True),
    "logsoftmax": lambda x: torch.log_softmax(x, 1),
    "select": lambda x, indices: x[torch.arange(len(x)), torch.tensor(indices)],
    "unsqueeze": torch.unsqueeze,
    "squeeze": torch.squeeze,
    "expand": lambda x, dim, repeats: x.repeat_interleave(repeats, dim),
}


class Split(vg.Op):
    """Two outputs: the first column of a matrix, and the others."""

    @staticmethod
    def forward(context, x):
        return x[:, :1], x[:, 1:]

    @staticmethod
    def backward(context, first, rest):
        return np.concatenate([first, rest], axis=1)


class Events(Observer):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.arrivals: list[vg.TensorNode] = []

    def forward(self, op, settings, outputs):
        self.counts["forward"] += 1

    def backward(self, op, upstream, gradients):
        self.counts["backward"] += 1
        self.arrivals += [node for node, gradient in zip(op.inputs, gradients, strict=True) if gradient is not None]

    def zero(self, node):
        self.counts["zero"] += 1


# --- gradients of graphs ---------------------------------------------------------------------------------------------


@given(programs(5, 50))
def test_random_programs_agree_with_torch(program):
    assert TORCH.keys() == SPECS.keys()
    here = program.run_here()
    here[-1].backward()

    leaves = [torch.tensor(leaf, requires_grad=True) for leaf in program.leaves]
    there = program.run(leaves, TORCH)
    for tensor in there:
        tensor.retain_grad()
    there[-1].backward()
    largest = max(float(t.grad.abs().max()) for t in there if t.grad is not None)
    for node, tensor in zip(here, there, strict=True):
        assert node.shape == tuple(tensor.shape)
        np.testing.assert_allclose(node.value, tensor.detach().numpy(), rtol=1e-10, atol=1e-10)
        expected = np.zeros(node.shape) if tensor.grad is None else tensor.grad.numpy()
        np.testing.assert_allclose(node.grad, expected, rtol=1e-10, atol=1e-10 * max(1.0, largest))


@given(programs(), st.integers(2, 3))
def test_each_backward_adds_the_same_again(program, times):
    once = program.run_here()
    once[-1].backward()
    often = program.run_here()
    for _ in range(times):
        often[-1].backward(retain_graph=True)
    for a, b in zip(once, often, strict=True):
        np.testing.assert_allclose(b.grad, times * a.grad, rtol=1e-12)


@given(programs())
def test_zero_grad_makes_the_next_backward_a_first_one(program):
    nodes = program.run_here()
    nodes[-1].backward(retain_graph=True)
    first = [node.grad.copy() for node in nodes]
    nodes[-1].zero_grad()
    for node in nodes:
        np.testing.assert_array_equal(node.grad, np.zeros(node.shape))
    nodes[-1].backward()
    for node, grad in zip(nodes, first, strict=True):
        np.testing.assert_array_equal(node.grad, grad)


@given(programs())
def test_backward_calls_each_op_on_the_way_once_and_no_other(program):
    nodes = program.run_here()
    below = set(graph.ops_below(nodes[-1]))
    with watching(events := Events()):
        nodes[-1].backward()
    assert events.counts["backward"] == len(below)
    assert len(events.arrivals) == sum(node.requires_grad for op in below for node in op.inputs)
    assert Counter(events.arrivals) == +Counter(graph.gradients_to_come(nodes[-1]))


@given(programs())
def test_ops_below_puts_makers_first(program):
    loss = program.run_here()[-1]
    order = graph.ops_below(loss)
    places = {op: i for i, op in enumerate(order)}
    assert len(places) == len(order)
    assert order[-1] is loss.source
    for op in order:
        for node in op.inputs:
            assert node.source is None or places[node.source] < places[op]


def test_a_diamond_waits_for_both_sides():
    a = vg.TensorNode(0.8)
    s = a * a
    o = 3 * s * vg.sin(s)
    o.backward()
    expected = 2 * 0.8 * 3 * (np.sin(0.64) + 0.64 * np.cos(0.64))
    assert float(a.grad) == pytest.approx(expected, rel=1e-14)
    assert float(a.grad) == pytest.approx(5.3306, abs=5e-5)


def test_a_dead_branch_does_not_stop_the_walk():
    w, v = vg.TensorNode(3.0), vg.TensorNode(2.0)
    x = w * v
    dead = x + v
    loss = x * v
    loss.backward()
    assert (float(w.grad), float(v.grad), float(dead.grad)) == (4, 12, 0)


def test_a_result_may_be_used_further_before_backward():
    a = vg.TensorNode(2.0)
    loss = a * a
    further = loss * 5
    loss.backward()
    assert (float(a.grad), float(further.grad)) == (4, 0)


@pytest.mark.parametrize(
    ("build", "slope"),
    [
        (lambda x: x + x, 2),
        (lambda x: x - x, 0),
        (lambda x: x * x, 1.6),
        (lambda x: x / x, 0),
        (lambda x: x * x * x * x, 4 * 0.8**3),
        (lambda x: (x * x) * (x * x), 2.048),
    ],
)
def test_one_tensor_at_several_ports(build, slope):
    x = vg.TensorNode(0.8)
    out = build(x)
    out.backward(retain_graph=True)
    assert float(x.grad) == pytest.approx(slope, abs=1e-15)
    out.backward()
    assert float(x.grad) == pytest.approx(2 * slope, abs=1e-15)


@pytest.mark.parametrize("levels", [1, 2, 40])
def test_reuse_does_not_multiply_the_work(levels):
    x = vg.TensorNode(1.0)
    y = x
    for _ in range(levels):
        y = y + y
    with watching(events := Events()):
        y.backward()
        y.zero_grad()
    assert events.counts == {"backward": levels, "zero": levels + 1}
    assert len(events.arrivals) == 2 * levels


@pytest.mark.parametrize("used", ["both", "first", "rest", "first, other kept", "rest, other kept"])
def test_an_op_with_two_outputs(used):
    x = vg.TensorNode(normal(1, (3, 4)))
    first, rest = Split.do_forward(x)
    expected = np.zeros((3, 4))
    if used == "both":
        loss = (first * rest).sum()
        expected[:, :1] = rest.value.sum(axis=1, keepdims=True)
        expected[:, 1:] = first.value
    elif used.startswith("first"):
        loss = (first * first).sum()
        expected[:, :1] = 2 * first.value
    else:
        loss = (rest * rest).sum()
        expected[:, 1:] = 2 * rest.value
    if "kept" not in used:
        op = first.source
        del first, rest
        if used != "both":
            assert [output is None for output in op.outputs] == [used == "rest", used == "first"]
    loss.backward()
    np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


def test_two_outputs_that_meet_again_after_ways_of_different_length():
    x = vg.TensorNode(normal(2, (2, 3)))
    first, rest = Split.do_forward(x)
    loss = (vg.sin(vg.exp(vg.tanh(first))) + rest).sum()
    with watching(events := Events()):
        loss.backward()
    assert events.counts["backward"] == 6
    tensor = torch.tensor(x.value, requires_grad=True)
    (torch.sin(torch.exp(torch.tanh(tensor[:, :1]))) + tensor[:, 1:]).sum().backward()
    np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_backward_starts_from_any_shape_that_holds_one_number(shape):
    x = vg.TensorNode(np.full(shape, 3.0))
    loss = x * x
    loss.backward()
    np.testing.assert_array_equal(x.grad, np.full(shape, 6.0))
    np.testing.assert_array_equal(loss.grad, np.ones(shape))


def test_two_graphs_share_a_parameter():
    w = vg.TensorNode([1.0, 2.0])
    first, second = (w * 3).sum(), (w * w).sum()
    first.backward()
    first.clear()
    second.backward()
    np.testing.assert_array_equal(w.grad, [5, 7])


# --- whose array is a gradient ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [operator.add, operator.sub, lambda a, b: a + b + a * b])
def test_a_gradient_is_nobody_elses_array(op):
    a, b, w = (vg.TensorNode(normal(seed, (2, 3))) for seed in range(3))
    c = op(a, b)
    loss = (c * w).sum()
    loss.backward()
    before = [node.grad.copy() for node in (b, c, w)]
    a.grad *= 0
    a.grad += 100
    for node, grad in zip((b, c, w), before, strict=True):
        np.testing.assert_array_equal(node.grad, grad)


@given(programs())
def test_gradients_of_leaves_can_be_written_to_and_share_nothing(program):
    nodes = program.run_here()
    nodes[-1].backward()
    leaves = [node for node in nodes if node.source is None]
    for leaf in leaves:
        assert leaf.grad.flags.writeable
        for other in nodes:
            assert other is leaf or not np.shares_memory(leaf.grad, other.grad)
            assert not np.shares_memory(leaf.grad, other.value)


def test_an_earlier_gradient_does_not_change_under_its_reader():
    a = vg.TensorNode([1.0, 2.0])
    (a * a).sum().backward()
    first = a.grad
    kept = first.copy()
    (a * a).sum().backward()
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(a.grad, 2 * kept)


def test_a_gradient_can_be_assigned():
    a = vg.TensorNode(np.ones(2, np.float32))
    a.grad = [3, 4]
    assert a.grad.dtype == np.float32
    (a * 1.0).sum().backward()
    np.testing.assert_array_equal(a.grad, [4, 5])
    a.grad = None
    np.testing.assert_array_equal(a.grad, [0, 0])


# --- depth and memory ------------------------------------------------------------------------------------------------

CHAIN = """
import sys
import vizgrad as vg
assert sys.getrecursionlimit() <= 1000
x = vg.TensorNode(1.0)
y = x
for _ in range(100_000):
    y = y + 1.0
y.backward()
assert float(x.grad) == 1.0
y.zero_grad()
assert float(x.grad) == 0.0
del y
y = x
for _ in range(100_000):
    y = y * 1.0
y.clear()
print("done")
"""


def test_a_chain_of_100_000_ops_is_walked_and_freed_without_recursion():
    done = subprocess.run([sys.executable, "-c", CHAIN], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "done", "")


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@given(programs())
def test_a_dropped_graph_is_freed_at_once(program):
    with no_garbage_collection():
        nodes = program.run_here()
        nodes[-1].backward()
        results = [weakref.ref(node) for node in nodes if node.source is not None]
        leaves = [node for node in nodes if node.source is None]
        del nodes
        assert [result() for result in results] == [None] * len(results)
        assert len(leaves) == len(program.leaves)


def test_an_output_nobody_uses_is_freed_although_its_sibling_lives():
    with no_garbage_collection():
        first, rest = Split.do_forward(vg.TensorNode(np.ones((2, 3))))
        gone = weakref.ref(rest)
        del rest
        assert gone() is None
        assert first.source.outputs == [first, None]


@given(programs())
def test_clear_cuts_everything_apart_and_keeps_the_leaves(program):
    nodes = program.run_here()
    loss = nodes[-1]
    loss.backward()
    leaves = [(node, node.value.copy(), node.grad.copy()) for node in nodes if node.source is None]
    below = graph.ops_below(loss)
    loss.clear()
    loss.clear()
    assert all(op.inputs == () for op in below)
    assert loss.source is None
    for node, value, grad in leaves:
        np.testing.assert_array_equal(node.value, value)
        np.testing.assert_array_equal(node.grad, grad)
    with pytest.raises(vg.GraphError, match=r"clear\(\) has cut"):
        loss.backward()


def test_clear_frees_what_only_the_graph_held():
    with no_garbage_collection():
        x = vg.TensorNode(2.0)
        loss = (x * x) * x
        middle = weakref.ref(loss.source.inputs[0])
        loss.clear()
        assert middle() is None


# --- no gradients ----------------------------------------------------------------------------------------------------


def test_no_grad_builds_no_graph_and_ends_also_after_an_exception():
    x = vg.TensorNode(2.0)
    with pytest.raises(KeyError), vg.no_grad():
        with vg.no_grad():
            assert (x * x).source is None
        y = x * x
        assert y.source is None
        assert not y.requires_grad
        raise KeyError
    assert (x * x).source is not None


def test_no_op_below_an_unwanted_gradient_is_visited():
    calls = []

    class Spy(vg.Op):
        @staticmethod
        def forward(context, x):
            return x * 1

        @staticmethod
        def backward(context, go):
            calls.append(context)
            return go

    data, w = vg.TensorNode(np.ones(3), requires_grad=False), vg.TensorNode(np.ones(3))
    prepared = Spy.do_forward(data)
    assert prepared.source is None
    assert not prepared.requires_grad
    loss = (prepared * w).sum()
    loss.backward()
    assert calls == []
    np.testing.assert_array_equal(data.grad, np.zeros(3))
    assert data._grad is None or not data._grad.any()
    np.testing.assert_array_equal(w.grad, np.ones(3))


@pytest.mark.parametrize("wanted", [(True, False), (False, True), (True, True)])
def test_an_op_is_told_which_gradients_are_wanted(wanted):
    seen = []

    class Product(vg.Op):
        @staticmethod
        def forward(context, a, b):
            return a * b

        @staticmethod
        def backward(context, go):
            seen.append(tuple(core.needs_grad(context, port) for port in range(2)))
            return go, go

    Product.do_forward(*(vg.TensorNode(1.0, requires_grad=want) for want in wanted)).backward()
    assert seen == [wanted]


def test_a_gradient_that_an_op_does_not_give_is_zero():
    class Flat(vg.Op):
        @staticmethod
        def forward(context, a, b):
            return a + b

        @staticmethod
        def backward(context, go):
            return go, None

    a, b = vg.TensorNode([1.0, 2.0]), vg.TensorNode([1.0, 2.0])
    Flat.do_forward(a, b).sum().backward()
    np.testing.assert_array_equal(a.grad, [1, 1])
    np.testing.assert_array_equal(b.grad, [0, 0])


# --- values, number types, and partners that are no tensors ----------------------------------------------------------

NUMBERS = [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2)]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: type(n).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_on_either_side(op, number, dtype):
    for numbers_first in (True, False):
        x = vg.TensorNode(positive(3, (2, 2)).astype(dtype))
        pair = (number, x) if numbers_first else (x, number)
        out = op(*pair)
        out.sum().backward()
        tensor = torch.tensor(x.value.astype(np.float64), requires_grad=True)
        expected = op(*((float(number), tensor) if numbers_first else (tensor, float(number))))
        expected.sum().backward()
        precision = 1e-12 if dtype == np.float64 else 1e-5
        np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=precision)
        np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=precision)
        assert x.grad.dtype == dtype
        if isinstance(number, (bool, int, float)):
            assert out.dtype == dtype


@pytest.mark.parametrize("op", [*BINARY, operator.matmul])
@given(seed=seeds, shapes=broadcast_shapes())
def test_numpy_arrays_on_either_side(op, seed, shapes):
    left, right = (positive(seed + i, shape) for i, shape in enumerate(shapes))
    if op is operator.matmul:
        left, right = positive(seed, (2, 3)), positive(seed + 1, (3, 2))
    for tensor_first in (True, False):
        pair = (vg.TensorNode(left), right) if tensor_first else (left, vg.TensorNode(right))
        out = op(*pair)
        both = op(a := vg.TensorNode(left), b := vg.TensorNode(right))
        out.sum().backward()
        both.sum().backward()
        assert isinstance(out, vg.TensorNode)
        np.testing.assert_array_equal(out.value, op(left, right))
        np.testing.assert_array_equal(pair[not tensor_first].grad, (a if tensor_first else b).grad)


@pytest.mark.parametrize("number", [0.5, 2, np.float64(0.5), np.array(0.5), 1e-3])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_a_number_is_not_rounded_to_the_whole_numbers_of_its_partner(number, dtype):
    labels = vg.TensorNode(np.array([0, 1, 1], dtype), requires_grad=False)
    for out, expected in (
        (labels * number, labels.value * number),
        (number + labels, number + labels.value),
        (labels / number, labels.value / number),
    ):
        np.testing.assert_allclose(out.value, expected, rtol=1e-15)
    w = vg.TensorNode(3.0)
    (labels * number * w).sum().backward()
    assert float(w.grad) == pytest.approx(2 * float(number))


@given(broadcast_shapes(), seeds)
def test_comparisons_are_numpys(shapes, seed):
    a, b = (np.round(normal(seed + i, shape)) for i, shape in enumerate(shapes))
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        for pair in ((vg.TensorNode(a), vg.TensorNode(b)), (vg.TensorNode(a), b), (a, vg.TensorNode(b))):
            result = compare(*pair)
            assert isinstance(result, (np.ndarray, np.bool_))
            np.testing.assert_array_equal(result, compare(a, b))
        np.testing.assert_array_equal(compare(vg.TensorNode(a), 0), compare(a, 0))
        np.testing.assert_array_equal(compare(0.5, vg.TensorNode(b)), compare(0.5, b))


def test_augmented_assignment_makes_a_new_node():
    x = y = vg.TensorNode([1.0, 2.0])
    x += 1
    x *= y
    assert y.source is None
    np.testing.assert_array_equal(y.value, [1, 2])
    x.sum().backward()
    np.testing.assert_array_equal(y.grad, 2 * y.value + 1)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (3, np.float64),
        ([[1, 2], [3, 4]], np.float64),
        ((1.5, 2), np.float64),
        (np.float32(1), np.float32),
        (np.ones(2, np.float32), np.float32),
        (np.ones(2, np.float16), np.float16),
        ([], np.float64),
    ],
)
def test_what_a_tensor_can_be_made_from(value, dtype):
    node = vg.TensorNode(value)
    assert node.dtype == node.grad.dtype == dtype
    np.testing.assert_array_equal(node.value, value)
    assert node.shape == node.size() == np.shape(value)


def test_an_array_is_held_and_not_copied():
    array = np.ones(3)
    node = vg.TensorNode(value=array, name="x")
    assert node.value is array
    assert node.numpy() is array
    np.testing.assert_array_equal(array, [1, 1, 1])


def test_a_value_can_be_assigned_and_watched():
    node = vg.TensorNode([1.0, 2.0])
    seen = []

    class Watcher(Observer):
        def update(self, node, before, rule, settings):
            seen.append((node, before.tolist(), rule, dict(settings)))

    with watching(Watcher()):
        node.value = [3, 4]
    np.testing.assert_array_equal(node.value, [3, 4])
    assert seen == [(node, [1, 2], "", {})]


def test_changed_values_count_in_the_next_run():
    x = vg.TensorNode([1.0, 2.0])
    x.value[0] = 5
    loss = (x * x).sum()
    loss.backward()
    assert loss.item() == 29
    np.testing.assert_array_equal(x.grad, [10, 4])


def test_the_members_that_the_course_reads():
    a, b = vg.TensorNode(normal(0, (2, 2)), name="a"), vg.TensorNode(normal(1, (2, 2)))
    c = a + b
    np.testing.assert_array_equal(c.value, a.value + b.value)
    assert isinstance(c.source, vg.OpNode)
    assert c.source.op is vg.Add
    assert c.source.inputs[0] is a
    assert c.source.inputs[1] is b
    assert c.source.outputs == [c]
    assert c.source.context == {}
    assert a.source is None
    assert (a.name, b.name) == ("a", None)
    np.testing.assert_array_equal(a.grad, np.zeros((2, 2)))
    assert (a * b).source.context.keys() == {"a", "b"}


def test_methods_are_the_ops():
    x = vg.TensorNode(positive(0, (2, 3)))
    made = {
        x.sum(axis=0): ops.Sum,
        x.mean(): ops.Mean,
        x.reshape(3, 2): ops.Reshape,
        x.reshape(-1): ops.Reshape,
        x.T: ops.Transpose,
        x.exp(): ops.Exp,
        x.log(): ops.Log,
        -x: ops.Negate,
        abs(x): ops.Abs,
        x.matmul(x.T): ops.MatrixMultiply,
        x.transpose(1, 0): ops.Transpose,
        x.transpose((1, 0)): ops.Transpose,
        x.flatten(): ops.Reshape,
        x.unsqueeze(0): ops.Unsqueeze,
        x[:1].squeeze(0): ops.Squeeze,
        x[:1].expand(0, 3): ops.Expand,
        x.var(axis=1, ddof=1): ops.Var,
        x.max(axis=0): ops.Max,
        x.min(): ops.Min,
        x.sqrt(): ops.Sqrt,
        x.tanh(): ops.Tanh,
        x.sigmoid(): ops.Sigmoid,
        x.relu(): ops.ReLU,
        x.clip(0.1, 1.0): ops.Clip,
        x[0]: ops.Index,
    }
    assert {node: node.source.op for node in made} == made
    assert x.reshape(3, 2).shape == x.T.shape == (3, 2)
    assert x.sum().item() == pytest.approx(x.value.sum())


def test_a_copy_is_a_leaf_of_its_own():
    x = vg.TensorNode([1.0, 2.0], name="x")
    for copied in (copy.deepcopy(x * 1.0), pickle.loads(pickle.dumps(x)), copy.deepcopy({"layer": [x]})["layer"][0]):
        x.value[0] += 1
        loss = (copied * copied).sum()
        x.value[0] += 1
        loss.backward()
        np.testing.assert_array_equal(copied.grad, 2 * copied.value)


def test_parts_and_numbers_of_a_tensor():
    x = vg.TensorNode([[1.0, 2.0], [3.0, 4.0]])
    assert (len(x), x.ndim) == (2, 2)
    assert [row.value.tolist() for row in x] == [[1, 2], [3, 4]]
    assert float(x[1, 1]) == 4
    assert bool(x[0, 0]) and not vg.TensorNode(0.0)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(TypeError):
        len(x.sum())
    (x[0] * x[:, 1] + x[x.value > 2]).sum().backward()
    np.testing.assert_array_equal(x.grad, [[2, 4 + 1], [1, 2 + 1]])


def test_repr_says_name_value_and_op():
    x = vg.TensorNode([1.0, 2.0], name="x")
    assert repr(x) == "TensorNode(x: [1., 2.])"
    assert repr(x + x) == "TensorNode([2., 4.], source=Add)"
    assert repr((x + x).source) == "OpNode(Add, 2 in, 1 out)"
    assert len(repr(vg.TensorNode(np.zeros((1000, 1000))))) < 400


# --- arrays that are written into ------------------------------------------------------------------------------------


def test_a_leaf_may_change_between_a_walk_and_the_next_forward():
    w = vg.TensorNode([1.0, 2.0])
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
        w.value -= 0.1 * w.grad
        loss.zero_grad()
    np.testing.assert_allclose(w.value, [0.512, 1.024])


def test_a_leaf_may_change_after_a_forward_that_is_thrown_away():
    w = vg.TensorNode([1.0, 2.0])
    held = w.value
    (w * w).sum()
    held[0] = 3
    loss = (w * w).sum()
    loss.backward()
    np.testing.assert_array_equal(w.grad, [6, 4])


def test_an_op_that_saved_nothing_does_not_mind():
    w = vg.TensorNode([1.0, 2.0])
    loss = (w + 1.0).sum()
    w.value[0] = 5
    loss.backward()
    np.testing.assert_array_equal(w.grad, [1, 1])


def test_a_new_array_is_not_a_change_of_the_old_one():
    w = vg.TensorNode([1.0, 2.0])
    loss = (w * w).sum()
    w.value = [5.0, 6.0]
    loss.backward()
    np.testing.assert_array_equal(w.grad, [2, 4])


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("shape", [(), (3,), (40, 50), (5000,), (3, 4000), (2, 2, 2000)])
def test_a_program_s_own_array_is_watched_whatever_its_size(shape, requires_grad):
    array = normal(0, shape)
    data, w = vg.TensorNode(array, requires_grad=requires_grad), vg.TensorNode(2.0)
    loss = (data * w).sum()
    array *= 0.5
    with pytest.raises(vg.GraphError, match="in place"):
        loss.backward()


@given(st.integers(0, 1023), seeds)
def test_each_single_entry_of_an_array_of_up_to_1024_counts(place, seed):
    w = vg.TensorNode(normal(seed, (1024,)))
    loss = (w * w).sum()
    w.value[place] += 1e-9
    with pytest.raises(vg.GraphError, match="in place"):
        loss.backward()


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
@given(row=st.integers(0, 127))
def test_a_batch_of_which_one_row_is_overwritten_counts(layout, row):
    array = layout(normal(0, (128, 784)))
    data, w = vg.TensorNode(array, requires_grad=False), vg.TensorNode(2.0)
    loss = (data * w).sum()
    array[row] = 0
    with pytest.raises(vg.GraphError, match="in place"):
        loss.backward()


def test_a_view_of_a_used_array_is_that_array():
    array = normal(0, (4, 4))
    w = vg.TensorNode(array.T)
    loss = (w * w).sum()
    array[0, 3] = 7
    with pytest.raises(vg.GraphError, match="in place"):
        loss.backward()


def test_the_graph_lets_go_of_what_it_saved():
    w = vg.TensorNode([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward()
    assert loss.source.context is None
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(w.grad, [6, 12])


# --- watching --------------------------------------------------------------------------------------------------------


def test_nobody_watches_after_the_block_even_if_it_fails():
    first, second = Events(), Events()
    with pytest.raises(KeyError), watching(first), watching(second):
        vg.TensorNode(1.0) + 1
        raise KeyError
    vg.TensorNode(1.0) + 1
    assert core.observers == ()
    assert first.counts == second.counts == {"forward": 1}


@given(programs())
def test_watching_changes_no_result(program):
    alone = program.run_here()
    alone[-1].backward()
    with vg.record():
        watched = program.run_here()
        watched[-1].backward()
    for a, b in zip(alone, watched, strict=True):
        np.testing.assert_array_equal(a.value, b.value)
        np.testing.assert_array_equal(a.grad, b.grad)
