"""Public names: `@export("tf.keras.layers.Dense")` puts an object under TensorFlow's name.

The tree of namespaces that a user sees (`tf.math`, `tf.keras.layers`, ...) is assembled from this one table.
A namespace loads the modules that fill it when one of its names is first asked for, so that importing stays quick.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

_NAMES: dict[str, Any] = {}
_SPACES: dict[str, "Namespace"] = {}
_PROVIDERS: dict[str, list[str]] = {}
_LATER: dict[str, str] = {}
_PREFIXES: set[str] = set()  # every path that has a public name below it, or a provider
ROOT = "millstream"


def export(*names: str) -> Callable[[T], T]:
    """Decorator: register an object under its public names, each beginning with "tf."."""

    def register(thing: T) -> T:
        publish(thing, *names)
        return thing

    return register


def publish(thing: Any, *names: str) -> None:
    """Register any object, a constant or an alias as well, under public names."""
    for name in names:
        if not name.startswith("tf."):
            raise ValueError(f"A public name begins with 'tf.'; got {name!r}.")
        path = name[3:]
        _NAMES[path] = thing
        _note_prefixes(path.rpartition(".")[0])
        _adopt_imported(path.rpartition(".")[0])
        _uncover(path)


def _note_prefixes(path: str) -> None:
    while path and path not in _PREFIXES:
        _PREFIXES.add(path)
        path = path.rpartition(".")[0]


class Later:
    """A public object that is made when it is first asked for."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def _get(path: str) -> Any:
    """The object of a name; one that is to be made later is made now, once for all its names."""
    thing = _NAMES[path]
    if type(thing) is Later:
        made = thing.make()
        for name in [n for n, t in _NAMES.items() if t is thing]:
            _NAMES[name] = made
        return made
    return thing


def provide(space: str, *modules: str) -> None:
    """Say which modules define the names of a namespace; they are imported at its first use. Example: "keras.losses"."""
    _PROVIDERS.setdefault(space, []).extend(modules)
    _note_prefixes(space)
    _adopt_imported(space)


def _adopt_imported(path: str) -> None:
    """Packages of ours along the path that were imported as such, before they had a public name, become namespaces."""
    while path:
        module = sys.modules.get(f"{ROOT}.{path}")
        if module is not None and path not in _SPACES and path not in _NAMES:
            adopt(module, path)
        path = path.rpartition(".")[0]


def _uncover(path: str) -> None:
    """Python binds an imported package to its parent: `tf.function` is to stay the decorator when `millstream.function` is imported."""
    parent, _, name = path.rpartition(".")
    holder = _SPACES.get(parent)
    if holder is not None and isinstance(vars(holder).get(name), ModuleType):
        setattr(holder, name, _NAMES[path])


def provide_names(module: str, *names: str) -> None:
    """Say that a module defines single public names ("tf.norm"), whose namespace should load without it."""
    for name in names:
        _LATER[name[3:]] = module
        _note_prefixes(name[3:].rpartition(".")[0])


def exported() -> dict[str, Any]:
    """Every public name registered so far, without the leading "tf.", in order of registration."""
    return {name: _get(name) for name in list(_NAMES)}


def load_everything() -> None:
    """Import all providers, so that `exported` is complete."""
    while _PROVIDERS:  # what is loaded may bring providers of its own
        _load(next(iter(_PROVIDERS)))
    for module in set(_LATER.values()):
        importlib.import_module(module)


def _load(space: str) -> bool:
    modules = _PROVIDERS.pop(space, None)
    for module in modules or ():
        importlib.import_module(module)
    return modules is not None


def _children(space: str) -> set[str]:
    prefix = space + "." if space else ""
    names: Iterable[str] = (*_NAMES, *_PROVIDERS, *_LATER)
    return {n[len(prefix) :].split(".")[0] for n in names if n.startswith(prefix) and n != space}


class Namespace(ModuleType):
    """A module whose attributes are the public names below its path."""

    _path: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            if name == "__all__":
                return sorted(n for n in self.__dir__() if not n.startswith("_"))
            raise AttributeError(name)
        value = self._find(name)
        ModuleType.__setattr__(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """As always, but a package of ours that Python binds here shows as what is public under its name."""
        if isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}":
            path = f"{self._path}.{name}" if self._path else name
            value = _NAMES[path] if path in _NAMES else adopt(value, path) if path in _PREFIXES else value
        super().__setattr__(name, value)

    def _find(self, name: str) -> Any:
        path = f"{self._path}.{name}" if self._path else name
        while True:
            if path in _NAMES:
                return _get(path)
            if path in _LATER:
                importlib.import_module(_LATER.pop(path))
                continue
            if path in _PREFIXES:
                return space(path)
            if (submodule := _own_module(f"{ROOT}.{path}")) is not None:
                return submodule
            if not _load(self._path):
                raise AttributeError(self._missing(name))

    def _missing(self, name: str) -> str:
        import difflib

        close = difflib.get_close_matches(name, list(_children(self._path)), 3)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        return f"module '{self.__name__}' has no attribute '{name}'.{hint}"

    def __dir__(self) -> list[str]:
        _load(self._path)
        return sorted(_children(self._path) | set(self.__dict__))


def space(path: str) -> Namespace:
    """The namespace object of a path such as "keras.layers"; a real package of that name becomes the namespace."""
    if path not in _SPACES:
        _SPACES[path] = _make_space(path)
    return _SPACES[path]


def _make_space(path: str) -> Namespace:
    full = f"{ROOT}.{path}" if path else ROOT
    module = sys.modules.get(full) or _import_package(full) or ModuleType(full)
    sys.modules[full] = module
    return adopt(module, path)


def _own_module(full: str) -> ModuleType | None:
    """A module of ours that is there, or on its way: `from millstream.keras import objects` must not load a whole namespace first."""
    if full in sys.modules:
        return sys.modules[full]
    return importlib.import_module(full) if importlib.util.find_spec(full) is not None else None


def _import_package(full: str) -> ModuleType | None:
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name is not None and full.startswith(error.name):
            return None
        raise


def adopt(module: ModuleType, path: str) -> Namespace:
    """Turn an existing module into the namespace of a path; what it defines itself stays."""
    if not isinstance(module, Namespace):
        module.__class__ = Namespace
    assert isinstance(module, Namespace)
    module._path = path
    if not hasattr(module, "__path__"):
        module.__path__ = []
    _SPACES[path] = module
    return module


def replace(wrapped: dict[str, Any]) -> None:
    """Put other objects under public names (without "tf."), also where a namespace has handed the old one out already."""
    for name, thing in wrapped.items():
        _NAMES[name] = thing
        parent, _, last = name.rpartition(".")
        holder = _SPACES.get(parent)
        if holder is not None and last in holder.__dict__:
            ModuleType.__setattr__(holder, last, thing)
