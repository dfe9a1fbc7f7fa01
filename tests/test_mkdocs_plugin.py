"""The MkDocs plugin, on a small site of its own: what authors write, what readers get, and what stops the build."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from vizgrad import Trace, trace

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


def test_only_a_page_with_a_figure_asks_for_the_player_early(make_site):
    for markdown, wanted in ((fence(SQUARE), ["../../assets/vizgrad/vg-player.js"]), ("# No figure\n", [])):
        site, _ = make_site(markdown)
        html = (site / "deep/page/index.html").read_text(encoding="utf-8")
        assert re.findall(r'<link rel="modulepreload".* href="([^"]+)"', html) == wanted


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
        (fence(SQUARE, 'colour="red"'), ["deep/page.md, line 3", "unknown option 'colour'", "title: the caption"]),
        (
            fence("import vizgrad as vg\nvg.TensorNode('x')\n"),
            ["deep/page.md, line 5", "line 2 of the fence", "DtypeError", "real numbers"],
        ),
        (fence("1 / 0\n"), ["deep/page.md, line 4", "line 1 of the fence", "ZeroDivisionError"]),
        (fence("def half(:\n"), ["deep/page.md, line 4", "SyntaxError"]),
        (fence(SQUARE, 'error="expected"'), ["deep/page.md, line 4", "does not"]),
        (fence(SQUARE, 'step="soon"'), ["deep/page.md, line 4", "step", "soon"]),
        (fence(SQUARE, 'direction="up"'), ["deep/page.md, line 4", "direction", "up"]),
    ],
)
def test_what_is_wrong_with_a_fence_is_a_warning_that_fails_a_strict_build(make_site, markdown, complaints):
    _, warnings = make_site(markdown)
    assert len(warnings) == 1
    for complaint in complaints:
        assert complaint in warnings[0]


def test_the_line_is_that_of_the_file_below_front_matter_and_inside_other_blocks(make_site):
    program = "import vizgrad as vg\n\n1 / 0\n"
    indented = fence(program).partition("\n\n")[2].replace("\n", "\n    ")
    _, [warning] = make_site("---\ntitle: Page\n---\n\n# Page\n\n- an item\n\n    " + indented)
    assert warning.startswith("deep/page.md, line 12: ")


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


CHECK = """# Page

```vizgrad-check title="The square"
def forward(x):
    return x * x

def backward(G, x):
    return 2 * G * x

library = forward
shapes = dict(x=(2, 3))
```
"""


def test_formulas_are_checked_when_the_site_is_built(make_site):
    site, warnings = make_site(CHECK)
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert warnings == []
    assert "The square" in html
    assert "against the library" in html


def test_a_wrong_formula_fails_the_build(make_site):
    _, warnings = make_site(CHECK.replace("2 * G * x", "G * x"))
    assert len(warnings) == 1
    assert "page.md" in warnings[0]
    assert "gradient of x is off" in warnings[0]


COMPARED = SQUARE + "\n# --- compare with ---\n" + SQUARE.replace("3.0", "4.0")
TOLD = SQUARE + "\n# --- story ---\nend | a | Both uses of `a` have sent a gradient.\n"


def test_a_fence_with_two_programs_becomes_a_comparison(make_site):
    site, warnings = make_site(fence(COMPARED, 'labels="three, four"'))
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert warnings == []
    assert html.count("<vg-player") == 2 and html.count("<vg-compare") == 1
    addresses = re.findall(r'data-src="([^"]+)"', html)
    grads = [
        float(Trace.from_json((site / "deep/page" / address).resolve().read_text("utf-8")).grad("a"))
        for address in addresses
    ]
    assert grads == [6.0, 8.0]
    assert "three</p>" in html and "four</p>" in html


def test_a_story_is_a_list_and_no_part_of_the_program(make_site):
    site, warnings = make_site(fence(TOLD))
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert warnings == []
    assert '<ol class="vg-story"><li data-step="4" data-focus="t0">' in html
    assert "story ---" not in html


@pytest.mark.parametrize("wrong", [TOLD.replace("| a |", "| nobody |"), COMPARED.replace("4.0", "'4'")])
def test_a_wrong_beat_or_a_wrong_second_program_is_a_warning(make_site, wrong):
    _, warnings = make_site(fence(wrong))
    assert len(warnings) == 1 and "deep/page.md" in warnings[0]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A trace among the pages of the small site."""
    folder = tmp_path / "docs/results"
    folder.mkdir(parents=True)
    return trace.run(SQUARE).save(folder / "square.json")


