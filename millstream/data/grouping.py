"""Elements put together and taken apart: batch, padded_batch, unbatch, window, zip, concatenate."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.spec import TensorShape, TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.data import nested, specs
from millstream.data.source import Derived, Rows, Run, Source, cut, element_at
from millstream.data.sources import Slices
from millstream.util.errors import invalid


class Batch(Derived):
    """Consecutive elements stacked. Raises: InvalidArgumentError for an empty batch, and for elements of different shapes."""

    name = "BatchDataset"

    def __init__(self, source: Source, batch_size: int, drop_remainder: bool) -> None:
        super().__init__(source)
        if batch_size < 1:
            raise invalid(f"Batch size must be greater than zero; got {batch_size}.")
        self.batch_size, self.drop = batch_size, drop_remainder

    @property
    def spec(self) -> Any:
        """With a batch axis, of unknown size unless the remainder is dropped."""
        return specs.batched(self.source.spec, self.batch_size if self.drop else None)

    def size(self) -> int:
        """The number of batches."""
        n = self.source.size()
        return n if n < 0 else n // self.batch_size if self.drop else -(-n // self.batch_size)

    def rows(self) -> Rows | None:
        """None: a batch is no row."""
        return None

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass; cut from arrays where elements are their rows."""
        rows = self.source.rows()
        return self._gathered(run) if rows is None else cut(rows, self.batch_size, self.drop)

    def _gathered(self, run: Run) -> Iterator[Any]:
        elements = self.source.begin(run)
        while group := list(islice(elements, self.batch_size)):
            if self.drop and len(group) < self.batch_size:
                return
            yield self.stacked(group)

    def stacked(self, group: Sequence[Any]) -> Any:
        """Elements as one."""
        columns = zip(*map(nested.flatten, group), strict=True)
        return nested.pack(group[0], [_stack(column) for column in columns])


def _stack(column: Sequence[Any]) -> Any:
    if column[0] is None:
        return None
    if not isinstance(column[0], Tensor):
        raise TypeError("Data sets cannot be stacked into a batch: batch the elements of a window with window.batch(n) inside flat_map.")
    arrays = [x._array for x in column]
    shape = np.shape(arrays[0])
    for a in arrays:
        if np.shape(a) != shape:
            raise invalid(
                "Cannot add tensor to the batch: number of elements does not match. "
                f"Shapes are: [tensor]: {list(np.shape(a))}, [batch]: {list(shape)}. Use padded_batch, or make the shapes equal with map."
            )
    if not shape and arrays[0].dtype == object:
        out = np.empty(len(arrays), object)
        out[:] = [a[()] for a in arrays]
        return wrap(out)
    return wrap(np.array(arrays) if not shape else np.stack(arrays))


class PaddedBatch(Batch):
    """Batches whose elements are padded to a common shape: that given, or the largest of the batch along unknown sizes."""

    name = "PaddedBatchDataset"

    def __init__(self, source: Source, batch_size: int, shapes: Any, values: Any, drop_remainder: bool) -> None:
        super().__init__(source, batch_size, drop_remainder)
        self.shapes, self.values = shapes, values

    def _targets(self, like: Any) -> list[TensorShape | None]:
        if self.shapes is None:
            return [None for _ in nested.flatten(like)]
        return [TensorShape(s) for s in nested.flatten_as(like, self.shapes)]

    @property
    def spec(self) -> Any:
        """With a batch axis and the padded shapes."""
        inner = self.source.spec
        size = self.batch_size if self.drop else None
        leaves = nested.flatten(inner)
        shapes = [s.shape if t is None else t for s, t in zip(leaves, self._targets(inner), strict=True)]
        return nested.pack(inner, [TensorSpec(TensorShape([size]).concatenate(t), s.dtype) for s, t in zip(leaves, shapes, strict=True)])

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return self._gathered(run)

    def stacked(self, group: Sequence[Any]) -> Any:
        """Elements as one, padded."""
        like = group[0]
        columns = zip(*map(nested.flatten, group), strict=True)
        fills = self._fills(like)
        return nested.pack(like, [_padded(c, t, f) for c, t, f in zip(columns, self._targets(like), fills, strict=True)])

    def _fills(self, like: Any) -> list[Any]:
        """The padding value of each component; None means 0 or an empty string. A lone value serves all components."""
        leaves = nested.flatten(like)
        if self.values is None or not nested.is_nested(self.values):
            return [self.values] * len(leaves)
        return nested.flatten_as(like, self.values)


def _padded(column: Sequence[Tensor], target: TensorShape | None, fill: Any) -> Tensor:
    arrays = [np.asarray(x._array) for x in column]
    wanted = target.as_list() if target is not None else [None] * arrays[0].ndim
    for a in arrays:
        if a.ndim != len(wanted):
            raise invalid(
                f"All elements in a batch must have the same rank as the padded shape: expected {len(wanted)}, got an element of shape {list(a.shape)}."
            )
    shape = [max(a.shape[i] for a in arrays) if n is None else n for i, n in enumerate(wanted)]
    dtype = column[0].dtype
    value = convert(b"" if dtype.name == "string" else dtype.as_numpy_dtype(0)) if fill is None else _fill_value(fill, dtype)
    out = np.full((len(arrays), *shape), value._array, dtype.numpy)
    for row, a in zip(out, arrays, strict=True) if shape else ():
        if any(n > m for n, m in zip(a.shape, shape, strict=True)):
            raise invalid(f"Attempted to pad to a smaller size than the input element: {list(a.shape)} does not fit into {shape}.")
        row[tuple(slice(n) for n in a.shape)] = a
    if not shape:
        out[:] = [a[()] for a in arrays]
    return wrap(out)


