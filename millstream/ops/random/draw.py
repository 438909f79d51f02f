"""tf.random: uniform, normal, truncated normal, integers, shuffle, categorical; TensorFlow 2.4's own numbers for a seed."""

from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, wrap
from millstream.core.dtypes import DType, as_dtype, float32, int64
from millstream.core.spec import Shape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import static_shape
from millstream.ops.random import philox, traced
from millstream.ops.random.seeds import BLOCKS_PER_NUMBER, eager_stream, traced_stream
from millstream.util.errors import invalid
from millstream.util.export import export

UNIFORM_TYPES = ("float16", "bfloat16", "float32", "float64", "int32", "int64")


def shape_of(shape: Any) -> Shape:
    """The shape asked for. Raises: InvalidArgumentError for negative sizes or sizes that are no whole numbers."""
    given = np.asarray(
        shape.as_list() if hasattr(shape, "as_list") else [_plain(n) for n in shape] if isinstance(shape, (list, tuple)) else _plain(shape)
    )
    if given.size and given.dtype.kind not in "iu":
        raise invalid(f"The shape of random numbers is made of whole numbers; got {shape!r}.")
    sizes = static_shape(given)
    for n in sizes:
        if n < 0:
            raise invalid(f"Dimension {n} must be >= 0; got the shape {list(sizes)} for random numbers.")
    return sizes


def _plain(n: Any) -> Any:
    return n._array if isinstance(n, Tensor) and STATE.trace is None else n


def draw(kind: str, shape: Shape, dtype: DType, seed: int | None) -> Tensor:
    """Numbers of one distribution ("uniform", "normal", "truncated_normal") from the stream that it is the turn of."""
    count = traced.size(shape)
    blocks = BLOCKS_PER_NUMBER * count
    name = f"{kind}_{dtype.name}"
    if STATE.trace is None:
        key, low, high = eager_stream(name, seed, blocks)
        return wrap(traced.shaped(philox.KINDS[kind](key, low, high, count, dtype.numpy), shape))
    offset, key, high = traced_stream(name, seed)
    numbers: Tensor = traced.DRAW[kind](offset.read_value(), key=key, high=high, shape=shape, dtype=dtype)
    offset.assign_add(blocks)
    return numbers


def scaled(numbers: Any, factor: Any, shift: Any) -> Any:
    """numbers * factor + shift, in their dtype; left alone for 1 and 0."""
    if not (isinstance(factor, (int, float)) and factor == 1):
        numbers = numbers * convert(factor, numbers.dtype)
    if not (isinstance(shift, (int, float)) and shift == 0):
        numbers = numbers + convert(shift, numbers.dtype)
    return numbers


def between(numbers: Any, low: Any, high: Any) -> Any:
    """Numbers in [0, 1) moved to [low, high)."""
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low == 0 and high == 1:
        return numbers
    low, high = convert(low, numbers.dtype), convert(high, numbers.dtype)
    return numbers * (high - low) + low


@export("tf.random.uniform")
def uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, seed: int | None = None, name: str | None = None) -> Any:
    """Uniform numbers in [minval, maxval): floats (up to 1 by default) or whole numbers (maxval is needed).

    Raises: ValueError for other dtypes, or whole numbers without maxval; InvalidArgumentError when minval >= maxval.
    >>> tf.random.uniform([2, 3], maxval=10, dtype=tf.int32, seed=1).shape
    TensorShape([2, 3])
    """
    target = as_dtype(dtype)
    if target.name not in UNIFORM_TYPES:
        raise ValueError(f"Invalid dtype {target!r}: random.uniform makes {', '.join(UNIFORM_TYPES)}.")
    if not target.is_integer:
        return between(draw("uniform", shape_of(shape), target, seed), minval, 1 if maxval is None else maxval)
    if maxval is None:
        raise ValueError(f"Must specify maxval for integer dtype {target!r}")
    return _integers(shape_of(shape), minval, maxval, target, seed)


def bounds(minval: Any, maxval: Any, dtype: DType) -> tuple[Tensor, Tensor]:
    """Both as scalars. Raises: InvalidArgumentError when there is nothing between them."""
    low, high = convert(minval, dtype), convert(maxval, dtype)
    for x in (low, high):
        if x.ndim:
            raise invalid(f"minval and maxval of whole random numbers must be 0-D; got shape {x.shape}.")
    if type(low) is Tensor and type(high) is Tensor and int(low) >= int(high):
        raise invalid(f"Need minval < maxval, got {int(low)} >= {int(high)}")
    return low, high


def _integers(shape: Shape, minval: Any, maxval: Any, dtype: DType, seed: int | None) -> Tensor:
    low, high = bounds(minval, maxval, dtype)
    blocks = BLOCKS_PER_NUMBER * traced.size(shape)
    if STATE.trace is None:
        key, start, upper = eager_stream(f"integers_{dtype.name}", seed, blocks)
        return wrap(traced.bounded(key, start, upper, int(low), int(high), shape, dtype))
    offset, key, upper = traced_stream(f"integers_{dtype.name}", seed)
    numbers: Tensor = traced.philox_integers(offset.read_value(), low, high, key=key, high=upper, shape=shape, dtype=dtype)
    offset.assign_add(blocks)
    return numbers


