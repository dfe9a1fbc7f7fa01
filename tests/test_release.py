"""A release: its tag is the version, and its text is the changelog's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[1] / "web/release.py"
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2030-01-02\n\n### Added\n\n- New.\n\n## [0.1.0]\n\n- Old.\n"


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("version", "text"), [("0.2.0", "### Added\n\n- New.\n"), ("0.1.0", "- Old.\n")])
def test_the_text_is_that_of_the_version(release, version, text):
    assert release.notes(f"v{version}", version, CHANGELOG) == text


@pytest.mark.parametrize(
    ("tag", "version", "said"),
    [
        ("v0.3.0", "0.2.0", "vizgrad/__init__.py says 0.2.0"),
        ("0.2.0", "0.2.0", "tag v0.2.0"),
        ("", "0.2.0", "tag v0.2.0"),
        ("v0.3.0", "0.3.0", "has no section [0.3.0]"),
        ("v0x2.0", "0x2.0", "has no section"),
    ],
)
def test_a_tag_that_does_not_fit_is_refused(release, tag, version, said):
    with pytest.raises(release.ReleaseError) as caught:
        release.notes(tag, version, CHANGELOG)
    assert said in str(caught.value)
