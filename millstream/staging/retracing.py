"""Noticing functions that are traced again and again, and saying which argument is the reason."""

from typing import Any

from millstream.core.dtypes import DType
from millstream.staging.logs import get_logger

MANY, HISTORY = 5, 10  # so many traces within so many calls are worth a warning


class Detector:
    """Counts the calls and traces of one function."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._calls_per_trace: list[int] = []
        self._last: tuple[list[str], tuple[Any, ...]] | None = None

    def called(self) -> None:
        """A call that needed no trace."""
        if self._calls_per_trace:
            self._calls_per_trace[-1] += 1

    def traced(self, names: list[str], keys: tuple[Any, ...], quiet: bool) -> None:
        """A call that did. Warns when there were many of late."""
        counts = self._calls_per_trace
        counts.append(1)
        while sum(counts) - counts[0] > HISTORY:
            counts.pop(0)
        before, self._last = self._last, (names, keys)
        if len(counts) < MANY or quiet or before is None:
            return
        get_logger().warning(
            "%d out of the last %d calls to %s triggered tf.function retracing: %s. Each trace takes time. Pass tensors of one shape and dtype rather than "
            "Python numbers or new objects, define the function outside of loops, or give input_signature=[tf.TensorSpec(...)].",
            len(counts), sum(counts), self.name, _difference(*before, names, keys),
        )  # fmt: skip


def _difference(old_names: list[str], old: tuple[Any, ...], names: list[str], keys: tuple[Any, ...]) -> str:
    before = dict(zip(old_names, old, strict=True))
    changed = [
        f"argument '{n}' changed from {_text(before[n])} to {_text(k)}"
        for n, k in zip(names, keys, strict=True)
        if n in before and before[n] != k
    ]
    return "; ".join(changed) or "its arguments differ in number"


def _text(key: Any) -> str:
    first, second = key
    if isinstance(first, DType):
        return f"{first.name}{list(second)}"
    if isinstance(first, type) and not isinstance(second, tuple):
        return f"the Python value {second!r}"
    return (
        "an object"
        if first == "object"
        else "another variable"
        if first == "variable"
        else f"a {getattr(first, '__name__', first)} of other contents"
    )
