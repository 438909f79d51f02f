"""From scheduled groups to calls of kernels: which function, and with which addresses, sizes and strides.

    graph -> prepare, fuse, schedule (passes) -> `lower`: a Call per group -> runtime/executable binds addresses and runs
Kernels are remembered by what shapes their code, so the same layer in another model, or the same model at another
batch size, makes no new one.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from millstream.codegen import nests
from millstream.codegen.kernels.gemm import Tile, gemm, tile_for
from millstream.codegen.kernels.philox import uniform
from millstream.codegen.kernels.rows import add_rows, take_rows
from millstream.codegen.loops import Function, LoopBuilder, Value
from millstream.codegen.nests import Access, Chain, Operand, Reduction, Step
from millstream.core.machine import Machine, machine
from millstream.graph.graph import CONST, INPUT, ITEM, VARIABLE, Node, variable_of
from millstream.graph.views import View, merged_axes


@dataclass(frozen=True)
class Place:
    """An address to be: what it belongs to, and an offset in bytes.

    kind: arena, variable, const, input, output, rows; table: whole numbers, which are the key; zeros: as many bytes as the key says.
    extent: how many bytes from the offset on are touched; 0 where nobody counted.
    """

    kind: str
    key: Any
    offset: int = 0
    extent: int = 0


@dataclass(frozen=True)
class Kernel:
    """A kernel to be: the text that says all that shapes its code, and how to build it. Equal keys mean equal code."""

    key: str
    build: Callable[[], Function] = field(compare=False, repr=False)


Argument = Place | int
_M64 = (1 << 64) - 1


@dataclass
class Call:
    """One record of the plan: a kernel with its arguments, or a Python function of places (thread 0 only)."""

    kernel: Kernel | None
    arguments: list[Argument]
    reads: list[Place]
    writes: list[Place]
    node: Node | None = None
    inputs: list[tuple[Place, View, Any]] = field(default_factory=list)
    results: dict[int, list[Place]] = field(default_factory=dict)
    cost: int = 0


class Scheduled(Protocol):
    """What lowering needs of passes/schedule.py."""

    fusion: Any
    order: list[Any]
    stored: dict[int, list[tuple[str, Any]]]
    copies: list[tuple[Node, Any]]


_kernels: dict[Any, Kernel] = {}
_tile = functools.lru_cache(1024)(tile_for)  # the steps of a recurrent layer ask the same again and again
FAMILIES: dict[
    str, Callable[[Any, Any], list[Call]]
] = {}  # of ops with a "kernel" rule: (lowering, group) -> calls; codegen/sliding.py fills it


def _kernel(shape: Any, build: Callable[[], Function]) -> Kernel:
    """The one kernel of a description; the description itself is hashable and prints in full."""
    found = _kernels.get(shape)
    if found is None:
        found = _kernels[shape] = Kernel(repr(shape), build)
    return found


def lower(plan: Scheduled, streamed: bool = False) -> list[Call]:
    """The calls of a schedule, in order. streamed: outputs go to row step * batch of arrays that hold all batches."""
    lowering = _Lowering(plan, machine())
    calls = [call for group in plan.order for call in lowering.group(group)]
    calls += [lowering.copy(node, Place("variable", v), View.whole(node.shape)) for node, v in plan.copies]
    if streamed:
        for i, node in enumerate(plan.fusion.graph.outputs):
            calls.append(lowering.copy(node, Place("output", i), View.whole(node.shape), node.spec.size))
    return calls


@dataclass
class _Ref:
    """An access of a group: the place, the view over the group's domain, and the dtype."""

    place: Place
    view: View
    dtype: str
    stream: int = 0


