"""What is said when something goes wrong: the type, who and what is named, the line of the program, what to do."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import normal, seeds
from vizgrad import _frames, datasets, errors, ops


class Learners(vg.Op):
    """Doubles its input; what its backward returns is set from outside, as a beginner's mistake would."""

    returned = staticmethod(lambda context, go: go)

    @staticmethod
    def forward(context, *inputs):
        context["x"] = inputs[0]
        return sum(inputs) * 2

    @staticmethod
    def backward(context, go):
        return Learners.returned(context, go)


def backward_returning(returned: Callable, *shapes: tuple[int, ...]) -> None:
    """Run the learner's op on tensors of these shapes, called first, second ..."""
    Learners.returned = staticmethod(returned)
    names = ["first", "second", "third"]
    nodes = [vg.TensorNode(np.ones(shape), name=name) for shape, name in zip(shapes, names, strict=False)]
    Learners.do_forward(*nodes).sum().backward()


# --- the mistakes ----------------------------------------------------------------------------------------------------
# Each is a function that makes one mistake, in a line that ends with `# here`.


def adds_shapes_that_do_not_fit():
    weights, inputs = vg.TensorNode(np.ones((3, 2))), vg.TensorNode(np.ones((3, 4)))
    return weights + inputs  # here


def multiplies_named_tensors_that_do_not_fit():
    a = vg.TensorNode(np.ones(3), name="velocity")
    return a * np.ones((2, 4))  # here


def divides_by_shapes_that_do_not_fit():
    x = vg.TensorNode(np.ones((2, 5)))
    return np.ones((3, 5)) / x  # here


def multiplies_matrices_with_other_inner_sizes():
    x, w = vg.TensorNode(np.ones((4, 3))), vg.TensorNode(np.ones((5, 3)))
    return x @ w  # here


def multiplies_a_matrix_with_a_number():
    x = vg.TensorNode(np.ones((4, 3)))
    return x @ vg.TensorNode(2.0)  # here


def selects_with_the_wrong_number_of_indices():
    scores = vg.TensorNode(np.ones((4, 3)))
    return ops.Select.do_forward(scores, indices=[0, 1])  # here


def selects_an_entry_that_a_row_does_not_have():
    scores = vg.TensorNode(np.ones((2, 3)))
    return ops.Select.do_forward(scores, indices=[0, 3])  # here


def selects_with_fractions():
    scores = vg.TensorNode(np.ones((2, 3)))
    return ops.Select.do_forward(scores, indices=[0.0, 1.0])  # here


def expands_an_axis_that_is_long():
    x = vg.TensorNode(np.ones((2, 3)))
    return ops.Expand.do_forward(x, dim=1, repeats=2)  # here


def reshapes_to_another_number_of_entries():
    x = vg.TensorNode(np.ones((2, 3)))
    return x.reshape(4, 2)  # here


def squeezes_an_axis_that_is_long():
    x = vg.TensorNode(np.ones((2, 3)))
    return ops.Squeeze.do_forward(x, dim=1)  # here


def sums_over_an_axis_that_is_not_there():
    x = vg.TensorNode(np.ones((2, 3)))
    return x.sum(axis=2)  # here


def applies_a_layer_to_other_features():
    data = vg.TensorNode(np.ones((5, 4)))
    return vg.Linear(3, 2)(data)  # here


def makes_batches_of_vectors():
    matrix = vg.TensorNode(np.ones((2, 3)))
    return ops.BatchMM.do_forward(matrix, np.ones(3))  # here


def adds_a_text():
    x = vg.TensorNode(1.0)
    return x + "one"  # here


def adds_nothing():
    x = vg.TensorNode(1.0)
    return x * None  # here


def wants_the_gradient_of_integers():
    return vg.TensorNode(np.array([1, 2]), name="labels")  # here


def wants_the_gradient_of_booleans():
    return vg.TensorNode([True, False])  # here


def makes_a_tensor_of_text():
    return vg.TensorNode("three", name="three")  # here


def makes_a_tensor_of_ragged_lists():
    return vg.TensorNode([[1.0, 2.0], [3.0]])  # here


def makes_a_tensor_of_nothing():
    return vg.TensorNode(None)  # here


def makes_a_tensor_of_complex_numbers():
    return vg.TensorNode(np.array([1j]))  # here


def makes_a_tensor_of_a_tensor():
    x = vg.TensorNode(1.0)
    return vg.TensorNode(x)  # here


def makes_a_tensor_of_tensors():
    x = vg.TensorNode(1.0)
    return vg.TensorNode([x, x])  # here


