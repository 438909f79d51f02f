"""tf.sparse: SparseTensor, the values that are not zero and where they stand. indices int64[N, rank], values [N].

N how many values are kept
"""

from typing import Any, NamedTuple

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, float32, int64
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.gather import gather, gather_nd, scatter_nd
from millstream.ops.math.arithmetic import multiply
from millstream.ops.nn.matmul import matmul
from millstream.util.errors import invalid
from millstream.util.export import export


class SparseValue(NamedTuple):
    """The three arrays of a sparse tensor."""

    indices: Any
    values: Any
    dense_shape: Any


@export("tf.sparse.SparseTensor", "tf.SparseTensor")
class SparseTensor:
    """Values at places, and zeros elsewhere. Args: indices [N, rank]; values [N]; dense_shape [rank].

    Raises: ValueError for shapes that do not go together.
    >>> tf.sparse.to_dense(tf.sparse.SparseTensor([[0, 1]], [5], [2, 2])).numpy().tolist()
    [[0, 5], [0, 0]]
    """

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self._indices, self._values, self._dense_shape = convert(indices, hint=int64), convert(values), convert(dense_shape, hint=int64)
        if self._indices.ndim != 2 or self._values.ndim != 1 or self._dense_shape.ndim != 1:
            shapes = tuple(self._indices.shape), tuple(self._values.shape), tuple(self._dense_shape.shape)
            raise ValueError(f"A SparseTensor has indices [N, rank], values [N] and dense_shape [rank]; got shapes {shapes}.")
        if self._indices.shape[0] != self._values.shape[0] or self._indices.shape[1] != self._dense_shape.shape[0]:
            raise ValueError(
                f"indices {tuple(self._indices.shape)}, values {tuple(self._values.shape)} and dense_shape "
                f"{tuple(self._dense_shape.shape)} differ in the number of values or of dimensions."
            )

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> "SparseTensor":
        """From anything with indices, values and dense_shape."""
        return cls(sparse_tensor_value.indices, sparse_tensor_value.values, sparse_tensor_value.dense_shape)

    @property
    def indices(self) -> Tensor:
        """Where the values stand."""
        return self._indices

    @property
    def values(self) -> Tensor:
        """The values."""
        return self._values

    @property
    def dense_shape(self) -> Tensor:
        """The sizes, as a tensor."""
        return self._dense_shape

    @property
    def shape(self) -> TensorShape:
        """The sizes."""
        return TensorShape([int(n) for n in self._dense_shape.numpy()])

    def get_shape(self) -> TensorShape:
        """The sizes."""
        return self.shape

    @property
    def dtype(self) -> DType:
        """The type of the values."""
        return self._values.dtype

    @property
    def op(self) -> Any:
        """Raises: AttributeError; there are no graphs."""
        raise AttributeError("SparseTensor.op is meaningless when eager execution is enabled.")

    graph = op

    def eval(self, feed_dict: Any = None, session: Any = None) -> SparseValue:
        """The three arrays, as programs of TensorFlow 1 ask for them."""
        return SparseValue(self.indices.numpy(), self.values.numpy(), self.dense_shape.numpy())

    def consumers(self) -> list[Any]:
        """None: there are no graphs."""
        return []

    def with_values(self, new_values: Any) -> "SparseTensor":
        """Other values at the same places."""
        return SparseTensor(self.indices, new_values, self.dense_shape)

    def _by_dense(self, function: Any, other: Any) -> "SparseTensor":
        dense = np.broadcast_to(convert(other, hint=self.dtype)._array, tuple(int(n) for n in self.dense_shape.numpy()))
        return self.with_values(function(self.values, gather_nd(wrap(dense), self.indices)))

    def __mul__(self, other: Any) -> "SparseTensor":
        return self._by_dense(multiply, other)

    def __truediv__(self, other: Any) -> "SparseTensor":
        return self._by_dense(lambda a, b: a / b, other)

    __div__ = __truediv__

    def __str__(self) -> str:
        return f"SparseTensor(indices={self.indices}, values={self.values}, dense_shape={self.dense_shape})"

    __repr__ = object.__repr__


