"""Is a gradient right? Backward against finite differences, and a report that names the likely mistake."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vizgrad import _frames, core, errors
from vizgrad.check.causes import Cause, Evidence, likely_cause
from vizgrad.check.differences import STEP, Slopes, slopes
from vizgrad.core import Array, Op, TensorNode

RTOL, ATOL = 1e-6, 1e-8


@dataclass(frozen=True)
class CheckedInput:
    """One input of a checked function.

    Attributes:
        name: what the input is called.
        value: the input.
        found: its gradient, as backward returned it.
        expected: its gradient by finite differences.
        wrong: which entries of ``found`` differ by more than the tolerance.
        cause: the likely mistake; ``None`` where nothing is wrong.
    """

    name: str
    value: Array
    found: Array
    expected: Array
    wrong: Array
    cause: Cause | None = None

    @property
    def ok(self) -> bool:
        """Whether every entry is right."""
        return not self.wrong.any()

    @property
    def error(self) -> Array:
        """How far each entry is off; infinitely, where the shape or the number is none."""
        if self.found.shape != self.expected.shape:
            return np.full(self.expected.shape, np.inf)
        return np.nan_to_num(abs(self.found - self.expected), nan=np.inf, posinf=np.inf)

    def worst(self) -> str:
        """The entry that is furthest off, in words."""
        if self.found.shape != self.expected.shape:
            return f"backward returns shape {self.found.shape}."
        place = np.unravel_index(int(self.error.argmax()), self.error.shape)
        name = f"{self.name}[{', '.join(map(str, place))}]" if place else self.name
        found, expected = _told_apart(float(self.found[place]), float(self.expected[place]))
        return f"at {name} = {self.value[place]:.4g} backward says {found}, finite differences say {expected}."


def _told_apart(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as few digits as show that they differ."""
    texts = [(f"{a:.{digits}g}", f"{b:.{digits}g}") for digits in (4, 8, 17)]
    return next(((x, y) for x, y in texts if x != y), texts[-1])


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What a check has found. True if every gradient is right; `print` shows the likely mistake.

    Attributes:
        function: the name of what was checked.
        inputs: the inputs that have a gradient.
    """

    function: str
    inputs: tuple[CheckedInput, ...]

    @property
    def ok(self) -> bool:
        """Whether every gradient is right."""
        return all(checked.ok for checked in self.inputs)

    @property
    def largest_error(self) -> float:
        """The largest difference between an entry of a gradient and its finite difference."""
        return max((float(checked.error.max(initial=0.0)) for checked in self.inputs), default=0.0)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok:
            gradients = ", ".join(f"{checked.name} {checked.value.shape}" for checked in self.inputs)
            return f"{self.function}: right for {gradients}; largest error {self.largest_error:.1e}."
        return "\n".join(f"{what}\n  why:   {cause.why}\n  do:    {cause.do}" for what, cause in self.faults())

    __repr__ = __str__

    def faults(self) -> Iterator[tuple[str, Cause]]:
        """For each wrong gradient, which numbers differ, and the likely mistake."""
        for checked in self.inputs:
            if checked.cause is not None:
                where = f" in {np.count_nonzero(checked.wrong)} of {checked.wrong.size} entries"
                if checked.found.shape != checked.expected.shape:
                    where = " in its shape"
                elif checked.wrong.size == 1:
                    where = ""
                what = f"{self.function}: the gradient of {checked.name} {checked.value.shape} is wrong{where}"
                yield f"{what}; {checked.worst()}", checked.cause


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = STEP,
    rtol: float = RTOL,
    atol: float = ATOL,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradientReport:
    """Compare the gradients that backward computes with finite differences.

    Everything is computed in float64. An output that is not one number is summed with random weights, so that the
    upstream gradient is not constant; and every check is made for two upstream gradients, so that one that is forgotten
    shows even if the output is one number. Differences are central, of fourth order.

    An entry is right if it differs by at most ``atol + rtol * |finite difference|``, and what rounding can have done to
    the difference.

    Args:
        f: takes tensors, and returns a tensor (or several) of any shape. It must not change between calls: give random
            numbers a fixed seed inside.
        inputs: the inputs of ``f``: arrays of any shape, or tensors. Whole numbers, and tensors that want no gradient,
            are passed on unchecked. Tensors are used themselves and are as before afterwards, so the parameters
            of a module can be checked: ``vg.gradcheck(lambda *parameters: net(x), net.parameters())``.
        eps: the step of the differences for entries up to 1 in size, relative for larger ones.
        rtol: tolerated error, relative to the finite difference.
        atol: tolerated error, absolute.
        seed: for the random weights.
        raise_exception: whether a wrong gradient raises an error. With ``False``, look at the report.

    Returns:
        A report that is true if all gradients are right.

    Raises:
        GradientError: a gradient is wrong; the message says where, and which mistake explains it. Or finite differences
            cannot be taken: two calls differ, the outputs are not finite, or not float64.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> x, y = np.array([0.5, -1.0, 2.0]), np.array([2.0, 0.5, -0.3])
        >>> bool(vg.gradcheck(lambda x, y: x / y, [x, y]))
        True
        >>> class Ratio(vg.Op):
        ...     @staticmethod
        ...     def forward(context, x, y):
        ...         context["x"], context["y"] = x, y
        ...         return x / y
        ...     @staticmethod
        ...     def backward(context, go):
        ...         return go / context["y"], go * context["x"] / context["y"] ** 2
        >>> report = vg.gradcheck(Ratio.do_forward, [x, y], raise_exception=False)
        >>> print(report.inputs[1].cause.why)
        the sign is lost: it is minus the right gradient in every entry.
    """
    given = [inputs] if isinstance(inputs, (TensorNode, np.ndarray)) else list(inputs)
    function = name_of(f)
    nodes = [_leaf(value) for value in given]
    checked: dict[str, TensorNode] = {}
    for i, (node, parameter) in enumerate(zip(nodes, input_names(f, len(nodes)), strict=True)):
        if node.requires_grad and all(node is not other for other in checked.values()):
            name = _name(node, parameter)
            checked[name if name not in checked else f"{name} (input {i})"] = node
    if not checked:
        raise errors.nothing_to_check(function)

    def run(values: Sequence[Array]) -> list[TensorNode]:
        for node, value in zip(checked.values(), values, strict=True):
            node.value, node.grad = value, None
        outputs = f(*nodes)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        if not outputs or not all(isinstance(output, TensorNode) for output in outputs):
            raise errors.function_returned(function, outputs)
        return outputs

    def evaluate(values: Sequence[Array]) -> list[Array]:
        with core.no_grad():
            return [output.value for output in run(values)]

    def backward(values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
        loss: Any = sum((output * weights).sum() for output, weights in zip(run(values), upstream, strict=True))
        if loss.source is not None:  # else nothing arrives, and all gradients stay zero
            loss.backward()
        return [node.grad for node in checked.values()]

    values = {name: np.array(node.value, np.float64) for name, node in checked.items()}
    with quietly(), _as_before(checked.values()):
        report = compare(function, values, evaluate, backward, eps, rtol, atol, seed)
    if raise_exception and not report:
        raise errors.wrong_gradients(report.faults())
    return report


def name_of(f: Callable[..., Any]) -> str:
    """What to call a function in a message."""
    op = _op_of(f)
    name = op.__name__ if op else getattr(f, "__name__", type(f).__name__)
    return "the function" if name == "<lambda>" else str(name)


def input_names(f: Callable[..., Any], count: int) -> list[str]:
    """What a function calls its first ``count`` positional arguments.

    Examples:
        >>> input_names(lambda x, *others: x, 3)
        ['x', 'input 1', 'input 2']
    """
    op = _op_of(f)
    try:
        parameters = list(inspect.signature(op.forward if op else f).parameters.values())
    except (TypeError, ValueError):  # not every callable can say
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    if op:
        names = names[1:]  # the context
    return names[:count] + [f"input {i}" for i in range(len(names), count)]


def _op_of(f: Callable[..., Any]) -> type[Op] | None:
    """The class, if the function is the ``do_forward`` of an Op."""
    owner = getattr(f, "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, Op) else None


def _leaf(given: Any) -> TensorNode:
    """An input as a leaf: the tensor itself if it is one."""
    if not isinstance(given, TensorNode):
        whole = isinstance(given, np.ndarray) and given.dtype.kind != "f"
        return TensorNode(given, requires_grad=not whole)
    return given if given.source is None else TensorNode(given.value.copy(), given.name, given.requires_grad)


def _name(node: TensorNode, parameter: str) -> str:
    if parameter.startswith("input "):
        parameter = _frames.variable_name(node) or parameter
    return node.name or parameter


@contextmanager
def quietly() -> Iterator[None]:
    """No warnings of numbers that the check itself looks at, and no recording of its many steps."""
    observers, core.observers = core.observers, ()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    finally:
        core.observers = observers


@contextmanager
def _as_before(nodes: Iterable[TensorNode]) -> Iterator[None]:
    """Give tensors their values and gradients back in the end."""
    before = [(node, node.value, node.grad) for node in nodes]
    try:
        yield
    finally:
        for node, value, gradient in before:
            node.value, node.grad = value, gradient


def compare(
    function: str,
    values: Mapping[str, Array],
    evaluate: Callable[[Sequence[Array]], list[Array]],
    backward: Callable[[Sequence[Array], Sequence[Array]], list[Array]],
    eps: float = STEP,
    rtol: float = RTOL,
    atol: float = ATOL,
    seed: int = 0,
) -> GradientReport:
    """Check the gradients of a function that is given in two parts.

    Args:
        function: what to call it.
        values: its inputs by name, float64.
        evaluate: computes the outputs from the inputs.
        backward: computes the gradients of the inputs from the inputs and the gradients of the outputs.
        eps: the step of the finite differences.
        rtol: tolerated error, relative.
        atol: tolerated error, absolute.
        seed: for the random upstream gradients.
    """
    names, inputs = list(values), list(values.values())
    outputs = [output.copy() for output in evaluate(inputs)]
    _refuse_unfit(function, outputs, evaluate(inputs))
    upstreams = _upstreams(outputs, np.random.default_rng(seed))

    def differentiate(port: int, at: Sequence[Array]) -> Slopes:
        def outputs_for(value: Array) -> Array:
            return _flat(evaluate([*at[:port], value, *at[port + 1 :]]))

        return slopes(outputs_for, at[port], [_flat(upstream) for upstream in upstreams], eps)

    numeric = [differentiate(port, inputs) for port in range(len(inputs))]

    def examine(upstream: int) -> GradientReport:
        """The report for one upstream gradient."""
        expected = [found.gradients[upstream] for found in numeric]
        checked = []
        for port, gradient in enumerate(backward(inputs, upstreams[upstream])):
            tolerance = atol + rtol * abs(expected[port]) + numeric[port].noise[upstream]
            wrong = np.ones(gradient.shape, bool)
            if gradient.shape == expected[port].shape:
                wrong = ~np.asarray(abs(gradient - expected[port]) <= tolerance)
            checked.append(CheckedInput(names[port], inputs[port], np.array(gradient), expected[port], wrong))

        def cause(port: int) -> Cause:
            def with_transposed(name: str) -> Array:
                turned = [value.T.copy() if other == name else value for other, value in values.items()]
                return differentiate(port, turned).gradients[upstream]

            transposable = len(outputs) == 1 and outputs[0].ndim == 2 and outputs[0].shape == outputs[0].shape[::-1]
            return likely_cause(
                Evidence(
                    name=names[port],
                    value=inputs[port],
                    found=checked[port].found,
                    expected=expected[port],
                    wrong=checked[port].wrong,
                    kinks=numeric[port].kinks,
                    own_slopes=numeric[port].own,
                    upstream=_flat(upstreams[upstream]),
                    without_upstream=numeric[port].gradients[_ONES],
                    upstream_transposed=numeric[port].gradients[upstream + _TRANSPOSED] if transposable else None,
                    partners={names[i]: (inputs[i], expected[i]) for i in range(len(inputs)) if i != port},
                    outputs=tuple(outputs),
                    with_transposed=with_transposed,
                )
            )

        ports = range(len(inputs))
        return GradientReport(
            function,
            tuple(replace(checked[port], cause=None if checked[port].ok else cause(port)) for port in ports),
        )

    first = examine(0)
    return first if not first else next((report for report in [examine(1)] if not report), first)


_ONES, _TRANSPOSED = 2, 3  # places among the upstream gradients: two to check with, ones, and the two transposed


def _upstreams(outputs: Sequence[Array], rng: np.random.Generator) -> list[list[Array]]:
    """Upstream gradients, each an array for each output. For one number 1 and 2, so that its gradient is shown."""
    if sum(output.size for output in outputs) == 1:
        first, second = ([np.full(output.shape, scale) for output in outputs] for scale in (1.0, 2.0))
    else:
        first, second = (
            [rng.uniform(0.5, 1.5, output.shape) * rng.choice([-1.0, 1.0], output.shape) for output in outputs]
            for _ in range(2)
        )
    ones = [np.ones(output.shape) for output in outputs]
    return [first, second, ones, [weights.T for weights in first], [weights.T for weights in second]]


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.reshape(array, -1) for array in arrays])


def _refuse_unfit(function: str, outputs: Sequence[Array], again: Sequence[Array]) -> None:
    """Finite differences need a function: the same finite numbers each time, and enough digits."""
    same = (np.array_equal(one, other, equal_nan=True) for one, other in zip(outputs, again, strict=False))
    if len(outputs) != len(again) or not all(same):
        raise errors.not_the_same_twice(function)
    failed = sum(int(np.count_nonzero(~np.isfinite(output))) for output in outputs)
    if failed:
        raise errors.not_finite_here(function, failed, sum(output.size for output in outputs))
    for output in outputs:
        if output.dtype != np.float64:
            raise errors.too_few_digits(function, output.dtype)
