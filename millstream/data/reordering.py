"""Fewer elements, more, or the same ones in another order: take, skip, shard, repeat, shuffle, cache.

buffer   how many elements a shuffle chooses from        pass   one run through the data set
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from millstream.data.source import Array, Chunk, Derived, Rows, Run, Source, as_array, regroup
from millstream.data.specs import INFINITE, UNKNOWN
from millstream.ops.random import philox
from millstream.util.errors import invalid

BLOCK = 4096  # row numbers are shuffled so many at a time, and never fewer than the buffer holds


class Named(Derived):
    """The same elements under another name: prefetch, options."""

    def __init__(self, source: Source, name: str) -> None:
        super().__init__(source)
        self.name = name


class Take(Derived):
    """The first `count` elements; all of them for -1."""

    name = "TakeDataset"

    def __init__(self, source: Source, count: int) -> None:
        super().__init__(source)
        self.count = count

    def size(self) -> int:
        """At most `count`."""
        n = self.source.size()
        return n if self.count < 0 or n == UNKNOWN else self.count if n == INFINITE else min(n, self.count)

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass; the source is not asked for more."""
        return self.source.begin(run) if self.count < 0 else islice(self.source.begin(run), self.count)

    def rows(self) -> Rows | None:
        """One pass as row numbers."""
        return _on_chunks(self.source, lambda chunks: chunks if self.count < 0 else _first(chunks, self.count))


class Skip(Derived):
    """All but the first `count` elements; none for -1."""

    name = "SkipDataset"

    def __init__(self, source: Source, count: int) -> None:
        super().__init__(source)
        self.count = count

    def size(self) -> int:
        """What is left."""
        n = self.source.size()
        return 0 if self.count < 0 else n if n < 0 else max(0, n - self.count)

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return iter(()) if self.count < 0 else islice(self.source.begin(run), self.count, None)

    def rows(self) -> Rows | None:
        """One pass as row numbers."""
        return _on_chunks(self.source, lambda chunks: iter(()) if self.count < 0 else _without_first(chunks, self.count))


