"""Register-tiled matrix product: C[M, N] = sum over k of A[M, K] B[K, N].

Only the tile is compiled in; M, N, K and strides are run-time values, so that layers and the partial last batch share code.
    i row   j column   k reduction   panel: `vectors` vectors of columns   tile: `rows` rows of one panel
A tile of C stays in registers while k runs; then it goes through a small array on the stack into the epilogue, whose
code stands there once a vector, however many rows a tile has. Each element of C reaches the epilogue exactly once.
Reference: `interpret` and NumPy; float32 sums agree to 1e-5 relative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from millstream.codegen.kernels.transpose import transposed as transposed_square
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Register, Type, Value
from millstream.core.machine import Machine, machine

# epilogue(b, context, i, j, value, mask): stores lanes j, j+1, ... of row i; mask None means all of them.
Epilogue = Callable[[LoopBuilder, Any, Value, Value, Value, "Value | None"], None]
PACK_BYTES = 64 << 10  # of a panel of B on the stack
AHEAD = 8  # rows of B that are asked for before their turn: rows far apart are not foreseen by the processor
LATENCY = 4.5  # cycles from a multiply-add to the next one of the same sum
TILES = 16  # row tiles that share what is packed, when k is too long to be packed at once
# extra(b, columns): declares further parameters, and is what the epilogue gets as its context.
Extra = Callable[[LoopBuilder, Value], Any]


class Tile(NamedTuple):
    """A register tile: rows by vectors of columns. uneven: the last tiles may have a row less, so that none has surplus rows."""

    rows: int
    vectors: int
    uneven: bool = False


class Operands(NamedTuple):
    """The parameters every product has, in their order."""

    a: Pointer
    b: Pointer
    rows: Value
    columns: Value
    depth: Value
    a_row: Value
    a_k: Value
    b_k: Value


def declare_operands(b: LoopBuilder, dtype: str) -> Operands:
    """Declares a product's parameters."""
    pointers = [b.pointer(n, dtype) for n in ("A", "B")]
    return Operands(pointers[0], pointers[1], *[b.size(n) for n in ("M", "N", "K", "a_row", "a_k", "b_k")])


def tiles(target: Machine) -> list[Tile]:
    """Tiles whose accumulators, B vectors and one broadcast fit the registers, the fastest first."""
    widths = (4, 2, 3, 1) if target.registers >= 32 else (2, 3, 1)
    found = [Tile(rows, v) for v in widths for rows in range(14, 0, -1) if rows * v + v + 1 <= target.registers]
    found += [t._replace(uneven=True) for t in found if t.rows > 2]
    return sorted(found, key=lambda t: (-t.rows * t.vectors, t.uneven))