def _fill_value(fill: Any, dtype: Any) -> Tensor:
    value = convert(fill, hint=dtype)
    if value.dtype is not dtype:
        raise TypeError(
            f"Padding value has dtype {value.dtype.name}, the component {dtype.name}: give tf.constant(value, tf.{dtype.name})."
        )
    return value


class Unbatch(Derived):
    """The rows of each element."""

    name = "_UnbatchDataset"

    @property
    def spec(self) -> Any:
        """Without the first axis."""
        return specs.unbatched(self.source.spec)

    def size(self) -> int:
        """Unknown."""
        return specs.UNKNOWN

    def rows(self) -> Rows | None:
        """None."""
        return None

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        for element in self.source.begin(run):
            tables = [x._array for x in nested.flatten(element)]
            lengths = {len(t) for t in tables}
            if len(lengths) != 1:
                raise invalid(f"unbatch needs components with the same number of rows; got {sorted(lengths)}.")
            pack = nested.packer(element)
            for i in range(len(tables[0])):
                yield pack([wrap(element_at(t, i)) for t in tables])


class Window(Derived):
    """Data sets of `length` elements each, beginning `shift` apart, taking every `stride`-th. as_dataset: makes a data set of tensors."""

    name = "WindowDataset"

    def __init__(
        self, source: Source, length: int, shift: int, stride: int, drop_remainder: bool, as_dataset: Callable[[Any, list[Tensor]], Any]
    ) -> None:
        super().__init__(source)
        for what, value in (("size", length), ("shift", shift), ("stride", stride)):
            if value < 1:
                raise invalid(f"Window {what} must be greater than zero; got {value}.")
        self.length, self.shift, self.stride, self.drop = length, shift, stride, drop_remainder
        self.as_dataset = as_dataset

    @property
    def spec(self) -> Any:
        """A data set in the place of each tensor."""
        return nested.map_leaves(specs.DatasetSpec, self.source.spec)

    def size(self) -> int:
        """The number of windows."""
        n = self.source.size()
        if n < 0:
            return n
        return max(0, (n - self._span()) // self.shift + 1) if self.drop else -(-n // self.shift)

    def _span(self) -> int:
        return (self.length - 1) * self.stride + 1

    def rows(self) -> Rows | None:
        """None."""
        return None

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        elements, held, span = self.source.begin(run), deque[Any](), self._span()
        while True:
            held.extend(islice(elements, max(0, span - len(held))))
            if not held or (self.drop and len(held) < span):
                return
            yield self._window(list(held)[: span : self.stride])
            gone = len(held)
            for _ in range(min(self.shift, gone)):
                held.popleft()
            if self.shift > gone:
                deque(islice(elements, self.shift - gone), maxlen=0)

    def _window(self, group: list[Any]) -> Any:
        columns = zip(*map(nested.flatten, group), strict=True)
        leaves = nested.flatten(self.source.spec)
        return nested.pack(group[0], [self.as_dataset(s, list(c)) for s, c in zip(leaves, columns, strict=True)])


class Listed(Source):
    """Elements that are there already (those of a window)."""

    name = "_VariantDataset"

    def __init__(self, spec: Any, tensors: list[Tensor]) -> None:
        self._spec, self.tensors = spec, tensors

    @property
    def spec(self) -> Any:
        """As given."""
        return self._spec

    def elements(self, run: Run) -> Iterator[Any]:
        """The elements."""
        return iter(self.tensors)


class Zip(Source):
    """Elements of several sources side by side, until the shortest ends."""

    name = "ZipDataset"

    def __init__(self, like: Any, sources: list[Source]) -> None:
        self.like, self.sources = like, sources

    @property
    def spec(self) -> Any:
        """The sources' specs, nested as they are."""
        return nested.pack(self.like, [s.spec for s in self.sources])

    def size(self) -> int:
        """The smallest."""
        sizes = [s.size() for s in self.sources]
        finite = [n for n in sizes if n != specs.INFINITE]
        return specs.INFINITE if not finite else specs.UNKNOWN if specs.UNKNOWN in finite else min(finite)

    def rows(self) -> Rows | None:
        """All rows of the arrays side by side, where every source is arrays as they lie."""
        plain = [s for s in self.sources if isinstance(s, Slices)]
        if len(plain) < len(self.sources):
            return None
        tensors = [x for s in plain for x in s.tensors]
        return Rows([x._array for x in tensors], nested.pack(self.like, [s.like for s in plain]), iter([range(self.size())]))

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        pack = nested.packer(self.like)
        return (pack(list(group)) for group in zip(*[s.begin(run) for s in self.sources], strict=False))


class Concatenate(Source):
    """One source after the other. Raises: TypeError when their types differ."""

    name = "ConcatenateDataset"

    def __init__(self, first: Source, second: Source) -> None:
        self.first, self.second = first, second
        self._spec = specs.covering(first.spec, second.spec)

    @property
    def spec(self) -> Any:
        """What covers both."""
        return self._spec

    def size(self) -> int:
        """The sum."""
        a, b = self.first.size(), self.second.size()
        return specs.INFINITE if specs.INFINITE in (a, b) else specs.UNKNOWN if specs.UNKNOWN in (a, b) else a + b

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        yield from self.first.begin(run)
        yield from self.second.begin(run)
