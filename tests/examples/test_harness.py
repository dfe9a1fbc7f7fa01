"""The harness of the experiments: a stopped run goes on to the same numbers, and bad files say what is wrong."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import time
from hashlib import md5
from io import BytesIO

import numpy as np
import pytest

import vizgrad as vg

QUICK = "synth_baseline"  # `nox -s examples` runs all


@pytest.fixture
def run(root, tmp_path):
    """Starts a script with --smoke and an own place for what it writes."""

    def start(script: str, *arguments: str, wait: bool = True, by: tuple[str, ...] = ()):
        own = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
        command = [sys.executable, *by, str(root / "examples" / f"{script}.py"), "--smoke", *own, *arguments]
        environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=hear_ctrl_c,
        )
        return finished(process) if wait else process

    return start


def hear_ctrl_c() -> None:
    """What a shell has started in the background inherits that it does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished(process: subprocess.Popen) -> subprocess.CompletedProcess:
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def numbers(tmp_path, script: str) -> dict:
    """What a script has found, without what differs from run to run."""
    found = json.loads((tmp_path / "out" / f"{script}.json").read_text(encoding="utf-8"))
    del found["provenance"], found["curves"]["seconds"], found["final"]["seconds"]
    return found


def test_killed_at_any_moment_and_resumed_it_finds_the_same_numbers(run, tmp_path):
    length = ("--epochs", "60", "--seeds", "2")
    assert run(QUICK, *length).returncode == 0
    whole = numbers(tmp_path, QUICK)
    (tmp_path / "out" / f"{QUICK}.json").unlink()
    rng = np.random.default_rng(0)
    for kill in range(3):
        process = run(QUICK, "--resume", *length, wait=False)
        next(line for line in process.stdout if "epoch" in line)
        time.sleep(kill * rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert run(QUICK, "--resume", *length).returncode == 0
    assert numbers(tmp_path, QUICK) == whole
    assert not list(tmp_path.rglob("*.npz"))


def test_two_processes_find_what_one_finds(run, tmp_path):
    length = ("--epochs", "2", "--seeds", "3")
    assert run(QUICK, *length).returncode == 0
    alone = numbers(tmp_path, QUICK)
    (tmp_path / "out" / f"{QUICK}.json").unlink()
    (tmp_path / "runs" / f"{QUICK}-smoke").mkdir(parents=True)
    (tmp_path / "runs" / f"{QUICK}-smoke" / "synth-2.npz").write_bytes(b"of an older run")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--local-addr", "localhost")
    done = run(QUICK, *length, by=torchrun)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 1
    assert sorted(line.split("epoch")[0].strip() for line in done.stdout.splitlines() if "epoch 2/2" in line) == [
        f"synth  seed {seed}" for seed in range(3)
    ]  # each run was made once
    assert numbers(tmp_path, QUICK) == alone


def test_ctrl_c_leaves_what_a_resumed_run_needs(run, tmp_path):
    length = ("--epochs", "200", "--seeds", "1")
    process = run("synth_baseline", *length, wait=False)
    for line in process.stdout:
        if "epoch   3/200" in line:
            process.send_signal(signal.SIGINT)
            break
    done = finished(process)
    assert done.returncode == 130
    assert "Go on with: python examples/synth_baseline.py --resume" in done.stderr
    assert "Traceback" not in done.stderr
    [checkpoint] = tmp_path.rglob("*.npz")
    with np.load(checkpoint) as saved:
        reached = len(json.loads(bytes(saved["about"]))["curves"]["accuracy"]) - 1
    assert 3 <= reached < 200
    process = run("synth_baseline", "--resume", *length, wait=False)
    first = process.stdout.readline()
    process.kill()
    process.communicate()
    assert f"epoch {reached:3d}/200" in first


@pytest.mark.parametrize("fault", ["cut off", "noise", "other settings", "pickled"])
def test_a_checkpoint_that_cannot_be_used_says_so(load, tmp_path, fault):
    harness, path = load("_harness"), tmp_path / "run.npz"
    run = harness.Progressed({"loss": [3.0, 2.0]}, 1.5, {"w": np.arange(1000.0)})
    harness.Checkpoint(path, ["these"]).write(run)
    again = harness.Checkpoint(path, ["these"]).read()
    assert (again.curves, again.seconds, again.epochs) == (run.curves, run.seconds, 1)
    np.testing.assert_array_equal(again.state["w"], run.state["w"])
    if fault == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    elif fault == "noise":
        path.write_bytes(os.urandom(500))
    elif fault == "pickled":
        np.savez(path, about=np.array([{"of": 1}], dtype=object))
    settings = ["others" if fault == "other settings" else "these"]
    with pytest.raises(harness.CheckpointError, match="other settings" if settings == ["others"] else "cannot be read"):
        harness.Checkpoint(path, settings).read()


@pytest.mark.parametrize("together", [(), ("cpu",)])
def test_seeds_that_train_together_come_back_one_by_one(load, tmp_path, together):
    harness, data, mlp = load("_harness"), load("_data"), load("_mlp")

    class Counting:
        """Measures seed and epoch, of one seed or of several."""

        def __init__(self, settings, seeds, data, device):
            self.seeds, self.done = np.asarray(seeds), 0.0

        def measure(self):
            return {"seed": self.seeds, "done": self.done + 10 * self.seeds}

        def epoch(self):
            self.done += 1

        def state(self):
            return {"done": np.array(self.done)}

        def inspect(self):
            return [{"asked": int(seed)} for seed in np.atleast_1d(self.seeds)]

    variants = {"a": mlp.Settings(2, 0.1), "b": mlp.Settings(3, 0.1)}
    experiment = harness.Experiment(
        "few", "", variants, Counting, data.synth, 2, together=together, inspect=Counting.inspect
    )
    harness.main(experiment, ["--smoke", "--seeds", "3", "--runs", str(tmp_path), "--out", str(tmp_path)])
    found = json.loads((tmp_path / "few.json").read_text(encoding="utf-8"))
    for of_variant in found["variants"].values():
        assert of_variant["curves"]["seed"] == [[0, 0, 0], [1, 1, 1], [2, 2, 2]]
        assert of_variant["curves"]["done"] == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]
        assert np.shape(of_variant["curves"]["seconds"]) == (3, 3)
        assert of_variant["final"]["done"]["mean"] == 12
        assert of_variant["at_end"] == [{"asked": 0}, {"asked": 1}, {"asked": 2}]


