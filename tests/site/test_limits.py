"""Programs that go too far: the page says so in one sentence, and the next program finds everything as it was.

They go to the page's Python as the playground and the exercises send them there, all on one page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.site.conftest import unwatched_site

LONG = 60_000  # ms: for what ends by itself, on a busy machine too
SHORT = 600  # for what would never end
RUN = """async ([base, program, limit]) => {
  const { python } = await import(`${base}assets/playground/python.js`);
  const { outcome } = await import(`${base}assets/playground/report.js`);
  await python.warm();
  let [printed, beats] = ["", 0];
  const pulse = setInterval(() => (beats += 1), 10);
  const result = await python.run(program, { limit, onOutput: (text) => (printed += text) });
  clearInterval(pulse);
  return { said: outcome(result), printed, beats, seconds: result.seconds ?? 0 };
}"""

# Everything that a program could spoil for the next one, as one line of text.
PROBE = """
import builtins, gc, hashlib, json, os, sys, warnings
import numpy as np
import vizgrad as vg
from vizgrad import core, functions, trace
from vizgrad.ops import arithmetic

def shape(thing):
    code = getattr(thing, "__code__", None)
    return getattr(thing, "__qualname__", type(thing).__name__), code and hashlib.sha256(code.co_code).hexdigest()[:8]

def inside(thing):
    return sorted((name, shape(value)) for name, value in vars(thing).items() if not name.startswith("__warn"))

