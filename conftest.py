"""For all tests and for the examples in docstrings: `tf` and `np` are there, and no user's folder is touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import millstream


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(tf=millstream, np=np)


@pytest.fixture(autouse=True, scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Compiled kernels and data sets of the tests lie in a folder of their own."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLSTREAM_CACHE", str(folder / "kernels"))
        patch.setenv("KERAS_HOME", str(folder / "keras"))
        yield folder
