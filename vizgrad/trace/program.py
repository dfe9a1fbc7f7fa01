"""Run a program given as text and record it: what pages, the playground and the command line do."""

from __future__ import annotations

import contextlib
import io
import linecache
import warnings
from collections.abc import Callable
from pathlib import PurePath
from types import ModuleType

from vizgrad import errors
from vizgrad.observer import watching
from vizgrad.trace.model import Note, Trace
from vizgrad.trace.recorder import Recorder


def run(source: str, filename: str = "program.py", write: Callable[[str], object] | None = None) -> Trace:
    """Run a program and return what it recorded; an exception ends the trace, it does not come out of here.

    Where the program records itself (``with vg.record() as trace:``), its last own recording is returned: that is how a
    program says which part is worth showing.

    Args:
        source: the program.
        filename: what to call it in messages.
        write: called with each piece of text that the program prints; left out, it is only kept in the trace.

    Examples:
        >>> run("import vizgrad as vg; a = vg.TensorNode(2.0); b = a * a; b.backward()").grad("a")
        array(4.)
    """
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    recorder = Recorder()
    module = ModuleType("__main__")
    module.__file__ = filename
    printed = _Tee(write)
    error: BaseException | None = None
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed), watching(recorder):
        warnings.simplefilter("always")
        try:
            exec(compile(source, filename, "exec"), vars(module))
        except (Exception, SystemExit) as stopped:
            error = stopped
        recorder.name_in(vars(module))
    recorder.finish(error)
    trace = recorder.inner or recorder.trace
    if error is not None and trace.error is None:
        recorder.report(error, trace)
    trace.output = printed.getvalue()
    _add_warnings(trace, caught)
    return trace


class _Tee(io.StringIO):
    """Keeps what is printed, and passes it on while the program runs."""

    def __init__(self, write: Callable[[str], object] | None) -> None:
        super().__init__()
        self._write = write

    def write(self, text: str) -> int:
        if self._write:
            self._write(text)
        return super().write(text)


def _add_warnings(trace: Trace, caught: list[warnings.WarningMessage]) -> None:
    """Warnings become notes. One about an infinite value explains more than the recorder's own note about it."""
    names = [file.name for file in trace.files]
    for warning in caught:
        name = PurePath(warning.filename).name
        place = [names.index(name), warning.lineno, 0, 0, 0] if name in names else None
        note = Note(str(warning.message), place=place)
        if place and issubclass(warning.category, errors.NumericsWarning):
            for old in trace.notes:
                if old.step is not None and old.place and old.place[:2] == place[:2]:
                    note.step = old.step
                    trace.notes.remove(old)
                    break
        if note.text not in [other.text for other in trace.notes]:
            trace.notes.append(note)