def test_a_program_that_finds_a_damaged_checkpoint_ends_with_a_sentence(load, tmp_path, capsys):
    harness, mlp, data = load("_harness"), load("_mlp"), load("_data")
    experiment = harness.Experiment("few", "", {"one": mlp.Settings(2, 0.1)}, mlp.MLPTraining, data.synth, 3)
    (tmp_path / "few-smoke").mkdir()
    (tmp_path / "few-smoke/one-0.npz").write_bytes(b"nothing")
    with pytest.raises(SystemExit) as stopped:
        harness.main(experiment, ["--smoke", "--resume", "--runs", str(tmp_path)])
    assert stopped.value.code == 1
    assert "one-0.npz cannot be read" in capsys.readouterr().err


def test_a_result_says_what_it_comes_from(run, tmp_path):
    run("digits_mlp")
    found = json.loads((tmp_path / "out/digits_mlp.json").read_text(encoding="utf-8"))
    assert found["config"]["seeds"] == [0] and found["config"]["epochs"] == 2 and found["config"]["device"] == "cpu"
    assert set(found["provenance"]) == {"commit", "hardware", "system", "libraries", "date", "wall_seconds"}
    assert set(found["provenance"]["libraries"]) == {"python", "numpy", "scikit-learn"}
    assert found["data"].startswith("scikit-learn")
    assert all(np.shape(curve) == (1, 3) for curve in found["curves"].values())
    assert found["final"]["test_accuracy"]["mean"] == found["curves"]["test_accuracy"][0][-1]


def test_a_run_on_a_part_of_the_images_says_so(run, load, tmp_path):
    run(QUICK, "--images", "50")
    found = json.loads((tmp_path / f"out/{QUICK}.json").read_text(encoding="utf-8"))
    assert found["config"]["images"] == 50
    assert found["data"].endswith("only 50 images of each part, drawn with seed 0")
    data = load("_data")
    whole = data.stand_in("MNIST", (28, 28))
    part = data.drawn(whole, 200)
    assert [len(array) for array in (*part.train, *part.held)] == [200] * 4
    assert set(part.train[1]) == set(whole.train[1])
    where = [np.flatnonzero((whole.train[0] == image).all(axis=1)) for image in part.train[0][:20]]
    assert all(label in whole.train[1][places] for places, label in zip(where, part.train[1], strict=False))