def assigns_a_value_of_another_shape():
    weights = vg.TensorNode(np.ones((2, 3)))
    weights.value = np.ones(3)  # here


def assigns_a_value_of_integers():
    weights = vg.TensorNode(np.ones(2), name="weights")
    weights.value = np.array([1, 2])  # here


def assigns_a_gradient_of_another_shape():
    weights = vg.TensorNode(np.ones((2, 3)))
    weights.grad = np.ones(3)  # here


def walks_back_from_many_numbers():
    outputs = vg.TensorNode(np.ones((2, 3))) * 2
    outputs.backward()  # here


def walks_back_from_no_number():
    empty = vg.TensorNode(np.ones((0, 3))) * 2
    empty.backward()  # here


def walks_back_from_a_leaf():
    leaf = vg.TensorNode(1.0)
    leaf.backward()  # here


def walks_back_to_nothing_that_wants_a_gradient():
    data = vg.TensorNode(1.0, requires_grad=False)
    loss = data * data
    loss.backward()  # here


def walks_back_inside_no_grad():
    w = vg.TensorNode(1.0)
    with vg.no_grad():
        loss = w * w
    loss.backward()  # here


def walks_back_twice_with_clear_between():
    w = vg.TensorNode(1.0)
    loss = w * w
    loss.backward()
    loss.clear()
    loss.backward()  # here


def walks_back_twice():
    w = vg.TensorNode(1.0)
    loss = w * w
    loss.backward()
    loss.backward()  # here


def walks_back_through_a_cleared_graph():
    w = vg.TensorNode(1.0)
    hidden = w * w
    first, second = hidden + 1.0, hidden * 2.0
    first.clear()
    second.backward()  # here


def writes_into_a_leaf_that_was_used():
    w = vg.TensorNode([1.0, 2.0])
    loss = (w * w).sum()
    w.value[0] = 5
    loss.backward()  # here


def writes_into_a_result_that_was_saved():
    w = vg.TensorNode([1.0, 2.0])
    hidden = w.exp()
    hidden.value[hidden.value > 3] = 3
    hidden.sum().backward()  # here


def wants_a_gradient_too_late():
    w, data = vg.TensorNode([1.0, 2.0]), vg.TensorNode([3.0, 4.0], requires_grad=False)
    loss = (w * data).sum()
    data.requires_grad = True
    loss.backward()  # here


def records_a_model_without_pytorch():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        for name in [name for name in sys.modules if name.startswith("vizgrad.torch_bridge")]:
            patch.delitem(sys.modules, name)
        importlib.import_module("vizgrad.torch_bridge")  # here


def records_what_is_no_model():
    vg.record_torch("a model")  # here


def records_a_tensor_without_a_graph():
    vg.record_torch(torch.ones(()))  # here


def compares_shapes_that_do_not_fit():
    w = vg.TensorNode([1.0, 2.0])
    return w > np.zeros(3)  # here


def gives_a_tensor_to_numpy():
    w = vg.TensorNode([1.0, 2.0])
    np.linalg.norm(w)  # here


def uses_an_op_without_forward():
    class Empty(vg.Op):
        pass

    return Empty.do_forward(vg.TensorNode(1.0))  # here


def uses_an_op_without_backward():
    class Half(vg.Op):
        @staticmethod
        def forward(context, x):
            return x * 2

    Half.do_forward(vg.TensorNode(1.0)).backward()  # here


def calls_a_module_without_forward():
    class Net(vg.Module):
        pass

    return Net()(1.0)  # here


def returns_one_gradient_for_two_inputs():
    backward_returning(lambda context, go: go, (2,), (2,))


def returns_a_list_of_gradients():
    backward_returning(lambda context, go: [go, go], (2,), (2,))


def returns_a_gradient_too_many():
    backward_returning(lambda context, go: (go, go), (2,))


def returns_nothing_for_two_inputs():
    backward_returning(lambda context, go: None, (2,), (2,))


def returns_a_transposed_gradient():
    backward_returning(lambda context, go: go.T, (2, 3))


def returns_a_gradient_that_was_not_summed():
    backward_returning(lambda context, go: (go, go), (2, 3), (3,))


def returns_a_gradient_that_is_too_small():
    backward_returning(lambda context, go: go.sum(axis=0), (2, 3))


def asks_for_a_negative_number_of_points():
    return vg.load_synth(-1, 2)  # here


def loads_a_file_that_is_cut_off():
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(datasets, "_download", return_value={}):
        for file in datasets._TRAINING:
            Path(folder, file.name).write_bytes(file.header)
        return vg.load_mnist(directory=folder)  # here


