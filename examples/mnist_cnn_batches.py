"""Which batch size? 16 to 256 for a small CNN on MNIST, and what becomes of the answer in another unit of the loss.

python examples/mnist_cnn_batches.py --data-dir data    five seeds, 20 epochs; made for a GPU
python examples/mnist_cnn_batches.py --smoke            seconds on a CPU

The batch means of an epoch, added up, are a loss that shrinks with the number of batches: at twice the batch size it is
half as large for the same network. The loss of an image does not depend on that. Three ways to choose the rate: always
0.01, with momentum and without, and in proportion to the batch size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from _data import Array
from _harness import main
from _mnist_cnn import RATE, VALIDATION, at_most, finite, mnist_cnn
from _torch_training import TorchExperiment

BATCHES = (16, 32, 64, 128, 256)
SMALLEST = BATCHES[0]
EARLY = 2  # epochs after which the batch sizes differ most
KINDS: dict[str, dict[str, float]] = {"momentum": {}, "plain": {"momentum": 0.0}, "scaled rate": {}}


def rate(kind: str, batch: int) -> float:
    """The learning rate; the scaled one is 0.01 for the largest batch."""
    return RATE * batch / BATCHES[-1] if kind == "scaled rate" else RATE


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Which batch size has the lowest loss, in both units, early and at the end."""
    found: dict[str, Any] = {"batch sizes": list(BATCHES)}
    for kind in KINDS:
        for measure, unit in (("loss_sum", "summed loss"), ("train_loss", "loss of an image")):
            loss = np.stack([curves[f"{kind} {batch}"][measure] for batch in BATCHES])  # (batches, seeds, epochs + 1)
            for epoch in dict.fromkeys((at_most(EARLY, loss[0]), loss.shape[2] - 1)):
                lowest = finite(loss[:, :, epoch]).argmin(axis=0)
                where = f"{kind}: seeds where batch {{}} has the lowest {unit} after epoch {epoch}"
                found[where.format(SMALLEST)] = int((lowest == 0).sum())
                found[where.format(BATCHES[-1])] = int((lowest == len(BATCHES) - 1).sum())
                found[f"{kind}: {unit} after epoch {epoch}, by batch size"] = loss[:, :, epoch].mean(axis=1).tolist()
        accuracy = [float(curves[f"{kind} {batch}"]["accuracy"][:, -1].mean()) for batch in BATCHES]
        found[f"{kind}: accuracy, by batch size"] = accuracy
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="mnist_cnn_batches",
            about=__doc__,
            variants={
                f"{kind} {batch}": mnist_cnn(rate(kind, batch), batch=batch, **settings)
                for kind, settings in KINDS.items()
                for batch in BATCHES
            },
            data=VALIDATION,
            epochs=20,
            claims=claims,
        )
    )