def _sparse(x: Any) -> SparseTensor:
    if not isinstance(x, SparseTensor):
        raise TypeError(f"Input must be a SparseTensor; got {type(x).__name__}. Use tf.sparse.from_dense.")
    return x


def _numbers(x: Tensor) -> list[int]:
    return [int(n) for n in x.numpy()]


@export("tf.sparse.to_dense")
def to_dense(sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None) -> Tensor:
    """All values, with default_value (zero) where there are none.

    Raises: InvalidArgumentError for indices that are unsorted or doubled.
    >>> tf.sparse.to_dense(tf.sparse.from_dense([[0, 3]]), default_value=-1).numpy().tolist()
    [[-1, 3]]
    """
    x = _sparse(sp_input)
    places = x.indices.numpy()
    if validate_indices and len(places) > 1:
        order = np.lexsort(places.T[::-1])
        if (order != np.arange(len(places))).any() or (np.diff(places, axis=0) == 0).all(1).any():
            raise invalid("indices are out of order or repeated. Many sparse operations require sorted indices: use tf.sparse.reorder.")
    if default_value is None and x.values._array.dtype != object:
        return scatter_nd(x.indices, x.values, x.dense_shape)  # type: ignore[no-any-return]  # an op; gradients flow
    empty = b"" if x.values._array.dtype == object else 0
    out = np.full(_numbers(x.dense_shape), empty, x.values._array.dtype)
    out[...] = empty if default_value is None else convert(default_value, x.dtype)._array
    out[tuple(places.T)] = x.values._array
    return wrap(out)


@export("tf.sparse.from_dense")
def from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """The values that are not zero (or empty strings).

    >>> tf.sparse.from_dense([[0, 3]]).indices.numpy().tolist()
    [[0, 1]]
    """
    x = convert(tensor)
    array = np.asarray(x._array)
    places = np.argwhere(array != (b"" if array.dtype == object else 0)).astype(np.int64)
    return SparseTensor(wrap(places), gather_nd(x, wrap(places)), wrap(np.array(array.shape, np.int64)))


@export("tf.sparse.reorder")
def reorder(sp_input: Any, name: str | None = None) -> SparseTensor:
    """The values in the order of their places, row by row.

    >>> tf.sparse.reorder(tf.sparse.SparseTensor([[1], [0]], [5, 6], [2])).values.numpy().tolist()
    [6, 5]
    """
    x = _sparse(sp_input)
    return _taken(x, np.lexsort(x.indices.numpy().T[::-1]))


def _taken(x: SparseTensor, order: Any) -> SparseTensor:
    rows = wrap(np.asarray(order, np.int64))
    return SparseTensor(gather(x.indices, rows), gather(x.values, rows), x.dense_shape)


@export("tf.sparse.retain")
def retain(sp_input: Any, to_retain: Any) -> SparseTensor:
    """The values where to_retain bool[N] is true.

    >>> tf.sparse.retain(tf.sparse.from_dense([1, 2]), [True, False]).values.numpy().tolist()
    [1]
    """
    return _taken(_sparse(sp_input), np.flatnonzero(convert(to_retain).numpy()))


@export("tf.sparse.transpose")
def transpose(sp_input: Any, perm: Any = None, name: str | None = None) -> SparseTensor:
    """The dimensions in another order, backwards by default.

    >>> tf.sparse.to_dense(tf.sparse.transpose(tf.sparse.from_dense([[1, 2]]))).numpy().tolist()
    [[1], [2]]
    """
    x = _sparse(sp_input)
    order = list(range(len(x.shape)))[::-1] if perm is None else [int(i) for i in convert(perm).numpy()]
    return reorder(SparseTensor(gather(x.indices, order, axis=1), x.values, gather(x.dense_shape, order)))


