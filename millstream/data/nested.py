"""The nesting of a data set's elements: tuples, named tuples and dicts. Unlike elsewhere, a list is a leaf: it becomes one tensor.

A dict's leaves come in the order of its sorted keys.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from millstream.core.tensor import Tensor


def is_nested(x: Any) -> bool:
    """Whether x is a structure rather than a leaf."""
    return isinstance(x, (tuple, Mapping)) and type(x).__name__ != "TensorShape"


def flatten(x: Any) -> list[Any]:
    """The leaves, left to right.

    >>> flatten({"b": (1, [2]), "a": 3})
    [3, 1, [2]]
    """
    if isinstance(x, Tensor) or not is_nested(x):
        return [x]
    if type(x) is tuple and all(type(v) is Tensor for v in x):
        return list(x)
    values = [x[k] for k in sorted(x)] if isinstance(x, Mapping) else x
    return [leaf for value in values for leaf in flatten(value)]


def pack(like: Any, leaves: list[Any]) -> Any:
    """A structure shaped as `like` with these leaves.

    >>> pack(((0, 0), 0), [1, 2, 3])
    ((1, 2), 3)
    """
    return _pack(like, iter(leaves))


def _pack(like: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(like, Tensor) or not is_nested(like):
        return next(leaves)
    if isinstance(like, Mapping):
        filled = {k: _pack(like[k], leaves) for k in sorted(like)}
        return _as_kind_of(like, {k: filled[k] for k in like})
    items = [_pack(v, leaves) for v in like]
    return type(like)(*items) if hasattr(like, "_fields") else tuple(items)


def _as_kind_of(like: Mapping[Any, Any], filled: dict[Any, Any]) -> Any:
    """An OrderedDict stays one; what cannot be made from a dict becomes a dict."""
    if type(like) is dict:
        return filled
    try:
        return type(like)(filled)  # type: ignore[call-arg]
    except TypeError:
        return filled


def packer(like: Any) -> Callable[[list[Any]], Any]:
    """A quick `pack` for elements of one structure."""
    if not is_nested(like):
        return lambda leaves: leaves[0]
    if type(like) is tuple and not any(map(is_nested, like)):
        return tuple
    return lambda leaves: _pack(like, iter(leaves))


def map_leaves(function: Callable[..., Any], x: Any, *others: Any) -> Any:
    """The structure of the function's results. The others need only be nested as deep as x; what lies deeper is a leaf.

    >>> map_leaves(lambda a, b: (a, b), (1, 2), ([3, 4], (5,)))
    ((1, [3, 4]), (2, (5,)))
    """
    columns = [flatten(x), *(flatten_as(x, o) for o in others)]
    return pack(x, [function(*leaves) for leaves in zip(*columns, strict=True)])


def flatten_as(shallow: Any, deep: Any) -> list[Any]:
    """What stands in `deep` at the places of the leaves of `shallow`. Raises: TypeError where the nesting differs."""
    if not is_nested(shallow):
        return [deep]
    if isinstance(shallow, Mapping):
        if not isinstance(deep, Mapping) or set(deep) != set(shallow):
            raise TypeError(f"The two structures differ: {shallow!r} and {deep!r}.")
        return [leaf for k in sorted(shallow) for leaf in flatten_as(shallow[k], deep[k])]
    if not isinstance(deep, (tuple, list)) or len(deep) != len(shallow):
        raise TypeError(f"The two structures differ: {shallow!r} and {deep!r}.")
    return [leaf for s, d in zip(shallow, deep, strict=True) for leaf in flatten_as(s, d)]


def text_of(x: Any) -> str:
    """A structure as text, keys and leaves bare: {a: (), b: (None, 3)}."""
    if isinstance(x, OrderedDict):
        return f"OrderedDict([{', '.join(f'({k}, {text_of(v)})' for k, v in x.items())}])"
    if isinstance(x, Mapping):
        return "{" + ", ".join(f"{k}: {text_of(v)}" for k, v in x.items()) + "}"
    if is_nested(x):
        inner = ", ".join(map(text_of, x))
        return f"({inner},)" if len(x) == 1 else f"({inner})"
    return str(x) if type(x).__name__ == "TensorShape" else repr(x)
