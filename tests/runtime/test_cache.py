"""The disk cache: hits, damage, read-only and full folders, other processes, crashes, size."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from millstream.codegen.loops import Function, LoopBuilder
from millstream.runtime import cache
from millstream.runtime.cache import Bundle, DiskStore
from millstream.targets.llvm_cpu import jit
from tests.targets.test_jit import environment

# Compiles a few kernels; prints how many went through LLVM and what one of them computes.
PROGRAM = """
import sys, numpy as np
from tests.runtime.test_cache import kernel
from tests.codegen.running import compiled
from millstream.targets.llvm_cpu import jit
from millstream.runtime.kernels import compile
compile([kernel(n) for n in range(6)])
x = np.ones(1, 'f4'); compiled(kernel(5), [x, 1])
print(jit.compiled_count(), x[0])
"""


def kernel(number: int) -> Function:
    b = LoopBuilder(f"kernel{number}")
    x, n = b.pointer("x", "float32"), b.size("n")
    with b.loop(0, n) as i:
        b.store(x, i, b.load(x, i) + float(number))
    return b.finish()


def bundle(*keys: str) -> Bundle:
    return Bundle({key: "k" + key for key in keys}, ("expf",), bytes(900))


def start(folder: Path, code: str = PROGRAM) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], env=environment(MILLSTREAM_CACHE=str(folder)), stdout=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen[str]) -> list[str]:
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return text.split()


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "kernels"
    assert outcome(start(folder)) == ["6", "6.0"]
    assert outcome(start(folder)) == ["0", "6.0"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in folder.iterdir())


def test_damaged_objects_are_compiled_again(tmp_path: Path) -> None:
    assert outcome(start(tmp_path)) == ["6", "6.0"]
    files = sorted(tmp_path.glob("*.o"))
    assert len(files) == 7  # six kernels and the driver of threads
    content = files[0].read_bytes()
    damaged = [content[:-100] + b"\x00" * 100, b"", content[: len(content) // 2], content.replace(b"\n", b"\r")]
    for number, file in enumerate(files):
        file.unlink()  # the others are links to the same file
        file.write_bytes(damaged[number % 4])
    assert outcome(start(tmp_path)) == ["6", "6.0"]
    assert outcome(start(tmp_path)) == ["0", "6.0"]


def test_a_file_of_other_kernels_is_not_used(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.put(bundle("a"))
    store.path("a").rename(store.path("b"))
    assert store.get("b") is None


def test_kernels_compiled_together_are_one_file(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.put(bundle("a", "b", "c"))
    assert store.get("b") == bundle("a", "b", "c")
    assert len({p.stat().st_ino for p in tmp_path.iterdir()}) == 1


def test_without_hard_links_files_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(cache.os, "link", refused)
    store = DiskStore(tmp_path)
    store.put(bundle("a", "b"))
    assert store.get("a") == store.get("b") == bundle("a", "b")


def test_two_processes_at_once(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    assert [outcome(p)[1] for p in both] == ["6.0", "6.0"]
    assert outcome(start(tmp_path)) == ["0", "6.0"]
    assert not list(tmp_path.glob("*" + cache.TEMPORARY))


def test_killed_while_writing(tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom millstream.runtime import cache\n"
        "os.replace = lambda a, b: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"cache.DiskStore(Path({str(tmp_path)!r})).put(cache.Bundle({{'key': 'k'}}, (), b'x' * 1000))\n"
    )
    process = start(tmp_path, code)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    store = DiskStore(tmp_path)
    assert store.get("key") is None
    left = list(tmp_path.glob("*" + cache.TEMPORARY))
    assert len(left) == 1
    os.utime(left[0], (time.time() - 2 * cache.ABANDONED_SECONDS,) * 2)
    store.trim()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    store = DiskStore(tmp_path)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.tempfile, "mkstemp", full)
    with caplog.at_level("DEBUG", "millstream.cache"):
        store.put(bundle("a"))
        store.put(bundle("b"))
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text
    assert "MILLSTREAM_CACHE" in caplog.text
    assert store.get("a") is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DiskStore(tmp_path / "file" / "kernels")
    store.put(bundle("a"))
    assert store.get("a") is None
    assert jit.compile([kernel(41)], store)


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    store = DiskStore(tmp_path)
    store.put(bundle("a"))
    assert not list(tmp_path.iterdir())


def test_the_oldest_go_when_the_folder_is_full(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, limit=10_000)
    for n in range(20):
        store.put(bundle(f"k{n:02}"))
        os.utime(store.path(f"k{n:02}"), (n + 1, n + 1))
    store.get("k15")
    store.trim()
    kept = sorted(p.stem for p in tmp_path.iterdir())
    assert "k15" in kept
    assert "k19" in kept
    assert "k00" not in kept
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 10_000


@pytest.mark.parametrize("setting", ["off", "0"])
def test_the_cache_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("MILLSTREAM_CACHE", setting)
    assert cache.default_store() is None


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLSTREAM_CACHE", raising=False)
    assert "millstream" in str(cache.default_folder())
