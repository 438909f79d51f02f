"""Sums and the like over segments: rows with one id go into one row of the result. data [N, ...], ids [N] -> [S, ...]."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import Op, op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast, ones_like
from millstream.ops.array.gather import _gather, boolean_mask, gather, needs_values
from millstream.ops.array.shape import _reshape
from millstream.ops.math.arithmetic import maximum, multiply, real_divide, sqrt, truediv
from millstream.ops.math.comparison import equal, greater_equal, where_else_zero
from millstream.ops.rules import Array, Namespace
from millstream.util.errors import invalid
from millstream.util.export import export

_IDS = Sampled((4,), "int32", values=(1, 0, 1, -1))


def _segments(name: str, at: Any, first: Any, says: str) -> Op:
    def meaning(xp: Namespace, data: Array, segment_ids: Array, *, count: int) -> Array:
        flat, ids = data.reshape(-1, *data.shape[segment_ids.ndim :]), segment_ids.reshape(-1)
        if ids.size and ids.max() >= count:
            raise invalid(f"segment id {int(ids.max())} is out of range [0, {count})")
        out = np.full((count, *flat.shape[1:]), first(data.dtype), data.dtype)
        at(out, ids[ids >= 0], flat[ids >= 0])
        return out

    meaning.__name__, meaning.__doc__ = name, f"{says} of the rows of each segment; rows with a negative id are left out."
    made = op(name=name, mixed=True, samples=lambda: [Sample("rows", (Sampled((4, 3)), _IDS), {"count": 2})])(meaning)
    made.infer(lambda data, ids, *, count: ArraySpec((count, *data.shape[len(ids.shape) :]), data.dtype))
    return made


def _lowest(dtype: Any) -> Any:
    return np.finfo(dtype).min if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    return np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max


_sum = _segments("unsorted_segment_sum", np.add.at, lambda d: 0, "The sum")
_max = _segments("unsorted_segment_max", np.maximum.at, _lowest, "The largest")
_min = _segments("unsorted_segment_min", np.minimum.at, _highest, "The smallest")
_prod = _segments("unsorted_segment_prod", np.multiply.at, lambda d: 1, "The product")


def _picked(g: Any, ids: Any) -> Any:
    """Each row's own row of g; 0 for a negative id."""
    zero = convert(0, ids.dtype)
    rows = _gather(g, maximum(ids, zero), axis=0, batch_dims=0)
    kept = greater_equal(ids, zero)
    return where_else_zero(_reshape(kept, shape=(*tuple(kept.shape), *[1] * (rows.ndim - ids.ndim))), rows)


_sum.vjp(lambda g, out, data, ids, *, count: _picked(g, ids), None)


def _extreme_gradient(g: Any, out: Any, data: Any, ids: Any, *, count: int) -> Any:
    """Ties share the gradient."""
    hit = multiply(cast(equal(data, _picked(out, ids)), g.dtype), cast(_picked(ones_like(g), ids), g.dtype))
    return multiply(hit, _picked(real_divide(g, maximum(_sum(hit, ids, count=count), convert(1, g.dtype))), ids))


_max.vjp(_extreme_gradient, None)
_min.vjp(_extreme_gradient, None)
_prod.vjp(lambda g, out, data, ids, *, count: truediv(_picked(multiply(g, out), ids), data), None)


