"""Register-tiled matrix product: C[M, N] = sum over k of A[M, K] B[K, N].

Only the tile is compiled in; M, N, K and strides are run-time values, so that layers and the partial last batch share code.
    i row   j column   k reduction   panel: `vectors` vectors of columns   tile: `rows` rows of one panel
A tile of C stays in registers while k runs; then it goes through a small array on the stack into the epilogue, whose
code stands there once however many rows a tile has. Each element of C reaches the epilogue exactly once.
Reference: `interpret` and NumPy; float32 sums agree to 1e-5 relative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from millstream.codegen.loops import Function, LoopBuilder, Pointer, Register, Type, Value
from millstream.core.machine import Machine, machine

# epilogue(b, context, i, j, value, mask): stores lanes j, j+1, ... of row i; mask None means all of them.
Epilogue = Callable[[LoopBuilder, Any, Value, Value, Value, "Value | None"], None]
Extra = Callable[[LoopBuilder], Any]


class Tile(NamedTuple):
    """A register tile: rows by vectors of columns."""

    rows: int
    vectors: int


class _Operands(NamedTuple):
    """The parameters every product has, in their order."""

    a: Pointer
    b: Pointer
    rows: Value
    columns: Value
    depth: Value
    a_row: Value
    a_k: Value
    b_k: Value


def tiles(target: Machine) -> list[Tile]:
    """Tiles whose accumulators, B vectors and one broadcast fit the registers, the fastest first."""
    if target.registers >= 32:
        widths, limit = (4, 2), 28
    else:
        widths, limit = (2, 3, 1), 12
    found = [Tile(rows, v) for v in widths for rows in range(14, 0, -1) if rows * v <= limit]
    return sorted(found, key=lambda t: -t.rows * t.vectors)


def tile_for(rows: int, columns: int, target: Machine | None = None, dtype: str = "float32") -> Tile:
    """The tile that computes fewest surplus rows and columns for a product of this size, the larger among equals.

    >>> tile_for(32, 128, machine("avx2"))
    Tile(rows=4, vectors=2)
    """
    where = target or machine()
    lanes = where.lanes(dtype)
    if rows == 1:
        return Tile(1, min(8, -(-columns // lanes)))
    return min(tiles(where), key=lambda t: _cost(t, rows, columns, lanes))


def _cost(tile: Tile, rows: int, columns: int, lanes: int) -> float:
    """Vector operations of the whole product, a step of k costing the larger of its arithmetic and its loads."""
    across = -(-columns // (tile.vectors * lanes))
    down = -(-rows // tile.rows)
    arithmetic, loads = tile.rows * tile.vectors / 2, (tile.rows + tile.vectors) / 2
    return across * down * (max(arithmetic, loads, 4) + 0.1)


def gemm(name: str, tile: Tile, dtype: str, epilogue: Epilogue, extra: Extra = lambda b: None,
         target: Machine | None = None) -> Function:
    """The product's kernel. Parameters: A, B, M, N, K, a_row, a_k, b_k (strides in elements), then what `extra` declares.

    Threads split the (panel, tile) items, panels outermost: with several panels a thread owns whole columns.
    """
    b = LoopBuilder(name)
    pointers = [b.pointer(n, dtype) for n in ("A", "B")]
    x = _Operands(pointers[0], pointers[1], *[b.size(n) for n in ("M", "N", "K", "a_row", "a_k", "b_k")])
    context = extra(b)
    lanes = (target or machine()).lanes(dtype)
    parts = _Product(b, x, tile, lanes, Type("float64" if dtype == "float64" else "float32", lanes))
    down = (x.rows + (tile.rows - 1)) / tile.rows
    across = (x.columns + (parts.width - 1)) / parts.width
    with b.parallel(down * across) as item:
        j, i = item / down * parts.width, item % down * tile.rows
        full = x.columns - j >= parts.width
        with b.if_(full):
            parts.accumulate(i, j, masked=False)
            parts.finish(i, j, epilogue, context, masked=False)
        with b.else_():
            parts.accumulate(i, j, masked=True)
            parts.finish(i, j, epilogue, context, masked=True)
    return b.finish()


class _Product:
    """The pieces of one tile's computation."""

    def __init__(self, b: LoopBuilder, operands: _Operands, tile: Tile, lanes: int, type_: Type) -> None:
        self.b, self.x, self.tile, self.lanes, self.type = b, operands, tile, lanes, type_
        self.width = tile.vectors * lanes
        self.scratch = b.stack(type_.dtype, tile.rows * self.width)

    def row_pointers(self, i: Value) -> list[Pointer]:
        """The tile's rows of A; rows beyond the last read the last one."""
        last = self.x.rows - 1
        return [self.b.offset(self.x.a, self.b.min(i + r, last) * self.x.a_row) for r in range(self.tile.rows)]

    def masks(self, j: Value) -> list[Value]:
        """Which columns of each vector exist."""
        return [self.b.mask(self.x.columns - (j + v * self.lanes), self.lanes) for v in range(self.tile.vectors)]

    def accumulate(self, i: Value, j: Value, masked: bool) -> None:
        """The sums over k, left in the scratch array."""
        b, x, tile = self.b, self.x, self.tile
        rows, columns = self.row_pointers(i), b.offset(x.b, j)
        masks: Sequence[Value | None] = self.masks(j) if masked else [None] * tile.vectors
        zero = b.const(0, self.type)
        sums = [[b.register(zero) for _ in range(tile.vectors)] for _ in range(tile.rows)]
        at_a, at_b = b.register(b.const(0, "int64")), b.register(b.const(0, "int64"))
        with b.loop(0, x.depth):
            across = [b.load(columns, at_b.value + v * self.lanes, self.lanes, masks[v]) for v in range(tile.vectors)]
            self.step(rows, at_a.value, across, sums)
            b.assign(at_a, at_a.value + x.a_k)
            b.assign(at_b, at_b.value + x.b_k)
        for r in range(tile.rows):
            for v in range(tile.vectors):
                b.store(self.scratch, (r * tile.vectors + v) * self.lanes, sums[r][v].value)

    def step(self, rows: list[Pointer], at: Value, across: list[Value], sums: list[list[Register]]) -> None:
        """One k: every row's scalar times the vectors of B."""
        b = self.b
        for row, accumulators in zip(rows, sums, strict=True):
            scalar = b.broadcast(b.load(row, at), self.lanes)
            for vector, register in zip(across, accumulators, strict=True):
                b.assign(register, b.fma(scalar, vector, register.value))

    def finish(self, i: Value, j: Value, epilogue: Epilogue, context: Any, masked: bool) -> None:
        """Hands the rows that exist to the epilogue, vector by vector."""
        b, masks = self.b, self.masks(j) if masked else []
        with b.loop(0, b.min(self.x.rows - i, self.tile.rows)) as r:
            at = r * self.width
            for v in range(self.tile.vectors):
                column = j + v * self.lanes
                value = b.load(self.scratch, at + v * self.lanes, self.lanes)
                if not masked:
                    epilogue(b, context, i + r, column, value, None)
                    continue
                with b.if_(column < self.x.columns):
                    epilogue(b, context, i + r, column, value, masks[v])
