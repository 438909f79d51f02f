"""Reductions beyond the sum: product, variance, deviation, norms, log-sum-exp, counts. x[...] -> x without the axes."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import DType, as_dtype, bool_, float32, float64, int64, string
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import _reshape, stop_gradient
from millstream.ops.math.arithmetic import add, multiply, real_divide, sqrt, square, subtract
from millstream.ops.math.comparison import not_equal, select
from millstream.ops.math.complex_ import absolute_of
from millstream.ops.math.exponential import exp, log
from millstream.ops.math.reduce import _reduced_shape, _samples, reduce_max_, reduce_mean, reduce_sum, reduce_sum_, reduced, restore
from millstream.ops.math.rounding import is_finite
from millstream.ops.rules import Array, Namespace, normalize_axes, normalize_axis, quiet
from millstream.util.errors import invalid
from millstream.util.export import export

Axes = tuple[int, ...]


def _axes(x: Tensor, axis: Any) -> Axes:
    return normalize_axes(axis.numpy() if isinstance(axis, Tensor) else axis, x.ndim)


@op(name="reduce_prod", samples=_samples(), kinds="iufVc")
@quiet
def reduce_prod_(xp: Namespace, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """Product along axes; 1 of none."""
    return xp.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype)


reduce_prod_.infer(reduced)
reduce_prod_.reduction(lambda spec, *, axis, keepdims: ("mul", axis))


@reduce_prod_.vjp
def _product_gradient(g: Any, out: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """The product of the others, from both sides, so that zeros do no harm."""
    from millstream.ops.array.shape import transpose
    from millstream.ops.math.scan import _cumprod

    kept = [i for i in range(x.ndim) if i not in axis]
    order = [*kept, *axis]
    shape = tuple(int(x.shape[i]) for i in order)
    rows = tuple(shape[: len(kept)])
    flat = _reshape(transpose(x, order), shape=(*rows, _size(shape[len(kept) :])))
    at = len(rows)
    left = _cumprod(flat, axis=at, exclusive=True, reverse=False)
    right = _cumprod(flat, axis=at, exclusive=True, reverse=True)
    others = _reshape(multiply(left, right), shape=shape)
    return multiply(transpose(others, np.argsort(order)), restore(g, x, axis))


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


@export("tf.reduce_prod", "tf.math.reduce_prod")
def reduce_prod(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Product along axes, all by default.

    >>> int(tf.reduce_prod([2, 3]))
    6
    """
    x = convert(input_tensor)
    return execute(reduce_prod_, (x,), {"axis": _axes(x, axis), "keepdims": bool(keepdims)})


@export("tf.math.reduce_variance")
def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Mean squared distance from the mean. Raises: TypeError for whole numbers.

    >>> float(tf.math.reduce_variance([1.0, 3.0]))
    1.0
    """
    x = convert(input_tensor)
    if x.dtype.is_integer:
        raise TypeError("Input must be either real or complex: variance of whole numbers is no whole number; use tf.cast first.")
    distance = subtract(x, reduce_mean(x, axis, True))
    squares = square(absolute_of(distance)) if x.dtype.is_complex else square(distance)
    return reduce_mean(squares, axis, keepdims)


@export("tf.math.reduce_std")
def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Standard deviation: the root of the variance.

    >>> float(tf.math.reduce_std([1.0, 3.0]))
    1.0
    """
    return sqrt(reduce_variance(input_tensor, axis, keepdims))


