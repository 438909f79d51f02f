"""Where batches come from: arrays (run in chunks by a runner) or a stream of batches (generators, Sequences, data sets)."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from millstream.keras.engine.arrays import Batches, batches, with_class_weights
from millstream.keras.utils.sequence import Sequence
from millstream.ops.random.draw import RandomShuffleStream
from millstream.util import tree

_log = logging.getLogger("tensorflow")
Before = Callable[[int], None] | None
CHUNK_SECONDS = 0.075  # one call of a runner: long enough to cost nothing, short enough for the bar and for Ctrl-C
_GROWTH = 8


class Pace:
    """How many batches one call of a runner should carry out."""

    def __init__(self) -> None:
        self._calls, self._last, self._per_batch = 0, 1, 0.0

    def limit(self) -> int:
        """Begin with one batch, which may have to be compiled; then as many as fit into a chunk's time."""
        if self._calls == 0:
            return 1
        if self._calls == 1 or not self._per_batch:
            return 4
        return max(1, min(int(CHUNK_SECONDS / self._per_batch), self._last * _GROWTH))

    def took(self, count: int, seconds: float) -> None:
        """Learn from a call. The first one is left out."""
        self._calls += 1
        self._last = max(count, self._last if self._calls > 2 else 1)
        if self._calls > 1:
            self._per_batch = seconds / count if not self._per_batch else 0.5 * self._per_batch + 0.5 * seconds / count


