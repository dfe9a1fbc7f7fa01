"""What the recorder writes down: every tensor, op, edge and step, with the names and places of the program."""

from __future__ import annotations

import gc
import inspect
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import Program, normal, programs
from vizgrad import _frames, core, graph, ops
from vizgrad.observer import Observer, watching
from vizgrad.trace import Trace
from vizgrad.trace.recorder import snapshot


def recorded(program: Program, backwards: int = 1) -> tuple[Trace, list[vg.TensorNode]]:
    with vg.record() as trace:
        nodes = program.run_here()
        for _ in range(backwards):
            nodes[-1].backward(retain_graph=True)
    return trace, nodes


def names(trace: Trace) -> list[str]:
    return [tensor.name for tensor in trace.tensors]


def steps(trace: Trace, kind: str) -> list[Any]:
    return [step for step in trace.steps if step.kind == kind]


def line_of(marker: str, function: Any) -> int:
    lines, first = inspect.getsourcelines(function)
    [place] = [i for i, line in enumerate(lines) if line.rstrip().endswith(f"# {marker}")]
    return first + place


class Replay(Observer):
    """Keeps, after each event, what every tensor holds: written without looking at the recorder."""

    def __init__(self) -> None:
        self.values: dict[vg.TensorNode, np.ndarray] = {}
        self.grads: dict[vg.TensorNode, np.ndarray] = {}
        self.history: list[tuple[dict, dict]] = []
        self.zeroed = False

    def _happened(self, zeroed: bool = False) -> None:
        if zeroed and self.zeroed:
            self.history.pop()
        self.zeroed = zeroed
        self.history.append(
            ({n: v.copy() for n, v in self.values.items()}, {n: g.copy() for n, g in self.grads.items()})
        )

    def forward(self, op, settings, outputs):
        self.values.update({node: node.value for node in outputs})
        self._happened()

    def start(self, loss, seed):
        self.missing = graph.gradients_to_come(loss)
        self.earlier = {node: node.grad.copy() for node in self.missing}
        self.totals: dict[vg.TensorNode, np.ndarray] = {}
        self.grads[loss] = self.grads.get(loss, 0) + seed
        self._happened()

    def backward(self, op, upstream, gradients):
        self._happened()
        for node, gradient in zip(op.inputs, gradients, strict=True):
            if gradient is not None:
                total = self.totals[node] = self.totals[node] + gradient if node in self.totals else gradient
                self.missing[node] -= 1
                self.grads[node] = total if self.missing[node] else self.earlier[node] + total
                self._happened()

    def update(self, node, before, rule, settings):
        self.values[node] = node.value
        self._happened()

    def zero(self, node):
        self.grads.pop(node, None)
        self._happened(zeroed=True)


# --- structure -------------------------------------------------------------------------------------------------------


@given(programs())
def test_the_trace_holds_the_graph_and_nothing_else(program):
    trace, nodes = recorded(program)
    assert [t.id for t in trace.tensors] == [f"t{i}" for i in range(len(trace.tensors))]
    assert [o.id for o in trace.ops] == [f"o{i}" for i in range(len(trace.ops))]
    results = [node for node in nodes if node.source is not None]
    for node in results:
        matching = [t for t in trace.tensors if t.shape == list(node.shape)]
        assert any(np.array_equal(trace.arrays[t.array], node.value) for t in matching)
    assert len(steps(trace, "forward")) == len(trace.ops) == len({node.source for node in results})
    for op in trace.ops:
        assert [trace.tensor(id).source for id in op.outputs] == [op.id]
        for entering in op.inputs:
            assert int(entering.tensor[1:]) < int(op.outputs[0][1:])
    made = [id for op in trace.ops for id in op.outputs]
    assert len(made) == len(set(made))
    assert {t.id for t in trace.tensors if t.source} == set(made)


@given(programs())
def test_ports_are_in_order_and_with_multiplicity(program):
    trace, nodes = recorded(program)
    ids: dict[int, str] = {}
    for op_node, op in zip([node.source for node in nodes if node.source is not None], trace.ops, strict=True):
        # ops in order of running are ops in order of the trace: that is how they are matched here
        assert op_node.op.__name__ == op.op
        for node, entering in zip(op_node.inputs, op.inputs, strict=True):
            assert ids.setdefault(id(node), entering.tensor) == entering.tensor
        parameters = list(inspect.signature(op_node.op.forward).parameters.values())[1:]
        wanted = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][: len(op.inputs)]
        wanted += [f"input {i}" for i in range(len(wanted), len(op.inputs))]  # of an op that takes any number
        assert [entering.port for entering in op.inputs] == wanted
    assert len(set(ids.values())) == len(ids)


