"""Modules: what belongs to them, what is saved of them, and what they say when it does not fit."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, seeds
from vizgrad import nn
from vizgrad.errors import OpDefinitionError, StateError


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


class Holder(vg.Module):
    """Holds whatever it is given."""

    def __init__(self, **parts) -> None:
        vars(self).update(parts)


# --- what belongs to a module ----------------------------------------------------------------------------------------


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


def test_parts_are_found_in_lists_tuples_and_dicts():
    a, b, c = (vg.TensorNode(float(i)) for i in range(3))
    layer = vg.Linear(1, 1)
    module = Holder(layers=[layer, (a, "text", [b])], heads={"x": c, 7: vg.nn.ReLU()}, empty=[], number=3)
    assert dict(module.named_parameters()) == {
        "layers.0.w": layer.w,
        "layers.0.b": layer.b,
        "layers.1.0": a,
        "layers.1.2.0": b,
        "heads.x": c,
    }
    assert [path for path, _ in module.named_modules()] == ["", "layers.0", "heads.7"]


def test_what_is_shared_is_found_once_by_its_first_path():
    layer = vg.Linear(2, 2)
    module = Holder(first=layer, again=[layer, layer.w], last=Holder(weights=layer.w))
    assert [path for path, _ in module.named_parameters()] == ["first.w", "first.b"]
    assert [path for path, _ in module.named_modules()] == ["", "first", "last"]
    assert list(module.state_dict()) == ["first.w", "first.b"]


def test_a_module_may_know_the_one_that_it_is_in():
    inner = Holder(w=vg.TensorNode(1.0))
    outer = Holder(inner=inner)
    inner.parent = outer
    assert [path for path, _ in outer.named_parameters()] == ["inner.w"]
    assert [path for path, _ in inner.named_modules()] == ["", "parent"]
    assert "the same as the whole" in repr(inner)


def test_only_leaves_that_want_a_gradient_are_parameters():
    w = vg.TensorNode([1.0, 2.0])
    module = Holder(w=w, made=w * 2, frozen=vg.TensorNode([3.0], requires_grad=False), array=np.ones(2))
    assert module.parameters() == [w]
    assert [path for path, _ in module.named_tensors()] == ["w", "frozen"]
    w.requires_grad = False
    assert module.parameters() == []


def test_a_program_may_name_its_parameters_itself():
    class Course(vg.Module):
        def __init__(self):
            super().__init__()
            self.layer1 = vg.Linear(2, 3)
            self.layer2 = vg.Linear(3, 2)

        def forward(self, x):
            return self.layer2(vg.sigmoid(self.layer1(x)))

        def parameters(self):
            return self.layer1.parameters() + self.layer2.parameters()

    net = Course()
    assert net.parameters() == [net.layer1.w, net.layer1.b, net.layer2.w, net.layer2.b]
    net(np.ones((4, 2))).sum().backward()
    net.zero_grad()
    assert not any(node.grad.any() for node in net.parameters())


def test_attributes_may_be_set_before_super_init():
    class Early(vg.Module):
        def __init__(self):
            self.w = vg.TensorNode(1.0)
            self.training = False
            super().__init__()

    early = Early()
    assert early.parameters() == [early.w]
    assert not early.training


def test_every_parameter_of_a_network_gets_a_gradient_and_can_forget_it():
    pair = Pair()
    x = vg.TensorNode(normal(0, (4, 2)))
    vg.celoss(pair(x), np.array([0, 1, 0, 1])).backward()
    for path, node in pair.named_parameters():
        assert node.grad.any(), path
    pair.zero_grad()
    for path, node in pair.named_parameters():
        assert not node.grad.any(), path
    assert x.grad.any()


# --- calling ---------------------------------------------------------------------------------------------------------


def test_what_is_running_is_forgotten_when_a_forward_fails():
    class Failing(vg.Module):
        def forward(self, x):
            assert nn.running == [self]
            raise KeyError

    with pytest.raises(KeyError):
        Failing()(1)
    assert nn.running == []


def test_a_call_passes_everything_on():
    class Echo(vg.Module):
        def forward(self, x, *more, scale=1):
            return x, more, scale

    assert Echo()(1, 2, 3, scale=4) == (1, (2, 3), 4)


def test_a_module_without_forward_says_so():
    with pytest.raises(OpDefinitionError, match="Holder has no forward"):
        Holder()(1)


# --- training or not -------------------------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module():
    net = Holder(layers=[vg.Dropout(), Holder(inner=vg.BatchNorm(2))])
    assert all(module.training for _, module in net.named_modules())
    assert net.eval() is net
    assert not any(module.training for _, module in net.named_modules())
    assert net.train() is net
    assert all(module.training for _, module in net.named_modules())
    assert vg.Module.training


# --- saving ----------------------------------------------------------------------------------------------------------


def network(seed: int, dtype=np.float64) -> vg.Module:
    rng = np.random.default_rng(seed)
    norm = vg.BatchNorm(3, dtype=dtype)
    norm.mean, norm.variance = normal(seed, (3,), dtype), normal(seed + 1, (3,), dtype) ** 2
    frozen = vg.TensorNode(normal(seed, (2, 1), dtype), requires_grad=False)
    return Holder(layers=[vg.Linear(2, 3, rng, dtype), norm], frozen=frozen)


STATE = ["layers.0.w", "layers.0.b", "layers.1.gain", "layers.1.shift", "frozen", "layers.1.mean", "layers.1.variance"]


def arrays(module: vg.Module) -> list[np.ndarray]:
    return [np.array(array) for array in module.state_dict().values()]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@given(seeds, st.sampled_from([np.float32, np.float64]), st.booleans())
def test_a_saved_network_comes_back(tmp_path_factory, seed, dtype, through_a_file):
    one, other = network(seed, dtype), network(seed + 5, dtype)
    assert list(one.state_dict()) == STATE
    assert not same(arrays(one), arrays(other))
    if through_a_file:
        path = tmp_path_factory.mktemp("state") / "net.anything"
        one.save(path)
        other.load(path)
    else:
        other.load_state_dict(one.state_dict())
    assert same(arrays(one), arrays(other))
    assert all(array.dtype == dtype for array in arrays(other))
    assert not other.frozen.requires_grad


def test_a_state_is_a_snapshot():
    net = network(0)
    state = net.state_dict()
    before = {path: array.copy() for path, array in state.items()}
    net.layers[0].w.value -= 1.0
    net.layers[1].mean += 1.0
    assert all(np.array_equal(state[path], before[path]) for path in state)
    net.load_state_dict(state)
    state["layers.0.w"] += 1.0
    state["layers.1.mean"] += 1.0
    assert same(arrays(net), list(before.values()))


def test_loading_does_not_write_into_a_graph_that_is_alive():
    layer = vg.Linear(2, 1)
    x = vg.TensorNode([[1.0, 2.0]])
    loss = layer(x).sum()
    before = layer.w.value.copy()
    layer.load_state_dict({"w": np.ones((1, 2)), "b": np.zeros(1)})
    loss.backward()
    np.testing.assert_array_equal(x.grad, before)
    np.testing.assert_array_equal(layer.w.value, [[1, 1]])


def test_all_that_does_not_fit_is_said_at_once_and_nothing_changes():
    net = network(0)
    before = arrays(net)
    state = net.state_dict()
    del state["layers.0.b"]
    state["layers.0.w"] = np.ones((2, 3))
    state["layers.1.gain"] = np.array(["a", "b", "c"])
    state["layers.1.shift"] = [[1.0], [2.0, 3.0]]
    state["layers.1.mean"] = np.ones(3) * 1j
    state["other.w"] = np.ones(1)
    with pytest.raises(StateError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    for fault in (
        "layers.0.b is missing",
        "other.w is not expected",
        "layers.0.w has shape (2, 3), needed is (3, 2)",
        "layers.1.gain is no array of numbers",
        "layers.1.shift is no array;",
        "layers.1.mean is no array of numbers",
    ):
        assert fault in text
    assert same(arrays(net), before)


def test_without_strict_names_may_differ_but_shapes_may_not():
    net = network(0)
    net.load_state_dict({"layers.0.b": [1, 2, 3], "other": 1}, strict=False)
    np.testing.assert_array_equal(net.layers[0].b.value, [1, 2, 3])
    with pytest.raises(StateError, match=r"layers\.0\.b has shape \(2,\)"):
        net.load_state_dict({"layers.0.b": [1, 2]}, strict=False)


def test_numbers_beyond_the_range_of_the_parameters_are_refused():
    layer = vg.Linear(1, 1, dtype=np.float32)
    with pytest.raises(StateError, match="w has numbers beyond the range of float32"):
        layer.load_state_dict({"w": [[1e300]], "b": [0.0]})
    layer.load_state_dict({"w": [[np.inf]], "b": [np.nan]})
    assert np.isinf(layer.w.value).all()


def test_two_tensors_with_one_path_are_refused():
    with pytest.raises(StateError, match=r"same path, parts\.1"):
        Holder(parts={1: vg.TensorNode(1.0), "1": vg.TensorNode(2.0)}).state_dict()


def test_names_that_numpy_takes_for_its_own_and_modules_without_parameters_are_saved(tmp_path):
    path = tmp_path / "file"
    Holder(file=vg.TensorNode(1.0), allow_pickle=vg.TensorNode(2.0), parts={"a/../b": vg.TensorNode(3.0)}).save(path)
    assert {name: float(value) for name, value in np.load(path).items()} == {
        "file": 1,
        "allow_pickle": 2,
        "parts.a/../b": 3,
    }
    vg.nn.ReLU().save(path)
    vg.nn.ReLU().load(path)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    network(0).save(path)
    before = path.read_bytes()
    write, calls = np.lib.format.write_array, []

    def failing(*args, **settings):
        calls.append(1)
        if len(calls) == 3:
            raise OSError("disk full")
        write(*args, **settings)

    monkeypatch.setattr(np.lib.format, "write_array", failing)
    with pytest.raises(OSError, match="disk full"):
        network(1).save(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["net.npz"]


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    with pytest.raises(FileNotFoundError):
        network(0).load(path)
    np.save(path.with_suffix(".npy"), np.ones(2))
    np.savez(tmp_path / "objects.npz", w=np.array([{}], dtype=object))
    network(0).save(path)
    whole = path.read_bytes()
    for name, content in {
        "empty": b"",
        "text": b"just text\n" * 9,
        "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "array": path.with_suffix(".npy").read_bytes(),
        "objects": (tmp_path / "objects.npz").read_bytes(),
        "half": whole[: len(whole) // 2],
        "flipped": whole[:90] + bytes([whole[90] ^ 255]) + whole[91:],
    }.items():
        (tmp_path / name).write_bytes(content)
        net = network(0)
        before = arrays(net)
        with pytest.raises(StateError, match=name):
            net.load(tmp_path / name)
        assert same(arrays(net), before)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_file_is_refused_or_was_not_damaged_where_it_matters(tmp_path_factory, place, change):
    path = tmp_path_factory.mktemp("state") / "net"
    net = network(0)
    net.save(path)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= change
    path.write_bytes(content)
    before = arrays(net)
    with suppress(StateError):
        net.load(path)
    assert same(arrays(net), before)


# --- text ------------------------------------------------------------------------------------------------------------


def test_a_module_shows_what_is_in_it():
    shared = vg.Linear(2, 2, bias=False)
    net = Holder(first=vg.Conv2d(1, 2, (3, 5), padding=(1, 2)), again=[shared, shared], scale=vg.TensorNode(1.0))
    assert repr(net) == (
        "Holder, 37 parameters: scale ()\n"
        "  first Conv2d(stride=1, padding=(1, 2)), 32 parameters: w (2, 1, 3, 5), b (2,)\n"
        "  again.0 Linear, 4 parameters: w (2, 2)\n"
        "  again.1 Linear, the same as again.0"
    )
    assert repr(Holder(w=vg.TensorNode(1.0)).eval()) == "Holder, 1 parameter: w ()"
    assert repr(vg.nn.LeakyReLU(0.2)) == "LeakyReLU(slope=0.2)"
