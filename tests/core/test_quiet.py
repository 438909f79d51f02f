"""NumPy's warnings are off within ops, in every thread, and stay as they were outside."""

import contextvars
import importlib
import threading
from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core import quiet


def divided(x: Any) -> Any:
    return np.true_divide(x, np.float32(0))


def test_a_quiet_function_does_not_warn_and_leaves_the_setting_alone() -> None:
    before = np.geterr()
    assert np.isinf(quiet.quiet(divided)(np.float32(1)))
    assert np.geterr() == before
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        divided(np.float32(1))


def test_quiet_functions_nest_and_raise_what_they_raise() -> None:
    inner = quiet.quiet(divided)
    assert np.isinf(quiet.quiet(lambda x: inner(x) + inner(x))(np.float32(1)))

    def fails(x: Any) -> None:
        raise RuntimeError(f"mine {x}")

    with pytest.raises(RuntimeError, match="mine 3"):
        quiet.quiet(fails)(3)


def test_overflow_raises() -> None:
    narrow = quiet.overflow_raises(lambda x: x.astype("float32"))
    assert np.isinf(narrow(np.array([np.inf]))).all()
    with pytest.raises(FloatingPointError):
        narrow(np.array([1e40]))


def test_another_thread_in_the_context_does_not_matter() -> None:
    """While one thread is inside, an op of another sets the variable for itself."""
    entered, leave, results = threading.Event(), threading.Event(), []

    def stay() -> None:
        quiet.quiet(lambda: (entered.set(), leave.wait(20)))()

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(20)
    try:
        x = tf.constant([3e38])
        results = [(x + x).numpy(), (x * 2.0).numpy(), tf.reduce_sum(x * x).numpy(), (tf.constant(1.0) / 0).numpy()]
    finally:
        leave.set()
        thread.join()
    assert all(np.isinf(r).all() for r in results)


def test_ops_work_in_an_empty_context() -> None:
    assert contextvars.Context().run(lambda: (tf.constant([1.0]) + 1.0).numpy().tolist()) == [2.0]


def test_without_numpys_variable_errstate_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "SETTING", None)
    decorate, run = quiet._under(all="ignore")
    assert run is None
    assert np.isinf(decorate(divided)(np.float32(1)))
    assert importlib.import_module("millstream.core.dispatch").RUN is quiet.RUN