def test_a_diverged_run_is_written_as_json(load, tmp_path):
    result = load("_results").Result("x", {}, "none", [])
    path = result.write(tmp_path, curve=[1.0, float("nan"), float("inf")])
    assert json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)["curve"] == [1.0, None, None]


@pytest.mark.parametrize(
    "arguments", [["--seeds", "0"], ["--epochs", "-1"], ["--images", "0"], ["--device", "cuda"], ["--seeds", "two"]]
)
def test_arguments_that_mean_nothing_are_refused(run, arguments):
    done = run("synth_baseline", *arguments)
    assert done.returncode == 2
    assert arguments[1] in done.stderr


# --- the network ------------------------------------------------------------------------------------------------------


def test_the_loss_of_an_epoch_is_the_mean_over_its_images(load):
    mlp, data = load("_mlp"), load("_data")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 3)).astype(np.float32), rng.integers(0, 2, 50)
    both = []
    for reduction, lr in (("sum", 0.0), ("mean", 0.0)):
        settings = mlp.Settings(4, lr, batch=8, reduction=reduction, shuffle=True)
        training = mlp.MLPTraining(settings, 0, data.Data("made", (x, y), (x, y), 2))
        before = training.measure()["train_loss"]
        training.epoch()
        assert training.measure()["train_loss"] == pytest.approx(before, rel=1e-5)  # nothing moved
        both.append(before)
    assert both[0] == both[1]


def test_a_pass_sees_every_image_once_and_steps_go_on_through_passes(load, monkeypatch):
    mlp, data = load("_mlp"), load("_data")
    x, y = np.ones((10, 1), np.float32), np.arange(10)
    settings = mlp.Settings(2, 0.1, batch=3, shuffle=True, steps=6)
    training = mlp.MLPTraining(settings, 7, data.Data("made", (x, y), (x, y), 10))
    seen, loss = [], vg.cross_entropy
    monkeypatch.setattr(vg, "cross_entropy", lambda scores, y, reduction: seen.append(y) or loss(scores, y, reduction))
    training.epoch()
    training.epoch()
    assert [len(batch) for batch in seen] == [3, 3, 3, 1] * 3
    passes = np.concatenate(seen).reshape(3, 10)
    assert (np.sort(passes, axis=1) == y).all()
    assert (passes[0] != passes[1]).any()


def test_hidden_units_that_start_at_zero_stay_the_same(load):
    mlp, data = load("_mlp"), load("_data")
    images = data.stand_in("MNIST", (28, 28))
    training = mlp.MLPTraining(mlp.Settings(30, 1e-4, init="zero"), 0, images)
    for _ in range(3):
        training.epoch()
        assert training.measure()["unit_difference"] < 1e-6
    assert training.measure()["accuracy"] > 0.1


# --- data -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def colours():
    """Twelve images: two classes, one of them twice."""
    return np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), np.uint8)


def test_cifar_as_torchvision_lays_it_out(load, tmp_path, monkeypatch, colours):
    data = load("_data")
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    sums = {}
    for i, name in enumerate(data.BATCHES):
        batch = {b"data": colours[2 * i : 2 * i + 2].reshape(2, -1), b"labels": [i, 9 - i]}
        content = pickle.dumps(batch, protocol=2)
        (folder / name).write_bytes(content)
        sums[name] = md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(data, "BATCHES", sums)
    about, (x, y), (x_test, y_test) = data.cifar10(tmp_path)
    assert about == "CIFAR-10"
    np.testing.assert_array_equal(np.concatenate([x, x_test]), colours)
    assert [*y, *y_test] == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5, 5, 4]

    (folder / "data_batch_3").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")  # a pickle that would run a command
    with pytest.raises(vg.DataError, match=r"data_batch_3 is damaged"):
        data.cifar10(tmp_path)
    (folder / "data_batch_3").unlink()
    with pytest.raises(vg.DataError, match=r"data_batch_3 is missing"):
        data.cifar10(tmp_path)


