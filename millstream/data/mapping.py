"""Sources made by the user's functions: map, filter, flat_map, interleave, scan, take_while; and reduce."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from millstream.core.spec import TensorSpec
from millstream.data import nested, specs
from millstream.data.functions import ElementFunction, as_element, is_dataset
from millstream.data.source import Derived, Rows, Run, Source
from millstream.util.errors import invalid

StandIn = Callable[[Any], Any]  # an empty data set of a DatasetSpec


class Mapped(Derived):
    """Base of those whose elements are not the source's: no rows of arrays."""

    def __init__(self, source: Source, function: Callable[..., Any], stand_in: StandIn) -> None:
        super().__init__(source)
        if not callable(function):
            raise TypeError(f"{function!r} is not a callable object: pass a function of the data set's elements.")
        self.function, self.stand_in = ElementFunction(function), stand_in
        self._spec: Any = None

    def rows(self) -> Rows | None:
        """None."""
        return None

    def result_spec(self) -> Any:
        """The spec of the function's result: traced, or (where that cannot be) that of the first element's."""
        if self._spec is None:
            try:
                self._spec = self.function.spec(self.source.spec, self.stand_in)
            except Exception:  # noqa: BLE001  (whatever hinders tracing, the function may still run on values)
                self._spec = self._spec_of_first()
        return self._spec

    def _spec_of_first(self) -> Any:
        """Sizes may differ from element to element, so they are left open."""
        for element in self.source:
            found = nested.map_leaves(specs.spec_of, self.function.begin()(element))
            return nested.map_leaves(lambda s: TensorSpec([None] * len(s.shape), s.dtype) if isinstance(s, TensorSpec) else s, found)
        raise ValueError("The elements' spec is unknown: the function cannot be traced, and there is no element to try it on.")


class Map(Mapped):
    """The function's results."""

    def __init__(self, source: Source, function: Callable[..., Any], stand_in: StandIn, parallel: bool = False) -> None:
        super().__init__(source, function, stand_in)
        self.name = "ParallelMapDataset" if parallel else "MapDataset"

    @property
    def spec(self) -> Any:
        """Of the results."""
        return self.result_spec()

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return map(run.function(self.function), self.source.begin(run))


class Filter(Mapped):
    """The elements for which the function is true. Raises: ValueError when it returns something else than a bool scalar."""

    name = "FilterDataset"

    def size(self) -> int:
        """Unknown."""
        return specs.UNKNOWN

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        function = run.function(self.function)
        return (x for x in self.source.begin(run) if _truth(function(x)))


class TakeWhile(Filter):
    """The elements up to the first for which the function is false."""

    name = "_TakeWhileDataset"

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        function = run.function(self.function)
        for x in self.source.begin(run):
            if not _truth(function(x)):
                return
            yield x


def _truth(result: Any) -> bool:
    spec = specs.spec_of(result) if not nested.is_nested(result) else result
    if not isinstance(spec, TensorSpec) or not spec.dtype.is_bool or spec.shape.rank != 0:
        raise ValueError(f"`predicate` return type must be convertible to a scalar boolean tensor. Was {spec}.")
    return bool(result)


class FlatMap(Mapped):
    """The elements of the data sets that the function returns, one data set after the other."""

    name = "FlatMapDataset"

    @property
    def spec(self) -> Any:
        """Of those data sets' elements."""
        return _checked(self.result_spec(), isinstance(self.result_spec(), specs.DatasetSpec)).element_spec

    def size(self) -> int:
        """Unknown."""
        return specs.UNKNOWN

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        function = run.function(self.function)
        for x in self.source.begin(run):
            yield from self._inner(function, x, run)

    def _inner(self, function: Callable[[Any], Any], x: Any, run: Run) -> Iterator[Any]:
        made = function(x)
        inner: Source = _checked(made, is_dataset(made))._source
        return inner.begin(run)


def _checked(made: Any, good: bool) -> Any:
    if not good:
        raise TypeError(f"`map_func` must return a `Dataset` object. Got {type(made)}")
    return made


class Interleave(FlatMap):
    """As FlatMap, but `cycle` data sets are open at a time and give `block` elements in turn."""

    def __init__(
        self, source: Source, function: Callable[..., Any], stand_in: StandIn, cycle: int | None, block: int | None, parallel: bool
    ) -> None:
        super().__init__(source, function, stand_in)
        self.name = "ParallelInterleaveDataset" if parallel else "InterleaveDataset"
        automatic = cycle is None or cycle == specs.AUTOTUNE
        self.cycle = _processors() if automatic else int(cycle or 0)
        self.block = 1 if block is None else int(block)
        if self.cycle < 1 or self.block < 1:
            raise invalid(f"cycle_length and block_length must be greater than zero; got {self.cycle} and {self.block}.")

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass. A slot whose data set has ended opens the next one when its turn comes again."""
        function, pending = run.function(self.function), self.source.begin(run)
        slots: list[Iterator[Any] | None] = [None] * self.cycle
        at, more = 0, True
        while more or any(s is not None for s in slots):
            slot = slots[at]
            if slot is None and more:
                x = next(pending, _END)
                more = x is not _END
                slot = slots[at] = self._inner(function, x, run) if more else None
            if slot is not None:
                for _ in range(self.block):
                    element = next(slot, _END)
                    if element is _END:
                        slots[at] = None
                        break
                    yield element
            at = (at + 1) % self.cycle


_END = object()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Scan(Mapped):
    """What function(state, element) returns beside the next state."""

    name = "_ScanDataset"

    def __init__(self, source: Source, state: Any, function: Callable[..., Any], stand_in: StandIn) -> None:
        super().__init__(source, function, stand_in)
        self.state = as_element(state)

    @property
    def spec(self) -> Any:
        """Of the second result."""
        if self._spec is None:
            given = nested.map_leaves(specs.spec_of, self.state), self.source.spec
            self._spec = self.function.spec(given, self.stand_in)[1]
        return self._spec

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        function, state = run.function(self.function), self.state
        for x in self.source.begin(run):
            state, out = function((state, x))
            yield out


def reduce(source: Source, initial: Any, function: Callable[..., Any]) -> Any:
    """The last state of state = function(state, element). Raises: TypeError or InvalidArgumentError when the state changes its type."""
    state = as_element(initial)
    step = ElementFunction(function).begin()
    types = [x.dtype for x in nested.flatten(state)]
    for x in source:
        new = step((state, x))
        found = [v.dtype for v in nested.flatten(new)]
        if len(found) != len(types):
            raise invalid(
                "The number of components of the initial state and the reduce function output does not match. "
                f"(initial_state={len(types)}, output={len(found)})."
            )
        if found != types:
            raise TypeError(
                f"The element types for the new state must match the initial state. Expected {types}; got {found}. Convert the result with tf.cast."
            )
        state = new
    return state
