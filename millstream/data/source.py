"""A source: the recipe of a data set, of which each pass gives the elements anew. `Dataset` is the face of one.

Elements are nested tensors. Where they are rows of arrays that lie in memory, a source can also say which rows in which
order (`Rows`): then shuffling moves numbers only, and a batch is cut from the arrays in one piece.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Union

import numpy as np

from millstream.core.dispatch import wrap
from millstream.data import nested
from millstream.data.specs import UNKNOWN

Array = np.ndarray[Any, Any]
Chunk = Union[range, Array]  # row numbers: a range where they follow each other, which makes slices without copies


class Rows(NamedTuple):
    """One pass as rows of arrays. tables: an array per leaf; like: how elements are nested; chunks: the row numbers, in order."""

    tables: list[Any]
    like: Any
    chunks: Iterator[Chunk]


class Run:
    """What all passes within one iteration of a pipeline have in common: a repeated function's random streams run on."""

    def __init__(self) -> None:
        self._functions: dict[int, tuple[Any, Callable[[Any], Any]]] = {}

    def function(self, function: Any) -> Callable[[Any], Any]:
        """A function of elements, begun (see functions.ElementFunction) at its first pass."""
        found = self._functions.get(id(function))
        if found is None:
            found = self._functions[id(function)] = function, function.begin()
        return found[1]


class Source:
    """The base: name (as `repr` shows it), spec, size and one pass."""

    name = "Dataset"

    @property
    def spec(self) -> Any:
        """The nested specs of an element."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its elements are.")

    def size(self) -> int:
        """How many elements; INFINITE or UNKNOWN."""
        return UNKNOWN

    def rows(self) -> Rows | None:
        """The next pass as rows of arrays, where elements are that; else None."""
        return None

    def elements(self, run: Run) -> Iterator[Any]:
        """The next pass, element by element."""
        raise NotImplementedError(f"{type(self).__name__} has no elements.")

    def begin(self, run: Run) -> Iterator[Any]:
        """A pass, by rows where there are any."""
        rows = self.rows()
        return self.elements(run) if rows is None else row_elements(rows)

    def __iter__(self) -> Iterator[Any]:
        return self.begin(Run())


class Derived(Source):
    """A source made of another one, like it in spec and size."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @property
    def spec(self) -> Any:
        """As the source's."""
        return self.source.spec

    def size(self) -> int:
        """As the source's."""
        return self.source.size()

    def elements(self, run: Run) -> Iterator[Any]:
        """As the source's."""
        return self.source.begin(run)

    def rows(self) -> Rows | None:
        """As the source's."""
        return self.source.rows()


# ---------------------------------------------------------------------------------------------- rows
def element_at(table: Any, i: int) -> Any:
    """One row: a view, a NumPy scalar, or bytes in an array without dimensions."""
    row = table[i]
    if table.dtype != object or table.ndim > 1:
        return row
    scalar = np.empty((), object)
    scalar[()] = row
    return scalar


def row_elements(rows: Rows) -> Iterator[Any]:
    """The rows one by one."""
    pack = nested.packer(rows.like)
    tables = rows.tables
    for chunk in rows.chunks:
        for i in chunk if isinstance(chunk, range) else chunk.tolist():
            yield pack([wrap(element_at(t, i)) for t in tables])


def cut(rows: Rows, size: int, drop_remainder: bool) -> Iterator[Any]:
    """Batches, each cut from the arrays in one piece."""
    pack = nested.packer(rows.like)
    for numbers in regroup(rows.chunks, size):
        if drop_remainder and len(numbers) < size:
            return
        index = as_index(numbers)
        yield pack([wrap(t[index]) for t in rows.tables])


def as_index(numbers: Chunk) -> Any:
    """What selects these rows of an array: a slice, which copies nothing, where they follow each other."""
    return slice(numbers.start, numbers.stop, numbers.step) if isinstance(numbers, range) else numbers


def regroup(chunks: Iterable[Chunk], size: int) -> Iterator[Chunk]:
    """The numbers in groups of `size`, the last one perhaps shorter."""
    parts: list[Chunk] = []
    held = 0
    for chunk in chunks:
        start = 0
        while held + len(chunk) - start >= size:
            end = start + size - held
            yield _joined([*parts, chunk[start:end]])
            parts, held, start = [], 0, end
        if start < len(chunk):
            parts.append(chunk[start:])
            held += len(chunk) - start
    if held:
        yield _joined(parts)


def _joined(parts: list[Chunk]) -> Chunk:
    return parts[0] if len(parts) == 1 else np.concatenate([as_array(p) for p in parts])


def as_array(numbers: Chunk) -> Array:
    """Row numbers as int64[n]."""
    return np.arange(numbers.start, numbers.stop, numbers.step) if isinstance(numbers, range) else numbers
