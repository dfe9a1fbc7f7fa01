"""The bridge to PyTorch: the record has PyTorch's own numbers, and recording changes none of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import expect
from torch import nn

import vizgrad as vg
from tests.torch_bridge.models import MODELS, ResNet
from vizgrad import Trace
from vizgrad.draw.modules import units
from vizgrad.torch_bridge.arrays import to_array
from vizgrad.trace.arrays import Summarised

RESULTS = {}


@pytest.fixture(params=MODELS, ids=str)
def run(request):
    """A model run plainly and then recorded (once for all tests): leaves, leaves, trace."""
    if request.param not in RESULTS:
        torch.manual_seed(0)
        plain = list(MODELS[request.param]())
        torch.manual_seed(0)
        with vg.record_torch() as trace:
            leaves = list(MODELS[request.param]())
        RESULTS[request.param] = plain, leaves, trace
    return RESULTS[request.param]


@pytest.fixture(scope="module")
def schema():
    path = Path(vg.trace.__file__).with_name("schema.json")
    return jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def walks(trace: Trace):
    """The steps of each backward walk."""
    found: list[list] = []
    for step in trace.steps:
        if step.kind == "start" and (not found or found[-1][-1].kind != "start"):
            found.append([])
        if step.kind in ("start", "backward", "accumulate"):
            found[-1].append(step)
    return found


def close(a, b):
    if isinstance(a, Summarised) or isinstance(b, Summarised):
        return a.shape == b.shape
    return np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)


# --- every model -----------------------------------------------------------------------------------------------------


def test_recording_changes_nothing(run):
    plain, leaves, _ = run
    for before, after in zip(plain, leaves, strict=True):
        assert torch.equal(before, after)
        assert torch.equal(before.grad, after.grad)


def test_the_gradients_shown_are_pytorchs(run):
    _, leaves, trace = run
    grads = trace.state().grads
    ends = [t for t in trace.tensors if t.requires_grad and (t.source is None or trace.op(t.source).op == "clone")]
    for leaf in leaves:
        wanted = to_array(leaf.grad)
        [*found] = [t for t in ends if t.id in grads and t.shape == list(wanted.shape)]
        if isinstance(wanted, Summarised):
            assert any(grads[t.id].record == wanted.record for t in found)
        else:
            assert any(np.array_equal(grads[t.id], wanted) for t in found)


def test_the_values_shown_are_pytorchs(run):
    _, leaves, trace = run
    values = trace.state().values
    for leaf in leaves:
        wanted = to_array(leaf)
        assert any(np.array_equal(values[t.id], wanted) for t in trace.tensors if t.shape == list(wanted.shape))


def test_contributions_add_up(run):
    _, _, trace = run
    for walk in walks(trace):
        totals, received = {}, {}
        for step in walk:
            if step.kind == "backward":
                for id, place in zip(trace.op(step.op).outputs, step.upstream, strict=True):
                    received[id] = trace.arrays[place]
            elif step.kind == "accumulate":
                part = trace.arrays[step.gradient]
                before = totals.get(step.tensor)
                assert (before is None) == (step.before is None)
                assert before is None or close(trace.arrays[step.before], before)
                totals[step.tensor] = part if before is None else before + part
                earlier = 0 if step.earlier is None else trace.arrays[step.earlier]
                assert close(trace.arrays[step.after], totals[step.tensor] + earlier)
        for id, total in totals.items():
            assert id not in received or close(received[id], total)


def test_every_op_comes_after_all_that_send_to_it(run):
    _, _, trace = run
    assert walks(trace)
    for walk in walks(trace):
        expected = {}
        for step in walk:
            expected.update(step.expected or {})
        arrived: dict[str, int] = {}
        for step in walk:
            if step.kind == "accumulate":
                arrived[step.tensor] = arrived.get(step.tensor, 0) + 1
                assert (step.arrived, step.of) == (arrived[step.tensor], expected[step.tensor])
            elif step.kind == "backward":
                assert all(arrived.get(id, 0) == expected.get(id, 0) for id in trace.op(step.op).outputs)
        assert arrived == expected


def test_the_record_is_a_trace(run, schema):
    _, _, trace = run
    written = json.loads(trace.to_json())
    schema.validate(written)
    assert Trace.from_dict(written).to_json() == trace.to_json()
    assert all(step.text for step in trace.steps)


def test_a_value_comes_before_its_use(run):
    _, _, trace = run
    made = {t.id for t in trace.tensors if t.source is None}
    for step in trace.steps:
        if step.kind == "forward":
            assert {port.tensor for port in trace.op(step.op).inputs} <= made
            made |= set(trace.op(step.op).outputs)
    assert all(np.isfinite(trace.arrays[t.array]).any() or not t.shape for t in trace.tensors if t.source is None)


# --- what is written down --------------------------------------------------------------------------------------------


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.out = nn.Linear(3, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.norm(self.hidden(x))))


def test_names_modules_lines_and_rules():
    network, x = Small(), torch.ones(4, 2) * torch.arange(4)[:, None]
    with vg.record_torch(network) as trace:
        loss = network(x).square().mean()
        loss.backward()
    hidden = trace.ops[0]
    assert [port.port for port in hidden.inputs] == ["x", "w", "b"]
    assert hidden.module == "network.hidden"
    assert trace.tensor("network.hidden.weight").role == "parameter"
    assert trace.tensor("network.hidden.weight").module == "network.hidden"
    assert trace.tensor("network.norm.running_mean").requires_grad is False
    assert trace.tensor("loss").role == "loss"
    assert hidden.rule["backward"][0] == vg.Affine.rule.backward[0]
    assert trace.codes["tanh"].symbol == "tanh"
    last = trace.ops[-1]
    lines = trace.files[last.place[0]].source.splitlines()
    assert lines[last.place[1] - 1].strip() == "loss = network(x).square().mean()"
    changed = [s.tensor for s in trace.steps if s.kind == "update"]
    assert trace.tensor("network.norm.running_mean").id in changed


def test_what_a_node_keeps_is_the_context():
    a, b = torch.randn(3, requires_grad=True), torch.randn(3)
    with vg.record_torch() as trace:
        c = a * b
        d = torch.tanh(c)
    assert trace.ops[0].context["other"] == {"tensor": trace.tensor("b").id}
    assert trace.ops[1].context["result"] == {"tensor": trace.tensor("d").id}
    assert trace.tensor("d").requires_grad and d.requires_grad


def test_two_edges_of_one_op_bring_a_gradient_each():
    a = torch.tensor(3.0, requires_grad=True)
    with vg.record_torch() as trace:
        (a * a).backward()
    arrivals = [step for step in trace.steps if step.kind == "accumulate"]
    assert [(step.port, step.arrived, step.of) for step in arrivals] == [(0, 1, 2), (1, 2, 2)]
    assert float(trace.grad("a")) == 6.0


def test_an_optimiser_moves_the_parameters_by_its_rule():
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=0.1)
    with vg.record_torch() as trace:
        (w * w).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
    [update] = [step for step in trace.steps if step.kind == "update"]
    assert update.rule == vg.SGD.rule
    np.testing.assert_allclose(trace.arrays[update.after], [0.8, -1.6])
    assert trace.steps[-1].kind == "zero"
    assert trace.tensor("w").id not in trace.state().grads


def test_a_gradient_asked_for_is_not_left_in_grad():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with vg.record_torch() as trace:
        (gradient,) = torch.autograd.grad((w**3).sum(), [w])
    assert w.grad is None
    np.testing.assert_array_equal(trace.grad("w"), gradient.numpy())


def test_a_large_tensor_is_kept_as_its_summary():
    w = torch.randn(100, 100, requires_grad=True)
    with vg.record_torch() as trace:
        (w * 2).sum().backward()
    assert sum(array.nbytes for array in map(np.asarray, trace.arrays) if array.base is None) < 4096
    record = trace.to_dict()["arrays"][trace.tensor("w").array]
    assert record["summary"]["mean"] == pytest.approx(float(w.detach().mean()), rel=1e-4, abs=1e-6)


def test_a_call_that_fails_ends_the_trace():
    x = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="shapes"), vg.record_torch() as trace:
        x @ x
    assert trace.steps[-1].kind == "failed"
    assert trace.error.type == "RuntimeError"
    assert trace.error.op == trace.ops[-1].id


def test_the_first_infinite_value_is_noted():
    x = torch.zeros(2)
    with vg.record_torch() as trace:
        torch.log(x)
    assert "log" in trace.notes[0].text


def test_hooks_are_taken_off():
    from torch.nn.modules import module
    from torch.optim import optimizer

    network = nn.Linear(2, 1)
    with vg.record_torch(network) as trace:
        loss = network(torch.ones(1, 2)).sum()
    steps = len(trace.steps)
    loss.backward()
    network(torch.ones(1, 2))
    assert len(trace.steps) == steps
    assert not module._global_forward_hooks and not module._global_forward_pre_hooks
    assert not optimizer._global_optimizer_pre_hooks and not optimizer._global_optimizer_post_hooks


def test_the_users_own_hooks_run_and_count():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with vg.record_torch() as trace:
        y = w * 2
        y.register_hook(lambda gradient: gradient * 10)
        y.sum().backward()
    np.testing.assert_array_equal(w.grad, [20, 20])
    np.testing.assert_array_equal(trace.grad("w"), [20, 20])


def test_the_player_opens_it(show):
    network, x = Small(), torch.ones(4, 2) * torch.arange(4)[:, None]
    with vg.record_torch(network) as trace:
        loss = network(x).square().mean()
        loss.backward()
    player = show(trace, step="end")
    for step in range(len(trace.steps)):
        player.evaluate("(p, k) => p.go(k)", step)
        expect(player.locator(".vg-sentence")).to_have_text(trace.steps[step].text)


# --- a graph that exists already -------------------------------------------------------------------------------------


def test_a_finished_graph_is_drawn_from_what_pytorch_has_kept():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (torch.tanh(w * w) + w).sum()
    trace = vg.record_torch(loss)
    assert [op.op for op in trace.ops] == ["mul", "tanh", "add", "sum"]
    assert [port.tensor for port in trace.ops[0].inputs] == [trace.tensor("w").id] * 2
    np.testing.assert_array_equal(trace.value("loss"), loss.detach().numpy())
    np.testing.assert_allclose(trace.arrays[trace.tensor(trace.ops[1].outputs[0]).array], np.tanh([1, 4]), rtol=1e-6)
    loss.backward()
    assert "nan" in trace.notes[-1].text


@pytest.mark.parametrize("what", [3, "model", np.ones(2)])
def test_something_else_than_a_model(what):
    with pytest.raises(vg.DtypeError, match="record_torch was given a"):
        vg.record_torch(what)


def test_a_tensor_without_a_graph():
    with pytest.raises(vg.GraphError, match="without a graph"):
        vg.record_torch(torch.ones(2))


def test_without_torch_vizgrad_works_and_says_what_to_install(root, tmp_path):
    import subprocess
    import sys

    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import vizgrad as vg\n"
        "a = vg.TensorNode(2.0); (a * a).backward()\n"
        "try: vg.record_torch\n"
        "except vg.VizgradError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert "PyTorch 2.11 or newer" in done.stdout


# --- the same network twice ------------------------------------------------------------------------------------------


def test_vizgrads_trace_and_pytorchs_have_the_same_numbers():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((4, 3), (5, 3), (5,), (2, 5), (2,))]
    targets = [0, 1, 1, 0]

    with vg.record() as ours:
        x, w1, b1, w2, b2 = (vg.TensorNode(a, requires_grad=i > 0) for i, a in enumerate(arrays))
        h = vg.tanh(vg.linear(x, w1, b1))
        y = vg.linear(h, w2, b2)
        loss = vg.cross_entropy(y, targets)
        loss.backward()
    x, w1, b1, w2, b2 = (torch.tensor(a, requires_grad=i > 0) for i, a in enumerate(arrays))
    with vg.record_torch() as theirs:
        h = torch.tanh(F.linear(x, w1, b1))
        y = F.linear(h, w2, b2)
        loss = F.cross_entropy(y, torch.tensor(targets))
        loss.backward()
    for name in ("x", "w1", "b1", "w2", "b2", "h", "y", "loss"):
        np.testing.assert_allclose(theirs.value(name), ours.value(name), rtol=1e-10)
    for name in ("w1", "b1", "w2", "b2", "h", "y", "loss"):
        np.testing.assert_allclose(theirs.grad(name), ours.grad(name), rtol=1e-10)
    assert [step.kind for step in theirs.steps] == [step.kind for step in ours.steps]
    assert [op.rule for op in theirs.ops] == [op.rule for op in ours.ops]


def test_the_figure_of_the_page_is_what_vizgrad_computes(root):
    theirs = Trace.from_json((root / "docs/results/torch_mlp.json").read_text(encoding="utf-8"))
    before = theirs.state(0).values
    paths = [f"net.{layer}.{name}" for layer in (0, 2) for name in ("weight", "bias")]
    w1, b1, w2, b2 = (vg.TensorNode(before[theirs.tensor(path).id].astype(np.float64)) for path in paths)
    x = vg.TensorNode(theirs.value("x").astype(np.float64), requires_grad=False)
    optimiser = vg.SGD([w1, b1, w2, b2], lr=0.5)
    with vg.record() as ours:
        loss = vg.cross_entropy(vg.linear(vg.tanh(vg.linear(x, w1, b1)), w2, b2), [1, 1, 0])
        loss.backward()
        optimiser.step()
    assert [step.kind for step in theirs.steps] == [step.kind for step in ours.steps]
    for mine, other in zip(ours.steps, theirs.steps, strict=True):
        for a, b in zip(shown(ours, mine), shown(theirs, other), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
    assert [op.rule for op in theirs.ops] == [op.rule for op in ours.ops]


@pytest.fixture(scope="module")
def twice(root):
    """The network that the page shows twice: the stored trace of PyTorch, and what vizgrad records of the program."""
    page = (root / "docs/learn/same-network-twice.md").read_text(encoding="utf-8")
    [program] = re.findall(r"set here = '''(.*?)'''", page, re.DOTALL)
    theirs = Trace.from_json((root / "docs/results/torch_twice.json").read_text(encoding="utf-8"))
    return theirs, vg.trace.run(program)


def test_the_network_that_the_page_shows_twice_agrees_in_every_bit(twice):
    theirs, ours = twice
    assert [step.kind for step in theirs.steps] == [step.kind for step in ours.steps]
    assert [(t.name, t.role) for t in theirs.tensors] == [(t.name, t.role) for t in ours.tensors]
    for mine, other in zip(ours.steps, theirs.steps, strict=True):
        for a, b in zip(shown(ours, mine), shown(theirs, other), strict=True):
            np.testing.assert_array_equal(b, a)
    assert [op.rule for op in theirs.ops] == [op.rule for op in ours.ops]


def test_the_player_steps_both_on_one_timeline_and_finds_no_difference(twice, new_page, tmp_path):
    theirs, ours = twice
    path = tmp_path / "twice.html"
    path.write_text(vg.player.standalone(theirs, compare=ours, labels=("PyTorch", "vizgrad")), encoding="utf-8")
    page = new_page()
    page.goto(path.as_uri())
    players = page.locator("vg-player[ready]")
    expect(players).to_have_count(2)
    page.get_by_role("button", name="First difference").click()
    expect(page.locator(".vg-compared")).to_contain_text("The two agree in every number.")
    for step in range(len(theirs.steps)):
        players.first.evaluate("(p, k) => p.go(k)", step)
        expect(players.last.locator(".vg-sentence")).to_have_text(ours.steps[step].text)
        expect(page.locator(".vg-compared")).to_contain_text("No number differs at this step.")


def test_buffers_are_drawn_in_their_module():
    network = nn.Sequential(Small())
    with vg.record_torch(network) as trace:
        network(torch.ones(4, 2) * torch.arange(4)[:, None])
    found = units(trace)
    buffer = trace.tensor("network.0.norm.running_mean")
    assert found.all[found.home[buffer.id]].module == "network.0.norm"


def shown(trace: Trace, step):
    """Every array of a step, in order; for a forward step the values of its outputs."""
    if step.kind == "forward":
        return [trace.arrays[trace.tensor(id).array] for id in trace.op(step.op).outputs]
    places = [step.array, step.before, step.gradient, step.after, *(step.upstream or []), *(step.gradients or [])]
    return [trace.arrays[place] for place in places if place is not None]


def test_a_step_of_a_resnet_stays_small():
    network = ResNet()
    with vg.record_torch(network) as trace:
        F.cross_entropy(network(torch.randn(2, 3, 32, 32)), torch.tensor([1, 2])).backward()
    assert len(trace.to_json()) < 5_000_000
    grads = trace.state().grads
    for name, parameter in network.named_parameters():
        shown = grads[trace.tensor(f"network.{name}").id]
        wanted = to_array(parameter.grad)
        if isinstance(wanted, Summarised):
            assert shown.record == wanted.record
        else:
            np.testing.assert_array_equal(shown, wanted)
