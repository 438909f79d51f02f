"""Nested structures of lists, tuples, named tuples and dicts; a dict's leaves come in the order of its sorted keys."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def is_nested(x: Any) -> bool:
    """Whether x is a structure rather than a leaf."""
    return isinstance(x, (list, tuple, Mapping)) and not _is_leaf_tuple(x)


def _is_leaf_tuple(x: Any) -> bool:
    return type(x).__name__ == "TensorShape"


def _values(x: Any) -> list[Any]:
    return [x[k] for k in sorted(x)] if isinstance(x, Mapping) else list(x)


def flatten(x: Any) -> list[Any]:
    """The leaves, left to right.

    >>> flatten({"b": [1, 2], "a": (3,)})
    [3, 1, 2]
    """
    if not is_nested(x):
        return [x]
    return [leaf for value in _values(x) for leaf in flatten(value)]


def pack(like: Any, leaves: list[Any]) -> Any:
    """A structure shaped as `like` with these leaves. Raises: ValueError when their number differs."""
    iterator = iter(leaves)
    try:
        packed = _pack(like, iterator)
    except StopIteration:
        raise ValueError(f"The structure {like!r} has more leaves than the {len(leaves)} given.") from None
    if next(iterator, _END) is not _END:
        raise ValueError(f"The structure {like!r} has fewer leaves than the {len(leaves)} given.")
    return packed


_END = object()


def _pack(like: Any, leaves: Iterator[Any]) -> Any:
    if not is_nested(like):
        return next(leaves)
    if isinstance(like, Mapping):
        filled = {k: _pack(like[k], leaves) for k in sorted(like)}
        return _as_mapping(like, {k: filled[k] for k in like})
    items = [_pack(v, leaves) for v in like]
    if hasattr(like, "_fields"):
        return type(like)(*items)
    return tuple(items) if isinstance(like, tuple) else items


def _as_mapping(like: Mapping[Any, Any], filled: dict[Any, Any]) -> Any:
    if type(like) is dict:
        return filled
    try:
        return type(like)(filled)  # type: ignore[call-arg]
    except TypeError:
        return filled


def map_structure(function: Callable[..., Any], *trees: Any) -> Any:
    """Apply a function to the leaves of structures of one shape.

    >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
    [11, (22,)]
    """
    for other in trees[1:]:
        assert_same_structure(trees[0], other)
    return pack(trees[0], [function(*leaves) for leaves in zip(*map(flatten, trees), strict=True)])


def assert_same_structure(a: Any, b: Any, check_types: bool = True) -> None:
    """Raises: ValueError when the nesting differs; TypeError when its types do."""
    if is_nested(a) != is_nested(b):
        raise ValueError(f"The two structures don't have the same nested structure: {a!r} and {b!r}.")
    if not is_nested(a):
        return
    if check_types and isinstance(a, Mapping) != isinstance(b, Mapping):
        raise TypeError(f"The two structures don't have the same sequence type: {type(a)} and {type(b)}.")
    if isinstance(a, Mapping) and sorted(a) != sorted(b):
        raise ValueError(f"The two dictionaries don't have the same set of keys: {sorted(a)} and {sorted(b)}.")
    if len(a) != len(b):
        raise ValueError(f"The two structures don't have the same number of elements: {a!r} and {b!r}.")
    for x, y in zip(_values(a), _values(b), strict=True):
        assert_same_structure(x, y, check_types)
