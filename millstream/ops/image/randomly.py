"""Random changes of images; the random numbers are those that TensorFlow would draw. stateless_...: of a seed int[2] alone."""

from collections.abc import Callable
from typing import Any

from millstream.core.dispatch import STATE
from millstream.core.dtypes import int32
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast
from millstream.ops.array.gather import gather, where
from millstream.ops.array.indexing import reverse
from millstream.ops.array.sequence import range_ as range_of
from millstream.ops.array.shape import reshape
from millstream.ops.image import adjust
from millstream.ops.image.frames import as_image
from millstream.ops.math.rounding import round_
from millstream.ops.random.draw import uniform
from millstream.ops.random.stateless import stateless_uniform
from millstream.util.export import export

Draw = Callable[..., Any]


def _drawn(seed: Any) -> Draw:
    return lambda shape, low, high, dtype="float32": uniform(shape, low, high, dtype, seed=seed)


def _stateless(seed: Any) -> Draw:
    return lambda shape, low, high, dtype="float32": stateless_uniform(shape, seed, low, high, dtype)


def _between(low: Any, high: Any, what: str) -> None:
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (high <= low or low < 0):
        raise ValueError(f"{what}: upper must be > lower >= 0; got lower={low}, upper={high}.")


def _positive(delta: Any, most: float | None = None) -> None:
    if isinstance(delta, (int, float)) and (delta < 0 or (most is not None and delta > most)):
        raise ValueError(f"max_delta must be non-negative{'' if most is None else f' and at most {most}'}; got {delta}.")


# ---------------------------------------------------------------------------------------------- flips
def _flipped(image: Any, axis: int, draw: Draw) -> Any:
    """One draw for an image; one for each image of a batch."""
    x = as_image(image)
    if x.ndim == 3:
        mirrored = reverse(x, [axis])
        chance = draw([], 0, 1.0)
        return where(chance < 0.5, mirrored, x)
    flips = cast(round_(reshape(draw([int(x.shape[0])], 0, 1.0), [-1, 1, 1, 1])), x.dtype)
    return flips * reverse(x, [axis + 1]) + (1 - flips) * x


@export("tf.image.random_flip_left_right")
def random_flip_left_right(image: Any, seed: int | None = None) -> Any:
    """Mirrored with probability one half; each image of a batch for itself.

    >>> tf.image.random_flip_left_right(tf.ones((2, 2, 1))).shape
    TensorShape([2, 2, 1])
    """
    return _flipped(image, 1, _drawn(seed))


@export("tf.image.random_flip_up_down")
def random_flip_up_down(image: Any, seed: int | None = None) -> Any:
    """Upside down with probability one half; each image of a batch for itself.

    >>> tf.image.random_flip_up_down(tf.ones((2, 2, 1))).shape
    TensorShape([2, 2, 1])
    """
    return _flipped(image, 0, _drawn(seed))


@export("tf.image.stateless_random_flip_left_right")
def stateless_random_flip_left_right(image: Any, seed: Any) -> Any:
    """As random_flip_left_right, of a seed int[2] alone.

    >>> tf.image.stateless_random_flip_left_right(tf.ones((2, 2, 1)), (1, 2)).shape
    TensorShape([2, 2, 1])
    """
    return _flipped(image, 1, _stateless(seed))


@export("tf.image.stateless_random_flip_up_down")
def stateless_random_flip_up_down(image: Any, seed: Any) -> Any:
    """As random_flip_up_down, of a seed int[2] alone.

    >>> tf.image.stateless_random_flip_up_down(tf.ones((2, 2, 1)), (1, 2)).shape
    TensorShape([2, 2, 1])
    """
    return _flipped(image, 0, _stateless(seed))


# ---------------------------------------------------------------------------------------------- colours
@export("tf.image.random_brightness")
def random_brightness(image: Any, max_delta: Any, seed: int | None = None) -> Any:
    """Brighter by a number in [-max_delta, max_delta). Raises: ValueError for a negative max_delta.

    >>> tf.image.random_brightness(tf.ones((2, 2, 3)), 0.2).shape
    TensorShape([2, 2, 3])
    """
    _positive(max_delta)
    return adjust.adjust_brightness(image, uniform([], -max_delta, max_delta, seed=seed))


@export("tf.image.stateless_random_brightness")
def stateless_random_brightness(image: Any, max_delta: Any, seed: Any) -> Any:
    """As random_brightness, of a seed int[2] alone.

    >>> tf.image.stateless_random_brightness(tf.ones((2, 2, 3)), 0.2, (1, 2)).shape
    TensorShape([2, 2, 3])
    """
    _positive(max_delta)
    return adjust.adjust_brightness(image, stateless_uniform([], seed, -max_delta, max_delta))


