"""The data of the experiments: MNIST and CIFAR-10 from files that are there, and a stand-in for ``--smoke``."""

from __future__ import annotations

import hashlib
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from _results import ROOT, write_whole

import vizgrad as vg

Array = np.ndarray
Split = tuple[Array, Array]  # images (n, ...), classes (n,)


@dataclass(frozen=True)
class Data:
    """Images to learn from, and images to judge by.

    Attributes:
        about: which data, in which variant.
        train: images float32 (n, f), and their classes.
        held: the same of the images that are held out.
        classes: how many classes there are.
        facts: numbers about the data for the result file.
    """

    about: str
    train: Split
    held: Split
    classes: int
    facts: dict[str, Any] = field(default_factory=dict)


def order(images: int, seed: int, number: int) -> Array:
    """The order of the images in a pass; it follows from seed and pass, so no generator has to be saved."""
    return np.random.default_rng([seed, number]).permutation(images)


def drawn(data: Data, images: int) -> Data:
    """A part of the data, for a machine that is too slow for all of it: as many images to judge by as to learn from."""

    def part(split: Split) -> Split:
        x, y = split
        kept = np.sort(np.random.default_rng(0).permutation(len(x))[:images])
        return x[kept], y[kept]

    about = f"{data.about}; only {images:,} images of each part, drawn with seed 0"
    return replace(data, about=about, train=part(data.train), held=part(data.held))


def mnist(folder: Path | None) -> Data:
    """MNIST as the course trains on it: pixels 0 to 255, 55,000 images in the order of the file, 5,000 held out."""
    if folder is None:
        return stand_in("MNIST", (28, 28))
    train, held, classes = vg.load_mnist(directory=folder, dtype=np.float32)
    return Data("MNIST, pixels 0 to 255; the last 5,000 training images are held out", train, held, classes)


def synth(folder: Path | None) -> Data:
    """Points in the plane, made on the spot; there is no file."""
    points = (2_000, 500) if folder is None else (60_000, 10_000)
    train, held, classes = vg.load_synth(*points, seed=0)
    about = f"{points[0]:,} + {points[1]:,} points of a normal distribution, seed 0"
    return Data(about, *((x.astype(np.float32), y) for x, y in (train, held)), classes)


def stand_in(name: str, shape: tuple[int, ...]) -> Data:
    """The digits that scikit-learn carries, enlarged: whether everything runs is seen without the data itself."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    height, width = shape[-2:]
    larger = pixels.reshape(-1, 8, 8).repeat(height // 8, 1).repeat(width // 8, 2) * np.float32(255 / 16)
    above, beside = ((n - m) // 2 for n, m in zip((height, width), larger.shape[1:], strict=True))
    edges = [(0, 0), (above, height - larger.shape[1] - above), (beside, width - larger.shape[2] - beside)]
    images = np.pad(larger, edges).astype(np.float32)
    if len(shape) == 3:
        images = images[:, None].repeat(shape[0], 1)
    images = images.reshape(len(images), -1)
    about = f"not {name}: the digits of scikit-learn in its shape"
    return Data(about, (images[:1000], labels[:1000]), (images[1000:1300], labels[1000:1300]), 10)


def cifar10_centred(folder: Path | None) -> Data:
    """CIFAR-10 for a network of plain layers: a row for each image, the mean training image taken away."""
    if folder is None:
        data = stand_in("CIFAR-10", (3, 32, 32))
        about, (x, y), (x_held, y_held) = data.about, data.train, data.held
    else:
        about, (x, y), (x_held, y_held) = cifar10(folder)
        x, x_held = (images.reshape(len(images), -1).astype(np.float32) for images in (x, x_held))
    mean = x.mean(axis=0)
    return Data(f"{about}; the mean training image is taken away", (x - mean, y), (x_held - mean, y_held), 10)


# --- CIFAR-10 --------------------------------------------------------------------------------------------------------

CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
ARCHIVE = "cifar10-jpeg.tar.xz"
CACHE = ROOT / ".cache"  # of what the archive holds, which takes long to decode
# The MD5 sums that the data's authors publish with it. What does not have them is not unpickled: that could run code.
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


def cifar10(folder: Path) -> tuple[str, Split, Split]:
    """CIFAR-10: a name for the variant, 50,000 training and 10,000 test images, uint8 (n, 3, 32, 32), and classes.

    Looks in the folder for torchvision's layout (``cifar-10-batches-py``), for a tree of JPEG images
    (``train/airplane/0000.jpg``), and for an archive of such a tree.

    Raises:
        DataError: there is none of these, or a file is missing or not what it should be.
    """
    batches, tree, archive = folder / "cifar-10-batches-py", folder / "cifar10-jpeg", folder / ARCHIVE
    if batches.is_dir():
        splits = _from_batches(batches)
        return "CIFAR-10", *splits
    if (folder / "train").is_dir():
        tree = folder
    if tree.is_dir():
        return "CIFAR-10, JPEG copy", *_from_images(_in_tree(tree), tree)
    if archive.is_file():
        return "CIFAR-10, JPEG copy", *_decoded_once(archive)
    raise vg.DataError(
        f"There is no CIFAR-10 in {folder}.\n"
        f"Expected one of: the folder cifar-10-batches-py, as torchvision lays it out; a tree of images such as "
        f"train/{CIFAR_CLASSES[0]}/0000.jpg and test/...; the archive {ARCHIVE} of such a tree.\n"
        "Put one of them there, or name another folder with --data-dir."
    )


def _from_batches(folder: Path) -> tuple[Split, Split]:
    images, labels = [], []
    for name, digest in BATCHES.items():
        path = folder / name
        if not path.is_file():
            raise vg.DataError(f"{path} is missing.\nThe folder should hold {', '.join(BATCHES)}.")
        content = path.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != digest:
            raise vg.DataError(f"{path} is damaged: its MD5 sum is not that of the original.\nFetch CIFAR-10 again.")
        batch = pickle.loads(content, encoding="bytes")
        images.append(np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32))
        labels.append(np.asarray(batch[b"labels"], np.int64))
    return (np.concatenate(images[:-1]), np.concatenate(labels[:-1])), (images[-1], labels[-1])


def _in_tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*/*/*.jpg")):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _in_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """The images of an archive, which are read where they are: nothing is unpacked onto the disk."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file and member.name.endswith(".jpg"):
                    yield member.name, file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise vg.DataError(f"{path} is damaged: {error}.\nFetch the archive again.") from error


