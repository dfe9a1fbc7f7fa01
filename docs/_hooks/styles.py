"""MkDocs hook: all style sheets of the site, and those that plugins bring, become one file.

A page cannot be shown before its style sheets are there, and each is a request. They stay as they are in the sources.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

NAME = "assets/site-styles.css"
_ADDRESS = re.compile(r"url\(\s*([\"']?)(?!data:|#)([^)\"']+)\1\s*\)")


@event_priority(-100)
def on_env(env: Any, *, config: MkDocsConfig, files: Files) -> None:
    """Put the style sheets that are files of the site into one, in their order."""
    there = {path: file for path in map(str, config.extra_css) if (file := files.get_file_from_path(path))}
    sheets = [moved(file.content_string, posixpath.dirname(path)) for path, file in there.items()]
    files.append(File.generated(config, NAME, content="\n".join(sheets)))
    config.extra_css = [NAME, *(path for path in map(str, config.extra_css) if path not in there and path != NAME)]


def moved(sheet: str, folder: str) -> str:
    """A style sheet of a folder of the site as it is written in the one file: what it names lies elsewhere then."""
    here = posixpath.dirname(NAME)
    return _ADDRESS.sub(lambda found: f'url("{posixpath.relpath(posixpath.join(folder, found[2]), here)}")', sheet)