class _Lowering:
    """Lowers group after group of one schedule."""

    def __init__(self, plan: Scheduled, target: Machine) -> None:
        self.plan, self.fusion, self.machine = plan, plan.fusion, target

    # ------------------------------------------------------------------ operands
    def base(self, root: Node) -> Place:
        """Where a root's memory begins."""
        if root.op is INPUT:
            return Place("input", root.options["index"])
        if root.op is CONST:
            return Place("const", root)
        if root.op is VARIABLE:
            return Place("variable", variable_of(root))
        kind, key = self.plan.stored[root.number][0]
        return Place(kind, key)

    def read(self, node: Node, domain: tuple[int, ...]) -> _Ref:
        """A node's value, broadcast to a domain."""
        root, view = self.fusion.place(node)
        base = self.base(root)
        size = node.spec.dtype.numpy.itemsize
        wide = view.broadcast(domain)
        return _Ref(
            Place(base.kind, base.key, view.offset * size, _extent(view) * size),
            View(wide.shape, wide.strides, 0, wide.gathered),
            node.spec.dtype.name,
        )

    def copyless(self, node: Node) -> Place:
        """Where a node's value begins, for kernels that read all of it in order."""
        return self.read(node, node.shape).place

    def writes(self, members: Sequence[Node], domain: tuple[int, ...]) -> list[tuple[Node, _Ref]]:
        """Where the members' values are stored."""
        found = []
        for node in members:
            for kind, key in self.plan.stored.get(node.number, ()):
                view = self.fusion.place(node)[1] if kind == "arena" and key != node.number else View.whole(domain)
                size = node.spec.dtype.numpy.itemsize
                place = Place(kind, key, view.offset * size, _extent(view) * size)
                found.append((node, _Ref(place, View(view.shape, view.strides), node.spec.dtype.name)))
        return found

    # ------------------------------------------------------------------ groups
    def group(self, group: Any) -> list[Call]:
        """The calls of one group."""
        if group.kind in ("kernel", "convolve"):
            node = group.anchor
            return FAMILIES[node.op.rules["kernel"](*[x.spec for x in node.inputs], **node.options)](self, group)
        if group.kind == "join":  # its parts have been computed where they belong
            return []
        if group.kind == "rows":
            return self._rows(group.anchor)
        made: Call = getattr(self, "_" + group.kind)(group)
        return [made]

    def _elementwise(self, group: Any) -> Call:
        chain = _ChainMaker(self, group.domain, group.nodes)
        return self._nest(chain, group.domain)

    def _copy(self, group: Any) -> Call:
        source = group.anchor.inputs[0]
        chain = _ChainMaker(self, group.domain, group.nodes, copied=(group.anchor, source))
        return self._nest(chain, group.domain)

    def copy(self, node: Node, target: Place, view: View, stream: int = 0) -> Call:
        """A call that copies a stored node elsewhere."""
        source = _Ref(self.base(node), View.whole(node.shape), node.spec.dtype.name)
        write = _Ref(target, view, node.spec.dtype.name, stream)
        return self._nested([source], [write], node.shape, (), (((("read", 0)), 0),))

    def _nest(self, chain: "_ChainMaker", domain: tuple[int, ...]) -> Call:
        return self._nested(chain.reads, chain.writes, domain, tuple(chain.steps), tuple(chain.stores))

    def _nested(self, reads: list[_Ref], writes: list[_Ref], domain: tuple[int, ...], steps: tuple[Step, ...], stores: Any) -> Call:
        refs = [*reads, *writes]
        axes = merged_axes(domain, [_strides(r) for r in refs])
        operands = [_operand(r, axes, k) for k, r in enumerate(refs)]
        chain = Chain(tuple(operands[: len(reads)]), tuple(operands[len(reads) :]), steps, stores)
        kernel = _kernel(("elementwise", chain, len(axes)), lambda: nests.elementwise(chain, len(axes), self.machine))
        arguments: list[Argument] = []
        for k, r in enumerate(refs):
            arguments += _access(r, operands[k], axes, k, range(len(axes)), len(axes) - 1)
        arguments += [n for n, _ in axes]
        return Call(kernel, arguments, [r.place for r in reads], [r.place for r in writes], cost=_size(domain) * (len(steps) + 1))

    def _reduce(self, group: Any) -> Call:
        return _ReductionCall(self, group).call()

    def _contract(self, group: Any) -> Call:
        return _ProductCall(self, group).call()

    def _random(self, group: Any) -> Call:
        """Numbers drawn inside compiled code; the stream's position is read from memory, its key is static."""
        node = group.anchor
        kernel = _kernel(("random", node.op.name), lambda: uniform("uniform", self.machine))
        offset = self.read(node.inputs[0], ())
        writes = [w.place for _, w in self.writes([node], node.shape)]
        signed = [v - (1 << 64) if v >= 1 << 63 else v for v in (node.options["key"] & _M64, node.options["high"] & _M64)]
        return Call(kernel, [offset.place, writes[0], node.spec.size, *signed], [offset.place], writes[:1], cost=40 * node.spec.size)

    def _rows(self, node: Node) -> list[Call]:
        """Rows of a table taken, or added to, by their numbers."""
        x, indices = node.inputs
        takes = node.op.rules["rows"](**node.options) == "take"
        build, table = (take_rows, x) if takes else (add_rows, node)
        types = x.spec.dtype.name, indices.spec.dtype.name
        kernel = _kernel(("rows", takes, *types), lambda: build(*types, self.machine))
        sizes = [table.shape[0], _size(table.shape[1:]), _size(indices.shape)]
        reads = [self.read(n, n.shape).place for n in (x, indices)]
        calls = []
        for _, write in self.writes([node], node.shape):
            places = [reads[0], reads[1], write.place] if takes else [write.place, reads[1], reads[0]]
            calls.append(Call(kernel, [*places, *sizes], reads, [write.place], node, cost=4 * _size(node.shape)))
        return calls

    def _call(self, group: Any) -> Call:
        node = group.anchor
        inputs = [(self.base(root), view, x.spec.dtype.numpy) for x in node.inputs for root, view in (self.fusion.place(x),)]
        outputs = {u.options["index"]: u.number for u in self.fusion.users[node.number] if u.op is ITEM}
        if type(node.spec) is not tuple:
            outputs = {0: node.number}
        results = {i: [Place(*d) for d in self.plan.stored[n]] for i, n in outputs.items() if n in self.plan.stored}
        writes = [p for places in results.values() for p in places]
        return Call(None, [], [p for p, _, _ in inputs], writes, node, inputs, results, cost=10**6)