things = builtins, vg, core, functions, arithmetic, core.TensorNode, arithmetic.Add, np, json
kept = [inside(thing) for thing in things]
settings = [sys.getrecursionlimit(), sys.path, sorted(os.environ), os.listdir("."), os.getcwd(), gc.isenabled()]
settings += [sys.gettrace(), len(warnings.filters), repr(np.array([1 / 3])), sorted(sys.modules), repr(np.geterr())]
a = vg.TensorNode(3.0)
loss = vg.exp(a) * a + a
loss.backward()
print(hashlib.sha256(repr([kept, settings]).encode()).hexdigest(), round(float(a.grad), 6))
"""


@pytest.fixture(scope="module")
def page(browser: Browser, base_url: str) -> Iterator[Page]:
    """One page for all: Pyodide writes its last words to the console, so that is not looked at."""
    with unwatched_site(browser, base_url, timeout=120_000) as page:
        page.goto(base_url)
        yield page


@pytest.fixture(scope="module")
def fresh(page: Page, base_url: str) -> str:
    """What PROBE prints in a Python that has run nothing yet."""
    return str(run(page, base_url, PROBE)["printed"])


def run(page: Page, base_url: str, program: str, limit: int = LONG) -> dict[str, Any]:
    ended: dict[str, Any] = page.evaluate(RUN, [base_url, program, limit])
    return ended


STOPPED = "Stopped by an? {} at line {}."
LIMIT = "Stopped after 10 seconds"
ENDLESS = {
    "loop": "while True:\n    pass",
    "printing": "while True:\n    print('again')",
    "loop that catches all": "while True:\n    try:\n        1 / 0\n    except BaseException:\n        pass",
    "regular expression": "import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')",
    "number": "10 ** 10 ** 8",
}
GOING_TOO_FAR = {
    "memory": (
        "x = []\nwhile True:\n    x.append(bytearray(10**7))",
        STOPPED.format("MemoryError", 3),
    ),
    "memory in small pieces": (
        "x = []\nwhile True:\n    x.append(bytearray(10**5))",
        STOPPED.format("MemoryError", 3) + "|512 MB of memory",
    ),
    "memory of NumPy": ("import numpy as np\nnp.ones(10**8)", STOPPED.format("MemoryError", 2)),
    "much printed at once": ("while True:\n    print('x' * 10**6)", STOPPED.format("OutputError", 2)),
    "100,000 lines": ("for i in range(100_000):\n    print('line', i)", "Finished in"),
    "recursion": ("def f(n):\n    return f(n + 1)\nf(0)", STOPPED.format("RecursionError", 2)),
    "recursion in repr": (
        "class A:\n    def __repr__(self):\n        return f'{self}'\nprint(A())",
        STOPPED.format("RecursionError", 3),
    ),
    "recursion in call": (
        "class A:\n    def __call__(self):\n        return self()\nA()()",
        STOPPED.format("RecursionError", 3),
    ),
    "recursion in the backward of an Op": (
        "import numpy as np\nimport vizgrad as vg\nclass Mine(vg.Op):\n    @staticmethod\n"
        "    def forward(context, x):\n        return x * 2\n    @staticmethod\n    def backward(context, go):\n"
        "        return Mine.backward(context, go)\n"
        "a = vg.TensorNode(1.0)\nb = Mine.do_forward(a)\nb.backward()",
        STOPPED.format("RecursionError", r"\d+"),
    ),
    "recursion without its limit": (
        "import sys\nsys.setrecursionlimit(10**8)\n"
        "class A:\n    def __add__(self, x):\n        return self + x\nA() + 1",
        "Python itself broke down and was started anew|" + STOPPED.format("RecursionError", r"\d+"),
    ),
    "failure half-way": (
        "import vizgrad as vg\na = vg.TensorNode(1.0)\nb = a * a\nraise ValueError('here')",
        STOPPED.format("ValueError", 4),
    ),
    "exit": ("import sys\nsys.exit(3)", STOPPED.format("SystemExit", 2)),
    "interrupt": ("raise KeyboardInterrupt", "Python itself broke down|" + STOPPED.format("KeyboardInterrupt", 1)),
    "abort": ("import os\nos.abort()", "Python itself broke down and was started anew"),
}
SPOILING = {
    "builtins": "import builtins\nbuiltins.print = builtins.sum = None\nbuiltins.extra = 1",
    "all builtins": "import builtins\nfor name in list(vars(builtins)):\n    delattr(builtins, name)",
    "stdout": "import sys\nsys.stdout = sys.stderr = None",
    "functions of vizgrad": "import vizgrad as vg\nvg.exp = vg.TensorNode = None\nvg.functions.exp = lambda x: x",
    "methods": "import vizgrad as vg\nvg.TensorNode.__mul__ = lambda a, b: a\nvg.TensorNode.backward = None",
    "an op": (
        "from vizgrad.ops.arithmetic import Add\nAdd.backward = staticmethod(lambda c, g: (g * 7, g))\nAdd.more = 1"
    ),
    "code of a function": "import vizgrad as vg\nvg.exp.__code__ = (lambda *a, **k: 7).__code__",
    "the recorder": "from vizgrad import trace, core\ntrace.run = None\ncore.observers = 3",
    "numpy": "import numpy as np\nnp.exp = np.ones = None\nnp.set_printoptions(precision=1)\nnp.seterr(all='ignore')",
    "modules": "import sys\nsys.modules['json'] = None\nsys.path.clear()\nsys.modules['extra'] = sys",
    "settings": "import gc, os, sys\ngc.disable()\nsys.setrecursionlimit(60)\nos.environ['A'] = '1'\nos.chdir('/')",
    "files": "import os\nopen('fractions.py', 'w').write('1 / 0')\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()",
    "no_grad": "import vizgrad as vg\nvg.no_grad().__enter__()",
    "tracing": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)",
    "warnings": "import warnings\nwarnings.simplefilter('error')\nwarnings.filters.clear()",
}
REACHING_OUT = {
    "js": "import js\njs.fetch('https://example.org/')",
    "document": "import js\njs.document.title = 'mine'",
    "storage": "import js\njs.localStorage.setItem('a', 'b')",
    "postMessage": "import js\njs.postMessage = print",
    "micropip": "import micropip",
    "open_url": "from pyodide.http import open_url\nopen_url('https://example.org/')",
    "pyfetch": "from pyodide.http import pyfetch\npyfetch('https://example.org/').send(None)",
    "run_js": "from pyodide.code import run_js\nrun_js('postMessage({ fatal: 1 })')",
    "constructor": "import pyodide_js\npyodide_js.runPython.constructor('return self')()",
    "socket": "import urllib.request\nurllib.request.urlopen('https://example.org/')",
}


def unspoiled(page: Page, base_url: str, fresh: str, name: str) -> None:
    after = run(page, base_url, PROBE)
    assert after["printed"] == fresh, (name, after["said"])
    assert re.match("Finished in", after["said"]), name


@pytest.mark.parametrize("name", ENDLESS)
def test_what_does_not_end_is_ended(page: Page, base_url: str, fresh: str, name: str) -> None:
    ended = run(page, base_url, ENDLESS[name], SHORT)
    assert ended["said"].startswith(LIMIT)
    assert ended["beats"] > 10  # the page went on meanwhile
    unspoiled(page, base_url, fresh, name)


@pytest.mark.parametrize("name", GOING_TOO_FAR)
def test_what_goes_too_far_is_told_in_a_sentence(page: Page, base_url: str, fresh: str, name: str) -> None:
    program, sentence = GOING_TOO_FAR[name]
    ended = run(page, base_url, program)
    assert re.search(sentence, ended["said"]), ended["said"]
    assert "\n" not in ended["said"]
    assert len(ended["printed"]) < 201_000
    unspoiled(page, base_url, fresh, name)


@pytest.mark.parametrize("name", SPOILING)
def test_no_program_spoils_the_next(page: Page, base_url: str, fresh: str, name: str) -> None:
    ended = run(page, base_url, SPOILING[name])
    assert re.match("Finished in|Stopped by|Python itself broke down and was started anew", ended["said"])
    assert "\n" not in ended["said"]
    unspoiled(page, base_url, fresh, name)


@pytest.mark.parametrize("name", REACHING_OUT)
def test_no_program_gets_out(page: Page, base_url: str, fresh: str, name: str) -> None:
    title = page.title()
    ended = run(page, base_url, REACHING_OUT[name])
    assert ended["said"].startswith("Stopped by"), ended["said"]
    assert page.title() == title
    unspoiled(page, base_url, fresh, name)


def test_what_a_program_leaves_in_the_javascript_of_the_worker_is_gone(page: Page, base_url: str) -> None:
    said = run(page, base_url, "import js\nprint(sorted(set(dir(js)) - set(dir(object))))")
    assert "fetch" not in said["printed"]
    assert "indexedDB" not in said["printed"]
