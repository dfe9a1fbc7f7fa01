"""The playground: programs run in the browser, hostile ones too, and links that carry programs."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

from tests.site.conftest import ten_seconds, unwatched_site, watched_site

PROGRAMS = Path(__file__).resolve().parents[2] / "docs/assets/playground/programs"
ENDLESS = "while True:\n    pass"


@pytest.fixture
def cold(page: Page, base_url: str) -> Page:
    """The playground, as it opens: Python is not there yet."""
    return opened(page, base_url)


@pytest.fixture(scope="module")
def shared(browser: Browser, base_url: str) -> Iterator[Page]:
    """One playground for many tests: Python takes seconds to start."""
    with watched_site(browser, base_url) as make:
        page = make(viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"])
        yield opened(page, base_url)


@pytest.fixture
def play(shared: Page) -> Page:
    """The shared playground, as if it had just been opened, but for Python, which may be there already."""
    for name, text in (("addition", "c = a + b"), ("diamond", "What is used twice")):
        part(shared, "start").select_option(name)
        expect(editor(shared)).to_contain_text(text)
    expect(part(shared, "printed")).to_be_hidden()
    return shared


def opened(page: Page, base_url: str, fragment: str = "") -> Page:
    return followed(page, f"{base_url}playground/{fragment}")


def followed(page: Page, link: str) -> Page:
    page.goto(link)
    expect(page.locator("vg-playground")).to_have_attribute("ready", "", timeout=20_000)
    return page


def part(page: Page, name: str) -> Locator:
    return page.locator(f'vg-playground [data-part="{name}"]')


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Your program")


def write(page: Page, program: str) -> None:
    editor(page).press("Control+A")
    page.keyboard.insert_text(program)


def follow(page: Page, fragment: str) -> None:
    """Follows a link to the playground on the playground itself, where Python may be there already."""
    page.evaluate("fragment => { location.hash = fragment }", fragment)


def text_of(page: Page) -> str:
    return "\n".join(editor(page).locator(".cm-line").all_text_contents())


def finish(page: Page) -> Locator:
    """Waits for the end of a run; gives the line that says how it went."""
    page.locator("vg-playground:not([running])").wait_for()
    return part(page, "status")


def run(page: Page, program: str | None = None) -> Locator:
    if program is not None:
        write(page, program)
    part(page, "run").click()
    return finish(page)


PYTHON_IS_READY = """async (base) => {
  const { python } = await import(`${base}assets/playground/python.js`);
  if (python.phase !== "ready") {
    await new Promise((done) => python.addEventListener("phase", () => python.phase === "ready" && done()));
  }
}"""
COLD_START = ("Downloading", "Starting", "Loading")


def note_statuses(page: Page) -> Callable[[], list[str]]:
    """Writes down every text of the status line from now on; a cold start shows itself there."""
    page.evaluate(
        """() => {
          const line = document.querySelector("vg-playground [data-part=status]");
          window.statuses = [];
          new MutationObserver(() => statuses.push(line.textContent)).observe(line, { childList: true });
        }"""
    )
    return lambda: page.evaluate("statuses")


def fragment(payload: Any) -> str:
    """A link as the page makes them; bytes are packed as they are."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(data) + packer.flush()
    return "#v1." + base64.urlsafe_b64encode(packed).decode().rstrip("=")


# --- running ---------------------------------------------------------------------------------------------------------


def test_nothing_is_downloaded_before_somebody_asks(page: Page, base_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, base_url)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "pyodide" in url]
    expect(page.locator("vg-player[ready] svg.vg-graph")).to_be_visible()


def test_the_start_program_runs(play: Page) -> None:
    expect(run(play)).to_contain_text("Finished in")
    expect(part(play, "printed")).to_contain_text("gradient of a: 5.33057628")
    expect(play.locator("vg-player")).to_contain_text("step 14 of 14")


