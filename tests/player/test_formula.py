"""The rules of the ops as MathML."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

import vizgrad as vg
from vizgrad import ops, optim

RENDER = """async source => {
    const [{ formula }, { math }] = await Promise.all([import('/formula.js'), import('/dom.js')]);
    const terms = {
        value: port => math('mi', port),
        gradient: port => math('mi', '∇' + port),
        setting: key => math('mi', 'setting ' + key),
    };
    const root = document.createElement('div');
    root.append(...formula(source, terms));
    return { html: root.innerHTML, text: root.textContent, unknown: root.querySelectorAll('.vg-unknown').length };
}"""


def rules() -> Iterator[str]:
    for name in ops.__all__:
        rule = getattr(ops, name).rule
        yield from (rule.forward, *rule.backward)
    p = [vg.TensorNode(1.0)]
    yield optim.SGD.rule
    yield optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.1).rule
    yield optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, classical=True).rule
    yield optim.RMSprop(p, momentum=0.9, centered=True).rule
    yield optim.Adam(p).rule
    yield optim.AdamW(p).rule
    yield optim.Adamax(p).rule


def render(page: Page, source: str) -> dict:
    return page.evaluate(RENDER, source)


@pytest.mark.parametrize("rule", list(rules()))
def test_every_rule_of_the_library_is_understood(modules, rule):
    made = render(modules, rule)
    assert made["unknown"] == 0
    assert "\\" not in made["text"]
    for mark, port in re.findall(r"\\([vg])\{(\w+)\}", rule):
        assert f"<mi>{'∇' if mark == 'g' else ''}{port}</mi>" in made["html"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\v{out} = \v{a} \odot \v{b}", "out=a⊙b"),
        (r"\g{x} = \g{out} \odot (1 - \v{out}^2)", "∇x=∇out⊙(1−out2)"),
        (r"\frac{1}{\k{n}} \g{out} \cdot \mathbf{1}", "1setting n∇out·1"),
        (r"\v{p} \leftarrow \v{p} - \k{lr} \cdot \g{p}", "p←p−setting lr·∇p"),
        (r"\v{x}_{i, t_i}", "xi,ti"),
        (r"{\g{out}}^\top", "∇out⊤"),
    ],
)
def test_what_the_commands_mean(modules, source, text):
    assert render(modules, source)["text"] == text


def test_structure_is_mathml(modules):
    made = render(modules, r"\v{x}^2_i + \frac{a}{\sqrt{b}} + \v{y}^a^\top")["html"]
    assert "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>" in made
    assert "<mfrac><mi>a</mi><msqrt><mi>b</mi></msqrt></mfrac>" in made
    assert re.search(r"<msup><msup><mi>y</mi><mi>a</mi></msup><mo[^>]*>⊤</mo></msup>", made)


@pytest.mark.parametrize("source", [r"\unheardof{x} + 1", r"\href{javascript:alert(1)}{x}"])
def test_an_unknown_command_shows_its_text(modules, source):
    made = render(modules, source)
    assert made["unknown"] == 1
    assert made["text"].startswith(source.partition("{")[0])
    assert "href" not in re.sub(r">[^<]*<", "><", made["html"])


BROKEN = [
    "",
    "{",
    "}",
    "^",
    "_",
    "x^",
    "x_{",
    r"\frac",
    r"\frac{1}",
    r"\v",
    r"\v{",
    "\\",
    r"\sqrt",
    "}}{{^^__",
    "<img src=x>",
    "𝔸🎉é",
]


@pytest.mark.parametrize("source", BROKEN)
def test_broken_rules_do_no_harm(modules, source):
    assert "<img" not in render(modules, source)["html"]


@pytest.mark.parametrize(
    ("source", "sides"),
    [
        (r"\v{out} = \v{x}", {"left": r"\v{out}", "relation": "=", "right": r"\v{x}"}),
        (r"\g{x} = [\v{x} = 1]", {"left": r"\g{x}", "relation": "=", "right": r"[\v{x} = 1]"}),
        (r"\v{p} \leftarrow 1", {"left": r"\v{p}", "relation": "←", "right": "1"}),
        ("x", {"left": "", "relation": "=", "right": "x"}),
    ],
)
def test_sides(modules, source, sides):
    assert modules.evaluate("async s => (await import('/formula.js')).sides(s)", source) == sides
