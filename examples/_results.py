"""Result files: what an experiment found, and everything that is needed to judge it."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "results"


class Result:
    """Collects what a run finds and writes it, whole or not at all.

    Args:
        name: of the result file, without ending.
        config: every setting that the numbers depend on.
        data: which data set, in which variant.
        libraries: distributions whose versions matter.
        device: what computes, "cpu" or "cuda".
    """

    def __init__(self, name: str, config: dict[str, Any], data: str, libraries: list[str], device: str = "cpu") -> None:
        self.name = name
        self._start = time.perf_counter()
        self.content: dict[str, Any] = {
            "name": name,
            "config": config,
            "data": data,
            "provenance": {
                "commit": _commit(),
                "hardware": f"{_processor()}, {os.cpu_count()} logical cores" + _accelerator(device),
                "system": f"{platform.system()} {platform.machine()}",
                "libraries": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
            },
        }

    def write(self, folder: Path = FOLDER, seconds: float | None = None, **found: Any) -> Path:
        """Write the result file; a reader never sees half of one.

        Args:
            folder: where it is written.
            seconds: what the run took, where it is not the time since this object was made.
            **found: what the run has found.
        """
        took = time.perf_counter() - self._start if seconds is None else seconds
        self.content["provenance"]["date"] = datetime.now(UTC).date().isoformat()
        self.content["provenance"]["wall_seconds"] = round(took, 2)
        path = folder / f"{self.name}.json"
        text = json.dumps(_plain({**self.content, **found}), indent=1, allow_nan=False)
        write_whole(path, f"{text}\n".encode())
        return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, also where the program or the machine stops in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _plain(value: Any) -> Any:
    """A value as JSON has it: there is no nan and no infinity, which a diverging run brings; null stands for both."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _commit() -> str:
    """The commit that the program was run from; "+" where files had been changed since."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "vizgrad", "examples"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _accelerator(device: str) -> str:
    if device == "cpu":
        return ""
    import torch

    return f", {torch.cuda.get_device_name()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
