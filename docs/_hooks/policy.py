"""MkDocs hook: one content security policy for every page, made when the site is built.

A page may use what its own site serves, and nothing else: no other address, no `eval`, and of scripts within a page
only those that were there when the site was built, which the policy names by their hashes. All pages have the same
policy, with the hashes of all of them: the theme swaps pages in place, and a page that comes in that way lives under
the policy of the page that was opened first.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import Literal

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority

# What Python needs (WebAssembly, a worker made from a blob) stands here too: the frame in which its worker is made adds
# a stricter policy to that of its page, and cannot take anything back (docs/assets/playground/sandbox.js).
# KaTeX, CodeMirror and Graphviz place what they draw by styles within the page.
DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "frame-src": "'self'",
    "base-uri": "'self'",
    "form-action": "'none'",
}
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_DATA = re.compile(r"\btype=(?![\"']?(?:module|text/javascript))", re.IGNORECASE)  # which is never run
_FRAME = re.compile(r'\bsrcdoc="([^"]*)"')
# Notebook pages come with a loader of MathJax and one of Mermaid: this site draws formulas itself, and no diagrams.
_FOREIGN = re.compile(r"MathJax|mermaid")
_OWN = re.compile(r'\n<meta http-equiv="Content-Security-Policy" content="[^"]*">')
_HEAD = re.compile(r"<head(?:\s[^>]*)?>\s*(?:<meta charset=[^>]*>)?", re.IGNORECASE)

_serving = False


def on_startup(*, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
    """Remember whether this is `mkdocs serve`, which puts a script of its own into each page that it hands out."""
    global _serving
    _serving = command == "serve"


@event_priority(-100)
def on_post_build(config: MkDocsConfig) -> None:
    """Put the policy into every page."""
    pages = {path: _plain(path.read_text("utf-8")) for path in Path(config.site_dir).rglob("*.html")}
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(pages.values())}">'
    for path, text in pages.items():
        head = _HEAD.search(text)
        if head is None:
            raise PluginError(f"{path}: the page has no <head>, so its content security policy has no place.")
        path.write_text(f"{text[: head.end()]}\n{meta}{text[head.end() :]}", encoding="utf-8")


def policy(pages: Iterable[str]) -> str:
    """The policy for a site of these pages, as the content of a `<meta>`."""
    # A policy with hashes forbids all other scripts within a page: also the one of `mkdocs serve`, which is never the
    # same twice.
    hashes = sorted({_hash(script) for page in pages for script in inline_scripts(page)})
    allowed = ["'unsafe-inline'"] if _serving else hashes
    directives = DIRECTIVES | {"script-src": " ".join([DIRECTIVES["script-src"], *allowed])}
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def inline_scripts(page: str) -> Iterator[str]:
    """The scripts that stand in a page, and those in its frames, which live under its policy too."""
    for attributes, script in _SCRIPT.findall(page):
        if script.strip() and "src=" not in attributes and not _DATA.search(attributes):
            yield script
    for frame in _FRAME.findall(page):
        yield from inline_scripts(unescape(frame))


def _plain(page: str) -> str:
    """A page without foreign scripts, and without the policy that `serve --dirty` has left in it before."""
    page = _OWN.sub("", page)
    return _SCRIPT.sub(lambda found: "" if _FOREIGN.search(found[2]) or found[1] == ' src=""' else found[0], page)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