def test_gradients_equal_those_of_pytorch(play: Page) -> None:
    program = """
import vizgrad as vg
a = vg.TensorNode([[0.5, -1.5], [2.0, 0.25]])
b = vg.TensorNode([1.5, -0.5])
loss = (vg.tanh(a @ a + b) * vg.exp(-a)).sum()
loss.backward()
print(a.grad.tolist(), b.grad.tolist(), sep=";")
"""
    run(play, program)
    expect(part(play, "printed")).to_contain_text(";")
    found = [json.loads(text) for text in (part(play, "printed").text_content() or "").split(";")]
    a = torch.tensor([[0.5, -1.5], [2.0, 0.25]], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([1.5, -0.5], dtype=torch.float64, requires_grad=True)
    (torch.tanh(a @ a + b) * torch.exp(-a)).sum().backward()
    for ours, theirs in zip(found, (a.grad, b.grad), strict=True):
        torch.testing.assert_close(torch.tensor(ours, dtype=torch.float64), theirs)


def test_the_graph_shows_the_edited_numbers(play: Page) -> None:
    run(play, "import vizgrad as vg\na = vg.TensorNode(1.5)\nloss = a * a\nloss.backward()")
    expect(play.locator('vg-player .vg-tensor[data-tensor="t0"] .vg-grad')).to_contain_text("3")


def test_the_keyboard_runs_and_the_step_stays_when_only_numbers_change(play: Page) -> None:
    program = "import vizgrad as vg\na = vg.TensorNode({})\nloss = a * a\nloss.backward()"
    write(play, program.format(1.5))
    play.keyboard.press("Control+Enter")
    expect(finish(play)).to_contain_text("Finished")
    play.locator("vg-player").get_by_role("button", name="Previous step").click()
    write(play, program.format(2.5))
    expect(part(play, "status")).to_have_text("Edited since the last run.")
    play.keyboard.press("Control+Enter")
    expect(finish(play)).to_contain_text("Finished")
    expect(play.locator("vg-player")).to_contain_text("step 3 of 4")


def test_each_run_begins_afresh(play: Page) -> None:
    run(play, "x = 1")
    run(play, "print('x' in globals())")
    expect(part(play, "printed")).to_have_text("False\n")


def test_reset_brings_the_start_program_back(play: Page) -> None:
    before = text_of(play)
    run(play, "print(1)")
    part(play, "reset").click()
    assert text_of(play) == before
    expect(part(play, "printed")).to_be_hidden()


# --- stopping --------------------------------------------------------------------------------------------------------


def test_an_endless_loop_is_stopped_and_the_next_program_runs(play: Page) -> None:
    run(play, "print('ready')")
    write(play, ENDLESS)
    part(play, "run").click()
    expect(part(play, "run")).to_have_text("Stop")
    expect(part(play, "status")).to_have_text("Running …")
    play.wait_for_timeout(500)
    part(play, "run").click()
    expect(part(play, "run")).to_have_text("Run", timeout=2_000)
    expect(part(play, "status")).to_contain_text("Stopped")
    expect(run(play, "print(6 * 7)")).to_contain_text("Finished")
    expect(part(play, "printed")).to_have_text("42\n")


def test_a_program_is_ended_after_ten_seconds(play: Page) -> None:
    write(play, f"print('begun')\n{ENDLESS}")
    with ten_seconds(play):
        part(play, "run").click()
        expect(part(play, "printed")).to_have_text("begun\n")
    expect(finish(play)).to_contain_text("Stopped after 10 seconds")
    expect(run(play, "print(1)")).to_contain_text("Finished")


def test_what_was_printed_before_an_endless_loop_is_shown(play: Page) -> None:
    run(play, "print('ready')")
    write(play, "for i in range(3):\n    print(i)\n" + ENDLESS)
    part(play, "run").click()
    expect(part(play, "printed")).to_have_text("0\n1\n2\n")
    part(play, "run").click()
    expect(part(play, "printed")).to_have_text("0\n1\n2\n")


def test_a_double_click_on_run_does_not_stop(cold: Page) -> None:
    part(cold, "run").dblclick()
    expect(finish(cold)).to_contain_text("Finished")


STANDBY = """async (base) => {
  const { python } = await import(`${base}assets/playground/python.js`);
  while (!python.standby) await new Promise((resolve) => setTimeout(resolve, 100));
}"""


def test_a_standby_makes_stopping_instant(page: Page, base_url: str) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'deviceMemory', { value: 8 })")
    play = opened(page, base_url)
    run(play, "print(1)")
    play.evaluate(STANDBY, base_url)
    statuses = note_statuses(play)
    write(play, ENDLESS)
    part(play, "run").click()
    play.wait_for_timeout(600)
    part(play, "run").click()
    run(play, "print(2)")
    expect(part(play, "printed")).to_have_text("2\n")
    assert [text for text in statuses() if text.startswith(COLD_START)] == []


def test_endless_recursion_is_an_exception_like_any_other(play: Page) -> None:
    expect(run(play, "def f(n):\n    return f(n + 1)\nf(0)")).to_contain_text("RecursionError at line 2")