def loads_what_no_mirror_has():
    no_answer = mock.Mock(side_effect=OSError("no route"))
    with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(datasets, _get=no_answer, PAUSE=0.0):
        return vg.load_mnist(directory=folder)  # here


def downloads_into_a_file():
    with tempfile.NamedTemporaryFile() as file:
        return vg.load_mnist(directory=file.name)  # here


def downloads_in_the_browser():
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(datasets.sys, "platform", "emscripten"):
        return vg.load_mnist(directory=folder)  # here


def learners_op(forward: Callable, backward: Callable = lambda context, go: go) -> type[vg.Op]:
    """An Op as a learner would write it."""
    return type("Doubled", (vg.Op,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def checks_a_wrong_gradient():
    op = learners_op(lambda context, x: 2 * x, lambda context, go: -2 * go)
    vg.gradcheck(op.do_forward, [np.ones(3)])  # here


def checks_only_integers():
    vg.gradcheck(vg.relu, [np.array([1, 2])])  # here


def checks_a_function_that_returns_arrays():
    vg.gradcheck(lambda x: (x * x).value, [np.ones(2)])  # here


def checks_a_function_of_chance():
    rng = np.random.default_rng(0)
    vg.gradcheck(lambda x: x * rng.random(), [np.ones(2)])  # here


def checks_outside_the_domain():
    vg.gradcheck(vg.log, [np.array([1.0, -1.0])])  # here


def checks_in_float32():
    op = learners_op(lambda context, x: np.float32(2) * x.astype(np.float32))
    vg.gradcheck(op.do_forward, [np.ones(2)])  # here


def checks_an_op_of_too_many_sizes():
    vg.check_op(ops.Add, [("a", "b", "c"), ("d", "e")])  # here


def checks_an_op_that_returns_nothing():
    vg.check_op(learners_op(lambda context, x: None), [(2,)])  # here


def checks_an_op_that_returns_a_list():
    vg.check_op(learners_op(lambda context, x: [x, x]), [(2,)])  # here


def checks_an_op_that_returns_text():
    vg.check_op(learners_op(lambda context, x: x * 2, lambda context, go: "go"), [(2,)])  # here


def doubles_in_place(context, x):
    x *= 2
    return x


def checks_an_op_that_writes_into_its_input():
    vg.check_op(learners_op(doubles_in_place), [(2,)])  # here


def checks_an_op_that_makes_float64():
    op = learners_op(lambda context, x: x * np.full(x.shape, 2.0), lambda context, go: go * 2)
    vg.check_op(op, [(2,)])  # here


def makes_an_infinity_where_it_matters():
    x = vg.TensorNode([1.0, 0.0])
    with vg.detect_anomaly():
        return x.log()  # here


def makes_an_infinite_slope_where_it_matters():
    x = vg.TensorNode([4.0, 0.0])
    with vg.detect_anomaly():
        out = x**0.5
        out.sum().backward()  # here


def makes_a_layer_of_no_units():
    vg.Linear(3, 0)  # here


def starts_a_bias_by_its_fans():
    vg.nn.init.glorot_normal((3,))  # here


def stacks_a_list_in_a_list():
    vg.Sequential([vg.Linear(3, 2), vg.nn.ReLU()])  # here


def normalises_a_batch_of_one():
    vg.BatchNorm(3)(np.ones((1, 3)))  # here


def saves_two_tensors_under_one_name():
    net = vg.Module()
    net.table = {"1": vg.TensorNode(1.0), 1: vg.TensorNode(2.0)}
    net.state_dict()  # here


def loads_another_layer():
    vg.Linear(3, 2).load_state_dict({"w": np.ones((3, 2)), "bias": np.ones(2)})  # here


def loads_a_program():
    vg.Linear(3, 2).load(__file__)  # here


def optimises_nothing():
    vg.SGD([], lr=0.1)  # here


def optimises_a_module():
    net = vg.Linear(3, 2)
    vg.SGD([net], lr=0.1)  # here


def optimises_a_result():
    hidden = vg.TensorNode(1.0) * 2
    vg.SGD([hidden], lr=0.1)  # here


def steps_without_a_rule():
    w = vg.TensorNode(1.0)
    (w * w).backward()
    vg.optim.Optimiser([w], lr=0.1).step()  # here


def schedules_without_a_rate():
    vg.optim.Schedule(vg.SGD([vg.TensorNode(1.0)], lr=0.1))  # here


def schedules_beyond_the_end():
    schedule = vg.optim.OneCycleLR(vg.SGD([vg.TensorNode(1.0)], lr=0.1), highest=1.0, steps=1)
    schedule.step()
    schedule.step()  # here


@dataclass(frozen=True)
class Said:
    """What a message must contain."""

    type: type[Exception]
    builtin: type[Exception]
    words: tuple[str, ...]
    marked: bool = True  # whether the mistake is made in the line marked `# here`


SHAPE, DTYPE, GRAPH = (vg.ShapeError, ValueError), (vg.DtypeError, TypeError), (vg.GraphError, RuntimeError)
GRADIENT, DEFINITION = (vg.GradientError, ValueError), (vg.OpDefinitionError, TypeError)
ANOMALY = (vg.AnomalyError, FloatingPointError)
DATA, STATE, SETTING = (vg.DataError, OSError), (vg.StateError, ValueError), (vg.SettingError, ValueError)
MISTAKES: dict[Callable, Said] = {
    adds_shapes_that_do_not_fit: Said(*SHAPE, ("Add", "weights (3, 2)", "inputs (3, 4)", "2 meets 4", "reshape")),
    multiplies_named_tensors_that_do_not_fit: Said(*SHAPE, ("Multiply", "velocity (3,)", "(2, 4)", "3 meets 4")),
    divides_by_shapes_that_do_not_fit: Said(*SHAPE, ("Divide", "(3, 5) and x (2, 5)", "3 meets 2")),
    multiplies_matrices_with_other_inner_sizes: Said(
        *SHAPE, ("MatrixMultiply", "x (4, 3)", "w (5, 3)", "3 and 5", "x @ w.T would fit")
    ),
    multiplies_a_matrix_with_a_number: Said(*SHAPE, ("MatrixMultiply", "x (4, 3)", "shape ()")),
    selects_with_the_wrong_number_of_indices: Said(*SHAPE, ("Select", "scores (4, 3)", "indices of shape (2,)")),
    selects_an_entry_that_a_row_does_not_have: Said(*SHAPE, ("Select", "scores (2, 3)", "0 to 3", "3 entries")),
    selects_with_fractions: Said(*SHAPE, ("Select", "scores (2, 3)", "whole numbers", "float64")),
    expands_an_axis_that_is_long: Said(*SHAPE, ("Expand", "x (2, 3)", "dim=1", "axis 1 has length 3")),
    reshapes_to_another_number_of_entries: Said(*SHAPE, ("Reshape", "x (2, 3)", "shape=(4, 2)")),
    squeezes_an_axis_that_is_long: Said(*SHAPE, ("Squeeze", "x (2, 3)", "dim=1")),
    sums_over_an_axis_that_is_not_there: Said(
        vg.OutOfRangeError, IndexError, ("Sum", "x (2, 3)", "axis=2", "out of bounds")
    ),
    applies_a_layer_to_other_features: Said(*SHAPE, ("BatchMM", "(2, 3)", "data (5, 4)", "3 features", "has 4")),
    makes_batches_of_vectors: Said(*SHAPE, ("BatchMM", "matrix (2, 3)", "(3,)")),
    adds_a_text: Said(*DTYPE, ("Add", "a str ('one')", "vg.TensorNode(array)")),
    adds_nothing: Said(*DTYPE, ("Multiply", "NoneType", "vg.TensorNode(array)")),
    wants_the_gradient_of_integers: Said(*DTYPE, ("labels", "int64", "(2,)", "requires_grad=False")),
    wants_the_gradient_of_booleans: Said(*DTYPE, ("bool", "(2,)", "requires_grad=False")),
    makes_a_tensor_of_text: Said(*DTYPE, ("three", "'three'", "real numbers")),
    makes_a_tensor_of_ragged_lists: Said(*DTYPE, ("[[1.0, 2.0], [3.0]]", "same length", "nesting")),
    makes_a_tensor_of_nothing: Said(*DTYPE, ("None", "real numbers")),
    makes_a_tensor_of_complex_numbers: Said(*DTYPE, ("1.j", "real numbers")),
    makes_a_tensor_of_a_tensor: Said(*DTYPE, ("another TensorNode", "use the node itself")),
    makes_a_tensor_of_tensors: Said(*DTYPE, ("TensorNode", "real numbers")),
    assigns_a_value_of_another_shape: Said(*SHAPE, ("weights (2, 3)", "shape (3,)", "new TensorNode")),
    assigns_a_value_of_integers: Said(*DTYPE, ("weights", "int64", "astype(float)")),
    assigns_a_gradient_of_another_shape: Said(*SHAPE, ("weights (2, 3)", "shape (3,)")),
    walks_back_from_many_numbers: Said(*GRAPH, ("backward()", "outputs (2, 3)", "6 numbers", "sum()")),
    walks_back_from_no_number: Said(*GRAPH, ("backward()", "empty (0, 3)", "0 numbers")),
    walks_back_from_a_leaf: Said(*GRAPH, ("backward()", "leaf ()", "no source", "compute the loss")),
    walks_back_to_nothing_that_wants_a_gradient: Said(*GRAPH, ("loss ()", "requires_grad=False")),
    walks_back_inside_no_grad: Said(*GRAPH, ("loss ()", "no_grad()")),
    walks_back_twice_with_clear_between: Said(*GRAPH, ("loss ()", "clear()")),
    walks_back_twice: Said(*GRAPH, ("Multiply", "w ()", "second time", "retain_graph=True")),
    walks_back_through_a_cleared_graph: Said(*GRAPH, ("hidden ()", "clear()", "vg.TensorNode(node.value)")),
    writes_into_a_leaf_that_was_used: Said(*GRAPH, ("w (2,)", "in place", "Multiply", "new array")),
    writes_into_a_result_that_was_saved: Said(*GRAPH, ("hidden (2,)", "in place")),
    wants_a_gradient_too_late: Said(*GRAPH, ("data (2,)", "Multiply", "before computing")),
    records_a_model_without_pytorch: Said(vg.MissingPackageError, ImportError, ("PyTorch 2.11", "install")),
    records_what_is_no_model: Said(*DTYPE, ("str", "with record_torch(model)")),
    records_a_tensor_without_a_graph: Said(*GRAPH, ("grad_fn", "the loss itself")),
    compares_shapes_that_do_not_fit: Said(*SHAPE, ("w (2,)", "(3,)", "2 meets 3", "reshape")),
    gives_a_tensor_to_numpy: Said(*DTYPE, ("w (2,)", "x.sum()", "x.value")),
    uses_an_op_without_forward: Said(*DEFINITION, ("no forward", "forward(context, *inputs)", "@staticmethod")),
    uses_an_op_without_backward: Said(*DEFINITION, ("no backward", "backward(context, *grad_outputs)")),
    calls_a_module_without_forward: Said(*DEFINITION, ("Net", "def forward(self, x)")),
    returns_one_gradient_for_two_inputs: Said(
        *GRADIENT, ("Learners.backward", "1 gradient(s)", "2 input(s)", "first (2,), second (2,)"), marked=False
    ),
    returns_a_list_of_gradients: Said(
        *GRADIENT, ("Learners.backward", "first (2,), second (2,)", "tuple"), marked=False
    ),
    returns_a_gradient_too_many: Said(*GRADIENT, ("2 gradient(s)", "1 input(s)", "first (2,)"), marked=False),
    returns_nothing_for_two_inputs: Said(*GRADIENT, ("1 gradient(s)", "2 input(s)"), marked=False),
    returns_a_transposed_gradient: Said(
        *GRADIENT, ("Learners.backward", "(3, 2)", "input 0, first (2, 3)", "transpose"), marked=False
    ),
    returns_a_gradient_that_was_not_summed: Said(
        *GRADIENT, ("shape (2, 3) for input 1, second (3,)", "expected (3,)", "sum over the axes"), marked=False
    ),
    returns_a_gradient_that_is_too_small: Said(
        *GRADIENT, ("shape (3,) for input 0", "expected (2, 3)", "compare"), marked=False
    ),
    loads_a_file_that_is_cut_off: Said(*DATA, ("train-images-idx3-ubyte", "16 bytes of 47,040,016", "move the file")),
    loads_what_no_mirror_has: Said(*DATA, ("train-images-idx3-ubyte", "no route", "put", "directory=...")),
    downloads_into_a_file: Said(*DATA, ("cannot be kept", "VIZGRAD_DATA")),
    downloads_in_the_browser: Said(*DATA, ("browser", "train-labels-idx1-ubyte", "load_synth")),
    checks_a_wrong_gradient: Said(
        *GRADIENT, ("Doubled", "x (3,)", "3 of 3 entries", "at x[", "the sign is lost", "minus")
    ),
    checks_only_integers: Said(*GRADIENT, ("relu", "none of its inputs", "float arrays")),
    checks_a_function_that_returns_arrays: Said(*GRADIENT, ("returned ndarray", "TensorNode", ".value")),
    checks_a_function_of_chance: Said(*GRADIENT, ("two different results", "default_rng(0)")),
    checks_outside_the_domain: Said(*GRADIENT, ("log", "1 of 2 entries", "inf or nan", "positive")),
    checks_in_float32: Said(*GRADIENT, ("Doubled", "float32", "too few digits")),
    checks_an_op_of_too_many_sizes: Said(*SHAPE, ("5 letters: a, b, c, d, e", "up to 4", "numbers")),
    checks_an_op_that_returns_nothing: Said(*DEFINITION, ("Doubled.forward", "NoneType", "return")),
    checks_an_op_that_returns_a_list: Said(*DEFINITION, ("Doubled.forward", "list", "tuple")),
    checks_an_op_that_returns_text: Said(*GRADIENT, ("Doubled.backward", "str ('go')", "arrays")),
    checks_an_op_that_writes_into_its_input: Said(*GRADIENT, ("Doubled.forward changed x", "new array")),
    checks_an_op_that_makes_float64: Said(*GRADIENT, ("Doubled.forward", "float64", "float32", "dtype=x.dtype")),
    makes_an_infinity_where_it_matters: Said(
        *ANOMALY, ("Log made 1 inf among 2 entries", "from 0 to 1", "x (2,)", "stable")
    ),
    makes_an_infinite_slope_where_it_matters: Said(
        *ANOMALY, ("Power.backward made 1 inf", "gradient of base", "out = x**0.5", "from 0 to 4", "upstream gradient")
    ),
    makes_a_layer_of_no_units: Said(*SETTING, ("Linear", "output_size=0", "whole number above 0")),
    starts_a_bias_by_its_fans: Said(*SHAPE, ("shape (3,)", "(outputs, inputs)", "nn.init.zeros")),
    stacks_a_list_in_a_list: Said(*DTYPE, ("Sequential", "list", "layer 0", "*layers")),
    normalises_a_batch_of_one: Said(*SHAPE, ("BatchNorm", "(1, 3)", "eval()")),
    saves_two_tensors_under_one_name: Said(*STATE, ("Module", "table.1", "other keys")),
    loads_another_layer: Said(*STATE, ("Linear", "b is missing", "bias is not expected", "w has shape (3, 2)")),
    loads_a_program: Said(*STATE, ("test_errors.py", "no NumPy archive", "save again")),
    optimises_nothing: Said(*SETTING, ("SGD", "no parameters", "net.parameters()")),
    optimises_a_module: Said(*DTYPE, ("SGD", "Linear", "net.parameters()")),
    optimises_a_result: Said(*GRAPH, ("SGD", "hidden ()", "computed", "leaf")),
    steps_without_a_rule: Said(*DEFINITION, ("Optimiser", "moved()")),
    schedules_without_a_rate: Said(*DEFINITION, ("Schedule", "rate()")),
    schedules_beyond_the_end: Said(*SETTING, ("OneCycleLR", "1 steps")),
    asks_for_a_negative_number_of_points: Said(*SHAPE, ("load_synth", "0 or more")),
}


def line_marked_in(function: Callable) -> tuple[int, str]:
    lines, first = inspect.getsourcelines(function)
    [place] = [i for i, line in enumerate(lines) if "# here" in line]
    return first + place, lines[place].strip()


@pytest.mark.parametrize(("mistake", "said"), MISTAKES.items(), ids=lambda item: getattr(item, "__name__", ""))
def test_a_mistake_is_explained(mistake, said):
    with pytest.raises(said.type) as caught:
        mistake()
    error = caught.value
    text = str(error)
    assert type(error) is said.type
    assert isinstance(error, (vg.VizgradError, said.builtin))
    assert isinstance(error, said.builtin)
    for word in said.words:
        assert word in text
    if said.marked:
        number, line = line_marked_in(mistake)
        assert f"line {number} of test_errors.py: {line}" in text
    else:
        assert re.search(r"line \d+ of test_errors.py: Learners\.do_forward\(", text)
    assert error.__cause__ is not error
    assert re.search(r"^  (do|why): ", text, re.MULTILINE) or said.words[0] == "load_synth"


def test_every_message_of_the_package_is_tried_here(monkeypatch):
    functions = dict(inspect.getmembers(errors, inspect.isfunction))
    makers = {name: f for name, f in functions.items() if str(f.__annotations__.get("return")).endswith("Error")}
    called = set()

    def spying(name):
        return lambda *arguments: called.add(name) or makers[name](*arguments)

    for name in makers:
        monkeypatch.setattr(errors, name, spying(name))
    for mistake, said in MISTAKES.items():
        with pytest.raises(said.type):
            mistake()
    assert {"backward_from_leaf", "wrong_gradient_shape"} < set(makers)
    assert called == set(makers)


# --- errors that are not vizgrad's -----------------------------------------------------------------------------------


def test_an_error_in_a_learners_backward_keeps_its_type_and_says_where():
    with pytest.raises(KeyError) as caught:
        backward_returning(lambda context, go: context["missing"] * go, (2,))
    assert caught.value.args == ("missing",)
    [note] = caught.value.__notes__
    assert "Learners.backward" in note
    assert "first (2,)" in note
    assert "test_errors.py" in note


@pytest.mark.parametrize(
    "kind", [KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError, NotImplementedError]
)
def test_an_error_in_a_learners_forward_keeps_its_type_and_says_where(kind):
    class Broken(vg.Op):
        @staticmethod
        def forward(context, x, scale=1):
            raise kind("as it was")

    temperature = vg.TensorNode(np.ones((2, 2)))
    with pytest.raises(kind) as caught:
        Broken.do_forward(temperature, scale=3)
    assert caught.value.args == ("as it was",)
    [note] = caught.value.__notes__
    assert "Broken.forward" in note
    assert "temperature (2, 2)" in note
    assert "scale=3" in note
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + np.ones(4),
        lambda x: x @ np.ones((2, 2)),
        lambda x: np.dot(x, np.ones((2, 2))),
        lambda x: x.reshape(4, 4),
        lambda x: x.sum(axis=2),
        lambda x: x.squeeze(0),
        lambda x: x.transpose(0, 1, 2),
        lambda x: np.concatenate([x, np.ones((2, 2))]),
        lambda x: np.stack([x, np.ones((2, 2))]),
        lambda x: np.einsum("ij,jk->ik", x, np.ones((2, 2))),
        lambda x: np.broadcast_to(x, (2, 2)),
        lambda x: x[:0].max(),
    ],
)
def test_what_numpy_says_of_shapes_in_a_learners_forward_becomes_a_shape_error(compute):
    samples = vg.TensorNode(np.ones((2, 3)))
    with pytest.raises(vg.ShapeError) as caught:
        learners_op(lambda context, x: compute(x)).do_forward(samples)
    assert "Doubled cannot compute with samples (2, 3)" in str(caught.value)
    assert str(caught.value.__cause__).strip() in str(caught.value)