def _extent(view: View) -> int:
    """How many elements from the view's first to its last lie in memory; 0 where it runs backwards."""
    if any(s < 0 for s in view.strides) or 0 in view.shape:
        return 0
    return 1 + sum((n - 1) * s for n, s in zip(view.shape, view.strides, strict=True))


class _Row(float):
    """The stride of a gathered axis: unlike any number, so that the axis is never merged with another."""


_GATHERED = _Row("nan")


def _strides(r: _Ref) -> tuple[Any, ...]:
    return tuple(_GATHERED if a == r.view.gathered else s for a, s in enumerate(r.view.strides))


def _operand(r: _Ref, axes: list[tuple[int, tuple[Any, ...]]], k: int) -> Operand:
    """What of an access shapes the code."""
    gathered = next((a for a, (_, steps) in enumerate(axes) if isinstance(steps[k], _Row)), None)
    last = axes[-1][1][k] if axes else 0
    inner = 2 if isinstance(last, _Row) else last if last in (0, 1) else 2
    return Operand(r.dtype, inner, gathered, bool(r.stream), _is_uniform(axes, k))


def _is_uniform(axes: list[tuple[int, tuple[Any, ...]]], k: int) -> bool:
    """Whether all of a nest reads one element; what is written never is (but for nests of one element, which have no axes)."""
    return bool(axes) and all(steps[k] == 0 for _, steps in axes)


def _access(
    r: _Ref, operand: Operand, axes: list[tuple[int, tuple[Any, ...]]], k: int, own: Sequence[int], vector_axis: int | None
) -> list[Argument]:
    """The arguments of one `nests.Access`, in the order in which it declares them."""
    out: list[Argument] = [r.place]
    for a in nests.own_strides(operand, own, vector_axis):
        step = axes[a][1][k]
        out.append(r.view.strides[r.view.gathered or 0] if isinstance(step, _Row) else step)
    if operand.gathered is not None:
        out += [Place("rows", 0), Place("batch", 0)]
    if operand.streamed:
        out.append(r.stream)
    return out


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


