"""The Python half of precompile.mjs: runs in Pyodide and replaces .py by .pyc in the archives under /bundle.

Only modules that are imported at the start are compiled: compiling all would cost a megabyte of download and gain
nothing. vizgrad's own wheel stays as it is, because a Trace quotes its source lines.
"""

import base64
import hashlib
import importlib
import importlib.util
import marshal
import sys
import zipfile
from pathlib import Path

STARTUP = """
    abc ast base64 bisect collections.abc contextlib contextvars copy dataclasses enum functools hashlib heapq html
    importlib.resources inspect io itertools json linecache math numbers operator pathlib random re string textwrap
    threading time token tokenize traceback types typing uuid warnings weakref numpy graphviz
"""
SITE_PACKAGES = "/lib/python3.12/site-packages/"
STDLIB = "/lib/python312.zip/"


def imported_files() -> set[str]:
    """The paths, as in their archive, of all modules that are loaded now."""
    paths = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    return {path.removeprefix(SITE_PACKAGES).removeprefix(STDLIB) for path in paths}


def compiled(source: bytes, filename: str) -> bytes:
    """A .pyc that is used without asking for its source."""
    code = compile(source, filename, "exec", dont_inherit=True)
    unchecked_hash = (1).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + unchecked_hash + importlib.util.source_hash(source) + marshal.dumps(code)


def record(files: dict[str, bytes], own_name: str) -> bytes:
    """The RECORD of a wheel: the hash and size of each file."""
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        lines.append(f"{name},,\n" if name == own_name else f"{name},sha256={digest},{len(data)}\n")
    return "".join(lines).encode()


def precompile(archive: Path, prefix: str, wanted: set[str]) -> None:
    """Rewrites `archive` with its `wanted` modules compiled."""
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(archive) as source:
        for name in (entry.filename for entry in source.infolist() if not entry.is_dir()):
            data = source.read(name)
            if name.endswith(".py") and name in wanted:
                files[name + "c"] = compiled(data, prefix + name)
            else:
                files[name] = data
    for name in [name for name in files if name.endswith(".dist-info/RECORD")]:
        files[name] = record(files, name)
    with zipfile.ZipFile(archive, "w") as target:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            target.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)


importlib.invalidate_caches()
for module_name in STARTUP.split():
    importlib.import_module(module_name)
loaded = imported_files()
for wheel in Path("/bundle").glob("*.whl"):
    precompile(wheel, SITE_PACKAGES, loaded)
precompile(Path("/bundle/python_stdlib.zip"), STDLIB, loaded)
