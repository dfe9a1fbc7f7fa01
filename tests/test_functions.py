"""The functions that stand in front of the ops, and the losses."""

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
    vg.log1p: torch.log1p,
    vg.sqrt: torch.sqrt,
    vg.leaky_relu: torch.nn.functional.leaky_relu,
    vg.softplus: torch.nn.functional.softplus,
    vg.gelu: torch.nn.functional.gelu,
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


def test_everything_public_is_listed_and_there():
    assert len(set(vg.__all__)) == len(vg.__all__)
    for name in vg.__all__:
        assert getattr(vg, name).__doc__
    course = ["TensorNode", "OpNode", "Op", "Module", "sigmoid", "softmax", "logsoftmax", "celoss", "logceloss"]
    course += ["load_mnist", "load_synth", "Add", "Sub", "Multiply", "MatrixMultiply", "Log", "Exp", "Id", "Sum"]
    course += ["RowMax", "RowSum", "Normalize", "BatchMM", "Sigmoid", "Expand", "Select", "Squeeze", "Unsqueeze"]
    assert set(course) <= set(vg.__all__)
