"""Tensors made by a rule: range, linspace, eye, one_hot, meshgrid, masks; and what is known of a shape."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute, wrap
from millstream.core.dtypes import DType, as_dtype, bool_, float32, float64, int32, int64
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import _broadcast_to, _reshape, expand_dims, static_shape
from millstream.ops.math.comparison import equal, less, select
from millstream.ops.rules import Array, Namespace, broadcast_shapes, normalize_axis, sizes_of
from millstream.util.errors import invalid
from millstream.util.export import export


# ---------------------------------------------------------------------------------------------- what is known of a shape
@export("tf.shape")
def shape(input: Any, out_type: Any = int32, name: str | None = None) -> Tensor:
    """The sizes as a tensor.

    >>> tf.shape([[1, 2, 3]]).numpy().tolist()
    [1, 3]
    """
    return wrap(np.array(tuple(convert(input).shape), as_dtype(out_type).numpy))


@export("tf.shape_n")
def shape_n(input: Any, out_type: Any = int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors."""
    return [shape(x, out_type) for x in input]


@export("tf.size")
def size(input: Any, out_type: Any = int32, name: str | None = None) -> Tensor:
    """How many elements.

    >>> int(tf.size([[1, 2, 3]]))
    3
    """
    return wrap(as_dtype(out_type).as_numpy_dtype(int(np.prod(sizes_of(convert(input)), dtype=np.int64))))


@export("tf.rank")
def rank(input: Any, name: str | None = None) -> Tensor:
    """How many dimensions.

    >>> int(tf.rank([[1, 2, 3]]))
    2
    """
    return wrap(np.int32(convert(input).ndim))


@export("tf.broadcast_static_shape")
def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """The shape that two shapes broadcast to. Raises: ValueError when they do not."""
    return TensorShape(broadcast_shapes(tuple(shape_x), tuple(shape_y)))


@export("tf.broadcast_dynamic_shape")
def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """The shape that two shapes broadcast to, as a tensor."""
    return wrap(np.array(broadcast_shapes(static_shape(shape_x), static_shape(shape_y)), np.int32))


@export("tf.ensure_shape")
def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Tensor:
    """The tensor itself, checked to have a shape (None stands for any size). Raises: InvalidArgumentError.

    >>> tf.ensure_shape([1, 2], [None]).shape
    TensorShape([2])
    """
    tensor = convert(x)
    if not tensor.shape.is_compatible_with(shape):
        raise invalid(f"Shape of tensor {list(tensor.shape)} is not compatible with expected shape {TensorShape(shape)}.")
    return tensor


# ---------------------------------------------------------------------------------------------- sequences
@export("tf.range")
def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Tensor:
    """start, start + delta, ... before limit; range(limit) begins with 0.

    Raises: InvalidArgumentError when delta is 0 or leads away from limit.
    >>> tf.range(2, 11, 3).numpy().tolist()
    [2, 5, 8]
    """
    if limit is None:
        start, limit = 0, start
    values = [convert(v, as_dtype(dtype) if dtype is not None and not hasattr(v, "dtype") else None) for v in (start, limit, delta)]
    target = as_dtype(dtype) if dtype is not None else _widest(values)
    first, last, step = (cast(v, target)._array for v in values)
    if step == 0:
        raise invalid("Requires delta != 0: 0")
    if (last - first) * (1 if step > 0 else -1) < 0:
        raise invalid(f"Requires start {'<=' if step > 0 else '>='} limit when delta {'>' if step > 0 else '<'} 0: {first}/{last}")
    if target.is_integer:
        return wrap(np.arange(int(first), int(last), int(step)).astype(target.numpy))
    return wrap(_steps(first, last, step, target.numpy))


def _steps(first: Any, last: Any, step: Any, dtype: Any) -> Array:
    """Floating point steps added up one by one, as TensorFlow does (so rounding adds up too)."""
    count = int(np.ceil(abs((float(last) - float(first)) / float(step))))
    return np.cumsum(np.concatenate([np.array([first], dtype), np.full(max(count - 1, 0), step, dtype)]), dtype=dtype)[:count]


_ORDER = (int32, int64, float32, float64)


def _widest(values: list[Tensor]) -> DType:
    return max((v.dtype for v in values), key=lambda d: _ORDER.index(d) if d in _ORDER else -1)


