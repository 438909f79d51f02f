"""Direct convolution from images as they lie: Y[p, k] = sum over taps t and d < D of X[pixel(p) + tap(t)][d] F[t * D + d, k].

    p output pixel, a row of the result   k output channel   t tap   d depth   tile: `rows` pixels by `vectors` of channels
Only the tile is compiled in; sizes, strides and taps are run-time values, so that all layers of a network share the code.
Nothing is copied and nothing gathered: for every tap a tile has a pointer to each of its pixels, or to zeros where the
tap falls outside the image. Pixels are counted through rows and images, so that no tile is cut at an edge.
Filters come in panels (ops/nn/taps.py); each element of Y reaches the epilogue exactly once.
Reference: the op's meaning; float32 sums agree to 1e-5 relative, and are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from millstream.codegen.kernels.gemm import Epilogue, Tile
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Register, Type, Value
from millstream.core.machine import Machine, machine

Extra = Callable[[LoopBuilder], Any]
SIZES = (
    "images", "grid_h", "grid_w", "height", "width", "depth", "columns", "taps", "step_h", "step_w", "x_image", "x_row", "x_pixel",
    "panel", "out_h", "out_w", "spread_h", "spread_w", "origin", "block",
)  # fmt: skip


def tile_of(width: int, target: Machine, dtype: str) -> Tile:
    """The tile for panels of this width: as many rows as leave a register for each vector of filters and one broadcast.

    >>> tile_of(16, machine("avx2"), "float32")[:2]
    (6, 2)
    """
    vectors = width // target.lanes(dtype)
    return Tile(min(12 if target.registers >= 32 else 8, (target.registers - 1 - vectors) // vectors), vectors)


class _Pixel(NamedTuple):
    """A row of a tile: its pixel's offset in X, and its place in the image."""

    base: Value
    h: Value
    w: Value


def convolution(
    name: str, tile: Tile, dtype: str, epilogue: Epilogue, extra: Extra = lambda b: None, target: Machine | None = None, ragged: bool = True,
    guarded: bool = True,
) -> Function:  # fmt: skip
    """Parameters: X, F, taps (int64 pairs: rows, columns), zeros (D of them), then SIZES, then what `extra` declares.

    grid: the pixels computed, at origin + i * spread_h * out_w + j * spread_w of the output; panel: elements from one panel to the next;
    block: tiles that go through all panels before the next ones do. ragged=False: the caller promises whole panels.
    guarded=False: the caller promises that no tap leaves the image.
    """
    b = LoopBuilder(name)
    x, f, taps, zeros = b.pointer("X", dtype), b.pointer("F", dtype), b.pointer("taps", "int64"), b.pointer("zeros", dtype)
    size = {n: b.size(n) for n in SIZES}
    type_ = Type("float64" if dtype == "float64" else "float32", (target or machine()).lanes(dtype))
    _Convolution(b, (x, f, taps, zeros), size, tile, type_, (epilogue, extra(b)), (ragged, guarded)).build()
    return b.finish()


