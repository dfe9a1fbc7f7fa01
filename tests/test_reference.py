"""The reference: every public name is in it, and the tables of its pages are those of the library."""

from __future__ import annotations

import ast
import gzip
import importlib
import inspect
import re
import sys
import zlib
from pathlib import Path

import pytest

import vizgrad as vg
from vizgrad import ops

ROOT = Path(__file__).resolve().parents[1]
HOOKS = ROOT / "docs/_hooks"
MEMBERS = ["core.TensorNode.grad", "core.TensorNode.sum", "core.Op.do_forward", "nn.module.Module.parameters"]


@pytest.fixture(scope="module")
def names():
    sys.path.insert(0, str(HOOKS))
    yield importlib.import_module("names")
    sys.path.remove(str(HOOKS))


@pytest.fixture(scope="module")
def inventory(site_dir: Path) -> dict[str, str]:
    """Where the site documents what, as Sphinx and mkdocstrings of other sites read it."""
    packed = (site_dir / "objects.inv").read_bytes().split(b"\n", 4)[4]
    rows = (line.split(" ", 4) for line in zlib.decompress(packed).decode().splitlines())
    return {name: address.replace("$", name) for name, _, _, address, _ in rows}


def test_every_public_name_has_its_place(inventory, names, site_dir):
    defined = [one.defined for one in names.public()]
    wanted = [*defined, "vizgrad.torch_bridge.recorder.record_torch", *(f"vizgrad.{member}" for member in MEMBERS)]
    assert [name for name in wanted if name not in inventory] == []
    for name in wanted:
        page, _, anchor = inventory[name].partition("#")
        assert f'id="{anchor}"' in (site_dir / page / "index.html").read_text(encoding="utf-8")


def test_public_names_are_those_of_the_package(names):
    written = {one.written for one in names.public()}
    modules = {"nn", "ops", "optim"}
    assert {f"vg.{name}" for name in vg.__all__ if name not in modules} <= written


def test_the_first_page_lists_every_public_name(names, site_dir):
    page = (site_dir / "reference/index.html").read_text(encoding="utf-8")
    missing = [one.written for one in names.public() if f"<code>{one.written}</code></a>" not in page]
    assert missing == []


def test_defaults_are_shown_as_numbers(site_dir):
    page = (site_dir / "reference/checks/index.html").read_text(encoding="utf-8")
    text = re.sub("<[^>]+>", "", page)
    for name, parameter in inspect.signature(vg.gradcheck).parameters.items():
        if isinstance(parameter.default, float):
            assert f"{name}: float = {parameter.default!r}" in text


@pytest.mark.parametrize("name", ops.__all__)
def test_every_op_is_in_the_list_and_stands_with_its_rule(inventory, names, site_dir, name):
    assert f"[`{name}`][" in names.all_ops()
    op = getattr(ops, name)
    page, _, anchor = inventory[f"{op.__module__}.{name}"].partition("#")
    headings = (site_dir / page / "index.html").read_text(encoding="utf-8").split('class="doc doc-heading"')
    (at,) = (k for k, before in enumerate(headings) if before.rstrip().endswith(f'id="{anchor}"'))
    (rule,) = re.findall(r'<div class="op-rule">(.*?)</div>', headings[at + 1], re.DOTALL)
    assert rule.count("<dd>") == 2 + len(op.rule.backward)
    assert rule.count('<math xmlns="http://www.w3.org/1998/Math/MathML">') == 1 + len(op.rule.backward)
    assert not re.search(r"\\[vgk]\{", rule)


def test_a_table_of_nothing_is_refused(names):
    with pytest.raises(ValueError, match="no public name in vizgrad"):
        names.names("vizgrad.nothing")


def test_no_page_of_the_reference_is_large(site_dir):
    """As it comes over the network."""
    sizes = {page: len(gzip.compress(page.read_bytes())) for page in (site_dir / "reference").rglob("index.html")}
    assert len(sizes) > 10
    assert {page for page, size in sizes.items() if size > 60_000} == set()


def test_every_family_of_ops_lists_its_ops():
    """So that an op that is written into its file is in the library."""
    for path in sorted((ROOT / "vizgrad/ops").glob("[!_]*.py")):
        classes = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
        found = {node.name for node in classes if any(ast.unparse(base) == "Op" for base in node.bases)}
        module = importlib.import_module(f"vizgrad.ops.{path.stem}")
        assert found == set(getattr(module, "__all__", ()))
        assert found <= set(ops.__all__)
