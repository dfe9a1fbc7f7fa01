"""The engine: values, operations, and the walk back from a loss to everything it was made of.

Three classes make a computation graph. A `TensorNode` holds an array (a circle in the drawings), an
`OpNode` holds one computation (a diamond), and an `Op` says how one *kind* of computation is done,
forward and backward. Nothing here knows of recording, drawing or pages: whoever wants to watch puts an object into
``observers`` and is told what happens (see `Observer`).
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vizgrad import errors

Array: TypeAlias = NDArray[Any]
Operand: TypeAlias = "TensorNode | Array | float | int"

observers: tuple[Observer, ...] = ()  # who is watching; almost always nobody, and then watching costs nothing
_tracking = True  # False inside no_grad()


class TensorNode:
    """A value in the computation graph: an array, its gradient, and the operation that produced it.

    Args:
        value: an array of any shape, a number, or nested lists of numbers. float32 and float64 arrays are kept as they
            are (not copied); Python numbers and lists become float64.
        name: what to call this tensor in drawings and messages; left out, the name of your variable is used.
        requires_grad: whether a gradient is wanted. ``False`` for data saves the work of computing it.

    Attributes:
        value: the array.
        grad: d loss / d value, an array of the same shape: zeros until ``backward()`` is called on a loss, and added to
            by each call.
        source: the `OpNode` that computed this tensor; ``None`` for a leaf, which the program made itself.

    Raises:
        DtypeError: the array holds integers, booleans or objects although a gradient is wanted.

    Examples:
        >>> import vizgrad as vg
        >>> a = vg.TensorNode([[1.0, 2.0], [3.0, 4.0]])
        >>> b = vg.TensorNode([[5.0, 6.0], [7.0, 8.0]])
        >>> c = a + b
        >>> c.value
        array([[ 6.,  8.],
               [10., 12.]])
        >>> c.source.inputs[0] is a
        True
    """

    __slots__ = ("__weakref__", "_grad", "_value", "name", "requires_grad", "source")
    __array_ufunc__ = None  # so that `array + tensor` asks the tensor, not NumPy

    def __init__(self, value: Any, name: str | None = None, requires_grad: bool = True) -> None:
        self._value = _as_array(value, name, requires_grad)
        self._grad: Array | None = None
        self.name = name
        self.requires_grad = requires_grad
        self.source: OpNode | None = None

    @property
    def value(self) -> Array:
        """The array this node holds. Assigning one of the same shape changes the node, as an optimiser does."""
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        new = _as_array(new, self.name, self.requires_grad)
        if new.shape != self._value.shape:
            raise errors.assigned_shape(self, new.shape)
        update(self, new)

    @property
    def grad(self) -> Array:
        """The gradient of the last loss with respect to this value; zeros where no ``backward()`` has come by."""
        if self._grad is None:
            self._grad = np.zeros_like(self._value)
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        if new is not None:
            new = np.asarray(new, dtype=self._value.dtype)
            if new.shape != self._value.shape:
                raise errors.assigned_gradient(self, new.shape)
        self._grad = new

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type of the value."""
        return self._value.dtype

    def size(self) -> tuple[int, ...]:
        """The shape of the value (the name that the course uses)."""
        return self._value.shape

    def backward(self) -> None:
        """Compute d self / d t for every tensor t that this one was made of, and add it to ``t.grad``.

        The walk goes from this tensor back to the leaves. A tensor that was used several times receives one gradient
        for each use; the operation it came from is visited only when *all* of them have arrived, because it needs their
        sum. Only uses that lead to this tensor are waited for.

        Raises:
            GraphError: this tensor holds more than one number, or nothing it was made of wants a gradient.
            GradientError: an op's ``backward`` returns the wrong number or shapes of gradients.

        Examples:
            >>> import vizgrad as vg
            >>> a = vg.TensorNode(2.0)
            >>> loss = a * a + a
            >>> loss.backward()
            >>> float(a.grad)  # 2a + 1
            5.0
        """
        if self._value.size != 1:
            raise errors.backward_from_many(self)
        if self.source is None:
            raise errors.backward_from_leaf(self)
        expected, unfinished = _what_leads_to(self)
        seed = np.ones_like(self._value)
        arriving: dict[TensorNode, Array] = {self: seed}
        for observer in observers:
            observer.start(self, seed, expected)
        given = {id(seed)}  # the arrays that are somebody's gradient
        self._add_to_grad(seed, given)

        ready = deque([self.source])
        while ready:
            op = ready.popleft()
            gradients = op.backward(arriving)
            for port, (node, gradient) in enumerate(zip(op.inputs, gradients, strict=True)):
                if gradient is None:
                    continue
                so_far = arriving.get(node)
                # Never `+=`: the same array may have been handed to another node as well.
                total = gradient if so_far is None else np.asarray(so_far + gradient)
                arriving[node] = total
                expected[node] -= 1
                for observer in observers:
                    observer.arrive(node, op, port, so_far, gradient, total, expected[node])
                if expected[node] == 0:
                    node._add_to_grad(total, given)
                    if node.source is not None:
                        unfinished[node.source] -= 1
                        if unfinished[node.source] == 0:
                            ready.append(node.source)

    def _add_to_grad(self, total: Array, given: set[int]) -> None:
        """Add the gradient of one backward walk to what earlier walks have left."""
        if self._grad is not None:
            self._grad = np.asarray(self._grad + total)
        elif self.source is None and (id(total) in given or total.base is not None or not total.flags.writeable):
            self._grad = total.copy()  # a leaf's gradient is the user's to change: nobody else's array, and no view
        else:
            self._grad = total
            given.add(id(total))

    def zero_grad(self) -> None:
        """Forget the gradients of this tensor and of everything it was made of (each node once).

        Examples:
            >>> import vizgrad as vg
            >>> a = vg.TensorNode(3.0)
            >>> loss = a * a
            >>> loss.backward()
            >>> loss.zero_grad()
            >>> float(a.grad)
            0.0
        """
        for node in _tensors_below(self):
            forget_grad(node)

    def clear(self) -> None:
        """Cut the graph below this tensor into single nodes, so that their memory is free at once.

        Leaves (parameters) keep their values and gradients. A cleared graph has no way back: ``backward()`` says so.
        """
        for node in list(_tensors_below(self)):
            if node.source is not None:
                node.source.inputs = ()
                node.source = None

    def numpy(self) -> Array:
        """The value as a NumPy array (the array itself, not a copy)."""
        return self._value

    def item(self) -> float:
        """The value of a tensor that holds one number, as a Python float."""
        return float(self._value.item())

    def __repr__(self) -> str:
        name = f"{self.name}: " if self.name else ""
        by = f", source={self.source.op.__name__}" if self.source else ""
        return f"TensorNode({name}{np.array2string(self._value, separator=', ', threshold=20)}{by})"

    # The operators only say which Op does the work: the arithmetic itself is in `vizgrad/ops/`.
    def __add__(self, other: Operand) -> TensorNode:
        return ops.Add.do_forward(self, other)

    def __radd__(self, other: Operand) -> TensorNode:
        return ops.Add.do_forward(other, self)

    def __sub__(self, other: Operand) -> TensorNode:
        return ops.Sub.do_forward(self, other)

    def __rsub__(self, other: Operand) -> TensorNode:
        return ops.Sub.do_forward(other, self)

    def __mul__(self, other: Operand) -> TensorNode:
        return ops.Multiply.do_forward(self, other)

    def __rmul__(self, other: Operand) -> TensorNode:
        return ops.Multiply.do_forward(other, self)

    def __truediv__(self, other: Operand) -> TensorNode:
        return ops.Divide.do_forward(self, other)

    def __rtruediv__(self, other: Operand) -> TensorNode:
        return ops.Divide.do_forward(other, self)

    def __matmul__(self, other: Operand) -> TensorNode:
        return ops.MatrixMultiply.do_forward(self, other)

    def __rmatmul__(self, other: Operand) -> TensorNode:
        return ops.MatrixMultiply.do_forward(other, self)

    def __pow__(self, exponent: Operand) -> TensorNode:
        return ops.Power.do_forward(self, exponent)

    def __rpow__(self, base: Operand) -> TensorNode:
        return ops.Power.do_forward(base, self)

    def __neg__(self) -> TensorNode:
        return ops.Negate.do_forward(self)

    def __lt__(self, other: Operand) -> Array:
        return np.less(self._value, _raw(other))

    def __le__(self, other: Operand) -> Array:
        return np.less_equal(self._value, _raw(other))

    def __gt__(self, other: Operand) -> Array:
        return np.greater(self._value, _raw(other))

    def __ge__(self, other: Operand) -> Array:
        return np.greater_equal(self._value, _raw(other))

    @property
    def T(self) -> TensorNode:
        """The transpose: axes in reverse order."""
        return ops.Transpose.do_forward(self)

    def sum(self, axis: SupportsIndex | Sequence[int] | None = None, keepdims: bool = False) -> TensorNode:
        """Add up the entries, all of them or along ``axis``."""
        return ops.Sum.do_forward(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: SupportsIndex | Sequence[int] | None = None, keepdims: bool = False) -> TensorNode:
        """Average the entries, all of them or along ``axis``."""
        return ops.Mean.do_forward(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: int) -> TensorNode:
        """The same entries in another shape."""
        return ops.Reshape.do_forward(self, shape=shape)

    def exp(self) -> TensorNode:
        """Element-wise e to the power of the value."""
        return ops.Exp.do_forward(self)

    def log(self) -> TensorNode:
        """Element-wise natural logarithm."""
        return ops.Log.do_forward(self)


