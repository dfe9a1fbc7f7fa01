"""Data sets that the course trains on: points made on the spot, small digits that come along, and MNIST.

Only NumPy and the standard library are needed. Tensors are not known here: what comes back are arrays.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from vizgrad import errors
from vizgrad.core import Array

if TYPE_CHECKING:
    from rich.progress import TaskID

Split = tuple[Array, Array]

MIRRORS = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
]
ROUNDS = 3  # how often each mirror is asked
PAUSE = 1.0  # seconds before the second round; twice as long before each one after it
TIMEOUT = 30.0  # seconds of silence after which a mirror counts as out of reach
VALIDATION = 5_000  # images, the last ones of the training file
DIGITS = Path(__file__).with_name("digits.npz")
DIGITS_VALIDATION = 360  # images, a fifth, the last ones of the file


class _File(NamedTuple):
    """One file of a data set, as it is when it is not compressed."""

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """How the file begins: two zeros, 8 for bytes, the number of axes, and the length of each, big end first."""
        return struct.pack(f">4B{len(self.shape)}I", 0, 0, 8, len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """The length of the file in bytes."""
        return len(self.header) + int(np.prod(self.shape))


_TRAINING = (
    _File(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    _File("train-labels-idx1-ubyte", (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
)
_TEST = (
    _File(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    _File("t10k-labels-idx1-ubyte", (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)


def load_synth(num_train: int = 60_000, num_val: int = 10_000, seed: int | None = None) -> tuple[Split, Split, int]:
    """Points of a 2-D normal distribution, of two classes that a hyperbola divides: a small network learns them easily.

    A point x is in class 1 where x₁² + 1.5 x₁x₂ + 0.2 x₂² > 0.6.

    Args:
        num_train: number of training points.
        num_val: number of validation points.
        seed: for the same points each time; left out, NumPy's global generator draws them.

    Returns:
        ``(x, y)`` for training, ``(x, y)`` for validation, and the number of classes; x is (n, 2) float, y (n,) int.

    Examples:
        >>> (x, y), _, classes = load_synth(8, 2, seed=0)
        >>> x.shape, y.shape, classes
        ((8, 2), (8,), 2)
    """
    if num_train < 0 or num_val < 0:
        raise errors.ShapeError(errors.message("load_synth needs numbers of points that are 0 or more."))
    total = num_train + num_val
    x: Array = np.random.randn(total, 2) if seed is None else np.random.default_rng(seed).standard_normal((total, 2))
    form = np.array([[1.0, 0.5], [1.0, 0.2]])
    y = (np.einsum("bi,ij,bj->b", x, form, x) > 0.6).astype(np.int64)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:]), 2


def load_digits(flatten: bool = True, dtype: DTypeLike = np.float64) -> tuple[Split, Split, int]:
    """Small grey images of handwritten digits, 8 x 8 pixels from 0 to 16, and which digit each one is.

    The 1,797 images come with vizgrad, so nothing is downloaded, and it works in a browser too. They are in the order
    of the original file and not scaled: divide by 16 for pixels between 0 and 1.

    Source: the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (1998), from the
    UCI Machine Learning Repository, doi 10.24432/C50P49, licence CC BY 4.0. scikit-learn carries the same images.

    Args:
        flatten: one row of 64 pixels for each image; otherwise 8 rows of 8.
        dtype: number type of the pixels.

    Returns:
        ``(x, y)`` for training, ``(x, y)`` for validation, and the number of classes, 10; x is (n, 64) or (n, 8, 8),
        y (n,) int.

    Examples:
        >>> (x, y), (x_val, y_val), classes = load_digits()
        >>> x.shape, x_val.shape, classes
        ((1437, 64), (360, 64), 10)
    """
    with np.load(DIGITS) as file:
        x, y = _pixels(file["images"], flatten, dtype), file["labels"].astype(np.int64)
    kept = len(x) - DIGITS_VALIDATION
    return (x[:kept], y[:kept]), (x[kept:], y[kept:]), 10


def load_mnist(
    final: bool = False,
    flatten: bool = True,
    directory: str | os.PathLike[str] | None = None,
    dtype: DTypeLike = np.float64,
) -> tuple[Split, Split, int]:
    """MNIST: grey images of handwritten digits, 28 x 28 pixels from 0 to 255, and which digit each one is.

    The images are in the order of the original files, which is already a random one, and are not scaled: divide by 255
    for pixels between 0 and 1. Files that are not there are downloaded, 11 MB in all, and kept for the next time.

    Args:
        final: train on all 60,000 training images and judge by the 10,000 test images. Left out, the last 5,000
            training images are kept for validation, and the test images stay unseen.
        flatten: one row of 784 pixels for each image; otherwise 28 rows of 28.
        directory: where the files are, plain or with ``.gz``: there, in ``raw`` or in ``MNIST/raw``, as torchvision
            lays them out. Missing ones are put into its ``MNIST/raw``. Left out, it is the directory that the
            variable ``VIZGRAD_DATA`` names, or else the user's cache directory.
        dtype: number type of the pixels. All of them take 376 MB as float64, 188 MB as float32.

    Returns:
        ``(x, y)`` for training, ``(x, y)`` for validation or testing, and the number of classes, 10; x is (n, 784) or
        (n, 28, 28), y (n,) int.

    Raises:
        DataError: a file is not what it should be, or cannot be downloaded.

    Examples:
        >>> (x, y), (x_val, y_val), classes = load_mnist(dtype=np.float32)  # doctest: +SKIP
        >>> x.shape, x_val.shape, classes  # doctest: +SKIP
        ((55000, 784), (5000, 784), 10)
    """
    folder = _cache() if directory is None else Path(directory).expanduser()
    paths = _paths(folder, [*_TRAINING, *_TEST] if final else [*_TRAINING])
    x, y = (_read(paths[file], file) for file in _TRAINING)
    if final:
        x_held, y_held = (_read(paths[file], file) for file in _TEST)
    else:
        kept = len(x) - VALIDATION
        (x, x_held), (y, y_held) = (x[:kept], x[kept:]), (y[:kept], y[kept:])
    return (
        (_pixels(x, flatten, dtype), y.astype(np.int64)),
        (_pixels(x_held, flatten, dtype), y_held.astype(np.int64)),
        10,
    )


def _pixels(images: Array, flatten: bool, dtype: DTypeLike) -> Array:
    return (images.reshape(len(images), -1) if flatten else images).astype(dtype)


# --- files that are there ------------------------------------------------------------------------------------------


def _cache() -> Path:
    """Where downloaded data is kept, as the system wants it."""
    if chosen := os.environ.get("VIZGRAD_DATA"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "vizgrad" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vizgrad"
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "vizgrad"


def _paths(folder: Path, files: list[_File]) -> dict[_File, Path]:
    """Where each file is, after the missing ones have been downloaded."""
    paths = {file: path for file in files if (path := _find(folder, file))}
    missing = [file for file in files if file not in paths]
    return paths | _download(missing, folder / "MNIST" / "raw") if missing else paths


def _find(folder: Path, file: _File) -> Path | None:
    """The first of the places where a file may be."""
    for place in (folder / "MNIST" / "raw", folder / "raw", folder):
        for name in (file.name, file.name + ".gz"):
            if (place / name).is_file():
                return place / name
    return None


def _read(path: Path, file: _File) -> Array:
    """The array in a file, once it is known to be the right one."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = _unpack(content, file.size)
        except ValueError as error:
            raise errors.corrupt_data(path, str(error)) from error
    if fault := _fault(content, file):
        raise errors.corrupt_data(path, fault)
    return np.frombuffer(content, np.uint8, offset=len(file.header)).reshape(file.shape)


