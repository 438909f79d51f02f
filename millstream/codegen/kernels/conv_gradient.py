"""The gradient of a convolution with respect to its filters: dF[t * D + d, k] = sum over pixels p of X[pixel(p) + tap(t)][d] dY[p, k].

    p output pixel   k output channel   t tap   d depth   tile: `rows` of depth by `vectors` of channels, kept in registers
Pixels are taken in chunks of whole image rows, whose part of dY lies packed on the stack; within a chunk every tile of dF
is visited and added to. Threads split the tiles, never the pixels: the order of each sum is the same for any number of them.
Reference: the op's meaning; float32 sums agree to 1e-5 relative.
"""

from __future__ import annotations

from millstream.codegen.kernels.gemm import Tile
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Register, Type, Value
from millstream.core.machine import Machine, machine

SIZES = (
    "images", "grid_h", "grid_w", "height", "width", "depth", "columns", "taps", "step_h", "step_w", "x_image", "x_row", "x_pixel",
    "g_image", "g_row", "g_pixel", "chunk",
)  # fmt: skip
PIXELS = 512  # of dY that are packed at a time, at most: 32 KB for 16 float32 channels


def filter_gradient(name: str, tile: Tile, dtype: str, target: Machine | None = None, ragged: bool = True) -> Function:
    """Parameters: X, dY, dF (row-major), taps (int64 pairs: rows, columns), then SIZES; chunk: image rows, chunk * grid_w <= PIXELS.

    ragged=False: the caller promises that the columns are a multiple of the tile's.
    """
    b = LoopBuilder(name)
    x, g, f, taps = b.pointer("X", dtype), b.pointer("dY", dtype), b.pointer("dF", dtype), b.pointer("taps", "int64")
    size = {n: b.size(n) for n in SIZES}
    type_ = Type("float64" if dtype == "float64" else "float32", (target or machine()).lanes(dtype))
    _Gradient(b, (x, g, f, taps), size, tile, type_, ragged).build()
    return b.finish()


class _Gradient:
    """The pieces of the kernel."""

    def __init__(self, b: LoopBuilder, memory: tuple[Pointer, ...], size: dict[str, Value], tile: Tile, type_: Type, ragged: bool) -> None:
        self.b, self.size, self.tile, self.type, self.ragged = b, size, tile, type_, ragged
        self.x, self.g, self.f, self.taps = memory
        self.lanes, self.width = type_.lanes, tile.vectors * type_.lanes
        self.packed = b.stack(type_.dtype, PIXELS * self.width)

    def build(self) -> None:
        """Items (panel, tap, tile of depth), panels outermost: a thread packs a part of dY once for all that need it."""
        b, s = self.b, self.size
        down = (s["depth"] + (self.tile.rows - 1)) / self.tile.rows
        across = (s["columns"] + (self.width - 1)) / self.width
        within = b.max(s["taps"] * down, 1)
        low, high = b.share(within * across)
        lines = s["images"] * s["grid_h"]
        with b.loop(0, lines, s["chunk"]) as line, b.loop(low / within, (high + within - 1) / within, kind="parallel") as panel:
            end = b.min(line + s["chunk"], lines)
            self.pack(line, end, panel * self.width)
            first = panel * within
            with b.loop(b.max(low - first, 0), b.min(high - first, within)) as item:
                tap = item / down
                self.one_tile((line, end), tap, (item - tap * down) * self.tile.rows, panel * self.width)

    def mask(self, column: Value, v: int) -> Value | None:
        """Which channels of a vector exist; None where all do."""
        return self.b.mask(self.size["columns"] - (column + v * self.lanes), self.lanes) if self.ragged else None

    def pack(self, line: Value, end: Value, column: Value) -> None:
        """The panel's channels of some image rows of dY, one pixel after the other."""
        b, s = self.b, self.size
        masks = [self.mask(column, v) for v in range(self.tile.vectors)]
        with b.loop(line, end) as row:
            n = row / s["grid_h"]
            source = b.offset(self.g, n * s["g_image"] + (row - n * s["grid_h"]) * s["g_row"] + column)
            target = b.offset(self.packed, (row - line) * s["grid_w"] * self.width)
            with b.loop(0, s["grid_w"]) as j:
                for v in range(self.tile.vectors):
                    b.store(
                        target, j * self.width + v * self.lanes, b.load(source, j * s["g_pixel"] + v * self.lanes, self.lanes, masks[v])
                    )

    def one_tile(self, lines: tuple[Value, Value], tap: Value, d: Value, column: Value) -> None:
        """Add the products of some image rows to one tile of dF."""
        b, s = self.b, self.size
        sums = [b.register(b.const(0, self.type)) for _ in range(self.tile.rows * self.tile.vectors)]
        down, right = b.load(self.taps, tap * 2), b.load(self.taps, tap * 2 + 1)
        rows = [b.offset(self.x, b.min(d + r, s["depth"] - 1) + right * s["x_pixel"]) for r in range(self.tile.rows)]
        first, last = self.columns_inside(right)
        with b.loop(*lines) as row:
            n = row / s["grid_h"]
            h = (row - n * s["grid_h"]) * s["step_h"] + down
            with b.if_(b.lt(b.cast(h, "uint64"), b.cast(s["height"], "uint64"))):
                start = n * s["x_image"] + h * s["x_row"] + first * s["step_w"] * s["x_pixel"]
                self.one_line(rows, start, ((row - lines[0]) * s["grid_w"], first, last), sums)
        target = b.offset(self.f, (tap * s["depth"] + d) * s["columns"] + column)
        self.add(target, s["depth"] - d, column, sums, lines[0] > 0)

    def columns_inside(self, right: Value) -> tuple[Value, Value]:
        """The output columns whose input column lies in the image: [first, last)."""
        b, s = self.b, self.size
        step = s["step_w"]
        first = b.max((step - 1 - right) / step, 0)
        last = b.min((s["width"] - 1 - right + step) / step, s["grid_w"])
        return b.select(b.lt(right, 0), first, 0), b.select(b.lt(right, s["width"]), last, 0)

    def one_line(self, rows: list[Pointer], start: Value, where: tuple[Value, Value, Value], sums: list[Register]) -> None:
        """The products of one image row: the loop over its pixels."""
        b, (line, first, last) = self.b, where
        at_x = b.register(start)
        step = self.size["step_w"] * self.size["x_pixel"]
        with b.loop((line + first) * self.width, (line + last) * self.width, self.width) as at:
            across = [b.load(self.packed, at + v * self.lanes, self.lanes) for v in range(self.tile.vectors)]
            here = at_x.value
            for r, row in enumerate(rows):
                scalar = b.broadcast(b.load(row, here), self.lanes)
                for v, vector in enumerate(across):
                    register = sums[r * self.tile.vectors + v]
                    b.assign(register, b.fma(scalar, vector, register.value))
            b.assign(at_x, here + step)

    def add(self, target: Pointer, left: Value, column: Value, sums: list[Register], more: Value) -> None:
        """Store the rows that exist; from the second chunk on, added to what is there."""
        b = self.b
        for r in range(self.tile.rows):
            with b.if_(left > r):
                for v in range(self.tile.vectors):
                    at, mask = r * self.size["columns"] + v * self.lanes, self.mask(column, v)
                    value = b.register(sums[r * self.tile.vectors + v].value)
                    with b.if_(more):
                        b.assign(value, value.value + b.load(target, at, self.lanes, mask))
                    b.store(target, at, value.value, mask)
