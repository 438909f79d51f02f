"""tf.ragged: rows of different lengths. values [N, ...] holds them one after the other, row_splits [rows + 1] says where each begins.

N values in all rows together
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, int64
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.gather import gather
from millstream.ops.sparse import SparseTensor
from millstream.util.errors import invalid
from millstream.util.export import export


def _splits_of(lengths: Any) -> Tensor:
    return wrap(np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))]).astype(np.int64))


@export("tf.RaggedTensor")
class RaggedTensor:
    """Rows of different lengths; rows of rows when values are ragged themselves. Made by tf.ragged.constant or a from_... method.

    >>> rows = tf.ragged.constant([[1, 2], [], [3]])
    >>> rows.to_tensor().numpy().tolist()
    [[1, 2], [0, 0], [3, 0]]
    """

    def __init__(self, values: Any, row_splits: Any, internal: bool = False) -> None:
        if not internal:
            raise ValueError(
                "RaggedTensor constructor is private; please use one of the factory methods instead (e.g., RaggedTensor.from_row_lengths())"
            )
        self._values, self._row_splits = values, row_splits

    # ------------------------------------------------------------------ making
    @classmethod
    def from_row_splits(cls, values: Any, row_splits: Any, name: str | None = None, validate: bool = True) -> "RaggedTensor":
        """Row i is values[row_splits[i] : row_splits[i + 1]]. Raises: InvalidArgumentError for splits that do not fit."""
        inner = values if isinstance(values, RaggedTensor) else convert(values)
        splits = convert(row_splits, hint=int64)
        numbers = splits.numpy()
        if numbers.ndim != 1 or not numbers.size or numbers[0] != 0 or (np.diff(numbers) < 0).any() or numbers[-1] != len(inner):
            raise invalid(f"row_splits must rise from 0 to the number of values, {len(inner)}; got {numbers.tolist()}.")
        return cls(inner, splits, internal=True)

    @classmethod
    def from_row_lengths(cls, values: Any, row_lengths: Any, name: str | None = None, validate: bool = True) -> "RaggedTensor":
        """Row i has row_lengths[i] values.

        >>> tf.RaggedTensor.from_row_lengths([1, 2, 3], [2, 1]).to_list()
        [[1, 2], [3]]
        """
        return cls.from_row_splits(values, _splits_of(convert(row_lengths).numpy()))

    @classmethod
    def from_row_starts(cls, values: Any, row_starts: Any, name: str | None = None, validate: bool = True) -> "RaggedTensor":
        """Row i begins at row_starts[i]."""
        inner = values if isinstance(values, RaggedTensor) else convert(values)
        return cls.from_row_splits(inner, wrap(np.append(convert(row_starts).numpy(), len(inner)).astype(np.int64)))

    @classmethod
    def from_row_limits(cls, values: Any, row_limits: Any, name: str | None = None, validate: bool = True) -> "RaggedTensor":
        """Row i ends at row_limits[i]."""
        return cls.from_row_splits(values, wrap(np.append(0, convert(row_limits).numpy()).astype(np.int64)))

    @classmethod
    def from_value_rowids(
        cls, values: Any, value_rowids: Any, nrows: Any = None, name: str | None = None, validate: bool = True
    ) -> "RaggedTensor":
        """Value i belongs to row value_rowids[i]."""
        rows = convert(value_rowids).numpy()
        count = int(nrows) if nrows is not None else int(rows[-1]) + 1 if rows.size else 0
        return cls.from_row_splits(values, _splits_of(np.bincount(rows.astype(np.int64), minlength=count)))

    @classmethod
    def from_uniform_row_length(
        cls, values: Any, uniform_row_length: Any, nrows: Any = None, validate: bool = True, name: str | None = None
    ) -> "RaggedTensor":
        """Rows of one length."""
        inner = values if isinstance(values, RaggedTensor) else convert(values)
        count = len(inner) // max(int(uniform_row_length), 1) if nrows is None else int(nrows)
        return cls.from_row_splits(inner, _splits_of([int(uniform_row_length)] * count))

    @classmethod
    def from_nested_row_splits(
        cls, flat_values: Any, nested_row_splits: Any, name: str | None = None, validate: bool = True
    ) -> "RaggedTensor":
        """Rows of rows: the splits from the outside in."""
        made = flat_values
        for splits in reversed(nested_row_splits):
            made = cls.from_row_splits(made, splits)
        return made  # type: ignore[no-any-return]  # there is at least one level

    @classmethod
    def from_tensor(
        cls,
        tensor: Any,
        lengths: Any = None,
        padding: Any = None,
        ragged_rank: int = 1,
        name: str | None = None,
        row_splits_dtype: Any = int64,
    ) -> "RaggedTensor":
        """The rows of a tensor, each cut to its length, or without the padding at its end.

        >>> tf.RaggedTensor.from_tensor([[1, 0], [2, 3]], padding=0).to_list()
        [[1], [2, 3]]
        """
        x = convert(tensor)
        rows, columns = int(x.shape[0] or 0), int(x.shape[1] or 0)
        if lengths is not None:
            counts = convert(lengths).numpy()
        elif padding is not None:
            kept = (x.numpy() != convert(padding, x.dtype).numpy()).reshape(rows, columns, -1).any(2)
            counts = np.where(kept.any(1), columns - kept[:, ::-1].argmax(1), 0)
        else:
            counts = np.full(rows, columns)
        inside = np.flatnonzero((np.arange(columns) < np.asarray(counts)[:, None]).reshape(-1))
        from millstream.ops.array.shape import reshape

        flat = reshape(x, [rows * columns, *x.shape[2:]])
        return cls.from_row_lengths(gather(flat, wrap(inside)), counts)

    @classmethod
    def from_sparse(cls, st_input: Any, name: str | None = None, row_splits_dtype: Any = int64) -> "RaggedTensor":
        """The values of a sparse matrix, row by row; they must stand at the left. Raises: InvalidArgumentError otherwise."""
        places = st_input.indices.numpy()
        counts = np.bincount(places[:, 0], minlength=int(st_input.dense_shape.numpy()[0]))
        if not np.array_equal(places[:, 1], np.concatenate([np.arange(c) for c in counts])):
            raise invalid("SparseTensor is not right-ragged: its values do not stand one beside the other from the left of each row.")
        return cls.from_row_lengths(st_input.values, counts)

    # ------------------------------------------------------------------ parts
    @property
    def values(self) -> Any:
        """The rows one after the other."""
        return self._values

    @property
    def flat_values(self) -> Tensor:
        """The innermost values."""
        return self._values.flat_values if isinstance(self._values, RaggedTensor) else self._values

    @property
    def row_splits(self) -> Tensor:
        """Where rows begin, and where the last ends."""
        return self._row_splits  # type: ignore[no-any-return]

    @property
    def nested_row_splits(self) -> tuple[Tensor, ...]:
        """The splits from the outside in."""
        inner = self._values.nested_row_splits if isinstance(self._values, RaggedTensor) else ()
        return (self._row_splits, *inner)

    @property
    def ragged_rank(self) -> int:
        """How many dimensions are ragged, the outermost included."""
        return len(self.nested_row_splits)

    @property
    def dtype(self) -> DType:
        """The type of the values."""
        return self.flat_values.dtype

    @property
    def shape(self) -> TensorShape:
        """The sizes; None for those that differ from row to row."""
        return TensorShape([len(self), None]).concatenate(self._values.shape[1:])

    def get_shape(self) -> TensorShape:
        """The sizes; None for those that differ from row to row."""
        return self.shape

    def nrows(self, out_type: Any = None, name: str | None = None) -> Tensor:
        """How many rows."""
        return wrap(np.int64(len(self)))

    def row_lengths(self, axis: int = 1, name: str | None = None) -> Any:
        """How many values each row has; deeper for axis > 1."""
        if axis > 1:
            return self.with_values(self._values.row_lengths(axis - 1))
        return wrap(np.diff(self._row_splits.numpy()))

    def row_starts(self, name: str | None = None) -> Tensor:
        """Where rows begin."""
        return wrap(self._row_splits.numpy()[:-1])

    def row_limits(self, name: str | None = None) -> Tensor:
        """Where rows end."""
        return wrap(self._row_splits.numpy()[1:])

    def value_rowids(self, name: str | None = None) -> Tensor:
        """The row of each value."""
        return wrap(np.repeat(np.arange(len(self)), self.row_lengths().numpy()))

    def bounding_shape(self, axis: Any = None, name: str | None = None, out_type: Any = None) -> Tensor:
        """The shape of the smallest tensor that all rows fit into."""
        lengths = self.row_lengths().numpy()
        first = [len(self), int(lengths.max()) if lengths.size else 0]
        inner = self._values.bounding_shape().numpy() if isinstance(self._values, RaggedTensor) else np.array(self._values.shape, np.int64)
        whole = np.array([*first, *inner[1:]], np.int64)
        return wrap(whole if axis is None else whole[axis])

    def with_values(self, new_values: Any) -> "RaggedTensor":
        """Other values in the same rows."""
        return RaggedTensor(new_values, self._row_splits, internal=True)

    def with_flat_values(self, new_values: Any) -> "RaggedTensor":
        """Other innermost values in the same rows."""
        inner = self._values.with_flat_values(new_values) if isinstance(self._values, RaggedTensor) else convert(new_values)
        return self.with_values(inner)

    # ------------------------------------------------------------------ as something else
    def to_list(self) -> list[Any]:
        """Nested lists."""
        return [row.to_list() if isinstance(row, RaggedTensor) else row.numpy().tolist() for row in self]

    def numpy(self) -> Any:
        """An array of arrays; a plain one where all rows have one length."""
        rows = [row.numpy() for row in self]
        if len({r.shape for r in rows}) <= 1 and all(r.dtype != object or self.dtype.name == "string" for r in rows):
            return np.array(rows)
        out = np.empty(len(rows), object)
        out[:] = rows
        return out

    def to_tensor(self, default_value: Any = None, name: str | None = None, shape: Any = None) -> Tensor:
        """A tensor, short rows filled up with default_value (zero, or empty texts). shape: cut or filled to these sizes.

        >>> tf.ragged.constant([[1], [2, 3]]).to_tensor(-1).numpy().tolist()
        [[1, -1], [2, 3]]
        """
        sizes = [int(n) for n in self.bounding_shape().numpy()]
        if shape is not None:
            sizes = [n if w is None or w == -1 else int(w) for n, w in zip(sizes, TensorShape(shape).as_list(), strict=True)]
        kind = self.flat_values._array.dtype
        out = np.full(sizes, b"" if kind.hasobject else 0, kind)
        if default_value is not None:
            out[...] = convert(default_value, self.dtype)._array
        _fill(out, self)
        return wrap(out)

    def to_sparse(self, name: str | None = None) -> SparseTensor:
        """A sparse tensor with the values at the left of each row."""
        if isinstance(self._values, RaggedTensor):
            raise NotImplementedError("to_sparse takes one ragged dimension; use to_tensor, then tf.sparse.from_dense.")
        lengths = self.row_lengths().numpy()
        columns = np.concatenate([np.arange(n) for n in lengths]) if lengths.size else np.zeros(0)
        places = np.stack([self.value_rowids().numpy(), columns], 1).astype(np.int64)
        return SparseTensor(wrap(places), self._values, self.bounding_shape())

    # ------------------------------------------------------------------ Python's protocols
    def __len__(self) -> int:
        return int(self._row_splits.shape[0] or 1) - 1

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """A row; some rows; [:, columns]: columns of every row."""
        if isinstance(key, tuple):
            rows = self[key[0]]
            if len(key) == 1:
                return rows
            return rows[key[1:]] if not isinstance(rows, RaggedTensor) or not isinstance(key[0], slice) else rows._columns(key[1:])
        if isinstance(key, slice):
            chosen = range(len(self))[key]
            return _stacked([self[i] for i in chosen], self)
        at = int(key)
        if not -len(self) <= at < len(self):
            raise invalid(f"slice index {at} of dimension 0 out of bounds: there are {len(self)} rows.")
        splits = self._row_splits.numpy()
        return self._values[splits[at % len(self)] : splits[at % len(self) + 1]]

    def _columns(self, key: tuple[Any, ...]) -> Any:
        rows = [row[key] for row in self]
        if isinstance(key[0], slice):
            return _stacked(rows, self)
        from millstream.ops.array.creation import stack

        return stack(rows)

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"

    __str__ = __repr__

    def __hash__(self) -> int:
        raise TypeError("RaggedTensor is unhashable.")

    def __bool__(self) -> bool:
        raise TypeError("RaggedTensor may not be used as a boolean.")


def _stacked(rows: list[Any], like: RaggedTensor) -> RaggedTensor:
    """Rows below each other."""
    lengths = [len(r) for r in rows]
    if isinstance(like._values, RaggedTensor):
        inner: Any = _stacked([part for row in rows for part in row], like._values)
    else:
        from millstream.ops.array.join import concat

        inner = concat(rows, 0) if rows else like._values[:0]
    return RaggedTensor(inner, _splits_of(lengths), internal=True)


def _fill(out: Any, rows: RaggedTensor) -> None:
    for i, row in zip(range(len(out)), rows, strict=False):
        if isinstance(row, RaggedTensor):
            _fill(out[i], row)
        else:
            part = row.numpy()[: out.shape[1]]
            out[i][: len(part)] = part


def _operator(name: str) -> Callable[..., Any]:
    """An operator of tensors, applied to the values; rows must agree."""

    def apply(self: RaggedTensor, *others: Any) -> Any:
        return map_flat_values(lambda x, *y: getattr(x, name)(*y), self, *others)

    apply.__name__ = name
    apply.__doc__ = "Elementwise, value by value."
    return apply


for _name in [
    "abs",
    "add",
    "and",
    "eq",
    "floordiv",
    "ge",
    "gt",
    "invert",
    "le",
    "lt",
    "mod",
    "mul",
    "ne",
    "neg",
    "or",
    "pow",
    "radd",
    "rand",
    "rfloordiv",
    "rmod",
    "rmul",
    "ror",
    "rpow",
    "rsub",
    "rtruediv",
    "rxor",
    "sub",
    "truediv",
    "xor",
]:
    setattr(RaggedTensor, f"__{_name}__", _operator(f"__{_name}__"))


@export("tf.ragged.map_flat_values")
def map_flat_values(op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of the innermost values of ragged tensors that have the same rows; other arguments stay as they are.

    Raises: InvalidArgumentError when rows differ.
    >>> tf.ragged.map_flat_values(tf.abs, tf.ragged.constant([[-1], [2, -3]])).to_list()
    [[1], [2, 3]]
    """
    ragged = [a for a in (*args, *kwargs.values()) if isinstance(a, RaggedTensor)]
    if not ragged:
        return op(*args, **kwargs)
    first = ragged[0]
    for other in ragged[1:]:
        splits = zip(first.nested_row_splits, other.nested_row_splits, strict=False)
        if first.ragged_rank != other.ragged_rank or not all(np.array_equal(a.numpy(), b.numpy()) for a, b in splits):
            raise invalid("Inputs must have identical ragged splits: their rows have different lengths.")
    flat = [a.flat_values if isinstance(a, RaggedTensor) else a for a in args]
    return first.with_flat_values(op(*flat, **{k: a.flat_values if isinstance(a, RaggedTensor) else a for k, a in kwargs.items()}))