def test_one_tensor_at_two_ports_is_two_edges():
    a = vg.TensorNode(2.0)
    with vg.record() as trace:
        c = a + a
        c.backward()
    assert [(i.port, i.tensor) for i in trace.ops[0].inputs] == [("a", "t0"), ("b", "t0")]
    assert [(s.port, s.arrived, s.of) for s in steps(trace, "accumulate")] == [(0, 1, 2), (1, 2, 2)]
    assert steps(trace, "start")[0].expected == {"t0": 2}


@given(programs(), st.integers(1, 2))
def test_contributions_sum_to_what_the_engine_computed(program, backwards):
    trace, _ = recorded(program, backwards)
    walks: list[dict[str, list[Any]]] = []
    for step in trace.steps:
        if step.kind == "start":
            walks.append({})
        elif step.kind == "accumulate":
            walks[-1].setdefault(step.tensor, []).append(step)
    assert len(walks) == backwards
    for start, walk in zip(steps(trace, "start"), walks, strict=True):
        assert {id: len(arrivals) for id, arrivals in walk.items()} == start.expected
        for arrivals in walk.values():
            assert [s.arrived for s in arrivals] == list(range(1, len(arrivals) + 1))
            assert {s.of for s in arrivals} == {len(arrivals)}
            total = None
            for step in arrivals:
                assert (step.before is None) == (total is None)
                gradient = trace.arrays[step.gradient]
                if total is not None:
                    np.testing.assert_array_equal(trace.arrays[step.before], total)
                total = gradient if total is None else total + gradient
            earlier = 0 if arrivals[-1].earlier is None else trace.arrays[arrivals[-1].earlier]
            np.testing.assert_array_equal(trace.arrays[arrivals[-1].after], earlier + total)
    assert trace.tensor(steps(trace, "start")[0].tensor).role == "loss"


@given(programs())
def test_each_contribution_is_what_its_op_sent(program):
    trace, _ = recorded(program)
    sent = {}
    for step in trace.steps:
        if step.kind == "backward":
            sent.update({(step.op, port): array for port, array in enumerate(step.gradients) if array is not None})
            assert len(step.gradients) == len(trace.op(step.op).inputs)
            for array, id in zip(step.upstream, trace.op(step.op).outputs, strict=True):
                assert list(trace.arrays[array].shape) == trace.tensor(id).shape
        elif step.kind == "accumulate":
            assert sent.pop((step.op, step.port)) == step.gradient
            assert trace.op(step.op).inputs[step.port].tensor == step.tensor
    assert sent == {}


@given(programs(), st.integers(1, 3), st.booleans())
def test_the_state_after_each_step_is_that_of_a_replay(program, backwards, zero_between):
    replay = Replay()
    with vg.record() as trace, watching(replay):
        nodes = program.run_here()
        for _ in range(backwards):
            nodes[-1].backward(retain_graph=True)
            if zero_between:
                nodes[-1].zero_grad()
    assert len(trace.steps) == len(replay.history)
    order = {op: i for i, op in enumerate(node.source for node in nodes if node.source is not None)}
    ids = {node: trace.ops[order[node.source]].outputs[0] for node in nodes if node.source is not None}
    for node in nodes:  # a leaf is known by the edges that leave it
        for op, i in order.items():
            ids.update({n: e.tensor for n, e in zip(op.inputs, trace.ops[i].inputs, strict=True) if n is node})
    for k, (values, grads) in enumerate(replay.history):
        state = trace.state(k)
        for node, value in values.items():
            np.testing.assert_array_equal(state.values[ids[node]], value)
        computed = {id for id in state.values if trace.tensor(id).source is not None}
        assert computed == {ids[node] for node in values if node.source is not None}
        assert set(state.grads) == {ids[node] for node in grads}
        for node, grad in grads.items():
            np.testing.assert_array_equal(state.grads[ids[node]], grad)
    final = trace.state()
    for node in nodes:
        if node in ids:
            np.testing.assert_array_equal(final.values[ids[node]], node.value)
            np.testing.assert_array_equal(final.grads.get(ids[node], np.zeros(node.shape)), node.grad)


