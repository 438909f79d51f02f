"""Every example runs as its user would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_digits(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "millstream", "run", str(ROOT / "examples" / "digits.py")],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Total params: 9,610" in done.stdout
    accuracy = float(re.search(r"test accuracy: (\d\.\d+)", done.stdout)[1])
    assert accuracy > 0.93
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")


def test_every_example_has_a_test() -> None:
    tested = Path(__file__).read_text()
    assert all(example.name in tested for example in (ROOT / "examples").glob("*.py"))
