"""Records of PyTorch's tensors: their values, gradients, names and modules, and what changes them from outside."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from vizgrad import _frames
from vizgrad.core import Array
from vizgrad.torch_bridge.arrays import to_array
from vizgrad.torch_bridge.heard import version_of
from vizgrad.torch_bridge.nodes import Key, Node
from vizgrad.trace.arrays import Summarised
from vizgrad.trace.model import Operation, Step, Tensor
from vizgrad.trace.writer import LONGEST_NAME, Writer

_LONGEST_SETTING = 64


@dataclass
class Held:
    """What is known of a tensor object: what it was when it was last seen, for it may be written into."""

    tensor: Tensor
    fn: Node | None
    version: int
    reference: weakref.ref[torch.Tensor]


class TensorWriter(Writer):
    """Writes tensors of PyTorch into a Trace. It knows of the graph only which record is at which output of a node."""

    kind: ClassVar[type] = torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[int, Held] = {}  # by id, which is valid as long as the tensor lives
        self._outputs: dict[Key, Tensor] = {}
        self._values: dict[str, int] = {}  # id of a record -> the array that it holds now
        self._grads: dict[int, tuple[int, int, int]] = {}  # id of a leaf -> id, version and array of its last .grad
        self._paths: dict[nn.Module, str] = {}
        self._names: dict[int, str] = {}  # id of a parameter or buffer -> its path
        self._parts: list[torch.Tensor] = []  # these are held: no other tensor can come to have the same id
        self._running: list[nn.Module] = []

    def _key(self, node: Any) -> Any:
        return id(node)

    # --- values ------------------------------------------------------------------------------------------------------

    def _hold(self, tensor: torch.Tensor, record: Tensor) -> None:
        number = id(tensor)

        def gone(reference: Any) -> None:
            held = self._held.get(number)
            if held is not None and held.reference is reference:
                del self._held[number]
                self._unnamed.pop(number, None)
                self._grads.pop(number, None)

        self._held[number] = Held(record, tensor.grad_fn, version_of(tensor), weakref.ref(tensor, gone))
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
            if held is not None and held.fn is value.grad_fn and held.version == version_of(value):
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

    # --- changes -----------------------------------------------------------------------------------------------------

    def _changed(self, tensor: torch.Tensor, rule: str = "", numbers: Mapping[str, Any] | None = None) -> None:
        """A tensor holds another value than when it was last seen; an optimiser says by which rule."""
        held = self._held.get(id(tensor))
        if held is None or held.version == version_of(tensor):
            return
        record = held.tensor
        held.version = version_of(tensor)
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
                settings=dict(numbers or {}),
            )
        )

    def _grad_of(self, leaf: torch.Tensor) -> tuple[int, int, int | None]:
        """Object, version and array of a leaf's gradient."""
        gradient = leaf.grad
        if gradient is None:
            self._grads.pop(id(leaf), None)  # the next one may be at the same place in memory
            return 0, 0, None
        now = id(gradient), version_of(gradient)
        known = self._grads.get(id(leaf))
        if known is None or known[:2] != now:
            known = self._grads[id(leaf)] = (*now, self._add(gradient))
        return known

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

    # --- names and modules -------------------------------------------------------------------------------------------

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
        for path, tensor in [*module.named_parameters(prefix=name), *module.named_buffers(prefix=name)]:
            self._names.setdefault(id(tensor), path)
            self._parts.append(tensor)

    def _module(self) -> str:
        """The path of the module that is computing, beginning with the variable that holds the outermost one."""
        if not self._running:
            return ""
        for module in self._running:
            if module not in self._paths:
                name = _frames.variable_name(module, outermost=True) or type(module).__name__
                self._enter_module(module, name)
        return self._paths[self._running[-1]]
