"""MkDocs hook: all style sheets of the site, those of the theme and of plugins too, become one file.

A page cannot be shown before its style sheets are there, and each is a request. They stay as they are in the sources.
The template docs/_overrides/main.html leaves out what the theme would ask for itself.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

NAME = "assets/site-styles.css"
THEME = ("assets/stylesheets/main.*.min.css", "assets/stylesheets/palette.*.min.css")
# While the colours are switched, which happens at every start too, nothing fades. The theme says so of every element of
# a page, and so has the styles of all worked out again, twice: here it is said of those alone that would fade.
SWITCHING = (
    "[data-md-color-switching] *,[data-md-color-switching] :after,[data-md-color-switching] :before",
    "[data-md-color-switching] :is(a,button,code,form,input,label,li,nav,pre,tr)",
)
_ADDRESS = re.compile(r"url\(\s*([\"']?)(?!data:|#)([^)\"']+)\1\s*\)")
_SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=.*?\*/")


@event_priority(-100)
def on_env(env: Any, *, config: MkDocsConfig, files: Files) -> None:
    """Put the style sheets into one, in their order: the theme's first, then what plugins and the site add."""
    paths = [theme_sheet(pattern, files) for pattern in THEME]
    paths += [path for path in map(str, config.extra_css) if path != NAME]
    sheets = [moved(content(path, config, files), posixpath.dirname(path)) for path in paths]
    files.append(File.generated(config, NAME, content=narrowed("\n".join(sheets))))
    config.extra_css = [NAME]


def theme_sheet(pattern: str, files: Files) -> str:
    """The path of a style sheet of the theme, whose name changes with each release."""
    found = [path for path in files.src_uris if Path(path).match(pattern)]
    if len(found) != 1:
        raise PluginError(
            f"docs/_hooks/styles.py looks for one style sheet of the theme that is called {pattern}, and finds "
            f"{', '.join(found) or 'none'}. See what the theme's base.html asks for, and name that here."
        )
    return found[0]


def narrowed(sheet: str) -> str:
    """The style sheet with the theme's rule about switching colours narrowed to those elements that it is about."""
    wide, narrow = SWITCHING
    if sheet.count(wide) != 1:
        raise PluginError(
            f"docs/_hooks/styles.py narrows the theme's rule for {wide}, which is not there once. See what the theme "
            "does with data-md-color-switching now."
        )
    return sheet.replace(wide, narrow)


def content(path: str, config: MkDocsConfig, files: Files) -> str:
    """A style sheet: a file of the site, or one that a plugin has written straight into its folder."""
    if file := files.get_file_from_path(path):
        return file.content_string
    written = Path(config.site_dir, path)
    try:
        return written.read_text(encoding="utf-8")
    except OSError as error:
        raise PluginError(f"mkdocs.yml names the style sheet {path} in extra_css, which does not exist.") from error


def moved(sheet: str, folder: str) -> str:
    """A style sheet of a folder of the site as it is written in the one file: what it names lies elsewhere then."""
    here = posixpath.dirname(NAME)
    sheet = _SOURCE_MAP.sub("", sheet)
    return _ADDRESS.sub(lambda found: f'url("{posixpath.relpath(posixpath.join(folder, found[2]), here)}")', sheet)
