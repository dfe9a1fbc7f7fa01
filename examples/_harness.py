"""What the experiments share: arguments, seeds, progress, checkpoints, and the result file.

An experiment compares variants, and trains each with several seeds. One variant with one seed is a run. After each
epoch, the run is saved, whole or not at all. ``--resume`` goes on from there, and finds the same numbers, bit for bit,
as a run that was never stopped.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from _data import Data
from _results import FOLDER, ROOT, Result, write_whole
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import vizgrad as vg

Array = np.ndarray
Curves = dict[str, list[float]]  # of one run: a number before the first epoch, and one after each
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C has ended


class Training(Protocol):
    """One run: a network, its optimiser, and what they learn from."""

    def measure(self) -> dict[str, float]:
        """What is written down before the first epoch and after each."""

    def epoch(self) -> None:
        """Train for one epoch."""

    def state(self) -> dict[str, Array]:
        """All that another training needs to go on from here."""

    def load(self, state: Mapping[str, Array]) -> None:
        """Go on where another one was."""


@dataclass(frozen=True)
class Experiment:
    """What is compared.

    Attributes:
        name: of the script and of its result file.
        about: what ``--help`` says.
        variants: the settings of each, a dataclass, by the name of the variant.
        start: makes a training from settings, a seed, the data and a device.
        data: loads the data; is told the folder, or nothing for a little data that needs no file.
        epochs: how many.
        claims: what follows from the curves, as numbers: is given an array (seeds, epochs + 1) for each variant and
            measure.
        devices: where it can run.
        libraries: distributions whose versions matter.
    """

    name: str
    about: str
    variants: Mapping[str, Any]
    start: Callable[[Any, int, Data, str], Training]
    data: Callable[[Path | None], Data]
    epochs: int
    claims: Callable[[Mapping[str, Mapping[str, Array]]], dict[str, Any]] | None = None
    devices: Sequence[str] = ("cpu",)
    libraries: Sequence[str] = ("numpy",)


@dataclass
class Progressed:
    """How far a run has come."""

    curves: Curves = field(default_factory=dict)
    seconds: float = 0.0
    state: dict[str, Array] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """How many epochs are done; -1 where nothing has been measured yet."""
        return min(map(len, self.curves.values()), default=0) - 1


class CheckpointError(Exception):
    """A checkpoint cannot be used."""


def main(experiment: Experiment, arguments: Sequence[str] | None = None) -> None:
    """Run an experiment as its arguments say, and write its result file."""
    options = _options(experiment, arguments)
    try:
        _run(experiment, options)
    except KeyboardInterrupt:
        print(f"\nStopped. Go on with: python examples/{experiment.name}.py --resume", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except (vg.DataError, CheckpointError) as error:
        _give_up(str(error))


def _run(experiment: Experiment, options: argparse.Namespace) -> None:
    data = experiment.data(None if options.smoke else options.data_dir)
    seeds = list(range(options.seeds))
    variants = {name: asdict(settings) for name, settings in experiment.variants.items()}
    config = {"epochs": options.epochs, "seeds": seeds, "device": options.device, **_only(variants)}
    result = Result(experiment.name, config, data.about, [*experiment.libraries])
    if not options.resume and options.runs.exists():
        shutil.rmtree(options.runs)
    runs: dict[str, list[Progressed]] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(soft_wrap=True), speed_estimate_period=3600) as progress:
        bar = progress.add_task(experiment.name, total=len(experiment.variants) * len(seeds) * options.epochs)
        for name, settings in experiment.variants.items():
            for seed in seeds:

                def start(settings: Any = settings, seed: int = seed) -> Training:
                    return experiment.start(settings, seed, data, options.device)

                def show(run: Progressed, done: int = 1, name: str = name, seed: int = seed) -> None:
                    progress.update(bar, advance=done)
                    progress.console.print(_line(name, seed, run, options.epochs), highlight=False)

                checkpoint = Checkpoint(
                    options.runs / f"{name}-{seed}.npz", [asdict(settings), seed, options.epochs, data.about]
                )
                runs.setdefault(name, []).append(_train(start, checkpoint, options.epochs, show))
    found = {name: _found(of_variant) for name, of_variant in runs.items()}
    claims = (
        experiment.claims({name: _arrays(of_variant) for name, of_variant in runs.items()}) if experiment.claims else {}
    )
    seconds = sum(run.seconds for of_variant in runs.values() for run in of_variant)
    path = result.write(options.out, seconds, **data.facts, **_only(found), claims=claims)
    for claim, value in claims.items():
        print(f"{claim}: {value}")
    print(f"wrote {path}")
    shutil.rmtree(options.runs, ignore_errors=True)


def _train(start: Callable[[], Training], checkpoint: Checkpoint, epochs: int, show: Callable[..., None]) -> Progressed:
    """One run, from its checkpoint or from the beginning."""
    run = checkpoint.read()
    if run.epochs > 0:
        show(run, run.epochs)
    if run.epochs == epochs:
        return run
    training = start()
    if run.state:
        training.load(run.state)
    while run.epochs < epochs:
        began = time.perf_counter()
        if run.epochs >= 0:
            training.epoch()
        took = time.perf_counter() - began
        for name, value in (training.measure() | {"seconds": took}).items():
            run.curves.setdefault(name, []).append(float(value))
        run.seconds += time.perf_counter() - began
        run.state = training.state() if run.epochs < epochs else {}
        checkpoint.write(run)
        if run.epochs:
            show(run)
    return run


def _line(name: str, seed: int, run: Progressed, epochs: int) -> str:
    last = "  ".join(f"{key.replace('_', ' ')} {values[run.epochs]:.4g}" for key, values in run.curves.items())
    return f"{name}  seed {seed}  epoch {run.epochs:{len(str(epochs))}d}/{epochs}  {last}"


# --- checkpoints -----------------------------------------------------------------------------------------------------


class Checkpoint:
    """The file of one run.

    Args:
        path: where it is.
        of: what the numbers depend on; a checkpoint of something else is refused.
    """

    def __init__(self, path: Path, of: Any) -> None:
        self._path = path
        self._of = json.loads(json.dumps(of))

    def read(self) -> Progressed:
        """How far the run has come; a new one where there is no file."""
        if not self._path.exists():
            return Progressed()
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as file:
                about = json.loads(bytes(file["about"]))
                state = {name.removeprefix("state."): file[name] for name in file.files if name != "about"}
            run = Progressed(about["curves"], about["seconds"], state)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"The checkpoint {self._path} cannot be read ({error}).\n"
                "Delete the file: its run then begins again, and the others go on."
            ) from error
        if about["of"] != self._of:
            raise CheckpointError(
                f"The checkpoint {self._path} was made with other settings or other data.\n"
                "Run without --resume, which begins again and overwrites it."
            )
        return run

    def write(self, run: Progressed) -> None:
        """Save a run, whole or not at all."""
        about = json.dumps({"of": self._of, "curves": run.curves, "seconds": run.seconds}).encode()
        content = io.BytesIO()
        state = {f"state.{name}": array for name, array in run.state.items()}
        np.savez(content, about=np.frombuffer(about, np.uint8), **state)
        write_whole(self._path, content.getvalue())


# --- results ---------------------------------------------------------------------------------------------------------


def _only(variants: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What belongs to the variants; where there is one and nothing is compared, it needs no name."""
    return {"variants": variants} if len(variants) > 1 else next(iter(variants.values()))


