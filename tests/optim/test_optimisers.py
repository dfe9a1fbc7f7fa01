"""Optimisers: each step against PyTorch's, over many steps; their state, and what they refuse."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, seeds
from vizgrad import optim
from vizgrad.errors import DtypeError, GraphError, NumericsWarning, OpDefinitionError, SettingError, StateError

STEPS = 40
parts = st.floats(0.0, 0.99)
rates = st.floats(1e-4, 0.5)
decays = st.just(0.0) | st.floats(1e-4, 0.3)
tiny = st.sampled_from([1e-8, 1e-3])
betas = st.tuples(parts, st.floats(0.5, 0.9999))


@st.composite
def sgd(draw):
    settings = {"momentum": draw(st.just(0.0) | parts), "weight_decay": draw(decays)}
    if settings["momentum"] and draw(st.booleans()):
        settings["nesterov"] = True
    else:
        settings["dampening"] = draw(st.just(0.0) | parts)
    return vg.SGD, torch.optim.SGD, settings


EVERY = st.one_of(
    sgd(),
    st.tuples(
        st.just(vg.RMSprop),
        st.just(torch.optim.RMSprop),
        st.fixed_dictionaries(
            {
                "alpha": st.floats(0.5, 0.999),
                "eps": st.sampled_from([1e-3, 1e-2]),
                "weight_decay": decays,
                "momentum": st.just(0.0) | parts,
                "centered": st.booleans(),
            }
        ),
    ),
    *(
        st.tuples(
            st.just(ours),
            st.just(theirs),
            st.fixed_dictionaries({"betas": betas, "eps": tiny, "weight_decay": decays}),
        )
        for ours, theirs in (
            (vg.Adam, torch.optim.Adam),
            (vg.AdamW, torch.optim.AdamW),
            (vg.Adamax, torch.optim.Adamax),
        )
    ),
)


def gradients(seed: int, shapes: list[tuple[int, ...]], dtype=np.float64):
    """A gradient for each parameter, or none, at each step: any numbers do, also sparse ones."""
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        yield [
            None if rng.random() < 0.1 else (rng.standard_normal(shape) * (rng.random(shape) < 0.8)).astype(dtype)
            for shape in shapes
        ]


# --- against PyTorch -------------------------------------------------------------------------------------------------


@given(EVERY, rates, seeds, st.sampled_from([np.float64, np.float32]))
def test_many_steps_agree_with_torch(case, lr, seed, dtype):
    ours, theirs, settings = case
    shapes = [(2, 3), (), (4,)]
    nodes = [vg.TensorNode(normal(seed + i, shape, dtype)) for i, shape in enumerate(shapes)]
    tensors = [torch.tensor(node.value, requires_grad=True) for node in nodes]
    here = ours(nodes, lr=lr, **settings)
    there = theirs(tensors, lr=lr, **settings, foreach=False)
    lowered = np.random.default_rng(seed).integers(STEPS)
    for step, given_now in enumerate(gradients(seed, shapes, dtype)):
        for node, tensor, gradient in zip(nodes, tensors, given_now, strict=True):
            node.grad = gradient
            tensor.grad = None if gradient is None else torch.tensor(gradient)
        if step == lowered:
            here.lr = there.param_groups[0]["lr"] = lr / 3
        here.step()
        there.step()
    rtol, atol = (1e-10, 1e-12) if dtype == np.float64 else (2e-3, 2e-3)
    for node, tensor in zip(nodes, tensors, strict=True):
        scale = max(1.0, float(tensor.detach().abs().max()))
        np.testing.assert_allclose(node.value, tensor.detach().numpy(), rtol=rtol, atol=atol * scale)
        assert node.dtype == dtype
        assert type(node.value) is np.ndarray


@given(seeds, rates, parts, decays, st.booleans())
def test_both_forms_of_momentum_go_the_same_way_at_a_constant_rate(seed, lr, momentum, decay, nesterov):
    settings = {"lr": lr, "momentum": momentum or 0.5, "weight_decay": decay, "nesterov": nesterov}
    start = normal(seed, (3,))
    one, other = vg.TensorNode(start), vg.TensorNode(start)
    here, there = vg.SGD([one], **settings), vg.SGD([other], **settings, classical=True)
    for [gradient] in gradients(seed, [(3,)]):
        one.grad, other.grad = gradient, gradient
        here.step()
        there.step()
    np.testing.assert_allclose(one.value, other.value, rtol=1e-10, atol=1e-10)


def test_the_classical_form_keeps_its_speed_when_the_rate_is_lowered():
    w = vg.TensorNode(0.0)
    optimiser = vg.SGD([w], lr=1.0, momentum=0.5, classical=True)
    w.grad = 1.0
    optimiser.step()  # v = -1
    optimiser.lr = 0.0
    optimiser.step()  # v = -0.5
    assert float(w.value) == -1.5


def test_the_classical_form_is_what_its_formula_says():
    rng = np.random.default_rng(0)
    w, rates_, grads = vg.TensorNode(rng.standard_normal(3)), rng.random(20), rng.standard_normal((20, 3))
    optimiser = vg.SGD([w], lr=1.0, momentum=0.9, classical=True)
    p, v = w.value.copy(), np.zeros(3)
    for lr, g in zip(rates_, grads, strict=True):
        v = 0.9 * v - lr * g
        p = p + v
        optimiser.lr, w.grad = lr, g
        optimiser.step()
    np.testing.assert_allclose(w.value, p, rtol=1e-13)


def test_a_loss_is_followed_down_as_torch_does():
    start = normal(0, (2, 3))
    w, tensor = vg.TensorNode(start), torch.tensor(start, requires_grad=True)
    here, there = vg.Adam([w], lr=0.05), torch.optim.Adam([tensor], lr=0.05)
    for _ in range(100):
        here.zero_grad()
        there.zero_grad()
        vg.sin(w * w).sum().backward()
        torch.sin(tensor * tensor).sum().backward()
        here.step()
        there.step()
    np.testing.assert_allclose(w.value, tensor.detach().numpy(), rtol=1e-9)


# --- what is left alone ----------------------------------------------------------------------------------------------

ALL = [
    lambda p: vg.SGD(p, lr=0.1),
    lambda p: vg.SGD(p, lr=0.1, momentum=0.9),
    lambda p: vg.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    lambda p: vg.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    lambda p: vg.SGD(p, lr=0.1, momentum=0.9, classical=True),
    lambda p: vg.SGD(p, lr=0.1, momentum=0.9, classical=True, nesterov=True, weight_decay=0.1),
    vg.RMSprop,
    lambda p: vg.RMSprop(p, momentum=0.9, centered=True, weight_decay=0.1),
    vg.Adam,
    lambda p: vg.Adam(p, weight_decay=0.1),
    vg.AdamW,
    lambda p: vg.AdamW(p, weight_decay=0.0),
    vg.Adamax,
    lambda p: vg.Adamax(p, weight_decay=0.1),
]


@pytest.mark.parametrize("make", ALL)
def test_no_array_is_written_into(make):
    w = vg.TensorNode([1.0, 2.0])
    optimiser = make([w])
    held = []
    for step in range(4):
        w.grad = np.array([1.0, -2.0]) * (step + 1)
        now = [w.value, w.grad, *(v for v in optimiser.memory[0].values() if isinstance(v, np.ndarray))]
        held += [(array, array.copy()) for array in now]
        optimiser.step()
    assert all(np.array_equal(array, copy) for array, copy in held)
    assert not any(np.shares_memory(w.value, array) for array, _ in held)


@pytest.mark.parametrize("make", ALL)
def test_a_parameter_without_a_gradient_stays(make):
    w, v = vg.TensorNode([1.0, 2.0]), vg.TensorNode([3.0])
    optimiser = make([w, v])
    v.grad = [1.0]
    optimiser.step()
    np.testing.assert_array_equal(w.value, [1, 2])
    assert optimiser.memory[0] == {"t": 0}
    assert v.value < 3


def test_a_graph_that_is_alive_keeps_its_numbers():
    w = vg.TensorNode([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
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


def test_a_parameter_that_is_given_twice_moves_once():
    w = vg.TensorNode(1.0)
    optimiser = vg.SGD([w, w], lr=1.0)
    w.grad = 1.0
    optimiser.step()
    assert float(w.value) == 0
    assert optimiser.parameters == [w]


@pytest.mark.parametrize("lr", [0.1, np.float64(0.1), np.array(0.1), 1])
def test_any_number_may_be_the_rate_and_float32_stays(lr):
    w = vg.TensorNode(np.ones(2, np.float32))
    optimiser = vg.SGD([w], lr=lr, momentum=np.float64(0.5), weight_decay=np.float64(0.5))
    for _ in range(2):
        w.grad = np.ones(2, np.float32)
        optimiser.step()
    assert w.dtype == np.float32
    assert optimiser.memory[0]["velocity"].dtype == np.float32


# --- state -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("through_a_file", [False, True])
def test_training_goes_on_from_a_saved_state(tmp_path, make, through_a_file):
    shapes = [(2, 3), (4,)]
    nodes = [vg.TensorNode(normal(i, shape)) for i, shape in enumerate(shapes)]
    optimiser = make(nodes)
    for step, given_now in enumerate(gradients(0, shapes)):
        if step == STEPS // 2:
            optimiser.lr = 0.01
            state = optimiser.state_dict()
            if through_a_file:
                np.savez(tmp_path / "state.npz", **state)
                state = np.load(tmp_path / "state.npz")
            others = [vg.TensorNode(node.value) for node in nodes]
            other = make(others)
            other.load_state_dict(state)
        for now in (nodes,) if step < STEPS // 2 else (nodes, others):
            for node, gradient in zip(now, given_now, strict=True):
                node.grad = gradient
        optimiser.step()
        if step >= STEPS // 2:
            other.step()
    for node, copy in zip(nodes, others, strict=True):
        np.testing.assert_array_equal(node.value, copy.value)


def test_the_state_of_an_optimiser_without_steps_can_be_loaded():
    w = vg.TensorNode([1.0])
    optimiser = vg.Adam([w], lr=0.5)
    other = vg.Adam([w])
    other.load_state_dict(optimiser.state_dict())
    assert other.lr == 0.5
    assert other.memory == [{"t": 0}]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda state: state.pop("lr"), "lr is missing"),
        (lambda state: state.pop("0.m"), "0.m is missing"),
        (lambda state: state.pop("0.t"), "0.t is missing"),
        (lambda state: state.update({"0.m": np.ones(3)}), "0.m has shape (3,), needed is (2,)"),
        (lambda state: state.update({"1.t": 1}), "1.t is not expected"),
        (lambda state: state.update({"0.velocity": np.ones(2)}), "0.velocity is not expected"),
        (lambda state: state.update({"0.t": "x"}), "0.t is no array of numbers"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(change, fault):
    w = vg.TensorNode([1.0, 2.0])
    optimiser = vg.Adam([w], lr=0.5)
    w.grad = [1.0, 1.0]
    optimiser.step()
    state, before = optimiser.state_dict(), optimiser.state_dict()
    optimiser.lr = before["lr"]
    change(state)
    with pytest.raises(StateError, match=re.escape(fault)):
        optimiser.load_state_dict(state)
    after = optimiser.state_dict()
    assert list(before) == list(after)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_state_of_another_optimiser_is_refused():
    w = vg.TensorNode([1.0, 2.0])
    adam = vg.Adam([w])
    w.grad = [1.0, 1.0]
    adam.step()
    with pytest.raises(StateError, match=r"0\.velocity is missing; 0\.m is not expected; 0\.v is not expected"):
        vg.SGD([w], lr=0.1, momentum=0.9).load_state_dict(adam.state_dict())


# --- recordings ------------------------------------------------------------------------------------------------------


def in_python(rule: str) -> str:
    r"""A rule for numbers, as an expression: ``\k{lr}`` is s['lr'], and the right side is what counts."""
    text = rule.partition(r"\leftarrow")[2]
    while r"\frac" in text or r"\sqrt" in text:
        command = max(text.rfind(r"\frac"), text.rfind(r"\sqrt"))
        place = text.index("{", command)
        first, place = group(text, place)
        if text.startswith(r"\sqrt", command):
            made = f"math.sqrt({first})"
        else:
            second, place = group(text, place)
            made = f"(({first}) / ({second}))"
        text = text[:command] + made + text[place:]
    text = re.sub(r"\\k\{(\w+)\}", r"s['\1']", text)
    text = text.replace(r"\v{p}", "p").replace(r"\g{p}", "g").replace(r"\cdot", "*").replace(r"\oslash", "/")
    text = re.sub(r"\|(.*?)\|", r"abs(\1)", text).replace(r"\max", "max")
    return text.replace("^", "**").replace("{", "(").replace("}", ")")


def group(text: str, start: int) -> tuple[str, int]:
    """What stands in the braces that open at ``start``, and the place after them."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place], place + 1
    raise ValueError(text)