def test_what_breaks_python_does_not_break_the_page(browser: Browser, base_url: str) -> None:
    with unwatched_site(browser, base_url) as page:  # Pyodide writes its last words to the console
        opened(page, base_url)
        run(page)
        expect(run(page, "import os\nos.abort()")).to_contain_text("Python itself broke down")
        expect(run(page, "print(1)")).to_contain_text("Finished")


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_an_exception_is_explained_its_line_marked_and_the_rest_drawn(play: Page) -> None:
    part(play, "start").select_option("mistake")
    expect(editor(play)).to_contain_text("turned over")
    expect(run(play)).to_have_text("Stopped by a ShapeError at line 8.")
    expect(play.locator(".cm-errorLine")).to_contain_text("y = hidden @ w")
    remarks = part(play, "remarks")
    expect(remarks).to_contain_text("needs the same k twice; here it is 3 and 2")
    expect(remarks).to_contain_text("hidden @ w.T or hidden.T @ w would fit")
    expect(play.locator("vg-player .vg-op")).to_have_count(2)
    expect(play.locator("vg-player .vg-op.vg-failed")).to_have_count(1)
    editor(play).press("Control+End")
    play.keyboard.type(" ")
    expect(play.locator(".cm-errorLine")).to_have_count(0)


MISTAKES = {
    "division": (
        "import vizgrad as vg\na = vg.TensorNode(1.0)\nb = vg.TensorNode(0.0)\nloss = a / b\nloss.backward()",
        "the denominator is 0",
    ),
    "many numbers": (
        "import vizgrad as vg\na = vg.TensorNode([1.0, 2.0])\ny = a * a\ny.backward()",
        "reduce it to one number first",
    ),
    "leaf": ("import vizgrad as vg\na = vg.TensorNode(1.0)\na.backward()", "there is no graph to walk back through"),
    "no graph": ("print(1)", "no operation on a TensorNode was recorded"),
    "no backward": ("import vizgrad as vg\na = vg.TensorNode(1.0)\nb = a + a", "backward() was not called"),
    "syntax": ("a = = 1", "SyntaxError at line 1"),
    "python": ("a = 1\nb = c", "name 'c' is not defined"),
    "input": ("a = input('?')", "write the value into the program"),
    "missing": ("import requests", "No module named 'requests'"),
}


def test_what_a_learner_should_know_is_said(play: Page) -> None:
    for name, (program, said) in MISTAKES.items():
        run(play, program)
        expect(part(play, "remarks"), name).to_contain_text(said)


def test_a_graph_too_large_to_read_is_not_drawn(play: Page) -> None:
    run(play, "import vizgrad as vg\na = vg.TensorNode(1.0)\nfor i in range(400):\n    a = a * 2\na.backward()")
    expect(part(play, "remarks")).to_contain_text("It has 400 operations")
    expect(play.locator("vg-player")).to_contain_text("There is no drawing of this graph")


def test_much_output_is_cut_and_leaves_the_page_alive(play: Page) -> None:
    run(play, "print('warm')")
    write(play, "for i in range(100_000):\n    print('line', i)")
    part(play, "run").click()
    turns = play.evaluate(
        """() => new Promise((resolve) => {
          let turns = 0;
          const tick = () => {
            turns += 1;
            const root = document.querySelector("vg-playground");
            root.hasAttribute("running") ? setTimeout(tick) : resolve(turns);
          };
          tick();
        })"""
    )
    assert turns > 3  # the page had its turn meanwhile
    expect(part(play, "status")).to_contain_text("Finished")
    printed = part(play, "printed").text_content() or ""
    assert printed.startswith("line 0\nline 1\n")
    assert "cut here" in printed
    assert len(printed) < 201_000


def test_errors_that_a_program_prints_are_shown_too(play: Page) -> None:
    run(play, "import sys\nprint('out')\nprint('err', file=sys.stderr)")
    expect(part(play, "printed")).to_have_text("out\nerr\n")


def test_what_a_program_prints_and_names_is_text(play: Page) -> None:
    nasty = "<img src=x onerror=window.hacked=1>"
    run(
        play,
        f"import vizgrad as vg\na = vg.TensorNode(1.0, name={nasty!r})\nprint({nasty!r})\n"
        f"loss = a * a\nloss.backward()\nraise ValueError({nasty!r})",
    )
    expect(part(play, "printed")).to_have_text(f"{nasty}\n")
    expect(part(play, "remarks")).to_contain_text(nasty)
    assert play.locator("article img[src=x]").count() == 0
    assert play.evaluate("window.hacked") is None


