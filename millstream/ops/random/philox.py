"""Philox4x32-10 and the numbers made of its words, in NumPy; TensorFlow's own numbers.

    key      64 bits: the first seed          counter  128 bits: low 64 count blocks, high 64 are the second seed
    block    four words of 32 bits            draws    float32, float16, int32: one word each; float64, int64: two

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). Uniform numbers and integers are TensorFlow's bit
for bit, normal ones to the last place or two (logarithm, sine and cosine differ between libraries).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Words = np.ndarray[Any, np.dtype[np.uint32]]
Floats = np.ndarray[Any, Any]

M32, M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_MULTIPLY = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_CHUNK = 8192  # blocks at a time: the two rows of 64-bit products stay in the cache
_FEW = 4  # so few blocks are quicker in Python's own integers


def words(key: int, low: int, high: int, blocks: int) -> Words:
    """The words of `blocks` blocks from the counter (low, high) on: uint32[blocks, 4]."""
    if blocks <= _FEW:
        return _in_python(key, low, high, blocks)
    counters = np.arange(blocks, dtype=np.uint64) + np.uint64(low & M64)
    carry = (low & M64) + blocks - 1 > M64
    return at(key, counters, np.full(blocks, high & M64, np.uint64) + (counters < np.uint64(low & M64)) if carry else high)


def _in_python(key: int, low: int, high: int, blocks: int) -> Words:
    counter = (low & M64) | (high & M64) << 64
    found = []
    for i in range(blocks):
        at_i = counter + i
        found.append(block(key, (at_i & M32, at_i >> 32 & M32, at_i >> 64 & M32, at_i >> 96 & M32)))
    return np.array(found, np.uint32).reshape(blocks, 4)


def block(key: int, counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """One block: four words for a counter of four words."""
    a, b, c, d = counter
    k, m = key & M32, key >> 32 & M32
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = second >> 32 ^ b ^ k, second & M32, first >> 32 ^ d ^ m, first & M32
        k, m = k + _WEYL[0] & M32, m + _WEYL[1] & M32
    return a, b, c, d


def at(key: int, low: np.ndarray[Any, Any], high: Any) -> Words:
    """The words of the blocks at these counters: low uint64[n], high one number or uint64[n] -> uint32[n, 4]."""
    out = np.empty((len(low), 4), np.uint32)
    high = np.asarray(high if isinstance(high, np.ndarray) else np.uint64(high & M64))
    for start in range(0, len(low), _CHUNK):
        part = slice(start, start + _CHUNK)
        _rounds(key, low[part], high[part] if high.ndim else high, out[part])
    return out


def _rounds(key: int, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any], out: Words) -> None:
    """Ten rounds; `even` holds words 0 and 2 (the ones multiplied), `odd` words 1 and 3."""
    mask, half = np.uint64(M32), np.uint64(32)
    even, odd = np.empty((2, len(low)), np.uint64), np.empty((2, len(low)), np.uint64)
    even[0], even[1], odd[0], odd[1] = low & mask, high & mask, low >> half, high >> half
    for i in range(10):
        keys = np.array([[key + i * _WEYL[0] & M32], [(key >> 32) + i * _WEYL[1] & M32]], np.uint64)
        even *= _MULTIPLY
        crossed = (even >> half)[::-1]
        crossed ^= odd
        crossed ^= keys
        odd = (even & mask)[::-1]
        even = np.ascontiguousarray(crossed)
    out[:, 0], out[:, 1], out[:, 2], out[:, 3] = even[0], odd[0], even[1], odd[1]


# ---------------------------------------------------------------------------------------------- words to numbers
def _flat(key: int, low: int, high: int, count: int, each: int) -> Words:
    """Words enough for `count` numbers of `each` words."""
    return words(key, low, high, -(-count * each // 4)).reshape(-1)[: count * each]


def _to_float32(w: Words) -> Floats:
    return ((w & np.uint32(0x7FFFFF)) | np.uint32(0x3F800000)).view(np.float32) - np.float32(1)


def _to_float64(first: Words, second: Words) -> Floats:
    """The first word gives the upper 20 bits of the mantissa, the second the lower 32."""
    bits = (first & np.uint32(0xFFFFF)).astype(np.uint64) << np.uint64(32) | second | np.uint64(1023 << 52)
    return bits.view(np.float64) - 1.0


def uniform(key: int, low: int, high: int, count: int, dtype: Any) -> Floats:
    """Uniform in [0, 1): float[count]."""
    if dtype == np.float64:
        w = _flat(key, low, high, count, 2)
        return _to_float64(w[::2], w[1::2])
    w = _flat(key, low, high, count, 1)
    if dtype == np.float32:
        return _to_float32(w)
    if dtype == np.float16:
        return ((w & np.uint32(0x3FF)) | np.uint32(15 << 10)).astype(np.uint16).view(np.float16) - np.float16(1)
    found: Floats = ((w & np.uint32(0x7F)) | np.uint32(127 << 7)).astype(np.uint16).view(dtype) - dtype.type(1)
    return found


def integers(key: int, low: int, high: int, count: int, first: int, end: int, dtype: Any) -> np.ndarray[Any, Any]:
    """Whole numbers in [first, end): first + word % (end - first)."""
    bits = full_integers(key, low, high, count, dtype)
    unsigned = bits.dtype.type
    mask = M64 if bits.dtype.itemsize == 8 else M32
    found: np.ndarray[Any, Any] = (bits % unsigned(end - first & mask) + unsigned(first & mask)).view(dtype)
    return found


def full_integers(key: int, low: int, high: int, count: int, dtype: Any) -> np.ndarray[Any, Any]:
    """All bits random: uint32[count], or uint64 (the first word is the lower half) for types of 64 bits."""
    if np.dtype(dtype).itemsize == 8:
        w = _flat(key, low, high, count, 2).astype(np.uint64)
        return w[::2] | w[1::2] << np.uint64(32)
    return _flat(key, low, high, count, 1)


def normal(key: int, low: int, high: int, count: int, dtype: Any) -> Floats:
    """Normal with mean 0 and deviation 1: float[count]."""
    if dtype == np.float64:
        w = _flat(key, low, high, count + count % 2, 2)
        return box_muller_float64(w.reshape(-1, 4)).reshape(-1)[:count]
    w = _flat(key, low, high, count + count % 2, 1)
    return box_muller(w.reshape(-1, 2)).reshape(-1)[:count].astype(dtype, copy=False)


def box_muller(w: Words) -> Floats:
    """Pairs of words to pairs of normal float32 numbers: uint32[..., 2] -> float32[..., 2]; the sine comes first."""
    u = _to_float32(w)
    angle = (2 * np.pi * u[..., 1].astype(np.float64)).astype(np.float32)
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(u[..., 0], np.float32(1e-7))))
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], -1)


def box_muller_float64(w: Words) -> Floats:
    """Four words to two normal float64 numbers: uint32[..., 4] -> float64[..., 2]."""
    radius = np.sqrt(-2 * np.log(np.maximum(_to_float64(w[..., 0], w[..., 1]), 1e-7)))
    angle = 2 * np.pi * _to_float64(w[..., 2], w[..., 3])
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], -1)


def truncated_normal(key: int, low: int, high: int, count: int, dtype: Any) -> Floats:
    """Normal numbers of magnitude below 2, the others drawn anew: float[count].

    Each group of 4 results (float64: 2) has blocks of its own, 256 (128) after those of the group before.
    """
    double = dtype == np.float64
    size, apart = (2, 128) if double else (4, 256)
    groups = -(-count // size)
    found, filled = np.empty((groups, size), np.float64 if double else np.float32), np.zeros(groups, np.int64)
    active, step = np.arange(groups), 0
    while active.size:
        starts = active.astype(np.uint64) * np.uint64(apart) + np.uint64(low + step & M64)
        w = at(key, starts, high)
        drawn = box_muller_float64(w) if double else box_muller(w.reshape(-1, 2, 2)).reshape(-1, 4)
        _keep(drawn, active, found, filled)
        active, step = active[filled[active] < size], step + 1
    return found.reshape(-1)[:count].astype(dtype, copy=False)


def _keep(drawn: Floats, active: np.ndarray[Any, Any], found: Floats, filled: np.ndarray[Any, Any]) -> None:
    """Put what is small enough behind what the groups have, in order, as far as there is room."""
    for column in range(drawn.shape[1]):
        value = drawn[:, column]
        take = (np.abs(value) < 2) & (filled[active] < found.shape[1])
        rows = active[take]
        found[rows, filled[rows]] = value[take]
        filled[rows] = filled[rows] + 1


def shuffled(key: int, low: int, high: int, count: int) -> np.ndarray[Any, Any]:
    """The order in which a shuffle puts `count` rows: Fisher-Yates from the front. int64[count]."""
    steps = np.arange(count)
    partners = steps.copy()
    if count > 1:
        offsets: Any = _flat(key, low, high, count - 1, 1) % np.arange(count, 1, -1, dtype=np.uint32)
        partners[:-1] += offsets
    return swapped(partners)


def swapped(partners: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """0, 1, 2, ... after swapping places i and partners[i] >= i, for i = 0, 1, ... in turn; without a loop.

    Step i puts at place i what lies at its partner p: p itself, or what an earlier step k with that partner put there,
    which is what lay at place k before step k. Following k back to the first such step is a chain of pointers.
    """
    count = len(partners)
    steps = np.arange(count)
    origin = steps.copy()
    moving = partners != steps
    origin[partners[moving]] = steps[moving]  # of several steps the last one stays
    while True:
        further = origin[origin]
        if np.array_equal(further, origin):
            break
        origin = further
    ordered = np.sort(partners << 32 | steps)
    place, step = ordered >> 32, ordered & M32
    again = place[1:] == place[:-1]
    result = partners.copy()
    result[step[1:][again]] = origin[step[:-1][again]]
    return result


def shuffle_blocks(count: int) -> int:
    """How many blocks a shuffle of `count` rows uses up."""
    return -(-(count - 1) // 4) if count > 1 else 0


def categorical(key: int, low: int, high: int, logits: Floats, samples: int) -> np.ndarray[Any, Any]:
    """Classes drawn with probabilities softmax(logits): float[N, C] -> int64[N, samples]."""
    u = uniform(key, low, high, len(logits) * samples, np.dtype(np.float64)).reshape(len(logits), samples)
    finite = np.isfinite(logits)
    top = np.where(finite, logits, -np.inf).max(-1, keepdims=True, initial=-np.inf).astype(np.float64)
    with np.errstate(all="ignore"):
        weights = np.where(finite, np.exp(logits.astype(np.float64) - top), 0.0)
    running = np.cumsum(weights, -1)
    found = [np.searchsorted(c, row * c[-1], "right") for c, row in zip(running, u, strict=True)]
    return np.array(found, np.int64).reshape(len(logits), samples)


def scramble(seed: tuple[int, int]) -> tuple[int, int, int]:
    """(key, low, high) of a stateless op with these two seeds."""
    a, b = (int(v) & M64 for v in seed)
    mix = block(0x02461E293EC8F720, (a & M32, a >> 32, b & M32, b >> 32))
    return mix[0] | mix[1] << 32, 0, mix[2] | mix[3] << 32


KINDS: dict[str, Callable[[int, int, int, int, Any], Floats]] = {
    "uniform": uniform,
    "normal": normal,
    "truncated_normal": truncated_normal,
    "bits": lambda key, low, high, count, dtype: full_integers(key, low, high, count, dtype).view(dtype),
}
