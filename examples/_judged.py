"""How a trained network judges: which classes it confuses, how sure it is, and which images it is most wrong about."""

from __future__ import annotations

from typing import Any

import numpy as np
from _data import Array
from _torch_training import TorchTraining
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

SHOWN = 20  # images that are listed
BINS = 10


def inspect(training: TorchTraining) -> list[dict[str, Any]]:
    """How each network of a training judges the held-out images."""
    return [judged(of_seed, training.held_classes()) for of_seed in training.held_probabilities()]


def judged(probabilities: Array, classes: Array) -> dict[str, Any]:
    """All of it for one network, from probabilities (n, c) and the true classes (n,), as numbers for a result file."""
    said = probabilities.argmax(axis=1)
    every = np.arange(probabilities.shape[1])
    precision, recall, f1, images = precision_recall_fscore_support(classes, said, labels=every, zero_division=0)
    return {
        "confusion": confusion_matrix(classes, said, labels=every).tolist(),  # a row for each true class
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "images": images.tolist(),
        "most_confused": most_confused(probabilities, classes),
        "calibration": calibration(probabilities, classes),
    }


def most_confused(probabilities: Array, classes: Array) -> list[dict[str, Any]]:
    """The images whose true class is furthest behind the one that the network says, the worst first."""
    said = probabilities.argmax(axis=1)
    each = np.arange(len(classes))
    behind = probabilities[each, said] - probabilities[each, classes]
    wrong = np.flatnonzero(said != classes)
    worst = wrong[np.argsort(-behind[wrong], kind="stable")][:SHOWN]
    return [
        {
            "image": int(place),
            "true": int(classes[place]),
            "said": int(said[place]),
            "probability": float(probabilities[place, said[place]]),
            "of_true": float(probabilities[place, classes[place]]),
        }
        for place in worst
    ]


def calibration(probabilities: Array, classes: Array) -> dict[str, Any]:
    """How often the network is right among images of which it is equally sure, in bins of one tenth.

    ``error`` is the mean distance between the two over all images (the expected calibration error).
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = [
        {"images": int(chosen.sum()), "sure": float(sure[chosen].mean()), "right": float(right[chosen].mean())}
        for chosen in (place == number for number in range(BINS))
        if chosen.any()
    ]
    error = sum(one["images"] * abs(one["sure"] - one["right"]) for one in bins) / len(classes)
    return {"bins": bins, "error": error}
