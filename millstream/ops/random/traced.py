"""Random ops as pure functions of where their stream stands; what a trace is made of.

offset   int64: blocks from the beginning of the stream (key, high), both static
state    int64[3]: counter low, counter high, key; for stateless ops and generators, whose seeds are values
"""

from typing import Any

import numpy as np

from millstream.core.dtypes import DType, float32, int32, int64
from millstream.core.op import Op, op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample, Samples
from millstream.core.spec import ArraySpec, Shape
from millstream.ops.random import philox
from millstream.ops.rules import Array, Namespace


def size(shape: Shape) -> int:
    """How many numbers."""
    count = 1
    for n in shape:
        count *= n
    return count


def shaped(flat: Array, shape: Shape) -> Array:
    """A flat array in a shape; a NumPy scalar for ()."""
    return flat.reshape(shape) if shape else flat[0]


def _samples(given: Sampled, **attrs: Any) -> Samples:
    cases: tuple[tuple[Shape, DType], ...] = (((), float32), ((7,), float32), ((3, 0), float32), ((33, 4), float32))
    return lambda: [Sample(f"{list(s)}", (given,), {"shape": s, "dtype": d, **attrs}, False) for s, d in cases]


_OFFSET, _STATE = Sampled((), "int64", values=512), Sampled((3,), "int64", values=(5, -2, 7))


def _kind(kind: str) -> tuple[Op, Op]:
    """The op of one distribution whose stream is static, and the one whose state is a tensor."""

    def draw(xp: Namespace, offset: Array, *, key: int, high: int, shape: Shape, dtype: DType) -> Array:
        return shaped(philox.KINDS[kind](key, int(offset), high, size(shape), dtype.numpy), shape)

    def draw_from_state(xp: Namespace, state: Array, *, shape: Shape, dtype: DType) -> Array:
        low, high, key = (int(v) for v in state)
        return shaped(philox.KINDS[kind](key & philox.M64, low, high, size(shape), dtype.numpy), shape)

    draw.__doc__ = f"Random numbers ({kind}) of a stream that has come `offset` blocks far."
    draw_from_state.__doc__ = f"Random numbers ({kind}) from a state on."
    first = op(name=f"philox_{kind}", samples=_samples(_OFFSET, key=5, high=7))(draw)
    second = op(name=f"philox_{kind}_from_state", samples=_samples(_STATE))(draw_from_state)
    for made in (first, second):
        made.infer(lambda x, *, shape, dtype, **stream: ArraySpec(shape, dtype))
        made.no_gradient()
    return first, second


_MADE = {kind: _kind(kind) for kind in philox.KINDS}
DRAW = {kind: made[0] for kind, made in _MADE.items()}
DRAW["uniform"].random("uniform")
DRAW_FROM_STATE = {kind: made[1] for kind, made in _MADE.items()}


def bounded(key: int, low: int, high: int, first: int, end: int, shape: Shape, dtype: DType) -> Array:
    """Whole numbers in [first, end) in a shape."""
    return shaped(philox.integers(key, low, high, size(shape), first, end, dtype.numpy), shape)


@op(mixed=True, samples=lambda: [Sample(d.name, (_OFFSET, Sampled((), d.name, values=-5), Sampled((), d.name, values=90)),
    {"key": 5, "high": 7, "shape": (7,), "dtype": d}, False) for d in (int32, int64)])  # fmt: skip
def philox_integers(xp: Namespace, offset: Array, first: Array, end: Array, *, key: int, high: int, shape: Shape, dtype: DType) -> Array:
    """Whole numbers in [first, end)."""
    return bounded(key, int(offset), high, int(first), int(end), shape, dtype)


@op(
    mixed=True,
    samples=lambda: [
        Sample("int32", (_STATE, Sampled((), "int32", values=-5), Sampled((), "int32", values=90)), {"shape": (7,), "dtype": int32}, False)
    ],
)
def philox_integers_from_state(xp: Namespace, state: Array, first: Array, end: Array, *, shape: Shape, dtype: DType) -> Array:
    """Whole numbers in [first, end), from a state on."""
    low, high, key = (int(v) for v in state)
    return bounded(key & philox.M64, low, high, int(first), int(end), shape, dtype)


@op(
    samples=lambda: [
        Sample("ten", (_OFFSET,), {"key": 5, "high": 7, "count": 10}, False),
        Sample("none", (_OFFSET,), {"key": 5, "high": 7, "count": 0}, False),
    ]
)
def philox_shuffle(xp: Namespace, offset: Array, *, key: int, high: int, count: int) -> Array:
    """The order in which a shuffle puts `count` rows: int64[count]."""
    return philox.shuffled(key, int(offset), high, count)


@op(mixed=True, samples=lambda: [Sample("two", (_OFFSET, Sampled((2, 3))), {"key": 5, "high": 7, "samples": 4, "dtype": int64}, False)])
def philox_categorical(xp: Namespace, offset: Array, logits: Array, *, key: int, high: int, samples: int, dtype: DType) -> Array:
    """Classes drawn with probabilities softmax(logits): float[N, C] -> int[N, samples]."""
    return philox.categorical(key, int(offset), high, np.asarray(logits), samples).astype(dtype.numpy)


@op(mixed=True, samples=lambda: [Sample("two", (_STATE, Sampled((2, 3))), {"samples": 4, "dtype": int64}, False)])
def philox_categorical_from_state(xp: Namespace, state: Array, logits: Array, *, samples: int, dtype: DType) -> Array:
    """Classes drawn with probabilities softmax(logits), from a state on."""
    low, high, key = (int(v) for v in state)
    return philox.categorical(key & philox.M64, low, high, np.asarray(logits), samples).astype(dtype.numpy)


@op(samples=lambda: [Sample("pair", (Sampled((2,), "int64", values=(3, -1)),), {}, False)])
def scramble_seed(xp: Namespace, seed: Array) -> Array:
    """The state int64[3] of a stateless op with the two seeds int[2]."""
    key, low, high = philox.scramble((int(seed[0]), int(seed[1])))
    return state_array(low, high, key)


@op(samples=lambda: [Sample("carry", (Sampled((3,), "int64", values=(-1, 4, 7)),), {"blocks": 256}, False)])
def skip_blocks(xp: Namespace, state: Array, *, blocks: int) -> Array:
    """The state after `blocks` more blocks."""
    low, high, key = (int(v) & philox.M64 for v in state)
    counter = (low | high << 64) + blocks
    return state_array(counter & philox.M64, counter >> 64 & philox.M64, key)


def state_array(low: int, high: int, key: int) -> Array:
    """A state as int64[3]."""
    return np.array([low & philox.M64, high & philox.M64, key & philox.M64], np.uint64).view(np.int64)


philox_integers.infer(lambda x, *others, shape, dtype, **stream: ArraySpec(shape, dtype))
philox_integers_from_state.infer(lambda x, *others, shape, dtype, **stream: ArraySpec(shape, dtype))
philox_shuffle.infer(lambda x, *, count, **stream: ArraySpec((count,), int64))
philox_categorical.infer(lambda x, logits, *, samples, dtype, **stream: ArraySpec((logits.shape[0], samples), dtype))
philox_categorical_from_state.infer(lambda x, logits, *, samples, dtype, **stream: ArraySpec((logits.shape[0], samples), dtype))
scramble_seed.infer(lambda seed: ArraySpec((3,), int64))
skip_blocks.infer(lambda state, *, blocks: state)
for _made in (
    philox_integers,
    philox_integers_from_state,
    philox_shuffle,
    philox_categorical,
    philox_categorical_from_state,
    scramble_seed,
    skip_blocks,
):
    _made.no_gradient()
