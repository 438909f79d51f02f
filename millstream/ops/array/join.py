"""Tensors put together, cut up and repeated: concat, split, unstack, tile, pad, roll, repeat."""

from itertools import pairwise
from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, Shape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import stack
from millstream.ops.array.gather import gather
from millstream.ops.array.indexing import take
from millstream.ops.array.shape import _broadcast_to, _reshape, _strided_slice, _surrounded, static_shape
from millstream.ops.rules import Array, Namespace, normalize_axis, sizes_of
from millstream.util.errors import invalid
from millstream.util.export import export

Paddings = tuple[tuple[int, int], ...]


# ---------------------------------------------------------------------------------------------- concat, split
@op(
    name="concat",
    samples=lambda: [
        Sample("rows", (Sampled((2, 3)), Sampled((1, 3)), Sampled((0, 3))), {"axis": 0}),
        Sample("columns", (Sampled((2, 3)), Sampled((2, 4))), {"axis": 1}),
    ],
)
def _concat(xp: Namespace, *xs: Array, axis: int) -> Array:
    """Tensors joined along an axis that they have."""
    try:
        return xp.concatenate(xs, axis)
    except ValueError:
        _check_concat([x.shape for x in xs], axis)
        raise


def _check_concat(shapes: list[Shape], axis: int) -> None:
    first = shapes[0]
    for i, s in enumerate(shapes):
        both = f"shape[0] = [{','.join(map(str, first))}] vs. shape[{i}] = [{','.join(map(str, s))}]"
        if len(s) != len(first):
            raise invalid(f"ConcatOp : Ranks of all input tensors should match: {both}")
        if s[:axis] != first[:axis] or s[axis + 1 :] != first[axis + 1 :]:
            raise invalid(f"ConcatOp : Dimensions of inputs should match: {both}")


@_concat.infer
def _(*xs: ArraySpec, axis: int) -> ArraySpec:
    _check_concat([x.shape for x in xs], axis)
    first = xs[0].shape
    return ArraySpec((*first[:axis], sum(x.shape[axis] for x in xs), *first[axis + 1 :]), xs[0].dtype)


_concat.kernel("concat")


@_concat.vjp_all
def _(g: Tensor, out: Tensor, *xs: Tensor, axis: int) -> list[Any]:
    return _pieces(g, [int(x.shape[axis]) for x in xs], axis)


@_concat.join
def _(*xs: ArraySpec, axis: int) -> list[Shape]:
    starts = np.cumsum([0, *(x.shape[axis] for x in xs)]).tolist()
    return [tuple(start if a == axis else 0 for a in range(len(x.shape))) for x, start in zip(xs, starts, strict=False)]


@op(name="split", samples=lambda: [Sample("columns", (Sampled((2, 5)),), {"sizes": (2, 0, 3), "axis": 1})])
def _split(xp: Namespace, x: Array, *, sizes: Shape, axis: int) -> tuple[Array, ...]:
    """A tensor cut along an axis into pieces of these sizes."""
    return tuple(xp.split(x, np.cumsum(sizes)[:-1].tolist(), axis))