@pytest.mark.parametrize("make", ALL)
def test_a_recorded_rule_gives_the_recorded_value(make):
    w = vg.TensorNode(3.0)
    optimiser = make([w])
    for step in range(3):
        with vg.record() as trace:
            (w * w * (step + 1.0)).backward()
            optimiser.step()
            optimiser.zero_grad()
        [update] = [step for step in trace.steps if step.kind == "update"]
        number = lambda place: float(trace.arrays[place])  # noqa: E731
        settings = {k: number(v["array"]) if isinstance(v, dict) else v for k, v in update.settings.items()}
        scope = {"p": number(update.before), "g": number(update.gradient), "s": settings, "math": math}
        assert eval(in_python(update.rule), scope) == pytest.approx(number(update.after), rel=1e-12)
        assert set(re.findall(r"\\k\{(\w+)\}", update.rule)) <= set(settings)


def test_plain_descent_has_the_shortest_rule():
    w = vg.TensorNode(1.0)
    assert vg.SGD([w], lr=0.1).rule == vg.SGD.rule == r"\v{p} \leftarrow \v{p} - \k{lr} \cdot \g{p}"


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: vg.SGD([w], lr=-0.1), r"SGD was given lr=-0\.1"),
        (lambda w: vg.SGD([w], lr=math.nan), "lr=nan"),
        (lambda w: vg.SGD([w], lr=math.inf), "lr must be a number that is 0 or more"),
        (lambda w: vg.SGD([w], lr="fast"), "lr='fast'"),
        (lambda w: vg.SGD([w], lr=None), "lr=None"),
        (lambda w: vg.SGD([w], lr=0.1, momentum=-1), "momentum=-1"),
        (lambda w: vg.SGD([w], lr=0.1, nesterov=True), "above 0 where nesterov is wanted"),
        (lambda w: vg.SGD([w], lr=0.1, momentum=0.9, dampening=0.1, nesterov=True), "dampening"),
        (lambda w: vg.SGD([w], lr=0.1, momentum=0.9, dampening=0.1, classical=True), "dampening"),
        (lambda w: vg.Adam([w], betas=(0.9, 1.0)), r"beta2=1\.0"),
        (lambda w: vg.Adamax([w], betas=(1.5, 0.9)), r"beta1=1\.5"),
        (lambda w: vg.AdamW([w], weight_decay=-1), "weight_decay=-1"),
        (lambda w: vg.RMSprop([w], alpha=1), r"alpha=1\.0"),
        (lambda w: vg.Adam([w], eps=-1), "eps=-1"),
        (lambda w: vg.SGD([], lr=0.1), "SGD was given no parameters"),
        (lambda w: vg.SGD(vg.nn.ReLU().parameters(), lr=0.1), "SGD was given no parameters"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(SettingError, match=message):
        make(vg.TensorNode(1.0))


def test_the_rate_is_looked_at_whenever_it_is_set():
    optimiser = vg.SGD([vg.TensorNode(1.0)], lr=0.1)
    with pytest.raises(SettingError):
        optimiser.lr = -1
    assert optimiser.lr == 0.1


@pytest.mark.parametrize(
    "parameters", [vg.TensorNode(1.0), vg.Linear(1, 1), [np.ones(2)], vg.Linear(1, 1).parameters, None, "wb"]
)
def test_only_tensors_are_parameters(parameters):
    with pytest.raises(DtypeError, match="needs a list of tensors"):
        vg.SGD(parameters, lr=0.1)


def test_a_computed_tensor_is_no_parameter():
    w = vg.TensorNode(1.0)
    scaled = w * 2
    with pytest.raises(GraphError, match=r"scaled .* was computed"):
        vg.SGD([w, scaled], lr=0.1)


def test_numbers_that_grow_too_large_are_told():
    w = vg.TensorNode([1.0])
    optimiser = vg.SGD([w], lr=1e200)
    w.grad = [1e200]
    with pytest.warns(NumericsWarning, match=r"lower the learning rate \(lr=1e\+200\)"):
        optimiser.step()
    assert np.isinf(w.value).all()


# --- one's own -------------------------------------------------------------------------------------------------------


def test_an_optimiser_without_a_rule_says_so():
    optimiser = optim.Optimiser([w := vg.TensorNode(1.0)], lr=0.1)
    w.grad = 1.0
    with pytest.raises(OpDefinitionError, match="has no moved"):
        optimiser.step()


def test_an_optimiser_of_ones_own_is_recorded():
    class Heavy(optim.Optimiser):
        rule = r"\v{p} \leftarrow \v{p} + \k{push} \cdot \k{v}"
        remembers = ("v",)

        def __init__(self, parameters, lr, push):
            super().__init__(parameters, lr, push=push)

        def moved(self, value, gradient, memory):
            memory["v"] = memory.get("v", 1.0) + gradient
            return value + self.push * memory["v"]

    w = vg.TensorNode([1.0, 2.0])
    optimiser = Heavy([w], 0.1, push=2)
    w.grad = [1.0, 0.0]
    with vg.record() as trace:
        optimiser.step()
    np.testing.assert_array_equal(w.value, [5, 4])
    [update] = trace.steps
    assert set(update.settings) == {"lr", "push", "t", "v"}
    assert repr(optimiser) == "Heavy(lr=0.1, push=2) of 1 tensors"


def test_training_learns_an_ellipse():
    (x, y), (x_val, y_val), classes = vg.load_synth(400, 200, seed=0)
    for make, lr in ((vg.SGD, 0.01), (vg.Adam, 0.05)):
        net = vg.MLP(2, classes, hidden_size=16, output=vg.logsoftmax, rng=np.random.default_rng(0))
        optimiser = make(net.parameters(), lr=lr)
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
