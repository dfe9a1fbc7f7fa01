"""The two packages that drawing needs and computing does not: they are imported when something is drawn."""

from __future__ import annotations

import importlib
from typing import Any

from vizgrad.errors import VizgradError


class DrawingError(VizgradError, RuntimeError):
    """A drawing that cannot be made here."""


def needed(package: str) -> Any:
    """Import a package.

    Raises:
        DrawingError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DrawingError(
            f"Drawing needs the package {package}, which is not installed. From a checkout of vizgrad, "
            "pip install '.[draw]' brings it; nothing else has to be on the machine."
        ) from error
