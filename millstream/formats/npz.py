"""NumPy's .npz: a zip of .npy arrays. Read whole, whatever compression it was written with; arrays of objects only as data."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from millstream.formats.damage import DamagedFileError, looks_like
from millstream.formats.pickles import load_data

# Any: an archive holds arrays of whatever types its author put there.
Array = NDArray[Any]

# What zipfile, zlib and NumPy raise on bytes that are not what they should be; MemoryError when a damaged header asks for the moon.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    pickle.UnpicklingError,
)


def read_npz(path: str | os.PathLike[str], names: Iterable[str], *, objects: bool = False) -> list[Array]:
    """The arrays called `names`, in that order, each read to its last byte and checked against the archive's CRC-32.

    Args: objects, arrays may hold lists (as ragged data were stored); even then nothing but data is unpickled.
    Raises: FileNotFoundError; DamagedFileError when the file is cut, damaged, no .npz, lacks an array or holds other objects.
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "two.npz")
    >>> np.savez_compressed(path, x=np.arange(3), y=np.ones(2))
    >>> read_npz(path, ["y", "x"])
    [array([1., 1.]), array([0, 1, 2])]
    """
    with open(path, "rb") as file:
        head = file.read(32)
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except _UNREADABLE as error:
            raise DamagedFileError(path, _not_a_zip(head)) from error
        with archive:
            return [_read_member(archive, path, name, objects) for name in names]


def _not_a_zip(head: bytes) -> str:
    """A zip's table of contents stands at its end: a file that starts well and has none was cut."""
    if head.startswith(b"PK\x03\x04"):
        return "its end is missing, as after a download that broke off"
    return f"it is not an .npz archive; {looks_like(head)}"


def _read_member(archive: zipfile.ZipFile, path: str | os.PathLike[str], name: str, objects: bool) -> Array:
    member = f"{name}.npy"
    if member not in archive.namelist():
        held = ", ".join(sorted(n.removesuffix(".npy") for n in archive.namelist())) or "nothing"
        raise DamagedFileError(path, f"it has no array called {name!r}; it holds {held}")
    try:
        with archive.open(member) as stream:
            array = _read_objects(stream) if objects else np.lib.format.read_array(stream, allow_pickle=False)
            if stream.read(1):  # reading to the end is also what makes zipfile compare the CRC-32
                raise ValueError("bytes follow the array's end")
    except _UNREADABLE as error:
        raise DamagedFileError(path, f"its array {name!r} cannot be read ({str(error) or type(error).__name__})") from error
    return array


def _read_objects(stream: IO[bytes]) -> Array:
    """An array that may be one of objects: NumPy writes a pickle after the header of such a one."""
    seekable = io.BytesIO(stream.read())
    version = np.lib.format.read_magic(seekable)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(seekable)
    if not dtype.hasobject:
        seekable.seek(0)
        plain: Array = np.lib.format.read_array(seekable, allow_pickle=False)
        return plain
    array = load_data(seekable)
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"its header promises shape {shape}, and what follows is something else")
    return array
