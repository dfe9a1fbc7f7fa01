"""Listens to PyTorch and writes down what it hears, as a `Trace`: calls on the way forward, autograd nodes back.

Calls are heard through a `TorchFunctionMode`, gradients through hooks of the autograd nodes, modules and optimisers
through their own hooks. Nothing is replaced and no number is touched; when the block ends, everything is taken off.

The writer stands on three others, each of which knows only those before it: `tensors` writes tensors, `walks` backward
walks, and `graph` the ops with their autograd nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar, overload

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode

from vizgrad import _frames, errors
from vizgrad.rule import Rule
from vizgrad.torch_bridge import calls, updates
from vizgrad.torch_bridge.arrays import finite_entries
from vizgrad.torch_bridge.graph import GraphWriter
from vizgrad.torch_bridge.heard import (
    BACKWARDS,
    Heard,
    address_of,
    any_tensor,
    computes,
    fills,
    given_gradients,
    name_of,
    tensors_in,
    version_of,
)
from vizgrad.torch_bridge.nodes import Made
from vizgrad.trace.model import Operation, Step, Trace
from vizgrad.trace.writer import filled_rule, mark_stretched


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


class _Mode(TorchFunctionMode):
    def __init__(self, recorder: TorchRecorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._recorder.called(func, args, kwargs or {})


class TorchRecorder(GraphWriter):
    """Hears PyTorch's events, and writes down calls and updates."""

    nothing: ClassVar[str] = (
        "No computation was recorded: inside the block, no call to PyTorch computed with a tensor of floats.\n"
        "Put the forward pass inside it: with record_torch(model) as trace: loss = model(x).sum(); loss.backward()."
    )

    def __init__(self, model: nn.Module | None = None) -> None:
        super().__init__()
        self._model = model
        self._mode = _Mode(self)
        self._deaf = False  # while a hook of an optimiser makes calls of its own
        self._stepping = 0
        self._moving: dict[int, tuple[str, dict[str, Any]]] = {}  # id of a parameter -> rule of its update, and numbers

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
        self._parts.clear()

    def _left(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if self._running and self._running[-1] is module:
            self._running.pop()

    # --- calls -------------------------------------------------------------------------------------------------------

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call to PyTorch: make it, and write down what came of it."""
        # Inside torch.func.grad and vmap, tensors stand for others, and have no numbers of their own.
        if self._deaf or torch._C._functorch.peek_interpreter_stack() is not None:
            return func(*args, **kwargs)
        if func in BACKWARDS:
            return self._backward(func, args, kwargs)
        name = name_of(func)
        if name == "grad" and len(args) == 2:  # x.grad = ...
            self._grads.pop(id(args[0]), None)
            if args[1] is None:
                self._zero(args[0])
        if name == "data" and args[0].grad_fn is None:
            return self._data(func, args)
        given = [] if self._ignored(name) else [tensor for tensor in tensors_in((args, kwargs)) if computes(tensor)]
        if not given or (fills(func) and self._is_new(given[0])):
            return func(*args, **kwargs)
        heard = Heard(name, args, kwargs, given)
        return self._written(func, heard) if heard.writes else self._computed(func, heard)

    def _ignored(self, name: str) -> bool:
        """Calls that compute nothing of interest: attributes, new tensors, and what optimisers do inside."""
        if self._walk is not None or (self._stepping and not torch.is_grad_enabled()):
            return True
        if name in ("grad", "_grad", "is_leaf", "__deepcopy__", "numpy", "item", "tolist", "copy"):
            return True
        return name.startswith("new_") or name.endswith("_like")

    def _is_new(self, tensor: torch.Tensor) -> bool:
        """Whether nobody has seen what a leaf holds; where it is about to be filled, that is what the memory held."""
        return tensor.grad_fn is None and id(tensor) not in self._held

    def _computed(self, func: Any, heard: Heard) -> Any:
        """A call that makes new tensors. Its inputs are entered when it is clear that it does."""
        result = self._make(func, heard)
        heard.outputs = _new_in(result, heard)
        if heard.outputs:
            self._record(heard)
        return result

    def _written(self, func: Any, heard: Heard) -> Any:
        """A call that writes into what it is given, which is entered while it is what it was."""
        given = heard.given
        heard.before = [self.known(tensor) for tensor in given]
        whole = given[0]._base if torch.is_grad_enabled() else None
        whole_before = self.known(whole) if whole is not None else None
        versions = [version_of(tensor) for tensor in given]
        result = self._make(func, heard)
        outputs = _new_in(result, heard)
        moved: list[torch.Tensor] = []
        for i, (tensor, version) in enumerate(zip(given, versions, strict=True)):
            silent = heard.name == "batch_norm" and i > 0 and not tensor.requires_grad  # running statistics
            if version_of(tensor) == version and not silent:
                continue
            if silent:
                self._held[id(tensor)].version = -1
            if tensor.grad_fn is None and heard.before[i].source is None:
                moved.append(tensor)
            elif i == 0 and whole is not None and whole_before is not None and whole.grad_fn is not None:
                # Written into through a view: what PyTorch's graph has is a new version of the whole.
                heard.before[0], outputs = whole_before, [whole, *outputs]
                heard.name = f"{heard.name} (part)"
            else:
                outputs.insert(0, tensor)
        heard.outputs = outputs
        if outputs:
            self._record(heard)
        for tensor in moved:
            self.known(tensor)  # a leaf has a new value: an update
        return result

    def _data(self, func: Any, args: Sequence[Any]) -> Any:
        """``p.data`` of a leaf is the leaf under another name; ``p.data = x`` gives it a new value."""
        leaf = args[0]
        if not computes(leaf) or self._stepping:
            return func(*args)
        record = self.known(leaf)
        result = func(*args)
        if len(args) == 2:
            self._held[id(leaf)].version = -1
            self._changed(leaf)
        elif isinstance(result, torch.Tensor):
            self._hold(result, record)
        return result

    def _make(self, func: Any, heard: Heard) -> Any:
        """Make a call; where it fails, the op is the last of the trace."""
        try:
            return func(*heard.args, **heard.kwargs)
        except Exception:
            heard.before = None
            operation = self._operation(heard).operation
            self._step(Step("failed", op=operation.id, place=operation.place))
            raise

    def _record(self, heard: Heard) -> None:
        """Write down a call that has been made."""
        made = self._operation(heard)
        operation = made.operation
        inside, edges = self._inside(heard.outputs)
        for position, tensor in enumerate(heard.outputs):
            record = self._tensor(tensor, "intermediate", operation)
            operation.outputs.append(record.id)
            if tensor.grad_fn is not None:
                self._outputs[tensor.grad_fn, tensor.output_nr] = record
                made.outputs[tensor.grad_fn, tensor.output_nr] = position
        self._connect(made, inside, edges)
        made.shared = {made.outputs[edge] for node in inside for edge in node.next_functions if edge in made.outputs}
        at = {address_of(tensor): self._held[id(tensor)].tensor for tensor in [*heard.given, *heard.outputs]}
        operation.context = self._saved(inside, at)
        self._note_nonfinite(operation)
        self._step(Step("forward", op=operation.id, place=operation.place))

    def _operation(self, heard: Heard) -> Made:
        """Enter an op, with the ports that its rule has names for; what has no port is a setting."""
        known = heard.before or [self.known(tensor) for tensor in heard.given]
        records = {id(tensor): record for tensor, record in zip(heard.given, known, strict=True)}
        call = calls.known(heard.name)
        rule: Rule | None = None
        spoken_of: dict[str, Any] = {}
        if call is None:
            ports = [(port, records[id(tensor)]) for port, tensor in heard.named() if id(tensor) in records]
            settings = {key: self._setting(value) for key, value in heard.kwargs.items() if not any_tensor(value)}
        else:
            bound = calls.bind(call, heard.args, heard.kwargs)
            shown, spoken_of = calls.rule_of(call, bound, heard.outputs) if heard.outputs else (call, {})
            rule, ports = shown.rule, []
            for port in call.ports:
                value = bound.pop(port, None)
                if isinstance(value, torch.Tensor) and id(value) in records:
                    ports.append((port, records[id(value)]))
                elif isinstance(value, (int, float)) and not isinstance(value, bool):
                    ports.append((port, self._constant(value, heard.given[0])))
            if not call.ports:  # a list of tensors, as for concatenate
                ports = [(f"input {i}", records[id(tensor)]) for i, tensor in enumerate(heard.given)]
            settings = {key: self._setting(v) for key, v in {**bound, **spoken_of}.items() if v is not None}
        # Every input is an edge, also one that the rule does not speak of but that wants a gradient.
        for tensor in heard.given:
            record = records[id(tensor)]
            if record.requires_grad and all(record is not other for _, other in ports):
                ports.append((f"input {len(ports)}", record))
        place = _frames.here()
        made = self._enter_op(heard.name, call, ports, settings, self._module(), self._place(place))
        operation = made.operation
        shapes = [tuple(record.shape) for _, record in ports]
        out = tuple(heard.outputs[0].shape) if heard.outputs else None
        operation.rule = filled_rule(rule, shapes, out, spoken_of)
        self._name_variables()  # now that the inputs are known: `s = s * s` is about to give their name away
        if rule and rule.broadcasts and len(ports) == 2:
            mark_stretched(operation, shapes)
        if place and not operation.module:
            self._expressions[operation.id] = place
        return made

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

    # --- backward ----------------------------------------------------------------------------------------------------

    def _backward(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A backward walk: what ran in it is written down when it is over."""
        if self._walk is not None:
            return func(*args, **kwargs)
        self._name_variables()
        roots = list(tensors_in(args[0] if args else kwargs.get("tensors", kwargs.get("outputs"))))
        seeds = [*given_gradients(func, args, kwargs), *[None] * len(roots)]
        records = [(self.known(root), seed) for root, seed in zip(roots, seeds, strict=False) if root.grad_fn]
        self._set_out(self._place(_frames.here()), records)
        try:
            return func(*args, **kwargs)
        finally:
            self._arrive()

    # --- optimisers --------------------------------------------------------------------------------------------------

    def _before_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        self._stepping += 1
        self._deaf = True
        self._name_variables()
        for group in optimiser.param_groups:
            ours = updates.counterpart(optimiser, group)
            rule = updates.rule_of(optimiser, ours)
            for parameter in group["params"]:
                self.known(parameter)
                numbers = updates.numbers_of(ours, optimiser.state.get(parameter, {}))
                self._moving[id(parameter)] = rule, {name: self._setting(value) for name, value in numbers.items()}
        self._deaf = False

    def _after_step(self, optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        self._stepping -= 1
        self._deaf = True
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                self._changed(parameter, *self._moving.pop(id(parameter), ()))
        self._deaf = False


def _new_in(result: Any, heard: Heard) -> list[torch.Tensor]:
    """The tensors that a call has made."""
    return [t for t in tensors_in(result) if computes(t) and not any(t is other for other in heard.given)]
