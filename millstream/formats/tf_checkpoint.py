"""TensorFlow's checkpoint files, version 2: named arrays.

    PREFIX.index                    a sorted table: "" -> header, name -> entry (dtype, shape, where its bytes are, CRC-32C)
    PREFIX.data-00000-of-00001      the arrays' bytes, one after the other; several such files (shards) may share the work

A save over an older checkpoint is one step to whoever reads or is killed: the new data get a file name that the old index
does not use, the index is replaced in one step, and only then does the data file get its usual name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from millstream.core.dtypes import DType, as_dtype, string
from millstream.formats.atomic import moving, replacing, sync_folder, write_whole
from millstream.formats.crc import crc32c, masked
from millstream.formats.damage import DamagedFileError, looks_like
from millstream.formats.messages import checkpoint_messages, parsed
from millstream.formats.table import read_table, read_varint, varint, write_table

_LITTLE_ENDIAN = 0


def data_path(prefix: str, shard: int = 0, shards: int = 1) -> str:
    """The name of a data file."""
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def exists(prefix: str | os.PathLike[str]) -> bool:
    """Whether there is a checkpoint of this prefix."""
    return os.path.exists(os.fspath(prefix) + ".index")


# ---------------------------------------------------------------------------------------------- writing
def write_checkpoint(prefix: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write a checkpoint of named arrays (NumPy; strings as arrays of bytes objects), instead of an older one of that prefix.

    Raises: OSError when the disk refuses; an older checkpoint is still whole then.
    >>> import tempfile
    >>> prefix = os.path.join(tempfile.mkdtemp(), "w")
    >>> write_checkpoint(prefix, {"a": np.arange(3, dtype=np.int8)})
    >>> CheckpointReader(prefix).get_tensor("a")
    array([0, 1, 2], dtype=int8)
    """
    prefix = os.fspath(prefix)
    old = _shards_in_use(prefix)
    shards = 2 if old == 1 else 1
    entries: dict[bytes, Any] = {}
    with replacing(data_path(prefix, 0, shards)) as file:
        offset = 0
        for name in sorted(arrays, key=str.encode):
            entry = _write_array(file, arrays[name], offset)
            entries[name.encode()] = entry
            offset += entry.size
    try:
        _write_index(prefix, entries, shards)
    except BaseException:
        if _shards_in_use(prefix) != shards:  # the new index is not in its place: nothing names the new data
            _remove(data_path(prefix, 0, shards))
        raise
    if shards == 2:
        _rename_data(prefix, entries)
    elif old:
        _remove(*(data_path(prefix, i, old) for i in range(old)))


def _shards_in_use(prefix: str) -> int:
    """How many data files the present index names; 0 without one, or with one that cannot be read."""
    try:
        return CheckpointReader(prefix).shards
    except (OSError, ValueError):
        return 0


def _write_index(prefix: str, entries: Mapping[bytes, Any], shards: int) -> None:
    header = checkpoint_messages().Header(num_shards=shards, version={"producer": 1})
    items = [(b"", header.SerializeToString()), *((key, entries[key].SerializeToString()) for key in sorted(entries))]
    write_whole(prefix + ".index", write_table(items))


def _rename_data(prefix: str, entries: Mapping[bytes, Any]) -> None:
    """Give the data file the usual name. At each moment the index names a file that has its data."""
    made, usual = data_path(prefix, 0, 2), data_path(prefix, 0, 1)
    with moving(usual) as beside:
        try:
            os.link(os.path.realpath(made), beside)
        except OSError:  # a file system without hard links
            shutil.copyfile(made, beside)
    _write_index(prefix, entries, 1)
    _remove(made)


def _remove(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)
    sync_folder(os.path.dirname(paths[0]))


def _write_array(file: IO[bytes], value: Any, offset: int) -> Any:
    array = np.asarray(value)
    dtype = as_dtype(array.dtype)
    if dtype is string:
        size, crc = _write_strings(file, array)
    else:
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        file.write(data.data)
        size, crc = data.size, crc32c(data)
    shape = {"dim": [{"size": n} for n in array.shape]}
    return checkpoint_messages().Entry(dtype=dtype.as_datatype_enum, shape=shape, shard_id=0, offset=offset, size=size, crc32c=masked(crc))


def _write_strings(file: IO[bytes], array: Any) -> tuple[int, int]:
    """Lengths (varints), a checksum of the lengths, then the strings. Gives (bytes written, checksum)."""
    items = [_as_bytes(s) for s in array.reshape(-1)]
    crc = crc32c(b"".join(_length_word(len(s)) for s in items))
    check = struct.pack("<I", masked(crc))
    parts = b"".join([*(varint(len(s)) for s in items), check, *items])
    file.write(parts)
    return len(parts), crc32c(b"".join(items), crc32c(check, crc))


def _as_bytes(s: Any) -> bytes:
    return s.encode() if isinstance(s, str) else bytes(s)


def _length_word(length: int) -> bytes:
    return struct.pack("<I" if length < 1 << 32 else "<Q", length)


