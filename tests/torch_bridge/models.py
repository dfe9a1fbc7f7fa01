"""Small PyTorch programs that the bridge records: each makes what it needs, and returns the leaves it trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

Leaves = Iterable[torch.Tensor]
MODELS: dict[str, Callable[[], Leaves]] = {}


def model(function: Callable[[], Leaves]) -> Callable[[], Leaves]:
    MODELS[function.__name__] = function
    return function


def batch(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


def classes(n: int, k: int) -> torch.Tensor:
    return torch.arange(n) % k


def trained(net: nn.Module, loss: torch.Tensor) -> Leaves:
    loss.backward()
    return list(net.parameters())


@model
def mlp() -> Leaves:
    net = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 3))
    return trained(net, F.cross_entropy(net(batch(5, 4)), classes(5, 3)))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3)
        self.conv2 = nn.Conv2d(2, 3, 3)
        self.hidden = nn.Linear(12, 8)
        self.out = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.relu(self.hidden(x.flatten(1)))
        return F.log_softmax(self.out(x), dim=1)


@model
def lenet() -> Leaves:
    net = LeNet()
    return trained(net, F.nll_loss(net(batch(2, 1, 14, 14)), classes(2, 4)))


@model
def report_cnn() -> Leaves:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    )
    return trained(net, F.cross_entropy(net(batch(2, 3, 8, 8)), classes(2, 3), reduction="sum"))


@model
def residual() -> Leaves:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    x = first(batch(3, 4))
    y = x + torch.relu(second(x)) + torch.relu(second(x * 2))
    (y * x).mean().backward()
    return [*first.parameters(), *second.parameters()]


@model
def batch_norm() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    return trained(net, net(batch(6, 3)).pow(2).sum())


@model
def batch_norm_in_use() -> Leaves:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
    return trained(net, net(batch(2, 1, 5, 5)).square().mean())


@model
def dropout() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.5), nn.Linear(6, 2))
    return trained(net, net(batch(4, 3)).abs().sum())


@model
def shared_weights() -> Leaves:
    layer = nn.Linear(3, 3)
    x = layer(torch.tanh(layer(batch(2, 3))))
    return trained(layer, (x @ layer.weight).sum())


@model
def attention() -> Leaves:
    q, k, v = (nn.Linear(4, 4, bias=False) for _ in range(3))
    x = batch(2, 3, 4)
    scores = q(x) @ k(x).transpose(-2, -1) / 4**0.5
    hidden = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)
    weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
    (weights @ v(x)).square().sum().backward()
    return [*q.parameters(), *k.parameters(), *v.parameters()]


@model
def attention_of_the_library() -> Leaves:
    net = nn.MultiheadAttention(4, 2, batch_first=True)
    x = batch(2, 3, 4)
    return trained(net, net(x, x, x)[0].sum())


@model
def rnn_cell() -> Leaves:
    cell = nn.RNNCell(2, 3)
    h = torch.zeros(1, 3)
    for x in batch(4, 1, 2):
        h = cell(x, h)
    return trained(cell, h.sum())


@model
def lstm_cell() -> Leaves:
    cell = nn.LSTMCell(2, 3)
    h, c = torch.zeros(1, 3), torch.zeros(1, 3)
    for x in batch(3, 1, 2):
        h, c = cell(x, (h, c))
    return trained(cell, (h * c).sum())


@model
def gru() -> Leaves:
    net = nn.GRU(2, 3, batch_first=True)
    out, last = net(batch(2, 4, 2))
    return trained(net, out.sum() + last.square().sum())


@model
def relu_in_place() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2), nn.ReLU(inplace=True))
    return trained(net, net(batch(4, 3)).sum())


@model
def views_and_slices() -> Leaves:
    w = torch.randn(4, 6, requires_grad=True)
    a = w.view(2, 12)[:, 1:9].reshape(4, 4).T[1:3]
    b = w[1] * w[:, 2].sum() + w[0, 0]
    (a.sum() * b.mean() + w.permute(1, 0).narrow(0, 1, 2).max()).backward()
    return [w]


@model
def written_through_a_view() -> Leaves:
    w = torch.randn(3, 4, requires_grad=True)
    x = w * 2
    row = x[0]
    row.mul_(w[1])
    x[2] = w[0] * 3
    (x * row).sum().backward()
    return [w]


@model
def embedding() -> Leaves:
    table, out = nn.Embedding(5, 3), nn.Linear(3, 2)
    words = torch.tensor([[0, 2, 2], [4, 1, 0]])
    out(table(words).mean(1)).square().sum().backward()
    return [*table.parameters(), *out.parameters()]


@model
def layer_norm() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 1))
    return trained(net, net(batch(5, 3)).mean())


@model
def several_losses() -> Leaves:
    net = nn.Linear(3, 2)
    y = net(batch(4, 3))
    loss = F.mse_loss(y, torch.ones(4, 2)) + 0.5 * F.binary_cross_entropy_with_logits(y, torch.ones(4, 2))
    return trained(net, loss + F.cross_entropy(y, classes(4, 2)))


@model
def two_outputs() -> Leaves:
    body, left, right = nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(4, 2)
    h = torch.tanh(body(batch(2, 3)))
    torch.autograd.backward([left(h).sum(), right(h).square().sum()])
    return [*body.parameters(), *left.parameters(), *right.parameters()]


@model
def accumulated_gradients() -> Leaves:
    net = nn.Linear(3, 1)
    for x in batch(3, 2, 3):
        net(x).square().mean().backward()
    return list(net.parameters())


@model
def backward_twice_through_one_graph() -> Leaves:
    w = torch.randn(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    return [w]


@model
def steps_of_sgd() -> Leaves:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for x in batch(3, 4, 2):
        optimiser.zero_grad()
        net(x).square().mean().backward()
        optimiser.step()
    return list(net.parameters())


@model
def steps_of_adam() -> Leaves:
    net = nn.Linear(2, 2)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    for x in batch(3, 4, 2):
        optimiser.zero_grad(set_to_none=False)
        net(x).square().mean().backward()
        optimiser.step()
    return list(net.parameters())


@model
def steps_by_hand() -> Leaves:
    w = torch.randn(3, requires_grad=True)
    for _ in range(2):
        (w * w).sum().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
    w.data.mul_(0.5)
    w.grad = None
    (w**3).sum().backward()
    return [w]


@model
def detached_branch() -> Leaves:
    net = nn.Linear(3, 3)
    y = net(batch(2, 3))
    target = torch.relu(y.detach() + 1)
    return trained(net, ((y - target) ** 2).sum())


@model
def no_grad_part() -> Leaves:
    teacher, student = nn.Linear(3, 2), nn.Linear(3, 2)
    x = batch(4, 3)
    with torch.no_grad():
        wanted = teacher(x).softmax(1)
    F.cross_entropy(student(x), wanted).backward()
    return list(student.parameters())


@model
def frozen_parameters() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    net[0].requires_grad_(False)
    net(batch(3, 3)).sum().backward()
    return list(net[2].parameters())


@model
def control_flow() -> Leaves:
    w = torch.tensor([[0.5, -0.2], [0.1, 0.9]], requires_grad=True)
    x = torch.ones(2)
    for step in range(5):
        x = w @ x if step % 2 else x * 2
        if x.norm() > 3:
            x = x / x.norm()
    x.sum().backward()
    return [w]


@model
def broadcasting() -> Leaves:
    a, b, c = (torch.randn(shape, requires_grad=True) for shape in ((3, 1), (1, 4), ()))
    ((a + b) * c / (b**2 + 1) - a).sum().backward()
    return [a, b, c]


@model
def put_together_and_taken_apart() -> Leaves:
    a, b = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    whole = torch.cat([a, b, a], dim=1)
    first, second, _ = whole.split(3, dim=1)
    left, right = torch.stack([first * 2, second]).chunk(2)
    (left * right + torch.stack(whole.unbind(0)).sum()).sum().backward()
    return [a, b]


@model
def where_and_clamp() -> Leaves:
    a, b = torch.randn(4, requires_grad=True), torch.randn(4, requires_grad=True)
    (torch.where(a > b, a, b * 2).clamp(-1, 1) + torch.maximum(a, b)).sum().backward()
    return [a, b]


@model
def max_with_places() -> Leaves:
    w = torch.randn(3, 5, requires_grad=True)
    values, places = w.max(dim=1)
    top = w.topk(2, dim=1).values
    (values * top.sum(1) + w.gather(1, places[:, None])[:, 0]).sum().backward()
    return [w]


@model
def einsum() -> Leaves:
    a, b = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 4, 5, requires_grad=True)
    torch.einsum("bij,bjk->bik", a, b).square().sum().backward()
    return [a, b]


@model
def without_modules() -> Leaves:
    w, b = torch.randn(2, 3, requires_grad=True), torch.zeros(2, requires_grad=True)
    k = torch.randn(1, 1, 2, 2, requires_grad=True)
    y = F.linear(F.leaky_relu(batch(4, 3)), w, b)
    loss = F.mse_loss(F.softplus(y), torch.ones(4, 2)) + F.conv2d(batch(1, 1, 4, 4), k).logsumexp((2, 3)).sum()
    loss.backward()
    return [w, b, k]


@model
def functional_call() -> Leaves:
    net = nn.Linear(3, 2)
    parameters = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
    torch.func.functional_call(net, parameters, (batch(4, 3),)).sum().backward()
    return list(parameters.values())


@model
def one_module_twice() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    x = net(net(batch(2, 3)))
    return trained(net, x.prod())


@model
def own_function() -> Leaves:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, go):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * go

    w = torch.randn(3, requires_grad=True)
    (Cube.apply(w * 2) + w).sum().backward()
    return [w]


@model
def clipped_gradients() -> Leaves:
    net = nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.1)
    net(batch(4, 3)).square().sum().backward()
    nn.utils.clip_grad_norm_(net.parameters(), 10_000.0)
    optimiser.step()
    return list(net.parameters())


@model
def mixed_precision() -> Leaves:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = net(batch(3, 4))
    return trained(net, y.float().square().mean())


@model
def large_tensors() -> Leaves:
    w = torch.randn(80, 80, requires_grad=True)
    x = w * 2
    (x @ x + x + w).sum().backward()
    return [w]


@model
def gradient_of_a_gradient() -> Leaves:
    w = torch.randn(3, requires_grad=True)
    (slope,) = torch.autograd.grad((w**3).sum(), w, create_graph=True)
    (slope**2).sum().backward()
    return [w]


@model
def function_transforms() -> Leaves:
    w = torch.randn(3, requires_grad=True)
    slope = torch.func.grad(lambda x: (x**2).sum())(torch.ones(3))
    (w * slope * torch.vmap(torch.sin)(torch.ones(3))).sum().backward()
    return [w]


@model
def complex_numbers() -> Leaves:
    w = torch.randn(3, dtype=torch.cfloat, requires_grad=True)
    (w * w.conj()).real.sum().backward()
    return [w]


@model
def checkpointed() -> Leaves:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    return trained(net, checkpoint(net, batch(2, 3), use_reentrant=False).sum())


@model
def steps_of_rmsprop_and_adamax() -> Leaves:
    body, head = nn.Linear(2, 3), nn.Linear(3, 1)
    optimisers = [
        torch.optim.RMSprop(body.parameters(), lr=0.01, momentum=0.5, centered=True),
        torch.optim.Adamax(head.parameters(), lr=0.1, weight_decay=0.1),
    ]
    for x in batch(3, 4, 2):
        for optimiser in optimisers:
            optimiser.zero_grad()
        head(torch.tanh(body(x))).square().mean().backward()
        for optimiser in optimisers:
            optimiser.step()
    return [*body.parameters(), *head.parameters()]


@model
def buffer_that_is_replaced() -> Leaves:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(3))
            self.register_buffer("mean", torch.zeros(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
            return (x - self.mean) * self.w

    net = Mean()
    return trained(net, sum(net(batch(4, 3)).square().sum() for _ in range(4)))


@model
def search_along_a_line() -> Leaves:
    w = torch.randn(2, requires_grad=True)
    optimiser = torch.optim.LBFGS([w], max_iter=3)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return [w]


class Block(nn.Module):
    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        same = channels == out and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """A ResNet-18, as for images of 224 by 224 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
        pairs = itertools.pairwise(widths)
        self.blocks = nn.Sequential(*(Block(a, b, 1 + (a != b)) for a, b in pairs))
        self.out = nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 3, 2, 1)
        return self.out(self.blocks(x).mean((2, 3)))
