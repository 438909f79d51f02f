"""Elements by their place: gather, gather_nd, scatter_nd, masks, where.

params [A batch, B, N, C], indices [A, K] -> [A, B, K, C]: axis names N, batch_dims counts the A.
"""

from typing import Any, NoReturn

import numpy as np

from millstream.core.dispatch import STATE, execute
from millstream.core.dtypes import bool_
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import ErrorCase, Sample
from millstream.core.spec import ArraySpec, Shape
from millstream.core.tensor import Tensor, convert, reader_of
from millstream.ops.array.shape import _reshape, static_shape
from millstream.ops.math.arithmetic import negative
from millstream.ops.math.comparison import select
from millstream.ops.rules import Array, Namespace, normalize_axis, sizes_of
from millstream.util.errors import OperatorNotAllowedInGraphError, OpError, invalid
from millstream.util.export import export


def needs_values(what: str) -> NoReturn:
    """Raises: the error of an op whose result's size depends on values, met in a trace."""
    raise OperatorNotAllowedInGraphError(
        f"{what} has a size that depends on values, which a traced function does not know; run it eagerly."
    )


# ---------------------------------------------------------------------------------------------- gather
def _gather_samples() -> list[Sample]:
    def case(name: str, shape: Shape, indices: Shape, high: int, axis: int, batch_dims: int = 0) -> Sample:
        return Sample(name, (Sampled(shape), Sampled(indices, "int32", 0, high)), {"axis": axis, "batch_dims": batch_dims})

    return [
        case("rows", (5, 4), (3,), 4, 0), case("matrix", (5, 4), (2, 3), 3, 1), case("scalar", (5,), (), 4, 0), case("middle", (2, 5, 3), (4,), 4, 1),
        case("batch", (2, 5), (2, 3), 4, 1, 1), case("deep", (2, 3, 4, 5), (2, 6), 3, 2, 1), case("none", (5, 4), (0,), 4, 0),
    ]  # fmt: skip


_OUTSIDE = ErrorCase((np.ones(2, "float32"), np.array([2])), OpError, r"indices\[0\] = 2 is not in \[0, 2\)", {"axis": 0, "batch_dims": 0})


@op(name="gather", mixed=True, samples=_gather_samples, errors=(_OUTSIDE,))
def _gather(xp: Namespace, params: Array, indices: Array, *, axis: int, batch_dims: int) -> Array:
    """The slices of params along an axis at these places."""
    if not batch_dims and indices.dtype.kind in "iu":
        try:
            if not indices.size or indices.min() >= 0:
                return params.take(indices, axis)
        except IndexError:
            pass  # said in TensorFlow's words below
    check_indices(indices, params.shape[axis])
    rows = np.moveaxis(params, axis, batch_dims)
    found = rows[(*_batch_grid(indices, batch_dims), indices)]
    return found.transpose(_batch_order(found.ndim, indices.ndim, axis, batch_dims))


def check_indices(indices: Array, n: int) -> None:
    """Raises: InvalidArgumentError for numbers that are not whole, and for the first one that is not in [0, n)."""
    if indices.dtype.kind not in "iu":
        raise invalid(f"Indices are int32 or int64; got {indices.dtype}. Use tf.cast.")
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        bad = int(np.flatnonzero((np.ravel(indices) < 0) | (np.ravel(indices) >= n))[0])
        raise invalid(
            f"indices[{','.join(str(int(i)) for i in np.unravel_index(bad, np.shape(indices)))}] = {np.ravel(indices)[bad]} is not in [0, {n})"
        )


def _batch_grid(indices: Array, batch_dims: int) -> list[Array]:
    """For each batch dimension its own numbers, so shaped that they broadcast against the indices."""
    return [np.arange(n).reshape(-1, *[1] * (indices.ndim - i - 1)) for i, n in enumerate(indices.shape[:batch_dims])]


