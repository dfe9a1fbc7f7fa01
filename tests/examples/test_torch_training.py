"""Networks of PyTorch in training: a resumed run finds the same numbers, and seeds together what each finds alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

MLP = {"network": "deep_mlp", "of": {"depth": 2, "width": 8}}
CNN = {"network": "small_cnn", "of": {"channels": 1, "size": 28}}


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small gain nothing from a second one, and wait long for it on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pixels():
    """96 images of a bright square on noise, in one of ten places, and 32 that are held out."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 10, 128)
    x = rng.standard_normal((128, 1, 28, 28), np.float32)
    for image, place in zip(x, classes, strict=True):
        image[0, 5 * (place // 5) + 4 :, 5 * (place % 5) + 2 :][:5, :5] += 3
    return (x[:96], classes[:96]), (x[96:], classes[96:])


@pytest.fixture
def start(load, pixels):
    """Makes a training on these images, grey or in three channels of 32 x 32."""
    torch_training, data = load("_torch_training"), load("_data")

    def make(seeds=0, colours=False, **settings):
        splits = pixels
        if colours:
            splits = [(np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2))).repeat(3, 1), y) for x, y in pixels]
        settings = torch_training.Settings(**{"lr": 0.01, "batch": 20, **CNN, **settings})
        return torch_training.TorchTraining(settings, seeds, data.Data("made", *splits, 10))

    return make


def same(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.9, "flip": True, "shift": 2, "cycle": 4, "mirrored": True},
        {"optimiser": "Adam", "steps": 3, "seeds": [0, 1]},
        {"optimiser": "Adamax", "network": "deep_mlp", "of": {"depth": 3, "width": 8, "norm": True}, "seeds": [3, 4]},
        {"optimiser": "RMSprop", "network": "lenet5", "of": {}, "colours": True},
    ],
    ids=lambda settings: settings.get("optimiser", "SGD"),
)
def test_another_training_goes_on_to_the_same_numbers(start, settings):
    whole, first = start(**settings), start(**settings)
    for _ in range(3):
        whole.epoch()
    first.epoch()
    state = {name: array.copy() for name, array in first.state().items()}
    second = start(**settings)
    torch.manual_seed(99)  # nothing depends on what was drawn elsewhere
    second.load(state)
    second.epoch()
    second.epoch()
    same(whole.state(), second.state())
    same(whole.measure(), second.measure())


@pytest.mark.parametrize("together", [(), ("cpu",)], ids=["alone", "together"])
def test_a_stopped_experiment_is_resumed_to_the_same_file(load, pixels, tmp_path, monkeypatch, together):
    harness, torch_training, judged = load("_harness"), load("_torch_training"), load("_judged")
    variants = {
        name: torch_training.Settings(lr=0.01, optimiser=name, batch=40, shift=1, **CNN) for name in ("SGD", "Adam")
    }
    data = load("_data").Data("made", *pixels, 10)
    experiment = torch_training.TorchExperiment(
        "few", "", variants, data=lambda folder: data, epochs=3, together=together, inspect=judged.inspect
    )

    def found(folder, *arguments):
        places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / folder)]
        harness.main(experiment, ["--seeds", "2", "--device", "cpu", *places, *arguments])
        numbers = json.loads((tmp_path / folder / "few.json").read_text(encoding="utf-8"))
        del numbers["provenance"]
        for of_variant in numbers["variants"].values():
            del of_variant["curves"]["seconds"], of_variant["final"]["seconds"]
        return numbers

    whole = found("whole")
    epoch, left = torch_training.TorchTraining.epoch, iter(range(4))

    def stops(training):
        if next(left, None) is None:
            raise KeyboardInterrupt
        epoch(training)

    with monkeypatch.context() as patch:
        patch.setattr(torch_training.TorchTraining, "epoch", stops)
        with pytest.raises(SystemExit) as stopped:
            found("stopped")
    assert stopped.value.code == harness.INTERRUPTED
    assert found("resumed", "--resume") == whole
    assert len(whole["variants"]["Adam"]["at_end"]) == 2


@pytest.mark.parametrize(
    "settings",
    [CNN, {"optimiser": "Adam"}, {**MLP, "of": {"depth": 3, "width": 8, "norm": True, "residual": True}}],
    ids=["convolutions", "Adam", "batch norm"],
)
def test_seeds_together_find_what_each_finds_alone(start, settings):
    seeds = [3, 0, 7]
    together = start(seeds, **settings)
    alone = [start(seed, **settings) for seed in seeds]
    for epoch in range(3):
        if epoch:
            for training in (together, *alone):
                training.epoch()
        for name, of_all in together.measure().items():
            of_each = [training.measure()[name] for training in alone]
            np.testing.assert_allclose(of_all, np.concatenate(of_each), rtol=1e-4, atol=1e-5, err_msg=name)
    assert len(set(together.measure()["train_loss"])) == 3


