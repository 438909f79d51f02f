"""IDX, the format of MNIST's original files: a magic number, the sizes, the values. Gzipped or not.

Layout, big-endian: two zero bytes, a type code, the number of dimensions D, D sizes of 4 bytes each, the values.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from millstream.formats.damage import DamagedFileError, looks_like

# Any: the type code in the file decides the dtype.
Array = NDArray[Any]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> Array:
    r"""The array in an IDX file, in native byte order.

    Raises: FileNotFoundError; DamagedFileError when the file is cut, too long, damaged (gzip's CRC-32) or no IDX file.
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two-by-two")
    >>> _ = path.write_bytes(b"\0\0\x08\x02" + b"\0\0\0\x02" * 2 + bytes([1, 2, 3, 4]))
    >>> read_idx(path)
    array([[1, 2],
           [3, 4]], dtype=uint8)
    """
    data = _contents(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise DamagedFileError(path, f"it is not an IDX file; {looks_like(data[:32])}")
    dtype, dims = np.dtype(_TYPES[data[2]]), data[3]
    start = 4 + 4 * dims
    if len(data) < start:
        raise DamagedFileError(path, "it ends inside its header")
    shape = struct.unpack(f">{dims}I", data[4:start])
    want, have = math.prod(shape) * dtype.itemsize, len(data) - start
    if want != have:
        raise DamagedFileError(path, f"its header promises shape {shape}, which is {want} bytes of values, and it holds {have}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _contents(path: str | os.PathLike[str]) -> bytes:
    """The file's bytes, unpacked when they are gzipped, whatever the file is called."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except EOFError as error:
        raise DamagedFileError(path, "its end is missing, as after a download that broke off") from error
    except (OSError, zlib.error) as error:
        raise DamagedFileError(path, f"its gzip data cannot be unpacked ({error})") from error
