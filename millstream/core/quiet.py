"""NumPy without its warnings about infinities and NaN, which TensorFlow gives none of; at a tenth of the cost of numpy.errstate.

NumPy keeps its error handling in a context variable. Where this NumPy has it under the name used here, functions run in
a context of their own in which it is set; elsewhere numpy.errstate serves. One thread at a time can be in that context:
another that comes while NumPy computes without Python's lock sets the variable for itself.
"""

import functools
from collections.abc import Callable
from contextvars import Context
from typing import Any

import numpy as np
from numpy._core import umath

SETTING: Any = getattr(umath, "_extobj_contextvar", None)
Function = Callable[..., Any]


def _under(**errors: Any) -> tuple[Callable[[Function], Function], Function | None]:
    """A decorator that lets a function run under numpy.errstate(**errors), and the `run` of its context, None without one."""
    if SETTING is None:
        return np.errstate(**errors), None
    context, setting = Context(), umath._make_extobj(**errors)
    context.run(SETTING.set, setting)
    run, current = context.run, SETTING.get

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if current() is setting:
                return function(*args, **kwargs)
            try:
                return run(function, *args, **kwargs)
            except RuntimeError:  # another thread is in there
                token = SETTING.set(setting)
            try:
                return function(*args, **kwargs)
            finally:
                SETTING.reset(token)

        return call

    return decorate, run


quiet, RUN = _under(all="ignore")
quiet.__doc__ = """A function within which NumPy warns of nothing."""
overflow_raises, _ = _under(all="ignore", over="raise")
overflow_raises.__doc__ = """A function within which NumPy raises FloatingPointError where a finite number becomes infinite."""
