"""Checkpoint files: what is written comes back, each kind of damage is named, a save that fails leaves the old file."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from millstream.formats import atomic, tf_checkpoint
from millstream.formats.checkpoint_state import CheckpointState, read_state, write_state
from millstream.formats.damage import DamagedFileError
from millstream.formats.table import read_table, write_table
from millstream.formats.tf_checkpoint import CheckpointReader, write_checkpoint

ARRAYS = {
    "a/b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "bits": np.array([True, False]),
    "brain": np.array([1.5, -2], ml_dtypes.bfloat16),
    "empty": np.zeros((0, 3)),
    "half": np.float16(0.5),
    "text": np.array([b"", b"x" * 300, "\u00e9"], object),
    "wave": np.array(1 + 2j),
}


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    write_checkpoint(tmp_path / "w", ARRAYS)
    return str(tmp_path / "w")


def test_arrays_come_back(prefix: str) -> None:
    reader = CheckpointReader(prefix)
    assert reader.names() == sorted(ARRAYS)
    assert reader.get_variable_to_dtype_map()["brain"].name == "bfloat16"
    for name, array in ARRAYS.items():
        got = reader.get_tensor(name)
        if name == "text":
            assert got.tolist() == [b"", b"x" * 300, "\u00e9".encode()]
        else:
            assert got.dtype == array.dtype
            assert got.shape == array.shape
            assert got.tobytes() == array.tobytes()


def test_saving_again_keeps_the_names_of_files(prefix: str) -> None:
    write_checkpoint(prefix, {"other": np.ones(2)})
    assert sorted(os.listdir(os.path.dirname(prefix))) == ["w.data-00000-of-00001", "w.index"]
    assert CheckpointReader(prefix).get_tensor("other").tolist() == [1, 1]


@pytest.mark.parametrize("call", ["fsync", "replace", "link"])
@pytest.mark.parametrize("number", range(8))
def test_a_save_that_is_stopped_leaves_one_whole_checkpoint(prefix: str, monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    calls, real = [], getattr(os, call)

    def failing(*args):
        calls.append(args)
        if len(calls) == number + 1:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(os, call, failing)
    new = {name: np.ones(3) for name in ARRAYS}
    with contextlib.suppress(KeyboardInterrupt):
        write_checkpoint(prefix, new)
    monkeypatch.undo()
    reader = CheckpointReader(prefix)
    shapes = {np.shape(reader.get_tensor(n)) for n in reader.names()}
    assert shapes in ({(3,)}, {np.shape(a) for a in ARRAYS.values()})
    write_checkpoint(prefix, new)
    assert sorted(os.listdir(os.path.dirname(prefix))) == ["w.data-00000-of-00001", "w.index"]


def test_a_full_disk_leaves_the_old_files(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {f: Path(os.path.dirname(prefix), f).read_bytes() for f in os.listdir(os.path.dirname(prefix))}

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(prefix, {"a": np.ones(9)})
    assert {f: Path(os.path.dirname(prefix), f).read_bytes() for f in os.listdir(os.path.dirname(prefix))} == before


@pytest.mark.parametrize("step", [1, 7, 48])
def test_any_cut_of_the_index_is_named(prefix: str, step: int) -> None:
    path = Path(prefix + ".index")
    data = path.read_bytes()
    for length in range(0, len(data) - 1, step):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedFileError, match=r"w\.index is damaged"):
            CheckpointReader(prefix)


def _read_all(prefix: str) -> None:
    reader = CheckpointReader(prefix)
    for name in reader.names():
        reader.get_tensor(name)


def test_any_changed_byte_is_noticed(prefix: str) -> None:
    for suffix in (".index", ".data-00000-of-00001"):
        path = Path(prefix + suffix)
        data = path.read_bytes()
        for at in range(len(data)):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
            with pytest.raises(DamagedFileError):
                _read_all(prefix)
        path.write_bytes(data)


def test_a_cut_data_file_is_named(prefix: str) -> None:
    path = Path(tf_checkpoint.data_path(prefix))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedFileError, match=r"'wave'.*was cut"):
        CheckpointReader(prefix).get_tensor("wave")
    path.unlink()
    with pytest.raises(DamagedFileError, match=r"data-00000-of-00001 is missing\. Copy all files"):
        CheckpointReader(prefix).get_tensor("a/b")


def test_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "page.index").write_bytes(b"<html>" * 20)
    with pytest.raises(DamagedFileError, match="web page"):
        CheckpointReader(tmp_path / "page")
    with pytest.raises(FileNotFoundError):
        CheckpointReader(tmp_path / "nothing")


def test_tables_of_many_blocks() -> None:
    items = [(f"k{i:05d}".encode() + b"x" * 100, bytes([i % 256]) * 50) for i in range(6000)]
    assert list(read_table(write_table(items)).items()) == items


def test_state_file(tmp_path: Path) -> None:
    folder = str(tmp_path)
    newest = os.path.join(folder, 'a"\u00e9-2')
    write_state(folder, CheckpointState(newest, [os.path.join(folder, "a-1"), newest], [1.5, 2.0], 0.5))
    assert (tmp_path / "checkpoint").read_text().splitlines()[0] == r'model_checkpoint_path: "a\"\303\251-2"'
    state = read_state(folder)
    assert state is not None
    assert state.model_checkpoint_path == newest
    assert list(state.all_model_checkpoint_timestamps) == [1.5, 2.0]
    (tmp_path / "checkpoint").write_text("{")
    with pytest.raises(DamagedFileError, match="not the text that names checkpoints"):
        read_state(folder)
    assert read_state(os.path.join(folder, "none")) is None


def test_what_killed_processes_left_is_cleared_away(prefix: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    for name, age in (
        (f"w.index.{child.pid}-01234567.tmp", 100),
        (f"w.index.{child.pid}-11234567.tmp", 0),
        (f"w.index.{os.getpid()}-01234567.tmp", 100),
    ):
        path = Path(os.path.dirname(prefix), name)
        path.write_bytes(b"part")
        os.utime(path, (time.time() - age,) * 2)
    write_checkpoint(prefix, {"a": np.ones(1)})
    left = sorted(p.name.split(".")[-2] for p in Path(os.path.dirname(prefix)).glob("*.tmp"))
    assert left == sorted([f"{child.pid}-11234567", f"{os.getpid()}-01234567"])
