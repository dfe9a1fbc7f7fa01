"""vizgrad shows every derivative: a small autodiff library on NumPy that records what it does, forward and backward."""

from typing import Any

from vizgrad import functions, nn, ops, optim
from vizgrad.check import GradientReport, check_op, detect_anomaly, gradcheck
from vizgrad.core import Context, Op, OpNode, TensorNode, no_grad
from vizgrad.datasets import load_digits, load_mnist, load_synth
from vizgrad.draw import Drawing, DrawingError, draw
from vizgrad.errors import (
    AnomalyError,
    DataError,
    DtypeError,
    GradientError,
    GraphError,
    MissingPackageError,
    NumericsWarning,
    OpDefinitionError,
    OutOfRangeError,
    SettingError,
    ShapeError,
    StateError,
    TraceError,
    VizgradError,
)
from vizgrad.functions import *
from vizgrad.nn import (
    MLP,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    Linear,
    MaxPool2d,
    Module,
    Sequential,
)
from vizgrad.ops import *
from vizgrad.optim import SGD, Adam, Adamax, AdamW, RMSprop
from vizgrad.rule import Rule
from vizgrad.trace import Trace, record

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "Adamax",
    "AnomalyError",
    "AvgPool2d",
    "BatchNorm",
    "Context",
    "Conv2d",
    "DataError",
    "Drawing",
    "DrawingError",
    "Dropout",
    "DtypeError",
    "Embedding",
    "Flatten",
    "GradientError",
    "GradientReport",
    "GraphError",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "MissingPackageError",
    "Module",
    "NumericsWarning",
    "Op",
    "OpDefinitionError",
    "OpNode",
    "OutOfRangeError",
    "RMSprop",
    "Rule",
    "Sequential",
    "SettingError",
    "ShapeError",
    "StateError",
    "TensorNode",
    "Trace",
    "TraceError",
    "VizgradError",
    "check_op",
    "detect_anomaly",
    "draw",
    "gradcheck",
    "load_digits",
    "load_mnist",
    "load_synth",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "record",
]
__all__ += functions.__all__
__all__ += ops.__all__


def __getattr__(name: str) -> Any:
    """``vg.record_torch`` brings PyTorch in, so it is looked up when it is asked for."""
    if name == "record_torch":
        from vizgrad.torch_bridge import record_torch

        return record_torch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
