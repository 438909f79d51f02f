"""The processor that kernels are made for: vector width, registers, caches, cores; and the names LLVM knows it by.

`machine()` is the one at hand; `machine("avx512")` one of the named sets, whose code may not run here.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

X86_TRIPLE = "x86_64-unknown-linux-gnu"


class Machine(NamedTuple):
    """What code generation asks about a processor. `vector_bytes` 16, 32 or 64; `registers` vector registers."""

    name: str
    vector_bytes: int
    registers: int
    has_fma: bool
    has_half: bool
    l1_bytes: int
    l2_bytes: int
    triple: str
    cpu: str
    features: str

    def lanes(self, dtype: str) -> int:
        """How many elements one vector register holds (16-bit floats: as float32).

        >>> machine("avx2").lanes("float64")
        4
        """
        return max(1, self.vector_bytes * 8 // _bits(dtype))

    def masks(self, dtype: str) -> bool:
        """Whether single lanes of a vector in memory can be left alone; elsewhere LLVM makes a branch for each lane.

        >>> machine("avx2").masks("float32"), machine("avx2").masks("bool"), machine("avx512").masks("bool")
        (True, False, True)
        """
        return self.vector_bytes == 64 or (self.vector_bytes == 32 and _bits(dtype) >= 32)


def _bits(dtype: str) -> int:
    """Bits of a lane in a register."""
    return {"float16": 32, "bfloat16": 32, "bool": 8}.get(dtype) or int("".join(c for c in dtype if c.isdigit()))


_NAMED = {
    "sse2": Machine("sse2", 16, 16, False, False, 32 << 10, 256 << 10, X86_TRIPLE, "x86-64", ""),
    "avx2": Machine("avx2", 32, 16, True, True, 32 << 10, 256 << 10, X86_TRIPLE, "x86-64-v3", ""),
    "avx512": Machine("avx512", 64, 32, True, True, 32 << 10, 1 << 20, X86_TRIPLE, "x86-64-v4", ""),
    "neon": Machine("neon", 16, 32, True, True, 64 << 10, 1 << 20, "aarch64-unknown-linux-gnu", "generic", "+neon"),
}
NAMES = tuple(_NAMED)


@lru_cache(maxsize=8)
def machine(target: str | None = None) -> Machine:
    """The machine to make code for: `target`, else MILLSTREAM_TARGET_CPU, else the processor at hand.

    Raises: ValueError for an unknown name.
    """
    wanted = target or os.environ.get("MILLSTREAM_TARGET_CPU") or "host"
    if wanted == "host":
        return _host()
    if wanted not in _NAMED:
        raise ValueError(f"Unknown processor {wanted!r}; expected host or one of {', '.join(_NAMED)} (MILLSTREAM_TARGET_CPU).")
    return _NAMED[wanted]


def cores() -> int:
    """How many cores this process may use (its affinity, where the system says)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _host() -> Machine:
    """The processor at hand, by LLVM's own detection."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    on = {name for name, has in features.items() if has}
    kind = _kind(llvm.get_default_triple(), on)
    l1, l2 = _cache_bytes("1", 32 << 10), _cache_bytes("2", 256 << 10)
    return _NAMED[kind]._replace(
        has_fma=kind == "neon" or "fma" in on,
        has_half=kind == "neon" or "f16c" in on,
        l1_bytes=l1,
        l2_bytes=l2,
        triple=llvm.get_process_triple(),
        cpu=llvm.get_host_cpu_name(),
        features=features.flatten(),
    )


def _kind(triple: str, on: set[str]) -> str:
    if triple.startswith(("aarch64", "arm64")):
        return "neon"
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= on:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= on else "sse2"


def _cache_bytes(level: str, otherwise: int) -> int:
    """The data cache of a level, from Linux's sysfs; a usual size elsewhere."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            if (index / "level").read_text().strip() == level and (index / "type").read_text().strip() != "Instruction":
                size = (index / "size").read_text().strip()
                return int(size.rstrip("KM")) << (20 if size.endswith("M") else 10)
        except (OSError, ValueError):
            continue
    return otherwise
