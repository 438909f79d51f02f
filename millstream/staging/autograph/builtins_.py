"""Python's built-in functions on traced tensors; on all else they are Python's own."""

import builtins
import functools
from collections.abc import Callable
from typing import Any

from millstream.core.dispatch import STATE
from millstream.core.dtypes import float32, int32
from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import maximum, minimum
from millstream.ops.math.reduce import reduce_max, reduce_min


def is_traced(x: Any) -> bool:
    """Whether this is a tensor without a value."""
    return isinstance(x, Tensor) and x._dispatch is not None


def value_of(x: Any) -> Any:
    """A condition: variables are read."""
    return x.read_value() if isinstance(x, Variable) else x


class Enumerated:
    """enumerate(tensor): a loop over it counts."""

    def __init__(self, over: Any, start: Any = 0) -> None:
        self.over, self.start = over, start


class Zipped:
    """zip(tensors): a loop over it takes a row of each."""

    def __init__(self, over: tuple[Any, ...]) -> None:
        self.over = over


def is_rows(x: Any) -> bool:
    """Whether a loop over this goes over tensors."""
    if isinstance(x, Enumerated):
        return is_rows(x.over)
    if isinstance(x, Zipped):
        return all(is_rows(o) for o in x.over)
    return STATE.trace is not None and isinstance(x, (Tensor, Variable))


def _enumerate(iterable: Any, start: Any = 0) -> Any:
    return Enumerated(iterable, start) if is_rows(iterable) else builtins.enumerate(iterable, start)


def _zip(*iterables: Any, **kwargs: Any) -> Any:
    return Zipped(iterables) if iterables and all(map(is_rows, iterables)) else builtins.zip(*iterables, **kwargs)  # noqa: B905  (as the user wrote it)


def _int(*args: Any, **kwargs: Any) -> Any:
    return _cast(args[0], int32) if args and is_traced(value_of(args[0])) else builtins.int(*args, **kwargs)


def _float(*args: Any) -> Any:
    return _cast(args[0], float32) if args and is_traced(value_of(args[0])) else builtins.float(*args)


def _cast(x: Any, dtype: Any) -> Any:
    return cast(x, dtype)


def _extreme(python: Callable[..., Any], two: Callable[..., Any], reduce: Callable[..., Any]) -> Callable[..., Any]:
    """max or min: of traced scalars, or of the elements of a traced vector."""

    def function(*args: Any, **kwargs: Any) -> Any:
        given = [value_of(a) for a in args]
        if kwargs or not any(map(is_traced, given)):
            return python(*args, **kwargs)
        if len(given) == 1:
            return reduce(given[0], axis=0)
        return python(*args) if any(getattr(a, "ndim", 0) for a in given) else functools.reduce(two, given)

    return function


OVERRIDES: dict[Any, Callable[..., Any]] = {
    enumerate: _enumerate, zip: _zip, int: _int, float: _float,
    max: _extreme(max, maximum, reduce_max), min: _extreme(min, minimum, reduce_min),
}  # fmt: skip