def _arrays(runs: Sequence[Progressed]) -> dict[str, Array]:
    """The curves of all seeds, (seeds, epochs + 1) for each measure."""
    return {name: np.array([run.curves[name] for run in runs]) for name in runs[0].curves}


def _found(runs: Sequence[Progressed]) -> dict[str, Any]:
    curves = _arrays(runs)
    return {
        "curves": {name: values.tolist() for name, values in curves.items()},
        "final": {name: _summary(values[:, -1]) for name, values in curves.items()},
    }


def _summary(values: Array) -> dict[str, float]:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": spread}


# --- arguments -------------------------------------------------------------------------------------------------------


def _options(experiment: Experiment, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=experiment.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one seed, two epochs, a little data; writes elsewhere")
    parser.add_argument("--seeds", type=_count, help="how many seeds (default: 5)")
    parser.add_argument("--epochs", type=_count, help=f"how many epochs (default: {experiment.epochs})")
    parser.add_argument("--device", choices=experiment.devices, default=experiment.devices[0], help="where to compute")
    parser.add_argument(
        "--data-dir", type=Path, default=ROOT / "data", help="folder of the data (default: %(default)s)"
    )
    parser.add_argument("--resume", action="store_true", help="go on where a run was stopped")
    parser.add_argument("--out", type=Path, help="folder of the result file (default: docs/results)")
    parser.add_argument("--runs", type=Path, help="folder of the checkpoints (default: runs)")
    options = parser.parse_args(arguments)
    options.seeds = options.seeds or (1 if options.smoke else 5)
    options.epochs = options.epochs or (2 if options.smoke else experiment.epochs)
    options.out = options.out or (Path(tempfile.mkdtemp()) if options.smoke else FOLDER)
    name = experiment.name + ("-smoke" if options.smoke else "")
    options.runs = (options.runs or ROOT / "runs") / name
    return options


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def _give_up(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)
