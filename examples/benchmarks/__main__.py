"""How fast vizgrad is beside NumPy by hand, PyTorch, autograd and the course's mini library.

    nox -s bench                          everything, about ten minutes; leave the machine alone meanwhile
    nox -s bench -- --quick               does it all run? Under a minute; its times mean nothing
    nox -s bench -- --course PATH         with the course's mini library, whose package is the folder PATH

Each implementation has a process of its own. They do the same work in turn (A B C, B C A, ...), so that whatever else
the machine does falls on all of them, and what counts is the median of their ratios. In the end their weights are
compared: they must have done the same arithmetic.

Writes ``docs/results/benchmarks.json``, which the page "How fast it is" shows.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import works
from measure import alternate, judge, long_chains

sys.path.append(str(Path(__file__).resolve().parent.parent))
from _results import FOLDER, Result

DEPTH = 1_000_000
LONG = ("numpy", "vizgrad", "torch", "autograd")
DISTRIBUTIONS = {"torch": "torch", "autograd": "autograd"}  # what must be installed, for each peer that needs it
# What vizgrad aims at: the work, vizgrad's column, beside whom, and how many times as much at most.
TARGETS = [
    ("784-3136-10, float32", "seconds", "numpy", 1.10),
    ("784-3136-10, float64", "seconds", "numpy", 1.05),
    ("784-128-10, float32", "seconds", "numpy", 1.25),
    ("chain of 400", "seconds", "numpy", 2.5),
    ("long chain", "bytes", "numpy", 3.5),
    ("LeNet-5", "seconds", "torch", 1.5),
    ("784-3136-10, recorded", "seconds", "vizgrad", 2.0),
]


def main() -> None:
    """Measure everything and write what was found."""
    options = _options()
    threads = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    absent = _absent(options.course)
    if options.course:
        environment["COURSE_LIBRARY"] = str(options.course.resolve())
    rounds, depth, repeats = (2, 10_000, 1) if options.quick else (options.rounds, DEPTH, 3)
    config = {
        "threads": options.threads,
        "rounds": rounds,
        "depth": depth,
        "repeats": repeats,
        "batches": works.BATCHES,
    }
    libraries = ["numpy", *(name for peer, name in DISTRIBUTIONS.items() if peer not in absent)]
    result = Result("benchmarks", config, "random images and labels, of the shapes of MNIST and CIFAR-10", libraries)

    found = []
    for work in works.WORKS:
        peers = [peer for peer in work.peers if peer not in absent]
        found.append(alternate(work.quick() if options.quick else work, peers, rounds, environment))
        show(found[-1])
    found.append(long_chains([peer for peer in LONG if peer not in absent], depth, repeats, environment))
    show(found[-1])

    path = result.write(
        Path(tempfile.mkdtemp()) if options.quick else options.out,
        works=found,
        targets=[judge(found, *target) for target in TARGETS],
        absent=[{"peer": peer, "reason": reason} for peer, reason in absent.items()],
    )
    print(f"wrote {path}")


def show(work: dict[str, Any]) -> None:
    """Print the table of one work."""
    print(work["name"])
    for row in work["peers"]:
        more = f"  {row['bytes']:.0f} bytes an op, {row['returned']:.1%} free again" if "bytes" in row else ""
        print(f"  {row['peer']:10} {1e3 * row['seconds']:11.3f} ms  {row['ratio']:6.2f} times{more}", flush=True)


def _absent(course: Path | None) -> dict[str, str]:
    """The peers that cannot be measured here, and why."""
    absent = {peer: "it is not installed" for peer, name in DISTRIBUTIONS.items() if not importlib.util.find_spec(name)}
    if course is None:
        absent["course"] = "its folder was not given"
    return absent


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run, its result into a temporary folder")
    parser.add_argument("--course", type=Path, metavar="PATH", help="the package folder of the course's mini library")
    parser.add_argument(
        "--rounds", type=int, default=21, help="how often each peer's turn comes (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads for matrix products (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the result file")
    options = parser.parse_args()
    if options.course and not (options.course / "__init__.py").is_file():
        parser.error(f"{options.course} is not the folder of a package: it has no __init__.py")
    return options


if __name__ == "__main__":
    main()
