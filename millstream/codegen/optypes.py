"""The type rule of every pure operation: names of operations, types of operands -> type of the result.

One table serves the builder (errors at the line that builds), the verifier and the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from millstream.codegen.nodes import ADDRESS, Attribute, Type, register_type

Rule = Callable[[Sequence[Type], Attribute], Type]


def _expect(ok: bool, wanted: str, types: Sequence[Type]) -> None:
    if not ok:
        raise TypeError(f"got ({', '.join(map(str, types))}); expected {wanted}")


def _same(count: int, kind: str) -> Rule:
    """`count` operands of one type of the kind; the result has it too."""
    allowed: dict[str, Callable[[Type], bool]] = {
        "number": lambda t: t.is_float or t.is_integer,
        "float": lambda t: t.is_float,
        "integer": lambda t: t.is_integer,
        "bits": lambda t: t.is_integer or t.is_bool,
        "any": lambda t: True,
    }
    wanted, test = f"{count} operand(s) of one {kind} type", allowed[kind]

    def rule(types: Sequence[Type], attribute: Attribute) -> Type:
        first = types[0]
        if len(types) != count or not test(first) or any(t != first for t in types[1:]):
            _expect(False, wanted, types)
        return first

    return rule


def _compare(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(len(types) == 2 and types[0] == types[1], "two operands of one type", types)
    return Type("bool", types[0].lanes)


def _select(types: Sequence[Type], attribute: Attribute) -> Type:
    ok = len(types) == 3 and types[0].is_bool and types[1] == types[2] and types[0].lanes in (1, types[1].lanes)
    _expect(ok, "a bool (scalar or of the same lanes) and two operands of one type", types)
    return types[1]


def _cast(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(len(types) == 1 and isinstance(attribute, str), "one operand and a dtype", types)
    return register_type(str(attribute), types[0].lanes)


def _bitcast(types: Sequence[Type], attribute: Attribute) -> Type:
    result = types[0].of(str(attribute))
    _expect(result.bits == types[0].bits and not result.is_bool, f"an operand of as many bits as {attribute}", types)
    return result


def _broadcast(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(types[0].lanes == 1 and isinstance(attribute, int), "a scalar and a number of lanes", types)
    return types[0].wide(int(str(attribute)))


def _iota(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(len(types) == 1 and types[0].lanes == 1 and types[0].is_integer, "one integer scalar (the first lane)", types)
    return types[0].wide(int(str(attribute)))


def _extract(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(isinstance(attribute, int) and 0 <= attribute < types[0].lanes, f"a vector with a lane {attribute}", types)
    return types[0].wide(1)


def _shuffle(types: Sequence[Type], attribute: Attribute) -> Type:
    lanes = attribute if isinstance(attribute, tuple) else ()
    ok = len(types) == 2 and types[0] == types[1] and bool(lanes) and all(0 <= i < 2 * types[0].lanes for i in lanes)
    _expect(ok, f"two vectors of one type that have the lanes {lanes}", types)
    return types[0].wide(len(lanes))


def _mask(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(list(types) == [Type("int64")], "an int64 scalar and a number of lanes", types)
    return Type("bool", int(str(attribute)))


def _reduce(types: Sequence[Type], attribute: Attribute) -> Type:
    lanes = types[0].lanes
    ok = attribute in ("add", "mul", "max", "min", "and", "or") and lanes & (lanes - 1) == 0
    _expect(ok, "a vector of 2, 4, 8, ... lanes and one of add mul max min and or", types)
    return types[0].wide(1)


def _offset(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(list(types) == [Type(ADDRESS), Type("int64")], "an address and an int64 scalar", types)
    return types[0]


def _mulhi(types: Sequence[Type], attribute: Attribute) -> Type:
    _expect(len(types) == 2 and types[0] == types[1] and types[0].dtype == "uint32", "two operands of one uint32 type", types)
    return types[0]


def _rules() -> dict[str, Rule]:
    table: dict[str, Rule] = {
        "select": _select,
        "cast": _cast,
        "bitcast": _bitcast,
        "broadcast": _broadcast,
        "iota": _iota,
        "extract": _extract,
        "shuffle": _shuffle,
        "mask": _mask,
        "reduce": _reduce,
        "offset": _offset,
        "mulhi": _mulhi,
        "fma": _same(3, "float"),
        "not": _same(1, "bits"),
        "neg": _same(1, "number"),
        "abs": _same(1, "number"),
    }
    table |= dict.fromkeys(("add", "sub", "mul", "div", "rem", "min", "max", "min_num", "max_num"), _same(2, "number"))
    table |= dict.fromkeys(("and", "or", "xor"), _same(2, "bits"))
    table |= dict.fromkeys(("shl", "lshr", "ashr"), _same(2, "integer"))
    table |= dict.fromkeys(("sqrt", "floor", "ceil", "round_even", "trunc", "libm"), _same(1, "float"))
    table |= {"libm2": _same(2, "float"), "copysign": _same(2, "float")}
    table |= dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _compare)
    return table


RULES = _rules()


def infer(name: str, types: Sequence[Type], attribute: Attribute = None) -> Type:
    """The result's type.

    Raises: TypeError with what came and what was expected.
    >>> str(infer("lt", [Type("float32", 4), Type("float32", 4)]))
    'boolx4'
    """
    rule = RULES.get(name)
    if rule is None:
        raise TypeError(f"Unknown operation {name!r} in a kernel; known: {', '.join(sorted(RULES))}.")
    try:
        return rule(types, attribute)
    except TypeError as error:
        raise TypeError(f"Operation {name!r} in a kernel {error}.") from None