def _batch_order(rank: int, indices_rank: int, axis: int, batch_dims: int) -> list[int]:
    """From [batch, K, B, C] to [batch, B, K, C]."""
    between = list(range(indices_rank, indices_rank + axis - batch_dims))
    rest = list(range(indices_rank + axis - batch_dims, rank))
    return [*range(batch_dims), *between, *range(batch_dims, indices_rank), *rest]


@_gather.infer
def _(params: ArraySpec, indices: ArraySpec, *, axis: int, batch_dims: int) -> ArraySpec:
    return ArraySpec((*params.shape[:axis], *indices.shape[batch_dims:], *params.shape[axis + 1 :]), params.dtype)


@op(mixed=True, samples=lambda: [
    Sample("rows", (Sampled((3, 4)), Sampled((3,), "int32", 0, 4)), {"shape": (5, 4), "axis": 0, "batch_dims": 0}),
    Sample("deep", (Sampled((2, 3, 6, 5)), Sampled((2, 6), "int32", 0, 3)), {"shape": (2, 3, 4, 5), "axis": 2, "batch_dims": 1}),
])  # fmt: skip
def gather_grad(xp: Namespace, g: Array, indices: Array, *, shape: Shape, axis: int, batch_dims: int) -> Array:
    """Zeros of params' shape, with each slice of g added where it was taken from."""
    order = np.argsort(_batch_order(g.ndim, indices.ndim, axis, batch_dims))
    rows = np.zeros(
        [shape[i] for i in range(len(shape)) if i < batch_dims]
        + [shape[axis]]
        + [n for i, n in enumerate(shape) if i >= batch_dims and i != axis],
        g.dtype,
    )
    np.add.at(rows, (*_batch_grid(indices, batch_dims), indices), g.transpose(order))
    return np.moveaxis(rows, batch_dims, axis)


_gather.rows(lambda *, axis, batch_dims: "take" if axis == batch_dims == 0 else None)
_gather.vjp(
    lambda g, out, x, indices, *, axis, batch_dims: gather_grad(g, indices, shape=tuple(x.shape), axis=axis, batch_dims=batch_dims), None
)
gather_grad.rows(lambda *, shape, axis, batch_dims: "add" if axis == batch_dims == 0 else None)
gather_grad.infer(lambda g, indices, *, shape, **attrs: ArraySpec(shape, g.dtype))
gather_grad.vjp(lambda g, out, x, indices, *, shape, axis, batch_dims: _gather(g, indices, axis=axis, batch_dims=batch_dims), None)


@export("tf.gather")
def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0, name: str | None = None) -> Any:
    """The slices of params along an axis at these places (by default the first after the batch dimensions).

    Raises: InvalidArgumentError for a place outside (eagerly).
    >>> tf.gather([10, 20, 30], [2, 0]).numpy().tolist()
    [30, 10]
    """
    x, places = convert(params), convert(indices)
    batch = batch_dims + places.ndim if batch_dims < 0 else int(batch_dims)
    if axis is not None and not -x.ndim <= int(axis) < x.ndim:
        raise invalid(f"Shape must be at least rank {int(axis) + 1 if int(axis) >= 0 else -int(axis)} but is rank {x.ndim}")
    at = batch if axis is None else normalize_axis(int(axis), x.ndim)
    if not 0 <= batch <= min(at, places.ndim) or at >= x.ndim:
        raise ValueError(f"batch_dims = {batch_dims} must be less than or equal to axis = {at}, and to the rank of indices, {places.ndim}.")
    if batch and tuple(x.shape)[:batch] != tuple(places.shape)[:batch]:
        raise invalid(
            f"params.shape[:{batch}] {list(x.shape[:batch])} must equal indices.shape[:{batch}] {list(places.shape[:batch])}: batch_dims={batch}."
        )
    if type(places) is not Tensor and STATE.trace is not None:
        STATE.trace.require_indices(places, int(x.shape[at]))
    return _gather(x, places, axis=at, batch_dims=batch)


