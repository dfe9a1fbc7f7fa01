"""What a rule on a card claims, as a number: its LaTeX, with settings and inputs filled in, computed by NumPy."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from vizgrad import Trace
from vizgrad.trace.model import Operation

Arrays = dict[str, np.ndarray]
WORDS = [  # in this order: from the inside of braces outwards
    (r"\\(?:big|Big)", ""),
    (r"\\v\{([^}]*)\}", r'V("\1")'),
    (r"\\g\{([^}]*)\}", r'G("\1")'),
    (r"\\k\{([^}]*)\}", r'K("\1")'),
    (r"\{(G\(\"\w+\"\))\}(?=\^)", r"\1"),
    (r"\\mathbf\{1\}", "ONES"),
    (r"\\sigma\^2", "VARIANCE"),
    (r"\\sigma\(", "op_sigmoid(None)("),
    (r"\\mu", "MEAN"),
    (r"\\hat x", "STANDARD"),
    (r"(?<![\w\"])g(?![\w(])", "WEIGHTED"),
    (r"\\infty", "np.inf"),
    (r"\^\\top", ".swapaxes(-1, -2)"),
    (r"\\operatorname\{(\w+)\}_\{([^{}]*)\}", r"op_\1((\2,))"),
    (r"\\operatorname\{(\w+)\}_(\d)", r"op_\1((\2,))"),
    (r"\\operatorname\{(\w+)\}", r"op_\1(None)"),
    (r"\\(max|min)_\{([^{}]*)\}", r"op_\1((\2,))"),
    (r"\\(max|min)", r"op_\1(None)"),
    (r"_\{?(\d+)\}?$", r"[\1]"),  # the place of an input among any number
    (r"\^\{([^{}]*)\}", r"**(\1)"),
    (r"\^2", "**2"),
    (r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\\sqrt\{([^{}]*)\}", r"np.sqrt(\1)"),
    (r"\\(exp|log|sin|cos|tanh)\(", r"np.\1("),
    (r"\\(exp|log|sin|cos|tanh) (V\(\"\w+\"\))", r"np.\1(\2)"),
    (r"\\log (.*)$", r"np.log(\1)"),
    (r"\|(.*?)\|", r"abs(\1)"),
    (r"\\odot|\\cdot", "*"),
    (r"\\oslash", "/"),
    (r"\\,", "@"),
    (r"(?<=[\d)]) (?=[VG(]|op_)", " * "),
]
COMPARED = re.compile(r"\s*(\\le|\\ge|<|>|=)\s*")
SIGNS = {"\\le": "<=", "\\ge": ">=", "=": "==", "<": "<", ">": ">"}


def python_of(formula: str) -> str:
    """The right side of a rule as Python."""
    brackets = re.sub(r"\[([^\[\]]*)\]", lambda found: compared(found[1]), formula)
    for pattern, instead in WORDS:
        brackets = re.sub(pattern, instead, brackets)
    return brackets.strip()


def compared(condition: str) -> str:
    """A condition in brackets, which is 1 where it holds and 0 elsewhere."""
    first, *rest = COMPARED.split(condition)
    both = [f"({a} {SIGNS[sign]} {b})" for a, sign, b in zip([first, *rest[1::2]], rest[::2], rest[1::2], strict=False)]
    return f"({' * '.join(both)} * 1.0)"


class Claim:
    """The rule of one recorded op: `value()` is what it gives for the output, `gradient(port)` for an input."""

    def __init__(self, recorded: Trace, op: Operation, upstream: np.ndarray) -> None:
        arrays = recorded.arrays
        self.op, self.rule = op, op.rule
        self.values: Arrays = {port.port: arrays[recorded.tensor(port.tensor).array] for port in op.inputs}
        self.values["out"] = arrays[recorded.tensor(op.outputs[0]).array]
        self.grads: Arrays = {"out": upstream}
        self.settings = {
            key: arrays[value["array"]] if isinstance(value, dict) and "array" in value else value
            for key, value in {**op.settings, **op.context}.items()
        }
        first = next(iter(self.values.values()))
        self.axes = self._axes(first)

    def _axes(self, x: np.ndarray) -> tuple[int, ...] | None:
        """The axes that a rule means which names none."""
        if self.op.op == "BatchNormalize":
            return (0, *range(2, x.ndim))
        if self.op.op == "LayerNormalize":
            return tuple(range(-self.values["gain"].ndim, 0))
        axis = self.settings.get("axis")
        return tuple(axis) if isinstance(axis, list) else (axis,) if isinstance(axis, int) else None

    def value(self) -> np.ndarray:
        return self._compute(self.rule["forward"], self.values["out"].shape)

    def gradient(self, place: int) -> np.ndarray:
        return self._compute(self.rule["backward"][place], self.values[self.op.inputs[place].port].shape)

    def _compute(self, formula: str, shape: tuple[int, ...]) -> np.ndarray:
        right = formula.split(" = ", 1)[1].split(r", \quad")[0]
        claimed = eval(python_of(right), self._names(shape))
        claimed = np.asarray(claimed, float)
        return claimed.reshape(shape) if claimed.size == math.prod(shape) else np.broadcast_to(claimed, shape)

    def _fit(self, array: np.ndarray, port: str) -> np.ndarray:
        """An array as it stands in the rule: what was reduced fits what it came from, and features fit over pixels."""
        x = next(iter(self.values.values()))
        if self.op.op == "BatchNormalize" and port in ("gain", "shift"):
            return array.reshape(-1, *[1] * (x.ndim - 2))
        if self.op.op in ("RowSum", "RowMax") and port == "out":
            return array[:, None]
        reduces = port == "out" and "keepdims" in self.settings and self.axes is not None
        return np.expand_dims(array, self.axes) if reduces and not self.settings["keepdims"] else array

    def _names(self, shape: tuple[int, ...]) -> dict[str, Any]:
        x = next(iter(self.values.values()))
        functions = {f"op_{name}": make for name, make in self._functions(shape).items()}
        names: dict[str, Any] = {
            "np": np,
            "V": lambda port: self._fit(self.values[port], port),
            "G": lambda port: self._fit(self.grads[port], port),
            "K": lambda key: np.asarray(self.settings[key], float),
            "ONES": np.ones((x.shape[1], 1)) if self.op.op == "RowSum" else np.ones(x.shape),
            **functions,
        }
        if "gain" in self.values:
            names |= self._statistics(x)
        return names

    def _statistics(self, x: np.ndarray) -> dict[str, Any]:
        """What the rules of normalisation speak of."""
        fixed = isinstance(self.settings.get("mean"), np.ndarray)
        column = (-1, *[1] * (x.ndim - 2))
        mean = self.settings["mean"].reshape(column) if fixed else x.mean(self.axes, keepdims=True)
        variance = self.settings["variance"].reshape(column) if fixed else x.var(self.axes, keepdims=True)
        eps = self.settings.get("eps", np.asarray(1e-5))
        standard = (x - mean) / np.sqrt(variance + eps)
        weighted = self.grads["out"] * self._fit(self.values["gain"], "gain")
        return {"MEAN": mean, "VARIANCE": variance, "STANDARD": standard, "WEIGHTED": weighted}

    def _functions(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """By their names in a rule; each is given the axes that it is written with, and then its arguments."""
        settings, tanh = self.settings, self.settings.get("approximate") == "tanh"

        def over(reduce: Any) -> Any:
            return lambda axes: lambda x: reduce(x, axis=axes or self.axes, keepdims=True)

        def total(axes: Any) -> Any:
            if "gain" in self.values:  # summed over all but the axes of the features
                kept = (1,) if self.op.op == "BatchNormalize" else tuple(range(-len(shape), 0))
                return lambda x: x.sum(axis=tuple(set(range(x.ndim)) - {axis % x.ndim for axis in kept}))
            return over(np.sum)(axes)

        def extreme(pair: Any, reduce: Any) -> Any:
            return lambda axes: lambda *args: pair(*args) if len(args) == 2 else over(reduce)(axes)(args[0])

        def softmax(axes: Any) -> Any:
            return lambda x: np.exp(x) / np.exp(x).sum(axis=axes or self.axes, keepdims=True)

        def cdf(x: np.ndarray) -> np.ndarray:
            if tanh:
                return (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
            return np.vectorize(lambda one: (1 + math.erf(one / math.sqrt(2))) / 2)(x)

        def bell(x: np.ndarray) -> np.ndarray:
            if tanh:
                return cdf(x) * (1 - cdf(x)) * 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
            return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)

        def crop(x: np.ndarray) -> np.ndarray:
            before, _ = np.broadcast_to(settings["width"], (x.ndim, 2)).T
            return x[tuple(slice(start, start + n) for start, n in zip(before, shape, strict=True))]

        def pad(x: np.ndarray) -> np.ndarray:
            return np.pad(x, settings["width"], constant_values=float(settings.get("value", 0)))

        def plain(function: Any) -> Any:
            return lambda axes: function

        same = plain(lambda x: x)
        return {
            "sum": total,
            "mean": over(np.mean),
            "max": extreme(np.maximum, np.max),
            "min": extreme(np.minimum, np.min),
            "rowmax": lambda axes: lambda x: x.max(axis=1, keepdims=True),
            "rowsum": lambda axes: lambda x: x.sum(axis=1, keepdims=True),
            "logsumexp": lambda axes: lambda x: np.log(np.exp(x).sum(axis=axes, keepdims=True)),
            "softmax": softmax,
            "sigmoid": plain(lambda x: 1 / (1 + np.exp(-x))),
            "sign": plain(np.sign),
            "cdf": plain(cdf),
            "density": plain(bell),
            "repeat": plain(lambda x, times: np.repeat(x, times, settings["dim"])),
            "reshape": same,
            "squeeze": same,
            "unsqueeze": same,
            "pad": plain(pad),
            "crop": plain(crop),
            "concatenate": lambda axes: lambda *arrays: np.concatenate(arrays, axes[0]),
            "stack": lambda axes: lambda *arrays: np.stack(arrays, axes[0]),
            "split": lambda axes: lambda x: np.split(x, settings["ends"][:-1], axes[0]),
            "unstack": lambda axes: lambda x: np.moveaxis(x, axes[0], 0),
        }
