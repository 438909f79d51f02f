"""Runs: every framework once a round, one after the other, in processes of their own.

Machines slow down and speed up over minutes; what ran within one round met the same machine. The order turns by one each
round, so that nobody is always first after the pause.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import environments
from bench.environments import OURS, Framework

WHOLE_PROCESSES = ("import", "mnist_mlp_cold")  # one process is one sample: more repeats would meet a warm cache
LIMIT_SECONDS = 1800
Sample = dict[str, Any]


@dataclass
class Series:
    """What one framework did over all rounds of one workload."""

    framework: Framework
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""

    @property
    def seconds(self) -> float:
        """The median over rounds of each round's median."""
        return float(statistics.median(s["seconds"] for s in self.samples))

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest and the slowest round's median."""
        each = [s["seconds"] for s in self.samples]
        return min(each), max(each)

    @property
    def memory_mb(self) -> float:
        """Peak resident memory, the median over rounds."""
        return float(statistics.median(s["peak_rss_mb"] for s in self.samples))

    def first_step(self, fresh: bool | None = None) -> float | None:
        """Seconds until the end of the first step; of rounds with an empty or a full kernel cache only, when asked."""
        each = [s["first_step_s"] for s in self.samples if s.get("first_step_s") and fresh in (None, s.get("fresh"))]
        return statistics.median(each) if each else None

    @property
    def waiting(self) -> float:
        """Seconds in which a thread was ready but had no core, per second: above 0.1 the machine was busy."""
        return max((s.get("wait_per_wall") or 0.0 for s in self.samples), default=0.0)


class Rounds:
    """The rounds of one workload."""

    def __init__(self, workload: str, frameworks: Iterable[Framework], script: Path, repeats: int) -> None:
        self.workload, self.script = workload, script
        self.repeats = 1 if workload in WHOLE_PROCESSES else repeats
        self.series = [Series(f) for f in frameworks if environments.fits(f, workload)]
        self.cache = ""

    def run(self, index: int) -> None:
        """One round. Even rounds begin with an empty cache of compiled kernels, odd ones with what the round before left."""
        fresh = index % 2 == 0 or self.workload in WHOLE_PROCESSES
        if fresh:
            self.close()
            self.cache = tempfile.mkdtemp(prefix="millstream-bench-")
        turn = index % len(self.series)
        for series in self.series[turn:] + self.series[:turn]:
            if not series.failure:
                self._one(series, fresh=fresh)

    def close(self) -> None:
        """Removes the cache that the last round left."""
        if self.cache:
            shutil.rmtree(self.cache, ignore_errors=True)

    def _one(self, series: Series, *, fresh: bool) -> None:
        sample = measure(self.script, series.framework, self.workload, self.repeats, self.cache)
        if isinstance(sample, str):
            series.failure = sample
            print(f"  {series.framework.label}: {sample}", flush=True)
            return
        series.samples.append({**sample, "fresh": fresh})
        print(f"  {series.framework.label}: {sample['seconds']:.6g} s a {sample['unit']}", flush=True)


def measure(script: Path, framework: Framework, workload: str, repeats: int, cache: str) -> Sample | str:
    """One process's JSON line, or why there is none."""
    python = environments.python_of(framework.environment)
    if python is None:
        return environments.missing(framework)
    command = [python, str(script), "--framework", framework.name, "--workload", workload, "--repeats", str(repeats)]
    command += ["--variant", framework.variant] if framework.variant else []
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False, env=environments.variables(cache)
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {LIMIT_SECONDS} s"
    return parse(done.stdout, done.stderr)


def parse(output: str, complaints: str) -> Sample | str:
    r"""The last line that is a JSON object; else the last line of what went wrong.

    >>> parse('{"seconds": 0.5, "unit": "step"}', "")
    {'seconds': 0.5, 'unit': 'step'}
    >>> parse("", "Traceback:\nImportError: no such module")
    'ImportError: no such module'
    """
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            sample: Sample = json.loads(line)
            return "has no such workload" if sample.get("skipped") else sample
    lines = [line for line in complaints.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "printed nothing"


def peers_of(series: Iterable[Series]) -> list[Series]:
    """Those that measured something and are not ours."""
    return [s for s in series if s.samples and s.framework != OURS]
