"""Attributes that matter: layers, variables and metrics that an object holds, also inside lists and dictionaries.

They are found in the order in which the attributes were set. Containers are kept as they are and looked through when
asked, so that a layer appended later is found as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from millstream.core.variable import Variable
from millstream.keras.layers.context import STRUCTURE

_PLAIN = frozenset((int, float, str, bool, type(None), bytes))


def is_layer(x: Any) -> bool:
    """Whether it is a layer or a model."""
    return getattr(x, "_is_layer", False) is True


def is_metric(x: Any) -> bool:
    """Whether it is a metric object."""
    return hasattr(type(x), "update_state") and hasattr(type(x), "result") and not isinstance(x, type)


def contents(value: Any) -> Iterator[Any]:
    """The layers, variables and metrics within a value."""
    if isinstance(value, Variable) or is_layer(value) or is_metric(value):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from contents(item)
    elif isinstance(value, Mapping):
        for key in _order(value):
            yield from contents(value[key])


def _order(value: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return list(value)


class Tracked:
    """Base of layers: remembers which attributes hold layers, variables, metrics, or containers of them."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if type(value) in _PLAIN:
            if name in self.__dict__.get("_tracked", ()):
                self.__dict__["_tracked"].pop(name)
        else:
            self._track(name, value)

    def _track(self, name: str, value: Any) -> None:
        tracked = self.__dict__.setdefault("_tracked", {})
        tracked.pop(name, None)
        if isinstance(value, (list, Mapping)) or next(contents(value), None) is not None:
            tracked[name] = value
            STRUCTURE.version += 1

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self.__dict__.get("_tracked", {}).pop(name, None)

    def _held(self) -> Iterator[Any]:
        """Every layer, variable and metric among the attributes, each once, in order."""
        seen: set[int] = set()
        for value in list(self.__dict__.get("_tracked", {}).values()):
            for item in contents(value):
                if id(item) not in seen:
                    seen.add(id(item))
                    yield item


def unique(items: Iterator[Any] | list[Any]) -> list[Any]:
    """The items, each once, in order of appearance."""
    return list({id(x): x for x in items}.values())