_split.infer(lambda x, *, sizes, axis: tuple(ArraySpec((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype) for n in sizes))
_split.vjp_all(lambda g, out, x, *, sizes, axis: [_concat(*g, axis=axis)])
_split.expand(lambda x, *, sizes, axis: tuple(take(x, a, b, axis) for a, b in pairwise(np.cumsum([0, *sizes]).tolist())))


def _pieces(x: Any, sizes: list[int], axis: int) -> list[Any]:
    """x cut along an axis into pieces of these sizes."""
    return list(_split(x, sizes=tuple(sizes), axis=axis)) if len(sizes) > 1 else [x for _ in sizes]


@op(name="unstack", samples=lambda: [Sample("rows", (Sampled((2, 3)),), {"axis": 0}), Sample("columns", (Sampled((2, 3)),), {"axis": 1})])
def _unstack(xp: Namespace, x: Array, *, axis: int) -> tuple[Array, ...]:
    """The slices of a tensor along an axis."""
    return tuple(xp.moveaxis(x, axis, 0))


_unstack.infer(lambda x, *, axis: (ArraySpec((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype),) * x.shape[axis])
_unstack.vjp_all(lambda g, out, x, *, axis: [stack(list(g), axis)])
_unstack.expand(lambda x, *, axis: tuple(_slices(x, axis)))


def _slices(x: Any, axis: int) -> list[Any]:
    shape = tuple(x.shape)
    rest = (*shape[:axis], *shape[axis + 1 :])
    return [_reshape(take(x, i, i + 1, axis), shape=rest) for i in range(shape[axis])]


@export("tf.concat")
def concat(values: Any, axis: Any, name: str = "concat") -> Any:
    """Tensors joined along an axis that they have.

    Raises: InvalidArgumentError when their other sizes differ.
    >>> tf.concat([[1, 2], [3]], 0).numpy().tolist()
    [1, 2, 3]
    """
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        return convert(values[0])
    rank = convert(values[0]).ndim
    if not rank:
        return stack_scalars(values)
    if not -rank <= int(axis) < rank:
        raise invalid(f"ConcatOp : Expected concatenating dimensions in the range [{-rank}, {rank}), but got {int(axis)}")
    return _concat(*values, axis=int(axis) % rank)


def stack_scalars(values: Any) -> Any:
    """Scalars as a vector: TensorFlow's concat takes them too."""
    return execute(_concat, tuple(_reshape(convert(v), shape=(1,)) for v in values), {"axis": 0})


@export("tf.split")
def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None, name: str = "split") -> list[Any]:
    """The tensor cut along an axis, into a number of equal parts or into parts of given sizes (one may be -1: the rest).

    Raises: InvalidArgumentError when the parts do not add up.
    >>> [p.numpy().tolist() for p in tf.split([1, 2, 3], [1, 2])]
    [[1], [2, 3]]
    """
    x = convert(value)
    at = normalize_axis(int(axis), x.ndim)
    whole = int(x.shape[at])
    if np.ndim(num_or_size_splits if not isinstance(num_or_size_splits, Tensor) else num_or_size_splits._array) == 0:
        parts = int(num_or_size_splits)
        if parts < 1 or whole % parts:
            raise invalid(
                f"Number of ways to split should evenly divide the split dimension, but got split_dim {at} (size = {whole}) and num_split {parts}"
            )
        return _pieces(x, [whole // parts] * parts, at)
    return _pieces(x, _sizes(static_shape(num_or_size_splits), whole), at)


def _sizes(sizes: Shape, whole: int) -> list[int]:
    rest = whole - sum(n for n in sizes if n != -1)
    if sizes.count(-1) > 1 or rest < 0 or (rest and -1 not in sizes):
        raise invalid(
            "Determined shape must either match input shape along split_dim exactly if fully specified, or be less than the size of the input along "
            f"split_dim if not fully specified.  Got: {whole - rest} of {whole}"
        )
    return [rest if n == -1 else n for n in sizes]


@export("tf.unstack")
def unstack(value: Any, num: Any = None, axis: int = 0, name: str = "unstack") -> list[Any]:
    """The slices along an axis, as a list.

    >>> [int(v) for v in tf.unstack([1, 2])]
    [1, 2]
    """
    x = convert(value)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis = {axis} not in [{-x.ndim}, {x.ndim})")
    at, shape = axis % x.ndim, tuple(x.shape)
    if num is not None and num != shape[at]:
        raise invalid(f"Input shape axis {at} must equal {num}, got shape {list(shape)}")
    return list(_unstack(x, axis=at)) if shape[at] else []


# ---------------------------------------------------------------------------------------------- repetition
@op(
    name="tile",
    samples=lambda: [
        Sample("matrix", (Sampled((2, 3)),), {"multiples": (2, 1)}),
        Sample("cube", (Sampled((2, 1, 3)),), {"multiples": (1, 4, 2)}),
        Sample("none", (Sampled((2, 3)),), {"multiples": (0, 1)}),
    ],
)
def _tile(xp: Namespace, input: Array, *, multiples: Shape) -> Array:
    """The tensor repeated along each dimension."""
    return xp.tile(input, multiples)


def _interleaved(shape: Shape, multiples: Shape) -> Shape:
    return tuple(n for pair in zip(multiples, shape, strict=True) for n in pair)


_tile.infer(lambda x, *, multiples: ArraySpec(tuple(n * m for n, m in zip(x.shape, multiples, strict=True)), x.dtype))


@_tile.expand
def _(x: Any, *, multiples: Shape) -> Any:
    shape = tuple(x.shape)
    spread = _broadcast_to(_reshape(x, shape=_interleaved(shape, (1,) * len(shape))), shape=_interleaved(shape, multiples))
    return _reshape(spread, shape=tuple(n * m for n, m in zip(shape, multiples, strict=True)))


def _tile_gradient(g: Any, out: Any, x: Any, *, multiples: Shape) -> Any:
    from millstream.ops.math.reduce import reduce_sum_

    shape = tuple(x.shape)
    return reduce_sum_(_reshape(g, shape=_interleaved(shape, multiples)), axis=tuple(range(0, 2 * len(shape), 2)), keepdims=False)


_tile.vjp(_tile_gradient)


@export("tf.tile")
def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """The tensor repeated `multiples` times along each dimension.

    >>> tf.tile([[1, 2]], [2, 2]).numpy().tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    x = convert(input)
    if np.ndim(multiples) == 0 and not isinstance(multiples, (list, tuple, Tensor)):
        raise invalid("Expected multiples to be 1-D, but got shape []")
    times = static_shape(multiples)
    if len(times) != x.ndim:
        raise invalid(f"Expected multiples argument to be a vector of length {x.ndim} but got length {len(times)}")
    for i, m in enumerate(times):
        if m < 0:
            raise invalid(f"Expected multiples[{i}] >= 0, but got {m}")
    return execute(_tile, (x,), {"multiples": times}) if times else x


@export("tf.repeat")
def repeat(input: Any, repeats: Any, axis: Any = None, name: str | None = None) -> Any:
    """Each element (of the flattened tensor, or each slice along an axis) so many times.

    >>> tf.repeat([1, 2], [2, 3]).numpy().tolist()
    [1, 1, 2, 2, 2]
    """
    x = convert(input)
    if axis is None:
        x, axis = _reshape(x, shape=(int(np.prod(sizes_of(x))),)), 0
    at = normalize_axis(int(axis), x.ndim)
    times = np.asarray(static_shape(repeats))
    if times.size not in (1, x.shape[at]):
        raise invalid(
            f"repeats has {times.size} entries where axis {at} of shape {list(x.shape)} has {x.shape[at]}; give one for each, or a single one."
        )
    return gather(x, convert(np.repeat(np.arange(x.shape[at]), times)), axis=at)


@export("tf.roll")
def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Any:
    """The elements moved along axes; what falls off the end comes in at the front.

    >>> tf.roll([1, 2, 3], 1, 0).numpy().tolist()
    [3, 1, 2]
    """
    x = convert(input)
    shifts, axes = static_shape(shift), static_shape(axis)
    if len(shifts) != len(axes):
        raise invalid(f"shift and axis must have the same size; got {len(shifts)} and {len(axes)}.")
    for s, a in zip(shifts, axes, strict=True):
        at = normalize_axis(a, x.ndim)
        n = int(x.shape[at])
        if n and s % n:
            x = concat([take(x, n - s % n, n, at), take(x, 0, n - s % n, at)], at)
    return x


# ---------------------------------------------------------------------------------------------- padding
@op(
    name="pad",
    samples=lambda: [
        Sample("matrix", (Sampled((2, 3)), Sampled()), {"paddings": ((1, 0), (2, 1))}),
        Sample("vector", (Sampled((4,)), Sampled()), {"paddings": ((0, 3),)}),
    ],
)
def _pad(xp: Namespace, tensor: Array, value: Array, *, paddings: Paddings) -> Array:
    """The tensor with a border of one value."""
    shape = tuple(n + a + b for n, (a, b) in zip(tensor.shape, paddings, strict=True))
    inside = tuple(slice(a, a + n) for n, (a, _) in zip(tensor.shape, paddings, strict=True))
    if xp is not np:
        return xp.full(shape, value, tensor.dtype).at[inside].set(tensor)
    out = np.full(shape, value, tensor.dtype)
    out[inside] = tensor
    return out


_pad.infer(lambda x, value, *, paddings: ArraySpec(tuple(n + a + b for n, (a, b) in zip(x.shape, paddings, strict=True)), x.dtype))


@_pad.expand
def _(tensor: Any, value: Any, *, paddings: Paddings) -> Any:
    for axis, (before, behind) in enumerate(paddings):
        if before or behind:
            tensor = _surrounded(tensor, axis, before, behind, value)
    return tensor


def _inside(g: Any, x: Any, paddings: Paddings) -> Any:
    ends = tuple(a + n for n, (a, _) in zip(tuple(x.shape), paddings, strict=True))
    return _strided_slice(g, begin=tuple(a for a, _ in paddings), end=ends, strides=(1,) * len(paddings))


def _border_sum(g: Any, out: Any, x: Any, value: Any, *, paddings: Paddings) -> Any:
    from millstream.ops.math.reduce import reduce_sum

    return reduce_sum(g) - reduce_sum(_inside(g, x, paddings))


_pad.vjp(lambda g, out, x, value, *, paddings: _inside(g, x, paddings), _border_sum)


@export("tf.pad")
def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """The tensor with a border: paddings[i] = (before, after); of one value, or mirrored (REFLECT leaves the edge out, SYMMETRIC repeats it).

    Raises: InvalidArgumentError for negative paddings or mirrored ones that are too wide; ValueError for an unknown mode.
    >>> tf.pad([1, 2], [[1, 2]]).numpy().tolist()
    [0, 1, 2, 0, 0]
    """
    x, kind = convert(tensor), mode.upper()
    widths = np.asarray(paddings._array if isinstance(paddings, Tensor) else [static_shape(p) for p in paddings])
    if widths.shape != (x.ndim, 2):
        if widths.ndim != 2 or widths.shape[1] != 2:
            raise invalid(f"paddings must be a matrix with 2 columns: {list(widths.shape)}")
        raise invalid(
            f"The first dimension of paddings must be the rank of inputs: {list(widths.shape)} for inputs of shape {list(x.shape)}"
        )
    if widths.size and widths.min() < 0:
        raise invalid(f"Paddings must be non-negative: {' '.join(map(str, next(w for w in widths.tolist() if min(w) < 0)))}")
    pairs: Paddings = tuple((int(a), int(b)) for a, b in widths)
    if kind == "CONSTANT":
        return execute(_pad, (x, convert(constant_values, x.dtype)), {"paddings": pairs})
    if kind not in ("REFLECT", "SYMMETRIC"):
        raise ValueError(f"Unknown padding mode: {kind}; expected CONSTANT, REFLECT or SYMMETRIC.")
    return _mirror(x, pairs, 1 if kind == "REFLECT" else 0)


def _mirror(x: Any, paddings: Paddings, skip: int) -> Any:
    """A mirrored border, one axis after the other; `skip` leaves the edge itself out."""
    for axis, (before, after) in enumerate(paddings):
        n = int(x.shape[axis])
        if max(before, after) > n - skip:
            relation = "less than the dimension size: {} not less than" if skip else "no greater than the dimension size: {} greater than"
            raise invalid(f"paddings must be {relation.format(f'{before}, {after}')} {n}")
        if before or after:
            places = [*range(before - 1 + skip, skip - 1, -1), *range(n), *range(n - 1 - skip, n - 1 - skip - after, -1)]
            x = gather(x, convert(np.array(places, np.int64)), axis=axis)
    return x
