"""Measuring: several processes do the same work in turn, and their times are compared."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import works

WORKER = Path(__file__).with_name("worker.py")
# Seconds between two runs, in which the threads of the one before go to sleep: OpenBLAS's look for new work for a tenth
# of a second first, and would take a processor from the next.
PAUSE = 0.3
STAGES = ("forward", "backward", "freeing")


class Worker:
    """A peer in a process of its own, waiting to be asked to work."""

    def __init__(self, peer: str, work: str, environment: dict[str, str]) -> None:
        command = [sys.executable, str(WORKER), peer, work]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.what = f"{peer} on {work}"
        self._answer()

    def ask(self, **request: Any) -> Any:
        """Send a request, and wait until it is answered."""
        self.process.stdin.write(json.dumps(request) + "\n")
        return self._answer()

    def _answer(self) -> Any:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.what} has stopped; see above")
        return json.loads(line)

    def end(self) -> None:
        """Let the process come to its end."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def alternate(work: works.Work, peers: list[str], rounds: int, environment: dict[str, str]) -> dict[str, Any]:
    """One work, done by all peers in turn."""
    runs: dict[str, list[list[float]]] = {peer: [] for peer in peers}
    workers: dict[str, Worker] = {}
    try:
        for peer in peers:
            workers[peer] = Worker(peer, work.name, environment)
        for number in range(rounds + 1):
            first = number % len(peers)
            for peer in peers[first:] + peers[:first]:
                time.sleep(PAUSE)
                seconds = workers[peer].ask(steps=work.steps)
                if number:  # the first round is for warming up
                    runs[peer].append([part / work.steps for part in seconds])
        apart = differences(workers, work)
    finally:
        for worker in workers.values():
            worker.end()
    return {"name": work.name, "steps": work.steps, "peers": table(runs, apart)}


def table(runs: dict[str, list[list[float]]], apart: dict[str, float]) -> list[dict[str, Any]]:
    """For each peer the median seconds of a step, and how many times as long as the first peer it took."""
    totals = {peer: np.sum(parts, axis=1) for peer, parts in runs.items()}
    rows = []
    for peer, parts in runs.items():
        low, middle, high = np.quantile(totals[peer] / totals[next(iter(runs))], [0.25, 0.5, 0.75])
        row = {
            "peer": peer,
            "seconds": float(np.median(totals[peer])),
            "ratio": float(middle),
            "quartiles": [float(low), float(high)],
        }
        if len(parts[0]) == len(STAGES):
            row["stages"] = dict(zip(STAGES, np.median(parts, axis=0).tolist(), strict=True))
        rows.append(row | ({"difference": apart[peer]} if peer in apart else {}))
    return rows


def differences(workers: dict[str, Worker], work: works.Work) -> dict[str, float]:
    """How far each peer's weights are from the first one's in the end, relative to the largest of them."""
    found: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for peer, worker in workers.items():
            path = Path(folder, f"{peer}.npz")
            worker.ask(save=str(path))
            with np.load(path) as archive:
                found[peer] = [archive[name] for name in archive.files]
    expected = next(iter(found.values()))
    apart = {}
    for peer, arrays in found.items():
        pairs = zip(arrays, expected, strict=True)
        apart[peer] = max(float(np.abs(array - other).max() / np.abs(other).max()) for array, other in pairs)
        if not apart[peer] <= work.tolerance:
            raise SystemExit(f"{peer} has not done the same work as the others on {work.name}: {apart[peer]:.1e} apart")
    return apart


def long_chains(peers: list[str], depth: int, repeats: int, environment: dict[str, str]) -> dict[str, Any]:
    """One long chain by each peer in turn, always in a new process."""
    runs: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
    for _ in range(repeats):
        for peer in peers:
            command = [sys.executable, str(WORKER), peer, "--long", str(depth)]
            run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            runs[peer].append(json.loads(run.stdout))
    rows = table({peer: [[one[stage] for stage in STAGES] for one in found] for peer, found in runs.items()}, {})
    for row in rows:
        for key in ("bytes", "returned"):
            row[key] = float(np.median([one[key] for one in runs[row["peer"]]]))
    return {"name": "long chain", "steps": 1, "peers": rows}


def judge(found: list[dict[str, Any]], name: str, column: str, beside: str, limit: float) -> dict[str, Any]:
    """How far vizgrad is from one target. Beside another peer than the first, it is the quotient of the medians."""
    rows = {row["peer"]: row for work in found if work["name"] == name for row in work["peers"]}
    ours = "recorded" if "recorded" in rows else "vizgrad"
    target = {"work": name, "column": column, "beside": beside, "limit": limit, "ratio": None}
    if ours in rows and beside in rows:
        target["ratio"] = rows[ours][column] / rows[beside][column]
        if column == "seconds" and beside == next(iter(rows)):
            target["ratio"] = rows[ours]["ratio"]
    return target
