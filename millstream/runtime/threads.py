"""Threads that run plans: records of machine code, executed in order by all threads for each step, with barriers between.

    plan = Plan()
    plan.add(kernel_address, arguments_address, barrier=True)
    plan.add_callback(lambda step: print(step))
    run(plan, first_step=0, steps=100)

Workers are created on the first run with more than one thread, sleep between runs, and are made anew after a fork.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from millstream.core.machine import cores, machine
from millstream.runtime.cache import default_store
from millstream.runtime.memory import address, aligned_empty
from millstream.targets.llvm_cpu import driver, jit

Thunk = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
MAXIMUM = 256


class Plan:
    """What a run executes: records in order. Keeps alive what it is given to keep."""

    def __init__(self) -> None:
        self._records: list[tuple[int, int, int]] = []
        self._kept: list[object] = []
        self._memory: NDArray[np.int64] = aligned_empty(driver.FIRST_RECORD, np.int64)
        self.address = 0  # of the native form; 0 while records are being added
        self.error: BaseException | None = None

    def add(self, function: int, arguments: int, barrier: bool = True, solo: bool = False) -> None:
        """A kernel: `function(thread, threads, step, arguments)` on all threads, or on thread 0 when `solo`."""
        self._append(function, arguments, (driver.BARRIER if barrier else 0) | (driver.SOLO if solo else 0))

    def add_callback(self, function: Callable[[int], object]) -> None:
        """Python code, called with the step by thread 0 while the others wait; what it raises ends the run."""

        def call(thread: int, threads: int, step: int, arguments: int) -> None:
            try:
                function(step)
            except BaseException as error:  # noqa: BLE001  # carried over machine code to the caller of run
                self.error = error
                self.stop()

        thunk = Thunk(call)
        self.keep(thunk)
        place = ctypes.cast(thunk, ctypes.c_void_p).value
        assert place is not None
        self._append(place, 0, driver.BARRIER | driver.SOLO | driver.PYTHON)

    def keep(self, *things: object) -> None:
        """Holds arrays (of arguments, say) for as long as the plan lives."""
        self._kept.extend(things)

    def stop(self) -> None:
        """From a callback: ends the run at this point, without an error."""
        self._memory[0] = 1

    def _append(self, function: int, arguments: int, flags: int) -> None:
        # A barrier before Python code: the records before it must be done on every thread.
        if flags & driver.PYTHON and self._records:
            before = self._records[-1]
            self._records[-1] = (before[0], before[1], before[2] | driver.BARRIER)
        self._records.append((function, arguments, flags))
        self.address = 0

    def native(self) -> int:
        """The address of the plan's native form."""
        if not self.address:
            self._memory = aligned_empty(driver.FIRST_RECORD + driver.RECORD * len(self._records), np.int64)
            self._memory[:] = 0
            self._memory[2] = len(self._records)
            for i, record in enumerate(self._records):
                at = driver.FIRST_RECORD + driver.RECORD * i
                self._memory[at : at + 3] = record
            self.address = address(self._memory)
        return self.address


@lru_cache(maxsize=1)  # asking the system takes as long as a small run; cache_clear() after changing the setting
def thread_count() -> int:
    """MILLSTREAM_THREADS, else the cores that this process may use.

    Raises: ValueError for a setting that is not a number from 1 to 256.
    """
    asked = os.environ.get("MILLSTREAM_THREADS")
    if not asked:
        return min(cores(), MAXIMUM)
    if not asked.isdigit() or not 1 <= int(asked) <= MAXIMUM:
        raise ValueError(f"MILLSTREAM_THREADS is {asked!r}; expected a whole number from 1 to {MAXIMUM}.")
    return int(asked)


class _Pool:
    """The native driver and how many workers it has."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.native: Callable[..., int] | None = None
        self.start_worker: Callable[[int], int] = lambda thread: 1
        self.reset: Callable[[], Any] = lambda: None
        self.workers = 0
        self.active = False

    def load(self) -> Callable[..., int]:
        """Compiles the driver, or takes it from the cache, once."""
        posix = os.name == "posix"
        places = jit.compile_module(driver.driver_text(machine(), posix), driver.SYMBOLS, driver.externals(posix), default_store())
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        self.native = ctypes.CFUNCTYPE(word, pointer, word, word, word, pointer)(places["ms_run"])
        self.start_worker = ctypes.CFUNCTYPE(word, word)(places["ms_start_worker"])
        self.reset = ctypes.CFUNCTYPE(None)(places["ms_reset"])
        jit.bind("millstream_barrier", places["ms_barrier"])
        self.reset()
        return self.native

    def prepare(self) -> None:
        """Loads the driver if it is not."""
        with self.lock:
            if self.native is None:
                self.load()

    def staff(self, threads: int) -> int:
        """How many threads a run can have: workers are started as needed, as far as the system allows."""
        if self.active:  # called back from within a run, whose barriers hold the workers
            return 1
        while self.workers + 1 < threads:
            if self.start_worker(self.workers + 1):
                return self.workers + 1
            self.workers += 1
        return threads

    def run(self, plan: Plan, first_step: int, steps: int, threads: int, times: int) -> int:
        with self.lock:
            native = self.native or self.load()
            nested = self.active
            count = self.staff(threads) if threads > 1 else 1
            self.active = True
            try:
                done = native(plan.address or plan.native(), first_step, steps, count, times)
            finally:
                self.active = nested
        if plan.error is not None:
            error, plan.error = plan.error, None
            raise error
        return done

    def forget(self) -> None:
        """In a child after a fork: the workers stayed with the parent."""
        self.lock = threading.RLock()
        self.workers, self.active = 0, False
        if self.native is not None:
            self.reset()


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


def prepare() -> None:
    """Loads the native driver now; kernels with barriers call into it."""
    _pool.prepare()


def run(plan: Plan, first_step: int = 0, steps: int = 1, threads: int | None = None, times: NDArray[np.int64] | None = None) -> int:
    """Executes the plan for `steps` steps from `first_step` on; returns how many steps were completed.

    `times`, int64 of at least steps + 1, receives the cycle counter at the start of every step and at the end.

    Raises: what a callback raised.
    """
    if times is not None and (times.dtype != np.int64 or times.size <= steps):
        raise ValueError(f"times holds {times.size} of {times.dtype}; expected int64 and {steps + 1} elements or more.")
    return _pool.run(plan, first_step, steps, threads or thread_count(), 0 if times is None else address(times))