def small_shapes() -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple)


@given(small_shapes(), small_shapes())
def test_a_product_that_does_not_fit_names_those_that_would_and_no_others(left, right):
    x, w = vg.TensorNode(np.ones(left)), vg.TensorNode(np.ones(right))
    try:
        x @ w
    except vg.ShapeError as error:
        said = str(error)
    else:
        return
    for product in ("x @ w.T", "x.T @ w", "w @ x"):
        try:
            eval(product, {"x": x.value, "w": w.value})
        except ValueError:
            assert product not in said
        else:
            assert product in said


def test_a_learner_hears_which_shapes_a_failed_backward_had():
    def forward(context, x, w):
        context["x"], context["w"] = x, w
        return x @ w

    op = learners_op(forward, lambda context, go: (go @ context["w"], context["x"].T @ go))
    samples, weights = vg.TensorNode(np.ones((4, 3))), vg.TensorNode(np.ones((3, 2)))
    with pytest.raises(ValueError, match="matmul") as caught:
        op.do_forward(samples, weights).sum().backward()
    [note] = caught.value.__notes__
    for words in ("Doubled.backward", "samples (4, 3) and weights (3, 2)", "context holds x (4, 3), w (3, 2)"):
        assert words in note


def test_a_failed_backward_loses_no_earlier_gradient():
    x = vg.TensorNode(np.ones((2, 3)))
    (x * 5.0).sum().backward()
    Learners.returned = staticmethod(lambda context, go: go.T)
    loss = (Learners.do_forward(x) + x).sum()
    with pytest.raises(vg.GradientError):
        loss.backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 6.0))  # 5, and what had arrived from the sum
    x.zero_grad()
    Learners.returned = staticmethod(lambda context, go: 2 * go)
    (Learners.do_forward(x) + x).sum().backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 3.0))


