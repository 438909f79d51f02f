"""From groups whose op has a kernel to calls of it: convolutions, their gradients, what prepares them, and pooling.

X image [N, H, W, C] with strides between images, rows and pixels; the channels of a pixel are neighbours
"""

from typing import Any

from millstream.codegen import nests
from millstream.codegen.kernels import conv, conv_gradient, layouts, pooling, winograd, winograd_gradient
from millstream.codegen.kernels.gemm import Tile
from millstream.codegen.loops import Function, LoopBuilder, Value
from millstream.codegen.lower import FAMILIES, Argument, Call, Place, _access, _ChainMaker, _kernel, _operand, _Ref
from millstream.codegen.nests import Access, Chain
from millstream.graph.views import View, merged_axes
from millstream.ops.nn.winograd import block_of, slot_size, tiles_of

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
    image, panels = node.inputs
    plan, dtype = node.options["plan"], node.spec.dtype.name
    x, strides = _image(lowering, image)
    f = lowering.copyless(panels)
    tile = conv.tile_of(panels.shape[2], lowering.machine, dtype)
    chain, accesses, refs = _epilogue(lowering, group)
    ragged = plan.sizes[2] % panels.shape[2] != 0
    guarded = any(_leaves(image, plan, phase) for phase in plan.phases)
    kernel = _kernel(("convolution", tile, dtype, ragged, guarded, chain), lambda: _convolution(tile, dtype, (ragged, guarded), chain))
    reads, writes = [x.place, f, *[r.place for r in refs[: len(chain.reads)]]], [r.place for r in refs[len(chain.reads) :]]
    calls = []
    for phase in plan.phases:
        filters = Place(f.kind, f.key, f.offset + phase.first * plan.depth * panels.shape[2] * node.spec.dtype.numpy.itemsize)
        places: list[Argument] = [x.place, filters, _table(_flat(phase.taps)), Place("zeros", plan.depth * 8)]
        origin = phase.origin[0] * plan.sizes[1] + phase.origin[1]
        sizes: list[Argument] = [
            image.shape[0],
            *phase.grid,
            *image.shape[1:3],
            plan.depth,
            plan.sizes[2],
            len(phase.taps),
            *plan.step,
            *strides,
        ]
        sizes += [
            panels.shape[1] * panels.shape[2],
            *plan.sizes[:2],
            *plan.spread,
            origin,
            _block(tile, image.shape[0] * phase.grid[0] * phase.grid[1], panels),
        ]
        cost = 2 * image.shape[0] * phase.grid[0] * phase.grid[1] * plan.sizes[2] * (plan.depth * len(phase.taps) + 1)
        calls.append(Call(kernel, [*places, *sizes, *accesses], reads, writes, cost=cost))
    return calls


def _leaves(image: Any, plan: Any, phase: Any) -> bool:
    """Whether a tap ever falls outside the image."""
    run = plan.depth // image.shape[3]
    reach = [(n - 1) * s for n, s in zip(phase.grid, plan.step, strict=True)]
    return any(d < 0 or e < 0 or d + reach[0] >= image.shape[1] or e + reach[1] + run > image.shape[2] for d, e in phase.taps)


