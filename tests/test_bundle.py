"""What web/ makes for the browser."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bundle(root: Path, site_dir: Path) -> ModuleType:
    """web/bundle.py, with what it builds already there: the site needs it."""
    return load(root / "web/bundle.py")


@pytest.fixture
def vendor(site_dir: Path) -> Path:
    return site_dir / "assets/vendor"


@pytest.fixture
def files(vendor: Path) -> dict[str, Any]:
    """The manifest's entries, by the names that Pyodide knows."""
    entries: dict[str, Any] = json.loads((vendor / "manifest.json").read_text("utf-8"))["files"]
    return entries


@pytest.fixture
def pyodide(vendor: Path) -> Path:
    return vendor / "pyodide"


def test_the_manifest_lists_each_file_under_a_name_made_from_its_content(pyodide: Path, files: dict[str, Any]) -> None:
    assert {entry["file"] for entry in files.values()} == {path.name for path in pyodide.iterdir()}
    for name, entry in files.items():
        content = (pyodide / entry["file"]).read_bytes()
        digest = hashlib.sha256(content)
        assert entry["integrity"] == f"sha256-{base64.b64encode(digest.digest()).decode()}"
        assert entry["bytes"] == len(content)
        stem, suffix = name.rsplit(".", 1)
        assert entry["file"] == f"{stem}.{digest.hexdigest()[:12]}.{suffix}"


def test_the_manifest_tells_how_much_there_is_to_download(vendor: Path, files: dict[str, Any]) -> None:
    total = json.loads((vendor / "manifest.json").read_text("utf-8"))["bytes"]
    assert total == sum(path.stat().st_size for path in (vendor / "pyodide").iterdir())


def test_building_it_again_gives_the_same_bytes(
    bundle: ModuleType, root: Path, tmp_path: Path, files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, at another time, with other hashes of strings; only what is not pinned: vizgrad's own part."""
    monkeypatch.setenv("PYTHONHASHSEED", "1234")
    shutil.copytree(root / "docs/assets/vendor/.python", tmp_path / "built", ignore=shutil.ignore_patterns("*.bin"))
    bundle._build_own_part(root, tmp_path / "built")
    bundle._write_lock(tmp_path / "built")
    bundle._pack(tmp_path / "built")
    bundle._publish(tmp_path / "built", tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8"))["files"] == files


@pytest.fixture
def wheels(root: Path, site_dir: Path) -> Path:
    """The folder of the wheels, which are packed into one archive."""
    return root / "docs/assets/vendor/.python"


def test_the_wheel_of_numpy_asks_for_nothing_that_pyodide_lacks(wheels: Path) -> None:
    with zipfile.ZipFile(next(wheels.glob("numpy-*.whl"))) as archive:
        libraries = {name: archive.read(name) for name in archive.namelist() if name.endswith(".so")}
        assert archive.testzip() is None
        assert "numpy/__init__.pyc" in archive.namelist()
    assert not [name for name, data in libraries.items() if b"\x03env\x09backtrace" in data]
    assert [name for name, data in libraries.items() if b"\x03env\x09isdigit_l" in data]


@pytest.mark.parametrize("package", ["graphviz", "numpy", "vizgrad_course"])
def test_the_record_of_a_wheel_tells_the_truth(wheels: Path, package: str) -> None:
    with zipfile.ZipFile(next(wheels.glob(f"{package}-*.whl"))) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = [line.rsplit(",", 2) for line in archive.read(record).decode().splitlines()]
        assert sorted(name for name, _, _ in rows) == sorted(archive.namelist())
        assert all(int(size) == archive.getinfo(name).file_size for name, _, size in rows if name != record)


def test_vizgrad_has_bytecode_and_keeps_its_source_lines(wheels: Path) -> None:
    with zipfile.ZipFile(next(wheels.glob("vizgrad_course-*.whl"))) as archive:
        assert {"vizgrad/core.py", "vizgrad/__pycache__/core.cpython-312.pyc"} <= set(archive.namelist())


def test_the_archive_holds_what_is_in_the_wheels(wheels: Path, pyodide: Path, files: dict[str, Any]) -> None:
    with tarfile.open(pyodide / files["packages.bin"]["file"]) as archive:
        packed = {member.name: archive.extractfile(member).read() for member in archive}
    opened = [zipfile.ZipFile(wheel) for wheel in wheels.glob("*.whl")]
    assert len(opened) == 3
    assert packed == {name: wheel.read(name) for wheel in opened for name in wheel.namelist()}


def test_the_lock_leads_nowhere(pyodide: Path, files: dict[str, Any]) -> None:
    lock = json.loads((pyodide / files["pyodide-lock.json"]["file"]).read_text())
    assert lock["packages"] == {}
    assert lock["info"]["python"].startswith("3.12")


def test_a_second_build_finds_nothing_to_do(bundle: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.ensure(root)
    monkeypatch.setattr(bundle.subprocess, "run", lambda *_, **__: pytest.fail("something was built again"))
    bundle.ensure(root)


def test_whatever_the_editor_imports_is_watched(bundle: ModuleType, root: Path) -> None:
    watched = {path.name for names in bundle.READ.split() for path in (root / "web").glob(names)}
    sources = [(root / "web" / name).read_text("utf-8") for name in watched if name.endswith(".js")]
    imported = {name for source in sources for name in re.findall(r'from "\./(.+)"', source)}
    assert "numbers.js" in imported <= watched


def test_a_missing_tool_is_named(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle.shutil, "which", lambda *_, **__: None)
    with pytest.raises(bundle.BundleError, match=r"`node` is missing: install Node\.js"):
        bundle._run("node", "precompile.mjs")


def test_a_tool_that_fails_is_quoted(bundle: ModuleType) -> None:
    with pytest.raises(bundle.BundleError, match=r"no-such-file\.py` failed: .*can't open file"):
        bundle._run(sys.executable, "no-such-file.py")


def test_the_lock_file_of_npm_holds_hashes_and_no_addresses(root: Path) -> None:
    packages = json.loads((root / "web/package-lock.json").read_text())["packages"]
    assert all("integrity" in entry and "resolved" not in entry for path, entry in packages.items() if path)
    wanted = json.loads((root / "web/package.json").read_text())
    versions = [*wanted["dependencies"].values(), *wanted["devDependencies"].values()]
    assert all(re.match(r"\d+\.\d+\.\d+", version) for version in versions)
