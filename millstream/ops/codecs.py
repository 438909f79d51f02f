"""Pictures as bytes of PNG, JPEG, GIF or BMP, and as arrays (by Pillow).   H rows, W columns, C channels, F frames.

TensorFlow's decode_jpeg takes a quicker, less exact transform unless dct_method="INTEGER_ACCURATE"; here it is always the exact one.
"""

import io
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, string, uint8, uint16
from millstream.core.tensor import Tensor, convert
from millstream.util.errors import UnimplementedError, invalid
from millstream.util.export import export

_STARTS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP"}
_LUMINANCE = np.array([9797, 19234, 3737])  # of 32768: red, green and blue, as libpng weighs them


def _bytes_of(contents: Any) -> bytes:
    value = convert(contents)
    if value.dtype is not string or value.ndim != 0:
        raise invalid(f"contents must be a scalar string; got {value.dtype.name} of shape {value.shape}. tf.io.read_file gives one.")
    return bytes(np.asarray(value._array)[()])


def _kind(data: bytes) -> str:
    """What the bytes are a picture in. Raises: InvalidArgumentError."""
    if not data:
        raise invalid("Input is empty.")
    for start, kind in _STARTS.items():
        if data.startswith(start):
            return kind
    raise invalid(f"Unknown image file format. One of JPEG, PNG, GIF, BMP required. The bytes begin with {data[:8]!r}.")


def _opened(data: bytes, channels: int) -> Any:
    """A Pillow image, its pixels read. Raises: InvalidArgumentError for what is damaged."""
    from PIL import Image

    kind = _kind(data)
    try:
        img = Image.open(io.BytesIO(data), formats=[kind])
        if kind == "JPEG" and channels in {1, 3}:
            img.draft("L" if channels == 1 else "YCbCr" if img.mode == "L" else "RGB", img.size)
        img.load()
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise invalid(f"Invalid {kind} data, size {len(data)}: {error}") from error
    return img


# ---------------------------------------------------------------------------------------------- to arrays
def _array(img: Any, channels: int) -> Any:
    """[H, W, C] of an image; channels 0: those it has."""
    if img.mode == "P":
        img = img.convert("RGBA" if "transparency" in img.info else "RGB")
    if img.mode in {"1", "CMYK", "YCbCr", "PA"}:
        img = img.convert({"1": "L", "PA": "RGBA"}.get(img.mode, "RGB"))
    array = np.asarray(img)
    array = array.astype(np.uint16) if img.mode.startswith("I") else array
    array = array[:, :, None] if array.ndim == 2 else array
    return array if channels in {0, array.shape[2]} else _with_channels(array, channels)


def _with_channels(array: Any, channels: int) -> Any:
    has = array.shape[2]
    opaque = np.full((*array.shape[:2], 1), np.iinfo(array.dtype).max, array.dtype)
    alpha = array[:, :, -1:] if has in {2, 4} else opaque
    colors = array[:, :, : has - 1 if has in {2, 4} else has]
    if channels == 1:
        return colors if colors.shape[2] == 1 else (colors @ _LUMINANCE >> 15).astype(array.dtype)[:, :, None]
    colors = np.repeat(colors, 3, axis=2) if colors.shape[2] == 1 else colors
    return colors if channels == 3 else np.concatenate([colors, alpha], axis=2)


def _of_depth(array: Any, dtype: DType) -> Any:
    """8 or 16 bits, as asked for."""
    if dtype is uint16 and array.dtype == np.uint8:
        return array.astype(np.uint16) * 257
    return (array >> 8).astype(np.uint8) if dtype is uint8 and array.dtype == np.uint16 else array


def _check_channels(channels: int, allowed: tuple[int, ...]) -> int:
    if channels not in allowed:
        raise invalid(f"`channels` must be {', '.join(map(str, allowed[:-1]))} or {allowed[-1]} but got {channels}")
    return int(channels)


def _refuse_deep_colors(data: bytes, dtype: DType) -> None:
    """Pillow reads 16-bit colours as 8 bits."""
    if dtype is uint16 and data.startswith(b"\x89PNG") and data[24:25] == b"\x10" and data[25:26] not in {b"\x00", b""}:
        raise UnimplementedError(None, None, "PNG files of colours with 16 bits are read with 8 bits only: leave dtype=tf.uint16 out.")


