"""Convolution of 3 x 3 through Winograd's transforms: see ops/nn/winograd.py for the algebra and the letters.

    T tiles of 4 x 4 outputs go together: V = B^T d B of each, for all channels; M[e] = V[e] U[e] for e = 0 .. 35; Y = A^T M A
V and M lie in a workspace of the thread's own. Threads split the blocks of T tiles: no sum depends on their number.
A transform is two passes over six vectors: what does not fit the registers goes through a small array on the stack.
Reference: the op's meaning; agreement to 3e-6 of the largest value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from millstream.codegen.kernels.conv import Extra
from millstream.codegen.kernels.gemm import Epilogue, Tile
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Type, Value
from millstream.core.machine import Machine, machine

SIZES = (
    "images", "height", "width", "channels", "columns", "out_h", "out_w", "top", "left", "x_image", "x_row", "x_pixel", "tiles", "slots",
)  # fmt: skip
P, Q = 0.75, 1.5
SIDE, OUT = 6, 4
PAD = 16  # elements between planes, so that their equal places fall into different sets of a cache
Vectors = Sequence[Value]


def input_transform(d: Vectors) -> list[Value]:
    """B^T of six values: rows of +p and -p are the sum and the difference of an even and an odd part."""
    p2, q2 = P * P, Q * Q
    even = [d[4] - d[2] * q2, d[4] - d[2] * p2]
    odd = [(d[3] - d[1] * q2) * P, (d[3] - d[1] * p2) * Q]
    first, last = (d[n] * (p2 * q2) - d[n + 2] * (p2 + q2) + d[n + 4] for n in (0, 1))
    return [first, even[0] + odd[0], even[0] - odd[0], even[1] + odd[1], even[1] - odd[1], last]


def filter_transform(f: Vectors) -> list[Value]:
    """G of three values."""
    p2, q2 = P * P, Q * Q
    small, large = 1 / (2 * p2 * (p2 - q2)), 1 / (2 * q2 * (q2 - p2))  # of the products of the points' distances
    out = [f[0] * (1 / (p2 * q2))]
    for scale, x in ((small, P), (large, Q)):
        even, odd = (f[0] + f[2] * (x * x)) * scale, f[1] * (x * scale)
        out += [even + odd, even - odd]
    return [*out, f[2]]


def output_transform(m: Vectors) -> list[Value]:
    """A^T of six values."""
    sums, differences = [m[1] + m[2], m[3] + m[4]], [m[1] - m[2], m[3] - m[4]]
    return [
        m[0] + sums[0] + sums[1],
        differences[0] * P + differences[1] * Q,
        sums[0] * (P * P) + sums[1] * (Q * Q),
        differences[0] * P**3 + differences[1] * Q**3 + m[5],
    ]


class Patch(NamedTuple):
    """A square of pixels: where it begins, strides between rows and pixels, which rows and columns exist, and how many channels do."""

    start: Pointer
    strides: tuple[Value, Value]
    inside: tuple[list[Value], list[Value]]
    channels: Value


def spread(b: LoopBuilder, patch: Patch, transform: Callable[[Vectors], list[Value]], middle: Pointer, lanes: int) -> Iterator[Value]:
    """The 36 elements of a patch's transform, one vector of channels; pixels that do not exist are 0."""
    rows, columns = patch.inside
    for k, column in enumerate(columns):
        seen = [b.mask(b.select(b.and_(row, column), patch.channels, 0), lanes) for row in rows]
        d = [b.load(patch.start, patch.strides[0] * r + patch.strides[1] * k, lanes, mask) for r, mask in enumerate(seen)]
        for r, value in enumerate(transform(d)):
            b.store(middle, (r * len(columns) + k) * lanes, value)
    for r in range(SIDE):
        yield from transform([b.load(middle, (r * len(columns) + k) * lanes, lanes) for k in range(len(columns))])


