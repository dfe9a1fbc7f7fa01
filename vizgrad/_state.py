"""Values that outlive a program: do they fit where they are loaded, and the file that they are kept in."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vizgrad import errors
from vizgrad.core import Array


def fitted(owner: str, held: Mapping[str, Array], given: Mapping[str, Any], strict: bool) -> dict[str, Array]:
    """The given values as new arrays of the shapes and number types of those held now.

    Args:
        owner: what takes them, for the message.
        held: what is there now, by name.
        given: what is to take its place.
        strict: whether the names must be the same.

    Raises:
        StateError: some do not fit; the message lists them all.

    Examples:
        >>> import numpy as np
        >>> fitted("Linear", {"b": np.zeros(2, np.float32)}, {"b": [1, 2]}, strict=True)
        {'b': array([1., 2.], dtype=float32)}
    """
    faults = []
    if strict:
        faults += [f"{name} is missing" for name in held if name not in given]
        faults += [f"{name} is not expected" for name in given if name not in held]
    new = {}
    for name, now in held.items():
        if name in given:
            array, fault = _as(now, given[name])
            new[name] = array
            faults += [f"{name} {fault}"] if fault else []
    if faults:
        raise errors.state_does_not_fit(owner, faults)
    return new


def _as(now: Array, value: Any) -> tuple[Array, str]:
    """A value as a new array like another, and what is wrong with it."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        return now, "is no array"
    if array.dtype.kind not in "fiub":
        return now, "is no array of numbers"
    if array.shape != now.shape:
        return now, f"has shape {array.shape}, needed is {now.shape}"
    with np.errstate(over="ignore"):
        cast = array.astype(now.dtype)
    if np.isfinite(array).sum() != np.isfinite(cast).sum():
        return now, f"has numbers beyond the range of {now.dtype}"
    return cast, ""


def write(path: str | os.PathLike[str], state: Mapping[str, Array]) -> None:
    """Write arrays to a NumPy archive. A reader of the file never sees half of one."""
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        # np.savez takes the names as keyword arguments, so it could not store one called "file".
        with zipfile.ZipFile(unfinished, "w") as archive:
            for name, array in state.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read a NumPy archive, of whose content nothing is trusted.

    Raises:
        StateError: the file is no such archive, or damaged.
        OSError: there is no such file, or it cannot be read.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except Exception as error:  # a damaged file can fail in as many ways as there are bytes in it
            raise errors.not_a_state_file(Path(path), error) from error
