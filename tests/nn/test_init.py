"""How weights start: the distributions, against PyTorch's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import seeds
from vizgrad.errors import ShapeError
from vizgrad.nn import init

weights = st.tuples(st.integers(1, 6), st.integers(1, 6)) | st.tuples(*[st.integers(1, 5)] * 4)
EVERY = [
    init.glorot_normal,
    init.glorot_uniform,
    init.he_normal,
    init.he_uniform,
    init.normal,
    init.uniform,
    init.zeros,
    init.constant,
]


@given(weights)
def test_fans_agree_with_torch(shape):
    assert init.fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


# Both draw from a standard distribution and scale it, so the same draws must come out the same.


class Known:
    """Stands in for a generator: the numbers that torch will draw, too."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def standard_normal(self, shape):
        return torch.empty(shape, dtype=torch.float64).normal_(generator=self.torch()).numpy()

    def uniform(self, low, high, shape):
        return torch.empty(shape, dtype=torch.float64).uniform_(low, high, generator=self.torch()).numpy()

    def torch(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


@given(weights, st.integers(0, 2**31), st.floats(0, 2))
def test_the_same_draws_become_the_same_weights_as_in_torch(shape, seed, slope):
    known = Known(seed)
    empty = torch.empty(shape, dtype=torch.float64)
    leaky = {"a": slope, "nonlinearity": "leaky_relu"}
    for ours, theirs in (
        (init.glorot_normal(shape, known), torch.nn.init.xavier_normal_(empty, generator=known.torch())),
        (init.glorot_uniform(shape, known), torch.nn.init.xavier_uniform_(empty.clone(), generator=known.torch())),
        (
            init.he_normal(shape, known, slope=slope),
            torch.nn.init.kaiming_normal_(empty.clone(), generator=known.torch(), **leaky),
        ),
        (
            init.he_uniform(shape, known, slope=slope),
            torch.nn.init.kaiming_uniform_(empty.clone(), generator=known.torch(), **leaky),
        ),
        (
            init.normal(shape, known, mean=0.5, std=2.0),
            torch.nn.init.normal_(empty.clone(), 0.5, 2.0, generator=known.torch()),
        ),
        (
            init.uniform(shape, known, low=-1.0, high=3.0),
            torch.nn.init.uniform_(empty.clone(), -1.0, 3.0, generator=known.torch()),
        ),
    ):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("start", "std"),
    [
        (init.glorot_normal, math.sqrt(2 / 500)),
        (init.glorot_uniform, math.sqrt(2 / 500)),
        (init.he_normal, math.sqrt(2 / 300)),
        (init.he_uniform, math.sqrt(2 / 300)),
        (init.normal, 1),
        (init.uniform, 1 / math.sqrt(12)),
    ],
)
def test_the_spread_is_what_it_says(start, std):
    drawn = start((200, 300), np.random.default_rng(0))
    assert drawn.std() == pytest.approx(std, rel=0.01)
    assert drawn.mean() == pytest.approx(0.5 if start is init.uniform else 0, abs=5 * std / math.sqrt(drawn.size))


@given(weights, seeds, st.sampled_from(EVERY), st.sampled_from([np.float32, np.float64]))
def test_every_start_takes_shape_generator_and_dtype(shape, seed, start, dtype):
    drawn = start(shape, np.random.default_rng(seed), dtype)
    assert (drawn.shape, drawn.dtype) == (shape, dtype)
    np.testing.assert_array_equal(drawn, start(shape, np.random.default_rng(seed), dtype))
    assert start(shape).shape == shape


def test_without_a_generator_the_weights_differ():
    assert not np.array_equal(init.normal((3, 3)), init.normal((3, 3)))


@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("start", EVERY[:4])
def test_a_shape_without_fans_is_refused(start, shape):
    with pytest.raises(ShapeError, match="no number of inputs and of outputs"):
        start(shape)


def test_empty_weights_are_possible():
    assert init.he_normal((3, 0)).shape == (3, 0)
    assert init.glorot_uniform((0, 0)).shape == (0, 0)