def panels(name: str, width: int, target: Machine | None = None) -> Function:
    """Parameters: F [count][9 * depth][width], U [36][count][depth][width], count, depth. Threads split count * depth."""
    b = LoopBuilder(name)
    f, u = b.pointer("F", "float32"), b.pointer("U", "float32")
    count, depth = b.size("count"), b.size("depth")
    lanes = (target or machine()).lanes("float32")
    middle = b.stack("float32", SIDE * 3 * lanes)
    with b.parallel(count * depth) as item, b.loop(0, width, lanes) as v:
        panel = item / depth
        source = b.offset(f, (panel * 8 * depth + item) * width + v)
        for s in range(3):
            column = [b.load(source, (r * 3 + s) * depth * width, lanes) for r in range(3)]
            for i, value in enumerate(filter_transform(column)):
                b.store(middle, (i * 3 + s) * lanes, value)
        for i in range(SIDE):
            row = filter_transform([b.load(middle, (i * 3 + s) * lanes, lanes) for s in range(3)])
            for j, value in enumerate(row):
                b.store(u, ((i * SIDE + j) * count * depth + item) * width + v, value)
    return b.finish()


def convolution(name: str, tile: Tile, block: int, epilogue: Epilogue, extra: Extra, target: Machine | None = None) -> Function:
    """Parameters: X, U, scratch, SIZES (tiles: how many there are; slots: threads that scratch has room for), then what `extra` declares.

    block: T, a multiple of the tile's rows.
    """
    b = LoopBuilder(name)
    x, u, scratch = (b.pointer(n, "float32") for n in ("X", "U", "scratch"))
    size = {n: b.size(n) for n in SIZES}
    lanes = (target or machine()).lanes("float32")
    _Winograd(b, (x, u, scratch), size, tile, (block, lanes), (epilogue, extra(b))).build()
    return b.finish()


