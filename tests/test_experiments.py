"""Report pages: verdicts follow the numbers, a reduced or missing run is called so, and nothing is left out."""

from __future__ import annotations

import importlib.util
import json
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HOOKS = ("claims", "exhibits", "experiments", "found", "plots", "results", "rules")
FOLDER = Path(__file__).parents[1] / "docs" / "_hooks"
HARNESS = "from _harness import Experiment, main\n"
SCRIPT = f'''"""Learns.

python examples/one.py --data-dir data    five seeds
"""
{HARNESS}READ = (1, 4)
Experiment(name="one", epochs=READ[-1])
'''


def alone(name):
    """A hook that needs no other."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    del sys.modules[name]
    return module


plots, rules = alone("plots"), alone("rules")


@pytest.fixture
def hooks(monkeypatch):
    """The hooks behind report pages, with the real results."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in HOOKS})
    for name, module in [*sys.modules.items()]:
        if Path(getattr(module, "__file__", None) or "/").parent in (FOLDER, FOLDER.parents[1] / "examples"):
            del sys.modules[name]


@pytest.fixture
def made(hooks, tmp_path, monkeypatch):
    """The hooks with one experiment of their own: its script, its page, and no result yet."""
    for folder in ("examples", "reports", "results"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(hooks.results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(hooks.results, "EXAMPLES", tmp_path / "examples")
    monkeypatch.setattr(hooks.experiments, "_DOCS", tmp_path)
    (tmp_path / "examples/one.py").write_text(SCRIPT)
    (tmp_path / "reports/one.md").write_text('{= report.verdicts("E") =} {= report.status("one") =}')
    rules = hooks.rules
    claim = rules.Claim("one", "It learns", "0.9", rules.said("accuracy <end>"), rules.at_least(0.8))
    experiments = {"E": rules.Experiment("Does it <learn>?", "reports/one.md", ("one",), (claim,))}
    monkeypatch.setattr(hooks.experiments, "EXPERIMENTS", experiments)
    hooks.claim = claim
    return hooks


def write(made, accuracy, seeds=5, epochs=4, images=None, **others):
    """A result file as the harness writes it."""
    curve = np.linspace(0.1, accuracy or 0, epochs + 1) + 0.01 * np.arange(seeds)[:, None]
    summary = {"mean": curve[:, -1].mean(), "std": float(curve[:, -1].std())}
    libraries = {"python": "3", "numpy": "2"}
    content = {
        "name": "one",
        "config": {"epochs": epochs, "seeds": list(range(seeds))} | ({"images": images} if images else {}),
        "data": "made",
        "provenance": {
            "commit": "abc",
            "date": "2026-01-01",
            "wall_seconds": 1.0,
            "hardware": "x",
            "libraries": libraries,
        },
        "curves": {"accuracy": curve.tolist()},
        "final": {"accuracy": summary},
        "claims": {"accuracy <end>": accuracy},
    } | others
    (made.results.FOLDER / "one.json").write_text(json.dumps(content))


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_verdict_follows_the_number(made):
    for accuracy, word in ((0.8, "came back"), (0.79, "did not come back"), (None, "cannot be told")):
        write(made, accuracy)
        assert made.experiments.judge(made.claim).word == word
    html = made.experiments.verdicts("E")
    assert "not a number" in html and "provisional" not in html


def test_without_a_result_there_is_no_number_and_the_command(made):
    assert made.experiments.judge(made.claim).word == "not run in full yet"
    page = made.experiments.verdicts("E") + made.experiments.status("one") + made.experiments.sources("one")
    assert "python examples/one.py --data-dir data" in page
    assert not re.search(r"\d", re.sub(r"0\.9|0\.8|<[^>]*>", "", page))  # but for what was reported, and the rule
    label = "Accuracy"
    shown = made.exhibits.lines("one", "accuracy", y="", label=label), made.exhibits.finals("one", {}, label=label)
    assert all("Accuracy: not run in full yet." in text for text in shown)


@pytest.mark.parametrize(
    ("length", "told"),
    [
        ({"seeds": 2}, "2 of 5 seeds, 4 epochs"),
        ({"epochs": 1}, "5 seeds, 1 of 4 epochs"),
        ({"seeds": 1, "epochs": 3}, "1 of 5 seeds, 3 of 4 epochs"),
        ({"data": "not MNIST: others"}, "5 seeds, 4 epochs, data that stands in for the real"),
        ({"images": 2000}, "5 seeds, 4 epochs, 2,000 images"),
    ],
)
def test_a_reduced_run_is_called_so_wherever_it_is_shown(made, length, told):
    write(made, 0.9, **length)
    assert f"<strong>Reduced run</strong> of <code>one</code>: {told}." in made.experiments.status("one")
    assert "reduced run" in made.experiments.verdicts("E") and "provisional" in made.experiments.verdicts("E")
    assert f"reduced, {told}" in made.experiments.index()
    assert "reduced run, so far: came back" in made.experiments.verdicts("E")
    assert "1 not run in full yet" in made.experiments.tally() and "came back" not in made.experiments.tally()
    columns = {"accuracy": "accuracy"}
    assert "(reduced run)" in made.exhibits.finals("one", columns, label="At the end")
    assert "(reduced run)" in made.exhibits.lines("one", "accuracy", y="accuracy", label="Accuracy")


def test_a_full_run_is_not_called_reduced(made):
    write(made, 0.9)
    page = made.experiments.status("one") + made.experiments.verdicts("E") + made.experiments.index()
    assert "educed" not in page
    assert "<strong>Full run</strong> of <code>one</code>: 5 seeds, 4 epochs." in page


def test_what_a_short_run_cannot_know_cannot_be_told_and_in_a_full_run_is_a_mistake(made):
    write(made, 0.9, seeds=1, claims={})
    assert made.experiments.judge(made.claim).word == "cannot be told"
    write(made, 0.9, claims={})
    with pytest.raises(ValueError, match=r"one\.json has no 'accuracy <end>'"):
        made.experiments.judge(made.claim)


def test_a_rise_until_an_epoch_that_was_not_reached_cannot_be_told(made):
    claim = made.rules.Claim("one", "", "", made.rules.gain(1, 3, "accuracy"), made.rules.at_most(0.5))
    write(made, 0.9, epochs=3)
    assert made.experiments.judge(claim).reached == "0.533"
    write(made, 0.9, epochs=2)
    assert made.experiments.judge(claim).word == "cannot be told"


def test_a_claim_without_a_rule_cannot_be_told_whatever_the_number_is(made):
    claim = made.rules.Claim("one", "", "no unit", made.rules.final("accuracy"), None)
    assert made.experiments.judge(claim).word == "cannot be told"
    write(made, 0.9)
    assert made.experiments.judge(claim).word == "cannot be told"
    assert made.experiments.judge(claim).reached == "0.920"


def test_claims_of_a_page_are_text_and_no_markup(made):
    write(made, 0.9)
    html = made.experiments.index() + made.exhibits.concluded("one", "accuracy", label="<b>")
    assert "Does it &lt;learn&gt;?" in html and "accuracy &lt;end&gt;" in html and "<b>" not in html


# --- scripts ----------------------------------------------------------------------------------------------------------


def test_claims_and_pages_read_what_their_scripts_write(hooks, root, tmp_path, monkeypatch):
    """Nothing is trained: each script concludes from made-up curves, of a full run and of one of two epochs."""
    pages = importlib.import_module("pages")
    monkeypatch.setattr(hooks.results, "FOLDER", tmp_path)
    scripts = {script for one in hooks.claims.EXPERIMENTS.values() for script in one.scripts}
    written = [script for script in sorted(scripts) if hooks.found.source(script)]
    for epochs in (2, None):
        for script in written:
            write_as_the_script_would(script, root, tmp_path, monkeypatch, epochs)
        words = {hooks.experiments.judge(claim).word for claim in claims_of(hooks, written)}
        assert words <= {"came back", "did not come back", "cannot be told"}
    for page in sorted((root / "docs/reports").glob("*.md")):
        if "report.status(" in page.read_text():
            assert pages._environment().from_string(page.read_text()).render()


def claims_of(hooks, scripts):
    return [claim for one in hooks.claims.EXPERIMENTS.values() for claim in one.claims if claim.script in scripts]


def write_as_the_script_would(script, root, folder, monkeypatch, epochs):
    path = root / "examples" / f"{script}.py"
    monkeypatch.syspath_prepend(str(path.parent))
    if "from _harness import" not in path.read_text():  # it takes a moment, and is run
        real = root / "docs/results" / path.with_suffix(".json").name
        if real.exists():
            (folder / real.name).write_text(real.read_text())
        else:
            monkeypatch.setattr(sys, "argv", [path.name, "--out", str(folder)])
            runpy.run_path(str(path), run_name="__main__")
        return
    captured = []
    monkeypatch.setattr(sys, "argv", [path.name])
    monkeypatch.setattr(importlib.import_module("_harness"), "main", captured.append)
    runpy.run_path(str(path), run_name="__main__")
    [experiment] = captured
    epochs = epochs or experiment.epochs
    rng = np.random.default_rng(0)
    curves = {name: {of: rng.random((5, epochs + 1)) for of in measures(script)} for name in experiment.variants}
    judged = {"confusion": np.ones((10, 10)).tolist(), "precision": [1] * 10, "recall": [1] * 10, "f1": [1] * 10}
    found = {
        name: {
            "curves": {key: curve.tolist() for key, curve in of.items()},
            "final": {key: {"mean": curve[:, -1].mean(), "std": curve[:, -1].std()} for key, curve in of.items()},
            "at_end": [judged] * 5,
        }
        for name, of in curves.items()
    }
    content = {
        "config": {"epochs": epochs, "seeds": [0, 1, 2, 3, 4]},
        "data": "made",
        "classes": [*"abcdefghij"],
        "provenance": {"commit": "", "date": "", "wall_seconds": 0, "hardware": "", "libraries": {}},
        "claims": experiment.claims(curves) if experiment.claims else {},
        **({"variants": found} if len(found) > 1 else next(iter(found.values()))),
    }
    (folder / f"{script}.json").write_text(json.dumps(content))


def measures(script):
    """What trainings measure."""
    if script == "mlp_grid":
        return [f"batch {batch}, rate {rate:g}" for batch in (64, 128, 256, 512) for rate in (0.1, 0.01, 0.001)]
    of_all = ["train_loss", "accuracy", "seconds"]
    if script == "mlp_best":
        return [*of_all, "train_accuracy", "test_accuracy", "validation_accuracy"]
    of_vizgrad = ["flat_units", "unit_difference", "train_accuracy", "test_accuracy"]
    return [*of_all, *of_vizgrad, "loss_sum", "accuracy_with_dropout"]


# --- rules ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 10))
def test_rules_agree_with_each_other(value, low, width):
    high = low + width
    both = rules.at_least(low).holds(value, 1) and rules.at_most(high).holds(value, 1)
    assert rules.within(low, high).holds(value, 1) == both
    assert rules.above(low).holds(value, 1) == (not rules.at_most(low).holds(value, 1))


def test_counts_of_seeds_are_shares_of_those_that_ran():
    assert [rules.FOUR_OF_FIVE.holds(n, 5) for n in range(6)] == [False] * 4 + [True] * 2
    assert [rules.THREE_OF_FIVE.holds(n, 5) for n in range(6)] == [False] * 3 + [True] * 3
    assert rules.EVERY_SEED.holds(2, 2) and not rules.EVERY_SEED.holds(2, 3)
    assert rules.FOUR_OF_FIVE.holds(1, 1) and not rules.FOUR_OF_FIVE.holds(0, 1)


def test_the_reported_grid_gives_the_means_and_the_order_that_are_claimed_of_it(hooks):
    claims = {claim.text: claim for claim in hooks.claims.EXPERIMENTS["E06"].claims}
    run = SimpleNamespace(claim=lambda _: hooks.claims.GRID.tolist())
    for claim in claims.values():
        assert claim.rule.holds(claim.reads(run), 5), claim.text
    backwards = SimpleNamespace(claim=lambda _: hooks.claims.GRID[::-1].tolist())
    held = [text for text, claim in claims.items() if claim.rule.holds(claim.reads(backwards), 5)]
    assert held == ["The best cell has rate 0.01"]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_table_lists_every_experiment_of_the_course(hooks):
    names = set(hooks.claims.EXPERIMENTS)
    assert {f"E{number:02d}" for number in range(23)} <= names
    html = hooks.experiments.index()
    assert html.count('<th scope="row">') == len(names)
    for experiment in hooks.claims.EXPERIMENTS.values():
        assert hooks.experiments._address(experiment.page) in html


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("examples/two.py", HARNESS, "two.py is an experiment without a page"),
        ("reports/one.md", "nothing", "one.md shows nothing of one"),
        ("reports/one.md", None, "there is no docs/reports/one.md"),
        ("examples/one.py", None, "there is no examples/one.py"),
    ],
)
def test_a_script_without_page_and_a_page_without_script_stop_the_build(made, tmp_path, file, text, message):
    made.experiments.index()
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        made.experiments.index()


