"""All operations: each is a forward, a backward, and the rule that says why the backward is right."""

from vizgrad.ops.arithmetic import Add, Divide, Multiply, Negate, Power, Sub
from vizgrad.ops.elementwise import Cos, Exp, Id, Log, ReLU, Sigmoid, Sin, Tanh
from vizgrad.ops.linear import BatchMM, MatrixMultiply
from vizgrad.ops.normalise import LogSoftmax, Normalize
from vizgrad.ops.reduce import Mean, RowMax, RowSum, Sum
from vizgrad.ops.shape import Expand, Reshape, Select, Squeeze, Transpose, Unsqueeze

__all__ = [
    "Add",
    "BatchMM",
    "Cos",
    "Divide",
    "Exp",
    "Expand",
    "Id",
    "Log",
    "LogSoftmax",
    "MatrixMultiply",
    "Mean",
    "Multiply",
    "Negate",
    "Normalize",
    "Power",
    "ReLU",
    "Reshape",
    "RowMax",
    "RowSum",
    "Select",
    "Sigmoid",
    "Sin",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Transpose",
    "Unsqueeze",
]
