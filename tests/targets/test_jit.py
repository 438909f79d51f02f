"""Text for every target becomes object code; equal kernels are compiled once; wrong ones are refused."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from millstream.codegen.kernels.gemm import Tile, gemm, tile_for
from millstream.codegen.kernels.philox import shuffle
from millstream.codegen.kernels.transpose import transpose
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Value
from millstream.core.machine import NAMES, Machine, machine
from millstream.targets.llvm_cpu import driver, jit
from millstream.targets.llvm_cpu.emit import emit
from tests.codegen.running import compiled


def everything(target: Machine) -> Function:
    """A kernel with every kind of operation that targets treat differently."""
    lanes = target.lanes("float32")
    b = LoopBuilder("everything")
    half, brain = b.pointer("half", "float16"), b.pointer("brain", "bfloat16")
    single, flags, n = b.pointer("single", "float32"), b.pointer("flags", "bool"), b.size("n")
    with b.parallel(n, step=lanes) as i:
        mask = b.mask(n - i, lanes)
        x = b.fma(b.load(half, i, lanes, mask), b.load(brain, i, lanes, mask), b.load(single, i, lanes, mask))
        y = b.round_even(b.max(b.sqrt(b.abs(x)), b.floor(x))) + b.rem(x, x + 1.0)
        b.store(flags, i, b.load(flags, i, lanes, mask) & (y > 0.0), mask)
        b.store(half, i, y, mask)
        b.store(brain, i, b.cast(b.cast(y, "int32"), "float32"), mask)
        b.store(single, i, b.broadcast(b.reduce(y, "add"), lanes), mask)
    return b.finish()


def plain_gemm(target: Machine, dtype: str = "float32") -> Function:
    def epilogue(b: LoopBuilder, context: tuple[Pointer, Value], i: Value, j: Value, value: Value, mask: Value | None) -> None:
        b.store(context[0], i * context[1] + j, value, mask)

    return gemm("product", tile_for(64, 64, target), dtype, epilogue, lambda b, columns: (b.pointer("C", dtype), b.size("c_row")), target)


@pytest.mark.parametrize("name", NAMES)
def test_object_code_for_every_target(name: str) -> None:
    target = machine(name)
    functions = [everything(target), plain_gemm(target), shuffle(target=target), transpose("transpose", 4, target)]
    data = jit.object_code([(f.name, emit(f, target)) for f in functions], target)
    assert data[:4] == b"\x7fELF"
    assert data[18] == (183 if name == "neon" else 62)  # ELF machine: AArch64, x86-64


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pool", [True, False])
def test_driver_for_every_target(name: str, pool: bool) -> None:
    target = machine(name)
    assert jit._object_of(driver.driver_text(target, pool), target)[:4] == b"\x7fELF"


@pytest.mark.parametrize(("name", "instruction"), [("sse2", "mulps"), ("avx2", "vfmadd231ps"), ("avx512", "zmm"), ("neon", "fmla")])
def test_targets_use_their_instructions(name: str, instruction: str) -> None:
    assert instruction in jit.assembly(plain_gemm(machine(name)), machine(name))


@pytest.mark.parametrize("name", NAMES)
def test_tiles_do_not_spill(name: str) -> None:
    """In the loop over k no vector goes to the stack: every tile's accumulators stay in registers."""
    text = jit.assembly(plain_gemm(machine(name)), machine(name))
    loops = [block for block in text.split("\n.LBB") if block.count("fma") + block.count("fmla") + block.count("mulps") >= 8]
    register = {"neon": "q", "avx512": "zmm", "avx2": "ymm", "sse2": "xmm"}[name]
    spills = [
        line for block in loops for line in block.splitlines() if "sp" in line and register in line and "mov" in line and "(%rsp)" in line
    ]
    packed_stores = 3 * tile_for(64, 64, machine(name)).vectors
    sums = tile_for(64, 64, machine(name))
    assert len(spills) <= sums.rows * sums.vectors + packed_stores, spills


@pytest.mark.parametrize("name", ["sse2", "avx2"])
def test_named_targets_run_where_they_can(name: str) -> None:
    """Programs run under another instruction set give the same answers."""
    if name == "avx2" and machine("host").name not in ("avx2", "avx512"):
        pytest.skip("this processor has no AVX2")
    if machine("host").name == "neon":
        pytest.skip("another architecture")
    code = (
        "import numpy as np\n"
        "from tests.targets.test_jit import everything, plain_gemm, machine, compiled\n"
        f"assert machine().name == {name!r}\n"
        "a, b, c = np.ones((9, 5), 'f4'), np.arange(35, dtype='f4').reshape(5, 7), np.zeros((9, 7), 'f4')\n"
        "compiled(plain_gemm(machine()), [a, b, 9, 7, 5, 5, 1, 7, c, 7])\n"
        "assert (c == a @ b).all()\n"
        "h, s = np.full(19, 1.5, 'f2'), np.full(19, 2, 'f4')\n"
        "compiled(everything(machine()), [h, np.full(19, 0x3FC0, 'u2').view('V2'), s, np.ones(19, bool), 19])\n"
        "assert (h == 8.25).all(), h\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(MILLSTREAM_TARGET_CPU=name, MILLSTREAM_CACHE="off"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def environment(**settings: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ":".join(p for p in sys.path if p) or ".", **settings}


def adder(name: str, number: int) -> Function:
    b = LoopBuilder(name)
    x = b.pointer("x", "int64")
    b.store(x, 0, b.load(x, 0) + number)
    return b.finish()


def test_equal_kernels_are_compiled_once_whatever_their_names() -> None:
    before = jit.compiled_count()
    first = jit.compile([adder("one", 12345)])
    second = jit.compile([adder("two", 12345), adder("three", 54321)])
    assert first["one"] == second["two"] != second["three"]
    assert jit.compiled_count() == before + 2


def test_two_kernels_under_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="Two different kernels are called 'same'"):
        jit.compile([adder("same", 1), adder("same", 2)])


def test_a_missing_c_function_is_an_error_not_the_end_of_the_process() -> None:
    b = LoopBuilder("missing")
    x = b.pointer("x", "float64")
    b.store(x, 0, b.libm("no_such_function", b.load(x, 0)))
    with pytest.raises(KeyError, match="no_such_function"):
        jit.compile([b.finish()])


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown processor 'pentium'; expected host or one of sse2"):
        machine("pentium")


def test_steps_and_sizes_arrive() -> None:
    b = LoopBuilder("arguments")
    x, n = b.pointer("x", "int64"), b.size("n")
    for i, value in enumerate((b.thread, b.threads, b.step, n)):
        b.store(x, i, value)
    x = np.zeros(4, np.int64)
    compiled(b.finish(), [x, -7], step=2**40)
    assert x.tolist() == [0, 1, 2**40, -7]


def test_importing_the_builder_imports_no_compiler() -> None:
    code = "import sys, millstream.codegen.kernels.gemm, millstream.runtime.threads; assert 'llvmlite' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_tile_is_a_tuple() -> None:
    assert Tile(6, 2) == (6, 2, False)
