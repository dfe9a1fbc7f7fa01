"""Which part of a trace is drawn: modules as units that are open or closed, and the part around one node.

A unit is one call of a module: a run of ops, one after another, that were computed inside it. So nothing leaves a unit
and comes back to it, and however units are closed, the graph stays without circles. The player does the same in
`vizgrad/player/modules.js`, and finds in the drawing which units are open.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vizgrad.draw.needs import DrawingError
from vizgrad.trace.model import Operation, Tensor, Trace

FEW = 60  # nodes that are drawn with everything open
MANY = 300  # nodes; of a larger drawing one sees labels only from near
MOST = 1500  # nodes; more are never drawn at once
_DEEPEST = 8  # modules inside each other; names come from programs, and one may consist of dots
_AROUND = 12  # ops to either side, where only a part can be drawn
_RUN = 100  # ops of each part of a graph that is too large to be drawn at once


@dataclass
class Unit:
    """One call of a module: where it is in the tree, and everything in it, also deeper down."""

    id: str  # u0, u1 ... in the order in which they began
    path: str  # of the module; of a later call of it, with a number
    name: str
    parent: str
    module: str
    ops: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)


@dataclass
class Units:
    """The units of a trace, and the innermost of each tensor and op ("" where it is in none)."""

    trace: Trace
    all: dict[str, Unit] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)

    def chain(self, path: str) -> list[str]:
        """A unit and the units around it, outermost first."""
        chain: list[str] = []
        while path:
            chain.append(path)
            path = self.all[path].parent
        return chain[::-1]

    def inputs(self, path: str) -> list[str]:
        """The tensors that come into a unit from outside, each once."""
        entering = [port.tensor for op in self.all[path].ops for port in self.trace.op(op).inputs]
        return [id for id in dict.fromkeys(entering) if path not in self.chain(self.home[id])]

    def outputs(self, path: str) -> list[str]:
        """The tensors that a unit makes for others, or for nobody."""
        inside = set(self.all[path].ops)
        made = [id for op in self.all[path].ops for id in self.trace.op(op).outputs]
        used: dict[str, list[str]] = {}
        for op in self.trace.ops:
            for port in op.inputs:
                used.setdefault(port.tensor, []).append(op.id)
        return [id for id in made if not used.get(id) or not inside.issuperset(used[id])]

    def parameters(self, path: str) -> list[str]:
        """The leaves in a unit that have gradients."""
        return [id for id in self.all[path].leaves if self.trace.tensor(id).requires_grad]


@dataclass
class Wire:
    """A drawn edge. Where it ends at a closed unit, it stands for all edges of its tensor into that unit."""

    key: str
    source: str  # id of a tensor, op or unit
    target: str
    tensor: str
    op: str = ""  # where it enters or leaves an op
    port: int | None = None
    ends: list[tuple[str, int]] = field(default_factory=list)  # the ports of ops that it leads to


@dataclass
class View:
    """What a drawing shows: the units that are open, those that are closed, and the tensors and ops beside them."""

    units: Units
    open: list[str]
    closed: list[str]
    tensors: list[Tensor]
    ops: list[Operation]
    around: str = ""  # the node whose surroundings are shown instead of everything
    steps: int = 0

    @property
    def nodes(self) -> int:
        """How many nodes are drawn."""
        return len(self.closed) + len(self.tensors) + len(self.ops)

    def shown(self, id: str) -> str:
        """The id of what stands for a tensor or op: itself, or the outermost closed unit around it."""
        closed = next((path for path in self.units.chain(self.units.home[id]) if path in self._closed), "")
        return self.units.all[closed].id if closed else id

    def wires(self) -> list[Wire]:
        """The edges between what is shown."""
        wires: dict[str, Wire] = {}
        drawn = {op.id for op in self.ops}
        ends = {id: self.shown(id) for id in (self.units.home if not self.around else drawn)}
        for op in self.units.trace.ops:
            if op.id not in ends:
                continue
            target = ends[op.id]
            for port, entering in enumerate(op.inputs):
                source = ends.get(entering.tensor, entering.tensor)
                if source == target:
                    continue
                whole = target == op.id
                key = f"{op.id}:{port}" if whole else f"{target}:{entering.tensor}"
                new = Wire(key, source, target, entering.tensor, op.id if whole else "", port if whole else None)
                wires.setdefault(key, new).ends.append((op.id, port))
            for output in op.outputs if target == op.id else []:
                wires[f"{op.id}:{output}"] = Wire(f"{op.id}:{output}", op.id, output, output, op.id)
        return list(wires.values())

    def __post_init__(self) -> None:
        self._closed = set(self.closed)


def units(trace: Trace) -> Units:
    """Find the units of a trace."""
    found = Units(trace)
    calls: dict[str, int] = {}
    inside: list[Unit] = []
    for op in trace.ops:
        parts = op.module.split(".", _DEEPEST - 1) if op.module else []
        modules = list(itertools.accumulate(parts, "{}.{}".format))
        pairs = zip(inside, modules, strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0].module == pair[1], pairs))
        del inside[same:]
        for name, module in zip(parts[same:], modules[same:], strict=True):
            calls[module] = calls.get(module, 0) + 1
            call = f" ({calls[module]})" if calls[module] > 1 else ""
            unit = Unit(f"u{len(found.all)}", module + call, name + call, inside[-1].path if inside else "", module)
            found.all[unit.path] = unit
            inside.append(unit)
        for unit in inside:
            unit.ops.append(op.id)
        found.home[op.id] = inside[-1].path if inside else ""
        for output in op.outputs:
            found.home[output] = found.home[op.id]
    _skip_lists(found)
    _house_leaves(found)
    return found


def _skip_lists(found: Units) -> None:
    """A list of modules, as in `net.layers.0`, that is all there is in a module is no box of its own."""
    homes = set(found.home.values())
    for unit in list(found.all.values()):
        if unit.parent and unit.path not in homes and unit.ops == found.all[unit.parent].ops:
            del found.all[unit.path]
            for inner in found.all.values():
                if inner.parent == unit.path:
                    inner.parent, inner.name = unit.parent, f"{unit.name}.{inner.name}"


def _house_leaves(found: Units) -> None:
    """A parameter is at home in its module, a constant with its op, and what several calls share around them.

    A buffer that no op takes in, such as a running mean, is at home in its module as well.
    """
    units = {unit.module: unit.path for unit in found.all.values()}
    users: dict[str, list[list[str]]] = {}
    for op in found.trace.ops:
        for port in op.inputs:
            users.setdefault(port.tensor, []).append(found.chain(found.home[op.id]))
    for leaf in found.trace.tensors:
        if leaf.source is not None and leaf.id in found.home:
            continue
        chains = users.get(leaf.id) or [found.chain(units.get(leaf.module, ""))]
        common = [path for path in min(chains, key=len) if all(path in chain for chain in chains)]
        if leaf.role != "constant":
            common = [path for path in common if f"{leaf.module}.".startswith(f"{found.all[path].module}.")]
        found.home[leaf.id] = common[-1] if common else ""
        for path in common:
            found.all[path].leaves.append(leaf.id)


def view(trace: Trace, modules: str | Iterable[str] = "auto", around: str = "", steps: int = 3) -> View:
    """Choose what to draw.

    Args:
        trace: what to draw.
        modules: `"open"`, `"closed"`, or the paths of those that are open (what is around them is open as well);
            `"auto"` opens them, outermost first, while there are few nodes.
        around: the name or id of a tensor or op; then only what is near it is drawn.
        steps: how many ops away from it.

    Raises:
        DrawingError: there is no such node or module.
    """
    found = units(trace)
    if around:
        return _part(found, _node(trace, around), steps)
    if isinstance(modules, str) and modules in ("auto", "open", "closed"):
        chosen = _chosen(found, modules)
    else:
        wanted = [modules] if isinstance(modules, str) else list(modules)
        for path in wanted:
            if path not in found.all:
                known = ", ".join(found.all) or "none"
                raise DrawingError(f"There is no module {path!r} in this trace; there are: {known}.")
        chosen = _selected(found, {path for unit in wanted for path in found.chain(unit)})
    if chosen.nodes > MOST:
        return _part(found, trace.ops[-1].id, _AROUND) if trace.ops else _part(found, trace.tensors[-1].id, 1)
    return chosen


def _chosen(found: Units, modules: str) -> View:
    everything = _selected(found, set(found.all))
    if modules == "open" or (modules == "auto" and everything.nodes <= FEW):
        return everything
    chosen = _selected(found, set())
    for depth in range(1, _DEEPEST + 1 if modules == "auto" else 0):
        wider = _selected(found, {path for path in found.all if len(found.chain(path)) <= depth})
        if wider.nodes > FEW:
            break
        chosen = wider
    return chosen


def _selected(found: Units, wanted: set[str]) -> View:
    """The view with these units open; of the closed ones, only the outermost are seen."""
    visible = [path for path in found.all if found.all[path].parent in wanted or not found.all[path].parent]
    opened = [path for path in visible if path in wanted]
    shown = {"", *opened}
    trace = found.trace
    return View(
        found,
        opened,
        [path for path in visible if path not in wanted],
        [tensor for tensor in trace.tensors if found.home[tensor.id] in shown],
        [op for op in trace.ops if found.home[op.id] in shown],
    )


def _part(found: Units, centre: str, steps: int) -> View:
    """What is within some ops of a node, without the modules around it."""
    trace = found.trace
    users: dict[str, list[Operation]] = {}
    for op in trace.ops:
        for port in op.inputs:
            users.setdefault(port.tensor, []).append(op)
    ops: dict[str, None] = {}
    edge = [trace.op(centre)] if centre.startswith("o") else _beside(trace, centre, users)
    for _ in range(steps + 1):
        ops |= dict.fromkeys(op.id for op in edge)
        if len(ops) > FEW:
            break
        near = [id for op in edge for id in _tensors(op)]
        edge = [op for id in near for op in _beside(trace, id, users) if op.id not in ops]
    kept = set(list(ops)[: MANY // 2])
    return _only(found, [op for op in trace.ops if op.id in kept], centre, steps)


def _only(found: Units, inside: list[Operation], centre: str, steps: int = 0) -> View:
    """These ops with what goes in and out, without the modules around them."""
    tensors = {id for op in inside for id in _tensors(op)} | ({centre} if centre.startswith("t") else set())
    return View(found, [], [], [t for t in found.trace.tensors if t.id in tensors], inside, centre, steps)


def parts(trace: Trace) -> list[View]:
    """A graph that is too large to be drawn at once as parts, each of ops that ran one after another; else none."""
    if len(trace.tensors) + len(trace.ops) <= MOST:
        return []
    found = units(trace)
    runs = [trace.ops[start : start + _RUN] for start in range(0, len(trace.ops), _RUN)]
    return [_only(found, run, run[0].id) for run in runs]


def _tensors(op: Operation) -> Iterator[str]:
    yield from (port.tensor for port in op.inputs)
    yield from op.outputs


def _beside(trace: Trace, tensor: str, users: dict[str, list[Operation]]) -> list[Operation]:
    source = trace.tensor(tensor).source
    return ([trace.op(source)] if source else []) + users.get(tensor, [])


def _node(trace: Trace, name: str) -> str:
    if name[:1] == "o" and name[1:].isdecimal() and int(name[1:]) < len(trace.ops):
        return name
    try:
        return trace.tensor(name).id
    except KeyError as error:
        raise DrawingError(str(error.args[0])) from error
