"""How images differ and vary: PSNR, SSIM, total variation, gradients, edges.

B batch, H height, W width, C channels
"""

from typing import Any

import numpy as np

from millstream.core.dtypes import float32
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast, stack
from millstream.ops.array.join import pad
from millstream.ops.array.shape import reshape
from millstream.ops.image.frames import as_image, convert_image_dtype, size_of
from millstream.ops.math.arithmetic import abs_
from millstream.ops.math.exponential import log
from millstream.ops.math.reduce import reduce_mean, reduce_sum
from millstream.util.export import export


def _floats(image: Any) -> Any:
    return convert_image_dtype(image, float32)


@export("tf.image.psnr")
def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Any:
    """Peak signal-to-noise ratio of images in decibels: float32[B].

    >>> float(tf.image.psnr(tf.zeros((2, 2, 1)), tf.ones((2, 2, 1)), 1.0))
    0.0
    """
    first, second = convert(a), convert(b)
    most = cast(max_val, first.dtype)
    most = _floats(most)
    error = reduce_mean((_floats(first) - _floats(second)) ** 2, [-3, -2, -1])
    return 20.0 * log(most) / np.float32(np.log(10.0)) - np.float32(10 / np.log(10)) * log(error)


def _gaussian(size: int, sigma: float) -> Any:
    at = np.arange(size, dtype=np.float32) - (size - 1) / 2
    powers = -0.5 * at**2 / sigma**2
    grid = np.exp(powers[:, None] + powers)
    return (grid / grid.sum()).astype(np.float32)


def _smoothed(x: Any, window: Any) -> Any:
    """The weighted mean in every window that lies inside the images; each channel for itself."""
    size = len(window)
    rows, columns = size_of(x)
    parts = [x[..., i : rows - size + 1 + i, j : columns - size + 1 + j, :] * float(window[i, j]) for i in range(size) for j in range(size)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@export("tf.image.ssim")
def ssim(img1: Any, img2: Any, max_val: Any, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03) -> Any:
    """Structural similarity of images, 1 where they are equal: float32[B].

    Raises: ValueError for images smaller than the filter.
    >>> float(tf.image.ssim(tf.ones((12, 12, 1)), tf.ones((12, 12, 1)), 1.0))
    1.0
    """
    x, y = _floats(as_image(img1)), _floats(as_image(img2))
    most = _floats(cast(max_val, convert(img1).dtype))
    if min(size_of(x)) < filter_size:
        raise ValueError(f"ssim needs images of at least filter_size={filter_size} pixels each way; got shape {tuple(x.shape)}.")
    window = _gaussian(filter_size, filter_sigma)
    first, second = (k1 * most) ** 2, (k2 * most) ** 2
    mean_x, mean_y = _smoothed(x, window), _smoothed(y, window)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    luminance = (2.0 * product + first) / (squares + first)
    shared, spread = 2.0 * _smoothed(x * y, window), _smoothed(x**2 + y**2, window)
    structure = (shared - 2.0 * product + second) / (spread - squares + second)
    return reduce_mean(reduce_mean(luminance * structure, [-3, -2]), -1)


@export("tf.image.total_variation")
def total_variation(images: Any, name: str | None = None) -> Any:
    """The sum of absolute differences of neighbours, for each image.

    >>> float(tf.image.total_variation([[[0.0], [2.0]], [[0.0], [0.0]]]))
    4.0
    """
    x = as_image(images)
    axes = [-3, -2, -1]
    return reduce_sum(abs_(x[..., 1:, :, :] - x[..., :-1, :, :]), axes) + reduce_sum(abs_(x[..., 1:, :] - x[..., :-1, :]), axes)


@export("tf.image.image_gradients")
def image_gradients(image: Any) -> tuple[Any, Any]:
    """Differences to the next row and to the next column, zero at the end. image [B, H, W, C].

    >>> [g.numpy().ravel().tolist() for g in tf.image.image_gradients([[[[1.0], [4.0]]]])]
    [[0.0, 0.0], [3.0, 0.0]]
    """
    x = as_image(image, (4,))
    down = pad(x[:, 1:] - x[:, :-1], [[0, 0], [0, 1], [0, 0], [0, 0]])
    return down, pad(x[:, :, 1:] - x[:, :, :-1], [[0, 0], [0, 0], [0, 1], [0, 0]])


_SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], np.float32)


@export("tf.image.sobel_edges")
def sobel_edges(image: Any) -> Any:
    """Sobel's edge filters along rows and columns: [B, H, W, C, 2].

    >>> tf.image.sobel_edges(tf.ones((1, 3, 3, 1))).shape
    TensorShape([1, 3, 3, 1, 2])
    """
    x = as_image(image, (4,))
    around = pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
    return reshape(stack([_smoothed(around, _SOBEL), _smoothed(around, _SOBEL.T)], axis=-1), [*x.shape, 2])
