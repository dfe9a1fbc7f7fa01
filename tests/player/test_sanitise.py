"""A drawing made by a stranger's program is built anew from what is harmless."""

from __future__ import annotations

import re

import pytest

from tests.player.programs import NETWORK
from vizgrad import trace
from vizgrad.draw import svg

SAFE = "async text => (await import('/sanitise.js')).safeDrawing(text)?.outerHTML ?? null"
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'
)
HARM = re.compile(r"script|alert|onload|onclick|https:|foreignObject|style|url\(|md-|href|scale|\],\*")

ATTACKS = [
    "<script>alert(1)</script>",
    "<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>",
    "<g onload='alert(1)' onclick='alert(1)'/>",
    "<foreignObject><img xmlns='http://www.w3.org/1999/xhtml' src='x' onerror='alert(1)'/></foreignObject>",
    "<a href='javascript:alert(1)'><text>x</text></a>",
    "<image href='javascript:alert(1)'/>",
    "<image href='https://example.org/x.png'/>",
    "<image xlink:href='https://example.org/x.png'/>",
    "<image href='data:image/svg+xml;base64,PHN2Zy8+'/>",
    "<use href='#x'/>",
    "<style>* { background: url(https://example.org/) }</style>",
    "<rect style='fill: url(https://example.org/)'/>",
    "<rect fill='url(https://example.org/#a)'/>",
    "<rect id='__md_scope'/>",
    "<rect class='md-overlay'/>",
    "<animate attributeName='href' values='javascript:alert(1)'/>",
    "<set attributeName='onload' to='alert(1)'/>",
    "<rect data-tensor='t0&quot;],*,[x=&quot;'/>",
    "<g transform='translate(1,2) scale(99999)'/>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_left_out(modules, attack):
    made = modules.evaluate(SAFE, DRAWING.format(attack))
    assert made is not None
    assert not HARM.search(made)


NO_DRAWINGS = [
    "",
    "no markup",
    "<svg",
    "<html><svg/></html>",
    "<svg/>",
    "<!DOCTYPE svg [<!ENTITY x 'y'>]><svg>&x;</svg>",
]


@pytest.mark.parametrize("text", NO_DRAWINGS)
def test_what_is_no_drawing_is_refused(modules, text):
    assert modules.evaluate(SAFE, text) is None


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_the_librarys_own_drawings_pass_unchanged(modules, direction):
    drawing = svg(trace.run(NETWORK), direction=direction, css=False)
    same = modules.evaluate(
        """async drawing => {
            const { safeDrawing } = await import('/sanitise.js');
            // All but the pictures of final values, which are old-fashioned links; the player draws its own.
            const kept = e => [...e.attributes].filter(a => !a.name.endsWith('href')).map(a => a.name + a.value).sort();
            const text = e => e.children.length ? '' : e.textContent;
            const list = root => [...root.querySelectorAll('*')].map(e => [e.localName, text(e), ...kept(e)].join());
            const theirs = new DOMParser().parseFromString(drawing, 'image/svg+xml').documentElement;
            return [list(safeDrawing(drawing)), list(theirs)];
        }""",
        drawing,
    )
    assert same[0] == same[1]
