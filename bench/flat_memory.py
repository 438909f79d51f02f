"""Memory stays flat: 100,000 predict calls, and 100,000 train steps of each kind, leave resident memory where warm-up left it.

    python -m bench.flat_memory [--calls 100000] [--module millstream|tensorflow] [KIND...]

Prints resident memory along the way. Exit status 1 when a kind grows by more than 2 MB after its warm-up (a tenth of the calls).
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LIMIT_MB, LOOKS = 2.0, 10
Step = Callable[[int], Any]  # does so many calls or steps


def resident_mb() -> float:
    """Resident memory now, after a collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def kinds(tf: Any) -> dict[str, Step]:
    """What is repeated, by name."""
    model = tf.keras.Sequential(
        [tf.keras.layers.Dense(8, activation="relu", input_shape=(4,)), tf.keras.layers.Dense(3, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.ones((32, 4), "float32"), np.zeros(32, "int64")
    one, w = x[:1], tf.Variable([1.0, 2.0])

    def tape_steps(n: int) -> None:
        for _ in range(n):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(w + 1.0))
            w.assign_sub(0.001 * tape.gradient(loss, w))

    return {
        "predict": lambda n: [model.predict(one, verbose=0) for _ in range(n)] and None,
        "call": lambda n: [model(one) for _ in range(n)] and None,
        "train_on_batch": lambda n: [model.train_on_batch(x, y) for _ in range(n)] and None,
        "fit": lambda n: model.fit(x, y, batch_size=1, epochs=max(1, n // 32), verbose=0) and None,
        "tape": tape_steps,
    }


def growth(name: str, step: Step, calls: int) -> float:
    """Megabytes by which memory is larger at the end than after the warm-up."""
    part = max(1, calls // LOOKS)
    step(part)
    seen = [resident_mb()]
    for _ in range(LOOKS - 1):
        step(part)
        seen.append(resident_mb())
    print(f"{name:16}", " ".join(f"{v:7.1f}" for v in seen), f"MB; grew by {seen[-1] - seen[0]:+.2f} MB", flush=True)
    return seen[-1] - seen[0]


def main() -> None:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kinds", nargs="*", metavar="KIND", help="predict, call, train_on_batch, fit, tape; none: all")
    p.add_argument("--calls", type=int, default=100_000)
    p.add_argument("--module", default="millstream", help="the module with TensorFlow's API (default %(default)s)")
    asked = p.parse_args()
    every = kinds(importlib.import_module(asked.module))
    unknown = [k for k in asked.kinds if k not in every]
    if unknown:
        raise SystemExit(f"bench.flat_memory: unknown {', '.join(unknown)}; expected {', '.join(every)}.")
    grown = {name: growth(name, every[name], asked.calls) for name in asked.kinds or every}
    sys.exit(any(v > LIMIT_MB for v in grown.values()))


if __name__ == "__main__":
    main()
