"""The loop IR's nodes: typed values and statements of one kernel.

    value      Const | Var | Load | Op            immutable, in registers, one or more lanes of one type
    statement  For | If | Alloc | Assign | Store | Barrier | Call, and every Var (register read), Load and Op in its order

A kernel is a `Function`: parameters and a `Block` of statements. `loops.LoopBuilder` makes them, `verify` checks them,
`printer` writes pseudo-C, `interpret` runs them, `targets.llvm_cpu.emit` turns them into LLVM text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from millstream.codegen.scalars import ScalarBuilder

Number = int | float | bool
Operand: TypeAlias = "Value | Number"
Attribute = str | int | tuple[int, ...] | None

FLOATS = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64}
SIGNED = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
UNSIGNED = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}
ADDRESS = "address"
BITS = {**FLOATS, **SIGNED, **UNSIGNED, "bool": 8, ADDRESS: 64}


class Type(NamedTuple):
    """The type of a value: a NumPy dtype name and a number of lanes.

    >>> str(Type("float32", 8))
    'float32x8'
    """

    dtype: str
    lanes: int = 1

    def __str__(self) -> str:
        return self.dtype if self.lanes == 1 else f"{self.dtype}x{self.lanes}"

    @property
    def is_float(self) -> bool:
        """Whether lanes are floating point."""
        return self.dtype in FLOATS

    @property
    def is_signed(self) -> bool:
        """Whether lanes are signed integers."""
        return self.dtype in SIGNED

    @property
    def is_integer(self) -> bool:
        """Whether lanes are integers, bool not among them."""
        return self.dtype in SIGNED or self.dtype in UNSIGNED

    @property
    def is_bool(self) -> bool:
        """Whether lanes are truth values."""
        return self.dtype == "bool"

    @property
    def bits(self) -> int:
        """Bits of one lane in memory (bool: 8)."""
        return BITS[self.dtype]

    def of(self, dtype: str) -> Type:
        """The same lanes of another dtype."""
        return Type(dtype, self.lanes)

    def wide(self, lanes: int) -> Type:
        """The same dtype with other lanes."""
        return Type(self.dtype, lanes)


def register_type(dtype: str, lanes: int = 1) -> Type:
    """What loading `dtype` gives: 16-bit floats are computed with in float32."""
    return Type("float32" if dtype in ("float16", "bfloat16") else dtype, lanes)


class Value:
    """An immutable value of a kernel under construction; operators work on equal types and with Python numbers."""

    __slots__ = ("block", "builder", "id", "type")

    def __init__(self, builder: ScalarBuilder, type_: Type, block: Block) -> None:
        self.builder, self.type, self.block = builder, type_, block
        self.id = builder.next_id()

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("A kernel's value has no truth while the kernel is built; use b.select or b.if_.")

    def __add__(self, other: Operand) -> Value:
        return self.builder.add(self, other)

    def __radd__(self, other: Operand) -> Value:
        return self.builder.add(other, self)

    def __sub__(self, other: Operand) -> Value:
        return self.builder.sub(self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self.builder.sub(other, self)

    def __mul__(self, other: Operand) -> Value:
        return self.builder.mul(self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self.builder.mul(other, self)

    def __truediv__(self, other: Operand) -> Value:
        return self.builder.div(self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.builder.div(other, self)

    __floordiv__, __rfloordiv__ = __truediv__, __rtruediv__

    def __mod__(self, other: Operand) -> Value:
        return self.builder.rem(self, other)

    def __rmod__(self, other: Operand) -> Value:
        return self.builder.rem(other, self)

    def __eq__(self, other: object) -> Value:  # type: ignore[override]  # a comparison lane by lane, as NumPy's
        return self.builder.eq(self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        return self.builder.ne(self, other)  # type: ignore[arg-type]

    def __lt__(self, other: Operand) -> Value:
        return self.builder.lt(self, other)

    def __le__(self, other: Operand) -> Value:
        return self.builder.le(self, other)

    def __gt__(self, other: Operand) -> Value:
        return self.builder.gt(self, other)

    def __ge__(self, other: Operand) -> Value:
        return self.builder.ge(self, other)

    def __and__(self, other: Operand) -> Value:
        return self.builder.and_(self, other)

    def __rand__(self, other: Operand) -> Value:
        return self.builder.and_(other, self)

    def __or__(self, other: Operand) -> Value:
        return self.builder.or_(self, other)

    def __ror__(self, other: Operand) -> Value:
        return self.builder.or_(other, self)

    def __xor__(self, other: Operand) -> Value:
        return self.builder.xor(self, other)

    def __rxor__(self, other: Operand) -> Value:
        return self.builder.xor(other, self)

    def __invert__(self) -> Value:
        return self.builder.not_(self)

    def __lshift__(self, other: Operand) -> Value:
        return self.builder.shl(self, other)

    def __rshift__(self, other: Operand) -> Value:
        """Arithmetic for signed integers, logical for unsigned ones."""
        return self.builder.ashr(self, other) if self.type.is_signed else self.builder.lshr(self, other)

    def __neg__(self) -> Value:
        return self.builder.neg(self)


class Const(Value):
    """A number; in every lane the same."""

    __slots__ = ("value",)

    def __init__(self, builder: ScalarBuilder, type_: Type, block: Block, value: Number) -> None:
        super().__init__(builder, type_, block)
        self.value = value


class Var(Value):
    """A named value: a parameter, a loop's index, or (with `register`) what a register holds at this point."""

    __slots__ = ("name", "register")

    def __init__(self, builder: ScalarBuilder, type_: Type, block: Block, name: str, register: Register | None = None) -> None:
        super().__init__(builder, type_, block)
        self.name, self.register = name, register


