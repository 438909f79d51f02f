"""for and while of converted functions.

    items   what a for statement goes over       extra   its further condition: no break so far, no return
Over tensors a loop becomes one node, traced once. Where that fails and the number of rounds is known, it unrolls.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, wrap
from millstream.core.dtypes import bool_, int32
from millstream.core.tensor import Tensor, convert
from millstream.graph.branches import StoppedError, choose
from millstream.graph.rounds import repeat
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import maximum, sign
from millstream.ops.math.rounding import ceil
from millstream.staging.autograph.builtins_ import Enumerated, Zipped, is_rows, is_traced, value_of

Get = Callable[[], list[Any]]
Put = Callable[[list[Any]], None]
Names = tuple[str, ...]
LONGEST = 10_000  # rounds up to which a loop that cannot be one node is unrolled


class Range:
    """A range whose length is traced, or that counts in tensors."""

    def __init__(self, start: Any, limit: Any, delta: Any) -> None:
        self.start, self.limit, self.delta = start, limit, delta


def is_range(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether this call makes a range of traced length, which only a loop can use."""
    if not (function is range or (getattr(function, "__name__", "") in ("range", "range_") and _module(function).startswith("millstream"))):
        return False
    return any(is_traced(value_of(a)) for a in (*args, *kwargs.values()))


def _module(function: Any) -> str:
    return str(getattr(function, "__module__", ""))


def range_for_loop(function: Any, *args: Any, dtype: Any = None, name: Any = None, **named: Any) -> Range:
    """The range of a call of range or tf.range."""
    del name
    values = [value_of(a) for a in args]
    values += [value_of(named[k]) for k in ("start", "limit", "delta") if k in named]
    start, limit, delta = (0, values[0], 1) if len(values) == 1 else (*values, 1)[:3]
    if dtype is None:
        dtype = next(x.dtype for x in values if isinstance(x, Tensor))
    made = [convert(x, hint=dtype) if not isinstance(x, Tensor) else x for x in (start, limit, delta)]
    return Range(*made)


# ---------------------------------------------------------------------------------------------- while
def while_(test: Callable[[], Any], body: Callable[[], Any], get: Get, put: Put, names: Names) -> None:
    """While: in Python as long as the condition is a Python value, then one node for what is left."""
    while True:
        held = value_of(test())
        if STATE.trace is not None and isinstance(held, Tensor):
            break
        if not held:
            return
        body()
    known = not is_traced(held)
    if known and not bool(held):
        return
    before = get()

    def enter(values: list[Any], function: Callable[[], Any]) -> Any:
        put(values)
        return function()

    try:
        after = repeat(
            lambda values: _scalar(enter(values, test)),
            lambda values: (enter(values, body), get())[1],
            before,
            names,
            _fillable(names),
            known,
        )
    except (Exception, StoppedError) as error:
        put(before)
        if not known:
            raise StoppedError(error) from error
        _unroll_while(test, body)
        return
    put(after)


def _scalar(value: Any) -> Any:
    return value_of(value)


def _unroll_while(test: Callable[[], Any], body: Callable[[], Any]) -> None:
    """Round after round, while the condition's value is known. Raises: TypeError when it is not, or never ends."""
    for _ in range(LONGEST):
        held = value_of(test())
        if is_traced(held):
            raise TypeError("The condition of a while statement is known in the first rounds only.")
        if not held:
            return
        body()
    raise TypeError(f"A while statement of more than {LONGEST} rounds cannot be unrolled.")


def _fillable(names: Names) -> set[int]:
    return {i for i, n in enumerate(names) if n.startswith("_ms_")}


