"""What the functions on images share: ranks, and images of whole numbers computed as floats in [0, 1].

B batch, H height, W width, C channels
"""

from collections.abc import Callable
from typing import Any

from millstream.core.dtypes import as_dtype, float16, float32
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast
from millstream.util.export import export


def as_image(image: Any, ranks: tuple[int, ...] = (3, 4)) -> Any:
    """An image, or a batch of images. Raises: ValueError for another rank."""
    x = convert(image)
    if x.ndim not in ranks:
        told = " or ".join(map(str, ranks))
        raise ValueError(
            f"'image' must have {told} dimensions ([height, width, channels], with a batch in front for 4); got shape {tuple(x.shape)}."
        )
    return x


def saturated(x: Any, dtype: Any) -> Any:
    """Cast to whole numbers, values beyond their range becoming its ends."""
    from millstream.ops.math.arithmetic import maximum, minimum

    low, high = dtype.min, dtype.max
    if x.dtype.is_floating or x.dtype.min < low:
        x = maximum(x, cast(low, x.dtype))
    if x.dtype.is_floating or x.dtype.max > high:
        x = minimum(x, cast(high, x.dtype))
    return cast(x, dtype)


@export("tf.image.convert_image_dtype")
def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """An image in another dtype, scaled: floats lie in [0, 1], whole numbers between 0 and their largest.

    saturate: values beyond the range become its ends instead of wrapping round.
    >>> tf.image.convert_image_dtype(tf.constant([[[0, 255]]], tf.uint8), tf.float32).numpy().tolist()
    [[[0.0, 1.0]]]
    """
    x, target = convert(image), as_dtype(dtype)
    if not target.is_floating and not target.is_integer:
        raise AttributeError("dtype must be either floating point or integer")
    if x.dtype is target:
        return x
    if x.dtype.is_integer and target.is_integer:
        return _between_whole_numbers(x, target, saturate)
    if x.dtype.is_floating and target.is_floating:
        return cast(x, target)
    if x.dtype.is_integer:
        return cast(x, target) * (1.0 / x.dtype.max)
    scaled = x * (target.max + 0.5)
    return saturated(scaled, target) if saturate else cast(scaled, target)


def _between_whole_numbers(x: Any, target: Any, saturate: bool) -> Any:
    if x.dtype.max > target.max:
        scaled = x // cast((x.dtype.max + 1) // (target.max + 1), x.dtype)
        return saturated(scaled, target) if saturate else cast(scaled, target)
    made = saturated(x, target) if saturate else cast(x, target)
    return made * cast((target.max + 1) // (x.dtype.max + 1), target)


def in_floats(image: Any, function: Callable[[Any], Any], saturate: bool = True) -> Any:
    """A function of floats in [0, 1] applied to an image of any dtype, its result in the image's dtype."""
    x = convert(image)
    kept = x.dtype in (float16, float32)
    return convert_image_dtype(function(x if kept else convert_image_dtype(x, float32)), x.dtype, saturate)


def size_of(x: Any) -> tuple[int, int]:
    """Height and width."""
    return int(x.shape[-3]), int(x.shape[-2])
