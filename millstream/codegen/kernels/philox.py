"""Random words: Philox4x32-10, as TensorFlow uses it, and the random permutation that it makes of them.

key: two uint32   counter: four uint32, least significant first   one block = four words for one counter
state in memory: uint32[6] = key0 key1 c0 c1 c2 c3
"""

from __future__ import annotations

from typing import NamedTuple

from millstream.codegen.loops import Function, LoopBuilder, Operand, Pointer, Value
from millstream.core.machine import Machine, machine

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10


def philox_words(b: LoopBuilder, key0: Value, key1: Value, counter: tuple[Value, Value, Value, Value]) -> list[Value]:
    """The four words of each lane's counter; all operands uint32 of the same lanes, the keys scalars.

    The rounds are a loop at run time: written out they would be most of what there is to compile.
    """
    lanes = max(c.type.lanes for c in counter)
    words = [b.register(b.broadcast(x, lanes)) for x in counter]
    keys = [b.register(key0), b.register(key1)]
    with b.loop(0, ROUNDS):
        c = [w.value for w in words]
        high = [b.mulhi(c[0], MULTIPLIERS[0]), b.mulhi(c[2], MULTIPLIERS[1])]
        low = [c[0] * MULTIPLIERS[0], c[2] * MULTIPLIERS[1]]
        mixed = [x ^ y ^ b.broadcast(k.value, lanes) for x, y, k in zip(high[::-1], c[1::2], keys, strict=True)]
        for word, new in zip(words, (mixed[0], low[1], mixed[1], low[0]), strict=True):
            b.assign(word, new)
        for key, weyl in zip(keys, WEYL, strict=True):
            b.assign(key, key.value + weyl)
    return [w.value for w in words]


class Stream(NamedTuple):
    """A stream read from memory: key words, and the 128-bit counter as two uint64."""

    key0: Value
    key1: Value
    low: Value
    high: Value

    @staticmethod
    def load(b: LoopBuilder, state: Pointer) -> Stream:
        """From uint32[6]."""
        key0, key1, *words = [b.load(state, i) for i in range(6)]
        wide = [b.cast(w, "uint64") for w in words]
        return Stream(key0, key1, wide[0] | wide[1] << 32, wide[2] | wide[3] << 32)

    def at(self, b: LoopBuilder, block: Operand, lanes: int = 1) -> list[Value]:
        """The words of `lanes` blocks from `block` (int64) on: four vectors, word by word."""
        first = b.cast(block, "uint64") if isinstance(block, Value) else b.const(block, "uint64")
        offset = b.iota(lanes, "uint64", first)
        low = b.broadcast(self.low, lanes) + offset
        carry = b.cast(low < offset, "uint64")
        high = b.broadcast(self.high, lanes) + carry
        words = [b.cast(x, "uint32") for x in (low, low >> 32, high, high >> 32)]
        return philox_words(b, self.key0, self.key1, (words[0], words[1], words[2], words[3]))

    def advance(self, b: LoopBuilder, state: Pointer, blocks: Value) -> None:
        """Writes back the counter moved on by a number of blocks (int64)."""
        low = self.low + b.cast(blocks, "uint64")
        high = self.high + b.cast(low < self.low, "uint64")
        for i, x in enumerate((low, low >> 32, high, high >> 32)):
            b.store(state, 2 + i, b.cast(x, "uint32"))


def shuffle(name: str = "shuffle", target: Machine | None = None) -> Function:
    """A random permutation of 0 .. n-1: TensorFlow's RandomShuffle, Fisher-Yates from the front. For one thread.

    Parameters: order int64[n], n, state uint32[6]; the state moves on by the blocks used, ceil((n - 1) / 4).
    """
    b = LoopBuilder(name)
    order, n, state = b.pointer("order", "int64"), b.size("n"), b.pointer("state", "uint32")
    lanes = (target or machine()).lanes("uint32")
    stream, words = Stream.load(b, state), b.stack("uint32", 4 * lanes)
    with b.loop(0, n) as i:
        b.store(order, i, i)
    last = n - 1
    with b.loop(0, last, 4 * lanes) as start:
        for k, word in enumerate(stream.at(b, start / 4, lanes)):
            b.scatter(words, k, 4, word)
        with b.loop(0, b.min(last - start, 4 * lanes)) as at:
            _swap(b, order, start + at, n, b.load(words, at))
    stream.advance(b, state, b.max(last + 3, 0) / 4)
    return b.finish()


def _swap(b: LoopBuilder, order: Pointer, i: Value, n: Value, word: Value) -> None:
    """Exchanges element i with one of i .. n-1."""
    j = i + b.cast(word % b.cast(n - i, "uint32"), "int64")
    here, there = b.load(order, i), b.load(order, j)
    b.store(order, i, there)
    b.store(order, j, here)


def uniform(name: str = "uniform", target: Machine | None = None) -> Function:
    """Uniform float32 in [0, 1) as TensorFlow makes them: the low 23 bits of a word are the mantissa of a number in [1, 2).

    Parameters: offset int64[1] (blocks into the stream), out float32[n], n, key, high (64-bit words). Four numbers a block;
    blocks are shared among the threads, so every thread count gives the same numbers.
    """
    b = LoopBuilder(name)
    offset, out = b.pointer("offset", "int64"), b.pointer("out", "float32")
    n, key, high = b.size("n"), b.size("key"), b.size("high")
    lanes = (target or machine()).lanes("uint32")
    keys = [b.cast(b.cast(k, "uint64"), "uint32") for k in (key, b.lshr(key, 32))]
    wide = b.cast(high, "uint64")
    stream = Stream(keys[0], keys[1], b.cast(b.load(offset, 0), "uint64"), wide)
    rest = b.stack("float32", 4 * lanes)
    with b.parallel((n + 3) / 4, lanes) as block:
        numbers = [_fraction(b, w) for w in stream.at(b, block, lanes)]
        whole = n - block * 4 >= 4 * lanes
        with b.if_(whole):
            for w, x in enumerate(numbers):
                b.scatter(out, block * 4 + w, 4, x)
        with b.else_():
            for w, x in enumerate(numbers):
                b.scatter(rest, w, 4, x)
            with b.loop(0, b.min(n - block * 4, 4 * lanes)) as i:
                b.store(out, block * 4 + i, b.load(rest, i))
    return b.finish()


def _fraction(b: LoopBuilder, word: Value) -> Value:
    return b.bitcast((word & 0x7FFFFF) | 0x3F800000, "float32") - 1.0
