"""The standard library: what Python 3.8 to 3.13 removed."""

from __future__ import annotations

import collections.abc
import functools
import importlib
import importlib.machinery
import importlib.util
import math
import os
import re
import shutil
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from millstream.compat.shims.put_back import put_back

# Any, in this file: arguments are handed on to the standard library.

_VERSION_PART = re.compile(r"\d+|[a-z]+")

# module that is gone -> the module that has its names now.
MOVED = {
    "distutils.file_util": "shutil",
    "distutils.spawn": "shutil",
    "xml.etree.cElementTree": "xml.etree.ElementTree",
}


# names of theirs that are spelt otherwise today.
_SPELT: dict[str, dict[str, Any]] = {
    "distutils.spawn": {"find_executable": shutil.which},
    "distutils.file_util": {"copy_file": shutil.copy},
}


def moved(name: str) -> Callable[[], ModuleType]:
    """The module that has the names of `name` now, with the old spellings that differ."""

    def make() -> ModuleType:
        made = ModuleType(name)
        made.__dict__.update(vars(importlib.import_module(MOVED[name])) | _SPELT.get(name, {}))
        return made

    return make


def patch_collections(collections_: ModuleType) -> None:
    """collections.Iterable and the other abstract classes (gone in 3.10)."""
    put_back(collections_, {name: getattr(collections.abc, name) for name in collections.abc.__all__})


def patch_time(time: ModuleType) -> None:
    """time.clock (gone in 3.8)."""
    put_back(time, {"clock": time.perf_counter})


def patch_fractions(fractions: ModuleType) -> None:
    """fractions.gcd (gone in 3.9)."""
    put_back(fractions, {"gcd": math.gcd})


def patch_base64(base64: ModuleType) -> None:
    """base64.encodestring, decodestring (gone in 3.9)."""
    put_back(base64, {"encodestring": base64.encodebytes, "decodestring": base64.decodebytes})


def patch_threading(threading: ModuleType) -> None:
    """Thread.isAlive (gone in 3.9)."""
    put_back(threading.Thread, {"isAlive": threading.Thread.is_alive})


class ArgSpec(NamedTuple):
    """What getargspec returned."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def patch_inspect(inspect: ModuleType) -> None:
    """inspect.getargspec, ArgSpec (gone in 3.11)."""

    def getargspec(func: Any) -> Any:
        full = inspect.getfullargspec(func)
        if full.kwonlyargs or full.annotations:
            raise ValueError("Function has keyword-only parameters or annotations, use getfullargspec() instead")
        return ArgSpec(*full[:4])

    put_back(inspect, {"ArgSpec": ArgSpec, "getargspec": getargspec})


def patch_json(json: ModuleType) -> None:
    """json.load(s) took and ignored an encoding (an error since 3.9)."""
    json.loads = _without(json.loads, "encoding")  # type: ignore[attr-defined]
    json.load = _without(json.load, "encoding")  # type: ignore[attr-defined]


def _without(function: Callable[..., Any], argument: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        options.pop(argument, None)
        return function(*args, **options)

    return call


def patch_platform(platform: ModuleType) -> None:
    """platform.dist, linux_distribution (gone in 3.8)."""

    def dist(*_: Any, **__: Any) -> tuple[str, str, str]:
        try:
            release = platform.freedesktop_os_release()
        except OSError:
            release = {}
        return release.get("NAME", ""), release.get("VERSION_ID", ""), release.get("VERSION_CODENAME", "")

    put_back(platform, {"dist": dist, "linux_distribution": dist})


def patch_random(random: ModuleType) -> None:
    """random.sample of a set (an error since 3.11); random.shuffle(x, random) (since 3.11)."""
    sample, shuffle = random.sample, random.shuffle

    @functools.wraps(sample)
    def sample_of_any(population: Any, k: int, **options: Any) -> Any:
        return sample(tuple(population) if isinstance(population, collections.abc.Set) else population, k, **options)

    @functools.wraps(shuffle)
    def shuffle_by(x: Any, random: Callable[[], float] | None = None) -> None:
        if random is None:
            shuffle(x)
            return
        for i in reversed(range(1, len(x))):
            j = int(random() * (i + 1))
            x[i], x[j] = x[j], x[i]

    random.sample, random.shuffle = sample_of_any, shuffle_by  # type: ignore[attr-defined]


_CHILD = "millstream.compat.child"


def patch_spawn(spawn: ModuleType) -> None:
    """Not dropped, but needed: a spawned process imports the program anew, and is to find `tensorflow` there too."""
    command_line = spawn.get_command_line

    @functools.wraps(command_line)
    def with_alias(**options: Any) -> list[str]:
        words: list[str] = command_line(**options)
        if "-c" in words:
            code = words.index("-c") + 1
            words[code] = f"import {_CHILD}; {words[code]}"
        return words

    spawn.get_command_line = with_alias  # type: ignore[attr-defined]


def patch_forkserver(forkserver: ModuleType) -> None:
    """The same for the server that forks the program's processes."""
    forkserver.set_forkserver_preload([_CHILD])