class OpNode:
    """One computation in the graph: which Op ran, on which tensors, and what it kept for its backward.

    Attributes:
        op: the `Op` class that did the computing (the class itself: Ops are never instantiated).
        context: what ``forward`` stored for ``backward``.
        inputs: the tensors that went in, in order; the same tensor may stand there twice.
        outputs: the tensors that came out. Held weakly: an output that nobody uses any more reads ``None``.
    """

    __slots__ = ("_outputs", "context", "inputs", "op")

    def __init__(self, op: type[Op], context: Context, inputs: tuple[TensorNode, ...]) -> None:
        self.op = op
        self.context = context
        self.inputs = inputs
        self._outputs: tuple[_OutputRef, ...] = ()

    @property
    def outputs(self) -> list[TensorNode | None]:
        """The tensors that this computation produced."""
        return [reference() for reference in self._outputs]

    @outputs.setter
    def outputs(self, nodes: Sequence[TensorNode]) -> None:
        # A strong reference here and `source` there would be a cycle, and the memory of a whole graph would wait for
        # the garbage collector. Whoever needs the output holds it; the op need not.
        self._outputs = tuple(_OutputRef(node) for node in nodes)

    def backward(self, arriving: Mapping[TensorNode, Array]) -> list[Array | None]:
        """Call the Op's ``backward`` with the gradients that arrived at the outputs.

        Args:
            arriving: the gradient of each tensor; an output that is missing there had no influence on the loss.

        Returns:
            One gradient for each input, ``None`` where none is wanted.
        """
        upstream = [reference.gradient(arriving) for reference in self._outputs]
        try:
            returned = self.op.backward(self.context, *upstream)
        except Exception as error:
            errors.note_backward(error, self)
            raise
        gradients = _checked(self, returned)
        for observer in observers:
            observer.backward(self, upstream, gradients)
        return gradients

    def __repr__(self) -> str:
        return f"OpNode({self.op.__name__}, {len(self.inputs)} in, {len(self._outputs)} out)"