# --- the walls -------------------------------------------------------------------------------------------------------

ESCAPES = {
    "js": "import js\njs.fetch('https://example.org/')",
    "run_js": "from pyodide.code import run_js\nrun_js('1 + 1')",
    "constructor": "import pyodide_js\npyodide_js.runPython.constructor('return self')()",
    "open_url": "from pyodide.http import open_url\nopen_url('https://example.org/')",
    "socket": "import urllib.request\nurllib.request.urlopen('https://example.org/')",
}


def test_a_program_reaches_neither_the_page_nor_the_network(play: Page) -> None:
    for name, program in ESCAPES.items():
        expect(run(play, program), name).to_contain_text("Stopped by")


def test_python_can_ask_for_its_own_files_only(browser: Browser, base_url: str) -> None:
    """What does reach the browser's fetch is stopped by the policy of the frame, on this site as on any other."""
    own = f"{base_url}assets/vendor/pyodide/"
    asked: list[str] = []
    with unwatched_site(browser, base_url) as page:
        page.context.on("request", lambda request: asked.append(request.url))
        opened(page, base_url)
        for folder in ("https://example.org/", base_url, own):
            run(page, f"import pyodide_js\npyodide_js.loadPackage('{folder}none-1-py3-none-any.whl')")
        page.wait_for_timeout(500)
    assert [url for url in asked if "none-1" in url] == [f"{own}none-1-py3-none-any.whl"]


# --- links -----------------------------------------------------------------------------------------------------------


def test_a_link_brings_the_program_and_the_step_to_somebody_else(
    play: Page, new_page: Callable[..., Page], base_url: str
) -> None:
    program = 'import vizgrad as vg\n\na = vg.TensorNode(2.0)  # "é" ∇ 🙂\nloss = a * a\nloss.backward()'
    run(play, program)
    play.locator("vg-player").get_by_role("button", name="First step").click()
    play.locator("vg-player").get_by_role("button", name="Next step").click()
    part(play, "link").click()
    expect(part(play, "status")).to_contain_text("Link copied")
    link = play.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(re.escape(f"{base_url}playground/") + r"#v1\.[\w-]+", link)

    reader = followed(new_page(), link)
    expect(part(reader, "origin")).to_be_visible()
    assert text_of(reader) == program
    run(reader)
    expect(reader.locator("vg-player")).to_contain_text("step 1 of 4")


def test_a_changed_number_runs_the_program_unless_it_came_from_a_link(play: Page) -> None:
    program = "import vizgrad as vg\nb = vg.TensorNode(2.0)\nloss = b * b\nloss.backward()"
    follow(play, fragment({"source": program, "step": 1}))
    expect(editor(play)).to_contain_text("loss = b * b")
    play.locator(".cm-line", has_text="TensorNode").click()
    play.keyboard.press("End")
    play.keyboard.press("ArrowLeft")
    play.keyboard.press("Alt+ArrowUp")
    play.wait_for_timeout(500)
    expect(part(play, "run")).to_have_text("Run")
    expect(part(play, "status")).not_to_contain_text("Finished")
    run(play)
    editor(play).press("Alt+ArrowUp")
    expect(play.locator('vg-player .vg-tensor[data-tensor="t0"] .vg-value')).to_contain_text("2.2", timeout=20_000)
    expect(play.locator("vg-player")).to_contain_text("step 1 of 4")


def test_a_program_from_a_link_waits_for_run(cold: Page, base_url: str) -> None:
    asked: list[str] = []
    cold.on("request", lambda request: asked.append(request.url))
    opened(cold, base_url, fragment({"source": "print('hello')", "step": 0}))
    cold.reload()
    expect(part(cold, "origin")).to_be_visible()
    cold.wait_for_timeout(1_000)
    assert not [url for url in asked if "pyodide" in url]
    expect(part(cold, "printed")).to_be_hidden()
    run(cold)
    expect(part(cold, "printed")).to_have_text("hello\n")


def test_a_link_followed_on_the_page_itself_opens_too(play: Page) -> None:
    run(play, "print('mine')")
    follow(play, fragment({"source": "print('theirs')", "step": 3}))
    expect(editor(play)).to_contain_text("theirs")
    expect(part(play, "origin")).to_be_visible()
    expect(part(play, "printed")).to_be_hidden()
    part(play, "start").select_option("addition")
    expect(part(play, "origin")).to_be_hidden()


