"""The MLPs on CIFAR-10: what is trained at once is what would be trained alone, and a stopped run goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

STEPS = (4, 8, 16)


@pytest.fixture
def data(load):
    """Images that two classes can be told from, more or less; their number is no multiple of any batch."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((99, 6)).astype(np.float32), rng.integers(0, 3, 99)
    return load("_data").Data("made", (x, y), (x[:20], y[:20]), 3)


def test_networks_trained_at_once_are_those_trained_alone(load, data):
    grid = load("mlp_grid")
    settings = grid.Grid((5, 4), STEPS, (0.3, 0.05))
    together = grid.GridTraining(settings, 1, data)
    start = together.state()
    x, y = together._x, together._y
    assert all(len(x) % batch for batch in STEPS)  # so each last batch is a smaller one
    for _ in range(2):
        together.epoch()
    cells = [(batch, rate) for batch in STEPS for rate in settings.rates]
    for place, (batch, rate) in enumerate(cells):
        alone = grid.network(6, settings.hidden, 3)
        alone.load_state_dict({name: torch.tensor(stacked[place]) for name, stacked in start.items()})
        optimiser = torch.optim.SGD(alone.parameters(), lr=rate)
        for _ in range(2):
            for images, classes in zip(x.split(batch), y.split(batch), strict=True):
                optimiser.zero_grad()
                (grid.summed_loss(alone(images), classes) / len(images)).backward()
                optimiser.step()
        for name, parameter in alone.named_parameters():
            torch.testing.assert_close(together._weights[name][place], parameter.detach(), rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            right = (alone(together._x_held).argmax(dim=1) == together._y_held).double().mean().item()
        assert together.measure()[grid.cell(batch, rate)] == pytest.approx(right)


def test_folds_hold_out_every_image_once_and_a_fifth_of_the_rest_is_set_aside(load, data):
    grid = load("mlp_grid")
    held = []
    for fold in range(grid.FOLDS):
        training = grid.GridTraining(grid.Grid((2,), (4,), (0.1,)), fold, data)
        held += training._x_held[:, 0].tolist()
        seen = set(training._x[:, 0].tolist())
        assert len(seen) == pytest.approx(0.64 * 99, abs=2)
        assert not seen & set(training._x_held[:, 0].tolist())
    assert sorted(held) == sorted(data.train[0][:, 0].tolist())


def test_the_loss_is_the_logarithm_of_probabilities(load):
    grid = load("mlp_grid")
    scores, classes = torch.randn(7, 4), torch.arange(7) % 4
    wanted = torch.nn.functional.cross_entropy(scores, classes, reduction="sum")
    torch.testing.assert_close(grid.summed_loss(scores.softmax(dim=1), classes), wanted, rtol=1e-4, atol=1e-4)
    impossible = grid.summed_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert impossible.item() == pytest.approx(-np.log(np.finfo(np.float32).eps))


def test_scores_are_laid_out_by_batch_network_and_rate(load):
    grid = load("mlp_grid")
    numbers = iter(range(36))
    curves = {
        name: {grid.cell(batch, rate): np.full((5, 3), next(numbers)) for batch in grid.BATCHES for rate in grid.RATES}
        for name in grid.NETWORKS
    }
    scores = np.array(grid.claims(curves)["mean score, by batch, network and rate"])
    np.testing.assert_array_equal(scores, np.arange(36).reshape(3, 4, 3).transpose(1, 0, 2))


@pytest.mark.parametrize("kind", ["grid", "plain", "dropout", "batch norm"])
def test_a_training_that_is_loaded_goes_on_to_the_same_numbers(load, data, kind):
    grid, best = load("mlp_grid"), load("mlp_best")
    small = best.Settings(validation=15, hidden=(6, 5), batch=8, lr=0.01)
    start, settings = {
        "grid": (grid.GridTraining, grid.Grid((5,), STEPS, (0.1, 0.01))),
        "plain": (best.BestTraining, replace(small, validation=0)),
        "dropout": (best.BestTraining, replace(small, dropout=0.5)),
        "batch norm": (best.BestTraining, replace(small, batch_norm=True)),
    }[kind]
    whole = start(settings, 3, data)
    for epoch in range(3):
        if epoch == 1:
            saved = whole.state()
        whole.epoch()
    resumed = start(settings, 3, data)
    resumed.load(saved)
    resumed.epoch()
    resumed.epoch()
    assert resumed.measure() == whole.measure()
    for name, array in whole.state().items():
        np.testing.assert_array_equal(resumed.state()[name], array)


def test_images_that_choose_the_epoch_are_not_learned_from(load, data):
    best = load("mlp_best")
    training = best.BestTraining(best.Settings(validation=15, hidden=(4,)), 0, data)
    learned, chosen = training._train[0][:, 0].tolist(), training._held[0][:, 0].tolist()
    assert len(chosen) == 15 and sorted(learned + chosen) == sorted(data.train[0][:, 0].tolist())
    everything = best.BestTraining(best.Settings(hidden=(4,)), 0, data)
    assert len(everything._train[1]) == 99 and "validation_accuracy" not in everything.measure()


def test_the_epoch_is_chosen_by_validation_and_the_test_images_are_asked_once(load):
    best = load("mlp_best")
    test, validation = np.array([[0.1, 0.5, 0.6, 0.4]]), np.array([[0.9, 0.5, 0.4, 0.6]])
    of = {"test_accuracy": test, "train_accuracy": test + 0.1}
    found = best.claims({"all images": of, "validated": of | {"validation_accuracy": validation}})
    assert found["best test accuracy, chosen on the test set"] == 0.6 and found["its epoch, by seed"] == [2]
    assert found["validated: test accuracy at the epoch that validation chose"] == 0.4
    assert found["training minus test accuracy at the end"] == pytest.approx(0.1)


@pytest.mark.parametrize("hidden, count", [((100, 100), 318_410), ((1000,), 3_083_010), ((50, 30, 20), 156_010)])
def test_the_networks_of_the_grid_have_the_reported_sizes(load, hidden, count):
    network = load("mlp_grid").network(3072, hidden, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_the_best_network_has_its_size(load):
    best = load("mlp_best")
    assert sum(parameter.numel() for parameter in best.network(3072, 10, best.Settings()).parameters()) == 2_293_010