@export("tf.sparse.reshape")
def reshape(sp_input: Any, shape: Any, name: str | None = None) -> SparseTensor:
    """The same values in another shape. Raises: InvalidArgumentError when the sizes do not fit.

    >>> tf.sparse.to_dense(tf.sparse.reshape(tf.sparse.from_dense([[1, 2]]), [-1, 1])).numpy().tolist()
    [[1], [2]]
    """
    x = _sparse(sp_input)
    old, new = _numbers(x.dense_shape), [int(n) for n in convert(shape).numpy()]
    whole, known = int(np.prod(old)), int(np.prod([n for n in new if n >= 0]))
    new = [whole // max(known, 1) if n < 0 else n for n in new]
    if int(np.prod(new)) != whole:
        raise invalid(f"Input to reshape is a tensor with {whole} dense values, but the requested shape has {int(np.prod(new))}")
    flat = np.ravel_multi_index(tuple(x.indices.numpy().T), old)
    places = np.stack(np.unravel_index(flat, new), 1).astype(np.int64)
    return SparseTensor(wrap(places), x.values, wrap(np.array(new, np.int64)))


@export("tf.sparse.expand_dims")
def expand_dims(sp_input: Any, axis: Any = None, name: str | None = None) -> SparseTensor:
    """With a dimension of size 1 at an axis, the last by default.

    >>> tf.sparse.expand_dims(tf.sparse.from_dense([1, 2]), 0).shape
    TensorShape([1, 2])
    """
    x = _sparse(sp_input)
    sizes = _numbers(x.dense_shape)
    at = -1 if axis is None else int(axis)
    at = at + len(sizes) + 1 if at < 0 else at
    return reshape(x, [*sizes[:at], 1, *sizes[at:]])


@export("tf.sparse.concat")
def concat(axis: Any, sp_inputs: Any, expand_nonconcat_dims: bool = False, name: str | None = None) -> SparseTensor:
    """Joined along an axis. expand_nonconcat_dims: the other sizes may differ, the largest counts.

    >>> tf.sparse.concat(0, [tf.sparse.from_dense([[1]]), tf.sparse.from_dense([[2]])]).values.numpy().tolist()
    [1, 2]
    """
    inputs = [_sparse(x) for x in sp_inputs]
    sizes = np.array([_numbers(x.dense_shape) for x in inputs])
    at = int(axis) % sizes.shape[1]
    others = np.delete(sizes, at, 1)
    if not expand_nonconcat_dims and (others != others[0]).any():
        raise invalid(f"The sizes differ outside axis {at}: {sizes.tolist()}. Pass expand_nonconcat_dims=True to take the largest.")
    starts = np.cumsum([0, *sizes[:-1, at]])
    moved = [x.indices.numpy() + start * (np.arange(sizes.shape[1]) == at) for x, start in zip(inputs, starts, strict=True)]
    shape = sizes.max(0)
    shape[at] = sizes[:, at].sum()
    values = wrap(np.concatenate([x.values._array for x in inputs]))
    return reorder(SparseTensor(wrap(np.concatenate(moved).astype(np.int64)), values, wrap(shape.astype(np.int64))))


@export("tf.sparse.eye")
def eye(num_rows: int, num_columns: int | None = None, dtype: Any = float32, name: str | None = None) -> SparseTensor:
    """The unit matrix.

    >>> tf.sparse.eye(2).values.numpy().tolist()
    [1.0, 1.0]
    """
    from millstream.ops.array.creation import ones

    columns = int(num_rows if num_columns is None else num_columns)
    places = np.repeat(np.arange(min(int(num_rows), columns)), 2).reshape(-1, 2).astype(np.int64)
    return SparseTensor(wrap(places), ones([len(places)], dtype), [int(num_rows), columns])


@export("tf.sparse.add")
def add(a: Any, b: Any, threshold: Any = 0) -> Any:
    """The sum of two tensors of which at least one is sparse; of two sparse ones it is sparse, without sums below the threshold.

    >>> tf.sparse.add(tf.sparse.from_dense([0, 1]), tf.constant([2, 2])).numpy().tolist()
    [2, 3]
    """
    if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
        whole = to_dense(reorder(a)) + to_dense(reorder(b))  # type: ignore[operator]  # operators are installed by the ops
        found = np.abs(whole._array)
        return from_dense(wrap(np.where(found > threshold, whole._array, np.zeros_like(whole._array))))
    return sum_of(a, b)


def sum_of(a: Any, b: Any) -> Any:
    """A dense sum."""
    first, second = (to_dense(reorder(x)) if isinstance(x, SparseTensor) else convert(x) for x in (a, b))
    return first + second  # type: ignore[operator]  # operators are installed by the ops


@export("tf.sparse.sparse_dense_matmul")
def sparse_dense_matmul(sp_a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None) -> Any:
    """The product of a sparse and a dense matrix (either may come first): dense.

    >>> tf.sparse.sparse_dense_matmul(tf.sparse.from_dense([[0.0, 2.0]]), [[1.0], [3.0]]).numpy().tolist()
    [[6.0]]
    """
    first, second = (to_dense(reorder(x)) if isinstance(x, SparseTensor) else convert(x) for x in (sp_a, b))
    return matmul(first, second, adjoint_a=adjoint_a, adjoint_b=adjoint_b)


@export("tf.sparse.reduce_sum")
def reduce_sum(sp_input: Any, axis: Any = None, keepdims: Any = None, output_is_sparse: bool = False, name: str | None = None) -> Any:
    """The sum along axes.

    >>> tf.sparse.reduce_sum(tf.sparse.from_dense([[1, 2], [0, 3]]), 1).numpy().tolist()
    [3, 3]
    """
    from millstream.ops.math.reduce import reduce_sum as dense_sum

    found = dense_sum(to_dense(reorder(sp_input)), axis, bool(keepdims))
    return from_dense(found) if output_is_sparse else found


@export("tf.sparse.reduce_max")
def reduce_max(sp_input: Any, axis: Any = None, keepdims: Any = None, output_is_sparse: bool = False, name: str | None = None) -> Any:
    """The largest of the values that are kept, along axes; 0 where there are none.

    >>> tf.sparse.reduce_max(tf.sparse.from_dense([[1, 2], [0, -3]]), 1).numpy().tolist()
    [2, -3]
    """
    x = reorder(sp_input)
    whole = to_dense(x, default_value=x.dtype.min).numpy()
    axes = None if axis is None else tuple(np.asarray(axis).reshape(-1).tolist())
    found = whole.max(axes, keepdims=bool(keepdims))
    dense = wrap(np.where(found == x.dtype.min, np.zeros_like(found), found))
    return from_dense(dense) if output_is_sparse else dense


@export("tf.sparse.slice")
def slice_(sp_input: Any, start: Any, size: Any, name: str | None = None) -> SparseTensor:
    """A part: from start, of these sizes (cut off at the end).

    >>> tf.sparse.to_dense(tf.sparse.slice(tf.sparse.from_dense([1, 2, 3]), [1], [2])).numpy().tolist()
    [2, 3]
    """
    x = _sparse(sp_input)
    first, wanted = convert(start).numpy().astype(np.int64), convert(size).numpy().astype(np.int64)
    sizes = np.minimum(wanted, x.dense_shape.numpy() - first)
    moved = x.indices.numpy() - first
    inside = np.flatnonzero(((moved >= 0) & (moved < sizes)).all(1))
    values = gather(x.values, wrap(inside.astype(np.int64)))
    return SparseTensor(wrap(moved[inside]), values, wrap(sizes))


@export("tf.sparse.map_values")
def map_values(op: Any, *args: Any, **kwargs: Any) -> SparseTensor:
    """A function of the values of sparse tensors that stand at the same places.

    >>> tf.sparse.map_values(tf.abs, tf.sparse.from_dense([-1, 2])).values.numpy().tolist()
    [1, 2]
    """
    first = next((a for a in (*args, *kwargs.values()) if isinstance(a, SparseTensor)), None)
    if first is None:
        raise ValueError("No SparseTensor in argument list of map_values")
    bare = [a.values if isinstance(a, SparseTensor) else a for a in args]
    return first.with_values(op(*bare, **{k: a.values if isinstance(a, SparseTensor) else a for k, a in kwargs.items()}))