def _block(tile: Tile, pixels: int, panels: Any) -> int:
    """Tiles that go through all panels together: few where the panels stay in the second-level cache, else a quarter of all."""
    count = -(-pixels // tile.rows)
    return 16 if panels.spec.size * 4 <= 192 << 10 else max(16, -(-count // 4))


def _epilogue(lowering: Any, group: Any) -> tuple[Chain, list[Argument], list[_Ref]]:
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
    return chain, arguments, refs


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


def _winograd_panels(lowering: Any, group: Any) -> list[Call]:
    node = group.anchor
    f = lowering.copyless(node.inputs[0])
    width = node.shape[3]
    kernel = _kernel(("winograd panels", width), lambda: winograd.panels("winograd_panels", width))
    writes = [w.place for _, w in lowering.writes([node], node.shape)]
    return [Call(kernel, [f, w, node.shape[1], node.shape[2]], [f], [w], cost=4 * node.spec.size) for w in writes]


def _winograd(lowering: Any, group: Any) -> list[Call]:
    """The whole convolution is one call; its workspace counts as written, so that no other call uses it at the same time."""
    node = group.anchor
    image, filters, scratch = node.inputs
    plan = node.options["plan"]
    x, strides = _image(lowering, image)
    u, memory = lowering.copyless(filters), lowering.copyless(scratch)
    width, channels = filters.shape[3], plan.depth
    block = tiles_of(channels, filters.shape[1] * width)
    tile = conv.tile_of(width, lowering.machine, "float32")
    chain, accesses, refs = _epilogue(lowering, group)
    kernel = _kernel(("winograd", tile, block, chain), lambda: winograd.convolution("winograd", tile, block, *_hooks(chain)))
    tiles = image.shape[0] * -(-plan.sizes[0] // 4) * -(-plan.sizes[1] // 4)
    slots = scratch.spec.size // slot_size(channels, filters.shape[1] * width)
    sizes: list[Argument] = [*image.shape[:3], channels, plan.sizes[2], *plan.sizes[:2], *plan.phases[0].taps[0], *strides, tiles, slots]
    reads, writes = [x.place, u, *[r.place for r in refs[: len(chain.reads)]]], [memory, *[r.place for r in refs[len(chain.reads) :]]]
    return [Call(kernel, [x.place, u, memory, *sizes, *accesses], reads, writes, cost=2 * tiles * 36 * channels * plan.sizes[2])]


def _winograd_gradient(lowering: Any, group: Any) -> list[Call]:
    node = group.anchor
    image, dy, scratch = node.inputs
    plan = node.options["plan"]
    (x, x_strides), (g, g_strides) = _image(lowering, image), _image(lowering, dy)
    memory, channels, columns = lowering.copyless(scratch), image.shape[3], dy.shape[3]
    block, tile = block_of(channels, columns), conv.tile_of(2 * lowering.machine.lanes("float32"), lowering.machine, "float32")
    kernel = _kernel(("winograd gradient", tile, block), lambda: winograd_gradient.filter_gradient("winograd_gradient", tile, block))
    tiles = image.shape[0] * -(-dy.shape[1] // 4) * -(-dy.shape[2] // 4)
    sizes: list[Argument] = [*image.shape[1:3], channels, columns, *dy.shape[1:3], *plan.phases[0].taps[0], *x_strides, *g_strides, tiles]
    writes = [w.place for _, w in lowering.writes([node], node.shape)]
    cost = 2 * tiles * 36 * channels * columns
    return [Call(kernel, [x.place, g.place, memory, w, *sizes], [x.place, g.place], [memory, w], cost=cost) for w in writes]


def _hooks(chain: Chain) -> tuple[Any, Any]:
    """The epilogue of a kernel over rows and columns, and what declares its accesses."""

    def declare(b: LoopBuilder) -> list[Access]:
        named = [(f"r{k}", x) for k, x in enumerate(chain.reads)] + [(f"w{k}", x) for k, x in enumerate(chain.writes)]
        return [Access(b, name, x, range(2), 1) for name, x in named]

    def epilogue(b: LoopBuilder, accesses: list[Access], i: Value, j: Value, value: Value, mask: Any) -> None:
        at = [x.advance(b, x.start, 0, i) for x in accesses]
        nests.emit(b, chain, accesses, at, 1, j, value.type.lanes, mask, value)

    return epilogue, declare


def _convolution(tile: Tile, dtype: str, kind: tuple[bool, bool], chain: Chain) -> Function:
    return conv.convolution("convolution", tile, dtype, *_hooks(chain), ragged=kind[0], guarded=kind[1])


# ---------------------------------------------------------------------------------------------- filter gradient
def _filter_gradient(lowering: Any, group: Any) -> list[Call]:
    node = group.anchor
    image, dy = node.inputs
    plan, dtype = node.options["plan"], node.spec.dtype.name
    (phase,) = plan.phases
    (x, x_strides), (g, g_strides) = _image(lowering, image), _image(lowering, dy)
    columns, lanes = dy.shape[3], lowering.machine.lanes(dtype)
    tile = conv.tile_of(lanes if columns <= lanes else 2 * lanes, lowering.machine, dtype)
    ragged = columns % (tile.vectors * lanes) != 0
    kernel = _kernel(
        ("filter gradient", tile, dtype, ragged), lambda: conv_gradient.filter_gradient("filter_gradient", tile, dtype, ragged=ragged)
    )
    calls = []
    for _, write in lowering.writes([node], node.shape):
        sizes: list[Argument] = [
            image.shape[0],
            *phase.grid,
            *image.shape[1:3],
            plan.depth,
            columns,
            len(phase.taps),
            *plan.step,
            *x_strides,
            *g_strides,
        ]
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
FAMILIES.update(
    {
        "winograd": _winograd,
        "winograd_gradient": _winograd_gradient,
        "winograd_panels": _winograd_panels,
        "workspace": lambda lowering, group: [],
    }
)
FAMILIES.update({"halo": _halo, "concat": _concat, "panels": _panels, "convolution": _convolve, "filter_gradient": _filter_gradient})
