"""Tables: medians, ratios, memory, first steps, the distance to the machine's limits; as Markdown, for eyes and for RESULTS.md."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from bench.environments import OURS, TITLES, VARIABLES, versions
from bench.floors import Work, work_of
from bench.limits import Limits
from bench.runs import Rounds, Series, peers_of

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
BUSY = 0.1  # a thread that waits this share of the time says that others use the cores


def seconds(value: float | None) -> str:
    """A time with its unit, three digits.

    >>> [seconds(v) for v in (4.2, 0.0123, 2.5e-5, 3e-8)]
    ['4.20 s', '12.3 ms', '25.0 us', '0.030 us']
    """
    if value is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}" if value / scale >= 10 else f"{value / scale:.2f} {unit}"
    return f"{value * 1e6:.1f} us" if value >= 1e-6 else f"{value * 1e6:.3f} us"


def workload_section(rounds: Rounds, limits: Limits) -> str:
    """One workload: a table of the frameworks, then what it says."""
    done = [s for s in rounds.series if s.samples]
    if not done:
        return f"### {rounds.workload}\n\nNothing could be measured.\n"
    unit = done[0].samples[0]["unit"]
    ours = next((s for s in done if s.framework == OURS), None)
    head = f"| framework | median, {'an' if unit[0] in 'aeiou' else 'a'} {unit} | fastest, slowest round | Millstream is | first step | peak memory |\n|---|--:|--:|--:|--:|--:|\n"
    rows = "".join(_row(s, ours) for s in sorted(done, key=lambda s: s.seconds))
    lines = [*_verdicts(rounds, ours), *_direct_calls(done), *_against_limits(rounds.workload, ours, limits), *_remarks(rounds)]
    notes = "".join(f"* {line}\n" for line in lines)
    return f"### {rounds.workload}\n\n{head}{rows}\n{notes}"


def _row(series: Series, ours: Series | None) -> str:
    low, high = series.spread
    ratio = f"{series.seconds / ours.seconds:.2f}x as fast" if ours and series is not ours else ""
    first = seconds(series.first_step())
    if series is ours and series.first_step(fresh=True):
        first = f"{seconds(series.first_step(fresh=True))} empty cache, {seconds(series.first_step(fresh=False)) or 'not measured'} full"
    label = TITLES[series.framework.label]
    return f"| {label} | {seconds(series.seconds)} | {seconds(low)}, {seconds(high)} | {ratio} | {first} | {series.memory_mb:.0f} MB |\n"


def _verdicts(rounds: Rounds, ours: Series | None) -> list[str]:
    """Ours against the fastest peer, in time and memory."""
    others = peers_of(rounds.series)
    if ours is None or not others:
        return []
    best = min(others, key=lambda s: s.seconds)
    least = min(others, key=lambda s: s.memory_mb)
    return [
        f"Best peer: {TITLES[best.framework.label]}, {seconds(best.seconds)}. Millstream is {best.seconds / ours.seconds:.2f}x as fast.",
        f"Least memory of a peer: {least.memory_mb:.0f} MB ({TITLES[least.framework.label]}); Millstream {ours.memory_mb:.0f} MB.",
    ]


def _direct_calls(done: list[Series]) -> Iterable[str]:
    """`model(x)` beside `model.predict(x)`, where a workload measures both."""
    calls = {TITLES[s.framework.label]: median(v) for s in done if (v := [x["model_call_s"] for x in s.samples if x.get("model_call_s")])}
    if calls:
        yield (
            "Calling the model itself: "
            + ", ".join(f"{label} {seconds(v)}" for label, v in sorted(calls.items(), key=lambda c: c[1]))
            + "."
        )


def floor_seconds(work: Work, limits: Limits, threads: int) -> tuple[float, str]:
    """The least time of some work on so many cores, and what bounds it.

    >>> floor_seconds(Work(200e9, 1e9), Limits(2, 8, "AVX2", {2: 100e9}, {2: 10e9}, {2: 10e9}), 2)
    (2.0, 'arithmetic')
    """
    arithmetic, memory = work.flops / limits.peak[threads], work.bytes / limits.triad[threads]
    return max((arithmetic, "arithmetic"), (memory, "memory"))


def _against_limits(workload: str, ours: Series | None, limits: Limits) -> list[str]:
    """How far from the machine's limit, on one core and on all."""
    work = work_of(workload)
    if work is None:
        return []
    lines = []
    for threads in sorted({1, min(2, limits.cores), limits.cores}):
        floor, why = floor_seconds(work, limits, threads)
        reached = f"; Millstream is at {ours.seconds / floor:.2f}x" if ours else ""
        lines.append(
            f"Floor on {threads} core{'s' * (threads > 1)}: {seconds(floor)} ({why}: {amount(work.flops)}FLOP, {amount(work.bytes)}B){reached}."
        )
    return lines


def amount(value: float) -> str:
    """A count with its prefix and a space.

    >>> [amount(v) for v in (2.66e10, 4.4e8, 203264.0, 0)]
    ['26.6 G', '440 M', '203 k', '0 ']
    """
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {prefix}"
    return f"{value:.3g} "


def _remarks(rounds: Rounds) -> Iterable[str]:
    """What was left out, and who was disturbed."""
    for series in rounds.series:
        if series.failure:
            yield f"{TITLES[series.framework.label]}: {series.failure}"
        if series.waiting > BUSY:
            yield f"{TITLES[series.framework.label]} waited for a core {series.waiting:.0%} of the time: the machine was busy, do not quote this."


def machine_section(command: str, limits: Limits, environments: Iterable[str], repeats: tuple[int, int]) -> str:
    """Date, machine, versions, the exact command, and the limits measured in this run."""
    now = dt.datetime.now(dt.UTC)
    peaks = ", ".join(f"{v / 1e9:.0f} GFLOP/s on {n}" for n, v in limits.peak.items())
    reads = ", ".join(f"{limits.read[n] / 1e9:.0f} read and {limits.triad[n] / 1e9:.0f} triad GB/s on {n}" for n in limits.read)
    held = "".join(f"* {name} ({VARIABLES[name]}): {versions(name)}\n" for name in environments)
    return (
        f"## {now:%Y-%m-%d %H:%M} UTC\n\n    {command}\n\n"
        f"* Machine: {processor()} with {limits.vectors}, {limits.cores} cores for this process, {memory()}, {platform.system()} {platform.release()}\n"
        f"* Measured in this run: {peaks}; {reads} cores. Load when it began: {os.getloadavg()[0]:.2f}\n"
        f"* {repeats[0]} rounds of {repeats[1]} repeats; figures are medians over rounds\n{held}"
    )


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def memory() -> str:
    """Main memory."""
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def append(text: str, path: Path = RESULTS) -> None:
    """Adds a section to the results."""
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" + text)