class Load(Value):
    """Lanes from memory: contiguous, or `stride` elements apart; lanes that the mask switches off read nothing and are 0."""

    __slots__ = ("dtype", "index", "mask", "pointer", "stride")

    def __init__(
        self, builder: ScalarBuilder, lanes: int, block: Block, pointer: Pointer, index: Value, stride: Value | None, mask: Value | None
    ) -> None:
        super().__init__(builder, register_type(pointer.dtype, lanes), block)
        self.pointer, self.dtype, self.index, self.stride, self.mask = pointer.value, pointer.dtype, index, stride, mask


class Op(Value):
    """A pure operation on values; `optypes.infer` states the rule of every name."""

    __slots__ = ("attribute", "name", "operands")

    def __init__(
        self, builder: ScalarBuilder, type_: Type, block: Block, name: str, operands: tuple[Value, ...], attribute: Attribute
    ) -> None:
        super().__init__(builder, type_, block)
        self.name, self.operands, self.attribute = name, operands, attribute


class Pointer(NamedTuple):
    """An address of elements of `dtype`: a parameter, a stack array or an offset from either."""

    value: Value
    dtype: str


class Register:
    """A mutable variable of one type that never touches memory: the emitter makes SSA of it."""

    __slots__ = ("builder", "id", "name", "type")

    def __init__(self, builder: ScalarBuilder, type_: Type, name: str) -> None:
        self.builder, self.type, self.name = builder, type_, name
        self.id = builder.next_id()

    @property
    def value(self) -> Value:
        """What it holds here and now; later assignments do not change a value read before."""
        return self.builder.read(self)


class Block:
    """Statements in order. `owner` says what it is the body of: "function", "for" or "if"."""

    __slots__ = ("assigned", "body", "owner", "parent", "table")

    def __init__(self, owner: str, parent: Block | None) -> None:
        self.owner, self.parent = owner, parent
        self.body: list[Node] = []
        self.table: dict[tuple[object, ...], Value] = {}  # pure operations already placed here: common ones are shared
        self.assigned: dict[int, Register] = {}  # registers set here or deeper, declared outside or inside


class For:
    """`for (index = start; index < stop; index += step)`; kind is "serial", "parallel" (bounds are this thread's) or "unroll"."""

    __slots__ = ("body", "index", "kind", "start", "step", "stop")

    def __init__(self, index: Var, start: Value, stop: Value, step: Value, kind: str, body: Block) -> None:
        self.index, self.start, self.stop, self.step, self.kind, self.body = index, start, stop, step, kind, body


class If:
    """Runs `then` where the scalar condition holds, else `other`."""

    __slots__ = ("condition", "other", "then")

    def __init__(self, condition: Value, then: Block) -> None:
        self.condition, self.then = condition, then
        self.other: Block | None = None


class Alloc:
    """A stack array (`value` is its address, 64-byte aligned) or a register with its first value."""

    __slots__ = ("count", "dtype", "register", "value")

    def __init__(self, dtype: str, count: int, value: Value, register: Register | None = None) -> None:
        self.dtype, self.count, self.value, self.register = dtype, count, value, register


class Assign:
    """Gives a register another value."""

    __slots__ = ("register", "value")

    def __init__(self, register: Register, value: Value) -> None:
        self.register, self.value = register, value


class Store:
    """Lanes to memory: contiguous, or `stride` elements apart; only lanes that the mask switches on."""

    __slots__ = ("dtype", "index", "mask", "pointer", "stride", "value")

    def __init__(self, pointer: Pointer, index: Value, value: Value, stride: Value | None, mask: Value | None) -> None:
        self.pointer, self.dtype, self.index = pointer.value, pointer.dtype, index
        self.value, self.stride, self.mask = value, stride, mask


class Barrier:
    """No thread passes before all have come."""

    __slots__ = ()


class Call:
    """Calls a C function of the process that returns nothing; scalar arguments."""

    __slots__ = ("name", "operands")

    def __init__(self, name: str, operands: tuple[Value, ...]) -> None:
        self.name, self.operands = name, operands


Node = Value | For | If | Alloc | Assign | Store | Barrier | Call


class Function:
    """A finished kernel: parameters in their order (addresses and int64 sizes) and a body."""

    __slots__ = ("body", "name", "parameters", "pointers", "step", "thread", "threads")

    def __init__(self, name: str, parameters: list[Var], pointers: dict[int, str], body: Block, spmd: tuple[Var, Var, Var]) -> None:
        self.name, self.parameters, self.pointers, self.body = name, parameters, pointers, body
        self.thread, self.threads, self.step = spmd

    def __str__(self) -> str:
        from millstream.codegen.printer import pseudo_c

        return pseudo_c(self)


def operands_of(node: Node) -> Iterator[Value]:
    """Every value that a node reads itself (not what its blocks read)."""
    candidates: tuple[Value | None, ...] = ()
    if isinstance(node, (Op, Call)):
        candidates = node.operands
    elif isinstance(node, Load):
        candidates = (node.pointer, node.index, node.stride, node.mask)
    elif isinstance(node, Store):
        candidates = (node.pointer, node.index, node.value, node.stride, node.mask)
    elif isinstance(node, For):
        candidates = (node.start, node.stop, node.step)
    elif isinstance(node, If):
        candidates = (node.condition,)
    elif isinstance(node, Assign) or (isinstance(node, Alloc) and node.register is not None):
        candidates = (node.value,)
    return (v for v in candidates if v is not None)


def blocks_of(node: Node) -> tuple[Block, ...]:
    """The blocks inside a node."""
    if isinstance(node, For):
        return (node.body,)
    if isinstance(node, If):
        return (node.then,) if node.other is None else (node.then, node.other)
    return ()
