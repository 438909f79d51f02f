"""Iterators over data sets, and the optional value that one may or may not give."""

from collections.abc import Iterator as PythonIterator
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, wrap
from millstream.core.spec import TypeSpec
from millstream.core.tensor import Tensor, refuse_in_graph
from millstream.data import nested
from millstream.util.errors import OutOfRangeError, invalid
from millstream.util.export import export


@export("tf.data.Iterator")
class Iterator:
    """Runs through a data set once.

    >>> it = iter(tf.data.Dataset.range(2))
    >>> int(next(it)), int(it.get_next())
    (0, 1)
    """

    def __init__(self, elements: PythonIterator[Any], element_spec: Any) -> None:
        self._elements, self._spec = elements, element_spec

    def __iter__(self) -> "Iterator":
        return self

    def __next__(self) -> Any:
        if STATE.trace is not None:
            refuse_in_graph("taking the next element of a data set")
        return next(self._elements)

    next = __next__

    def get_next(self, name: str | None = None) -> Any:
        """The next element. Raises: OutOfRangeError when there is none."""
        try:
            return self.__next__()
        except StopIteration:
            raise OutOfRangeError(None, None, "End of sequence") from None

    def get_next_as_optional(self) -> "Optional":
        """The next element, or an Optional without value."""
        try:
            return Optional(self.element_spec, self.__next__())
        except StopIteration:
            return Optional(self.element_spec, _NONE)

    @property
    def element_spec(self) -> Any:
        """The nested specs of an element."""
        return self._spec()


class NumpyIterator:
    """Runs through a data set, giving arrays and NumPy scalars."""

    def __init__(self, elements: PythonIterator[Any]) -> None:
        self._elements = elements

    def __iter__(self) -> "NumpyIterator":
        return self

    def __next__(self) -> Any:
        return nested.map_leaves(_numpy, next(self._elements))

    next = __next__


def _numpy(x: Any) -> Any:
    return x.numpy() if isinstance(x, Tensor) else x if x is None else NumpyIterator(iter(x))


@export("tf.data.IteratorSpec")
class IteratorSpec(TypeSpec):
    """The spec of an iterator."""

    def __init__(self, element_spec: Any) -> None:
        self.element_spec = element_spec

    @staticmethod
    def from_value(value: Any) -> "IteratorSpec":
        """The spec of an iterator."""
        return IteratorSpec(value.element_spec)

    @property
    def value_type(self) -> Any:
        """The class of iterators."""
        return Iterator


_NONE = object()


@export("tf.OptionalSpec")
class OptionalSpec(TypeSpec):
    """The spec of an Optional."""

    def __init__(self, element_spec: Any) -> None:
        self.element_spec = element_spec

    @staticmethod
    def from_value(value: Any) -> "OptionalSpec":
        """The spec of an Optional."""
        return OptionalSpec(value.element_spec)

    @property
    def value_type(self) -> Any:
        """The class of optional values."""
        return Optional


@export("tf.experimental.Optional", "tf.data.experimental.Optional")
class Optional:
    """A value that may be missing."""

    def __init__(self, element_spec: Any, value: Any) -> None:
        self.element_spec, self._value = element_spec, value

    @staticmethod
    def empty(element_spec: Any) -> "Optional":
        """Without a value."""
        return Optional(element_spec, _NONE)

    @staticmethod
    def from_value(value: Any) -> "Optional":
        """With a value."""
        from millstream.data.functions import as_element
        from millstream.data.specs import spec_of

        element = as_element(value)
        return Optional(nested.map_leaves(spec_of, element), element)

    def has_value(self, name: str | None = None) -> Tensor:
        """Whether there is one: a bool scalar."""
        return wrap(np.bool_(self._value is not _NONE))

    def get_value(self, name: str | None = None) -> Any:
        """The value. Raises: InvalidArgumentError when there is none."""
        if self._value is _NONE:
            raise invalid("The given optional does not have a value.")
        return self._value
