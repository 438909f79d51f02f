"""Colour spaces: grey, HSV, YIQ, YUV. images [..., 3] -> [..., 3] (or 1), float[...] unless said otherwise."""

from typing import Any

import numpy as np

from millstream.core.tensor import convert
from millstream.ops.array.creation import stack, zeros_like
from millstream.ops.array.gather import where
from millstream.ops.array.join import tile, unstack
from millstream.ops.array.shape import expand_dims
from millstream.ops.image.frames import in_floats
from millstream.ops.math.arithmetic import abs_, maximum, minimum
from millstream.ops.math.combine import clip_by_value
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.nn.products import tensordot
from millstream.util.errors import invalid
from millstream.util.export import export

_GREY = (0.2989, 0.587, 0.114)
_TO_YIQ = ((0.299, 0.59590059, 0.2115), (0.587, -0.27455667, -0.52273617), (0.114, -0.32134392, 0.31119955))
_FROM_YIQ = ((1, 1, 1), (0.95598634, -0.27201283, -1.10674021), (0.6208248, -0.64720424, 1.70423049))
_TO_YUV = ((0.299, -0.14714119, 0.61497538), (0.587, -0.28886916, -0.51496512), (0.114, 0.43601035, -0.10001026))
_FROM_YUV = ((1, 1, 1), (0, -0.394642334, 2.03206185), (1.13988303, -0.58062185, 0))


def three_channels(images: Any) -> Any:
    """Images whose last size is 3. Raises: InvalidArgumentError."""
    x = convert(images)
    if not x.ndim or x.shape[-1] != 3:
        raise invalid(f"input must have 3 channels but instead has shape {tuple(x.shape)}.")
    return x


@export("tf.image.rgb_to_grayscale")
def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """Grey images of one channel, in the images' dtype.

    >>> tf.image.rgb_to_grayscale([[[1.0, 1.0, 1.0]]]).numpy().round(3).tolist()
    [[[1.0]]]
    """
    x = convert(images)

    def grey(y: Any) -> Any:
        return expand_dims(reduce_sum(y * np.array(_GREY, y.dtype.as_numpy_dtype), -1), -1)

    return in_floats(three_channels(x), grey, saturate=False)


@export("tf.image.grayscale_to_rgb")
def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """Colour images from images of one channel.

    >>> tf.image.grayscale_to_rgb([[[7]]]).numpy().tolist()
    [[[7, 7, 7]]]
    """
    x = convert(images)
    if x.shape[-1] != 1:
        raise ValueError(f"Last dimension of a grayscale image should be size 1; got shape {tuple(x.shape)}.")
    return tile(x, [1] * (x.ndim - 1) + [3])


@export("tf.image.rgb_to_hsv")
def rgb_to_hsv(images: Any, name: str | None = None) -> Any:
    """Hue, saturation and value, each in [0, 1], of colours in [0, 1].

    >>> tf.image.rgb_to_hsv([[[0.5, 0.0, 0.0]]]).numpy().tolist()
    [[[0.0, 1.0, 0.5]]]
    """
    red, green, blue = unstack(three_channels(images), axis=-1)
    value = maximum(red, maximum(green, blue))
    spread = value - minimum(red, minimum(green, blue))
    saturation = where(value > 0, spread / where(value > 0, value, value + 1), zeros_like(value))
    unit = 1 / (6 * where(spread > 0, spread, spread + 1))
    hue = where(
        red == value,
        unit * (green - blue),
        where(green == value, unit * (blue - red) + 2 / 6, unit * (red - green) + 4 / 6),
    )
    hue = where(spread > 0, hue, zeros_like(hue))
    return stack([where(hue < 0, hue + 1, hue), saturation, value], axis=-1)


@export("tf.image.hsv_to_rgb")
def hsv_to_rgb(images: Any, name: str | None = None) -> Any:
    """Colours of hue, saturation and value in [0, 1].

    >>> tf.image.hsv_to_rgb([[[0.0, 1.0, 1.0]]]).numpy().tolist()
    [[[1.0, 0.0, 0.0]]]
    """
    hue, saturation, value = unstack(three_channels(images), axis=-1)
    sixths = hue * 6
    pure = (abs_(sixths - 3) - 1, 2 - abs_(sixths - 2), 2 - abs_(sixths - 4))
    return stack([((1 - saturation) + saturation * clip_by_value(p, 0, 1)) * value for p in pure], axis=-1)


def _by_matrix(images: Any, matrix: Any) -> Any:
    x = three_channels(images)
    return tensordot(x, np.array(matrix, x.dtype.as_numpy_dtype), 1)


@export("tf.image.rgb_to_yiq")
def rgb_to_yiq(images: Any) -> Any:
    """Brightness Y and two colour axes I, Q.

    >>> tf.image.rgb_to_yiq([[[1.0, 1.0, 1.0]]]).numpy().round(3).tolist()[0][0][0]
    1.0
    """
    return _by_matrix(images, _TO_YIQ)


@export("tf.image.yiq_to_rgb")
def yiq_to_rgb(images: Any) -> Any:
    """Colours of Y, I, Q.

    >>> tf.image.yiq_to_rgb([[[1.0, 0.0, 0.0]]]).numpy().tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    return _by_matrix(images, _FROM_YIQ)


@export("tf.image.rgb_to_yuv")
def rgb_to_yuv(images: Any) -> Any:
    """Brightness Y and two colour differences U, V.

    >>> tf.image.rgb_to_yuv([[[1.0, 1.0, 1.0]]]).numpy().round(3).tolist()[0][0][0]
    1.0
    """
    return _by_matrix(images, _TO_YUV)


@export("tf.image.yuv_to_rgb")
def yuv_to_rgb(images: Any) -> Any:
    """Colours of Y, U, V.

    >>> tf.image.yuv_to_rgb([[[1.0, 0.0, 0.0]]]).numpy().tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    return _by_matrix(images, _FROM_YUV)