def jpegs(colours) -> dict[str, bytes]:
    image = pytest.importorskip("PIL.Image")
    files = {}
    for i, pixels in enumerate(colours):
        content = BytesIO()
        image.fromarray(pixels.transpose(1, 2, 0)).save(content, "JPEG", quality=100, subsampling=0)
        part, kind = ("train" if i < 8 else "test"), ("airplane", "truck")[i % 2]
        files[f"{part}/{kind}/{i:04}.jpg"] = content.getvalue()
    return files


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_as_images(load, tmp_path, monkeypatch, colours, packed):
    data = load("_data")
    monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
    files = jpegs(np.repeat(np.repeat(colours[:, :, ::8, ::8], 8, 2), 8, 3))
    for name, content in files.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(content)
    folder = tmp_path / "tree"
    if packed:
        folder = tmp_path / "packed"
        folder.mkdir()
        with tarfile.open(folder / data.ARCHIVE, "w:xz") as archive:
            for name in reversed(files):
                archive.add(tmp_path / "tree" / name, name)
    about, (x, y), (_, y_test) = data.cifar10(folder)
    assert about == "CIFAR-10, JPEG copy"
    assert x.shape == (8, 3, 32, 32) and x.dtype == np.uint8
    assert y.tolist() == [0, 0, 0, 0, 9, 9, 9, 9] and y_test.tolist() == [0, 0, 9, 9]
    rough = colours[[0, 2, 4, 6, 1, 3, 5, 7]][:, :, ::8, ::8].astype(int)
    assert np.abs(x[:, :, 4::8, 4::8].astype(int) - rough).mean() < 10


@pytest.fixture
def archive(load, tmp_path, monkeypatch, colours):
    """A folder with an archive of images, and an own place for what is decoded from it."""
    data = load("_data")
    monkeypatch.setattr(data, "CACHE", tmp_path / "cache")
    with tarfile.open(tmp_path / data.ARCHIVE, mode="w:xz") as packed:
        for name, image in jpegs(colours).items():
            member = tarfile.TarInfo(name)
            member.size = len(image)
            packed.addfile(member, BytesIO(image))
    return tmp_path


def test_an_archive_is_decoded_once(load, archive, monkeypatch):
    data = load("_data")
    _, *first = data.cifar10(archive)
    monkeypatch.setattr(data, "_in_archive", lambda path: pytest.fail("decoded again"))
    _, *again = data.cifar10(archive)
    for split, same in zip(first, again, strict=True):
        for one, other in zip(split, same, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    with (archive / data.ARCHIVE).open("ab") as file:  # another archive
        file.write(b" ")
    with pytest.raises(pytest.fail.Exception, match="decoded again"):
        data.cifar10(archive)


@pytest.mark.parametrize("fault", ["cut off", "another pixel", "pickled"])
def test_decoded_images_that_are_damaged_are_decoded_again(load, archive, capsys, fault):
    data = load("_data")
    _, (x, y), _ = data.cifar10(archive)
    [cache] = (archive / "cache").iterdir()
    good = cache.read_bytes()
    with np.load(cache) as file:
        arrays = {name: file[name] for name in file.files}
    if fault == "cut off":
        cache.write_bytes(good[:-100])
    elif fault == "another pixel":
        arrays["x"][0, 0, 0, 0] ^= 1
        np.savez(cache, **arrays)
    else:
        np.savez(cache, **arrays | {"x": np.array([{"of": 1}], dtype=object)})
    _, (x_again, y_again), _ = data.cifar10(archive)
    np.testing.assert_array_equal(x_again, x)
    np.testing.assert_array_equal(y_again, y)
    assert "the archive is decoded again" in capsys.readouterr().err
    assert cache.read_bytes() == good
    data.cifar10(archive)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train/airplane/0.jpg", b"no image", "is not an image"),
        ("train/zebra/0.jpg", b"", "holds train/zebra/0.jpg"),
    ],
)
def test_images_that_are_not_cifar(load, tmp_path, name, content, message):
    pytest.importorskip("PIL.Image")
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(vg.DataError, match=message):
        load("_data").cifar10(tmp_path)


def test_an_archive_that_is_cut_off(load, archive):
    data = load("_data")
    content = (archive / data.ARCHIVE).read_bytes()
    (archive / data.ARCHIVE).write_bytes(content[: len(content) // 2])
    with pytest.raises(vg.DataError, match="is damaged"):
        data.cifar10(archive)


def test_no_data_at_all(load, tmp_path):
    with pytest.raises(vg.DataError, match=r"(?s)cifar-10-batches-py.*airplane.*--data-dir"):
        load("_data").cifar10(tmp_path)


def test_mnist_that_is_damaged(load, tmp_path):
    raw = tmp_path / "MNIST/raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (raw / name).write_bytes(b"\0\0\x08\x03 and no more")
    with pytest.raises(vg.DataError, match="train-images-idx3-ubyte"):
        load("_data").mnist(tmp_path)
