"""The code editor, on a page of its own making."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

MOUNT = """async (url) => {
  const { makeEditor } = await import(url);
  const main = document.querySelector("article");
  main.innerHTML = "<div></div><button>After</button>";
  window.runs = 0;
  window.texts = [];
  window.editor = makeEditor(main.firstChild, {
    doc: "a = 1\\nb = 2\\n",
    label: "Program",
    onRun: () => window.runs++,
    onChange: (text) => window.texts.push(text),
  });
}"""


@pytest.fixture
def editor(page: Page, base_url: str) -> Page:
    """A page with an editor on it, and a button behind the editor."""
    page.goto(base_url)
    page.evaluate(MOUNT, f"{base_url}assets/vendor/editor.js")
    return page


@pytest.mark.parametrize("keys", ["Control+Enter", "Shift+Enter"])
def test_keys_run_the_program_and_leave_its_text_alone(editor: Page, keys: str) -> None:
    editor.get_by_role("textbox", name="Program").press(keys)
    assert editor.evaluate("runs") == 1
    assert editor.evaluate("editor.text") == "a = 1\nb = 2\n"


def test_text_is_read_written_and_reported(editor: Page) -> None:
    editor.evaluate("editor.text = 'c = 3'")
    editor.get_by_role("textbox", name="Program").press("Control+End")
    editor.keyboard.type("0")
    assert editor.evaluate("editor.text") == "c = 30"
    assert editor.evaluate("texts") == ["c = 3", "c = 30"]


def test_tab_indents_and_escape_tab_leaves(editor: Page) -> None:
    program = editor.get_by_role("textbox", name="Program")
    program.press("Control+Home")
    editor.keyboard.press("Tab")
    assert editor.evaluate("editor.text").startswith("    a = 1")
    editor.keyboard.press("Escape")
    editor.keyboard.press("Tab")
    expect(editor.get_by_role("button", name="After")).to_be_focused()
    hint = editor.locator(".vg-editor-hint")
    expect(hint).to_be_visible()
    assert program.get_attribute("aria-describedby") == hint.get_attribute("id")


def test_the_failed_line_is_marked_until_told_otherwise(editor: Page) -> None:
    editor.evaluate("editor.setErrorLine(2)")
    expect(editor.locator(".cm-errorLine")).to_have_text("b = 2")
    editor.evaluate("editor.setErrorLine(99)")
    expect(editor.locator(".cm-errorLine")).to_have_count(0)
    editor.evaluate("editor.setErrorLine(1)")
    editor.evaluate("editor.setErrorLine(null)")
    expect(editor.locator(".cm-errorLine")).to_have_count(0)


def test_destroy_leaves_nothing(editor: Page) -> None:
    editor.evaluate("editor.destroy()")
    expect(editor.locator(".cm-editor, .vg-editor-hint")).to_have_count(0)
