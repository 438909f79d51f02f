"""Progbar: the progress bar of fit, evaluate and predict, in the text that Keras 2 prints."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from millstream.util.export import export


@export("tf.keras.utils.Progbar")
class Progbar:
    """A bar on standard output.

    Args: target, the number of steps, None when unknown; width of the bar; verbose, 0 silent, 1 a bar, 2 a line at the end;
    interval, the least number of seconds between two prints; stateful_metrics, names shown as given instead of averaged; unit_name.
    """

    def __init__(
        self, target: int | None, width: int = 30, verbose: int = 1, interval: float = 0.05, stateful_metrics: Iterable[str] | None = None, unit_name: str = "step"
    ) -> None:  # fmt: skip
        self.target, self.width, self.verbose, self.interval, self.unit_name = target, width, verbose, interval, unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self._in_place = _overwrites()
        self._written, self._seen = 0, 0
        self._sums: dict[str, tuple[Any, Any]] = {}
        self._start, self._last = time.time(), 0.0
        self._after_first: float | None = None

    def update(self, current: int, values: Sequence[tuple[str, Any]] | None = None, finalize: bool | None = None) -> None:
        """Show that `current` steps are done; values are averaged over the steps since the last update, unless stateful."""
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._absorb(name, value, max(current - self._seen, 1))
        self._seen = current
        now = time.time()
        if self.verbose == 1:
            if now - self._last < self.interval and not finalize:
                return
            self._draw(current, now, finalize)
        elif self.verbose == 2 and finalize:
            self._write_line(current, now)
        self._last = now

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Show that n more steps are done."""
        self.update(self._seen + n, values)

    def _absorb(self, name: str, value: Any, weight: int) -> None:
        if name in self.stateful_metrics:
            self._sums[name] = value, 1
        else:
            total, count = self._sums.get(name, (0, 0))
            self._sums[name] = total + value * weight, count + weight

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        bar = f"{current:7d}/Unknown" if self.target is None else _bar(current, self.target, self.width)
        per_step = self._seconds_per_step(current, now)
        if self.target is None or finalize:
            info = f" - {now - self._start:.0f}s {_duration(per_step)}/{self.unit_name}"
        else:
            info = f" - ETA: {_eta(per_step * (self.target - current))}"
        info += self._values(absolute=True)
        before, self._written = self._written, len(bar) + len(info)
        lead = "\b" * before + "\r" if self._in_place else "\n"
        sys.stdout.write(lead + bar + info + " " * (before - self._written) + ("\n" if finalize else ""))
        sys.stdout.flush()

    def _write_line(self, current: int, now: float) -> None:
        sys.stdout.write(f"{_fraction(current, self.target)} - {now - self._start:.0f}s{self._values(absolute=False)}\n")
        sys.stdout.flush()

    def _values(self, absolute: bool) -> str:
        return "".join(f" - {name}: {_number(total, count, absolute)}" for name, (total, count) in self._sums.items())

    def _seconds_per_step(self, current: int, now: float) -> float:
        """The first step counts only while it is alone: it holds the compilation."""
        if not current:
            return 0.0
        if self._after_first is not None and current > 1:
            per_step = (now - self._after_first) / (current - 1)
        else:
            per_step = (now - self._start) / current
        if current == 1:
            self._after_first = now
        return per_step


def _overwrites() -> bool:
    """Whether a line can be written over: on terminals, notebooks and, as Keras has it, everywhere on POSIX."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules or "posix" in sys.modules


def _fraction(current: int, target: int | None) -> str:
    return f"{current:{len(str(target))}d}/{target}"


def _bar(current: int, target: int, width: int) -> str:
    filled = int(width * current / target)
    head = "=" * (filled - 1) + (">" if current < target else "=") if filled > 0 else ""
    return f"{_fraction(current, target)} [{head}{'.' * (width - filled)}]"


def _duration(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _eta(seconds: float) -> str:
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if seconds > 60 else f"{whole}s"


def _number(total: Any, count: int, absolute: bool) -> str:
    mean = np.mean(total / max(1, count))
    return f"{mean:.4f}" if (abs(mean) if absolute else mean) > 1e-3 else f"{mean:.4e}"