class _Convolution:
    """The pieces of the kernel."""

    def __init__(
        self, b: LoopBuilder, memory: tuple[Pointer, ...], size: dict[str, Value], tile: Tile, type_: Type, epilogue: tuple[Epilogue, object],
        kind: tuple[bool, bool],
    ) -> None:  # fmt: skip
        self.b, self.size, self.tile, self.type, self.epilogue = b, size, tile, type_, epilogue
        self.ragged, self.guarded = kind
        self.x, self.f, self.taps, self.zeros = memory
        self.lanes, self.width = type_.lanes, tile.vectors * type_.lanes
        self.sums = b.stack(type_.dtype, tile.rows * self.width)
        self.places = b.stack("int64", tile.rows)

    def build(self) -> None:
        """Threads split the (block, panel) items."""
        b, s, rows = self.b, self.size, self.tile.rows
        self.pixels = s["images"] * s["grid_h"] * s["grid_w"]
        tiles = (self.pixels + (rows - 1)) / rows
        across = (s["columns"] + (self.width - 1)) / self.width
        blocks = (tiles + s["block"] - 1) / s["block"]
        low, high = b.share(blocks * across)
        with b.loop(low, high, kind="parallel") as item:
            block = item / across
            panel = item - block * across
            first = block * s["block"]
            filters = b.offset(self.f, panel * s["panel"])
            with b.loop(first, b.min(first + s["block"], tiles)) as t:
                self.one_tile(t * rows, panel * self.width, filters)

    def one_tile(self, p: Value, column: Value, filters: Pointer) -> None:
        """The sums of `rows` pixels from p on, handed to the epilogue."""
        b = self.b
        pixels = self.pixels_from(p)
        sums = [b.register(b.const(0, self.type)) for _ in range(self.tile.rows * self.tile.vectors)]
        at = b.register(b.const(0, "int64"))
        with b.loop(0, self.size["taps"]) as t:
            self.one_tap(pixels, (b.load(self.taps, t * 2), b.load(self.taps, t * 2 + 1)), b.offset(filters, at.value), sums)
            b.assign(at, at.value + self.size["depth"] * self.width)
        for n, register in enumerate(sums):
            b.store(self.sums, n * self.lanes, register.value)
        self.finish(p, column)

    def pixels_from(self, p: Value) -> list[_Pixel]:
        """The tile's pixels; those after the last are read again from the last image, and never stored."""
        b, s = self.b, self.size
        whole = s["grid_h"] * s["grid_w"]
        n = p / whole
        i = (p - n * whole) / s["grid_w"]
        j = p - n * whole - i * s["grid_w"]
        found = []
        for r in range(self.tile.rows):
            if r:
                n, i, j = self.next_pixel(n, i, j)
            h, w = i * s["step_h"], j * s["step_w"]
            found.append(_Pixel(n * s["x_image"] + h * s["x_row"] + w * s["x_pixel"], h, w))
            place = (n * s["out_h"] + i * s["spread_h"]) * s["out_w"] + j * s["spread_w"] + s["origin"]
            b.store(self.places, r, place)
        return found

    def next_pixel(self, n: Value, i: Value, j: Value) -> tuple[Value, Value, Value]:
        """One to the right; at the end of a row the next row, at the end of an image the next image while there is one."""
        b, s = self.b, self.size
        right = j + 1
        wraps = b.eq(right, s["grid_w"])
        below = b.select(wraps, i + 1, i)
        leaves = b.eq(below, s["grid_h"])
        return b.min(b.select(leaves, n + 1, n), s["images"] - 1), b.select(leaves, 0, below), b.select(wraps, 0, right)

    def one_tap(self, pixels: list[_Pixel], tap: tuple[Value, Value], filters: Pointer, sums: list[Register]) -> None:
        """The products of one tap: the loop over depth."""
        b, step = self.b, tap[0] * self.size["x_row"] + tap[1] * self.size["x_pixel"]
        if self.guarded:
            rows, start = [self.seen(pixel, tap, step) for pixel in pixels], b.const(0, "int64")
        else:
            rows, start = [b.offset(self.x, pixel.base) for pixel in pixels], step
        at_x = b.register(start)
        with b.loop(0, self.size["depth"] * self.width, self.width) as at:
            across = [b.load(filters, at + v * self.lanes, self.lanes) for v in range(self.tile.vectors)]
            here = at_x.value
            for r, row in enumerate(rows):
                scalar = b.broadcast(b.load(row, here), self.lanes)
                for v, vector in enumerate(across):
                    register = sums[r * self.tile.vectors + v]
                    b.assign(register, b.fma(scalar, vector, register.value))
            b.assign(at_x, here + 1)

    def seen(self, pixel: _Pixel, tap: tuple[Value, Value], step: Value) -> Pointer:
        """Where a tap reads for a pixel: in the image, or zeros."""
        b = self.b
        height, width = b.cast(self.size["height"], "uint64"), b.cast(self.size["width"], "uint64")
        h, w = b.cast(pixel.h + tap[0], "uint64"), b.cast(pixel.w + tap[1], "uint64")  # those below 0 become huge
        inside = b.and_(b.lt(h, height), b.lt(w, width))
        return Pointer(b.select(inside, b.offset(self.x, pixel.base + step).value, self.zeros.value), self.x.dtype)

    def finish(self, p: Value, column: Value) -> None:
        """Hand the pixels and channels that exist to the epilogue, vector by vector."""
        b = self.b
        with b.loop(0, b.min(self.pixels - p, self.tile.rows)) as r:
            place = b.load(self.places, r)
            for v in range(self.tile.vectors):
                self.hand_over(place, column + v * self.lanes, b.load(self.sums, r * self.width + v * self.lanes, self.lanes))

    def hand_over(self, row: Value, column: Value, value: Value) -> None:
        """One vector of Y: whole where all its channels exist, else masked, else not at all."""
        b, (call, context), left = self.b, self.epilogue, self.size["columns"] - column
        if not self.ragged:
            call(b, context, row, column, value, None)
            return
        with b.if_(left >= self.lanes):
            call(b, context, row, column, value, None)
        with b.else_(), b.if_(left > 0):
            call(b, context, row, column, value, b.mask(left, self.lanes))
