"""What pages compute when the site is built: diagrams, counts, listings; and what is said where that goes wrong."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mkdocs.exceptions import PluginError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def hooks():
    """Imports a hook by its name."""
    sys.path.insert(0, str(ROOT / "docs/_hooks"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "docs/_hooks"))


def fill(hooks, text: str) -> str:
    """A page as the build fills it in."""
    file = SimpleNamespace(src_uri="deep/page.md", content_string="---\ntitle: Page\n---\n\n" + text)
    return hooks("pages").on_page_markdown(text, page=SimpleNamespace(file=file), config=None, files=None)


@pytest.mark.parametrize(
    ("expression", "line", "said"),
    [
        ('{= result("nothing") =}', 7, "there is no docs/results/nothing.json; run examples/nothing.py"),
        ('{= result("drawings").config.colour =}', 7, "colour"),
        ('{= run("1 / 0") =}', 7, "ZeroDivisionError"),
        ('{= run("def half(:") =}', 7, "SyntaxError"),
        ("{= nobody =}", 7, "'nobody' is undefined"),
        ("{= 1 + =}", 7, "TemplateSyntaxError"),
        ('{= source("vizgrad.core:Nothing") =}', 7, "Nothing"),
        ('{= listing("nothing.py") =}', 7, "nothing.py"),
        ('{= names("vizgrad.nothing") =}', 7, "no public name"),
        ('{= quality.files("nothing") =}', 7, "no tests in tests/nothing"),
        ('{= diagram("a -> ", "a") =}', 7, "diagram"),
    ],
)
def test_what_cannot_be_filled_in_stops_the_build_with_file_and_line(hooks, expression, line, said):
    with pytest.raises(PluginError) as caught:
        fill(hooks, f"# Page\n\n{expression}\n")
    assert str(caught.value).startswith(f"deep/page.md, line {line}: an expression between {{= and =}}")
    assert said in str(caught.value)


def test_what_is_raised_inside_a_macro_is_told_at_a_line_of_the_page(hooks):
    with pytest.raises(PluginError, match=r"deep/page\.md, line \d+: .*ZeroDivisionError"):
        fill(hooks, '# Page\n\n{=% macro both(a) %=}\n{= run(a) =}\n{=% endmacro %=}\n\n{= both("1 / 0") =}\n')


def test_a_listing_is_the_file(hooks):
    text = hooks("pages").listing("examples/synth_baseline.py")
    assert (ROOT / "examples/synth_baseline.py").read_text(encoding="utf-8").rstrip() in text
    assert text.startswith('```py title="examples/synth_baseline.py"')


def test_a_diagram_has_the_colours_of_the_site_and_its_words(hooks):
    svg = hooks("diagrams").diagram('a [label="one & two"]; a -> b;', 'from "one" to b')
    assert "one &amp; two" in svg
    assert 'aria-label="from &quot;one&quot; to b"' in svg
    assert "var(--site-ink)" in svg
    assert "#0" not in svg
    assert " id=" not in svg


def test_the_imports_of_the_package_are_drawn_and_go_one_way(hooks):
    lines = hooks("diagrams").imports().splitlines()
    parts = {word.strip('";') for line in lines for word in line.split(" -> ")}
    folders = {path.parent.name for path in (ROOT / "vizgrad").glob("*/__init__.py")}
    assert folders | {"engine", "mkdocs_plugin", "cli", "functions"} <= parts
    assert not any(line.startswith('"engine"') for line in lines)
    assert not any('-> "mkdocs_plugin"' in line or '-> "torch_bridge"' in line for line in lines)


def test_a_circle_of_imports_stops_the_build(hooks, tmp_path, monkeypatch):
    diagrams = hooks("diagrams")
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/__init__.py").write_text("from vizgrad import draw\n")
    (tmp_path / "draw.py").write_text("from vizgrad.ops import Add\n")
    monkeypatch.setattr(diagrams, "_PACKAGE", tmp_path)
    with pytest.raises(ValueError, match="cycle"):
        diagrams.imports()


def test_tests_are_counted_in_their_sources(hooks, tmp_path, monkeypatch):
    quality = hooks("quality")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_one.py").write_text(
        '"""What it shows:\nall of it.\n\nMore."""\n\n\n@given(seeds)\ndef test_a(s): ...\n\n\ndef test_b():\n'
        "    @given(seeds)\n    def check(s): ...\n\n\ndef test_c(): ...\n\n\ndef helper(): ...\n"
    )
    monkeypatch.setattr(quality, "_ROOT", tmp_path)
    assert (quality.tests(), quality.properties()) == (3, 2)
    assert "| `test_one.py` | What it shows: all of it. | 3 | 2 |" in quality.files()


def test_every_file_of_tests_says_what_it_shows_and_is_on_the_page(hooks, site_dir):
    page = (site_dir / "develop/quality/index.html").read_text(encoding="utf-8")
    for file in hooks("quality")._files(ROOT):
        assert len(file.about) > 20
        assert f"<code>{file.path}</code>" in page


def test_formulas_are_drawn_in_their_places_and_stay_readable(hooks, site_dir, tmp_path):
    page = tmp_path / "index.html"
    page.write_text(
        '<p>a <span class="arithmatex">\\(a &lt; b\\)</span></p><div class="arithmatex">\\[x^2\\]</div>', "utf-8"
    )
    for _ in range(2):  # a page that is drawn already stays as it is
        hooks("tex").on_post_build(SimpleNamespace(site_dir=tmp_path))
        drawn = page.read_text("utf-8")
        assert drawn.startswith('<p>a <span class="arithmatex" data-math="done"><span class="katex site-whole">')
        assert '<annotation encoding="application/x-tex">a &lt; b</annotation>' in drawn
        assert drawn.count('class="katex-display"') == 1


def test_a_formula_that_cannot_be_read_stops_the_build(hooks, site_dir):
    with pytest.raises(PluginError, match=r"A formula cannot be drawn.*frac"):
        hooks("tex").draw([("x", False), (r"\frac{1", False)])