# ---------------------------------------------------------------------------------------------- reading
class CheckpointReader:
    """The arrays of a checkpoint. The index is read and checked at once, an array when it is asked for.

    Args: prefix, without ".index".
    Raises: FileNotFoundError without an index; DamagedFileError when it is no index, cut or changed.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.prefix = os.fspath(prefix)
        self._index = self.prefix + ".index"
        with open(self._index, "rb") as file:
            data = file.read()
        try:
            table = read_table(data)
            self._read_entries(table)
        except ValueError as error:
            if not _is_table(data):
                raise DamagedFileError(self._index, f"it is no index of a checkpoint, or cut; {looks_like(data[:32])} ({error})") from error
            raise DamagedFileError(self._index, str(error)) from error

    def _read_entries(self, table: dict[bytes, bytes]) -> None:
        messages = checkpoint_messages()
        if b"" not in table:
            raise ValueError("it has no header")
        header = parsed(messages.Header, table.pop(b""))
        if header.endianness != _LITTLE_ENDIAN:
            raise ValueError("it was written on a big-endian machine, whose files are not read here")
        if not 1 <= header.num_shards <= 100_000:
            raise ValueError(f"its header says that there are {header.num_shards} data files")
        self.shards = int(header.num_shards)
        self._entries = {key.decode(): parsed(messages.Entry, value) for key, value in table.items()}

    def names(self) -> list[str]:
        """The names of all arrays, sorted."""
        return sorted(self._entries)

    def has_tensor(self, name: str) -> bool:
        """Whether there is an array of this name."""
        return name in self._entries

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """Shapes by name."""
        return {name: [int(d.size) for d in e.shape.dim] for name, e in self._entries.items()}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """Data types by name."""
        return {name: as_dtype(int(e.dtype)) for name, e in self._entries.items()}

    def get_tensor(self, name: str) -> Any:
        """The array of a name; a scalar string as bytes, other scalars as NumPy's.

        Raises: KeyError for a name that is not there; DamagedFileError when its bytes are missing or changed.
        """
        if name not in self._entries:
            raise KeyError(f"Key {name} not found in checkpoint {self.prefix}; it holds {', '.join(self.names()[:20])}.")
        array = self._read(name, self._entries[name])
        return array if array.ndim else array[()]

    def _read(self, name: str, entry: Any) -> Any:
        path = data_path(self.prefix, entry.shard_id, self.shards)
        shape = tuple(int(d.size) for d in entry.shape.dim)
        try:
            dtype = as_dtype(int(entry.dtype))
            _check_sizes(shape, dtype, entry)
            data = _bytes_of(path, entry)
            return _strings(data, shape, entry) if dtype is string else _numbers(data, shape, dtype, entry)
        except FileNotFoundError as error:
            raise DamagedFileError(self._index, f"its data file {path} is missing", "Copy all files of the checkpoint together.") from error
        except (ValueError, TypeError) as error:
            raise DamagedFileError(path, f"the array {name!r}: {error}") from error


def _is_table(data: bytes) -> bool:
    from millstream.formats.table import MAGIC

    return data[-8:] == struct.pack("<Q", MAGIC)


def _check_sizes(shape: tuple[int, ...], dtype: DType, entry: Any) -> None:
    """Refuse sizes that cannot be before any memory is asked for."""
    if entry.slices:
        raise ValueError("it is stored in slices (a partitioned variable), which are not read here")
    if any(n < 0 for n in shape) or entry.size < 0 or entry.offset < 0 or entry.shard_id < 0:
        raise ValueError(f"its sizes are impossible: shape {shape}, {entry.size} bytes at {entry.offset}")
    count = 1
    for n in shape:
        count *= n
    if dtype is string:
        if count > entry.size:
            raise ValueError(f"{count} strings do not fit into {entry.size} bytes")
    elif count * dtype.numpy.itemsize != entry.size:
        raise ValueError(f"shape {shape} of {dtype.name} needs {count * dtype.numpy.itemsize} bytes, and the index gives it {entry.size}")


def _bytes_of(path: str, entry: Any) -> Any:
    """The bytes of an entry, once the file is known to have them."""
    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        if entry.offset + entry.size > length:
            raise ValueError(f"its bytes should end at {entry.offset + entry.size}, and the file has {length}: it was cut")
        file.seek(entry.offset)
        data = np.empty(entry.size, np.uint8)
        if file.readinto(data.data) != entry.size:
            raise ValueError("the file became shorter while it was read")
        return data


def _numbers(data: Any, shape: tuple[int, ...], dtype: DType, entry: Any) -> Any:
    if masked(crc32c(data)) != entry.crc32c:
        raise ValueError("its bytes do not fit their checksum")
    return data.view(dtype.numpy).reshape(shape)


def _strings(data: Any, shape: tuple[int, ...], entry: Any) -> Any:
    raw, lengths, at = data.tobytes(), [], 0
    made = np.empty(shape, object)
    for _ in range(made.size):
        length, at = read_varint(raw, at)
        lengths.append(length)
    crc = crc32c(b"".join(map(_length_word, lengths)))
    check, at = raw[at : at + 4], at + 4
    if check != struct.pack("<I", masked(crc)) or at + sum(lengths) != len(raw):
        raise ValueError("the lengths of its strings do not fit their checksum")
    if masked(crc32c(raw[at:], crc32c(check, crc))) != entry.crc32c:
        raise ValueError("its bytes do not fit their checksum")
    flat = made.reshape(-1)
    for i, length in enumerate(lengths):
        flat[i] = raw[at : at + length]
        at += length
    return made