@export("tf.reduce_logsumexp", "tf.math.reduce_logsumexp")
def reduce_logsumexp(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """log(sum(exp(x))), without overflow.

    >>> round(float(tf.reduce_logsumexp([0.0, 0.0])), 4)
    0.6931
    """
    x = convert(input_tensor)
    axes = _axes(x, axis)
    top = reduce_max_(x, axis=axes, keepdims=True)
    top = stop_gradient(select(is_finite(top), top, convert(0, x.dtype)))
    total = log(reduce_sum_(exp(subtract(x, top)), axis=axes, keepdims=True))
    return _reshape(add(total, top), shape=_reduced_shape(tuple(x.shape), axes, bool(keepdims)))  # type: ignore[arg-type]


@export("tf.math.reduce_euclidean_norm")
def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Root of the sum of squares.

    >>> float(tf.math.reduce_euclidean_norm([3.0, 4.0]))
    5.0
    """
    x = convert(input_tensor)
    if x.dtype.is_integer:
        return cast(reduce_euclidean_norm(cast(x, float64), axis, keepdims), x.dtype)
    squares = square(absolute_of(x)) if x.dtype.is_complex else square(x)
    return cast(sqrt(reduce_sum(squares, axis, keepdims)), x.dtype)


@export("tf.math.count_nonzero")
def count_nonzero(input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = int64, name: str | None = None) -> Any:
    """How many elements along axes are not 0 (not empty, of strings).

    >>> int(tf.math.count_nonzero([0, 1, 2]))
    2
    """
    x = convert(input)
    zero = convert(b"" if x.dtype is string else False if x.dtype is bool_ else 0, x.dtype)
    return reduce_sum(cast(not_equal(x, zero), as_dtype(dtype)), axis, keepdims)


@export("tf.math.zero_fraction", "tf.nn.zero_fraction")
def zero_fraction(value: Any, name: str | None = None) -> Any:
    """The part of the elements that are 0: float32.

    >>> float(tf.nn.zero_fraction([0.0, 1.0]))
    0.5
    """
    x = convert(value)
    size = convert(float(_size(tuple(x.shape))), float32)  # type: ignore[arg-type]
    return real_divide(subtract(size, count_nonzero(x, dtype=float32)), size)


@op(name="argmin", kinds="iufVb", samples=lambda: [Sample("last", (Sampled((3, 5)),), {"axis": 1, "output_type": int64}, False)])
def _argmin(xp: Namespace, x: Array, *, axis: int, output_type: DType) -> Array:
    """Position of the first smallest element along an axis."""
    if not x.shape[axis]:
        refuse_empty(axis, x.shape)
    return xp.argmin(x, axis).astype(output_type.numpy)


def refuse_empty(axis: int, shape: Any) -> None:
    """Raises: InvalidArgumentError for the place of an extreme among no elements."""
    raise invalid(f"Reduction axis {axis} is empty in shape {list(shape)}")


_argmin.infer(lambda x, *, axis, output_type: ArraySpec(_reduced_shape(x.shape, (axis,), False), output_type))
_argmin.no_gradient()


@export("tf.argmin", "tf.math.argmin")
def argmin(input: Any, axis: Any = None, output_type: Any = int64, name: str | None = None) -> Any:
    """Position of the first smallest element along an axis, 0 by default.

    >>> tf.argmin([[1, 9], [7, 3]], axis=1).numpy().tolist()
    [0, 1]
    """
    x = convert(input)
    return execute(_argmin, (x,), {"axis": normalize_axis(int(axis or 0), x.ndim), "output_type": as_dtype(output_type)})


@export("tf.math.is_non_decreasing")
def is_non_decreasing(x: Any, name: str | None = None) -> Any:
    """Whether no element is smaller than the one before.

    >>> bool(tf.math.is_non_decreasing([1, 1, 2]))
    True
    """
    return _steps_hold(x, lambda a, b: a <= b)


@export("tf.math.is_strictly_increasing")
def is_strictly_increasing(x: Any, name: str | None = None) -> Any:
    """Whether every element is larger than the one before.

    >>> bool(tf.math.is_strictly_increasing([1, 1, 2]))
    False
    """
    return _steps_hold(x, lambda a, b: a < b)


def _steps_hold(x: Any, relation: Any) -> Any:
    from millstream.ops.array.indexing import take
    from millstream.ops.math.reduce import reduce_all

    tensor = convert(x)
    flat = _reshape(tensor, shape=(_size(tuple(tensor.shape)),))  # type: ignore[arg-type]
    n = int(flat.shape[0])
    return reduce_all(relation(take(flat, 0, max(n - 1, 0), 0), take(flat, min(1, n), n, 0)))