@export("tf.linspace", "tf.lin_space")
def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Any:
    """`num` evenly spaced numbers from start to stop, both included, along an axis; whole numbers give float64.

    >>> tf.linspace(0.0, 1.0, 3).numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    first = convert(start)
    first = cast(first, float64) if first.dtype.is_integer else first
    last = convert(stop, hint=first.dtype)
    last = cast(last, first.dtype)
    count = int(num)
    if count < 0:
        raise invalid(f"Requires num > 0: {count}")
    first, last = (expand_dims(v, axis) for v in _broadcast_both(first, last))
    at = axis % first.ndim
    sizes = [1] * first.ndim
    sizes[at] = max(count - 2, 0)
    steps = convert(np.arange(1, max(count - 1, 1)).astype(first.dtype.numpy).reshape(sizes))
    middle = first + (last - first) / convert(max(count - 1, 1), first.dtype) * steps
    from millstream.ops.array.join import concat

    return concat([first, middle, last][: count if count < 2 else 3], at) if count else middle


def _broadcast_both(x: Tensor, y: Tensor) -> tuple[Any, Any]:
    both = broadcast_shapes(sizes_of(x), sizes_of(y))
    return tuple(v if tuple(v.shape) == both else _broadcast_to(v, shape=both) for v in (x, y))  # type: ignore[return-value]


@export("tf.eye", "tf.linalg.eye")
def eye(num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Ones on the diagonal, zeros elsewhere: [batch_shape, num_rows, num_columns].

    >>> tf.eye(2).numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    matrix = np.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=as_dtype(dtype).numpy)
    if batch_shape is not None:
        matrix = np.broadcast_to(matrix, (*static_shape(batch_shape), *matrix.shape)).copy()
    return wrap(matrix)


@export("tf.meshgrid")
def meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> list[Any]:
    """Coordinates of a grid: each vector repeated along the dimensions of the others; "xy" swaps the first two dimensions.

    Raises: ValueError for another indexing.
    >>> [g.numpy().tolist() for g in tf.meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing parameter must be either 'xy' or 'ij'; got {indexing!r}.")
    tensors = [convert(a) for a in args]
    places = list(range(len(tensors)))
    if indexing == "xy" and len(places) > 1:
        places[0], places[1] = 1, 0
    lengths = [1] * len(tensors)
    for at, x in zip(places, tensors, strict=True):
        lengths[at] = int(np.prod(sizes_of(x)))
    return [
        _broadcast_to(_reshape(x, shape=tuple(n if i == at else 1 for i, n in enumerate(lengths))), shape=tuple(lengths))
        for at, x in zip(places, tensors, strict=True)
    ]


@op(name="one_hot", mixed=True, kinds="iu", samples=lambda: [
    Sample("last", (Sampled((4,), "int32", -1, 5), Sampled((), values=2.0), Sampled((), values=-1.0)), {"depth": 5, "axis": 1}, False),
    Sample("first", (Sampled((2, 3), "int64", 0, 4), Sampled((), values=1.0), Sampled((), values=0.0)), {"depth": 5, "axis": 0}, False),
])  # fmt: skip
def _one_hot(xp: Namespace, indices: Array, on: Array, off: Array, *, depth: int, axis: int) -> Array:
    """`on` at each index along a new axis, `off` elsewhere; `off` everywhere for an index outside."""
    numbers = xp.arange(depth).reshape(tuple(depth if i == axis else 1 for i in range(indices.ndim + 1)))
    wide = indices.reshape(*indices.shape[:axis], 1, *indices.shape[axis:])
    return xp.where(wide == numbers, on, off)


_one_hot.infer(lambda x, on, off, *, depth, axis: ArraySpec((*x.shape[:axis], depth, *x.shape[axis:]), on.dtype))
_one_hot.no_gradient()


@_one_hot.expand
def _(x: Any, on: Any, off: Any, *, depth: int, axis: int) -> Any:
    numbers = np.arange(depth, dtype=x.dtype.numpy).reshape(tuple(depth if i == axis else 1 for i in range(x.ndim + 1)))
    return select(equal(expand_dims(x, axis), convert(numbers)), on, off)


@export("tf.one_hot")
def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None, dtype: Any = None, name: str | None = None
) -> Any:
    """on_value (1) at each index along a new axis, off_value (0) elsewhere; float32 by default.

    Raises: InvalidArgumentError for indices that are not whole numbers; TypeError when dtype and on_value do not agree.
    >>> tf.one_hot([0, 2], 3).numpy().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    x = convert(indices)
    target = _one_hot_dtype(on_value, off_value, dtype)
    yes, no = (True, False) if target is bool_ else (1, 0)
    on, off = convert(yes if on_value is None else on_value, target), convert(no if off_value is None else off_value, target)
    count = int(depth)
    if count < 0:
        raise invalid(f"depth must be non-negative, got: {count}")
    return execute(_one_hot, (x, on, off), {"depth": count, "axis": normalize_axis(-1 if axis is None else int(axis), x.ndim + 1)})


def _one_hot_dtype(on_value: Any, off_value: Any, dtype: Any) -> DType:
    wanted = None if dtype is None else as_dtype(dtype)
    for name, value in (("on_value", on_value), ("off_value", off_value)):
        found = None if value is None else convert(value).dtype
        if found is None:
            continue
        if (
            wanted is not None
            and found is not wanted
            and not (dtype is not None and not hasattr(value, "dtype") and wanted.is_floating and found is int32)
        ):
            raise TypeError(f"dtype {found!r} of {name} does not match dtype parameter {wanted!r}")
        wanted = wanted or found
    return wanted or float32


@export("tf.sequence_mask")
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = bool_, name: str | None = None) -> Any:
    """For each length n: n times True, then False up to maxlen (the largest length by default): [..., maxlen].

    >>> tf.sequence_mask([1, 3]).numpy().tolist()
    [[True, False, False], [True, True, True]]
    """
    x = convert(lengths)
    if maxlen is None:
        from millstream.ops.math.reduce import reduce_max

        maxlen = max(int(reduce_max(x)), 0)
    numbers = convert(np.arange(int(maxlen)).astype(x.dtype.numpy))
    return cast(less(numbers, expand_dims(x, -1)), dtype)
