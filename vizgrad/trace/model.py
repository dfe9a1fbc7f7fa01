"""The Trace: what a program computed, forward and backward, step by step. The one record that every reader reads.

A Trace is plain data: it writes and reads JSON, and that JSON is described by ``schema.json`` beside this file.
Tensors and ops have ids (``t0``, ``o0``) in the order in which they appeared; steps refer to them, and to arrays by
their place in ``arrays``. The state after any step is looked up (`Trace.state`), never computed again.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vizgrad.core import Array
from vizgrad.errors import TraceError
from vizgrad.trace import arrays, checks, text

FORMAT = "vizgrad-trace"
VERSION = 1
_SURROGATES = re.compile("[\ud800-\udfff]")
Place = list[int] | None  # [file, line, column, end line, end column]; the file is a place in Trace.files


@dataclass
class File:
    """A file of the program: its name without folders, and its text."""

    name: str
    source: str


@dataclass
class Tensor:
    """A value of the program. ``array`` is what it held when it first appeared; update steps change it."""

    id: str
    name: str
    role: str  # input, parameter, constant, intermediate or loss
    array: int
    shape: list[int]
    dtype: str
    requires_grad: bool
    source: str | None = None
    module: str = ""
    grad: int | None = None  # the gradient it already had when it first appeared
    picture: list[int] | None = None  # height and width, where rows are pictures


@dataclass
class Input:
    """One edge into an op: which tensor enters at which port, and the axes along which it was stretched."""

    port: str
    tensor: str
    stretched: list[int] = field(default_factory=list)


@dataclass
class Operation:
    """One computation: what went in and out, what it kept for its backward, and its rule in LaTeX."""

    id: str
    op: str
    inputs: list[Input]
    outputs: list[str]
    settings: dict[str, Any]
    context: dict[str, Any]
    rule: dict[str, Any] | None
    module: str = ""
    place: Place = None


@dataclass
class Code:
    """What the library (or the learner's own Op) runs for an op: quoted from the source, so it cannot go stale."""

    symbol: str
    doc: str
    file: str
    forward: dict[str, Any]
    backward: dict[str, Any]
    page: str = ""


@dataclass
class Step:
    """One thing that happened. Which of the optional fields are set depends on ``kind``; see the schema."""

    kind: str  # forward, failed, start, backward, accumulate, update or zero
    text: str = ""
    place: Place = None
    op: str | None = None
    tensor: str | None = None
    tensors: list[str] | None = None
    array: int | None = None
    expected: dict[str, int] | None = None
    upstream: list[int] | None = None
    gradients: list[int | None] | None = None
    reads: list[str] | None = None
    port: int | None = None
    before: int | None = None
    gradient: int | None = None
    after: int | None = None
    arrived: int | None = None
    of: int | None = None
    earlier: int | None = None
    rule: str | None = None
    settings: dict[str, Any] | None = None


@dataclass
class Note:
    """Something worth saying about the program, such as the first infinite value; ``step`` says where, if anywhere."""

    text: str
    step: int | None = None
    place: Place = None


@dataclass
class Failure:
    """The exception that ended the program."""

    type: str
    message: str
    place: Place = None
    op: str | None = None


@dataclass
class State:
    """What every tensor holds after a step: its value, and its gradient where one has arrived."""

    values: dict[str, Array]
    grads: dict[str, Array]


@dataclass
class Trace:
    """A recorded program. Made by `record`; read by drawings, the player, tables and checks.

    Examples:
        >>> import vizgrad as vg
        >>> a = vg.TensorNode(3.0)
        >>> with vg.record() as trace:
        ...     loss = a * a
        ...     loss.backward()
        >>> float(trace.grad("a"))
        6.0
        >>> [step.kind for step in trace.steps]
        ['forward', 'start', 'backward', 'accumulate', 'accumulate']
    """

    files: list[File] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Operation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    output: str = ""
    error: Failure | None = None

    # --- looking things up -------------------------------------------------------------------------------------------

    def tensor(self, name: str) -> Tensor:
        """The tensor with this id or name (an id comes before a name; of several with one name, the first).

        Raises:
            KeyError: there is none; the message lists the names there are.
        """
        if name[:1] == "t" and name[1:].isdecimal() and int(name[1:]) < len(self.tensors):
            return self.tensors[int(name[1:])]
        return self._called(name)

    def _called(self, name: str) -> Tensor:
        """The tensor of this name; a variable may be called t0, and that is no id then."""
        for wanted in ("name", "id"):
            for tensor in self.tensors:
                if getattr(tensor, wanted) == name:
                    return tensor
        raise KeyError(f"no tensor is called {name!r}; there are {', '.join(t.name or t.id for t in self.tensors)}")

    def op(self, id: str) -> Operation:
        """The operation with this id."""
        return self.ops[int(id[1:])]

    def value(self, name: str) -> Array:
        """The value of a tensor at the end of the recording."""
        return self.state().values[self._called(name).id]

    def grad(self, name: str) -> Array:
        """The gradient of a tensor at the end of the recording.

        Raises:
            KeyError: no gradient has reached it.
        """
        tensor = self._called(name)
        grads = self.state().grads
        if tensor.id not in grads:
            raise KeyError(
                f"no gradient has reached {name!r}: it does not lead to a loss on which backward() was called"
            )
        return grads[tensor.id]

    def state(self, step: int | None = None) -> State:
        """What every tensor holds after ``step`` (0 is the first; left out, the last): a lookup in the record."""
        steps = self.steps if step is None else self.steps[: step + 1]
        values: dict[str, Array] = {}
        grads: dict[str, Array] = {}
        for tensor in self.tensors:
            if tensor.source is None:
                values[tensor.id] = self.arrays[tensor.array]
            if tensor.grad is not None:
                grads[tensor.id] = self.arrays[tensor.grad]
        for done in steps:
            if done.kind == "forward":
                for output in self.op(done.op or "").outputs:
                    values[output] = self.arrays[self.tensor(output).array]
            elif done.kind == "start" and done.tensor and done.array is not None:
                grads[done.tensor] = self.arrays[done.array if done.after is None else done.after]
            elif done.kind == "accumulate" and done.tensor and done.after is not None:
                grads[done.tensor] = self.arrays[done.after]
            elif done.kind == "update" and done.tensor and done.after is not None:
                values[done.tensor] = self.arrays[done.after]
            elif done.kind == "zero":
                for id in done.tensors or []:
                    grads.pop(id, None)
        return State(values, grads)

    # --- writing and reading -----------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The trace as plain dicts and lists, as ``schema.json`` describes them."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "files": [asdict(file) for file in self.files],
            "arrays": [arrays.to_json(array) for array in self.arrays],
            "codes": {name: asdict(code) for name, code in self.codes.items()},
            "tensors": [asdict(tensor) for tensor in self.tensors],
            "ops": [asdict(op) for op in self.ops],
            "steps": [{k: v for k, v in asdict(step).items() if v is not None} for step in self.steps],
            "notes": [asdict(note) for note in self.notes],
            "output": self.output,
            "error": asdict(self.error) if self.error else None,
        }

    def to_json(self) -> str:
        """The trace as JSON text; byte for byte the same for the same program."""
        written = json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", written)  # a name may hold half a character: no UTF-8 can

    @classmethod
    def from_dict(cls, record: Any) -> Trace:
        """Read what `to_dict` wrote.

        Raises:
            TraceError: this is no trace, or one of a version that this vizgrad cannot read.
        """
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise TraceError(f'This is not a vizgrad trace: it has no "format": "{FORMAT}".')
        if record.get("version") != VERSION:
            raise TraceError(
                f"This trace has version {record.get('version')!r}, and this vizgrad reads version {VERSION}. "
                "Record the program again."
            )
        try:
            trace = cls(
                files=[File(**file) for file in record["files"]],
                arrays=[arrays.from_json(array) for array in record["arrays"]],
                codes={name: Code(**code) for name, code in record["codes"].items()},
                tensors=[Tensor(**tensor) for tensor in record["tensors"]],
                ops=[Operation(**{**op, "inputs": [Input(**i) for i in op["inputs"]]}) for op in record["ops"]],
                steps=[Step(**step) for step in record["steps"]],
                notes=[Note(**note) for note in record["notes"]],
                output=record["output"],
                error=Failure(**record["error"]) if record["error"] else None,
            )
            checks.check(trace)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, TraceError):
                raise
            raise TraceError(f"The trace is damaged: {error}. Its fields are described in schema.json.") from error
        return trace

    @classmethod
    def from_json(cls, source: str) -> Trace:
        """Read what `to_json` wrote.

        Raises:
            TraceError: the text is no JSON, or no trace.
        """
        try:
            record = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise TraceError(f"This is not JSON: {error}.") from error
        return cls.from_dict(record)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the trace: ``.json`` the record, ``.html`` a page with the player in it, ``.svg`` the drawing.

        Args:
            path: the file to write.
            options: for ``.html`` and ``.svg``, what `draw` takes.
        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind == ".json":
            content = self.to_json() + "\n"
        elif kind in (".html", ".htm"):
            from vizgrad.player import standalone  # a Trace knows its readers only when it is asked to become one

            content = standalone(self, **options)
        elif kind == ".svg":
            from vizgrad.draw import svg

            content = svg(self, **options)
        else:
            raise TraceError(f"{path.name}: a trace can be saved as .json, .html or .svg.")
        path.write_text(content, encoding="utf-8")
        return path

    # --- showing -----------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return text.table(self)

    def __repr__(self) -> str:
        return f"<Trace: {len(self.tensors)} tensors, {len(self.ops)} ops, {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        from vizgrad.player import notebook

        return notebook(self)
