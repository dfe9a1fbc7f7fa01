"""Schedules: the learning rate after each step, against PyTorch's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tests.strategies  # noqa: F401 (sets no deadline)
import vizgrad as vg
from vizgrad import optim
from vizgrad.errors import OpDefinitionError, SettingError, StateError

torch_rates = torch.optim.lr_scheduler
lrs = st.floats(1e-4, 10)
counts = st.integers(1, 12)


def optimiser(lr: float = 1.0) -> vg.SGD:
    return vg.SGD([vg.TensorNode(1.0)], lr=lr)


def here(make, lr: float, steps: int) -> list[float]:
    """The rates that an optimiser has, from the start on."""
    changed = optimiser(lr)
    schedule = make(changed)
    rates = [changed.lr]
    for _ in range(steps):
        schedule.step()
        rates.append(changed.lr)
    return rates


def there(make, lr: float, steps: int) -> list[float]:
    changed = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=lr)
    schedule = make(changed)
    rates = [changed.param_groups[0]["lr"]]
    for _ in range(steps):
        changed.step()
        schedule.step()
        rates.append(changed.param_groups[0]["lr"])
    return rates


def agree(ours, theirs, lr: float, steps: int) -> None:
    np.testing.assert_allclose(here(ours, lr, steps), there(theirs, lr, steps), rtol=1e-10, atol=1e-13)


@given(lrs, counts, st.floats(0.01, 1))
def test_steps(lr, size, gamma):
    agree(lambda o: optim.StepLR(o, size, gamma), lambda o: torch_rates.StepLR(o, size, gamma), lr, 30)


@given(lrs, st.floats(0.01, 1))
def test_exponential(lr, gamma):
    agree(lambda o: optim.ExponentialLR(o, gamma), lambda o: torch_rates.ExponentialLR(o, gamma), lr, 30)


@given(lrs, counts, st.floats(0, 1))
def test_cosine(lr, steps, share):
    lowest = share * lr
    agree(
        lambda o: optim.CosineLR(o, steps, lowest),
        lambda o: torch_rates.CosineAnnealingLR(o, steps, lowest),
        lr,
        steps,
    )
    assert here(lambda o: optim.CosineLR(o, steps, lowest), lr, steps)[-1] == pytest.approx(lowest)


def test_cosine_rises_again_as_in_torch():
    agree(lambda o: optim.CosineLR(o, 4), lambda o: torch_rates.CosineAnnealingLR(o, 4), 1.0, 12)


@given(lrs, st.integers(2, 30), st.floats(0, 1), st.floats(1.5, 50), st.floats(1.5, 1e4))
def test_one_cycle(highest, steps, rising, start, end):
    if math.isclose(rising * steps, 1):
        return  # there the rise takes no time, and torch divides by 0
    agree(
        lambda o: optim.OneCycleLR(o, highest, steps, rising, start, end),
        lambda o: torch_rates.OneCycleLR(
            o, highest, steps, pct_start=rising, div_factor=start, final_div_factor=end, cycle_momentum=False
        ),
        0.1,
        steps - 1,
    )


def test_one_cycle_that_rises_in_no_time_begins_at_the_top():
    assert here(lambda o: optim.OneCycleLR(o, 1.0, 4, rising=0.25), 0.1, 0) == [1.0]


def test_one_cycle_may_be_stepped_after_the_last_update_but_not_further():
    changed = optimiser()
    schedule = optim.OneCycleLR(changed, 1.0, steps=3)
    for _ in range(3):
        schedule.step()
    assert changed.lr == pytest.approx(1 / 25 / 1e4)
    with pytest.raises(SettingError, match="more than its 3 steps"):
        schedule.step()


@given(lrs, counts, st.floats(0.01, 1))
def test_warm_up(lr, steps, start):
    agree(
        lambda o: optim.LinearWarmup(o, steps, start),
        lambda o: torch_rates.LinearLR(o, start, 1.0, steps),
        lr,
        steps + 3,
    )


@given(lrs, counts, counts, st.floats(0.01, 1))
def test_warm_up_then_cosine(lr, rise, fall, start):
    agree(
        lambda o: optim.LinearWarmup(o, rise, start, then=optim.CosineLR(o, fall)),
        lambda o: torch_rates.SequentialLR(
            o, [torch_rates.LinearLR(o, start, 1.0, rise), torch_rates.CosineAnnealingLR(o, fall)], [rise]
        ),
        lr,
        rise + fall,
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda o: optim.StepLR(o, 2),
        lambda o: optim.ExponentialLR(o, 0.9),
        lambda o: optim.CosineLR(o, 10),
        lambda o: optim.OneCycleLR(o, 1.0, 10),
        lambda o: optim.LinearWarmup(o, 3, then=optim.CosineLR(o, 7)),
    ],
)
def test_a_schedule_goes_on_from_a_saved_state(make):
    rates = here(make, 0.5, 9)
    one = make(optimiser(0.5))
    for _ in range(4):
        one.step()
    changed = optimiser(0.5)
    other = make(changed)
    other.load_state_dict(one.state_dict())
    assert changed.lr == rates[4]
    other.step()
    assert changed.lr == rates[5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: optim.StepLR(o, 0), "size=0"),
        (lambda o: optim.CosineLR(o, 2.5), r"steps=2\.5"),
        (lambda o: optim.OneCycleLR(o, 1.0, -1), "steps=-1"),
        (lambda o: optim.OneCycleLR(o, 1.0, 5, rising=2), "rising=2"),
        (lambda o: optim.LinearWarmup(o, 0), "steps=0"),
        (lambda o: optim.ExponentialLR(o, -0.5).step(), r"lr=-0\.5"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(SettingError, match=message):
        make(optimiser())


def test_a_schedule_without_a_rate_says_so():
    with pytest.raises(OpDefinitionError, match="has no rate"):
        optim.Schedule(optimiser())


def test_a_foreign_state_is_refused():
    with pytest.raises(StateError, match="taken is missing"):
        optim.ExponentialLR(optimiser(), 0.5).load_state_dict({"base": 1.0})