# ---------------------------------------------------------------------------------------------- gather_nd, scatter_nd
def _places(indices: Array, shape: Shape, what: str) -> tuple[Array, ...]:
    """Indices [..., D] as D arrays. Raises: InvalidArgumentError for a place outside of shape[:D]."""
    depth = indices.shape[-1]
    inside = ((indices >= 0) & (indices < np.array(shape[:depth], np.int64))).all(-1)
    if not inside.all():
        bad = tuple(int(i) for i in np.argwhere(~inside)[0])
        raise invalid(
            f"indices[{','.join(map(str, bad))}] = {indices[bad].tolist()} does not index into {what} [{','.join(map(str, shape))}]"
        )
    return tuple(np.moveaxis(indices, -1, 0))


_ND = (Sampled((3, 1), "int32", 0, 2), Sampled((4, 2), "int32", 0, 2))


@op(name="gather_nd", mixed=True, samples=lambda: [Sample("rows", (Sampled((3, 4)), _ND[0])), Sample("points", (Sampled((3, 4)), _ND[1]))])
def _gather_nd(xp: Namespace, params: Array, indices: Array) -> Array:
    """params at each index vector: params [N1..ND, C], indices [..., D] -> [..., C]."""
    return params[_places(indices, params.shape, "param shape")]


_gather_nd.infer(lambda x, indices: ArraySpec((*indices.shape[:-1], *x.shape[indices.shape[-1] :]), x.dtype))


@export("tf.gather_nd")
def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: str | None = None) -> Any:
    """params at each index vector (the last dimension of indices).

    >>> tf.gather_nd([[1, 2], [3, 4]], [[0, 1], [1, 0]]).numpy().tolist()
    [2, 3]
    """
    x, places = convert(params), convert(indices)
    if not places.ndim:
        raise invalid("indices must be at least a vector; got a scalar.")
    if batch_dims:
        from millstream.ops.array.join import concat

        shape = sizes_of(places)[:-1]
        grid = (
            np.stack(np.broadcast_arrays(*np.ogrid[tuple(slice(n) for n in shape)]), -1)[..., :batch_dims]
            if len(shape) > 1
            else np.arange(shape[0])[:, None]
        )
        places = concat([convert(np.ascontiguousarray(grid).astype(places.dtype.numpy)), places], -1)
    if int(places.shape[-1]) > x.ndim:
        raise invalid(f"index innermost dimension length must be <= params rank; saw: {places.shape[-1]} vs. {x.ndim}")
    return execute(_gather_nd, (x, places), {})


@op(
    name="scatter_nd",
    mixed=True,
    samples=lambda: [
        Sample("rows", (_ND[0], Sampled((3, 4))), {"shape": (3, 4)}),
        Sample("points", (_ND[1], Sampled((4,))), {"shape": (3, 4)}),
    ],
)
def _scatter_nd(xp: Namespace, indices: Array, updates: Array, *, shape: Shape) -> Array:
    """Zeros of a shape with updates added at the index vectors."""
    out = np.zeros(shape, updates.dtype)
    np.add.at(out, _places(indices, shape, "shape"), updates)
    return out


_gather_nd.vjp(lambda g, out, x, indices: _scatter_nd(indices, g, shape=tuple(x.shape)), None)
_scatter_nd.infer(lambda indices, updates, *, shape: ArraySpec(shape, updates.dtype))
_scatter_nd.vjp(None, lambda g, out, indices, updates, *, shape: _gather_nd(g, indices))


@export("tf.scatter_nd")
def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Any:
    """Zeros of a shape with updates added at the index vectors; those for one place add up.

    >>> tf.scatter_nd([[1], [1]], [9, 8], [3]).numpy().tolist()
    [0, 17, 0]
    """
    places, values, sizes = convert(indices), convert(updates), static_shape(shape)
    _check_updates(places, values, sizes)
    return execute(_scatter_nd, (places, values), {"shape": sizes})


