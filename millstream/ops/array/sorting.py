"""Order: sort, argsort, top_k, unique, searchsorted. Ties keep their order; NaN comes last."""

from typing import Any, NamedTuple

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import DType, as_dtype, int32
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.gather import gather, needs_values
from millstream.ops.array.indexing import take
from millstream.ops.array.shape import transpose
from millstream.ops.rules import Array, Namespace, normalize_axis
from millstream.util.errors import invalid
from millstream.util.export import export, publish


@op(
    name="argsort",
    samples=lambda: [
        Sample(f"{d}{k}", (Sampled((3, 7), d, -9, 9),), {"descending": k}, False) for d in ("float32", "int32") for k in (False, True)
    ],
)
def _argsort(xp: Namespace, values: Array, *, descending: bool) -> Array:
    """The places of the sorted elements along the last dimension: int32."""
    if descending:
        values = ~values if values.dtype.kind in "iub" else -values
    return xp.argsort(values, axis=-1, stable=True).astype(np.int32)


_argsort.infer(lambda x, *, descending: ArraySpec(x.shape, int32))
_argsort.no_gradient()


def _descending(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"{direction} should be one of ASCENDING, DESCENDING")
    return direction == "DESCENDING"


def _last(x: Any, axis: int) -> tuple[Any, list[int] | None]:
    """The tensor with an axis moved last, and the order that undoes it (None when it was last)."""
    if not x.ndim:
        raise invalid("A scalar has no order: give a tensor of at least one dimension.")
    at = normalize_axis(int(axis), x.ndim)
    if at == x.ndim - 1:
        return x, None
    order = [i for i in range(x.ndim) if i != at] + [at]
    return transpose(x, order), np.argsort(order).tolist()


@export("tf.argsort")
def argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None) -> Any:
    """The places of the sorted elements along an axis: int32.

    >>> tf.argsort([30, 10, 20]).numpy().tolist()
    [1, 2, 0]
    """
    x, back = _last(convert(values), axis)
    found = execute(_argsort, (x,), {"descending": _descending(direction)})
    return found if back is None else transpose(found, back)


@export("tf.sort")
def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """The elements in order along an axis.

    Raises: ValueError for another direction.
    >>> tf.sort([3, 1, 2], direction="DESCENDING").numpy().tolist()
    [3, 2, 1]
    """
    x, back = _last(convert(values), axis)
    places = execute(_argsort, (x,), {"descending": _descending(direction)})
    found = gather(x, places, axis=x.ndim - 1, batch_dims=x.ndim - 1)
    return found if back is None else transpose(found, back)


class TopK(NamedTuple):
    """The largest elements and their places."""

    values: Tensor
    indices: Tensor


TopK.__name__ = TopK.__qualname__ = "TopKV2"


@export("tf.math.top_k", "tf.nn.top_k")
def top_k(input: Any, k: Any = 1, sorted: bool = True, name: str | None = None) -> TopK:
    """The k largest elements along the last dimension, largest first, and their places.

    Raises: InvalidArgumentError when there are fewer than k.
    >>> tf.math.top_k([1.0, 3.0, 2.0], 2).indices.numpy().tolist()
    [1, 2]
    """
    x, count = convert(input), int(k)
    if not x.ndim:
        raise invalid("input must be >= 1-D, got shape []")
    if count > int(x.shape[-1]):
        raise invalid(f"input must have at least k columns. Had {x.shape[-1]}, needed {count}")
    places = take(execute(_argsort, (x,), {"descending": True}), 0, count, x.ndim - 1)
    return TopK(gather(x, places, axis=x.ndim - 1, batch_dims=x.ndim - 1), places)


# ---------------------------------------------------------------------------------------------- unique
@op(name="unique", samples=lambda: [Sample("numbers", (Sampled((9,), "int32", 0, 4),), {"out_idx": int32}, False)])
def _unique(xp: Namespace, x: Array, *, out_idx: DType) -> tuple[Array, Array, Array]:
    """Distinct elements in order of first appearance, the place of each element among them, and how often each comes."""
    _, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return x[first[order]], rank[inverse].astype(out_idx.numpy), counts[order].astype(out_idx.numpy)


