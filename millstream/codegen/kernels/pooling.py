"""Pooling over images: maximum, mean, and their gradients. X [N images, H, W, C channels], Y [N, P, Q, C].

Vectors run along the channels. A window is cut at the image's edges, so that margins are never looked at: [top, bottom) by
[left, right). The gradients clear an image of dX and add to it window after window; threads split the images there, lines of Y elsewhere.
The gradient of a maximum goes to its first place, row by row, as the meaning has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from millstream.codegen.loops import Function, LoopBuilder, Pointer, Value
from millstream.codegen.nests import vector_loop
from millstream.core.machine import Machine, machine

SIZES = ("images", "height", "width", "channels", "out_h", "out_w", "window_h", "window_w", "step_h", "step_w", "top", "left")
X_STRIDES = ("x_image", "x_row", "x_pixel")
Y_STRIDES = ("y_image", "y_row", "y_pixel")
Mask = Any  # Value or None


class _Window(NamedTuple):
    """Where a window begins and ends in the image."""

    top: Value
    bottom: Value
    left: Value
    right: Value


def pool(kind: str, dtype: str, target: Machine | None = None) -> Function:
    """kind "max" or "mean". Parameters: X, Y, SIZES, X_STRIDES, Y_STRIDES."""
    k = _Pool(f"{kind}_pool", dtype, ("X", "Y"), target)
    b, s = k.b, k.s
    with b.parallel(s["images"] * s["out_h"]) as line:
        n = line / s["out_h"]
        i = line - n * s["out_h"]
        with b.loop(0, s["out_w"]) as j:
            window = k.window(i, j)
            x, y = k.at("X", n), b.offset(k.memory["Y"], n * s["y_image"] + i * s["y_row"] + j * s["y_pixel"])
            k.channels(lambda c, wide, mask: b.store(y, c, _folded(k, kind, x, window, (c, wide, mask)), mask))
    return b.finish()


def pool_gradient(kind: str, dtype: str, target: Machine | None = None) -> Function:
    """kind "max" or "mean". Parameters: X (max only), dY, dX (without gaps), SIZES, X_STRIDES, Y_STRIDES."""
    k = _Pool(f"{kind}_pool_gradient", dtype, ("X", "dY", "dX") if kind == "max" else ("dY", "dX"), target)
    b, s = k.b, k.s
    with b.parallel(s["images"]) as n:
        count = s["height"] * s["width"] * s["channels"]
        dx = b.offset(k.memory["dX"], n * count)
        vector_loop(b, b.const(0, "int64"), count, k.lanes, lambda c, wide, mask: b.store(dx, c, k.splat(0, wide), mask), scalar_tail=False)
        with b.loop(0, s["out_h"]) as i, b.loop(0, s["out_w"]) as j:
            window = k.window(i, j)
            dy = b.offset(k.memory["dY"], n * s["y_image"] + i * s["y_row"] + j * s["y_pixel"])
            share = _to_first if kind == "max" else _to_all
            k.channels(lambda c, wide, mask: share(k, n, (dy, dx), window, (c, wide, mask)))
    return b.finish()


class _Pool:
    """The parameters of a pooling kernel, and its loops."""

    def __init__(self, name: str, dtype: str, arrays: tuple[str, ...], target: Machine | None) -> None:
        self.b, self.dtype = LoopBuilder(name), dtype
        self.memory = {a: self.b.pointer(a, dtype) for a in arrays}
        self.s = {n: self.b.size(n) for n in (*SIZES, *X_STRIDES, *Y_STRIDES)}
        self.lanes = (target or machine()).lanes(dtype)

    def splat(self, number: float, wide: int) -> Value:
        """A number in every lane."""
        return self.b.broadcast(self.b.const(number, self.dtype), wide)

    def at(self, name: str, n: Value) -> Pointer:
        """An image of X."""
        return self.b.offset(self.memory[name], n * self.s["x_image"])

    def window(self, i: Value, j: Value) -> _Window:
        """The window of output (i, j), cut at the edges."""
        b, s = self.b, self.s
        h, w = i * s["step_h"] - s["top"], j * s["step_w"] - s["left"]
        return _Window(b.max(h, 0), b.min(h + s["window_h"], s["height"]), b.max(w, 0), b.min(w + s["window_w"], s["width"]))

    def channels(self, body: Callable[[Value, int, Mask], None]) -> None:
        """The loop over vectors of channels."""
        vector_loop(self.b, self.b.const(0, "int64"), self.s["channels"], self.lanes, body, scalar_tail=False)

    @contextmanager
    def taps(self, window: _Window) -> Iterator[tuple[Value, Value]]:
        """The loops over a window's rows and columns."""
        with self.b.loop(window.top, window.bottom) as h, self.b.loop(window.left, window.right) as w:
            yield h, w

    def count(self, window: _Window, wide: int) -> Value:
        """How many elements a window has, at least 1."""
        n = self.b.max((window.bottom - window.top) * (window.right - window.left), 1)
        return self.b.broadcast(self.b.cast(n, self.dtype), wide)


def _folded(k: _Pool, kind: str, x: Pointer, window: _Window, vector: tuple[Value, int, Mask]) -> Value:
    """The maximum or mean of a window."""
    b, (c, wide, mask) = k.b, vector
    total = b.register(k.splat(float("-inf") if kind == "max" else 0, wide))
    with k.taps(window) as (h, w):
        value = b.load(x, h * k.s["x_row"] + w * k.s["x_pixel"] + c, wide, mask)
        b.assign(total, b.max(total.value, value) if kind == "max" else total.value + value)
    return total.value if kind == "max" else total.value / k.count(window, wide)


def _to_first(k: _Pool, n: Value, memory: tuple[Pointer, Pointer], window: _Window, vector: tuple[Value, int, Mask]) -> None:
    """Add dY where the window's first maximum is: its number within the window is found first."""
    b, (c, wide, mask), (dy, dx) = k.b, vector, memory
    x, across = k.at("X", n), window.right - window.left
    best, place = b.register(k.splat(float("-inf"), wide)), b.register(b.broadcast(b.const(0, "int32"), wide))

    def number(h: Value, w: Value) -> Value:
        return b.broadcast(b.cast((h - window.top) * across + (w - window.left), "int32"), wide)

    with k.taps(window) as (h, w):
        value = b.load(x, h * k.s["x_row"] + w * k.s["x_pixel"] + c, wide, mask)
        more = b.gt(value, best.value)
        b.assign(place, b.select(more, number(h, w), place.value))
        b.assign(best, b.select(more, value, best.value))
    chosen, g = place.value, b.load(dy, c, wide, mask)
    with k.taps(window) as (h, w):
        at = (h * k.s["width"] + w) * k.s["channels"] + c
        part = b.select(b.eq(chosen, number(h, w)), g, k.splat(0, wide))
        b.store(dx, at, b.load(dx, at, wide, mask) + part, mask)


def _to_all(k: _Pool, n: Value, memory: tuple[Pointer, Pointer], window: _Window, vector: tuple[Value, int, Mask]) -> None:
    """Add an equal part of dY to every element of the window."""
    b, (c, wide, mask), (dy, dx) = k.b, vector, memory
    part = b.load(dy, c, wide, mask) / k.count(window, wide)
    with k.taps(window) as (h, w):
        at = (h * k.s["width"] + w) * k.s["channels"] + c
        b.store(dx, at, b.load(dx, at, wide, mask) + part, mask)
