"""Sums of several tensors, clipping, norms over several tensors, polynomials."""

from collections.abc import Iterable
from typing import Any

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import convert
from millstream.ops.math.arithmetic import add, maximum, minimum, multiply, real_divide, sqrt, square
from millstream.ops.math.comparison import greater, select
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.math.rounding import is_finite
from millstream.ops.rules import Array, Namespace, quiet
from millstream.util.errors import invalid
from millstream.util.export import export


@op(name="add_n", samples=lambda: [Sample("three", (Sampled((2, 3)), Sampled((2, 3)), Sampled((2, 3))))], kinds="iufVc")
@quiet
def _add_n(xp: Namespace, *xs: Array) -> Array:
    """The sum of tensors of one shape."""
    if any(x.shape != xs[0].shape for x in xs):
        _refuse_sum([x.shape for x in xs])
    total = xs[0]
    for x in xs[1:]:
        total = xp.add(total, x)
    return total


def _refuse_sum(shapes: list[Any]) -> None:
    i = next(i for i, s in enumerate(shapes) if s != shapes[0])
    raise invalid(
        f"Inputs to operation AddN must have the same size and shape.  Input 0: {list(shapes[0])} != input {i}: {list(shapes[i])}"
    )


@_add_n.infer
def _(*xs: ArraySpec) -> ArraySpec:
    if any(x.shape != xs[0].shape for x in xs):
        _refuse_sum([x.shape for x in xs])
    return xs[0]


@_add_n.vjp_all
def _(g: Any, out: Any, *xs: Any) -> list[Any]:
    return [g] * len(xs)


@_add_n.expand
def _(*xs: Any) -> Any:
    total = xs[0]
    for x in xs[1:]:
        total = add(total, x)
    return total


@export("tf.math.add_n", "tf.add_n")
def add_n(inputs: Any, name: str | None = None) -> Any:
    """The sum of a list of tensors of one shape.

    Raises: ValueError for an empty list; InvalidArgumentError when shapes differ.
    >>> tf.add_n([[1, 2], [3, 4]]).numpy().tolist()
    [4, 6]
    """
    tensors = list(inputs) if isinstance(inputs, Iterable) else [inputs]
    if not tensors:
        raise ValueError("inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape")
    return convert(tensors[0]) if len(tensors) == 1 else execute(_add_n, tuple(tensors), {})


@export("tf.math.accumulate_n")
def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Any:
    """The sum of a list of tensors of one shape."""
    return add_n(inputs)


@export("tf.math.scalar_mul", "tf.scalar_mul")
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """A scalar times a tensor. Raises: ValueError when the first is no scalar.

    >>> tf.math.scalar_mul(2.0, tf.constant([1.0])).numpy().tolist()
    [2.0]
    """
    tensor = convert(x)
    factor = convert(scalar, tensor.dtype)
    if factor.ndim:
        raise ValueError(f"Only scalar multiply works, got shape {factor.shape}")
    return multiply(factor, tensor)


@export("tf.math.polyval")
def polyval(coeffs: Any, x: Any, name: str | None = None) -> Any:
    """The polynomial with these coefficients, highest power first, at x. Raises: ValueError when coeffs is no list.

    >>> float(tf.math.polyval([1.0, 2.0, 3.0], 2.0))
    11.0
    """
    if not isinstance(coeffs, list):
        raise ValueError(f"Argument coeffs must be list type found {type(coeffs)}.")
    point = convert(x)
    total: Any = convert(0, point.dtype)
    for c in coeffs:
        total = add(multiply(total, point), convert(c, hint=point.dtype))
    return total


# ---------------------------------------------------------------------------------------------- clipping
@export("tf.clip_by_value")
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """The elements, those outside of [min, max] moved to the nearer end; the gradient there is 0.

    >>> tf.clip_by_value([1, 5, 9], 2, 6).numpy().tolist()
    [2, 5, 6]
    """
    x = convert(t)
    low, high = convert(clip_value_min, x.dtype), convert(clip_value_max, x.dtype)
    clipped = maximum(minimum(x, high), low)
    if tuple(clipped.shape) != tuple(x.shape):
        raise invalid(
            f"The bounds of clip_by_value must broadcast to the shape of t, {list(x.shape)}; got {list(low.shape)} and {list(high.shape)}."
        )
    return clipped


@export("tf.clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """The tensor scaled so that its Euclidean norm (over axes) is at most clip_norm.

    >>> tf.clip_by_norm([3.0, 4.0], 10.0).numpy().tolist()
    [3.0, 4.0]
    """
    x = convert(t)
    limit = convert(clip_norm, x.dtype)
    total = reduce_sum(square(x), axes, keepdims=True)
    positive = greater(total, convert(0, x.dtype))
    one = total * convert(0, x.dtype) + convert(1, x.dtype)
    norm = select(positive, sqrt(select(positive, total, one)), total)  # so that the gradient at 0 is not NaN
    return real_divide(multiply(x, limit), maximum(norm, limit))


@export("tf.linalg.global_norm")
def global_norm(t_list: Any, name: str | None = None) -> Any:
    """The Euclidean norm of several tensors taken as one vector; None counts as nothing.

    >>> float(tf.linalg.global_norm([[3.0], None, [4.0]]))
    5.0
    """
    _check_list(t_list)
    tensors = [convert(t) for t in t_list if t is not None]
    if not tensors:
        return convert(0.0)
    return sqrt(add_n([reduce_sum(square(x)) for x in tensors]))


def _check_list(t_list: Any) -> None:
    if not isinstance(t_list, (list, tuple)):
        raise TypeError(f"t_list should be a sequence; got {type(t_list)}. Put the tensors into a list.")


@export("tf.clip_by_global_norm")
def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None) -> tuple[list[Any], Any]:
    """Tensors scaled together so that their common norm is at most clip_norm, and the norm before; NaN if it is not finite.

    >>> clipped, norm = tf.clip_by_global_norm([[3.0], [4.0]], 10.0)
    >>> float(norm)
    5.0
    """
    _check_list(t_list)
    norm = global_norm(t_list) if use_norm is None else convert(use_norm)
    limit = convert(clip_norm, norm.dtype)
    one = convert(1, norm.dtype)
    scale = multiply(limit, minimum(real_divide(one, norm), real_divide(one, limit)))
    scale = select(is_finite(norm), scale, convert(float("nan"), norm.dtype))
    return [None if t is None else multiply(convert(t), scale) for t in t_list], norm
