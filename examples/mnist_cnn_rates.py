"""Which learning rate? 0.1 to 0.00001 for a small CNN on MNIST, with momentum and without.

python examples/mnist_cnn_rates.py --data-dir data    five seeds, 20 epochs; made for a GPU
python examples/mnist_cnn_rates.py --smoke            seconds on a CPU
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _data import Array
from _harness import main
from _mnist_cnn import VALIDATION, mnist_cnn
from _torch_training import TorchExperiment

RATES = (0.1, 0.01, 0.001, 0.0001, 0.00001)
KINDS = {"momentum": 0.9, "plain": 0.0}


def variant(kind: str, rate: float) -> str:
    return f"{kind} {rate:g}"


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """How accuracy depends on the rate, with momentum and without."""
    found: dict[str, Any] = {"rates": list(RATES)}
    for kind in KINDS:
        accuracy = {rate: curves[variant(kind, rate)]["accuracy"][:, -1] for rate in RATES}
        mean = {rate: float(of_rate.mean()) for rate, of_rate in accuracy.items()}
        ordered = (
            (accuracy[0.01] >= accuracy[0.001])
            & (accuracy[0.001] > accuracy[0.0001])
            & (accuracy[0.0001] > accuracy[0.00001])
        )
        found[f"{kind}: accuracy, by rate"] = list(mean.values())
        found[f"{kind}: best rate"] = max(RATES, key=mean.__getitem__)
        found[f"{kind}: seeds where 0.01, 0.001, 0.0001, 0.00001 come in this order"] = int(ordered.sum())
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="mnist_cnn_rates",
            about=__doc__,
            variants={
                variant(kind, rate): mnist_cnn(rate, momentum=momentum)
                for kind, momentum in KINDS.items()
                for rate in RATES
            },
            data=VALIDATION,
            epochs=20,
            claims=claims,
        )
    )