@pytest.mark.parametrize("returned", [lambda context, go: 3, lambda context, go: np.float32(3), lambda c, go: [3.0]])
def test_a_gradient_may_be_a_number_where_the_shape_is_that_of_a_number(returned):
    Learners.returned = staticmethod(returned)
    x = vg.TensorNode([1.0]) if isinstance(returned(None, None), list) else vg.TensorNode(1.0)
    Learners.do_forward(x).backward()
    np.testing.assert_array_equal(x.grad, np.full(x.shape, 3.0))
    assert x.grad.dtype == np.float64


# --- numerics --------------------------------------------------------------------------------------------------------

NUMERICS = [
    (lambda x: 1 / x, 0.0, ("Divide", "denominator is 0", "mask")),
    (lambda x: x / x, [0.0, 1.0, 0.0], ("Divide", "2 of 3 entries", "inf or nan")),
    (vg.log, 0.0, ("Log", "not above 0", "keep the input positive")),
    (vg.log, [-1.0, 1.0], ("Log", "1 of 2 entries", "-inf or nan")),
    (lambda x: x.log(), float("nan"), ("Log", "not above 0")),
    (lambda x: x**-1, 0.0, ("Power", "outside the domain", "negative exponent")),
    (lambda x: x**0.5, [-1.0, 4.0], ("Power", "1 of 2 entries", "fractional")),
]


