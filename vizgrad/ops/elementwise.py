"""Functions applied to each entry: the gradient is the upstream gradient times the function's own slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad.core import Array, Op, Rule


class Id(Op):
    """x itself, as a new node."""

    symbol = "id"
    rule = Rule(forward=r"\v{out} = \v{x}", backward=(r"\g{x} = \g{out}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        return x

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go


class Exp(Op):
    """e to the power of x."""

    symbol = "exp"
    rule = Rule(forward=r"\v{out} = \exp \v{x}", backward=(r"\g{x} = \g{out} \odot \v{out}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["out"] = np.exp(x)
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go * context["out"]


class Log(Op):
    """The natural logarithm. It needs x > 0; elsewhere the result is -inf or nan, and a warning says so."""

    symbol = "log"
    rule = Rule(forward=r"\v{out} = \log \v{x}", backward=(r"\g{x} = \g{out} \oslash \v{x}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        outside = int(x.size - np.count_nonzero(x > 0))
        if outside == 0:
            return np.log(x)
        errors.outside_domain(
            "Log",
            "not above 0",
            outside,
            x.size,
            "-inf or nan",
            "keep the input positive, or use log-softmax for scores.",
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return go / context["x"]


class Sin(Op):
    """The sine of x, in radians."""

    symbol = "sin"
    rule = Rule(forward=r"\v{out} = \sin \v{x}", backward=(r"\g{x} = \g{out} \odot \cos \v{x}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        return np.sin(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go * np.cos(context["x"])


class Cos(Op):
    """The cosine of x, in radians."""

    symbol = "cos"
    rule = Rule(forward=r"\v{out} = \cos \v{x}", backward=(r"\g{x} = -\g{out} \odot \sin \v{x}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        return np.cos(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return -go * np.sin(context["x"])


class Tanh(Op):
    """The hyperbolic tangent of x."""

    symbol = "tanh"
    rule = Rule(forward=r"\v{out} = \tanh \v{x}", backward=(r"\g{x} = \g{out} \odot (1 - \v{out}^2)",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["out"] = np.tanh(x)
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        out = context["out"]
        return go * (1 - out * out)


class Sigmoid(Op):
    """1 / (1 + exp(-x)): between 0 and 1, with a slope of at most 1/4."""

    symbol = "σ"
    rule = Rule(
        forward=r"\v{out} = \sigma(\v{x})",
        backward=(r"\g{x} = \g{out} \odot \v{out} \odot (1 - \v{out})",),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        # exp of a large positive number overflows, so only ever of a negative one: for x < 0 this is e^x / (1 + e^x)
        e = np.exp(-np.abs(x))
        context["out"] = np.where(x >= 0, 1, e) / (1 + e)
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        out = context["out"]
        return go * out * (1 - out)


class ReLU(Op):
    """max(x, 0). At 0, where there is a kink, the slope is taken as 0."""

    symbol = "ReLU"
    rule = Rule(
        forward=r"\v{out} = \max(\v{x}, 0)",
        backward=(r"\g{x} = \g{out} \odot [\v{out} > 0]",),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["out"] = np.maximum(x, 0)
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go * (context["out"] > 0)