def _check_updates(indices: Tensor, updates: Tensor, shape: Shape) -> None:
    """Raises: InvalidArgumentError unless updates has the shape that these places have."""
    if not indices.ndim or int(indices.shape[-1]) > len(shape):
        raise invalid(f"The last dimension of indices, of shape {list(indices.shape)}, names places in {list(shape)}: it is too long.")
    expected = (*tuple(indices.shape)[:-1], *shape[int(indices.shape[-1]) :])
    if tuple(updates.shape) != expected:
        raise invalid(
            f"Outer dimensions of indices and update must match. Indices shape: {list(indices.shape)}, updates shape:{list(updates.shape)}; expected {list(expected)}"
        )


def _scatter_samples() -> list[Sample]:
    distinct = Sampled((2, 1), "int32", values=[[2], [0]])
    return [
        Sample("rows", (Sampled((3, 4)), distinct, Sampled((2, 4))), {}),
        Sample("points", (Sampled((3,)), distinct, Sampled((2,))), {}),
    ]


@op(name="tensor_scatter_update", mixed=True, samples=_scatter_samples)
def _scatter_update(xp: Namespace, tensor: Array, indices: Array, updates: Array) -> Array:
    """A tensor with updates put at the index vectors; of several for one place the last."""
    out = np.array(tensor)
    out[_places(indices, out.shape, "shape")] = updates
    return out


_scatter_update.infer(lambda x, indices, updates: x)
_scatter_update.vjp(
    lambda g, out, x, indices, updates: _scatter_update(g, indices, updates - updates),
    None,
    lambda g, out, x, indices, updates: _gather_nd(g, indices),
)


@op(name="tensor_scatter_add", mixed=True, samples=_scatter_samples)
def _scatter_add(xp: Namespace, tensor: Array, indices: Array, updates: Array) -> Array:
    """A tensor with updates added at the index vectors."""
    out = np.array(tensor)
    np.add.at(out, _places(indices, out.shape, "shape"), updates)
    return out


_scatter_add.infer(lambda x, indices, updates: x)
_scatter_add.vjp(lambda g, out, x, indices, updates: g, None, lambda g, out, x, indices, updates: _gather_nd(g, indices))


@op(name="tensor_scatter_extreme", mixed=True, samples=lambda: [Sample(s.name, s.inputs, {"largest": True}) for s in _scatter_samples()])
def _scatter_extreme(xp: Namespace, tensor: Array, indices: Array, updates: Array, *, largest: bool) -> Array:
    """A tensor with the larger (or smaller) of what is there and the updates at the index vectors."""
    out = np.array(tensor)
    (np.maximum if largest else np.minimum).at(out, _places(indices, out.shape, "shape"), updates)
    return out


_scatter_extreme.infer(lambda x, indices, updates, *, largest: x)


@_scatter_extreme.vjp_all
def _(g: Any, out: Any, x: Any, indices: Any, updates: Any, *, largest: bool) -> list[Any]:
    """All that equal the result share its gradient."""
    from millstream.ops.array.creation import cast

    kept, hit = cast(x == out, g.dtype), cast(updates == _gather_nd(out, indices), g.dtype)
    share = g / (kept + _scatter_nd(indices, hit, shape=tuple(x.shape)))
    return [share * kept, None, _gather_nd(share, indices) * hit]


def _scatter_on(primitive: Any, tensor: Any, indices: Any, updates: Any, **attrs: Any) -> Any:
    x, places = convert(tensor), convert(indices)
    values = convert(updates, x.dtype)
    _check_updates(places, values, tuple(x.shape))  # type: ignore[arg-type]
    return execute(primitive, (x, places, values), attrs)


@export("tf.tensor_scatter_nd_update")
def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A tensor with updates put at the index vectors.

    >>> tf.tensor_scatter_nd_update([1, 2, 3], [[0], [2]], [9, 8]).numpy().tolist()
    [9, 2, 8]
    """
    return _scatter_on(_scatter_update, tensor, indices, updates)


@export("tf.tensor_scatter_nd_add")
def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A tensor with updates added at the index vectors.

    >>> tf.tensor_scatter_nd_add([1, 2, 3], [[0], [0]], [9, 8]).numpy().tolist()
    [18, 2, 3]
    """
    return _scatter_on(_scatter_add, tensor, indices, updates)


