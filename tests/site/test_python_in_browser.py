"""Python, NumPy and vizgrad as the site ships them, in a worker."""

from __future__ import annotations

import json

from playwright.sync_api import Page

RUN = """([base, program]) => new Promise((resolve, reject) => {
  const source = `
    const { loadPyodide } = await import("${base}pyodide.mjs");
    const python = await loadPyodide({ indexURL: "${base}", packages: ["vizgrad-course"] });
    postMessage(python.runPython(${JSON.stringify(program)}));
  `;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  worker.onmessage = (event) => resolve(event.data);
  worker.onerror = (event) => reject(new Error(event.message));
})"""

# The second expression makes temporaries so large that NumPy asks who called it.
PROGRAM = """
import inspect, json
import numpy as np
import vizgrad as vg

a = np.ones(1_000_000)
total = float(((a + a) * a - a).sum())
x = vg.TensorNode(np.array(3.0))
(x * x).backward()
json.dumps({
    "total": total,
    "gradient": float(x.grad),
    "source": inspect.getsource(vg.TensorNode).startswith("class TensorNode"),
    "numpy": np.__file__.rpartition(".")[2],
})
"""


def test_numpy_and_vizgrad_compute_a_gradient(page: Page, base_url: str) -> None:
    page.goto(base_url)
    said = json.loads(page.evaluate(RUN, [f"{base_url}assets/vendor/pyodide/", PROGRAM]))
    assert said == {"total": 1_000_000.0, "gradient": 6.0, "source": True, "numpy": "pyc"}
