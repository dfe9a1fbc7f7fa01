"""The networks of the experiments in PyTorch; each is made by a function, and all of them end in ten scores."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

CLASSES = 10


# --- small ------------------------------------------------------------------------------------------------------------


def small_cnn(channels: int, size: int, kernel: int = 5) -> nn.Sequential:
    """Two convolutions, each with ReLU and a 2 x 2 max-pool, then three linear layers.

    Args:
        channels: of an image, 3 for CIFAR-10.
        size: height and width of an image.
        kernel: height and width of both kernels.
    """
    side = ((size - kernel + 1) // 2 - kernel + 1) // 2  # of the maps that the linear layers are given
    return nn.Sequential(
        *(nn.Conv2d(channels, 6, kernel), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, kernel), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * side * side, 120), nn.ReLU()),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES)),
    )


def lenet5() -> nn.Sequential:
    """LeNet-5 for CIFAR-10: tanh, average pools, and a third convolution that does what a linear layer would do."""
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten()),
        *(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, CLASSES)),
    )


# --- large ------------------------------------------------------------------------------------------------------------


def memoriser(dropout: float = 0.5) -> nn.Sequential:
    """Six convolutions and two linear layers for MNIST: 1,488 parameters for each of 6,000 images."""
    return nn.Sequential(
        *(nn.Conv2d(1, 96, 4), nn.ReLU(), nn.Conv2d(96, 96, 3), nn.ReLU()),
        *(nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Flatten(), nn.Dropout(dropout), nn.Linear(256 * 5 * 5, 800), nn.ReLU(), nn.Linear(800, CLASSES)),
    )


def vgg() -> nn.Sequential:
    """A small VGG for CIFAR-10: 3 x 3 convolutions with batch norm and ReLU, and a max-pool after each group."""
    layers: list[nn.Module] = []
    channels = 3
    for group in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for features in group:
            layers += [nn.Conv2d(channels, features, 3, padding=1), nn.BatchNorm2d(features), nn.ReLU()]
            channels = features
        layers.append(nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, CLASSES))


def resnet(width: int = 64) -> nn.Sequential:
    """A shallow and wide residual network for CIFAR-10: four stages, two of them with a residual block."""
    w1, w2, w3, w4 = (width * times for times in (1, 2, 4, 8))
    return nn.Sequential(
        _normed(3, w1),
        *(_normed(w1, w2), nn.MaxPool2d(2), Residual(nn.Sequential(_normed(w2, w2), _normed(w2, w2)))),
        *(_normed(w2, w3), nn.MaxPool2d(2)),
        *(_normed(w3, w4), nn.MaxPool2d(2), Residual(nn.Sequential(_normed(w4, w4), _normed(w4, w4)))),
        *(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(w4, CLASSES, bias=False), Times(1 / 8)),
    )


def _normed(channels: int, features: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, features, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(features), nn.ReLU())


# --- deep -------------------------------------------------------------------------------------------------------------


def deep_mlp(depth: int, width: int, residual: bool = False, norm: bool = False) -> nn.Sequential:
    """Linear layers with ReLU for MNIST.

    Args:
        depth: how many hidden layers.
        width: units in each of them.
        residual: whether each hidden layer from the second on adds its input to what it computes.
        norm: whether each hidden layer has batch norm before its ReLU.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for place, (inputs, outputs) in enumerate(pairwise([28 * 28, *[width] * depth])):
        layer = nn.Sequential(nn.Linear(inputs, outputs), *[nn.BatchNorm1d(outputs)] * norm, nn.ReLU())
        layers.append(Residual(layer) if residual and place else layer)
    return nn.Sequential(*layers, nn.Linear(width, CLASSES))


# --- parts ------------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """Adds its input to what a layer makes of it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)


class Times(nn.Module):
    """Multiplies by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


NETWORKS = {make.__name__: make for make in (small_cnn, lenet5, memoriser, vgg, resnet, deep_mlp)}


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())
