"""vizgrad shows every derivative: a small autodiff library on NumPy that records what it does, forward and backward."""

from vizgrad import nn, ops, optim
from vizgrad.core import Context, Op, OpNode, Rule, TensorNode, no_grad
from vizgrad.draw import Drawing, DrawingError, draw
from vizgrad.errors import (
    DtypeError,
    GradientError,
    GraphError,
    NumericsWarning,
    OpDefinitionError,
    ShapeError,
    TraceError,
    VizgradError,
)
from vizgrad.functions import (
    celoss,
    cos,
    exp,
    load_synth,
    log,
    logceloss,
    logsoftmax,
    relu,
    sigmoid,
    sin,
    softmax,
    tanh,
)
from vizgrad.nn import MLP, Linear, Module
from vizgrad.ops import *  # noqa: F403
from vizgrad.optim import SGD
from vizgrad.trace import Trace, record

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Context",
    "Drawing",
    "DrawingError",
    "DtypeError",
    "GradientError",
    "GraphError",
    "Linear",
    "Module",
    "NumericsWarning",
    "Op",
    "OpDefinitionError",
    "OpNode",
    "Rule",
    "ShapeError",
    "TensorNode",
    "Trace",
    "TraceError",
    "VizgradError",
    "celoss",
    "cos",
    "draw",
    "exp",
    "load_synth",
    "log",
    "logceloss",
    "logsoftmax",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "record",
    "relu",
    "sigmoid",
    "sin",
    "softmax",
    "tanh",
    *ops.__all__,
]