def test_a_stored_trace_becomes_a_figure(make_site, stored):
    site, warnings = make_site(fence("", 'trace="results/square.json" title="Stored"'))
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert warnings == []
    assert html.count('class="vg-op"') == 1
    (address,) = re.findall(r'data-src="([^"]+)"', html)
    assert (site / "deep/page" / address).resolve().read_text(encoding="utf-8") == stored.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "path", "said"),
    [("", "results/none.json", "none.json"), (SQUARE, "results/square.json", "both a program and a stored trace")],
)
def test_a_stored_trace_that_is_not_there_or_not_alone(make_site, stored, source, path, said):
    _, [warning] = make_site(fence(source, f'trace="{path}"'))
    assert said in warning and "deep/page.md" in warning


EXERCISE = '''# Page

```vizgrad-exercise title="The <square>"
"""Write the backward of $Y = X^2$, where `<b>` is text."""
def forward(X):
    return X**2

shapes = dict(X=("n", "m"))
# --- start
dX = ...
# --- solution
dX = 2 * G * X
# --- because: The slope of $x^2$ is $2x$.
# --- hint: What is the slope?
# --- wrong: the 2 is lost -> 1/2
dX = G * X
```

```vizgrad-mistake title="The slope of a square"
"""For $Y = X^2$:"""
# --- line: $y = x^2$
# --- wrong: so the slope is $x$
# --- because: There is a 2.
# --- check
def forward(X):
    return X**2

def backward(G, X):
    return 2 * G * X

def wrong_slope(G, X):
    return G * X

inputs = dict(X=[3.0])
```

```vizgrad-exercises
```

```vizgrad-exercises compact="yes"
```
'''


def test_exercises_read_without_javascript_and_are_listed(make_site):
    site, warnings = make_site(EXERCISE)
    html = (site / "deep/page/index.html").read_text(encoding="utf-8")
    assert warnings == []
    assert 'data-uid="deep-page/exercise-the-square"' in html
    assert "The &lt;square&gt;" in html
    assert "<square>" not in html
    assert r"\(Y = X^2\)" in html
    assert re.search(r"<summary>Hint 1 of 1</summary><p>What is the slope\?</p>", html)
    assert "Line 2 is wrong." in html
    assert re.search(r"<li>At X\[0\] it gives [−\d.]+ instead of [−\d.]+\.</li>", html)
    for anchor in re.findall(r'<td><a href="\./#([^"]+)"', html):
        assert f'id="{anchor}"' in html
    assert html.count("<tr data-uid=") == 2
    assert "All 2 exercises" in html
    assert "<!-- vizgrad-exercises" not in html


@pytest.mark.parametrize(
    ("old", "new", "complaints"),
    [
        ("dX = 2 * G * X", "dX = 3 * G * X", ["vizgrad-exercise", "its solution does not pass", "it is 1.5 times"]),
        ("-> 1/2", "-> sign", ["the 2 is lost", "should say “sign”"]),
        ("# --- hint", "# --- tip", ["is no section"]),
        (' title="The <square>"', "", ['title="..."']),
        ("return 2 * G * X", "return G * X", ["vizgrad-mistake", "off by"]),
        ("return G * X\n", "return 2 * G * X\n", ["nothing refutes it"]),
    ],
)
def test_an_exercise_that_is_not_well_made_fails_the_build(make_site, old, new, complaints):
    _, warnings = make_site(EXERCISE.replace(old, new))
    assert len(warnings) == 1
    for complaint in ["deep/page.md", *complaints]:
        assert complaint in warnings[0]


def test_two_exercises_of_one_name_fail_the_build(make_site):
    fence = EXERCISE[: EXERCISE.index("```vizgrad-mistake")]
    _, warnings = make_site(fence + fence.partition("\n\n")[2])
    assert len(warnings) == 1
    assert "another one called deep-page/exercise-the-square" in warnings[0]
