"""Modules and optimisers: whose parameters, which output, which step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, seeds
from vizgrad import core, nn

sizes = st.integers(1, 5)


class Pair(vg.Module):
    def __init__(self) -> None:
        self.scale = vg.TensorNode(2.0)
        self.left = vg.Linear(2, 3)
        self.note = "not a parameter"
        self.shift = vg.TensorNode(1.0)
        self.right = vg.MLP(3, 2)

    def forward(self, x):
        return self.right(self.left(x) * self.scale + self.shift)


PAIR = ["scale", "left.w", "left.b", "shift", *(f"right.layer{i}.{p}" for i in (1, 2) for p in "wb")]


def test_parameters_come_in_the_order_in_which_they_were_set():
    pair = Pair()
    assert [path for path, _ in pair.named_parameters()] == PAIR
    assert [path for path, _ in pair.named_parameters("net")] == [f"net.{path}" for path in PAIR]
    assert pair.parameters() == [node for _, node in pair.named_parameters()]
    assert pair.parameters()[1] is pair.left.w


def test_modules_are_found_with_their_paths():
    pair = Pair()
    found = {"": pair, "left": pair.left, "right": pair.right}
    found |= {"right.layer1": pair.right.layer1, "right.layer2": pair.right.layer2}
    assert dict(pair.named_modules()) == found
    assert [path for path, _ in pair.named_modules("p")] == ["p", *(f"p.{path}" for path in found if path)]


def test_every_parameter_of_a_network_gets_a_gradient():
    pair = Pair()
    vg.celoss(pair(vg.TensorNode(normal(0, (4, 2)), requires_grad=False)), np.array([0, 1, 0, 1])).backward()
    for path, node in pair.named_parameters():
        assert node.grad.any(), path


@given(sizes, sizes, sizes, seeds, st.sampled_from([np.float32, np.float64]))
def test_linear_agrees_with_torch(batch, inputs, outputs, seed, dtype):
    layer = vg.Linear(inputs, outputs, np.random.default_rng(seed), dtype)
    layer.b.value = normal(seed, (outputs,), dtype)
    x = vg.TensorNode(normal(seed + 1, (batch, inputs), dtype))
    out = layer(x)
    (out * out).sum().backward()
    tensors = [torch.tensor(node.value.astype(np.float64), requires_grad=True) for node in (x, layer.w, layer.b)]
    expected = torch.nn.functional.linear(*tensors)
    (expected * expected).sum().backward()
    precision = 1e-10 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(out.value, expected.detach().numpy(), rtol=precision, atol=precision)
    for node, tensor in zip((x, layer.w, layer.b), tensors, strict=True):
        scale = max(1.0, float(tensor.grad.abs().max()))
        np.testing.assert_allclose(node.grad, tensor.grad.numpy(), rtol=precision, atol=precision * scale)
        assert node.grad.dtype == out.dtype == dtype


def test_linear_starts_with_glorots_weights_and_no_bias():
    layer = vg.Linear(300, 200, np.random.default_rng(0))
    assert layer.w.shape == (200, 300)
    assert layer.w.value.std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)
    assert layer.w.value.mean() == pytest.approx(0, abs=0.002)
    np.testing.assert_array_equal(layer.b.value, np.zeros(200))


def test_the_same_generator_gives_the_same_network():
    one, other = (vg.MLP(3, 2, rng=np.random.default_rng(5)) for _ in range(2))
    assert [np.array_equal(a.value, b.value) for a, b in zip(one.parameters(), other.parameters(), strict=True)] == [
        True
    ] * 4
    assert not np.array_equal(vg.MLP(3, 2).layer1.w.value, vg.MLP(3, 2).layer1.w.value)


@given(sizes, sizes, st.none() | sizes, seeds)
def test_an_mlp_computes_what_it_says(inputs, outputs, hidden, seed):
    net = vg.MLP(input_size=inputs, output_size=outputs, hidden_size=hidden, rng=np.random.default_rng(seed))
    assert net.layer1.w.shape == (hidden or 4 * inputs, inputs)
    x = normal(seed, (3, inputs))
    out = net(vg.TensorNode(x)).value
    h = 1 / (1 + np.exp(-(x @ net.layer1.w.value.T + net.layer1.b.value)))
    scores = h @ net.layer2.w.value.T + net.layer2.b.value
    np.testing.assert_allclose(out, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(out.sum(axis=1), 1)


def test_an_mlp_takes_other_functions():
    net = vg.MLP(2, 2, nonlinearity=vg.relu, output=vg.logsoftmax, dtype=np.float32)
    out = net(vg.TensorNode(normal(0, (3, 2), np.float32)))
    made = {op.op for op in core.ops_below(out)}
    assert vg.ReLU in made
    assert vg.LogSoftmax in made
    assert vg.Sigmoid not in made
    assert out.dtype == np.float32


def test_what_is_running_is_forgotten_when_a_forward_fails():
    class Failing(vg.Module):
        def forward(self, x):
            assert nn.running == [self]
            raise KeyError

    with pytest.raises(KeyError):
        Failing()(1)
    assert nn.running == []


# --- SGD -------------------------------------------------------------------------------------------------------------


@given(seeds, st.floats(1e-4, 0.5), st.integers(1, 5), st.sampled_from([np.float32, np.float64]))
def test_sgd_agrees_with_torch_over_several_steps(seed, lr, steps, dtype):
    start = normal(seed, (2, 3), dtype)
    w = vg.TensorNode(start.copy())
    tensor = torch.tensor(start, requires_grad=True)
    here, there = vg.SGD([w], lr=lr), torch.optim.SGD([tensor], lr=lr)
    for _ in range(steps):
        here.zero_grad()
        there.zero_grad()
        vg.sin(w * w).sum().backward()
        torch.sin(tensor * tensor).sum().backward()
        here.step()
        there.step()
    np.testing.assert_allclose(w.value, tensor.detach().numpy(), rtol=1e-10 if dtype == np.float64 else 1e-4, atol=1e-6)
    assert w.dtype == dtype


def test_sgd_does_not_write_into_a_graph_that_is_alive():
    w = vg.TensorNode([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward()
    vg.SGD(iter([w]), lr=1.0).step()
    w.grad = None
    loss.backward()
    np.testing.assert_array_equal(w.grad, [2, 4])
    np.testing.assert_array_equal(w.value, [-1, -2])


def test_zero_grad_touches_the_parameters_alone():
    w, v = vg.TensorNode(2.0), vg.TensorNode(3.0)
    (w * v).backward()
    vg.SGD([w], lr=0.1).zero_grad()
    assert (float(w.grad), float(v.grad)) == (0, 2)


def test_a_parameter_without_a_gradient_stays():
    w = vg.TensorNode([1.0, 2.0])
    vg.SGD([w], lr=0.1).step()
    np.testing.assert_array_equal(w.value, [1, 2])


def test_training_learns_an_ellipse():
    (x, y), (x_val, y_val), classes = vg.load_synth(400, 200, seed=0)
    net = vg.MLP(2, classes, hidden_size=16, output=vg.logsoftmax, rng=np.random.default_rng(0))
    optimiser = vg.SGD(net.parameters(), lr=0.01)
    losses = []
    for _ in range(150):
        loss = vg.logceloss(net(vg.TensorNode(x, requires_grad=False)), y)
        losses.append(loss.item())
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    with vg.no_grad():
        right = net(vg.TensorNode(x_val)).value.argmax(axis=1) == y_val
    assert losses[-1] < 0.3 * losses[0]
    assert right.mean() > 0.9
