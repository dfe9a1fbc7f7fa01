"""The recorder: listens to the engine and writes down what it hears, as a `Trace`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any

import numpy as np

from vizgrad import _frames, core, graph, nn
from vizgrad.core import Array, Op, OpNode, TensorNode
from vizgrad.observer import Observer, watching
from vizgrad.trace.model import Input, Operation, Step, Tensor, Trace
from vizgrad.trace.writer import LONGEST_NAME, Writer, code_of, filled_rule, mark_stretched


class record:
    """Record everything the engine does inside the block.

    Args:
        pictures: height and width, if the last axis of your data is a flattened picture: tensors whose last axis has
            height x width entries (images, and the weights that look at them) are then shown as pictures.

    The trace is complete when the block ends, also when it ends with an exception: then it holds what happened until
    then, and the op that failed.

    Examples:
        >>> import vizgrad as vg
        >>> w, v = vg.TensorNode(3.0), vg.TensorNode(2.0)
        >>> with vg.record() as trace:
        ...     x = w * v
        ...     x.backward()
        >>> print(trace)  # doctest: +ELLIPSIS
        3 tensors, 1 ops, 5 steps
        ...
    """

    def __init__(self, pictures: tuple[int, int] | None = None) -> None:
        self._recorder = Recorder(pictures)
        self._watching = watching(self._recorder)

    def __enter__(self) -> Trace:
        self._watching.__enter__()
        return self._recorder.trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watching.__exit__(kind, error, traceback)
        self._recorder.finish(error)
        for outer in core.observers:
            if isinstance(outer, Recorder):
                outer.inner = self._recorder.trace


def snapshot(top: TensorNode) -> Trace:
    """The graph below a tensor as it stands, without having been recorded: its values and gradients, and no steps back.

    Args:
        top: usually the loss.
    """
    recorder = Recorder()
    for op in graph.ops_below(top):
        recorder.seen(op)
    recorder.finish()
    return recorder.trace


class Recorder(Writer, Observer):
    """Writes the engine's events into a Trace."""

    kind = TensorNode
    nothing = (
        "The program built no graph: no operation on a TensorNode was recorded.\n"
        "Make tensors with vg.TensorNode(...) and compute with them, for example loss = (a * b).sum()."
    )

    def __init__(self, pictures: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.inner: Trace | None = None  # the last recording that the program made itself
        self._pictures = pictures
        # Nodes are held, so that no id() is used twice while recording.
        self._tensors: dict[TensorNode, Tensor] = {}
        self._ops: dict[OpNode, Operation] = {}
        self._values: dict[TensorNode, int] = {}
        self._expected: dict[TensorNode, int] = {}
        self._arrived: dict[TensorNode, _Arrivals] = {}
        self._modules: dict[nn.Module, str] = {}
        self._codes: dict[type[Op], str] = {}

    # --- what the engine tells ---------------------------------------------------------------------------------------

    def forward(self, op: OpNode, settings: Mapping[str, Any], outputs: Sequence[TensorNode]) -> None:
        operation = self._operation(op.op, op.inputs, settings)
        self._ops[op] = operation
        for node in outputs:
            tensor = self._tensor(node, "intermediate", operation)
            operation.outputs.append(tensor.id)
        context = _Watched(op.context or {})
        operation.context = {str(key): self._setting(value) for key, value in context.items()}
        operation.rule = filled_rule(
            op.op.rule,
            [node.shape for node in op.inputs],
            outputs[0].shape if outputs else None,
            {**_defaults(op.op), **settings, **context},  # type: ignore[arg-type]  # a class can be hashed
        )
        op.context = context
        self._note_nonfinite(op.op, operation, op.inputs, outputs)
        self._step(Step("forward", op=operation.id, place=operation.place))

    def failed(self, op: type[Op], inputs: Sequence[TensorNode], settings: Mapping[str, Any], error: Exception) -> None:
        operation = self._operation(op, inputs, settings)
        self._step(Step("failed", op=operation.id, place=operation.place))

    def start(self, loss: TensorNode, seed: Array) -> None:
        self._name_variables()
        self._expected = graph.gradients_to_come(loss)
        self._arrived = {}
        for node in self._expected:
            self._known(node)
        tensor = self._known(loss)
        tensor.role = "loss"
        counts = {self._known(node).id: count for node, count in self._expected.items() if count}
        self._step(
            Step(
                "start",
                tensor=tensor.id,
                array=self._arrays.add(seed),
                after=None if loss._grad is None else self._arrays.add(loss._grad + seed),
                earlier=None if loss._grad is None else self._arrays.add(loss._grad),
                expected=counts,
                place=self._place(_frames.here()),
            )
        )

    def backward(self, op: OpNode, upstream: Sequence[Array], gradients: Sequence[Array | None]) -> None:
        operation = self._ops.get(op) or self._unseen(op)
        self._step(
            Step(
                "backward",
                op=operation.id,
                place=operation.place,
                upstream=[self._arrays.add(array, fresh=True) for array in upstream],
                gradients=[
                    None if array is None else self._arrays.add(array, fresh=node._source is not None)
                    for node, array in zip(op.inputs, gradients, strict=True)
                ],
                reads=op.context.reads if isinstance(op.context, _Watched) else [],
            )
        )
        for port, (node, gradient) in enumerate(zip(op.inputs, gradients, strict=True)):
            if gradient is not None:
                self._arrive(node, operation, port, gradient)

    def _arrive(self, node: TensorNode, operation: Operation, port: int, gradient: Array) -> None:
        """One gradient comes to a tensor, and is added to those that this walk has brought before."""
        so_far = self._arrived.setdefault(node, _Arrivals(earlier=node._grad))
        before = so_far.total
        so_far.total = gradient if before is None else np.asarray(before + gradient)
        so_far.count += 1
        complete = so_far.count == self._expected[node]
        earlier = so_far.earlier if complete else None
        after = so_far.total if earlier is None else earlier + so_far.total
        self._step(
            Step(
                "accumulate",
                tensor=self._known(node).id,
                op=operation.id,
                place=operation.place,
                port=port,
                before=None if before is None else self._arrays.add(before, fresh=True),
                gradient=self._arrays.add(gradient),
                after=self._arrays.add(after, fresh=node._source is not None),
                arrived=so_far.count,
                of=self._expected[node],
                earlier=None if earlier is None else self._arrays.add(earlier),
            )
        )

    def update(self, node: TensorNode, before: Array, rule: str, settings: Mapping[str, Any]) -> None:
        tensor = self._tensors.get(node) or self._tensor(node, "input", value=before)
        if tensor.source is None:
            tensor.role = "parameter"
        old, new = self._values[node], self._arrays.add(node._value, fresh=node._watch is None)
        self._values[node] = new
        self._step(
            Step(
                "update",
                tensor=tensor.id,
                place=self._place(_frames.here()),
                before=old,
                gradient=None if node._grad is None else self._arrays.add(node._grad),
                after=new,
                rule=rule,
                settings={key: self._setting(value) for key, value in settings.items()},
            )
        )

    def zero(self, node: TensorNode) -> None:
        tensor = self._known(node)
        last = self.trace.steps[-1] if self.trace.steps else None
        if last is not None and last.kind == "zero" and last.tensors is not None:
            last.tensors.append(tensor.id)  # one call of zero_grad() is one step
        else:
            self._step(Step("zero", tensors=[tensor.id], place=self._place(_frames.here())))

    def seen(self, op: OpNode) -> None:
        """Enter an op that ran before anybody was watching; where it was called is not known any more."""
        operation = self._unseen(op)
        self._step(Step("forward", op=operation.id))

    def _note_nonfinite(
        self, op: type[Op], operation: Operation, inputs: Sequence[TensorNode], outputs: Sequence[TensorNode]
    ) -> None:
        """Say where the first inf or nan was made; those that follow from it are no news."""
        if not self._finite or all(_is_finite(node._value) for node in outputs):
            return
        self._finite = False
        if all(np.isfinite(node._value).all() for node in inputs):
            bad = sum(int(node._value.size - np.isfinite(node._value).sum()) for node in outputs)
            size = sum(node._value.size for node in outputs)
            self._note_infinite(op.__name__, operation.place, bad, size)

    # --- tensors, ops, names -----------------------------------------------------------------------------------------

    def _known(self, node: TensorNode) -> Tensor:
        """The record of a tensor; a leaf that is new here is entered on first sight."""
        return self._tensors.get(node) or self._tensor(node, "input")

    def _tensor(
        self, node: TensorNode, role: str, source: Operation | None = None, value: Array | None = None
    ) -> Tensor:
        array = self._arrays.add(node._value if value is None else value, fresh=node._watch is None)
        picture = (
            self._pictures if self._pictures and node.shape and node.shape[-1] == np.prod(self._pictures) else None
        )
        tensor = Tensor(
            id=f"t{len(self.trace.tensors)}",
            name=(node.name or "")[:LONGEST_NAME],
            role=role,
            array=array,
            shape=list(node.shape),
            dtype=str(node.dtype),
            requires_grad=node.requires_grad,
            source=source.id if source else None,
            module=source.module if source else "",
            grad=None if node._grad is None else self._arrays.add(node._grad),
            picture=list(picture) if picture else None,
        )
        self.trace.tensors.append(tensor)
        self._tensors[node] = tensor
        self._values[node] = array
        if not tensor.name:
            self._unnamed[node] = tensor
        return tensor

    def _operation(self, op: type[Op], inputs: Sequence[TensorNode], settings: Mapping[str, Any]) -> Operation:
        place = _frames.here()
        ports = _ports(op, len(inputs))  # type: ignore[arg-type]  # a class can be hashed
        operation = Operation(
            id=f"o{len(self.trace.ops)}",
            op=self._code_of(op),
            inputs=[Input(port, self._input(node).id) for port, node in zip(ports, inputs, strict=True)],
            outputs=[],
            settings={key: self._setting(value) for key, value in settings.items()},
            context={},
            rule=None,
            module=self._module(),
            place=self._place(place),
        )
        self._name_variables()  # now that the inputs are known: `s = s * s` is about to give their name away
        if op.rule and op.rule.broadcasts and len(inputs) == 2:
            mark_stretched(operation, [node.shape for node in inputs])
        self.trace.ops.append(operation)
        if place and not operation.module:
            self._expressions[operation.id] = place
        return operation

    def _code_of(self, op: type[Op]) -> str:
        """The key of an op's code: its name, numbered where the learner's own Op is called as one of the library."""
        if op not in self._codes:
            code, name, count = code_of(op), op.__name__, 1
            while self.trace.codes.setdefault(name, code) != code:
                count += 1
                name = f"{op.__name__} ({count})"
            self._codes[op] = name
        return self._codes[op]

    def _input(self, node: TensorNode) -> Tensor:
        if node in self._tensors:
            tensor = self._tensors[node]
            if self._arrays.add(node._value) != self._values[node]:
                self.update(node, node._value, "", {})  # written into, as in `w.value[0] = 1`, which nobody announces
            return tensor
        named = node.name or _is_named(node)
        return self._tensor(node, "constant" if not node.requires_grad and not named else "input")

    def _unseen(self, op: OpNode) -> Operation:
        """An op that ran before the recording began, met on the way back."""
        operation = self._operation(op.op, op.inputs, {})
        operation.place, operation.module = None, ""
        self._expressions.pop(operation.id, None)
        operation.outputs = [self._known(node).id for node in op.outputs if node is not None]
        shapes = [node.shape for node in op.outputs if node is not None]
        operation.rule = filled_rule(
            op.op.rule, [node.shape for node in op.inputs], shapes[0] if shapes else None, op.context or {}
        )
        for id in operation.outputs:
            self.trace.tensor(id).source, self.trace.tensor(id).role = operation.id, "intermediate"
        self._ops[op] = operation
        return operation

    def _module(self) -> str:
        """The path of the module that is computing, beginning with the variable that holds the outermost one."""
        path = ""
        for depth, module in enumerate(nn.running):
            if module not in self._modules:
                root = _frames.variable_name(module, outermost=True) or type(module).__name__ if depth == 0 else path
                inside = dict((child, name) for name, child in module.named_modules(root))
                self._modules.update({child: name for child, name in inside.items() if child not in self._modules})
            path = self._modules[module]
        return path

    def _setting(self, value: Any) -> Any:
        """A keyword argument or context entry as JSON: arrays by their place, everything else as it reads."""
        if isinstance(value, TensorNode):
            return {"tensor": self._known(value).id}
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub":
            return {"array": self._arrays.add(value)}
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return {"array": self._arrays.add(value)}
        if isinstance(value, (tuple, list)) and len(value) <= 64:
            return [self._setting(item) for item in value]
        return {"text": _in_words(value)}


def _in_words(value: Any) -> str:
    """A part of an index as it is written, and anything else by its type."""
    if value is Ellipsis:
        return "..."
    if isinstance(value, slice):
        parts = [value.start, value.stop] + ([] if value.step is None else [value.step])
        if all(part is None or isinstance(part, (int, np.integer)) for part in parts):
            return ":".join("" if part is None else str(part) for part in parts)
    return type(value).__name__


@dataclass
class _Arrivals:
    """The gradients that one walk has brought to a tensor so far, and what earlier walks had left there."""

    earlier: Array | None
    total: Array | None = None
    count: int = 0


class _Watched(dict[str, Any]):
    """A context that remembers which of its entries backward has read."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        super().__init__(context)
        self.needs_input_grad = getattr(context, "needs_input_grad", None)
        self.reads: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self._read(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._read(key)
        return super().get(key, default)

    def _read(self, key: str) -> None:
        if key in self and str(key) not in self.reads:
            self.reads.append(str(key))


@lru_cache(maxsize=256)
def _ports(op: type[Op], count: int) -> list[str]:
    """The names of an op's inputs, from the arguments of its forward."""
    parameters = list(inspect.signature(op.forward).parameters.values())[1:]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    return names[:count] + [f"input {i}" for i in range(len(names), count)]


@lru_cache(maxsize=256)
def _defaults(op: type[Op]) -> dict[str, Any]:
    """The settings of an op that are left out."""
    parameters = inspect.signature(op.forward).parameters.values()
    return {
        one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is not one.empty
    }


def _is_finite(array: Array) -> bool:
    """Whether all entries are finite; their sum, which costs less to look at, nearly always tells."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())


def _is_named(node: TensorNode) -> bool:
    return _frames.variable_name(node) is not None
