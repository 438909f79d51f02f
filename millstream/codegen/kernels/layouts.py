"""Kernels that bring images and filters into the form that convolutions read: margins of zeros, and panels of filters.

H, W image   C channels   K columns   T taps   panel: `width` columns of all rows, one row after the other
"""

from __future__ import annotations

from millstream.codegen.kernels.transpose import transposed
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Value
from millstream.codegen.nests import vector_loop
from millstream.core.machine import Machine, machine


def halo(name: str, dtype: str, target: Machine | None = None) -> Function:
    """Parameters: X, Y, images, height, width, channels, x_image, x_row, x_pixel, top, left, out_h, out_w. Threads split the rows of Y."""
    b = LoopBuilder(name)
    x, y = b.pointer("X", dtype), b.pointer("Y", dtype)
    names = ("images", "height", "width", "channels", "x_image", "x_row", "x_pixel", "top", "left", "out_h", "out_w")
    s = {n: b.size(n) for n in names}
    lanes = (target or machine()).lanes(dtype)
    nothing = b.broadcast(b.const(0, dtype), lanes)
    with b.parallel(s["images"] * s["out_h"]) as line:
        n = line / s["out_h"]
        h = line - n * s["out_h"] - s["top"]
        row = b.offset(y, line * s["out_w"] * s["channels"])
        vector_loop(
            b,
            b.const(0, "int64"),
            s["out_w"] * s["channels"],
            lanes,
            lambda j, wide, mask: b.store(row, j, nothing, mask),
            scalar_tail=False,
        )
        with b.if_(b.lt(b.cast(h, "uint64"), b.cast(s["height"], "uint64"))), b.loop(0, s["width"]) as w:
            source = b.offset(x, n * s["x_image"] + h * s["x_row"] + w * s["x_pixel"])
            pixel = b.offset(row, (w + s["left"]) * s["channels"])
            with b.loop(0, s["channels"]) as c:
                b.store(pixel, c, b.load(source, c))
    return b.finish()


def panels(name: str, dtype: str, width: int, backwards: bool, target: Machine | None = None) -> Function:
    """Parameters: F, Y, taps (int64: which), count of taps, depth, columns; F[tap][depth][columns], or backwards: F[tap][columns][depth].

    Threads split the (panel, tap) items. Columns that do not exist repeat the last one.
    """
    b = LoopBuilder(name)
    f, y, taps = b.pointer("F", dtype), b.pointer("Y", dtype), b.pointer("taps", "int64")
    count, depth, columns = (b.size(n) for n in ("count", "depth", "columns"))
    lanes = min(width, (target or machine()).lanes(dtype))
    across = (columns + (width - 1)) / width
    with b.parallel(across * count) as item:
        panel = item / count
        t = item - panel * count
        source = b.offset(f, b.load(taps, t) * depth * columns)
        rows = b.offset(y, item * depth * width)
        with b.loop(0, width, lanes) as v:
            column = panel * width + v
            pack = _backwards if backwards else _straight
            pack(b, (source, b.offset(rows, v)), (depth, columns), column, (lanes, width))
    return b.finish()


def _straight(b: LoopBuilder, memory: tuple[Pointer, Pointer], size: tuple[Value, Value], column: Value, form: tuple[int, int]) -> None:
    """A vector of columns of every row; where not all exist, one by one."""
    (source, target), (depth, columns), (lanes, width) = memory, size, form
    with b.if_(column + lanes <= columns), b.loop(0, depth) as d:
        b.store(target, d * width, b.load(source, d * columns + column, lanes))
    with b.else_(), b.loop(0, depth) as d, b.loop(0, lanes) as n:
        b.store(target, d * width + n, b.load(source, d * columns + b.min(column + n, columns - 1)))


def _backwards(b: LoopBuilder, memory: tuple[Pointer, Pointer], size: tuple[Value, Value], column: Value, form: tuple[int, int]) -> None:
    """Squares transposed in registers, then what is left of the depth one by one."""
    (source, target), (depth, columns), (lanes, width) = memory, size, form
    near = [b.offset(source, b.min(column + n, columns - 1) * depth) for n in range(lanes)]
    whole = depth / lanes * lanes
    with b.loop(0, whole, lanes) as d:
        for n, row in enumerate(transposed(b, [b.load(p, d, lanes) for p in near])):
            b.store(target, (d + n) * width, row)
    with b.loop(whole, depth) as d:
        for n, p in enumerate(near):
            b.store(target, d * width + n, b.load(p, d))
