"""Sample inputs and wrong inputs that stand with an op; the tests of every op are made of them.

A sample is a recipe, not data: arrays are made by `arrays` with a fixed seed, so that importing costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Array:
    """A recipe of one array: shape, dtype, and the interval that its values come from (or the values themselves)."""

    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0
    values: Any = None

    def make(self, random: "np.random.RandomState") -> Any:
        """The array."""
        if self.values is not None:
            return np.array(self.values, self.dtype)
        if self.dtype == "bool":
            return random.rand(*self.shape) < 0.5
        if self.dtype.startswith("complex"):
            return (random.uniform(self.low, self.high, self.shape) + 1j * random.uniform(self.low, self.high, self.shape)).astype(
                self.dtype
            )
        if "int" in self.dtype:
            return random.randint(int(self.low), int(self.high) + 1, self.shape).astype(self.dtype)
        return np.asarray(random.uniform(self.low, self.high, self.shape)).astype(self.dtype)


@dataclass(frozen=True)
class Sample:
    """Inputs and attributes for one call of an op. `gradient` says whether finite differences apply (no kinks nearby)."""

    name: str
    inputs: tuple[Array, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    gradient: bool = True

    def arrays(self) -> list[Any]:
        """The inputs, the same at every call."""
        random = np.random.RandomState(sum(map(ord, self.name)))
        return [a.make(random) for a in self.inputs]


@dataclass(frozen=True)
class ErrorCase:
    """A call that must fail: inputs, attributes, the error's class and a regular expression for its message."""

    inputs: tuple[Any, ...]
    error: type[BaseException]
    message: str
    attrs: dict[str, Any] = field(default_factory=dict)


Samples = Callable[[], list[Sample]]
_SHAPES: tuple[tuple[int, ...], ...] = ((), (7,), (3, 5), (2, 0, 3), (33,))


def unary(low: float, high: float, dtypes: tuple[str, ...] = ("float32", "float64"), gradient: bool = True, **attrs: Any) -> Samples:
    """Samples of an elementwise op of one input: scalar, vector, matrix, empty, longer than a vector register."""
    return lambda: [Sample(f"{d}{list(s)}", (Array(s, d, low, high),), attrs, gradient) for d in dtypes for s in _SHAPES]


_PAIRS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()), ((7,), (7,)), ((3, 5), (5,)), ((3, 1), (1, 5)), ((), (4,)), ((2, 0), (1,)), ((2, 3, 17), (3, 1)),
)  # fmt: skip


def binary(
    low: float,
    high: float,
    low2: float | None = None,
    high2: float | None = None,
    dtypes: tuple[str, ...] = ("float32", "float64"),
    gradient: bool = True,
) -> Samples:
    """Samples of an elementwise op of two inputs that broadcast; low2 and high2 bound the second."""
    low2, high2 = low if low2 is None else low2, high if high2 is None else high2
    return lambda: [
        Sample(f"{d}{list(a)}{list(b)}", (Array(a, d, low, high), Array(b, d, low2, high2)), {}, gradient)
        for d in dtypes
        for a, b in _PAIRS
    ]


FLOATS = ("float32", "float64")
NUMBERS = ("float32", "float64", "int32", "int64")


def mixed_dtypes(error: type[BaseException], a: str = "float32", b: str = "int32") -> tuple[ErrorCase, ...]:
    """The error of two inputs whose dtypes differ."""
    return (ErrorCase((np.ones(2, a), np.ones(2, b)), error, f"expected to be a {a}|{b}"),)
