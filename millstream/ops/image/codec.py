"""Pictures of files as tensors and back: JPEG, PNG, GIF, BMP, by Pillow. A JPEG's values may be a few levels off TensorFlow's decoder."""

import io
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import as_dtype, int32, string, uint8, uint16
from millstream.core.tensor import Tensor, convert
from millstream.ops.image.frames import convert_image_dtype
from millstream.util.errors import invalid
from millstream.util.export import export

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _bytes(contents: Any) -> bytes:
    """The bytes of a string scalar. Raises: InvalidArgumentError."""
    x = convert(contents)
    if x.dtype is not string or x.ndim:
        raise invalid(f"contents must be a scalar string, the bytes of a file (tf.io.read_file); got {x.dtype.name} of shape {x.shape}.")
    return bytes(np.asarray(x._array, object)[()])


def _opened(data: bytes, *kinds: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(data))
    except (UnidentifiedImageError, OSError):
        raise invalid(f"Unknown image file format. One of {', '.join(kinds)} required; the file begins with {data[:8]!r}.") from None
    if picture.format not in kinds:
        raise invalid(f"Expected a file of {', '.join(kinds)}; got {picture.format}.")
    return picture


def _pixels(picture: Any, channels: int) -> Any:
    """uint8[H, W, channels]; 0: as many as the file has."""
    if channels not in (0, 1, 2, 3, 4):
        raise invalid(f"channels must be 0, 1, 3, or 4 got {channels}")
    if not channels:
        channels = {"L": 1, "1": 1, "I;16": 1, "LA": 2, "RGBA": 4}.get(picture.mode, 3)
        if picture.mode == "P":
            channels = 4 if "transparency" in picture.info else 3
    mode = _MODES[channels]
    array = np.asarray(picture if picture.mode == mode else picture.convert(mode), np.uint8)
    return array.reshape(*array.shape[:2], channels)


