"""Flips, turns, crops and borders of images. image [H, W, C] or [B, H, W, C].

B batch, H height, W width, C channels
"""

from typing import Any

from millstream.core.tensor import convert
from millstream.ops.array.indexing import reverse
from millstream.ops.array.join import pad
from millstream.ops.array.shape import transpose
from millstream.ops.image.frames import as_image, size_of
from millstream.util.export import export


@export("tf.image.flip_left_right")
def flip_left_right(image: Any) -> Any:
    """Mirrored: the columns from right to left.

    >>> tf.image.flip_left_right([[[1], [2]]]).numpy().tolist()
    [[[2], [1]]]
    """
    x = as_image(image)
    return reverse(x, [x.ndim - 2])


@export("tf.image.flip_up_down")
def flip_up_down(image: Any) -> Any:
    """Upside down: the rows from the bottom to the top.

    >>> tf.image.flip_up_down([[[1]], [[2]]]).numpy().tolist()
    [[[2]], [[1]]]
    """
    x = as_image(image)
    return reverse(x, [x.ndim - 3])


@export("tf.image.transpose")
def transposed(image: Any, name: str | None = None) -> Any:
    """Rows and columns exchanged.

    >>> tf.image.transpose([[[1], [2]]]).shape
    TensorShape([2, 1, 1])
    """
    x = as_image(image)
    return transpose(x, [1, 0, 2] if x.ndim == 3 else [0, 2, 1, 3])


@export("tf.image.rot90")
def rot90(image: Any, k: Any = 1, name: str | None = None) -> Any:
    """Turned by 90 degrees k times, against the clock.

    >>> tf.image.rot90([[[1], [2]]]).numpy().tolist()
    [[[2]], [[1]]]
    """
    x, turns = as_image(image), int(k) % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip_up_down(flip_left_right(x))
    return flip_up_down(transposed(x)) if turns == 1 else transposed(flip_up_down(x))


@export("tf.image.crop_to_bounding_box")
def crop_to_bounding_box(image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any) -> Any:
    """The part of an image in a box. Raises: ValueError when the box leaves the image.

    >>> tf.image.crop_to_bounding_box(tf.reshape(tf.range(9), (3, 3, 1)), 1, 1, 1, 2).numpy().tolist()
    [[[4], [5]]]
    """
    x = as_image(image)
    top, left, tall, wide = int(offset_height), int(offset_width), int(target_height), int(target_width)
    rows, columns = size_of(x)
    for said, wrong in (
        ("offset_width must be >= 0", left < 0), ("offset_height must be >= 0", top < 0), ("target_width must be > 0", wide <= 0),
        ("target_height must be > 0", tall <= 0), ("width must be >= target + offset", left + wide > columns),
        ("height must be >= target + offset", top + tall > rows),
    ):  # fmt: skip
        if wrong:
            raise ValueError(f"{said}; got the box ({top}, {left}, {tall}, {wide}) in an image of {rows} x {columns}.")
    return x[..., top : top + tall, left : left + wide, :]


@export("tf.image.pad_to_bounding_box")
def pad_to_bounding_box(image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any) -> Any:
    """An image in a larger frame of zeros. Raises: ValueError when it does not fit.

    >>> tf.image.pad_to_bounding_box([[[7]]], 0, 1, 1, 3).numpy().tolist()
    [[[0], [7], [0]]]
    """
    x = as_image(image)
    top, left = int(offset_height), int(offset_width)
    rows, columns = size_of(x)
    below, right = int(target_height) - top - rows, int(target_width) - left - columns
    for said, wrong in (
        ("offset_height must be >= 0", top < 0), ("offset_width must be >= 0", left < 0),
        ("width must be <= target - offset", right < 0), ("height must be <= target - offset", below < 0),
    ):  # fmt: skip
        if wrong:
            raise ValueError(f"{said}; got offsets ({top}, {left}) and target ({target_height}, {target_width}) for {rows} x {columns}.")
    borders = [[top, below], [left, right], [0, 0]]
    return pad(x, borders if x.ndim == 3 else [[0, 0], *borders])


@export("tf.image.central_crop")
def central_crop(image: Any, central_fraction: float) -> Any:
    """The middle of an image, a fraction of its height and width. Raises: ValueError for a fraction outside (0, 1].

    >>> tf.image.central_crop(tf.ones((4, 8, 1)), 0.5).shape
    TensorShape([2, 4, 1])
    """
    x = as_image(image)
    if not 0.0 < central_fraction <= 1.0:
        raise ValueError(f"central_fraction must be within (0, 1]; got {central_fraction}.")
    rows, columns = size_of(x)
    top, left = (int((n - n * central_fraction) / 2) for n in (rows, columns))
    return x[..., top : rows - top, left : columns - left, :]


@export("tf.image.resize_with_crop_or_pad")
def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Any:
    """Cropped in the middle where it is too large, with zeros around it where it is too small.

    >>> tf.image.resize_with_crop_or_pad([[[1], [2], [3]]], 1, 1).numpy().tolist()
    [[[2]]]
    """
    x, tall, wide = as_image(image), int(target_height), int(target_width)
    if tall <= 0 or wide <= 0:
        raise ValueError(f"target_height and target_width must be > 0; got {tall} and {wide}.")
    rows, columns = size_of(x)
    more, wider = tall - rows, wide - columns
    cropped = crop_to_bounding_box(x, max(-more // 2, 0), max(-wider // 2, 0), min(tall, rows), min(wide, columns))
    return pad_to_bounding_box(cropped, max(more // 2, 0), max(wider // 2, 0), tall, wide)


def as_size(size: Any) -> tuple[int, int]:
    """[height, width] as two numbers. Raises: ValueError."""
    sizes = [int(n) for n in convert(size).numpy().reshape(-1)]
    if len(sizes) != 2:
        raise ValueError(f"'size' must be a 1-D Tensor of 2 elements: new_height, new_width; got {size!r}.")
    return sizes[0], sizes[1]