class Shard(Derived):
    """Every `shards`-th element from number `index` on. Raises: InvalidArgumentError when there is no such shard."""

    name = "ShardDataset"

    def __init__(self, source: Source, shards: int, index: int) -> None:
        super().__init__(source)
        if shards < 1:
            raise invalid(f"Number of shards must be greater than zero (currently num_shards = {shards}).")
        if not 0 <= index < shards:
            raise invalid(f"Index must be between 0 and {shards - 1} (currently index = {index}).")
        self.shards, self.index = shards, index

    def size(self) -> int:
        """A share of the source's."""
        n = self.source.size()
        return n if n < 0 else len(range(self.index, n, self.shards))

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return islice(self.source.begin(run), self.index, None, self.shards)

    def rows(self) -> Rows | None:
        """One pass as row numbers."""
        return _on_chunks(self.source, self._mine)

    def _mine(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        seen = 0
        for chunk in chunks:
            yield chunk[(self.index - seen) % self.shards :: self.shards]
            seen += len(chunk)


class Repeat(Derived):
    """The source `count` times over; without end for -1."""

    name = "RepeatDataset"

    def __init__(self, source: Source, count: int) -> None:
        super().__init__(source)
        self.count = count

    def size(self) -> int:
        """`count` times the source's."""
        n = self.source.size()
        if n == 0 or self.count == 0:
            return 0
        return INFINITE if self.count < 0 or n == INFINITE else n * self.count if n > 0 else n

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass; an empty source ends it."""
        return self._repeated(lambda: self.source.begin(run))

    def rows(self) -> Rows | None:
        """One pass as row numbers."""
        if self.count == 0:
            return None
        first = self.source.rows()
        if first is None:
            return None
        passes = iter([first.chunks])  # the first pass is begun: asking for it may have drawn seeds
        return first._replace(chunks=self._repeated(lambda: next(passes, None) or self._again()))

    def _again(self) -> Iterator[Chunk]:
        rows = self.source.rows()
        return iter(()) if rows is None else rows.chunks

    def _repeated(self, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        done = 0
        while done != self.count:
            empty = True
            for x in begin():
                empty = False
                yield x
            if empty:
                return
            done += 1


class Cache(Derived):
    """The source's elements, kept in memory once a pass has come to its end."""

    name = "CacheDataset"

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._kept: list[Any] | None = None
        self._rows: Rows | None = None

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        if self._kept is not None:
            yield from self._kept
            return
        seen = []
        for x in self.source.begin(run):
            seen.append(x)
            yield x
        self._kept = seen

    def rows(self) -> Rows | None:
        """One pass as row numbers: those of the first complete pass."""
        if self._rows is not None:
            return self._rows._replace(chunks=iter(list(self._rows.chunks)))
        rows = self.source.rows()
        return None if rows is None else rows._replace(chunks=self._keeping(rows))

    def _keeping(self, rows: Rows) -> Iterator[Chunk]:
        seen = []
        for chunk in rows.chunks:
            seen.append(chunk)
            yield chunk
        self._rows = rows._replace(chunks=seen)  # type: ignore[arg-type]  # a list is iterated anew each time


def _on_chunks(source: Source, change: Callable[[Iterator[Chunk]], Iterator[Chunk]]) -> Rows | None:
    rows = source.rows()
    return None if rows is None else rows._replace(chunks=change(rows.chunks))


def _first(chunks: Iterator[Chunk], count: int) -> Iterator[Chunk]:
    while count > 0:
        chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk[:count]
        count -= len(chunk)


def _without_first(chunks: Iterator[Chunk], count: int) -> Iterator[Chunk]:
    for chunk in chunks:
        if len(chunk) > count:
            yield chunk[count:]
        count = max(0, count - len(chunk))


# ---------------------------------------------------------------------------------------------- shuffling
class Words:
    """The 32-bit words of a Philox stream, one after the other."""

    def __init__(self, key: int, high: int) -> None:
        self._key, self._high, self._block = key, high, 0
        self._left: Array = np.empty(0, np.uint32)

    def take(self, count: int) -> Array:
        """The next words: uint32[count]."""
        missing = count - len(self._left)
        if missing > 0:
            blocks = -(-missing // 4)
            fresh = philox.words(self._key, self._block, self._high, blocks).reshape(-1)
            self._block += blocks
            self._left = np.concatenate([self._left, fresh])
        taken, self._left = self._left[:count], self._left[count:]
        return taken


class Shuffle(Derived):
    """Elements chosen at random among the next `buffer`, in TensorFlow's own order for these seeds.

    Each pass takes two words of the seeds' stream as its own seeds; without `again` every pass has the seeds themselves.
    Raises: InvalidArgumentError for an empty buffer.
    """

    name = "ShuffleDataset"

    def __init__(self, source: Source, buffer: int, seeds: tuple[int, int], again: bool) -> None:
        super().__init__(source)
        if buffer < 1:
            raise invalid(f"buffer_size must be greater than zero; got {buffer}. The data set's length as buffer_size shuffles perfectly.")
        self.buffer, self.seeds, self.again = buffer, seeds, again
        self._parent = Words(*seeds)

    def _pass_words(self) -> Words:
        if not self.again:
            return Words(*self.seeds)
        first, second = self._parent.take(2).tolist()
        return Words(first, second)

    def rows(self) -> Rows | None:
        """One pass as row numbers."""
        rows = self.source.rows()
        return None if rows is None else rows._replace(chunks=shuffled_numbers(rows.chunks, self.buffer, self._pass_words()))

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass. The buffer is filled before each choice; the chosen element's place goes to the one in front."""
        return _shuffled(self.source.begin(run), self.buffer, self._pass_words())


def _shuffled(source: Iterator[Any], buffer: int, words: Words) -> Iterator[Any]:
    held: list[Any] = []
    front = 0
    while True:
        held.extend(islice(source, buffer - (len(held) - front)))
        if len(held) == front:
            return
        if front >= 4 * buffer:  # what has been given out is dropped now and then, not at each step
            held, front = held[front:], 0
        chosen = front + int(words.take(1)[0]) % (len(held) - front)
        element = held[chosen]
        held[chosen], held[front] = held[front], None
        front += 1
        yield element


def shuffled_numbers(chunks: Iterator[Chunk], buffer: int, words: Words) -> Iterator[Chunk]:
    """The same on row numbers, many steps at a time: each step swaps the front with a place of the buffer."""
    step = max(buffer, BLOCK)
    feed = regroup(chunks, step)
    held, ended = np.empty(0, np.int64), False
    while not ended:
        while len(held) < buffer + step and not ended:
            fresh = next(feed, None)
            ended = fresh is None
            held = held if fresh is None else np.concatenate([held, as_array(fresh)])
        count = len(held) if ended else step
        if not count:
            return
        partners = np.arange(len(held))
        partners[:count] += words.take(count) % np.minimum(buffer, len(held) - partners[:count])
        order = held[philox.swapped(partners)]
        yield order[:count]
        held = order[count:]
