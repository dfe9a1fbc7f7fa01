"""MkDocs plugin: a fence with a program becomes a figure that steps through it.

In ``mkdocs.yml`` write ``plugins: [search, vizgrad]``; in any page then::

    ```vizgrad title="A square" step="end"
    import vizgrad as vg

    a = vg.TensorNode(3.0)
    b = a * a
    b.backward()
    ```

The program runs when the site is built. The page shows the code, the drawn graph and the final values, and with
JavaScript the player. Nothing else of MkDocs is known to the rest of the package.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from vizgrad import player, trace
from vizgrad.trace.model import Trace

log = logging.getLogger("mkdocs.plugins.vizgrad")

FENCE = "vizgrad"
FOLDER = "assets/vizgrad"
SCHEMA = "schema/trace-1.json"
_OPTIONS = {
    "title": "the caption",
    "step": "where the figure opens: a number, start, end, or wait (the first tensor that waits for a gradient)",
    "direction": "LR or TB",
    "error": "expected, where the program is meant to fail",
}


class VizgradConfig(Config):  # type: ignore[no-untyped-call]
    """The plugin has no settings: what differs from figure to figure is written on the fence."""


@dataclass
class Recorded:
    """A program that has run, and where its trace lies on the site."""

    trace: Trace
    json: str
    url: str


class VizgradPlugin(BasePlugin[VizgradConfig]):  # type: ignore[no-untyped-call]
    """Turns vizgrad fences into figures, and brings the player with them."""

    def __init__(self) -> None:
        self._recorded: dict[str, Recorded] = {}  # by source: a page that is built again runs nothing again
        self._page: Page | None = None
        self._count = 0

    def on_startup(self, *, command: str, dirty: bool) -> None:
        """Keep this object, and with it what has been recorded, while ``mkdocs serve`` builds again and again."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Register the fence, the style sheets and the player."""
        if "pymdownx.superfences" not in config.markdown_extensions:
            config.markdown_extensions.append("pymdownx.superfences")
        fences = config.mdx_configs.setdefault("pymdownx.superfences", {})
        others = [fence for fence in fences.get("custom_fences", []) if fence["name"] != FENCE]
        fence = {"name": FENCE, "class": FENCE, "format": self._format, "validator": self._validate}
        fences["custom_fences"] = [*others, fence]
        for name in player.assets():
            if name.endswith(".css"):
                config.extra_css.append(f"{FOLDER}/{name}")
        script = config_options.ExtraScriptValue(f"{FOLDER}/vg-player.js")
        script.type = "module"
        config.extra_javascript.append(script)
        return config

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Add the player's files and the schema of the trace to the site."""
        for name, path in player.assets().items():
            files.append(File.generated(config, f"{FOLDER}/{name}", abs_src_path=str(path)))
        schema = Path(trace.__file__).with_name("schema.json")
        files.append(File.generated(config, SCHEMA, abs_src_path=str(schema)))
        return files

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Remember whose fences come next."""
        self._page, self._count = page, 0
        return markdown

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """Write the traces beside the player."""
        for recorded in self._recorded.values():
            path = Path(config.site_dir) / recorded.url
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(recorded.json, encoding="utf-8")

    def _validate(self, language: str, inputs: dict[str, str], options: dict[str, Any], *_: Any) -> bool:
        for key, value in inputs.items():
            if key not in _OPTIONS:
                known = "; ".join(f"{name}: {meaning}" for name, meaning in _OPTIONS.items())
                log.warning("%s: a vizgrad fence has the unknown option %r. Known are: %s.", self._where(), key, known)
            options[key] = value
        return True

    def _format(self, source: str, language: str, css_class: str, options: dict[str, Any], md: Any, **_: Any) -> str:
        # superfences swallows exceptions, and --strict would pass: so nothing may leave this method.
        try:
            return self._figure(source, options)
        except Exception as error:
            log.warning("%s: a vizgrad fence cannot be drawn: %s: %s", self._where(), type(error).__name__, error)
            return ""

    def _figure(self, source: str, options: dict[str, Any]) -> str:
        recorded = self._record(source)
        failed = recorded.trace.error
        if failed and options.get("error") != "expected":
            line = f" (line {failed.place[1]} of the fence)" if failed.place else ""
            log.warning(
                "%s: the program of a vizgrad fence fails%s. %s: %s\n"
                'Mend it, or write ```vizgrad error="expected" where it is meant to fail.',
                self._where(),
                line,
                failed.type,
                failed.message,
            )
        if not failed and options.get("error") == "expected":
            log.warning("%s: the program of a vizgrad fence is meant to fail, but does not.", self._where())
        self._count += 1
        page_url = self._page.url if self._page else ""
        figure = player.figure(
            recorded.trace,
            uid=f"vg{self._count}",
            step=options.get("step"),
            trace_url=get_relative_url(recorded.url, page_url),
            direction=options.get("direction", "LR"),
            title=options.get("title", ""),
        )
        return f"<div>{figure}</div>"  # Markdown puts what it does not know as a block into a paragraph

    def _record(self, source: str) -> Recorded:
        if source not in self._recorded:
            recording = trace.run(source)
            content = recording.to_json()
            name = hashlib.sha256(content.encode()).hexdigest()[:16]
            self._recorded[source] = Recorded(recording, content, f"{FOLDER}/traces/{name}.json")
        return self._recorded[source]

    def _where(self) -> str:
        return self._page.file.src_uri if self._page else "a page"
