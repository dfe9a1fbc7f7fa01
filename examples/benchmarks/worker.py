"""One implementation in a process of its own, which works when it is asked to.

python worker.py PEER WORK          reads requests from stdin, answers on stdout, one line of JSON for each
python worker.py PEER --long DEPTH  one long chain: seconds, and what it takes of memory
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import works


def main() -> None:
    """Serve, or measure the long chain."""
    peer, name, *rest = sys.argv[1:]
    answer = long_chain(peer, int(rest[0])) if name == "--long" else serve(peer, name)
    if answer:
        print(json.dumps(answer), flush=True)


def serve(peer: str, name: str) -> None:
    """Answer ``{"steps": n}`` with the seconds they took, and ``{"save": path}`` once the weights are there."""
    work = next(work for work in works.WORKS if work.name == name)
    trained = build(peer, work)
    done = 0
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "save" in request:
            np.savez(request["save"], *trained.weights())
            answer: Any = "saved"
        elif work.kind == "Chain":
            answer = np.sum([stages(trained) for _ in range(request["steps"])], axis=0).tolist()
        else:
            start = perf_counter()
            for number in range(done, done + request["steps"]):
                trained.step(number)
            answer = [perf_counter() - start]
            done += request["steps"]
        print(json.dumps(answer), flush=True)


def stages(chain: Any) -> list[float]:
    """Seconds of each stage of a chain: forward, backward, freeing. No collector of cycles may help to free."""
    gc.enable()
    times = [perf_counter()]
    for _ in chain.stages():
        times.append(perf_counter())
        if len(times) == 3:
            gc.disable()
    return np.diff(times).tolist()


def build(peer: str, work: works.Work, **settings: Any) -> Any:
    """What a peer makes of a work's inputs."""
    inputs = works.INPUTS[work.kind](work, **settings)
    return getattr(importlib.import_module(f"peer_{peer}"), work.kind)(**inputs)


def long_chain(peer: str, depth: int) -> dict[str, float]:
    """Seconds of each stage, bytes of memory for each op, and the share of them that is free again at the end."""
    import psutil

    process = psutil.Process()
    work = next(work for work in works.WORKS if work.kind == "Chain")
    stages(build(peer, work, depth=10))  # what is set up only once is not counted
    chain = build(peer, work, depth=depth)
    before = process.memory_info().rss
    forward, backward, freeing = stages(chain)
    hand_back()
    after = process.memory_info().rss
    highest = peak()
    return {
        "forward": forward,
        "backward": backward,
        "freeing": freeing,
        "bytes": (highest - before) / depth,
        "returned": 1 - (after - before) / (highest - before),
    }


def peak() -> int:
    """The most memory that this process has had so far, in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:  # not Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    # Not ru_maxrss: on Linux it begins with what the parent process had.
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def hand_back() -> None:
    """Ask the C library to give the system what has been freed; some keep it for later."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main()