class Op:
    """A kind of computation: how it is done, and how its gradient is passed back. Derive from it to write your own.

    A subclass defines two static methods on *raw arrays*:

    * ``forward(context, *inputs, **settings)`` computes the output (or a tuple of outputs), and may store in
      ``context`` what its backward will need. Settings are constants: they get no gradient.
    * ``backward(context, *grad_outputs)`` receives d loss / d output for each output and returns d loss / d input for
      each input, each with the shape of that input.

    It may also carry its ``rule`` (see `Rule`), which drawings and derivation cards show.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> class Cube(vg.Op):
        ...     @staticmethod
        ...     def forward(context, x):
        ...         context["x"] = x
        ...         return x ** 3
        ...     @staticmethod
        ...     def backward(context, grad_out):
        ...         return grad_out * 3 * context["x"] ** 2
        >>> x = vg.TensorNode(2.0)
        >>> y = Cube.do_forward(x)
        >>> y.backward()
        >>> float(y.value), float(x.grad)
        (8.0, 12.0)
    """

    rule: ClassVar[Rule | None] = None
    symbol: ClassVar[str] = ""  # what a drawing writes into the diamond; left out, the name of the class

    @staticmethod
    def forward(context: Any, *inputs: Any, **settings: Any) -> Any:
        """Compute the output arrays from the input arrays."""
        raise errors.unfinished_op("forward")

    @staticmethod
    def backward(context: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the inputs from the gradients of the outputs."""
        raise errors.unfinished_op("backward")

    @classmethod
    def do_forward(cls, *inputs: Operand, **settings: Any) -> Any:
        """Run the op on tensors, and build the piece of graph that remembers it.

        Args:
            inputs: tensors; plain numbers and arrays among them are constants.
            settings: keyword arguments for ``forward``.

        Returns:
            The output tensor, or a list of tensors if ``forward`` returned a tuple.

        Raises:
            ShapeError: the shapes do not fit together.
            DtypeError: an input is no array of real numbers.
        """
        context = Context()
        nodes = _as_nodes(cls, inputs)
        values = [node._value for node in nodes]
        try:
            raw = cls.forward(context, *values, **settings)
        except Exception as error:
            for observer in observers:
                observer.failed(cls, nodes, settings, error)
            explained = errors.forward_failed(cls, nodes, settings, error)
            if explained is error:
                raise
            raise explained from error
        if not isinstance(raw, tuple):
            raw = (raw,)

        # The numbers exist already. Only now can the nodes be made, and each needs the other: the output tensors
        # want their source, the OpNode its outputs. So first the OpNode, then the tensors, then the link back.
        tracked = _tracking and any(node.requires_grad for node in nodes)
        op = OpNode(cls, context, nodes)
        outputs = [_output(array, op if tracked else None) for array in raw]
        op.outputs = outputs
        if tracked and not all(node.requires_grad for node in nodes):
            context.needs_input_grad = tuple(node.requires_grad for node in nodes)
        for observer in observers:
            observer.forward(op, settings, outputs)
        return outputs[0] if len(outputs) == 1 else outputs


@dataclass(frozen=True)
class Rule:
    r"""What an Op computes, in LaTeX, for formula pages and derivation cards.

    In the formulas ``\v{x}`` is the value of the input called x in ``forward``, ``\v{out}`` the output, ``\g{x}`` and
    ``\g{out}`` their gradients, ``\k{name}`` a setting.

    Attributes:
        forward: the output in terms of the inputs.
        backward: for each input, its gradient.
        broadcasts: whether inputs are stretched to a common shape (gradients are then summed over what was stretched).
        page: the page of the course that derives it.
    """

    forward: str
    backward: tuple[str, ...]
    broadcasts: bool = False
    page: str = ""


class Context(dict[str, Any]):
    """What a forward stores for its backward: a dict, which also says which inputs want a gradient."""

    needs_input_grad: tuple[bool, ...] | None = None  # None: all of them


def needs_grad(context: Any, port: int) -> bool:
    """Whether the input at ``port`` wants a gradient; an expensive backward may skip the others.

    Examples:
        >>> needs_grad({}, 0)
        True
    """
    needs: tuple[bool, ...] | None = getattr(context, "needs_input_grad", None)
    return needs is None or needs[port]


class Observer:
    """What the engine tells whoever watches. The engine never looks at what an observer does with it."""

    def forward(self, op: OpNode, settings: Mapping[str, Any], outputs: Sequence[TensorNode]) -> None:
        """An op has computed its outputs."""

    def failed(self, op: type[Op], inputs: Sequence[TensorNode], settings: Mapping[str, Any], error: Exception) -> None:
        """An op could not compute its outputs."""

    def start(self, loss: TensorNode, seed: Array, expected: Mapping[TensorNode, int]) -> None:
        """A backward walk begins; ``expected`` says how many gradients each tensor will receive."""

    def backward(self, op: OpNode, upstream: Sequence[Array], gradients: Sequence[Array | None]) -> None:
        """An op has turned the gradients of its outputs into gradients of its inputs."""

    def arrive(
        self,
        node: TensorNode,
        op: OpNode,
        port: int,
        before: Array | None,
        gradient: Array,
        after: Array,
        missing: int,
    ) -> None:
        """A gradient has arrived at a tensor; ``missing`` more are still to come in this walk."""

    def update(self, node: TensorNode, before: Array, rule: str, settings: Mapping[str, Any]) -> None:
        """A tensor has a new value, by an optimiser's rule, or by plain assignment (an empty rule)."""

    def zero(self, node: TensorNode) -> None:
        """A tensor's gradient was forgotten."""


class _OutputRef(weakref.ref[TensorNode]):
    """A weak reference to an output that can still give a gradient of the right shape when the output is gone."""

    __slots__ = ("dtype", "shape")

    def __init__(self, node: TensorNode) -> None:
        super().__init__(node)  # type: ignore[call-arg]
        self.shape = node._value.shape
        self.dtype = node._value.dtype

    def gradient(self, arriving: Mapping[TensorNode, Array]) -> Array:
        node = self()
        gradient = None if node is None else arriving.get(node)
        return np.zeros(self.shape, self.dtype) if gradient is None else gradient


def update(node: TensorNode, value: Array, rule: str = "", **settings: Any) -> None:
    """Give a tensor a new value. Optimisers also say by which rule (LaTeX, as in `Rule`) and settings."""
    before, node._value = node._value, value
    for observer in observers:
        observer.update(node, before, rule, settings)


def forget_grad(node: TensorNode) -> None:
    """Set a gradient back to zero, so that the next backward starts afresh."""
    node._grad = None
    for observer in observers:
        observer.zero(node)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without building a graph: results have no source and cost no memory for a backward.

    Examples:
        >>> import vizgrad as vg
        >>> x = vg.TensorNode(2.0)
        >>> with vg.no_grad():
        ...     y = x * x
        >>> y.source is None
        True
    """
    global _tracking
    before, _tracking = _tracking, False
    try:
        yield
    finally:
        _tracking = before


@contextmanager
def watching(observer: Observer) -> Iterator[None]:
    """Tell ``observer`` everything that happens inside the block."""
    global observers
    before, observers = observers, (*observers, observer)
    try:
        yield
    finally:
        observers = before


def _what_leads_to(loss: TensorNode) -> tuple[dict[TensorNode, int], dict[OpNode, int]]:
    """Find what the loss was made of: how many gradients each tensor will get, how many outputs each op waits for."""
    expected: dict[TensorNode, int] = {loss: 0}
    unfinished: dict[OpNode, int] = {}
    found = [loss]
    while found:
        op = found.pop().source
        if op is None:
            continue
        unfinished[op] = unfinished.get(op, 0) + 1
        if unfinished[op] > 1:
            continue  # another output of an op that has been looked at
        for node in op.inputs:
            if node.requires_grad:
                if node not in expected:
                    expected[node] = 0
                    found.append(node)
                expected[node] += 1
    return expected, unfinished


def _tensors_below(top: TensorNode) -> Iterator[TensorNode]:
    """The tensor and everything it was made of, each once."""
    seen = {top}
    stack = [top]
    while stack:
        node = stack.pop()
        inputs = node.source.inputs if node.source else ()
        for child in inputs:
            if child not in seen:
                seen.add(child)
                stack.append(child)
        yield node


def ops_below(top: TensorNode) -> list[OpNode]:
    """The ops that a tensor was made by, each after those that made its inputs."""
    _, unfinished = _what_leads_to(top)
    order: list[OpNode] = []
    stack = [top.source] if top.source else []
    done: set[OpNode] = set()
    while stack:
        op = stack[-1]
        makers = [node.source for node in op.inputs if node.source in unfinished and node.source not in done]
        if makers:
            stack.extend(makers)
        else:
            stack.pop()
            if op not in done:
                done.add(op)
                order.append(op)
    return order


def _checked(op: OpNode, returned: Any) -> list[Array | None]:
    """The gradients that an Op's backward returned: as many as inputs, each of its input's shape and dtype."""
    if not isinstance(returned, tuple):
        returned = (returned,)
    if len(returned) != len(op.inputs):
        raise errors.wrong_number_of_gradients(op, len(returned))
    gradients: list[Array | None] = []
    for port, (node, gradient) in enumerate(zip(op.inputs, returned, strict=True)):
        if not node.requires_grad:
            gradients.append(None)
            continue
        if gradient is None:
            gradient = np.zeros_like(node._value)
        elif type(gradient) is not np.ndarray or gradient.dtype is not node._value.dtype:
            gradient = np.asarray(gradient, dtype=node._value.dtype)
        if gradient.shape != node._value.shape:
            raise errors.wrong_gradient_shape(op, port, gradient.shape)
        gradients.append(gradient)
    return gradients


def _output(array: Any, source: OpNode | None) -> TensorNode:
    """A tensor that an op made: nothing to check, and nothing to do that is not needed."""
    node = TensorNode.__new__(TensorNode)
    node._value = array if type(array) is np.ndarray else np.asarray(array)
    node._grad = None
    node.name = None
    node.requires_grad = source is not None
    node.source = source
    return node


def _as_nodes(op: type[Op], inputs: Sequence[Any]) -> tuple[TensorNode, ...]:
    """The inputs as tensors: numbers and arrays become constants, a Python number in the dtype of its partner."""
    nodes = tuple(inputs)
    if all(isinstance(node, TensorNode) for node in nodes):
        return nodes
    dtypes = [node._value.dtype for node in nodes if isinstance(node, TensorNode)] or [np.dtype(np.float64)]
    dtype = next((dtype for dtype in dtypes if dtype.kind == "f"), None)  # 0.5 must not become a whole number
    return tuple(node if isinstance(node, TensorNode) else _constant(op, node, dtype) for node in nodes)


def _constant(op: type[Op], value: Any, dtype: np.dtype[Any] | None) -> TensorNode:
    if isinstance(value, (bool, int, float)):
        return TensorNode(np.asarray(value, dtype=dtype), requires_grad=False)
    if isinstance(value, (np.ndarray, np.number, np.bool_, list, tuple)):
        return TensorNode(value, requires_grad=False)
    raise errors.not_a_tensor(op, value)


def _as_array(value: Any, name: str | None, requires_grad: bool) -> Array:
    """A value as an array that the engine can compute with."""
    if isinstance(value, TensorNode):
        raise errors.tensor_in_tensor(name)
    given = value
    if not isinstance(value, (np.ndarray, np.generic)):
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise errors.not_numbers(given, name) from error
        if value.dtype.kind in "iu":  # Python's own integers mean numbers, as in TensorNode(3)
            value = value.astype(np.float64)
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise errors.not_numbers(given, name)
    if requires_grad and value.dtype.kind != "f":
        raise errors.integer_array(value, name)
    return value


def _raw(operand: Operand) -> Any:
    return operand._value if isinstance(operand, TensorNode) else operand


from vizgrad import ops  # noqa: E402  (the operators above need the ops, and the ops need Op)
