"""Spelling of LLVM text: types and constants."""

from __future__ import annotations

import struct
from functools import cache

from millstream.codegen.nodes import Number, Type

NAMES = {
    "float32": "float",
    "float64": "double",
    "bool": "i1",
    "address": "ptr",
    "int8": "i8",
    "uint8": "i8",
    "int16": "i16",
    "uint16": "i16",
    "int32": "i32",
    "uint32": "i32",
    "int64": "i64",
    "uint64": "i64",
    "float16": "i16",
    "bfloat16": "i16",
}


@cache
def spell(type_: Type) -> str:
    """The type of a value in registers."""
    return vector(NAMES[type_.dtype], type_.lanes)


@cache
def vector(element: str, lanes: int) -> str:
    """A vector type, or the element for one lane."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


@cache
def suffix(type_: Type) -> str:
    """How intrinsics name the type: f32, v8f32, i64, v4i32."""
    element = NAMES[type_.dtype].replace("float", "f32").replace("double", "f64")
    return element if type_.lanes == 1 else f"v{type_.lanes}{element}"


def memory_type(dtype: str) -> str:
    """The element as it lies in memory: bool as i8, 16-bit floats as i16."""
    return "i8" if dtype == "bool" else NAMES[dtype]


def number(value: Number, dtype: str) -> str:
    """One lane's constant; floats as the hexadecimal digits of the double that LLVM wants."""
    if dtype in ("float32", "float64"):
        wide = float(value)
        if dtype == "float32":
            wide = _to_single(wide)
        return f"0x{struct.unpack('<Q', struct.pack('<d', wide))[0]:016X}"
    if dtype == "bool":
        return "true" if value else "false"
    return str(int(value))


def _to_single(value: float) -> float:
    """Rounded to float32 and back; beyond its range, infinity."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def splat(value: Number, type_: Type) -> str:
    """A constant with the same number in every lane."""
    spelled = number(value, type_.dtype)
    if type_.lanes == 1:
        return spelled
    if spelled in ("0", "0x0000000000000000", "false"):
        return "zeroinitializer"
    return "<" + ", ".join([f"{NAMES[type_.dtype]} {spelled}"] * type_.lanes) + ">"


def lanes_of(values: list[Number], type_: Type) -> str:
    """A constant of these lanes."""
    if type_.lanes == 1:
        return number(values[0], type_.dtype)
    element = NAMES[type_.dtype]
    return "<" + ", ".join(f"{element} {number(v, type_.dtype)}" for v in values) + ">"
