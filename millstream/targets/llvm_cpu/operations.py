"""Every pure operation of the loop IR as LLVM text: one small function, or one row of a table, each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from millstream.codegen.nodes import Op, Type
from millstream.targets.llvm_cpu import conversions
from millstream.targets.llvm_cpu.text import NAMES, lanes_of, memory_type, spell, splat, suffix, vector


class Emitter(conversions.Writer, Protocol):
    """What an operation needs of the emitter."""

    def declare(self, signature: str) -> None:
        """Remembers an external function's declaration."""


Emit = Callable[[Emitter, Op, list[str]], str]

FLOAT_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "rem": "frem"}
SIGNED_BINARY = {"div": "sdiv", "rem": "srem"}
UNSIGNED_BINARY = {"div": "udiv", "rem": "urem"}
PREDICATES = {
    "eq": ("oeq", "eq", "eq"),
    "ne": ("une", "ne", "ne"),
    "lt": ("olt", "slt", "ult"),
    "le": ("ole", "sle", "ule"),
    "gt": ("ogt", "sgt", "ugt"),
    "ge": ("oge", "sge", "uge"),
}
INTRINSICS = {"sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "round_even": "nearbyint", "copysign": "copysign"}


def intrinsic(w: Emitter, name: str, type_: Type, *operands: str, tail: str = "") -> str:
    """A call of `llvm.name` whose operands and result have one type."""
    spelled, full = spell(type_), f"llvm.{name}.{suffix(type_)}"
    w.declare(f"declare {spelled} @{full}({', '.join([spelled] * len(operands))}{', i1' if tail else ''})")
    return w.line(f"call {spelled} @{full}({', '.join(f'{spelled} {x}' for x in operands)}{tail})")


def _binary(w: Emitter, node: Op, x: list[str]) -> str:
    type_ = node.type
    table = FLOAT_BINARY if type_.is_float else SIGNED_BINARY if type_.is_signed else UNSIGNED_BINARY
    return w.line(f"{table.get(node.name, node.name)} {spell(type_)} {x[0]}, {x[1]}")


def _compare(w: Emitter, node: Op, x: list[str]) -> str:
    return compare(w, node.name, node.operands[0].type, x[0], x[1])


def compare(w: Emitter, name: str, type_: Type, x: str, y: str) -> str:
    """`x name y` on operands of a type."""
    predicate = PREDICATES[name][0 if type_.is_float else 1 if type_.is_signed else 2]
    return w.line(f"{'fcmp' if type_.is_float else 'icmp'} {predicate} {spell(type_)} {x}, {y}")


def _choose(w: Emitter, condition: str, type_: Type, x: str, y: str) -> str:
    return w.line(f"select {vector('i1', type_.lanes)} {condition}, {spell(type_)} {x}, {spell(type_)} {y}")


def _select(w: Emitter, node: Op, x: list[str]) -> str:
    condition, type_ = node.operands[0].type, spell(node.type)
    return w.line(f"select {spell(condition)} {x[0]}, {type_} {x[1]}, {type_} {x[2]}")


def _extreme(w: Emitter, node: Op, x: list[str]) -> str:
    return extreme(w, node.name, node.type, x[0], x[1])


def extreme(w: Emitter, name: str, type_: Type, x: str, y: str) -> str:
    """min, max (NaN wins) and min_num, max_num (the second operand wins over NaN: one x86 instruction)."""
    less = name.startswith("min")
    if not type_.is_float:
        return intrinsic(w, ("s" if type_.is_signed else "u") + name[:3], type_, x, y)
    chosen = _choose(w, compare(w, "lt" if less else "gt", type_, x, y), type_, x, y)
    if name.endswith("num"):
        return chosen
    return _choose(w, w.line(f"fcmp uno {spell(type_)} {x}, {x}"), type_, x, chosen)


def _fma(w: Emitter, node: Op, x: list[str]) -> str:
    type_ = spell(node.type)
    if w.machine.has_fma:
        return intrinsic(w, "fma", node.type, *x)
    return w.line(f"fadd {type_} {w.line(f'fmul {type_} {x[0]}, {x[1]}')}, {x[2]}")


def _rounding(w: Emitter, node: Op, x: list[str]) -> str:
    return intrinsic(w, INTRINSICS[node.name], node.type, *x)


def _neg(w: Emitter, node: Op, x: list[str]) -> str:
    type_ = spell(node.type)
    return w.line(f"fneg {type_} {x[0]}" if node.type.is_float else f"sub {type_} {splat(0, node.type)}, {x[0]}")


def _abs(w: Emitter, node: Op, x: list[str]) -> str:
    return intrinsic(w, "fabs", node.type, x[0]) if node.type.is_float else intrinsic(w, "abs", node.type, x[0], tail=", i1 false")


def _not(w: Emitter, node: Op, x: list[str]) -> str:
    ones = splat(True if node.type.is_bool else -1, node.type)
    return w.line(f"xor {spell(node.type)} {x[0]}, {ones}")


def _bitcast(w: Emitter, node: Op, x: list[str]) -> str:
    source, target = spell(node.operands[0].type), spell(node.type)
    return x[0] if source == target else w.line(f"bitcast {source} {x[0]} to {target}")


def _broadcast(w: Emitter, node: Op, x: list[str]) -> str:
    return broadcast(w, x[0], node.type)


def broadcast(w: Emitter, scalar: str, type_: Type) -> str:
    """A scalar in every lane of a vector type."""
    if type_.lanes == 1:
        return scalar
    target = spell(type_)
    first = w.line(f"insertelement {target} poison, {NAMES[type_.dtype]} {scalar}, i32 0")
    return w.line(f"shufflevector {target} {first}, {target} poison, <{type_.lanes} x i32> zeroinitializer")


def _iota(w: Emitter, node: Op, x: list[str]) -> str:
    lanes = lanes_of(list(range(node.type.lanes)), node.type)
    return w.line(f"add {spell(node.type)} {broadcast(w, x[0], node.type)}, {lanes}")


def _extract(w: Emitter, node: Op, x: list[str]) -> str:
    return w.line(f"extractelement {spell(node.operands[0].type)} {x[0]}, i32 {node.attribute}")


def _shuffle(w: Emitter, node: Op, x: list[str]) -> str:
    assert isinstance(node.attribute, tuple)
    return shuffle(w, node.operands[0].type, x[0], x[1], list(node.attribute))


def shuffle(w: Emitter, type_: Type, x: str, y: str, lanes: list[int]) -> str:
    """The numbered lanes of x followed by y."""
    if type_.lanes == 1:
        return _shuffle_scalars(w, type_, x, y, lanes)
    if len(lanes) == 1:
        return w.line(f"extractelement {spell(type_)} {(x, y)[lanes[0] // type_.lanes]}, i32 {lanes[0] % type_.lanes}")
    chosen = Type("int32", len(lanes))
    return w.line(f"shufflevector {spell(type_)} {x}, {spell(type_)} {y}, {spell(chosen)} {lanes_of(list(lanes), chosen)}")


def _shuffle_scalars(w: Emitter, type_: Type, x: str, y: str, lanes: list[int]) -> str:
    target, result = vector(NAMES[type_.dtype], len(lanes)), "poison"
    for place, lane in enumerate(lanes):
        result = w.line(f"insertelement {target} {result}, {spell(type_)} {(x, y)[lane]}, i32 {place}")
    return result


def _mask(w: Emitter, node: Op, x: list[str]) -> str:
    """Lane numbers below the count, compared in 32 bits after holding the count in range."""
    lanes, wide = node.type.lanes, Type("int32", node.type.lanes)
    size = Type("int64")
    held = intrinsic(w, "smax", size, intrinsic(w, "smin", size, x[0], str(lanes)), "0")
    count = broadcast(w, w.line(f"trunc i64 {held} to i32"), wide)
    return w.line(f"icmp sgt {spell(wide)} {count}, {lanes_of(list(range(lanes)), wide)}")


def _reduce(w: Emitter, node: Op, x: list[str]) -> str:
    """Halves onto halves until one lane is left: the interpreter's order."""
    type_, value = node.operands[0].type, x[0]
    while type_.lanes > 1:
        half = type_.lanes // 2
        low = shuffle(w, type_, value, "poison", list(range(half)))
        high = shuffle(w, type_, value, "poison", list(range(half, type_.lanes)))
        type_ = type_.wide(half)
        value = _combine(w, str(node.attribute), type_, low, high)
    return value


def _combine(w: Emitter, kind: str, type_: Type, x: str, y: str) -> str:
    if kind in ("max", "min"):
        return extreme(w, kind, type_, x, y)
    name = FLOAT_BINARY[kind] if type_.is_float else kind
    return w.line(f"{name} {spell(type_)} {x}, {y}")


def _mulhi(w: Emitter, node: Op, x: list[str]) -> str:
    narrow, wide = spell(node.type), spell(node.type.of("uint64"))
    a, b = (w.line(f"zext {narrow} {v} to {wide}") for v in x)
    product = w.line(f"lshr {wide} {w.line(f'mul {wide} {a}, {b}')}, {splat(32, node.type.of('uint64'))}")
    return w.line(f"trunc {wide} {product} to {narrow}")


def _libm(w: Emitter, node: Op, x: list[str]) -> str:
    """A call of the C library for each lane."""
    scalar, type_ = NAMES[node.type.dtype], node.type
    name = str(node.attribute) + ("f" if type_.dtype == "float32" else "")
    w.declare(f"declare {scalar} @{name}({', '.join([scalar] * len(x))})")
    if type_.lanes == 1:
        return w.line(f"call {scalar} @{name}({', '.join(f'{scalar} {v}' for v in x)})")
    result = "poison"
    for lane, arguments in enumerate(_lanes(w, type_, x)):
        value = w.line(f"call {scalar} @{name}({', '.join(f'{scalar} {v}' for v in arguments)})")
        result = w.line(f"insertelement {spell(type_)} {result}, {scalar} {value}, i32 {lane}")
    return result


def _lanes(w: Emitter, type_: Type, x: list[str]) -> Iterator[list[str]]:
    for lane in range(type_.lanes):
        yield [w.line(f"extractelement {spell(type_)} {v}, i32 {lane}") for v in x]


def _offset(w: Emitter, node: Op, x: list[str]) -> str:
    return w.line(f"getelementptr {memory_type(str(node.attribute))}, ptr {x[0]}, i64 {x[1]}")


def _cast(w: Emitter, node: Op, x: list[str]) -> str:
    source, value = node.operands[0].type, x[0]
    dtype = str(node.attribute)
    if dtype in ("float16", "bfloat16"):
        single = convert(w, value, source, source.of("float32"))
        return conversions.widen(w, conversions.narrow(w, single, dtype, source.lanes), dtype, source.lanes)
    return convert(w, value, source, node.type)


def convert(w: Emitter, value: str, source: Type, target: Type) -> str:
    """C's conversion between register types."""
    if spell(source) == spell(target):
        return value
    if target.is_bool:
        zero = splat(0, source)
        return w.line(f"fcmp une {spell(source)} {value}, {zero}" if source.is_float else f"icmp ne {spell(source)} {value}, {zero}")
    if source.is_float and not target.is_float:
        return _to_integer(w, value, source, target)
    return w.line(f"{_conversion(source, target)} {spell(source)} {value} to {spell(target)}")


def _conversion(source: Type, target: Type) -> str:
    if source.is_float:
        return "fpext" if target.bits > source.bits else "fptrunc"
    if target.is_float:
        return "sitofp" if source.is_signed else "uitofp"
    if source.is_bool or target.bits > source.bits:
        return "sext" if source.is_signed else "zext"
    return "trunc"


def _to_integer(w: Emitter, value: str, source: Type, target: Type) -> str:
    """Through a signed integer wide enough, then cut: what x86 gives NumPy for small and unsigned integers."""
    if target.dtype == "uint64":
        return w.line(f"fptoui {spell(source)} {value} to {spell(target)}")
    wide = target.of("int64" if target.bits == 64 or target.dtype == "uint32" else "int32")
    result = w.line(f"fptosi {spell(source)} {value} to {spell(wide)}")
    return convert(w, result, wide, target)


def _table() -> dict[str, Emit]:
    table: dict[str, Emit] = {
        "fma": _fma,
        "neg": _neg,
        "abs": _abs,
        "not": _not,
        "select": _select,
        "cast": _cast,
        "bitcast": _bitcast,
        "broadcast": _broadcast,
        "iota": _iota,
        "extract": _extract,
        "shuffle": _shuffle,
        "mask": _mask,
        "reduce": _reduce,
        "mulhi": _mulhi,
        "libm": _libm,
        "libm2": _libm,
        "offset": _offset,
    }
    table |= dict.fromkeys(("add", "sub", "mul", "div", "rem", "and", "or", "xor", "shl", "lshr", "ashr"), _binary)
    table |= dict.fromkeys(PREDICATES, _compare)
    table |= dict.fromkeys(("min", "max", "min_num", "max_num"), _extreme)
    table |= dict.fromkeys(INTRINSICS, _rounding)
    return table


TABLE = _table()
