"""Loop nests for fused groups: elementwise chains and reductions, vectorised along one axis, shared among the threads.

An operand is something in memory with a stride per axis of the nest. Sizes and strides are run-time values, so that
layers and the partial last batch share code; only what shapes the code is fixed: how many axes there are, and
whether the vector axis of an operand has stride 0 (one value), 1 (a vector load) or another (lanes picked one by one).
    axis a: size n[a]    lane: an element of a vector    tail: what is left when a size is no multiple of the lanes
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from millstream.codegen.loops import Function, LoopBuilder, Pointer, Register, Value
from millstream.core.machine import Machine

Lanes = int
LINE_BYTES = 64
AHEAD = 4  # rows: 1, 2, 4 take 20, 17, 13 us for 32 rows of 784 float64, none 23 us (one thread, Zen 3)
WIDTH = {
    "float64": 8,
    "int64": 8,
    "uint64": 8,
    "float32": 4,
    "int32": 4,
    "uint32": 4,
    "int16": 2,
    "uint16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
Mask = Any  # Value or None


@dataclass(frozen=True)
class Operand:
    """What shapes the code of one access: dtype, stride class of the vector axis (0, 1 or 2 = other), axis of gathered rows, streaming.

    uniform: one element, read before the loops begin. whole (products only): row i begins at i times the columns.
    """

    dtype: str
    inner: int
    gathered: int | None = None
    streamed: bool = False
    uniform: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Step:
    """One elementwise op of a chain: its name and attributes, where its inputs are (("read", k) or ("step", k)), and its body."""

    name: str
    attrs: tuple[tuple[str, Any], ...]
    inputs: tuple[tuple[str, int], ...]
    body: Callable[..., Any] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Chain:
    """Steps in order over operands; `stores` pairs a step (or ("read", k)) with the operand that it is stored to."""

    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    steps: tuple[Step, ...]
    stores: tuple[tuple[tuple[str, int], int], ...]

    def run(
        self, b: LoopBuilder, load: Callable[[int], Value], store: Callable[[int, Value], None], first: Value | None = None
    ) -> list[Value]:
        """Emit the steps; `first`, if given, is what ("anchor", 0) stands for."""
        known: dict[tuple[str, int], Value] = {} if first is None else {("anchor", 0): first}

        def value(ref: tuple[str, int]) -> Value:
            if ref not in known:
                known[ref] = load(ref[1])
            return known[ref]

        for k, step in enumerate(self.steps):
            known["step", k] = step.body(b, *[value(r) for r in step.inputs], **dict(step.attrs))
        for ref, write in self.stores:
            store(write, value(ref))
        return [known["step", k] for k in range(len(self.steps))]


def own_strides(operand: Operand, axes: Sequence[int], vector_axis: int | None) -> list[int]:
    """The axes whose stride is a parameter of the operand's own."""
    if operand.uniform or operand.whole:
        return []
    return [a for a in axes if a != vector_axis or operand.inner == 2]


