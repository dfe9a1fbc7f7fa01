"""Runs the programs of readers, in Pyodide: what docs/assets/playground/worker.js calls in Python.

Each program finds Python as it was before the first one: `Pristine` puts back what a program has replaced, on purpose
or not. It looks after what mistakes and curiosity reach (modules, classes, functions, lists and dicts of modules, the
interpreter's settings, files). It is no wall: walls are the worker and its policy.
"""

from __future__ import annotations

import builtins
import contextvars
import gc
import importlib
import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from vizgrad import trace
from vizgrad.check import exercise
from vizgrad.draw import dot, layout, needs_graphviz, svg

# Calls between Python and JavaScript use the stack of the worker, which ends before Python's own limit: 250 levels are
# safe for every kind of call.
DEEPEST_CALL = 250
LONGEST_OUTPUT = 200_000  # characters that are kept
ENOUGH_OUTPUT = 5_000_000  # characters after which a program is stopped: they would fill the memory
HOME = "/home/pyodide"  # the working directory, for files of the program
RANDOM = "numpy.random"  # takes a tenth of a second to load, and many programs need none of it

Write = Callable[[str], object]


class OutputError(Exception):
    """A program prints without end."""


class Pristine:
    """Python as it is now, to come back to."""

    def __init__(self) -> None:
        self._builtins = dict(vars(builtins))
        modules = [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
        held = {id(value): value for module in modules for value in list(vars(module).values())}
        namespaces = {id(vars(module)): vars(module) for module in modules}
        # Lists, sets and dicts of modules: sys.path and sys.modules among them.
        self._dicts = [(value, dict(value)) for value in namespaces.values()]
        self._dicts += [(x, dict(x)) for x in held.values() if type(x) is dict and id(x) not in namespaces]
        self._lists = [(x, list(x)) for x in held.values() if type(x) is list]
        self._sets = [(x, set(x)) for x in held.values() if type(x) is set]
        classes = [value for value in held.values() if isinstance(value, type)]
        self._classes = [(cls, dict(vars(cls))) for cls in classes]
        functions = {id(value): value for value in held.values() if isinstance(value, FunctionType)}
        for _, attributes in self._classes:
            functions |= {id(value): value for value in attributes.values() if isinstance(value, FunctionType)}
        self._functions = [(f, f.__code__, f.__defaults__, f.__kwdefaults__) for f in functions.values()]
        self._environ = dict(os.environ)

    def restore(self) -> None:
        """Put everything back."""
        # The builtins first: all that follows uses them. Methods of a dict are the only thing that nobody can replace.
        vars(builtins).update(self._builtins)
        sys.settrace(None)
        sys.setprofile(None)
        for now, before in self._dicts:
            for name in now.keys() - before.keys():
                del now[name]
            now.update(before)
        for now, before in self._lists:
            now[:] = before
        for now, before in self._sets:
            now.clear()
            now.update(before)
        for cls, before in self._classes:
            self._restore_class(cls, before)
        for function, code, defaults, keywords in self._functions:
            if function.__code__ is not code:
                function.__code__ = code
            if function.__defaults__ is not defaults:
                function.__defaults__ = defaults
            if function.__kwdefaults__ is not keywords:
                function.__kwdefaults__ = keywords
        self._restore_settings()

    @staticmethod
    def _restore_class(cls: type, before: dict[str, Any]) -> None:
        now = vars(cls)
        if [*map(id, now.values())] == [*map(id, before.values())]:
            return
        for name in now.keys() - before.keys():
            type.__delattr__(cls, name)
        for name, value in before.items():
            if now.get(name) is not value:
                type.__setattr__(cls, name, value)

    def _restore_settings(self) -> None:
        sys.setrecursionlimit(DEEPEST_CALL)
        gc.enable()
        os.environ.clear()
        os.environ.update(self._environ)
        random.seed()
        if RANDOM in sys.modules:
            np.random.seed()
        os.chdir(HOME)
        for entry in os.scandir(HOME):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry, ignore_errors=True)
            else:
                os.unlink(entry)


def record(source: str, write: Write) -> trace.Trace:
    """Run a program and record it."""
    recorded: trace.Trace = _afresh(trace.run, source, "program.py", _limited(write))
    recorded.output = recorded.output[:LONGEST_OUTPUT]
    return recorded


def judge(task: str, answer: str, write: Write) -> str:
    """Grade an answer to an exercise; the verdict as JSON."""
    return str(_afresh(exercise.grade, task, answer, _limited(write)).to_json())


def graph(recorded: trace.Trace) -> str:
    """The drawing for Graphviz to lay out; empty if vizgrad lays it out itself."""
    return dot(recorded, labels=False) if needs_graphviz(recorded) else ""


def picture(recorded: trace.Trace, places: str) -> str:
    """The drawing; `places` is what Graphviz says, if it was asked."""
    return svg(recorded, places=layout.parse(json.loads(places)) if places else None, css=False, insides=True)


def _afresh(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call something that runs a program; whatever the program did to Python is undone before anything else happens."""
    try:
        return contextvars.copy_context().run(call, *arguments)
    finally:
        wanted = RANDOM in sys.modules
        pristine.restore()
        if wanted and RANDOM not in sys.modules:
            _keep_random()


def _keep_random() -> None:
    """Load NumPy's random numbers for good: a program has used them, and the next may."""
    global pristine
    importlib.import_module(RANDOM)
    pristine = Pristine()
    pristine.restore()


def _limited(write: Write) -> Write:
    """Passes on what is printed, until it is far too much."""
    printed = 0

    def limited(text: str) -> None:
        nonlocal printed
        printed += len(text)
        if printed > ENOUGH_OUTPUT:
            raise OutputError(f"the program has printed more than {ENOUGH_OUTPUT:,} characters.")
        write(text)

    return limited


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() waits for a keyboard, and there is none here: write the value into the program.")


def _warm_up() -> None:
    """Import what is imported only when it is used: it takes time, and `Pristine` would forget it each time."""
    recorded = trace.run("import vizgrad as vg; a = vg.TensorNode(1.0); b = vg.exp(a); b.backward(); 1 / 0")
    graph(recorded)
    recorded.to_json()


builtins.input = _no_input
_warm_up()
pristine = Pristine()
pristine.restore()  # so that the first program finds what all others find
