"""Griffe extension: a default that the code calls by a name, such as ``STEP``, is in the reference by its value."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

import griffe


class Defaults(griffe.Extension):
    """Puts values in the places of constants."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Change a function's parameters, where a default is a constant."""
        names = [parameter for parameter in func.parameters if isinstance(parameter.default, griffe.ExprName)]
        named = [parameter for parameter in names if parameter.default.name.isupper()]
        if not named:
            return
        module = importlib.import_module(func.module.path)
        path = func.path.removeprefix(f"{func.module.path}.").split(".")
        signature = inspect.signature(functools.reduce(getattr, path, module))
        for parameter in named:
            parameter.default = repr(signature.parameters[parameter.name].default)
