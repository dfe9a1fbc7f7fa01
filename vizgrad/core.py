"""The engine: values, operations, and the graph that they make.

Three classes make a computation graph. A `TensorNode` holds an array (a circle in the drawings), an
`OpNode` holds one computation (a diamond), and an `Op` says how one *kind* of computation is done,
forward and backward. The walk back through the graph is in `vizgrad.walk`. Nothing here knows of recording, drawing or
pages: whoever wants to watch is told what happens (see `vizgrad.observer`).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vizgrad import _convert, errors
from vizgrad._inplace import Watch
from vizgrad._operators import Operators
from vizgrad.rule import Rule as Rule

if TYPE_CHECKING:
    from vizgrad.observer import Observer

Array: TypeAlias = NDArray[Any]
Operand: TypeAlias = "TensorNode | Array | float | int"

observers: tuple[Observer, ...] = ()  # who is watching; almost always nobody, and then watching costs nothing
_tracking = True  # False inside no_grad()
next_order = count(0, -1).__next__  # counts down, so that the latest op is the smallest in the walk's heap


class TensorNode(Operators):
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

    __slots__ = ("__weakref__", "_grad", "_source", "_value", "_walk", "_watch", "name", "requires_grad")

    def __init__(self, value: Any, name: str | None = None, requires_grad: bool = True) -> None:
        self._value = _convert.as_array(value, name, requires_grad)
        self._grad: Array | None = None
        self._source: OpNode | None = None
        self._watch: Watch | None = Watch(self._value)  # the array is the program's own, which may write into it
        self._walk: object = None  # the last backward walk that came by
        self.name = name
        self.requires_grad = requires_grad

    @property
    def value(self) -> Array:
        """The array this node holds. Assigning one of the same shape changes the node, as an optimiser does."""
        if self._watch is None:
            self._watch = Watch(self._value)  # from now on the program can write into it
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        new = _convert.as_array(new, self.name, self.requires_grad)
        if new.shape != self._value.shape:
            raise errors.assigned_shape(self, new.shape)
        if new is self._value and self._watch:  # as in `node.value -= step`, which has written into the array already
            self._watch.changed = next_order()
        update(self, new)
        self._watch = self._watch or Watch(new)

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
    def source(self) -> OpNode | None:
        """The `OpNode` that computed this tensor; ``None`` for a leaf, and after ``clear()``."""
        op = self._source
        if op is None or not op.inputs:
            return None
        if op.references is None:
            op.references = (_Reference(self),)
        return op

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The number type of the value."""
        return self._value.dtype

    def size(self, dim: int | None = None) -> Any:
        """The shape of the value, or the length of one axis (the name that the course uses)."""
        return self._value.shape if dim is None else self._value.shape[dim]

    def backward(self, retain_graph: bool = False) -> None:
        """Compute d self / d t for every tensor t that this one was made of, and add it to ``t.grad``.

        The walk goes from this tensor back to the leaves, latest op first. So when an op's turn comes, every use of its
        output has had its turn, and all gradients have arrived: the op needs their sum. Uses that do not lead to this
        tensor have no part in it.

        On the way, each op lets go of what its forward has saved, so a graph can be walked once.

        Args:
            retain_graph: keep what forward has saved, for another ``backward()`` through the same graph.

        Raises:
            GraphError: this tensor holds more than one number, nothing it was made of wants a gradient, its graph has
                been walked or cleared before, or an array that forward has used was written into since.
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
        if self._source is None:
            raise errors.backward_from_leaf(self)
        seed = np.ones_like(self._value)
        for observer in observers:
            observer.start(self, seed)
        earlier: dict[TensorNode, Array] = {}  # gradients that earlier walks have left
        try:
            with np.errstate(all="ignore"):  # what forward has warned of need not be told again for its gradient
                walk.walk_back(self, self._source, seed, earlier, retain_graph)
        finally:
            for node, gradient in earlier.items():
                node._grad = np.asarray(gradient + node.grad)
        for observer in observers:
            observer.end(self)

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
        for node in graph.tensors_below(self):
            forget_grad(node)

    def clear(self) -> None:
        """Cut the graph below this tensor into single nodes, so that their memory is free at once.

        Leaves (parameters) keep their values and gradients. A cleared graph has no way back: ``backward()`` says so.
        """
        for node in list(graph.tensors_below(self)):
            if node._source is not None:
                node._source.inputs = ()
                node._source.context = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are leaves of their own: the numbers go with them, and not the graph."""
        return TensorNode, (self._value, self.name, self.requires_grad)

    def numpy(self) -> Array:
        """The value as a NumPy array (the array itself, not a copy)."""
        return self.value

    def item(self) -> float:
        """The value of a tensor that holds one number, as a Python float."""
        return float(self._value.item())

    def __repr__(self) -> str:
        name = f"{self.name}: " if self.name else ""
        by = f", source={self.source.op.__name__}" if self.source else ""
        return f"TensorNode({name}{np.array2string(self._value, separator=', ', threshold=20)}{by})"


