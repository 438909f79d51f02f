"""Packages of ours that share a public name: whatever is imported first, the public name wins."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])


@pytest.mark.parametrize(
    "imports",
    [
        "import millstream.keras.utils.download",
        "import millstream.keras.utils, millstream.keras.utils.data_utils",
        "import millstream.keras.datasets.cached",
        "import millstream; millstream.keras.datasets.mnist.load_data",
        "import millstream.compat.run",
    ],
)
def test_namespaces_hold_after_any_import(imports: str) -> None:
    check = (
        "import millstream as tf; tf.keras.utils.get_file, tf.keras.datasets.fashion_mnist.load_data, tf.compat.as_bytes, tf.compat.install"
    )
    done = subprocess.run([sys.executable, "-c", f"{imports}\n{check}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_public_name_is_not_covered_by_its_package(tmp_path: Path) -> None:
    program = """
import sys, types
import millstream
from millstream.util.export import publish
package = types.ModuleType("millstream.gadget")
millstream.gadget = package           # as Python binds an imported package
assert millstream.gadget is package
publish(len, "tf.gadget")
assert millstream.gadget is len
millstream.gadget = package           # imported again, or later than published
assert millstream.gadget is len
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
