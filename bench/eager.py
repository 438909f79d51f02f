"""What an eager op costs beyond NumPy's own call, without and with a tape.

    python -m bench.eager [--module millstream|tensorflow]

Gate: less than 0.4 us over NumPy an op, less than 0.8 us under a tape (medians over the ops with a gradient).
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import timeit
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

CALLS, REPEATS = 2000, 15
GATE_US, TAPED_GATE_US = 0.4, 0.8


class Case(NamedTuple):
    """An op on small tensors, and NumPy's own way of doing the same on arrays of the same values."""

    name: str
    ours: Callable[[], Any]
    numpys: Callable[[], Any]


def cases(tf: Any) -> list[Case]:
    """Ops of the kinds that programs use most."""
    a, b, m = np.linspace(0.1, 1.0, 8, dtype="float32"), np.linspace(1.0, 2.0, 8, dtype="float32"), np.eye(4, dtype="float32")
    ta, tb, tm = tf.constant(a), tf.constant(b), tf.constant(m)
    s, ts = np.float32(0.5), tf.constant(0.5)
    return [
        Case("x + y", lambda: ta + tb, lambda: np.add(a, b)),
        Case("x * 2.0", lambda: ta * 2.0, lambda: a * 2.0),
        Case("scalar + scalar", lambda: ts + ts, lambda: s + s),
        Case("square(scalar)", lambda: tf.square(ts), lambda: np.square(s)),
        Case("square", lambda: tf.square(ta), lambda: np.square(a)),
        Case("exp", lambda: tf.exp(ta), lambda: np.exp(a)),
        Case("tanh", lambda: tf.tanh(ta), lambda: np.tanh(a)),
        Case("maximum", lambda: tf.maximum(ta, tb), lambda: np.maximum(a, b)),
        Case("matmul 4x4", lambda: tf.matmul(tm, tm), lambda: np.matmul(m, m)),
        Case("reduce_sum", lambda: tf.reduce_sum(ta), lambda: np.add.reduce(a, None)),
        Case("reshape", lambda: tf.reshape(ta, (2, 4)), lambda: a.reshape((2, 4))),
        Case("x[1:3]", lambda: ta[1:3], lambda: a[1:3]),
    ]


def microseconds(call: Callable[[], Any]) -> float:
    """The fastest of some blocks of calls: what it costs when nothing interrupts."""
    return min(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6


def taped(tf: Any, case: Case) -> float:
    """The same op while a tape records it; the tape is renewed for every block, its records go with it."""
    watched = tf.Variable(1.0)
    times = []
    for _ in range(REPEATS):
        with tf.GradientTape() as tape:
            tape.watch(watched)
            for argument in closure(case.ours):
                tape.watch(argument)
            times.append(timeit.timeit(case.ours, number=CALLS))
    return min(times) / CALLS * 1e6


def closure(function: Callable[[], Any]) -> list[Any]:
    """The float tensors that a case's function uses."""
    cells = [c.cell_contents for c in function.__closure__ or ()]
    return [v for v in cells if hasattr(v, "dtype") and not isinstance(v, (np.ndarray, np.generic))]


def report(tf: Any) -> bool:
    """Prints the table; whether both gates hold."""
    print(f"{'op':18}{'NumPy us':>10}{'ours us':>10}{'over':>8}{'taped us':>10}{'over':>8}")
    plain, recorded = [], []
    for case in cases(tf):
        base, own, with_tape = microseconds(case.numpys), microseconds(case.ours), taped(tf, case)
        plain.append(own - base)
        recorded.append(with_tape - base)
        print(f"{case.name:18}{base:10.3f}{own:10.3f}{own - base:8.3f}{with_tape:10.3f}{with_tape - base:8.3f}")
    each, under = statistics.median(plain), statistics.median(recorded)
    print(f"median over NumPy: {each:.3f} us (gate {GATE_US}), under a tape {under:.3f} us (gate {TAPED_GATE_US})")
    return each < GATE_US and under < TAPED_GATE_US


def main() -> None:
    """Exit status 1 when a gate is missed."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--module", default="millstream", help="the module with TensorFlow's API (default %(default)s)")
    sys.exit(not report(importlib.import_module(p.parse_args().module)))


if __name__ == "__main__":
    main()