def _unpack(compressed: bytes, size: int) -> bytes:
    """Undo gzip, never making more than one byte more than is expected."""
    gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = gzip.decompress(compressed, size + 1)
    except zlib.error as error:
        raise ValueError("it cannot be unpacked") from error
    if not gzip.eof and len(content) <= size:
        raise ValueError(f"it is cut off: {len(content):,} bytes of {size:,} when unpacked")
    return content


def _fault(content: bytes, file: _File) -> str:
    """What is wrong with the content of a file; nothing is said where nothing is wrong."""
    magic = file.header[:4]
    if content[:4] != magic[: len(content)]:
        return f"it should begin with the magic number {magic.hex()}, but begins with {content[:4].hex()}"
    if len(content) < file.size:
        return f"it is cut off: {len(content):,} bytes of {file.size:,}"
    if content[: len(file.header)] != file.header or len(content) > file.size:
        return f"it should hold an array of shape {file.shape} and nothing else"
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return "its checksum is not that of the original, so some of its bytes have changed"
    return ""


# --- files that are not there --------------------------------------------------------------------------------------

Show = Callable[[str, int, int | None], None]  # is told the file, the bytes that are here, and how many there will be


def _download(files: list[_File], folder: Path) -> dict[_File, Path]:
    """Bring files into a folder; each appears there whole and checked, or not at all."""
    if sys.platform == "emscripten":
        raise errors.no_download_in_browser([file.name for file in files])
    paths = {file: folder / file.name for file in files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _progress(folder) as show:
            for file, path in paths.items():
                _write(path, _fetch(file, folder, show))
    except errors.DataError:
        raise
    except OSError as error:
        raise errors.data_not_kept(folder, error) from error
    return paths


def _fetch(file: _File, folder: Path, show: Show) -> bytes:
    """The content of a file, from the first mirror that has it whole."""
    from http.client import HTTPException  # takes a while to import, and most programs download nothing

    failures: dict[str, str] = {}
    for attempt in range(ROUNDS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        for mirror in MIRRORS:
            try:
                content = _unpack(_get(mirror, file, show), file.size)
                if fault := _fault(content, file):
                    raise ValueError(fault)
                return content
            except (OSError, HTTPException, ValueError) as error:
                failures[mirror] = str(error) or type(error).__name__
    raise errors.data_out_of_reach(file.name, failures, folder)


def _get(mirror: str, file: _File, show: Show) -> bytes:
    """What a mirror sends when it is asked for a file."""
    import urllib.request

    with urllib.request.urlopen(f"{mirror}{file.name}.gz", timeout=TIMEOUT) as response:
        length = int(response.headers.get("Content-Length") or 0)
        body = bytearray()
        while chunk := response.read(1 << 16):
            body += chunk
            show(file.name, len(body), length or None)
            if len(body) > file.size + 1024:  # packed, it is shorter
                raise ValueError("it is longer than it should be")
    if len(body) < length:
        raise ValueError(f"the connection broke after {len(body):,} bytes of {length:,}")
    return bytes(body)


def _write(path: Path, content: bytes) -> None:
    """Write a file that nobody sees before it is complete."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _progress(folder: Path) -> Iterator[Show]:
    """A progress bar for each file where rich is installed; otherwise one line, so that nobody wonders."""
    if importlib.util.find_spec("rich") is None:
        print(f"Downloading MNIST into {folder}", file=sys.stderr)
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name)
            progress.update(bars[name], completed=done, total=total)

        yield show
