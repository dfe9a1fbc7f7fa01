"""PyTorch's graph of autograd nodes as ops of a Trace: those of a call, and those made where nobody listened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from vizgrad.torch_bridge import calls
from vizgrad.torch_bridge.calls import Call
from vizgrad.torch_bridge.heard import address_of
from vizgrad.torch_bridge.nodes import Key, Made, Node, is_leaf, saved_tensors
from vizgrad.torch_bridge.walks import WalkWriter
from vizgrad.trace.model import Code, Input, Operation, Place, Step, Tensor
from vizgrad.trace.writer import filled_rule

Edge = tuple[Node, int, Tensor]  # a node, which of its edges, and the tensor to which it leads


class GraphWriter(WalkWriter):
    """Writes ops into a Trace, and hooks their nodes, so that a walk is heard."""

    def __init__(self) -> None:
        super().__init__()
        self._handles: list[Any] = []
        self._made: dict[Node, Made] = {}  # nodes are held: so one that comes again is the same object
        self._blank: set[str] = set()  # records whose value PyTorch has not kept

    # --- ops ---------------------------------------------------------------------------------------------------------

    def _enter_op(
        self,
        name: str,
        call: Call | None,
        ports: Sequence[tuple[str, Tensor]],
        settings: dict[str, Any],
        module: str = "",
        place: Place = None,
    ) -> Made:
        """A new op, without outputs yet."""
        operation = Operation(
            id=f"o{len(self.trace.ops)}",
            op=self._code(name, call),
            inputs=[Input(port, record.id) for port, record in ports],
            outputs=[],
            settings=settings,
            context={},
            rule=None,
            module=module,
            place=place,
        )
        self.trace.ops.append(operation)
        return Made(len(self.trace.ops), operation)

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

    # --- tensors -----------------------------------------------------------------------------------------------------

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

    def _output_of(self, made: Made, node: Node, output: int, value: torch.Tensor | None = None) -> Tensor:
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

    # --- nodes -------------------------------------------------------------------------------------------------------

    def _inside(self, outputs: Sequence[torch.Tensor]) -> tuple[list[Node], list[Edge]]:
        """The autograd nodes that a call has made, and their edges to tensors that were there before."""
        inside: list[Node] = []
        edges: list[Edge] = []
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
        if is_leaf(node):
            return self.known(node.variable)
        return self._outputs.get((node, output)) or (
            self._output_of(self._made[node], node, output) if node in self._made else None
        )

    def _connect(self, made: Made, inside: Sequence[Node], edges: Sequence[Edge]) -> None:
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
            for attribute, value in saved_tensors(node):
                key = attribute.removeprefix("_saved_")
                while key in context:
                    key += "'"
                same = at.get(address_of(value))
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
            elif node not in seen and node not in self._made and not is_leaf(node):
                seen.add(node)
                stack.append((node, True))
                stack += [(below, False) for below, _ in node.next_functions[::-1] if below is not None]
                for _, value in saved_tensors(node):
                    if value.grad_fn is not None:
                        kept[value.grad_fn, value.output_nr] = value
        for node in order:
            edges = [
                (node, place, record)
                for place, (below, output) in enumerate(node.next_functions)
                if below is not None and (record := self._at(below, output)) is not None
            ]
            self._enter_node(node, edges, kept)

    def _enter_node(self, node: Node, edges: Sequence[Edge], kept: Mapping[Key, torch.Tensor]) -> None:
        """An op for a single node: its rule where it has the rule's inputs, and speaks of no setting."""
        name = calls.name_of_node(node)
        call = calls.known(name)
        ports = call.ports if call and len(call.ports) == len(edges) else [f"input {i}" for i in range(len(edges))]
        records = [record for _, _, record in edges]
        made = self._enter_op(name, call, list(zip(ports, records, strict=True)), {})
        operation = made.operation
        self._connect(made, [node], edges)
        sizes = node._input_metadata
        for output in range(len(sizes)):
            if len(sizes) == 1 or (node, output) in kept:
                self._output_of(made, node, output, kept.get((node, output)))
        if call and call.rule and len(call.ports) == len(edges):
            shapes = [tuple(record.shape) for record in records]
            out = tuple(self.trace.tensor(operation.outputs[0]).shape) if operation.outputs else None
            rule = filled_rule(call.rule, shapes, out, {})
            operation.rule = rule if rule and r"\k{" not in rule["forward"] + "".join(rule["backward"]) else None
        self._step(Step("forward", op=operation.id))
