"""Changes of one picture: brightness, channels, and the random ones. Random numbers come from NumPy's global generator."""

from typing import Any

import numpy as np

from millstream.keras.preprocessing.image.affine import apply_affine_transform
from millstream.keras.preprocessing.image.pictures import array_to_img, img_to_array
from millstream.util.export import export

uniform = np.random.uniform  # the global generator's, so that np.random.seed fixes the pictures


@export("tf.keras.preprocessing.image.apply_channel_shift")
def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> Any:
    """Every value changed by `intensity`, within the picture's smallest and largest value."""
    x = np.asarray(x)
    return np.clip(x + x.dtype.type(intensity) if x.dtype.kind == "f" else x + intensity, np.min(x), np.max(x))


@export("tf.keras.preprocessing.image.apply_brightness_shift")
def apply_brightness_shift(x: Any, brightness: float) -> Any:
    """The picture, stretched to 0..255, times `brightness`."""
    from PIL import ImageEnhance

    return img_to_array(ImageEnhance.Brightness(array_to_img(x)).enhance(brightness))


def flip_axis(x: Any, axis: int) -> Any:
    """The picture mirrored."""
    return np.flip(x, axis)


@export("tf.keras.preprocessing.image.random_rotation")
def random_rotation(
    x: Any, rg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:  # fmt: skip
    """A picture turned by up to `rg` degrees either way."""
    theta = uniform(-rg, rg)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *axes)


@export("tf.keras.preprocessing.image.random_shift")
def random_shift(
    x: Any, wrg: float, hrg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
    cval: float = 0.0, interpolation_order: int = 1,
) -> Any:  # fmt: skip
    """A picture shifted by up to these fractions of its width and height."""
    shape = np.shape(x)
    tx = uniform(-hrg, hrg) * shape[row_axis]
    ty = uniform(-wrg, wrg) * shape[col_axis]
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes)


@export("tf.keras.preprocessing.image.random_shear")
def random_shear(
    x: Any, intensity: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:  # fmt: skip
    """A picture sheared by up to `intensity` degrees."""
    shear = uniform(-intensity, intensity)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *axes)


@export("tf.keras.preprocessing.image.random_zoom")
def random_zoom(
    x: Any, zoom_range: Any, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
    interpolation_order: int = 1,
) -> Any:  # fmt: skip
    """A picture zoomed, rows and columns each by a factor of the range. Raises: ValueError unless there are two bounds."""
    if len(zoom_range) != 2:
        raise ValueError(f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}")
    zx, zy = (1, 1) if tuple(zoom_range) == (1, 1) else uniform(zoom_range[0], zoom_range[1], 2)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes)


@export("tf.keras.preprocessing.image.random_channel_shift")
def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> Any:
    """Every value changed by one number of up to `intensity_range` either way."""
    return apply_channel_shift(x, uniform(-intensity_range, intensity_range), channel_axis)


@export("tf.keras.preprocessing.image.random_brightness")
def random_brightness(x: Any, brightness_range: Any) -> Any:
    """A picture made darker or brighter by a factor of the range. Raises: ValueError unless there are two bounds."""
    if len(brightness_range) != 2:
        raise ValueError(f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}")
    return apply_brightness_shift(x, uniform(brightness_range[0], brightness_range[1]))
