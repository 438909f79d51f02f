"""Runs a kernel in plain Python on NumPy scalars: slow, exact, the reference for compiled code.

An address is a pair (flat array, element offset). Threads run one after another up to each barrier.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from millstream.codegen.nodes import (
    Alloc,
    Assign,
    Attribute,
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
    Store,
    Type,
    Value,
    Var,
)

# What a value is while interpreted: a NumPy scalar, an array of lanes, or an address. NumPy's own types say no more here.
Lanes = Any
Env = dict[int, Lanes]


def run(function: Function, arguments: Sequence[Any], threads: int = 1, step: int = 0) -> None:
    """Calls the kernel once on `threads` threads; arrays are written in place, sizes are ints.

    Raises: IndexError for an access outside an array.
    """
    if len(arguments) != len(function.parameters):
        raise TypeError(f"Kernel {function.name!r} has {len(function.parameters)} parameters; got {len(arguments)}.")
    runs = [_Run(function, arguments, t, threads, step).block(function.body) for t in range(threads)]
    with np.errstate(all="ignore"):
        while runs:
            runs = [r for r in runs if next(r, "done") != "done"]


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The NumPy dtype of a name; bfloat16 comes from ml_dtypes."""
    if dtype == "bfloat16":
        import ml_dtypes

        dtype = ml_dtypes.bfloat16  # a scalar type stands for its dtype
    result: np.dtype[Any] = np.dtype(dtype)
    return result


def _flat(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return np.int64(array)
    flat = array.reshape(-1)
    if not np.shares_memory(flat, array) and array.size:
        raise ValueError("The interpreter needs contiguous arrays, so that writes arrive.")
    return flat, 0


class _Run:
    """One thread's pass over the statements; a generator that stops at every barrier."""

    def __init__(self, function: Function, arguments: Sequence[Any], thread: int, threads: int, step: int) -> None:
        spmd = zip((function.thread, function.threads, function.step), (thread, threads, step), strict=True)
        self.env: Env = {v.id: np.int64(x) for v, x in spmd}
        self.env |= {p.id: _flat(a) for p, a in zip(function.parameters, arguments, strict=True)}
        self.name = function.name

    def get(self, value: Value) -> Lanes:
        if isinstance(value, Const):
            scalar = numpy_dtype(value.type.dtype).type(value.value)
            return scalar if value.type.lanes == 1 else np.full(value.type.lanes, scalar)
        return self.env[value.id]

    def block(self, block: Block) -> Iterator[str]:
        for node in block.body:
            if isinstance(node, For):
                yield from self.loop(node)
            elif isinstance(node, If):
                chosen = node.then if self.get(node.condition) else node.other
                if chosen is not None:
                    yield from self.block(chosen)
            elif isinstance(node, Barrier):
                yield "barrier"
            else:
                self.simple(node)

    def loop(self, node: For) -> Iterator[str]:
        for i in range(int(self.get(node.start)), int(self.get(node.stop)), int(self.get(node.step))):
            self.env[node.index.id] = np.int64(i)
            yield from self.block(node.body)

    def simple(self, node: Node) -> None:
        if isinstance(node, Op):
            self.env[node.id] = evaluate(node.name, node.type, [self.get(v) for v in node.operands], node.attribute)
        elif isinstance(node, Load):
            self.env[node.id] = self.load(node)
        elif isinstance(node, Var):
            self.env[node.id] = self.env[node.register.id] if node.register is not None else self.env[node.id]
        elif isinstance(node, Store):
            self.store(node)
        elif isinstance(node, Assign):
            self.env[node.register.id] = self.get(node.value)
        elif isinstance(node, Alloc):
            self.alloc(node)
        elif isinstance(node, Call) and node.name != "prefetch":
            getattr(ctypes.CDLL(None), node.name)(*[int(self.get(v)) for v in node.operands])

    def alloc(self, node: Alloc) -> None:
        if node.register is not None:
            self.env[node.register.id] = self.get(node.value)
        elif node.value.id not in self.env:
            self.env[node.value.id] = (np.zeros(node.count, numpy_dtype(node.dtype)), 0)

    def lanes(self, node: Load | Store, lanes: int) -> tuple[Any, Any, Any]:
        """The array, the element numbers, and which lanes are on."""
        array, base = self.get(node.pointer)
        stride = 1 if node.stride is None else int(self.get(node.stride))
        where = base + int(self.get(node.index)) + stride * np.arange(lanes)
        on = np.ones(lanes, bool) if node.mask is None else np.atleast_1d(self.get(node.mask))
        outside = on & ((where < 0) | (where >= array.size))
        if outside.any():
            raise IndexError(f"Kernel {self.name!r} touches element {where[outside][0]} of an array of {array.size}.")
        return array, where, on

    def load(self, node: Load) -> Lanes:
        array, where, on = self.lanes(node, node.type.lanes)
        result = np.zeros(node.type.lanes, numpy_dtype(node.type.dtype))
        result[on] = array[where[on]].astype(result.dtype)
        return result if node.type.lanes > 1 else result[0]

    def store(self, node: Store) -> None:
        array, where, on = self.lanes(node, node.value.type.lanes)
        array[where[on]] = np.atleast_1d(self.get(node.value))[on].astype(array.dtype)


def _divide(x: Lanes, y: Lanes) -> Lanes:
    if x.dtype.kind == "f":
        return x / y
    floor = x // y
    return (floor + ((floor * y != x) & ((x < 0) != (y < 0)))).astype(x.dtype)


def _fma(x: Lanes, y: Lanes, z: Lanes) -> Lanes:
    """One rounding for float32 (the product is exact in float64), two for float64."""
    if x.dtype == np.float32:
        return (x.astype(np.float64) * y + z).astype(np.float32)
    return x * y + z


def _shift(x: Lanes, y: Lanes, dtype: str) -> Lanes:
    """To the right, as this signed or unsigned type."""
    return (x.view(dtype) >> y.view(dtype)).view(x.dtype)


def _reduce(x: Lanes, kind: str) -> Lanes:
    combine = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum, "and": np.bitwise_and, "or": np.bitwise_or}[kind]
    while len(x) > 1:
        half = len(x) // 2
        x = combine(x[:half], x[half:])
    return x[0]


