"""x[...]: numbers, slices, steps, `...`, tf.newaxis, scalar tensors, boolean masks; tf.slice and tf.strided_slice.

A key is worked out once, against the static shape: a strided slice, then a reshape that drops and adds dimensions.
"""

from typing import Any, NamedTuple

import numpy as np

from millstream.core.dispatch import STATE, wrap
from millstream.core.dtypes import bool_
from millstream.core.spec import Shape
from millstream.core.tensor import Tensor, convert, install_operator, reader_of
from millstream.ops.array.shape import _reshape, _strided_slice, static_shape
from millstream.ops.rules import normalize_axis, sizes_of
from millstream.util.errors import OperatorNotAllowedInGraphError, invalid
from millstream.util.export import export, publish

publish(None, "tf.newaxis")
Bounds = tuple[int, int, int]


class Plan(NamedTuple):
    """What a key does: bounds per input dimension, then the result's shape; `picks` are (dimension, traced index)."""

    bounds: list[Bounds]
    shape: list[int]
    picks: list[tuple[int, Tensor]]


def getitem(x: Any, key: Any) -> Any:
    """The operator x[key]. Raises: TypeError for what is no index, InvalidArgumentError for one out of bounds."""
    if type(x) is Tensor:
        quick = _rows(x, key) if STATE.tapes else _quick(x._array, key)
        if quick is not None:
            return quick
    if _is_mask(key):
        from millstream.ops.array.gather import boolean_mask

        return boolean_mask(x, key)
    return _apply(convert(x), list(key) if isinstance(key, (tuple, list)) else [key])


def _quick(array: Any, key: Any) -> Any:
    """One number or one plain slice, by NumPy itself; None for all else."""
    kind = type(key)
    if kind is int:
        if array.ndim and -len(array) <= key < len(array):
            return wrap(array[key] if array.dtype != object else array[key, ...])
    elif (kind is slice and array.ndim and _is_plain(key)) or (kind is tuple and all(map(_is_basic, key))):
        try:
            return wrap(array[key] if array.dtype != object else array[(*key, ...) if kind is tuple and ... not in key else key])
        except IndexError:
            return None  # said in TensorFlow's words by the long way
    return None


def _rows(x: Tensor, key: Any) -> Any:
    """One plain slice along the first dimension, without a plan; None for all else."""
    shape = x._array.shape
    if type(key) is not slice or not shape or not _is_plain(key):
        return None
    begin, end, step = _slice_bounds(key, shape[0])
    rest = shape[1:]
    return _strided_slice.fast(x, begin=(begin, *[0] * len(rest)), end=(end, *rest), strides=(step, *[1] * len(rest)))


def _is_basic(k: Any) -> bool:
    kind = type(k)
    return kind is int or (kind is slice and _is_plain(k)) or k is None or k is Ellipsis


def _is_plain(key: slice) -> bool:
    start, stop, step = key.start, key.stop, key.step
    return (
        (start is None or type(start) is int)
        and (stop is None or type(stop) is int)
        and (step is None or (type(step) is int and step != 0))
    )


def _is_mask(key: Any) -> bool:
    if isinstance(key, (bool, np.bool_)):
        raise ValueError("mask cannot be scalar.")
    return getattr(key, "dtype", None) in (bool_, np.bool_) and isinstance(key, (Tensor, np.ndarray))


def _apply(x: Tensor, key: list[Any]) -> Any:
    shape = sizes_of(x)
    plan = _plan(key, shape)
    out: Any = x
    if any(b != (0, n, 1) for b, n in zip(plan.bounds, shape, strict=True)):
        begin, end, strides = zip(*plan.bounds, strict=True)
        out = _strided_slice(out, begin=begin, end=end, strides=strides)
    if tuple(out.shape) != tuple(plan.shape):
        out = _reshape(out, shape=tuple(plan.shape))
    for axis, index in reversed(plan.picks):
        from millstream.ops.array.gather import gather

        out = gather(out, index, axis=axis)
    return out


def _plan(key: list[Any], shape: Shape) -> Plan:
    items = _without_ellipsis(key, len(shape))
    plan = Plan([], [], [])
    for item in items:
        if item is None:
            plan.shape.append(1)
        else:
            _plan_one(item, len(plan.bounds), shape, plan)
    return plan


def _without_ellipsis(key: list[Any], rank: int) -> list[Any]:
    """The key with `...`, or the end, filled up by full slices. Raises: InvalidArgumentError for too many indices."""
    spots = [i for i, k in enumerate(key) if k is Ellipsis]
    if len(spots) > 1:
        raise invalid("Multiple ellipses in slice spec not allowed")
    used = sum(k is not None and k is not Ellipsis for k in key)
    if used > rank:
        raise invalid(f"Index out of range using input dim {rank}; input has only {rank} dims")
    at = spots[0] if spots else len(key)
    return [*key[:at], *[slice(None)] * (rank - used), *key[at + 1 :]]


