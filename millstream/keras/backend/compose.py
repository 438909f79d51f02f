"""Small compositions of ops that losses, metrics and optimizers share. All trace, and fuse when compiled."""

from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import maximum, minimum
from millstream.ops.math.comparison import select
from millstream.ops.math.reduce import reduce_mean

where = select


def like(value: Any, x: Any) -> Any:
    """A number, tensor or variable in x's dtype."""
    return cast(value, x.dtype) if isinstance(value, Tensor) or hasattr(value, "assign") else convert(value, x.dtype)


def number(value: float, dtype: Any) -> Any:
    """A Python number as a tensor of a floating dtype."""
    return convert(float(value), dtype)


def clip(x: Any, low: Any, high: Any) -> Any:
    """x between two numbers; the gradient is 0 outside of them."""
    return minimum(maximum(x, like(low, x)), like(high, x))


def mean_last(x: Any) -> Any:
    """Mean over the last axis; of a tensor without axes, itself. Whole numbers are averaged as such."""
    return reduce_mean(x, axis=-1) if x.ndim else x
