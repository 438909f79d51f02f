"""Biases, moments and normalization of batches. x [N batch, ..., C channels]."""

from typing import Any

from millstream.core.dispatch import execute
from millstream.core.dtypes import float32
from millstream.core.op import op
from millstream.core.samples import unary
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import _reshape, squeeze, stop_gradient
from millstream.ops.math.arithmetic import add, maximum, multiply, pow_, rsqrt, square, squared_difference, subtract, truediv
from millstream.ops.math.reduce import reduce_mean, reduce_sum
from millstream.ops.rules import Array, Namespace, normalize_axes, quiet
from millstream.util.errors import invalid
from millstream.util.export import export


@export("tf.nn.bias_add")
def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """A bias for each channel added: bias[C] to value[..., C], or value[N, C, ...] with data_format "NC...".

    Raises: ValueError for another data_format; InvalidArgumentError when sizes differ.
    >>> tf.nn.bias_add([[1.0, 2.0]], [1.0, -1.0]).numpy().tolist()
    [[2.0, 1.0]]
    """
    first = bool(data_format) and str(data_format).startswith("NC")
    if data_format is not None and not first and not (data_format.startswith("N") and data_format.endswith("C")):
        raise ValueError("data_format must be of the form `N...C` or `NC...`" + f"; got {data_format!r}.")
    x = convert(value)
    b = convert(bias, hint=x.dtype)
    if x.ndim < 2:
        raise invalid(f"Input tensor must be at least 2D: {list(x.shape)}")
    if b.ndim != 1:
        raise invalid(f"Biases must be 1D: {list(b.shape)}")
    if b.shape[0] != x.shape[1 if first else -1]:
        raise invalid(f"Must provide as many biases as the last dimension of the input tensor: {list(b.shape)} vs. {list(x.shape)}")
    return add(x, _reshape(b, shape=(int(b.shape[0]), *[1] * (x.ndim - 2))) if first else b)


@op(name="l2_loss", samples=unary(-2, 2), kinds="fV")
@quiet
def _l2_loss(xp: Namespace, t: Array) -> Array:
    """Half the sum of squares."""
    return xp.sum(xp.square(t), dtype=t.dtype) * t.dtype.type(0.5)


_l2_loss.infer(lambda x: ArraySpec((), x.dtype))
_l2_loss.vjp(lambda g, out, x: multiply(g, x))


@_l2_loss.expand
def _(x: Any) -> Any:
    return multiply(reduce_sum(square(x)), convert(0.5, x.dtype))


@export("tf.nn.l2_loss")
def l2_loss(t: Any, name: str | None = None) -> Any:
    """Half the sum of squares.

    >>> float(tf.nn.l2_loss([3.0, 4.0]))
    12.5
    """
    return execute(_l2_loss, (convert(t),), {})