def test_a_full_run_has_as_many_seeds_as_the_harness_asks_for(hooks, root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "examples"))
    harness = importlib.import_module("_harness")
    options = harness._options(harness.Experiment("x", "", {}, None, None, 3), [])
    assert options.seeds == hooks.rules.SEEDS
    assert hooks.found.epochs_of("sigmoid_or_relu") == 20
    assert hooks.found.constants("mlp_grid")["BATCHES"] == (64, 128, 256, 512)


# --- plots and tables -------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_names_of_lines_are_a_gap_apart_and_keep_their_order(places):
    moved = np.array(plots.spread(places, 0.1))
    order = np.argsort(places, kind="stable")
    assert (np.diff(moved[order]) >= 0.1 - 1e-9).all()
    assert moved.min() >= 0 and moved.max() <= 1 + 1e-9
    if (np.diff(np.asarray(places)[order]) >= 0.1).all():
        np.testing.assert_allclose(moved, places)


def test_a_plot_has_a_name_its_numbers_and_no_colour_of_its_own(made):
    write(made, 0.9)
    html = made.exhibits.lines("one", "accuracy", y="accuracy", label='Accuracy "here"')
    assert 'role="img" aria-label="Accuracy &quot;here&quot;: mean of 5 seeds' in html
    assert "var(--vg-plot-1)" in html and not re.search(r"#0[1-9]0[12]0[12]", html)
    assert '<th scope="col">accuracy</th>' in html  # a line that is alone is called what the axis shows
    assert html.count('<th scope="row">') == 5 and "0.920 ± 0.016" in html
    assert "\n\n" not in html  # Markdown would take what follows an empty line for its own


