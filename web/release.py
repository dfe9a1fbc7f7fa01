"""What a release holds: the wheel, the source archive, and the changelog's text for this version, in dist/.

nox -s release -- v0.2.0
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class ReleaseError(Exception):
    """Something does not fit together."""


def notes(tag: str, version: str, changelog: str) -> str:
    """The changelog's text for a version.

    Raises:
        ReleaseError: the tag is not that of the version, or the changelog does not know the version.
    """
    if tag != f"v{version}":
        raise ReleaseError(
            f"The tag is {tag}, but vizgrad/__init__.py says {version}. Set __version__ there, or tag v{version}."
        )
    section = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not section:
        raise ReleaseError(
            f"CHANGELOG.md has no section [{version}]. Give the section [Unreleased] this name and a date, "
            "and begin a new one."
        )
    return section[1].strip() + "\n"


def main() -> None:
    """Check the tag, and fill dist/."""
    (tag,) = sys.argv[1:] or [""]
    source = (ROOT / "vizgrad/__init__.py").read_text(encoding="utf-8")
    version = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)[0]
    try:
        text = notes(tag, version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    except ReleaseError as error:
        sys.exit(str(error))
    dist = ROOT / "dist"
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", str(dist)], cwd=ROOT, check=True)
    (dist / "notes.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
