"""Programs run in a process of their own: what `millstream run` puts back must not leak into the tests."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(source, *args): the program's process, after it has ended; its file is program.py in tmp_path."""

    def run_source(
        source: str, *args: str, options: tuple[str, ...] = (), debug: str = "", stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "program.py").write_text(textwrap.dedent(source), encoding="utf-8")
        words = [sys.executable, "-W", "ignore", "-m", "millstream", "run", *options, "program.py", *args]
        env = {**os.environ, "MPLBACKEND": "Agg", "MILLSTREAM_DEBUG": debug, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(words, cwd=tmp_path, env=env, input=stdin, capture_output=True, text=True, check=False, timeout=120)

    return run_source
