"""What web/ makes for the browser."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType

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
def pyodide(site_dir: Path) -> Path:
    return site_dir / "assets/vendor/pyodide"


def test_the_wheel_of_numpy_asks_for_nothing_that_pyodide_lacks(pyodide: Path) -> None:
    wheel = next(pyodide.glob("numpy-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        libraries = {name: archive.read(name) for name in archive.namelist() if name.endswith(".so")}
        assert archive.testzip() is None
        assert "numpy/__init__.pyc" in archive.namelist()
    assert not [name for name, data in libraries.items() if b"\x03env\x09backtrace" in data]
    assert [name for name, data in libraries.items() if b"\x03env\x09isdigit_l" in data]


@pytest.mark.parametrize("package", ["graphviz", "numpy", "vizgrad_course"])
def test_the_record_of_a_wheel_tells_the_truth(pyodide: Path, package: str) -> None:
    with zipfile.ZipFile(next(pyodide.glob(f"{package}-*.whl"))) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = [line.rsplit(",", 2) for line in archive.read(record).decode().splitlines()]
        assert sorted(name for name, _, _ in rows) == sorted(archive.namelist())
        assert all(int(size) == archive.getinfo(name).file_size for name, _, size in rows if name != record)


def test_vizgrad_keeps_its_source_lines(pyodide: Path) -> None:
    with zipfile.ZipFile(next(pyodide.glob("vizgrad_course-*.whl"))) as archive:
        assert "vizgrad/core.py" in archive.namelist()


def test_the_lock_names_each_wheel_with_its_hash(pyodide: Path) -> None:
    packages = json.loads((pyodide / "pyodide-lock.json").read_text())["packages"]
    assert set(packages) == {"graphviz", "numpy", "vizgrad-course"}
    assert packages["vizgrad-course"]["depends"] == ["graphviz", "numpy"]
    assert {entry["file_name"] for entry in packages.values()} == {wheel.name for wheel in pyodide.glob("*.whl")}
    for entry in packages.values():
        assert entry["sha256"] == hashlib.sha256((pyodide / entry["file_name"]).read_bytes()).hexdigest()


def test_a_second_build_finds_nothing_to_do(bundle: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.ensure(root)
    monkeypatch.setattr(bundle.subprocess, "run", lambda *_, **__: pytest.fail("something was built again"))
    start = time.perf_counter()
    bundle.ensure(root)
    assert time.perf_counter() - start < 1


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
