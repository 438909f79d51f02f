"""Parts of JPEG files, and what storing a picture as JPEG does to it."""

from typing import Any

from millstream.core.dispatch import wrap
from millstream.core.dtypes import uint8
from millstream.core.tensor import Tensor, convert
from millstream.ops.codecs import decode_jpeg, encode_jpeg
from millstream.ops.image.frames import convert_image_dtype
from millstream.util.errors import invalid
from millstream.util.export import export


@export("tf.image.decode_and_crop_jpeg", "tf.io.decode_and_crop_jpeg")
def decode_and_crop_jpeg(
    contents: Any, crop_window: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True, try_recover_truncated: bool = False,
    acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """A part of a JPEG file's picture; crop_window: [top, left, height, width].

    >>> tf.io.decode_and_crop_jpeg(tf.io.encode_jpeg(tf.zeros((4, 4, 3), tf.uint8)), [1, 1, 2, 3]).shape
    TensorShape([2, 3, 3])
    """
    top, left, tall, wide = (int(n) for n in convert(crop_window).numpy())
    whole = decode_jpeg(contents, channels, ratio)._array
    if min(top, left) < 0 or top + tall > whole.shape[0] or left + wide > whole.shape[1]:
        raise invalid(f"Invalid crop window {[top, left, tall, wide]} for a picture of {whole.shape[0]} x {whole.shape[1]}.")
    return wrap(whole[top : top + tall, left : left + wide])


@export("tf.image.adjust_jpeg_quality")
def adjust_jpeg_quality(image: Any, jpeg_quality: int, name: str | None = None) -> Any:
    """An image after being stored as a JPEG file of a quality from 0 to 100.

    >>> tf.image.adjust_jpeg_quality(tf.zeros((8, 8, 3)), 50).shape
    TensorShape([8, 8, 3])
    """
    x = convert(image)
    stored = encode_jpeg(convert_image_dtype(x, uint8, saturate=True), quality=int(jpeg_quality))
    return convert_image_dtype(decode_jpeg(stored, int(x.shape[-1])), x.dtype, saturate=True)
