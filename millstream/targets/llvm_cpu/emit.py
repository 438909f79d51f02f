"""LLVM text of a kernel: SSA, already vectorised; no pass of LLVM's middle-end runs after it.

Registers of the loop IR become phis of loops and branches here. Machine code is called as
`void NAME(i64 thread, i64 threads, i64 step, ptr args)`, args being 8-byte slots, one a parameter.
"""

from __future__ import annotations

from millstream.codegen.nodes import (
    ADDRESS,
    Alloc,
    Assign,
    Barrier,
    Block,
    Call,
    Const,
    For,
    Function,
    If,
    Load,
    Node,
    Op,
    Register,
    Store,
    Type,
    Value,
    Var,
)
from millstream.core.machine import Machine
from millstream.targets.llvm_cpu import conversions, operations
from millstream.targets.llvm_cpu.text import memory_type, spell, splat, vector

HEAD = "define void @{}(i64 %thread, i64 %threads, i64 %step, ptr %args) nounwind {{\nentry:\n"
PLACEHOLDER = "<NAME>"


def emit(function: Function, machine: Machine) -> Text:
    """The kernel's LLVM text for a machine."""
    emitter = _Emitter(function, machine)
    emitter.parameters()
    emitter.block(function.body)
    emitter.raw("  ret void\n}\n")
    return Text("".join(emitter.lines), frozenset(emitter.declarations))


class Text:
    """A function's body text, in which its name does not occur, and the declarations it needs."""

    __slots__ = ("body", "declarations")

    def __init__(self, body: str, declarations: frozenset[str]) -> None:
        self.body, self.declarations = body, declarations

    def named(self, symbol: str) -> str:
        """The definition under a symbol."""
        return HEAD.format(symbol) + self.body


def module(texts: dict[str, Text], triple: str) -> str:
    """One module of several kernels, by symbol."""
    declarations = sorted(frozenset().union(*[t.declarations for t in texts.values()]))
    parts = [f'target triple = "{triple}"\n', *[d + "\n" for d in declarations]]
    return "".join(parts + [text.named(symbol) for symbol, text in texts.items()])


