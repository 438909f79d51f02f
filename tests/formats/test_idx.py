"""IDX files of every type, gzipped or not; each kind of damage is named."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from millstream.formats.damage import DamagedFileError
from millstream.formats.idx import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_type(tmp_path: Path, code: str, pack: type[bytes]) -> None:
    array = np.arange(24).astype(code).reshape(2, 3, 4)
    path = tmp_path / "data"
    path.write_bytes(pack(idx(array)))
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert read.flags.writeable


def damage(data: bytes, kind: str) -> bytes:
    packed = gzip.compress(data)
    return {
        "cut": data[:-1],
        "long": data + b"\0",
        "header": data[:9],
        "html": b"<html>404</html>",
        "empty": b"",
        "cut gzip": packed[:-10],
        "changed gzip": packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:],
    }[kind]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("cut", r"shape \(2, 3\), which is 6 bytes of values, and it holds 5"),
        ("long", "and it holds 7"),
        ("header", "ends inside its header"),
        ("html", "web page"),
        ("empty", "it is empty"),
        ("cut gzip", "its end is missing"),
        ("changed gzip", "cannot be unpacked .*CRC"),
    ],
)
def test_damage_is_named(tmp_path: Path, kind: str, says: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(damage(idx(np.ones((2, 3), np.uint8)), kind))
    with pytest.raises(DamagedFileError, match=says):
        read_idx(path)