class OpNode:
    """One computation in the graph: which Op ran, on which tensors, and what it kept for its backward.

    Attributes:
        op: the `Op` class that did the computing (the class itself: Ops are never instantiated).
        context: what ``forward`` stored for ``backward``; ``None`` once a backward walk has used it.
        inputs: the tensors that went in, in order; the same tensor may stand there twice.
        outputs: the tensors that came out. Held weakly: an output that nobody uses any more reads ``None``.
        order: when it was made: smaller than that of every op made before.
    """

    __slots__ = ("context", "inputs", "op", "order", "references")

    def __init__(self, op: type[Op], context: dict[str, Any], inputs: tuple[TensorNode, ...]) -> None:
        self.op = op
        self.context: dict[str, Any] | None = context
        self.inputs = inputs
        self.order = next_order()
        # A strong reference to the outputs, which hold this node as their source, would be a cycle, and the memory of
        # a whole graph would wait for the garbage collector. Even the weak one is made only when somebody asks.
        self.references: tuple[_Reference, ...] | None = None

    def backward(self, *upstream: Array) -> Sequence[Any]:
        """Turn the gradients of the outputs into gradients of the inputs, by the Op's own ``backward``.

        Args:
            upstream: d loss / d output, for each output.

        Returns:
            d loss / d input for each input; of inputs that want none, it does not matter what.
        """
        try:
            gradients = self.op.backward(self.context, *upstream)
        except Exception as error:
            errors.note_backward(error, self)
            raise
        if type(gradients) is not tuple:
            gradients = (gradients,)
        if observers or not self.op.ours:
            gradients = _checked(self, upstream, gradients)
            for observer in observers:
                observer.backward(self, upstream, gradients)
        return gradients

    @property
    def outputs(self) -> list[TensorNode | None]:
        """The tensors that this computation produced."""
        return [reference() for reference in self.references or ()]

    def __repr__(self) -> str:
        return f"OpNode({self.op.__name__}, {len(self.inputs)} in, {len(self.references or (1,))} out)"


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
    ours: ClassVar[bool] = False  # whether the tests have shown that backward returns what it should

    def __init_subclass__(cls) -> None:
        cls.ours = cls.__module__.startswith("vizgrad.ops.")

    @staticmethod
    def forward(context: Any, *inputs: Any, **settings: Any) -> Any:
        """Compute the output arrays from the input arrays."""
        raise errors.unfinished_op("forward")

    @staticmethod
    def backward(context: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the inputs from the gradients of the outputs."""
        raise errors.unfinished_op("backward")

    @classmethod
    def do_forward(cls, *inputs: Any, **settings: Any) -> Any:
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
        values = []
        some_grad, all_grad = False, True
        for node in inputs:
            if type(node) is not TensorNode and not isinstance(node, TensorNode):
                return cls.do_forward(*_convert.as_tensors(cls, inputs), **settings)
            values.append(node._value)
            if node.requires_grad:
                some_grad = True
            else:
                all_grad = False
            watch = node._watch
            if watch is not None and watch.probe() != watch.seen:
                watch.look(next_order())
        tracked = some_grad and _tracking
        context: dict[str, Any] = {}
        if not all_grad:
            values = _convert.as_floats(values)  # what wants a gradient holds floats anyway
            context = Context()
            context.needs_input_grad = tuple([node.requires_grad for node in inputs])
        try:
            raw = cls.forward(context, *values, **settings) if settings else cls.forward(context, *values)
        except Exception as error:
            for observer in observers:
                observer.failed(cls, inputs, settings, error)
            explained = errors.forward_failed(cls, inputs, settings, error)
            if explained is error:
                raise
            raise explained from error

        # Now that the numbers exist: the OpNode that remembers how they came about, and the tensors that hold them.
        if type(raw) is not tuple and not observers:  # most ops, most of the time
            return _output(raw, OpNode(cls, context, inputs) if tracked else None)
        outputs = _outputs(raw, OpNode(cls, context, inputs), settings, tracked)
        return outputs if len(outputs) > 1 else outputs[0]


class Context(dict[str, Any]):
    """The context of an op of whose inputs some want no gradient: a dict that also says which."""

    needs_input_grad: tuple[bool, ...] | None = None  # None: all of them


def needs_grad(context: Any, port: int) -> bool:
    """Whether the input at ``port`` wants a gradient; an expensive backward may skip the others.

    Examples:
        >>> needs_grad({}, 0)
        True
    """
    needs: tuple[bool, ...] | None = getattr(context, "needs_input_grad", None)
    return needs is None or needs[port]


def _output(array: Any, source: OpNode | None) -> TensorNode:
    """A tensor that an op made: nothing to check, and nothing to do that is not needed."""
    node = _new(TensorNode)
    node._value = array if type(array) is np.ndarray else np.asarray(array)
    node._grad = node._walk = node._watch = node.name = None
    node._source = source
    node.requires_grad = source is not None
    return node


_new = TensorNode.__new__


def _outputs(raw: Any, op: OpNode, settings: dict[str, Any], tracked: bool) -> list[TensorNode]:
    """The tensors that an op made, where there are several, or somebody watches."""
    arrays = raw if type(raw) is tuple else (raw,)
    outputs = [_output(array, op if tracked else None) for array in arrays]
    op.references = tuple(map(_Reference, outputs))
    for observer in observers:
        observer.forward(op, settings, outputs)
    return outputs


class _Reference(weakref.ref[TensorNode]):
    """A weak reference to an output that can still give a gradient of the right shape when the output is gone."""

    __slots__ = ("dtype", "shape")

    def __init__(self, node: TensorNode) -> None:
        super().__init__(node)  # type: ignore[call-arg]
        self.shape = node._value.shape
        self.dtype = node._value.dtype

    def gradient(self, walk: object) -> Array:
        """What has arrived at the output in this walk; zeros if it had no influence on the loss."""
        node = self()
        return np.zeros(self.shape, self.dtype) if node is None or node._walk is not walk else node.grad


def _checked(op: OpNode, upstream: Sequence[Array], returned: Sequence[Any]) -> list[Array | None]:
    """The gradients that an Op's backward returned: as many as inputs, each an array of its input's shape and dtype."""
    if len(returned) != len(op.inputs):
        raise errors.wrong_number_of_gradients(op, len(returned))
    gradients: list[Array | None] = []
    for port, (node, gradient) in enumerate(zip(op.inputs, returned, strict=True)):
        if not node.requires_grad:
            gradients.append(None)
            continue
        gradient = np.zeros_like(node._value) if gradient is None else np.asarray(gradient, dtype=node._value.dtype)
        if gradient.shape != node._value.shape:
            raise errors.wrong_gradient_shape(op, port, gradient.shape)
        if any(gradient is other for other in (*upstream, *gradients)):
            gradient = gradient.copy()
        gradients.append(gradient)
    return gradients


def update(node: TensorNode, value: Array, rule: str = "", **settings: Any) -> None:
    """Give a tensor a new value. Optimisers also say by which rule (LaTeX, as in `Rule`) and settings."""
    before, node._value = node._value, value
    if value is not before:
        node._watch = None  # a new array, which the program has not got hold of
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


from vizgrad import graph, walk  # noqa: E402  (they need the nodes)