class _ChainMaker:
    """The steps of elementwise nodes over a domain, with their operands."""

    def __init__(
        self,
        lowering: _Lowering,
        domain: tuple[int, ...],
        nodes: Sequence[Node],
        anchor: Node | None = None,
        copied: tuple[Node, Node] | None = None,
    ) -> None:
        self.lowering, self.domain = lowering, domain
        self.reads: list[_Ref] = []
        self.writes: list[_Ref] = []
        self.steps: list[Step] = []
        self.stores: list[tuple[tuple[str, int], int]] = []
        self._refs: dict[int, tuple[str, int]] = {}
        if copied is not None:
            self._refs[copied[0].number] = self._read(copied[1])
        if anchor is not None:
            self._refs[anchor.number] = ("anchor", 0)
        for node in nodes:
            self._step(node)
        owners = [n for n in ((copied or (anchor,))[0],) if n is not None]
        self._store([*owners, *nodes])

    def _step(self, node: Node) -> None:
        inputs = tuple(self._refs[x.number] if x.number in self._refs else self._read(x) for x in node.inputs)
        self.steps.append(Step(node.op.name, node.attrs, inputs, node.op.rules["scalar"]))
        self._refs[node.number] = ("step", len(self.steps) - 1)

    def _read(self, node: Node) -> tuple[str, int]:
        ref = self._refs[node.number] = ("read", len(self.reads))
        self.reads.append(self.lowering.read(node, self.domain))
        return ref

    def _store(self, members: list[Node]) -> None:
        for node, write in self.lowering.writes(members, self.domain):
            self.stores.append((self._refs[node.number], len(self.writes)))
            self.writes.append(write)


class _ReductionCall:
    """The call of a reduction with what feeds it and what follows it."""

    def __init__(self, lowering: _Lowering, group: Any) -> None:
        self.group, self.lowering = group, lowering
        self.x = group.anchor.inputs[0]
        self.combiner, folded = group.anchor.op.rules["reduction"](self.x.spec, **group.anchor.options)
        self.folded = set(folded)
        self.before = _ChainMaker(lowering, self.x.shape, group.prologue)
        if not group.prologue:
            self.before._read(self.x)
        self.before.stores, self.before.writes = [], []
        self.after = _ChainMaker(lowering, group.domain, group.nodes, anchor=group.anchor)

    def call(self) -> Call:
        """Merge kept and folded axes apart from each other, then build or find the kernel."""
        kept, folded = self._axes(False), self._axes(True)
        axes = [*kept, *folded]
        along_kept = bool(kept) and (not folded or self._last_is_kept())
        refs = [*self.before.reads, *self.after.reads, *self.after.writes]
        vector = len(kept) - 1 if along_kept else len(axes) - 1
        count, reads = len(self.before.reads), len(self.before.reads) + len(self.after.reads)
        operands = [_operand_along(r, axes, vector, k, k < reads) for k, r in enumerate(refs)]
        before = Chain(tuple(operands[:count]), (), tuple(self.before.steps), ())
        after = Chain(tuple(operands[count:reads]), tuple(operands[reads:]), tuple(self.after.steps), tuple(self.after.stores))
        key = Reduction(self.combiner, self.x.spec.dtype.name, before, after, len(kept), len(folded), along_kept)
        kernel = _kernel(("reduction", key), lambda: nests.reduction(key, self.lowering.machine))
        arguments = self._arguments(refs, operands, axes, count, len(kept), vector if along_kept else None, vector)
        return Call(kernel, arguments, [r.place for r in refs[:reads]], [r.place for r in refs[reads:]], cost=2 * self.x.spec.size)

    def _arguments(
        self, refs: list[_Ref], operands: list[Operand], axes: Any, count: int, kept: int, kept_vector: int | None, vector: int
    ) -> list[Argument]:
        arguments: list[Argument] = []
        for k, r in enumerate(refs):
            own, at = (range(len(axes)), vector) if k < count else (range(kept), kept_vector)
            arguments += _access(r, operands[k], axes, k, own, at)
        return arguments + [n for n, _ in axes]

    def _last_is_kept(self) -> bool:
        wide = [a for a, n in enumerate(self.x.shape) if n != 1]
        return not wide or wide[-1] not in self.folded

    def _axes(self, folded: bool) -> list[tuple[int, tuple[Any, ...]]]:
        """The merged axes of one sort: sizes, and each operand's stride (the epilogue's are 0 along folded axes)."""
        chosen = [a for a in range(len(self.x.shape)) if (a in self.folded) == folded]
        strides = [tuple(r.view.strides[a] for a in chosen) for r in self.before.reads]
        after = [*self.after.reads, *self.after.writes]
        strides += [tuple(0 if folded else r.view.strides[self._result_axis(a)] for a in chosen) for r in after]
        return merged_axes(tuple(self.x.shape[a] for a in chosen), strides)

    def _result_axis(self, axis: int) -> int:
        """The axis of the result that an axis of the input became."""
        if len(self.group.domain) == len(self.x.shape):
            return axis
        return axis - sum(1 for a in self.folded if a < axis)