def _unsorted(primitive: Op, name: str) -> Any:
    def function(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
        x, ids = convert(data), convert(segment_ids)
        if tuple(x.shape)[: ids.ndim] != tuple(ids.shape):
            raise invalid(f"data.shape {list(x.shape)} does not start with segment_ids.shape {list(ids.shape)}")
        return execute(primitive, (x, ids), {"count": int(num_segments)})

    function.__name__ = name
    function.__doc__ = f"{primitive.__doc__}\n\n    >>> tf.math.{name}([1, 2, 3], [0, 1, 0], 2).shape\n    TensorShape([2])\n    "
    return export(f"tf.math.{name}")(function)


unsorted_segment_sum = _unsorted(_sum, "unsorted_segment_sum")
unsorted_segment_max = _unsorted(_max, "unsorted_segment_max")
unsorted_segment_min = _unsorted(_min, "unsorted_segment_min")
unsorted_segment_prod = _unsorted(_prod, "unsorted_segment_prod")


def _counts(x: Any, ids: Any, count: int) -> Any:
    """How many rows each segment has (at least 1), shaped to divide its row."""
    ones = convert(np.ones(tuple(ids.shape), x.dtype.numpy))
    found = maximum(execute(_sum, (ones, ids), {"count": count}), convert(1, x.dtype))
    return _reshape(found, shape=(count, *[1] * (x.ndim - ids.ndim)))


@export("tf.math.unsorted_segment_mean")
def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The mean of the rows of each segment; 0 for none."""
    x, ids = convert(data), convert(segment_ids)
    return truediv(unsorted_segment_sum(x, ids, num_segments), _counts(x, ids, int(num_segments)))


@export("tf.math.unsorted_segment_sqrt_n")
def unsorted_segment_sqrt_n(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
    """The sum of the rows of each segment divided by the root of their number."""
    x, ids = convert(data), convert(segment_ids)
    return truediv(unsorted_segment_sum(x, ids, num_segments), sqrt(_counts(x, ids, int(num_segments))))


# ---------------------------------------------------------------------------------------------- sorted ids
def _sorted_ids(segment_ids: Any) -> tuple[Any, int]:
    """The ids and the number of segments. Raises: InvalidArgumentError unless they are sorted."""
    ids = convert(segment_ids)
    if type(ids) is not Tensor:
        needs_values("A segment op with traced ids")
    array = np.asarray(ids._array)
    if array.ndim != 1:
        raise invalid("segment_ids should be a vector.")
    if array.size and (np.diff(array) < 0).any():
        raise invalid("segment ids are not increasing")
    return ids, int(array[-1]) + 1 if array.size else 0


def _sorted_segment(name: str, unsorted: Any, empty_is_zero: bool) -> Any:
    def function(data: Any, segment_ids: Any, name: str | None = None) -> Any:
        ids, count = _sorted_ids(segment_ids)
        out = unsorted(data, ids, count)
        if not empty_is_zero:
            return out
        filled = np.isin(np.arange(count), np.asarray(ids._array)).reshape(count, *[1] * (out.ndim - 1))
        return where_else_zero(convert(filled), out)

    function.__name__ = name
    function.__doc__ = f"As unsorted_{name}, for sorted ids; the last one tells how many there are.\n\n    >>> tf.math.{name}([1, 2, 3], [0, 0, 1]).shape\n    TensorShape([2])\n    "
    return export(f"tf.math.{name}")(function)


segment_sum = _sorted_segment("segment_sum", unsorted_segment_sum, False)
segment_mean = _sorted_segment("segment_mean", unsorted_segment_mean, False)
segment_prod = _sorted_segment("segment_prod", unsorted_segment_prod, False)
segment_max = _sorted_segment("segment_max", unsorted_segment_max, True)
segment_min = _sorted_segment("segment_min", unsorted_segment_min, True)


# ---------------------------------------------------------------------------------------------- partition and stitch
@export("tf.dynamic_partition")
def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list[Any]:
    """The rows with each number from 0 to num_partitions - 1, as a list of tensors.

    Raises: InvalidArgumentError for a number outside.
    >>> [p.numpy().tolist() for p in tf.dynamic_partition([1, 2, 3], [0, 1, 0], 2)]
    [[1, 3], [2]]
    """
    x, parts = convert(data), convert(partitions)
    if type(parts) is not Tensor:
        needs_values("tf.dynamic_partition")
    array = np.asarray(parts._array)
    if array.size and (array.min() < 0 or array.max() >= num_partitions):
        raise invalid(f"partitions holds {int(array.min())} to {int(array.max())}, not all in [0, {num_partitions})")
    return [boolean_mask(x, array == i) for i in range(num_partitions)]


@export("tf.dynamic_stitch")
def dynamic_stitch(indices: Any, data: Any, name: str | None = None) -> Any:
    """The inverse of dynamic_partition: row indices[m][i] of the result is data[m][i], the last of several.

    >>> tf.dynamic_stitch([[0, 2], [1]], [[10, 30], [20]]).numpy().tolist()
    [10, 20, 30]
    """
    from millstream.ops.array.join import concat

    places = [np.asarray(convert(i)._array) for i in indices]
    tensors = [convert(d) for d in data]
    rest = tuple(tensors[0].shape)[places[0].ndim :]
    flat = concat([_reshape(x, shape=(p.size, *rest)) for x, p in zip(tensors, places, strict=True)], 0)
    order = np.concatenate([p.reshape(-1) for p in places])
    source = np.full(int(order.max(initial=-1)) + 1, -1)
    source[order] = np.arange(len(order))
    rows = gather(flat, convert(np.maximum(source, 0)))
    return rows if (source >= 0).all() else where_else_zero(convert((source >= 0).reshape(-1, *[1] * len(rest))), rows)
