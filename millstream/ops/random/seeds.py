"""Where random numbers begin: the global seed, the seeds of ops, and the streams that run on from call to call.

An eager op without a seed draws one from `random.Random(global seed)`; in a trace such ops are numbered 0, 1, 2, ...
Ops with a seed of their own share one stream per kind of op. `set_seed` starts everything anew, traced streams too.
"""

import os
import threading
import weakref
import zlib
from functools import cached_property
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, eagerly
from millstream.core.variable import Variable
from millstream.util.export import export

Seeds = tuple[int, int]
MAX_INT32 = 2**31 - 1
SEED_WITHOUT_GLOBAL = 87654321  # TensorFlow's first seed where only the op has one
BLOCKS_PER_NUMBER = 256  # what every op but shuffle moves its stream on by, per number


class _Context:
    """What set_seed sets: the global seed, the source of op seeds, and the streams of ops with seeds of their own."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.streams: dict[Any, int] = {}

    @cached_property
    def source(self) -> Any:
        """Where the seeds of ops come from."""
        import random  # here, because few programs need it and it takes long to load

        return random.Random(self.seed)


class Numbering:
    """Random ops of a function that runs op by op, seeded as in a graph of its own: they are numbered 0, 1, 2, ...

    Each op's stream runs on from call to call; the global seed is that of the time when this was made.
    """

    def __init__(self) -> None:
        self.context, self.seed = _current[0], _current[0].seed
        self.streams: dict[Any, list[int]] = {}
        self.ops = self.calls = 0

    def enter(self) -> "Numbering | None":
        """Begin one call of the function; returns what `leave` wants."""
        outer, _local.numbering = _local.numbering, self
        self.ops = self.calls = 0
        return outer

    def leave(self, outer: "Numbering | None") -> None:
        """End the call."""
        _local.numbering = outer

    def stream(self, kind: str, op_seed: int | None, blocks: int) -> tuple[int, int, int]:
        """As `eager_stream`; `set_seed` starts the streams anew."""
        if self.context is not _current[0]:
            self.context = _current[0]
            for found in self.streams.values():
                found[1] = 0
        key, high = next_seeds(op_seed)
        place = self.calls, kind, op_seed
        self.calls += 1
        found = self.streams.setdefault(place, [key, 0, high])
        low = found[1]
        found[1] += blocks
        return found[0], low, found[2]


class _Local(threading.local):
    numbering: Numbering | None = None


_local = _Local()
_current = [_Context(None)]
_traced: list["weakref.ref[Variable]"] = []


@export("tf.random.set_seed", "tf.compat.v1.set_random_seed")
def set_seed(seed: Any) -> None:
    """Set the global seed: the random ops after it give the same numbers at every run, TensorFlow's own (a text is a seed too).

    >>> tf.random.set_seed(5)
    >>> tf.random.uniform([2]).numpy().tolist()
    [0.6263930797576904, 0.5298432111740112]
    """
    _current[0] = _Context(zlib.crc32(seed.encode()) if isinstance(seed, str) else int(seed))
    for reference in _traced:
        offset = reference()
        if offset is not None:
            offset._array = np.int64(0)


def global_seed() -> int | None:
    """The seed of the last `set_seed`, or None."""
    return _current[0].seed


@export("tf.compat.v1.get_seed", "tf.compat.v1.random.get_seed")
def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The pair (seed, seed2) of an op called now; draws the op's seed if it has none. (None, None) without any seed."""
    seed = _current[0].seed if _local.numbering is None else _local.numbering.seed
    if seed is None:
        return (None, None) if op_seed is None else _clean(SEED_WITHOUT_GLOBAL, int(op_seed))
    return _clean(seed, _op_seed() if op_seed is None else int(op_seed))


def _clean(seed: int, seed2: int) -> Seeds:
    """Seeds below 2**31 - 1; the pair (0, 0), which would mean "any", becomes another."""
    pair = seed % MAX_INT32, seed2 % MAX_INT32
    return (0, MAX_INT32) if pair == (0, 0) else pair


def _op_seed() -> int:
    trace, numbering = STATE.trace, _local.numbering
    if trace is not None:
        trace.random_ops += 1
        return int(trace.random_ops) - 1
    if numbering is not None:
        numbering.ops += 1
        return numbering.ops - 1
    return int(_current[0].source.randint(0, MAX_INT32))


def next_seeds(op_seed: int | None) -> Seeds:
    """As `get_seed`, with seeds that nobody can foresee where there are none."""
    seed, seed2 = get_seed(op_seed)
    return _unforeseeable() if seed is None or seed2 is None else (seed, seed2)


def _unforeseeable() -> Seeds:
    return int.from_bytes(os.urandom(8)) >> 1, int.from_bytes(os.urandom(8)) >> 1


def eager_stream(kind: str, op_seed: int | None, blocks: int) -> tuple[int, int, int]:
    """(key, low, high): where an eager op begins; its stream moves on by `blocks` for the next call with the same seeds."""
    if _local.numbering is not None:
        return _local.numbering.stream(kind, op_seed, blocks)
    key, high = next_seeds(op_seed)
    if op_seed is None:
        return key, 0, high
    low = _current[0].streams.get((kind, key, high), 0)
    _current[0].streams[kind, key, high] = low + blocks
    return key, low, high


def traced_stream(kind: str, op_seed: int | None) -> tuple[Variable, int, int]:
    """(offset, key, high) of a random op in the trace at work.

    The offset is a hidden variable that counts blocks from run to run. Traces of one function (for another batch size,
    say) share it when they share `Trace.streams`: then they go on where the other stopped, as one function should.
    """
    key, high = get_seed(op_seed)
    shared, place = STATE.trace.streams, (STATE.trace.random_calls, kind, op_seed)
    STATE.trace.random_calls += 1
    if place not in shared:
        found = (key, high) if key is not None else _unforeseeable()
        shared[place] = (_new_offset(), *found)
    stream: tuple[Variable, int, int] = shared[place]
    return stream


def _new_offset() -> Variable:
    with eagerly():
        offset = Variable(np.int64(0), trainable=False, name="random_offset")
    _traced[:] = [r for r in _traced if r() is not None]
    _traced.append(weakref.ref(offset))
    return offset
