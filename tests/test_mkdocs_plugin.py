"""The MkDocs plugin, on a small site of its own: what authors write, what readers get, and what stops the build."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from vizgrad import Trace

SQUARE = "import vizgrad as vg\n\na = vg.TensorNode(3.0)\nb = a * a\nb.backward()\n"


@pytest.fixture
def make_site(tmp_path: Path, caplog):
    """Build a site from one page; returns its folder and the warnings of the build."""

    def make(markdown: str, page: str = "deep/page.md") -> tuple[Path, list[str]]:
        source = tmp_path / "docs" / page
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(markdown, encoding="utf-8")
        (tmp_path / "docs/index.md").write_text("# Home\n", encoding="utf-8")
        (tmp_path / "mkdocs.yml").write_text("site_name: small\nplugins: [vizgrad]\n", encoding="utf-8")
        config = load_config(str(tmp_path / "mkdocs.yml"))
        with caplog.at_level(logging.WARNING, "mkdocs"):
            config.plugins.on_startup(command="build", dirty=False)
            build(config)
        return tmp_path / "site", [record.getMessage() for record in caplog.records if "vizgrad" in record.name]

    return make


def fence(source: str, options: str = "") -> str:
    return f"# Page\n\n```vizgrad {options}\n{source}```\n"


def test_a_fence_becomes_a_figure_that_reads_without_javascript(make_site):
    site, warnings = make_site(fence(SQUARE, 'title="A square"'))
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert warnings == []
    assert "A square" in html
    assert html.count('class="vg-op"') == 1
    assert re.search(r"b = a \* a", re.sub(r"<[^>]+>", "", html))
    assert "<td>6</td>" in html or ">6<" in html  # the final gradient of a


def test_the_page_finds_its_trace_and_the_player(make_site):
    site, _ = make_site(fence(SQUARE))
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    (address,) = re.findall(r'data-src="([^"]+)"', html)
    trace = Trace.from_json((site / "deep/page" / address).resolve().read_text(encoding="utf-8"))
    assert float(trace.grad("a")) == 6.0
    for script in re.findall(r'<script type="module" src="([^"]+)"|<script src="([^"]+)" type="module"', html):
        assert (site / "deep/page" / "".join(script)).resolve().is_file()
    assert (site / "assets/vizgrad/vg-player.js").is_file()


def test_the_schema_is_published(make_site):
    site, _ = make_site(fence(SQUARE))
    assert json.loads((site / "schema/trace-1.json").read_text())["title"].startswith("vizgrad trace")


def test_fences_work_inside_other_blocks(make_site):
    indented = fence(SQUARE).partition("\n\n")[2].replace("\n", "\n    ")
    site, warnings = make_site("# Page\n\n- an item\n\n    " + indented)
    assert warnings == []
    assert "<vg-player" in (site / "deep/page/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("markdown", "complaints"),
    [
        (fence(SQUARE, 'colour="red"'), ["deep/page.md", "unknown option 'colour'", "title: the caption"]),
        (
            fence("import vizgrad as vg\nvg.TensorNode('x')\n"),
            ["deep/page.md", "line 2 of the fence", "DtypeError", "real numbers"],
        ),
        (fence("1 / 0\n"), ["deep/page.md", "line 1 of the fence", "ZeroDivisionError"]),
        (fence("def half(:\n"), ["deep/page.md", "SyntaxError"]),
        (fence(SQUARE, 'error="expected"'), ["deep/page.md", "does not"]),
        (fence(SQUARE, 'step="soon"'), ["deep/page.md", "step", "soon"]),
        (fence(SQUARE, 'direction="up"'), ["deep/page.md", "direction", "up"]),
    ],
)
def test_what_is_wrong_with_a_fence_is_a_warning_that_fails_a_strict_build(make_site, markdown, complaints):
    _, warnings = make_site(markdown)
    assert len(warnings) == 1
    for complaint in complaints:
        assert complaint in warnings[0]


def test_an_expected_error_is_shown_and_is_no_warning(make_site):
    site, warnings = make_site(
        fence("import vizgrad as vg\nvg.TensorNode([1.0, 2.0]).backward()\n", 'error="expected"')
    )
    assert warnings == []
    assert "holds 2 numbers" in (site / "deep/page/index.html").read_text(encoding="utf-8")


def test_hostile_text_in_a_program_stays_text(make_site):
    program = SQUARE.replace("3.0)", "3.0, name='<img src=x onerror=alert(1)></script>')")
    site, _ = make_site(fence(program))
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert "<img src=x" not in html
    assert "&lt;img" in html
