"""MkDocs plugin: a fence with a program becomes a figure that steps through it.

In ``mkdocs.yml`` write ``plugins: [search, vizgrad]``; in any page then::

    ```vizgrad title="A square" step="end"
    import vizgrad as vg

    a = vg.TensorNode(3.0)
    b = a * a
    b.backward()
    ```

After the program may stand, each under a line of its own, another program (``# --- compare with ---``), which is
stepped through beside the first on one timeline, and a story (``# --- story ---``): texts that belong to steps, one on
a line, as `vizgrad.player.story` describes them.

With ``trace="results/network.json"`` the fence has no program, and the figure shows a trace that is stored among the
pages: of a program that cannot run when the site is built, such as one that needs PyTorch.

A ``vizgrad-check`` fence holds the formulas of a page as code (see `vizgrad.check.formulas`): they are checked when the
site is built, the page shows how far off they are, and a wrong one fails a strict build.

A ``vizgrad-exercise`` fence asks the reader for a backward, an Op or a formula, and grades it (see
`vizgrad.check.exercise`); the build grades the author's solution, and the wrong answers that the author foresees. A
``vizgrad-mistake`` fence is a derivation with one wrong line (see `vizgrad.check.mistake`). A ``vizgrad-exercises``
fence lists them all. A ``vizgrad-question`` fence asks what a program will do, and answers with what it did (see
`vizgrad.check.question`).

The program runs when the site is built. The page shows the code, the drawn graph and the final values, and with
JavaScript the player. Nothing else of MkDocs is known to the rest of the package.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown import Markdown
from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from vizgrad import player, trace
from vizgrad.check.exercise import check_exercise
from vizgrad.check.exercise_html import Entry, exercise_html, list_html, mistake_html, question_html
from vizgrad.check.formulas import check_formulas
from vizgrad.check.html import formulas_html
from vizgrad.check.mistake import check_mistake
from vizgrad.check.question import answer_question
from vizgrad.player.html import ENTRY
from vizgrad.trace.model import Trace

log = logging.getLogger("mkdocs.plugins.vizgrad")

FENCE = "vizgrad"
CHECK = "vizgrad-check"
EXERCISE = "vizgrad-exercise"
MISTAKE = "vizgrad-mistake"
LIST = "vizgrad-exercises"
QUESTION = "vizgrad-question"
FOLDER = "assets/vizgrad"
SCHEMA = "schema/trace-1.json"
_OPTIONS = {
    "title": "the caption",
    "step": "where the figure opens: a number, start, end, or wait (the first tensor that waits for a gradient)",
    "direction": "LR or TB",
    "modules": "which modules are open at first: open, closed, or their paths with spaces between them",
    "around": "a tensor or op, where only what is near it is drawn",
    "labels": "what two programs that are compared are called: the one, the other",
    "trace": "a stored trace, a file in the folder of the pages; the fence then has no program",
    "error": "expected, where the program is meant to fail",
    "live": "no, where readers shall not edit the program and run it again, because it needs what a browser lacks",
    "id": "of an exercise: what a reader's progress is kept under; left out, it is made of the page and the title",
    "compact": "yes, where the list of exercises only says how many are done",
}
_DRAWN = {"direction": "LR", "title": "", "modules": "auto", "around": ""}  # the options of a drawing
_SECTION = re.compile(r"^# --- (compare with|story) ---[ \t]*\n?", re.MULTILINE)


class VizgradConfig(Config):  # type: ignore[no-untyped-call]
    """The plugin has no settings: what differs from figure to figure is written on the fence."""


@dataclass
class Recorded:
    """A program that has run, and where its trace lies on the site."""

    trace: Trace
    source: str
    url: str


@dataclass
class Task:
    """An exercise of some page."""

    uid: str
    kind: str
    title: str
    anchor: str
    page: Page


class VizgradPlugin(BasePlugin[VizgradConfig]):  # type: ignore[no-untyped-call]
    """Turns vizgrad fences into figures, and brings the player with them."""

    def __init__(self) -> None:
        self._recorded: dict[str, Recorded] = {}  # by source: a page that is built again runs nothing again
        self._fetched: dict[str, str] = {}  # what figures fetch later, by its address
        self._docs = Path()
        self._page: Page | None = None
        self._count = 0
        self._tasks: dict[str, list[Task]] = {}  # by page
        self._lists: dict[str, tuple[Page, bool]] = {}  # by the mark that stands for the list until all are known
        self._order: list[str] = []  # of pages in the navigation

    def on_startup(self, *, command: str, dirty: bool) -> None:
        """Keep this object, and with it what has been recorded, while ``mkdocs serve`` builds again and again."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Register the fence, the style sheets and the player."""
        self._docs = Path(config.docs_dir)
        if "pymdownx.superfences" not in config.markdown_extensions:
            config.markdown_extensions.append("pymdownx.superfences")
        fences = config.mdx_configs.setdefault("pymdownx.superfences", {})
        makers = {
            FENCE: self._figure,
            CHECK: self._check,
            EXERCISE: self._exercise,
            MISTAKE: self._mistake,
            LIST: self._list,
            QUESTION: self._question,
        }
        others = [fence for fence in fences.get("custom_fences", []) if fence["name"] not in makers]
        ours = [
            {"name": name, "class": name, "format": self._guarded(name, make), "validator": self._validate}
            for name, make in makers.items()
        ]
        fences["custom_fences"] = [*others, *ours]
        for name in player.assets():
            if name.endswith(".css"):
                config.extra_css.append(f"{FOLDER}/{name}")
        script = config_options.ExtraScriptValue(f"{FOLDER}/load.js")
        script.type = "module"
        config.extra_javascript.append(script)
        return config

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Add the player's files and the schema of the trace to the site."""
        for name in player.assets():
            files.append(File.generated(config, f"{FOLDER}/{name}", content=player.served(name)))
        schema = Path(trace.__file__).with_name("schema.json")
        files.append(File.generated(config, SCHEMA, abs_src_path=str(schema)))
        return files

    def on_nav(self, nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
        """Remember the order of the pages, and forget the exercises of the last build."""
        self._order = [page.file.src_uri for page in nav.pages]
        self._tasks, self._lists = {}, {}
        return nav

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Remember whose fences come next."""
        self._page, self._count = page, 0
        self._tasks[page.file.src_uri] = []
        return markdown

    def on_env(self, env: Any, *, config: MkDocsConfig, files: Files) -> None:
        """Put the list of all exercises where pages ask for it, now that every page has been read."""
        places = {uri: place for place, uri in enumerate(self._order)}
        uris = sorted(self._tasks, key=lambda uri: (places.get(uri, len(places)), uri))
        tasks = [task for uri in uris for task in self._tasks[uri]]
        full = next((page for page, compact in self._lists.values() if not compact), None)
        for mark, (page, compact) in self._lists.items():
            entries = [
                Entry(
                    task.uid,
                    task.kind,
                    task.title,
                    str(task.page.title),
                    get_relative_url(f"{task.page.url}#{task.anchor}", page.url),
                )
                for task in tasks
            ]
            address = get_relative_url((full or page).url, page.url)
            page.content = (page.content or "").replace(mark, list_html(entries, compact, address))

    def on_post_page(self, output: str, *, page: Page, config: MkDocsConfig) -> str:
        """Have the browser fetch the player of a page with a figure while it still reads the page, after what shows."""
        address = get_relative_url(f"{FOLDER}/{ENTRY}", page.url)
        early = f'<link rel="modulepreload" fetchpriority="low" href="{address}">\n'
        return output.replace("</head>", f"{early}</head>", 1) if "<vg-player" in output else output

    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """Write what figures fetch beside the player."""
        for url, content in self._fetched.items():
            path = Path(config.site_dir) / url
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def _validate(self, language: str, inputs: dict[str, str], options: dict[str, Any], *_: Any) -> bool:
        for key, value in inputs.items():
            if key not in _OPTIONS:
                known = "; ".join(f"{name}: {meaning}" for name, meaning in _OPTIONS.items())
                where = self._where(f"{key}=")
                log.warning("%s: a vizgrad fence has the unknown option %r. Known are: %s.", where, key, known)
            options[key] = value
        return True

    def _guarded(self, fence: str, make: Callable[[str, dict[str, Any]], str]) -> Callable[..., str]:
        """A formatter for superfences, which swallows exceptions: so that none may leave it, or --strict would pass."""

        def format(source: str, language: str, css_class: str, options: dict[str, Any], md: Any, **_: Any) -> str:
            try:
                return make(source, options)
            except Exception as error:
                log.warning("%s: a %s fence fails: %s: %s", self._where(source), fence, type(error).__name__, error)
                return ""

        return format

    def _figure(self, source: str, options: dict[str, Any]) -> str:
        program, *rest = _SECTION.split(source)
        sections = dict(zip(rest[::2], rest[1::2], strict=True))
        if "trace" in options and program.strip():
            raise ValueError("it has both a program and a stored trace")
        recorded = self._stored(options["trace"]) if "trace" in options else self._record(program)
        other = self._record(sections["compare with"]) if "compare with" in sections else None
        self._report_failures(source, [one for one in (recorded, other) if one], options.get("error") == "expected")
        self._count += 1
        page_url = self._page.url if self._page else ""
        labels = [label.strip() for label in options.get("labels", "").split(",", 1)]
        drawn = {name: options.get(name, default) for name, default in _DRAWN.items()}
        drawn["modules"] = _modules(drawn["modules"])
        whole = player.whole(recorded.trace, **drawn)
        figure = player.figure(
            recorded.trace,
            uid=f"vg{self._count}",
            step=options.get("step"),
            trace_url=get_relative_url(recorded.url, page_url),
            whole_url=get_relative_url(self._fetch(whole, "drawings", "svg"), page_url) if whole else None,
            **drawn,
            compare=other.trace if other else None,
            compare_url=get_relative_url(other.url, page_url) if other else None,
            labels=(labels[0], labels[1]) if len(labels) == 2 else ("one", "the other"),
            story=sections.get("story", ""),
        )
        # A site that can run Python makes an element of this, where there is one program that can be edited.
        live = options.get("live", "yes") != "no" and "trace" not in options and other is None
        figure = f"<vg-live>{figure}</vg-live>" if live else figure
        return f"<div>{figure}</div>"  # Markdown puts what it does not know as a block into a paragraph

    def _report_failures(self, source: str, ran: list[Recorded], expected: bool) -> None:
        failures = [(one.source, one.trace.error) for one in ran if one.trace.error]
        for program, failed in [] if expected else failures:
            line = failed.place[1] if failed.place else 1
            log.warning(
                "%s: the program of a vizgrad fence fails%s. %s: %s\n"
                'Mend it, or write ```vizgrad error="expected" where it is meant to fail.',
                self._where(program, line),
                f" (line {line} of the fence)" if failed.place else "",
                failed.type,
                failed.message,
            )
        if expected and not failures:
            log.warning("%s: the program of a vizgrad fence is meant to fail, but does not.", self._where(source))

    def _check(self, source: str, options: dict[str, Any]) -> str:
        report = check_formulas(source)
        if not report:
            where = self._where(source)
            log.warning("%s: the formulas of a vizgrad-check fence are not right: %s.", where, report.problem())
        return formulas_html(report, source, options.get("title", ""))

    def _exercise(self, source: str, options: dict[str, Any]) -> str:
        exercise = check_exercise(source)
        task = self._task("exercise", options)
        made = exercise_html(exercise, source, task.uid, task.anchor, task.title, _markdown)
        return f"<div>{made}</div>"

    def _mistake(self, source: str, options: dict[str, Any]) -> str:
        derivation = check_mistake(source)
        task = self._task("mistake", options)
        return f"<div>{mistake_html(derivation, task.uid, task.anchor, task.title, _markdown)}</div>"

    def _question(self, source: str, options: dict[str, Any]) -> str:
        title = options.get("title", "")
        question = answer_question(source)
        return f"<div>{question_html(question, f'question-{slug(title)}', title, _markdown)}</div>"

    def _task(self, kind: str, options: dict[str, Any]) -> Task:
        """What an exercise is called, on its page and in what the reader's browser remembers."""
        if self._page is None:
            raise ValueError("it is on no page")
        title = options.get("title", "")
        if not title:
            raise ValueError('it needs a name: write title="..." on the fence')
        anchor = f"{kind}-{slug(title)}"
        uid = options.get("id") or f"{slug(self._page.file.src_uri.removesuffix('.md'))}/{anchor}"
        task = Task(uid, kind, title, anchor, self._page)
        if any(other.uid == uid for tasks in self._tasks.values() for other in tasks):
            raise ValueError(f"there is another one called {uid}: give it another title, or an id")
        self._tasks[self._page.file.src_uri].append(task)
        return task

    def _list(self, source: str, options: dict[str, Any]) -> str:
        if self._page is None:
            raise ValueError("it is on no page")
        mark = f"<!-- vizgrad-exercises {len(self._lists)} -->"
        self._lists[mark] = (self._page, "compact" in options)
        return f"<div>{mark}</div>"

    def _record(self, source: str) -> Recorded:
        if source not in self._recorded:
            recording = trace.run(source)
            self._recorded[source] = Recorded(recording, source, self._fetch(recording.to_json(), "traces", "json"))
        return self._recorded[source]

    def _fetch(self, content: str, folder: str, kind: str) -> str:
        """The address of a file with some content."""
        url = f"{FOLDER}/{folder}/{hashlib.sha256(content.encode()).hexdigest()[:16]}.{kind}"
        self._fetched[url] = content
        return url

    def _stored(self, path: str) -> Recorded:
        """A trace that lies among the pages; MkDocs has put that file into the site already."""
        return Recorded(Trace.from_json((self._docs / path).read_text(encoding="utf-8")), "", path)

    def _where(self, text: str = "", line: int = 1) -> str:
        """The page, and where in its file a line of a text is, unless the text was made when building."""
        if self._page is None:
            return "a page"
        content = self._page.file.content_string
        wanted = r"[ \t]*\n[ \t]*".join(re.escape(one.strip()) for one in text.strip("\n").split("\n"))
        found = re.search(wanted, content) if wanted else None
        number = f", line {content.count(chr(10), 0, found.start()) + line}" if found else ""
        return f"{self._page.file.src_uri}{number}"


def slug(text: str) -> str:
    """A title as the end of an address; the anchor of an exercise is ``exercise-`` and this."""
    return re.sub(r"\W+", "-", text.lower()).strip("-")


_converter = Markdown(extensions=["pymdownx.arithmatex"], extension_configs={"pymdownx.arithmatex": {"generic": True}})


def _markdown(text: str) -> str:
    """Markdown with formulas, inside a fence, as HTML."""
    made: str = _converter.reset().convert(text)
    return made


def _modules(option: str) -> str | list[str]:
    return option if option in ("auto", "open", "closed") else option.split()