def tile_for(rows: int, columns: int, target: Machine | None = None, dtype: str = "float32") -> Tile:
    """The tile that computes fewest surplus rows and columns for a product of this size, the larger among equals.

    >>> tile_for(32, 128, machine("avx2"))  # two tiles of 6 rows and four of 5
    Tile(rows=6, vectors=2, uneven=True)
    """
    where = target or machine()
    lanes = where.lanes(dtype)
    if rows == 1:
        return Tile(1, min(4, -(-columns // lanes)))
    return min(tiles(where), key=lambda t: _cost(t, rows, columns, lanes))


def _cost(tile: Tile, rows: int, columns: int, lanes: int) -> float:
    """Cycles of all steps of k; the code of a second height must save more than a hundredth, and is not worth it for one panel."""
    across = -(-columns // (tile.vectors * lanes))
    if tile.uneven and across == 1:
        return float("inf")
    down = -(-rows // tile.rows)
    short = min(down, down * tile.rows - rows) if tile.uneven else 0
    cycles = (down - short) * _step_cycles(tile) + short * _step_cycles(Tile(tile.rows - 1, tile.vectors))
    return across * cycles * (1.01 if tile.uneven else 1)


def _step_cycles(tile: Tile) -> float:
    """The larger of a step's arithmetic and its loads, two of each a cycle; fewer than 9 sums wait for each other."""
    arithmetic, loads = tile.rows * tile.vectors / 2, (tile.rows + tile.vectors) / 2
    return max(arithmetic, loads, LATENCY) + 0.1


def gemm(
    name: str,
    tile: Tile,
    dtype: str,
    epilogue: Epilogue,
    extra: Extra = lambda b, columns: None,
    target: Machine | None = None,
    ragged: bool = True,
    transposed: bool = False,
    single: int | None = None,
) -> Function:
    """The product's kernel. Parameters: A, B, M, N, K, a_row, a_k, b_k (strides in elements), then what `extra` declares.

    Threads split the (panel, tile) items, panels outermost: with several panels a thread owns whole columns.
    ragged=False: the caller promises that N is a multiple of the tile's width; less code to compile.
    single=n: he promises that there is one panel, of n whole vectors and perhaps a part of another; less code too.
    transposed=True: B lies column by column, B[k, n] at n * b_k + k; panels are transposed as they are packed.
    """
    b = LoopBuilder(name)
    x = declare_operands(b, dtype)
    hooks = Hooks(epilogue, extra(b, x.columns))
    lanes = (target or machine()).lanes(dtype)
    kind = _Transposed if transposed else _Product
    whole = tile.vectors if not ragged else single
    product = kind(b, x, tile, Type("float64" if dtype == "float64" else "float32", lanes), hooks, whole)
    down = (x.rows + (tile.rows - 1)) / tile.rows
    across = (x.columns + (product.width - 1)) / product.width
    low, high = b.share(down * across)
    tall = down - b.min(down * tile.rows - x.rows, down) if tile.uneven else down
    down = b.max(down, 1)  # no rows: no items, and nothing to divide by
    with b.loop(low / down, (high + down - 1) / down, kind="parallel") as panel:
        first = panel * down
        product.panel(panel * product.width, b.max(low - first, 0), b.min(high - first, down), tall)
    return b.finish()


class Hooks(NamedTuple):
    """The caller's epilogue and what it wants to be handed."""

    call: Epilogue
    context: Any


class _Which(NamedTuple):
    """Which tile of its panel: whether B is still to be packed, and whether it has all rows."""

    first: Value
    tall: Value


class _Product:
    """The pieces of one panel's computation.

    The first tile of a panel reads B in place and leaves it packed on the stack, where the others find it without
    strides or masks: rows of B that lie 2 KB apart would compete for two sets of a cache.
    """

    def __init__(self, b: LoopBuilder, operands: Operands, tile: Tile, type_: Type, epilogue: Hooks, whole: int | None) -> None:
        self.b, self.x, self.tile, self.type, self.epilogue = b, operands, tile, type_, epilogue
        self.whole = whole  # how many vectors of every panel are whole; None where that differs
        self.lanes = type_.lanes
        self.width = tile.vectors * self.lanes
        self.block = PACK_BYTES // (self.width * type_.bits // 8)  # k steps of B that are packed at a time
        self.packs = tile.rows > 1 or isinstance(self, _Transposed)
        self.sums = b.stack(type_.dtype, TILES * tile.rows * self.width)
        self.packed = b.stack(type_.dtype, self.block * self.width) if self.packs else operands.b

    def panel(self, j: Value, first: Value, last: Value, tall: Value) -> None:
        """Row tiles [first, last) of the panel that starts at column j; tiles from `tall` on have a row less."""
        b, depth = self.b, self.x.depth
        with b.loop(first, last, TILES) as group, b.loop(0, b.max(depth, 1), self.block) as k:
            steps = b.min(depth - k, self.block)
            long = depth > self.block
            unpacked = (group == first) | long
            self.prepare(j, (k, steps), unpacked)
            with b.loop(group, b.min(group + TILES, last)) as t:
                where = b.select(long, t - group, 0) * (self.tile.rows * self.width)
                i = t * self.tile.rows - b.max(t - tall, 0) if self.tile.uneven else t * self.tile.rows
                self.accumulate(i, j, where, (k, steps), _Which((t == group) & unpacked, t < tall))
                with b.if_(k + self.block >= depth):
                    height = b.const(self.tile.rows, "int64")
                    self.finish(i, b.select(t < tall, height, self.tile.rows - 1) if self.tile.uneven else height, j, where)

    def accumulate(self, i: Value, j: Value, where: Value, span: tuple[Value, Value], which: _Which) -> None:
        """One tile's sums over a span of k, added to those of the spans before."""
        b, count = self.b, self.tile.rows * self.tile.vectors
        sums = [b.register(b.const(0, self.type)) for _ in range(count)]
        with b.if_(span[0] > 0):
            for n, register in enumerate(sums):
                b.assign(register, b.load(self.sums, where + n * self.lanes, self.lanes))
        self.over_k(j, self.row_pointers(i, span[0]), span, sums, which)
        for n in range(count):
            b.store(self.sums, where + n * self.lanes, sums[n].value)

    def prepare(self, j: Value, span: tuple[Value, Value], unpacked: Value) -> None:
        """What is to be done before the tiles of a panel: nothing, since the first one packs as it goes."""

    def over_k(self, j: Value, rows: list[Pointer], span: tuple[Value, Value], sums: list[Register], which: _Which) -> None:
        """The loop over k; the first tile of a panel reads B itself."""
        if not self.packs:
            self.in_place(j, rows, span, sums)
            return
        with self.b.if_(which.first):
            self.in_place(j, rows, span, sums)
        with self.b.else_():
            self.of_its_height(rows, span[1], sums, which.tall)

    def of_its_height(self, rows: list[Pointer], steps: Value, sums: list[Register], tall: Value) -> None:
        """The loop over k that reads the packed panel, for all rows or all but the last."""
        if not self.tile.uneven:
            self.from_packed(rows, steps, sums)
            return
        with self.b.if_(tall):
            self.from_packed(rows, steps, sums)
        with self.b.else_():
            self.from_packed(rows[:-1], steps, sums[: -self.tile.vectors])

    def row_pointers(self, i: Value, k: Value) -> list[Pointer]:
        """The tile's rows of A from column k on; rows beyond the last read the last one."""
        x, start = self.x, k * self.x.a_k
        return [self.b.offset(x.a, self.b.min(i + r, x.rows - 1) * x.a_row + start) for r in range(self.tile.rows)]

    def masks(self, j: Value) -> list[Value | None]:
        """Which columns of each vector exist; None where all do."""
        rest = [self.b.mask(self.x.columns - (j + v * self.lanes), self.lanes) for v in range(self.whole or 0, self.tile.vectors)]
        return [None] * (self.whole or 0) + rest

    def in_place(self, j: Value, rows: list[Pointer], span: tuple[Value, Value], sums: list[Register]) -> None:
        """The loop over k that reads B itself, and packs it for the tiles to come."""
        b, x, masks = self.b, self.x, self.masks(j)
        columns = b.offset(x.b, j + span[0] * x.b_k)
        ahead = b.offset(columns, x.b_k * AHEAD)
        at_a, at_b = b.register(b.const(0, "int64")), b.register(b.const(0, "int64"))
        with b.loop(0, span[1] * self.width, self.width) as at:
            across = [b.load(columns, at_b.value + v * self.lanes, self.lanes, masks[v]) for v in range(self.tile.vectors)]
            b.prefetch(ahead, at_b.value)
            if self.packs:
                for v, vector in enumerate(across):
                    b.store(self.packed, at + v * self.lanes, vector)
            self.step(rows, at_a.value, across, sums)
            b.assign(at_a, at_a.value + x.a_k)
            b.assign(at_b, at_b.value + x.b_k)

    def from_packed(self, rows: list[Pointer], steps: Value, sums: list[Register]) -> None:
        """The loop over k that reads the packed panel."""
        b = self.b
        at_a = b.register(b.const(0, "int64"))
        with b.loop(0, steps * self.width, self.width) as at:
            across = [b.load(self.packed, at + v * self.lanes, self.lanes) for v in range(self.tile.vectors)]
            self.step(rows, at_a.value, across, sums)
            b.assign(at_a, at_a.value + self.x.a_k)

    def step(self, rows: list[Pointer], at: Value, across: list[Value], sums: list[Register]) -> None:
        """One k: every row's scalar times the vectors of B."""
        b = self.b
        for r, row in enumerate(rows):
            scalar = b.broadcast(b.load(row, at), self.lanes)
            for v, vector in enumerate(across):
                register = sums[r * self.tile.vectors + v]
                b.assign(register, b.fma(scalar, vector, register.value))

    def finish(self, i: Value, height: Value, j: Value, where: Value) -> None:
        """Hands the rows and columns that exist to the epilogue, vector by vector."""
        b = self.b
        with b.loop(0, b.min(self.x.rows - i, height)) as r:
            for v in range(self.tile.vectors):
                column = j + v * self.lanes
                value = b.load(self.sums, where + r * self.width + v * self.lanes, self.lanes)
                self.hand_over(v, i + r, column, value)

    def hand_over(self, v: int, i: Value, column: Value, value: Value) -> None:
        """Vector v of a row of C: whole where all its columns exist, else masked, else not at all."""
        b, call, left = self.b, self.epilogue, self.x.columns - column
        if self.whole is not None:
            call.call(b, call.context, i, column, value, None if v < self.whole else b.mask(left, self.lanes))
            return
        with b.if_(left >= self.lanes):
            call.call(b, call.context, i, column, value, None)
        with b.else_(), b.if_(left > 0):
            call.call(b, call.context, i, column, value, b.mask(left, self.lanes))


class _Transposed(_Product):
    """The product whose B lies column by column: a panel is packed before its tiles, in squares transposed in registers."""

    def over_k(self, j: Value, rows: list[Pointer], span: tuple[Value, Value], sums: list[Register], which: _Which) -> None:
        """Every tile reads the packed panel."""
        self.of_its_height(rows, span[1], sums, which.tall)

    def prepare(self, j: Value, span: tuple[Value, Value], unpacked: Value) -> None:
        """Pack a span of k of the panel; columns beyond the last repeat it, and the epilogue never sees them."""
        b, x = self.b, self.x
        with b.if_(unpacked), b.loop(0, self.width, self.lanes) as column:
            near = [b.min(j + column + n, x.columns - 1) * x.b_k + span[0] for n in range(self.lanes)]
            columns = [b.offset(x.b, at) for at in near]
            target = b.offset(self.packed, column)
            whole = span[1] / self.lanes * self.lanes
            with b.loop(0, whole, self.lanes) as k:
                square = transposed_square(b, [b.load(c, k, self.lanes) for c in columns])
                for n, row in enumerate(square):
                    b.store(target, (k + n) * self.width, row)
            with b.loop(whole, span[1]) as k:
                for n, c in enumerate(columns):
                    b.store(target, k * self.width + n, b.load(c, k))
