"""Dropout: zero a random part of the elements and scale up the rest, so that the expected sum stays."""

from numbers import Real
from typing import Any

from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import multiply, subtract, truediv
from millstream.ops.math.comparison import greater_equal
from millstream.ops.random.draw import draw, shape_of
from millstream.ops.random.seeds import get_seed
from millstream.util.export import export


@export("tf.nn.dropout")
def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None) -> Any:
    """Set a fraction `rate` of the elements to 0 and divide the rest by 1 - rate; noise_shape broadcasts: 1 there drops whole slices.

    Raises: ValueError for a rate outside [0, 1) or an x that is not floating point.
    >>> tf.nn.dropout([1.0, 2.0], 0).numpy().tolist()
    [1.0, 2.0]
    """
    x = convert(x)
    if not x.dtype.is_floating:
        raise ValueError(
            f"x has to be a floating point tensor since it's going to be scaled. Got a {x.dtype!r} tensor instead; use tf.cast first."
        )
    if isinstance(rate, Real) and not 0 <= float(rate) < 1:
        raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate:g}")
    if isinstance(rate, Real) and rate == 0:
        get_seed(seed)  # so that the ops after it get the same seeds at every rate
        return x
    return multiply(_scaled(x, rate), _mask(x, rate, noise_shape, seed))


def _scaled(x: Tensor, rate: Any) -> Any:
    if isinstance(rate, Real):
        return multiply(x, convert(1 / (1 - float(rate)), x.dtype))
    return truediv(x, subtract(convert(1, x.dtype), convert(rate, x.dtype)))


def _mask(x: Tensor, rate: Any, noise_shape: Any, seed: int | None) -> Any:
    """1 where an element stays, else 0."""
    sizes = tuple(x.shape)
    if noise_shape is not None:
        given = TensorShape(noise_shape).as_list() if isinstance(noise_shape, (list, tuple)) else shape_of(noise_shape)
        sizes = tuple(sizes[i] if n is None else n for i, n in enumerate(given))
    numbers = draw("uniform", shape_of(list(sizes)), x.dtype, seed)
    return cast(greater_equal(numbers, convert(float(rate) if isinstance(rate, Real) else rate, x.dtype)), x.dtype)