def _decoded_once(archive: Path) -> tuple[Split, Split]:
    """The images of an archive, decoded now or by an earlier run: by the same archive and the same decoder."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    cache = CACHE / f"cifar10-{digest[:16]}-pillow-{version('pillow')}.npz"
    if cache.is_file():
        try:
            return _from_cache(cache)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            print(f"{cache} cannot be used ({error}): the archive is decoded again.", file=sys.stderr)
    train, held = _from_images(_in_archive(archive), archive)
    content = BytesIO()
    np.savez(content, x=train[0], y=train[1], x_held=held[0], y_held=held[1], digest=_digest(*train, *held))
    write_whole(cache, content.getvalue())
    return train, held


def _from_cache(cache: Path) -> tuple[Split, Split]:
    with np.load(BytesIO(cache.read_bytes()), allow_pickle=False) as file:
        x, y, x_held, y_held = (file[name] for name in ("x", "y", "x_held", "y_held"))
        if str(file["digest"]) != _digest(x, y, x_held, y_held):
            raise ValueError("its checksum is wrong")
    return (x, y), (x_held, y_held)


def _digest(*arrays: Array) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(f"{array.dtype}{array.shape}".encode())
        whole.update(np.ascontiguousarray(array))
    return whole.hexdigest()


def _from_images(files: Iterator[tuple[str, bytes]], where: Path) -> tuple[Split, Split]:
    """Images by their paths, such as train/airplane/0000.jpg; in this order, whatever that of the files is."""
    from PIL import Image

    found: dict[str, list[tuple[str, int, Array]]] = {"train": [], "test": []}
    for name, content in files:
        part, kind, _ = name.split("/")[-3:]
        if part not in found or kind not in CIFAR_CLASSES:
            raise vg.DataError(
                f"{where} holds {name}.\nExpected are train/... and test/..., with the ten classes in each."
            )
        try:
            pixels = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
        except (OSError, SyntaxError) as error:
            raise vg.DataError(f"{name} in {where} is not an image that can be read: {error}.") from error
        if pixels.shape != (32, 32, 3):
            raise vg.DataError(f"{name} in {where} has {pixels.shape[1]} x {pixels.shape[0]} pixels, not 32 x 32.")
        found[part].append((name, CIFAR_CLASSES.index(kind), pixels))
    splits = []
    for part, images in found.items():
        if not images:
            raise vg.DataError(f"{where} holds no image in {part}/.")
        images.sort(key=lambda image: image[0])
        stacked = np.stack([pixels for _, _, pixels in images]).transpose(0, 3, 1, 2)
        splits.append((stacked, np.array([label for _, label, _ in images])))
    return splits[0], splits[1]
