"""The recorder: listens to the engine and writes down what it hears, as a `Trace`."""

from __future__ import annotations

import inspect
import linecache
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any

import numpy as np

from vizgrad import _frames, core, nn
from vizgrad.core import Array, Context, Observer, Op, OpNode, TensorNode
from vizgrad.ops.broadcast import stretched_axes
from vizgrad.trace import text
from vizgrad.trace.arrays import Arrays
from vizgrad.trace.model import Code, Failure, File, Input, Note, Operation, Place, Step, Tensor, Trace

_PACKAGE = Path(core.__file__).parent
_LONGEST_NAME = 40
_LONGEST_FILE = 5000  # lines; a longer program is quoted only by line number


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
        self._watching = core.watching(self._recorder)

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
    for op in core.ops_below(top):
        recorder.seen(op)
    recorder.finish()
    return recorder.trace


class Recorder(Observer):
    """Writes the engine's events into a Trace."""

    def __init__(self, pictures: tuple[int, int] | None = None) -> None:
        self.trace = Trace()
        self.inner: Trace | None = None  # the last recording that the program made itself
        self._pictures = pictures
        self._arrays = Arrays()
        self.trace.arrays = self._arrays.items
        self._files: dict[str, int] = {}
        # Nodes are held, so that no id() is used twice while recording.
        self._tensors: dict[TensorNode, Tensor] = {}
        self._ops: dict[OpNode, Operation] = {}
        self._unnamed: dict[TensorNode, Tensor] = {}
        self._expressions: dict[str, _frames.Place] = {}
        self._values: dict[TensorNode, int] = {}
        self._expected: dict[TensorNode, int] = {}
        self._modules: dict[nn.Module, str] = {}
        self._codes: dict[type[Op], str] = {}
        self._finite = True

    # --- what the engine tells ---------------------------------------------------------------------------------------

    def forward(self, op: OpNode, settings: Mapping[str, Any], outputs: Sequence[TensorNode]) -> None:
        operation = self._operation(op.op, op.inputs, settings)
        self._ops[op] = operation
        for node in outputs:
            tensor = self._tensor(node, "intermediate", operation)
            operation.outputs.append(tensor.id)
        operation.context = {str(key): self._setting(value) for key, value in op.context.items()}
        operation.rule = _rule(op.op, op.inputs, outputs, settings, op.context)
        op.context = _Watched(op.context)
        self._note_nonfinite(op.op, operation, op.inputs, outputs)
        self._step(Step("forward", op=operation.id, place=operation.place))

    def failed(self, op: type[Op], inputs: Sequence[TensorNode], settings: Mapping[str, Any], error: Exception) -> None:
        operation = self._operation(op, inputs, settings)
        self._step(Step("failed", op=operation.id, place=operation.place))

    def start(self, loss: TensorNode, seed: Array, expected: Mapping[TensorNode, int]) -> None:
        self._name_variables()
        for node in expected:
            self._known(node)
        tensor = self._known(loss)
        tensor.role = "loss"
        self._expected = dict(expected)
        counts = {self._known(node).id: count for node, count in expected.items() if count}
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
                upstream=[self._arrays.add(array) for array in upstream],
                gradients=[None if array is None else self._arrays.add(array) for array in gradients],
                reads=op.context.reads if isinstance(op.context, _Watched) else [],
            )
        )

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
        earlier = node._grad if missing == 0 else None
        self._step(
            Step(
                "accumulate",
                tensor=self._known(node).id,
                op=self._ops[op].id,
                place=self._ops[op].place,
                port=port,
                before=None if before is None else self._arrays.add(before),
                gradient=self._arrays.add(gradient),
                after=self._arrays.add(after if earlier is None else earlier + after),
                arrived=self._expected[node] - missing,
                of=self._expected[node],
                earlier=None if earlier is None else self._arrays.add(earlier),
            )
        )

    def update(self, node: TensorNode, before: Array, rule: str, settings: Mapping[str, Any]) -> None:
        tensor = self._tensors.get(node) or self._tensor(node, "input", value=before)
        if tensor.source is None:
            tensor.role = "parameter"
        old, new = self._values[node], self._arrays.add(node.value)
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

    # --- the end -----------------------------------------------------------------------------------------------------

    def finish(self, error: BaseException | None = None) -> None:
        """Complete the trace: last names, roles, sentences, hints, and the error if there was one."""
        self._name_variables()
        self._name_expressions()
        _distinguish(self.trace.tensors)
        if error is not None:
            self.report(error, self.trace)
        for step, sentence in zip(self.trace.steps, text.sentences(self.trace), strict=True):
            step.text = sentence
        self._hints()

    def report(self, error: BaseException, trace: Trace) -> None:
        """Write into a trace why its program stopped."""
        failed = [step.op for step in trace.steps if step.kind == "failed"]
        message = "\n".join([str(error), *getattr(error, "__notes__", [])]).strip()
        trace.error = Failure(
            type(error).__name__,
            message,
            self._place(_frames.place_of_error(error)),
            failed[-1] if failed else None,
        )

    def _hints(self) -> None:
        if self.trace.error is not None:
            return
        if not self.trace.ops:
            self._note(
                "The program built no graph: no operation on a TensorNode was recorded.\n"
                "Make tensors with vg.TensorNode(...) and compute with them, for example loss = (a * b).sum()."
            )
        elif not any(step.kind == "start" for step in self.trace.steps):
            self._note(
                "No gradients were computed: backward() was not called.\n"
                "Call it on the result, for example loss.backward()."
            )

    def _note(self, message: str, step: int | None = None, place: Place = None) -> None:
        self.trace.notes.append(Note(message, step, place))

    def _note_nonfinite(
        self, op: type[Op], operation: Operation, inputs: Sequence[TensorNode], outputs: Sequence[TensorNode]
    ) -> None:
        """Say where the first inf or nan was made; those that follow from it are no news."""
        if not self._finite or all(np.isfinite(node.value).all() for node in outputs):
            return
        self._finite = False
        if all(np.isfinite(node.value).all() for node in inputs):
            bad = sum(int(node.value.size - np.isfinite(node.value).sum()) for node in outputs)
            size = sum(node.value.size for node in outputs)
            where = f" at line {operation.place[1]}" if operation.place else ""
            self._note(
                f"{op.__name__}{where} made {bad} of {size} entries infinite or not a number, from finite inputs. "
                "Everything computed from them is affected.",
                len(self.trace.steps),
                operation.place,
            )

    # --- tensors, ops, names -----------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        self.trace.steps.append(step)

    def _known(self, node: TensorNode) -> Tensor:
        """The record of a tensor; a leaf that is new here is entered on first sight."""
        return self._tensors.get(node) or self._tensor(node, "input")

    def _tensor(
        self, node: TensorNode, role: str, source: Operation | None = None, value: Array | None = None
    ) -> Tensor:
        array = self._arrays.add(node.value if value is None else value)
        picture = (
            self._pictures if self._pictures and node.shape and node.shape[-1] == np.prod(self._pictures) else None
        )
        tensor = Tensor(
            id=f"t{len(self.trace.tensors)}",
            name=(node.name or "")[:_LONGEST_NAME],
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
        ports = _ports(op, len(inputs))
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
            _mark_stretched(operation, [node.shape for node in inputs])
        self.trace.ops.append(operation)
        if place and not operation.module:
            self._expressions[operation.id] = place
        return operation

    def _code_of(self, op: type[Op]) -> str:
        """The key of an op's code: its name, numbered where the learner's own Op is called as one of the library."""
        if op not in self._codes:
            code, name, count = _code(op), op.__name__, 1
            while self.trace.codes.setdefault(name, code) != code:
                count += 1
                name = f"{op.__name__} ({count})"
            self._codes[op] = name
        return self._codes[op]

    def _input(self, node: TensorNode) -> Tensor:
        if node in self._tensors:
            tensor = self._tensors[node]
            if self._arrays.add(node.value) != self._values[node]:
                self.update(node, node.value, "", {})  # written into, as in `w.value[0] = 1`, which nobody announces
            return tensor
        named = node.name or _is_named(node)
        return self._tensor(node, "constant" if not node.requires_grad and not named else "input")

    def _unseen(self, op: OpNode) -> Operation:
        """An op that ran before the recording began, met on the way back."""
        operation = self._operation(op.op, op.inputs, {})
        operation.place, operation.module = None, ""
        self._expressions.pop(operation.id, None)
        operation.outputs = [self._known(node).id for node in op.outputs if node is not None]
        operation.rule = _rule(op.op, op.inputs, [n for n in op.outputs if n is not None], {}, op.context)
        for id in operation.outputs:
            self.trace.tensor(id).source, self.trace.tensor(id).role = operation.id, "intermediate"
        self._ops[op] = operation
        return operation

    def _name_variables(self) -> None:
        """Give tensors the names of the variables that hold them; the outermost function's names count first."""
        if not self._unnamed:
            return
        for frame in reversed(list(_frames.user_frames())):
            self.name_in(frame.f_locals)

    def name_in(self, scope: Mapping[str, Any]) -> None:
        """Give tensors the names that a namespace has for them."""
        for name, node in _frames.names_in(scope, TensorNode):
            tensor = self._unnamed.pop(node, None)
            if tensor:
                tensor.name = name[:_LONGEST_NAME]
                if "." in name and tensor.source is None:
                    tensor.role, tensor.module = "parameter", name.rpartition(".")[0]

    def _name_expressions(self) -> None:
        """A tensor that no variable holds is called by the expression that made it, where that is its own."""
        makers = {id: op for op in self.trace.ops for id in op.outputs}
        last = {place: id for id, place in self._expressions.items()}  # of several ops of one call, the last gives it
        for tensor in self._unnamed.values():
            maker = makers.get(tensor.id)
            place = self._expressions.get(maker.id) if maker else None
            if place and maker and last[place] == maker.id and 0 < len(place.expression) <= _LONGEST_NAME:
                tensor.name = place.expression

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
        return {"text": type(value).__name__}

    def _place(self, place: _frames.Place | None) -> Place:
        if place is None:
            return None
        if place.filename not in self._files:
            self._files[place.filename] = len(self._files)
            lines = linecache.getlines(place.filename)
            source = "".join(lines) if len(lines) <= _LONGEST_FILE else ""
            self.trace.files.append(File(PurePath(place.filename).name, source))
        return [self._files[place.filename], place.line, place.column, place.end_line, place.end_column]


class _Watched(Context):
    """A context that remembers which of its entries backward has read."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.needs_input_grad = context.needs_input_grad
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


def _ports(op: type[Op], count: int) -> list[str]:
    """The names of an op's inputs, from the arguments of its forward."""
    parameters = list(inspect.signature(op.forward).parameters.values())[1:]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    return names[:count] + [f"input {i}" for i in range(len(names), count)]


def _mark_stretched(operation: Operation, shapes: Sequence[tuple[int, ...]]) -> None:
    try:
        common = np.broadcast_shapes(*shapes)
    except ValueError:
        return  # the op failed because of it; its error says so
    for port, shape in zip(operation.inputs, shapes, strict=True):
        port.stretched = list(stretched_axes(shape, common))


def _rule(
    op: type[Op],
    inputs: Sequence[TensorNode],
    outputs: Sequence[TensorNode],
    settings: Mapping[str, Any],
    context: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The op's rule for these inputs: settings filled in, and the sum that undoes a broadcast written around."""
    if op.rule is None:
        return None
    known = {**context, **settings}

    def filled(formula: str) -> str:
        for key, value in known.items():
            if isinstance(value, (int, float, str)):
                formula = formula.replace(rf"\k{{{key}}}", str(value))
        return formula

    backward = []
    for formula, node in zip(op.rule.backward, inputs, strict=False):
        axes = stretched_axes(node.shape, outputs[0].shape) if op.rule.broadcasts and outputs else ()
        left, _, right = filled(formula).partition(" = ")
        if axes:
            which = ", ".join(map(str, axes))
            right = rf"\operatorname{{sum}}_{{{which}}}({right})"
        backward.append(f"{left} = {right}")
    return {"forward": filled(op.rule.forward), "backward": backward}


def _code(op: type[Op]) -> Code:
    return Code(
        symbol=op.symbol or op.__name__,
        doc=inspect.cleandoc(op.__doc__ or ""),  # its own: a learner's Op without one does not show that of Op
        file=_file_of(op),
        forward=_method(op.forward),
        backward=_method(op.backward),
        page=op.rule.page if op.rule else "",
    )


def _file_of(op: type[Op]) -> str:
    code = getattr(op.forward, "__code__", None)  # a function written in C, or a partial one, has none
    path = PurePath(code.co_filename) if code else PurePath()
    if path.is_relative_to(_PACKAGE):
        return "vizgrad/" + path.relative_to(_PACKAGE).as_posix()
    return path.name


def _method(method: Any) -> dict[str, Any]:
    try:
        lines, first = inspect.getsourcelines(method)
    except (OSError, TypeError):
        return {"line": 0, "source": ""}
    return {"line": first, "source": textwrap.dedent("".join(lines)).rstrip()}


def _is_named(node: TensorNode) -> bool:
    return _frames.variable_name(node) is not None


def _distinguish(tensors: Sequence[Tensor]) -> None:
    """Number tensors that one variable held one after another: s, s (2), s (3)."""
    seen: dict[str, int] = {}
    for tensor in tensors:
        if tensor.name:
            seen[tensor.name] = seen.get(tensor.name, 0) + 1
            if seen[tensor.name] > 1:
                tensor.name = f"{tensor.name} ({seen[tensor.name]})"
