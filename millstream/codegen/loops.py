"""The loop builder: kernels as loops over typed values, printable as pseudo-C.

>>> b = LoopBuilder("double")
>>> x, n = b.pointer("x", "float32"), b.size("n")
>>> with b.parallel(n) as i:
...     b.store(x, i, b.load(x, i) * 2.0)
>>> function = b.finish()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
    Operand,
    Pointer,
    Register,
    Store,
    Type,
    Value,
    Var,
    register_type,
)
from millstream.codegen.scalars import ScalarBuilder
from millstream.codegen.verify import verify

__all__ = [
    "Alloc",
    "Assign",
    "Barrier",
    "Block",
    "Call",
    "Const",
    "For",
    "Function",
    "If",
    "Load",
    "LoopBuilder",
    "Node",
    "Op",
    "Operand",
    "Pointer",
    "Register",
    "Store",
    "Type",
    "Value",
    "Var",
    "register_type",
    "verify",
]

INDEX = Type("int64")


class LoopBuilder(ScalarBuilder):
    """Builds one kernel: declare parameters, open loops, load, compute, store, `finish()`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._parameters: list[Var] = []
        self._pointers: dict[int, str] = {}
        self.thread, self.threads, self.step = (Var(self, INDEX, self.root, n) for n in ("thread", "threads", "step"))

    # -- parameters and memory --------------------------------------------------------------------------------
    def pointer(self, name: str, dtype: str) -> Pointer:
        """Declares the next parameter: an address of elements of `dtype`."""
        value = Var(self, Type(ADDRESS), self.root, name)
        self._parameters.append(value)
        self._pointers[value.id] = dtype
        return Pointer(value, dtype)

    def size(self, name: str) -> Value:
        """Declares the next parameter: an int64."""
        value = Var(self, INDEX, self.root, name)
        self._parameters.append(value)
        return value

    def stack(self, dtype: str, count: int) -> Pointer:
        """An array of this call, not initialised; 64-byte aligned."""
        value = Var(self, Type(ADDRESS), self.root, f"stack{self.next_id()}")
        self.root.body.append(Alloc(dtype, count, value))
        return Pointer(value, dtype)

    def offset(self, pointer: Pointer, index: Operand) -> Pointer:
        """The address `index` elements further on."""
        step = self._index(index)
        if isinstance(step, Const) and step.value == 0:
            return pointer
        return Pointer(self.op("offset", pointer.value, step, attribute=pointer.dtype), pointer.dtype)

    def _index(self, index: Operand) -> Value:
        value = index if isinstance(index, Value) else self.const(index, INDEX)
        if value.type != INDEX:
            raise TypeError(f"An index in a kernel must be int64; got {value.type}. Use b.cast(index, 'int64').")
        return value

    def load(self, pointer: Pointer, index: Operand, lanes: int = 1, mask: Value | None = None) -> Value:
        """`lanes` elements from `index` on; masked-off lanes read nothing and are 0. 16-bit floats come as float32."""
        return self._loaded(pointer, index, None, lanes, mask)

    def gather(self, pointer: Pointer, index: Operand, stride: Operand, lanes: int) -> Value:
        """`lanes` elements that lie `stride` elements apart."""
        return self._loaded(pointer, index, self._index(stride), lanes, None)

    def _loaded(self, pointer: Pointer, index: Operand, stride: Value | None, lanes: int, mask: Value | None) -> Value:
        self._check_mask(mask, lanes)
        value = Load(self, lanes, self.block, pointer, self._index(index), stride, mask)
        self.block.body.append(value)
        return value

    def store(self, pointer: Pointer, index: Operand, value: Operand, mask: Value | None = None) -> None:
        """Writes the value's lanes from `index` on, where the mask allows; rounds to 16-bit floats."""
        self._stored(pointer, index, value, None, mask)

    def scatter(self, pointer: Pointer, index: Operand, stride: Operand, value: Value) -> None:
        """Writes the value's lanes `stride` elements apart."""
        self._stored(pointer, index, value, self._index(stride), None)

    def _stored(self, pointer: Pointer, index: Operand, value: Operand, stride: Value | None, mask: Value | None) -> None:
        lanes = value if isinstance(value, Value) else self.const(value, pointer.dtype)
        if lanes.type.dtype != register_type(pointer.dtype).dtype:
            raise TypeError(f"Cannot store {lanes.type} as {pointer.dtype} in kernel {self.name!r}; use b.cast first.")
        self._check_mask(mask, lanes.type.lanes)
        self.block.body.append(Store(pointer, self._index(index), lanes, stride, mask))

    def _check_mask(self, mask: Value | None, lanes: int) -> None:
        if mask is not None and mask.type != Type("bool", lanes):
            raise TypeError(f"A mask for {lanes} lanes must be {Type('bool', lanes)}; got {mask.type}.")

    # -- registers --------------------------------------------------------------------------------------------
    def register(self, initial: Value) -> Register:
        """A mutable variable that starts with this value."""
        register = Register(self, initial.type, f"r{self._ids + 1}")
        self.block.body.append(Alloc(initial.type.dtype, initial.type.lanes, initial, register))
        return register

    def assign(self, register: Register, value: Operand) -> None:
        """Gives the register another value of its type."""
        new = value if isinstance(value, Value) else self.const(value, register.type)
        if new.type != register.type:
            raise TypeError(f"Register {register.name} of kernel {self.name!r} holds {register.type}; got {new.type}.")
        self.block.body.append(Assign(register, new))
        self.block.assigned[register.id] = register

    # -- control ----------------------------------------------------------------------------------------------
    @contextmanager
    def loop(self, start: Operand, stop: Operand, step: Operand = 1, kind: str = "serial") -> Iterator[Value]:
        """`for index in range(start, stop, step)`, step positive; "unroll" needs constants."""
        first, last, by = self._index(start), self._index(stop), self._index(step)
        with self._inside("for") as body:
            index = Var(self, INDEX, body, f"i{self._ids + 1}")
            yield index
        self.block.body.append(For(index, first, last, by, kind, body))

    @contextmanager
    def _inside(self, owner: str) -> Iterator[Block]:
        body = self.block = Block(owner, self.block)
        yield body
        assert body.parent is not None
        self.block = body.parent
        self.block.assigned.update(body.assigned)

    @contextmanager
    def parallel(self, extent: Operand, step: int = 1) -> Iterator[Value]:
        """`loop(0, extent, step)` shared among the threads: see `share` for the split."""
        low, high = self.share(extent, step)
        with self.loop(low, high, step, "parallel") as index:
            yield index

    def share(self, extent: Operand, step: int = 1) -> tuple[Value, Value]:
        """This thread's [low, high) of extent: ceil(extent / step) items, thread t taking items t*n//T to (t+1)*n//T."""
        whole = self._index(extent)
        items = self.div(self.add(whole, step - 1), step)
        first = self.div(self.mul(items, self.thread), self.threads)
        last = self.div(self.mul(items, self.add(self.thread, 1)), self.threads)
        return self.mul(first, step), self.min(self.mul(last, step), whole)

    @contextmanager
    def if_(self, condition: Value) -> Iterator[None]:
        """Statements that run where a scalar condition holds; `else_` may follow directly."""
        with self._inside("if") as body:
            yield
        self.block.body.append(If(condition, body))

    @contextmanager
    def else_(self) -> Iterator[None]:
        """What runs otherwise; directly after `if_`."""
        statement = self.block.body[-1] if self.block.body else None
        if not isinstance(statement, If) or statement.other is not None:
            raise TypeError(f"b.else_() in kernel {self.name!r} must follow b.if_() directly.")
        with self._inside("if") as body:
            yield
        statement.other = body

    def barrier(self) -> None:
        """No thread goes on before all have come; every thread must pass the same barriers."""
        self.block.body.append(Barrier())

    def call(self, name: str, *arguments: Value) -> None:
        """Calls a C function of the process, for what it does."""
        self.block.body.append(Call(name, arguments))

    def prefetch(self, pointer: Pointer, index: Operand) -> None:
        """Asks for the cache line of an element; it need not exist."""
        self.block.body.append(Call("prefetch", (self.offset(pointer, index).value,)))

    def finish(self) -> Function:
        """The finished kernel."""
        return Function(self.name, self._parameters, self._pointers, self.root, (self.thread, self.threads, self.step))