@export("tf.ragged.constant")
def constant(
    pylist: Any,
    dtype: Any = None,
    ragged_rank: int | None = None,
    inner_shape: Any = None,
    name: str | None = None,
    row_splits_dtype: Any = int64,
) -> Any:
    """A ragged tensor of nested lists. ragged_rank: how many dimensions are ragged, all but the last by default.

    Raises: ValueError where scalars and lists stand beside each other.
    >>> tf.ragged.constant([[1, 2], []]).shape
    TensorShape([2, None])
    """
    depth = _depth(pylist)
    rank = max(depth - 1, 0) if ragged_rank is None else ragged_rank
    if not rank:
        return convert(pylist, None if dtype is None else as_dtype(dtype))
    splits, rows = [], list(pylist)
    for _ in range(rank):
        if not all(isinstance(r, (list, tuple, np.ndarray)) for r in rows):
            raise ValueError("all scalar values must have the same nesting depth")
        splits.append(_splits_of([len(r) for r in rows]))
        rows = [item for row in rows for item in row]
    if depth - 1 == rank and any(isinstance(r, (list, tuple)) for r in rows):
        raise ValueError("all scalar values must have the same nesting depth")
    target = None if dtype is None else as_dtype(dtype)
    flat = convert(rows, target) if rows else convert(np.zeros((0,), (target or as_dtype("float32")).as_numpy_dtype))
    return RaggedTensor.from_nested_row_splits(flat, splits)


