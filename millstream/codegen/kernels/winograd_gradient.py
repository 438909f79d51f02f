"""The gradient of a 3 x 3 convolution with respect to its filters through Winograd's transforms: dF = G^T (sum of V[e]^T D[e]) G.

    V = B^T d B of each tile of inputs [C]   D = A dY A^T of its 4 x 4 outputs' gradients [K]   S[e] their products, [C, K]
Blocks of T tiles: all threads transform, wait, and add to S, each to elements of its own: the order of every sum is that of the tiles.
The workspace is shared: V [36][T][C], D [36][panels of K][T][width], S [36][whole tiles of C][whole panels of K].
Reference: the op's meaning; agreement to 5e-6 of the largest value.
"""

from __future__ import annotations

from millstream.codegen.kernels.gemm import Tile
from millstream.codegen.kernels.winograd import OUT, PAD, SIDE, P, Patch, Q, Vectors, input_transform, spread
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Type, Value
from millstream.core.machine import Machine, machine

SIZES = (
    "height", "width", "channels", "columns", "out_h", "out_w", "top", "left", "x_image", "x_row", "x_pixel", "g_image", "g_row", "g_pixel",
    "tiles",
)  # fmt: skip


def gradient_transform(y: Vectors) -> list[Value]:
    """A of four values."""
    out = [y[0]]
    for x in (P, Q):
        even, odd = y[0] + y[2] * (x * x), y[1] * x + y[3] * x**3
        out += [even + odd, even - odd]
    return [*out, y[3]]


def filters_of(m: Vectors) -> list[Value]:
    """G^T of six values."""
    p2, q2 = P * P, Q * Q
    small, large = 1 / (2 * p2 * (p2 - q2)), 1 / (2 * q2 * (q2 - p2))
    even, odd = ((m[1] + m[2]) * small, (m[3] + m[4]) * large), ((m[1] - m[2]) * small, (m[3] - m[4]) * large)
    return [m[0] * (1 / (p2 * q2)) + even[0] + even[1], odd[0] * P + odd[1] * Q, even[0] * p2 + even[1] * q2 + m[5]]


def filter_gradient(name: str, tile: Tile, block: int, target: Machine | None = None) -> Function:
    """Parameters: X, dY, workspace, dF, then SIZES. block: T."""
    b = LoopBuilder(name)
    memory = tuple(b.pointer(n, "float32") for n in ("X", "dY", "scratch", "dF"))
    size = {n: b.size(n) for n in SIZES}
    _Gradient(b, memory, size, tile, (block, (target or machine()).lanes("float32"))).build()
    return b.finish()


