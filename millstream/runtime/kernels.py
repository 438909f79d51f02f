"""Kernels ready to call: compiled, or taken from the disk cache."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.codegen.loops import Function
from millstream.runtime.cache import default_store
from millstream.targets.llvm_cpu import jit


def compile(functions: Iterable[Function]) -> dict[str, int]:
    """Addresses of the functions' machine code, by name: `void f(i64 thread, i64 threads, i64 step, ptr arguments)`."""
    return jit.compile(functions, default_store())
