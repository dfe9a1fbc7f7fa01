"""Layers and networks against PyTorch's: output, gradients, and what differs between training and use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, seeds
from vizgrad import graph, nn
from vizgrad.errors import DtypeError, SettingError, ShapeError

sizes = st.integers(1, 5)
dtypes = st.sampled_from([np.float32, np.float64])


def agree(layer: vg.Module, other: torch.nn.Module, pairs: dict[str, str], x: np.ndarray) -> None:
    """Output and gradients are PyTorch's, and keep their number type. ``pairs`` names the same parameters in both."""
    theirs = dict(other.double().named_parameters())
    ours = dict(layer.named_parameters())
    assert set(ours) == set(pairs)
    for name, path in pairs.items():
        theirs[path].data = torch.tensor(ours[name].value.astype(np.float64))
    node, tensor = vg.TensorNode(x), torch.tensor(x.astype(np.float64), requires_grad=True)
    out, expected = layer(node), other(tensor)
    weights = normal(1, out.shape, x.dtype)  # an upstream gradient that is not all ones
    (out * weights).sum().backward()
    (expected * torch.tensor(weights.astype(np.float64))).sum().backward()
    close(out.value, expected.detach().numpy(), x.dtype)
    close(node.grad, tensor.grad.numpy(), x.dtype)
    for name, path in pairs.items():
        close(ours[name].grad, theirs[path].grad.numpy(), x.dtype)


def close(found: np.ndarray, expected: np.ndarray, dtype) -> None:
    precision = 1e-10 if dtype == np.float64 else 1e-3
    assert found.dtype == dtype
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=precision, atol=precision * scale)


# --- Linear ----------------------------------------------------------------------------------------------------------


@given(sizes, sizes, sizes, seeds, dtypes, st.booleans())
def test_linear(batch, inputs, outputs, seed, dtype, bias):
    layer = vg.Linear(inputs, outputs, np.random.default_rng(seed), dtype, bias)
    if bias:
        layer.b.value = normal(seed, (outputs,), dtype)
    pairs = {"w": "weight", "b": "bias"} if bias else {"w": "weight"}
    agree(layer, torch.nn.Linear(inputs, outputs, bias), pairs, normal(seed + 1, (batch, inputs), dtype))


@given(st.lists(sizes, max_size=3), seeds, st.booleans())
def test_linear_takes_any_batch_axes(batch, seed, bias):
    layer = vg.Linear(3, 2, np.random.default_rng(seed), bias=bias)
    pairs = {"w": "weight", "b": "bias"} if bias else {"w": "weight"}
    agree(layer, torch.nn.Linear(3, 2, bias), pairs, normal(seed, (*batch, 3)))


def test_linear_takes_plain_numbers():
    layer = vg.Linear(2, 3)
    expected = layer(vg.TensorNode([[1.0, 2.0]])).value
    np.testing.assert_array_equal(layer([[1.0, 2.0]]).value, expected)
    np.testing.assert_array_equal(layer(np.array([[1.0, 2.0]])).value, expected)


def test_linear_is_a_product_and_a_sum_in_the_graph():
    out = vg.Linear(3, 2)(vg.TensorNode(np.ones((4, 3))))
    assert [op.op for op in graph.ops_below(out)] == [vg.BatchMM, vg.Add]
    out = vg.Linear(3, 2, bias=False)(vg.TensorNode(np.ones((4, 3))))
    assert [op.op for op in graph.ops_below(out)] == [vg.BatchMM]


def test_linear_starts_with_glorots_weights_and_no_bias():
    layer = vg.Linear(300, 200, np.random.default_rng(0))
    assert layer.w.shape == (200, 300)
    assert layer.w.value.std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)
    assert layer.w.value.mean() == pytest.approx(0, abs=0.002)
    np.testing.assert_array_equal(layer.b.value, np.zeros(200))


def test_linear_starts_as_it_is_told():
    layer = vg.Linear(300, 200, np.random.default_rng(0), init=nn.init.he_normal)
    assert layer.w.value.std() == pytest.approx(np.sqrt(2 / 300), rel=0.02)


def test_wrong_widths_are_told():
    with pytest.raises(ShapeError, match="the matrix takes 3 features, each vector has 2"):
        vg.Linear(3, 2)(vg.TensorNode(np.ones((4, 2))))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vg.Linear(0, 2), "Linear was given input_size=0"),
        (lambda: vg.Linear(2, 2.5), r"output_size=2\.5"),
        (lambda: vg.Conv2d(1, -1, 3), "out_channels=-1"),
        (lambda: vg.Conv2d(1, 1, (3, 0)), "width=0"),
        (lambda: vg.Embedding("10", 2), "count='10'"),
        (lambda: vg.BatchNorm(0), "features=0"),
        (lambda: vg.LayerNorm((2, 0)), r"features\[1\]=0"),
        (lambda: vg.Dropout(1.5), r"p=1\.5"),
        (lambda: vg.Dropout(-0.1), r"p=-0\.1"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(SettingError, match=message):
        make()


# --- images ----------------------------------------------------------------------------------------------------------


@given(sizes, sizes, st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), seeds, dtypes, st.booleans())
def test_conv2d(inputs, outputs, size, stride, padding, seed, dtype, bias):
    how = {"stride": stride, "padding": padding, "bias": bias}
    layer = vg.Conv2d(inputs, outputs, size, **how, rng=np.random.default_rng(seed), dtype=dtype)
    if bias:
        layer.b.value = normal(seed, (outputs,), dtype)
    pairs = {"w": "weight", "b": "bias"} if bias else {"w": "weight"}
    agree(layer, torch.nn.Conv2d(inputs, outputs, size, **how), pairs, normal(seed, (2, inputs, 5, 4), dtype))


