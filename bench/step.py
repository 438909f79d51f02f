"""How long one compiled training step takes: the median from the cycle counter, beside wall time.

    python -m bench.step [--epochs 3] [--samples 6400]

On a busy machine a preempted thread makes its sibling wait at the next barrier, and wall time shows it; the median step does
not. The network is MNIST's, 784-128-10 with Adam in batches of 32; the images are random.
"""

from __future__ import annotations

import argparse
import importlib
import time
from typing import Any, NamedTuple, Self

import numpy as np

from bench.floors import MLP
from millstream.runtime.executable import Executable


class Record(NamedTuple):
    """One native call: seconds of wall time, counts of the cycle counter for each of its steps."""

    executable: Executable
    wall: float
    counts: Any


class Recorder:
    """Stands before Executable.run and asks for the cycle counts of every step."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.run = Executable.run

    def __enter__(self) -> Self:
        def run(executable: Executable, first: int = 0, steps: int = 1, times: Any = None) -> int:
            counts = np.zeros(steps + 1, np.int64) if times is None else times
            start = time.perf_counter()
            done = self.run(executable, first, steps, counts)
            self.records.append(Record(executable, time.perf_counter() - start, np.diff(counts[: done + 1])))
            return done

        Executable.run = run  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        Executable.run = self.run  # type: ignore[method-assign]


def summary(records: list[Record]) -> str:
    """One executable's steps: median and spread in microseconds, wall time a step, steps that took twice the median."""
    counts = np.concatenate([r.counts for r in records])
    longest = max(records, key=lambda r: len(r.counts))
    rate = longest.counts.sum() / longest.wall  # a call's own overhead is small against its many steps
    us = counts / rate * 1e6
    median, wall = float(np.median(us)), sum(r.wall for r in records) / len(counts) * 1e6
    low, high = np.percentile(us, [10, 90])
    slow = float(np.mean(us > 2 * median))
    return f"median {median:8.2f} us   10-90% {low:8.2f} - {high:8.2f}   wall {wall:8.2f} us a step   {slow:.1%} took twice the median"


def main() -> None:
    """Trains, then prints a line for the training step and one for the evaluation step."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--samples", type=int, default=6400)
    asked = p.parse_args()
    r = np.random.RandomState(0)
    x, y = r.uniform(size=(asked.samples, 28, 28)).astype("float32"), r.randint(0, 10, asked.samples)
    tf: Any = importlib.import_module("millstream")
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    with Recorder() as recorder:
        model.fit(x, y, batch_size=32, epochs=asked.epochs, validation_data=(x, y), verbose=0)
    by_code: dict[int, list[Record]] = {}
    for record in recorder.records:
        by_code.setdefault(id(record.executable), []).append(record)
    if not by_code:
        raise SystemExit("bench.step: no compiled step ran; MILLSTREAM_DEBUG=1 says why.")
    most = max(len(records[0].executable.graph.updates) for records in by_code.values())
    for records in by_code.values():
        code = records[0].executable
        kind = "train" if len(code.graph.updates) == most else "evaluate"  # evaluation updates metrics only
        print(f"{kind:9} batch of {code.batch:5}: {summary(records)}")
    print(f"arithmetic of a training step: {32 * MLP.training / 1e6:.2f} MFLOP")


if __name__ == "__main__":
    main()