def test_context_entries_and_which_of_them_backward_reads():
    class Partly(vg.Op):
        @staticmethod
        def forward(context, x):
            context["used"], context["unused"], context[3], context["kind"] = x, x * 2, "three", "text"
            context["words"], context["complex"], context["odd"] = np.array(["a"]), np.array([1j]), object()
            context["several"] = (1, 2.5, [np.ones(2)])
            return x * 1

        @staticmethod
        def backward(context, go):
            assert "unused" in context
            assert context.get("absent") is None
            assert context[3] == "three"
            return go * context["used"] + context["used"] * 0

    x = vg.TensorNode(2.0)
    with vg.record() as trace:
        Partly.do_forward(x).backward()
    assert float(x.grad) == 2
    context = trace.ops[0].context
    assert list(context) == ["used", "unused", "3", "kind", "words", "complex", "odd", "several"]
    assert trace.arrays[context["unused"]["array"]] == 4
    assert context["kind"] == "text"
    assert context["words"] == context["complex"] == {"text": "ndarray"}
    assert context["odd"] == {"text": "object"}
    assert context["several"][0] == 1
    assert steps(trace, "backward")[0].reads == ["3", "used"]
    assert Trace.from_json(trace.to_json()) is not None


@pytest.mark.parametrize(
    ("op", "read"),
    [(ops.Multiply, ["a", "b"]), (ops.Sub, []), (ops.Divide, ["a", "b"]), (ops.Power, ["base", "exponent", "out"])],
)
def test_the_library_reads_what_its_rule_says(op, read):
    with vg.record() as trace:
        op.do_forward(vg.TensorNode(2.0), vg.TensorNode(3.0)).backward()
    assert steps(trace, "backward")[0].reads == read


def test_stretched_axes_are_marked():
    with vg.record() as trace:
        vg.TensorNode(np.ones((3, 1))) * vg.TensorNode(np.ones((2, 1, 4)))
    assert [i.stretched for i in trace.ops[0].inputs] == [[0, 2], [1]]


# --- roles -----------------------------------------------------------------------------------------------------------


def test_roles():
    net = vg.Linear(2, 2)
    x = vg.TensorNode(np.ones((1, 2)), requires_grad=False)
    step = vg.TensorNode(3.0)
    with vg.record() as trace:
        hidden = net(x) * 2.0 + step
        loss = hidden.sum()
        loss.backward()
        vg.SGD([step], lr=0.1).step()
    roles = {tensor.name: tensor.role for tensor in trace.tensors if tensor.name}
    assert roles["net.w"] == roles["net.b"] == roles["step"] == "parameter"
    assert roles["x"] == "input"
    assert roles["hidden"] == "intermediate"
    assert roles["loss"] == "loss"
    [constant] = [tensor for tensor in trace.tensors if tensor.role == "constant"]
    assert trace.arrays[constant.array] == 2.0
    assert not constant.requires_grad


# --- names -----------------------------------------------------------------------------------------------------------


def test_tensors_have_the_names_of_variables_lists_dicts_and_modules():
    a = vg.TensorNode(1.0)
    explicit = vg.TensorNode(1.0, name="given")
    many = [vg.TensorNode(1.0), vg.TensorNode(1.0)]
    table = {"bias": vg.TensorNode(1.0)}
    net = vg.MLP(1, 2)
    with vg.record() as trace:
        b = a * explicit * many[1] + table["bias"]
        net(vg.TensorNode([[1.0]]))
    found = names(trace)
    assert {"a", "given", "many[1]", "table['bias']", "b"} <= set(found)
    assert {"net.layer1.w", "net.layer1.b", "net.layer2.w", "net.layer2.b"} <= set(found)
    assert "explicit" not in found
    assert b.name is None
    assert {op.module for op in trace.ops} == {"", "net", "net.layer1", "net.layer2"}
    assert trace.tensor("net.layer1.w").module == "net.layer1"
    assert [op.op for op in trace.ops if op.module == "net.layer2"] == ["BatchMM", "Add"]


