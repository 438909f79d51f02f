"""Pictures from and to files (by Pillow), and as arrays.   array: [H, W, C] ("channels_last") or [C, H, W] ("channels_first")."""

import os
import warnings
from typing import Any

import numpy as np

from millstream.keras.backend.config import floatx, image_data_format
from millstream.util.export import export

_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_MODES = {3: "RGB", 4: "RGBA"}


def resolve_format(data_format: str | None) -> str:
    """The data format given, or Keras's default. Raises: ValueError for another word."""
    chosen = image_data_format() if data_format is None else data_format
    if chosen not in {"channels_first", "channels_last"}:
        raise ValueError(f"Invalid data_format: {data_format}; expected 'channels_last' or 'channels_first'.")
    return chosen


@export("tf.keras.preprocessing.image.array_to_img", "tf.keras.utils.array_to_img")
def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """A Pillow image of an array of one picture with 1, 3 or 4 channels.

    Args: scale, stretch the values to 0..255. Raises: ValueError for other shapes.
    >>> tf.keras.preprocessing.image.array_to_img(np.zeros((4, 6, 3))).size
    (6, 4)
    """
    from PIL import Image

    array = np.asarray(x, dtype=floatx() if dtype is None else dtype)
    if array.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {array.shape}")
    if resolve_format(data_format) == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - np.min(array)
        top = np.max(array)
        array = (array / top if top != 0 else array) * 255
    channels = array.shape[2]
    if channels in _MODES:
        return Image.fromarray(_bytes(array))
    if channels != 1:
        raise ValueError(f"Unsupported channel number: {channels}; a picture has 1, 3 or 4.")
    plane = array[:, :, 0]
    return Image.fromarray(plane.astype("int32")) if np.max(plane) > 255 else Image.fromarray(_bytes(plane))


def _bytes(array: Any) -> Any:
    """As uint8; values beyond 0..255 wrap, as everywhere in C."""
    with np.errstate(invalid="ignore"):
        return array.astype("int64").astype("uint8") if array.dtype.kind == "f" else array.astype("uint8")


@export("tf.keras.preprocessing.image.img_to_array", "tf.keras.utils.img_to_array")
def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Any:
    """The array of a Pillow image. Raises: ValueError for what has neither 2 nor 3 dimensions."""
    array = np.asarray(img, dtype=floatx() if dtype is None else dtype)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"Unsupported image shape: {array.shape}")
    return array.transpose(2, 0, 1) if resolve_format(data_format) == "channels_first" else array


@export("tf.keras.preprocessing.image.load_img", "tf.keras.utils.load_img")
def load_img(path: Any, grayscale: bool = False, color_mode: str = "rgb", target_size: Any = None, interpolation: str = "nearest") -> Any:
    """A picture of a file, as a Pillow image.

    Args: path, or an open binary file; color_mode, "rgb", "rgba" or "grayscale"; target_size, (height, width) to resize to;
    interpolation, "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
    Raises: ValueError for another mode or interpolation; FileNotFoundError.
    """
    from PIL import Image

    if grayscale:
        warnings.warn('grayscale is deprecated. Please use color_mode = "grayscale"', stacklevel=2)
        color_mode = "grayscale"
    if color_mode not in {"grayscale", "rgb", "rgba"}:
        raise ValueError('color_mode must be "grayscale", "rgb", or "rgba"')
    with Image.open(path) as opened:
        img = _in_mode(opened, color_mode)
        img.load()
    return img if target_size is None else _resized(img, (int(target_size[1]), int(target_size[0])), interpolation)


def _in_mode(img: Any, color_mode: str) -> Any:
    if color_mode == "grayscale":  # 16 and 32 bits stay
        return img.copy() if img.mode in {"L", "I;16", "I"} else img.convert("L")
    mode = color_mode.upper()
    return img.copy() if img.mode == mode else img.convert(mode)


def _resized(img: Any, size: tuple[int, int], interpolation: str) -> Any:
    from PIL import Image

    if img.size == size:
        return img
    if interpolation not in _RESAMPLING:
        raise ValueError(f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(_RESAMPLING)}")
    return img.resize(size, getattr(Image.Resampling, interpolation.upper()))


@export("tf.keras.preprocessing.image.save_img", "tf.keras.utils.save_img")
def save_img(path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any) -> None:
    """Write an array as a picture. Args: file_format, by default after the path's ending; scale, stretch the values to 0..255."""
    img = array_to_img(x, data_format, scale)
    if img.mode == "RGBA" and (file_format in {"jpg", "jpeg"} or str(path).lower().endswith((".jpg", ".jpeg"))):
        warnings.warn("The JPG format does not support RGBA images, converting to RGB.", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format="jpeg" if file_format == "jpg" else file_format, **kwargs)


def save_batch(batch: Any, numbers: Any, data_format: str, folder: str, prefix: str, kind: str, most: int) -> None:
    """Write each picture of a batch as PREFIX_NUMBER_HASH.KIND; hashes, below `most`, come from NumPy's global generator."""
    for picture, number in zip(batch, numbers, strict=True):
        name = f"{prefix}_{number}_{np.random.randint(most)}.{kind}"  # noqa: NPY002  (Keras draws from the global generator)
        array_to_img(picture, data_format, scale=True).save(os.path.join(folder, name))
