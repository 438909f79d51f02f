"""Every node of the loop IR: compiled code does what the interpreter does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from millstream.codegen import interpret
from millstream.codegen.loops import Function, LoopBuilder, Type, Value, verify
from millstream.codegen.verify import KernelError
from tests.codegen.running import assert_same

Body = Callable[..., Value]

FLOATS = ["float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SPECIAL = [0.0, -0.0, 1.5, 2.5, -2.5, 0.5, -1e30, 3e-21, np.inf, -np.inf, np.nan, 7.25]


def samples(dtype: str, n: int = 32) -> np.ndarray:
    rng = np.random.default_rng(5)
    if dtype.startswith("float"):
        values = rng.standard_normal(n) * 8
        values[: len(SPECIAL)] = SPECIAL
        return values.astype(dtype)
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, n, dtype, endpoint=True)
    values[:3] = info.min, info.max, 1
    return values


def elementwise(dtype: str, out: str, body: Body, lanes: int, operands: int = 2) -> Function:
    """A kernel that stores body(b, x, y, z) for every element."""
    b = LoopBuilder("elementwise")
    arrays = [b.pointer(n, dtype) for n in "xyz"[:operands]]
    target, n = b.pointer("out", out), b.size("n")
    with b.loop(0, n, lanes) as i:
        b.store(target, i, body(b, *[b.load(a, i, lanes) for a in arrays]))
    return b.finish()


def check_elementwise(dtype: str, out: str, body: Body, operands: int = 2, ulps: int = 0) -> None:
    x = samples(dtype)
    arrays = [x, np.roll(x, 5), np.roll(x, 11)][:operands]
    for lanes in (1, 4, 8):
        f = elementwise(dtype, out, body, lanes, operands)
        assert_same(f, [*arrays, np.zeros(len(x), interpret.numpy_dtype(out)), len(x)], ulps=ulps)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "min", "max", "min_num", "max_num", "copysign", "rem"])
def test_float_arithmetic(name: str, dtype: str) -> None:
    check_elementwise(dtype, dtype, lambda b, x, y: getattr(b, name)(x, y))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["neg", "abs", "sqrt", "floor", "ceil", "round_even", "trunc"])
def test_float_functions_of_one(name: str, dtype: str) -> None:
    check_elementwise(dtype, dtype, lambda b, x: getattr(b, name)(x), operands=1)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "min", "max", "and_", "or_", "xor"])
def test_integer_arithmetic(name: str, dtype: str) -> None:
    check_elementwise(dtype, dtype, lambda b, x, y: getattr(b, name)(x, y))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_division_is_c_division(dtype: str) -> None:
    def body(b: LoopBuilder, x: Value, y: Value) -> Value:
        divisor = b.select((y == 0) | (y == b.const(-1, y.type) if dtype.startswith("i") else y == 0), 3, y)
        return b.div(x, divisor) ^ b.rem(x, divisor)

    check_elementwise(dtype, dtype, body)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_shifts(dtype: str) -> None:
    check_elementwise(dtype, dtype, lambda b, x: ((x << 3) ^ b.lshr(x, 2)) + b.ashr(x, 1) + (x >> 4), operands=1)


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "uint8", "int64"])
@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_give_bools(name: str, dtype: str) -> None:
    check_elementwise(dtype, "bool", lambda b, x, y: getattr(b, name)(x, y))


def test_logic_and_select() -> None:
    check_elementwise("float32", "float32", lambda b, x, y: b.select(((x < y) | ~(x > 1.0)) ^ ((y > 0.0) & (x > 0.0)), x + y, 2.0))


@pytest.mark.parametrize("dtype", FLOATS)
def test_fma_poly_clamp(dtype: str) -> None:
    finite = [np.linspace(-2, 2, 32).astype(dtype)] * 3
    for lanes in (1, 8):
        f = elementwise(dtype, dtype, lambda b, x, y, z: b.clamp(b.poly(x, [0.5, -2.0, 1.0]), -1, 2) + b.fma(x, y, z), lanes, 3)
        assert_same(f, [*finite, np.zeros(32, dtype), 32], ulps=8)


@pytest.mark.parametrize("source", [*FLOATS, "int8", "uint8", "int32", "int64", "uint32"])
@pytest.mark.parametrize("target", [*FLOATS, "int8", "uint8", "int32", "int64", "uint32", "bool"])
def test_casts(source: str, target: str) -> None:
    def body(b: LoopBuilder, x: Value) -> Value:
        return b.cast(x if not source.startswith("float") else b.clamp(x, 0.0, 100.0), target)

    x = np.nan_to_num(samples(source), nan=1.0) if source.startswith("float") else samples(source)
    for lanes in (1, 8):
        assert_same(elementwise(source, target, body, lanes, 1), [x, np.zeros(32, target), 32])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_small_floats_load_wide_and_store_rounded(dtype: str) -> None:
    x = np.concatenate(
        [samples("float32"), np.float32([65519, 65520, 1e-7, 2.0**-24 * 1.5, 2.0**-25, 1 + 2.0**-9, 1 + 3 * 2.0**-9, 3.4e38])]
    )
    kind = interpret.numpy_dtype(dtype)
    with np.errstate(over="ignore"):
        small = np.where(np.abs(x) < 1e-4, 0, x).astype(kind)  # denormals are flushed in compiled code
    for lanes in (1, 8):
        f = elementwise(dtype, "float32", lambda b, v: v, lanes, 1)
        assert_same(f, [small, np.zeros(40, "float32"), 40])
        b = LoopBuilder("narrow")
        source, out = b.pointer("x", "float32"), b.pointer("out", dtype)
        with b.loop(0, 40, lanes) as i:
            v = b.load(source, i, lanes)
            b.store(out, i, v)
            b.store(source, i, b.cast(v, dtype))
        assert_same(b.finish(), [np.where(np.abs(x) < 1e-4, 0, x), np.zeros(40, kind)])


def test_bitcast_and_mulhi() -> None:
    check_elementwise("uint32", "uint32", lambda b, x, y: b.mulhi(x, y))
    check_elementwise("float32", "int32", lambda b, x: b.bitcast(x, "int32"), operands=1)


def test_lane_operations() -> None:
    b = LoopBuilder("lanes")
    x, out = b.pointer("x", "float32"), b.pointer("out", "float32")
    v = b.load(x, 0, 8)
    pieces = [b.reduce(v, kind) for kind in ("add", "mul", "max", "min")]
    pieces += [b.extract(v, 3), b.extract(b.shuffle(v, v + 1.0, [15, 2]), 0), b.extract(b.broadcast(pieces[0], 4), 2)]
    pieces += [b.cast(b.reduce(b.iota(8, "int32", b.const(5, "int32")), "add"), "float32")]
    for i, piece in enumerate(pieces):
        b.store(out, i, piece)
    got = assert_same(b.finish(), [np.linspace(-3, 2, 8).astype("float32"), np.zeros(8, "float32")])
    assert got[1][7] == sum(range(5, 13))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int8", "bool"])
@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_masks_touch_only_lanes_that_are_on(dtype: str, lanes: int) -> None:
    b = LoopBuilder("tail")
    x, out, n = b.pointer("x", dtype), b.pointer("out", dtype), b.size("n")
    with b.loop(0, n, lanes) as i:
        mask = b.mask(n - i, lanes)
        b.store(out, i, b.load(x, i, lanes, mask), mask)
    x = np.arange(1, 14).astype(dtype)
    out = np.zeros(16, dtype)
    got = assert_same(b.finish(), [x, out, 13])
    np.testing.assert_array_equal(got[1][:13], x)
    assert not got[1][13:].any()


def test_gather_and_scatter() -> None:
    b = LoopBuilder("strided")
    x, out, n = b.pointer("x", "float32"), b.pointer("out", "float32"), b.size("n")
    b.scatter(out, 1, n - 1, b.gather(x, 2, n, 4))
    got = assert_same(b.finish(), [np.arange(20, dtype="f4"), np.zeros(20, "f4"), 4])
    np.testing.assert_array_equal(got[1][1:11:3], [2, 6, 10, 14])


def test_registers_through_loops_and_branches() -> None:
    b = LoopBuilder("collatz")
    out, n = b.pointer("out", "int64"), b.size("n")
    with b.parallel(n) as i:
        value, steps, inner = b.register(i + 1), b.register(b.const(0, "int64")), b.register(i)
        with b.loop(0, 12):
            with b.if_(value.value % 2 == 0):
                b.assign(value, value.value / 2)
            with b.else_(), b.if_(value.value > 1):
                b.assign(value, value.value * 3 + 1)
                b.assign(inner, value.value)
            with b.if_(value.value > 1):
                b.assign(steps, steps.value + 1)
        with b.loop(0, 4, kind="unroll") as k:
            local = b.register(k * 10)
            with b.loop(0, k):
                b.assign(local, local.value + k)
            b.assign(steps, steps.value * 7 + local.value)
        b.store(out, i, steps.value + b.step + inner.value)
    assert_same(b.finish(), [np.zeros(20, "int64"), 20], count=3)


def test_stack_memory_and_offsets() -> None:
    b = LoopBuilder("stack")
    x, out, n = b.pointer("x", "float32"), b.pointer("out", "float32"), b.size("n")
    with b.loop(0, n, 8) as i:
        scratch = b.stack("float32", 16)
        b.store(b.offset(scratch, 8), 0, b.load(b.offset(x, i), 0, 8))
        with b.loop(0, 8) as k:
            b.store(out, i + k, b.load(scratch, 15 - k))
    assert_same(b.finish(), [np.arange(16, dtype="f4"), np.zeros(16, "f4"), 16])


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_parallel_covers_everything_once(count: int) -> None:
    b = LoopBuilder("cover")
    x, n = b.pointer("x", "int32"), b.size("n")
    with b.parallel(n, step=4) as i, b.loop(i, b.min(i + 4, n)) as k:
        b.store(x, k, b.load(x, k) + 1)
    for n in (0, 1, 5, 16, 33):
        assert (assert_same(b.finish(), [np.zeros(n, "int32"), n], count)[0] == 1).all()


def test_barrier_orders_threads() -> None:
    b = LoopBuilder("neighbours")
    x, out, n = b.pointer("x", "int64"), b.pointer("out", "int64"), b.size("n")
    with b.parallel(n) as i:
        b.store(x, i, i * i)
    b.barrier()
    with b.parallel(n) as i:
        b.store(out, i, b.load(x, n - 1 - i))
    got = assert_same(b.finish(), [np.zeros(9, "int64"), np.zeros(9, "int64"), 9], count=3)
    np.testing.assert_array_equal(got[1], np.arange(9)[::-1] ** 2)


def test_c_functions() -> None:
    x = np.linspace(0.1, 3, 8)
    for dtype in FLOATS:
        f = elementwise(dtype, dtype, lambda b, v: b.libm("lgamma", v) + b.libm("erf", v) + b.libm("pow", v, v + 1.0), 8, 1)
        assert_same(f, [x.astype(dtype), np.zeros(8, dtype), 8])


def test_pure_operations_are_shared_and_leave_loops() -> None:
    b = LoopBuilder("invariant")
    x, n = b.pointer("x", "float32"), b.size("n")
    with b.loop(0, n) as i:
        b.store(x, i, b.cast(n * 3, "float32") + b.cast(n * 3, "float32"))
    lines = str(b.finish()).splitlines()
    assert [line.strip().split(" = ")[1] for line in lines[1:4]] == ["n * 3;", "cast(v10, float32);", "v11 + v11;"]
    assert lines[4].startswith("  for")


def test_prints_as_pseudo_c() -> None:
    b = LoopBuilder("scale")
    x, n = b.pointer("x", "float32"), b.size("n")
    with b.parallel(n, step=8) as i:
        b.store(x, i, b.load(x, i, 8) * 2.0)
    text = str(b.finish())
    assert text.startswith("void scale(float32* x, int64 n) {")
    assert "parallel for (int64" in text
    assert "* 2.0;" in text


# -- what is refused ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda b, x, n: b.load(x, 0) + b.load(x, 0, 4), r"'add' in a kernel got \(float32, float32x4\); expected 2 operand"),
        (lambda b, x, n: b.load(x, b.load(x, 0)), "index in a kernel must be int64; got float32"),
        (lambda b, x, n: b.store(x, 0, n), "Cannot store int64 as float32"),
        (lambda b, x, n: b.load(x, 0, 4, b.mask(n, 8)), "mask for 4 lanes must be boolx4; got boolx8"),
        (lambda b, x, n: b.assign(b.register(n), b.load(x, 0)), "holds int64; got float32"),
        (lambda b, x, n: b.sqrt(n), "'sqrt' in a kernel got"),
        (lambda b, x, n: bool(n > 3), "no truth while the kernel is built"),
        (lambda b, x, n: b.else_().__enter__(), "must follow b.if_"),
    ],
)
def test_builder_refuses(build: Callable[..., object], message: str) -> None:
    b = LoopBuilder("wrong")
    with pytest.raises(TypeError, match=message):
        build(b, b.pointer("x", "float32"), b.size("n"))


def test_verifier_finds_a_value_used_outside_its_block() -> None:
    b = LoopBuilder("scope")
    x, n = b.pointer("x", "float32"), b.size("n")
    with b.loop(0, n) as i:
        inner = b.load(x, i)
    b.store(x, 0, inner)
    with pytest.raises(KernelError, match=r"Kernel 'scope', Store: uses float32 v\d+ outside the block"):
        verify(b.finish())


def test_verifier_finds_nested_parallel_loops_and_barriers_in_them() -> None:
    b = LoopBuilder("nested")
    n = b.size("n")
    with b.parallel(n), b.parallel(n):
        pass
    with pytest.raises(KernelError, match="parallel inside a parallel loop"):
        verify(b.finish())
    b = LoopBuilder("barrier")
    with b.parallel(b.size("n")):
        b.barrier()
    with pytest.raises(KernelError, match="different numbers of times"):
        verify(b.finish())


def test_verifier_wants_constant_bounds_for_unrolling() -> None:
    b = LoopBuilder("unroll")
    with b.loop(0, b.size("n"), kind="unroll"):
        pass
    with pytest.raises(KernelError, match="bounds are not constants"):
        verify(b.finish())


def test_interpreter_reports_reads_outside() -> None:
    b = LoopBuilder("outside")
    x, n = b.pointer("x", "float32"), b.size("n")
    b.store(x, 0, b.load(x, n))
    with pytest.raises(IndexError, match="touches element 4 of an array of 4"):
        interpret.run(b.finish(), [np.zeros(4, "f4"), 4])


def test_types_know_themselves() -> None:
    assert str(Type("float32", 8)) == "float32x8"
    assert Type("bool").bits == 8
    assert Type("uint16").is_integer
    assert not Type("uint16").is_signed
