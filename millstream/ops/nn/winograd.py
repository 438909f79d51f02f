"""Convolutions of 3 x 3 by Winograd's F(4 x 4, 3 x 3): a quarter of the products. No public names.

    Y = A^T [(G f G^T) * (B^T d B)] A     d 6 x 6 inputs   f 3 x 3   Y 4 x 4 outputs   e = 0 .. 35, the elements of a transform
    T tiles of a block   C, K channels in, out   U[e][panel][C][width] filters   V[e][T][C] inputs   M[e][T][K] products
The points are 0, 3/4, -3/4, 3/2, -3/2 and infinity: those of the textbook (0, 1, -1, 2, -2) lose three to six times as many digits.
Worst error relative to the largest output, against float64, normal data, 64 to 512 channels: 3e-6, where direct float32 sums have 4e-7.
MILLSTREAM_WINOGRAD=0 turns it off.
"""

from typing import Any

import numpy as np

from millstream.core.machine import cores, machine
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, Shape
from millstream.ops.nn.taps import Phase, Plan, tap_convolution, tap_gradient
from millstream.ops.rules import Array, Namespace
from millstream.util.flags import flag

P, Q = 0.75, 1.5  # the points
SIDE, OUT = 6, 4
FEWEST_CHANNELS, FEWEST_TILES = 32, 24  # below these the transforms cost more than the products they save
LARGEST = 512 * 512 * 36  # elements of U beyond which reading it takes longer than direct sums
FAR = 128 * 128  # products of channels above which U lies in the last cache or in memory, and is to be read for many tiles at once
SCRATCH = 96 << 10  # elements of V and M together that a second-level cache may hold


def matrices() -> tuple[Any, Any, Any]:
    """A^T [4, 6], G [6, 3] and B^T [6, 6], by interpolation at the points (Toom and Cook) and transposition."""
    points = [0.0, P, -P, Q, -Q]
    a, g, b = np.zeros((OUT, SIDE)), np.zeros((SIDE, 3)), np.zeros((SIDE, SIDE))
    for j, x in enumerate(points):
        others = [y for y in points if y != x]
        a[:, j] = [x**i for i in range(OUT)]
        g[j] = np.array([1, x, x * x]) / np.prod([x - y for y in others])
        b[j, : SIDE - 1] = np.poly(others)[::-1]
    a[OUT - 1, -1] = g[-1, -1] = 1.0
    b[-1] = np.poly(points)[::-1]
    return a, g, b


# ---------------------------------------------------------------------------------------------- memory
@op(name="workspace", samples=lambda: [Sample("some", (), {"size": 5}, False)])
def workspace(xp: Namespace, *none: Array, size: int) -> Array:
    """Memory that holds nothing yet, for kernels that need some."""
    return np.zeros(size, np.float32)


workspace.no_gradient()
workspace.kernel("workspace")


