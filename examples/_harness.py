"""What the experiments share: arguments, seeds, progress, checkpoints, and the result file.

An experiment compares variants, and trains each with several seeds. One variant with one seed is a run; where the seeds
of a variant are trained together, all of them are one run. After each epoch, the run is saved, whole or not at all.
``--resume`` goes on from there, and finds the same numbers, bit for bit, as a run that was never stopped.

``torchrun --nproc-per-node 4 examples/<name>.py`` shares the runs among four processes, and on cuda among four devices.
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
from _data import Data, drawn
from _results import FOLDER, ROOT, Result, write_whole
from _sweep import Sweep
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import vizgrad as vg

Array = np.ndarray
# Of one run: a number before the first epoch, and one after each; or a list of numbers, for seeds that train together.
Curves = dict[str, list[Any]]
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C has ended


class Training(Protocol):
    """One run: a network, its optimiser, and what they learn from; or one for each of several seeds."""

    def measure(self) -> Mapping[str, float | Array]:
        """What is written down before the first epoch and after each: a number, or one for each seed, (seeds,)."""

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
        start: makes a training from settings, a seed (or a list of them, see ``together``), the data and a device.
        data: loads the data; is told the folder, or nothing for a little data that needs no file.
        epochs: how many.
        claims: what follows from the curves, as numbers: is given an array (seeds, epochs + 1) for each variant and
            measure.
        devices: where it can run; the first is taken where none is named.
        libraries: distributions whose versions matter.
        together: the devices on which the seeds of a variant are trained at once, as one run.
        inspect: what else is asked of a training after its last epoch: a dict for each seed, which the result file has
            under ``at_end``.
    """

    name: str
    about: str
    variants: Mapping[str, Any]
    start: Callable[[Any, Any, Data, str], Training]
    data: Callable[[Path | None], Data]
    epochs: int
    claims: Callable[[Mapping[str, Mapping[str, Array]]], dict[str, Any]] | None = None
    devices: Sequence[str] = ("cpu",)
    libraries: Sequence[str] = ("numpy",)
    together: Sequence[str] = ()
    inspect: Callable[[Any], list[dict[str, Any]]] | None = None


@dataclass
class Progressed:
    """How far a run has come."""

    curves: Curves = field(default_factory=dict)
    seconds: float = 0.0
    state: dict[str, Array] = field(default_factory=dict)
    at_end: list[dict[str, Any]] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """How many epochs are done; -1 where nothing has been measured yet."""
        return min(map(len, self.curves.values()), default=0) - 1


@dataclass(frozen=True)
class Job:
    """A run that is to be made.

    Attributes:
        variant: its name.
        settings: those of the variant.
        seeds: one, or those that are trained together.
        checkpoint: where the run is saved.
    """

    variant: str
    settings: Any
    seeds: list[int]
    checkpoint: Checkpoint


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
    with Sweep() as sweep:
        with sweep.first_alone():
            if sweep.rank == 0 and not options.resume and options.runs.exists():
                shutil.rmtree(options.runs)
            data = experiment.data(None if options.smoke else options.data_dir)
            data = drawn(data, options.images) if options.images else data
        result = _result(experiment, options, data)  # now: it says from which commit the program was started
        jobs = _jobs(experiment, options, data)
        _train_all(sweep, jobs, experiment, options, data)
        sweep.wait()
        if sweep.rank == 0:
            _write(result, experiment, options, data, jobs)


def _result(experiment: Experiment, options: argparse.Namespace, data: Data) -> Result:
    variants = {name: asdict(settings) for name, settings in experiment.variants.items()}
    seeds = list(range(options.seeds))
    images = {"images": options.images} if options.images else {}
    config = {"epochs": options.epochs, "seeds": seeds, "device": options.device, **images, **_only(variants)}
    return Result(experiment.name, config, data.about, [*experiment.libraries], options.device)