def test_a_run_that_diverged_is_plotted_up_to_there(made):
    curve = [[2.0, 1.0, None, None, None]]
    write(made, 0.9, seeds=1, curves={"loss": curve})
    html = made.exhibits.lines("one", "loss", y="loss", label="Loss", log_scale=True)
    assert html.count("not a number") == 3


def test_the_confusion_matrix_is_the_mean_of_the_seeds(made):
    of_seed = {"precision": [0.5, 1.0], "recall": [1.0, 0.5], "f1": [0.75, 0.75]}
    judged = [{"confusion": [[4, 0], [2, 2]], **of_seed}, {"confusion": [[4, 0], [4, 0]], **of_seed}]
    write(made, 0.9, at_end=judged, classes=["cat", "<dog>"])
    html = made.exhibits.confusion("one")
    assert '<td style="--share: 75%">3</td><td style="--share: 25%">1</td>' in html
    assert "&lt;dog&gt;" in html and "<dog>" not in html


def test_the_grid_stands_beside_what_was_reported(hooks, tmp_path, monkeypatch):
    best = f"<td>{hooks.claims.GRID.max():.3f}</td>"
    monkeypatch.setattr(hooks.results, "FOLDER", tmp_path)
    assert f"{best}<td>–</td>" in hooks.exhibits.grid()
    reached = (hooks.claims.GRID / 2).tolist()
    content = {"config": {"epochs": 10, "seeds": [0]}, "claims": {"mean score, by batch, network and rate": reached}}
    (tmp_path / "mlp_grid.json").write_text(json.dumps(content))
    assert f"{best}<td>{hooks.claims.GRID.max() / 2:.3f}</td>" in hooks.exhibits.grid()
    assert "(reduced run)" in hooks.exhibits.grid()


@pytest.mark.parametrize(
    ("before", "after"),
    [("-0.8 to 3", "−0.8 to 3"), ("1e-06", "1e-6"), ("-2e-05", "−2e-5"), ("a-1", "a-1"), ("E06, 0.06", "E06, 0.06")],
)
def test_signs_are_those_of_print(hooks, before, after):
    assert hooks.exhibits.signs(before) == after


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (12.34, "12.3"), (2493130.0, "2.5e6"), (1e-9, "1.0e-9"), (0.0, "0.000")]
)
def test_numbers_have_the_digits_that_say_something(hooks, value, text):
    assert hooks.exhibits.number(value) == text
