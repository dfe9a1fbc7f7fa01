"""MkDocs hook: the search index is fetched and built when the reader searches, and knows names by their classes.

The theme would do both on every page: nearly a megabyte, and a second of a processor. Its worker is wrapped in one of
ours, which keeps the first message back until there is something to look for (docs/_hooks/search_worker.js).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority

_MEMBER = re.compile(r"#vizgrad\.(?:\w+\.)*([A-Z]\w*\.\w+)$")
_WRAPPER = Path(__file__).with_name("search_worker.js")


@event_priority(-100)  # after the search plugin, which writes the index
def on_post_build(config: MkDocsConfig) -> None:
    """Leave an empty index where the theme looks for one, and the wrapper where it looks for its worker."""
    site = Path(config.site_dir)
    index, workers = site / "search/search_index.json", sorted(site.glob("assets/javascripts/workers/search.*.min.js"))
    if not index.exists() or len(workers) != 1:
        raise PluginError(f"The theme's search is not where it was: {index.name}, {[path.name for path in workers]}.")
    content = json.loads(index.read_text("utf-8"))
    documents = [_with_class(document) for document in content["docs"]]
    index.with_name("documents.json").write_text(json.dumps({"docs": documents}), encoding="utf-8")
    index.write_text(json.dumps(content | {"docs": []}), encoding="utf-8")
    wrapper = _WRAPPER.read_text("utf-8")
    if workers[0].read_text("utf-8") != wrapper:  # with `serve --dirty`, the one of the build before may be there
        workers[0].replace(workers[0].with_name("search.theme.js"))
        workers[0].write_text(wrapper, encoding="utf-8")


def _with_class(document: dict[str, str]) -> dict[str, str]:
    """An entry of the index; a member of a class has a title such as ``TensorNode.grad``, by which it is found."""
    member = _MEMBER.search(document["location"])
    return document | {"title": member[1]} if member else document