@export("tf.image.random_contrast")
def random_contrast(image: Any, lower: Any, upper: Any, seed: int | None = None) -> Any:
    """The contrast times a number in [lower, upper). Raises: ValueError for an empty or negative interval.

    >>> tf.image.random_contrast(tf.ones((2, 2, 3)), 0.2, 0.5).shape
    TensorShape([2, 2, 3])
    """
    _between(lower, upper, "random_contrast")
    return adjust.adjust_contrast(image, uniform([], lower, upper, seed=seed))


@export("tf.image.stateless_random_contrast")
def stateless_random_contrast(image: Any, lower: Any, upper: Any, seed: Any) -> Any:
    """As random_contrast, of a seed int[2] alone.

    >>> tf.image.stateless_random_contrast(tf.ones((2, 2, 3)), 0.2, 0.5, (1, 2)).shape
    TensorShape([2, 2, 3])
    """
    _between(lower, upper, "stateless_random_contrast")
    return adjust.adjust_contrast(image, stateless_uniform([], seed, lower, upper))


@export("tf.image.random_hue")
def random_hue(image: Any, max_delta: Any, seed: int | None = None) -> Any:
    """The hue turned by a number in [-max_delta, max_delta). Raises: ValueError for a max_delta outside [0, 0.5].

    >>> tf.image.random_hue(tf.ones((2, 2, 3)), 0.2).shape
    TensorShape([2, 2, 3])
    """
    _positive(max_delta, 0.5)
    return adjust.adjust_hue(image, uniform([], -max_delta, max_delta, seed=seed))


@export("tf.image.stateless_random_hue")
def stateless_random_hue(image: Any, max_delta: Any, seed: Any) -> Any:
    """As random_hue, of a seed int[2] alone.

    >>> tf.image.stateless_random_hue(tf.ones((2, 2, 3)), 0.2, (1, 2)).shape
    TensorShape([2, 2, 3])
    """
    _positive(max_delta, 0.5)
    return adjust.adjust_hue(image, stateless_uniform([], seed, -max_delta, max_delta))


@export("tf.image.random_saturation")
def random_saturation(image: Any, lower: Any, upper: Any, seed: int | None = None) -> Any:
    """The saturation times a number in [lower, upper). Raises: ValueError for an empty or negative interval.

    >>> tf.image.random_saturation(tf.ones((2, 2, 3)), 0.2, 0.5).shape
    TensorShape([2, 2, 3])
    """
    _between(lower, upper, "random_saturation")
    return adjust.adjust_saturation(image, uniform([], lower, upper, seed=seed))


@export("tf.image.stateless_random_saturation")
def stateless_random_saturation(image: Any, lower: Any, upper: Any, seed: Any = None) -> Any:
    """As random_saturation, of a seed int[2] alone.

    >>> tf.image.stateless_random_saturation(tf.ones((2, 2, 3)), 0.2, 0.5, (1, 2)).shape
    TensorShape([2, 2, 3])
    """
    _between(lower, upper, "stateless_random_saturation")
    return adjust.adjust_saturation(image, stateless_uniform([], seed, lower, upper))


# ---------------------------------------------------------------------------------------------- crops
def _cropped(value: Any, size: Any, draw: Draw) -> Any:
    x: Any = convert(value)
    sizes = [int(n) for n in convert(size, int32).numpy().reshape(-1)]
    wanted = [int(n) if k < 0 else k for k, n in zip(sizes, x.shape, strict=True)]
    if any(k > n for k, n in zip(wanted, x.shape, strict=True)):
        raise ValueError(f"Need value.shape >= size; got a value of shape {tuple(x.shape)} and size {wanted}. Pass a smaller size.")
    limits = [int(n) - k + 1 for k, n in zip(wanted, x.shape, strict=True)]
    offsets = draw([len(wanted)], 0, int32.max, int32) % convert(limits, int32)
    if STATE.trace is None:
        begin = offsets.numpy().tolist()
        return x[tuple(slice(b, b + k) for b, k in zip(begin, wanted, strict=True))]
    for axis, k in enumerate(wanted):
        if k != x.shape[axis]:
            x = gather(x, offsets[axis] + range_of(k), axis=axis)
    return x


@export("tf.image.random_crop")
def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Any:
    """A part of the given size, at a place drawn at random. Raises: ValueError when the value is smaller.

    >>> tf.image.random_crop(tf.ones((4, 4, 3)), (2, 2, 3)).shape
    TensorShape([2, 2, 3])
    """
    return _cropped(value, size, _drawn(seed))


@export("tf.image.stateless_random_crop")
def stateless_random_crop(value: Any, size: Any, seed: Any, name: str | None = None) -> Any:
    """As random_crop, of a seed int[2] alone.

    >>> tf.image.stateless_random_crop(tf.ones((4, 4, 3)), (2, 2, 3), (1, 2)).shape
    TensorShape([2, 2, 3])
    """
    return _cropped(value, size, _stateless(seed))
