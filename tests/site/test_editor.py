"""The code editor, on a page of its own making."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

MOUNT = """async (url) => {
  const { makeEditor } = await import(url);
  const main = document.querySelector("article");
  main.innerHTML = "<div></div><p id='keys'>Esc, then Tab leaves.</p><button>After</button>";
  window.runs = 0;
  window.texts = [];
  window.numbers = 0;
  window.editor = makeEditor(main.firstChild, {
    doc: "a = 1\\nb = 2\\n",
    label: "Program",
    describedBy: "keys",
    onRun: () => window.runs++,
    onChange: (text) => window.texts.push(text),
    onNumber: () => window.numbers++,
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
    expect(program).to_have_accessible_description("Esc, then Tab leaves.")


@pytest.mark.parametrize(
    ("before", "key", "times", "after"),
    [
        ("a = 0.95", "ArrowUp", 10, "a = 1.05"),
        ("a = 3", "ArrowDown", 5, "a = -2"),
        ("a = -0.1", "ArrowUp", 3, "a = 0.2"),
        ("a = .5", "ArrowDown", 1, "a = 0.4"),
        ("a = 1.5e-3", "ArrowDown", 1, "a = 1.4e-3"),
        ("b = 1\na = 0x10", "ArrowUp", 1, "a = 0x10\nb = 1"),  # no plain number: the key moves the line
        ("b = 1\nname", "ArrowUp", 1, "name\nb = 1"),
    ],
)
def test_keys_change_the_number_at_the_cursor(editor: Page, before: str, key: str, times: int, after: str) -> None:
    editor.evaluate("text => { editor.text = text }", before)
    editor.get_by_role("textbox", name="Program").press("Control+End")
    for _ in range(times):
        editor.keyboard.press(f"Alt+{key}")
    assert editor.evaluate("editor.text") == after
    assert editor.evaluate("numbers") == (0 if "\n" in before else times)


def test_a_number_is_dragged_with_alt_or_by_its_handle(editor: Page) -> None:
    editor.evaluate("editor.text = 'first = 1.5\\nsecond = 20'")
    program = editor.get_by_role("textbox", name="Program")
    program.press("Control+Home")
    number = editor.locator(".cm-line").first.locator("span").last.bounding_box()
    assert number is not None
    x, y = number["x"] + number["width"] / 2, number["y"] + number["height"] / 2
    drag(editor, x, y, 60, "Alt")
    assert editor.evaluate("editor.text") == "first = 2.5\nsecond = 20"
    program.press("Control+End")
    expect(editor.locator(".cm-numberHandle")).to_have_count(1)
    handle = editor.locator(".cm-numberHandle > span").bounding_box()
    assert handle is not None
    drag(editor, handle["x"] + 8, handle["y"] + 8, -30)
    assert editor.evaluate("editor.text") == "first = 2.5\nsecond = 15"
    assert editor.evaluate("numbers") == 2  # once for each drag, at its end
    program.press("Control+Home")
    expect(editor.locator(".cm-numberHandle")).to_have_count(0)


def test_a_number_has_its_handle_as_soon_as_the_program_is_read(editor: Page) -> None:
    """A long program is read in pieces, and any program is where the machine is busy."""
    editor.evaluate("editor.text = 'first = [1, 2]\\n'.repeat(20_000) + 'last = 20'")
    editor.get_by_role("textbox", name="Program").press("Control+End")
    expect(editor.locator(".cm-numberHandle")).to_have_count(1)


def drag(page: Page, x: float, y: float, by: float, *held: str) -> None:
    for key in held:
        page.keyboard.down(key)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=5)
    page.mouse.up()
    for key in held:
        page.keyboard.up(key)


def test_a_finger_drags_a_number(new_page: Callable[..., Page], base_url: str) -> None:
    page = new_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page.goto(base_url)
    page.evaluate(MOUNT, f"{base_url}assets/vendor/editor.js")
    page.evaluate("editor.text = 'a = 7'")
    page.get_by_role("textbox", name="Program").press("Control+End")
    handle = page.locator(".cm-numberHandle > span").bounding_box()
    assert handle is not None
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    touch = page.context.new_cdp_session(page)
    send = lambda kind, *points: touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})  # noqa: E731
    send("touchStart", {"x": x, "y": y})
    for step in range(1, 7):
        send("touchMove", {"x": x + 3 * step, "y": y})
    send("touchEnd")
    assert page.evaluate("editor.text") == "a = 10"
    assert page.evaluate("numbers") == 1


def test_the_failed_line_is_marked_until_told_otherwise(editor: Page) -> None:
    editor.evaluate("editor.setErrorLine(2)")
    expect(editor.locator(".cm-errorLine")).to_have_text("b = 2")
    editor.evaluate("editor.setErrorLine(99)")
    expect(editor.locator(".cm-errorLine")).to_have_count(0)
    editor.evaluate("editor.setErrorLine(1)")
    editor.evaluate("editor.setErrorLine(null)")
    expect(editor.locator(".cm-errorLine")).to_have_count(0)
    editor.evaluate("editor.setErrorLine(2); editor.setStepLine(2)")
    expect(editor.locator(".cm-errorLine.cm-stepLine")).to_have_text("b = 2")


def test_a_marked_line_is_scrolled_to_inside_the_editor_only(editor: Page) -> None:
    editor.evaluate(
        """() => {
          document.querySelector(".cm-editor").style.maxHeight = "120px";
          document.querySelector(".cm-scroller").style.overflow = "auto";
          editor.text = Array.from({ length: 80 }, (_, i) => `x = ${i}`).join("\\n");
          scrollTo(0, 0);
        }"""
    )
    editor.evaluate("editor.setErrorLine(60)")
    expect(editor.locator(".cm-errorLine")).to_have_text("x = 59")
    boxes = [editor.locator(selector).bounding_box() for selector in (".cm-scroller", ".cm-errorLine")]
    outer, inner = (box["y"] for box in boxes if box)
    assert outer < inner < outer + 120
    assert editor.evaluate("scrollY") == 0


def test_destroy_leaves_nothing(editor: Page) -> None:
    editor.evaluate("editor.destroy()")
    expect(editor.locator("article > div")).to_be_empty()