def _operand_along(r: _Ref, axes: list[tuple[int, tuple[Any, ...]]], vector: int, k: int, is_read: bool) -> Operand:
    step = axes[vector][1][k] if axes else 0
    return Operand(r.dtype, step if step in (0, 1) else 2, None, bool(r.stream), is_read and _is_uniform(axes, k))


class _ProductCall:
    """The call of a matrix product with its epilogue."""

    def __init__(self, lowering: _Lowering, group: Any) -> None:
        self.lowering, self.group = lowering, group
        node = group.anchor
        self.chain = _ChainMaker(lowering, group.domain, group.nodes, anchor=node)
        options = node.options
        self.left = self._factor(node.inputs[0], options["transpose_a"])
        self.right = self._factor(node.inputs[1], options["transpose_b"])
        self.dtype = node.spec.dtype.name

    def _factor(self, x: Node, transposed: bool) -> _Ref:
        ref = self.lowering.read(x, x.shape)
        return _Ref(ref.place, ref.view.transpose((1, 0)), ref.dtype) if transposed else ref

    def call(self) -> Call:
        """Build or find the kernel for this tile and epilogue."""
        rows, columns = self.group.domain
        depth = self.left.view.shape[1]
        tile = _tile(rows, columns, self.lowering.machine, self.dtype)
        refs = [*self.chain.reads, *self.chain.writes]
        axes = [(n, tuple(r.view.strides[a] for r in refs)) for a, n in enumerate((rows, columns))]
        operands = [replace(_operand(r, axes, k), whole=r.view.strides == (columns, 1)) for k, r in enumerate(refs)]
        count = len(self.chain.reads)
        chain = Chain(tuple(operands[:count]), tuple(operands[count:]), tuple(self.chain.steps), tuple(self.chain.stores))
        lanes = self.lowering.machine.lanes(self.dtype)
        ragged = columns % (tile.vectors * lanes) != 0
        single = columns // lanes if ragged and columns < tile.vectors * lanes else None
        key = _ProductKey(tile, self.dtype, ragged, single, chain)
        kernel = _kernel(("product", key), lambda: _product(key))
        a_row, a_k = self.left.view.strides
        arguments: list[Argument] = [self.left.place, self.right.place, rows, columns, depth, a_row, a_k, self.right.view.strides[0]]
        for k, r in enumerate(refs):
            arguments += _access(r, operands[k], axes, k, range(2), 1)
        reads = [self.left.place, self.right.place, *[r.place for r in self.chain.reads]]
        return Call(kernel, arguments, reads, [r.place for r in self.chain.writes], cost=2 * rows * columns * depth)


class _ProductKey(NamedTuple):
    """What shapes the code of a product; `ragged` and `single` as in `gemm`."""

    tile: Tile
    dtype: str
    ragged: bool
    single: int | None
    chain: Chain


def _product(key: _ProductKey) -> Function:
    chain = key.chain

    def declare(b: LoopBuilder, columns: Value) -> list[Access]:
        named = [(f"r{k}", x) for k, x in enumerate(chain.reads)] + [(f"w{k}", x) for k, x in enumerate(chain.writes)]
        return [Access(b, name, x, range(2), 1, columns) for name, x in named]

    def epilogue(b: LoopBuilder, accesses: list[Access], i: Value, j: Value, value: Value, mask: Any) -> None:
        at = [x.advance(b, x.start, 0, i) for x in accesses]
        nests.emit(b, chain, accesses, at, 1, j, value.type.lanes, mask, value)

    return gemm("product", key.tile, key.dtype, epilogue, declare, ragged=key.ragged, single=key.single)
