"""Draw a network of six sigmoid layers as PyTorch draws it, and let PyTorch compute its gradients.

Run ``python examples/six_layers.py``: it writes ``docs/results/six_layers.json``, from which the page "Six layers by
hand" takes its numbers. NumPy's generator is not PyTorch's, so the page cannot draw them again. ``--smoke`` does all
this, and writes into a temporary folder.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path

import torch
from _results import FOLDER, Result

SEED, WIDTHS = 0, (4, 4, 4, 4, 4, 4, 1)
# The gradient of the first layer's weights, as an older PyTorch printed it. Today's must print the same digits.
PRINTED = """\
2.3943e-05 3.7064e-05 4.2687e-06 6.3700e-06
3.4104e-05 5.2794e-05 6.0804e-06 9.0735e-06
2.4438e-05 3.7831e-05 4.3571e-06 6.5019e-06
2.0187e-05 3.1250e-05 3.5991e-06 5.3707e-06"""


def main() -> None:
    """Draw, differentiate, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="write into a temporary folder")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the result file")
    options = parser.parse_args()
    config = {"seed": SEED, "widths": list(WIDTHS)}
    data = "uniform on [0, 1), drawn in float32: the input, the target, then weights and bias of each layer"
    result = Result("six_layers", config, data, ["torch"])
    drawn = draw()
    printed = PRINTED.split()
    for dtype in (torch.float32, torch.float64):
        output, loss, gradients = differentiate([one.to(dtype, copy=True) for one in drawn])
        first = [f"{number:.4e}" for number in gradients[0].flatten().tolist()]
        if first != printed:
            raise RuntimeError(f"in {dtype} the gradient of the first weights is {first}, not {printed}")
    path = result.write(
        Path(tempfile.mkdtemp()) if options.smoke else options.out,
        drawn=[float(f"{number:.9g}") for one in drawn for number in one.flatten().tolist()],  # 9 digits fix a float32
        printed=printed,
        output=output,
        loss=loss,
        gradients=[number for one in gradients for number in one.flatten().tolist()],
    )
    print(f"output {output:.6f}, loss {loss:.6f}; wrote {path}")


def draw() -> list[torch.Tensor]:
    """The input (4, 1), the target (1, 1), then for each layer its weights and its bias, a column."""
    torch.manual_seed(SEED)
    shapes = [(WIDTHS[0], 1), (1, 1)]
    for inputs, outputs in pairwise(WIDTHS):
        shapes += [(outputs, inputs), (outputs, 1)]
    return [torch.rand(shape) for shape in shapes]


def differentiate(drawn: list[torch.Tensor]) -> tuple[float, float, list[torch.Tensor]]:
    """The network's output, its loss, and the gradients of all weights and biases, by autograd."""
    h, target, *parameters = drawn
    for one in parameters:
        one.requires_grad_(True)
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for place, (weights, bias) in enumerate(layers):
        h = weights @ h + bias
        if place < len(layers) - 1:
            h = torch.sigmoid(h)
    loss = 0.5 * (h - target).square().sum()
    loss.backward()
    return h.item(), loss.item(), [one.grad for one in parameters]


if __name__ == "__main__":
    main()