@pytest.mark.parametrize(("compute", "value", "words"), NUMERICS)
def test_an_undefined_result_is_warned_of_once_at_the_users_line(compute, value, words):
    x = vg.TensorNode(value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = compute(x)
        out.sum().backward()
    [warning] = caught
    assert warning.category is vg.NumericsWarning
    assert issubclass(warning.category, RuntimeWarning)
    assert warning.filename == __file__
    assert "compute(x)" in inspect.getsource(test_an_undefined_result_is_warned_of_once_at_the_users_line)
    assert not np.isfinite(out.value).all()
    text = str(warning.message)
    place = re.search(r"where: line (\d+) of test_errors.py", text)
    assert place
    assert int(place[1]) == warning.lineno
    for word in words:
        assert word in text


@given(seeds, st.integers(1, 5))
def test_good_numbers_are_not_warned_of(seed, size):
    x = vg.TensorNode(np.abs(normal(seed, (size,))) + 0.01)
    loss = (vg.log(x) / x + x**0.5 + x**-2).sum()
    loss.backward()
    assert np.isfinite(loss.item())


# --- whose line, and which name --------------------------------------------------------------------------------------


def test_a_file_beside_the_package_is_the_users():
    filename = _frames._PACKAGE.rstrip("/\\") + "_experiments.py"
    scope = {"vg": vg, "np": np}
    with pytest.raises(vg.ShapeError, match=r"line 2 of vizgrad_experiments\.py"):
        exec(compile("\nvg.TensorNode(np.ones(2)) + np.ones(3)", filename, "exec"), scope)


def test_the_line_is_where_a_helper_of_the_user_computes():
    def helper(a, b):
        return a + b  # here

    with pytest.raises(vg.ShapeError) as caught:
        helper(vg.TensorNode(np.ones(2)), vg.TensorNode(np.ones(3)))
    assert f"line {line_marked_in(helper)[0]} of" in str(caught.value)
    assert "a (2,) and b (3,)" in str(caught.value)


class Awkward:
    """An object whose attributes cannot be asked for."""

    def __getattr__(self, name):
        raise RuntimeError("not now")


class Yielding:
    """An object that claims to have every attribute."""

    def __getattr__(self, name):
        return lambda *arguments: 5


@pytest.mark.parametrize("stranger", [Awkward, Yielding, lambda: vg.Module, lambda: vg.Linear, lambda: {1: [2]}])
def test_names_are_found_among_objects_of_any_kind(stranger):
    beside = stranger()
    weights = vg.TensorNode(np.ones(2))
    with pytest.raises(vg.ShapeError, match=r"weights \(2,\)"):
        weights + np.ones(3)
    with vg.record() as trace:
        weights * 2
    assert trace.tensors[0].name == "weights"
    assert beside is not None


def test_names_of_lists_dicts_and_modules_are_found():
    layers = [vg.TensorNode(np.ones(2)), vg.TensorNode(np.ones(2))]
    table = {"bias": vg.TensorNode(np.ones(2))}
    net = vg.MLP(3, 2)
    wrong = np.ones((1, 1, 7))
    with pytest.raises(vg.ShapeError, match=r"layers\[1\] \(2,\)"):
        layers[1] + wrong
    with pytest.raises(vg.ShapeError, match=r"table\['bias'\] \(2,\)"):
        table["bias"] + wrong
    with pytest.raises(vg.ShapeError, match=r"net\.layer2\.w \(2, 12\)"):
        net.layer2.w + wrong
