"""The final run of a small CNN on CIFAR-10: Adam at 0.0005 for ten epochs, judged once by the test images.

python examples/cifar_final.py --data-dir data    five seeds
python examples/cifar_final.py --smoke            a few seconds

The result file also holds, for each seed, the confusion matrix, precision, recall and F1 of each class, the images that
the network is most wrong about (their places among the test images, and the classes as numbers), and how far its
probabilities can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from _data import CIFAR_CLASSES, Array, Data
from _harness import main
from _images import cifar10_images, halves
from _judged import inspect
from _torch_training import Settings, TorchExperiment


def images(folder: Path | None) -> Data:
    return replace(cifar10_images(folder, halves, "test"), facts={"classes": CIFAR_CLASSES})


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Both accuracies after the last epoch, and how far they are apart."""
    train, test = (curves["final"][name][:, -1] for name in ("train_accuracy", "accuracy"))
    return {
        "test accuracy": float(test.mean()),
        "training accuracy": float(train.mean()),
        "gap between the two": float((train - test).mean()),
        "test accuracy, by seed": test.tolist(),
    }


if __name__ == "__main__":
    final = Settings("small_cnn", lr=0.0005, of={"channels": 3, "size": 32}, optimiser="Adam", batch=64)
    main(
        TorchExperiment(
            name="cifar_final",
            about=__doc__,
            variants={"final": final},
            data=images,
            epochs=10,
            claims=claims,
            libraries=("numpy", "scikit-learn", "torch"),
            inspect=inspect,
        )
    )
