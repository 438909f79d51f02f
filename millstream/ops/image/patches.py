"""Patches of images, and boxes cut out of them and resized.

B batch, H height, W width, C channels, N boxes
"""

from typing import Any

import numpy as np

from millstream.core.dtypes import float32, int32
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast, stack
from millstream.ops.array.gather import gather, gather_nd, where
from millstream.ops.array.join import pad
from millstream.ops.array.shape import broadcast_to, expand_dims, reshape, transpose
from millstream.ops.image.frames import as_image, size_of
from millstream.ops.image.sizes import as_size
from millstream.ops.math.combine import clip_by_value
from millstream.ops.math.rounding import ceil, floor
from millstream.util.export import export


def _windows(given: int, size: int, stride: int, rate: int, padding: str) -> tuple[Any, tuple[int, int]]:
    """The places of each window [windows, size] in the padded input, and the padding before and after."""
    reach = (size - 1) * rate + 1
    count = -(-given // stride) if padding == "SAME" else max(-(-(given - reach + 1) // stride), 0)
    missing = max((count - 1) * stride + reach - given, 0) if padding == "SAME" else 0
    places = np.arange(count)[:, None] * stride + np.arange(size) * rate
    return places.astype(np.int32), (missing // 2, missing - missing // 2)


@export("tf.image.extract_patches")
def extract_patches(images: Any, sizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None) -> Any:
    """Windows of images, laid out in the last axis. images [B, H, W, C] -> [B, rows, columns, size * size * C].

    sizes, strides, rates: [1, along H, along W, 1]. padding: "VALID" or "SAME".
    >>> tf.image.extract_patches(tf.ones((1, 4, 4, 3)), [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID").shape
    TensorShape([1, 2, 2, 12])
    """
    x = as_image(images, (4,))
    if padding not in ("VALID", "SAME"):
        raise ValueError(f"padding is 'VALID' or 'SAME'; got {padding!r}.")
    (rows, columns), batch, channels = size_of(x), int(x.shape[0]), int(x.shape[-1])
    down, above = _windows(rows, sizes[1], strides[1], rates[1], padding)
    across, beside = _windows(columns, sizes[2], strides[2], rates[2], padding)
    if padding == "SAME":
        x = pad(x, [[0, 0], above, beside, [0, 0]])
    cut = gather(gather(x, down, axis=1), across, axis=3)  # [B, rows, size, columns, size, C]
    return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [batch, len(down), len(across), sizes[1] * sizes[2] * channels])


def _places(low: Any, high: Any, given: int, wanted: int) -> Any:
    """Where in the image the pixels of each box are taken: [N, wanted]."""
    if wanted == 1:
        return expand_dims(0.5 * (low + high) * float(given - 1), 1)
    step = (high - low) * float(given - 1) / float(wanted - 1)
    return expand_dims(low * float(given - 1), 1) + expand_dims(step, 1) * np.arange(wanted, dtype=np.float32)


@export("tf.image.crop_and_resize")
def crop_and_resize(
    image: Any,
    boxes: Any,
    box_indices: Any,
    crop_size: Any,
    method: str = "bilinear",
    extrapolation_value: Any = 0,
    name: str | None = None,
) -> Any:
    """Boxes cut out of images and resized: float32[N, height, width, C].

    image [B, H, W, C]; boxes [N, 4]: y1, x1, y2, x2, where 0 to 1 spans the image; box_indices [N]: the image of each box.
    Outside the image is extrapolation_value. method: "bilinear" or "nearest".
    >>> tf.image.crop_and_resize(tf.ones((1, 4, 4, 3)), [[0.0, 0.0, 1.0, 1.0]], [0], (2, 2)).shape
    TensorShape([1, 2, 2, 3])
    """
    if method not in ("bilinear", "nearest"):
        raise ValueError(f"method is 'bilinear' or 'nearest'; got {method!r}.")
    corners: Any = convert(boxes)
    x, (tall, wide) = cast(as_image(image, (4,)), float32), as_size(crop_size)
    rows, columns = size_of(x)
    y = _places(corners[:, 0], corners[:, 2], rows, tall)[:, :, None]
    across = _places(corners[:, 1], corners[:, 3], columns, wide)[:, None, :]
    indices: Any = cast(box_indices, int32)
    which = indices[:, None, None]

    def at(i: Any, j: Any) -> Any:
        shape = [int(corners.shape[0]), tall, wide]
        places = (which, cast(clip_by_value(i, 0, rows - 1), int32), cast(clip_by_value(j, 0, columns - 1), int32))
        return gather_nd(x, stack([broadcast_to(p, shape) for p in places], axis=-1))

    found = at(floor(y + 0.5), floor(across + 0.5)) if method == "nearest" else _mixed(at, y, across)
    inside = (y >= 0) & (y <= rows - 1) & (across >= 0) & (across <= columns - 1)
    return where(expand_dims(inside, -1), found, cast(extrapolation_value, float32))


def _mixed(at: Any, y: Any, x: Any) -> Any:
    """The four pixels round each place, mixed by their distances."""
    down, across = (y - floor(y))[..., None], (x - floor(x))[..., None]
    above = at(floor(y), floor(x)) + (at(floor(y), ceil(x)) - at(floor(y), floor(x))) * across
    below = at(ceil(y), floor(x)) + (at(ceil(y), ceil(x)) - at(ceil(y), floor(x))) * across
    return above + (below - above) * down
