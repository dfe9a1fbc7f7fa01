"""MkDocs hook: a notebook becomes a page like every other.

mkdocs-jupyter runs a notebook, and hands it over inside JupyterLab's styles and scripts: a megabyte for a page, in
colours of its own. Only the text, the code and the outputs are taken from that. A recorded computation, which a
notebook shows in a frame with a player of its own, becomes a figure as on the other pages.

What a notebook gave is kept until it, the package or NumPy changes: while pages are written, none runs again.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import logging
import os
import posixpath
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from bs4 import BeautifulSoup, Tag
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from vizgrad import Trace, player
from vizgrad.mkdocs_plugin import FOLDER

log = logging.getLogger("mkdocs.hooks.notebooks")

_CACHE = Path(".cache/notebooks")
_JUPYTER = Path(__file__).with_name("jupyter")  # its configuration
_TRACE = re.compile(r'<template class="vg-trace">(.*?)</template>', re.DOTALL)


def on_config(config: MkDocsConfig) -> None:
    """Give Jupyter its settings, and mkdocs-jupyter a folder for what it keeps, which changes with the package."""
    os.environ["JUPYTER_CONFIG_PATH"] = str(_JUPYTER)
    folder = Path(config.config_file_path).parent / _CACHE
    package = Path(player.__file__).parents[1]
    sources = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    digest = hashlib.sha256(np.__version__.encode())
    for path in sources:
        digest.update(path.read_bytes())
    name = digest.hexdigest()[:16]
    for old in folder.glob("*"):
        if old.name != name:
            shutil.rmtree(old)
    config.plugins["mkdocs-jupyter"].config.update(cache=True, cache_dir=str(folder / name))


def on_page_content(content: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep of a notebook what its readers want."""
    if not page.file.src_uri.endswith(".ipynb"):
        return content
    notebook = _Notebook(page, config, files)
    cells = BeautifulSoup(content, "html.parser").select(".jp-Cell[id]")
    return "\n".join(piece for cell in cells for piece in notebook.pieces(cell))


class _Notebook:
    def __init__(self, page: Page, config: MkDocsConfig, files: Files) -> None:
        self.page = page
        self.config = config
        self.files = files
        self.figures = 0

    def pieces(self, cell: Tag) -> list[str]:
        """The parts of a cell, one below the other."""
        if text := cell.select_one(".jp-RenderedMarkdown"):
            return [self._text(text)]
        code = cell.select_one(".highlight-ipynb pre")
        pieces = [_block("highlight", code.decode_contents().strip("\n") if code else "")]
        # What is printed comes in several parts, cut where the kernel happened to send it.
        for printed, outputs in itertools.groupby(cell.select(".jp-OutputArea-output"), self._is_printed):
            if printed:
                lines = "".join(part.get_text() for output in outputs for part in output.select("pre"))
                pieces.append(_block("highlight no-copy vg-output", html.escape(lines.rstrip("\n"))))
            else:
                pieces += map(self._shown, outputs)
        return pieces

    def _text(self, text: Tag) -> str:
        for link in text.select("a[href]"):
            self._resolve(link)
        for link in text.select("a.anchor-link"):
            link.attrs |= {"class": "headerlink", "title": "Link to this section"}
        if question := text.select_one("h1 ~ p > strong:only-child"):
            self.page.meta.setdefault("description", question.get_text())
        return f'<div class="jp-RenderedMarkdown">{text.decode_contents()}</div>'

    def _resolve(self, link: Tag) -> None:
        """Let a link to the source of a page lead to that page."""
        target = urlsplit(str(link["href"]))
        if target.scheme or not target.path.endswith((".md", ".ipynb")):
            return
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.page.file.src_uri), target.path))
        file = self.files.get_file_from_path(path)
        if file is None:
            log.warning("%s has a link to %s, which is no page.", self.page.file.src_uri, link["href"])
            return
        link["href"] = get_relative_url(file.url, self.page.url) + (f"#{target.fragment}" if target.fragment else "")

    def _is_printed(self, output: Tag) -> bool:
        if "stderr" in str(output["data-mime-type"]):
            log.warning("%s writes to stderr: %s", self.page.file.src_uri, output.get_text())
        return output["data-mime-type"] != "text/html"

    def _shown(self, output: Tag) -> str:
        if frame := output.select_one("iframe[srcdoc]"):
            return self._figure(str(frame["srcdoc"]))
        return f'<div class="vg-output">{output.decode_contents()}</div>'

    def _figure(self, framed: str) -> str:
        found = _TRACE.search(framed)
        if not found:
            log.warning("%s has a frame that holds no trace.", self.page.file.src_uri)
            return ""
        trace = Trace.from_json(html.unescape(found[1]))
        content = trace.to_json()
        name = hashlib.sha256(content.encode()).hexdigest()[:16]
        file = File.generated(self.config, f"{FOLDER}/traces/{name}.json", content=content)
        self.files.append(file)
        self.figures += 1
        return player.figure(trace, uid=f"vg{self.figures}", trace_url=get_relative_url(file.url, self.page.url))


def _block(kind: str, code: str) -> str:
    return f'<div class="{kind}"><pre><code>{code}</code></pre></div>'
