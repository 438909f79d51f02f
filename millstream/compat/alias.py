"""The import alias: `import tensorflow` and `import keras`, with all their public submodules, come from Millstream.

A finder on sys.meta_path answers for these names by walking the attributes of Millstream's own namespaces. Each served module
forwards to one namespace (or, for modules that TensorFlow never made public, to those where their names are public now), so that
`tensorflow.keras.layers.Dense` IS `millstream.keras.layers.Dense`.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from millstream.compat.moved import public_names_of
from millstream.util.export import Namespace

# What programs read to decide how to behave; tf.__version__ is Millstream's own export.
VERSIONS = {"tensorflow.keras": "2.4.0", "keras": "2.4.3"}


class ServedModule(ModuleType):
    """A module under a name of TensorFlow's whose attributes are those of Millstream's namespaces `targets`, the first that has one."""

    _targets: tuple[ModuleType, ...]

    def __init__(self, name: str, targets: Sequence[ModuleType]) -> None:
        super().__init__(name, targets[0].__doc__)
        self.__dict__["_targets"] = tuple(targets)
        if name in VERSIONS:
            self.__dict__["__version__"] = VERSIONS[name]

    # Any: an attribute of a module is whatever it is.
    def __getattr__(self, name: str) -> Any:
        """Look it up once; afterwards it stands in __dict__, where Python finds it without asking here."""
        for target in self._targets:
            value = getattr(target, name, _NOTHING)
            if value is _NOTHING:
                continue
            if isinstance(value, ModuleType):
                if not isinstance(value, Namespace):  # a folder of Millstream's code: an attribute once imported, but not public
                    continue
                value = importlib.import_module(f"{self.__name__}.{name}")
            self.__dict__[name] = value
            return value
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> Iterable[str]:
        return sorted({*self.__all__, *self.__dict__})

    @property
    def __all__(self) -> list[str]:
        return sorted({name for target in self._targets for name in public_of(target)})


_NOTHING = object()


def public_of(namespace: ModuleType) -> list[str]:
    """The public names of a namespace: its __all__, less folders of Millstream's code that happen to be imported."""
    held = vars(namespace)
    return [n for n in namespace.__all__ if not isinstance(held.get(n), ModuleType) or isinstance(held[n], Namespace)]


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the top-level names in `roots`, each from the namespace that its function returns.

    `announce` is called once for each of them, when it is first imported.
    """

    def __init__(self, roots: Mapping[str, Callable[[], ModuleType]], announce: Callable[[str], None]) -> None:
        self._roots = roots
        self._announce = announce

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for our names, None for all others. Raises: ModuleNotFoundError for a submodule that Millstream does not have."""
        del path, target  # the names alone decide
        root, _, rest = fullname.partition(".")
        if root not in self._roots:
            return None
        if not rest:
            self._announce(root)
        if not self._targets(fullname):
            raise ModuleNotFoundError(
                f"No module named {fullname!r} ({root!r} is served by Millstream, which does not have it)", name=fullname
            )
        return importlib.util.spec_from_loader(fullname, self, origin="millstream", is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The forwarding module."""
        return ServedModule(spec.name, self._targets(spec.name))

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: a served module looks its names up when they are asked for."""

    def _targets(self, fullname: str) -> list[ModuleType]:
        """The namespaces behind a module's name; empty when there is none."""
        found = self._walk(fullname)
        if found is not None:
            return [found]
        return [n for n in map(self._walk, public_names_of(fullname)) if n is not None]

    def _walk(self, fullname: str) -> ModuleType | None:
        root, *parts = fullname.split(".")
        namespace: object = self._roots[root]() if root in self._roots else None
        for part in parts:
            namespace = getattr(namespace, part, None)
            if not isinstance(namespace, Namespace):
                return None
        return namespace if isinstance(namespace, ModuleType) else None


def install_alias(finder: AliasFinder, names: Iterable[str]) -> None:
    """Put the finder first. Raises: RuntimeError when another package of one of these names was imported before."""
    for name in names:
        loaded = sys.modules.get(name)
        if loaded is not None and not isinstance(loaded, ServedModule):
            where = getattr(loaded, "__file__", None) or "another package"
            raise RuntimeError(
                f"{name!r} was already imported from {where}, so Millstream cannot serve that name here. "
                "Call millstream.compat.install() before the first import of it (in a notebook: restart the kernel)."
            )
    sys.meta_path.insert(0, finder)
