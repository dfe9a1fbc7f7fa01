"""Paths of optimisers down a quadratic, run with the library, and drawn for a page.

The loss is (x² + curvature · y²) / 2: a round bowl for a curvature of 1, and a ravine along x for a large one.
``docs/assets/js/descent.js`` draws into the same SVG: its units are those of x and y, so that only numbers change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import runs
from numpy.typing import NDArray

import vizgrad as vg

START = np.array([-9.0, 2.0])
STEPS = 40
_RADII = (2, 4, 6, 8, 10, 12, 14)  # of the contours, along x
_VIEW = (-11, -4, 22, 8)
_FAR = 1e3  # a path ends where it leaves this: a browser draws no larger numbers

Make = Callable[[list[vg.TensorNode]], vg.optim.Optimiser]
Path = NDArray[np.float64]


def descend(make: Make, curvature: float, steps: int = STEPS, turn: float = 0.0) -> Path:
    """Every point of a path, (steps + 1, 2), from the start; ravine and start can be turned by some degrees."""
    turned = _turned(turn)
    w = vg.TensorNode(START @ turned)
    optimiser = make([w])
    path = [w.value]
    for _ in range(steps):
        optimiser.zero_grad()
        along = w @ turned.T
        (along * along * [0.5, 0.5 * curvature]).sum().backward()
        optimiser.step()
        path.append(w.value)
    return np.array(path)


def loss(path: Path, curvature: float, turn: float = 0.0) -> float:
    """The loss at the end of a path."""
    x, y = path[-1] @ _turned(turn).T
    return float((x**2 + curvature * y**2) / 2)


def _turned(degrees: float) -> Path:
    """The directions along and across the ravine, as rows."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def ravine(program: str, *names: str, label: str) -> str:
    """Some paths of a program, which defines ``curvature`` and ``paths``, a dict of names and paths, as a figure."""
    found = runs.variables(program)
    curvature = found["curvature"]
    rings = "".join(f'<ellipse rx="{r}" ry="{r / np.sqrt(curvature):.4g}"/>' for r in _RADII)
    lines = "".join(_line(found["paths"][name], place) for place, name in enumerate(names, 1))
    keys = " ".join(f'<span class="vg-path-{place}">{name}</span>' for place, name in enumerate(names, 1))
    box = " ".join(map(str, _VIEW))
    return (
        f'<figure class="vg-ravine"><svg viewBox="{box}" role="img" aria-label="{label}"><g transform="scale(1 -1)">'
        f'<g class="vg-rings">{rings}</g>{lines}</g></svg><figcaption>{keys}</figcaption></figure>'
    )


def _line(path: Path, place: int) -> str:
    points = [f"{x:.4g},{y:.4g}" for x, y in _near(path)]
    dots = "".join(f"M{point}h0" for point in points)
    return f'<g class="vg-path-{place}"><path d="M{" ".join(points)}"/><path class="vg-dots" d="{dots}"/></g>'


def _near(path: Path) -> Iterable[Any]:
    far = np.flatnonzero(np.abs(path).max(axis=1) > _FAR)
    return path[: far[0] + 1] if len(far) else path