class _Gradient:
    """The pieces of the kernel."""

    def __init__(self, b: LoopBuilder, memory: tuple[Pointer, ...], size: dict[str, Value], tile: Tile, form: tuple[int, int]) -> None:
        self.b, self.s, self.tile = b, size, tile
        (self.x, self.g, scratch, self.f), (self.block, self.lanes) = memory, form
        self.width = tile.vectors * self.lanes
        self.across = (size["columns"] + (self.width - 1)) / self.width
        self.down = (size["channels"] + (tile.rows - 1)) / tile.rows
        self.columns = self.across * self.width
        self.row = (size["channels"] + (self.lanes - 1)) / self.lanes * self.lanes
        self.v_element, self.d_element = self.row * self.block + PAD, self.columns * self.block + PAD
        self.s_element = self.down * tile.rows * self.columns
        self.sums = scratch
        self.v = b.offset(scratch, self.s_element * 36)
        self.d = b.offset(self.v, self.v_element * 36)
        self.tall, self.broad = (size["out_h"] + (OUT - 1)) / OUT, (size["out_w"] + (OUT - 1)) / OUT
        self.middle = b.stack("float32", SIDE * SIDE * self.lanes)

    def build(self) -> None:
        """Block by block: transforms, products; at the end the filters."""
        b, s = self.b, self.s
        with b.loop(0, s["tiles"], self.block) as first:
            count = b.min(s["tiles"] - first, self.block)
            self.transforms(first, count)
            b.barrier()
            self.products(count, first > 0)
            b.barrier()
        self.finish()

    # ------------------------------------------------------------------ V and D
    def transforms(self, first: Value, count: Value) -> None:
        """Threads split the tiles of the block."""
        b, s = self.b, self.s
        whole = self.tall * self.broad
        with b.parallel(count) as t:
            n = (first + t) / whole
            i = (first + t - n * whole) / self.broad
            j = first + t - n * whole - i * self.broad
            h, w = i * OUT + s["top"], j * OUT + s["left"]
            inside = self.inside((h, w), ("height", "width"), SIDE)
            image = b.offset(self.x, n * s["x_image"] + h * s["x_row"] + w * s["x_pixel"])
            with b.loop(0, s["channels"], self.lanes) as c:
                patch = Patch(b.offset(image, c), (s["x_row"], s["x_pixel"]), inside, s["channels"] - c)
                for e, value in enumerate(spread(b, patch, input_transform, self.middle, self.lanes)):
                    b.store(self.v, self.v_element * e + t * self.row + c, value)
            outputs = self.inside((i * OUT, j * OUT), ("out_h", "out_w"), OUT)
            gradient = b.offset(self.g, n * s["g_image"] + i * OUT * s["g_row"] + j * OUT * s["g_pixel"])
            with b.loop(0, s["columns"], self.lanes) as k:
                patch = Patch(b.offset(gradient, k), (s["g_row"], s["g_pixel"]), outputs, s["columns"] - k)
                panel = k / self.width
                place = panel * (self.width * self.block) + t * self.width + (k - panel * self.width)
                for e, value in enumerate(spread(b, patch, gradient_transform, self.middle, self.lanes)):
                    b.store(self.d, self.d_element * e + place, value)

    def inside(self, start: tuple[Value, Value], limits: tuple[str, str], side: int) -> tuple[list[Value], list[Value]]:
        """Which rows and columns of a square exist."""
        b = self.b
        rows, columns = (
            [b.lt(b.cast(at + n, "uint64"), b.cast(self.s[limit], "uint64")) for n in range(side)]
            for at, limit in zip(start, limits, strict=True)
        )
        return rows, columns

    # ------------------------------------------------------------------ S += V^T D
    def products(self, count: Value, more: Value) -> None:
        """Threads split the elements, and their register tiles."""
        b = self.b
        whole = self.down * self.across
        low, high = b.share(whole * 36)
        with b.loop(low, high, kind="parallel") as item:
            e = item / whole
            panel = (item - e * whole) / self.down
            c = (item - e * whole - panel * self.down) * self.tile.rows
            target = b.offset(self.sums, e * self.s_element + c * self.columns + panel * self.width)
            self.one_tile(
                (b.offset(self.v, e * self.v_element + c), b.offset(self.d, e * self.d_element + panel * (self.width * self.block))),
                target,
                count,
                more,
            )

    def one_tile(self, operands: tuple[Pointer, Pointer], target: Pointer, count: Value, more: Value) -> None:
        """A register tile: rows after the last channel hold anything, and are never read."""
        b, vectors, (left, right) = self.b, self.tile.vectors, operands
        sums = [b.register(b.const(0, Type("float32", self.lanes))) for _ in range(self.tile.rows * vectors)]
        at = [self.columns * (n // vectors) + n % vectors * self.lanes for n in range(len(sums))]
        with b.if_(more):
            for register, place in zip(sums, at, strict=True):
                b.assign(register, b.load(target, place, self.lanes))
        rows = [b.offset(left, r) for r in range(self.tile.rows)]
        at_v = b.register(b.const(0, "int64"))
        with b.loop(0, count * self.width, self.width) as t:
            across = [b.load(right, t + v * self.lanes, self.lanes) for v in range(vectors)]
            here = at_v.value
            for r, row in enumerate(rows):
                scalar = b.broadcast(b.load(row, here), self.lanes)
                for v, vector in enumerate(across):
                    register = sums[r * vectors + v]
                    b.assign(register, b.fma(scalar, vector, register.value))
            b.assign(at_v, here + self.row)
        for register, place in zip(sums, at, strict=True):
            b.store(target, place, register.value)

    # ------------------------------------------------------------------ dF = G^T S G
    def finish(self) -> None:
        """Threads split the channels."""
        b, s = self.b, self.s
        with b.parallel(s["channels"]) as c, b.loop(0, s["columns"], self.lanes) as k:
            source = b.offset(self.sums, c * self.columns + k)
            for j in range(SIDE):
                column = [b.load(source, self.s_element * (i * SIDE + j), self.lanes) for i in range(SIDE)]
                for r, value in enumerate(filters_of(column)):
                    b.store(self.middle, (r * SIDE + j) * self.lanes, value)
            mask = b.mask(s["columns"] - k, self.lanes)
            for r in range(3):
                row = filters_of([b.load(self.middle, (r * SIDE + j) * self.lanes, self.lanes) for j in range(SIDE)])
                for q, value in enumerate(row):
                    b.store(self.f, (s["channels"] * (r * 3 + q) + c) * s["columns"] + k, value, mask)