class Access:
    """An operand's parameters, and the index that it has reached in the loops so far."""

    def __init__(
        self, b: LoopBuilder, name: str, operand: Operand, axes: Sequence[int], vector_axis: int | None, columns: Value | None = None
    ) -> None:
        self.operand, self.pointer = operand, b.pointer(name, operand.dtype)
        self.strides: dict[int, Value] = {}
        if operand.whole and columns is not None:
            self.strides[0] = columns
        for a in own_strides(operand, axes, vector_axis):
            self.strides[a] = b.size(f"{name}_s{a}")
        self.only = b.load(self.pointer, 0) if operand.uniform else None
        self.rows: Pointer | None = None
        self.row: Value | None = None  # the gathered row that the loops have reached, counted within the batch
        self.batch: Value | None = None
        if operand.gathered is not None:
            self.rows, self.batch = b.pointer(f"{name}_rows", "int64"), b.size(f"{name}_batch")
        self.start: Value = b.const(0, "int64")
        if operand.streamed:
            self.start = b.step * b.size(f"{name}_stream")

    def fetch_next_row(self, b: LoopBuilder, low: Value, high: Value) -> None:
        """While a gathered row is read, ask for the next one: rows lie anywhere in memory, where the processor cannot guess."""
        if self.row is None or self.rows is None or self.batch is None:
            return
        axis = self.operand.gathered or 0
        following = b.load(self.rows, b.step * self.batch + b.min(self.row + AHEAD, self.batch - 1)) * self.strides[axis]
        with b.loop(low, high, LINE_BYTES // WIDTH[self.operand.dtype]) as j:
            b.prefetch(self.pointer, following + j)

    def advance(self, b: LoopBuilder, at: Value, axis: int, i: Value) -> Value:
        """The index after moving i steps along an axis."""
        if self.operand.gathered == axis:
            assert self.rows is not None
            assert self.batch is not None
            self.row = i
            i = b.load(self.rows, b.step * self.batch + i)
        stride = self.strides.get(axis)
        return at + i if stride is None and self.operand.inner == 1 else at if stride is None else at + i * stride

    def load(self, b: LoopBuilder, at: Value, axis: int | None, j: Value | None, lanes: Lanes, mask: Mask) -> Value:
        """Lanes j, j + 1, ... along the vector axis, from the index reached."""
        if self.only is not None:
            return b.broadcast(self.only, lanes)
        if axis is None or j is None or self.operand.inner == 0:
            return b.broadcast(b.load(self.pointer, at), lanes)
        if self.operand.inner == 1 and self.operand.gathered != axis:
            return b.load(self.pointer, at + j, lanes, mask)
        if lanes == 1:
            return b.load(self.pointer, self.advance(b, at, axis, j))
        return b.gather(self.pointer, at + j * self.strides[axis], self.strides[axis], lanes)

    def store(self, b: LoopBuilder, at: Value, axis: int | None, j: Value | None, value: Value, mask: Mask) -> None:
        """Store lanes along the vector axis."""
        if axis is None or j is None:
            b.store(self.pointer, at, value)
        elif self.operand.inner == 1:
            b.store(self.pointer, at + j, value, mask)
        elif value.type.lanes == 1:
            b.store(self.pointer, at + j * self.strides[axis], value)
        else:
            b.scatter(self.pointer, at + j * self.strides[axis], self.strides[axis], value)


def elementwise(chain: Chain, rank: int, machine: Machine) -> Function:
    """The nest of an elementwise chain. Parameters: operands (reads, writes), then the sizes of the axes."""
    b = LoopBuilder("elementwise")
    vector_axis = rank - 1 if rank else None
    accesses = _declare(b, chain, range(rank), vector_axis)
    sizes = [b.size(f"n{a}") for a in range(rank)]
    starts = [x.start for x in accesses]
    if rank == 0:
        with b.if_(b.eq(b.thread, 0)):
            emit(b, chain, accesses, starts, None, None, 1, None)
        return b.finish()
    lanes = 1 if any(x.operand.gathered == vector_axis for x in accesses) else machine.lanes("float32")
    scalar_tail = needs_scalar_tail(accesses, machine)

    def inner(at: list[Value], low: Value, high: Value) -> None:
        for x in accesses:
            x.fetch_next_row(b, low, high)

        def body(j: Value, width: Lanes, mask: Mask) -> None:
            emit(b, chain, accesses, at, vector_axis, j, width, mask)

        vector_loop(b, low, high, lanes, body, scalar_tail)

    nest(b, accesses, starts, list(range(rank)), sizes, lanes, inner)
    return b.finish()


def _declare(b: LoopBuilder, chain: Chain, axes: Sequence[int], vector_axis: int | None) -> list[Access]:
    named = [(f"r{k}", x) for k, x in enumerate(chain.reads)] + [(f"w{k}", x) for k, x in enumerate(chain.writes)]
    return [Access(b, name, x, axes, vector_axis) for name, x in named]


def emit(
    b: LoopBuilder, chain: Chain, accesses: list[Access], at: list[Value], axis: int | None, j: Value | None,
    lanes: Lanes, mask: Mask, first: Value | None = None,
) -> list[Value]:  # fmt: skip
    """Emit a chain at one place of the nest; `first` stands for what the chain follows."""
    reads = len(chain.reads)

    def load(k: int) -> Value:
        return accesses[k].load(b, at[k], axis, j, lanes, mask)

    def store(k: int, value: Value) -> None:
        accesses[reads + k].store(b, at[reads + k], axis, j, value, mask)

    return chain.run(b, load, store, first)


def needs_scalar_tail(accesses: list[Access], machine: Machine) -> bool:
    """Whether what is left of a row goes element by element: lanes picked one by one, or that the machine cannot mask."""
    return any(x.operand.inner == 2 or (x.operand.inner == 1 and not machine.masks(x.operand.dtype)) for x in accesses)


def vector_loop(
    b: LoopBuilder, low: Value, high: Value, lanes: Lanes, body: Callable[[Value, Lanes, Mask], None], scalar_tail: bool
) -> None:
    """body over [low, high): whole vectors, then the rest masked, or one by one where lanes cannot be masked."""
    if lanes == 1:
        with b.loop(low, high) as j:
            body(j, 1, None)
        return
    whole = low + (high - low) / lanes * lanes
    with b.loop(low, whole, lanes) as j:
        body(j, lanes, None)
    if scalar_tail:
        with b.loop(whole, high) as j:
            body(j, 1, None)
        return
    with b.if_(whole < high):
        body(whole, lanes, b.mask(high - whole, lanes))


def nest(
    b: LoopBuilder, accesses: list[Access], at: list[Value], axes: list[int], sizes: list[Value], lanes: Lanes,
    inner: Callable[[list[Value], Value, Value], None],
) -> None:  # fmt: skip
    """Loops over all axes but the last, the first one shared among the threads; `inner` gets the bounds of the last."""
    if len(axes) == 1:
        low, high = b.share(sizes[0], 4 * lanes)
        inner(at, low, high)
        return
    with b.parallel(sizes[0]) as i:
        _serial(b, accesses, _moved(b, accesses, at, axes[0], i), axes[1:], sizes[1:], inner)


def _serial(
    b: LoopBuilder,
    accesses: list[Access],
    at: list[Value],
    axes: list[int],
    sizes: list[Value],
    inner: Callable[[list[Value], Value, Value], None],
) -> None:
    if len(axes) == 1:
        inner(at, b.const(0, "int64"), sizes[0])
        return
    with b.loop(0, sizes[0]) as i:
        _serial(b, accesses, _moved(b, accesses, at, axes[0], i), axes[1:], sizes[1:], inner)


def _moved(b: LoopBuilder, accesses: list[Access], at: list[Value], axis: int, i: Value) -> list[Value]:
    return [x.advance(b, p, axis, i) for x, p in zip(accesses, at, strict=True)]


# ---------------------------------------------------------------------------------------------- reductions
@dataclass(frozen=True)
class Reduction:
    """A fold of a chain's last value. Axes 0 .. kept-1 stay, the others are folded; the vector runs along a kept or a folded axis.

    before: the chain that makes what is folded (its reads only). after: the epilogue over the kept axes; its ("anchor", 0) is the fold.
    """

    combiner: str
    dtype: str
    before: Chain
    after: Chain
    kept: int
    folded: int
    along_kept: bool


NEUTRAL = {"add": 0.0, "mul": 1.0, "max": float("-inf"), "min": float("inf")}


def reduction(r: Reduction, machine: Machine) -> Function:
    """The nest of a reduction. Parameters: reads of `before`, operands of `after`, then the sizes of kept and folded axes."""
    return _ReductionNest(r, machine).build()


class _ReductionNest:
    """The pieces of one reduction's nest."""

    def __init__(self, r: Reduction, machine: Machine) -> None:
        self.r, self.machine, self.lanes, self.b = r, machine, machine.lanes("float32"), LoopBuilder("reduction")
        axes = range(r.kept + r.folded)
        self.axis = r.kept - 1 if r.along_kept else r.kept + r.folded - 1
        self.vector_axis = self.axis if axes else None
        self.before = [Access(self.b, f"x{k}", o, axes, self.vector_axis) for k, o in enumerate(r.before.reads)]
        kept_vector = self.vector_axis if r.along_kept else None
        named = [*((f"r{k}", o) for k, o in enumerate(r.after.reads)), *((f"w{k}", o) for k, o in enumerate(r.after.writes))]
        self.after = [Access(self.b, n, o, range(r.kept), kept_vector) for n, o in named]
        self.sizes = [self.b.size(f"n{a}") for a in axes]
        self.all = [*self.before, *self.after]

    def build(self) -> Function:
        r, b = self.r, self.b
        starts = [x.start for x in self.all]
        if r.along_kept:
            nest(b, self.all, starts, list(range(r.kept)), self.sizes[: r.kept], self.lanes, self._along_kept)
        elif r.kept == 0:
            with b.if_(b.eq(b.thread, 0)):
                self._fold_and_finish(starts)
        else:
            with b.parallel(self.sizes[0]) as i:
                self._kept_loops(_moved(b, self.all, starts, 0, i), 1)
        return b.finish()

    def _kept_loops(self, at: list[Value], axis: int) -> None:
        if axis == self.r.kept:
            self._fold_and_finish(at)
            return
        with self.b.loop(0, self.sizes[axis]) as i:
            self._kept_loops(_moved(self.b, self.all, at, axis, i), axis + 1)

    # -- the vector runs along a kept axis: every lane folds its own column
    def _along_kept(self, at: list[Value], low: Value, high: Value) -> None:
        tail = needs_scalar_tail(self.all, self.machine)
        vector_loop(self.b, low, high, self.lanes, lambda j, width, mask: self._column(at, j, width, mask), tail)

    def _column(self, at: list[Value], j: Value, width: Lanes, mask: Mask) -> None:
        total = self.b.register(self._neutral(width))
        count = len(self.before)

        def fold(inner: list[Value]) -> None:
            value = _value(self.b, self.r.before, self.before, inner, self.axis, j, width, mask)
            self.b.assign(total, self._combine(total.value, value))

        self._folded_loops(at[:count], self.r.kept, self.r.kept + self.r.folded, fold)
        emit(self.b, self.r.after, self.after, at[count:], self.axis, j, width, mask, total.value)

    def _folded_loops(self, at: list[Value], axis: int, end: int, body: Callable[[list[Value]], None]) -> None:
        if axis == end:
            body(at)
            return
        with self.b.loop(0, self.sizes[axis]) as i:
            self._folded_loops(_moved(self.b, self.before, at, axis, i), axis + 1, end, body)

    # -- the vector runs along the last folded axis: lanes are folded together at the end
    def _fold_and_finish(self, at: list[Value]) -> None:
        b, count = self.b, len(self.before)
        wide, narrow = b.register(self._neutral(self.lanes)), b.register(self._neutral(1))
        if self.r.folded:
            last = self.r.kept + self.r.folded - 1
            self._folded_loops(at[:count], self.r.kept, last, lambda inner: self._row(inner, last, wide, narrow))
        else:
            b.assign(narrow, _value(b, self.r.before, self.before, at[:count], None, None, 1, None))
        total = self._combine(self._across(wide.value), narrow.value)
        emit(b, self.r.after, self.after, at[count:], None, None, 1, None, total)

    def _row(self, at: list[Value], axis: int, wide: Register, narrow: Register) -> None:
        tail = needs_scalar_tail(self.before, self.machine)

        def body(j: Value, width: Lanes, mask: Mask) -> None:
            value = _value(self.b, self.r.before, self.before, at, axis, j, width, mask)
            if mask is not None:
                value = self.b.select(mask, value, self._neutral(width))
            target = wide if width > 1 else narrow
            self.b.assign(target, self._combine(target.value, value))

        vector_loop(self.b, self.b.const(0, "int64"), self.sizes[axis], self.lanes, body, tail)

    # -- combiners
    def _neutral(self, width: Lanes) -> Value:
        b, dtype = self.b, self.r.dtype
        return b.const(neutral(self.r.combiner, dtype), b.broadcast(b.const(0, dtype), width) if width > 1 else dtype)

    def _combine(self, x: Value, y: Value) -> Value:
        if self.r.dtype == "bool":
            return self.b.and_(x, y) if self.r.combiner == "min" else self.b.or_(x, y)
        return getattr(self.b, self.r.combiner)(x, y)  # type: ignore[no-any-return]

    def _across(self, wide: Value) -> Value:
        if self.r.dtype != "bool":
            return self.b.reduce(wide, self.r.combiner)
        total = self.b.extract(wide, 0)
        for k in range(1, self.lanes):
            total = self._combine(total, self.b.extract(wide, k))
        return total


def neutral(combiner: str, dtype: str) -> Any:
    """What a fold begins with."""
    if dtype == "bool":
        return combiner == "min"
    if "int" in dtype and combiner in ("max", "min"):
        import numpy as np

        info = np.iinfo(dtype)
        return info.min if combiner == "max" else info.max
    return NEUTRAL[combiner]


def _value(
    b: LoopBuilder, chain: Chain, accesses: list[Access], at: list[Value], axis: int | None, j: Value | None, lanes: Lanes, mask: Mask
) -> Value:
    """The last step of a chain that stores nothing; the single operand when there are no steps."""
    values = emit(b, chain, accesses, at, axis, j, lanes, mask)
    return values[-1] if values else accesses[0].load(b, at[0], axis, j, lanes, mask)
