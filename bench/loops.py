"""The loops behind `limits`: written as LLVM text for the widest vectors at hand, compiled by llvmlite.

    peak    independent chains of multiply-adds that stay in registers      2 operations a lane
    read    the sum of an array far larger than the caches                  4 bytes an element
    triad   c = a + 3 b, ordinary stores                                    12 bytes an element (the write's own read not counted)
Each thread is bound to a core of its own where the system allows it.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
import time
from collections.abc import Callable

import llvmlite.binding as llvm
import numpy as np

from bench.limits import Limits

ARRAY = 16 << 20  # float32 elements of an array: 64 MiB, beyond any last-level cache's share of two cores
CHAINS = 12  # multiply-adds in flight: latency 4 times 2 units is 8, and 16 registers hold 12 and the two constants
TURNS = 4_000_000  # loop turns of the peak measurement: some 50 ms
Loop = Callable[[int, int], int]  # (thread, threads) -> operations or bytes done


def measure(repeats: int = 5) -> Limits:
    """The best of some repeats of each loop, for one thread and for all cores; under two seconds."""
    loops = _Loops()
    cores = len(cpus())
    counts = sorted({1, min(2, cores), cores})
    each = {name: {n: max(_rate(loop, n) for _ in range(repeats)) for n in counts} for name, loop in loops.named().items()}
    return Limits(cores, loops.lanes, vectors(), each["peak"], each["read"], each["triad"])


def cpus() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def vector_lanes() -> int:
    """float32 lanes of the widest vectors at hand."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx") else 4


def vectors() -> str:
    """The widest vector set, by its usual name."""
    features = llvm.get_host_cpu_features()
    known = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("neon", "NEON"), ("sse2", "SSE2"))
    return next((name for key, name in known if features.get(key)), "no vectors")


def _rate(loop: Loop, threads: int) -> float:
    """Operations or bytes a second of all threads together, from the first start to the last end."""
    gate = threading.Barrier(threads)
    done: list[tuple[float, float, int]] = []
    places = cpus()

    def run(thread: int) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {places[thread % len(places)]})
        gate.wait()
        start = time.perf_counter()
        work = loop(thread, threads)
        done.append((start, time.perf_counter(), work))

    crew = [threading.Thread(target=run, args=(t,)) for t in range(threads)]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    return sum(w for _, _, w in done) / (max(e for _, e, _ in done) - min(s for s, _, _ in done))


class _Loops:
    """The compiled loops and the arrays they walk."""

    def __init__(self) -> None:
        self.lanes = vector_lanes()
        self.engine = _compile(_module(self.lanes))
        self.arrays = [np.ones(ARRAY, np.float32) for _ in range(3)]

    def named(self) -> dict[str, Loop]:
        """The loops by what they measure."""
        return {"peak": self._peak, "read": self._read, "triad": self._triad}

    def _function(self, name: str, *kinds: type[ctypes._SimpleCData[int]]) -> Callable[..., float]:
        kind = ctypes.CFUNCTYPE(ctypes.c_float, *kinds)
        return kind(self.engine.get_function_address(name))

    def _peak(self, thread: int, threads: int) -> int:
        del thread, threads
        self._function("peak", ctypes.c_int64)(TURNS)
        return TURNS * CHAINS * self.lanes * 2

    def _read(self, thread: int, threads: int) -> int:
        part = self._part(thread, threads)
        self._function("read", ctypes.c_int64, ctypes.c_int64)(part[1], self.arrays[0].ctypes.data + 4 * part[0])
        return part[1] * 4

    def _triad(self, thread: int, threads: int) -> int:
        first, count = self._part(thread, threads)
        places = [a.ctypes.data + 4 * first for a in self.arrays]
        self._function("triad", *[ctypes.c_int64] * 4)(count, *places)
        return count * 12

    def _part(self, thread: int, threads: int) -> tuple[int, int]:
        """First element and count of a thread's share, whole turns of the loops."""
        count = ARRAY // threads // 64 * 64
        return thread * count, count


def _compile(text: str) -> llvm.ExecutionEngine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2)
    module = llvm.parse_assembly(text)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _module(lanes: int) -> str:
    """The LLVM text of the three loops."""
    v = f"<{lanes} x float>"
    declare = f"declare {v} @llvm.fma.v{lanes}f32({v}, {v}, {v})\ndeclare float @llvm.vector.reduce.fadd.v{lanes}f32(float, {v})\n"
    return declare + _peak_text(lanes) + _read_text(lanes) + _triad_text(lanes)


