"""Brightness, contrast, hue, saturation, gamma. Images of whole numbers are computed in [0, 1] and come back in their dtype."""

from typing import Any

from millstream.ops.array.creation import cast, stack
from millstream.ops.array.join import unstack
from millstream.ops.image.colors import hsv_to_rgb, rgb_to_hsv, three_channels
from millstream.ops.image.frames import as_image, in_floats
from millstream.ops.math.arithmetic import maximum, pow_
from millstream.ops.math.combine import clip_by_value
from millstream.ops.math.reduce import reduce_mean
from millstream.ops.math.rounding import floor
from millstream.ops.math.statistics import reduce_std
from millstream.util.export import export


@export("tf.image.adjust_brightness")
def adjust_brightness(image: Any, delta: Any) -> Any:
    """Brighter by delta, of a scale from 0 to 1.

    >>> tf.image.adjust_brightness([[[0.25]]], 0.5).numpy().tolist()
    [[[0.75]]]
    """
    return in_floats(image, lambda x: x + cast(delta, x.dtype))


@export("tf.image.adjust_contrast")
def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """Every channel's distance from its mean over the image, times a factor.

    >>> tf.image.adjust_contrast([[[0.0], [1.0]]], 0.5).numpy().tolist()
    [[[0.25], [0.75]]]
    """

    def contrasted(x: Any) -> Any:
        mean = reduce_mean(x, [x.ndim - 3, x.ndim - 2], keepdims=True)
        return (x - mean) * cast(contrast_factor, x.dtype) + mean

    return in_floats(images, contrasted)


@export("tf.image.adjust_gamma")
def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Any:
    """gain * image ** gamma. Raises: ValueError for a negative gamma.

    >>> tf.image.adjust_gamma([[[0.5]]], 2.0).numpy().tolist()
    [[[0.25]]]
    """
    if isinstance(gamma, (int, float)) and gamma < 0:
        raise ValueError(f"Gamma should be a non-negative real number; got {gamma}.")
    return in_floats(image, lambda x: cast(gain, x.dtype) * pow_(x, cast(gamma, x.dtype)))


@export("tf.image.adjust_hue")
def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """The hue turned by delta, in whole turns of the colour wheel. Raises: ValueError for a number outside [-1, 1].

    >>> tf.image.adjust_hue([[[1.0, 0.0, 0.0]]], 1 / 3).numpy().round(3).tolist()
    [[[0.0, 1.0, 0.0]]]
    """
    if isinstance(delta, (int, float)) and not -1 <= delta <= 1:
        raise ValueError(f"delta must be in the interval [-1, 1]; got {delta}.")

    def turned(x: Any) -> Any:
        hue, saturation, value = unstack(rgb_to_hsv(x), axis=-1)
        moved = hue + cast(delta, x.dtype)
        return hsv_to_rgb(stack([moved - floor(moved), saturation, value], axis=-1))

    return in_floats(three_channels(image), turned)


@export("tf.image.adjust_saturation")
def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """The saturation times a factor, at most 1.

    >>> tf.image.adjust_saturation([[[1.0, 0.5, 0.5]]], 0.0).numpy().tolist()
    [[[1.0, 1.0, 1.0]]]
    """

    def saturated(x: Any) -> Any:
        hue, saturation, value = unstack(rgb_to_hsv(x), axis=-1)
        return hsv_to_rgb(stack([hue, clip_by_value(saturation * cast(saturation_factor, x.dtype), 0, 1), value], axis=-1))

    return in_floats(three_channels(image), saturated)


@export("tf.image.per_image_standardization")
def per_image_standardization(image: Any) -> Any:
    """Each image with mean 0 and deviation 1; a deviation below 1 / sqrt(pixels) counts as that much. Whole numbers saturate.

    >>> tf.image.per_image_standardization([[[1.0], [3.0]]]).numpy().tolist()
    [[[-1.0], [1.0]]]
    """
    return in_floats(as_image(image), _standardized)


def _standardized(x: Any) -> Any:
    axes = [x.ndim - 3, x.ndim - 2, x.ndim - 1]
    pixels = 1
    for n in x.shape[-3:]:
        pixels *= int(n)
    deviation = maximum(reduce_std(x, axes, keepdims=True), cast(float(pixels) ** -0.5, x.dtype))
    return (x - reduce_mean(x, axes, keepdims=True)) / deviation