class ArraySource:
    """Batches of whole arrays. `shuffle` may be "batch": then the batches change places.

    steps: batches per epoch; more or fewer than the arrays hold run over into the next of `epochs` passes.
    """

    def __init__(
        self, runner: Any, data: tuple[Any, ...], batch_size: int, epochs: int = 1, shuffle: Any = False, steps: int | None = None
    ) -> None:
        self.runner, self.data, self.batch_size, self.shuffle = runner, data, batch_size, shuffle
        self.count = count = next(len(a) for a in tree.flatten(data) if a is not None)
        self.per_pass = -(-count // batch_size)
        self.steps: int | None = steps or self.per_pass
        self.exhausted = False
        self._epochs, self._passes, self._at = epochs, 0, 0
        self._rows: Any = None
        self._stream = RandomShuffleStream.of_fit() if shuffle else None
        self._in_order = np.arange(count)
        self._draw: Callable[[], Any] | None = None
        if self._stream is not None and shuffle != "batch" and hasattr(runner, "orders"):
            self._draw = runner.orders(self._stream, count)

    def restart(self) -> None:
        """Begin with the first batch again."""
        self._passes, self._at, self._rows, self.exhausted = 0, 0, None, False

    def epoch(self, before: Before = None) -> Iterator[int]:
        """Run an epoch; gives the number of batches of each chunk. before(batch): called before each, which then comes alone."""
        runner, pace, step = self.runner, pace_of(self.runner), 0
        bind(runner, self.data)
        for rows, first, count in self._segments():
            end = first + count
            while first < end:
                if before is not None:
                    before(step)
                    taken = 1
                else:
                    taken = min(pace.limit(), end - first)
                start = time.perf_counter()
                runner.run(rows, first, taken)
                pace.took(taken, time.perf_counter() - start)
                first += taken
                step += taken
                yield taken

    def _segments(self) -> Iterator[tuple[Any, int, int]]:
        """(rows, first batch, number of batches) of the next epoch."""
        left = self.steps or 0
        while left:
            if self._at == 0:
                if self._passes == self._epochs:
                    self._run_out()
                    return
                self._passes += 1
                self._rows = self._order()
            taken = min(left, self.per_pass - self._at)
            first, self._at = self._at, (self._at + taken) % self.per_pass
            left -= taken
            yield self._rows, first, taken

    def _run_out(self) -> None:
        self.exhausted = True
        warn_out_of_data((self.steps or 0) * self._epochs)

    def _order(self) -> Any:
        if self._stream is None:
            return self._in_order
        if self._draw is not None:
            return self._draw()
        if self.shuffle != "batch":
            return self._stream.order(self.count)
        whole = self.count // self.batch_size
        blocks = self._in_order[: whole * self.batch_size].reshape(whole, self.batch_size)
        return np.concatenate([blocks[self._stream.order(whole)].reshape(-1), self._in_order[whole * self.batch_size :]])

    def end_epoch(self) -> None:
        """Nothing to do."""

    def release(self) -> None:
        """The runner is kept for later calls, the data are not."""
        bind(self.runner, tree.map_structure(lambda a: None if a is None else a[:1].copy(), self.data))


def bind(runner: Any, data: tuple[Any, ...]) -> None:
    """Let a runner work on these arrays, unless it does already (a callback may have used it for others)."""
    if vars(runner).get("_bound") is not data:
        runner.rebind(data)
        runner._bound = data


def pace_of(runner: Any) -> Pace:
    """How quick a runner is, kept with it."""
    pace: Pace = vars(runner).setdefault("_pace", Pace())
    return pace


def warn_out_of_data(needed: int) -> None:
    """Say that the data ended too soon."""
    _log.warning(
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
        "`steps_per_epoch * epochs` batches (in this case, %d batches). You may need to use the repeat() function when building your dataset.",
        needed,
    )


class StreamSource:
    """Batches from outside. run(batch) carries one out.

    Args: stream, a generator, Sequence, data set or other iterable; steps, per epoch, None for as many as come.
    Raises: ValueError for an endless data set without steps.
    """

    count = None

    def __init__(
        self, run: Callable[[Batches], Any], stream: Any, epochs: int, steps: int | None, shuffle: Any, class_weight: Mapping[int, float] | None
    ) -> None:  # fmt: skip
        self._run, self._stream, self._epochs, self._shuffle, self._class_weight = run, stream, epochs, shuffle, class_weight
        size = _cardinality(stream)
        if size == -1 and steps is None:
            raise ValueError("When passing an infinitely repeating dataset, you must specify the `steps_per_epoch` argument.")
        self.steps = steps if steps is not None else size if size is not None and size >= 0 else None
        self._begins_anew = isinstance(stream, Sequence) or (not hasattr(stream, "__next__") and steps in {None, size})
        self._iterator: Any = None
        self.exhausted = False
        self.keep: Callable[[Any], None] | None = None

    def restart(self) -> None:
        """Iterate from the beginning, if that is possible."""
        self._iterator, self.exhausted = None, False

    def epoch(self, before: Before = None) -> Iterator[int]:
        """Run an epoch, batch by batch."""
        if self._iterator is None or self._begins_anew:
            self._iterator = self._begin()
        step = 0
        while self.steps is None or step < self.steps:
            if before is not None:
                before(step)
            try:
                item = next(self._iterator)
            except StopIteration:
                self._ended(step)
                return
            runner = self._run(self._standard(item))
            if self.keep is not None:
                self.keep(runner)
            step += 1
            yield 1

    def _begin(self) -> Iterator[Any]:
        if isinstance(self._stream, Sequence):
            order = list(range(len(self._stream)))
            if self._shuffle:
                random.shuffle(order)
            return (self._stream[i] for i in order)
        return iter(self._stream)

    def _ended(self, step: int) -> None:
        if self.steps is None:
            self.steps = step
        else:
            self.exhausted = True
            warn_out_of_data(self.steps * self._epochs)

    def _standard(self, item: Any) -> Batches:
        parts = item if isinstance(item, tuple) else (item,)
        if len(parts) > 3:
            raise ValueError(f"A batch is x, (x, y) or (x, y, sample_weight); the data gave a tuple of {len(parts)}.")
        made = batches(*parts)
        return with_class_weights(made, self._class_weight) if self._class_weight else made

    def release(self) -> None:
        """Nothing is kept."""

    def end_epoch(self) -> None:
        """A Sequence may rearrange itself."""
        if isinstance(self._stream, Sequence):
            self._stream.on_epoch_end()


def _cardinality(stream: Any) -> int | None:
    """How many batches: -1 endless, None unknown."""
    if hasattr(stream, "cardinality"):
        size = int(stream.cardinality())
        return size if size >= -1 else None
    if hasattr(stream, "__next__"):
        return None
    try:
        return len(stream)
    except TypeError:
        return None


def is_stream(x: Any) -> bool:
    """Whether it gives batches rather than being arrays."""
    if isinstance(x, Sequence) or hasattr(x, "element_spec") or hasattr(x, "__next__"):
        return True
    plain = isinstance(x, (list, tuple, Mapping, np.ndarray, str, bytes)) or hasattr(x, "__array__") or hasattr(x, "to_numpy")
    return not plain and hasattr(x, "__iter__")
