"""Which rule a call to PyTorch follows: the rules of vizgrad's own ops, and some that only PyTorch has.

Each entry names the arguments of the call in their order. Those named like an input of the op are its ports, in the
order in which the op has them; the others are settings. An argument called ``-`` is of no interest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from vizgrad import ops
from vizgrad.core import Op
from vizgrad.rule import Rule

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """How a call is shown.

    Attributes:
        symbol: what the diamond shows.
        ports: the inputs, in the order of the rule.
        arguments: the arguments of the call, in their order.
        rule: the rule, or nothing.
        op: the op of this library that does the same, or nothing.
    """

    symbol: str
    ports: tuple[str, ...]
    arguments: tuple[str, ...]
    rule: Rule | None
    op: type[Op] | None = None


_TORCH_NAMES = {"dim": "axis", "keepdim": "keepdims", "min": "low", "max": "high", "negative_slope": "slope"}
_ALIASES = {"input": 0, "self": 0, "other": 1, "weight": 1, "bias": 2, "mat2": 1, "exponent": 1, "target": 1}


def _own(op: type[Op], arguments: str, ports: str | None = None) -> Call:
    names = arguments if ports is None else ports
    return Call(op.symbol or op.__name__, tuple(names.split()), tuple(arguments.split()), op.rule, op)


def _without_bias(call: Call, bias: str) -> Call:
    assert call.rule is not None
    rule = Rule(call.rule.forward.replace(bias, ""), call.rule.backward[:-1])
    return replace(call, ports=call.ports[:-1], rule=rule)


def _only(symbol: str, arguments: str, ports: str, forward: str, *backward: str, broadcasts: bool = False) -> Call:
    rule = Rule(rf"\v{{out}} = {forward}", tuple(backward), broadcasts)
    return Call(symbol, tuple(ports.split()), tuple(arguments.split()), rule)


_x = "x"
_add, _subtract = _own(ops.Add, "a b"), _own(ops.Sub, "a b")
_multiply, _divide = _own(ops.Multiply, "a b"), _own(ops.Divide, "a b")
_product = _own(ops.MatrixMultiply, "a b")
_power = _own(ops.Power, "base exponent")
_reshape, _transpose = _own(ops.Reshape, "x shape", _x), _own(ops.Transpose, "x axes - -", _x)
_squeeze, _unsqueeze = _own(ops.Squeeze, "x dim", _x), _own(ops.Unsqueeze, "x dim", _x)
_index = _own(ops.Index, "x index", _x)
_concatenate, _stack = _own(ops.Concatenate, "- axis", ""), _own(ops.Stack, "- axis", "")
_identity = _own(ops.Id, "x - -", _x)
_clip = _own(ops.Clip, "x low high", _x)
_expand = _only(
    "expand",
    "x shape",
    _x,
    r"\operatorname{repeat}(\v{x})",
    r"\g{x} = \operatorname{sum}(\g{out})",
)
_part = _only("part", "x - -", _x, r"\operatorname{part}(\v{x})", r"\g{x} = \operatorname{scatter}(\g{out})")
_row = _only("part", "x - -", _x, r"\operatorname{part}(\v{x})", r"\g{x} = \operatorname{scatter}(\g{out})")
_detach = _only("detach", "x", _x, r"\v{x}", r"\g{x} = 0")
_batch_norm = _own(ops.BatchNormalize, "x mean variance gain shift training momentum eps", "x gain shift")
_linear = _own(ops.Affine, "x w b")
_convolution = _own(ops.Convolution2d, "x w b stride padding dilation groups", "x w b")
_BIASES = {_linear: _without_bias(_linear, r" + \v{b}"), _convolution: _without_bias(_convolution, r"\v{b}_o + ")}
_dropout = _own(ops.Drop, "x p training", _x)

_CALLS: dict[str, Call] = {
    "add": _add,
    "__add__": _add,
    "__radd__": _own(ops.Add, "b a", "a b"),
    "sub": _subtract,
    "subtract": _subtract,
    "__rsub__": _own(ops.Sub, "b a", "a b"),
    "rsub": _own(ops.Sub, "b a", "a b"),
    "mul": _multiply,
    "multiply": _multiply,
    "__rmul__": _own(ops.Multiply, "b a", "a b"),
    "div": _divide,
    "divide": _divide,
    "true_divide": _divide,
    "__rdiv__": _own(ops.Divide, "b a", "a b"),
    "__rtruediv__": _own(ops.Divide, "b a", "a b"),
    "pow": _power,
    "__rpow__": _own(ops.Power, "exponent base", "base exponent"),
    "neg": _own(ops.Negate, _x),
    "negative": _own(ops.Negate, _x),
    "square": _only("x²", _x, _x, r"\v{x}^2", r"\g{x} = \g{out} \odot 2 \v{x}"),
    "reciprocal": _only("1/x", _x, _x, r"1 \oslash \v{x}", r"\g{x} = -\g{out} \odot \v{out}^2"),
    "rsqrt": _only("1/√", _x, _x, r"1 \oslash \sqrt{\v{x}}", r"\g{x} = -\frac{1}{2} \g{out} \odot \v{out}^3"),
    "matmul": _product,
    "__matmul__": _product,
    "mm": _product,
    "bmm": _product,
    "mv": _product,
    "dot": _product,
    "__rmatmul__": _own(ops.MatrixMultiply, "b a", "a b"),
    "addmm": _only(
        "c + a b",
        "c a b",
        "c a b",
        r"\v{c} + \v{a} \, \v{b}",
        r"\g{c} = \g{out}",
        r"\g{a} = \g{out} \, \v{b}^\top",
        r"\g{b} = \v{a}^\top \, \g{out}",
    ),
    "linear": _linear,
    "conv2d": _convolution,
    "max_pool2d": _own(ops.MaxPooling2d, "x size stride padding dilation ceil_mode", _x),
    "avg_pool2d": _own(ops.MeanPooling2d, "x size stride padding ceil_mode", _x),
    "exp": _own(ops.Exp, _x),
    "log": _own(ops.Log, _x),
    "log1p": _own(ops.Log1p, _x),
    "sqrt": _own(ops.Sqrt, _x),
    "abs": _own(ops.Abs, _x),
    "sin": _own(ops.Sin, _x),
    "cos": _own(ops.Cos, _x),
    "tanh": _own(ops.Tanh, _x),
    "sigmoid": _own(ops.Sigmoid, _x),
    "relu": _own(ops.ReLU, "x inplace", _x),
    "leaky_relu": _own(ops.LeakyReLU, "x slope inplace", _x),
    "softplus": _own(ops.Softplus, "x beta threshold", _x),
    "gelu": _own(ops.GELU, "x approximate", _x),
    "silu": _only(
        "SiLU",
        "x inplace",
        _x,
        r"\v{x} \odot \sigma(\v{x})",
        r"\g{x} = \g{out} \odot \sigma(\v{x}) \odot (1 + \v{x} \odot (1 - \sigma(\v{x})))",
    ),
    "maximum": _own(ops.Maximum, "a b"),
    "minimum": _own(ops.Minimum, "a b"),
    "where": _own(ops.Where, "condition a b", "a b"),
    "masked_fill": _only(
        "fill",
        "x mask value",
        _x,
        r"(1 - \k{mask}) \odot \v{x} + \k{mask} \cdot \k{value}",
        r"\g{x} = (1 - \k{mask}) \odot \g{out}",
    ),
    "clamp": _clip,
    "clip": _clip,
    "sum": _own(ops.Sum, "x axis keepdims", _x),
    "mean": _own(ops.Mean, "x axis keepdims", _x),
    "max": _own(ops.Max, "x axis keepdims", _x),
    "min": _own(ops.Min, "x axis keepdims", _x),
    "amax": _own(ops.Max, "x axis keepdims", _x),
    "amin": _own(ops.Min, "x axis keepdims", _x),
    "logsumexp": _own(ops.LogSumExp, "x axis keepdims", _x),
    "softmax": _own(ops.Softmax, "x axis", _x),
    "log_softmax": _own(ops.LogSoftmax, "x axis", _x),
    "layer_norm": _own(ops.LayerNormalize, "x normalized_shape gain shift eps", "x gain shift"),
    "batch_norm": _batch_norm,
    "dropout": _dropout,
    "embedding": _own(ops.Embed, "indices table", "table"),
    "cross_entropy": _own(
        ops.CrossEntropy,
        "logits targets weight size_average ignore_index reduce reduction label_smoothing",
        "logits",
    ),
    "nll_loss": _own(ops.NLL, "logprobs targets weight size_average ignore_index reduce reduction", "logprobs"),
    "mse_loss": _own(ops.MSE, "prediction target size_average reduce reduction weight", "prediction target"),
    "binary_cross_entropy_with_logits": _own(
        ops.BCEWithLogits, "logits targets weight size_average reduce reduction pos_weight", "logits targets"
    ),
    "reshape": _reshape,
    "view": _reshape,
    "view_as": _reshape,
    "reshape_as": _reshape,
    "flatten": _reshape,
    "unflatten": _reshape,
    "t": _transpose,
    "T": _transpose,
    "mT": _transpose,
    "transpose": _transpose,
    "permute": _transpose,
    "swapaxes": _transpose,
    "movedim": _transpose,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "expand_as": _expand,
    "broadcast_to": _expand,
    "cat": _concatenate,
    "concat": _concatenate,
    "concatenate": _concatenate,
    "stack": _stack,
    "pad": _own(ops.Pad, "x width mode value", _x),
    "__getitem__": _index,
    "select": _row,
    "narrow": _row,
    "index_select": _part,
    "gather": _part,
    "take_along_dim": _part,
    "clone": _identity,
    "contiguous": _identity,
    "to": _identity,
    "float": _identity,
    "double": _identity,
    "half": _identity,
    "bfloat16": _identity,
    "type_as": _identity,
    "detach": _detach,
    "data": _detach,
}

# The names of autograd nodes that differ from those of the calls that make them.
_NODES = {
    "Addmm": "addmm",
    "Convolution": "conv2d",
    "MaxPool2DWithIndices": "max_pool2d",
    "AvgPool2D": "avg_pool2d",
    "LogSoftmax": "log_softmax",
    "NllLoss": "nll_loss",
    "MseLoss": "mse_loss",
    "LeakyRelu": "leaky_relu",
    "NativeBatchNorm": "batch_norm",
    "NativeLayerNorm": "layer_norm",
    "MaskedFill": "masked_fill",
    "ToCopy": "to",
    "IndexSelect": "index_select",
    "T": "t",
    "UnsafeView": "view",
}


def known(name: str) -> Call | None:
    """How a call of this name is shown; one that ends in _ computes the same in place."""
    return _CALLS.get(name) or (_CALLS.get(name[:-1]) if name.endswith("_") and not name.startswith("__") else None)


def name_of_node(node: Any) -> str:
    """What the call that made an autograd node is named, as far as its name tells."""
    name: str = node.name().rpartition("::")[2].partition("Backward")[0]
    return _NODES.get(name, name.lower() if name.lower() in _CALLS else name)


def bind(call: Call, args: Sequence[Any], kwargs: Settings) -> dict[str, Any]:
    """The arguments of a call by the names that its rule has for them."""
    names = call.arguments
    bound = dict(zip(names, args, strict=False))
    if len(args) > len(names):  # as in x.view(2, 3)
        bound[names[-1]] = tuple(args[len(names) - 1 :])
    for name, value in kwargs.items():
        place = _ALIASES.get(name)
        renamed = name if name in names else _TORCH_NAMES.get(name, name)
        if renamed in names:
            bound[renamed] = value
        elif name == "kernel_size" and "size" in names:
            bound["size"] = value
        elif name in ("running_mean", "running_var") and "mean" in names:
            bound["mean" if name == "running_mean" else "variance"] = value
        elif name in ("weight", "bias") and "gain" in names:
            bound["gain" if name == "weight" else "shift"] = value
        elif place is not None and place < len(names) and names[place] not in bound:
            bound[names[place]] = value
        else:
            bound[name] = value
    bound.pop("-", None)
    return bound


def rule_of(call: Call, bound: Settings, outputs: Sequence[torch.Tensor]) -> tuple[Call, dict[str, Any]]:
    """The rule that these arguments follow, which may be none, and the settings that it speaks of."""
    missing = [port for port in call.ports if bound.get(port) is None]
    if call in _BIASES and missing == ["b"]:
        call, missing = _BIASES[call], []
    filler = _FILLERS.get(call.op) if call.op else None
    settings = filler(bound, outputs) if filler else {key: value for key, value in bound.items() if _plain(value)}
    if missing or settings is None or not _defaults(bound):
        return Call(call.symbol, call.ports, call.arguments, None, call.op), {}
    return call, settings


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float, str)) and not isinstance(value, bool)


def _defaults(bound: Settings) -> bool:
    """Whether the arguments that the rules do not speak of are what they are when they are left out."""
    usual: dict[str, tuple[Any, ...]] = {
        "alpha": (1,),
        "beta": (1, 1.0),
        "rounding_mode": (None,),
        "weight": (None,),
        "pos_weight": (None,),
        "ignore_index": (-100,),
        "label_smoothing": (0.0,),
        "dilation": (1, (1, 1), [1, 1]),
        "groups": (1,),
        "ceil_mode": (False,),
        "mode": ("constant",),
    }
    return all(any(bound[name] is v or bound[name] == v for v in usual[name]) for name in usual if name in bound)


def _single(value: Any) -> int | str:
    """A pair as one number where both are the same."""
    if isinstance(value, (tuple, list)):
        return int(value[0]) if len(set(value)) == 1 else str(tuple(value))
    return value if isinstance(value, str) else int(value)


def _of_loss(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings:
    reduction = bound.get("reduction", "mean")
    first = next(value for value in bound.values() if isinstance(value, torch.Tensor))
    by_class = "logits" in bound or "logprobs" in bound
    entries = bound["targets"].numel() if by_class and not bound["targets"].is_floating_point() else first.numel()
    return {"reduction": reduction, "count": entries if reduction == "mean" else 1}


def _of_class_loss(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    """The rule is of classes given by number, of which none is to be left out."""
    targets = bound["targets"]
    if targets.is_floating_point() or bool((targets == bound.get("ignore_index", -100)).any()):
        return None
    return _of_loss(bound, outputs)


def _of_pooling(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    if bound.get("padding", 0) not in (0, (0, 0), [0, 0]) or bound["x"].dim() != 4:
        return None
    size = bound["size"]
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    return {"size": _single(size), "stride": _single(bound.get("stride") or size), "entries": height * width}


def _of_convolution(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    if bound["x"].dim() != 4:
        return None
    stride, padding = _single(bound.get("stride", 1)), _single(bound.get("padding", 0))
    return {"stride": stride, "padding": padding} if isinstance(stride, int) and isinstance(padding, int) else None


def _of_mean(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings:
    return {"n": bound["x"].numel() // max(outputs[0].numel(), 1)}


def _of_softmax(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    axis = bound.get("axis")
    return {"axis": axis} if isinstance(axis, int) else None


def _of_extreme(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    """With an axis PyTorch gives the gradient to one winner, and the rule shares it among all."""
    return None if isinstance(bound.get("axis"), int) else {}


def _of_clip(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    low, high = bound.get("low"), bound.get("high")
    if any(isinstance(value, torch.Tensor) for value in (low, high)):
        return None
    return {"low": -math.inf if low is None else low, "high": math.inf if high is None else high}


def _of_batch_norm(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings | None:
    """The rule is that of training; a trained network's own mean and variance are constants."""
    return {"eps": bound.get("eps", 1e-5)} if bound.get("training") else None


def _of_layer_norm(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings:
    return {"eps": bound.get("eps", 1e-5)}


def _of_leaky_relu(bound: Settings, outputs: Sequence[torch.Tensor]) -> Settings:
    return {"slope": bound.get("slope", 0.01)}


_FILLERS: dict[type[Op], Callable[[Settings, Sequence[torch.Tensor]], Any]] = {
    ops.CrossEntropy: _of_class_loss,
    ops.NLL: _of_class_loss,
    ops.MSE: _of_loss,
    ops.BCEWithLogits: _of_loss,
    ops.MaxPooling2d: _of_pooling,
    ops.MeanPooling2d: _of_pooling,
    ops.Convolution2d: _of_convolution,
    ops.Mean: _of_mean,
    ops.Softmax: _of_softmax,
    ops.LogSoftmax: _of_softmax,
    ops.Max: _of_extreme,
    ops.Min: _of_extreme,
    ops.Clip: _of_clip,
    ops.BatchNormalize: _of_batch_norm,
    ops.LayerNormalize: _of_layer_norm,
    ops.LeakyReLU: _of_leaky_relu,
}
