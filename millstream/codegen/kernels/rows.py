"""Rows of a table by their numbers: taking them, and adding rows to where they were taken from.

    table [N, C]   indices [K]   rows [K, C]     take: rows[k] = table[indices[k]]     add: table = 0, then table[indices[k]] += rows[k]
Numbers outside of the table take zeros and add nothing: memory is never touched beyond it. `add` shares the columns among
the threads, so that sums come in the order of k whatever their number. Reference: the meanings of gather and gather_grad.
"""

from __future__ import annotations

from millstream.codegen.loops import Function, LoopBuilder, Pointer, Value
from millstream.codegen.nests import vector_loop
from millstream.core.machine import Machine


def take_rows(dtype: str, index_dtype: str, machine: Machine) -> Function:
    """Parameters: table, indices, rows, N, C, K."""
    b, (table, indices, rows), (count, width, taken) = _declare(dtype, index_dtype)
    lanes = machine.lanes("float32")
    with b.parallel(taken) as k:
        number = b.cast(b.load(indices, k), "int64")
        inside = _inside(b, number, count)
        source, target = b.offset(table, b.select(inside, number, 0) * width), b.offset(rows, k * width)

        def copy(j: Value, wide: int, mask: Value | None) -> None:
            value = b.load(source, j, wide, mask)
            b.store(target, j, b.select(_spread(b, inside, wide), value, _zeros(b, dtype, wide)), mask)

        vector_loop(b, b.const(0, "int64"), width, lanes, copy, scalar_tail=False)
    return b.finish()


def add_rows(dtype: str, index_dtype: str, machine: Machine) -> Function:
    """Parameters: table (written), indices, rows, N, C, K."""
    b, (table, indices, rows), (count, width, taken) = _declare(dtype, index_dtype)
    lanes = machine.lanes("float32")
    low, high = b.share(width, lanes)
    with b.loop(0, count) as n:
        line = b.offset(table, n * width)
        vector_loop(b, low, high, lanes, lambda j, wide, mask: _clear(b, line, j, wide, mask, dtype), scalar_tail=False)
    with b.loop(0, taken) as k:
        number = b.cast(b.load(indices, k), "int64")
        with b.if_(_inside(b, number, count)):
            line, row = b.offset(table, number * width), b.offset(rows, k * width)
            vector_loop(b, low, high, lanes, lambda j, wide, mask: _add(b, line, row, (j, wide, mask)), scalar_tail=False)
    return b.finish()


def _declare(dtype: str, index_dtype: str) -> tuple[LoopBuilder, tuple[Pointer, Pointer, Pointer], tuple[Value, Value, Value]]:
    b = LoopBuilder("rows")
    table, indices, rows = b.pointer("table", dtype), b.pointer("indices", index_dtype), b.pointer("rows", dtype)
    return b, (table, indices, rows), (b.size("N"), b.size("C"), b.size("K"))


def _inside(b: LoopBuilder, number: Value, count: Value) -> Value:
    return b.and_(b.const(-1, "int64") < number, number < count)


def _spread(b: LoopBuilder, condition: Value, lanes: int) -> Value:
    return condition if lanes == 1 else b.broadcast(condition, lanes)


def _clear(b: LoopBuilder, line: Pointer, j: Value, lanes: int, mask: Value | None, dtype: str) -> None:
    b.store(line, j, _zeros(b, dtype, lanes), mask)


def _zeros(b: LoopBuilder, dtype: str, lanes: int) -> Value:
    zero = b.const(0, dtype)
    return zero if lanes == 1 else b.broadcast(zero, lanes)


def _add(b: LoopBuilder, line: Pointer, row: Pointer, at: tuple[Value, int, Value | None]) -> None:
    j, lanes, mask = at
    b.store(line, j, b.load(line, j, lanes, mask) + b.load(row, j, lanes, mask), mask)
