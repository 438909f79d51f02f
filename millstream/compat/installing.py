"""Turn the alias and the shims on, once per process."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

from millstream.compat import rewrite, shims
from millstream.compat.alias import AliasFinder, install_alias
from millstream.util.flags import flag


def _millstream() -> ModuleType:
    return importlib.import_module("millstream")


def _keras() -> ModuleType:
    keras = getattr(_millstream(), "keras")  # noqa: B009 - the namespace is made on request, no checker sees it
    assert isinstance(keras, ModuleType)
    return keras


ROOTS = {"tensorflow": _millstream, "keras": _keras}


def install(*, old_libraries: bool = True) -> None:
    """From here on `import tensorflow` and `import keras` give Millstream. A second call changes nothing.

    Args: old_libraries, also put back what NumPy, Pillow, pandas and others dropped since 2020 (`np.float`, `Image.ANTIALIAS`, ...).
    Raises: RuntimeError when another `tensorflow` or `keras` was imported before.
    """
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        install_alias(AliasFinder(ROOTS, announce), ROOTS)
    if old_libraries:
        shims.install()
        rewrite.install_in_notebook()


def announce(name: str) -> None:
    """With MILLSTREAM_DEBUG, say whose module the program gets: never a silent substitution."""
    if flag("MILLSTREAM_DEBUG") not in ("", "0"):
        version = getattr(_millstream(), "__millstream_version__", "")
        print(f"millstream: `import {name}` is served by Millstream {version} in {os.path.dirname(__file__)}", file=sys.stderr)  # noqa: T201
