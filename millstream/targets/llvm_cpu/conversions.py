"""Between float32 registers and 16-bit floats in memory, as LLVM text: by the processor where it can, else by integers.

Both directions round to nearest even and keep NaN. A float16 below 2**-14 may be flushed where denormals are off.
"""

from __future__ import annotations

from typing import Protocol

from millstream.codegen.nodes import Type
from millstream.core.machine import Machine
from millstream.targets.llvm_cpu.text import spell, splat, vector


class Writer(Protocol):
    """What conversions need of the emitter."""

    machine: Machine

    def line(self, text: str) -> str:
        """Writes `%new = text` and gives %new."""


def widen(w: Writer, bits: str, dtype: str, lanes: int) -> str:
    """The float32 of 16-bit floats given as i16."""
    if dtype == "float16" and w.machine.has_half:
        half = w.line(f"bitcast {vector('i16', lanes)} {bits} to {vector('half', lanes)}")
        return w.line(f"fpext {vector('half', lanes)} {half} to {vector('float', lanes)}")
    return (_half_to_float if dtype == "float16" else _brain_to_float)(w, bits, lanes)


def narrow(w: Writer, value: str, dtype: str, lanes: int) -> str:
    """The i16 bits of a float32 rounded to a 16-bit float."""
    if dtype == "float16" and w.machine.has_half:
        half = w.line(f"fptrunc {vector('float', lanes)} {value} to {vector('half', lanes)}")
        return w.line(f"bitcast {vector('half', lanes)} {half} to {vector('i16', lanes)}")
    return (_float_to_half if dtype == "float16" else _float_to_brain)(w, value, lanes)


class _Ints:
    """Short names for i32 arithmetic on `lanes` lanes."""

    def __init__(self, w: Writer, lanes: int) -> None:
        self.w, self.lanes, self.type = w, lanes, Type("uint32", lanes)
        self.i32, self.f32, self.i16 = spell(self.type), vector("float", lanes), vector("i16", lanes)

    def op(self, name: str, x: str, y: str | int) -> str:
        return self.w.line(f"{name} {self.i32} {x}, {splat(y, self.type) if isinstance(y, int) else y}")

    def test(self, predicate: str, x: str, y: int) -> str:
        return self.w.line(f"icmp {predicate} {self.i32} {x}, {splat(y, self.type)}")

    def choose(self, condition: str, x: str, y: str | int) -> str:
        other = splat(y, self.type) if isinstance(y, int) else y
        return self.w.line(f"select {vector('i1', self.lanes)} {condition}, {self.i32} {x}, {self.i32} {other}")

    def bits(self, value: str) -> str:
        return self.w.line(f"bitcast {self.f32} {value} to {self.i32}")

    def real(self, bits: str) -> str:
        return self.w.line(f"bitcast {self.i32} {bits} to {self.f32}")

    def from16(self, bits: str) -> str:
        return self.w.line(f"zext {self.i16} {bits} to {self.i32}")

    def to16(self, bits: str) -> str:
        return self.w.line(f"trunc {self.i32} {bits} to {self.i16}")

    def constant(self, value: float) -> str:
        return splat(value, Type("float32", self.lanes))


def _brain_to_float(w: Writer, bits: str, lanes: int) -> str:
    n = _Ints(w, lanes)
    return n.real(n.op("shl", n.from16(bits), 16))


def _float_to_brain(w: Writer, value: str, lanes: int) -> str:
    """Adds half of the last place that stays, less one when that place is even; NaN stays NaN by its quiet bit."""
    n = _Ints(w, lanes)
    bits = n.bits(value)
    odd = n.op("and", n.op("lshr", bits, 16), 1)
    rounded = n.op("lshr", n.op("add", n.op("add", bits, 0x7FFF), odd), 16)
    nan = n.test("ugt", n.op("and", bits, 0x7FFFFFFF), 0x7F800000)
    return n.to16(n.choose(nan, n.op("or", n.op("lshr", bits, 16), 0x40), rounded))


def _half_to_float(w: Writer, bits: str, lanes: int) -> str:
    """Exponent and mantissa shifted into place, scaled by 2**112 to move the bias; infinity and NaN get float32's exponent."""
    n = _Ints(w, lanes)
    wide = n.from16(bits)
    sign = n.op("shl", n.op("and", wide, 0x8000), 16)
    rest = n.op("shl", n.op("and", wide, 0x7FFF), 13)
    scaled = n.bits(w.line(f"fmul {n.f32} {n.real(rest)}, {n.constant(2.0**112)}"))
    special = n.test("uge", rest, 31 << 23)
    return n.real(n.op("or", sign, n.choose(special, n.op("or", rest, 0x7F800000), scaled)))


def _float_to_half(w: Writer, value: str, lanes: int) -> str:
    """Normal results round in integers; small ones by adding 0.5, whose last place is the smallest float16."""
    n = _Ints(w, lanes)
    bits = n.bits(value)
    sign, size = n.op("and", n.op("lshr", bits, 16), 0x8000), n.op("and", bits, 0x7FFFFFFF)
    odd = n.op("and", n.op("lshr", size, 13), 1)
    normal = n.op("lshr", n.op("sub", n.op("add", n.op("add", size, 0x0FFF), odd), 0x38000000), 13)
    normal = n.choose(n.test("ult", normal, 0x7C00), normal, 0x7C00)
    small = n.op("sub", n.bits(w.line(f"fadd {n.f32} {n.real(size)}, {n.constant(0.5)}")), 0x3F000000)
    result = n.choose(n.test("ult", size, 0x38800000), small, normal)
    number = n.test("ule", size, 0x7F800000)
    return n.to16(n.op("or", sign, n.choose(number, result, 0x7E00)))