@export("tf.tensor_scatter_nd_sub")
def tensor_scatter_nd_sub(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A tensor with updates subtracted at the index vectors."""
    x = convert(tensor)
    return _scatter_on(_scatter_add, x, indices, negative(convert(updates, x.dtype)))


@export("tf.tensor_scatter_nd_max")
def tensor_scatter_nd_max(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A tensor with the larger of what is there and the updates at the index vectors."""
    return _scatter_on(_scatter_extreme, tensor, indices, updates, largest=True)


@export("tf.tensor_scatter_nd_min")
def tensor_scatter_nd_min(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Any:
    """A tensor with the smaller of what is there and the updates at the index vectors."""
    return _scatter_on(_scatter_extreme, tensor, indices, updates, largest=False)


# ---------------------------------------------------------------------------------------------- masks and where
@op(
    name="where_true",
    samples=lambda: [
        Sample("matrix", (Sampled((3, 4), "bool"),), {}, False),
        Sample("numbers", (Sampled((5,), "int32", -1, 1),), {}, False),
    ],
)
def _where_true(xp: Namespace, condition: Array) -> Array:
    """The places of the elements that are true (not 0): int64[how many, rank]."""
    return np.argwhere(condition)


_where_true.infer(lambda condition: needs_values("tf.where of one argument"))
_where_true.no_gradient()


@export("tf.where", "tf.compat.v1.where_v2")
def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """x where the condition holds, else y (they broadcast); without them the places where it holds, int64[how many, rank].

    Raises: ValueError when only one of x and y is given.
    >>> tf.where([True, False], [1, 2], 0).numpy().tolist()
    [1, 0]
    """
    if (x is None) != (y is None):
        raise ValueError("x and y must both be non-None or both be None.")
    if x is None:
        return execute(_where_true, (condition,), {})
    test = convert(condition, bool_)
    first, second = same_dtype(x, y)
    return execute(select, (test, first, second), {})


def same_dtype(x: Any, y: Any) -> tuple[Any, Any]:
    """Both as tensors of one dtype; a Python value takes that of the other. Raises: InvalidArgumentError when they differ."""
    if not isinstance(x, Tensor) and reader_of(x) is None and (isinstance(y, Tensor) or reader_of(y) is not None):
        y = convert(y)
        return convert(x, y.dtype if not hasattr(x, "dtype") else None, y.dtype), y
    x = convert(x)
    y = convert(y, None if hasattr(y, "dtype") else x.dtype, x.dtype)
    if x.dtype is not y.dtype:
        raise invalid(f"x and y must have one dtype; got {x.dtype.name} and {y.dtype.name}. Convert one of them with tf.cast.")
    return x, y


@export("tf.boolean_mask")
def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str = "boolean_mask") -> Any:
    """The elements (or slices) where the mask holds; the mask's dimensions become one.

    Raises: ValueError for a scalar mask or shapes that do not match.
    >>> tf.boolean_mask([1, 2, 3], [True, False, True]).numpy().tolist()
    [1, 3]
    """
    x, test = convert(tensor), convert(mask, bool_)
    if not test.ndim:
        raise ValueError("mask cannot be scalar.")
    at = 0 if axis is None else normalize_axis(int(axis), x.ndim)
    shape = tuple(x.shape)
    if shape[at : at + test.ndim] != tuple(test.shape):
        raise ValueError(
            f"Shapes {shape[at : at + test.ndim]} and {tuple(test.shape)} are incompatible: a mask has the sizes of what it masks."
        )
    flat = _reshape(x, shape=(*shape[:at], int(np.prod(sizes_of(test))), *shape[at + test.ndim :]))
    if type(test) is not Tensor:
        needs_values("tf.boolean_mask")
    return gather(flat, convert(np.flatnonzero(test._array).astype(np.int64)), axis=at)
