"""A program gives the same bits whatever the number of threads, and with, without and with a damaged disk cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("six_step.program")


def digest(which: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "millstream", str(PROGRAM), which, "2"],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), **environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("which", ["class", "sequential"])
def test_threads_do_not_change_a_bit(which: str) -> None:
    found = {digest(which, MILLSTREAM_THREADS=str(n)) for n in (1, 2, 3, 4, 8)}
    assert len(found) == 1


@pytest.mark.parametrize("which", ["class", "sequential"])
def test_the_disk_cache_does_not_change_a_bit(which: str, tmp_path: Path) -> None:
    cold = digest(which, MILLSTREAM_CACHE=str(tmp_path))
    warm = digest(which, MILLSTREAM_CACHE=str(tmp_path))
    for stored in tmp_path.rglob("*.o"):
        content = bytearray(stored.read_bytes())
        content[len(content) // 2] ^= 0xFF
        stored.write_bytes(content)
    damaged = digest(which, MILLSTREAM_CACHE=str(tmp_path))
    assert {cold, warm, damaged, digest(which, MILLSTREAM_CACHE="off")} == {cold}