class _Winograd:
    """The pieces of the kernel."""

    def __init__(
        self,
        b: LoopBuilder,
        memory: tuple[Pointer, ...],
        size: dict[str, Value],
        tile: Tile,
        form: tuple[int, int],
        epilogue: tuple[Epilogue, Any],
    ) -> None:
        self.b, self.s, self.tile, self.epilogue = b, size, tile, epilogue
        (self.x, self.u, scratch), (self.block, self.lanes) = memory, form
        self.width = tile.vectors * self.lanes
        self.across = (size["columns"] + (self.width - 1)) / self.width
        self.tall, self.broad = (size["out_h"] + (OUT - 1)) / OUT, (size["out_w"] + (OUT - 1)) / OUT
        self.row = (size["channels"] + (self.lanes - 1)) / self.lanes * self.lanes  # of V: whole vectors, since masked stores are slow
        self.v_element, self.m_element = self.row * self.block + PAD, self.across * (self.width * self.block) + PAD
        self.v = b.offset(scratch, b.thread * 36 * (self.v_element + self.m_element))
        self.m = b.offset(self.v, self.v_element * 36)
        self.middle = b.stack("float32", SIDE * SIDE * self.lanes)
        self.sums = b.stack("float32", OUT * OUT * self.lanes)

    def build(self) -> None:
        """Threads that have a slot split the blocks."""
        b, s = self.b, self.s
        blocks = (s["tiles"] + (self.block - 1)) / self.block
        threads = b.min(b.threads, s["slots"])
        with b.if_(b.thread < threads):
            low, high = blocks * b.thread / threads, blocks * (b.thread + 1) / threads
            with b.loop(low, high, kind="parallel") as block:
                first = block * self.block
                count = b.min(s["tiles"] - first, self.block)
                self.inputs(first, count)
                self.products(count)
                self.outputs(first, count)

    def place(self, t: Value) -> tuple[Value, Value, Value]:
        """A tile's image, and its first output's row and column."""
        whole = self.tall * self.broad
        n = t / whole
        i = (t - n * whole) / self.broad
        return n, i * OUT, (t - n * whole - i * self.broad) * OUT

    # ------------------------------------------------------------------ V = B^T d B
    def inputs(self, first: Value, count: Value) -> None:
        """The transforms of a block's inputs; what lies outside the image is 0."""
        b, s = self.b, self.s
        with b.loop(0, count) as t:
            n, i, j = self.place(first + t)
            h, w = i + s["top"], j + s["left"]
            rows = [b.lt(b.cast(h + r, "uint64"), b.cast(s["height"], "uint64")) for r in range(SIDE)]
            columns = [b.lt(b.cast(w + c, "uint64"), b.cast(s["width"], "uint64")) for c in range(SIDE)]
            image = b.offset(self.x, n * s["x_image"] + h * s["x_row"] + w * s["x_pixel"])
            with b.loop(0, s["channels"], self.lanes) as c:
                tile = Patch(b.offset(image, c), (s["x_row"], s["x_pixel"]), (rows, columns), s["channels"] - c)
                for e, value in enumerate(spread(b, tile, input_transform, self.middle, self.lanes)):
                    b.store(self.v, self.v_element * e + t * self.row + c, value)

    # ------------------------------------------------------------------ M = V U
    def products(self, count: Value) -> None:
        """Every element's product, panel by panel, tile of rows by tile."""
        b, rows, depth = self.b, self.tile.rows, self.s["channels"]
        columns = self.across * self.width
        with b.loop(0, SIDE * SIDE) as e, b.loop(0, self.across) as panel:
            filters = b.offset(self.u, (e * self.across + panel) * depth * self.width)
            with b.loop(0, count, rows) as t:
                self.one_tile(
                    b.offset(self.v, e * self.v_element + t * self.row),
                    filters,
                    b.offset(self.m, e * self.m_element + t * columns + panel * self.width),
                )

    def one_tile(self, left: Pointer, filters: Pointer, target: Pointer) -> None:
        """`rows` tiles by a panel of channels; rows after the last tile hold anything, and are never read."""
        b, vectors, depth = self.b, self.tile.vectors, self.s["channels"]
        sums = [b.register(b.const(0, Type("float32", self.lanes))) for _ in range(self.tile.rows * vectors)]
        rows = [b.offset(left, self.row * r) for r in range(self.tile.rows)]
        at_v = b.register(b.const(0, "int64"))
        with b.loop(0, depth * self.width, self.width) as at:
            across = [b.load(filters, at + v * self.lanes, self.lanes) for v in range(vectors)]
            here = at_v.value
            for r, row in enumerate(rows):
                scalar = b.broadcast(b.load(row, here), self.lanes)
                for v, vector in enumerate(across):
                    register = sums[r * vectors + v]
                    b.assign(register, b.fma(scalar, vector, register.value))
            b.assign(at_v, here + 1)
        columns = self.across * self.width
        for n, register in enumerate(sums):
            b.store(target, columns * (n // vectors) + n % vectors * self.lanes, register.value)

    # ------------------------------------------------------------------ Y = A^T M A
    def outputs(self, first: Value, count: Value) -> None:
        """The transforms of a block's products, handed to the epilogue pixel by pixel."""
        b, s = self.b, self.s
        columns = self.across * self.width
        with b.loop(0, count) as t:
            n, i, j = self.place(first + t)
            tall, broad = b.min(s["out_h"] - i, OUT), b.min(s["out_w"] - j, OUT)
            pixel = (n * s["out_h"] + i) * s["out_w"] + j
            with b.loop(0, s["columns"], self.lanes) as k:
                self.one_output(b.offset(self.m, t * columns + k))
                with b.loop(0, tall) as r, b.loop(0, broad) as c:
                    self.hand_over(pixel + r * s["out_w"] + c, k, b.load(self.sums, (r * OUT + c) * self.lanes, self.lanes))

    def one_output(self, m: Pointer) -> None:
        """One vector of channels of a tile: 36 products to 16 sums, which are left on the stack."""
        b = self.b
        for k in range(SIDE):
            column = [b.load(m, self.m_element * (r * SIDE + k), self.lanes) for r in range(SIDE)]
            for r, value in enumerate(output_transform(column)):
                b.store(self.middle, (r * SIDE + k) * self.lanes, value)
        for r in range(OUT):
            row = [b.load(self.middle, (r * SIDE + k) * self.lanes, self.lanes) for k in range(SIDE)]
            for c, value in enumerate(output_transform(row)):
                b.store(self.sums, (r * OUT + c) * self.lanes, value)

    def hand_over(self, row: Value, column: Value, value: Value) -> None:
        """One vector of Y, whole or masked."""
        b, (call, context), left = self.b, self.epilogue, self.s["columns"] - column
        with b.if_(left >= self.lanes):
            call(b, context, row, column, value, None)
        with b.else_():
            call(b, context, row, column, value, b.mask(left, self.lanes))
