"""Arithmetic between tensors of any shapes that broadcast: + - * / ** and the sign."""

from __future__ import annotations

from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad.core import Array, Op, Rule, needs_grad
from vizgrad.ops.broadcast import unbroadcast

__all__ = ["Add", "Divide", "Multiply", "Negate", "Power", "Sub"]

Pair = tuple[Array | None, Array | None]

# On small arrays the checks cost as much as the arithmetic. So each backward begins with the common case: equal shapes,
# and both gradients wanted, which the engine says by a context that is a plain dict.


class Add(Op):
    """a + b, element by element."""

    symbol = "+"
    rule = Rule(
        forward=r"\v{out} = \v{a} + \v{b}",
        backward=(r"\g{a} = \g{out}", r"\g{b} = \g{out}"),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        if a.shape != b.shape:
            context["shapes"] = a.shape, b.shape
        return a + b

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        if type(context) is dict and "shapes" not in context:
            return go, go
        a_shape, b_shape = context.get("shapes", (go.shape, go.shape))
        grad_a = unbroadcast(go, a_shape) if needs_grad(context, 0) else None
        grad_b = unbroadcast(go, b_shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Sub(Op):
    """a - b, element by element."""

    symbol = "−"
    rule = Rule(
        forward=r"\v{out} = \v{a} - \v{b}",
        backward=(r"\g{a} = \g{out}", r"\g{b} = -\g{out}"),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        if a.shape != b.shape:
            context["shapes"] = a.shape, b.shape
        return a - b

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        if type(context) is dict and "shapes" not in context:
            return go, -go
        a_shape, b_shape = context.get("shapes", (go.shape, go.shape))
        grad_a = unbroadcast(go, a_shape) if needs_grad(context, 0) else None
        grad_b = -unbroadcast(go, b_shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Multiply(Op):
    """a * b, element by element."""

    symbol = "×"
    rule = Rule(
        forward=r"\v{out} = \v{a} \odot \v{b}",
        backward=(r"\g{a} = \g{out} \odot \v{b}", r"\g{b} = \g{out} \odot \v{a}"),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        if a.shape != b.shape:
            context["shapes"] = a.shape, b.shape
        context["a"], context["b"] = a, b
        return a * b

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        a, b = context["a"], context["b"]
        if type(context) is dict and "shapes" not in context:
            return go * b, go * a
        grad_a = unbroadcast(go * b, a.shape) if needs_grad(context, 0) else None
        grad_b = unbroadcast(go * a, b.shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Divide(Op):
    """a / b, element by element. Where b is 0 the result is inf or nan, and a warning says so."""

    symbol = "÷"
    rule = Rule(
        forward=r"\v{out} = \v{a} \oslash \v{b}",
        backward=(r"\g{a} = \g{out} \oslash \v{b}", r"\g{b} = -\g{out} \odot \v{a} \oslash \v{b}^2"),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, a: Array, b: Array) -> Array:
        if a.shape != b.shape:
            context["shapes"] = a.shape, b.shape
        context["a"], context["b"] = a, b
        zeros = int(b.size - np.count_nonzero(b))
        if zeros == 0:
            return a / b
        errors.division_by_zero("Divide", zeros, b.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / b

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        a, b = context["a"], context["b"]
        with np.errstate(all="ignore"):  # forward has warned of a division by zero
            if type(context) is dict and "shapes" not in context:
                return go / b, -go * (a / b) / b
            grad_a = unbroadcast(go / b, a.shape) if needs_grad(context, 0) else None
            grad_b = unbroadcast(-go * (a / b) / b, b.shape) if needs_grad(context, 1) else None
        return grad_a, grad_b


class Power(Op):
    """base ** exponent, element by element; the exponent may be a number or a tensor."""

    symbol = "^"
    rule = Rule(
        forward=r"\v{out} = \v{base}^{\v{exponent}}",
        backward=(
            r"\g{base} = \g{out} \odot \v{exponent} \odot \v{base}^{\v{exponent} - 1}",
            r"\g{exponent} = \g{out} \odot \v{out} \odot \log \v{base}",
        ),
        broadcasts=True,
    )

    @staticmethod
    def forward(context: Any, base: Array, exponent: Array) -> Array:
        with np.errstate(all="ignore"):
            out = np.asarray(base**exponent)
        context["base"], context["exponent"], context["out"] = base, exponent, out
        failed = ~np.isfinite(out) & np.isfinite(base) & np.isfinite(exponent)
        if np.count_nonzero(failed):
            undefined = failed & (np.isnan(out) | (base == 0))
            _warn_of_power(int(np.count_nonzero(undefined)), int(np.count_nonzero(failed & ~undefined)), out)
        return out

    @staticmethod
    def backward(context: Any, go: Array) -> Pair:
        base, exponent, out = context["base"], context["exponent"], context["out"]
        exponent = exponent.astype(out.dtype, copy=False)  # a float32 partner must not make these sums coarse
        grad_base = grad_exponent = None
        with np.errstate(all="ignore"):
            if needs_grad(context, 0):
                # x ** 0 is flat everywhere, also at 0, where x ** -1 is infinite
                slope = np.where(exponent == 0, 0.0, exponent * base ** np.where(exponent == 0, 1.0, exponent - 1))
                grad_base = unbroadcast(go * slope, base.shape)
            if needs_grad(context, 1):
                # 0 ** p stays 0 for every p > 0
                log_base = np.log(np.where((base == 0) & (exponent >= 0), 1.0, base), dtype=out.dtype)
                grad_exponent = unbroadcast(go * out * log_base, exponent.shape)
        return grad_base, grad_exponent


def _warn_of_power(undefined: int, overflows: int, out: Array) -> None:
    if undefined:
        errors.outside_domain(
            "Power",
            "outside the domain of this power",
            undefined,
            out.size,
            "inf or nan",
            "a negative exponent needs a base other than 0, a fractional one a base above 0.",
        )
    if overflows:
        errors.outside_domain(
            "Power",
            f"raised beyond the range of {out.dtype}",
            overflows,
            out.size,
            "infinite",
            "scale the base down, or compute with its logarithm.",
        )


class Negate(Op):
    """-x."""

    symbol = "−"
    rule = Rule(forward=r"\v{out} = -\v{x}", backward=(r"\g{x} = -\g{out}",))

    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        return -x

    @staticmethod
    def backward(context: Any, go: Array) -> Array:
        return -go
