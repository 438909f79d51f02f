"""Counts: bincount, histograms, the confusion matrix, whether a class is among the k best."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute, wrap
from millstream.core.dtypes import DType, as_dtype, bool_, int32, int64
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast, ones_like
from millstream.ops.array.gather import needs_values, scatter_nd
from millstream.ops.array.shape import squeeze
from millstream.ops.math.reduce import reduce_max
from millstream.ops.rules import Array, Namespace
from millstream.util.errors import invalid
from millstream.util.export import export


@op(name="bincount", mixed=True, kinds="iu", samples=lambda: [
    Sample("counts", (Sampled((9,), "int32", 0, 4), Sampled((9,), "int32", 1, 1)), {"size": 5, "binary": False}, False),
    Sample("rows", (Sampled((2, 5), "int32", 0, 4), Sampled((2, 5))), {"size": 4, "binary": False}, False),
])  # fmt: skip
def _bincount(xp: Namespace, arr: Array, weights: Array, *, size: int, binary: bool) -> Array:
    """The sum of the weights of each number from 0 to size - 1, per row: int[..., N] -> [..., size]; larger numbers are left out."""
    if arr.size and arr.min() < 0:
        raise invalid("Input arr must be non-negative!")
    rows, loads = arr.reshape(-1, arr.shape[-1]), weights.reshape(-1, arr.shape[-1])
    out = np.zeros((len(rows), size), weights.dtype)
    for i, (row, load) in enumerate(zip(rows, loads, strict=True)):
        inside = row < size
        np.add.at(out[i], row[inside], load[inside])
    return (np.minimum(out, 1) if binary else out).reshape(*arr.shape[:-1], size)


_bincount.infer(lambda arr, weights, *, size, binary: ArraySpec((*arr.shape[:-1], size), weights.dtype))
_bincount.no_gradient()


@export("tf.math.bincount")
def bincount(
    arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = int32, name: str | None = None, axis: Any = None, binary_output: bool = False
) -> Any:  # fmt: skip
    """How often each number from 0 up comes (or the sum of its weights), of all elements or per row (axis=-1).

    Raises: InvalidArgumentError for negative numbers.
    >>> tf.math.bincount([1, 2, 2]).numpy().tolist()
    [0, 1, 2]
    """
    x = convert(arr)
    if type(x) is not Tensor and maxlength is None:
        needs_values("tf.math.bincount without maxlength")
    size = int(maxlength) if type(x) is not Tensor else int(np.max(x._array, initial=-1)) + 1
    size = max(size, int(minlength or 0))
    size = size if maxlength is None else min(size, int(maxlength))
    loads = cast(ones_like(x), as_dtype(dtype)) if weights is None else convert(weights)
    if axis is None or x.ndim == 1:
        x, loads = _flat(x), _flat(loads)
    return execute(_bincount, (x, loads), {"size": size, "binary": bool(binary_output)})


def _flat(x: Any) -> Any:
    from millstream.ops.array.shape import reshape

    return reshape(x, [-1])


@op(
    name="histogram_fixed_width_bins",
    mixed=True,
    kinds="iuf",
    samples=lambda: [Sample("four", (Sampled((9,)), Sampled((2,), values=(-1, 1))), {"nbins": 4, "dtype": int32}, False)],
)
def _bins(xp: Namespace, values: Array, value_range: Array, *, nbins: int, dtype: DType) -> Array:
    """The bin that each value falls into; those outside fall into the first or the last."""
    low, high = float(value_range[0]), float(value_range[1])
    if not low < high:
        raise invalid(f"value_range[0] must be less than value_range[1]; got {low} and {high}.")
    scaled = np.floor(nbins * ((values.astype(np.float64) - low) / (high - low)))
    return np.clip(scaled, 0, nbins - 1).astype(dtype.numpy)


_bins.infer(lambda values, value_range, *, nbins, dtype: ArraySpec(values.shape, dtype))
_bins.no_gradient()


@export("tf.histogram_fixed_width_bins")
def histogram_fixed_width_bins(values: Any, value_range: Any, nbins: Any = 100, dtype: Any = int32, name: str | None = None) -> Any:
    """The bin of equal width that each value falls into; those outside fall into the first or the last.

    >>> tf.histogram_fixed_width_bins([0.0, 1.0, 5.0], [0.0, 4.0], 4).numpy().tolist()
    [0, 1, 3]
    """
    x = convert(values)
    return execute(_bins, (x, convert(value_range, hint=x.dtype)), {"nbins": int(nbins), "dtype": as_dtype(dtype)})


@export("tf.histogram_fixed_width")
def histogram_fixed_width(values: Any, value_range: Any, nbins: Any = 100, dtype: Any = int32, name: str | None = None) -> Any:
    """How many values fall into each bin of equal width.

    >>> tf.histogram_fixed_width([0.0, 1.0, 5.0], [0.0, 4.0], 4).numpy().tolist()
    [1, 1, 0, 1]
    """
    places = _flat(histogram_fixed_width_bins(values, value_range, nbins))
    return execute(_bincount, (places, cast(ones_like(places), as_dtype(dtype))), {"size": int(nbins), "binary": False})


@export("tf.math.confusion_matrix")
def confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = int32, name: str | None = None
) -> Any:
    """How often each class (row) was taken for each class (column): [C, C].

    Raises: InvalidArgumentError for a class outside of [0, num_classes).
    >>> tf.math.confusion_matrix([0, 1, 1], [0, 0, 1]).numpy().tolist()
    [[1, 0], [1, 1]]
    """
    truth, guess = (cast(_column(convert(v)), int64) for v in (labels, predictions))
    if num_classes is None:
        num_classes = int(max(int(reduce_max(truth)), int(reduce_max(guess)))) + 1
    classes = int(num_classes)
    for what, x in (("labels", truth), ("predictions", guess)):
        _check_classes(what, x, classes)
    from millstream.ops.array.creation import stack

    target = as_dtype(dtype)
    loads = cast(ones_like(guess), target) if weights is None else cast(convert(weights), target)
    return scatter_nd(stack([truth, guess], 1), loads, [classes, classes])


def _column(x: Any) -> Any:
    return squeeze(x, [x.ndim - 1]) if x.ndim == 2 and x.shape[-1] == 1 else x


def _check_classes(what: str, x: Any, classes: int) -> None:
    array = getattr(x, "_array", None) if type(x) is Tensor else None
    if array is not None and np.size(array) and (np.min(array) < 0 or np.max(array) >= classes):
        raise invalid(f"`{what}` out of bound: got {int(np.min(array))} to {int(np.max(array))} for {classes} classes.")


@op(
    name="in_top_k",
    mixed=True,
    kinds="iu",
    samples=lambda: [Sample("batch", (Sampled((4,), "int32", 0, 4), Sampled((4, 5))), {"k": 2}, False)],
)
def _in_top_k(xp: Namespace, targets: Array, predictions: Array, *, k: int) -> Array:
    """Whether fewer than k predictions of the row are larger than the target's; False for a target outside or not finite."""
    good = (targets >= 0) & (targets < predictions.shape[1])
    chosen = np.take_along_axis(predictions, np.where(good, targets, 0)[:, None].astype(np.int64), 1)
    with np.errstate(invalid="ignore"):
        better = (predictions > chosen).sum(1)
    return good & (better < k) & np.isfinite(predictions).all(1)


