"""What this machine can do: fused multiply-adds in float32 and memory bandwidth, with one thread and with several.

    python -m bench.limits

The loops run in a process of their own: a process that is started by one with large arrays counts them as its own peak memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Limits(NamedTuple):
    """Measured maxima: operations a second (`peak`) and bytes a second, by number of threads."""

    cores: int
    lanes: int
    vectors: str
    peak: dict[int, float]
    read: dict[int, float]
    triad: dict[int, float]


def measure() -> Limits:
    """The best of some repeats of each loop, for one thread and for all cores; two seconds."""
    done = subprocess.run([sys.executable, "-m", "bench.loops"], capture_output=True, text=True, check=True, cwd=ROOT)
    found = json.loads(done.stdout)
    tables = {name: {int(n): v for n, v in found[name].items()} for name in ("peak", "read", "triad")}
    return Limits(found["cores"], found["lanes"], found["vectors"], **tables)


def better(first: Limits | None, second: Limits) -> Limits:
    """The larger of two measurements in each entry: what the machine has shown that it can do."""
    if first is None:
        return second
    pairs = [{n: max(a[n], b[n]) for n in b} for a, b in zip(first[3:], second[3:], strict=True)]
    return Limits(second.cores, second.lanes, second.vectors, *pairs)


def main() -> None:
    """Prints the limits of this machine."""
    found = better(measure(), measure())
    print(f"{found.cores} cores, {found.vectors}, vectors of {found.lanes} float32")
    for name, table, unit in (("peak", found.peak, "GFLOP/s"), ("read", found.read, "GB/s"), ("triad", found.triad, "GB/s")):
        print(f"{name:6}", "   ".join(f"{n} thread{'s' * (n > 1)} {v / 1e9:7.1f} {unit}" for n, v in table.items()))


if __name__ == "__main__":
    main()
