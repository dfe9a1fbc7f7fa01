"""What the tests of the experiments share."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.fixture
def load(root, monkeypatch):
    """Imports a module of the examples."""
    monkeypatch.syspath_prepend(str(root / "examples"))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (root / "examples" / f"{name}.py").exists():
            del sys.modules[name]
