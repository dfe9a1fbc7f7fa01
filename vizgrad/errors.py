"""What vizgrad says when something goes wrong: what happened, where, what was expected, and what to do about it.

Every message is made here, so that they read alike. The exceptions derive from the built-in one that fits, so that code
which knows nothing of vizgrad can still catch them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vizgrad import _frames

if TYPE_CHECKING:
    from vizgrad.check.causes import Cause
    from vizgrad.core import Array, Op, OpNode, TensorNode

Shape = tuple[int, ...]


class VizgradError(Exception):
    """Any error that vizgrad explains."""


class ShapeError(VizgradError, ValueError):
    """Shapes that do not fit together."""


class OutOfRangeError(ShapeError, IndexError):
    """An index that a tensor does not have."""


class DataError(VizgradError, OSError):
    """A data set that cannot be downloaded, or a file of it that is not what it should be."""


class DtypeError(VizgradError, TypeError):
    """A value that cannot be computed with, such as text or an integer array that should have a gradient."""


class GraphError(VizgradError, RuntimeError):
    """A backward pass that has nowhere to start or nowhere to go."""


class GradientError(VizgradError, ValueError):
    """An Op whose backward returns something that cannot be a gradient."""


class MissingPackageError(VizgradError, ImportError):
    """A package that vizgrad can do without is needed after all, and is not installed."""


class OpDefinitionError(VizgradError, TypeError):
    """An Op that lacks one of its two methods."""


class SettingError(VizgradError, ValueError):
    """A setting of a module, an optimiser or a schedule that is out of its range."""


class StateError(VizgradError, ValueError):
    """Saved values that do not fit what they are loaded into."""


class AnomalyError(VizgradError, FloatingPointError):
    """NaN or Inf, found inside `detect_anomaly`."""


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
    given = " and ".join(call(node) for node in nodes) or "no tensor"
    if settings:
        given += " with " + ", ".join(f"{key}={_in_short(value)}" for key, value in settings.items())
    if isinstance(error, IndexError) and op.ours:
        return OutOfRangeError(message(f"{op.__name__} cannot compute with {given}.", *_shape_advice(op, nodes, error)))
    if isinstance(error, ValueError) and (op.ours or _SAID_BY_NUMPY.match(str(error))):
        return ShapeError(message(f"{op.__name__} cannot compute with {given}.", *_shape_advice(op, nodes, error)))
    error.add_note(message(f"This happened in {op.__name__}.forward, given {given}."))
    return error


# How NumPy begins when shapes do not fit. What a learner's own Op raises is left as it is.
_SAID_BY_NUMPY = re.compile(
    r"operands could not be broadcast|could not broadcast|shapes? .*(mismatch|not aligned)|matmul: |cannot reshape"
    r"|axis -?\d|axes don't match|all (the )?input array|need at least one array|cannot select an axis|zero-size array"
    r"|einstein sum subscripts|operand has more dimensions"
)


def _shape_advice(op: type[Op], nodes: Sequence[TensorNode], error: Exception) -> tuple[str, str]:
    shapes = [node.shape for node in nodes]
    if op.rule and op.rule.broadcasts and len(shapes) == 2 and (clash := _clash(*shapes)):
        return (
            f"shapes are compared from the right; each two sizes must be equal, or one of them 1; {clash}.",
            "reshape or transpose one of them, or check that the right tensor was used here.",
        )
    if op.__name__ == "MatrixMultiply" and len(shapes) == 2 and all(shapes):
        left, right = shapes
        inner = right[-2] if len(right) > 1 else right[0]
        return (
            f"a product (n, k) @ (k, m) needs the same k twice; here it is {left[-1]} and {inner}.",
            _products_that_fit(*nodes),
        )
    return str(error).strip() + ".", f"compare the shapes with what {op.__name__} expects."


def _products_that_fit(left: TensorNode, right: TensorNode) -> str:
    """What could have been meant; which of them was, shapes cannot say."""
    if max(left.ndim, right.ndim) > 2:
        return "exchange the last two axes of one factor, or change their order, so that the inner sizes agree."
    names = [node.name or _frames.variable_name(node) or "" for node in (left, right)]
    a, b = names if all(map(str.isidentifier, names)) else ("left", "right")
    shapes = {
        f"{a} @ {b}.T": (left.shape, right.shape[::-1]),
        f"{a}.T @ {b}": (left.shape[::-1], right.shape),
        f"{b} @ {a}": (right.shape, left.shape),
    }
    fitting = [product for product, (one, other) in shapes.items() if one[-1] == other[0]]
    if not fitting:
        return "see how both were made: no transpose of one of them fits, and no other order."
    return f"transpose one factor, or change their order: {' or '.join(fitting)} would fit."


def _clash(left: Shape, right: Shape) -> str:
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if a != b and 1 not in (a, b):
            return f"here {a} meets {b}"
    return ""


def _in_short(value: object) -> str:
    """A setting on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def cannot_compare(node: Any, shape: Shape) -> ShapeError:
    """Two shapes that do not broadcast were compared."""
    return ShapeError(
        message(
            f"{call(node)} cannot be compared with an array of shape {shape}.",
            f"entries are compared one by one, so the shapes must fit together; {_clash(node.shape, shape)}.",
            "reshape one of them, or compare with a number.",
        )
    )


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


