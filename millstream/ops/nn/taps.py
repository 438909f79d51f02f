"""Convolutions as kernels want them: filters in panels, taps listed, small images with their margins in place. No public names.

    N batch   H, W image   P, Q output   C, K channels in, out   T taps   D depth: how many neighbouring numbers a tap reads
A tap is a displacement (rows, columns) of the input from the place where an output's window is anchored. A panel holds
`width` columns of the filters for all taps and depths in order: [ceil(K / width), T * D, width], the last one padded.
The gradient with respect to the input is such a convolution as well: with strides, one for each phase of the output.
"""

from typing import Any, NamedTuple

import numpy as np

from millstream.core.machine import machine
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, Shape
from millstream.ops.nn.convolution import convolution, filter_gradient, input_gradient
from millstream.ops.nn.windows import Pairs
from millstream.ops.rules import Array, Namespace

FEW = 32  # channels below which the taps of a filter row are read as one, for which the image must have its margin in place
WIDEST = 512  # output columns for which the kernel of the filter gradient has room
Tap = tuple[int, int]


class Phase(NamedTuple):
    """Outputs (origin + step * (i, j)) for (i, j) in the grid; their taps, which follow tap `first` in the panels."""

    grid: Shape
    origin: Shape
    first: int
    taps: tuple[Tap, ...]


class Plan(NamedTuple):
    """A convolution of taps. sizes: P, Q, K. step: input pixels from one (i, j) to the next. spread: outputs likewise. depth: D."""

    sizes: Shape
    step: Shape
    spread: Shape
    depth: int
    phases: tuple[Phase, ...]


# ---------------------------------------------------------------------------------------------- margin
@op(name="halo", samples=lambda: [Sample("margin", (Sampled((2, 3, 5, 3)),), {"pads": ((1, 0), (2, 1))}), Sample("none", (Sampled((2, 1, 17, 1), "float64"),), {"pads": ((0, 0), (0, 1))})])  # fmt: skip
def halo(xp: Namespace, x: Array, *, pads: Pairs) -> Array:
    """Images with a margin of zeros."""
    return xp.pad(x, ((0, 0), *pads, (0, 0)))


halo.infer(
    lambda x, *, pads: ArraySpec((x.shape[0], *(n + a + b for n, (a, b) in zip(x.shape[1:3], pads, strict=True)), x.shape[3]), x.dtype)
)
halo.no_gradient()
halo.kernel("halo")


# ---------------------------------------------------------------------------------------------- filters
def _panel_samples() -> list[Sample]:
    f = Sampled((2, 3, 9, 21))
    return [
        Sample("straight", (f,), {"taps": (0, 1, 2, 3, 4, 5), "transposed": False, "width": 16}),
        Sample("some", (f,), {"taps": (5, 2), "transposed": False, "width": 8}),
        Sample("backwards", (f,), {"taps": (5, 4, 0), "transposed": True, "width": 16}),
    ]


