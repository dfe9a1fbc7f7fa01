"""What recording promises beside right numbers: it changes nothing, repeats itself, and keeps nothing alive."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

import vizgrad as vg
from tests.torch_bridge.models import MODELS


@pytest.mark.parametrize("name", MODELS)
def test_the_same_program_makes_the_same_trace(name):
    written = []
    for _ in range(2):
        torch.manual_seed(0)
        with vg.record_torch() as trace:
            MODELS[name]()
        written.append(trace.to_json())
    assert written[0] == written[1]


class Network(nn.Module):
    """Dropout, batch norm, a convolution and a shared layer: whatever recording could disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.mix = nn.Linear(36, 36)
        self.out = nn.Linear(36, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu_(self.norm(self.conv(x))), 2).flatten(1)
        return self.out(self.mix(self.drop(torch.tanh(self.mix(x)))))


def train(precision: torch.dtype | None, record: bool) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Losses of three steps, and everything that the network and its optimiser hold afterwards."""
    torch.manual_seed(0)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    losses = []
    for x in torch.randn(3, 5, 1, 8, 8):
        recording = vg.record_torch(network) if record else torch.enable_grad()
        with recording, torch.autocast("cpu", dtype=precision, enabled=precision is not None):
            loss = F.cross_entropy(network(x), torch.arange(5) % 3)
            loss.backward()
            optimiser.step()
        losses.append(loss.detach())
        state = [p.grad.clone() for p in network.parameters()]
        optimiser.zero_grad()
    moments = [entry for held in optimiser.state.values() for entry in held.values()]
    return losses, [*state, *moments, *network.state_dict().values(), torch.get_rng_state()]


@pytest.mark.parametrize("precision", [None, torch.bfloat16])
def test_training_goes_on_as_if_nobody_listened(precision):
    (losses, state), (recorded_losses, recorded_state) = train(precision, False), train(precision, True)
    for a, b in zip([*losses, *state], [*recorded_losses, *recorded_state], strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def test_activations_are_freed_while_recording_as_they_are_without_it():
    w = torch.randn(200, 200, requires_grad=True)

    def step():
        h = torch.tanh(w @ w)
        loss = (h * h).sum()
        loss.backward()
        w.grad = None
        return StorageWeakRef(h.untyped_storage())

    with vg.record_torch() as trace:
        assert all(step().expired() for _ in range(3))
    assert len(trace.ops) == 12


def test_a_trace_holds_nothing_of_pytorch():
    def record():
        network, x = Network(), torch.randn(5, 1, 8, 8)
        with vg.record_torch(network) as trace:
            network(x).sum().backward()
        return trace, [weakref.ref(part) for part in (network, *network.parameters(), x)]

    trace, parts = record()
    gc.collect()  # the recorder and its mode hold each other
    assert [part() for part in parts] == [None] * len(parts)
    assert trace.tensor("network.conv.weight").role == "parameter"


def test_a_long_recording_grows_only_by_its_steps():
    w = torch.randn(300, 300, requires_grad=True)
    sizes = []
    for steps in (2, 4, 6):
        with vg.record_torch() as trace:
            for _ in range(steps):
                (w @ w).mean().backward()
                w.grad = None
        sizes.append(len(trace.to_json()))
    first, second = np.diff(sizes)
    assert second == pytest.approx(first, rel=0.02)
    assert second / 2 < w.nbytes / 3  # of one step, in which there are four arrays of that size


def test_everything_is_taken_off_also_where_the_program_fails():
    from torch.nn.modules import module
    from torch.optim import optimizer
    from torch.overrides import _get_current_function_mode_stack

    network = nn.Linear(2, 1)
    y = network(torch.ones(1, 2))
    with pytest.raises(ZeroDivisionError), vg.record_torch(network) as trace:
        z = torch.tanh(y)
        1 / 0  # noqa: B018
    assert trace.error.type == "ZeroDivisionError"
    assert not module._global_forward_hooks and not module._global_forward_pre_hooks
    assert not optimizer._global_optimizer_pre_hooks and not optimizer._global_optimizer_post_hooks
    assert _get_current_function_mode_stack() == []
    steps = len(trace.steps)
    z.sum().backward()
    assert len(trace.steps) == steps


def test_a_hook_that_fails_ends_the_trace_and_no_more():
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(ZeroDivisionError), vg.record_torch() as trace:
        y = w * 2
        y.register_hook(lambda gradient: 1 / 0)
        (y + 1).sum().backward()
    kinds = [step.kind for step in trace.steps]
    assert kinds.count("backward") == 2  # sum and +; the product never ran
    assert trace.error.type == "ZeroDivisionError"


# --- what is seen of each kind of program -----------------------------------------------------------------------------


def arrivals(trace: vg.Trace, name: str) -> list[tuple[int, int]]:
    id = trace.tensor(name).id
    return [(step.arrived, step.of) for step in trace.steps if step.kind == "accumulate" and step.tensor == id]


def test_a_shared_parameter_waits_for_all_its_gradients():
    layer = nn.Linear(3, 3)
    with vg.record_torch(layer) as trace:
        layer(torch.tanh(layer(torch.ones(1, 3)))).sum().backward()
    assert arrivals(trace, "layer.weight") == [(1, 2), (2, 2)]
    assert sum(tensor.name.startswith("layer.weight") for tensor in trace.tensors) == 1


@pytest.mark.parametrize("cut", ["detach", "no_grad"])
def test_no_gradient_goes_through_a_part_that_is_cut_off(cut):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with vg.record_torch() as trace:
        h = w * 3
        if cut == "detach":
            target = torch.exp(h.detach())
        else:
            with torch.no_grad():
                target = torch.exp(h)
        loss = (h * target).sum()
        loss.backward()
    grads = trace.state().grads
    assert trace.tensor("target").id not in grads
    assert not trace.tensor("target").requires_grad
    backward = [trace.op(step.op).op for step in trace.steps if step.kind == "backward"]
    assert backward == ["sum", "mul", "mul"]
    assert "exp" in [op.op for op in trace.ops]
    np.testing.assert_array_equal(trace.grad("w"), w.grad)


def test_an_operation_in_place_makes_a_new_circle():
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    with vg.record_torch() as trace:
        y = x * 2
        y.clamp_(min=0)
        y += 1
        y.sum().backward()
    assert [op.op for op in trace.ops] == ["mul", "clamp_", "add_", "sum"]
    made = [trace.arrays[trace.tensor(op.outputs[0]).array].tolist() for op in trace.ops]
    assert made == [[-2, 4], [0, 4], [1, 5], 6]
    assert trace.ops[1].rule["backward"][0] == vg.Clip.rule.backward[0].replace(r"\k{low}", "0").replace(
        r"\k{high}", r"\infty"
    )
    np.testing.assert_array_equal(trace.grad("x"), x.grad)


def test_both_outputs_of_a_call_are_there_and_each_has_its_gradient():
    w = torch.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    with vg.record_torch() as trace:
        left, right = w.chunk(2, dim=1)
        (left * 2 + right * 3).sum().backward()
    assert trace.ops[0].outputs == [trace.tensor("left").id, trace.tensor("right").id]
    np.testing.assert_array_equal(trace.grad("left"), [[2], [2]])
    np.testing.assert_array_equal(trace.grad("right"), [[3], [3]])
    np.testing.assert_array_equal(trace.grad("w"), [[2, 3], [2, 3]])


def test_mixed_precision_is_written_as_such():
    network, x = nn.Linear(4, 2), torch.ones(3, 4)
    with vg.record_torch(network) as trace, torch.autocast("cpu", dtype=torch.bfloat16):
        y = network(x)
        y.float().sum().backward()
    assert trace.tensor("y").dtype == "bfloat16"
    assert trace.tensor("network.weight").dtype == "float32"
    np.testing.assert_array_equal(trace.value("y"), y.detach().float().numpy())
    np.testing.assert_array_equal(trace.grad("network.weight"), network.weight.grad)


def test_a_call_inside_a_module_has_its_path_and_its_line():
    network = nn.Sequential(Network())
    with vg.record_torch(network) as trace:
        network(torch.randn(2, 1, 8, 8))
    convolution = trace.ops[0]
    assert convolution.module == "network.0.conv"
    source = trace.files[convolution.place[0]].source.splitlines()
    assert "self.norm(self.conv(x))" in source[convolution.place[1] - 1]


def test_a_call_without_a_rule_says_so():
    w = torch.rand(3, requires_grad=True)
    with vg.record_torch() as trace:
        torch.special.i0(w).sum().backward()
    call = trace.ops[0]
    assert call.rule is None
    assert "No rule is written for this call yet" in trace.codes[call.op].doc
    np.testing.assert_array_equal(trace.grad("w"), w.grad)


# --- optimisers -------------------------------------------------------------------------------------------------------

OPTIMISERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01},
    "SGD nesterov": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True},
    "Adam": {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1},
    "AdamW": {"lr": 0.1, "weight_decay": 0.1},
    "Adamax": {"lr": 0.1, "betas": (0.8, 0.9)},
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_update_says_what_vizgrads_own_optimiser_says(name):
    kind, settings = name.split()[0], OPTIMISERS[name]
    start = np.array([1.0, -2.0, 3.0])

    def steps(trace):
        return [step for step in trace.steps if step.kind == "update"]

    def spoken_of(trace, step):
        return {
            key: trace.arrays[value["array"]] if isinstance(value, dict) else value
            for key, value in step.settings.items()
        }

    w = vg.TensorNode(start)
    optimiser = getattr(vg, kind)([w], **settings)
    with vg.record() as ours:
        for _ in range(3):
            optimiser.zero_grad()
            (w * w * w).sum().backward()
            optimiser.step()
    w = torch.tensor(start, requires_grad=True)
    optimiser = getattr(torch.optim, kind)([w], **settings)
    with vg.record_torch() as theirs:
        for _ in range(3):
            optimiser.zero_grad()
            (w * w * w).sum().backward()
            optimiser.step()
    assert len(steps(ours)) == len(steps(theirs)) == 3
    for mine, other in zip(steps(ours), steps(theirs), strict=True):
        assert other.rule == mine.rule
        numbers, others = spoken_of(ours, mine), spoken_of(theirs, other)
        assert set(numbers) - set(others) <= {"t"}
        for key, value in others.items():
            np.testing.assert_allclose(value, numbers[key], rtol=1e-12, err_msg=key)
        np.testing.assert_allclose(theirs.arrays[other.after], ours.arrays[mine.after], rtol=1e-10)


@pytest.mark.parametrize(
    ("kind", "settings"), [("Adagrad", {}), ("Adam", {"amsgrad": True}), ("SGD", {"maximize": True})]
)
def test_an_update_by_a_rule_that_only_pytorch_has_shows_its_name(kind, settings):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimiser = getattr(torch.optim, kind)([w], lr=0.1, **settings)
    with vg.record_torch() as trace:
        (w * w).sum().backward()
        optimiser.step()
    [update] = [step for step in trace.steps if step.kind == "update"]
    assert kind in update.rule
    assert update.settings == {}
    np.testing.assert_array_equal(trace.arrays[update.after], w.detach())