def test_ops_and_parameters_of_a_network_have_the_same_path():
    class Net(vg.Module):
        def __init__(self):
            self.scale = vg.TensorNode(2.0)
            self.layer = vg.Linear(1, 1)

        def forward(self, x):
            return self.layer(x * self.scale) * 3.0

    network = Net()
    with vg.record() as trace:
        network(vg.TensorNode([[1.0]])).sum().backward()
    assert [op.module for op in trace.ops] == ["network", "network.layer", "network.layer", "network", ""]
    parameters = {tensor.name: tensor.module for tensor in trace.tensors if tensor.role == "parameter"}
    assert parameters == {
        "network.scale": "network",
        "network.layer.w": "network.layer",
        "network.layer.b": "network.layer",
    }


def test_what_a_notebook_has_shown_keeps_the_name_of_its_variable():
    net = vg.Linear(2, 1)
    shown = {4: net}
    scope = {"_oh": shown, "Out": shown, "kept": {4: net}, "net": net}  # as IPython orders them
    assert [name for name, _ in _frames.names_in(scope, vg.Linear)] == ["kept[4]", "net"]


def test_a_variable_that_held_several_tensors_numbers_them():
    with vg.record() as trace:
        s = vg.TensorNode(0.5)
        for _ in range(3):
            s = s * s
    assert names(trace) == ["s", "s (2)", "s (3)", "s (4)"]
    assert trace.value("s (4)") == s.value


def test_a_tensor_without_a_variable_is_called_by_its_expression():
    a, b = vg.TensorNode(2.0), vg.TensorNode(3.0)
    with vg.record() as trace:
        loss = a * b + vg.sin(a)
        loss.backward()
    assert names(trace) == ["a", "b", "a * b", "vg.sin(a)", "loss"]


def test_an_expression_names_its_result_each_time_and_its_parts_never():
    w = vg.TensorNode(2.0)
    with vg.record() as trace:
        for _ in range(2):
            loss = vg.exp(w * w)
        loss.backward()
    assert names(trace) == ["w", "w * w", "loss", "w * w (2)", "loss (2)"]

    def square(inner):
        return inner * inner

    x, y = vg.TensorNode(3.0), vg.TensorNode(4.0)
    with vg.record() as trace:
        total = vg.exp(sum(square(one) for one in (x, y)))
    assert total.value == np.exp(25.0)
    squares = ["inner * inner", "inner * inner (2)"]
    assert set(names(trace)) - {"x", "y", "total", ""} == {*squares, "sum(square(one) for one in (x, y))"}


def test_names_inside_functions_are_those_of_the_caller():
    def square(inner):
        result = inner * inner
        return result

    x = vg.TensorNode(2.0)
    with vg.record() as trace:
        y = square(x)
    assert names(trace) == ["x", "y"]
    assert trace.value("y") == y.value == 4


def test_variables_may_be_called_like_ids():
    t1, t0 = vg.TensorNode(10.0), vg.TensorNode(20.0)
    with vg.record() as trace:
        o0 = t1 * t0
        o0.backward()
    assert [(tensor.id, tensor.name) for tensor in trace.tensors] == [("t0", "t1"), ("t1", "t0"), ("t2", "o0")]
    assert (trace.value("t0"), trace.value("t1")) == (20, 10)
    assert (trace.grad("t0"), trace.grad("t1")) == (t0.grad, t1.grad) == (10, 20)
    assert trace.state().values == {"t0": 10, "t1": 20, "t2": 200}
    assert trace.steps[0].text == "Multiply computes o0 = 200 from t1 = 10 and t0 = 20."


def test_asking_for_what_is_not_there_lists_what_is():
    a, b = vg.TensorNode(2.0), vg.TensorNode(3.0)
    with vg.record() as trace:
        loss = a * a
        unused = b * 2
        loss.backward()
    with pytest.raises(KeyError, match="'x'; there are a, loss, b"):
        trace.value("x")
    with pytest.raises(KeyError, match="no gradient has reached 'unused'"):
        trace.grad("unused")
    with pytest.raises(KeyError, match="t99"):
        trace.tensor("t99")
    assert unused.grad == 0


