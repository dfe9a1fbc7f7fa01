"""Trace -> HTML: a figure of a page, one file that opens anywhere, a frame in a notebook.

A figure reads without JavaScript: the program, the drawn graph, the final values. The web component in `vg-player.js`
takes it over where there is JavaScript. Everything that comes from a program is escaped here, or is text there.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from vizgrad.core import Array
from vizgrad.draw.svg import svg, svg_parts
from vizgrad.errors import TraceError
from vizgrad.player.story import beats, story_html
from vizgrad.trace.model import Tensor, Trace
from vizgrad.trace.text import name, number, printable, shape

ENTRY = "vg-player.js"
_FEW = 25  # arrays of more entries are named by their shape in the table of final values
_MANY = 10  # ops, of which a page fetches the recording only when a reader comes near
_LONGEST_TEXT = 200  # letters of a name that a page shows
_IMPORT = re.compile(r'^import \{ [\w, ]+ \} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_LATER = re.compile(r'\bimport\("\./((\w+)\.js)"\)')  # of a module that exports one thing of its own name
_COMMENT = re.compile(r"^\s*(?://[^\n]*|/\*.*?\*/\s*)$", re.MULTILINE | re.DOTALL)  # on lines of their own
_REMARK = re.compile(r"(?<=[;,{(\[]) // [^\"'`\n]*$", re.MULTILINE)  # behind code; strings hold a // too, but not so
_GAP = re.compile(r"\s*([{};])\s*|([:,])\s+")  # in a style sheet: space that means nothing
_FRAME_WIDTH = 900  # px; what a notebook usually has


def assets() -> dict[str, Path]:
    """The files that a page with figures needs, by name; `vg-player.js` is a module that loads the other scripts.

    `load.js` fetches it where it is not yet known whether a page has a figure.
    """
    folder = Path(str(files("vizgrad.player")))
    drawing = Path(str(files("vizgrad.draw")))
    scripts = {path.name: path for path in sorted(folder.glob("*.js"))}
    return {"graph.css": drawing / "graph.css", "player.css": folder / "player.css", **scripts}


def served(name: str) -> str:
    """One of the `assets` as a page loads it: without the comments and the indentation that its readers want."""
    source = assets()[name].read_text("utf-8")
    lines = "".join(f"{line.strip()}\n" for line in _COMMENT.sub("", source).splitlines() if line.strip())
    return _GAP.sub(r"\1\2", lines) if name.endswith(".css") else _REMARK.sub("", lines)


def figure(
    trace: Trace,
    uid: str,
    *,
    step: int | str | None = None,
    trace_url: str | None = None,
    whole_url: str | None = None,
    direction: str = "LR",
    title: str = "",
    compare: Trace | None = None,
    compare_url: str | None = None,
    labels: tuple[str, str] = ("one", "the other"),
    story: str = "",
    modules: str | Iterable[str] = "auto",
    around: str = "",
) -> str:
    """The HTML of a figure, for a page that loads the files of `assets`.

    Args:
        trace: what to show.
        uid: the id of the figure in its page.
        step: where it opens: a number, `"start"`, `"end"`, or `"wait"`, the first step at which a tensor waits for
            another gradient.
        trace_url: where the page finds the trace as JSON; left out, it is put into the page.
        whole_url: where the page finds the drawing with what is in closed modules (see `whole`); left out, it holds it.
        direction: `"LR"` or `"TB"`.
        title: the caption.
        compare: another trace, to be stepped through beside this one on the same timeline.
        compare_url: where the page finds the other trace.
        labels: what the two are called.
        story: beats to tell beside the figure (see `vizgrad.player.story`); it opens at the first of them.
        modules: which modules are open at first: `"open"`, `"closed"`, their paths, or `"auto"`.
        around: the name or id of a tensor or op, where only what is near it shall be drawn.

    Raises:
        TraceError: there is no such step or direction, or a beat is not right.
    """
    told = beats(story, trace)
    if told and step is None:
        step = told[0].step
    drawn = {"direction": direction, "modules": modules, "around": around}
    urls = {"src": trace_url, "whole": whole_url}
    if compare is None:
        return _player(trace, uid, step, urls, drawn, title, story_html(told))
    first = _player(trace, uid, step, urls, drawn, labels[0], story_html(told))
    second = _player(compare, f"{uid}-other", None, {"src": compare_url}, drawn, labels[1], "")
    caption = f'<p class="vg-title">{escape(title)}</p>' if title else ""
    return f'<vg-compare class="vg-compare">{caption}\n{first}\n{second}\n</vg-compare>'


def whole(
    trace: Trace, *, direction: str = "LR", title: str = "", modules: str | Iterable[str] = "auto", around: str = ""
) -> str | None:
    """The drawing of a large trace with what is in its closed modules, for a page to fetch when a reader comes near.

    Args:
        trace: what to show.
        direction: as that of the `figure`, and so are the others.
        title: the caption.
        modules: which modules are open at first.
        around: a tensor or op.

    Returns:
        The SVG, or ``None`` where the page may hold it: the trace is small, or little of it is in closed modules.
    """
    if len(trace.ops) <= _MANY:
        return None
    closed, opened = (
        svg(trace, title=title, css=False, insides=insides, direction=direction, modules=modules, around=around)
        for insides in (False, True)
    )
    return opened if len(opened) > 2 * len(closed) else None


def _player(
    trace: Trace,
    uid: str,
    step: int | str | None,
    urls: dict[str, str | None],
    drawn: dict[str, Any],
    title: str,
    story: str,
) -> str:
    direction = drawn["direction"]
    if direction not in ("LR", "TB"):
        raise TraceError(f'the direction "{direction}" is unknown; known are LR (left to right) and TB (top to bottom)')
    where = "".join(f' data-{name}="{escape(url)}"' for name, url in urls.items() if url)
    if urls["src"] and len(trace.ops) > _MANY:
        where += " data-late"
    parts = [
        f'<vg-player id="{escape(uid)}" class="vg-player" data-step="{_step(trace, step)}"{where}>',
        f'<p class="vg-title">{escape(title)}</p>' if title else "",
        _stage(trace, drawn | {"insides": not urls.get("whole")}, title),
        _program(trace),
        _final(trace),
        _notes(trace),
        story,
        *_parts(trace, direction),
        "" if urls["src"] else f'<template class="vg-trace">{escape(trace.to_json(), quote=False)}</template>',
        "</vg-player>",
    ]
    return _encodable("\n".join(filter(None, parts)))


def standalone(
    trace: Trace,
    *,
    step: int | str | None = None,
    direction: str = "LR",
    title: str = "",
    heading: bool = True,
    compare: Trace | None = None,
    labels: tuple[str, str] = ("one", "the other"),
    story: str = "",
    modules: str | Iterable[str] = "auto",
    around: str = "",
) -> str:
    """A page that holds everything it needs, opens from a file, and makes no request.

    Args:
        trace: what to show.
        step: where it opens, as for `figure`.
        direction: `"LR"` or `"TB"`.
        title: the caption, and the title of the page.
        heading: whether the page begins with its title; a frame in another page does without.
        compare: another trace, to be stepped through beside this one on the same timeline.
        labels: what the two are called.
        story: beats to tell beside the figure (see `vizgrad.player.story`).
        modules: which modules are open at first, as for `figure`.
        around: a tensor or op, where only what is near it shall be drawn.
    """
    script, style = bundle()
    drawn: dict[str, Any] = {"direction": direction, "modules": modules, "around": around}
    name = title or (printable(trace.files[0].name) if trace.files else "vizgrad")
    # Only this very script may run, whatever a trace holds, and nothing may be fetched.
    policy = f"default-src 'none'; script-src '{_digest(script)}'; style-src 'unsafe-inline'; img-src data:"
    return _encodable(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(name[:_LONGEST_TEXT])}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body class="vg-page">
<main>
{f"<h1>{escape(name[:_LONGEST_TEXT])}</h1>" if heading else ""}
{figure(trace, "vg", step=step, compare=compare, labels=labels, story=story, **drawn)}
</main>
<script type="module">{script}</script>
</body>
</html>
"""
    )


