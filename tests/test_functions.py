"""The functions that stand in front of the ops, the losses, and the synthetic data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, positive, seeds, shapes

ELEMENTWISE = {
    vg.exp: torch.exp,
    vg.log: torch.log,
    vg.sin: torch.sin,
    vg.cos: torch.cos,
    vg.tanh: torch.tanh,
    vg.sigmoid: torch.sigmoid,
    vg.relu: torch.relu,
}
batches = st.tuples(st.integers(1, 6), st.integers(1, 5))


@pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda f: f.__name__)
@given(seeds, shapes)
def test_elementwise_functions_agree_with_torch(function, seed, shape):
    x = vg.TensorNode(positive(seed, shape))
    function(x).sum().backward()
    tensor = torch.tensor(x.value, requires_grad=True)
    expected = ELEMENTWISE[function](tensor)
    expected.sum().backward()
    np.testing.assert_allclose(function(x).value, expected.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda f: f.__name__)
def test_elementwise_functions_take_numbers_and_arrays(function):
    for value in (2, 0.5, [1.0, 2.0], np.array([1.0, 2.0])):
        out = function(value)
        assert isinstance(out, vg.TensorNode)
        assert out.source is None
        np.testing.assert_allclose(
            out.value, ELEMENTWISE[function](torch.tensor(value, dtype=torch.float64)), rtol=1e-12
        )


@given(seeds, batches)
def test_softmax_and_logsoftmax_agree_with_torch(seed, shape):
    scores, weights = normal(seed, shape), normal(seed + 1, shape)
    for function, reference in ((vg.softmax, torch.softmax), (vg.logsoftmax, torch.log_softmax)):
        x = vg.TensorNode(scores)
        out = function(x)
        (out * weights).sum().backward()
        tensor = torch.tensor(scores, requires_grad=True)
        expected = reference(tensor, dim=1)
        (expected * torch.tensor(weights)).sum().backward()
        np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=1e-10)
        np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-10, atol=1e-13)


@given(seeds, batches, st.booleans())
def test_the_losses_are_torchs_cross_entropy_summed(seed, shape, by_probabilities):
    scores = normal(seed, shape)
    targets = np.random.default_rng(seed).integers(0, shape[1], shape[0])
    x = vg.TensorNode(scores)
    loss = vg.celoss(vg.softmax(x), targets) if by_probabilities else vg.logceloss(vg.logsoftmax(x), targets)
    loss.backward()
    tensor = torch.tensor(scores, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(tensor, torch.tensor(targets), reduction="sum")
    expected.backward()
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-10, abs=1e-12)
    np.testing.assert_allclose(x.grad, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


@given(seeds, batches)
def test_the_gradient_of_softmax_and_cross_entropy_is_p_minus_t(seed, shape):
    x = vg.TensorNode(normal(seed, shape))
    targets = np.random.default_rng(seed).integers(0, shape[1], shape[0])
    vg.celoss(vg.softmax(x), targets).backward()
    with vg.no_grad():
        p = vg.softmax(x).value
    np.testing.assert_allclose(x.grad, p - np.eye(shape[1])[targets], atol=1e-12)


@given(st.integers(0, 30), st.integers(0, 30), seeds)
def test_synthetic_data_has_the_numbers_asked_for(train, val, seed):
    (x, y), (x_val, y_val), classes = vg.load_synth(train, val, seed=seed)
    assert x.shape == (train, 2)
    assert x_val.shape == (val, 2)
    assert y.shape == (train,)
    assert y_val.shape == (val,)
    assert classes == 2
    assert set(y) | set(y_val) <= {0, 1}
    again = vg.load_synth(train, val, seed=seed)
    np.testing.assert_array_equal(again[0][0], x)


def test_synthetic_data_without_a_seed_is_numpys_global_draw():
    np.random.seed(3)
    (x, _), _, _ = vg.load_synth(5, 1)
    np.random.seed(3)
    np.testing.assert_array_equal(x, np.random.randn(6, 2)[:5])


def test_synthetic_classes_are_an_ellipse_that_both_sides_of_which_are_populated():
    (x, y), _, _ = vg.load_synth(2000, 0, seed=1)
    form = x[:, 0] ** 2 + 1.5 * x[:, 0] * x[:, 1] + 0.2 * x[:, 1] ** 2
    np.testing.assert_array_equal(y, form > 0.6)
    assert 0.2 < y.mean() < 0.8


def test_everything_public_is_listed_and_there():
    assert len(set(vg.__all__)) == len(vg.__all__)
    for name in vg.__all__:
        assert getattr(vg, name).__doc__
    course = ["TensorNode", "OpNode", "Op", "Module", "sigmoid", "softmax", "logsoftmax", "celoss", "logceloss"]
    course += ["load_synth", "Add", "Sub", "Multiply", "MatrixMultiply", "Log", "Exp", "Id", "Sum", "RowMax", "RowSum"]
    course += ["Normalize", "BatchMM", "Sigmoid", "Expand", "Select", "Squeeze", "Unsqueeze"]
    assert set(course) <= set(vg.__all__)
