"""Tables of docs/results/benchmarks.json and ops.json, as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vizgrad import ops

_RESULTS = Path(__file__).parent.parent / "results"
_NAMES = {
    "numpy": "NumPy by hand",
    "vizgrad": "**vizgrad**",
    "torch": "PyTorch",
    "autograd": "autograd",
    "course": "the course's mini library",
    "recorded": "**vizgrad, recording**",
}
_COLUMNS = {"seconds": "time", "bytes": "memory"}


def ratios(*works: str) -> str:
    """A row for each peer, a column for each work: times as long as the first peer, and milliseconds a step."""
    columns = [{row["peer"]: row for row in _work(name)["peers"]} for name in works]
    peers = [peer for peer in _NAMES if any(peer in column for column in columns)]
    rows = [[_NAMES[peer], *(_ratio(column.get(peer)) for column in columns)] for peer in peers]
    return _table(["library", *works], rows)


def ratio(work: str, peer: str) -> str:
    """How many times as long as the first peer a peer takes for a work."""
    return next(f"{row['ratio']:.1f}" for row in _work(work)["peers"] if row["peer"] == peer)


def stages(work: str, ops: int) -> str:
    """Microseconds for each op: forward, backward and freeing."""
    found = _work(work)["peers"]
    columns = list(found[0]["stages"])
    rows = [
        [
            _NAMES[row["peer"]],
            *(f"{1e6 * row['stages'][stage] / ops:.2f}" for stage in columns),
            f"{1e6 * row['seconds'] / ops:.2f}",
            f"{row['ratio']:.1f}",
        ]
        for row in found
    ]
    return _table(["µs an op", *columns, "together", "times NumPy"], rows)


def long_chain() -> str:
    """Seconds and bytes of the long chain, and what is free again at the end."""
    rows = [
        [_NAMES[row["peer"]], f"{row['seconds']:.1f}", f"{row['bytes']:,.0f}", f"{100 * row['returned']:.1f} %"]
        for row in _work("long chain")["peers"]
    ]
    return _table(["library", "seconds", "bytes an op", "free again"], rows)


def targets() -> str:
    """What was aimed at, and what was found."""
    rows = []
    for target in _content()["targets"]:
        found, limit = target["ratio"], target["limit"]
        beside = "without recording" if target["beside"] == "vizgrad" else _NAMES[target["beside"]]
        verdict = "not measured" if found is None else f"{found:.2f} times: {'met' if found <= limit else '**missed**'}"
        rows.append([f"{target['work']}: {_COLUMNS[target['column']]}", f"{limit:g} times {beside}", verdict])
    return _table(["target", "at most", "found"], rows)


def absent() -> str:
    """Who was not measured, and why; nothing if all were."""
    missing = [f"{_NAMES[one['peer']].strip('*')} ({one['reason']})" for one in _content()["absent"]]
    return f"Not measured in this run: {'; '.join(missing)}." if missing else ""


def apart(dtype: str) -> str:
    """How far apart the weights of two peers were at most, relative to the largest weight."""
    found = [
        row["difference"]
        for work in _content()["works"]
        for row in work["peers"]
        if dtype in work["name"] and "difference" in row
    ]
    return f"{max(found):.0e}"


def each_op() -> str:
    """A row for each op of the library: on what it was measured, and how many additions it takes."""
    measured = {row["op"]: row for row in _content("ops")["ops"]}
    rows = []
    for name in sorted(ops.__all__):
        shown = f"[`{name}`][{getattr(ops, name).__module__}.{name}]"
        rows.append([shown, *(_additions(measured[name]) if name in measured else ["not measured yet", "", ""])])
    return _table(["op", "on", "forward", "backward"], rows, numbers=2)


def _additions(row: dict[str, Any]) -> list[str]:
    shapes = ", ".join(" × ".join(map(str, shape)) for shape in row["shapes"])
    settings = "".join(f", `{name}={value}`" for name, value in row["settings"].items())
    return [shapes + settings, *(f"{row[way]:.1f}" for way in ("forward", "backward"))]


def _content(name: str = "benchmarks") -> dict[str, Any]:
    file = _RESULTS / f"{name}.json"
    if not file.exists():
        raise ValueError(f"there is no docs/results/{file.name}; run nox -s bench")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _work(name: str) -> dict[str, Any]:
    found = [work for work in _content()["works"] if work["name"] == name]
    if not found:
        raise ValueError(f"{name} is not in docs/results/benchmarks.json")
    work: dict[str, Any] = found[0]
    return work


def _ratio(row: dict[str, Any] | None) -> str:
    return "not measured" if row is None else f"{row['ratio']:.2f} ({1e3 * row['seconds']:.2f} ms)"


def _table(head: list[str], rows: list[list[str]], numbers: int | None = None) -> str:
    """A table whose last columns hold numbers: all but the first, or so many."""
    right = len(head) - 1 if numbers is None else numbers
    lines = [head, [*["---"] * (len(head) - right), *["---:"] * right], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
