"""Inputs for the ops of networks, and what PyTorch calls the same computation; `tests/test_ops.py` takes them in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import Case, Drawn, normal, seeds
from vizgrad import ops

F = torch.nn.functional
sizes = st.integers(1, 3)
reductions = st.sampled_from(["mean", "sum", "none"])


def paired(value: Any) -> Any:
    """One number for rows and columns, or two."""
    return value | st.tuples(value, value)


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


@st.composite
def convolved(draw: st.DrawFn) -> Drawn:
    n, c, o = draw(st.tuples(sizes, sizes, sizes))
    h, w = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    padding = draw(paired(st.integers(0, 2)))
    above, beside = both(padding)
    kernel = draw(st.integers(1, min(5, h + 2 * above))), draw(st.integers(1, min(5, w + 2 * beside)))
    seed = draw(seeds)
    inputs = [normal(seed, (n, c, h, w)), normal(seed + 1, (o, c, *kernel)), normal(seed + 2, (o,))]
    return Drawn(inputs[: draw(st.integers(2, 3))], {"stride": draw(paired(sizes)), "padding": padding})


@st.composite
def pooled(draw: st.DrawFn) -> Drawn:
    size = draw(paired(st.integers(1, 4)))
    high, wide = both(size)
    padding = draw(
        st.integers(0, min(high, wide) // 2) | st.tuples(st.integers(0, high // 2), st.integers(0, wide // 2))
    )
    h, w = draw(st.integers(high, 8)), draw(st.integers(wide, 8))
    x = normal(draw(seeds), (*draw(st.tuples(sizes, sizes)), h, w))
    return Drawn([x], {"size": size, "stride": draw(st.none() | paired(sizes)), "padding": padding})


@st.composite
def along_an_axis(draw: st.DrawFn) -> Drawn:
    x = normal(draw(seeds), draw(st.lists(sizes, min_size=1, max_size=3).map(tuple)))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
    return Drawn([x], {} if axis is None else {"axis": axis})


@st.composite
def batch_of_features(draw: st.DrawFn) -> Drawn:
    c = draw(sizes)
    shape = draw(st.sampled_from([(4, c), (3, c, 2), (1, c, 3, 2), (3, c, 2, 2)]))
    seed = draw(seeds)
    inputs = [normal(seed, shape), normal(seed + 1, (c,)), normal(seed + 2, (c,))]
    settings: dict[str, Any] = {"eps": draw(st.sampled_from([1e-5, 0.1]))}
    if draw(st.booleans()):
        settings |= {"mean": normal(seed + 3, (c,)), "variance": normal(seed + 4, (c,)) ** 2 + 0.1}
    return Drawn(inputs, settings)


@st.composite
def instances(draw: st.DrawFn) -> Drawn:
    shape = draw(st.sampled_from([(4,), (3, 4), (1, 5), (2, 3, 4), (2, 1), (2, 2, 2, 3)]))
    features = shape[-draw(st.integers(1, len(shape))) :]
    seed = draw(seeds)
    inputs = [normal(seed, shape), normal(seed + 1, features), normal(seed + 2, features)]
    return Drawn(inputs, {"eps": draw(st.sampled_from([1e-5, 0.1]))})


@st.composite
def classified(draw: st.DrawFn) -> Drawn:
    n, m = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    more = draw(st.sampled_from([(), (2,), (2, 3)]))
    seed = draw(seeds)
    targets = np.random.default_rng(seed).integers(0, m, (n, *more))
    given = draw(st.sampled_from([targets, targets.tolist(), targets.astype(np.uint8)]))
    return Drawn([normal(seed, (n, m, *more))], {"targets": given, "reduction": draw(reductions)})


@st.composite
def compared(draw: st.DrawFn, probabilities: bool) -> Drawn:
    shape = draw(st.lists(sizes, max_size=3).map(tuple))
    seed = draw(seeds)
    target = np.random.default_rng(seed).uniform(0.1, 0.9, shape) if probabilities else normal(seed, shape)
    return Drawn([normal(seed + 1, shape), np.asarray(target)], {"reduction": draw(reductions)})


@st.composite
def dropped(draw: st.DrawFn) -> Drawn:
    x = normal(draw(seeds), draw(st.lists(sizes, max_size=3).map(tuple)))
    p = draw(st.sampled_from([0.25, 0.5]))
    return Drawn([x], {"mask": (np.random.default_rng(draw(seeds)).random(x.shape) >= p) / (1 - p)})


@st.composite
def looked_up(draw: st.DrawFn) -> Drawn:
    table = normal(draw(seeds), draw(st.tuples(sizes, sizes)))
    shape = draw(st.lists(sizes, max_size=3).map(tuple))
    return Drawn([table], {"indices": np.random.default_rng(draw(seeds)).integers(0, len(table), shape)})


@st.composite
def affine(draw: st.DrawFn) -> Drawn:
    f, m = draw(st.tuples(sizes, sizes))
    x = (*draw(st.lists(sizes, max_size=3)), f)
    seed = draw(seeds)
    return Drawn([normal(seed, x), normal(seed + 1, (m, f)), normal(seed + 2, (m,))])


def torch_mean_pool(x: torch.Tensor, size: Any, stride: Any, padding: Any) -> torch.Tensor:
    return F.avg_pool2d(x, size, stride, padding)


def torch_max_pool(x: torch.Tensor, size: Any, stride: Any, padding: Any) -> torch.Tensor:
    return F.max_pool2d(x, size, stride, padding)


def torch_batch_norm(
    x: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor, eps: float, mean: Any = None, variance: Any = None
) -> torch.Tensor:
    if mean is None:
        return F.batch_norm(x, None, None, gain, shift, training=True, eps=eps)
    return F.batch_norm(x, torch.tensor(mean), torch.tensor(variance), gain, shift, eps=eps)


def torch_layer_norm(x: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor, eps: float) -> torch.Tensor:
    return F.layer_norm(x, gain.shape, gain, shift, eps)


def torch_cross_entropy(logits: torch.Tensor, targets: Any, reduction: str) -> torch.Tensor:
    return F.cross_entropy(logits, torch.tensor(np.asarray(targets, np.int64)), reduction=reduction)


def torch_nll(logprobs: torch.Tensor, targets: Any, reduction: str) -> torch.Tensor:
    return F.nll_loss(logprobs, torch.tensor(np.asarray(targets, np.int64)), reduction=reduction)


CASES: dict[type[vg.Op], Case] = {
    ops.Affine: Case(affine(), F.linear),
    ops.BCEWithLogits: Case(compared(True), F.binary_cross_entropy_with_logits),
    ops.BatchNormalize: Case(batch_of_features(), torch_batch_norm),
    ops.Convolution2d: Case(convolved(), F.conv2d),
    ops.CrossEntropy: Case(classified(), torch_cross_entropy),
    ops.Drop: Case(dropped(), lambda x, mask: x * torch.tensor(mask)),
    ops.Embed: Case(looked_up(), lambda table, indices: F.embedding(torch.tensor(indices), table)),
    ops.LayerNormalize: Case(instances(), torch_layer_norm),
    ops.LogSoftmax: Case(along_an_axis(), lambda x, axis=-1: torch.log_softmax(x, axis)),
    ops.MSE: Case(compared(False), F.mse_loss),
    ops.MaxPooling2d: Case(pooled(), torch_max_pool),
    ops.MeanPooling2d: Case(pooled(), torch_mean_pool),
    ops.NLL: Case(classified(), torch_nll),
    ops.Softmax: Case(along_an_axis(), lambda x, axis=-1: torch.softmax(x, axis)),
}