def tensor_in_numpy(node: Any) -> DtypeError:
    """A NumPy function was given a TensorNode."""
    return DtypeError(
        message(
            f"NumPy was asked to compute with {call(node)}, a TensorNode.",
            "what NumPy computes is not part of the graph, so no gradient would find its way back.",
            "use the tensor's own method or vizgrad's function (x.sum(), vg.exp(x)), or x.value for the plain array.",
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


def walked_before(op: OpNode) -> GraphError:
    """Backward came to an op that an earlier walk has used up."""
    return GraphError(
        message(
            f"backward() came to {op.op.__name__} of {_inputs(op)} for the second time.",
            "the first walk has used what forward saved, and let go of it, so that memory is free as soon as possible.",
            "compute the loss again before each backward(), or call the first one as backward(retain_graph=True).",
        )
    )


def cleared(node: TensorNode) -> GraphError:
    """Backward came to a tensor whose graph was cut by clear()."""
    return GraphError(
        message(
            f"backward() came to {call(node)}, which was computed by an op, but clear() has cut the graph there.",
            "what it was made of is not known any more, so nothing behind it could get a gradient.",
            "call clear() only after the last backward(), or go on from a leaf: vg.TensorNode(node.value).",
        )
    )


def changed_in_place(op: OpNode, node: TensorNode) -> GraphError:
    """An array was written into between forward and backward."""
    return GraphError(
        message(
            f"{call(node)} was changed in place after it was computed with: {op.op.__name__} used other numbers than it"
            " holds now.",
            "the gradient depends on the numbers that forward has seen, and these are gone.",
            "compute a new array (node.value = node.value + 1, not +=), or change it only after backward().",
        )
    )


def wanted_too_late(op: OpNode, node: TensorNode) -> GraphError:
    """A tensor wants a gradient since after it was used."""
    return GraphError(
        message(
            f"{call(node)} wants a gradient now, but did not when {op.op.__name__} used it.",
            "forward saves only what the gradients wanted at that time need.",
            "set requires_grad=True before computing with the tensor.",
        )
    )


def _inputs(op: OpNode) -> str:
    return " and ".join(call(node) for node in op.inputs)


def note_backward(error: Exception, op: OpNode) -> None:
    """Say in whose backward a foreign error arose, and what it had to compute with."""
    given = " and ".join(call(node) for node in op.inputs)
    saved = ", ".join(f"{key} {value.shape}" for key, value in (op.context or {}).items() if hasattr(value, "shape"))
    context = f"; context holds {saved}" if saved else ""
    error.add_note(message(f"This happened in {op.op.__name__}.backward, on the way back to {given}{context}."))


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


# --- data sets ---------------------------------------------------------------------------------------------------


def corrupt_data(path: Path, fault: str) -> DataError:
    """A file of a data set is damaged, or another one."""
    return DataError(
        message(
            f"{path} is not the file of MNIST that its name says: {fault}.",
            "damaged images would teach a network something else, so the file was compared with the original.",
            "move the file away (it was left as it is) and run the program again: it is then downloaded.",
        )
    )


def data_out_of_reach(name: str, failures: Mapping[str, str], folder: Path) -> DataError:
    """No mirror had the file."""
    asked = "".join(f"\n         {mirror}: {failure}" for mirror, failure in failures.items())
    return DataError(
        message(
            f"{name} could not be downloaded.",
            f"every mirror was asked more than once; the last answers were{asked}",
            f"see whether this machine reaches the network, or put {name}.gz from elsewhere into {folder}. "
            "If the files are in another place already, name it: vg.load_mnist(directory=...).",
        )
    )


def data_not_kept(folder: Path, error: OSError) -> DataError:
    """The place for downloaded files cannot be written to."""
    return DataError(
        message(
            f"MNIST cannot be kept in {folder}.",
            f"{error}.",
            "name a folder that can be written to: vg.load_mnist(directory=...), or the variable VIZGRAD_DATA.",
        )
    )


def no_download_in_browser(names: Sequence[str]) -> DataError:
    """Python in the browser cannot download data."""
    return DataError(
        message(
            "MNIST is not here, and Python in the browser cannot download it.",
            f"missing are {', '.join(names)}; programs in a page are shut off from the network.",
            "use vg.load_digits() or vg.load_synth() here, or run the program on your own computer.",
        )
    )


# --- modules and optimisers --------------------------------------------------------------------------------------


def bad_setting(owner: str, name: str, value: object, needed: str) -> SettingError:
    """A setting is out of its range."""
    return SettingError(message(f"{owner} was given {name}={value!r:.60}.", f"{name} must be {needed}."))


def no_fans(shape: Shape) -> ShapeError:
    """Weights that start by their numbers of inputs and outputs have a shape in which there are no such numbers."""
    return ShapeError(
        message(
            f"Weights of shape {shape} have no number of inputs and of outputs to start by.",
            "these are read from the shape: (outputs, inputs), or (outputs, inputs, height, width) for a convolution.",
            "use nn.init.zeros, constant, normal or uniform for arrays of other shapes.",
        )
    )


def not_a_layer(place: int, value: object) -> DtypeError:
    """Something that cannot be called stands in a Sequential."""
    return DtypeError(
        message(
            f"Sequential was given a {type(value).__name__} as layer {place}.",
            "each layer is called with what the one before it gives.",
            "give modules and functions one by one, Sequential(a, b), and a list of them as Sequential(*layers).",
        )
    )


def batch_of_one(shape: Shape) -> ShapeError:
    """There is nothing to take a variance of."""
    return ShapeError(
        message(
            f"BatchNorm was given an input of shape {shape}, one value for each feature.",
            "while training it divides by the standard deviation over the batch, and one value has none.",
            "use larger batches, or call eval() on the network if it is not being trained.",
        )
    )


def same_path(module: str, path: str) -> StateError:
    """Two tensors of a module would be saved under one name."""
    return StateError(
        message(
            f"Two tensors in {module} have the same path, {path}.",
            "keys of a dict become part of a path; keys such as 1 and '1', or keys with dots, can give the same one.",
            "use other keys.",
        )
    )


def state_does_not_fit(owner: str, faults: Sequence[str]) -> StateError:
    """Saved values do not fit what they are loaded into."""
    shown = "; ".join(faults[:20]) + (f"; and {len(faults) - 20} more" if len(faults) > 20 else "")
    return StateError(
        message(
            f"{owner} cannot take over these values; nothing was changed.",
            f"{shown}.",
            "load into one that was made in the same way as the one that was saved.",
        )
    )


def not_a_state_file(path: object, error: Exception) -> StateError:
    """A file does not hold what save() writes."""
    return StateError(
        message(
            f"{path} holds no values that save() has written.",
            f"it is no NumPy archive of plain arrays, or is damaged ({type(error).__name__}: {error!s:.120}).",
            "check the path, or save again.",
        )
    )


def no_parameters(optimiser: str) -> SettingError:
    """An optimiser has nothing to do."""
    return SettingError(
        message(
            f"{optimiser} was given no parameters.",
            "the list is empty: the module has no tensors that want a gradient, or a generator has been used up.",
            f"give it those of a module, {optimiser}(net.parameters(), ...), or a list of tensors.",
        )
    )


def not_parameters(optimiser: str, value: object) -> DtypeError:
    """An optimiser was given something else than tensors."""
    return DtypeError(
        message(
            f"{optimiser} was given a {type(value).__name__} where it needs a list of tensors.",
            "an optimiser changes the tensors that it is given.",
            f"write {optimiser}(net.parameters(), ...), or {optimiser}([w, b], ...).",
        )
    )


def computed_parameter(optimiser: str, node: TensorNode) -> GraphError:
    """An optimiser was given a tensor that an op has made."""
    return GraphError(
        message(
            f"{optimiser} was given {call(node)}, which was computed.",
            "the next forward computes it anew, and what the optimiser has changed is gone.",
            "give it the leaves that the tensor was computed from, or make a leaf: vg.TensorNode(node.value).",
        )
    )


def update_failed(optimiser: str, lr: float) -> None:
    """Warn that parameters have become infinite or undefined."""
    _warn(
        f"{optimiser}: numbers became too large in this step, or were before; parameters are now infinite or nan.",
        f"lower the learning rate (lr={lr:g}), or scale the inputs.",
    )


def unfinished_optimiser(name: str) -> OpDefinitionError:
    """An Optimiser lacks the rule by which it moves parameters."""
    return OpDefinitionError(
        message(
            f"The optimiser {name} has no moved().",
            "step() asks it for the new value of each parameter.",
            "write def moved(self, value, gradient, memory): return value - self.lr * gradient in your class.",
        )
    )


def unfinished_schedule(name: str) -> OpDefinitionError:
    """A Schedule lacks its rate."""
    return OpDefinitionError(
        message(
            f"The schedule {name} has no rate().",
            "step() asks it for the learning rate after so many steps.",
            "write def rate(self, taken): return self.base / (1 + taken) in your class.",
        )
    )


def schedule_over(name: str, steps: int) -> SettingError:
    """A schedule was asked for more steps than it has."""
    return SettingError(
        message(
            f"{name} was asked for more than its {steps} steps.",
            "its learning rate is planned for that many updates.",
            "count the updates: epochs * batches in an epoch, if step() is called after each batch.",
        )
    )


# --- PyTorch -----------------------------------------------------------------------------------------------------


def torch_missing() -> MissingPackageError:
    """The bridge to PyTorch was asked for where there is no PyTorch."""
    return MissingPackageError(
        message(
            "Recording a PyTorch model needs PyTorch, which is not installed.",
            "vizgrad itself computes with NumPy, and does not bring PyTorch along.",
            "install PyTorch 2.11 or newer into this environment, as pytorch.org says for your machine.",
        )
    )


def not_for_record_torch(value: object) -> DtypeError:
    """record_torch was given neither a module nor a result."""
    return DtypeError(
        message(
            f"record_torch was given a {type(value).__name__}.",
            "it takes the model whose training step is recorded, or a loss that PyTorch has computed already.",
            "write with record_torch(model) as trace: ..., or trace = record_torch(loss).",
        )
    )


def no_torch_graph() -> GraphError:
    """record_torch was given a result that remembers nothing."""
    return GraphError(
        message(
            "record_torch was given a tensor without a graph.",
            "it has no grad_fn: it is a leaf, or was computed under no_grad, or from nothing that requires a gradient.",
            "give it the loss itself, not its .data, .item() or .detach().",
        )
    )


# --- checks ------------------------------------------------------------------------------------------------------


def wrong_gradients(faults: Iterable[tuple[str, Cause]]) -> GradientError:
    """Backward and finite differences disagree."""
    return GradientError("\n".join(message(what, cause.why, cause.do) for what, cause in faults))


def nothing_to_check(function: str) -> GradientError:
    """A gradient check was given no input that has a gradient."""
    return GradientError(
        message(
            f"There is no gradient of {function} to check.",
            "none of its inputs is an array of floats, or a tensor that wants a gradient.",
            "give its inputs as a list of float arrays.",
        )
    )


def function_returned(function: str, outputs: Sequence[object]) -> GradientError:
    """A checked function does not return tensors."""
    kinds = ", ".join(type(output).__name__ for output in outputs) or "nothing"
    return GradientError(
        message(
            f"{function} returned {kinds}.",
            "a gradient check needs the TensorNode that the function computes, with its graph.",
            "return the tensor itself, not its .value or .item().",
        )
    )


def not_the_same_twice(function: str) -> GradientError:
    """Two calls of a checked function differ."""
    return GradientError(
        message(
            f"{function} gave two different results for the same inputs.",
            "finite differences compare several calls; they mean nothing where chance or a counter takes part.",
            "make the random numbers outside, or with a generator of fixed seed inside: np.random.default_rng(0).",
        )
    )


def not_finite_here(function: str, count: int, size: int) -> GradientError:
    """A checked function has no finite result."""
    entries = "the result" if size == 1 else f"{count} of {size} entries of the result"
    return GradientError(
        message(
            f"{function}: {entries} {'is' if count == 1 else 'are'} inf or nan at these inputs.",
            "there is no slope where there is no number.",
            "check at inputs inside the domain, for example positive ones for a logarithm.",
        )
    )


def too_few_digits(function: str, dtype: object) -> GradientError:
    """A checked function computes in another float type."""
    return GradientError(
        message(
            f"{function} was given float64 numbers, but computes in {dtype}.",
            f"differences of {dtype} numbers have too few digits left to judge a gradient.",
            "check in float64; make the constants inside float64 as well.",
        )
    )


def too_many_letters(letters: Sequence[str], most: int) -> ShapeError:
    """A check was asked for shapes with more unknown sizes than it has."""
    return ShapeError(
        message(
            f"check_op was given shapes with {len(letters)} letters: {', '.join(letters)}.",
            f"it draws sizes for up to {most}.",
            "write some of the sizes as numbers, such as (3, 4).",
        )
    )


def forward_returned(op: type[Op], output: object) -> OpDefinitionError:
    """An Op's forward returned something that is no array of floats."""
    kind = f"an array of {output.dtype}" if isinstance(output, np.ndarray) else f"{type(output).__name__}"
    do = "compute with the arrays that forward is given, and return the result."
    if output is None:
        do = "end forward with return, followed by the result."
    elif isinstance(output, list):
        do = "return several results as a tuple: return first, second."
    return OpDefinitionError(
        message(f"{op.__name__}.forward returned {kind}.", "it must return an array of floats, or a tuple of them.", do)
    )


def backward_returned(op: type[Op], gradient: object) -> GradientError:
    """An Op's backward returned something that is no array of numbers."""
    return GradientError(
        message(
            f"{op.__name__}.backward returned {type(gradient).__name__} ({gradient!r:.60}) as a gradient.",
            "it works on arrays and returns arrays, one for each input of forward.",
            "compute with what is in context and with the upstream gradient, which are arrays.",
        )
    )


def wrote_into(op: type[Op], method: str, array: str) -> GradientError:
    """An Op changed an array that is not its own."""
    return GradientError(
        message(
            f"{op.__name__}.{method} changed {array}.",
            "other ops may hold the same array, so they would compute with wrong numbers.",
            "make a new array: y = x * 2 instead of x *= 2, or x = x.copy() first.",
        )
    )


def left_float32(op: type[Op], what: str, dtype: object) -> GradientError:
    """An Op computes float64 from float32."""
    return GradientError(
        message(
            f"{op.__name__}.{what} {dtype} numbers for float32 inputs.",
            "a result should keep the number type of the inputs: a network in float32 would silently become slower.",
            "make new arrays with dtype=x.dtype; np.zeros(n), np.sqrt(2) and np.float64 constants are float64.",
        )
    )


def anomaly_in_forward(op: OpNode, names: Sequence[str], result: Array) -> AnomalyError:
    """An op has computed NaN or Inf."""
    return AnomalyError(
        message(
            f"{op.op.__name__} made {_not_finite(result)}.",
            f"its inputs: {_ranges(op, names)}.",
            _anomaly_advice(op, names),
        )
    )


def anomaly_in_backward(
    op: OpNode, names: Sequence[str], port: int, gradient: Array, upstream: Sequence[Array], place: object
) -> AnomalyError:
    """An op's backward has computed NaN or Inf."""
    computed = f" computed at {place}" if place else ""
    ranges = f"{_ranges(op, names)}; upstream gradient {', '.join(map(_range, upstream))}"
    return AnomalyError(
        message(
            f"{op.op.__name__}.backward made {_not_finite(gradient)} as gradient of {names[port]}.",
            f"the op was{computed or ' computed before'}; its inputs: {ranges}.",
            "the slope is infinite or undefined there: keep the inputs away from that point, for example by adding a "
            "small constant.",
        )
    )


def _anomaly_advice(op: OpNode, names: Sequence[str]) -> str:
    for name, node in zip(names, op.inputs, strict=True):
        if not np.isfinite(node.value).all():
            return f"{name} was not finite already: look at where its numbers come from."
    return "keep the inputs in the range where the function has a finite value, or use a stable form of it."


def _ranges(op: OpNode, names: Sequence[str]) -> str:
    described = []
    for name, node in zip(names, op.inputs, strict=True):
        known = call(node)
        described.append(f"{name} {_range(node.value)} ({known})")
    return ", ".join(described)


def _range(array: Array) -> str:
    finite = array[np.isfinite(array)]
    described = f"from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "without finite entries"
    return described if finite.size == array.size else f"{described} with {_not_finite(array)}"


def _not_finite(array: Array) -> str:
    nans, size = int(np.count_nonzero(np.isnan(array))), array.size
    infs = int(np.count_nonzero(np.isinf(array)))
    counts = [f"{count} {kind}" for count, kind in ((nans, "nan"), (infs, "inf")) if count]
    return f"{' and '.join(counts)} among {size} {'entry' if size == 1 else 'entries'}"
