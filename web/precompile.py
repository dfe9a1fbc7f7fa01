"""The Python half of precompile.mjs: runs in Pyodide and replaces .py by .pyc in archives under /bundle.

Only modules that are imported at the start are compiled: compiling all would cost a megabyte of download and gain
nothing. vizgrad keeps its sources beside the bytecode, because a Trace quotes their lines.
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
    threading time token tokenize traceback types typing uuid warnings weakref xml.etree.ElementTree
    numpy numpy.random graphviz
"""
KEEPS_SOURCES = "vizgrad/"
SITE_PACKAGES = "/lib/python3.12/site-packages/"
STDLIB = "/lib/python312.zip/"


def imported_files() -> set[str]:
    """The paths, as in their archive, of all modules that are loaded now, with the ending .py."""
    paths = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    return {path.removeprefix(SITE_PACKAGES).removeprefix(STDLIB) for path in paths}


def cached(name: str) -> str:
    """Where Python looks for the bytecode of a file that is there too."""
    folder, _, stem = name.removesuffix(".py").rpartition("/")
    return f"{folder}/__pycache__/{stem}.{sys.implementation.cache_tag}.pyc"


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
            to_compile = name.endswith(".py") and name in wanted
            if not to_compile or name.startswith(KEEPS_SOURCES):
                files[name] = data
            if to_compile:
                target = cached(name) if name in files else name + "c"
                files[target] = compiled(data, prefix + name)
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
if importlib.util.find_spec("vizgrad"):
    sys.path.append("/bundle")
    importlib.import_module("runner")  # with all of vizgrad that it uses
loaded = imported_files()
for archive_name in archives:  # noqa: F821 (precompile.mjs sets it)
    precompile(Path("/bundle") / archive_name, STDLIB if archive_name.endswith(".zip") else SITE_PACKAGES, loaded)
