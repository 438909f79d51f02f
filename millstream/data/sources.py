"""Where elements come from: arrays, a single element, counting, a Python generator."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, string
from millstream.core.spec import TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.core.values import to_array
from millstream.data import nested, specs
from millstream.data.source import Rows, Run, Source
from millstream.util.errors import invalid


class Whole(Source):
    """One element: the nested tensors themselves."""

    name = "TensorDataset"

    def __init__(self, tensors: Any) -> None:
        self.tensors = nested.map_leaves(convert, tensors)

    @property
    def spec(self) -> Any:
        """The tensors' specs."""
        return nested.map_leaves(specs.spec_of, self.tensors)

    def size(self) -> int:
        """One."""
        return 1

    def elements(self, run: Run) -> Iterator[Any]:
        """The tensors."""
        yield self.tensors


class Slices(Source):
    """The rows of tensors. Raises: ValueError for scalars, and when lengths differ."""

    name = "TensorSliceDataset"

    def __init__(self, tensors: Any) -> None:
        self.like = nested.map_leaves(convert, tensors)
        self.tensors: list[Tensor] = nested.flatten(self.like)
        if not self.tensors:
            raise ValueError("from_tensor_slices needs at least one tensor; got an empty structure.")
        for x in self.tensors:
            if not x.ndim:
                raise ValueError(f"Value {x} has insufficient rank for batching. from_tensors makes a data set of one element.")
            if x.shape[0] != self.tensors[0].shape[0]:
                raise ValueError(
                    f"Dimensions {self.tensors[0].shape[0]} and {x.shape[0]} are not compatible: all tensors of a data set have the same number of rows."
                )

    @property
    def spec(self) -> Any:
        """The specs of one row."""
        return specs.unbatched(nested.map_leaves(specs.spec_of, self.like))

    def size(self) -> int:
        """The number of rows."""
        return int(self.tensors[0].shape[0] or 0)

    def rows(self) -> Rows:
        """All rows, from the first to the last."""
        return Rows([x._array for x in self.tensors], self.like, iter([range(self.size())]))


class Counting(Source):
    """start, start + step, ... up to but without stop; without end when stop is None."""

    name = "RangeDataset"

    def __init__(self, start: int, stop: int | None, step: int, dtype: DType) -> None:
        if not step:
            raise invalid("step must be a non-zero integer; got 0 in Dataset.range.")
        self.start, self.stop, self.step, self.dtype = start, stop, step, dtype

    @property
    def spec(self) -> Any:
        """A scalar."""
        return TensorSpec([], self.dtype)

    def size(self) -> int:
        """How many numbers."""
        return specs.INFINITE if self.stop is None else len(range(self.start, self.stop, self.step))

    def elements(self, run: Run) -> Iterator[Any]:
        """The numbers."""
        make, value = self.dtype.as_numpy_dtype, self.start
        if self.stop is not None:
            for value in range(self.start, self.stop, self.step):
                yield wrap(make(value))
            return
        while True:
            yield wrap(make(value))
            value += self.step


class Generated(Source):
    """What a Python generator yields, each pass from a new generator; checked against the spec.

    Raises: InvalidArgumentError when an element does not fit.
    """

    name = "FlatMapDataset"

    def __init__(self, generator: Callable[..., Any], spec: Any, args: tuple[Any, ...]) -> None:
        self.generator, self._spec, self.args = generator, spec, args
        self.leaves: list[TensorSpec] = nested.flatten(spec)

    @property
    def spec(self) -> Any:
        """As declared."""
        return self._spec

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        pack = nested.packer(self._spec)
        for values in iter(self.generator(*self.args)):
            try:
                flat = nested.flatten_as(self._spec, values)
            except TypeError:
                raise invalid(
                    "TypeError: `generator` yielded an element that did not match the expected structure. "
                    f"The expected structure was {specs.types_of(self._spec)}, but the yielded element was {values}."
                ) from None
            yield pack([_fitting(v, s, values) for v, s in zip(flat, self.leaves, strict=True)])


def _fitting(value: Any, spec: TensorSpec, element: Any) -> Tensor:
    """One leaf as a tensor of its spec's dtype, as NumPy converts it."""
    try:
        array = _array(value, spec.dtype)
    except (TypeError, ValueError):
        raise invalid(
            "TypeError: `generator` yielded an element that could not be converted to the expected type. "
            f"The expected type was {spec.dtype.name}, but the yielded element was {element}."
        ) from None
    if not spec.shape.is_compatible_with(array.shape):
        raise invalid(
            f"ValueError: `generator` yielded an element of shape {array.shape} where an element of shape {spec.shape} was expected."
        )
    return wrap(array if array.ndim else array[()] if spec.dtype is not string else array)


def _array(value: Any, dtype: DType) -> Any:
    if isinstance(value, Tensor) or dtype is string:
        array = np.asarray(convert(value)._array)
        if (array.dtype == object) != (dtype is string):
            raise TypeError("strings and numbers are not converted into each other")
        return array.astype(dtype.numpy, copy=True)
    try:
        return np.array(value, dtype.numpy)
    except (TypeError, ValueError):
        return np.asarray(to_array(value, dtype))