def notebook(trace: Trace) -> str:
    """The player as a frame, for a notebook: it carries its trace inside, so that a saved notebook still works."""
    page = standalone(trace, heading=False)
    height = min(900, round(_drawing_height(page)) + 520)
    return (
        f'<iframe srcdoc="{escape(page)}" title="Computation, step by step" sandbox="allow-scripts allow-downloads" '
        f'style="width: 100%; height: {height}px; border: 0; resize: vertical"></iframe>'
    )


def bundle() -> tuple[str, str]:
    """All scripts as one, and all style sheets as one.

    The modules use only named imports from each other and no name twice: so they can simply be put one after another.
    What a site fetches later is there from the start.
    """
    done: dict[str, str] = {}

    def add(name: str) -> None:
        source = served(name)
        for imported in (*_IMPORT.findall(source), *(later for later, _ in _LATER.findall(source))):
            if imported not in done:
                add(imported)
        source = _LATER.sub(r"Promise.resolve({ \2 })", _IMPORT.sub("", source))
        done[name] = re.sub(r"^export (?=(?:async )?function|const|class)", "", source, flags=re.MULTILINE)

    add(ENTRY)
    style = "\n".join(served(name) for name in assets() if name.endswith(".css"))
    return "\n" + "\n".join(done.values()), style


