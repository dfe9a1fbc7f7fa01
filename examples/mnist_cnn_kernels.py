"""Which kernel? 3, 5 and 7 pixels for both convolutions of a small CNN on MNIST.

python examples/mnist_cnn_kernels.py --data-dir data    five seeds, 20 epochs; made for a GPU
python examples/mnist_cnn_kernels.py --smoke            seconds on a CPU

A larger kernel leaves smaller maps, and so fewer parameters for the first linear layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _data import Array
from _harness import main
from _mnist_cnn import VALIDATION, mnist_cnn
from _networks import parameters, small_cnn
from _torch_training import TorchExperiment

KERNELS = (3, 5, 7)


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """What each kernel reaches, and how many parameters it does it with."""
    accuracy = {kernel: curves[str(kernel)]["accuracy"][:, -1] for kernel in KERNELS}
    return {
        "accuracy, by kernel": [float(of_kernel.mean()) for of_kernel in accuracy.values()],
        "parameters, by kernel": [parameters(small_cnn(1, 28, kernel)) for kernel in KERNELS],
        "best kernel": max(KERNELS, key=lambda kernel: accuracy[kernel].mean()),
    }


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="mnist_cnn_kernels",
            about=__doc__,
            variants={str(kernel): mnist_cnn(kernel=kernel) for kernel in KERNELS},
            data=VALIDATION,
            epochs=20,
            claims=claims,
        )
    )
