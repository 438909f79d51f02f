"""Small compositions of ops that losses, metrics and optimizers share. All trace, and fuse when compiled."""

from functools import lru_cache
from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import maximum, minimum
from millstream.ops.math.comparison import select
from millstream.ops.math.reduce import reduce_mean

where = select


def like(value: Any, x: Any) -> Any:
    """A number, tensor or variable in x's dtype."""
    if isinstance(value, (int, float)):
        return _constant(value, x.dtype)
    return cast(value, x.dtype) if isinstance(value, Tensor) or hasattr(value, "assign") else convert(value, x.dtype)


def number(value: float, dtype: Any) -> Any:
    """A Python number as a tensor of a floating dtype."""
    return _constant(float(value), dtype)


@lru_cache(1024, typed=True)
def _constant(value: float, dtype: Any) -> Any:
    """Tensors are never changed, so one does for all steps."""
    return convert(value, dtype)


def clip(x: Any, low: Any, high: Any) -> Any:
    """x between two numbers; the gradient is 0 outside of them."""
    return minimum(maximum(x, like(low, x)), like(high, x))


def mean_last(x: Any) -> Any:
    """Mean over the last axis; of a tensor without axes, itself. Whole numbers are averaged as such."""
    return reduce_mean(x, axis=-1) if x.ndim else x
