"""The course's own training run on MNIST: one hidden layer of 3,136 sigmoid units, learning rate 0.0001.

python examples/mnist_baseline.py --data-dir data    five seeds, 20 epochs
python examples/mnist_baseline.py --smoke            a few seconds
"""

from __future__ import annotations

from _data import mnist
from _harness import Experiment, main
from _mlp import MLPTraining, Settings

if __name__ == "__main__":
    main(
        Experiment(
            name="mnist_baseline",
            about=__doc__,
            variants={"mnist": Settings(4 * 784, lr=1e-4)},
            start=MLPTraining,
            data=mnist,
            epochs=20,
        )
    )
