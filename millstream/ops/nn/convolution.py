"""The three sums of products of a convolution, each the gradient of the others, in any number of spatial dimensions.

    N batch   C channels in   K channels out   G groups   R, S filter rows, columns
    convolution                  x [N, H, W, C], f [R, S, C / G, K] -> y [N, P, Q, K]
    convolution_input_gradient   dy, f -> dx          convolution_filter_gradient   x, dy -> df
Attributes: strides, pads (zeros before and after), dilations (all for each spatial dimension), groups.
"""

import math
from typing import Any, NamedTuple

from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, Shape
from millstream.ops.nn.windows import Pairs, every_tap, fitting_sizes, output_sizes, padded, seen_by, without_margin
from millstream.ops.rules import Array, Namespace

FEW = 16  # channels below which all taps of a window are gathered into rows of one product: products of short rows are slow


class Geometry(NamedTuple):
    """How windows slide: attributes of all three ops."""

    strides: Shape
    pads: Pairs
    dilations: Shape
    groups: int

    @property
    def attrs(self) -> dict[str, Any]:
        """As keyword arguments."""
        return self._asdict()


_GEOMETRIES = (
    ((7, 6, 3), (3, 2, 3, 5), Geometry((1, 1), ((1, 1), (0, 1)), (1, 1), 1)),
    ((8, 9, 4), (3, 3, 4, 6), Geometry((2, 2), ((0, 1), (1, 1)), (1, 1), 1)),
    ((5, 5, 20), (1, 1, 20, 18), Geometry((2, 2), ((0, 0), (0, 0)), (1, 1), 1)),
    ((6, 5, 18), (3, 3, 18, 33), Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    ((9, 7, 2), (2, 3, 2, 3), Geometry((1, 1), ((2, 2), (2, 2)), (2, 2), 1)),
    ((6, 6, 4), (3, 3, 2, 6), Geometry((2, 1), ((1, 1), (0, 0)), (1, 1), 2)),
    ((5, 6, 4), (3, 2, 1, 8), Geometry((1, 1), ((1, 1), (0, 1)), (1, 1), 4)),
    ((9, 3), (4, 3, 2), Geometry((2,), ((1, 2),), (1,), 1)),
    ((4, 5, 4, 2), (2, 2, 2, 2, 3), Geometry((1, 2, 1), ((0, 1), (1, 0), (0, 0)), (1, 1, 1), 1)),
)


def _cases(kind: str) -> list[Sample]:
    found = []
    for n, (image, window, g) in enumerate(_GEOMETRIES):
        outs = output_sizes(image[:-1], window[:-2], g.strides, g.pads, g.dilations, "Conv")
        x, f, y = (Sampled(s, "float32" if n % 4 else "float64") for s in ((3, *image), window, (3, *outs, window[-1])))
        inputs = {"forward": (x, f), "input": (y, f), "filter": (x, y)}[kind]
        extra = {"forward": {}, "input": {"sizes": image[:-1]}, "filter": {"window": window[:-2]}}[kind]
        found.append(Sample(f"{list(image)}{list(window)}", inputs, {**g.attrs, **extra}))
    return found


# ---------------------------------------------------------------------------------------------- forward
@op(name="convolution", samples=lambda: _cases("forward"))
def convolution(xp: Namespace, x: Array, f: Array, *, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1) -> Array:
    """Each output is the sum over the window's taps and the channels of its group of x times f."""
    window, outs = f.shape[:-2], _outs(x.shape, f.shape, strides, pads, dilations)
    wide = padded(xp, x, pads)
    if groups == 1 and x.shape[-1] < FEW:
        rows = xp.stack([wide[seen_by(t, outs, strides, dilations)] for t in every_tap(window)], -2)
        return (rows.reshape(-1, math.prod(f.shape[:-1])) @ f.reshape(-1, f.shape[-1])).reshape(x.shape[0], *outs, f.shape[-1])
    return sum(_times(xp, wide[seen_by(t, outs, strides, dilations)], f[t], groups) for t in every_tap(window))


def _times(xp: Namespace, x: Array, f: Array, groups: int) -> Array:
    """One tap: x [..., C] times f [C / G, K], group by group."""
    if groups == 1:
        return (x.reshape(-1, x.shape[-1]) @ f).reshape(*x.shape[:-1], f.shape[-1])
    by_group = f.reshape(f.shape[0], groups, -1).swapaxes(0, 1)  # [G, C / G, K / G]
    parts = x.reshape(*x.shape[:-1], groups, -1)
    if f.shape[0] == 1:
        return (parts * by_group[:, 0]).reshape(*x.shape[:-1], -1)
    return xp.matmul(parts[..., None, :], by_group).reshape(*x.shape[:-1], -1)


def _outs(x: Shape, f: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Shape:
    return output_sizes(x[1:-1], f[:-2], strides, pads, dilations, f"Conv{len(f) - 2}D")


@convolution.infer
def _(x: ArraySpec, f: ArraySpec, *, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1) -> ArraySpec:
    return ArraySpec((x.shape[0], *fitting_sizes(x.shape[1:-1], f.shape[:-2], strides, pads, dilations), f.shape[-1]), x.dtype)


# ---------------------------------------------------------------------------------------------- gradients
@op(name="convolution_input_gradient", samples=lambda: _cases("input"))
def input_gradient(
    xp: Namespace, dy: Array, f: Array, *, sizes: Shape, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1
) -> Array:
    """What reaches the input, of these spatial sizes; also the transposed convolution of dy."""
    channels = f.shape[-2] * groups
    wide = xp.zeros((dy.shape[0], *(n + a + b for n, (a, b) in zip(sizes, pads, strict=True)), channels), dy.dtype)
    outs = dy.shape[1:-1]
    for tap in every_tap(f.shape[:-2]):
        wide[seen_by(tap, outs, strides, dilations)] += _times(xp, dy, _backwards(f[tap], groups), groups)
    return without_margin(wide, pads, sizes)


def _backwards(f: Array, groups: int) -> Array:
    """Filters [C / G, K] of one tap as those from K to C: [K / G, C]."""
    by_group = f.reshape(f.shape[0], groups, -1)  # [C / G, G, K / G]
    return by_group.transpose(2, 1, 0).reshape(by_group.shape[2], -1)


@input_gradient.infer
def _(dy: ArraySpec, f: ArraySpec, *, sizes: Shape, groups: int = 1, **geometry: Any) -> ArraySpec:
    return ArraySpec((dy.shape[0], *sizes, f.shape[-2] * groups), dy.dtype)


@op(name="convolution_filter_gradient", samples=lambda: _cases("filter"))
def filter_gradient(
    xp: Namespace, x: Array, dy: Array, *, window: Shape, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1
) -> Array:
    """What reaches the filters, of this window."""
    wide, outs = padded(xp, x, pads), dy.shape[1:-1]
    taps = [_outer(xp, wide[seen_by(t, outs, strides, dilations)], dy, groups) for t in every_tap(window)]
    return xp.stack(taps).reshape(*window, x.shape[-1] // groups, dy.shape[-1])


def _outer(xp: Namespace, x: Array, dy: Array, groups: int) -> Array:
    """One tap: the sum over batch and space of x [C] times dy [K], within groups: [C / G, K]."""
    rows, columns = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    if groups == 1:
        return rows.T @ columns
    left = rows.reshape(len(rows), groups, -1).transpose(1, 2, 0)
    right = columns.reshape(len(columns), groups, -1).transpose(1, 0, 2)
    return xp.matmul(left, right).transpose(1, 0, 2).reshape(left.shape[1], -1)


@filter_gradient.infer
def _(x: ArraySpec, dy: ArraySpec, *, window: Shape, groups: int = 1, **geometry: Any) -> ArraySpec:
    return ArraySpec((*window, x.shape[-1] // groups, dy.shape[-1]), x.dtype)


convolution.vjp(
    lambda g, y, x, f, **geometry: input_gradient(g, f, sizes=spatial(x), **geometry),
    lambda g, y, x, f, **geometry: filter_gradient(x, g, window=tuple(map(int, f.shape[:-2])), **geometry),
)
input_gradient.vjp(
    lambda g, dx, dy, f, *, sizes, **geometry: convolution(g, f, **geometry),
    lambda g, dx, dy, f, *, sizes, **geometry: filter_gradient(g, dy, window=tuple(map(int, f.shape[:-2])), **geometry),
)
filter_gradient.vjp(
    lambda g, df, x, dy, *, window, **geometry: input_gradient(dy, g, sizes=spatial(x), **geometry),
    lambda g, df, x, dy, *, window, **geometry: convolution(x, g, **geometry),
)


def spatial(x: Any) -> Shape:
    """A tensor's sizes without batch and channels."""
    return tuple(int(n) for n in x.shape[1:-1])
