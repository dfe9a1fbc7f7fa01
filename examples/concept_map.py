"""What one idea is called here and in PyTorch, as two small programs for each, and what PyTorch's prints.

    python examples/concept_map.py            a second
    python examples/concept_map.py --smoke    the same, and nothing is written

Writes ``docs/results/concept_map.json``. The page runs vizgrad's programs itself when the site is built.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import textwrap
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from _results import FOLDER, Result
from torch import nn

# Each: vizgrad, PyTorch.
ROWS: dict[str, tuple[str, str]] = {
    "array": (
        """
        a = np.array([1.0, 2.0])
        x = vg.TensorNode(a)
        print(x.value is a)
        """,
        """
        a = np.array([1.0, 2.0])
        shared = torch.from_numpy(a)
        copied = torch.tensor(a)
        a[0] = 9.0
        print(shared)
        print(copied)
        """,
    ),
    "tensor": (
        """
        x = vg.TensorNode(3.0)
        print(type(x).__name__, x.item())
        """,
        """
        from torch.autograd import Variable

        x = Variable(torch.tensor(3.0))
        print(type(x).__name__, x.item())
        """,
    ),
    "grad": (
        """
        w = vg.TensorNode(1.0)
        print(w.grad)
        (2 * w).backward()
        (3 * w).backward()
        print(w.grad)
        """,
        """
        w = nn.Parameter(torch.tensor(1.0))
        print(w.grad)
        (2 * w).backward()
        (3 * w).backward()
        print(w.grad)
        """,
    ),
    "source": (
        """
        a = vg.TensorNode(1.0)
        c = a + 2
        print(c.source.op.__name__)
        print(a.source)
        """,
        """
        a = nn.Parameter(torch.tensor(1.0))
        c = a + 2
        print(c.grad_fn.name())
        print(a.grad_fn)
        """,
    ),
    "op": (
        """
        class Double(vg.Op):
            @staticmethod
            def forward(context, x):
                return 2 * x

            @staticmethod
            def backward(context, go):
                return 2 * go

        x = vg.TensorNode(3.0)
        y = Double.do_forward(x)
        y.backward()
        print(y.item(), x.grad.item())
        """,
        """
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return 2 * x

            @staticmethod
            def backward(ctx, go):
                return 2 * go

        x = nn.Parameter(torch.tensor(3.0))
        y = Double.apply(x)
        y.backward()
        print(y.item(), x.grad.item())
        """,
    ),
    "opnode": (
        """
        a, b = vg.TensorNode(2.0), vg.TensorNode(3.0)
        c = a * b
        print(c.source)
        print(c.source.outputs[0] is c)
        """,
        """
        a = nn.Parameter(torch.tensor(2.0))
        b = nn.Parameter(torch.tensor(3.0))
        c = a * b
        print(type(c.grad_fn).__name__)
        print(hasattr(c.grad_fn, "outputs"))
        """,
    ),
    "inputs": (
        """
        a, b = vg.TensorNode(2.0), vg.TensorNode(3.0)
        c = a * b
        print(len(c.source.inputs))
        print(c.source.inputs[0] is a)
        """,
        """
        a = nn.Parameter(torch.tensor(2.0))
        b = nn.Parameter(torch.tensor(3.0))
        c = a * b
        first, second = c.grad_fn.next_functions
        print(type(first[0]).__name__)
        print(first[0].variable is a)
        """,
    ),
    "context": (
        """
        class Square(vg.Op):
            @staticmethod
            def forward(context, x):
                context["x"] = x
                context["power"] = 2
                return x**2

            @staticmethod
            def backward(context, go):
                print(isinstance(context, dict))
                print(list(context))
                return 2 * context["x"] * go

        x = vg.TensorNode(3.0)
        Square.do_forward(x).backward()
        """,
        """
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                ctx.power = 2
                return x**2

            @staticmethod
            def backward(ctx, go):
                saved = ctx.saved_tensors
                print(type(saved).__name__)
                print(ctx.power)
                print(ctx.needs_input_grad)
                return 2 * saved[0] * go

        x = nn.Parameter(torch.tensor(3.0))
        Square.apply(x).backward()
        """,
    ),
    "apply": (
        """
        x = vg.TensorNode(1.0)
        print(vg.Exp.do_forward(x).item())
        print(vg.exp(x).item())
        """,
        """
        x = nn.Parameter(torch.tensor(1.0).double())
        y = torch.exp(x)
        print(y.grad_fn.name(), y.item())
        """,
    ),
    "functions": (
        """
        x = vg.TensorNode([-1.0, 0.0, 1.0])
        print(vg.relu(x).value)
        """,
        """
        x = torch.tensor([-1.0, 0.0, 1.0])
        print(F.relu(x))
        """,
    ),
    "module": (
        """
        class Net(vg.Module):
            def __init__(self):
                self.w = vg.TensorNode(1.0)
                self.fixed = np.ones(2)

            def forward(self, x):
                return x * self.w

        print(len(Net().parameters()))
        """,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.ones(1))
                self.fixed = torch.ones(2)

            def forward(self, x):
                return x * self.w

        print(len(list(Net().parameters())))
        """,
    ),
    "tracked": (
        """
        print(vg.TensorNode(1.0).requires_grad)
        x = vg.TensorNode(1.0, requires_grad=False)
        print((2 * x).source)
        """,
        """
        x = torch.tensor(1.0)
        print(x.requires_grad, (2 * x).grad_fn)
        print(nn.Parameter(x).requires_grad)
        """,
    ),
    "kept": (
        """
        w = vg.TensorNode(3.0)
        h, k = 2 * w, 5 * w
        (h * k).backward()
        print(w.grad, h.grad, k.grad)
        """,
        """
        w = nn.Parameter(torch.tensor(3.0))
        h, k = 2 * w, 5 * w
        k.retain_grad()
        (h * k).backward()
        print(w.grad, h.grad, k.grad)
        """,
    ),
    "freed": (
        """
        w = vg.TensorNode(3.0)
        loss = w * w
        loss.backward()
        try:
            loss.backward()
        except vg.GraphError as error:
            print(type(error).__name__, w.grad)
        """,
        """
        w = nn.Parameter(torch.tensor(3.0))
        loss = w * w
        loss.backward()
        try:
            loss.backward()
        except RuntimeError as error:
            print(type(error).__name__, w.grad)
        """,
    ),
    "zero": (
        """
        w = vg.TensorNode(3.0)
        loss = w * w
        loss.backward()
        loss.zero_grad()
        print(w.grad)
        """,
        """
        w = nn.Parameter(torch.tensor(3.0))
        optimiser = torch.optim.SGD([w], lr=0.1)
        (w * w).backward()
        optimiser.zero_grad()
        print(w.grad)
        """,
    ),
    "update": (
        """
        w = vg.TensorNode(3.0)
        (w * w).backward()
        w.value -= 0.5 * w.grad
        print(w.value, w.source)
        """,
        """
        w = nn.Parameter(torch.tensor(3.0))
        (w * w).backward()
        with torch.no_grad():
            w -= 0.5 * w.grad
            print(w.item(), (2 * w).grad_fn)
        """,
    ),
    "expand": (
        """
        x, b = np.ones((4, 3)), vg.TensorNode([0.0, 0.0, 0.0])
        long = vg.Expand.do_forward(
            b.reshape(1, 3), dim=0, repeats=4)
        (x * long + x * b).sum().backward()
        print(b.grad)
        """,
        """
        x = torch.ones(4, 3)
        b = nn.Parameter(torch.zeros(3))
        long = b.expand(4, 3)
        (x * long + x * b).sum().backward()
        print(b.grad)
        """,
    ),
    "slicing": (
        """
        X = vg.TensorNode(np.ones((4, 7)))
        Y = X[:, None, 3:5]
        Y.sum().backward()
        print(Y.shape)
        print(X.grad[0])
        """,
        """
        X = nn.Parameter(torch.ones(4, 7))
        Y = X[:, None, 3:5]
        Y.sum().backward()
        print(tuple(Y.shape))
        print(X.grad[0])
        """,
    ),
    "engine": (
        """
        x = vg.TensorNode(0.8)
        s = x * x
        (s * s).backward()
        print(f"{x.grad:.6f} {4 * 0.8**3:.6f}")
        """,
        """
        x = nn.Parameter(torch.tensor(0.8))
        s = x * x
        (s * s).backward()
        print(f"{x.grad:.6f} {4 * 0.8**3:.6f}")
        """,
    ),
    "loss": (
        """
        z = vg.TensorNode(np.zeros((4, 3)))
        t = np.array([0, 1, 2, 0])
        print(f"{vg.celoss(vg.softmax(z), t).item():.4f}")
        print(f"{vg.cross_entropy(z, t).item():.4f}")
        """,
        """
        z = torch.zeros(4, 3)
        t = torch.tensor([0, 1, 2, 0])
        total = F.cross_entropy(z, t, reduction="sum")
        print(f"{total:.4f}")
        print(f"{F.cross_entropy(z, t):.4f}")
        """,
    ),
    "check": (
        """
        x = np.array([0.5, 2.0])
        print(bool(vg.gradcheck(vg.sin, [x])))
        """,
        """
        x = nn.Parameter(torch.tensor([0.5, 2]).double())
        print(torch.autograd.gradcheck(torch.sin, [x]))
        """,
    ),
    "network": (
        """
        net = vg.Sequential(
            vg.Linear(2, 3), vg.relu, vg.Linear(3, 1))
        for name, p in net.named_parameters():
            print(name, p.shape)
        """,
        """
        net = nn.Sequential(
            nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        for name, p in net.named_parameters():
            print(name, tuple(p.shape))
        """,
    ),
    "loop": (
        """
        x = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]])
        t = np.array([[1.0], [0.0], [1.0]])
        w = vg.TensorNode([[0.3, -0.2]])
        b = vg.TensorNode([0.1])
        optimiser = vg.Adam([w, b], lr=0.05)

        for step in range(101):
            y = vg.sigmoid(vg.linear(x, w, b))
            loss = vg.mse_loss(y, t)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step in (0, 1, 10, 100):
                print(f"{step:3d}  {loss.item():.10f}")
        """,
        """
        f64 = torch.float64
        x = torch.tensor([[1.0, 2], [3, -1], [0, 1]], dtype=f64)
        t = torch.tensor([[1.0], [0], [1]], dtype=f64)
        w = nn.Parameter(torch.tensor([[0.3, -0.2]], dtype=f64))
        b = nn.Parameter(torch.tensor([0.1], dtype=f64))
        optimiser = torch.optim.Adam([w, b], lr=0.05)

        for step in range(101):
            y = torch.sigmoid(F.linear(x, w, b))
            loss = F.mse_loss(y, t)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if step in (0, 1, 10, 100):
                print(f"{step:3d}  {loss.item():.10f}")
        """,
    ),
}


def printed(program: str) -> str:
    """What a program for PyTorch prints, and the first sentence of each warning."""
    scope = {"__name__": "program", "np": np, "torch": torch, "nn": nn, "F": F}
    with contextlib.redirect_stdout(io.StringIO()) as out, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        exec(program, scope)
    said = [f"{one.category.__name__}: {str(one.message).partition('. ')[0]}." for one in warned]
    return "\n".join([*said, out.getvalue().rstrip()])


def main() -> None:
    """Run PyTorch's programs, and write down what they print, beside vizgrad's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="result into a temporary folder")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the result file")
    options = parser.parse_args()
    result = Result("concept_map", {}, "none", ["numpy", "torch"])
    rows = {}
    for name, programs in ROWS.items():
        here, there = (textwrap.dedent(program).strip() for program in programs)
        rows[name] = {"vizgrad": here, "torch": there, "printed": printed(there)}
    print(result.write(Path(tempfile.mkdtemp()) if options.smoke else options.out, rows=rows))


if __name__ == "__main__":
    main()
