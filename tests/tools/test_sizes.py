"""tools/sizes.py finds what breaks the laws, and measures without decorators and docstrings."""

import subprocess
import sys
from pathlib import Path

SIZES = Path(__file__).parents[2] / "tools" / "sizes.py"


def measure(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "one.py").write_text(text)
    return subprocess.run([sys.executable, str(SIZES), str(folder)], capture_output=True, text=True, check=False)


def function(lines: int, doc: int = 0) -> str:
    docstring = ['    """' + "\n" * (doc - 1) + '"""'] if doc else []
    return "\n".join(["@property", "def f():", *docstring, *["    x = 1"] * (lines - 1)]) + "\n"


def test_within_the_laws(tmp_path: Path) -> None:
    done = measure(tmp_path, function(20, doc=50))
    assert done.returncode == 0
    assert done.stdout == "sizes: 1 files, 1 functions, 95th percentile 20 lines, longest 20\n"


def test_one_long_function(tmp_path: Path) -> None:
    done = measure(tmp_path, function(5) * 30 + function(61))
    assert done.returncode == 1
    assert "one.py:182: f has 61 lines; a function has at most 60." in done.stdout
    assert "95th percentile of" not in done.stdout


def test_many_longish_functions(tmp_path: Path) -> None:
    done = measure(tmp_path, function(5) * 18 + function(26) * 2)
    assert done.returncode == 1
    assert "95th percentile of function lengths is 26; the law is 25." in done.stdout


def test_long_file(tmp_path: Path) -> None:
    done = measure(tmp_path, "x = 1\n" * 600)
    assert done.returncode == 1
    assert "601 lines; a file stays below 600." in done.stdout
