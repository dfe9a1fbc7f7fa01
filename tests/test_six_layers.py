"""The network of six layers: its drawn numbers are PyTorch's, and its gradients are the library's too."""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import pytest
import torch

import vizgrad as vg


@pytest.fixture
def script(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "examples"))
    yield importlib.import_module("six_layers")
    for name in ("six_layers", "_results"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def stored(root):
    return json.loads((root / "docs/results/six_layers.json").read_text(encoding="utf-8"))


def test_the_stored_numbers_are_drawn_again_to_the_last_bit(script, stored):
    drawn = torch.cat([one.flatten() for one in script.draw()]).numpy()
    np.testing.assert_array_equal(np.array(stored["drawn"], np.float32), drawn)
    assert len(drawn) == 5 + 105


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_library_finds_the_stored_gradients(script, stored, dtype):
    h, target, *parameters = (vg.TensorNode(one.numpy().astype(dtype)) for one in script.draw())
    for place in range(0, 12, 2):
        h = parameters[place] @ h + parameters[place + 1]
        h = vg.sigmoid(h) if place < 10 else h
    loss = 0.5 * (h - target) ** 2
    loss.backward()
    assert h.dtype == dtype
    gradients = np.concatenate([one.grad.reshape(-1) for one in parameters])
    tolerance = 1e-14 if dtype == np.float64 else 1e-6
    np.testing.assert_allclose(gradients, stored["gradients"], rtol=0, atol=tolerance)
    assert loss.item() == pytest.approx(stored["loss"], abs=tolerance)
    assert [f"{number:.4e}" for number in gradients[:16]] == stored["printed"]


def test_the_script_stops_where_a_digit_differs(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["six_layers.py", "--smoke"])
    script.main()
    assert "output 1.637426, loss 0.884454" in capsys.readouterr().out
    monkeypatch.setattr(script, "PRINTED", script.PRINTED.replace("2.3943e-05", "2.3944e-05"))
    with pytest.raises(RuntimeError, match=r"2\.3943e-05"):
        script.main()
