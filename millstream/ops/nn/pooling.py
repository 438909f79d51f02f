"""Maximum and mean over sliding windows, with their gradients, in any number of spatial dimensions. x [N batch, spatial sizes ..., C channels].

Margins are never the maximum and never counted in a mean. The gradient of a maximum goes to the first of equal elements, row by row.
Attributes of all: window, strides, pads, dilations, one (pads: a pair) for each spatial dimension.
"""

from typing import Any

import numpy as np

from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, Shape
from millstream.ops.nn.windows import Pairs, every_tap, fitting_sizes, output_sizes, padded, seen_by, without_margin
from millstream.ops.rules import Array, Namespace

_WINDOWS = (
    ((6, 8, 3), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((7, 5, 9), (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)),
    ((5, 6, 17), (3, 2), (1, 1), ((1, 1), (0, 1)), (1, 1)),
    ((7, 7, 2), (2, 2), (3, 3), ((0, 0), (0, 1)), (1, 1)),
    ((7, 6, 2), (2, 3), (1, 1), ((1, 1), (0, 0)), (2, 2)),
    ((9, 3), (3,), (2,), ((0, 1),), (1,)),
    ((4, 5, 4, 2), (2, 2, 2), (2, 1, 2), ((0, 0), (1, 0), (0, 0)), (1, 1, 1)),
)


def _cases(backwards: bool, takes_x: bool, sizes: bool = False, distinct: bool = True) -> list[Sample]:
    found = []
    for n, (image, window, strides, pads, dilations) in enumerate(_WINDOWS):
        outs = output_sizes(image[:-1], window, strides, pads, dilations, "Pool")
        dtype = "float32" if n % 3 else "float64"
        x, y = Sampled((2, *image), dtype, -50.0, 50.0), Sampled((2, *outs, image[-1]), dtype)
        inputs = tuple(a for a, wanted in ((x, takes_x), (y, backwards)) if wanted)
        attrs: dict[str, Any] = {"window": window, "strides": strides, "pads": pads, "dilations": dilations}
        found.append(Sample(f"{list(image)}{list(window)}", inputs, {**attrs, "sizes": image[:-1]} if sizes else attrs, distinct))
    return found


def _pooled(x: ArraySpec, *, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> ArraySpec:
    return ArraySpec((x.shape[0], *fitting_sizes(x.shape[1:-1], window, strides, pads, dilations), x.shape[-1]), x.dtype)


# ---------------------------------------------------------------------------------------------- maximum
def lowest(dtype: Any) -> Any:
    """What no element is below."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def _views(x: Array, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> tuple[Array, list[Any]]:
    """x with a margin of the lowest value, and the index of every tap's elements in it."""
    outs = output_sizes(x.shape[1:-1], window, strides, pads, dilations, "MaxPool")
    return padded(np, x, pads, lowest(x.dtype)), [seen_by(t, outs, strides, dilations) for t in every_tap(window)]


@op(name="max_pool", samples=lambda: _cases(False, True))
def max_pool(xp: Namespace, x: Array, *, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Array:
    """The largest element of each window."""
    wide, taps = _views(x, window, strides, pads, dilations)
    y = wide[taps[0]].copy()
    for tap in taps[1:]:
        xp.maximum(y, wide[tap], out=y)
    return y


@op(name="max_pool_gradient", samples=lambda: _cases(True, True))
def max_pool_gradient(xp: Namespace, x: Array, dy: Array, *, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Array:
    """dy put where the first maximum of each window is, summed where windows share it."""
    wide, taps = _views(x, window, strides, pads, dilations)
    out, y, free = (
        xp.zeros_like(wide),
        max_pool.meaning(xp, x, window=window, strides=strides, pads=pads, dilations=dilations),
        xp.ones(dy.shape, bool),
    )
    for tap in taps:
        here = (wide[tap] == y) & free
        free &= ~here
        out[tap] += xp.where(here, dy, dy.dtype.type(0))
    return without_margin(out, pads, x.shape[1:-1])


@op(name="max_pool_choice", samples=lambda: _cases(False, True))
def max_pool_choice(xp: Namespace, x: Array, *of: Array, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Array:
    """The element of another image (x itself if none is given) where the first maximum of each window of x is."""
    wide, taps = _views(x, window, strides, pads, dilations)
    other = padded(xp, of[0] if of else x, pads)
    y = max_pool.meaning(xp, x, window=window, strides=strides, pads=pads, dilations=dilations)
    out, free = xp.zeros_like(y), xp.ones(y.shape, bool)
    for tap in taps:
        here = (wide[tap] == y) & free
        free &= ~here
        out[here] = other[tap][here]
    return out


max_pool.infer(_pooled)
max_pool_gradient.infer(lambda x, dy, **attrs: x)
max_pool_choice.infer(lambda x, *of, **attrs: _pooled(x, **attrs))
max_pool.vjp(lambda g, y, x, **attrs: max_pool_gradient(x, g, **attrs))
max_pool_gradient.vjp(None, lambda g, dx, x, dy, **attrs: max_pool_choice(x, g, **attrs))


@max_pool_choice.vjp_all
def _(g: Any, y: Any, *inputs: Any, **attrs: Any) -> list[Any]:
    back = max_pool_gradient(inputs[0], g, **attrs)
    return [back] if len(inputs) == 1 else [None, back]


# ---------------------------------------------------------------------------------------------- mean
def counts(sizes: Shape, window: Shape, strides: Shape, pads: Pairs, dilations: Shape, dtype: Any) -> Array:
    """How many elements of each window are no margin: [1, outs ..., 1]."""
    outs = output_sizes(sizes, window, strides, pads, dilations, "AvgPool")
    ones = padded(np, np.ones((1, *sizes, 1), dtype), pads)
    return np.maximum(sum(ones[seen_by(t, outs, strides, dilations)] for t in every_tap(window)), 1).astype(dtype)


@op(name="avg_pool", samples=lambda: _cases(False, True))
def avg_pool(xp: Namespace, x: Array, *, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Array:
    """The mean of each window's elements."""
    outs = output_sizes(x.shape[1:-1], window, strides, pads, dilations, "AvgPool")
    wide = padded(xp, x, pads)
    total = sum(wide[seen_by(t, outs, strides, dilations)] for t in every_tap(window))
    return total / counts(x.shape[1:-1], window, strides, pads, dilations, x.dtype)


@op(name="avg_pool_gradient", samples=lambda: _cases(True, False, sizes=True))
def avg_pool_gradient(xp: Namespace, dy: Array, *, sizes: Shape, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Array:
    """dy shared equally among the elements of each window, of an input of these spatial sizes."""
    share = dy / counts(sizes, window, strides, pads, dilations, dy.dtype)
    out = xp.zeros((dy.shape[0], *(n + a + b for n, (a, b) in zip(sizes, pads, strict=True)), dy.shape[-1]), dy.dtype)
    for tap in every_tap(window):
        out[seen_by(tap, dy.shape[1:-1], strides, dilations)] += share
    return without_margin(out, pads, sizes)


avg_pool.infer(_pooled)
avg_pool_gradient.infer(lambda dy, *, sizes, **attrs: ArraySpec((dy.shape[0], *sizes, dy.shape[-1]), dy.dtype))
avg_pool.vjp(lambda g, y, x, **attrs: avg_pool_gradient(g, sizes=tuple(int(n) for n in x.shape[1:-1]), **attrs))
avg_pool_gradient.vjp(lambda g, dx, dy, *, sizes, **attrs: avg_pool(g, **attrs))


def _covers(*images: ArraySpec, dilations: Shape, **attrs: Any) -> bool:
    return len(dilations) == 2 and dilations == (1, 1)


for _op, _family in (
    (max_pool, "max_pool"),
    (avg_pool, "mean_pool"),
    (max_pool_gradient, "max_pool_gradient"),
    (avg_pool_gradient, "mean_pool_gradient"),
):
    _op.kernel(_family, covers=_covers)
