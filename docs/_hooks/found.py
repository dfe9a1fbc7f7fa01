"""A result file beside the script that wrote it: what is in it, and whether the run was a full one."""

from __future__ import annotations

import ast
import json
from functools import cached_property
from typing import Any

import numpy as np
import results
from rules import SEEDS


class Found:
    """The result file of a script.

    Args:
        script: its name.

    Attributes:
        seeds, epochs: of the run; no epochs where there are none.
        images: how many it was restricted to, if it was.
        full: how many of both the script asks for when it is left alone.
    """

    def __init__(self, script: str) -> None:
        self.script = script
        self.content: dict[str, Any] = json.loads((results.FOLDER / f"{script}.json").read_text(encoding="utf-8"))
        config = self.content["config"]
        self.seeds = len(config["seeds"]) if "seeds" in config else None
        self.epochs = config.get("epochs")
        self.images = config.get("images")
        self.full = (SEEDS, epochs_of(script))

    @property
    def reduced(self) -> bool:
        """Whether it has fewer seeds, epochs or images than the full run, or another set of data."""
        seeds, epochs = self.full
        return self.stand_in or bool(self.images) or (self.seeds or seeds) < seeds or (self.epochs or 0) < (epochs or 0)

    @property
    def stand_in(self) -> bool:
        """Whether it learned from what stands in for the data in a quick try."""
        return bool(self.content.get("data", "").startswith("not "))

    @cached_property
    def variants(self) -> dict[str, Any]:
        """Curves and final numbers of each variant; one that is alone has no name."""
        return self.content.get("variants") or {"": self.content}

    def claim(self, key: str) -> Any:
        """A number that the script itself has concluded."""
        return self.content["claims"][key]

    def curve(self, measure: str, variant: str = "") -> np.ndarray:
        """A measure, (seeds, epochs + 1); nan where the run diverged."""
        return np.array(self.variants[variant]["curves"][measure], dtype=float)

    def final(self, measure: str, variant: str = "") -> float | None:
        """A measure after the last epoch, the mean of the seeds."""
        mean: float | None = self.variants[variant]["final"][measure]["mean"]
        return mean


def found(script: str) -> Found | None:
    """The result file of a script, or nothing where it has not been run."""
    return Found(script) if (results.FOLDER / f"{script}.json").exists() else None


def source(script: str) -> str:
    """The text of a script; nothing where there is none."""
    path = results.EXAMPLES / f"{script}.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def constants(script: str) -> dict[str, Any]:
    """What a script writes out, by the names that it gives: the script itself is not run."""
    named: dict[str, Any] = {}
    for node in ast.parse(source(script)).body:
        if not isinstance(node, ast.Assign):
            continue
        try:
            value = ast.literal_eval(node.value)
        except ValueError:  # it is computed
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                named[target.id] = value
            elif isinstance(target, ast.Tuple):
                named |= {
                    name.id: one for name, one in zip(target.elts, value, strict=True) if isinstance(name, ast.Name)
                }
    return named


def epochs_of(script: str) -> int | None:
    """How many epochs a script asks for; nothing where it trains nothing."""
    for node in ast.walk(ast.parse(source(script))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Experiment"):
            value = next(keyword.value for keyword in node.keywords if keyword.arg == "epochs")
            return int(eval(compile(ast.Expression(value), f"{script}.py", "eval"), constants(script)))
    return None
