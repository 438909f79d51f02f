"""Whole archives are read whatever their compression; each kind of damage is named."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from millstream.formats.damage import DamagedFileError
from millstream.formats.npz import read_npz

X = np.arange(6000, dtype=np.uint8).reshape(10, 20, 30)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=np.arange(10))
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_any_compression(saved: Path, tmp_path: Path, method: int) -> None:
    again = tmp_path / "again.npz"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(again, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    x, y = read_npz(again, ["x", "y"])
    np.testing.assert_array_equal(x, X)
    assert y.tolist() == list(range(10))


def test_cut_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:3000])
    with pytest.raises(DamagedFileError, match=r"data\.npz is damaged: its end is missing"):
        read_npz(saved, ["x"])


def test_changed_byte(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[1000] ^= 1
    saved.write_bytes(data)
    with pytest.raises(DamagedFileError, match="its array 'x' cannot be read .*CRC"):
        read_npz(saved, ["x"])


def test_changed_last_byte_of_an_array(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    end = data.index(X.tobytes()) + X.nbytes - 1
    data[end] ^= 1
    saved.write_bytes(data)
    with pytest.raises(DamagedFileError, match="CRC"):
        read_npz(saved, ["x"])


def test_missing_array_lists_what_is_there(saved: Path) -> None:
    with pytest.raises(DamagedFileError, match="no array called 'x_train'; it holds x, y"):
        read_npz(saved, ["x_train"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"<html><body>404</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x93NUMPY\x01\x00", "starts with b'.x93NUMPY"),
    ],
)
def test_no_archive_at_all(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=f"not an .npz archive; .*{says}"):
        read_npz(path, ["x"])


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=np.array([{}, None], dtype=object))
    with pytest.raises(DamagedFileError, match="Object arrays cannot be loaded"):
        read_npz(path, ["x"])


def test_header_that_asks_for_too_much(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)})
    with pytest.raises(DamagedFileError, match="its array 'x' cannot be read"):
        read_npz(path, ["x"])


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz", ["x"])