# --- the parts of a figure -------------------------------------------------------------------------------------------


def _step(trace: Trace, step: int | str | None) -> str:
    last = max(len(trace.steps) - 1, 0)
    wanted = "start" if step is None else str(step).strip()
    if wanted in ("start", "end"):
        return wanted
    if wanted == "wait":
        if not any(one.kind == "accumulate" and (one.arrived or 0) < (one.of or 0) for one in trace.steps):
            raise TraceError('step "wait": no tensor of this program waits for a second gradient')
        return wanted
    if wanted.isdecimal() and int(wanted) <= last:
        return str(int(wanted))
    raise TraceError(f'the step "{wanted}" is unknown; known are 0 to {last}, start, end and wait')


def _stage(trace: Trace, drawn: dict[str, Any], title: str) -> str:
    drawing = svg(trace, title=title, css=False, **drawn)
    width = re.search(r' width="([\d.]+)"', drawing)
    # The style sheet scales the drawing between bounds relative to its own width.
    sized = drawing.replace("<svg ", f'<svg style="--vg-width: {width[1] if width else 600}px" ', 1)
    # Before the player has started it scrolls by itself, so the keyboard must reach it.
    return f'<div class="vg-stage" tabindex="0" role="group" aria-label="Graph">{sized}</div>'


def _parts(trace: Trace, direction: str) -> list[str]:
    """The parts of a graph that is too large to be drawn at once, packed, for the player to show one at a time."""
    drawings = svg_parts(trace, direction)
    packed = {ops: base64.b64encode(zlib.compress(drawn.encode())).decode() for ops, drawn in drawings.items()}
    return [f'<template class="vg-part" data-ops="{ops}">{text}</template>' for ops, text in packed.items()]


def _program(trace: Trace) -> str:
    if not trace.files:
        return ""
    lines = trace.files[0].source.removesuffix("\n").split("\n")
    items = "".join(f'<li data-line="{i}"><code>{_text(line)}</code></li>' for i, line in enumerate(lines, 1))
    return (
        '<div class="vg-panes"><div class="vg-code" tabindex="0" role="group" aria-label="Program">'
        f'<ol class="vg-lines" style="--vg-digits: {len(str(len(lines)))}">{items}</ol></div>'
        '<div class="vg-side"></div></div>'
    )


def _final(trace: Trace) -> str:
    """What every tensor holds in the end, as a table."""
    state = trace.state()
    rows = [
        f'<tr><th scope="row">{_text(_cut(name(trace, tensor)))}</th><td>{escape(shape(tensor.shape))}</td>'
        f"<td>{_entries(tensor, state.values)}</td><td>{_entries(tensor, state.grads)}</td></tr>"
        for tensor in trace.tensors
    ]
    head = "".join(f'<th scope="col">{title}</th>' for title in ("tensor", "shape", "final value", "final gradient"))
    return (
        '<div class="vg-final"><table><caption>Values and gradients at the end</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _entries(tensor: Tensor, arrays: dict[str, Array]) -> str:
    array = arrays.get(tensor.id)
    if array is None:
        return "none"
    if array.size > _FEW:
        return f"an array of shape {escape(shape(array.shape))}"
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 and array.size else array.reshape(1, -1)
    return "<br>".join(" ".join(map(number, row)) for row in rows)


def _notes(trace: Trace) -> str:
    notes = [f'<p class="vg-note">{_text(note.text)}</p>' for note in trace.notes]
    if trace.error:
        where = f" at line {trace.error.place[1]}" if trace.error.place else ""
        notes.append(
            f'<div class="vg-error"><p>The program stopped{where} with {escape(trace.error.type)}:</p>'
            f'<pre tabindex="0">{_text(trace.error.message)}</pre></div>'
        )
    return f'<div class="vg-notes">{"".join(notes)}</div>' if notes else ""


def _text(text: str) -> str:
    return escape(printable(text, keep="\n\t"))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _drawing_height(page: str) -> float:
    """The height of the drawing in px, where it is scaled down to fit."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', page)
    if not size:
        return 0.0
    width, height = float(size[1]), float(size[2])
    return height * min(1.0, _FRAME_WIDTH / width)


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _encodable(text: str) -> str:
    """Without half characters, which a program can put into a name and which no file can hold."""
    return text.encode("utf-8", "replace").decode()