def test_ops_of_one_name_are_told_apart():
    class Multiply(vg.Op):
        """A learner's own product."""

        @staticmethod
        def forward(context, a, b):
            return a * b

        @staticmethod
        def backward(context, go):
            return go, go

    a = vg.TensorNode(2.0)
    with vg.record() as trace:
        loss = Multiply.do_forward(a * a, a)
        loss.backward()
    assert [op.op for op in trace.ops] == ["Multiply", "Multiply (2)"]
    assert trace.codes["Multiply"].file == "vizgrad/ops/arithmetic.py"
    own = trace.codes["Multiply (2)"]
    assert own.doc == "A learner's own product."
    assert own.file == "test_recorder.py"
    assert "return go, go" in own.backward["source"]
    assert set(trace.codes) == {op.op for op in trace.ops}


def test_code_is_quoted_from_the_source():
    class Undocumented(vg.Op):
        @staticmethod
        def forward(context, x):
            return x * 2  # doubled

        @staticmethod
        def backward(context, go):
            return go * 2

    with vg.record() as trace:
        Undocumented.do_forward(vg.TensorNode(1.0)) + 1
    own, add = trace.codes["Undocumented"], trace.codes["Add"]
    assert own.doc == ""
    assert own.symbol == "Undocumented"
    assert own.forward["source"].startswith("@staticmethod\ndef forward(context, x):")
    assert own.forward["line"] == line_of("doubled", test_code_is_quoted_from_the_source) - 2
    assert add.symbol == "+"
    assert add.doc == vg.Add.__doc__
    assert add.file == "vizgrad/ops/arithmetic.py"
    assert add.backward["source"] == inspect.cleandoc(inspect.getsource(vg.Add.backward))


def test_an_op_made_of_functions_without_source_is_recorded():
    namespace: dict[str, Any] = {"vg": vg}
    exec(
        "import functools\n"
        "class Odd(vg.Op):\n"
        "    forward = staticmethod(functools.partial(lambda scale, context, x: x * scale, 3))\n"
        "    backward = staticmethod(lambda context, go: go * 3)\n",
        namespace,
    )
    x = vg.TensorNode(1.0)
    with vg.record() as trace:
        namespace["Odd"].do_forward(x).backward()
    assert trace.grad("x") == 3
    assert trace.codes["Odd"].forward == {"line": 0, "source": ""}


# --- places ----------------------------------------------------------------------------------------------------------


def test_each_step_has_its_line():
    w = vg.TensorNode(2.0)
    with vg.record() as trace:
        y = w * 3.0  # forward
        y.backward()  # backward
        vg.SGD([w], 0.1).step()  # update
        y.zero_grad()  # zero
    [file] = trace.files
    assert file.name == "test_recorder.py"
    lines = {step.kind: step.place[1] for step in trace.steps}
    own = test_each_step_has_its_line
    assert lines["forward"] == lines["backward"] == lines["accumulate"] == line_of("forward", own)
    assert lines["start"] == line_of("backward", own)
    assert lines["update"] == line_of("update", own)
    assert lines["zero"] == line_of("zero", own)
    assert all(step.place[0] == 0 for step in trace.steps)
    source = file.source.splitlines()
    _, line, column, end_line, end = trace.ops[0].place
    assert source[line - 1][column:end] == "w * 3.0"
    assert line == end_line


def test_columns_count_characters():
    x = vg.TensorNode(1.0)
    with vg.record() as trace:
        "äöü 👩"; y = x * x  # fmt: skip  # noqa
    _, line, column, _, end = trace.ops[0].place
    assert trace.files[0].source.splitlines()[line - 1][column:end] == "x * x"
    assert y.value == 1


# --- updates, zeros, and what was there before -----------------------------------------------------------------------


def test_an_update_holds_before_gradient_after_and_rule():
    w = vg.TensorNode(3.0)
    with vg.record() as trace:
        (w * w).backward()
        vg.SGD([w], lr=0.5).step()
    [update] = steps(trace, "update")
    assert [trace.arrays[i] for i in (update.before, update.gradient, update.after)] == [3, 6, 0]
    assert r"\k{lr}" in update.rule
    assert trace.arrays[update.settings["lr"]["array"]] == 0.5
    assert "by the optimiser" in update.text


def test_an_update_of_a_tensor_not_seen_before_knows_its_old_value():
    w = vg.TensorNode(3.0)
    (w * w).backward()
    with vg.record() as trace:
        vg.SGD([w], lr=0.5).step()
        w.value = 7
    first, second = steps(trace, "update")
    assert [trace.arrays[i] for i in (first.before, first.after, second.after)] == [3, 0, 7]
    assert trace.tensor("w").role == "parameter"
    assert trace.grad("w") == 6


