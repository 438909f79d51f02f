"""Cross-entropies from logits, with whole distributions as labels. logits, labels float[..., C classes]."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import float32
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample, binary
from millstream.core.spec import ArraySpec
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import broadcast_to, expand_dims, transpose
from millstream.ops.math.arithmetic import absolute, add, multiply, negative, subtract
from millstream.ops.math.exponential import exp, exp_float32, log, log1p_float32, sigmoid
from millstream.ops.math.reduce import reduce_max_, reduce_sum_
from millstream.ops.nn.activation import relu, softplus
from millstream.ops.nn.softmax import _log_softmax, _softmax
from millstream.ops.rules import Array, Namespace, broadcast_shapes, normalize_axis, quiet
from millstream.util.errors import invalid
from millstream.util.export import export


def _samples() -> list[Sample]:
    labels = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.6, 0.1, 0.3], [1.0, 0.0, 0.0]])
    return [Sample(d, (Sampled((4, 3), d, -3, 3), Sampled((4, 3), d, values=labels)), {}, False) for d in ("float32", "float64")]


@op(name="softmax_cross_entropy", samples=_samples, kinds="fV")
@quiet
def _softmax_cross_entropy(xp: Namespace, logits: Array, labels: Array) -> Array:
    """-sum(labels * log(softmax(logits))) along the last dimension. Its gradient takes the labels to sum to 1."""
    return -xp.sum(labels * _log_softmax.meaning(xp, logits), axis=-1, dtype=logits.dtype)


_softmax_cross_entropy.infer(lambda x, labels: ArraySpec(x.shape[:-1], x.dtype))
_softmax_cross_entropy.vjp(
    lambda g, out, x, labels: multiply(expand_dims(g, -1), subtract(_softmax(x), labels)),
    lambda g, out, x, labels: multiply(expand_dims(negative(g), -1), _log_softmax(x)),
)


@_softmax_cross_entropy.expand
def _(x: Any, labels: Any) -> Any:
    last = x.ndim - 1
    shifted = subtract(x, reduce_max_(x, axis=(last,), keepdims=True))
    total = log(reduce_sum_(exp(shifted), axis=(last,), keepdims=True))
    return reduce_sum_(multiply(labels, subtract(total, shifted)), axis=(last,), keepdims=False)


@export("tf.nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """-sum(labels * log(softmax(logits))) along an axis; the rows of labels are distributions.

    Raises: ValueError without labels or logits; InvalidArgumentError when shapes do not fit.
    >>> round(float(tf.nn.softmax_cross_entropy_with_logits([1.0, 0.0], [0.0, 0.0])), 4)
    0.6931
    """
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided.")
    x = convert(logits)
    x, narrow = (cast(x, float32), x.dtype) if x.dtype.size == 2 else (x, None)
    y = cast(convert(labels, hint=x.dtype), x.dtype)
    if not x.ndim or not y.ndim:
        raise invalid(f"logits and labels need a dimension of classes; got shapes {list(x.shape)} and {list(y.shape)}.")
    x, y = _last_axis(x, axis), _last_axis(y, axis)
    loss = execute(_softmax_cross_entropy, _fit(x, y), {})
    return loss if narrow is None else cast(loss, narrow)


def _last_axis(x: Any, axis: int) -> Any:
    at = normalize_axis(int(axis), x.ndim)
    return x if at == x.ndim - 1 else transpose(x, [*(i for i in range(x.ndim) if i != at), at])


def _fit(x: Any, y: Any) -> tuple[Any, Any]:
    """Both in the shape that they broadcast to."""
    a, b = tuple(x.shape), tuple(y.shape)
    if a == b:
        return x, y
    sizes = f"logits_size=[{','.join(map(str, a))}] labels_size=[{','.join(map(str, b))}]"
    if len(a) != len(b) or any(n != m and 1 not in (n, m) for n, m in zip(a, b, strict=True)):
        raise invalid(f"logits and labels must be broadcastable: {sizes}")
    both = broadcast_shapes(a, b)
    return broadcast_to(x, both), broadcast_to(y, both)


@op(name="sigmoid_cross_entropy", samples=binary(-4, 4, 0, 1), kinds="fV")
@quiet
def _sigmoid_cross_entropy(xp: Namespace, logits: Array, labels: Array) -> Array:
    """max(x, 0) - x z + log(1 + exp(-|x|)), elementwise."""
    zero = logits.dtype.type(0)
    return xp.maximum(logits, zero) - logits * labels + xp.log1p(xp.exp(-xp.abs(logits)))


def _unbroadcast(g: Any, x: Any) -> Any:
    from millstream.ops.array.shape import unbroadcast

    return unbroadcast(g, x)


_sigmoid_cross_entropy.infer(lambda x, z: ArraySpec(broadcast_shapes(x.shape, z.shape), x.dtype))
_sigmoid_cross_entropy.vjp(
    lambda g, out, x, z: _unbroadcast(multiply(g, subtract(sigmoid(x), z)), x),
    lambda g, out, x, z: _unbroadcast(negative(multiply(g, x)), z),
)


@_sigmoid_cross_entropy.scalar
def _(b: Any, x: Any, z: Any) -> Any:
    single = x.type.dtype == "float32"
    small = b.neg(b.abs(x))
    e = exp_float32(b, small) if single else b.libm("exp", small)
    return b.max(x, b.const(0, x)) - x * z + (log1p_float32(b, e) if single else b.libm("log1p", e))


@export("tf.nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Any:
    """Cross-entropy of independent yes-or-no labels z and logits x, elementwise: -z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x)).

    Raises: ValueError when one is missing or the shapes differ.
    >>> round(float(tf.nn.sigmoid_cross_entropy_with_logits(1.0, 0.0)), 4)
    0.6931
    """
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided.")
    x = convert(logits)
    y = convert(labels, None if hasattr(labels, "dtype") else x.dtype, x.dtype)
    if tuple(x.shape) != tuple(y.shape):
        raise ValueError(f"logits and labels must have the same shape ({x.shape} vs {y.shape})")
    return execute(_sigmoid_cross_entropy, (x, y), {})


@export("tf.nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Any:
    """As sigmoid_cross_entropy_with_logits, the part of the positive labels times pos_weight.

    Raises: ValueError when the shapes differ.
    >>> round(float(tf.nn.weighted_cross_entropy_with_logits(1.0, 0.0, 2.0)), 4)
    1.3863
    """
    x = convert(logits)
    z = convert(labels, None if hasattr(labels, "dtype") else x.dtype, x.dtype)
    if tuple(x.shape) != tuple(z.shape):
        raise ValueError(f"logits and labels must have the same shape ({x.shape} vs {z.shape})")
    one = convert(1, x.dtype)
    weight = add(one, multiply(subtract(convert(pos_weight, x.dtype), one), z))
    tail = add(softplus(negative(absolute(x))), relu(negative(x)))
    return add(multiply(subtract(one, z), x), multiply(weight, tail))