def test_the_kernels_of_a_convolution_start_with_glorots_spread():
    layer = vg.Conv2d(20, 30, 5, rng=np.random.default_rng(0))
    assert layer.w.value.std() == pytest.approx(np.sqrt(2 / (25 * 50)), rel=0.02)


@pytest.mark.parametrize("how", [{}, {"stride": 1}, {"stride": 2, "padding": 1}])
def test_pooling(how):
    x = normal(0, (2, 3, 7, 6))
    agree(vg.MaxPool2d(3, **how), torch.nn.MaxPool2d(3, **how), {}, x)
    agree(vg.AvgPool2d(3, **how), torch.nn.AvgPool2d(3, **how), {}, x)


def test_flatten():
    agree(vg.Flatten(), torch.nn.Flatten(), {}, normal(0, (2, 3, 4, 5)))
    assert vg.Flatten()(vg.TensorNode(np.zeros((0, 3, 4)))).shape == (0, 12)


# --- normalisation ---------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(
    st.sampled_from([(4, 3), (2, 3, 4, 5), (2, 3, 1, 1), (1, 3, 2, 2)]),
    st.sampled_from([1e-5, 0.1]),
    st.floats(0, 1),
    seeds,
    dtypes,
)
def test_batch_norm_in_training_and_in_use(shape, eps, momentum, seed, dtype):
    kind = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
    ours, theirs = vg.BatchNorm(3, eps, momentum, dtype), kind(3, eps, momentum).double()
    ours.gain.value, ours.shift.value = normal(seed, (3,), dtype), normal(seed + 1, (3,), dtype)
    pairs = {"gain": "weight", "shift": "bias"}
    for step in range(3):
        ours.zero_grad()
        theirs.zero_grad()
        agree(ours, theirs, pairs, normal(seed + step, shape, dtype) * 3 + 1)
        close(ours.mean, theirs.running_mean.numpy(), dtype)
        close(ours.variance, theirs.running_var.numpy(), dtype)
    ours.eval()
    theirs.eval()
    mean, variance = ours.mean, ours.variance
    ours.zero_grad()
    theirs.zero_grad()
    agree(ours, theirs, pairs, normal(seed, shape, dtype) * 3 + 1)
    assert ours.mean is mean
    assert ours.variance is variance


def test_batch_norm_says_that_one_value_has_no_spread():
    layer = vg.BatchNorm(2)
    with pytest.raises(ShapeError, match="call eval"):
        layer(vg.TensorNode([[1.0, 2.0]]))
    layer.eval()(vg.TensorNode([[1.0, 2.0]]))


def test_the_running_statistics_of_batch_norm_are_no_parameters_but_are_saved():
    layer = vg.BatchNorm(2)
    assert [path for path, _ in layer.named_parameters()] == ["gain", "shift"]
    assert [path for path, _ in layer.named_buffers()] == ["mean", "variance"]
    assert list(layer.state_dict()) == ["gain", "shift", "mean", "variance"]


@given(st.sampled_from([4, (4,), (3, 4), (2, 3, 4)]), seeds, dtypes)
def test_layer_norm(features, seed, dtype):
    ours = vg.LayerNorm(features, dtype=dtype)
    ours.gain.value, ours.shift.value = normal(seed, ours.gain.shape, dtype), normal(seed + 1, ours.gain.shape, dtype)
    pairs = {"gain": "weight", "shift": "bias"}
    agree(ours, torch.nn.LayerNorm(features), pairs, normal(seed, (2, 3, 4), dtype))


# --- chance and tables -----------------------------------------------------------------------------------------------


def test_dropout_drops_in_training_alone():
    layer = vg.Dropout(0.25, np.random.default_rng(0))
    x = vg.TensorNode(np.ones((200, 100)))
    out = layer(x).value
    assert set(np.unique(out)) == {0.0, 1 / 0.75}
    assert (out == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert not np.array_equal(out, layer(x).value)
    np.testing.assert_array_equal(layer.eval()(x).value, x.value)
    again = vg.Dropout(0.25, np.random.default_rng(0))
    np.testing.assert_array_equal(again(x).value, out)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), seeds, dtypes)