@export("tf.random.normal")
def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: int | None = None, name: str | None = None) -> Any:
    """Normal numbers.

    Raises: TypeError for a dtype that is not floating point.
    >>> tf.random.normal([2, 3], mean=1.0, stddev=0.1, seed=1).dtype
    tf.float32
    """
    return scaled(draw("normal", shape_of(shape), floating(dtype), seed), stddev, mean)


@export("tf.random.truncated_normal")
def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: int | None = None, name: str | None = None
) -> Any:
    """Normal numbers within two deviations of the mean; others are drawn anew.

    Raises: TypeError for a dtype that is not floating point.
    >>> bool(tf.reduce_all(tf.abs(tf.random.truncated_normal([100], seed=1)) < 2))
    True
    """
    return scaled(draw("truncated_normal", shape_of(shape), floating(dtype), seed), stddev, mean)


def floating(dtype: Any) -> DType:
    """A floating dtype. Raises: TypeError."""
    target = as_dtype(dtype)
    if not target.is_floating:
        raise TypeError(f"Cannot convert 0.0 to EagerTensor of dtype {target.name}: normal numbers are floating point.")
    return target


@export("tf.random.shuffle")
def shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Any:
    """The rows of a tensor in random order.

    >>> sorted(tf.random.shuffle([1, 2, 3], seed=1).numpy().tolist())
    [1, 2, 3]
    """
    x = convert(value)
    count = int(x.shape[0]) if x.ndim else 0
    blocks = philox.shuffle_blocks(count)
    kind = f"shuffle_{x.dtype.name}"
    if STATE.trace is None:
        key, low, high = eager_stream(kind, seed, blocks)
        return wrap(x._array[philox.shuffled(key, low, high, count)]) if x.ndim else x
    offset, key, high = traced_stream(kind, seed)
    if count < 2:
        return x
    order = traced.philox_shuffle(offset.read_value(), key=key, high=high, count=count)
    offset.assign_add(blocks)
    return _rows(x, order)


def _rows(x: Any, order: Any) -> Any:
    from millstream.ops.array.gather import gather
    from millstream.ops.array.shape import stop_gradient

    return stop_gradient(gather(x, order))


@export("tf.random.categorical")
def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: int | None = None, name: str | None = None) -> Any:
    """Classes drawn with probabilities softmax(logits): float[N, C] -> int64[N, num_samples].

    Raises: InvalidArgumentError unless logits is a matrix.
    >>> tf.random.categorical([[0.0, 9.0, 0.0]], 4, seed=1).shape
    TensorShape([1, 4])
    """
    x, samples, target = check_logits(logits), int(num_samples), as_dtype(dtype or int64)
    blocks = 2 * BLOCKS_PER_NUMBER * int(x.shape[0]) * (-(-samples // 4) * 4)
    kind = f"categorical_{x.dtype.name}_{target.name}"
    if STATE.trace is None:
        key, low, high = eager_stream(kind, seed, blocks)
        return wrap(philox.categorical(key, low, high, x._array, samples).astype(target.numpy))
    offset, key, high = traced_stream(kind, seed)
    drawn = traced.philox_categorical(offset.read_value(), x, key=key, high=high, samples=samples, dtype=target)
    offset.assign_add(blocks)
    return drawn


def check_logits(logits: Any) -> Tensor:
    """Logits as a matrix with classes. Raises: InvalidArgumentError."""
    x = convert(logits)
    if x.ndim != 2:
        raise invalid(f"logits should be a matrix, got shape {list(x.shape)}")
    if not x.shape[1]:
        raise invalid(f"num_classes should be positive, got shape {list(x.shape)}")
    return x


class RandomShuffleStream:
    """The orders in which one RandomShuffle op puts its rows, call after call: how `fit` visits the samples of an epoch.

    >>> RandomShuffleStream(5, 0).order(4).tolist()
    [1, 0, 3, 2]
    """

    def __init__(self, seed: int, seed2: int) -> None:
        self.key, self.high, self.offset = seed, seed2, 0

    @classmethod
    def of_fit(cls) -> "RandomShuffleStream":
        """A new stream with the seeds of a traced function's first op: (global seed, 0); unforeseeable without a seed."""
        from millstream.ops.random.seeds import global_seed, next_seeds

        return cls(*next_seeds(0)) if global_seed() is not None else cls(*next_seeds(None))

    def order(self, count: int) -> np.ndarray[Any, Any]:
        """The next order of `count` rows: int64[count]."""
        found = philox.shuffled(self.key, self.offset, self.high, count)
        self.offset += philox.shuffle_blocks(count)
        return found