def _plan_one(item: Any, axis: int, shape: Shape, plan: Plan) -> None:
    n = shape[axis]
    if isinstance(item, slice):
        bounds = _slice_bounds(item, n)
        plan.bounds.append(bounds)
        plan.shape.append(max(0, -((bounds[0] - bounds[1]) // bounds[2])))
        return
    index = _scalar(item)
    if isinstance(index, Tensor):
        plan.picks.append((len(plan.shape), index))
        plan.bounds.append((0, n, 1))
        plan.shape.append(n)
        return
    if not -n <= index < n:
        raise invalid(f"slice index {index} of dimension {axis} out of bounds: its size is {n}.")
    plan.bounds.append((index % n, index % n + 1, 1))


def _slice_bounds(item: slice, n: int) -> Bounds:
    start, stop, step = (None if v is None else _scalar(v) for v in (item.start, item.stop, item.step))
    if any(isinstance(v, Tensor) for v in (start, stop, step)):
        raise OperatorNotAllowedInGraphError(
            "a slice whose bounds are traced tensors has no static size; slice by Python numbers, or use tf.gather with computed indices."
        )
    if step == 0:
        raise invalid("strides[0] must be non-zero")
    bounds = slice(start, stop, step).indices(n)
    return bounds if -((bounds[0] - bounds[1]) // bounds[2]) > 0 else (0, 0, 1)


def _scalar(item: Any) -> Any:
    """An index as an int, or as the traced tensor that it is. Raises: TypeError."""
    if type(item) is int:
        return item
    if isinstance(item, (np.integer, np.ndarray)) and np.ndim(item) == 0 and item.dtype.kind in "iu":
        return int(item)
    if not isinstance(item, Tensor) and reader_of(item) is not None:
        item = convert(item)
    if isinstance(item, Tensor) and item.dtype.is_integer and item.ndim == 0:
        return int(item) if item._dispatch is None else item
    raise TypeError(
        f"Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid indices, got {item!r}"
    )


install_operator("__getitem__", getitem)


@export("tf.slice")
def slice_(input_: Any, begin: Any, size: Any, name: str | None = None) -> Any:
    """The block that begins at `begin` and has the sizes `size`; -1 means: as far as it goes.

    Raises: InvalidArgumentError when it does not lie within the tensor.
    >>> tf.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [-1, 2]).numpy().tolist()
    [[2, 3], [5, 6]]
    """
    x, first, sizes = convert(input_), static_shape(begin), static_shape(size)
    if not len(first) == len(sizes) == x.ndim:
        raise invalid(
            f"Expected begin and size arguments to be 1-D tensors of size {x.ndim}, but got shapes [{len(first)}] and [{len(sizes)}] instead."
        )
    sizes = tuple(n - b if s == -1 else s for b, s, n in zip(first, sizes, sizes_of(x), strict=True))
    for i, (b, s, n) in enumerate(zip(first, sizes, sizes_of(x), strict=True)):
        if not 0 <= b <= n:
            raise invalid(f"Expected begin[{i}] in [0, {n}], but got {b}")
        if not 0 <= s <= n - b:
            raise invalid(f"Expected size[{i}] in [0, {n - b}], but got {s}")
    return (
        _strided_slice(x, begin=first, end=tuple(b + s for b, s in zip(first, sizes, strict=True)), strides=(1,) * x.ndim) if x.ndim else x
    )


@export("tf.strided_slice")
def strided_slice(
    input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0, ellipsis_mask: int = 0,
    new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """x[begin[0]:end[0]:strides[0], ...]; bit i of a mask says of entry i: from the start, to the end, `...`, a new axis, a number.

    >>> tf.strided_slice([1, 2, 3, 4], [0], [4], [2]).numpy().tolist()
    [1, 3]
    """
    first, last = static_shape(begin), static_shape(end)
    steps = static_shape(strides) if strides is not None else (1,) * len(first)

    def entry(i: int) -> Any:
        if ellipsis_mask >> i & 1:
            return Ellipsis
        if new_axis_mask >> i & 1:
            return None
        if shrink_axis_mask >> i & 1:
            return first[i]
        return slice(None if begin_mask >> i & 1 else first[i], None if end_mask >> i & 1 else last[i], steps[i])

    return _apply(convert(input_), [entry(i) for i in range(len(first))])


def take(x: Any, start: int, stop: int, axis: int) -> Any:
    """x[..., start:stop, ...] along one axis (counted from 0)."""
    shape = tuple(x.shape)
    begin = tuple(start if i == axis else 0 for i in range(len(shape)))
    end = tuple(stop if i == axis else n for i, n in enumerate(shape))
    return _strided_slice(x, begin=begin, end=end, strides=(1,) * len(shape))


@export("tf.reverse")
def reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """The elements in reverse order along the axes of a list.

    >>> tf.reverse([1, 2, 3], [0]).numpy().tolist()
    [3, 2, 1]
    """
    x = convert(tensor)
    if np.ndim(axis) != 1 and not isinstance(axis, (list, tuple)):
        raise invalid(f"'dims' must be 1-dimension, not {np.ndim(axis)}: give the axes as a list.")
    axes = [normalize_axis(int(a), x.ndim) for a in static_shape(axis)]
    if len(set(axes)) != len(axes):
        raise invalid(f"axis {max(axes, key=axes.count)} specified more than once.")
    shape = sizes_of(x)
    turned = [i in axes and n > 0 for i, n in enumerate(shape)]
    return _strided_slice(
        x,
        begin=tuple(n - 1 if t else 0 for t, n in zip(turned, shape, strict=True)),
        end=tuple(-1 if t else n for t, n in zip(turned, shape, strict=True)),
        strides=tuple(-1 if t else 1 for t in turned),
    )