# ---------------------------------------------------------------------------------------------- filters
@op(name="winograd_panels", samples=lambda: [Sample("panels", (Sampled((2, 45, 16)),), {})])
def winograd_panels(xp: Namespace, panels: Array) -> Array:
    """The filters' transform: panels [count, 9 C, width] as U [36, count, C, width]."""
    _, g, _ = matrices()
    count, rows, width = panels.shape
    filters = panels.reshape(count, 3, 3, rows // 9, width)
    out = np.einsum("ir,js,prscw->ijpcw", g, g, filters.astype(np.float64))
    return out.reshape(36, count, rows // 9, width).astype(panels.dtype)


winograd_panels.infer(lambda x: ArraySpec((36, x.shape[0], x.shape[1] // 9, x.shape[2]), x.dtype))
winograd_panels.no_gradient()
winograd_panels.kernel("winograd_panels", whole=True, covers=lambda x: x.dtype.name == "float32")


# ---------------------------------------------------------------------------------------------- products
def _sample() -> list[Sample]:
    taps = tuple((i - 1, j - 1) for i in range(3) for j in range(3))
    plan = Plan((7, 9, 21), (1, 1), (1, 1), 11, (Phase((7, 9), (0, 0), 0, taps),))
    size = scratch_size(11, 32)
    return [Sample("edges", (Sampled((3, 7, 9, 11)), Sampled((36, 2, 11, 16)), Sampled((size,))), {"plan": plan}, gradient=False)]


def scratch_size(channels: int, columns: int) -> int:
    """Elements that all threads need for V and M, columns counting whole panels."""
    return cores() * slot_size(channels, columns)


def slot_size(channels: int, columns: int) -> int:
    """Elements that one thread needs: V, with whole vectors of channels, and M, with a little room between their planes."""
    return 36 * (tiles_of(channels, columns) * (-(-channels // 16) * 16 + columns) + 32)


def tiles_of(channels: int, columns: int) -> int:
    """T: a multiple of the register tile's rows that leaves V and M in the second-level cache, within reason."""
    rows = 12
    if channels * columns > FAR:
        return 48
    return max(rows, min(48, SCRATCH // (36 * (channels + columns)) // rows * rows))


@op(name="winograd_convolution", samples=_sample)
def winograd_convolution(xp: Namespace, x: Array, u: Array, scratch: Array, *, plan: Plan) -> Array:
    """The plan's convolution of x [N, H, W, C] by transforms."""
    a, _, b = matrices()
    (h0, w0), (p, q) = plan.phases[0].taps[0], (-(-n // OUT) for n in plan.sizes[:2])
    wide = np.zeros((x.shape[0], p * OUT + 2, q * OUT + 2, x.shape[3]), np.float64)
    rows, columns = (_overlap(n, start, size) for n, start, size in zip(x.shape[1:3], (h0, w0), wide.shape[1:3], strict=True))
    wide[:, rows[1], columns[1]] = x[:, rows[0], columns[0]]
    filters = u.swapaxes(1, 2).reshape(SIDE, SIDE, u.shape[2], -1)[..., : plan.sizes[2]].astype(np.float64)
    out = np.zeros((x.shape[0], p * OUT, q * OUT, plan.sizes[2]))
    for i in range(p):
        for j in range(q):
            d = wide[:, i * OUT : i * OUT + SIDE, j * OUT : j * OUT + SIDE]
            m = np.einsum("ar,bs,nrsc,abck->nabk", b, b, d, filters, optimize=True)
            out[:, i * OUT : (i + 1) * OUT, j * OUT : (j + 1) * OUT] = np.einsum("ia,jb,nabk->nijk", a, a, m)
    return out[:, : plan.sizes[0], : plan.sizes[1]].astype(x.dtype)


def _overlap(size: int, start: int, wide: int) -> tuple[slice, slice]:
    """Which part of an axis of x lies in an array that begins at its element `start`, and where there."""
    first, last = max(start, 0), min(size, start + wide)
    return slice(first, last), slice(first - start, last - start)


winograd_convolution.infer(lambda x, u, scratch, *, plan: ArraySpec((x.shape[0], *plan.sizes), x.dtype))
winograd_convolution.no_gradient()
winograd_convolution.kernel("winograd", covers=lambda x, *others, **attrs: x.dtype.name == "float32")


@tap_convolution.layout
def _(x: Any, panels: Any, *, plan: Plan) -> Any:
    """Where it is quicker."""
    count, _, width = (int(n) for n in panels.shape)
    if (
        flag("MILLSTREAM_WINOGRAD") == "0"
        or not _pays(tuple(int(n) for n in x.shape), plan)
        or x.dtype.name != "float32"
        or width != 2 * machine().lanes("float32")
    ):
        return None
    scratch = workspace(size=scratch_size(plan.depth, count * width))
    return winograd_convolution(x, winograd_panels(panels), scratch, plan=plan)


def _pays(x: Shape, plan: Plan) -> bool:
    """Whether a plan is a 3 x 3 convolution of stride 1, of a size at which transforms are worth their cost."""
    if len(plan.phases) != 1 or plan.step != (1, 1) or plan.spread != (1, 1) or plan.depth != x[3]:
        return False
    taps = plan.phases[0].taps
    if not taps or taps != tuple((taps[0][0] + i, taps[0][1] + j) for i in range(3) for j in range(3)):
        return False
    across = [-(-n // OUT) for n in plan.sizes[:2]]
    used = plan.sizes[0] * plan.sizes[1] / (OUT * OUT * across[0] * across[1])
    enough = min(plan.depth, plan.sizes[2]) >= FEWEST_CHANNELS and x[0] * across[0] * across[1] >= FEWEST_TILES
    return enough and used > 0.5 and 36 * plan.depth * plan.sizes[2] <= LARGEST


# ---------------------------------------------------------------------------------------------- filter gradient
def block_of(channels: int, columns: int) -> int:
    """T of the filter gradient: as many tiles as leave V and D in a share of the last cache."""
    return max(48, min(256, (1 << 20) // (36 * (channels + columns)) // 8 * 8))


def gradient_scratch(channels: int, columns: int) -> int:
    """Elements of V, D and their products; channels and columns are counted up to whole register tiles."""
    whole, panels = -(-channels // 48) * 48, -(-columns // 64) * 64
    return 36 * (block_of(channels, columns) * (whole + panels) + whole * panels + 32) + 64


def _gradient_sample() -> list[Sample]:
    plan = _sample()[0].attrs["plan"]
    return [
        Sample(
            "edges", (Sampled((3, 7, 9, 11)), Sampled((3, 7, 9, 21)), Sampled((gradient_scratch(11, 21),))), {"plan": plan}, gradient=False
        )
    ]


@op(name="winograd_gradient", samples=_gradient_sample)
def winograd_gradient(xp: Namespace, x: Array, dy: Array, scratch: Array, *, plan: Plan) -> Array:
    """The filters' gradient [3, 3, C, K] of the plan's convolution, by transforms."""
    a, g, b = matrices()
    (h0, w0), (p, q) = plan.phases[0].taps[0], (-(-n // OUT) for n in dy.shape[1:3])
    wide = np.zeros((x.shape[0], p * OUT + 2, q * OUT + 2, x.shape[3]), np.float64)
    rows, columns = (_overlap(n, start, size) for n, start, size in zip(x.shape[1:3], (h0, w0), wide.shape[1:3], strict=True))
    wide[:, rows[1], columns[1]] = x[:, rows[0], columns[0]]
    outer = np.zeros((x.shape[0], p * OUT, q * OUT, dy.shape[3]), np.float64)
    outer[:, : dy.shape[1], : dy.shape[2]] = dy
    total = np.zeros((SIDE, SIDE, x.shape[3], dy.shape[3]))
    for i in range(0, p * OUT, OUT):
        for j in range(0, q * OUT, OUT):
            v = np.einsum("ar,bs,nrsc->nabc", b, b, wide[:, i : i + SIDE, j : j + SIDE], optimize=True)
            d = np.einsum("ia,jb,nijk->nabk", a, a, outer[:, i : i + OUT, j : j + OUT], optimize=True)
            total += np.einsum("nabc,nabk->abck", v, d, optimize=True)
    return np.einsum("ar,bs,abck->rsck", g, g, total, optimize=True).astype(x.dtype)


winograd_gradient.infer(lambda x, dy, scratch, *, plan: ArraySpec((3, 3, x.shape[3], dy.shape[3]), x.dtype))
winograd_gradient.no_gradient()
winograd_gradient.kernel("winograd_gradient", covers=lambda x, *others, **attrs: x.dtype.name == "float32")


@tap_gradient.layout
def _(x: Any, dy: Any, *, window: Shape, plan: Plan) -> Any:
    """Where it is quicker."""
    channels, columns = int(x.shape[3]), int(dy.shape[3])
    whole = plan._replace(sizes=(*plan.sizes[:2], columns))
    if (
        flag("MILLSTREAM_WINOGRAD") == "0"
        or x.dtype.name != "float32"
        or window != (3, 3)
        or not _pays(tuple(int(n) for n in x.shape), whole)
    ):
        return None
    return winograd_gradient(x, dy, workspace(size=gradient_scratch(channels, columns)), plan=whole)
