"""Does an Op keep its promises? It is run on random inputs, and asked for everything that the engine relies on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad.check.gradients import GradientReport, compare, input_names, quietly
from vizgrad.core import Array, Op, OpNode, TensorNode

# For each try the sizes that letters stand for, in the order in which the letters come. They differ, so that an array
# that lies on its side does not fit by chance; in the last try everything has one row and one column.
SIZES = ((3, 4, 2, 5), (2, 5, 3, 4), (1, 1, 1, 1))


def check_op(op: type[Op], shapes: Sequence[Any], /, **settings: Any) -> GradientReport:
    """Check an Op of your own: what it returns, what it leaves alone, and its gradients.

    In order: ``forward`` returns arrays of numbers; ``backward`` returns one gradient for each input, of its shape;
    neither writes into an array that it was given, nor into what was saved; the gradients agree with finite
    differences, for several upstream gradients; float32 stays float32.

    Args:
        op: the class.
        shapes: for each input of ``forward`` its shape. Its sizes are numbers or letters: a letter is the same size
            everywhere, and another one in each of three tries, for example ``[("n", "f"), ("m", "f")]``; ``"n"`` and
            ``3`` are short for vectors. In place of a shape may stand an array, which is then the input.
        settings: keyword arguments for ``forward``.

    Returns:
        The report of the last try. Its inputs are called like the arguments of ``forward``.

    Raises:
        GradientError: a promise is broken; the message says which, for which input, and what was expected.
        OpDefinitionError: ``forward`` or ``backward`` is missing, or ``forward`` returns something else than arrays.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> class Cube(vg.Op):
        ...     @staticmethod
        ...     def forward(context, x):
        ...         context["x"] = x
        ...         return x ** 3
        ...     @staticmethod
        ...     def backward(context, go):
        ...         return go * 3 * context["x"] ** 2
        >>> bool(vg.check_op(Cube, [("n", "m")]))
        True
    """
    for inputs in tries(shapes):
        if not any(array.dtype.kind == "f" for array in inputs):
            raise errors.nothing_to_check(op.__name__)
        names = input_names(op.do_forward, len(inputs))
        with quietly():
            report = _check(op, dict(zip(names, inputs, strict=True)), settings)
    return report


def tries(shapes: Sequence[Any]) -> Iterator[list[Array]]:
    """Inputs of the given shapes, for each try."""
    shapes = [(shape,) if isinstance(shape, int) else shape for shape in shapes]
    letters: list[str] = []
    for shape in shapes:
        if not isinstance(shape, np.ndarray):
            letters += [size for size in shape if isinstance(size, str) and size not in letters]
    if len(letters) > len(SIZES[0]):
        raise errors.too_many_letters(letters, len(SIZES[0]))
    for seed, sizes in enumerate(SIZES):
        meaning = dict(zip(letters, sizes, strict=False))
        rng = np.random.default_rng(seed)
        yield [_input(shape, meaning, rng) for shape in shapes]


def _input(shape: Any, meaning: Mapping[str, int], rng: np.random.Generator) -> Array:
    """Numbers in general position: neither zero nor nearly so, and no two alike."""
    if isinstance(shape, np.ndarray):
        return shape.copy()
    sizes = tuple(meaning.get(size, size) for size in shape)
    return np.asarray(rng.uniform(0.3, 2.0, sizes) * rng.choice([-1.0, 1.0], sizes))


def _check(op: type[Op], inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> GradientReport:
    trial = Trial(op, inputs, settings)
    report = compare(op.__name__, trial.floats(), trial.outputs, trial.gradients)
    if not report:
        raise errors.wrong_gradients(report.faults())
    trial.in_float32()
    return report


class Trial:
    """Runs an Op by hand, without the engine, on inputs of given shapes.

    Whole numbers among the inputs stay as they are; the others may be given anew at each call, by ``values``.
    """

    def __init__(self, op: type[Op], inputs: Mapping[str, Array], settings: Mapping[str, Any]) -> None:
        self.op = op
        self.inputs = inputs
        self.settings = settings
        self.wanted = [array.dtype.kind == "f" for array in inputs.values()]
        # These stand for the inputs in messages.
        self.nodes = tuple(TensorNode(array, name, array.dtype.kind == "f") for name, array in inputs.items())

    def floats(self) -> dict[str, Array]:
        """The inputs that have a gradient, in float64."""
        return {name: array.astype(np.float64) for name, array in self.inputs.items() if array.dtype.kind == "f"}

    def outputs(self, values: Sequence[Array]) -> list[Array]:
        """What forward computes."""
        return self._forward(self._all(values), {})

    def gradients(self, values: Sequence[Array], upstream: Sequence[Array]) -> list[Array]:
        """What backward returns for the inputs that have a gradient."""
        given, context = self._all(values), dict[str, Any]()
        self._forward(given, context)
        node = OpNode(self.op, context, self.nodes)
        arrays = [go.copy() for go in upstream]
        saved = {key: value.copy() for key, value in context.items() if isinstance(value, np.ndarray)}
        try:
            returned = self.op.backward(context, *arrays)
        except Exception as error:
            errors.note_backward(error, node)
            raise
        gradients = returned if type(returned) is tuple else (returned,)
        if len(gradients) != len(given):
            raise errors.wrong_number_of_gradients(node, len(gradients))
        self._refuse_written("backward", self.inputs, self._all(values), given)
        self._refuse_written("backward", ["the upstream gradient"] * len(arrays), upstream, arrays)
        names = [f"context[{key!r}]" for key in saved]
        self._refuse_written("backward", names, saved.values(), [context.get(key) for key in saved])
        pairs = zip(gradients, given, self.wanted, strict=True)
        return [self._as_gradient(gradient, value) for gradient, value, wanted in pairs if wanted]

    def in_float32(self) -> None:
        """See that float32 arrays give float32 arrays."""
        values = [array.astype(np.float32) for array in self.floats().values()]
        outputs = self.outputs(values)
        for output in outputs:
            if output.dtype != np.float32:
                raise errors.left_float32(self.op, "forward returned", output.dtype)
        for name, gradient in zip(self.floats(), self.gradients(values, outputs), strict=True):
            if gradient.dtype != np.float32:
                raise errors.left_float32(self.op, f"backward returned, as gradient of {name},", gradient.dtype)

    def _all(self, values: Sequence[Array]) -> list[Array]:
        """A copy of every input: of those that have a gradient, of the given values."""
        given = iter(values)
        pairs = zip(self.inputs.values(), self.wanted, strict=True)
        return [(next(given) if wanted else array).copy() for array, wanted in pairs]

    def _forward(self, given: Sequence[Array], context: dict[str, Any]) -> list[Array]:
        before = [array.copy() for array in given]
        try:
            raw = self.op.forward(context, *given, **self.settings)
        except Exception as error:
            explained = errors.forward_failed(self.op, self.nodes, self.settings, error)
            if explained is error:
                raise
            raise explained from error
        outputs = raw if type(raw) is tuple else (raw,)
        for output in outputs:
            if not isinstance(output, (np.ndarray, np.floating, float)) or np.asarray(output).dtype.kind != "f":
                raise errors.forward_returned(self.op, output)
        self._refuse_written("forward", self.inputs, before, given)
        return [np.asarray(output) for output in outputs]

    def _refuse_written(
        self, method: str, names: Iterable[str], before: Iterable[Array], after: Iterable[Array | None]
    ) -> None:
        """See that arrays are the same before and after."""
        for name, old, new in zip(names, before, after, strict=True):
            if new is None or not np.array_equal(old, new, equal_nan=True):
                raise errors.wrote_into(self.op, method, name)

    def _as_gradient(self, gradient: Any, value: Array) -> Array:
        """What backward returned, as an array; the engine takes ``None`` for zeros."""
        array = np.zeros_like(value) if gradient is None else np.asarray(gradient)
        if array.dtype.kind not in "fiu":
            raise errors.backward_returned(self.op, gradient)
        return array
