"""Arrays for kernels: aligned to a vector, padded so that a vector read past the end stays inside, big ones on huge pages."""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
HUGE = 2 << 20  # bytes of a huge page on x86-64 and most ARM systems
BIG = 1 << 20  # arrays from this size on get a mapping of their own


def aligned_empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array like numpy.empty, its first element at a multiple of 64 bytes, 64 readable bytes behind its last.

    >>> aligned_empty((3, 5), "float32").ctypes.data % 64
    0
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    store = _mapped(size + ALIGNMENT) if size >= BIG else np.empty(size + 2 * ALIGNMENT, np.uint8)
    start = -store.ctypes.data % (HUGE if size >= BIG else ALIGNMENT)
    return store[start : start + size].view(kind).reshape(shape)


def _mapped(size: int) -> NDArray[np.uint8]:
    """Private anonymous pages, huge where the system has them (a shared mapping, Python's default, silently gets none)."""
    whole = -(-size // HUGE) * HUGE + HUGE  # room to start at a huge page
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.empty(whole, np.uint8)
    pages = mmap.mmap(-1, whole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages: plain ones do
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


def address(array: NDArray[Any]) -> int:
    """Where an array's first element lies; cheaper than `array.ctypes.data`."""
    return int(array.__array_interface__["data"][0])