class _Emitter:
    """Walks the statements once, keeping the SSA name of every value and of every register's current value."""

    def __init__(self, function: Function, machine: Machine) -> None:
        self.function, self.machine = function, machine
        self.lines: list[str] = []
        self.declarations: set[str] = set()
        self.names: dict[int, str] = {function.thread.id: "%thread", function.threads.id: "%threads", function.step.id: "%step"}
        self.registers: dict[int, str] = {}
        self.label = "entry"
        self.count = 0

    # -- writing ----------------------------------------------------------------------------------------------
    def raw(self, text: str) -> None:
        self.lines.append(text)

    def fresh(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def line(self, text: str) -> str:
        """Writes `%new = text` and gives %new."""
        name = self.fresh()
        self.lines.append(f"  {name} = {text}\n")
        return name

    def declare(self, signature: str) -> None:
        """Remembers an external function's declaration."""
        self.declarations.add(signature)

    def labels(self, *stems: str) -> list[str]:
        self.count += 1
        return [f"{stem}{self.count}" for stem in stems]

    def begin(self, label: str) -> None:
        self.raw(f"{label}:\n")
        self.label = label

    def get(self, value: Value) -> str:
        if isinstance(value, Const):
            return splat(value.value, value.type)
        return self.names[value.id]

    # -- statements -------------------------------------------------------------------------------------------
    def parameters(self) -> None:
        for slot, parameter in enumerate(self.function.parameters):
            place = self.line(f"getelementptr i64, ptr %args, i64 {slot}")
            kind = "ptr" if parameter.type.dtype == ADDRESS else "i64"
            self.names[parameter.id] = self.line(f"load {kind}, ptr {place}, align 8")
        for node in self.function.body.body:  # outside the entry an alloca would move the stack pointer at run time
            if isinstance(node, Alloc) and node.register is None:
                self.names[node.value.id] = self.line(f"alloca [{node.count} x {memory_type(node.dtype)}], align 64")

    def block(self, block: Block) -> None:
        """Statements in order; registers that the block declares end with it."""
        for node in block.body:
            self.statement(node)
        for node in block.body:
            if isinstance(node, Alloc) and node.register is not None:
                self.registers.pop(node.register.id, None)

    def statement(self, node: Node) -> None:
        if isinstance(node, Op):
            operands = [self.get(v) for v in node.operands]
            self.names[node.id] = operations.TABLE[node.name](self, node, operands)
        elif isinstance(node, Load):
            self.names[node.id] = self.load(node)
        elif isinstance(node, Store):
            self.store(node)
        elif isinstance(node, Var):
            if node.register is not None:
                self.names[node.id] = self.registers[node.register.id]
        else:
            self.structural(node)

    def structural(self, node: Node) -> None:
        if isinstance(node, Assign):
            self.registers[node.register.id] = self.get(node.value)
        elif isinstance(node, Alloc):
            if node.register is not None:
                self.registers[node.register.id] = self.get(node.value)
        elif isinstance(node, For):
            self.unrolled(node) if node.kind == "unroll" else self.loop(node)
        elif isinstance(node, If):
            self.branch(node)
        elif isinstance(node, Barrier):
            self.declare("declare void @millstream_barrier(i64, i64)")
            self.raw("  call void @millstream_barrier(i64 %thread, i64 %threads)\n")
        elif isinstance(node, Call):
            self.call(node)

    def call(self, node: Call) -> None:
        if node.name == "prefetch":
            self.declare("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
            self.raw(f"  call void @llvm.prefetch.p0(ptr {self.get(node.operands[0])}, i32 0, i32 3, i32 1)\n")
            return
        types = [spell(v.type) for v in node.operands]
        self.declare(f"declare void @{node.name}({', '.join(types)})")
        arguments = ", ".join(f"{t} {self.get(v)}" for t, v in zip(types, node.operands, strict=True))
        self.raw(f"  call void @{node.name}({arguments})\n")

    # -- control ----------------------------------------------------------------------------------------------
    def unrolled(self, node: For) -> None:
        bounds = [int(v.value) for v in (node.start, node.stop, node.step) if isinstance(v, Const)]
        for i in range(*bounds):
            self.names[node.index.id] = str(i)
            self.block(node.body)

    def loop(self, node: For) -> None:
        """Test, then body with its test at the end; registers that the body sets are phis before and after."""
        start, stop, step = self.get(node.start), self.get(node.stop), self.get(node.step)
        body, done = self.labels("body", "done")
        carried = [r for r in node.body.assigned.values() if r.id in self.registers]
        before = [self.registers[r.id] for r in carried]
        entry, runs = self.label, _runs(node)
        if not runs:
            self.raw(f"  br i1 {self.line(f'icmp slt i64 {start}, {stop}')}, label %{body}, label %{done}\n")
        else:
            self.raw(f"  br label %{body}\n")
        self.begin(body)
        place = len(self.lines)
        self.raw("")
        index = self.names[node.index.id] = self.fresh()
        for r in carried:
            self.registers[r.id] = self.fresh()
        inside = [self.registers[r.id] for r in carried]
        self.block(node.body)
        following = self.line(f"add nsw i64 {index}, {step}")
        again = self.line(f"icmp slt i64 {following}, {stop}")
        latch = self.label
        self.raw(f"  br i1 {again}, label %{body}, label %{done}\n")
        after = [self.registers[r.id] for r in carried]
        phis = [f"  {index} = phi i64 [{start}, %{entry}], [{following}, %{latch}]\n"]
        phis += [_phi(i, r, [(b, entry), (a, latch)]) for i, r, b, a in zip(inside, carried, before, after, strict=True)]
        self.lines[place] = "".join(phis)
        self.begin(done)
        if not runs:
            self.merge(carried, [(before, entry), (after, latch)])

    def merge(self, registers: list[Register], ways: list[tuple[list[str], str]]) -> None:
        """Phis for registers whose value depends on the way taken to here."""
        for k, register in enumerate(registers):
            incoming = [(values[k], label) for values, label in ways]
            if len({v for v, _ in incoming}) > 1:
                name = self.fresh()
                self.raw(_phi(name, register, incoming))
                self.registers[register.id] = name

    def branch(self, node: If) -> None:
        then, other, done = self.labels("then", "else", "end")
        target = done if node.other is None else other
        self.raw(f"  br i1 {self.get(node.condition)}, label %{then}, label %{target}\n")
        sides = [node.then] if node.other is None else [node.then, node.other]
        changed = {r.id: r for side in sides for r in side.assigned.values() if r.id in self.registers}
        before = dict(self.registers)
        ways = [([before[r] for r in changed], self.label)] if node.other is None else []
        for side, label in zip(sides, (then, other), strict=False):
            self.registers.update({r: before[r] for r in changed})
            self.begin(label)
            self.block(side)
            self.raw(f"  br label %{done}\n")
            ways.append(([self.registers[r] for r in changed], self.label))
        self.begin(done)
        self.registers.update({r: before[r] for r in changed})
        self.merge(list(changed.values()), ways)

    # -- memory -----------------------------------------------------------------------------------------------
    def address(self, dtype: str, pointer: str, index: str) -> str:
        return pointer if index == "0" else self.line(f"getelementptr {memory_type(dtype)}, ptr {pointer}, i64 {index}")

    def load(self, node: Load) -> str:
        place = self.address(node.dtype, self.get(node.pointer), self.get(node.index))
        lanes, element = node.type.lanes, memory_type(node.dtype)
        spelled = vector(element, lanes)
        if node.stride is not None and lanes > 1:
            raw = self.gathered(node, place, element)
        elif node.mask is not None:
            raw = self.masked_load(place, node.dtype, lanes, self.get(node.mask))
        else:
            raw = self.line(f"load {spelled}, ptr {place}, align {size_of(node.dtype)}")
        return self.from_memory(raw, node.dtype, lanes)

    def gathered(self, node: Load, place: str, element: str) -> str:
        assert node.stride is not None
        lanes, stride, result = node.type.lanes, self.get(node.stride), "poison"
        for lane in range(lanes):
            if lane:
                place = self.line(f"getelementptr {element}, ptr {place}, i64 {stride}")
            scalar = self.line(f"load {element}, ptr {place}, align {size_of(node.dtype)}")
            result = self.line(f"insertelement {vector(element, lanes)} {result}, {element} {scalar}, i32 {lane}")
        return result

    def masked_load(self, place: str, dtype: str, lanes: int, mask: str) -> str:
        """The masked intrinsic; for one lane, on a vector of one."""
        element = memory_type(dtype)
        spelled, name = f"<{lanes} x {element}>", f"v{lanes}{_short(element)}"
        self.declare(f"declare {spelled} @llvm.masked.load.{name}.p0(ptr, i32, <{lanes} x i1>, {spelled})")
        wide = self.one_lane_mask(mask) if lanes == 1 else mask
        loaded = self.line(
            f"call {spelled} @llvm.masked.load.{name}.p0(ptr {place}, i32 {size_of(dtype)}, "
            f"<{lanes} x i1> {wide}, {spelled} zeroinitializer)"
        )
        return self.line(f"extractelement {spelled} {loaded}, i32 0") if lanes == 1 else loaded

    def one_lane_mask(self, mask: str) -> str:
        return self.line(f"insertelement <1 x i1> poison, i1 {mask}, i32 0")

    def from_memory(self, raw: str, dtype: str, lanes: int) -> str:
        if dtype == "bool":
            return self.line(f"icmp ne {vector('i8', lanes)} {raw}, {splat(0, Type('uint8', lanes))}")
        return conversions.widen(self, raw, dtype, lanes) if dtype in ("float16", "bfloat16") else raw

    def to_memory(self, value: str, dtype: str, lanes: int) -> str:
        if dtype == "bool":
            return self.line(f"zext {vector('i1', lanes)} {value} to {vector('i8', lanes)}")
        return conversions.narrow(self, value, dtype, lanes) if dtype in ("float16", "bfloat16") else value

    def store(self, node: Store) -> None:
        lanes, element = node.value.type.lanes, memory_type(node.dtype)
        value = self.to_memory(self.get(node.value), node.dtype, lanes)
        place = self.address(node.dtype, self.get(node.pointer), self.get(node.index))
        if node.stride is not None and lanes > 1:
            self.scattered(node, place, value, element)
        elif node.mask is not None:
            self.masked_store(node, place, value, element)
        else:
            self.raw(f"  store {vector(element, lanes)} {value}, ptr {place}, align {size_of(node.dtype)}\n")

    def scattered(self, node: Store, place: str, value: str, element: str) -> None:
        assert node.stride is not None
        lanes, stride = node.value.type.lanes, self.get(node.stride)
        for lane in range(lanes):
            if lane:
                place = self.line(f"getelementptr {element}, ptr {place}, i64 {stride}")
            scalar = self.line(f"extractelement {vector(element, lanes)} {value}, i32 {lane}")
            self.raw(f"  store {element} {scalar}, ptr {place}, align {size_of(node.dtype)}\n")

    def masked_store(self, node: Store, place: str, value: str, element: str) -> None:
        assert node.mask is not None
        lanes, mask = node.value.type.lanes, self.get(node.mask)
        spelled, name = f"<{lanes} x {element}>", f"v{lanes}{_short(element)}"
        if lanes == 1:
            mask = self.one_lane_mask(mask)
            value = self.line(f"insertelement {spelled} poison, {element} {value}, i32 0")
        self.declare(f"declare void @llvm.masked.store.{name}.p0({spelled}, ptr, i32, <{lanes} x i1>)")
        self.raw(
            f"  call void @llvm.masked.store.{name}.p0({spelled} {value}, ptr {place}, i32 {size_of(node.dtype)}, <{lanes} x i1> {mask})\n"
        )


def _phi(name: str, register: Register, incoming: list[tuple[str, str]]) -> str:
    return f"  {name} = phi {spell(register.type)} {', '.join(f'[{v}, %{label}]' for v, label in incoming)}\n"


def _runs(node: For) -> bool:
    """Whether constants say that the loop runs at least once."""
    return isinstance(node.start, Const) and isinstance(node.stop, Const) and node.start.value < node.stop.value


def _short(element: str) -> str:
    return {"float": "f32", "double": "f64"}.get(element, element)


def size_of(dtype: str) -> int:
    """Bytes of an element in memory."""
    return Type(dtype).bits // 8
