"""The final run of a small CNN on MNIST, judged once by the test images; and the same network, better trained.

python examples/mnist_cnn_final.py --data-dir data    five seeds, 50 epochs; made for a GPU
python examples/mnist_cnn_final.py --smoke            seconds on a CPU

"reported" is Adam at 0.01 with weights by Glorot's rule, a rate that was chosen with another optimiser. "better" has a
rate that rises to 0.003 and falls to 0, a little weight decay, and training images that are moved by up to two pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _data import Array
from _harness import main
from _judged import inspect
from _mnist_cnn import TEST, mnist_cnn
from _torch_training import TorchExperiment

EPOCHS = 50
VARIANTS = {
    "reported": mnist_cnn(optimiser="Adam", init="glorot"),
    "better": mnist_cnn(0.003, optimiser="AdamW", init="glorot", cycle=EPOCHS, shift=2, decay=0.01),
}


def claims(curves: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Accuracy on the test images and loss on those for training, after the last epoch."""
    found: dict[str, Any] = {}
    for name in VARIANTS:
        accuracy, loss, summed = (curves[name][measure][:, -1] for measure in ("accuracy", "train_loss", "loss_sum"))
        found[f"{name}: test accuracy"] = float(accuracy.mean())
        found[f"{name}: test accuracy, by seed"] = accuracy.tolist()
        found[f"{name}: training loss of an image"] = float(loss.mean())
        found[f"{name}: training loss, summed"] = float(summed.mean())
    return found


if __name__ == "__main__":
    main(
        TorchExperiment(
            name="mnist_cnn_final",
            about=__doc__,
            variants=VARIANTS,
            data=TEST,
            epochs=EPOCHS,
            claims=claims,
            libraries=("numpy", "scikit-learn", "torch"),
            inspect=inspect,
        )
    )