@pytest.mark.parametrize("assignment", ["w.value[0] = 5", "w.value *= 3", "w.value = [9.0, 9.0]"])
def test_a_write_into_a_value_is_an_update(assignment):
    w = vg.TensorNode([1.0, 2.0])
    with vg.record() as trace:
        w * w
        exec(assignment)
        y = w * 1
    [update] = steps(trace, "update")
    np.testing.assert_array_equal(trace.arrays[update.before], [1, 2])
    np.testing.assert_array_equal(trace.arrays[update.after], w.value)
    assert update.rule == ""
    np.testing.assert_array_equal(trace.value("y"), y.value)
    np.testing.assert_array_equal(trace.state(0).values["t0"], [1, 2])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_an_update_of_any_number_type_is_told(dtype):
    mask = vg.TensorNode(np.zeros(9, dtype), requires_grad=False)
    with vg.record() as trace:
        mask.value = np.ones(9, dtype)
    assert trace.steps[0].text == "mask is changed; its largest change is 1."


def test_one_zero_grad_is_one_step():
    w = vg.TensorNode(2.0)
    with vg.record() as trace:
        y = (w * w) * w
        y.backward()
        y.zero_grad()
    [zero] = steps(trace, "zero")
    assert sorted(zero.tensors) == ["t0", "t1", "t2"]
    assert trace.state().grads == {}


def test_gradients_from_before_the_recording_are_there():
    w = vg.TensorNode(2.0)
    (w * 5.0).backward()
    with vg.record() as trace:
        loss = w * w
        loss.backward(retain_graph=True)
        loss.backward()
    arrivals = [step for step in steps(trace, "accumulate") if step.earlier is not None]
    assert [float(trace.arrays[step.earlier]) for step in arrivals] == [5, 9]
    assert trace.state(0).grads["t0"] == 5
    assert trace.grad("w") == w.grad == 13
    assert trace.grad("loss") == loss.grad == 2


def test_a_training_loop():
    w = vg.TensorNode(4.0)
    optimiser = vg.SGD([w], lr=0.25)
    with vg.record() as trace:
        for _ in range(3):
            loss = w * w
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
    per_round = ["forward", "start", "backward", "accumulate", "accumulate", "update", "zero"]
    assert [step.kind for step in trace.steps] == per_round * 3
    assert names(trace) == ["w", "loss", "loss (2)", "loss (3)"]
    assert trace.value("w") == w.value == 0.5
    assert [float(trace.state(k).values["t0"]) for k in (4, 5, 12, 19)] == [4, 2, 1, 0.5]


# --- graphs from before, and snapshots -------------------------------------------------------------------------------


@given(programs())
def test_backward_alone_can_be_recorded(program):
    nodes = program.run_here()
    with vg.record() as trace:
        nodes[-1].backward()
    assert len(steps(trace, "backward")) == len(trace.ops) == len(graph.ops_below(nodes[-1]))
    assert steps(trace, "forward") == []
    final = trace.state().grads
    reached = {node for op in graph.ops_below(nodes[-1]) for node in op.inputs if node.requires_grad}
    assert len(final) == len(reached) + 1
    values = sorted(float(abs(grad).sum()) for grad in final.values())
    expected = sorted(float(abs(node.grad).sum()) for node in [*reached, nodes[-1]])
    np.testing.assert_allclose(values, expected)


@given(programs())
def test_a_snapshot_is_the_graph_below(program):
    nodes = program.run_here()
    loss = nodes[-1]
    loss.backward()
    trace = snapshot(loss)
    below = graph.ops_below(loss)
    assert [op.op for op in trace.ops] == [op.op.__name__ for op in below]
    assert len(trace.tensors) == len({loss, *(node for op in below for node in op.inputs)})
    np.testing.assert_array_equal(trace.state().values[trace.ops[-1].outputs[0]], loss.value)
    np.testing.assert_array_equal(trace.state().grads[trace.ops[-1].outputs[0]], loss.grad)
    assert all(step.kind == "forward" for step in trace.steps)


def test_a_snapshot_of_a_leaf_has_no_ops():
    trace = snapshot(vg.TensorNode(1.0))
    assert trace.ops == []


