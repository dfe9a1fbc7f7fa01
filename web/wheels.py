"""Makes the wheels that vizgrad needs in Pyodide, from what npm and this Python's environment have of them.

NumPy comes from npm: `@emscripten-forge/numpy` is a conda package inside an npm package, compiled with the same
Emscripten as Pyodide 0.27. The graphviz package is pure Python, so the installed one will do.
Usage: python wheels.py PATH-OF-NUMPY.tar.gz FOLDER
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
import sys
import tarfile
import zipfile
from pathlib import Path

TAG = "cp312-cp312-pyodide_2024_0_wasm32"
WHEEL = f"Wheel-Version: 1.0\nGenerator: vizgrad\nRoot-Is-Purelib: false\nTag: {TAG}\n"
SITE_PACKAGES = "lib/python3.12/site-packages/"

# Only for those who compile against NumPy, or test it. `_multiarray_tests` stays: NumPy itself imports it.
NOT_NEEDED = re.compile(
    r"^numpy/(f2py|distutils|doc|_pyinstaller|random/lib|random/_examples|_?core/include|_?core/lib)/"
    r"|^numpy/_core/(_simd|_operand_flag_tests|_rational_tests|_struct_ufunc_tests|_umath_tests)\."
    r"|^numpy/(conftest|_configtool)\.py$"
    r"|/tests/|__pycache__/|py\.typed$|\.(a|c|h|md|pxd|pyc|pyi|pyx|txt)$"
)

# NumPy asks the C library for `backtrace` to learn who called it, and has a plan for an answer of zero frames.
# Pyodide has no such function, and a call would end the interpreter. `isdigit_l`, which Pyodide does have, takes
# the same arguments (a pointer and a number), answers 0 for any pointer, and is a name of the same length: the
# import is renamed without moving a byte.
BACKTRACE = b"\x03env\x09backtrace"
ANSWERS_ZERO = b"\x03env\x09isdigit_l"


def numpy(package: Path, folder: Path) -> Path:
    """Writes the wheel of NumPy's conda package into `folder`, the same bytes each time."""
    unpacked = _site_packages(package)
    dist_info = next(name for name in unpacked if name.endswith(".dist-info/METADATA")).rpartition("/")[0]
    files = {name: _without_backtrace(data) for name, data in unpacked.items() if _is_needed(name)}
    for name in ("METADATA", "LICENSE.txt"):
        files[f"{dist_info}/{name}"] = unpacked[f"{dist_info}/{name}"]
    files[f"{dist_info}/WHEEL"] = WHEEL.encode()
    return _write_wheel(folder, dist_info, TAG, files)


def graphviz(folder: Path) -> Path:
    """Writes the wheel of the installed graphviz package into `folder`."""
    installed = importlib.metadata.distribution("graphviz").files or []
    shipped = [path for path in installed if path.suffix == ".py" or path.name in ("METADATA", "WHEEL", "LICENSE.txt")]
    dist_info = next(path.parts[0] for path in shipped if path.name == "METADATA")
    return _write_wheel(folder, dist_info, "py3-none-any", {path.as_posix(): path.read_binary() for path in shipped})


def _site_packages(package: Path) -> dict[str, bytes]:
    with tarfile.open(package) as archive:
        members = {m.name.removeprefix("./"): m for m in archive.getmembers() if m.isfile()}
        return {
            name.removeprefix(SITE_PACKAGES): archive.extractfile(member).read()  # type: ignore[union-attr]
            for name, member in sorted(members.items())
            if name.startswith(SITE_PACKAGES)
        }


def _is_needed(name: str) -> bool:
    return name.startswith("numpy/") and not NOT_NEEDED.search(name)


def _without_backtrace(data: bytes) -> bytes:
    return data.replace(BACKTRACE, ANSWERS_ZERO) if data.startswith(b"\0asm") else data


def _record(files: dict[str, bytes], own_name: str) -> bytes:
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()) for name, data in files.items()}
    rows = [f"{name},sha256={digests[name].decode().rstrip('=')},{len(data)}" for name, data in files.items()]
    return "\n".join([*rows, f"{own_name},,", ""]).encode()


def _write_wheel(folder: Path, dist_info: str, tag: str, files: dict[str, bytes]) -> Path:
    files[f"{dist_info}/RECORD"] = _record(files, f"{dist_info}/RECORD")
    wheel = folder / f"{dist_info.removesuffix('.dist-info')}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return wheel


if __name__ == "__main__":
    print(numpy(Path(sys.argv[1]), Path(sys.argv[2])))
    print(graphviz(Path(sys.argv[2])))
