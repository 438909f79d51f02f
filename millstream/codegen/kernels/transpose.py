"""Transposed copy: target[j, i] = source[i, j], in square blocks held in registers.

L lanes of a block, at most 8; a block is L rows of L elements, transposed by log2(L) rounds of shuffles
"""

from __future__ import annotations

from millstream.codegen.loops import Function, LoopBuilder, Pointer, Value
from millstream.core.machine import Machine, machine

MOVED_AS = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}


def transpose(name: str, itemsize: int, target: Machine | None = None) -> Function:
    """Parameters: source, target, rows, columns, source_row, target_row (strides in elements); any dtype of `itemsize` bytes.

    Threads split the rows of the source.
    """
    b = LoopBuilder(name)
    dtype = MOVED_AS[itemsize]
    source, copy = b.pointer("source", dtype), b.pointer("target", dtype)
    rows, columns, source_row, target_row = (b.size(n) for n in ("rows", "columns", "source_row", "target_row"))
    lanes = min(8, (target or machine()).lanes(dtype))
    with b.parallel(rows, step=lanes) as i:
        with b.if_(rows - i >= lanes):
            whole = columns / lanes * lanes
            with b.loop(0, whole, lanes) as j:
                block = [b.load(source, (i + r) * source_row + j, lanes) for r in range(lanes)]
                for r, row in enumerate(transposed(b, block)):
                    b.store(copy, (j + r) * target_row + i, row)
            _plain(b, (source, copy), (i, i + lanes), (whole, columns), (source_row, target_row))
        with b.else_():
            _plain(b, (source, copy), (i, rows), (b.const(0, "int64"), columns), (source_row, target_row))
    return b.finish()


def transposed(b: LoopBuilder, rows: list[Value]) -> list[Value]:
    """A square of vectors, its rows become columns; their number is a power of two.

    Round s exchanges the off-diagonal squares of side s of every square of side 2s.
    """
    lanes, s = len(rows), 1
    while s < lanes:
        low = [lane if not lane & s else lanes + (lane ^ s) for lane in range(lanes)]
        high = [lane | s if not lane & s else lanes + lane for lane in range(lanes)]
        rows = [b.shuffle(rows[r & ~s], rows[r | s], high if r & s else low) for r in range(lanes)]
        s *= 2
    return rows


def _plain(
    b: LoopBuilder, arrays: tuple[Pointer, Pointer], i: tuple[Value, Value], j: tuple[Value, Value], strides: tuple[Value, Value]
) -> None:
    """Element by element, for the edges."""
    with b.loop(*i) as row, b.loop(*j) as column:
        b.store(arrays[1], column * strides[1] + row, b.load(arrays[0], row * strides[0] + column))