def _cast(x: Lanes, dtype: str) -> Lanes:
    if dtype in ("float16", "bfloat16"):
        return x.astype(numpy_dtype(dtype)).astype(np.float32)
    return x.astype(dtype)


PLAIN: dict[str, Callable[..., Lanes]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _divide,
    "rem": np.fmod,
    "fma": _fma,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "round_even": np.rint,
    "trunc": np.trunc,
    "copysign": np.copysign,
    "min": np.minimum,
    "max": np.maximum,
    "min_num": lambda x, y: np.where(x < y, x, y),
    "max_num": lambda x, y: np.where(x > y, x, y),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "select": np.where,
    "shl": np.left_shift,
    "ashr": lambda x, y: _shift(x, y, str(x.dtype).lstrip("u")),
    "lshr": lambda x, y: _shift(x, y, "u" + str(x.dtype).lstrip("u")),
    "mulhi": lambda x, y: ((x.astype(np.uint64) * y.astype(np.uint64)) >> np.uint64(32)).astype(np.uint32),
}
SHAPING: dict[str, Callable[..., Lanes]] = {
    "cast": _cast,
    "bitcast": lambda x, a: x.view(a),
    "broadcast": lambda x, a: np.full(a, x),
    "extract": lambda x, a: x[a],
    "iota": lambda x, a: x + np.arange(a, dtype=x.dtype),
    "mask": lambda n, a: np.arange(a) < n,
    "reduce": _reduce,
    "shuffle": lambda x, y, a: np.concatenate([np.atleast_1d(x), np.atleast_1d(y)])[list(a)],
    "offset": lambda address, n, a: (address[0], address[1] + int(n)),
    "libm": lambda x, a: _c_function(a, x),
    "libm2": lambda x, y, a: _c_function(a, x, y),
}


def evaluate(name: str, type_: Type, operands: list[Lanes], attribute: Attribute) -> Lanes:
    """One operation on NumPy values."""
    result = SHAPING[name](*operands, attribute) if name in SHAPING else PLAIN[name](*operands)
    if isinstance(result, np.ndarray) and result.ndim == 0:
        result = result[()]
    return np.atleast_1d(result) if type_.lanes > 1 else (result[0] if isinstance(result, np.ndarray) else result)


@cache
def c_library() -> ctypes.CDLL:
    """The C mathematics library of this system."""
    try:
        return ctypes.CDLL("libm.so.6")  # Linux with glibc; a search for the name starts another process
    except OSError:
        return ctypes.CDLL(ctypes.util.find_library("m"))


def _c_function(name: str, *operands: Lanes) -> Lanes:
    single = operands[0].dtype == np.float32
    function = getattr(c_library(), name + ("f" if single else ""))
    kind = ctypes.c_float if single else ctypes.c_double
    function.restype, function.argtypes = kind, [kind] * len(operands)
    columns = [np.atleast_1d(x) for x in operands]
    values = [function(*[float(c[i]) for c in columns]) for i in range(len(columns[0]))]
    return np.array(values or [math.nan], operands[0].dtype)
