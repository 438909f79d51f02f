"""Plans on one and several threads: order, barriers, callbacks, errors, forks, denormals, timing marks."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from millstream.codegen.loops import Function, LoopBuilder
from millstream.runtime import threads
from millstream.runtime.kernels import compile
from millstream.runtime.memory import address, aligned_empty

COUNTS = [1, 2, 3, 4, 8]


def sweep() -> Function:
    """target[i] = source[n - 1 - i] + step, the elements split among threads."""
    b = LoopBuilder("sweep")
    source, target, n = b.pointer("source", "float32"), b.pointer("target", "float32"), b.size("n")
    with b.parallel(n) as i:
        b.store(target, i, b.load(source, n - 1 - i) * 0.5 + b.cast(b.step, "float32"))
    return b.finish()


def there_and_back(n: int = 1000) -> tuple[threads.Plan, np.ndarray]:
    """A plan whose two kernels read what other threads wrote, and its two arrays."""
    x, y = aligned_empty(n, np.float32), aligned_empty(n, np.float32)
    x[:], y[:] = np.arange(n), 0
    kernel, plan = compile([sweep()])["sweep"], threads.Plan()
    for source, target in ((x, y), (y, x)):
        slots = np.array([address(source), address(target), n], np.int64)
        plan.add(kernel, address(slots))
        plan.keep(slots, source, target)
    return plan, x


@pytest.mark.parametrize("count", COUNTS)
def test_any_number_of_threads_gives_the_same_bits(count: int) -> None:
    one, expected = there_and_back()
    many, got = there_and_back()
    assert threads.run(one, 5, 40, threads=1) == 40
    assert threads.run(many, 5, 40, threads=count) == 40
    np.testing.assert_array_equal(got, expected)
    assert got.any()


@pytest.mark.parametrize("count", COUNTS)
def test_callbacks_see_finished_work_and_steps(count: int) -> None:
    plan, x = there_and_back()
    seen = []
    plan.add_callback(lambda step: seen.append((step, x.sum())))
    threads.run(plan, 3, 4, threads=count)
    reference, y = there_and_back()
    for k, (step, total) in enumerate(seen):
        threads.run(reference, 3 + k, 1, threads=1)
        assert (step, total) == (3 + k, y.sum())
    assert len(seen) == 4


@pytest.mark.parametrize("count", COUNTS)
def test_an_error_in_a_callback_stops_every_thread_and_is_raised(count: int) -> None:
    plan, _ = there_and_back()
    calls = []

    def fail(step: int) -> None:
        calls.append(step)
        if step == 2:
            raise KeyError("two")

    plan.add_callback(fail)
    with pytest.raises(KeyError, match="two"):
        threads.run(plan, 0, 100, threads=count)
    assert calls == [0, 1, 2]
    with pytest.raises(KeyError):
        threads.run(plan, 2, 1, threads=count)
    assert threads.run(plan, 10, 3, threads=count) == 3


@pytest.mark.parametrize("count", [1, 3])
def test_a_callback_may_stop_a_run_and_interrupts_pass(count: int) -> None:
    plan, _ = there_and_back()
    plan.add_callback(lambda step: plan.stop() if step == 4 else None)
    assert threads.run(plan, 0, 10, threads=count) == 4
    plan, _ = there_and_back()

    def interrupt(step: int) -> None:
        raise KeyboardInterrupt

    plan.add_callback(interrupt)
    with pytest.raises(KeyboardInterrupt):
        threads.run(plan, 0, 10, threads=count)


@pytest.mark.parametrize("count", [1, 3])
def test_solo_records_run_once(count: int) -> None:
    b = LoopBuilder("count")
    x = b.pointer("x", "int64")
    b.store(x, 0, b.load(x, 0) + 1)
    x, plan = np.zeros(1, np.int64), threads.Plan()
    slots = np.array([address(x)], np.int64)
    plan.add(compile([b.finish()])["count"], address(slots), solo=True)
    threads.run(plan, 0, 1000, threads=count)
    assert x[0] == 1000


def test_runs_within_callbacks() -> None:
    inner, x = there_and_back()
    outer, _ = there_and_back()
    outer.add_callback(lambda step: threads.run(inner, step, 1, threads=4))
    threads.run(outer, 0, 3, threads=2)
    reference, y = there_and_back()
    threads.run(reference, 0, 3, threads=1)
    np.testing.assert_array_equal(x, y)


def test_several_python_threads_may_run_plans() -> None:
    reference, expected = there_and_back()
    threads.run(reference, 0, 200, threads=1)
    plans = [there_and_back() for _ in range(4)]
    callers = [threading.Thread(target=threads.run, args=(plan, 0, 200, 2)) for plan, _ in plans]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for _, x in plans:
        np.testing.assert_array_equal(x, expected)


def test_a_forked_child_makes_its_own_workers() -> None:
    plan, _ = there_and_back()
    threads.run(plan, 0, 2, threads=3)
    child = os.fork()
    if child == 0:
        ok = threads.run(plan, 0, 5, threads=3) == 5
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert threads.run(plan, 0, 2, threads=3) == 2


def test_idle_workers_sleep() -> None:
    plan, _ = there_and_back()
    threads.run(plan, 0, 2, threads=4)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("count", [1, 2])
def test_denormals_are_zero_inside_and_numbers_outside(count: int) -> None:
    b = LoopBuilder("tiny")
    x, y, n = b.pointer("x", "float32"), b.pointer("y", "float32"), b.size("n")
    with b.parallel(n) as i:
        b.store(y, i, b.load(x, i) * 0.5)
    x, y = np.full(64, 2.0**-126, np.float32), np.ones(64, np.float32)
    slots, plan, outside = np.array([address(x), address(y), 64], np.int64), threads.Plan(), []
    plan.add(compile([b.finish()])["tiny"], address(slots))
    plan.add_callback(lambda step: outside.append(float(np.float32(2.0**-126) * np.float32(0.5))))
    threads.run(plan, threads=count)
    assert not y.any()
    assert outside == [2.0**-127]
    assert np.float32(2.0**-126) * np.float32(0.5) > 0


def test_times_are_marked() -> None:
    plan, _ = there_and_back()
    times = np.zeros(11, np.int64)
    threads.run(plan, 0, 10, threads=2, times=times)
    assert (np.diff(times) > 0).all()
    with pytest.raises(ValueError, match="expected int64 and 11 elements"):
        threads.run(plan, 0, 10, times=times[:10])


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("1", 1)])
def test_the_number_of_threads_can_be_set(monkeypatch: pytest.MonkeyPatch, setting: str, expected: int) -> None:
    monkeypatch.setenv("MILLSTREAM_THREADS", setting)
    threads.thread_count.cache_clear()
    try:
        assert threads.thread_count() == expected
    finally:
        threads.thread_count.cache_clear()


@pytest.mark.parametrize("setting", ["0", "many", "-2", "1000"])
def test_a_wrong_number_of_threads_is_explained(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("MILLSTREAM_THREADS", setting)
    threads.thread_count.cache_clear()
    with pytest.raises(ValueError, match=f"MILLSTREAM_THREADS is '{setting}'; expected a whole number from 1 to 256"):
        threads.thread_count()
    threads.thread_count.cache_clear()


@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (1000, 1000)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
def test_arrays_are_aligned(shape: tuple[int, ...], dtype: str) -> None:
    x = aligned_empty(shape, dtype)
    assert x.shape == shape
    assert x.dtype == dtype
    assert address(x) == x.ctypes.data
    assert address(x) % 64 == 0 or not x.size
    x[...] = 1
    assert x.sum() == x.size
