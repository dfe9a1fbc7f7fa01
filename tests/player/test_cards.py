"""Cards and cells of every op of the library: what they claim is what was recorded."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import vizgrad as vg
from tests.player.rules import Claim
from tests.player.test_cells import ALL
from tests.strategies import Drawn, normal
from tests.test_ops import CASES, every_op
from vizgrad import Trace, ops
from vizgrad.trace.text import number

# The card of each op at its forward and its backward: the arrays that it shows for each port, and the results of its
# derivations, as places in the trace.
CARDS = """async json => {
    const modules = ['trace', 'timeline', 'card'].map(name => import(`/${name}.js`));
    const [{ Trace }, { Timeline }, { cardOf }] = await Promise.all(modules);
    const trace = new Trace(json), timeline = new Timeline(trace);
    return trace.steps.flatMap((step, k) => {
        if (!['forward', 'backward'].includes(step.kind)) return [];
        const root = document.createElement('div');
        root.append(...cardOf(trace, timeline, k).parts.flat(Infinity).filter(Boolean));
        const shown = [...root.querySelectorAll('[data-as]')].flatMap(term =>
            [term, ...term.querySelectorAll('*')].filter(one => one.array)
                .map(one => [term.dataset.as, term.classList.contains('vg-term-grad'), one.array.data]));
        const chains = [...root.querySelectorAll('.vg-chain')];
        const data = cell => [...cell.querySelectorAll('*')].find(one => one.array)?.array.data ?? null;
        const results = chains.map(chain => [...chain.querySelectorAll('mtr:last-child > mtd:last-child')].at(-1))
            .map(cell => [data(cell), cell.textContent]);
        return [{ k, shown, results, unknown: root.querySelectorAll('.vg-unknown').length }];
    });
}"""
# Rules that say which entry meets which by its indices: what they claim is computed entry by entry in the cells.
BY_INDEX = {
    ops.Convolution2d,
    ops.CrossEntropy,
    ops.Embed,
    ops.Index,
    ops.MaxPooling2d,
    ops.MeanPooling2d,
    ops.NLL,
    ops.Select,
}
LISTS = [[0, 0, 1], (0, [1, 0]), np.array([True, False, True])]
INDICES = st.sampled_from([1, -1, slice(1, None), (..., 0), (None, 1), *LISTS])


def drawn_for(op: type[vg.Op]) -> st.SearchStrategy[Drawn]:
    """As for the tests of the ops; of indices, those that can be written down without Python."""
    if op is ops.Index:
        return st.builds(lambda index: Drawn([normal(3, (3, 4))], {"index": index}), INDICES)
    return CASES[op].draw


def recorded_once(op: type[vg.Op], drawn: Drawn) -> Trace:
    with vg.record() as recording:
        nodes = [vg.TensorNode(x.copy(), name=f"x{i}") for i, x in enumerate(drawn.inputs)]
        out = op.do_forward(*nodes, **drawn.settings)
        (out * normal(7, out.shape)).sum().backward()
    return recording


def close(claimed: np.ndarray, recorded: np.ndarray) -> None:
    np.testing.assert_allclose(claimed, recorded, rtol=1e-8, atol=1e-10 * max(1.0, float(abs(recorded).max(initial=0))))


@every_op
def test_every_entry_is_told_and_is_the_recorded_one(modules, op):
    """An op that the player cannot compute again says nothing of its entries, and all others do."""
    known = modules.evaluate("name => import('/replay.js').then(({ KNOWN }) => KNOWN.has(name))", op.__name__)

    @given(drawn_for(op))
    @settings(max_examples=5)
    def check(drawn):
        recorded = recorded_once(op, drawn)
        told, untold = modules.evaluate(ALL, recorded.to_json())
        assert told > 0
        assert (untold == []) is known

    check()


@every_op
def test_every_card_shows_the_recorded_numbers(modules, op):
    @given(drawn_for(op))
    @settings(max_examples=5)
    def check(drawn):
        recorded = recorded_once(op, drawn)
        cards = modules.evaluate(CARDS, recorded.to_json())
        mine = recorded.ops[0]
        forward = next(card for card in cards if recorded.steps[card["k"]].op == "o0")
        backward = next(card for card in cards if card is not forward and recorded.steps[card["k"]].op == "o0")
        step = recorded.steps[backward["k"]]
        assert forward["unknown"] == backward["unknown"] == 0
        assert len(forward["results"]) == 1
        assert len(backward["results"]) == len(mine.inputs)  # one derivation for each input
        out = recorded.arrays[recorded.tensor(mine.outputs[0]).array]
        computed = [out, *(recorded.arrays[place] for place in step.gradients)]
        for (shown, text), array in zip([*forward["results"], *backward["results"]], computed, strict=True):
            if shown and shown != array.reshape(-1).tolist():  # large arrays are named by their shape
                assert text.replace("(", "").replace(")", "") == number(array)  # such as -(3), which is the result
        ports = {f"o0:{port.port}": port.tensor for port in mine.inputs} | {"o0:out": mine.outputs[0]}
        for card in (forward, backward):
            for place, is_grad, data in card["shown"]:
                tensor = recorded.tensor(ports[place])
                at = [place.removeprefix("o0:") == port.port for port in mine.inputs]
                grad = step.upstream[0] if tensor.id == mine.outputs[0] else step.gradients[at.index(True)]
                assert data == recorded.arrays[grad if is_grad else tensor.array].reshape(-1).tolist()
            assert not re.search(r"\d+e[-−+]?\d", "".join(recorded.ops[0].rule["backward"]))

    check()


@pytest.mark.parametrize("op", [op for op in CASES if op not in BY_INDEX], ids=lambda op: op.__name__)
def test_the_rule_gives_the_recorded_numbers(op):
    matrix = st.builds(lambda seed: Drawn([normal(seed, (2, 3))]), st.integers(0, 9))

    @given(matrix if op is ops.Transpose else drawn_for(op))
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    def check(drawn):
        if op in (ops.MatrixMultiply, ops.Affine):
            assume(all(x.ndim == 2 for x in drawn.inputs[:2]))
        recorded = recorded_once(op, drawn)
        step = next(one for one in recorded.steps if one.kind == "backward" and one.op == "o0")
        claim = Claim(recorded, recorded.ops[0], recorded.arrays[step.upstream[0]])
        close(claim.value(), recorded.arrays[recorded.tensor(recorded.ops[0].outputs[0]).array])
        for place, array in enumerate(step.gradients):
            close(claim.gradient(place), recorded.arrays[array])

    check()


def rule_of(op: type[vg.Op], *inputs: np.ndarray, **given: object) -> tuple[str, list[str]]:
    rule = recorded_once(op, Drawn(list(inputs), dict(given))).ops[0].rule
    return rule["forward"], rule["backward"]


def test_an_input_that_is_left_out_is_in_no_rule():
    x, w = normal(0, (1, 1, 3, 3)), normal(1, (1, 1, 2, 2))
    forward, backward = rule_of(ops.Convolution2d, x, w)
    assert r"\v{b}" not in forward and len(backward) == 2
    assert r"\v{b}_o" in rule_of(ops.Convolution2d, x, w, np.ones(1))[0]


def test_settings_are_written_as_numbers_are_in_formulas():
    forward, _ = rule_of(ops.LayerNormalize, normal(0, (2, 3)), np.ones(3), np.ones(3), eps=1e-5)
    assert r"\sigma^2 + 10^{-5}" in forward
    forward, _ = rule_of(ops.LayerNormalize, normal(0, (2, 3)), np.ones(3), np.ones(3), eps=2.5e-7)
    assert r"2.5 \cdot 10^{-7}" in forward
    assert r"-\infty" in rule_of(ops.Clip, normal(0, (3,)), low=None, high=0.5)[0]


def test_any_number_of_inputs_have_a_rule_each():
    forward, backward = rule_of(ops.Concatenate, *[normal(i, (2, 2)) for i in range(3)], axis=1)
    assert forward == r"\v{out} = \operatorname{concatenate}_{1}(\v{input 0}, \v{input 1}, \v{input 2})"
    assert backward[2] == r"\g{input 2} = \operatorname{split}_{1}(\g{out})_{2}"
