"""Affine maps of pictures with linear interpolation, a batch at a time.   N pictures, H rows, W columns, C channels.

A map is a matrix [2, 3]: output (row, column) -> where in the input the value is taken from. Beyond the edges:

    nearest   aaaa|abcd|dddd      constant  kkkk|abcd|kkkk (k = cval)
    reflect   abcddcba|abcd|dcba  mirror    dcb|abcd|cba      wrap      abcdabcd|abcd|abcd

The numbers are those of scipy.ndimage.affine_transform(order=1), on which Keras stands; so `wrap` counts the last pixel and the
first as one.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from millstream.util.export import export


def transform_batch(images: Any, maps: Any, fill_mode: str = "nearest", cval: float = 0.0) -> Any:
    """Pictures [N, H, W, C] under maps [N, 2, 3]; dtype as given. Raises: RuntimeError for an unknown fill_mode."""
    n, height, width, channels = images.shape
    r, c = np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)
    m = np.asarray(maps, np.float64)[:, :, :, None, None]
    low_r, high_r, at_r, in_r = _neighbours(m[:, 0, 0] * r + m[:, 0, 1] * c + m[:, 0, 2], height, fill_mode)
    low_c, high_c, at_c, in_c = _neighbours(m[:, 1, 0] * r + m[:, 1, 1] * c + m[:, 1, 2], width, fill_mode)
    pixels = images.reshape(n * height * width, channels)
    first = (np.arange(n) * (height * width))[:, None, None]
    low_r, high_r = low_r * width + first, high_r * width + first
    at_r, at_c = at_r[..., None], at_c[..., None]
    upper = pixels.take(low_r + low_c, 0) * (1 - at_c) + pixels.take(low_r + high_c, 0) * at_c
    lower = pixels.take(high_r + low_c, 0) * (1 - at_c) + pixels.take(high_r + high_c, 0) * at_c
    found = upper * (1 - at_r) + lower * at_r
    if fill_mode == "constant":
        found = np.where((in_r & in_c)[..., None], found, cval)
    return _as_dtype(found, images.dtype)


def _neighbours(at: Any, size: int, mode: str) -> tuple[Any, Any, Any, Any]:
    """(pixel below, pixel above, place between them in 0..1, whether inside) of coordinates."""
    inside = (at >= 0) & (at <= size - 1)
    at = _fold(at, size, mode)
    low = np.floor(at)
    below = low.astype(np.intp)
    if mode in {"reflect", "mirror"}:
        bring = _reflected if mode == "reflect" else _mirrored
        return bring(below, size), bring(below + 1, size), at - low, inside
    return below, np.minimum(below + 1, size - 1), at - low, inside  # the last pixel's neighbour has weight 0


def _fold(x: Any, size: int, mode: str) -> Any:
    """Coordinates beyond the edges brought back."""
    if mode in {"nearest", "constant"}:
        return np.clip(x, 0, size - 1)
    if size <= 1 and mode in {"reflect", "mirror", "wrap"}:
        return np.zeros_like(x)
    if mode == "wrap":
        period = size - 1
        return np.where(x < 0, x + period * (np.trunc(-x / period) + 1), np.where(x > period, x - period * np.trunc(x / period), x))
    if mode in {"reflect", "mirror"}:
        return x  # their pixels are brought back instead
    raise RuntimeError(f"boundary mode not supported: {mode!r}; expected 'nearest', 'constant', 'reflect', 'mirror' or 'wrap'.")


def _mirrored(index: Any, size: int) -> Any:
    """Places beyond the edges mirrored at the edge pixels."""
    if size <= 1:
        return np.zeros_like(index)
    period = 2 * size - 2
    index = np.abs(index) % period
    return np.where(index >= size, period - index, index)


def _reflected(index: Any, size: int) -> Any:
    """Places beyond the edges mirrored at the edges themselves, so that edge pixels come twice."""
    index = np.mod(index, 2 * size)
    return np.where(index >= size, 2 * size - 1 - index, index)


def _as_dtype(values: Any, dtype: Any) -> Any:
    """Whole numbers are rounded, and clipped to their type's range."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.trunc(values + np.where(values > 0, 0.5, -0.5)), limits.min, limits.max)
    return values.astype(dtype)


# ---------------------------------------------------------------------------------------------- which map
Map = tuple[float, float, float, float, float, float]
UNCHANGED = {"theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1}


def matrix_of(parameters: Mapping[str, float], height: int, width: int) -> Any:
    """The map [2, 3] of a rotation theta and a shear (degrees), a shift (tx rows, ty columns) and a zoom (zx, zy), about the middle.

    None when nothing changes.
    """
    theta, tx, ty, shear, zx, zy = (parameters[k] for k in UNCHANGED)
    m: Map = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)  # a b c d of the matrix [[a, b], [c, d]], then the offsets
    if theta != 0:
        a = math.radians(theta)
        m = _after(m, (math.cos(a), -math.sin(a), math.sin(a), math.cos(a), 0, 0))
    if tx != 0 or ty != 0:
        m = _after(m, (1, 0, 0, 1, tx, ty))
    if shear != 0:
        a = math.radians(shear)
        m = _after(m, (1, -math.sin(a), 0, math.cos(a), 0, 0))
    if zx != 1 or zy != 1:
        m = _after(m, (zx, 0, 0, zy, 0, 0))
    if m == (1.0, 0.0, 0.0, 1.0, 0.0, 0.0):
        return None
    r, c = height / 2 + 0.5, width / 2 + 0.5  # the middle, as Keras 2.4 has it
    a, b, c_, d, up, left = _after(_after((1, 0, 0, 1, r, c), m), (1, 0, 0, 1, -r, -c))
    return (a, b, up), (c_, d, left)


def _after(m: Map, n: Map) -> Map:
    """The map m of what n gives: their product."""
    a, b, c, d, p, q = m
    e, f, g, h, s, t = n
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h, a * s + b * t + p, c * s + d * t + q


@export("tf.keras.preprocessing.image.apply_affine_transform")
def apply_affine_transform(
    x: Any, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0, zx: float = 1, zy: float = 1, row_axis: int = 0,
    col_axis: int = 1, channel_axis: int = 2, fill_mode: str = "nearest", cval: float = 0.0, order: int = 1,
) -> Any:  # fmt: skip
    """One picture rotated by theta and sheared (degrees), shifted by tx rows and ty columns, and zoomed.

    Raises: ValueError for an order of interpolation other than 1.
    >>> x = np.arange(4.0).reshape(2, 2, 1)
    >>> tf.keras.preprocessing.image.apply_affine_transform(x, ty=1)[:, :, 0].tolist()
    [[1.0, 1.0], [3.0, 3.0]]
    """
    if order != 1:
        raise ValueError(f"Only linear interpolation (order=1) is there; got order={order}.")
    parameters = {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy}
    return apply_map(np.asarray(x), parameters, (row_axis, col_axis, channel_axis), fill_mode, cval)


def apply_map(x: Any, parameters: Mapping[str, float], axes: tuple[int, int, int], fill_mode: str, cval: float) -> Any:
    """One picture, whose rows, columns and channels are on these axes, changed by the parameters of `matrix_of`."""
    picture = np.transpose(x, axes)
    matrix = matrix_of(parameters, *picture.shape[:2])
    if matrix is None:
        return x
    return np.transpose(transform_batch(picture[None], [matrix], fill_mode, cval)[0], np.argsort(axes))
