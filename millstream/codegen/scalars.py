"""The builder's scalar half: every pure operation, on one lane or on many alike.

Where an operation is placed: pure operations go to the outermost loop in which their operands exist (never out of an
`if`), and equal ones are shared. LLVM's middle-end does not run, so invariant code is moved here.
"""

from __future__ import annotations

from collections.abc import Sequence

from millstream.codegen.nodes import Attribute, Block, Const, Number, Op, Operand, Register, Type, Value, Var, register_type
from millstream.codegen.optypes import infer

# Integer division can trap, so it stays where it was written.
_PINNED = {"div", "rem"}


class ScalarBuilder:
    """What an op's compiled body needs: operations on values, whatever their lanes."""

    def __init__(self) -> None:
        self._ids = 0
        self.root = Block("function", None)
        self.block = self.root
        self._constants: dict[tuple[Type, str], Const] = {}

    def next_id(self) -> int:
        """A number that no other value or register of this kernel has."""
        self._ids += 1
        return self._ids

    # -- constants and operands -------------------------------------------------------------------------------
    def const(self, value: Number, like: Value | Type | str) -> Value:
        """A constant with the type of `like` (a value, a type, or a dtype's name for a scalar)."""
        type_ = like.type if isinstance(like, Value) else like if isinstance(like, Type) else register_type(like)
        number: Number = float(value) if type_.is_float else bool(value) if type_.is_bool else int(value)
        key = (type_, repr(number))
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = Const(self, type_, self.root, number)
        return found

    def _pair(self, x: Operand, y: Operand) -> tuple[Value, Value]:
        if isinstance(x, Value):
            return x, y if isinstance(y, Value) else self.const(y, x.type)
        if isinstance(y, Value):
            return self.const(x, y.type), y
        raise TypeError(f"Two Python numbers ({x!r}, {y!r}) need no kernel; compute with them in Python or use b.const.")

    def _home(self, operands: tuple[Value, ...]) -> Block:
        """The outermost block, up through loops only, where every operand exists."""
        inner = {id(v.block) for v in operands}
        block = self.block
        while id(block) not in inner and block.owner == "for" and block.parent is not None:
            block = block.parent
        return block

    def op(self, name: str, *operands: Value, attribute: Attribute = None) -> Value:
        """The operation `name` of the table in `optypes`.

        Raises: TypeError when the operands do not fit.
        """
        key = (name, attribute, *[v.id for v in operands])
        home: Block | None = self.block if name in _PINNED and operands[0].type.is_integer else self._home(operands)
        place = home or self.root
        while home is not None:
            found = home.table.get(key)
            if found is not None:
                return found
            home = home.parent
        value = Op(self, infer(name, [v.type for v in operands], attribute), place, name, operands, attribute)
        place.body.append(value)
        place.table[key] = value
        return value

    def read(self, register: Register) -> Value:
        """What a register holds at this point (`register.value`)."""
        value = Var(self, register.type, self.block, register.name, register)
        self.block.body.append(value)
        return value

    # -- arithmetic -------------------------------------------------------------------------------------------
    def add(self, x: Operand, y: Operand) -> Value:
        """x + y; integers wrap."""
        a, b = self._pair(x, y)
        if a.type.is_integer:
            if isinstance(b, Const) and b.value == 0:
                return a
            if isinstance(a, Const):
                return b if a.value == 0 else self._folded(a, b, "add")
        return self.op("add", a, b)

    def _folded(self, a: Const, b: Value, name: str) -> Value:
        """Constant index arithmetic done here; numbers that would wrap are left to the machine."""
        if isinstance(b, Const):
            result = a.value + b.value if name == "add" else a.value * b.value
            if abs(result) < 2 ** (a.type.bits - 1) and result >= 0:
                return self.const(result, a.type)
        return self.op(name, a, b)

    def sub(self, x: Operand, y: Operand) -> Value:
        """x - y; integers wrap."""
        a, b = self._pair(x, y)
        if a.type.is_integer and isinstance(b, Const) and b.value == 0:
            return a
        return self.op("sub", a, b)

    def mul(self, x: Operand, y: Operand) -> Value:
        """x * y; integers wrap."""
        a, b = self._pair(x, y)
        if a.type.is_integer:
            if isinstance(b, Const) and b.value == 1:
                return a
            if isinstance(a, Const):
                return b if a.value == 1 else self._folded(a, b, "mul")
        return self.op("mul", a, b)

    def div(self, x: Operand, y: Operand) -> Value:
        """x / y; integers as in C: towards zero, and a divisor of 0 traps."""
        a, b = self._pair(x, y)
        if a.type.is_integer and isinstance(b, Const) and b.value == 1:
            return a
        return self.op("div", a, b)

    def rem(self, x: Operand, y: Operand) -> Value:
        """The remainder of C's division: it has the sign of x."""
        return self.op("rem", *self._pair(x, y))

    def fma(self, x: Operand, y: Operand, z: Value) -> Value:
        """x * y + z, rounded once where the processor can."""
        first, second = (v if isinstance(v, Value) else self.const(v, z.type) for v in (x, y))
        return self.op("fma", first, second, z)

    def neg(self, x: Value) -> Value:
        """-x."""
        return self.op("neg", x)

    def abs(self, x: Value) -> Value:
        """|x|; the smallest signed integer stays itself."""
        return x if x.type.is_integer and not x.type.is_signed else self.op("abs", x)

    def sqrt(self, x: Value) -> Value:
        """Square root, correctly rounded."""
        return self.op("sqrt", x)

    def floor(self, x: Value) -> Value:
        """The whole number below or at x."""
        return self.op("floor", x)

    def ceil(self, x: Value) -> Value:
        """The whole number above or at x."""
        return self.op("ceil", x)

    def round_even(self, x: Value) -> Value:
        """The nearest whole number, halves to the even one."""
        return self.op("round_even", x)

    def trunc(self, x: Value) -> Value:
        """The whole number towards zero."""
        return self.op("trunc", x)

    def copysign(self, x: Operand, y: Operand) -> Value:
        """|x| with the sign of y."""
        return self.op("copysign", *self._pair(x, y))

    def min(self, x: Operand, y: Operand) -> Value:
        """The smaller; NaN where either is NaN."""
        return self.op("min", *self._pair(x, y))

    def max(self, x: Operand, y: Operand) -> Value:
        """The larger; NaN where either is NaN."""
        return self.op("max", *self._pair(x, y))

    def min_num(self, x: Operand, y: Operand) -> Value:
        """x < y ? x : y, one instruction; y where either is NaN."""
        return self.op("min_num", *self._pair(x, y))

    def max_num(self, x: Operand, y: Operand) -> Value:
        """x > y ? x : y, one instruction; y where either is NaN."""
        return self.op("max_num", *self._pair(x, y))

    def clamp(self, x: Value, low: Operand, high: Operand) -> Value:
        """x held in [low, high]; NaN stays NaN."""
        return self.max_num(low, self.min_num(high, x))

    def poly(self, x: Value, coefficients: Sequence[float]) -> Value:
        """The polynomial with these coefficients, highest power first (as numpy.polyval), by Horner with fma."""
        result = self.const(coefficients[0], x.type)
        for c in coefficients[1:]:
            result = self.fma(result, x, self.const(c, x.type))
        return result

    def mulhi(self, x: Operand, y: Operand) -> Value:
        """The upper 32 bits of the 64-bit product of two uint32."""
        return self.op("mulhi", *self._pair(x, y))

    # -- comparison and logic ---------------------------------------------------------------------------------
    def eq(self, x: Operand, y: Operand) -> Value:
        """x == y; false where either is NaN."""
        return self.op("eq", *self._pair(x, y))

    def ne(self, x: Operand, y: Operand) -> Value:
        """x != y; true where either is NaN."""
        return self.op("ne", *self._pair(x, y))

    def lt(self, x: Operand, y: Operand) -> Value:
        """x < y."""
        return self.op("lt", *self._pair(x, y))

    def le(self, x: Operand, y: Operand) -> Value:
        """x <= y."""
        return self.op("le", *self._pair(x, y))

    def gt(self, x: Operand, y: Operand) -> Value:
        """x > y."""
        return self.op("gt", *self._pair(x, y))

    def ge(self, x: Operand, y: Operand) -> Value:
        """x >= y."""
        return self.op("ge", *self._pair(x, y))

    def and_(self, x: Operand, y: Operand) -> Value:
        """Bits, or truth of bools, in both."""
        return self.op("and", *self._pair(x, y))

    def or_(self, x: Operand, y: Operand) -> Value:
        """Bits, or truth of bools, in either."""
        return self.op("or", *self._pair(x, y))

    def xor(self, x: Operand, y: Operand) -> Value:
        """Bits, or truth of bools, in one only."""
        return self.op("xor", *self._pair(x, y))

    def not_(self, x: Value) -> Value:
        """Every bit, or the truth, the other way."""
        return self.op("not", x)

    logical_and, logical_or, logical_xor, logical_not = and_, or_, xor, not_

    def shl(self, x: Operand, y: Operand) -> Value:
        """x << y; y below the bits of x."""
        return self.op("shl", *self._pair(x, y))

    def lshr(self, x: Operand, y: Operand) -> Value:
        """x >> y, zeros coming in; y below the bits of x."""
        return self.op("lshr", *self._pair(x, y))

    def ashr(self, x: Operand, y: Operand) -> Value:
        """x >> y, the sign coming in; y below the bits of x."""
        return self.op("ashr", *self._pair(x, y))

    def select(self, condition: Value, x: Operand, y: Operand) -> Value:
        """x where the condition holds, else y; a scalar condition chooses whole vectors."""
        return self.op("select", condition, *self._pair(x, y))

    # -- types and lanes --------------------------------------------------------------------------------------
    def cast(self, x: Value, dtype: str) -> Value:
        """x as another dtype, as C converts (float to int: towards zero; to bool: != 0); float16 rounds but stays float32."""
        if dtype == x.type.dtype:
            return x
        if isinstance(x, Const) and dtype not in ("float16", "bfloat16") and abs(x.value) < 2**31 and x.value >= 0:
            return self.const(x.value, x.type.of(dtype))
        return self.op("cast", x, attribute=dtype)

    def bitcast(self, x: Value, dtype: str) -> Value:
        """The same bits read as another dtype of the same size."""
        return x if dtype == x.type.dtype else self.op("bitcast", x, attribute=dtype)

    def broadcast(self, x: Value, lanes: int) -> Value:
        """The scalar in every lane; with one lane, or lanes already, x itself."""
        if x.type.lanes == lanes:
            return x
        return self.const(x.value, x.type.wide(lanes)) if isinstance(x, Const) else self.op("broadcast", x, attribute=lanes)

    def iota(self, lanes: int, dtype: str = "int64", first: Operand = 0) -> Value:
        """first, first + 1, first + 2, ... ; a scalar for one lane."""
        start = first if isinstance(first, Value) else self.const(first, dtype)
        return start if lanes == 1 else self.op("iota", start, attribute=lanes)

    def extract(self, vector: Value, lane: int) -> Value:
        """One lane."""
        return vector if vector.type.lanes == 1 else self.op("extract", vector, attribute=lane)

    def shuffle(self, x: Value, y: Value, lanes: Sequence[int]) -> Value:
        """The numbered lanes of x followed by y, as a vector."""
        return self.op("shuffle", x, y, attribute=tuple(lanes))

    def mask(self, count: Value, lanes: int) -> Value:
        """The first `count` lanes on; none for count <= 0, all for count >= lanes."""
        return self.gt(count, 0) if lanes == 1 else self.op("mask", count, attribute=lanes)

    def reduce(self, vector: Value, kind: str) -> Value:
        """All lanes combined ("add" "mul" "max" "min" "and" "or"): halves onto halves, always in this order."""
        return vector if vector.type.lanes == 1 else self.op("reduce", vector, attribute=kind)

    def libm(self, name: str, x: Value, y: Value | None = None) -> Value:
        """The C library's `name` lane by lane; give the double function's name ("erf"), float32 calls the "f" one."""
        return self.op("libm", x, attribute=name) if y is None else self.op("libm2", x, y, attribute=name)