@export("tf.io.decode_png", "tf.image.decode_png")
def decode_png(contents: Any, channels: int = 0, dtype: Any = uint8, name: str | None = None) -> Tensor:
    """A PNG's pixels [H, W, C]. Args: channels, 1, 3, 4, or 0 for the file's own; dtype, uint8 or uint16.

    Raises: InvalidArgumentError for what is no picture, or a damaged one.
    >>> tf.io.decode_png(tf.io.encode_png(np.full((2, 3, 1), 7, np.uint8))).numpy()[0, :, 0].tolist()
    [7, 7, 7]
    """
    data, wanted = _bytes_of(contents), as_dtype(dtype)
    _refuse_deep_colors(data, wanted)
    return wrap(_of_depth(_array(_opened(data, 0), _check_channels(channels, (0, 1, 3, 4))), wanted))


@export("tf.io.decode_jpeg", "tf.image.decode_jpeg")
def decode_jpeg(
    contents: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True, try_recover_truncated: bool = False,
    acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """A JPEG's pixels, uint8 [H, W, C]. Args: channels, 1, 3, or 0 for the file's own; ratio, 1, 2, 4 or 8: smaller by that.

    Raises: InvalidArgumentError for what is no picture, or a damaged one.
    """
    channels = _check_channels(channels, (0, 1, 3))
    if ratio not in {1, 2, 4, 8}:
        raise invalid(f"ratio must be 1, 2, 4, or 8, got {ratio}")
    img = _opened(_bytes_of(contents), channels)
    img = img if ratio == 1 else img.reduce(ratio)
    return wrap(_array(img, channels))


@export("tf.io.decode_bmp", "tf.image.decode_bmp")
def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """A BMP's pixels, uint8 [H, W, C]. Args: channels, 1, 3, 4, or 0 for the file's own."""
    return wrap(_array(_opened(_bytes_of(contents), 0), _check_channels(channels, (0, 1, 3, 4))))


@export("tf.io.decode_gif", "tf.image.decode_gif")
def decode_gif(contents: Any, name: str | None = None) -> Tensor:
    """All frames of a GIF, uint8 [F, H, W, 3]."""
    return wrap(_frames(_opened(_bytes_of(contents), 3)))


def _frames(img: Any) -> Any:
    from PIL import ImageSequence

    return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(img)])


@export("tf.io.decode_image", "tf.image.decode_image")
def decode_image(
    contents: Any, channels: int | None = None, dtype: Any = uint8, name: str | None = None, expand_animations: bool = True
) -> Tensor:
    """The pixels of a PNG, JPEG or BMP [H, W, C], or of a GIF [F, H, W, 3].

    Args: channels; dtype: uint8, uint16, or a float type, whose values are 0 to 1; expand_animations, False for a GIF's first frame as [H, W, 3].
    Raises: InvalidArgumentError for what is no picture.
    """
    data, wanted = _bytes_of(contents), as_dtype(dtype)
    channels = _check_channels(channels or 0, (0, 1, 3, 4))
    img = _opened(data, channels)
    if _kind(data) == "GIF":
        array = _frames(img)
        array = array if expand_animations else array[0]
    else:
        _refuse_deep_colors(data, wanted)
        array = _array(img, channels)
    if wanted.is_floating:
        return wrap(array.astype(wanted.numpy) / wanted.numpy.type(np.iinfo(array.dtype).max))
    if wanted not in {uint8, uint16}:
        raise invalid(f"decode_image gives uint8, uint16 or floats; dtype={wanted.name} was asked for. Cast the result.")
    return wrap(_of_depth(array, wanted))


# ---------------------------------------------------------------------------------------------- to bytes
def _picture(image: Any, allowed: tuple[int, ...]) -> Any:
    """[H, W, C] of uint8 or uint16. Raises: InvalidArgumentError for another rank, number of channels or dtype."""
    value = convert(image)
    if value.dtype not in {uint8, uint16}:
        raise invalid(
            f"Value for attr 'T' of {value.dtype.name} is not in the list of allowed values: uint8, uint16. Cast the picture to tf.uint8."
        )
    if value.ndim != 3:
        raise invalid(f"image must be 3-dimensional{list(value.shape)}")
    array = np.asarray(value._array)
    if array.shape[2] not in allowed:
        raise invalid(f"image must have {', '.join(map(str, allowed))} channels, and has {array.shape[2]}")
    return array[:, :, 0] if array.shape[2] == 1 else array