@export("tf.image.decode_jpeg", "tf.io.decode_jpeg")
def decode_jpeg(
    contents: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True, try_recover_truncated: bool = False,
    acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """The pixels of a JPEG file's bytes (PNG, GIF and BMP are read as well): uint8[H, W, C]. ratio: made smaller by 1, 2, 4 or 8.

    Raises: InvalidArgumentError for bytes that are no picture.
    >>> tf.io.decode_jpeg(tf.io.encode_jpeg(tf.zeros((2, 3, 3), tf.uint8))).shape
    TensorShape([2, 3, 3])
    """
    picture = _opened(_bytes(contents), "JPEG", "PNG", "GIF", "BMP")
    if ratio not in (1, 2, 4, 8):
        raise invalid(f"ratio must be 1, 2, 4, or 8; got {ratio}.")
    if ratio > 1:
        picture = picture.reduce(ratio)
    return wrap(_pixels(picture, channels))


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


@export("tf.image.decode_png", "tf.io.decode_png")
def decode_png(contents: Any, channels: int = 0, dtype: Any = uint8, name: str | None = None) -> Tensor:
    """The pixels of a PNG file's bytes: uint8 or uint16[H, W, C].

    Raises: InvalidArgumentError for bytes that are no picture.
    >>> tf.io.decode_png(tf.io.encode_png(tf.constant([[[7]]], tf.uint8))).numpy().tolist()
    [[[7]]]
    """
    target = as_dtype(dtype)
    if target not in (uint8, uint16):
        raise TypeError(f"decode_png makes uint8 or uint16; got dtype {target.name}.")
    picture = _opened(_bytes(contents), "PNG", "JPEG", "GIF", "BMP")
    if picture.mode.startswith("I"):  # 16 bits of grey
        wide = np.asarray(picture).astype(np.uint16)[..., None]
        return wrap(wide if target is uint16 else (wide >> 8).astype(np.uint8))
    pixels = _pixels(picture, channels)
    return wrap(pixels if target is uint8 else pixels.astype(np.uint16) * np.uint16(257))


@export("tf.image.decode_bmp", "tf.io.decode_bmp")
def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """The pixels of a BMP file's bytes: uint8[H, W, C]. Raises: InvalidArgumentError for bytes that are none."""
    return wrap(_pixels(_opened(_bytes(contents), "BMP"), channels))


@export("tf.image.decode_gif", "tf.io.decode_gif")
def decode_gif(contents: Any, name: str | None = None) -> Tensor:
    """The frames of a GIF file's bytes: uint8[frames, H, W, 3]. Raises: InvalidArgumentError for bytes that are none."""
    from PIL import ImageSequence

    frames = ImageSequence.Iterator(_opened(_bytes(contents), "GIF"))
    return wrap(np.stack([_pixels(frame, 3) for frame in frames]))


@export("tf.image.decode_image", "tf.io.decode_image")
def decode_image(
    contents: Any, channels: int | None = None, dtype: Any = uint8, name: str | None = None, expand_animations: bool = True
) -> Any:
    """The pixels of a JPEG, PNG, BMP or GIF file's bytes, in a dtype (floats in [0, 1]).

    A GIF has an axis of frames in front; with expand_animations=False its first frame is taken.
    >>> tf.io.decode_image(tf.io.encode_png(tf.zeros((2, 3, 1), tf.uint8)), dtype=tf.float32).shape
    TensorShape([2, 3, 1])
    """
    data = _bytes(contents)
    if data[:3] == b"GIF":
        frames = decode_gif(wrap(np.array(data, object)))
        found = frames if expand_animations else frames[0]  # type: ignore[index]  # installed by the ops
    else:
        found = wrap(_pixels(_opened(data, "JPEG", "PNG", "GIF", "BMP"), channels or 0))
    return convert_image_dtype(found, dtype)


def _picture(image: Any, channels: tuple[int, ...]) -> Any:
    from PIL import Image

    pixels = convert(image).numpy()
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in channels:
        raise invalid(f"image must be uint8[height, width, {channels} channels]; got {pixels.dtype} of shape {pixels.shape}.")
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _stored(picture: Any, **options: Any) -> Tensor:
    file = io.BytesIO()
    picture.save(file, **options)
    return wrap(np.array(file.getvalue(), object))


@export("tf.image.encode_jpeg", "tf.io.encode_jpeg")
def encode_jpeg(
    image: Any, format: str = "", quality: int = 95, progressive: bool = False, optimize_size: bool = False, chroma_downsampling: bool = True,
    density_unit: str = "in", x_density: int = 300, y_density: int = 300, xmp_metadata: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """A JPEG file's bytes of uint8[H, W, 1 or 3].

    >>> bool(tf.io.is_jpeg(tf.io.encode_jpeg(tf.zeros((2, 2, 3), tf.uint8))))
    True
    """
    picture = _picture(image, (1, 3))
    return _stored(
        picture, format="JPEG", quality=quality, progressive=progressive, optimize=optimize_size, dpi=(x_density, y_density),
        subsampling=2 if chroma_downsampling else 0,
    )  # fmt: skip


@export("tf.image.encode_png", "tf.io.encode_png")
def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """A PNG file's bytes of uint8[H, W, 1 to 4]. compression: -1 (usual), or 0 to 9.

    >>> tf.io.encode_png(tf.zeros((2, 2, 3), tf.uint8)).numpy()[1:4]
    b'PNG'
    """
    return _stored(_picture(image, (1, 2, 3, 4)), format="PNG", compress_level=6 if compression < 0 else compression)


@export("tf.image.is_jpeg", "tf.io.is_jpeg")
def is_jpeg(contents: Any, name: str | None = None) -> Tensor:
    """Whether bytes begin as a JPEG file's do.

    >>> bool(tf.io.is_jpeg("text"))
    False
    """
    return wrap(np.bool_(_bytes(contents)[:3] == b"\xff\xd8\xff"))


@export("tf.image.extract_jpeg_shape", "tf.io.extract_jpeg_shape")
def extract_jpeg_shape(contents: Any, output_type: Any = int32, name: str | None = None) -> Tensor:
    """Height, width and channels of a JPEG file's bytes.

    >>> tf.io.extract_jpeg_shape(tf.io.encode_jpeg(tf.zeros((2, 3, 3), tf.uint8))).numpy().tolist()
    [2, 3, 3]
    """
    picture = _opened(_bytes(contents), "JPEG")
    return wrap(np.array([picture.height, picture.width, len(picture.getbands())], as_dtype(output_type).as_numpy_dtype))


@export("tf.image.adjust_jpeg_quality")
def adjust_jpeg_quality(image: Any, jpeg_quality: int, name: str | None = None) -> Any:
    """An image after being stored as a JPEG file of a quality from 0 to 100.

    >>> tf.image.adjust_jpeg_quality(tf.zeros((8, 8, 3)), 50).shape
    TensorShape([8, 8, 3])
    """
    x = convert(image)
    stored = encode_jpeg(convert_image_dtype(x, uint8, saturate=True), quality=int(jpeg_quality))
    return convert_image_dtype(decode_jpeg(stored, int(x.shape[-1])), x.dtype, saturate=True)
