"""tf.random.stateless_*: the numbers depend on nothing but the two seeds given."""

from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, float32, int64
from millstream.core.spec import Shape
from millstream.core.tensor import Tensor, convert
from millstream.ops.random import philox, traced
from millstream.ops.random.draw import between, bounds, check_logits, floating, scaled, shape_of
from millstream.util.errors import invalid
from millstream.util.export import export


def _seed(seed: Any) -> Tensor:
    """The two seeds. Raises: InvalidArgumentError for another number of them, TypeError for what is no whole number."""
    x = convert(seed)
    if tuple(x.shape) != (2,):
        raise invalid(f"seed must have shape [2], not {list(x.shape)}")
    if not x.dtype.is_integer:
        raise invalid(f"seed must be two whole numbers; got dtype {x.dtype.name}")
    return x


def _draw(kind: str, shape: Shape, dtype: DType, seed: Any) -> Tensor:
    x = _seed(seed)
    if type(x) is Tensor:
        key, low, high = philox.scramble((int(x._array[0]), int(x._array[1])))
        return wrap(traced.shaped(philox.KINDS[kind](key, low, high, traced.size(shape), dtype.numpy), shape))
    made: Tensor = traced.DRAW_FROM_STATE[kind](traced.scramble_seed(x), shape=shape, dtype=dtype)
    return made


@export("tf.random.stateless_uniform")
def stateless_uniform(shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, name: str | None = None) -> Any:
    """Uniform numbers in [minval, maxval) of two seeds; of integers, all values when both bounds are None.

    >>> tf.random.stateless_uniform([2], seed=[1, 2]).shape
    TensorShape([2])
    """
    target, sizes = as_dtype(dtype), shape_of(shape)
    if not target.is_integer:
        return between(_draw("uniform", sizes, floating(target), seed), minval, 1 if maxval is None else maxval)
    if minval is None and maxval is None:
        return _draw("bits", sizes, target, seed)
    if maxval is None:
        raise ValueError(f"Must specify maxval for integer dtype {target!r}")
    low, high = bounds(minval, maxval, target)
    return traced.philox_integers_from_state(traced.scramble_seed(_seed(seed)), low, high, shape=sizes, dtype=target)


@export("tf.random.stateless_normal")
def stateless_normal(shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None) -> Any:
    """Normal numbers of two seeds.

    >>> tf.random.stateless_normal([2], seed=[1, 2]).dtype
    tf.float32
    """
    return scaled(_draw("normal", shape_of(shape), floating(dtype), seed), stddev, mean)


@export("tf.random.stateless_truncated_normal")
def stateless_truncated_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None
) -> Any:
    """Normal numbers within two deviations of the mean, of two seeds.

    >>> tf.random.stateless_truncated_normal([2], seed=[1, 2]).shape
    TensorShape([2])
    """
    return scaled(_draw("truncated_normal", shape_of(shape), floating(dtype), seed), stddev, mean)


@export("tf.random.stateless_categorical")
def stateless_categorical(logits: Any, num_samples: Any, seed: Any, dtype: Any = int64, name: str | None = None) -> Any:
    """Classes drawn with probabilities softmax(logits), of two seeds: float[N, C] -> int64[N, num_samples].

    >>> tf.random.stateless_categorical([[0.0, 9.0]], 3, seed=[1, 2]).shape
    TensorShape([1, 3])
    """
    state = traced.scramble_seed(_seed(seed))
    return traced.philox_categorical_from_state(state, check_logits(logits), samples=int(num_samples), dtype=as_dtype(dtype))


@export("tf.random.experimental.stateless_split")
def stateless_split(seed: Any, num: int = 2) -> Any:
    """`num` new pairs of seeds: int[num, 2]."""
    x = _seed(seed)
    return stateless_uniform([num, 2], x, None, None, x.dtype)


@export("tf.random.experimental.stateless_fold_in")
def stateless_fold_in(seed: Any, data: Any) -> Any:
    """The pair of seeds that a pair and a number make together."""
    x = _seed(seed)
    number = convert(data, x.dtype)
    fresh = stateless_uniform([1], x, None, None, x.dtype)
    if type(x) is Tensor and type(number) is Tensor:
        return wrap(np.array([fresh._array[0], number._array], x.dtype.numpy))
    return convert([fresh[0], number])
