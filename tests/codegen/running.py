"""Runs a kernel as machine code and in the interpreter, on copies of the same arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from millstream.codegen import interpret
from millstream.codegen.loops import Function, verify
from millstream.runtime import threads
from millstream.runtime.kernels import compile
from millstream.runtime.memory import address


def compiled(function: Function, arguments: Sequence[Any], count: int = 1, step: int = 0) -> None:
    """Calls the machine code once, on `count` threads, on these very arrays."""
    slots = np.array([address(a) if isinstance(a, np.ndarray) else a for a in arguments], np.int64)
    plan = threads.Plan()
    plan.add(compile([function])[function.name], address(slots))
    threads.run(plan, step, 1, threads=count)


def assert_same(function: Function, arguments: Sequence[Any], count: int = 1, ulps: int = 0) -> list[Any]:
    """Checks that both leave the same in every array; returns the arrays."""
    verify(function)
    ours, theirs = ([a.copy() if isinstance(a, np.ndarray) else a for a in arguments] for _ in range(2))
    compiled(function, ours, count, step=3)
    interpret.run(function, theirs, count, step=3)
    for got, expected in zip(ours, theirs, strict=True):
        if isinstance(got, np.ndarray):
            check(got, expected, ulps, str(function))
    return ours


def check(got: Any, expected: Any, ulps: int, text: str) -> None:
    """Equal, NaN with NaN; floats within so many units in the last place."""
    if ulps and got.dtype.kind == "f":
        close = np.isclose(got, expected, rtol=ulps * np.finfo(got.dtype).eps, atol=0, equal_nan=True)
        assert close.all(), (got[~close], expected[~close], text)
    else:
        wide = np.float64 if got.dtype.kind in "fV" else got.dtype
        np.testing.assert_array_equal(got.astype(wide), expected.astype(wide), text)
