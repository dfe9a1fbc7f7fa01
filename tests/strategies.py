"""What several test files draw from: arrays, shapes that broadcast, random programs, and names that mean harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import vizgrad as vg
from vizgrad import ops

settings.register_profile(
    "vizgrad", max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("vizgrad")

_LARGEST = 1e3  # values in random programs stay below this, so that rounding stays far below the tolerances
_MOST_ENTRIES = 64

shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)


def normal(seed: int, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Numbers in general position: no zeros, no ties."""
    return np.asarray(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


def positive(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(np.abs(normal(seed, shape)) + 0.2)


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that fit together: each axis is whole, of length 1 or (at the front) missing."""
    common = draw(st.lists(st.integers(1, 4), max_size=3))
    pair = []
    for _ in range(2):
        kept = [1 if draw(st.booleans()) and draw(st.booleans()) else size for size in common]
        pair.append(tuple(kept[draw(st.integers(0, len(kept))) if draw(st.booleans()) else 0 :]))
    return pair[0], pair[1]


# --- single ops ------------------------------------------------------------------------------------------------------


@dataclass
class Drawn:
    """Inputs and settings for one call of an op."""

    inputs: list[np.ndarray]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """An op's inputs, and what PyTorch calls the same computation."""

    draw: st.SearchStrategy[Drawn]
    reference: Callable[..., torch.Tensor]


# --- programs --------------------------------------------------------------------------------------------------------


def _any(*values: np.ndarray) -> bool:
    return True


def _broadcast(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return False
    return int(np.prod(shape)) <= _MOST_ENTRIES and abs(a).max() * abs(b).max() <= _LARGEST


def _matrices(a: np.ndarray, b: np.ndarray) -> bool:
    if not (a.ndim and b.ndim):
        return False
    try:
        return (a @ b).size <= _MOST_ENTRIES and abs(a).max() * abs(b).max() * a.shape[-1] <= _LARGEST
    except ValueError:
        return False


def _axis(draw: st.DrawFn, x: np.ndarray) -> dict[str, Any]:
    axes = st.none() | st.integers(-x.ndim, x.ndim - 1) | st.just(tuple(range(x.ndim)))
    return {"axis": draw(axes) if x.ndim else None, "keepdims": draw(st.booleans())}


def _apart(*values: np.ndarray) -> bool:
    """No two numbers are so close that rounding decides which is larger: there, libraries may differ."""
    numbers = np.sort(np.concatenate([np.ravel(value) for value in values]))
    return bool(np.all(np.diff(numbers) > 1e-6))


def _not_near(limit: float) -> Callable[[np.ndarray], bool]:
    return lambda x: bool(np.all(abs(x - limit) > 1e-6))


def _rivals(a: np.ndarray, b: np.ndarray) -> bool:
    return _broadcast(a, b) and bool(np.all(abs(a - b) > 1e-6))


def _condition(draw: st.DrawFn, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    shape = np.broadcast_shapes(a.shape, b.shape)
    return {"condition": np.asarray(np.random.default_rng(draw(seeds)).random(shape) < 0.5)}


def _same_shape(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.size <= _MOST_ENTRIES // 2


def _places(draw: st.DrawFn, x: np.ndarray) -> dict[str, Any]:
    return {"places": draw(st.lists(st.integers(-len(x), len(x) - 1), min_size=1, max_size=4))}


def _no_settings(draw: st.DrawFn, *values: np.ndarray) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Spec:
    """One thing that a random program may do: how vizgrad does it, on which values, and with which settings."""

    call: Callable[..., Any]
    fits: Callable[..., bool] = _any
    settings: Callable[..., dict[str, Any]] = _no_settings
    arity: int = 1


def _rows(x: np.ndarray) -> bool:
    return x.ndim == 2


SPECS: dict[str, Spec] = {
    "add": Spec(lambda a, b: a + b, _broadcast, arity=2),
    "sub": Spec(lambda a, b: a - b, _broadcast, arity=2),
    "mul": Spec(lambda a, b: a * b, _broadcast, arity=2),
    "div": Spec(lambda a, b: a / b, lambda a, b: _broadcast(a, b) and abs(b).min() > 0.2, arity=2),
    "add_number": Spec(lambda x, number: number + x, settings=lambda draw, x: {"number": draw(st.integers(-2, 2))}),
    "rsub_number": Spec(lambda x, number: number - x, settings=lambda draw, x: {"number": draw(st.floats(-2, 2))}),
    "neg": Spec(lambda x: -x),
    "sin": Spec(vg.sin),
    "cos": Spec(vg.cos),
    "tanh": Spec(vg.tanh),
    "sigmoid": Spec(vg.sigmoid),
    "relu": Spec(vg.relu),
    "leaky_relu": Spec(vg.leaky_relu, _not_near(0)),
    "softplus": Spec(vg.softplus),
    "gelu": Spec(vg.gelu),
    "gelu_tanh": Spec(lambda x: vg.gelu(x, "tanh")),
    "abs": Spec(ops.Abs.do_forward, _not_near(0)),
    "clip": Spec(lambda x: vg.clip(x, -1.5, 0.75), lambda x: _not_near(-1.5)(x) and _not_near(0.75)(x)),
    "id": Spec(ops.Id.do_forward),
    "exp": Spec(lambda x: x.exp(), lambda x: x.max() <= 3),
    "log": Spec(lambda x: x.log(), lambda x: x.min() >= 0.1),
    "log1p": Spec(vg.log1p, lambda x: x.min() >= -0.9),
    "sqrt": Spec(vg.sqrt, lambda x: x.min() >= 0.1),
    "maximum": Spec(vg.maximum, _rivals, arity=2),
    "minimum": Spec(vg.minimum, _rivals, arity=2),
    "where": Spec(lambda a, b, condition: vg.where(condition, a, b), _broadcast, _condition, arity=2),
    "power": Spec(
        lambda x, exponent: x**exponent,
        lambda x: abs(x).max() <= 10,
        lambda draw, x: {"exponent": draw(st.sampled_from([2, 3, 2.0, 0]))},
    ),
    "sum": Spec(lambda x, **axis: x.sum(**axis), settings=_axis),
    "mean": Spec(lambda x, **axis: x.mean(**axis), settings=_axis),
    "max": Spec(ops.Max.do_forward, _apart, _axis),
    "min": Spec(ops.Min.do_forward, _apart, _axis),
    "var": Spec(ops.Var.do_forward, lambda x: abs(x).max() <= 30, _axis),
    "logsumexp": Spec(vg.logsumexp, settings=_axis),
    "reshape": Spec(
        lambda x, shape: x.reshape(*shape),
        settings=lambda draw, x: {"shape": draw(st.sampled_from([(x.size,), (x.size, 1), (1, -1)]))},
    ),
    "transpose": Spec(lambda x: x.T),
    "permute": Spec(
        ops.Transpose.do_forward, settings=lambda draw, x: {"axes": tuple(draw(st.permutations(range(x.ndim))))}
    ),
    "concatenate": Spec(
        lambda a, b, axis: vg.concatenate([a, b], axis),
        lambda a, b: a.ndim > 0 and _same_shape(a, b),
        lambda draw, a, b: {"axis": draw(st.integers(-a.ndim, a.ndim - 1))},
        arity=2,
    ),
    "stack": Spec(
        lambda a, b, axis: vg.stack([a, b], axis),
        lambda a, b: a.ndim < 4 and _same_shape(a, b),
        lambda draw, a, b: {"axis": draw(st.integers(-a.ndim - 1, a.ndim))},
        arity=2,
    ),
    "pad": Spec(
        lambda x, before, after: vg.pad(x, [(0, 0)] * (x.value.ndim - 1) + [(before, after)]),
        lambda x: x.ndim > 0 and x.size <= _MOST_ENTRIES // 4,
        lambda draw, x: {"before": draw(st.integers(0, 1)), "after": draw(st.integers(0, 2))},
    ),
    "take": Spec(lambda x, places: ops.Index.do_forward(x, index=places), lambda x: x.ndim > 0, _places),
    "slice": Spec(
        lambda x, start: ops.Index.do_forward(x, index=(..., slice(start, None), None)),
        lambda x: 0 < x.ndim < 4,
        lambda draw, x: {"start": draw(st.integers(-x.shape[-1], x.shape[-1] - 1))},
    ),
    "matmul": Spec(lambda a, b: a @ b, _matrices, arity=2),
    "batchmm": Spec(
        ops.BatchMM.do_forward,
        lambda a, b: _rows(a) and _rows(b) and _matrices(b, a.T),
        arity=2,
    ),
    "rowsum": Spec(ops.RowSum.do_forward, _rows),
    "rowmax": Spec(ops.RowMax.do_forward, lambda x: _rows(x) and all(len(set(row)) == len(row) for row in x)),
    "normalize": Spec(ops.Normalize.do_forward, lambda x: _rows(x) and x.min() > 0.1),
    "logsoftmax": Spec(vg.logsoftmax, _rows),
    "select": Spec(
        lambda x, indices: ops.Select.do_forward(x, indices=np.array(indices)),
        _rows,
        lambda draw, x: {"indices": [draw(st.integers(0, x.shape[1] - 1)) for _ in x]},
    ),
    "unsqueeze": Spec(
        lambda x, dim: ops.Unsqueeze.do_forward(x, dim=dim),
        lambda x: x.ndim < 4,
        lambda draw, x: {"dim": draw(st.integers(-x.ndim - 1, x.ndim))},
    ),
    "squeeze": Spec(
        lambda x, dim: ops.Squeeze.do_forward(x, dim=dim),
        lambda x: 1 in x.shape,
        lambda draw, x: {"dim": x.shape.index(1)},
    ),
    "expand": Spec(
        lambda x, dim, repeats: ops.Expand.do_forward(x, dim=dim, repeats=repeats),
        lambda x: 1 in x.shape and x.size <= _MOST_ENTRIES // 3,
        lambda draw, x: {"dim": x.shape.index(1), "repeats": draw(st.integers(1, 3))},
    ),
}


@dataclass(frozen=True)
class Instruction:
    name: str
    inputs: tuple[int, ...]  # places among the values so far: first the leaves, then the results
    settings: dict[str, Any]


@dataclass(frozen=True)
class Program:
    """Leaves, and instructions that compute with everything there is so far. The last result, summed, is the loss."""

    leaves: list[np.ndarray]
    instructions: list[Instruction]

    def run(self, leaves: list[Any], calls: dict[str, Callable[..., Any]]) -> list[Any]:
        """All values, the loss last."""
        values = list(leaves)
        for instruction in self.instructions:
            inputs = (values[i] for i in instruction.inputs)
            values.append(calls[instruction.name](*inputs, **instruction.settings))
        return [*values, values[-1].sum()]

    def run_here(self) -> list[vg.TensorNode]:
        """All values as vizgrad computes them."""
        calls = {name: spec.call for name, spec in SPECS.items()}
        return self.run([vg.TensorNode(leaf.copy()) for leaf in self.leaves], calls)


@st.composite
def programs(draw: st.DrawFn, least: int = 3, most: int = 25) -> Program:
    """Programs whose values are reused, left unused, broadcast and reduced, all in bounds."""
    leaves = [normal(draw(seeds), draw(shapes)) for _ in range(draw(st.integers(1, 3)))]
    values = list(leaves)
    instructions = []
    for _ in range(draw(st.integers(least, most))):
        name = draw(st.sampled_from(sorted(SPECS)))
        spec = SPECS[name]
        recent = range(max(0, len(values) - 6), len(values))
        choices = [(i,) for i in recent if spec.arity == 1 and spec.fits(values[i])]
        if spec.arity == 2:
            choices = [(i, j) for i in recent for j in recent if spec.fits(values[i], values[j])]
        if not choices:
            name, spec, choices = "tanh", SPECS["tanh"], [(i,) for i in recent]
        inputs = draw(st.sampled_from(choices))
        instruction = Instruction(name, inputs, spec.settings(draw, *(values[i] for i in inputs)))
        with vg.no_grad():
            result = spec.call(*(vg.TensorNode(values[i]) for i in inputs), **instruction.settings).value
        instructions.append(instruction)
        values.append(result)
    return Program(leaves, instructions)


# --- names that mean harm --------------------------------------------------------------------------------------------

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<b onload=alert(1)>",
    "<a><b>",
    "]]>",
    "&lt;&#0;",
    "\nleading line break",
    "\\nleading escape",
    "\\",
    'quote " and \\" and \\N \\G',
    "\x1b[31mred",
    "nul\x00bell\x07",
    "\u202eright to left",
    "👩\u200d👩\u200d👧 emoji",
    "\ud800 lone",
    "lone \udfff",
    "x" * 100,
    "\u2028\u2029",
    " ",
    "t0",
    "o0",
    "__proto__",
    "${x} {{x}} %s %(x)s {0}",
    "\ufffe\uffff",
]
hostile_text = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=30)