def _jobs(experiment: Experiment, options: argparse.Namespace, data: Data) -> list[Job]:
    seeds = list(range(options.seeds))
    jobs = []
    for name, settings in experiment.variants.items():
        for group in [seeds] if options.device in experiment.together else [[seed] for seed in seeds]:
            numbers = "-".join(map(str, group))
            of = [asdict(settings), group, options.epochs, data.about, options.device]
            jobs.append(Job(name, settings, group, Checkpoint(options.runs / f"{name}-{numbers}.npz", of)))
    return jobs


def _train_all(
    sweep: Sweep, jobs: Sequence[Job], experiment: Experiment, options: argparse.Namespace, data: Data
) -> None:
    """The share of this process; only the first one shows a bar."""
    mine, console = sweep.mine(jobs), Console(soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, speed_estimate_period=3600, disable=sweep.rank > 0) as progress:
        bar = progress.add_task(experiment.name, total=len(mine) * options.epochs)
        for job in mine:

            def start(job: Job = job) -> Training:
                seeds = job.seeds if options.device in experiment.together else job.seeds[0]
                return experiment.start(job.settings, seeds, data, options.device)

            def show(run: Progressed, done: int = 1, job: Job = job) -> None:
                progress.update(bar, advance=done)
                progress.console.print(_line(job, run, options.epochs), highlight=False)

            _train(start, job, options.epochs, experiment.inspect, show)


def _train(
    start: Callable[[], Training],
    job: Job,
    epochs: int,
    inspect: Callable[[Any], list[dict[str, Any]]] | None,
    show: Callable[..., None],
) -> None:
    """One run, from its checkpoint or from the beginning."""
    run = job.checkpoint.read()
    if run.epochs > 0:
        show(run, run.epochs)
    if run.epochs == epochs:
        return
    training = start()
    if run.state:
        training.load(run.state)
    while run.epochs < epochs:
        began = time.perf_counter()
        if run.epochs >= 0:
            training.epoch()
        took = time.perf_counter() - began
        measured = training.measure()
        share = np.full_like(next(iter(measured.values())), took / len(job.seeds), dtype=float)
        for name, value in {**measured, "seconds": share}.items():
            run.curves.setdefault(name, []).append(np.asarray(value, float).tolist())
        if run.epochs == epochs and inspect:
            run.at_end = inspect(training)
        run.seconds += time.perf_counter() - began
        run.state = training.state() if run.epochs < epochs else {}
        job.checkpoint.write(run)
        if run.epochs:
            show(run)


def _line(job: Job, run: Progressed, epochs: int) -> str:
    last = "  ".join(f"{name.replace('_', ' ')} {np.mean(values[-1]):.4g}" for name, values in run.curves.items())
    seeds = f"seed {job.seeds[0]}" if len(job.seeds) == 1 else f"mean of {len(job.seeds)} seeds"
    return f"{job.variant}  {seeds}  epoch {run.epochs:{len(str(epochs))}d}/{epochs}  {last}"


def _write(
    result: Result, experiment: Experiment, options: argparse.Namespace, data: Data, jobs: Sequence[Job]
) -> None:
    """The result file, from the checkpoints of all runs, which are then no longer needed."""
    runs: dict[str, list[Progressed]] = {}
    for job in jobs:
        runs.setdefault(job.variant, []).append(job.checkpoint.read())
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
            run = Progressed(about["curves"], about["seconds"], state, about["at_end"])
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
        numbers = {"curves": run.curves, "seconds": run.seconds, "at_end": run.at_end}
        about = json.dumps({"of": self._of, **numbers}).encode()
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
    return {
        name: np.concatenate([np.atleast_2d(np.transpose(run.curves[name])) for run in runs]) for name in runs[0].curves
    }


def _found(runs: Sequence[Progressed]) -> dict[str, Any]:
    curves = _arrays(runs)
    at_end = [of_seed for run in runs for of_seed in run.at_end]
    return {
        "curves": {name: values.tolist() for name, values in curves.items()},
        "final": {name: _summary(values[:, -1]) for name, values in curves.items()},
        **({"at_end": at_end} if at_end else {}),
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
    parser.add_argument("--images", type=_count, help="learn from so many images, and judge by as many (default: all)")
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
