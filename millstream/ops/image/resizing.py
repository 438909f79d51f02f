"""tf.image.resize: every method is a weighted sum of rows, then of columns; the numbers are TensorFlow's.

Output pixel i stands at (i + 0.5) in / out - 0.5 of the input: the centres of pixels, not their corners, are mapped.
B batch, H height, W width, C channels
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dtypes import float32
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast
from millstream.ops.array.gather import gather
from millstream.ops.array.shape import expand_dims, reshape, squeeze
from millstream.ops.image.frames import as_image, size_of
from millstream.ops.image.sizes import as_size, pad_to_bounding_box
from millstream.ops.nn.matmul import matmul
from millstream.util.export import export

Weights = Any  # float32[wanted, given]


@export("tf.image.ResizeMethod")
class ResizeMethod:
    """The names of the methods of `tf.image.resize`."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


@export("tf.image.resize")
def resize(
    images: Any, size: Any, method: str = "bilinear", preserve_aspect_ratio: bool = False, antialias: bool = False, name: str | None = None
) -> Any:
    """Images of another size [height, width]: float32, but for "nearest", which keeps the dtype.

    method: a name of ResizeMethod. antialias: smooth before making smaller. Raises: ValueError for another method, rank or size.
    >>> tf.image.resize([[[0.0], [4.0]]], (1, 4)).numpy().ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    x, (tall, wide) = as_image(images), as_size(size)
    rows, columns = size_of(x)
    if preserve_aspect_ratio:
        scale = min(np.float32(tall) / np.float32(rows), np.float32(wide) / np.float32(columns))
        tall, wide = (round(float(scale * np.float32(n))) for n in (rows, columns))
    whole = x if x.ndim == 4 else expand_dims(x, 0)
    made = _resized(whole, tall, wide, str(method).lower(), antialias)
    return made if x.ndim == 4 else squeeze(made, [0])


def _resized(x: Any, tall: int, wide: int, method: str, antialias: bool) -> Any:
    rows, columns = size_of(x)
    if method == "nearest":
        return gather(gather(x, _nearest(rows, tall), axis=1), _nearest(columns, wide), axis=2)
    x = cast(x, float32)
    if method == "bilinear" and not antialias:
        return _bilinear(x, tall, wide)
    weights = _weights_of(method, antialias)
    return _weighted(x, weights(rows, tall), weights(columns, wide))


def _nearest(given: int, wanted: int) -> Any:
    scale = np.float32(given) / np.float32(wanted)
    places = np.floor((np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * scale).astype(np.int32)
    return np.minimum(places, given - 1)


def _neighbours(given: int, wanted: int) -> tuple[Any, Any, Weights]:
    """For each output place the input places before and after it, and how far on between them it lies."""
    scale = np.float32(given) / np.float32(wanted)
    at = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    below = np.floor(at)
    return np.maximum(below, 0).astype(np.int32), np.minimum(np.ceil(at), given - 1).astype(np.int32), at - below


def _bilinear(x: Any, tall: int, wide: int) -> Any:
    rows, columns = size_of(x)
    top, bottom, down = _neighbours(rows, tall)
    left, right, across = _neighbours(columns, wide)
    down, across = down[:, None, None], across[:, None]

    def along(places: Any) -> Any:
        row = gather(x, places, axis=1)
        first = gather(row, left, axis=2)
        return first + (gather(row, right, axis=2) - first) * across

    above = along(top)
    return above + (along(bottom) - above) * down


def _weighted(x: Any, down: Weights, across: Weights) -> Any:
    """down [tall, H] x [B, H, W, C] across [wide, W]."""
    batch, rows, columns, channels = x.shape
    tall, wide = len(down), len(across)
    y = matmul(convert(down), reshape(x, [batch, rows, columns * channels]))
    y = matmul(convert(across), reshape(y, [batch * tall, columns, channels]))
    return reshape(y, [batch, tall, wide, channels])


# ---------------------------------------------------------------------------------------------- weights [wanted, given]
def _weights_of(method: str, antialias: bool) -> Callable[[int, int], Weights]:
    if method == "area":
        return _area
    if method == "bicubic" and not antialias:
        return _bicubic
    if method not in _KERNELS:
        raise ValueError(f"Resize method is not implemented: {method!r}; there are nearest, area, {', '.join(_KERNELS)}.")
    return lambda given, wanted: _sampled(given, wanted, *_KERNELS[method], antialias)


def _area(given: int, wanted: int) -> Weights:
    """How much of each input pixel an output pixel covers."""
    edges = np.arange(wanted + 1) * (given / wanted)
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(given)
    covered = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None)
    return (covered / (given / wanted)).astype(np.float32)


def _bicubic(given: int, wanted: int) -> Weights:
    """Four neighbours, their weights from a table of 1024 steps; neighbours outside do not count."""
    scale = np.float32(given) / np.float32(wanted)
    at = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    below = np.floor(at).astype(int)
    step = np.rint((at - np.floor(at)) * 1024) / 1024
    weights = np.zeros((wanted, given))
    for k in range(-1, 3):
        place = below + k
        inside = (place >= 0) & (place < given)
        np.add.at(weights, (np.flatnonzero(inside), place[inside]), _keys_cubic(np.abs(k - step))[inside])
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _sampled(given: int, wanted: int, kernel: Callable[[Any], Any], radius: float, antialias: bool) -> Weights:
    """A kernel round each output place, stretched when pictures shrink and antialias is on; the weights sum to 1."""
    one = np.float32(1)  # in float32, as TensorFlow computes it: pixels at the very edge of a kernel then count or not as there
    ratio = one / (np.float32(wanted) / np.float32(given))
    stretch = max(ratio, one) if antialias else one
    at = ((np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * ratio)[:, None]
    far = np.abs(np.arange(given, dtype=np.float32) + np.float32(0.5) - at) * (one / stretch)
    weights = np.where(far <= radius, kernel(far), 0.0)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _triangle(x: Any) -> Any:
    return np.maximum(1 - x, 0)


def _keys_cubic(x: Any) -> Any:
    inner, outer = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def _mitchell_cubic(x: Any) -> Any:
    inner = ((7 / 6 * x - 2) * x) * x + 16 / 18
    outer = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


def _gaussian(x: Any) -> Any:
    return np.where(x < 1.5, np.exp(-(x**2) / (2 * 0.5**2)), 0.0)


_KERNELS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "bilinear": (_triangle, 1.0), "bicubic": (_keys_cubic, 2.0), "lanczos3": (_lanczos(3.0), 3.0), "lanczos5": (_lanczos(5.0), 5.0),
    "gaussian": (_gaussian, 1.5), "mitchellcubic": (_mitchell_cubic, 2.0),
}  # fmt: skip


@export("tf.image.resize_with_pad")
def resize_with_pad(image: Any, target_height: Any, target_width: Any, method: str = "bilinear", antialias: bool = False) -> Any:
    """Resized without changing its proportions, with zeros around it to fill the size.

    >>> tf.image.resize_with_pad(tf.ones((2, 4, 1)), 4, 4).numpy()[:, 0, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    x, tall, wide = as_image(image), int(target_height), int(target_width)
    rows, columns = size_of(x)
    ratio = max(columns / wide, rows / tall)
    exact = rows / ratio, columns / ratio
    size = [math.floor(n) for n in exact]
    top, left = (max(0, math.floor((whole - n) / 2)) for whole, n in zip((tall, wide), exact, strict=True))
    return pad_to_bounding_box(resize(x, size, method, antialias=antialias), top, left, tall, wide)