def test_embedding(indices, seed, dtype):
    ours, theirs = vg.Embedding(5, 3, np.random.default_rng(seed), dtype), torch.nn.Embedding(5, 3).double()
    theirs.weight.data = torch.tensor(ours.table.value.astype(np.float64))
    out, expected = ours(np.array(indices)), theirs(torch.tensor(indices))
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    close(out.value, expected.detach().numpy(), dtype)
    close(ours.table.grad, theirs.weight.grad.numpy(), dtype)


# --- activations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (nn.Identity(), torch.nn.Identity()),
        (nn.ReLU(), torch.nn.ReLU()),
        (nn.LeakyReLU(), torch.nn.LeakyReLU()),
        (nn.LeakyReLU(0.2), torch.nn.LeakyReLU(0.2)),
        (nn.Sigmoid(), torch.nn.Sigmoid()),
        (nn.Tanh(), torch.nn.Tanh()),
        (nn.Softplus(), torch.nn.Softplus()),
        (nn.GELU(), torch.nn.GELU()),
        (nn.GELU("tanh"), torch.nn.GELU("tanh")),
        (nn.Softmax(), torch.nn.Softmax(-1)),
        (nn.Softmax(axis=0), torch.nn.Softmax(0)),
        (nn.LogSoftmax(), torch.nn.LogSoftmax(-1)),
        (nn.LogSoftmax(axis=0), torch.nn.LogSoftmax(0)),
    ],
)
def test_activations(ours, theirs):
    agree(ours, theirs, {}, normal(0, (4, 3)) * 3)
    assert ours.parameters() == []


# --- networks --------------------------------------------------------------------------------------------------------


def test_sequential_is_a_list_that_can_be_called():
    a, b, c = vg.Linear(2, 3), nn.ReLU(), vg.Linear(3, 1)
    net = vg.Sequential(a, b, c)
    assert len(net) == 3
    assert list(net) == [a, b, c]
    assert net[1] is b
    assert net[-1] is c
    assert list(net[1:]) == [b, c]
    assert isinstance(net[:1], vg.Sequential)
    assert [path for path, _ in net.named_parameters()] == [f"layers.{i}.{p}" for i in (0, 2) for p in "wb"]
    x = vg.TensorNode(normal(0, (4, 2)))
    np.testing.assert_array_equal(net(x).value, c(vg.relu(a(x))).value)
    np.testing.assert_array_equal(vg.Sequential(a, vg.relu, c)(x).value, net(x).value)
    assert vg.Sequential()(x) is x


def test_sequential_takes_layers_one_by_one():
    with pytest.raises(DtypeError, match="given a list as layer 0"):
        vg.Sequential([vg.Linear(2, 3)])


@settings(max_examples=5)
@given(seeds)
def test_a_network_of_everything_trains_as_in_torch(seed):
    rng = np.random.default_rng(seed)
    net = vg.Sequential(
        vg.Conv2d(1, 3, 3, padding=1, rng=rng),
        vg.BatchNorm(3),
        nn.ReLU(),
        vg.MaxPool2d(2),
        vg.Flatten(),
        vg.Linear(3 * 2 * 2, 4, rng),
        vg.LayerNorm(4),
        nn.GELU(),
        vg.Linear(4, 2, rng),
    )
    same = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1),
        torch.nn.BatchNorm2d(3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(12, 4),
        torch.nn.LayerNorm(4),
        torch.nn.GELU(),
        torch.nn.Linear(4, 2),
    ).double()
    for node, tensor in zip(net.parameters(), same.parameters(), strict=True):
        tensor.data = torch.tensor(node.value)
    here, there = vg.Adam(net.parameters(), lr=0.01), torch.optim.Adam(same.parameters(), lr=0.01)
    for _ in range(5):
        x = rng.standard_normal((3, 1, 4, 4))
        here.zero_grad()
        there.zero_grad()
        out, expected = net(vg.TensorNode(x, requires_grad=False)), same(torch.tensor(x))
        (out * out).sum().backward()
        (expected * expected).sum().backward()
        here.step()
        there.step()
    for node, tensor in zip(net.parameters(), same.parameters(), strict=True):
        np.testing.assert_allclose(node.value, tensor.detach().numpy(), rtol=1e-6, atol=1e-6)


def test_the_same_generator_gives_the_same_network():
    one, other = (vg.MLP(3, 2, rng=np.random.default_rng(5)) for _ in range(2))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.value, b.value)
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


def test_the_hidden_layer_may_be_given_as_a_multiple():
    assert vg.MLP(3, 2, hidden_mult=2).layer1.w.shape == (6, 3)
    assert vg.MLP(3, 2, hidden_size=5, hidden_mult=2).layer1.w.shape == (5, 3)


def test_an_mlp_takes_other_functions():
    net = vg.MLP(2, 2, nonlinearity=vg.relu, output=vg.logsoftmax, dtype=np.float32)
    out = net(vg.TensorNode(normal(0, (3, 2), np.float32)))
    made = {op.op for op in graph.ops_below(out)}
    assert vg.ReLU in made
    assert vg.LogSoftmax in made
    assert vg.Sigmoid not in made
    assert out.dtype == np.float32
