"""MkDocs hook: what the site serves from npm is there and fresh before the site is built."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

# A warning under this name fails `mkdocs build --strict`, if it comes while the site is being built: at
# on_startup nobody counts yet.
log = logging.getLogger("mkdocs.hooks.bundle")


def on_pre_build(config: Any) -> None:
    """Builds docs/assets/vendor/, or says why the site will lack its formulas, editor and Python."""
    root = Path(config.config_file_path).resolve().parent
    bundle = _load(root / "web/bundle.py")
    try:
        bundle.ensure(root)
    except bundle.BundleError as error:
        log.warning("The browser bundle was not built. %s", error)


def _load(path: Path) -> ModuleType:
    """Imports a script that is no part of any package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
