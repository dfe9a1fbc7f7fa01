"""Compare the bytecode in the bundle with what pyodide-build makes of the same sources.

nox -s pyodide

The bundle compiles its archives in Pyodide itself (precompile.py), because pyodide-build needs the Python version of
Pyodide on the machine, 3.12, and the site is built with 3.11 or newer. Where there is a 3.12, the two must agree.
"""

from __future__ import annotations

import importlib.util
import marshal
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WEB = Path(__file__).resolve().parent
SOURCES = WEB / "node_modules/pyodide/python_stdlib.zip"
OURS = WEB.parent / "docs/assets/vendor/.python/python_stdlib.zip"
HEADER = 16  # bytes of a .pyc before the code


def code(archive: Path) -> dict[str, bytes]:
    """The compiled modules of an archive, by name."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.endswith(".pyc")}


def main() -> None:
    """Compile the standard library with pyodide-build, and compare it with ours."""
    if sys.version_info[:2] != (3, 12):
        sys.exit(
            f"pyodide-build compiles for the Python it runs in. Pyodide 0.27 needs 3.12; this is {sys.version[:6]}."
        )
    if not OURS.exists():
        sys.exit(f"{OURS} is missing: build the site first, with nox -s site.")
    with tempfile.TemporaryDirectory() as folder:
        theirs = Path(shutil.copy(SOURCES, folder))
        subprocess.run(["pyodide", "py-compile", "--silent", str(theirs)], check=True)  # in place
        ours, all_of_it = code(OURS), code(theirs)
        sizes = {"as it comes": SOURCES, "bundle": OURS, "all compiled": theirs}
        print(", ".join(f"{name} {path.stat().st_size / 1e6:.2f} MB" for name, path in sizes.items()))
    different = [
        name
        for name, data in ours.items()
        if data[:4] != importlib.util.MAGIC_NUMBER
        or marshal.loads(data[HEADER:]) != marshal.loads(all_of_it[name][HEADER:])
    ]
    print(f"{len(ours) - len(different)} of {len(ours)} compiled modules are the same as pyodide-build's.")
    if different:
        sys.exit(f"Different: {', '.join(different)}")


if __name__ == "__main__":
    main()
