"""Do momentum, RMSprop, Adam, AdamW and Adamax, written out as on their pages, take the steps of PyTorch and vizgrad?

    python examples/optimisers.py            300 steps each, a second
    python examples/optimisers.py --smoke    a few steps

Writes ``docs/results/optimisers.json``. The pages show the rules from this file, between the marks.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _results import FOLDER, Result

import vizgrad as vg

STEPS, SEED, RATE = 300, 0, 0.01


# --8<-- [start:momentum]
def momentum(p, gradients, lr, beta=0.9):
    v = 0.0
    for g in gradients:
        v = g + beta * v
        p = p - lr * v
        yield p


# --8<-- [end:momentum]


# --8<-- [start:rmsprop]
def rmsprop(p, gradients, lr, alpha=0.99, eps=1e-8):
    v = 0.0
    for g in gradients:
        v = alpha * v + (1 - alpha) * g**2
        p = p - lr * g / (np.sqrt(v) + eps)
        yield p


# --8<-- [end:rmsprop]


# --8<-- [start:adam]
def adam(p, gradients, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
        yield p


# --8<-- [end:adam]


# --8<-- [start:adamw]
def adamw(p, gradients, lr, decay=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p = p - lr * decay * p
        p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
        yield p


# --8<-- [end:adamw]


# --8<-- [start:adamax]
def adamax(p, gradients, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    m = u = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        u = np.maximum(beta2 * u, abs(g) + eps)
        p = p - lr / (1 - beta1**t) * m / u
        yield p


# --8<-- [end:adamax]

Rule = Callable[..., Iterator[Any]]
RULES: dict[str, Rule] = {"SGD": momentum, "RMSprop": rmsprop, "Adam": adam, "AdamW": adamw, "Adamax": adamax}
SETTINGS: dict[str, dict[str, float]] = {"SGD": {"momentum": 0.9}}


def paths(name: str, start: np.ndarray, gradients: np.ndarray) -> dict[str, np.ndarray]:
    """Every point of the three paths that the same gradients lead along."""
    w, tensor = vg.TensorNode(start), torch.tensor(start, requires_grad=True)
    settings = {"lr": RATE, **SETTINGS.get(name, {})}
    ours, theirs = getattr(vg, name)([w], **settings), getattr(torch.optim, name)([tensor], **settings)
    found: dict[str, list[np.ndarray]] = {"vizgrad": [], "torch": []}
    for g in gradients:
        w.grad, tensor.grad = g, torch.tensor(g)
        ours.step()
        theirs.step()
        found["vizgrad"].append(w.value)
        found["torch"].append(tensor.detach().numpy().copy())
    written = np.array(list(RULES[name](start, gradients, RATE)))
    return {"written": written, **{who: np.array(path) for who, path in found.items()}}


def main() -> None:
    """Compare all of them, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few steps, result into a temporary folder")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the result file")
    options = parser.parse_args()
    steps = 5 if options.smoke else STEPS
    rng = np.random.default_rng(SEED)
    start, gradients = rng.standard_normal(8), rng.standard_normal((steps, 8))
    config = {"steps": steps, "lr": RATE, "parameters": start.size, "seed": SEED, "dtype": "float64"}
    result = Result("optimisers", config, "random gradients from a normal distribution", ["numpy", "torch"])
    rows = []
    for name in RULES:
        found = paths(name, start, gradients)
        rows.append(
            {
                "name": name,
                "written_torch": float(abs(found["written"] - found["torch"]).max()),
                "vizgrad_torch": float(abs(found["vizgrad"] - found["torch"]).max()),
                "first_step": float(abs(found["torch"][0] - start).mean() / RATE),
            }
        )
    print(result.write(Path(tempfile.mkdtemp()) if options.smoke else options.out, rows=rows))


if __name__ == "__main__":
    main()