# ---------------------------------------------------------------------------------------------- for
def for_(items: Any, body: Callable[[Any], Any], extra: Callable[[], Any] | None, get: Get, put: Put, names: Names) -> None:
    """For: over tensors one node; over Python's iterables Python's loop."""
    if isinstance(items, Range):
        _graph_loop(_length_of_range(items), lambda i: items.start + _like(i, items.start) * items.delta, body, extra, get, put, names)
    elif is_rows(items):
        count, row = _rows(items)
        if count:
            _over_rows(count, row, body, extra, get, put, names)
    else:
        if isinstance(items, (Enumerated, Zipped)):
            raise TypeError("A loop over enumerate or zip of tensors needs tensors with rows.")
        _python_loop(items, body, extra, get, put, names)


def _python_loop(items: Any, body: Callable[[Any], Any], extra: Any, get: Get, put: Put, names: Names) -> None:
    """Python's loop. Once a break depends on a traced value, each further round is a choice."""
    for item in items:
        going = True if extra is None else value_of(extra())
        if not is_traced(going):
            if not going:
                return
            body(item)
            continue
        before = get()

        def round_(item: Any = item, before: list[Any] = before) -> list[Any]:
            put(before)
            body(item)
            return get()

        put(_chosen(going, round_, before, names))


def _chosen(going: Any, round_: Callable[[], list[Any]], before: list[Any], names: Names) -> list[Any]:
    """The state after a round that may not take place."""
    try:
        return choose(going, [round_, lambda: before], names, _fillable(names))
    except (Exception, StoppedError) as error:
        raise StoppedError(error) from error


def _rows(items: Any) -> tuple[int, Callable[[Any], Any]]:
    """The number of rows, and row i."""
    if isinstance(items, Enumerated):
        count, inner = _rows(items.over)
        return count, lambda i: (i + items.start, inner(i))
    if isinstance(items, Zipped):
        every = [_rows(o) for o in items.over]
        return min(n for n, _ in every), lambda i: tuple(row(i) for _, row in every)
    tensor = value_of(items)
    if not tensor.ndim:
        raise TypeError("Cannot iterate over a scalar tensor; give it a first dimension.")
    return int(tensor.shape[0]), lambda i: tensor[i]


def _over_rows(count: int, row: Callable[[Any], Any], body: Any, extra: Any, get: Get, put: Put, names: Names) -> None:
    """Over a known number of rows: one node, or unrolled where it cannot be one."""
    before = get()
    try:
        _graph_loop(wrap(np.int32(count)), row, body, extra, get, put, names, runs=True)
    except (Exception, StoppedError):
        put(before)
        if count > LONGEST:
            raise
        _python_loop([row(i) for i in range(count)], body, extra, get, put, names)


def _length_of_range(r: Range) -> Tensor:
    """How many numbers: max(0, ceil((limit - start) / delta)), int32."""
    if r.start.dtype.is_integer:
        count = (r.limit - r.start + r.delta - sign(r.delta)) // r.delta
    else:
        count = ceil((r.limit - r.start) / r.delta)
    return maximum(cast(count, int32), 0)  # type: ignore[no-any-return]


def _like(i: Tensor, other: Tensor) -> Tensor:
    return cast(i, other.dtype)  # type: ignore[no-any-return]


def _graph_loop(
    count: Tensor, row: Callable[[Any], Any], body: Any, extra: Any, get: Get, put: Put, names: Names, runs: bool = False
) -> None:
    """One node that goes through row(0) ... row(count - 1)."""
    before = get()

    def going(values: list[Any]) -> Any:
        left = values[-1] < count
        if extra is None:
            return left
        put(values[:-1])
        more = value_of(extra())
        return left & (more if isinstance(more, Tensor) else convert(bool(more), bool_))

    def step(values: list[Any]) -> list[Any]:
        put(values[:-1])
        body(row(values[-1]))
        return [*get(), values[-1] + 1]

    try:
        after = repeat(going, step, [*before, wrap(np.int32(0))], (*names, "the number of a round"), _fillable(names), runs)
    except (Exception, StoppedError) as error:
        put(before)
        raise StoppedError(error) from error
    put(after[:-1])