def test_a_step_is_that_of_pytorch_alone(start, load, pixels):
    """One epoch by hand: a plain loop over the batches, with the network that the seed gives."""
    training = start(5, momentum=0.9)
    torch.manual_seed(5)
    network = load("_networks").small_cnn(1, 28)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    x, y = (torch.from_numpy(array) for array in pixels[0])
    means, images = [], 0.0
    for chosen in torch.from_numpy(load("_data").order(96, 5, 0)).split(20):
        loss = nn.functional.cross_entropy(network(x[chosen]), y[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        means.append(loss.item())
        images += loss.item() * len(chosen)
    training.epoch()
    measured = training.measure()
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(training.state()[f"value.{name}"][0], parameter.detach(), rtol=1e-4, atol=1e-6)
    assert measured["loss_sum"] == pytest.approx(sum(means), rel=1e-5)
    assert measured["train_loss"] == pytest.approx(images / 96, rel=1e-5)
    with torch.no_grad():
        right = (network(torch.from_numpy(pixels[1][0])).argmax(1).numpy() == pixels[1][1]).mean()
    assert measured["accuracy"] == pytest.approx(right)


def test_before_the_first_epoch_the_losses_are_those_of_the_untrained_network(start):
    training = start([0, 1], lr=0.0)
    before = training.measure()
    training.epoch()
    for name, values in training.measure().items():
        np.testing.assert_allclose(values, before[name], rtol=1e-5, err_msg=name)


def test_it_learns(start):
    training = start(lr=0.003, optimiser="Adam")
    for _ in range(12):
        training.epoch()
    assert training.measure()["accuracy"] > 0.8


def test_a_cycle_rises_and_falls(start):
    training = start(lr=0.5, cycle=10)
    rates = []
    for epoch in np.arange(0, 12, 0.5):
        training._set_rate(epoch)
        rates.append(training._optimiser.param_groups[0]["lr"])
    assert rates[:5] == pytest.approx([0, 0.125, 0.25, 0.375, 0.5])
    assert rates[4:21] == pytest.approx(np.linspace(0.5, 0, 17))
    assert rates[21:] == [0, 0, 0]


def test_mirrored_and_moved_images_are_the_same_images(load):
    torch_training = load("_torch_training")
    torch.manual_seed(0)
    x = torch.arange(40 * 2 * 6 * 6, dtype=torch.float32).view(40, 2, 6, 6)
    mirrored = torch_training.flipped(x)
    as_before = (mirrored == x).flatten(1).all(1)
    assert 8 < as_before.sum() < 32
    assert torch.equal(mirrored[~as_before], x[~as_before].flip(-1))
    moved = torch_training.shifted(x, 2)
    padded = nn.functional.pad(x, [2] * 4, mode="reflect")
    windows = padded.unfold(2, 6, 1).unfold(3, 6, 1)  # every place where an image can be
    found = (windows == moved[:, :, None, None]).all(-1).all(-1).all(1)  # (40, 5, 5)
    assert (found.flatten(1).sum(1) == 1).all()
    assert found.any(0).sum() > 15  # both directions, all distances


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "of", "image", "parameters", "maps"),
    [
        ("small_cnn", {"channels": 3, "size": 32}, (3, 32, 32), 62_006, [(6, 28), (6, 14), (16, 10), (16, 5)]),
        ("small_cnn", {"channels": 1, "size": 28}, (1, 28, 28), 44_426, [(6, 24), (6, 12), (16, 8), (16, 4)]),
        ("lenet5", {}, (3, 32, 32), 62_006, [(6, 28), (6, 14), (16, 10), (16, 5), (120, 1)]),
        ("memoriser", {}, (1, 28, 28), 8_925_738, [(96, 25), (96, 23), (256, 23), (256, 11), (384, 11), (256, 5)]),
        ("vgg", {}, (3, 32, 32), 9_231_114, [(64, 32), (64, 16), (128, 8), (256, 4), (512, 2), (512, 1)]),
        ("resnet", {}, (3, 32, 32), 6_573_120, [(64, 32), (128, 16), (256, 8), (512, 4), (512, 1)]),
    ],
    ids=["tutorial", "mnist_cnn", "lenet5", "memoriser", "vgg", "resnet"],
)
def test_parameters_and_maps(load, name, of, image, parameters, maps):
    networks = load("_networks")
    network = networks.NETWORKS[name](**of).eval()
    seen = []
    for layer in network.modules():
        layer.register_forward_hook(lambda layer, given, out: seen.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert network(torch.zeros(1, *image)).shape == (1, 10)
    assert networks.parameters(network) == parameters
    sizes = iter(dict.fromkeys(shape for shape in seen if len(shape) == 3))
    assert all((channels, side, side) in sizes for channels, side in maps)  # in this order


@pytest.mark.parametrize(("kernel", "flat"), [(3, 400), (5, 256), (7, 64)])
def test_the_first_linear_layer_fits_the_kernel(load, kernel, flat):
    network = load("_networks").small_cnn(1, 28, kernel)
    assert next(layer for layer in network if isinstance(layer, nn.Linear)).in_features == flat
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_a_residual_layer_adds_its_input(load):
    networks = load("_networks")
    deep = networks.deep_mlp(20, 16, residual=True)
    for parameter in deep[2:-1].parameters():
        nn.init.zeros_(parameter)
    shallow = nn.Sequential(*deep[:2], deep[-1])
    x = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(deep(x), shallow(x))
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in networks.deep_mlp(5, 4, norm=True).modules()) == 5
