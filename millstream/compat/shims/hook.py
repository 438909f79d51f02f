"""An import hook: patches a library's module after it has loaded, and supplies modules that no longer exist.

Adding a library: one file beside this one, and its lines in the two tables below.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from millstream.compat.shims import for_matplotlib, for_numpy, for_pandas, for_pillow, for_scipy, for_sklearn, for_stdlib, for_storage

# module -> what is done to it once it has loaded.
PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "numpy": for_numpy.patch_numpy,
    "PIL.Image": for_pillow.patch_image,
    "PIL.ImageDraw": for_pillow.patch_draw,
    "PIL.ImageFont": for_pillow.patch_font,
    "pandas": for_pandas.patch_pandas,
    "matplotlib.cm": for_matplotlib.patch_cm,
    "matplotlib.figure": for_matplotlib.patch_figure,
    "matplotlib.pyplot": for_matplotlib.patch_pyplot,
    "matplotlib.style": for_matplotlib.patch_style,
    "scipy.integrate": for_scipy.patch_integrate,
    "scipy.misc": for_scipy.patch_misc,
    "scipy.signal": for_scipy.patch_signal,
    "sklearn.metrics": for_sklearn.patch_metrics,
    "sklearn.preprocessing": for_sklearn.patch_preprocessing,
    "h5py": for_storage.patch_h5py,
    "yaml": for_storage.patch_yaml,
    "base64": for_stdlib.patch_base64,
    "collections": for_stdlib.patch_collections,
    "fractions": for_stdlib.patch_fractions,
    "inspect": for_stdlib.patch_inspect,
    "json": for_stdlib.patch_json,
    "multiprocessing.forkserver": for_stdlib.patch_forkserver,
    "multiprocessing.spawn": for_stdlib.patch_spawn,
    "platform": for_stdlib.patch_platform,
    "random": for_stdlib.patch_random,
    "threading": for_stdlib.patch_threading,
    "time": for_stdlib.patch_time,
}

# module that is gone -> what stands in for it; asked only where no real one is found.
GONE: dict[str, Callable[[], ModuleType]] = {
    "scipy.misc": for_scipy.misc,
    "imp": for_stdlib.imp,
    "distutils": for_stdlib.distutils,
    "distutils.dir_util": for_stdlib.distutils_dir_util,
    "distutils.util": for_stdlib.distutils_util,
    "distutils.version": for_stdlib.distutils_version,
    **{name: for_sklearn.moved(name) for name in for_sklearn.MOVED},
    **{name: for_stdlib.moved(name) for name in for_stdlib.MOVED},
}


class _PatchingLoader(importlib.abc.Loader):
    """The library's own loader, and the patch after it."""

    def __init__(self, inner: importlib.abc.Loader, patch: Callable[[ModuleType], None]) -> None:
        self._inner, self._patch = inner, patch

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """The library's own module."""
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load, then patch."""
        # The module is to look as if it had loaded in the ordinary way: its data files are read through its loader.
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._inner
        self._inner.exec_module(module)
        self._patch(module)

    # Any: whatever else the library's loader can do, such as reading its data files.
    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _StandInLoader(importlib.abc.Loader):
    """Makes a module that stands in for one that is gone."""

    def __init__(self, make: Callable[[], ModuleType]) -> None:
        self._make = make

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """An ordinary module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill it with the stand-in's names."""
        module.__dict__.update({k: v for k, v in vars(self._make()).items() if not k.startswith("__")})


class LibraryFinder(importlib.abc.MetaPathFinder):
    """Finds what the other finders find, with the patch added; where they find nothing, the stand-in."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a module of the tables, None for all others."""
        if fullname not in PATCHES and fullname not in GONE:
            return None
        spec = _ask_others(self, fullname, path, target)
        if spec is not None and spec.loader is not None and fullname in PATCHES:
            spec.loader = _PatchingLoader(spec.loader, PATCHES[fullname])
        if spec is None and fullname in GONE:
            spec = importlib.util.spec_from_loader(fullname, _StandInLoader(GONE[fullname]), origin="millstream", is_package=True)
        return spec


def _ask_others(
    finder: LibraryFinder, fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    for other in sys.meta_path:
        find = getattr(other, "find_spec", None)
        spec: importlib.machinery.ModuleSpec | None = find(fullname, path, target) if find and other is not finder else None
        if spec is not None:
            return spec
    return None


def install() -> None:
    """Patch what has loaded already, and from here on what loads. A second call changes nothing."""
    if any(isinstance(finder, LibraryFinder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, LibraryFinder())
    for name, patch in PATCHES.items():
        if name in sys.modules:
            patch(sys.modules[name])
