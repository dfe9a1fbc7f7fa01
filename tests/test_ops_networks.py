"""The ops of networks where it matters: ties, extremes, data laid out unusually, what they refuse, and their functions.

Values and gradients over random shapes are in `tests/test_ops.py`, with the cases of `tests/network_cases.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, positive, seeds
from vizgrad import ops

F = torch.nn.functional
sizes = st.integers(1, 3)


def agree(ours: Callable, theirs: Callable, *arrays: np.ndarray, rtol: float = 1e-10) -> None:
    """The same value and the same gradients as in PyTorch, for tensors that may lie in memory in any way."""
    nodes = [vg.TensorNode(array) for array in arrays]
    tensors = [torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in arrays]
    out, expected = ours(*nodes), theirs(*tensors)
    weights = normal(9, out.shape, out.dtype)
    (out * weights).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    pairs = [(out.value, expected.detach()), *((n.grad, t.grad) for n, t in zip(nodes, tensors, strict=True))]
    for found, wanted in pairs:
        scale = max(1.0, float(wanted.abs().max())) if wanted.numel() else 1.0
        assert found.dtype == arrays[0].dtype
        np.testing.assert_allclose(found, wanted.numpy(), rtol=rtol, atol=rtol * scale)


# --- convolution -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "kernels", "settings"),
    [
        ((1, 1, 1, 1), (1, 1, 1, 1), {}),
        ((2, 1, 9, 7), (3, 1, 9, 7), {}),  # kernels as large as the image
        ((1, 2, 8, 9), (1, 2, 3, 3), {"stride": 3}),
        ((2, 3, 8, 9), (4, 3, 2, 5), {"stride": (2, 1), "padding": (0, 2)}),
        ((1, 2, 3, 3), (2, 2, 7, 7), {"padding": 2}),  # larger than the image without its padding
        ((2, 1, 5, 5), (1, 1, 1, 1), {"stride": 4, "padding": 3}),
        ((8, 3, 32, 32), (6, 3, 5, 5), {}),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_convolution_agrees_with_torch(images, kernels, settings, dtype):
    arrays = normal(0, images, dtype), normal(1, kernels, dtype), normal(2, kernels[:1], dtype)
    agree(
        lambda x, w, b: vg.conv2d(x, w, b, **settings),
        lambda x, w, b: F.conv2d(x, w, b, **settings),
        *arrays,
        rtol=1e-10 if dtype == np.float64 else 1e-4,
    )


@given(seeds, st.permutations(range(4)), st.permutations(range(4)), st.booleans())
def test_images_may_lie_in_memory_in_any_way(seed, axes, kernel_axes, backwards):
    x = normal(seed, tuple(np.array([2, 3, 6, 5])[list(axes)])).transpose(np.argsort(axes))
    w = normal(seed, tuple(np.array([4, 3, 2, 3])[list(kernel_axes)])).transpose(np.argsort(kernel_axes))
    if backwards:
        x, w = x[:, :, ::-1], w[::-1]
    agree(lambda x, w: vg.conv2d(x, w, padding=1), lambda x, w: F.conv2d(x, w, padding=1), x, w)
    agree(lambda x: vg.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 2), x)
    agree(lambda x: vg.avg_pool2d(x, 2), lambda x: F.avg_pool2d(x, 2), x)


def test_convolution_does_not_compute_what_nobody_wants():
    context = vg.Context()
    context.needs_input_grad = (False, True, False)
    out = ops.Convolution2d.forward(context, normal(0, (2, 1, 4, 4)), normal(1, (1, 1, 2, 2)), np.zeros(1))
    grad_x, grad_w, grad_b = ops.Convolution2d.backward(context, np.ones_like(out))
    assert grad_x is None
    assert grad_w.shape == (1, 1, 2, 2)
    assert grad_b is None


@given(seeds)
def test_convolution_moves_along_with_its_image(seed):
    x, w = normal(seed, (1, 2, 6, 9)), normal(seed + 1, (3, 2, 3, 3))
    moved = vg.conv2d(np.roll(x, 2, axis=3), w).value
    np.testing.assert_allclose(moved[..., 2:], vg.conv2d(x, w).value[..., :-2], rtol=1e-10, atol=1e-12)


def test_a_convolution_of_whole_images_is_a_linear_layer():
    x, w, b = normal(0, (4, 3, 5, 5)), normal(1, (7, 3, 5, 5)), normal(2, (7,))
    expected = vg.linear(x.reshape(4, -1), w.reshape(7, -1), b).value
    np.testing.assert_allclose(vg.conv2d(x, w, b).value.reshape(4, 7), expected, rtol=1e-10, atol=1e-12)


# --- pooling ---------------------------------------------------------------------------------------------------------


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(0, 1))
def test_of_equal_entries_the_first_receives_the_gradient_of_a_maximum(seed, size, stride, padding):
    padding = min(padding, size // 2)
    x = np.random.default_rng(seed).integers(0, 2, (2, 2, 6, 5)).astype(float)
    agree(lambda x: vg.max_pool2d(x, size, stride, padding), lambda x: F.max_pool2d(x, size, stride, padding), x)


@given(seeds, st.sampled_from([(2, 2), (3, 2), (2, 3)]))
def test_no_gradient_is_lost_or_added_by_pooling(seed, size):
    x = vg.TensorNode(normal(seed, (2, 1, 7, 8)))
    for pool in (vg.max_pool2d, vg.avg_pool2d):
        x.zero_grad()
        out = pool(x, size)
        weights = normal(seed + 1, out.shape)
        (out * weights).sum().backward()
        assert x.grad.sum() == pytest.approx(weights.sum(), abs=1e-10)


def test_padding_never_wins_a_maximum_and_counts_in_a_mean():
    x = vg.TensorNode(-np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(vg.max_pool2d(x, 2, padding=1).value, -np.ones((1, 1, 2, 2)))
    np.testing.assert_array_equal(vg.avg_pool2d(x, 2, padding=1).value, -np.full((1, 1, 2, 2), 0.25))


# --- distributions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scores", [[1000.0, 0.0], [-1000.0, 0.0], [1e30, -1e30], [0.0, -np.inf], [5.0]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_score_is_too_large(scores, dtype):
    x = np.array([scores], dtype)
    np.testing.assert_allclose(vg.softmax(x).value, torch.softmax(torch.tensor(x), -1), rtol=1e-6)
    np.testing.assert_allclose(vg.logsoftmax(x).value, torch.log_softmax(torch.tensor(x), -1), rtol=1e-6)


@given(seeds, sizes, sizes, st.floats(-1e3, 1e3))
def test_softmax_does_not_feel_what_is_added_to_all_scores(seed, n, m, shift):
    x = vg.TensorNode(normal(seed, (n, m)))
    out = vg.softmax(x)
    (out * normal(seed + 1, (n, m))).sum().backward()
    np.testing.assert_allclose(vg.softmax(x.value + shift).value, out.value, rtol=1e-9)
    np.testing.assert_allclose(x.grad.sum(axis=1), 0, atol=1e-12)


@given(seeds, sizes, sizes)
def test_softmax_is_exp_and_then_normalize(seed, n, m):
    x, y = vg.TensorNode(normal(seed, (n, m))), vg.TensorNode(normal(seed, (n, m)))
    one, two = vg.softmax(x), ops.Normalize.do_forward(vg.exp(y))
    for out in (one, two):
        (out * normal(seed + 1, (n, m))).sum().backward()
    np.testing.assert_allclose(one.value, two.value, rtol=1e-12)
    np.testing.assert_allclose(x.grad, y.grad, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("function", [vg.softmax, vg.logsoftmax])
def test_a_row_without_a_finite_score_is_warned_of(function):
    with pytest.warns(vg.NumericsWarning, match="1 of 2 entries"):
        out = function(np.array([[-np.inf, -np.inf], [0.0, 0.0]])).value
    assert np.isnan(out[0]).all()
    assert np.isfinite(out[1]).all()


# --- normalisation ---------------------------------------------------------------------------------------------------


@given(seeds, st.sampled_from([(5, 3), (2, 3, 2, 2)]))
def test_a_normalised_batch_has_no_gradient_in_two_directions(seed, shape):
    axes = (0, *range(2, len(shape)))
    x = vg.TensorNode(normal(seed, shape))
    out = vg.batch_norm(x, np.ones(3), np.zeros(3), eps=0.0)
    np.testing.assert_allclose(out.value.mean(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose(out.value.std(axis=axes), 1, rtol=1e-10)
    (out * normal(seed + 1, shape)).sum().backward()
    scale = abs(x.grad).max()
    np.testing.assert_allclose(x.grad.sum(axis=axes), 0, atol=1e-10 * scale)
    np.testing.assert_allclose((x.grad * out.value).sum(axis=axes), 0, atol=1e-10 * scale)


def test_with_a_given_mean_and_variance_instances_do_not_feel_each_other():
    x, gain = vg.TensorNode(normal(0, (4, 2))), np.array([2.0, 3.0])
    out = vg.batch_norm(x, gain, np.zeros(2), mean=np.ones(2), variance=np.full(2, 4.0), eps=0.0)
    np.testing.assert_allclose(out.value, gain * (x.value - 1) / 2)
    (out * np.array([[1.0], [0], [0], [0]])).sum().backward()
    np.testing.assert_allclose(x.grad, [[1, 1.5], [0, 0], [0, 0], [0, 0]])


# --- losses ----------------------------------------------------------------------------------------------------------


@given(seeds, st.integers(1, 5), st.integers(1, 4))
def test_the_courses_losses_are_sums_of_these(seed, n, m):
    scores, targets = normal(seed, (n, m)), np.random.default_rng(seed).integers(0, m, n)
    total = vg.logceloss(vg.logsoftmax(scores), targets).item()
    assert vg.cross_entropy(scores, targets, "sum").item() == pytest.approx(total, rel=1e-12)
    assert vg.nll_loss(vg.logsoftmax(scores), targets).item() * n == pytest.approx(total, rel=1e-12)
    assert vg.cross_entropy(scores, targets, "none").value.sum() == pytest.approx(total, rel=1e-12)


@given(seeds, st.integers(1, 5), st.integers(1, 4))
def test_the_gradient_of_cross_entropy_is_the_distribution_minus_the_truth(seed, n, m):
    x, targets = vg.TensorNode(normal(seed, (n, m))), np.random.default_rng(seed).integers(0, m, n)
    vg.cross_entropy(x, targets).backward()
    np.testing.assert_allclose(x.grad * n, vg.softmax(x.value).value - np.eye(m)[targets], atol=1e-12)


def test_functions_have_torchs_defaults():
    x, y, targets = normal(0, (4, 3)), normal(1, (4, 3)), np.array([0, 2, 1, 1])
    agree(lambda x: vg.cross_entropy(x, targets), lambda x: F.cross_entropy(x, torch.tensor(targets)), x)
    agree(lambda x: vg.nll_loss(x, targets), lambda x: F.nll_loss(x, torch.tensor(targets)), x)
    agree(vg.mse_loss, F.mse_loss, x, y)
    sure = (y > 0).astype(float)
    agree(
        lambda x: vg.binary_cross_entropy_with_logits(x, sure),
        lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor(sure)),
        x,
    )
    agree(vg.linear, F.linear, x, y)
    agree(vg.linear, F.linear, x, y, normal(2, (4,)))
    agree(vg.linear, F.linear, normal(3, (2, 2, 3)), y)


@pytest.mark.parametrize("score", [1e3, -1e3, 1e30, 0.0])
@pytest.mark.parametrize("target", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_losses_of_extreme_scores(score, target, dtype):
    agree(
        lambda x: vg.binary_cross_entropy_with_logits(x, np.array([target], dtype)),
        lambda x: F.binary_cross_entropy_with_logits(x, torch.tensor([target], dtype=x.dtype)),
        np.array([score], dtype),
        rtol=1e-6,
    )
    agree(
        lambda x: vg.cross_entropy(x, [1]),
        lambda x: F.cross_entropy(x, torch.tensor([1])),
        np.array([[score, 0.0]], dtype),
        rtol=1e-6,
    )


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int64])
def test_yes_or_no_may_be_given_as_truth_values_or_whole_numbers(kind):
    x, sure = vg.TensorNode(normal(0, (5,), np.float32)), np.array([1, 0, 0, 1, 1]).astype(kind)
    loss = vg.binary_cross_entropy_with_logits(x, sure)
    loss.backward()
    expected = F.binary_cross_entropy_with_logits(torch.tensor(x.value), torch.tensor(sure.astype(np.float32)))
    assert loss.dtype == x.grad.dtype == np.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


# --- dropout, tables, and settings that may change ------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_is_repeated_by_a_seed():
    x = vg.TensorNode(np.ones((200, 100), np.float32))
    out = vg.dropout(x, 0.25, np.random.default_rng(0))
    assert out.dtype == np.float32
    assert set(np.unique(out.value)) == {0, np.float32(1 / 0.75)}
    assert out.value.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(vg.dropout(x, 0.25, np.random.default_rng(0)).value, out.value)
    assert not np.array_equal(vg.dropout(x, 0.25).value, vg.dropout(x, 0.25).value)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad, out.value)


def test_dropout_does_nothing_where_there_is_nothing_to_do():
    x = vg.TensorNode(np.ones(3))
    assert vg.dropout(x, 0.5, training=False) is x
    assert vg.dropout(x, 0.0) is x
    np.testing.assert_array_equal(vg.dropout(np.ones(3), 0.5, training=False).value, np.ones(3))


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_needs_a_probability(p):
    with pytest.raises(vg.SettingError, match="below 1"):
        vg.dropout(vg.TensorNode(np.ones(3)), p)


def test_a_row_looked_up_twice_gets_both_gradients():
    table = vg.TensorNode(np.zeros((3, 2)))
    vg.embedding(table, [[2, 0], [2, 2]]).sum().backward()
    np.testing.assert_array_equal(table.grad, [[1, 1], [0, 0], [3, 3]])


def test_classes_and_indices_may_be_tensors():
    classes = vg.TensorNode(np.array([1, 0]), requires_grad=False)
    scores = normal(0, (2, 3))
    np.testing.assert_array_equal(vg.embedding(scores, classes).value, scores[[1, 0]])
    for loss in (vg.cross_entropy, vg.nll_loss):
        assert loss(scores, classes).item() == loss(scores, [1, 0]).item()


def test_arrays_given_as_settings_may_be_used_again_before_backward():
    places, mask = np.array([0, 1]), np.ones((2, 2))
    x = vg.TensorNode(normal(0, (2, 2)))
    makers = [
        lambda: vg.cross_entropy(x, places),
        lambda: vg.nll_loss(x, places),
        lambda: vg.embedding(x, places).sum(),
        lambda: ops.Drop.do_forward(x, mask=mask).sum(),
    ]
    for make in makers:
        grads = []
        for change in (False, True):
            places[:], mask[:] = [0, 1], 1
            x.zero_grad()
            loss = make()
            if change:
                places[:], mask[:] = [1, 1], 7
            loss.backward()
            grads.append(x.grad.copy())
        np.testing.assert_array_equal(*grads)


# --- nothing at all --------------------------------------------------------------------------------------------------

EMPTY = [
    (lambda x, w, b: vg.conv2d(x, w, b), [(0, 2, 3, 3), (4, 2, 2, 2), (4,)]),
    (lambda x: vg.max_pool2d(x, 2), [(0, 2, 4, 4)]),
    (lambda x: vg.avg_pool2d(x, 2), [(0, 2, 4, 4)]),
    (vg.linear, [(0, 3), (2, 3), (2,)]),
    (vg.softmax, [(0, 3)]),
    (vg.softmax, [(3, 0)]),
    (vg.logsoftmax, [(0, 3)]),
    (lambda x: vg.cross_entropy(x, [], "sum"), [(0, 3)]),
    (lambda x: vg.nll_loss(x, [], "none"), [(0, 3)]),
    (lambda x, y: vg.mse_loss(x, y, "sum"), [(0,), (0,)]),
    (lambda x, y: vg.binary_cross_entropy_with_logits(x, y, "none"), [(0, 2), (0, 2)]),
    (lambda x: vg.embedding(x, []), [(3, 2)]),
    (lambda x: vg.dropout(x, 0.5), [(0, 2)]),
]


@pytest.mark.parametrize(("function", "shapes"), EMPTY)
def test_empty_arrays_pass_through(function, shapes):
    nodes = [vg.TensorNode(np.zeros(shape)) for shape in shapes]
    function(*nodes).sum().backward()
    for node in nodes:
        np.testing.assert_array_equal(node.grad, np.zeros(node.shape))


# --- what they refuse ------------------------------------------------------------------------------------------------


def zeros(*shape: int) -> vg.TensorNode:
    return vg.TensorNode(np.zeros(shape), name="x")


REFUSED = {
    "conv of a matrix": (lambda: vg.conv2d(zeros(4, 4), zeros(1, 1, 2, 2)), "four axes"),
    "conv with a flat kernel": (lambda: vg.conv2d(zeros(1, 1, 4, 4), zeros(2, 2)), "kernels have four axes"),
    "conv of other channels": (lambda: vg.conv2d(zeros(1, 3, 4, 4), zeros(1, 2, 2, 2)), "3 channels, the kernels 2"),
    "conv with another bias": (lambda: vg.conv2d(zeros(1, 1, 4, 4), zeros(2, 1, 2, 2), zeros(3)), r"shape \(2,\)"),
    "conv with a large kernel": (lambda: vg.conv2d(zeros(1, 1, 2, 4), zeros(1, 1, 3, 3)), "3x3 does not fit into 2x4"),
    "conv with an empty kernel": (lambda: vg.conv2d(zeros(1, 1, 2, 4), zeros(1, 1, 0, 3)), "at least 1"),
    "conv without stride": (lambda: vg.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), stride=0), "stride is a whole"),
    "conv with half a stride": (
        lambda: vg.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), stride=0.5),
        "stride is a whole",
    ),
    "conv with three strides": (
        lambda: vg.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), stride=(1, 1, 1)),
        "two of them",
    ),
    "conv with less padding": (
        lambda: vg.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), padding=-1),
        "padding is a whole",
    ),
    "pool of a large window": (lambda: vg.max_pool2d(zeros(1, 1, 2, 2), 3), "3x3 does not fit into 2x2"),
    "pool with much padding": (lambda: vg.avg_pool2d(zeros(1, 1, 4, 4), 2, padding=2), "more than half"),
    "pool of a row": (lambda: vg.max_pool2d(zeros(4), 2), "four axes"),
    "softmax of a number": (lambda: vg.softmax(zeros()), "at least one axis"),
    "softmax along no axis": (lambda: vg.softmax(zeros(2, 2), axis=2), "out of bounds"),
    "row that sums to 0": (lambda: ops.Normalize.do_forward([[1.0, 1.0], [1.0, -1.0]]), "row 1 sums to 0"),
    "normalize of a vector": (lambda: ops.Normalize.do_forward(zeros(3)), "a matrix"),
    "batch norm of a vector": (lambda: vg.batch_norm(zeros(3), zeros(3), zeros(3)), "two axes"),
    "batch norm of one": (lambda: vg.batch_norm(zeros(1, 3), zeros(3), zeros(3)), "larger batches"),
    "batch norm of none": (lambda: vg.batch_norm(zeros(0, 3), zeros(3), zeros(3)), "larger batches"),
    "batch norm with another gain": (lambda: vg.batch_norm(zeros(2, 3), zeros(2), zeros(3)), "need a gain"),
    "batch norm with another shift": (lambda: vg.batch_norm(zeros(2, 3), zeros(3), zeros(1)), "need a shift"),
    "batch norm with a mean alone": (
        lambda: vg.batch_norm(zeros(2, 3), zeros(3), zeros(3), mean=np.zeros(3)),
        "together",
    ),
    "batch norm with another mean": (
        lambda: vg.batch_norm(zeros(2, 3), zeros(3), zeros(3), mean=np.zeros(2), variance=np.ones(3)),
        "need a mean",
    ),
    "batch norm of a constant": (lambda: vg.batch_norm(zeros(2, 3), zeros(3), zeros(3), eps=0), "must be above 0"),
    "layer norm with another gain": (lambda: vg.layer_norm(zeros(2, 3), zeros(2), zeros(2)), "last axes"),
    "layer norm with two shapes": (lambda: vg.layer_norm(zeros(2, 3), zeros(3), zeros(1)), "one shape"),
    "class that is not there": (
        lambda: vg.cross_entropy(zeros(2, 3), [0, 3]),
        "0 to 2; here the targets run from 0 to 3",
    ),
    "class below 0": (lambda: vg.nll_loss(zeros(2, 3), [-1, 0]), "run from -1"),
    "classes that are fractions": (lambda: vg.cross_entropy(zeros(2, 3), [0.0, 1.0]), "whole numbers of shape"),
    "classes in one-hot rows": (lambda: vg.cross_entropy(zeros(2, 3), np.eye(3)[:2]), "argmax"),
    "too few classes": (lambda: vg.cross_entropy(zeros(2, 3), [0]), r"shape \(2,\); here they are \(1,\)"),
    "scores in a row": (lambda: vg.cross_entropy(zeros(3), [0]), "scores are a matrix"),
    "mean of no loss": (lambda: vg.cross_entropy(zeros(0, 3), []), "no mean"),
    "mean of no error": (lambda: vg.mse_loss(zeros(0), zeros(0)), "no mean"),
    "another reduction": (lambda: vg.mse_loss(zeros(2), zeros(2), "average"), "not 'average'"),
    "targets in a column": (lambda: vg.mse_loss(zeros(4, 1), zeros(4)), "different shapes"),
    "targets of another kind": (
        lambda: vg.binary_cross_entropy_with_logits(zeros(2), [-1.0, 1.0]),
        "here are -1 to 1",
    ),
    "targets of another shape": (lambda: vg.binary_cross_entropy_with_logits(zeros(2, 1), [0.0, 1.0]), "different"),
    "mask of another shape": (lambda: ops.Drop.do_forward(zeros(2), mask=np.ones(3)), "shape of x"),
    "row that is not there": (lambda: vg.embedding(zeros(3, 2), [3]), "0 to 2; here indices run from 3"),
    "row that is a fraction": (lambda: vg.embedding(zeros(3, 2), [0.5]), "whole numbers"),
    "table that is a row": (lambda: vg.embedding(zeros(3), [0]), "a table is a matrix"),
    "linear of other features": (lambda: vg.linear(zeros(2, 3), zeros(4, 2), zeros(4)), "w takes 2 features"),
    "linear of a number": (lambda: vg.linear(zeros(), zeros(4, 2), zeros(4)), "has none"),
    "linear with a flat weight": (lambda: vg.linear(zeros(2, 3), zeros(3), zeros(4)), "a weight matrix"),
    "linear with another bias": (lambda: vg.linear(zeros(2, 3), zeros(4, 3), zeros(3)), r"shape \(4,\)"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_mistakes_are_explained(mistake):
    make, why = REFUSED[mistake]
    with pytest.raises(vg.ShapeError, match=why) as caught:
        make()
    said = str(caught.value)
    for part in ("where:", "why:", "do:"):
        assert part in said
    assert not said.endswith("..")


def test_classes_out_of_range_are_index_errors_too():
    with pytest.raises(IndexError):
        vg.cross_entropy(zeros(2, 3), [0, 5])


@given(seeds)
def test_normalize_of_positive_rows_is_a_distribution(seed):
    np.testing.assert_allclose(ops.Normalize.do_forward(positive(seed, (3, 4))).value.sum(axis=1), 1, rtol=1e-12)
