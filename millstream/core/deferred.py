"""Deferred: a gradient whose terms are cheaper to compute together than one by one.

A weight that is used at every step of a loop gets a term from each; the sum of their products is one product.
"""

from collections.abc import Callable
from typing import Any

Terms = list[tuple[Any, ...]]


class Deferred:
    """The sum of terms. Args: total, from a list of terms, in the order in which they were used, to their sum; term, the first one."""

    __slots__ = ("terms", "total")

    def __init__(self, total: Callable[[Terms], Any], *term: Any) -> None:
        self.total, self.terms = total, [term]

    def plus(self, other: "Deferred") -> "Deferred":
        """The sum of both."""
        made = Deferred(self.total)
        made.terms = self.terms + other.terms
        return made

    def value(self) -> Any:
        """The sum as a tensor. Reverse mode meets the last use first."""
        return self.total(self.terms[::-1])


def now(gradient: Any) -> Any:
    """A gradient as a tensor."""
    return gradient.value() if gradient.__class__ is Deferred else gradient