# --- errors, nesting, memory -----------------------------------------------------------------------------------------


def test_a_failing_program_leaves_what_happened_and_the_op_that_failed():
    a, b = vg.TensorNode(np.ones(2)), vg.TensorNode(np.ones(3))
    with pytest.raises(vg.ShapeError), vg.record() as trace:
        c = a * 2
        c + b  # fails
    assert [step.kind for step in trace.steps] == ["forward", "failed"]
    assert trace.error.type == "ShapeError"
    assert trace.error.op == "o1"
    assert trace.op("o1").op == "Add"
    assert trace.op("o1").outputs == []
    assert [trace.tensor(i.tensor).name for i in trace.op("o1").inputs] == ["c", "b"]
    assert "c (2,) and b (3,)" in trace.error.message
    assert trace.error.place[1] == line_of("fails", test_a_failing_program_leaves_what_happened_and_the_op_that_failed)


def test_a_failing_backward_leaves_the_walk_until_there():
    class Wrong(vg.Op):
        @staticmethod
        def forward(context, x):
            return x * 1

        @staticmethod
        def backward(context, go):
            return context["missing"]

    x = vg.TensorNode(2.0)
    with pytest.raises(KeyError), vg.record() as trace:
        (Wrong.do_forward(x) * 3.0).backward()
    assert [s.kind for s in trace.steps] == ["forward", "forward", "start", "backward", "accumulate"]
    assert trace.error.type == "KeyError"
    assert "Wrong.backward" in trace.error.message


def test_an_error_that_the_program_catches_ends_nothing():
    a, b = vg.TensorNode(np.ones(2)), vg.TensorNode(np.ones(3))
    with vg.record() as trace:
        with pytest.raises(vg.ShapeError):
            a + b
        (a * a).sum().backward()
    assert trace.error is None
    assert [step.kind for step in trace.steps][:2] == ["failed", "forward"]
    np.testing.assert_array_equal(trace.grad("a"), [2, 2])


def test_recordings_may_be_nested():
    a = vg.TensorNode(2.0)
    with vg.record() as outer:
        b = a * a
        with vg.record() as inner:
            c = b * b
        c.backward()
    assert [op.op for op in outer.ops] == ["Multiply", "Multiply"]
    assert [op.op for op in inner.ops] == ["Multiply"]
    assert len(steps(inner, "backward")) == 0
    assert len(steps(outer, "backward")) == 2
    assert outer.grad("a") == a.grad == 32
    assert core.observers == ()


def test_recorded_arrays_are_copies():
    w = vg.TensorNode([1.0, 2.0])
    with vg.record() as trace:
        (w * w).sum().backward()
    w.value[:] = 100
    w.grad[:] = 100
    np.testing.assert_array_equal(trace.value("w"), [1, 2])
    np.testing.assert_array_equal(trace.grad("w"), [2, 4])


def test_a_trace_keeps_no_graph_alive():
    def program() -> Trace:
        with vg.record() as trace:
            y = vg.TensorNode(1.0) * 2
            y.backward()
            alive.append(weakref.ref(y))
        return trace

    alive: list[Any] = []
    trace = program()
    gc.collect()
    assert alive[0]() is None
    assert trace.ops


@pytest.mark.parametrize("size", [1, 2])
def test_the_first_infinite_value_is_noted_and_no_later_one(size):
    a = vg.TensorNode(np.full(size, 1e308))
    with np.errstate(over="ignore"), vg.record() as trace:
        b = a * 10  # overflows
        (b * 2 + a).sum().backward()
    [note] = [note for note in trace.notes if note.step is not None]
    assert note.text.startswith("Multiply at line")
    assert f"made {size} of {size} entries" in note.text
    assert note.step == 0
    assert note.place[1] == line_of("overflows", test_the_first_infinite_value_is_noted_and_no_later_one)
    assert b.value[0] == np.inf


def test_pictures_are_marked():
    x = vg.TensorNode(normal(0, (3, 12)))
    w = vg.TensorNode(normal(1, (5, 12)))
    with vg.record(pictures=(3, 4)) as trace:
        ops.BatchMM.do_forward(w, x)
    assert [tensor.picture for tensor in trace.tensors] == [[3, 4], [3, 4], None]
