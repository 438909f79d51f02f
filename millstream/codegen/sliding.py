"""From groups whose op has a kernel to calls of it: convolutions, their gradients, what prepares them, and pooling.

    X image [N, H, W, C] with strides between images, rows and pixels; the channels of a pixel are neighbours
"""

from typing import Any

from millstream.codegen import nests
from millstream.codegen.kernels import conv, conv_gradient, layouts, pooling
from millstream.codegen.kernels.gemm import Tile
from millstream.codegen.loops import Function, LoopBuilder, Value
from millstream.codegen.lower import FAMILIES, Argument, Call, Place, _access, _ChainMaker, _kernel, _operand, _Ref
from millstream.codegen.nests import Access, Chain
from millstream.graph.views import View, merged_axes

CHUNK = 256  # output pixels that the filter gradient takes at a time: their part of dY fills half of a first-level cache


def _image(lowering: Any, node: Any) -> tuple[_Ref, list[Argument]]:
    """An image operand and its strides between images, rows and pixels."""
    ref = lowering.read(node, node.shape)
    return ref, [int(s) for s in ref.view.strides[:3]]


def _table(numbers: tuple[Any, ...]) -> Place:
    """Whole numbers that a kernel reads."""
    return Place("table", numbers)


def _flat(taps: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(n for tap in taps for n in tap) or (0,)


# ---------------------------------------------------------------------------------------------- margins and panels
def _halo(lowering: Any, group: Any) -> list[Call]:
    node = group.anchor
    x, strides = _image(lowering, node.inputs[0])
    ((top, _), (left, _)), dtype = node.options["pads"], node.spec.dtype.name
    kernel = _kernel(("halo", dtype), lambda: layouts.halo("halo", dtype))
    calls = []
    for _, write in lowering.writes([node], node.shape):
        arguments: list[Argument] = [x.place, write.place, *node.inputs[0].shape, *strides, top, left, *node.shape[1:3]]
        calls.append(Call(kernel, arguments, [x.place], [write.place], cost=2 * node.spec.size))
    return calls


def _panels(lowering: Any, group: Any) -> list[Call]:
    node = group.anchor
    f = lowering.copyless(node.inputs[0])
    options, dtype = node.options, node.spec.dtype.name
    width, backwards = options["width"], options["transposed"]
    kernel = _kernel(("panels", dtype, width, backwards), lambda: layouts.panels("panels", dtype, width, backwards))
    depth, columns = node.inputs[0].shape[2:][:: -1 if backwards else 1]
    calls = []
    for _, write in lowering.writes([node], node.shape):
        arguments: list[Argument] = [f, write.place, _table(options["taps"]), len(options["taps"]), depth, columns]
        calls.append(Call(kernel, arguments, [f], [write.place], cost=4 * node.spec.size))
    return calls


# ---------------------------------------------------------------------------------------------- concatenation
def _concat(lowering: Any, group: Any) -> list[Call]:
    """A copy of each input to its part of the result."""
    node = group.anchor
    axis, at, calls = node.options["axis"], 0, []
    for x in node.inputs:
        for _, write in lowering.writes([node], node.shape):
            offset = write.place.offset + at * write.view.strides[axis] * node.spec.dtype.numpy.itemsize
            part = _Ref(Place(write.place.kind, write.place.key, offset), View(x.shape, write.view.strides), write.dtype)
            if x.spec.size:
                calls.append(lowering._nested([lowering.read(x, x.shape)], [part], x.shape, (), ((("read", 0), 0),)))
        at += x.shape[axis]
    return calls


# ---------------------------------------------------------------------------------------------- convolution
def _convolve(lowering: Any, group: Any) -> list[Call]:
    """A call for each phase; all share the kernel."""
    node = group.anchor
    image, panels, plan, dtype = *node.inputs, node.options["plan"], node.spec.dtype.name
    x, strides = _image(lowering, image)
    f = lowering.copyless(panels)
    tile = conv.tile_of(panels.shape[2], lowering.machine, dtype)
    chain, operands, accesses, refs = _epilogue(lowering, group)
    ragged = plan.sizes[2] % panels.shape[2] != 0
    guarded = any(_leaves(image, plan, phase) for phase in plan.phases)
    kernel = _kernel(("convolution", tile, dtype, ragged, guarded, chain), lambda: _convolution(tile, dtype, (ragged, guarded), chain))
    reads, writes = [x.place, f, *[r.place for r in refs[: len(chain.reads)]]], [r.place for r in refs[len(chain.reads) :]]
    calls = []
    for phase in plan.phases:
        filters = Place(f.kind, f.key, f.offset + phase.first * plan.depth * panels.shape[2] * node.spec.dtype.numpy.itemsize)
        places: list[Argument] = [x.place, filters, _table(_flat(phase.taps)), Place("zeros", plan.depth * 8)]
        origin = phase.origin[0] * plan.sizes[1] + phase.origin[1]
        sizes: list[Argument] = [image.shape[0], *phase.grid, *image.shape[1:3], plan.depth, plan.sizes[2], len(phase.taps), *plan.step, *strides]
        sizes += [panels.shape[1] * panels.shape[2], *plan.sizes[:2], *plan.spread, origin, _block(tile, image.shape[0] * phase.grid[0] * phase.grid[1], panels)]
        cost = 2 * image.shape[0] * phase.grid[0] * phase.grid[1] * plan.sizes[2] * (plan.depth * len(phase.taps) + 1)
        calls.append(Call(kernel, [*places, *sizes, *accesses], reads, writes, cost=cost))
    return calls


def _leaves(image: Any, plan: Any, phase: Any) -> bool:
    """Whether a tap ever falls outside the image."""
    run = plan.depth // image.shape[3]
    reach = [(n - 1) * s for n, s in zip(phase.grid, plan.step, strict=True)]
    return any(
        d < 0 or e < 0 or d + reach[0] >= image.shape[1] or e + reach[1] + run > image.shape[2] for d, e in phase.taps
    )


def _block(tile: Tile, pixels: int, panels: Any) -> int:
    """Tiles that go through all panels together: few where the panels stay in the second-level cache, else a quarter of all."""
    count = -(-pixels // tile.rows)
    return 16 if panels.spec.size * 4 <= 192 << 10 else max(16, -(-count // 4))


def _epilogue(lowering: Any, group: Any) -> tuple[Chain, list[Any], list[Argument], list[_Ref]]:
    """What follows a convolution, over rows of pixels: its chain, and the arguments of its accesses."""
    maker = _ChainMaker(lowering, group.domain, group.nodes, anchor=group.anchor)
    rows, columns = _size(group.domain[:-1]), group.domain[-1]
    refs = [_Ref(r.place, _by_rows(r.view, rows), r.dtype, r.stream) for r in (*maker.reads, *maker.writes)]
    axes = [(n, tuple(r.view.strides[a] for r in refs)) for a, n in enumerate((rows, columns))]
    operands = [_operand(r, axes, k) for k, r in enumerate(refs)]
    count = len(maker.reads)
    chain = Chain(tuple(operands[:count]), tuple(operands[count:]), tuple(maker.steps), tuple(maker.stores))
    arguments: list[Argument] = []
    for k, r in enumerate(refs):
        arguments += _access(r, operands[k], axes, k, range(2), 1)
    return chain, operands, arguments, refs


def _by_rows(view: View, rows: int) -> View:
    """A view over pixels and channels as one over rows and columns."""
    merged = merged_axes(view.shape[:-1], [view.strides[:-1]])
    stride = merged[0][1][0] if merged else 0
    last = view.strides[-1] if view.shape[-1] != 1 else 1 if view.strides[-1] else 0
    return View((rows, view.shape[-1]), (stride, last), 0)


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def _convolution(tile: Tile, dtype: str, kind: tuple[bool, bool], chain: Chain) -> Function:
    def declare(b: LoopBuilder) -> list[Access]:
        named = [(f"r{k}", x) for k, x in enumerate(chain.reads)] + [(f"w{k}", x) for k, x in enumerate(chain.writes)]
        return [Access(b, name, x, range(2), 1) for name, x in named]

    def epilogue(b: LoopBuilder, accesses: list[Access], i: Value, j: Value, value: Value, mask: Any) -> None:
        at = [x.advance(b, x.start, 0, i) for x in accesses]
        nests.emit(b, chain, accesses, at, 1, j, value.type.lanes, mask, value)

    return conv.convolution("convolution", tile, dtype, epilogue, declare, ragged=kind[0], guarded=kind[1])


# ---------------------------------------------------------------------------------------------- filter gradient
def _filter_gradient(lowering: Any, group: Any) -> list[Call]:
    node = group.anchor
    image, dy, plan, dtype = *node.inputs, node.options["plan"], node.spec.dtype.name
    (phase,) = plan.phases
    (x, x_strides), (g, g_strides) = _image(lowering, image), _image(lowering, dy)
    columns, lanes = dy.shape[3], lowering.machine.lanes(dtype)
    tile = conv.tile_of(lanes if columns <= lanes else 2 * lanes, lowering.machine, dtype)
    ragged = columns % (tile.vectors * lanes) != 0
    kernel = _kernel(("filter gradient", tile, dtype, ragged), lambda: conv_gradient.filter_gradient("filter_gradient", tile, dtype, ragged=ragged))
    calls = []
    for _, write in lowering.writes([node], node.shape):
        sizes: list[Argument] = [image.shape[0], *phase.grid, *image.shape[1:3], plan.depth, columns, len(phase.taps), *plan.step, *x_strides, *g_strides]
        arguments = [x.place, g.place, write.place, _table(_flat(phase.taps)), *sizes, max(1, CHUNK // phase.grid[1])]
        cost = 2 * dy.spec.size * plan.depth * len(phase.taps)
        calls.append(Call(kernel, arguments, [x.place, g.place], [write.place], cost=cost))
    return calls


# ---------------------------------------------------------------------------------------------- pooling
def _pool(lowering: Any, group: Any) -> list[Call]:
    return _pooled(lowering, group, group.anchor.inputs[0].shape, group.anchor.shape)


def _pool_gradient(lowering: Any, group: Any) -> list[Call]:
    return _pooled(lowering, group, group.anchor.shape, group.anchor.inputs[-1].shape)


def _pooled(lowering: Any, group: Any, x: tuple[int, ...], y: tuple[int, ...]) -> list[Call]:
    """Pooling of images x to y, or its gradient, of whichever kind."""
    node = group.anchor
    family, dtype, options = node.op.rules["kernel"](**node.options), node.spec.dtype.name, node.options
    kind, _, backwards = family.partition("_pool")
    make = pooling.pool_gradient if backwards else pooling.pool
    kernel = _kernel((family, dtype), lambda: make(kind, dtype))
    images = [_image(lowering, i) for i in node.inputs]
    x_strides = images[0][1] if node.inputs[0].shape == x and not (backwards and kind == "mean") else [0, 0, 0]
    (top, _), (left, _) = options["pads"]
    calls = []
    for _, write in lowering.writes([node], node.shape):
        own = [int(n) for n in write.view.strides[:3]]
        y_strides = images[-1][1] if backwards else own
        places: list[Argument] = [*(r.place for r, _ in images), write.place]
        sizes = [*x, *y[1:3], *options["window"], *options["strides"], top, left, *x_strides, *y_strides]
        cost = 4 * _size(y) * _size(options["window"])
        calls.append(Call(kernel, [*places, *sizes], [r.place for r, _ in images], [write.place], cost=cost))
    return calls


FAMILIES.update({"max_pool": _pool, "mean_pool": _pool, "max_pool_gradient": _pool_gradient, "mean_pool_gradient": _pool_gradient})
FAMILIES.update({"halo": _halo, "concat": _concat, "panels": _panels, "convolution": _convolve, "filter_gradient": _filter_gradient})