@op(name="filter_panels", samples=_panel_samples)
def filter_panels(xp: Namespace, f: Array, *, taps: tuple[int, ...], transposed: bool, width: int) -> Array:
    """The filters [R, S, C, K] of some taps in panels of K, or transposed: of C. Columns that do not exist repeat the last one."""
    chosen = f.reshape(-1, *f.shape[2:])[list(taps)]
    rows = (chosen.swapaxes(1, 2) if transposed else chosen).reshape(-1, f.shape[2 if transposed else 3])
    count = -(-rows.shape[1] // width)
    wide = xp.pad(rows, ((0, 0), (0, count * width - rows.shape[1])), mode="edge")
    return wide.reshape(len(rows), count, width).swapaxes(0, 1)


@filter_panels.infer
def _(f: ArraySpec, *, taps: tuple[int, ...], transposed: bool, width: int) -> ArraySpec:
    depth, columns = f.shape[2:][:: -1 if transposed else 1]
    return ArraySpec((-(-columns // width), len(taps) * depth, width), f.dtype)


filter_panels.no_gradient()
filter_panels.kernel("panels", whole=True)


# ---------------------------------------------------------------------------------------------- products
_TAPS = ((-1, -1), (-1, 1), (0, 0), (1, 2))
_WHOLE = Plan((4, 5, 20), (1, 1), (1, 1), 7, (Phase((4, 5), (0, 0), 0, _TAPS),))
_PHASES = Plan(
    (5, 4, 9),
    (1, 1),
    (2, 2),
    14,
    (
        Phase((3, 2), (0, 0), 0, ((0, 0), (1, 1))),
        Phase((3, 2), (0, 1), 2, ()),
        Phase((2, 2), (1, 0), 2, ((0, 1),)),
        Phase((2, 2), (1, 1), 3, ((1, 0),)),
    ),
)


def _tap_samples() -> list[Sample]:
    return [
        Sample("whole", (Sampled((2, 4, 5, 7)), Sampled((2, 28, 16))), {"plan": _WHOLE}),
        Sample("phases", (Sampled((2, 4, 5, 7), "float64"), Sampled((3, 56, 4), "float64")), {"plan": _PHASES}),
    ]


@op(name="tap_convolution", samples=_tap_samples)
def tap_convolution(xp: Namespace, x: Array, panels: Array, *, plan: Plan) -> Array:
    """The convolution of a plan; what lies outside the image counts as zero."""
    rows = panels.swapaxes(0, 1).reshape(panels.shape[1], -1)[:, : plan.sizes[2]]
    out = np.zeros((x.shape[0], *plan.sizes), x.dtype)
    for phase in plan.phases:
        total = np.zeros((x.shape[0], *phase.grid, plan.sizes[2]), x.dtype)
        for t, tap in enumerate(phase.taps, phase.first):
            total += _seen(x, phase.grid, plan.step, tap, plan.depth) @ rows[t * plan.depth : (t + 1) * plan.depth]
        (a, b), (i, j) = phase.origin, plan.spread
        out[:, a::i, b::j] = total
    return out


def _seen(x: Array, grid: Shape, step: Shape, tap: Tap, depth: int) -> Array:
    """What a tap reads for every place of the grid: [N, I, J, depth], zeros outside."""
    run = depth // x.shape[3]
    h, w = (np.arange(n) * s + d for n, s, d in zip(grid, step, tap, strict=True))
    inside = ((h >= 0) & (h < x.shape[1]))[:, None] & ((w >= 0) & (w + run <= x.shape[2]))
    columns = np.clip(w[:, None] + np.arange(run), 0, x.shape[2] - 1)
    found = x[:, np.clip(h, 0, x.shape[1] - 1)][:, :, columns].reshape(x.shape[0], *grid, depth)
    return np.where(inside[..., None], found, x.dtype.type(0))


tap_convolution.infer(lambda x, panels, *, plan: ArraySpec((x.shape[0], *plan.sizes), x.dtype))
tap_convolution.no_gradient()
tap_convolution.kernel("convolution")


@op(
    name="tap_gradient",
    samples=lambda: [Sample("taps", (Sampled((2, 4, 5, 7)), Sampled((2, 4, 5, 20))), {"window": (2, 2), "plan": _WHOLE})],
)
def tap_gradient(xp: Namespace, x: Array, dy: Array, *, window: Shape, plan: Plan) -> Array:
    """The gradient of a convolution of one phase with respect to its filters, of this window."""
    (phase,) = plan.phases
    columns = dy.reshape(-1, dy.shape[3])
    parts = [_seen(x, phase.grid, plan.step, t, plan.depth).reshape(len(columns), -1).T @ columns for t in phase.taps]
    return np.stack(parts).reshape(*window, -1, dy.shape[3])


@tap_gradient.infer
def _(x: ArraySpec, dy: ArraySpec, *, window: Shape, plan: Plan) -> ArraySpec:
    return ArraySpec((*window, x.shape[3], dy.shape[3]), x.dtype)


tap_gradient.no_gradient()
tap_gradient.kernel("filter_gradient")


# ---------------------------------------------------------------------------------------------- from convolutions to these
def panel_width(columns: int, dtype: str) -> int:
    """Two vectors of columns, or one where there are no more."""
    lanes = machine().lanes(dtype)
    return lanes if columns <= lanes else 2 * lanes


def _has_kernel(x: Any, groups: int) -> bool:
    return groups == 1 and x.ndim == 4 and x.dtype.name in ("float32", "float64") and 0 not in tuple(x.shape)


def _with_margin(x: Any, pads: Pairs) -> Any:
    return halo(x, pads=pads) if any(a or b for a, b in pads) else x


def _forward_plan(x: Any, outs: Shape, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> tuple[Any, Plan]:
    """The image (with its margin if the plan needs it) and the plan: K is left 0."""
    joined = int(x.shape[3]) < FEW and window[1] > 1 and dilations[1] == 1
    if joined:
        x, pads = _with_margin(x, pads), ((0, 0), (0, 0))
    columns = (0,) if joined else range(window[1])
    taps = tuple((r * dilations[0] - pads[0][0], s * dilations[1] - pads[1][0]) for r in range(window[0]) for s in columns)
    depth = int(x.shape[3]) * (window[1] if joined else 1)
    return x, Plan((*outs, 0), strides, (1, 1), depth, (Phase(outs, (0, 0), 0, taps),))


def _sizes(x: Any) -> Shape:
    return tuple(int(n) for n in x.shape[1:3])


@convolution.layout
def _(x: Any, f: Any, *, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1) -> Any:
    if not _has_kernel(x, groups):
        return None
    window, columns = (int(f.shape[0]), int(f.shape[1])), int(f.shape[3])
    reach = ((w - 1) * d + 1 for w, d in zip(window, dilations, strict=True))
    outs = tuple((n + sum(p) - r) // s + 1 for n, p, r, s in zip(_sizes(x), pads, reach, strides, strict=True))
    image, plan = _forward_plan(x, outs, window, strides, pads, dilations)
    panels = filter_panels(f, taps=tuple(range(window[0] * window[1])), transposed=False, width=panel_width(columns, x.dtype.name))
    return tap_convolution(image, panels, plan=plan._replace(sizes=(*outs, columns)))


@filter_gradient.layout
def _(x: Any, dy: Any, *, window: Shape, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1) -> Any:
    if not _has_kernel(x, groups) or int(dy.shape[2]) > WIDEST or not dy.shape[3]:
        return None
    image, plan = _forward_plan(x, _sizes(dy), window, strides, pads, dilations)
    return tap_gradient(image, dy, window=window, plan=plan)


@input_gradient.layout
def _(dy: Any, f: Any, *, sizes: Shape, strides: Shape, pads: Pairs, dilations: Shape, groups: int = 1) -> Any:
    if not _has_kernel(dy, groups):
        return None
    window, channels, columns = (int(f.shape[0]), int(f.shape[1])), int(f.shape[2]), int(dy.shape[3])
    order, phases = _phases(sizes, window, strides, pads, dilations)
    if not order:
        return None
    run, margin = (1, ((0, 0), (0, 0))) if columns >= FEW else _joinable(phases, _sizes(dy), sizes, strides)
    if run > 1:
        dy = _with_margin(dy, margin)
        phases = tuple(_joined(p, run, margin) for p in phases)
    panels = filter_panels(f, taps=order, transposed=True, width=panel_width(channels, dy.dtype.name))
    return tap_convolution(dy, panels, plan=Plan((*sizes, channels), (1, 1), strides, columns * run, phases))


def _phases(sizes: Shape, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> tuple[tuple[int, ...], tuple[Phase, ...]]:
    """The filters' taps in the order in which the phases read them, and the phases: outputs of equal remainder share their taps."""
    order: list[int] = []
    phases = []
    for a in range(min(strides[0], sizes[0])):
        for b in range(min(strides[1], sizes[1])):
            rows, columns = (_meeting(o, *each) for o, each in zip((a, b), zip(window, strides, pads, dilations, strict=True), strict=True))
            grid = ((sizes[0] - a - 1) // strides[0] + 1, (sizes[1] - b - 1) // strides[1] + 1)
            phases.append(Phase(grid, (a, b), len(order), tuple((d, e) for d, _ in rows for e, _ in columns)))
            order += [r * window[1] + s for _, r in rows for _, s in columns]
    return tuple(order), tuple(phases)


def _meeting(origin: int, window: int, stride: int, pad: tuple[int, int], dilation: int) -> list[tuple[int, int]]:
    """Along one dimension: (displacement, filter place) of the outputs that saw the inputs origin, origin + stride, ...; in order."""
    found = [(origin + pad[0] - r * dilation, r) for r in range(window)]
    return sorted((at // stride, r) for at, r in found if at % stride == 0)


def _joinable(phases: tuple[Phase, ...], have: Shape, sizes: Shape, strides: Shape) -> tuple[int, Pairs]:
    """How many neighbouring columns every phase reads in each row (1: they differ, or have gaps), and the margin that these need."""
    runs = [sorted({e for _, e in p.taps}) for p in phases if p.taps]
    run = len(runs[0])
    if any(len(r) != run or r[-1] - r[0] != run - 1 for r in runs):
        return 1, ((0, 0), (0, 0))
    margins = []
    for axis in (0, 1):
        low = min(t[axis] for p in phases for t in p.taps)
        high = max(t[axis] + p.grid[axis] for p in phases for t in p.taps)
        margins.append((max(0, -low), max(0, high - have[axis])))
    return run, (margins[0], margins[1])


def _joined(phase: Phase, run: int, margin: Pairs) -> Phase:
    """A phase whose taps are the first of each run, in an image with a margin."""
    taps = tuple((d + margin[0][0], e + margin[1][0]) for d, e in phase.taps[::run])
    return phase._replace(first=phase.first // run, taps=taps)