_unique.infer(lambda x, *, out_idx: needs_values("tf.unique"))
_unique.no_gradient()


class Unique(NamedTuple):
    """Distinct elements, and the place of each element among them."""

    y: Tensor
    idx: Tensor


class UniqueWithCounts(NamedTuple):
    """Distinct elements, the place of each element among them, and how often each comes."""

    y: Tensor
    idx: Tensor
    count: Tensor  # type: ignore[assignment]


def _distinct(x: Any, out_idx: Any) -> Any:
    tensor = convert(x)
    if tensor.ndim != 1:
        raise invalid("unique expects a 1D vector.")
    return execute(_unique, (tensor,), {"out_idx": as_dtype(out_idx)})


@export("tf.unique")
def unique(x: Any, out_idx: Any = int32, name: str | None = None) -> Unique:
    """The distinct elements of a vector in order of first appearance, and the place of each element among them.

    >>> tf.unique([7, 5, 7]).y.numpy().tolist()
    [7, 5]
    """
    return Unique(*_distinct(x, out_idx)[:2])


@export("tf.unique_with_counts")
def unique_with_counts(x: Any, out_idx: Any = int32, name: str | None = None) -> UniqueWithCounts:
    """As tf.unique, and how often each element comes.

    >>> tf.unique_with_counts([7, 5, 7]).count.numpy().tolist()
    [2, 1]
    """
    return UniqueWithCounts(*_distinct(x, out_idx))


# ---------------------------------------------------------------------------------------------- search
@op(
    name="searchsorted",
    samples=lambda: [
        Sample(
            "rows",
            (Sampled((2, 3), "float32", values=[[1, 3, 5], [1, 2, 3]]), Sampled((2, 4), "float32", 0, 6)),
            {"side": "left", "out_type": int32},
            False,
        )
    ],
)
def _searchsorted(xp: Namespace, sorted_sequence: Array, values: Array, *, side: str, out_type: DType) -> Array:
    """Where each value would stand in the sorted row: [..., N], [..., M] -> [..., M]."""
    rows, wanted = sorted_sequence.reshape(-1, sorted_sequence.shape[-1]), values.reshape(-1, values.shape[-1])
    found = [np.searchsorted(row, v, side) for row, v in zip(rows, wanted, strict=True)]  # type: ignore[call-overload]
    return np.array(found, out_type.numpy).reshape(values.shape)


_searchsorted.infer(lambda s, values, *, side, out_type: ArraySpec(values.shape, out_type))
_searchsorted.no_gradient()


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = int32, name: str | None = None) -> Any:
    """Where each value would stand in the sorted sequence, before ("left") or behind ("right") its equals.

    >>> tf.searchsorted([1, 3, 5], [0, 3, 9]).numpy().tolist()
    [0, 1, 3]
    """
    rows = convert(sorted_sequence)
    wanted = convert(values, hint=rows.dtype)
    if side not in ("left", "right"):
        raise ValueError(f"side must be either 'right' or 'left'.  Saw: {side}.")
    if tuple(rows.shape)[:-1] != tuple(wanted.shape)[:-1] and rows.ndim > 1:
        raise invalid(f"Leading dim_size of both tensors must match; got {list(rows.shape)} and {list(wanted.shape)}.")
    flat = wanted if rows.ndim > 1 or wanted.ndim == 1 else _flattened(wanted)
    found = execute(_searchsorted, (rows, flat), {"side": side, "out_type": as_dtype(out_type)})
    return found if flat is wanted else _in_shape(found, wanted)


def _flattened(x: Any) -> Any:
    from millstream.ops.array.shape import reshape

    if not x.ndim:
        raise invalid("values must have at least one dimension; got a scalar.")
    return reshape(x, [-1])


def _in_shape(x: Any, like: Any) -> Any:
    from millstream.ops.array.shape import reshape

    return reshape(x, tuple(like.shape))


publish(searchsorted, "tf.searchsorted")