def _written(img: Any, **options: Any) -> Tensor:
    out = io.BytesIO()
    img.save(out, **options)
    made = np.empty((), object)
    made[()] = out.getvalue()
    return wrap(made)


@export("tf.io.encode_png", "tf.image.encode_png")
def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """A picture [H, W, C] as the bytes of a PNG. Args: compression, 0 (none) to 9, -1 for the usual.

    Raises: InvalidArgumentError for other shapes and dtypes.
    """
    from PIL import Image

    array = _picture(image, (1, 2, 3, 4))
    if array.dtype == np.uint16 and array.ndim == 3:
        raise UnimplementedError(None, None, "Colours of 16 bits cannot be written: cast the picture to tf.uint8.")
    return _written(Image.fromarray(array), format="PNG", **({"compress_level": compression} if compression >= 0 else {}))


@export("tf.io.encode_jpeg", "tf.image.encode_jpeg")
def encode_jpeg(
    image: Any, format: str = "", quality: int = 95, progressive: bool = False, optimize_size: bool = False,
    chroma_downsampling: bool = True, density_unit: str = "in", x_density: int = 300, y_density: int = 300, xmp_metadata: str = "",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """A picture, uint8 [H, W, C], as the bytes of a JPEG. Args: quality, 0 to 100.

    Raises: InvalidArgumentError for other shapes and dtypes.
    """
    from PIL import Image

    array = _picture(image, (1, 3))
    if array.dtype != np.uint8:
        raise invalid(f"A JPEG has 8 bits; the picture is {array.dtype}. Cast it to tf.uint8.")
    options = {"quality": quality, "progressive": progressive, "optimize": optimize_size, "dpi": (x_density, y_density)}
    return _written(Image.fromarray(array), format="JPEG", subsampling=2 if chroma_downsampling else 0, **options)


@export("tf.io.is_jpeg", "tf.image.is_jpeg")
def is_jpeg(contents: Any, name: str | None = None) -> Tensor:
    """Whether bytes begin as a JPEG does."""
    return wrap(np.bool_(_bytes_of(contents).startswith(b"\xff\xd8\xff")))


@export("tf.io.extract_jpeg_shape", "tf.image.extract_jpeg_shape")
def extract_jpeg_shape(contents: Any, output_type: Any = "int32", name: str | None = None) -> Tensor:
    """[H, W, C] of a JPEG."""
    img = _opened(_bytes_of(contents), 0)
    return wrap(np.array([img.height, img.width, len(img.getbands())], as_dtype(output_type).numpy))


@export("tf.io.decode_raw")
def decode_raw(
    input_bytes: Any, out_type: Any, little_endian: bool = True, fixed_length: int | None = None, name: str | None = None
) -> Tensor:
    """Bytes as numbers: string [...] -> out_type [..., count]. Args: fixed_length, bytes to cut or fill up to.

    Raises: InvalidArgumentError when lengths differ or are no multiple of the type's size.
    >>> tf.io.decode_raw(b"abc", tf.uint8).numpy().tolist()
    [97, 98, 99]
    """
    texts, dtype = np.asarray(convert(input_bytes)._array, object), as_dtype(out_type).numpy
    items = [bytes(t) if fixed_length is None else bytes(t)[:fixed_length].ljust(fixed_length, b"\x00") for t in texts.reshape(-1)]
    if len({len(i) for i in items}) > 1:
        raise invalid(f"DecodeRaw requires input strings to all be the same size, but they have {sorted({len(i) for i in items})} bytes.")
    if items and len(items[0]) % dtype.itemsize:
        raise invalid(f"Input to DecodeRaw has length {len(items[0])} that is not a multiple of {dtype.itemsize}, the size of {dtype}")
    found = np.frombuffer(b"".join(items), dtype.newbyteorder("<" if little_endian else ">")).astype(dtype)
    return wrap(found.reshape((*texts.shape, -1) if items else (*texts.shape, 0)))
