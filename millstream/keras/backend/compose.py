"""Small compositions of ops that losses, metrics and optimizers share. All trace, and fuse when compiled."""

from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.math import arithmetic, comparison, exponential
from millstream.ops.math.reduce import reduce_mean, reduce_sum


def like(value: Any, x: Any) -> Tensor:
    """A Python number as a tensor of x's dtype."""
    return convert(value, x.dtype) if not isinstance(value, Tensor) else cast(value, x.dtype)  # type: ignore[no-any-return]


def number(value: float, dtype: Any) -> Tensor:
    """A Python number as a tensor of a floating dtype."""
    return convert(float(value), dtype)


def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""
    return comparison.select(condition, x, y)


def clip(x: Any, low: Any, high: Any) -> Any:
    """x between two numbers; the gradient is 0 outside of them."""
    return arithmetic.minimum(arithmetic.maximum(x, like(low, x)), like(high, x))


def divide_no_nan(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is 0."""
    zero = comparison.equal(y, like(0, y))
    return where(zero, like(0, x), arithmetic.real_divide(x, where(zero, like(1, y), y)))


def mean_last(x: Any) -> Any:
    """Mean over the last axis; of a tensor without axes, itself. Whole numbers are averaged as such."""
    return reduce_mean(x, axis=-1) if x.ndim else x


def softplus(x: Any) -> Any:
    """log(1 + exp(x)) without overflow."""
    positive = comparison.greater_equal(x, like(0, x))
    return where(positive, x, like(0, x)) + exponential.log1p(exponential.exp(where(positive, -x, x)))


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """x divided by its Euclidean length along axes; shorter ones than sqrt(epsilon) are divided by that."""
    total = reduce_sum(arithmetic.square(x), axis=axis, keepdims=True)
    return x * arithmetic.rsqrt(arithmetic.maximum(total, like(epsilon, x)))


def sigmoid_cross_entropy(labels: Any, logits: Any) -> Any:
    """-y log(sigmoid(x)) - (1 - y) log(1 - sigmoid(x)), without loss of digits."""
    zero = like(0, logits)
    positive = comparison.greater_equal(logits, zero)
    decay = exponential.exp(where(positive, -logits, logits))
    return where(positive, logits, zero) - logits * labels + exponential.log1p(decay)