GOOD = fragment({"source": "print('from the link')", "step": 0})
BAD_LINKS = {
    "truncated": GOOD[:-12],
    "empty": "#v1.",
    "wrong alphabet": "#v1.<img/src=x/onerror=window.hacked=1>",
    "percent": GOOD + "%3Cscript%3E",
    "not base64": "#v1.a",
    "not deflated": "#v1." + base64.urlsafe_b64encode(b'{"source":"1"}').decode().rstrip("="),
    "not utf-8": fragment(b'{"source":"\xff"}'),
    "not json": fragment(b"print(1)"),
    "null": fragment(b"null"),
    "no source": fragment({"step": 1}),
    "a number": fragment({"source": 1}),
    "bomb": fragment(b'{"source":"' + b"a" * 20_000_000 + b'"}'),
    "long program": fragment({"source": "a" * 60_000}),
    "huge": "#v1." + "A" * 1_000_000,
}


@pytest.mark.parametrize("name", BAD_LINKS)
def test_a_bad_link_does_nothing_but_say_so(play: Page, name: str) -> None:
    follow(play, BAD_LINKS[name])
    expect(part(play, "status")).to_contain_text("cannot be read")
    expect(part(play, "origin")).to_be_hidden()
    expect(editor(play)).to_contain_text("What is used twice")
    assert play.evaluate("window.hacked") is None


def test_a_newer_link_and_another_fragment_are_told_apart(cold: Page, base_url: str) -> None:
    cold.goto("about:blank")
    opened(cold, base_url, "#v2.abc")
    expect(part(cold, "status")).to_contain_text("newer version")
    cold.goto("about:blank")
    opened(cold, base_url, "#playground")
    expect(part(cold, "status")).to_contain_text("downloads Python")


def test_a_linked_step_out_of_range_is_harmless(play: Page) -> None:
    source = (PROGRAMS / "addition.py").read_text("utf-8")
    follow(play, fragment({"source": source, "step": 10**9}))
    run(play)
    expect(play.locator("vg-player")).to_contain_text("step 4 of 4")


def test_a_refused_clipboard_leaves_a_field_to_copy_from(cold: Page) -> None:
    cold.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    part(cold, "link").click()
    field = cold.get_by_label("Link to this program")
    expect(field).to_be_visible()
    assert "#v1." in field.input_value()


def test_a_link_holds_what_is_selected_and_refuses_what_is_no_id(play: Page) -> None:
    play.locator('vg-player .vg-tensor[data-tensor="t1"]').click()
    part(play, "link").click()
    expect(part(play, "status")).to_contain_text("what is selected in the graph")
    link = play.evaluate("navigator.clipboard.readText()")
    play.locator('vg-player .vg-tensor[data-tensor="t0"]').click()
    follow(play, link.partition("#")[2])
    run(play)
    expect(play.locator(".vg-selected")).to_have_attribute("data-tensor", "t1")

    source = (PROGRAMS / "addition.py").read_text("utf-8")
    for node in ("t1'], x [", "<img>", 7, "t" + "9" * 99, "o999999"):
        follow(play, fragment({"source": source, "step": 1, "node": node}))
        expect(part(play, "printed")).to_be_hidden()
        expect(run(play)).to_contain_text("Finished")
        expect(part(play, "printed")).to_be_visible()
        expect(play.locator(".vg-selected")).to_have_count(0)


# --- files and what is kept ------------------------------------------------------------------------------------------


