"""Result files: what the experiments wrote, and the sentence that says where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FOLDER = Path(__file__).parent.parent / "results"
EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def result(name: str) -> Any:
    """A result file, with its fields as attributes."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        raise ValueError(f"there is no docs/results/{name}.json; run examples/{name}.py")
    return json.loads(path.read_text(encoding="utf-8"), object_hook=lambda fields: SimpleNamespace(**fields))


def provenance(name: str) -> str:
    """Which run the numbers come from, as one sentence."""
    found = result(name)
    run = found.provenance
    versions = ", ".join(f"{library} {version}" for library, version in vars(run.libraries).items())
    program = f"examples/{name}" if (EXAMPLES / name).is_dir() else f"examples/{name}.py"
    return (
        f"`{program}`, commit `{run.commit}`, {run.date}: {run.wall_seconds:.0f} s by the clock "
        f"on {run.hardware} ({versions}). Data: {found.data}. Raw file: [`{name}.json`](../results/{name}.json)."
    )