def _splat(lanes: int, value: float) -> str:
    return "<" + ", ".join([f"float {value:e}"] * lanes) + ">"


def _multiply_add(lanes: int, name: str, operands: tuple[str, str, str]) -> str:
    """One line or two: fused where the processor fuses (elsewhere LLVM would call a library)."""
    v, (x, y, z) = f"<{lanes} x float>", operands
    features = llvm.get_host_cpu_features()
    if features.get("fma") or features.get("neon"):
        return f"  {name} = call {v} @llvm.fma.v{lanes}f32({v} {x}, {v} {y}, {v} {z})\n"
    return f"  {name}.p = fmul {v} {x}, {y}\n  {name} = fadd {v} {name}.p, {z}\n"


def _sum(lanes: int, names: list[str]) -> str:
    """Adds vectors and returns the sum of their lanes, so that no loop is dead."""
    v, lines, total = f"<{lanes} x float>", [], names[0]
    for i, name in enumerate(names[1:]):
        lines.append(f"  %t{i} = fadd {v} {total}, {name}\n")
        total = f"%t{i}"
    return "".join(lines) + f"  %s = call reassoc float @llvm.vector.reduce.fadd.v{lanes}f32(float 0.0, {v} {total})\n  ret float %s\n}}\n"


def _loop(lanes: int, signature: str, step: int, carried: list[str], body: str) -> str:
    """A loop of `step` a turn over %i < %n, vectors %a0.. carried as %b0.. from turn to turn."""
    v = f"<{lanes} x float>"
    phis = "".join(f"  %a{i} = phi {v} [ {start}, %entry ], [ %b{i}, %loop ]\n" for i, start in enumerate(carried))
    return (
        f"define float {signature} {{\nentry:\n  br label %loop\nloop:\n  %i = phi i64 [ 0, %entry ], [ %next, %loop ]\n{phis}{body}"
        f"  %next = add i64 %i, {step}\n  %more = icmp slt i64 %next, %n\n  br i1 %more, label %loop, label %end\nend:\n"
    )


def _peak_text(lanes: int) -> str:
    factor, term = _splat(lanes, 0.5), _splat(lanes, 1.0)
    body = "".join(_multiply_add(lanes, f"%b{c}", (f"%a{c}", factor, term)) for c in range(CHAINS))
    starts = [_splat(lanes, float(c)) for c in range(CHAINS)]
    return _loop(lanes, "@peak(i64 %n)", 1, starts, body) + _sum(lanes, [f"%b{c}" for c in range(CHAINS)])


def _at(name: str, array: str, offset: int) -> str:
    return f"  %{name}.i = add i64 %i, {offset}\n  %{name}.p = getelementptr float, ptr %{array}, i64 %{name}.i\n"


def _read_text(lanes: int) -> str:
    v, body = f"<{lanes} x float>", ""
    for k in range(4):
        body += _at(f"x{k}", "x", k * lanes) + f"  %x{k} = load {v}, ptr %x{k}.p, align 4\n  %b{k} = fadd {v} %a{k}, %x{k}\n"
    return _loop(lanes, "@read(i64 %n, ptr %x)", 4 * lanes, ["zeroinitializer"] * 4, body) + _sum(lanes, [f"%b{k}" for k in range(4)])


def _triad_text(lanes: int) -> str:
    v, body = f"<{lanes} x float>", ""
    for k in range(4):
        for array in ("x", "y", "z"):
            body += _at(f"{array}{k}", array, k * lanes)
        body += f"  %x{k} = load {v}, ptr %x{k}.p, align 4\n  %y{k} = load {v}, ptr %y{k}.p, align 4\n"
        body += _multiply_add(lanes, f"%r{k}", (f"%y{k}", _splat(lanes, 3.0), f"%x{k}"))
        body += f"  store {v} %r{k}, ptr %z{k}.p, align 4\n"
    return _loop(lanes, "@triad(i64 %n, ptr %x, ptr %y, ptr %z)", 4 * lanes, [], body) + "  ret float 0.0\n}\n"


if __name__ == "__main__":
    print(json.dumps(measure()._asdict()))
