"""What PyTorch does in a backward walk: listened to at the autograd nodes, and written down when it is over."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from vizgrad.torch_bridge.heard import address_of, version_of
from vizgrad.torch_bridge.nodes import Made, Node
from vizgrad.torch_bridge.tensors import TensorWriter
from vizgrad.trace.arrays import FULL
from vizgrad.trace.model import Operation, Place, Step, Tensor


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
    ran: dict[Made, _Ran] = field(default_factory=dict)
    arrived: dict[str, list[_Sent]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)  # what an op received, which is what its output's gradient is
    earlier: dict[str, tuple[int, int, int | None]] = field(default_factory=dict)  # leaf -> id, version, array of .grad
    # While it is written down:
    expected: dict[str, int] = field(default_factory=dict)  # id of a record -> how many gradients come to it
    leaves: dict[str, weakref.ref[torch.Tensor]] = field(default_factory=dict)
    so_far: dict[str, tuple[int, _Sent]] = field(default_factory=dict)  # id -> how many have come, and their sum


class WalkWriter(TensorWriter):
    """Writes backward walks into a Trace. It knows of an op which of its nodes lead in and out."""

    def __init__(self) -> None:
        super().__init__()
        self._uses: dict[str, int] = {}  # id of a record -> how many edges leave it
        self._walk: _Walk | None = None

    # --- listening ---------------------------------------------------------------------------------------------------

    def _set_out(self, place: Place, roots: list[tuple[Tensor, torch.Tensor | None]]) -> None:
        """A walk begins: see what the leaves hold."""
        self._walk = _Walk(place, roots)
        for held in list(self._held.values()):
            leaf = held.reference()
            if leaf is not None and leaf.requires_grad and leaf.grad_fn is None:
                self._walk.earlier[held.tensor.id] = self._grad_of(leaf)

    def _arrive(self) -> None:
        """The walk is over, also where it failed: write down what ran."""
        walk, self._walk = self._walk, None
        if walk is not None and walk.ran:
            self._write(walk)

    def _ran(self, made: Made, node: Node, gradients: Sequence[Any], upstream: Sequence[Any]) -> None:
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
        held = gradient.detach() if hold else None
        return _Sent(self._add(gradient), address_of(gradient), version_of(gradient), held)

    def _total(self, arrived: Sequence[_Sent], gradient: torch.Tensor) -> int:
        """The array of a gradient that has come to an op; the only one that was sent to it is not looked at again."""
        now = address_of(gradient), version_of(gradient)
        if len(arrived) == 1 and (arrived[0].address, arrived[0].version) == now:
            return arrived[0].array
        return self._add(gradient)

    # --- writing -----------------------------------------------------------------------------------------------------

    def _write(self, walk: _Walk) -> None:
        """Write down a walk. The latest op comes first: then every op comes after all that send to it.

        PyTorch takes the same order; only the inside of an op is not always run at one go.
        """
        order = sorted(walk.ran, key=lambda made: made.number, reverse=True)
        sent = {made: self._sent_by(made, walk.ran[made]) for made in order}
        for made in order:
            for port in sent[made]:
                id = made.operation.inputs[port].tensor
                walk.expected[id] = walk.expected.get(id, 0) + 1
        walk.leaves = {held.tensor.id: held.reference for held in self._held.values()}
        for number, (root, seed) in enumerate(walk.roots):
            root.role = "loss"
            array = self._add(_filled(root, 1) if seed is None else seed)
            expected = {} if number else walk.expected
            self._step(Step("start", tensor=root.id, array=array, expected=expected, place=walk.place))
        for made in order:
            operation, received = made.operation, walk.ran[made].upstream
            self._step(
                Step(
                    "backward",
                    op=operation.id,
                    place=operation.place,
                    upstream=[
                        received[i] if i in received else self._outside(walk, id)
                        for i, id in enumerate(operation.outputs)
                    ],
                    gradients=[
                        sent[made][port].array if port in sent[made] else None for port in range(len(operation.inputs))
                    ],
                    reads=list(operation.context),
                )
            )
            for port, gradient in sent[made].items():
                self._accumulate(walk, operation, port, gradient)

    def _sent_by(self, made: Made, ran: _Ran) -> dict[int, _Sent]:
        """What an op sent, by port."""
        sent = {}
        for port, gradients in sorted(ran.sent.items()):
            if len(gradients) == 1 and isinstance(gradients[0], _Sent):
                sent[port] = gradients[0]
            else:  # not all ways brought a gradient
                found = [g for g in gradients if isinstance(g, torch.Tensor)]
                sent[port] = self._sent(sum(found[1:], start=found[0]), made.operation.inputs[port].tensor)
        return sent

    def _outside(self, walk: _Walk, id: str) -> int:
        """The array of what other ops have sent to an output."""
        if id in walk.so_far:
            return walk.so_far[id][1].array
        seeds = [seed for root, seed in walk.roots if root.id == id]
        tensor = self.trace.tensor(id)
        return self._add(_filled(tensor, 1 if seeds else 0) if not seeds or seeds[0] is None else seeds[0])

    def _accumulate(self, walk: _Walk, operation: Operation, port: int, gradient: _Sent) -> None:
        """A gradient comes to a tensor, which holds what has come so far; the last one makes it whole."""
        id = operation.inputs[port].tensor
        arrived, total = walk.so_far.get(id, (0, None))
        arrived, of = arrived + 1, walk.expected[id]
        array, earlier = walk.totals.get(id) if arrived == of else None, None
        leaf = walk.leaves[id]() if id in walk.leaves else None
        if arrived == of and leaf is not None and id in walk.earlier:
            *was, old = walk.earlier[id]
            *now, new = self._leaf_grad(leaf, [gradient] if of == 1 and old is None else [])
            if now != was:  # it was added to .grad; torch.autograd.grad leaves .grad alone
                array, earlier = new, old
        if array is None:
            walk.so_far[id] = arrived, gradient if total is None else self._sum(total, gradient)
            array = walk.so_far[id][1].array
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
            self._grads[id(leaf)] = id(leaf.grad), version_of(leaf.grad), self._total(only, leaf.grad)
        return self._grad_of(leaf)

    def _sum(self, total: _Sent, gradient: _Sent) -> _Sent:
        """A sum that PyTorch makes inside, and that nobody is shown."""
        if total.tensor is not None and gradient.tensor is not None:
            tensor = total.tensor + gradient.tensor
            return _Sent(self._add(tensor), 0, 0, tensor)
        first, second = self.trace.arrays[total.array], self.trace.arrays[gradient.array]
        return _Sent(self._arrays.add(np.asarray(first + second)), 0, 0)


def _filled(like: Tensor, value: float) -> torch.Tensor:
    return torch.full(like.shape, value, dtype=getattr(torch, like.dtype))