def saved(page: Page, name: str, folder: Path) -> Path:
    page.get_by_text("Save as …").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_program_is_saved_for_python_and_jupyter_and_as_a_page(
    play: Page, browser: Browser, base_url: str, tmp_path: Path
) -> None:
    program = 'import vizgrad as vg\n\na = vg.TensorNode(3.0)  # "é" ∇ 🙂\nloss = a * a\nloss.backward()'
    write(play, program)
    assert saved(play, "Python file", tmp_path).read_text("utf-8") == program + "\n"
    notebook = nbformat.read(saved(play, "Notebook", tmp_path), as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    note, cell = notebook.cells
    assert cell.source == program
    assert play.url.partition("#")[0] + "#v1." in note.source

    play.get_by_text("Save as …").click()
    play.get_by_role("button", name="Page with the graph").click()
    expect(part(play, "status")).to_have_text(re.compile("^Nothing was saved: run the program first"))
    run(play)
    with unwatched_site(browser, base_url) as page:
        page.goto(saved(play, "Page with the graph", tmp_path).as_uri())
        expect(page.locator("vg-player[ready]")).to_contain_text("step 4 of 4")
        expect(page.locator('.vg-tensor[data-tensor="t0"] .vg-grad')).to_contain_text("6")


def test_work_is_kept_for_another_visit_only_if_the_reader_wants_that(cold: Page, base_url: str) -> None:
    box = cold.get_by_label("Keep my work in this browser")
    expect(box).not_to_be_checked()
    write(cold, "print('mine')")
    later = opened(cold.context.new_page(), base_url)
    expect(editor(later)).to_contain_text("What is used twice")

    box.check()
    cold.evaluate(PYTHON_IS_READY, base_url)
    expect(part(cold, "status")).to_contain_text("in this browser only")  # and not what Python has to say
    write(cold, "print('kept')")
    later = opened(cold.context.new_page(), base_url)
    expect(editor(later)).to_contain_text("kept")
    expect(later.get_by_label("Keep my work in this browser")).to_be_checked()

    later.get_by_label("Keep my work in this browser").uncheck()
    assert later.evaluate("localStorage.getItem('vizgrad-playground')") is None
    later = opened(cold.context.new_page(), base_url)
    expect(editor(later)).to_contain_text("What is used twice")


# --- the page around it ----------------------------------------------------------------------------------------------


def go(page: Page, name: str) -> None:
    page.locator(".md-tabs").get_by_role("link", name=name, exact=True).click()


def test_python_and_the_program_survive_a_visit_elsewhere(play: Page) -> None:
    play.wait_for_load_state("networkidle")  # the theme has read the sitemap then
    play.evaluate("window.stayed = true")
    run(play, "import vizgrad as vg\na = vg.TensorNode(4.0)\nloss = a * a\nloss.backward()\nprint(a.grad)")
    go(play, "Home")
    expect(play).to_have_title(re.compile("every derivative"))
    go(play, "Playground")
    expect(play.locator("vg-playground")).to_have_attribute("ready", "")
    assert play.evaluate("window.stayed") is True
    assert "TensorNode(4.0)" in text_of(play)
    expect(part(play, "printed")).to_have_text("8.0\n")
    expect(play.locator("vg-player")).to_contain_text("step 4 of 4")
    expect(play.locator(".cm-editor")).to_have_count(1)
    statuses = note_statuses(play)
    expect(run(play)).to_contain_text("Finished")
    assert [text for text in statuses() if text.startswith(COLD_START)] == []


def test_a_program_goes_on_while_the_reader_is_elsewhere(play: Page) -> None:
    play.wait_for_load_state("networkidle")
    run(play, "print(1)")
    write(play, "import time\ntime.sleep(1)\nprint('done')")
    part(play, "run").click()
    go(play, "Home")
    expect(play).to_have_title(re.compile("every derivative"))
    go(play, "Playground")
    expect(part(play, "printed")).to_have_text("done\n")


def test_a_reload_keeps_what_was_written(cold: Page) -> None:
    write(cold, "print('kept')")
    cold.reload()
    expect(editor(cold)).to_contain_text("kept")


def test_a_failed_start_can_be_tried_again(browser: Browser, base_url: str) -> None:
    with unwatched_site(browser, base_url) as page:
        page.context.route("**/python_stdlib.*.zip", lambda route: route.abort())
        opened(page, base_url)
        expect(run(page)).to_contain_text("Python did not start")
        page.context.unroute("**/python_stdlib.*.zip")
        expect(run(page)).to_contain_text("Finished")


def test_axe_finds_nothing_in_any_state(
    new_page: Callable[..., Page], axe: Callable[..., list[str]], base_url: str
) -> None:
    page = new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")

    def look() -> None:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="dark")
        assert axe(page, "color-contrast") == []  # all that the dark changes
        page.emulate_media(color_scheme="light")
        assert axe(page) == []
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert axe(page) == []

    opened(page, base_url, GOOD)
    page.evaluate("document.fonts.ready")
    look()
    run(page, MISTAKES["division"][0])
    look()
    part(page, "start").select_option("fault_vanishing")
    run(page)
    expect(page.locator(".pg-curve")).to_have_count(1)
    page.get_by_text("Save as …").click()
    look()


def test_without_javascript_the_page_shows_the_recording(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(f"{base_url}playground/")
    expect(page.get_by_text("needs JavaScript, which is off here")).to_be_visible()
    expect(page.locator("svg.vg-graph")).to_be_visible()
    expect(page.get_by_text("What is used twice")).to_be_visible()
    expect(part(page, "run")).to_be_hidden()
