"""What vizgrad says when something goes wrong: what happened, where, what was expected, and what to do about it.

Every message is made here, so that they read alike. The exceptions derive from the built-in one that fits, so that code
which knows nothing of vizgrad can still catch them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vizgrad import _frames

if TYPE_CHECKING:
    from vizgrad.core import Array, Op, OpNode, TensorNode

Shape = tuple[int, ...]


class VizgradError(Exception):
    """Any error that vizgrad explains."""


class ShapeError(VizgradError, ValueError):
    """Shapes that do not fit together."""


class DtypeError(VizgradError, TypeError):
    """A value that cannot be computed with, such as text or an integer array that should have a gradient."""


class GraphError(VizgradError, RuntimeError):
    """A backward pass that has nowhere to start or nowhere to go."""


class GradientError(VizgradError, ValueError):
    """An Op whose backward returns something that cannot be a gradient."""


class OpDefinitionError(VizgradError, TypeError):
    """An Op that lacks one of its two methods."""


class TraceError(VizgradError, ValueError):
    """A recording that cannot be read."""


class NumericsWarning(RuntimeWarning):
    """A result that is infinite or not a number."""


def call(node: TensorNode) -> str:
    """Name and shape of a tensor, for use inside a sentence."""
    name = node.name or _frames.variable_name(node)
    return f"{name} {node.shape}" if name else f"a tensor of shape {node.shape}"


def message(what: str, why: str = "", do: str = "") -> str:
    """One explanation: what happened, at which line of the user's program, why, and what to do."""
    place = _frames.here()
    parts = [what]
    if place:
        parts.append(f"  where: {place}")
    if why:
        parts.append(f"  why:   {why}")
    if do:
        parts.append(f"  do:    {do}")
    return "\n".join(parts)


# --- forward -----------------------------------------------------------------------------------------------------


def forward_failed(
    op: type[Op], nodes: Sequence[TensorNode], settings: Mapping[str, Any], error: Exception
) -> Exception:
    """Explain why an Op could not compute its output."""
    if isinstance(error, VizgradError):
        return error
    given = " and ".join(call(node) for node in nodes)
    if settings:
        given += " with " + ", ".join(f"{key}={value!r}" for key, value in settings.items())
    if isinstance(error, ValueError):
        return ShapeError(message(f"{op.__name__} cannot compute with {given}.", *_shape_advice(op, nodes, error)))
    error.add_note(message(f"This happened in {op.__name__}.forward, given {given}."))
    return error


def _shape_advice(op: type[Op], nodes: Sequence[TensorNode], error: Exception) -> tuple[str, str]:
    shapes = [node.shape for node in nodes]
    if op.rule and op.rule.broadcasts and len(shapes) == 2:
        return (
            f"shapes are compared from the right; each two sizes must be equal, or one of them 1; {_clash(*shapes)}.",
            "reshape or transpose one of them, or check that the right tensor was used here.",
        )
    if op.__name__ == "MatrixMultiply" and len(shapes) == 2 and all(shapes):
        left, right = shapes
        inner = right[-2] if len(right) > 1 else right[0]
        return (
            f"a product (n, k) @ (k, m) needs the same k twice; here it is {left[-1]} and {inner}.",
            "transpose one factor (w.T), or change their order, so that the inner sizes agree.",
        )
    return str(error) + ".", f"compare the shapes with what {op.__name__} expects."


def _clash(left: Shape, right: Shape) -> str:
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if a != b and 1 not in (a, b):
            return f"here {a} meets {b}"
    return "these do not"


def division_by_zero(op: str, zeros: int, size: int) -> None:
    """Warn that a quotient has become infinite or undefined."""
    entries = "the denominator is 0" if size == 1 else f"{zeros} of {size} entries of the denominator are 0"
    _warn(f"{op}: {entries}; the result there is inf or nan.", "add a small constant, or mask those entries out.")


def outside_domain(op: str, condition: str, count: int, size: int, result: str, do: str) -> None:
    """Warn that a function was asked for a value that it does not have."""
    entries = f"the input is {condition}" if size == 1 else f"{count} of {size} entries of the input are {condition}"
    _warn(f"{op}: {entries}; the result there is {result}.", do)


def _warn(what: str, do: str) -> None:
    frame = next(_frames.user_frames(), None)
    place = (frame.f_code.co_filename, frame.f_lineno) if frame else ("<vizgrad>", 1)
    warnings.warn_explicit(message(what, do=do), NumericsWarning, *place, registry={})


def not_a_tensor(op: type[Op], value: object) -> DtypeError:
    """An operand is neither a tensor nor a number."""
    return DtypeError(
        message(
            f"{op.__name__} was given a {type(value).__name__} ({value!r:.60}).",
            "ops compute with TensorNodes, NumPy arrays and numbers.",
            "wrap arrays as vg.TensorNode(array); pass settings such as an axis by their keyword.",
        )
    )