def imp() -> ModuleType:
    """The module imp (gone in 3.12): reload, load_source, new_module, find_module's question."""
    made = ModuleType("imp")
    made.__dict__.update(reload=importlib.reload, new_module=ModuleType, load_source=_load_source, find_module=_find_module)
    return made


def _load_source(name: str, pathname: str, file: Any = None) -> ModuleType:
    del file  # it was optional and only an open handle of the same path
    spec = importlib.util.spec_from_file_location(name, pathname)
    if spec is None or spec.loader is None:
        raise ImportError(f"{pathname!r} cannot be loaded as Python source", name=name, path=pathname)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _find_module(name: str, path: Any = None) -> tuple[None, str | None, tuple[str, str, int]]:
    """Programs ask only whether a module is there. Raises: ImportError when it is not."""
    spec = importlib.machinery.PathFinder.find_spec(name, path) or importlib.util.find_spec(name)
    if spec is None:
        raise ImportError(f"No module named {name!r}", name=name)
    return None, spec.origin, ("", "", 5)


def distutils() -> ModuleType:
    """The package distutils (gone in 3.12); its submodules stand below."""
    return ModuleType("distutils")


def distutils_version() -> ModuleType:
    """LooseVersion and StrictVersion."""
    made = ModuleType("distutils.version")
    made.__dict__.update(LooseVersion=LooseVersion, StrictVersion=LooseVersion)
    return made


def distutils_util() -> ModuleType:
    """Strtobool."""
    made = ModuleType("distutils.util")
    made.__dict__.update(strtobool=_strtobool)
    return made


def distutils_dir_util() -> ModuleType:
    """copy_tree, mkpath, remove_tree."""
    made = ModuleType("distutils.dir_util")
    made.__dict__.update(
        copy_tree=lambda src, dst, **_: shutil.copytree(src, dst, dirs_exist_ok=True),
        mkpath=lambda name, *_, **__: os.makedirs(name, exist_ok=True),
        remove_tree=lambda directory, *_, **__: shutil.rmtree(directory),
    )
    return made


def _strtobool(val: str) -> int:
    words = {"y": 1, "yes": 1, "t": 1, "true": 1, "on": 1, "1": 1, "n": 0, "no": 0, "f": 0, "false": 0, "off": 0, "0": 0}
    if val.lower() not in words:
        raise ValueError(f"invalid truth value {val!r}")
    return words[val.lower()]


@functools.total_ordering
class LooseVersion:
    """A version that compares by its numbers and words: LooseVersion("2.4.4") >= "2.0"."""

    def __init__(self, vstring: str = "") -> None:
        self.vstring = vstring
        self.version = [int(part) if part.isdigit() else part for part in _VERSION_PART.findall(vstring)]

    def _key(self) -> list[tuple[int, int | str]]:
        """Numbers after words, so that 1.0rc sorts before 1.0.0."""
        return [(1, part) if isinstance(part, int) else (0, part) for part in self.version]

    def __str__(self) -> str:
        return self.vstring

    def __repr__(self) -> str:
        return f"LooseVersion ('{self.vstring}')"

    def __eq__(self, other: object) -> bool:
        return self._key() == _as_version(other)._key()

    def __lt__(self, other: object) -> bool:
        return self._key() < _as_version(other)._key()

    def __hash__(self) -> int:
        return hash(tuple(self._key()))


def _as_version(other: object) -> LooseVersion:
    return other if isinstance(other, LooseVersion) else LooseVersion(str(other))