def _depth(value: Any) -> int:
    if not isinstance(value, (list, tuple, np.ndarray)):
        return 0
    return 1 + max([_depth(v) for v in value], default=0)


@export("tf.ragged.stack")
def stack_rows(values: Any, axis: int = 0, name: str | None = None) -> RaggedTensor:
    """Tensors of different lengths as the rows of a ragged tensor. Raises: NotImplementedError for another axis than 0.

    >>> tf.ragged.stack([tf.constant([1]), tf.constant([2, 3])]).to_list()
    [[1], [2, 3]]
    """
    if axis:
        raise NotImplementedError(f"tf.ragged.stack puts rows along axis 0; got axis={axis}.")
    rows = [v if isinstance(v, RaggedTensor) else convert(v) for v in values]
    like = RaggedTensor(rows[0], _splits_of([len(rows[0])]), internal=True)
    return _stacked(rows, like)


@export("tf.ragged.range")
def range_rows(
    starts: Any, limits: Any = None, deltas: Any = 1, dtype: Any = None, name: str | None = None, row_splits_dtype: Any = int64
) -> RaggedTensor:
    """Rows that count from starts to limits (from 0 to starts without limits).

    >>> tf.ragged.range([2, 0, 3]).to_list()
    [[0, 1], [], [0, 1, 2]]
    """
    first, last = (0, starts) if limits is None else (starts, limits)
    columns = np.broadcast_arrays(*(np.atleast_1d(convert(v).numpy()) for v in (first, last, deltas)))
    kind = columns[1].dtype if dtype is None else as_dtype(dtype).as_numpy_dtype
    rows = [np.arange(a, b, d).astype(kind) for a, b, d in zip(*columns, strict=True)]
    return RaggedTensor.from_row_lengths(wrap(np.concatenate(rows)), [len(r) for r in rows])


@export("tf.ragged.boolean_mask")
def boolean_mask(data: Any, mask: Any, name: str | None = None) -> RaggedTensor:
    """The values where a mask of the same shape is true, row by row.

    >>> tf.ragged.boolean_mask([[1, 2], [3, 4]], [[True, False], [False, False]]).to_list()
    [[1], []]
    """
    rows, kept = (x if isinstance(x, RaggedTensor) else RaggedTensor.from_tensor(x) for x in (data, mask))
    flags = kept.flat_values.numpy()
    counts = np.bincount(rows.value_rowids().numpy()[flags], minlength=len(rows))
    return RaggedTensor.from_row_lengths(gather(rows.values, wrap(np.flatnonzero(flags))), counts)
