"""HDF5 files of named arrays and attributes, as Keras writes models. Arrays carry checksums; nothing outside the file is followed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from millstream.formats.atomic import moving
from millstream.formats.damage import DamagedFileError, looks_like

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ATTRIBUTE_BYTES = 64_512  # HDF5 gives an object's header 64 KiB
_CHUNK_BYTES = 1 << 30  # a chunk is smaller than 4 GiB


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as HDF5 files do."""
    try:
        with open(path, "rb") as file:
            return file.read(8) == SIGNATURE
    except OSError:
        return False


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[Any]:
    """A new h5py.File that takes the place of `path` when the block ends well."""
    import h5py

    with moving(path) as beside:
        with h5py.File(beside, "w") as file:
            yield file
        handle = os.open(beside, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[Any]:
    """An h5py.File to read. Raises: FileNotFoundError; DamagedFileError when it is no HDF5 file, or damaged where it is read."""
    import h5py

    if not os.path.exists(path):
        raise FileNotFoundError(
            f"Unable to open file (unable to open file: name = '{os.fspath(path)}', errno = 2, error message = 'No such file or directory')"
        )
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        with open(path, "rb") as raw:
            head = raw.read(32)
        reason = str(error) if head.startswith(SIGNATURE) else f"it is not an HDF5 file; {looks_like(head)}"
        raise DamagedFileError(path, reason) from error
    with file:
        try:
            yield file
        except (OSError, RuntimeError) as error:
            raise DamagedFileError(path, f"a part of it cannot be read ({error})") from error


# ---------------------------------------------------------------------------------------------- attributes
def write_names(group: Any, name: str, names: Sequence[str]) -> None:
    """A list of names as an attribute; split into `name0`, `name1`, ... when it is too large for one. Raises: RuntimeError for a huge name."""
    items = [n.encode() for n in names]
    if any(len(n) > _ATTRIBUTE_BYTES for n in items):
        raise RuntimeError(f"A name in {name!r} is longer than {_ATTRIBUTE_BYTES} bytes, more than an attribute of HDF5 holds.")
    whole = np.asarray(items)
    if whole.nbytes <= _ATTRIBUTE_BYTES:
        group.attrs[name] = whole
        return
    parts = 2
    while any(p.nbytes > _ATTRIBUTE_BYTES for p in np.array_split(whole, parts)):
        parts += 1
    for i, part in enumerate(np.array_split(whole, parts)):
        group.attrs[f"{name}{i}"] = part


def read_names(group: Any, name: str) -> list[str]:
    """The list of names that `write_names` wrote; [] without one."""
    if name in group.attrs:
        return [text(n) for n in _listed(group.attrs[name])]
    found: list[str] = []
    i = 0
    while f"{name}{i}" in group.attrs:
        found += [text(n) for n in _listed(group.attrs[f"{name}{i}"])]
        i += 1
    return found


def _listed(value: Any) -> Iterable[Any]:
    return () if isinstance(value, (str, bytes)) or not np.ndim(value) else value


def text(value: Any) -> str:
    """A name or text as str: older h5py gave bytes."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


# ---------------------------------------------------------------------------------------------- arrays
def write_array(group: Any, name: str, value: Any) -> None:
    """An array as a dataset, with a checksum where HDF5 can hold one (not for single numbers)."""
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        raise ValueError(f"HDF5 has no bfloat16, the type of {name!r}. Save in TensorFlow's format: a path without '.h5'.")
    if array.ndim and array.size:
        group.create_dataset(name, data=array, chunks=_chunks(array), fletcher32=True)
    else:
        group.create_dataset(name, data=array)


def _chunks(array: Any) -> Any:
    return array.shape if array.nbytes <= _CHUNK_BYTES else True


def child(group: Any, name: str, path: str) -> Any:
    """A group or dataset. Raises: DamagedFileError when it is missing, or lies outside the file."""
    import h5py

    here = group
    for part in name.split("/"):
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        if link is None or not isinstance(link, h5py.HardLink):
            held = ", ".join(list(here)[:10]) if isinstance(here, h5py.Group) else "an array"
            reason = f"it has no {name!r}" if link is None else f"{name!r} is a link to elsewhere, which is not followed"
            raise DamagedFileError(path, f"{reason}; there is: {held or 'nothing'}")
        here = here[part]
    return here


def read_array(group: Any, name: str, path: str, shape: tuple[int, ...] | None = None) -> Any:
    """A dataset's array. Args: shape, what it must have, looked at before any memory is asked for.

    Raises: DamagedFileError for what is no array of numbers in this file; ValueError for another shape.
    """
    import h5py

    found = child(group, name, path)
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external or found.dtype.kind not in "fiubcV":
        raise DamagedFileError(path, f"{name!r} is not an array of numbers stored in the file")
    if shape is not None and tuple(found.shape) != tuple(shape):
        raise ValueError(f"{name!r} has shape {tuple(found.shape)}, and {tuple(shape)} was expected")
    if shape is None and found.nbytes > os.path.getsize(path) + (1 << 20) and found.compression is None:
        raise DamagedFileError(path, f"{name!r} is said to have {found.nbytes} bytes, more than the file")
    return np.asarray(found[()])
