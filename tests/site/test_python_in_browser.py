"""Python, NumPy and vizgrad as the site ships them and starts them: from its manifest, in its worker."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.site.conftest import unwatched_site

RUN = """async ([base, program]) => {
  const { python } = await import(`${base}assets/playground/python.js`);
  let printed = "";
  const result = await python.run(program, { onOutput: (text) => (printed += text), limit: 60_000 });
  return { printed, failed: result.failed, error: result.trace?.error?.message };
}"""

# The second expression makes temporaries so large that NumPy asks who called it.
PROGRAM = """
import inspect, json
import numpy as np
import vizgrad as vg

a = np.ones(1_000_000)
total = float(((a + a) * a - a).sum())
x = vg.TensorNode(np.array(3.0))
(x * x).backward()
print(json.dumps({
    "total": total,
    "gradient": float(x.grad),
    "source": inspect.getsource(vg.TensorNode).startswith("class TensorNode"),
    "numpy": np.__file__.rpartition(".")[2],
}))
"""


def run(page: Page, base_url: str, program: str) -> dict[str, Any]:
    page.goto(base_url)
    said: dict[str, Any] = page.evaluate(RUN, [base_url, program])
    return said


def test_numpy_and_vizgrad_compute_a_gradient(page: Page, base_url: str) -> None:
    said = run(page, base_url, PROGRAM)
    assert said["error"] is None
    assert json.loads(said["printed"]) == {"total": 1_000_000.0, "gradient": 6.0, "source": True, "numpy": "pyc"}


def test_every_file_is_asked_for_once_and_under_its_hashed_name(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    run(page, base_url, "print(1)")
    files = [url.rpartition("/")[2] for url in asked if "/vendor/pyodide/" in url]
    assert len(files) == len(set(files)) == 8
    assert all(re.search(r"\.[0-9a-f]{12}\.\w+$", file) for file in files)


@pytest.mark.parametrize("name", ["pyodide.asm.*.wasm", "packages.*.bin", "runner.*.py"])
def test_a_file_that_is_not_what_the_manifest_says_is_not_used(browser: Browser, base_url: str, name: str) -> None:
    with unwatched_site(browser, base_url) as page:  # the browser writes about it to the console
        page.context.route(f"**/vendor/pyodide/{name}", lambda route: route.fulfill(body=b"changed on its way"))
        said = run(page, base_url, "print(1)")
        assert said["failed"]
        page.context.unroute(f"**/vendor/pyodide/{name}")
        assert page.evaluate(RUN, [base_url, "print(1)"])["printed"] == "1\n"


def test_random_numbers_are_loaded_when_they_are_used_and_no_seed_is_left(page: Page, base_url: str) -> None:
    assert run(page, base_url, "import sys\nprint('numpy.random' in sys.modules)")["printed"] == "False\n"
    seeded = "import numpy as np\nnp.random.seed(1)\nprint(np.random.rand())"
    first, again = (page.evaluate(RUN, [base_url, seeded])["printed"] for _ in range(2))
    assert first == again
    assert float(first) == pytest.approx(0.417022004702574)
    assert page.evaluate(RUN, [base_url, "import sys\nprint('numpy.random' in sys.modules)"])["printed"] == "True\n"
    unseeded = seeded.replace("np.random.seed(1)\n", "")
    assert len({first, *(page.evaluate(RUN, [base_url, unseeded])["printed"] for _ in range(2))}) == 3
