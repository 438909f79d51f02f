"""Kernels ready to call: remembered, taken from the disk cache, or built and compiled.

On disk a kernel is known by its description, not by its text, so that a warm start builds no loops and prints no text.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import time
from collections.abc import Iterable

from millstream.codegen.loops import Function
from millstream.codegen.lower import Kernel
from millstream.core.machine import machine
from millstream.runtime import threads
from millstream.runtime.cache import default_store
from millstream.targets.llvm_cpu import jit
from millstream.targets.llvm_cpu.emit import Text, emit
from millstream.util.flags import debug_level

_addresses: dict[str, int] = {}


def compile(functions: Iterable[Function]) -> dict[str, int]:
    """Addresses of finished functions, by name; stored under their text. For kernels that are not described by a key."""
    threads.prepare()
    return jit.compile(functions, default_store())


def provide(kernels: Iterable[Kernel]) -> dict[str, int]:
    """Addresses of machine code by the kernels' keys: `void f(i64 thread, i64 threads, i64 step, ptr arguments)`."""
    wanted = {k.key: k for k in kernels}
    fresh = {key: _name(key) for key in wanted if key not in _addresses}
    if fresh:
        threads.prepare()
        start, before = time.perf_counter(), jit.compiled_count()
        found = jit.provide({name: functools.partial(_text, wanted[key]) for key, name in fresh.items()}, default_store())
        _addresses.update({key: found[name] for key, name in fresh.items()})
        if debug_level() >= 2 and jit.compiled_count() > before:
            took = 1e3 * (time.perf_counter() - start)
            sys.stderr.write(f"millstream: {jit.compiled_count() - before} of {len(fresh)} kernels compiled in {took:.1f} ms\n")
    return {key: _addresses[key] for key in wanted}


def _text(kernel: Kernel) -> Text:
    return emit(kernel.build(), machine())


def _name(key: str) -> str:
    where = machine()
    parts = (key, _sources(), sys.version, where.triple, where.cpu, where.features)
    return "d" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@functools.cache
def _sources() -> str:
    """What identifies the code that makes kernels: the files' names, sizes and times of change, and llvmlite's version."""
    import llvmlite

    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    facts = [llvmlite.__version__]
    for folder in ("codegen", "ops", "targets", "core", "graph"):
        for path, _, files in os.walk(os.path.join(root, folder)):
            facts += [_fact(os.path.join(path, f)) for f in sorted(files) if f.endswith(".py")]
    return hashlib.sha256("\0".join(sorted(facts)).encode()).hexdigest()


def _fact(path: str) -> str:
    found = os.stat(path)
    return f"{path} {found.st_size} {found.st_mtime_ns}"