_in_top_k.infer(lambda targets, predictions, *, k: ArraySpec(targets.shape, bool_))
_in_top_k.no_gradient()


@export("tf.math.in_top_k", "tf.nn.in_top_k")
def in_top_k(targets: Any, predictions: Any, k: Any, name: str | None = None) -> Any:
    """Whether each target class is among the k best of its row of predictions[N, C]; ties count as good.

    Raises: InvalidArgumentError when shapes do not fit.
    >>> tf.math.in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], 1).numpy().tolist()
    [True, False]
    """
    x, y = convert(targets), convert(predictions)
    if y.ndim != 2 or x.ndim != 1 or x.shape[0] != y.shape[0]:
        raise invalid(f"in_top_k takes targets [N] and predictions [N, C]; got shapes {list(x.shape)} and {list(y.shape)}.")
    return execute(_in_top_k, (x, y), {"k": int(k)})


@export("tf.math.invert_permutation")
def invert_permutation(x: Any, name: str | None = None) -> Any:
    """The permutation that undoes another. Raises: InvalidArgumentError for what is none.

    >>> tf.math.invert_permutation([1, 2, 0]).numpy().tolist()
    [2, 0, 1]
    """
    tensor = convert(x)
    if tensor.ndim != 1:
        raise invalid(f"invert_permutation expects a 1D vector; got shape {list(tensor.shape)}.")
    if type(tensor) is Tensor and sorted(tensor._array.tolist()) != list(range(len(tensor._array))):
        raise invalid(f"{tensor._array.tolist()} is no permutation of 0 to {len(tensor._array) - 1}.")
    from millstream.ops.array.sorting import argsort

    return cast(argsort(tensor), tensor.dtype)


@export("tf.unravel_index")
def unravel_index(indices: Any, dims: Any, name: str | None = None) -> Any:
    """Flat places as index vectors of an array with these sizes, one in each column.

    >>> tf.unravel_index([3, 5], [2, 3]).numpy().tolist()
    [[1, 1], [0, 2]]
    """
    places, sizes = convert(indices), [int(n) for n in convert(dims)._array]
    if np.size(places._array) and int(np.max(places._array)) >= int(np.prod(sizes)):
        raise invalid("index is out of bound as with dims")
    return wrap(np.stack(np.unravel_index(places._array, sizes)).astype(places.dtype.numpy))