@export("tf.math.l2_normalize", "tf.nn.l2_normalize", "tf.linalg.l2_normalize")
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    """The vectors along axes divided by their Euclidean norms (of at least sqrt(epsilon)).

    >>> tf.nn.l2_normalize([3.0, 4.0]).numpy().round(2).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    tensor = convert(x)
    total = reduce_sum(square(tensor), axis, keepdims=True)
    return multiply(tensor, rsqrt(maximum(total, convert(epsilon, tensor.dtype))))


# ---------------------------------------------------------------------------------------------- moments
def _widened(x: Any) -> tuple[Any, Any]:
    """Half precision is averaged in float32; the second value is the dtype to go back to."""
    return (cast(x, float32), x.dtype) if x.dtype.size == 2 else (x, None)


@export("tf.nn.moments")
def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> tuple[Any, Any]:
    """Mean and variance along axes.

    >>> [float(m) for m in tf.nn.moments(tf.constant([1.0, 3.0]), [0])]
    [2.0, 1.0]
    """
    y, narrow = _widened(convert(x))
    mean = reduce_mean(y, axes, keepdims=True)
    variance = reduce_mean(squared_difference(y, stop_gradient(mean)), axes, keepdims=True)
    both = (mean, variance) if keepdims else tuple(_without(v, axes) for v in (mean, variance))
    return both if narrow is None else tuple(cast(v, narrow) for v in both)


def _without(x: Any, axes: Any) -> Any:
    given = axes.numpy() if isinstance(axes, Tensor) else axes
    wanted = list(normalize_axes(given, x.ndim))
    return squeeze(x, wanted) if wanted else x


@export("tf.nn.weighted_moments")
def weighted_moments(x: Any, axes: Any, frequency_weights: Any, keepdims: bool = False, name: str | None = None) -> tuple[Any, Any]:
    """Mean and variance along axes, each element counted with its weight.

    >>> [float(m) for m in tf.nn.weighted_moments([1.0, 2.0], [0], [1.0, 3.0])]
    [1.75, 0.1875]
    """
    y, narrow = _widened(convert(x))
    w = cast(convert(frequency_weights, hint=y.dtype), y.dtype)
    w = add(w, multiply(y, convert(0, y.dtype)))
    total = reduce_sum(w, axes, keepdims=True)
    mean = truediv(reduce_sum(multiply(w, y), axes, keepdims=True), total)
    variance = truediv(reduce_sum(multiply(w, squared_difference(y, mean)), axes, keepdims=True), total)
    both = (mean, variance) if keepdims else tuple(_without(v, axes) for v in (mean, variance))
    return both if narrow is None else tuple(cast(v, narrow) for v in both)


@export("tf.nn.sufficient_statistics")
def sufficient_statistics(
    x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None
) -> tuple[Any, Any, Any, Any]:
    """Count, sum and sum of squares along axes (of x - shift), and the shift: what `normalize_moments` takes."""
    y = convert(x)
    count = 1
    for a in normalize_axes(axes.numpy() if isinstance(axes, Tensor) else axes, y.ndim):
        count *= int(y.shape[a])
    by = None if shift is None else convert(shift, y.dtype)
    moved = y if by is None else subtract(y, by)
    return convert(float(count), y.dtype), reduce_sum(moved, axes, keepdims), reduce_sum(square(moved), axes, keepdims), by


@export("tf.nn.normalize_moments")
def normalize_moments(counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None) -> tuple[Any, Any]:
    """Mean and variance from count, sum and sum of squares.

    >>> [m.numpy().tolist() for m in tf.nn.normalize_moments(2.0, [4.0], [10.0], None)]
    [[2.0], [1.0]]
    """
    total = convert(mean_ss)
    share = truediv(convert(1, total.dtype), convert(counts, total.dtype))
    shifted = multiply(total, share)
    mean = shifted if shift is None else add(shifted, convert(shift, total.dtype))
    return mean, subtract(multiply(convert(variance_ss, total.dtype), share), square(shifted))


@export("tf.nn.batch_normalization")
def batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str | None = None) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset; offset and scale may be None.

    >>> tf.nn.batch_normalization(tf.constant([3.0]), 1.0, 4.0, None, None, 0.0).numpy().tolist()
    [1.0]
    """
    y = convert(x)
    inverse = rsqrt(add(convert(variance, hint=y.dtype), convert(variance_epsilon, y.dtype)))
    if scale is not None:
        inverse = multiply(inverse, convert(scale, hint=y.dtype))
    moved = multiply(convert(mean, hint=y.dtype), inverse)
    shift = multiply(moved, convert(-1, y.dtype)) if offset is None else subtract(convert(offset, hint=y.dtype), moved)
    return add(multiply(y, cast(inverse, y.dtype)), cast(shift, y.dtype))


@export("tf.nn.local_response_normalization", "tf.nn.lrn")
def local_response_normalization(
    input: Any, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5, name: str | None = None
) -> Any:
    """Each element divided by (bias + alpha * the sum of squares of its neighbours in depth) ** beta.

    >>> tf.nn.lrn(tf.ones([1, 1, 1, 3])).numpy().ravel().tolist()
    [0.5, 0.5, 0.5]
    """
    from millstream.ops.array.indexing import take
    from millstream.ops.array.join import pad

    x = convert(input)
    if x.ndim != 4:
        raise invalid(f"in must be 4-dimensional; got shape {list(x.shape)}")
    depth = int(x.shape[-1])
    squares = pad(square(x), [[0, 0], [0, 0], [0, 0], [depth_radius, depth_radius]])
    total = take(squares, 0, depth, 3)
    for i in range(1, 2 * depth_radius + 1):
        total = add(total, take(squares, i, i + depth, 3))
    base = add(convert(bias, x.dtype), multiply(convert(alpha, x.dtype), total))
    return truediv(x, pow_(base, convert(beta, x.dtype)))
