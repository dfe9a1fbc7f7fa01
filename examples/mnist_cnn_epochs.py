"""How many epochs? A small CNN on MNIST for 100 of them, read where the report reads it.

python examples/mnist_cnn_epochs.py --data-dir data    five seeds; made for a GPU
python examples/mnist_cnn_epochs.py --smoke            seconds on a CPU
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import Array
from _harness import main
from _mnist_cnn import VALIDATION, mnist_cnn
from _torch_training import TorchExperiment

READ = (5, 10, 20, 30, 50, 70, 100)
KINDS: dict[str, dict[str, float]] = {"momentum": {}, "plain": {"momentum": 0.0}}


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Accuracy and loss at the reported epochs, what more epochs bring, and what stopping early would bring."""
    last = next(iter(curves.values()))["accuracy"].shape[1] - 1
    read = [epoch for epoch in READ if epoch <= last] or [last]
    found: dict[str, Any] = {"epochs": read}
    for kind in KINDS:
        accuracy, summed, loss = (curves[kind][name] for name in ("accuracy", "loss_sum", "train_loss"))
        found[f"{kind}: accuracy, by epochs"] = accuracy[:, read].mean(axis=0).tolist()
        found[f"{kind}: summed loss, by epochs"] = summed[:, read].mean(axis=0).tolist()
        falls = (np.diff(loss[:, read], axis=1) < 0).all(axis=1)
        found[f"{kind}: seeds whose training loss falls from each of these epochs to the next"] = int(falls.sum())
        change = accuracy[:, -1] - accuracy[:, min(50, last)]
        found[f"{kind}: change of accuracy from epoch {min(50, last)} to {last}"] = float(change.mean())
        best = accuracy[:, 1:].argmax(axis=1) + 1
        found[f"{kind}: epoch with the best accuracy, by seed"] = best.tolist()
        found[f"{kind}: best accuracy, by seed"] = accuracy.max(axis=1).tolist()
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="mnist_cnn_epochs",
            about=__doc__,
            variants={kind: mnist_cnn(**settings) for kind, settings in KINDS.items()},
            data=VALIDATION,
            epochs=READ[-1],
            claims=claims,
        )
    )