def not_numbers(value: object, name: str | None) -> DtypeError:
    """A value cannot be made an array of real numbers."""
    return DtypeError(
        message(
            f"{name or 'A tensor'} cannot be made from {value!r:.80}.",
            "a TensorNode holds an array of real numbers in which all rows have the same length.",
            "check the nesting of the lists, and that every entry is a number.",
        )
    )


def tensor_in_tensor(name: str | None) -> DtypeError:
    """A TensorNode was made from a TensorNode."""
    return DtypeError(
        message(
            f"{name or 'A TensorNode'} was made from another TensorNode.",
            "a node holds an array; a node inside a node would be cut off from the graph.",
            "use the node itself, or vg.TensorNode(node.value) for a new leaf with the same numbers.",
        )
    )


def integer_array(value: Array, name: str | None) -> DtypeError:
    """An integer array cannot have a gradient."""
    return DtypeError(
        message(
            f"{name or 'A tensor'} holds {value.dtype} numbers, shape {value.shape}, but wants a gradient.",
            "a gradient says what a tiny change would do, and whole numbers have no tiny changes.",
            "use array.astype(float), or requires_grad=False if these are labels or indices.",
        )
    )


def assigned_shape(node: TensorNode, shape: Shape) -> ShapeError:
    """A tensor was given a value of another shape."""
    return ShapeError(
        message(
            f"{call(node)} was assigned an array of shape {shape}.",
            "a tensor keeps its shape: its gradient and the graph above it rely on it.",
            "make a new TensorNode for an array of another shape.",
        )
    )


def assigned_gradient(node: TensorNode, shape: Shape) -> ShapeError:
    """A tensor was given a gradient of another shape."""
    return ShapeError(
        message(
            f"The gradient of {call(node)} was assigned an array of shape {shape}.",
            "a gradient has one entry for each entry of its tensor.",
            "assign an array of the tensor's shape, or None to forget the gradient.",
        )
    )


def unfinished_op(method: str) -> OpDefinitionError:
    """An Op lacks its forward or backward."""
    return OpDefinitionError(
        message(
            f"This Op has no {method}.",
            "every Op needs two static methods, forward(context, *inputs) and backward(context, *grad_outputs).",
            f"write @staticmethod def {method}(context, ...) in your class.",
        )
    )


def unfinished_module(name: str) -> OpDefinitionError:
    """A Module lacks its forward."""
    return OpDefinitionError(
        message(
            f"The module {name} has no forward.",
            "calling a module runs its forward on the inputs.",
            "write def forward(self, x): ... in your class.",
        )
    )


# --- backward ----------------------------------------------------------------------------------------------------


def backward_from_many(node: TensorNode) -> GraphError:
    """Backward was called on something that is not one number."""
    return GraphError(
        message(
            f"backward() was called on {call(node)}, which holds {node.value.size} numbers.",
            "a gradient says how one number, the loss, depends on everything else.",
            "reduce it to one number first, for example loss = x.sum().",
        )
    )


def backward_from_leaf(node: TensorNode) -> GraphError:
    """Backward was called on a tensor that has no graph below it."""
    return GraphError(
        message(
            f"backward() was called on {call(node)}, which has no source: there is no graph to walk back through.",
            "either it was made directly and not computed, or nothing it was computed from wants a gradient "
            "(requires_grad=False, no_grad()), or clear() has cut its graph.",
            "compute the loss from TensorNodes with their operators (a * b, a.sum(), ...) and call backward() on it.",
        )
    )


def note_backward(error: Exception, op: OpNode) -> None:
    """Say in whose backward a foreign error arose."""
    given = " and ".join(call(node) for node in op.inputs)
    error.add_note(message(f"This happened in {op.op.__name__}.backward, on the way back to {given}."))


def wrong_number_of_gradients(op: OpNode, found: int) -> GradientError:
    """A backward returned too many or too few gradients."""
    return GradientError(
        message(
            f"{op.op.__name__}.backward returned {found} gradient(s), but forward had {len(op.inputs)} input(s).",
            f"each input needs its own gradient: {', '.join(call(node) for node in op.inputs)}.",
            "return a tuple with one gradient for each input, in the order of forward's arguments.",
        )
    )


def wrong_gradient_shape(op: OpNode, port: int, found: Shape) -> GradientError:
    """A backward returned a gradient whose shape is not its input's."""
    node = op.inputs[port]
    likely = "compare with the shape of that input."
    if found == node.shape[::-1]:
        likely = "the shape is the right one reversed: a transpose is missing or one too many."
    elif len(found) >= len(node.shape) and sum(found) > sum(node.shape):
        likely = "the shape is too large: where an input was broadcast, sum over the axes that were stretched."
    return GradientError(
        message(
            f"{op.op.__name__}.backward returned a gradient of shape {found} for input {port}, {call(node)}.",
            f"a gradient has one entry for each entry of its input; expected {node.shape}.",
            likely,
        )
    )
