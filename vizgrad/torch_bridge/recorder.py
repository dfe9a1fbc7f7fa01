"""Listens to PyTorch and writes down what it hears, as a `Trace`: calls on the way forward, autograd nodes back.

Calls are heard through a `TorchFunctionMode`, gradients through hooks of the autograd nodes, modules and optimisers
through their own hooks. Nothing is replaced and no number is touched; when the block ends, everything is taken off.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from types import TracebackType
from typing import Any, ClassVar, overload

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode

from vizgrad import _frames, errors, optim
from vizgrad.core import Array, TensorNode
from vizgrad.rule import Rule
from vizgrad.torch_bridge import calls
from vizgrad.torch_bridge.arrays import finite_entries, to_array
from vizgrad.torch_bridge.calls import Call
from vizgrad.trace.arrays import FULL, Summarised
from vizgrad.trace.model import Code, Input, Operation, Place, Step, Tensor, Trace
from vizgrad.trace.writer import LONGEST_NAME, Writer, filled_rule, mark_stretched

Node = Any  # torch.autograd.graph.Node: an abstract class, which mypy cannot match with the real ones
Key = tuple[Node, int]  # an autograd node and which of its outputs

_BACKWARDS = (torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad)
_VIEWS = ("T", "mT", "H", "mH", "data", "real", "imag")  # attributes that are computed
_LEAF = "AccumulateGrad"
_LONGEST_SETTING = 64


@overload
def record_torch(what: nn.Module | None = None) -> recording: ...
@overload
def record_torch(what: torch.Tensor) -> Trace: ...
def record_torch(what: Any = None) -> recording | Trace:
    """Record what PyTorch computes inside a `with` block, or draw the graph of a result that exists already.

    Args:
        what: the model, whose parameters and modules then have their names also where no variable of your program
            holds it; or a tensor that PyTorch has computed, usually the loss, with its graph.

    Returns:
        For a model, what a ``with`` block takes; the block gets the `Trace`, complete when the block has ended. For a
        tensor, a Trace of its graph: one op for each autograd node, with the values that PyTorch has kept for backward
        (the others are nan).

    Raises:
        DtypeError: it is neither a module nor a tensor.
        GraphError: the tensor has no graph.

    The computation is not changed: loss and gradients are the same, bit for bit. Of arrays with more than 4,096
    entries only a summary is kept (range, mean, histogram, small picture).

    Examples:
        >>> import torch, vizgrad as vg
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> with vg.record_torch() as trace:
        ...     loss = w * w + w
        ...     loss.backward()
        >>> float(w.grad), float(trace.grad("w"))
        (7.0, 7.0)
        >>> [op.op for op in trace.ops]
        ['mul', 'add']
    """
    if what is None or isinstance(what, nn.Module):
        return recording(what)
    if not isinstance(what, torch.Tensor):
        raise errors.not_for_record_torch(what)
    if what.grad_fn is None:
        raise errors.no_torch_graph()
    recorder = TorchRecorder()
    recorder.known(what).role = "loss"
    recorder.finish()
    return recorder.trace


class recording:
    """The block of ``with record_torch(model) as trace:``."""

    def __init__(self, model: nn.Module | None) -> None:
        self._recorder = TorchRecorder(model)

    def __enter__(self) -> Trace:
        self._recorder.listen()
        return self._recorder.trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._recorder.stop()
        self._recorder.finish(error)


@dataclass
class _Held:
    """What is known of a tensor object: what it was when it was last seen, for it may be written into."""

    tensor: Tensor
    fn: Node | None
    version: int
    reference: weakref.ref[torch.Tensor]


@dataclass(eq=False)
class _Made:
    """An op of the trace and its inside: the autograd nodes that one call has made."""

    number: int
    operation: Operation
    outputs: dict[Key, int] = field(default_factory=dict)  # which output of the op leaves at which node
    shared: set[int] = field(default_factory=set)  # outputs that the inside goes on from, as h from c in an LSTM
    exits: dict[Node, list[tuple[int, int]]] = field(default_factory=dict)  # node -> its edges to (edge, port)


@dataclass
class _Sent:
    """A gradient, and by what it is known again when it comes to the next op."""

    array: int
    address: int
    version: int
    tensor: torch.Tensor | None = None  # held only where it takes part in a sum that PyTorch does not show


@dataclass
class _Ran:
    """What one op did in a backward walk."""

    upstream: dict[int, int] = field(default_factory=dict)
    sent: dict[int, list[torch.Tensor | _Sent]] = field(default_factory=dict)


@dataclass
class _Walk:
    """One backward walk: what ran, and what the leaves held before."""

    place: Place
    roots: list[tuple[Tensor, torch.Tensor | None]]
    ran: dict[_Made, _Ran] = field(default_factory=dict)
    arrived: dict[str, list[_Sent]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)  # what an op received, which is what its output's gradient is
    earlier: dict[str, tuple[int, int, int | None]] = field(default_factory=dict)  # leaf -> id, version, array of .grad


class _Mode(TorchFunctionMode):
    def __init__(self, recorder: TorchRecorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._recorder.called(func, args, kwargs or {})


class TorchRecorder(Writer):
    """Writes PyTorch's events into a Trace."""

    kind: ClassVar[type] = torch.Tensor
    nothing: ClassVar[str] = (
        "No computation was recorded: inside the block, no call to PyTorch computed with a tensor of floats.\n"
        "Put the forward pass inside it: with record_torch(model) as trace: loss = model(x).sum(); loss.backward()."
    )

    def __init__(self, model: nn.Module | None = None) -> None:
        super().__init__()
        self._model = model
        self._mode = _Mode(self)
        self._handles: list[Any] = []
        self._held: dict[int, _Held] = {}  # by id, which is valid as long as the tensor lives
        self._outputs: dict[Key, Tensor] = {}
        self._made: dict[Node, _Made] = {}  # nodes are held: so one that comes again is the same object
        self._uses: dict[str, int] = {}  # id of a record -> how many edges leave it
        self._blank: set[str] = set()  # records whose value PyTorch has not kept
        self._paths: dict[nn.Module, str] = {}
        self._names: dict[int, str] = {}  # id of a parameter or buffer -> its path
        self._running: list[nn.Module] = []
        self._walk: _Walk | None = None
        self._deaf = False  # while a hook of an optimiser makes calls of its own
        self._stepping = 0
        self._moving: dict[str, dict[str, Any]] = {}  # id of a record -> what the rule of its update speaks of
        self._values: dict[str, int] = {}  # id of a record -> the array that it holds now
        self._grads: dict[int, tuple[int, int, int]] = {}  # id of a leaf -> id, version and array of its last .grad

    def _key(self, node: Any) -> Any:
        return id(node)

    # --- listening ---------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Begin to hear what PyTorch does."""
        if self._model is not None:
            name = _frames.variable_name(self._model, outermost=True) or type(self._model).__name__
            self._enter_module(self._model, name)
        self._handles = [
            register_module_forward_pre_hook(lambda module, _: self._running.append(module)),
            register_module_forward_hook(self._left, always_call=True),
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        self._mode.__enter__()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Take off everything that `listen` and the ops have put on."""
        self._mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def finish(self, error: BaseException | None = None) -> None:
        super().finish(error)
        if self._blank:
            self._note(
                f"Some values ({len(self._blank)}) are not known and shown as nan: they were computed before "
                "the recording began, or inside an autograd.Function, and PyTorch has not kept them."
            )
        self._held.clear()
        self._outputs.clear()
        self._made.clear()

    def _left(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if self._running and self._running[-1] is module:
            self._running.pop()

    # --- calls -------------------------------------------------------------------------------------------------------

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call to PyTorch: make it, and write down what came of it."""
        # Inside torch.func.grad and vmap, tensors stand for others, and have no numbers of their own.
        if self._deaf or torch._C._functorch.peek_interpreter_stack() is not None:
            return func(*args, **kwargs)
        if func in _BACKWARDS:
            return self._backward(func, args, kwargs)
        name = _name(func)
        if name == "grad" and len(args) == 2:  # x.grad = ...
            self._grads.pop(id(args[0]), None)
            if args[1] is None:
                self._zero(args[0])
        if name == "data" and args[0].grad_fn is None:
            return self._data(func, args)
        if self._ignored(name, args):
            return func(*args, **kwargs)
        given = [tensor for tensor in _tensors((args, kwargs)) if _computes(tensor)]
        if not given:
            return func(*args, **kwargs)
        # What is written into is entered while it is what it was; other inputs when it is clear that the call computes.
        writes = _writes(name, kwargs)
        before = [self.known(tensor) for tensor in given] if writes else None
        whole = given[0]._base if writes and torch.is_grad_enabled() else None
        whole_before = self.known(whole) if whole is not None else None
        versions = [_version(tensor) for tensor in given]
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._failed(name, args, kwargs)
            raise
        outputs = [t for t in _tensors(result) if _computes(t) and not any(t is other for other in given)]
        moved: list[torch.Tensor] = []
        for i, (tensor, version) in enumerate(zip(given, versions, strict=True)):
            silent = name == "batch_norm" and i > 0 and not tensor.requires_grad  # running statistics
            if before is None or (_version(tensor) == version and not silent):
                continue
            if silent:
                self._held[id(tensor)].version = -1
            if tensor.grad_fn is None and before[i].source is None:
                moved.append(tensor)
            elif i == 0 and whole is not None and whole_before is not None and whole.grad_fn is not None:
                # Written into through a view: what PyTorch's graph has is a new version of the whole.
                before[0], outputs = whole_before, [whole, *outputs]
                name = f"{name} (part)"
            else:
                outputs.insert(0, tensor)
        if outputs:
            self._record(name, args, kwargs, given, before, outputs)
        for tensor in moved:
            self.known(tensor)  # a leaf has a new value: an update
        return result

    def _data(self, func: Any, args: Sequence[Any]) -> Any:
        """``p.data`` of a leaf is the leaf under another name; ``p.data = x`` gives it a new value."""
        leaf = args[0]
        if not _computes(leaf) or self._stepping:
            return func(*args)
        record = self.known(leaf)
        result = func(*args)
        if len(args) == 2:
            self._held[id(leaf)].version = -1
            self._changed(leaf)
        elif isinstance(result, torch.Tensor):
            self._hold(result, record)
        return result

    def _ignored(self, name: str, args: Sequence[Any]) -> bool:
        """Calls that compute nothing of interest: attributes, new tensors, and what optimisers do inside."""
        if self._walk is not None or (self._stepping and not torch.is_grad_enabled()):
            return True
        if name in ("grad", "_grad", "is_leaf", "__deepcopy__", "numpy", "item", "tolist", "copy"):
            return True
        return name.startswith("new_") or name.endswith("_like")

    def _record(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        given: Sequence[torch.Tensor],
        before: Sequence[Tensor] | None,
        outputs: Sequence[torch.Tensor],
    ) -> None:
        """Write down a call that has been made."""
        made = self._operation(name, args, kwargs, given, before, outputs)
        operation = made.operation
        inside, edges = self._inside(outputs)
        for position, tensor in enumerate(outputs):
            record = self._tensor(tensor, "intermediate", operation)
            operation.outputs.append(record.id)
            if tensor.grad_fn is not None:
                self._outputs[tensor.grad_fn, tensor.output_nr] = record
                made.outputs[tensor.grad_fn, tensor.output_nr] = position
        self._connect(made, inside, edges)
        made.shared = {made.outputs[edge] for node in inside for edge in node.next_functions if edge in made.outputs}
        at = {_address(tensor): self._held[id(tensor)].tensor for tensor in [*given, *outputs]}
        operation.context = self._saved(inside, at)
        self._note_nonfinite(operation)
        self._step(Step("forward", op=operation.id, place=operation.place))

    def _failed(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        given = [tensor for tensor in _tensors((args, kwargs)) if _computes(tensor)]
        operation = self._operation(name, args, kwargs, given, None, []).operation
        self._step(Step("failed", op=operation.id, place=operation.place))

    def _operation(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        given: Sequence[torch.Tensor],
        before: Sequence[Tensor] | None,
        outputs: Sequence[torch.Tensor],
    ) -> _Made:
        """Enter an op, with the ports that its rule has names for; what has no port is a setting."""
        records = {id(t): r for t, r in zip(given, before or [self.known(t) for t in given], strict=True)}
        call = calls.known(name)
        rule: Rule | None = None
        spoken_of: dict[str, Any] = {}
        if call is None:
            ports = [(port, records[id(tensor)]) for port, tensor in _named(args, kwargs) if id(tensor) in records]
            settings = {key: self._setting(value) for key, value in kwargs.items() if not _any_tensor(value)}
            bound: dict[str, Any] = {}
        else:
            bound = calls.bind(call, args, kwargs)
            shown, spoken_of = calls.rule_of(call, bound, outputs) if outputs else (call, {})
            rule, ports = shown.rule, []
            for port in call.ports:
                value = bound.pop(port, None)
                if isinstance(value, torch.Tensor) and id(value) in records:
                    ports.append((port, records[id(value)]))
                elif isinstance(value, (int, float)) and not isinstance(value, bool):
                    ports.append((port, self._constant(value, given[0])))
            if not call.ports:  # a list of tensors, as for concatenate
                ports = [(f"input {i}", records[id(tensor)]) for i, tensor in enumerate(given)]
            settings = {key: self._setting(v) for key, v in {**bound, **spoken_of}.items() if v is not None}
        for (
            tensor
        ) in given:  # every input is an edge, also one that the rule does not speak of but that wants a gradient
            record = records[id(tensor)]
            if record.requires_grad and all(record is not other for _, other in ports):
                ports.append((f"input {len(ports)}", record))
        operation = Operation(
            id=f"o{len(self.trace.ops)}",
            op=self._code(name, call),
            inputs=[Input(port, record.id) for port, record in ports],
            outputs=[],
            settings=settings,
            context={},
            rule=None,
            module=self._module(),
        )
        place = _frames.here()
        operation.place = self._place(place)
        shapes = [tuple(record.shape) for _, record in ports]
        operation.rule = filled_rule(rule, shapes, tuple(outputs[0].shape) if outputs else None, spoken_of)
        self._name_variables()  # now that the inputs are known: `s = s * s` is about to give their name away
        if rule and rule.broadcasts and len(ports) == 2:
            mark_stretched(operation, shapes)
        self.trace.ops.append(operation)
        if place and not operation.module:
            self._expressions[operation.id] = place
        return _Made(len(self.trace.ops), operation)

    def _code(self, name: str, call: Call | None) -> str:
        """The key of what PyTorch runs for a call. Its own code is not in Python, so there is none to quote."""
        if name not in self.trace.codes:
            doc = "Computed by PyTorch."
            if call is None:
                doc += " No rule is written for this call yet: its values and gradients are PyTorch's own."
            none = {"line": 0, "source": ""}
            page = call.rule.page if call and call.rule else ""
            self.trace.codes[name] = Code(call.symbol if call else name.strip("_"), doc, "PyTorch", none, none, page)
        return name

    def _note_nonfinite(self, operation: Operation) -> None:
        """Say where the first inf or nan was made; those that follow from it are no news."""
        held = [self.trace.arrays[self.trace.tensor(id).array] for id in operation.outputs]
        size, good = sum(array.size for array in held), sum(map(finite_entries, held))
        if not self._finite or size == good:
            return
        self._finite = False
        entering = [self.trace.arrays[self.trace.tensor(port.tensor).array] for port in operation.inputs]
        if all(finite_entries(array) == array.size for array in entering):
            self._note_infinite(operation.op, operation.place, size - good, size)

    # --- autograd nodes ----------------------------------------------------------------------------------------------

    def _inside(self, outputs: Sequence[torch.Tensor]) -> tuple[list[Node], list[tuple[Node, int, Tensor]]]:
        """The autograd nodes that a call has made, and their edges to tensors that were there before."""
        inside: list[Node] = []
        edges: list[tuple[Node, int, Tensor]] = []
        seen: set[Node] = set()

        def enter(node: Node) -> list[tuple[Node, int, Key]]:
            seen.add(node)
            inside.append(node)
            return [(node, i, edge) for i, edge in enumerate(node.next_functions) if edge[0] is not None]

        for tensor in outputs:
            node = tensor.grad_fn
            if node is None or node in seen or node in self._made:
                continue
            stack = enter(node)[::-1]
            while stack:
                source, place, (target, output) = stack.pop()
                record = self._at(target, output)
                if record is not None:
                    edges.append((source, place, record))
                elif target not in seen and target not in self._made:
                    stack += enter(target)[::-1]
        return inside, edges

    def _at(self, node: Node, output: int) -> Tensor | None:
        """The tensor that an edge of the graph leads to, if it is known."""
        if _is_leaf(node):
            return self.known(node.variable)
        return self._outputs.get((node, output)) or (
            self._output_of(self._made[node], node, output) if node in self._made else None
        )

    def _connect(self, made: _Made, inside: Sequence[Node], edges: Sequence[tuple[Node, int, Tensor]]) -> None:
        """Find the port of each edge that leaves an op's inside, and hook the nodes where gradients come and go."""
        ports: dict[str, list[int]] = {}
        for port, entering in enumerate(made.operation.inputs):
            ports.setdefault(entering.tensor, []).append(port)
        ways: dict[str, list[tuple[Node, int]]] = {}
        for node, place, record in edges:
            ways.setdefault(record.id, []).append((node, place))
        for id, leaving in ways.items():
            if id not in ports:  # something that the call used without being given it
                ports[id] = [len(made.operation.inputs)]
                made.operation.inputs.append(Input(f"input {len(made.operation.inputs)}", id))
            own = ports[id]
            for i, (node, place) in enumerate(leaving):
                # x * x has two edges and two ports; where the numbers differ, the first port stands for all.
                port = own[i] if len(own) == len(leaving) else own[0]
                made.exits.setdefault(node, []).append((place, port))
            self._uses[id] = self._uses.get(id, 0) + len(leaving)
        for node in inside:
            self._made[node] = made
        for node in {**dict.fromkeys(node for node, _ in made.outputs), **dict.fromkeys(made.exits)}:
            if self._handles:
                self._handles.append(node.register_hook(partial(self._ran, made, node)))

    def _saved(self, inside: Sequence[Node], at: Mapping[int, Tensor]) -> dict[str, Any]:
        """The tensors that the nodes keep for backward; ``at`` knows those of the call by their place in memory."""
        context: dict[str, Any] = {}
        for node in inside:
            for attribute, value in _saved_tensors(node):
                key = attribute.removeprefix("_saved_")
                while key in context:
                    key += "'"
                same = at.get(_address(value))
                if same is not None and value.numel() == np.prod(same.shape, dtype=int):
                    context[key] = {"tensor": same.id}  # also where it is kept transposed
                else:
                    context[key] = self._setting(value)
        return context

    def _expand(self, top: Node) -> None:
        """Enter the part of the graph that was made where nobody listened: one op for each autograd node."""
        kept: dict[Key, torch.Tensor] = {}
        order: list[Node] = []
        seen: set[Node] = set()
        stack = [(top, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen and node not in self._made and not _is_leaf(node):
                seen.add(node)
                stack.append((node, True))
                stack += [(below, False) for below, _ in node.next_functions[::-1] if below is not None]
                for _, value in _saved_tensors(node):
                    if value.grad_fn is not None:
                        kept[value.grad_fn, value.output_nr] = value
        for node in order:
            edges = [
                (node, place, record)
                for place, (below, output) in enumerate(node.next_functions)
                if below is not None and (record := self._at(below, output)) is not None
            ]
            self._enter_node(node, edges, kept)

    def _enter_node(
        self, node: Node, edges: Sequence[tuple[Node, int, Tensor]], kept: Mapping[Key, torch.Tensor]
    ) -> None:
        name = calls.name_of_node(node)
        call = calls.known(name)
        ports = call.ports if call and len(call.ports) == len(edges) else [f"input {i}" for i in range(len(edges))]
        operation = Operation(
            id=f"o{len(self.trace.ops)}",
            op=self._code(name, call),
            inputs=[Input(port, record.id) for port, (_, _, record) in zip(ports, edges, strict=True)],
            outputs=[],
            settings={},
            context={},
            rule=None,
        )
        self.trace.ops.append(operation)
        made = _Made(len(self.trace.ops), operation)
        self._connect(made, [node], edges)
        sizes = node._input_metadata
        for output in range(len(sizes)):
            if len(sizes) == 1 or (node, output) in kept:
                self._output_of(made, node, output, kept.get((node, output)))
        if call and call.rule and len(call.ports) == len(edges):
            shapes = [tuple(record.shape) for _, _, record in edges]
            out = tuple(self.trace.tensor(operation.outputs[0]).shape) if operation.outputs else None
            rule = filled_rule(call.rule, shapes, out, {})
            operation.rule = rule if rule and r"\k{" not in rule["forward"] + "".join(rule["backward"]) else None
        self._step(Step("forward", op=operation.id))

    def _output_of(self, made: _Made, node: Node, output: int, value: torch.Tensor | None = None) -> Tensor:
        """The tensor at an output of a node; nan where PyTorch has not kept its numbers."""
        if (node, output) in self._outputs:
            return self._outputs[node, output]
        blank = value is None
        if value is None:
            size = node._input_metadata[output]
            value = torch.full(tuple(size.shape), torch.nan, dtype=size.dtype)
        record = self._tensor(value, "intermediate", made.operation, requires_grad=True)
        if blank:
            self._blank.add(record.id)
        self._outputs[node, output] = record
        made.outputs[node, output] = len(made.operation.outputs)
        made.operation.outputs.append(record.id)
        return record

    # --- backward ----------------------------------------------------------------------------------------------------

    def _backward(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A backward walk: what ran in it is written down when it is over."""
        if self._walk is not None:
            return func(*args, **kwargs)
        self._name_variables()
        roots = list(_tensors(args[0] if args else kwargs.get("tensors", kwargs.get("outputs"))))
        weights = list(_given_gradients(func, args, kwargs))
        seeds = [*weights, *[None] * len(roots)]
        records = [(self.known(root), seed) for root, seed in zip(roots, seeds, strict=False) if root.grad_fn]
        self._walk = _Walk(self._place(_frames.here()), records)
        for held in list(self._held.values()):
            leaf = held.reference()
            if leaf is not None and leaf.requires_grad and leaf.grad_fn is None:
                self._walk.earlier[held.tensor.id] = self._grad_of(leaf)
        try:
            return func(*args, **kwargs)
        finally:
            walk, self._walk = self._walk, None
            if walk is not None and walk.ran:
                self._write(walk)

    def _ran(self, made: _Made, node: Node, gradients: Sequence[Any], upstream: Sequence[Any]) -> None:
        """A node has run: keep what came to the op here, and what it sent out of the op."""
        walk = self._walk
        if walk is None:
            return
        ran = walk.ran.setdefault(made, _Ran())
        for output, gradient in enumerate(upstream):
            position = made.outputs.get((node, output))
            # What comes to a shared output is in part from inside: there, what was sent from outside is added up.
            if position is not None and gradient is not None and position not in made.shared:
                id = made.operation.outputs[position]
                ran.upstream[position] = walk.totals[id] = self._total(walk.arrived.get(id, []), gradient)
        edges = made.exits.get(node, [])
        for place, port in edges:
            gradient = gradients[place]
            if gradient is None:
                continue
            entering = made.operation.inputs[port]
            sent = ran.sent.setdefault(port, [])
            ways = sum(port == other for exits in made.exits.values() for _, other in exits)
            if ways > 1:  # several ways through the op to one input: their sum is what it sends
                sent.append(gradient.detach())
                if len(sent) < ways:
                    continue
                sent[:] = [self._sent(sum(sent[1:], start=sent[0]), entering.tensor)]  # type: ignore[type-var, arg-type]
            else:
                sent.append(self._sent(gradient, entering.tensor))
            walk.arrived.setdefault(entering.tensor, []).append(sent[-1])  # type: ignore[arg-type]

    def _sent(self, gradient: torch.Tensor, target: str) -> _Sent:
        hold = gradient.numel() > FULL and self._uses.get(target, 0) > 1
        return _Sent(self._add(gradient), _address(gradient), _version(gradient), gradient.detach() if hold else None)

    def _total(self, arrived: Sequence[_Sent], gradient: torch.Tensor) -> int:
        """The array of a gradient that has come to an op; the only one that was sent to it is not looked at again."""
        if len(arrived) == 1 and (arrived[0].address, arrived[0].version) == (_address(gradient), _version(gradient)):
            return arrived[0].array
        return self._add(gradient)

    def _grad_of(self, leaf: torch.Tensor) -> tuple[int, int, int | None]:
        """Object, version and array of a leaf's gradient."""
        gradient = leaf.grad
        if gradient is None:
            self._grads.pop(id(leaf), None)  # the next one may be at the same place in memory
            return 0, 0, None
        now = id(gradient), _version(gradient)
        known = self._grads.get(id(leaf))
        if known is None or known[:2] != now:
            known = self._grads[id(leaf)] = (*now, self._add(gradient))
        return known

    def _write(self, walk: _Walk) -> None:
        """Write down a walk. The latest op comes first: then every op comes after all that send to it.

        PyTorch takes the same order; only the inside of an op is not always run at one go.
        """
        order = sorted(walk.ran, key=lambda made: made.number, reverse=True)
        sent: dict[_Made, dict[int, _Sent]] = {}
        counts: dict[str, int] = {}
        for made in order:
            sent[made] = {}
            for port, gradients in sorted(walk.ran[made].sent.items()):
                if len(gradients) == 1 and isinstance(gradients[0], _Sent):
                    sent[made][port] = gradients[0]
                else:  # not all ways brought a gradient
                    found = [g for g in gradients if isinstance(g, torch.Tensor)]
                    sent[made][port] = self._sent(sum(found[1:], start=found[0]), made.operation.inputs[port].tensor)
                id = made.operation.inputs[port].tensor
                counts[id] = counts.get(id, 0) + 1
        leaves = {held.tensor.id: held for held in self._held.values()}
        for number, (root, seed) in enumerate(walk.roots):
            root.role = "loss"
            array = self._add(_filled(root, 1) if seed is None else seed)
            self._step(Step("start", tensor=root.id, array=array, expected={} if number else counts, place=walk.place))
        so_far: dict[str, tuple[int, _Sent]] = {}
        for made in order:
            operation, ran = made.operation, walk.ran[made]
            upstream = [
                ran.upstream[i] if i in ran.upstream else self._outside(walk, id, so_far)
                for i, id in enumerate(operation.outputs)
            ]
            self._step(
                Step(
                    "backward",
                    op=operation.id,
                    place=operation.place,
                    upstream=upstream,
                    gradients=[
                        sent[made][port].array if port in sent[made] else None for port in range(len(operation.inputs))
                    ],
                    reads=list(operation.context),
                )
            )
            for port, gradient in sent[made].items():
                id = operation.inputs[port].tensor
                self._accumulate(walk, operation, port, gradient, so_far, counts[id], leaves.get(id))

    def _outside(self, walk: _Walk, id: str, so_far: Mapping[str, tuple[int, _Sent]]) -> int:
        """The array of what other ops have sent to an output."""
        if id in so_far:
            return so_far[id][1].array
        seeds = [seed for root, seed in walk.roots if root.id == id]
        tensor = self.trace.tensor(id)
        return self._add(_filled(tensor, 1 if seeds else 0) if not seeds or seeds[0] is None else seeds[0])

    def _accumulate(
        self,
        walk: _Walk,
        operation: Operation,
        port: int,
        gradient: _Sent,
        so_far: dict[str, tuple[int, _Sent]],
        of: int,
        held: _Held | None,
    ) -> None:
        id = operation.inputs[port].tensor
        arrived, total = so_far.get(id, (0, None))
        arrived += 1
        array, earlier = walk.totals.get(id) if arrived == of else None, None
        leaf = held.reference() if held else None
        if arrived == of and leaf is not None and id in walk.earlier:
            *was, old = walk.earlier[id]
            *now, new = self._leaf_grad(leaf, [gradient] if of == 1 and old is None else [])
            if now != was:  # it was added to .grad; torch.autograd.grad leaves .grad alone
                array, earlier = new, old
        if array is None:
            so_far[id] = arrived, gradient if total is None else self._sum(total, gradient)
            array = so_far[id][1].array
        self._step(
            Step(
                "accumulate",
                tensor=id,
                op=operation.id,
                place=operation.place,
                port=port,
                before=None if total is None else total.array,
                gradient=gradient.array,
                after=array,
                arrived=arrived,
                of=of,
                earlier=earlier,
            )
        )

    def _leaf_grad(self, leaf: torch.Tensor, only: Sequence[_Sent]) -> tuple[int, int, int | None]:
        if leaf.grad is not None and only:
            self._grads[id(leaf)] = id(leaf.grad), _version(leaf.grad), self._total(only, leaf.grad)
        return self._grad_of(leaf)

    def _sum(self, total: _Sent, gradient: _Sent) -> _Sent:
        """A sum that PyTorch makes inside, and that nobody is shown."""
        if total.tensor is not None and gradient.tensor is not None:
            tensor = total.tensor + gradient.tensor
            return _Sent(self._add(tensor), 0, 0, tensor)
        first, second = self.trace.arrays[total.array], self.trace.arrays[gradient.array]
        return _Sent(self._arrays.add(np.asarray(first + second)), 0, 0)

    def _zero(self, leaf: torch.Tensor) -> None:
        """The gradient of a leaf is forgotten."""
        held = self._held.get(id(leaf))
        if held is None or leaf.grad is None:
            return
        last = self.trace.steps[-1] if self.trace.steps else None
        if last is not None and last.kind == "zero" and last.tensors is not None:
            last.tensors.append(held.tensor.id)  # one call of zero_grad() is one step
        else:
            self._step(Step("zero", tensors=[held.tensor.id], place=self._place(_frames.here())))

    # --- optimisers --------------------------------------------------------------------------------------------------

    def _before_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        self._stepping += 1
        self._deaf = True
        self._name_variables()
        for group in optimiser.param_groups:
            names = _update_rule(optimiser, group)[1]
            for parameter in group["params"]:
                record, state = self.known(parameter), optimiser.state.get(parameter, {})
                self._moving[record.id] = {name: self._setting(_spoken_of(name, group, state)) for name in names}
        self._deaf = False

    def _after_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        self._stepping -= 1
        self._deaf = True
        for group in optimiser.param_groups:
            rule = _update_rule(optimiser, group)[0]
            for parameter in group["params"]:
                self._changed(parameter, rule)
        self._deaf = False

    def _changed(self, tensor: torch.Tensor, rule: str = "") -> None:
        """A tensor holds another value than when it was last seen."""
        held = self._held.get(id(tensor))
        if held is None or held.version == _version(tensor):
            return
        record = held.tensor
        held.version = _version(tensor)
        before, self._values[record.id] = self._values[record.id], self._add(tensor)
        if before == self._values[record.id] and not rule:
            return
        gradient = self._grad_of(tensor)[2] if tensor.is_leaf else None
        self._step(
            Step(
                "update",
                tensor=record.id,
                place=self._place(_frames.here()),
                before=before,
                gradient=gradient,
                after=self._values[record.id],
                rule=rule,
                settings=self._moving.pop(record.id, {}) if rule else {},
            )
        )

    # --- tensors, modules, names -------------------------------------------------------------------------------------

    def known(self, tensor: torch.Tensor) -> Tensor:
        """The record of a tensor as it is now; one that is new here is entered, with the graph it was made of."""
        held = self._held.get(id(tensor))
        fn = tensor.grad_fn
        if held is not None and held.fn is fn:
            self._changed(tensor)
            held.tensor.requires_grad |= tensor.requires_grad  # requires_grad_() may have been called since
            return held.tensor
        if fn is None:
            return self._tensor(tensor, "input")
        key = fn, tensor.output_nr
        if key not in self._outputs and fn not in self._made:
            self._expand(fn)
        if key not in self._outputs:
            self._output_of(self._made[fn], fn, tensor.output_nr, tensor)
        elif self._outputs[key].id in self._blank:  # PyTorch had not kept it, and here it is
            self._blank.discard(self._outputs[key].id)
            self._outputs[key].array = self._values[self._outputs[key].id] = self._add(tensor)
        self._hold(tensor, self._outputs[key])
        return self._outputs[key]

    def _hold(self, tensor: torch.Tensor, record: Tensor) -> None:
        number = id(tensor)

        def gone(reference: Any) -> None:
            held = self._held.get(number)
            if held is not None and held.reference is reference:
                del self._held[number]
                self._unnamed.pop(number, None)

        self._held[number] = _Held(record, tensor.grad_fn, _version(tensor), weakref.ref(tensor, gone))
        self._values.setdefault(record.id, record.array)
        if not record.name:
            self._unnamed[number] = record

    def _tensor(
        self, tensor: torch.Tensor, role: str, source: Operation | None = None, requires_grad: bool | None = None
    ) -> Tensor:
        array = self._add(tensor)
        leaf = source is None
        if leaf and isinstance(tensor, nn.Parameter):
            role = "parameter"
        record = Tensor(
            id=f"t{len(self.trace.tensors)}",
            name="",
            role=role,
            array=array,
            shape=list(self.trace.arrays[array].shape),
            dtype=str(tensor.dtype).removeprefix("torch."),
            requires_grad=tensor.requires_grad if requires_grad is None else requires_grad,
            source=source.id if source else None,
            module=source.module if source else "",
            grad=self._grad_of(tensor)[2] if leaf and tensor.is_leaf else None,
        )
        self.trace.tensors.append(record)
        self._hold(tensor, record)
        if leaf and role != "constant":
            self._name_variables()
            if not record.name and not record.requires_grad:
                record.role = "constant"
        return record

    def _constant(self, value: float, like: torch.Tensor) -> Tensor:
        """A plain number that takes a port, as the 2 in ``x * 2``."""
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
        return self._tensor(torch.tensor(value, dtype=dtype), "constant")

    def _add(self, tensor: torch.Tensor) -> int:
        """Keep a tensor's numbers, or their summary, and return the place."""
        array: Array = to_array(tensor)
        if isinstance(array, Summarised):
            self.trace.arrays.append(array)
            return len(self.trace.arrays) - 1
        return self._arrays.add(array)

    def _setting(self, value: Any) -> Any:
        """An argument, or what a node has kept, as JSON."""
        if isinstance(value, torch.Tensor):
            held = self._held.get(id(value))
            if held is not None and held.fn is value.grad_fn and held.version == _version(value):
                return {"tensor": held.tensor.id}
            if value.grad_fn is not None and (value.grad_fn, value.output_nr) in self._outputs:
                return {"tensor": self._outputs[value.grad_fn, value.output_nr].id}
            return {"array": self._add(value)}
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return {"array": self._arrays.add(value)}
        if isinstance(value, (tuple, list)) and len(value) <= _LONGEST_SETTING:
            return [self._setting(item) for item in value]
        if isinstance(value, (torch.dtype, torch.device, slice, type(...))):
            return str(value).removeprefix("torch.")
        return {"text": type(value).__name__}

    def name_in(self, scope: Mapping[str, Any]) -> None:
        for name, value in list(scope.items()):
            if isinstance(value, nn.Module) and value not in self._paths and not name.startswith("_"):
                self._enter_module(value, name)
        for name, tensor in [*_frames.names_in(scope, torch.Tensor)]:
            record = self._unnamed.get(id(tensor))
            if record is not None and id(tensor) not in self._names:
                del self._unnamed[id(tensor)]
                record.name = name[:LONGEST_NAME]
        for number in self._unnamed.keys() & self._names.keys():
            record = self._unnamed.pop(number)
            record.name, record.module = self._names[number][:LONGEST_NAME], self._names[number].rpartition(".")[0]

    def _enter_module(self, module: nn.Module, name: str) -> None:
        """Remember how the parts of a module are called: modules, parameters and buffers."""
        for path, part in module.named_modules(prefix=name):
            self._paths.setdefault(part, path)
        for path, tensor in _state(module, name):
            self._names.setdefault(id(tensor), path)  # the module is held, and so is the tensor

    def _module(self) -> str:
        """The path of the module that is computing, beginning with the variable that holds the outermost one."""
        if not self._running:
            return ""
        for module in self._running:
            if module not in self._paths:
                name = _frames.variable_name(module, outermost=True) or type(module).__name__
                self._enter_module(module, name)
        return self._paths[self._running[-1]]


# --- small questions -------------------------------------------------------------------------------------------------


def _name(func: Any) -> str:
    """What a call is called; of an attribute, the attribute's name."""
    name = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__", "__delete__"):
        owner: str = getattr(func.__self__, "__name__", name)
        return owner if name != "__get__" or owner in _VIEWS else "grad"
    return name


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in an argument or a result, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)


def _any_tensor(value: Any) -> bool:
    return next(_tensors(value), None) is not None


def _computes(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds what gradients are taken of: classes, indices and masks are settings."""
    return tensor.is_floating_point() or tensor.is_complex()


def _named(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a call that no rule has names for."""
    for i, tensor in enumerate(_tensors(args)):
        yield f"input {i}", tensor
    for key, value in kwargs.items():
        for tensor in _tensors(value):
            yield key, tensor


def _writes(name: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether a call of this name writes into what it is given."""
    in_place = name.endswith("_") and not name.endswith("__")
    return in_place or name in ("__setitem__", "batch_norm") or kwargs.get("inplace") is True


def _filled(like: Tensor, value: float) -> torch.Tensor:
    return torch.full(like.shape, value, dtype=getattr(torch, like.dtype))


def _version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _address(tensor: torch.Tensor) -> int:
    return tensor.data_ptr() if tensor.layout is torch.strided and not tensor.is_meta else 0


def _given_gradients(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor | None]:
    """The gradients that a program starts a walk with; none, where it leaves them out."""
    name, place = {
        torch.Tensor.backward: ("gradient", 1),
        torch.autograd.backward: ("grad_tensors", 1),
        torch.autograd.grad: ("grad_outputs", 2),
    }[func]
    value = args[place] if len(args) > place else kwargs.get(name)
    yield from value if isinstance(value, (tuple, list)) else [value]


def _is_leaf(node: Node) -> bool:
    """Whether a node is where the gradient of a leaf is collected."""
    return bool(node.name().endswith(_LEAF))


@cache
def _saved_names(kind: Any) -> list[str]:
    return [name for name in dir(kind) if name.startswith("_saved_")]


def _saved_tensors(node: Node) -> Iterator[tuple[str, torch.Tensor]]:
    """What a node keeps for backward, as far as it still can be looked at."""
    kind: Any = type(node)
    for name in _saved_names(kind):
        try:
            value = getattr(node, name)
        except RuntimeError:  # freed already, or written into since
            continue
        if isinstance(value, torch.Tensor):
            yield name, value


def _state(module: nn.Module, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(prefix=name)
    yield from module.named_buffers(prefix=name)


def _update_rule(optimiser: Optimizer, group: Mapping[str, Any]) -> tuple[str, list[str]]:
    """An optimiser's rule, from the one of this library that does the same, and the numbers that it speaks of."""
    name = type(optimiser).__name__
    if name not in _OPTIMISERS or group.get("maximize") or group.get("amsgrad"):
        return rf"\v{{p}} \leftarrow \operatorname{{{name}}}(\v{{p}}, \g{{p}})", []
    return _OPTIMISERS[name](group)


def _spoken_of(name: str, group: Mapping[str, Any], state: Mapping[str, Any]) -> Any:
    """A number in an optimiser's rule, as it is before a step."""
    if name in ("beta1", "beta2"):
        return float(group["betas"][name == "beta2"])
    if name == "t":
        return int(state.get("step", 0)) + 1
    if name in _REMEMBERED:
        remembered = state.get(_REMEMBERED[name])
        if remembered is not None and remembered.numel() > FULL:
            return remembered.shape  # to summarise it would cost as much as the parameter itself
        return 0.0 if remembered is None else remembered.clone()
    if name == "dampening" and state.get("momentum_buffer") is None:
        return 0.0
    return float(group[name])


_REMEMBERED = {"velocity": "momentum_buffer", "m": "exp_avg", "v": "exp_avg_sq"}


def _sgd(group: Mapping[str, Any]) -> tuple[str, list[str]]:
    settings: dict[str, Any] = {name: float(group[name]) for name in ("lr", "momentum", "dampening", "weight_decay")}
    rule = optim.SGD([TensorNode(0.0)], nesterov=group["nesterov"], **settings).rule
    names = ["lr", "momentum", "dampening", "weight_decay"]
    return rule, [*names, "velocity"] if group["momentum"] else names


def _adam(kind: Any, group: Mapping[str, Any]) -> tuple[str, list[str]]:
    settings = {"lr": float(group["lr"]), "betas": group["betas"], "eps": group["eps"]}
    rule = kind([TensorNode(0.0)], **settings, weight_decay=group["weight_decay"]).rule
    return rule, ["lr", "beta1", "beta2", "eps", "weight_decay", "t", "m", "v"]


_OPTIMISERS: dict[str, Callable[[Mapping[str, Any]], tuple[str, list[str]]]] = {
    "SGD": _sgd,
    "Adam": partial(_adam, optim.Adam),
    "AdamW": partial(_adam, optim.AdamW),
}
