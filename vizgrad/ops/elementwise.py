"""Functions applied to each entry: the gradient is the upstream gradient times the function's own slope.

Where an ordinary number has no ordinary result, a NumericsWarning says so in place of NumPy's own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad.core import Array, Op, Rule, needs_grad
from vizgrad.ops.broadcast import unbroadcast
from vizgrad.ops.erf import erfc

__all__ = [
    "GELU",
    "Abs",
    "Clip",
    "Cos",
    "Exp",
    "Id",
    "LeakyReLU",
    "Log",
    "Log1p",
    "Maximum",
    "Minimum",
    "ReLU",
    "Sigmoid",
    "Sin",
    "Softplus",
    "Sqrt",
    "Tanh",
    "Where",
]

Pair = tuple[Array | None, Array | None]


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
    """e to the power of x. Above about 709 (float64) or 88 (float32) the result is inf, and a warning says so."""

    symbol = "exp"
    rule = Rule(forward=r"\v{out} = \exp \v{x}", backward=(r"\g{x} = \g{out} \odot \v{out}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        with np.errstate(over="ignore"):
            context["out"] = out = np.exp(x)
        overflows = int(np.count_nonzero(np.isinf(out) & np.isfinite(x)))
        if overflows:
            errors.outside_domain(
                "Exp",
                f"too large for {x.dtype}",
                overflows,
                x.size,
                "inf",
                "subtract the largest entry first, or use softmax, logsoftmax or logsumexp, which do.",
            )
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        with np.errstate(all="ignore"):
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
        with np.errstate(all="ignore"):
            return go / context["x"]


class Log1p(Op):
    """log(1 + x), exact also for tiny x, where 1 + x would be rounded. It needs x > -1."""

    symbol = "log1p"
    rule = Rule(forward=r"\v{out} = \log(1 + \v{x})", backward=(r"\g{x} = \g{out} \oslash (1 + \v{x})",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        outside = int(x.size - np.count_nonzero(x > -1))
        if outside == 0:
            return np.log1p(x)
        errors.outside_domain(
            "Log1p", "not above -1", outside, x.size, "-inf or nan", "keep the input above -1: 1 + x must be positive."
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log1p(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        with np.errstate(all="ignore"):
            return go / (1 + context["x"])


class Sqrt(Op):
    """The square root. It needs x >= 0; elsewhere the result is nan, and a warning says so. At 0 the slope is inf."""

    symbol = "√"
    rule = Rule(forward=r"\v{out} = \sqrt{\v{x}}", backward=(r"\g{x} = \g{out} \oslash (2 \v{out})",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        with np.errstate(invalid="ignore"):
            context["out"] = np.sqrt(x)
        negative = int(np.count_nonzero(x < 0))
        if negative:
            errors.outside_domain(
                "Sqrt", "below 0", negative, x.size, "nan", "keep the input at 0 or above, or take its square first."
            )
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        with np.errstate(all="ignore"):
            return go / (2 * context["out"])


class Abs(Op):
    """The size of x without its sign. At 0, where there is a kink, the slope is taken as 0."""

    symbol = "|x|"
    rule = Rule(forward=r"\v{out} = |\v{x}|", backward=(r"\g{x} = \g{out} \odot \operatorname{sign}(\v{x})",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        return np.abs(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go * np.sign(context["x"])


class Sin(Op):
    """The sine of x, in radians."""

    symbol = "sin"
    rule = Rule(forward=r"\v{out} = \sin \v{x}", backward=(r"\g{x} = \g{out} \odot \cos \v{x}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        infinite = int(np.count_nonzero(np.isinf(x)))
        if infinite:
            errors.outside_domain("Sin", "infinite", infinite, x.size, "nan", "find the op that made it infinite.")
        with np.errstate(invalid="ignore"):
            return np.sin(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return go * np.cos(context["x"])


class Cos(Op):
    """The cosine of x, in radians."""

    symbol = "cos"
    rule = Rule(forward=r"\v{out} = \cos \v{x}", backward=(r"\g{x} = -\g{out} \odot \sin \v{x}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        infinite = int(np.count_nonzero(np.isinf(x)))
        if infinite:
            errors.outside_domain("Cos", "infinite", infinite, x.size, "nan", "find the op that made it infinite.")
        with np.errstate(invalid="ignore"):
            return np.cos(x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        with np.errstate(invalid="ignore"):
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
        context["out"] = _sigmoid(x)
        return context["out"]

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        out = context["out"]
        gradient = 1 - out
        gradient *= out  # in place: a wide layer then needs one new array, and not three
        gradient *= go
        return gradient


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


class LeakyReLU(Op):
    """x where x > 0, elsewhere slope * x: a unit that is switched off still learns. At 0 the slope is that of x < 0."""

    symbol = "leaky ReLU"
    rule = Rule(
        forward=r"\v{out} = \max(\v{x}, 0) + \k{slope} \cdot \min(\v{x}, 0)",
        backward=(r"\g{x} = \g{out} \odot ([\v{x} > 0] + \k{slope} \cdot [\v{x} \le 0])",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, slope: float = 0.01) -> Array:
        slope = float(slope)  # NumPy's float64 would make a float32 result wider
        context["x"], context["slope"] = x, slope
        return np.where(x > 0, x, slope * x)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return np.where(context["x"] > 0, go, context["slope"] * go)


class Softplus(Op):
    """log(1 + exp(x)), a smooth ReLU, without overflow. Its slope is the sigmoid."""

    symbol = "softplus"
    rule = Rule(
        forward=r"\v{out} = \log(1 + \exp \v{x})",
        backward=(r"\g{x} = \g{out} \odot \sigma(\v{x})",),
    )

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        context["x"] = x
        # exp of a large positive number overflows, so only ever of a negative one: log(1 + e^x) = x + log(1 + e^-x)
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return go * _sigmoid(context["x"])


class GELU(Op):
    """x times the probability that a standard normal variable is below x: a smooth ReLU that dips below 0.

    ``approximate="none"`` uses that probability itself (cdf), ``"tanh"`` a formula close to it; both are those of
    "Gaussian Error Linear Units" (arXiv:1606.08415), section 2.
    """

    symbol = "GELU"
    rule = Rule(
        forward=r"\v{out} = \v{x} \odot \operatorname{cdf}(\v{x})",
        backward=(r"\g{x} = \g{out} \odot (\operatorname{cdf}(\v{x}) + \v{x} \odot \operatorname{density}(\v{x}))",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, approximate: str = "none") -> Array:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"approximate is 'none' or 'tanh', not {approximate!r}")
        near = np.clip(x, -40, 40)  # beyond, the cdf is 0 or 1, and x^3 could overflow
        if approximate == "none":
            cdf = erfc(near * -math.sqrt(1 / 2)) / 2
        else:
            # (1 + tanh u) / 2 is the sigmoid of 2u, which keeps its digits where it is tiny
            cdf = _sigmoid(2 * math.sqrt(2 / math.pi) * (near + 0.044715 * near**3))
        context["x"], context["cdf"], context["approximate"] = near, cdf, approximate
        return np.maximum(x, -40) * cdf

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        x, cdf = context["x"], context["cdf"]
        if context["approximate"] == "none":
            density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        else:
            density = cdf * (1 - cdf) * (2 * math.sqrt(2 / math.pi)) * (1 + 3 * 0.044715 * x * x)
        return go * (cdf + x * density)


class Maximum(Op):
    """The larger of a and b, element by element. Where they are equal, each gets half of the gradient."""

    symbol = "max"
    rule = Rule(
        forward=r"\v{out} = \max(\v{a}, \v{b})",
        backward=(
            r"\g{a} = \g{out} \odot ([\v{a} > \v{b}] + \frac{1}{2} [\v{a} = \v{b}])",
            r"\g{b} = \g{out} \odot ([\v{b} > \v{a}] + \frac{1}{2} [\v{a} = \v{b}])",
        ),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        context["a"], context["b"] = a, b
        return np.maximum(a, b)

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        a, b = context["a"], context["b"]
        half = np.where(a == b, go / 2, 0)
        grad_a = unbroadcast(np.where(a > b, go, half), a.shape) if needs_grad(context, 0) else None
        grad_b = unbroadcast(np.where(b > a, go, half), b.shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Minimum(Op):
    """The smaller of a and b, element by element. Where they are equal, each gets half of the gradient."""

    symbol = "min"
    rule = Rule(
        forward=r"\v{out} = \min(\v{a}, \v{b})",
        backward=(
            r"\g{a} = \g{out} \odot ([\v{a} < \v{b}] + \frac{1}{2} [\v{a} = \v{b}])",
            r"\g{b} = \g{out} \odot ([\v{b} < \v{a}] + \frac{1}{2} [\v{a} = \v{b}])",
        ),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        context["a"], context["b"] = a, b
        return np.minimum(a, b)

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        a, b = context["a"], context["b"]
        half = np.where(a == b, go / 2, 0)
        grad_a = unbroadcast(np.where(a < b, go, half), a.shape) if needs_grad(context, 0) else None
        grad_b = unbroadcast(np.where(b < a, go, half), b.shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Where(Op):
    """a where ``condition`` holds, elsewhere b. The condition, an array of booleans, is broadcast with them."""

    symbol = "where"
    rule = Rule(
        forward=r"\v{out} = \k{condition} \odot \v{a} + (1 - \k{condition}) \odot \v{b}",
        backward=(r"\g{a} = \k{condition} \odot \g{out}", r"\g{b} = (1 - \k{condition}) \odot \g{out}"),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array, *, condition: Any) -> Array:
        condition = np.asarray(condition)
        if condition.dtype != bool:
            raise ValueError(f"the condition holds booleans, such as x > 0 gives, not {condition.dtype}")
        context["condition"], context["shapes"] = condition, (a.shape, b.shape)
        return np.where(condition, a, b)

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        condition, (a_shape, b_shape) = context["condition"], context["shapes"]
        grad_a = unbroadcast(np.where(condition, go, 0), a_shape) if needs_grad(context, 0) else None
        grad_b = unbroadcast(np.where(condition, 0, go), b_shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Clip(Op):
    """x kept between ``low`` and ``high``, either of which may be None. Outside the slope is 0, on the limits 1."""

    symbol = "clip"
    rule = Rule(
        forward=r"\v{out} = \min(\max(\v{x}, \k{low}), \k{high})",
        backward=(r"\g{x} = \g{out} \odot [\k{low} \le \v{x} \le \k{high}]",),
    )

    @staticmethod
    def forward(context: Any, x: Array, *, low: float | None = None, high: float | None = None) -> Array:
        context["low"] = low = -math.inf if low is None else float(low)
        context["high"] = high = math.inf if high is None else float(high)
        if low > high:
            raise ValueError(f"low, {low:g}, is above high, {high:g}")
        context["x"] = x
        return np.clip(x, low, high)

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        x = context["x"]
        return go * ((context["low"] <= x) & (x <= context["high"]))


def _sigmoid(x: Array) -> Array:
    # For very negative x the exponential overflows to infinity, and 1 / infinity is 0, as it should be.
    with np.errstate(over="ignore"):
        e = np.exp(-x)
    e += 1
    return 1 / e
