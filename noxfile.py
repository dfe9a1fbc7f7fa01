"""The project's tasks: `pip install nox`, then `nox -s tests`. `nox -l` lists them all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"  # a newer pip than venv has; uv would not read pip's settings
nox.options.error_on_external_run = True
nox.options.sessions = ["lint", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
# The headless shell is Chromium without its own windows: tests take half the time in it.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
# Material announces its successor on every build.
QUIET = {"NO_MKDOCS_2_WARNING": "1"}


@nox.session
def serve(session: nox.Session) -> None:
    """Builds the site and serves it; says the address, and builds a page again when it changes."""
    install(session, "docs")
    session.run("mkdocs", "serve", "--dirty", *session.posargs, env=QUIET)


@nox.session
def site(session: nox.Session) -> None:
    """Builds the site into site/; any warning is an error."""
    install(session, "docs")
    build_site(session)


@nox.session
def tests(session: nox.Session) -> None:
    """Runs every test, in a real browser too; arguments after -- go to pytest."""
    install(session, "docs", groups=["test"])
    chromium = find_chromium(session)
    shutil.rmtree("site", ignore_errors=True)  # the tests build it anew when the first of them asks for it
    # Files in the order that tests/conftest.py gives them.
    at_once = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder"]
    session.run("pytest", *at_once, *session.posargs, env={"CHROMIUM": chromium})


@nox.session
def lint(session: nox.Session) -> None:
    """Checks style, formatting and types."""
    install(session, "mkdocs", groups=["lint"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def examples(session: nox.Session) -> None:
    """Runs every experiment end to end on a little data."""
    install(session, "experiments")
    for script in sorted(Path("examples").glob("[!_]*.py")):
        session.run("python", str(script), "--smoke")


@nox.session
def experiments(session: nox.Session) -> None:
    """Runs every experiment in full, which wants a GPU; what follows -- goes to each, such as --data-dir."""
    install(session, "experiments")
    session.run("python", "examples/batchnorm_check.py")
    for script in sorted(Path("examples").glob("[!_]*.py")):
        if "from _harness import" in script.read_text(encoding="utf-8"):
            session.run("python", str(script), *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measures vizgrad beside its peers; leave the machine alone meanwhile. --quick sees whether it all runs."""
    install(session, "experiments", groups=["bench"])
    session.run("python", "examples/benchmarks", *session.posargs)
    smoke = ["--smoke"] * ("--quick" in session.posargs)
    session.run("python", "examples/benchmarks/each_op.py", *smoke)
    session.run("python", "examples/benchmarks/drawings.py", *smoke)


@nox.session
def browser(session: nox.Session) -> None:
    """Measures in Chromium how fast figures step and Python starts; leave the machine alone meanwhile."""
    install(session, "docs", groups=["test"])
    chromium = find_chromium(session)
    build_site(session)
    session.run("python", "web/steps.py", env={"CHROMIUM": chromium})
    session.run("python", "web/startup.py", *session.posargs, env={"CHROMIUM": chromium})


@nox.session(python="3.12")
def pyodide(session: nox.Session) -> None:
    """Compares the bundle's bytecode with pyodide-build's; needs Python 3.12, and a site that has been built."""
    session.install("pyodide-build==0.39.2")
    session.run("python", "web/crosscheck.py")


@nox.session
def release(session: nox.Session) -> None:
    """Fills dist/ with what a release holds; takes the tag after --, and refuses one that does not fit."""
    session.install("-c", "constraints.txt", "hatchling")
    session.run("python", "web/release.py", *session.posargs)


@nox.session
def picture(session: nox.Session) -> None:
    """Records the README's pictures from the built site."""
    install(session, "docs", groups=["test"])
    chromium = find_chromium(session)
    build_site(session)
    session.run("python", "web/picture.py", env={"CHROMIUM": chromium})


def install(session: nox.Session, extra: str, groups: tuple[str, ...] | list[str] = ()) -> None:
    """Installs this checkout with one of its extras, and groups of tools, in the versions tested together."""
    tools = nox.project.dependency_groups(PYPROJECT, *groups)
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # what is imported is compiled, once; pip would compile all there is
    session.install("--no-compile", "-c", "constraints.txt", "-e", f".[{extra}]", *tools)


def build_site(session: nox.Session) -> None:
    """Builds site/; the hook in docs/_hooks brings what comes from npm."""
    session.run("mkdocs", "build", "--strict", env=QUIET)  # with --quiet, MkDocs would count no warnings


def find_chromium(session: nox.Session) -> str:
    """The path of a Chromium, which is installed if there is none."""
    if chromium := os.environ.get("CHROMIUM") or chromium_on_path():
        return chromium
    if shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        any_code = range(256)
        apt = ("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run(*apt, "update", external=True, success_codes=any_code)
        for package in CHROMIUM_NAMES[:2]:
            if not chromium_on_path():
                install_command = (*apt, "install", "-y", "--no-install-recommends", package)
                session.run(*install_command, external=True, success_codes=any_code, env=quiet, silent=True)
    return chromium_on_path() or playwright_chromium(session)


def chromium_on_path() -> str | None:
    """The first Chromium that a shell would find."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def playwright_chromium(session: nox.Session) -> str:
    """The browser that Playwright downloads."""
    session.run("playwright", "install", "chromium", success_codes=range(256), silent=True)
    ask = "from playwright.sync_api import sync_playwright as p; print(p().start().chromium.executable_path)"
    chromium = str(session.run("python", "-c", ask, silent=True)).strip()
    if not Path(chromium).exists():
        session.error("The tests need a Chromium: install one, or name its path in the variable CHROMIUM.")
    return chromium
