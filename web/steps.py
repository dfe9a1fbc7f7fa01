"""Measure in Chromium how long the player takes to show a step, for docs/reports/performance.md.

nox -s browser
"""

from __future__ import annotations

import statistics
import sys

from browse import ROOT, chromium

from vizgrad import player, trace

sys.path.insert(0, str(ROOT / "examples"))
from _results import Result

ROUNDS = 7
PLACES = 60  # in each round, evenly from the first step to the last
TARGETS = {301: 0.016, 1499: 0.050}  # seconds, by the number of nodes: one picture of a screen, and three
CHAIN = """\
import vizgrad as vg

y = x = vg.TensorNode(0.5)
for i in range({ops}):
    y = vg.sin(y)
y.backward()
"""
STEPS = """(p, places) => {
    const last = Number(p.querySelector(".vg-slider").max), times = [];
    for (let i = 0; i <= places; i++) {
        const before = performance.now();
        p.go(Math.round((i * last) / places));
        p.getBoundingClientRect(); // the browser has placed everything by then
        times.push(performance.now() - before);
    }
    return times;
}"""


def main() -> None:
    """Measure chains of two sizes in turn, and write the result file."""
    result = Result("steps", {"rounds": ROUNDS, "places": PLACES}, "chains of sines", [])
    pages = {nodes: player.standalone(trace.run(CHAIN.format(ops=nodes // 2))) for nodes in TARGETS}
    times: dict[int, list[float]] = {nodes: [] for nodes in TARGETS}
    with chromium() as browser:
        for _ in range(ROUNDS):
            for nodes, html in pages.items():
                page = browser.new_page(viewport={"width": 1000, "height": 800})
                page.set_content(html)
                page.wait_for_selector("vg-player[ready]", state="attached")
                times[nodes] += page.locator("vg-player").evaluate(STEPS, PLACES)
                page.close()
        version = browser.version
    found = [
        {
            "nodes": nodes,
            "median": round(statistics.median(times[nodes]) / 1e3, 5),
            "slow": round(statistics.quantiles(times[nodes], n=20)[-1] / 1e3, 5),
            "target": target,
        }
        for nodes, target in TARGETS.items()
    ]
    result.write(browser=version, sizes=found)
    print(*found, sep="\n")


if __name__ == "__main__":
    main()
