"""Pixels moved between space and depth. x [N batch, H, W, C channels]."""

from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import _reshape, transpose
from millstream.util.errors import invalid
from millstream.util.export import export


def _last(x: Any, data_format: str) -> tuple[Any, bool]:
    """The tensor with its channels last, and whether they were first."""
    tensor = convert(x)
    if tensor.ndim != 4:
        raise invalid(f"Input rank should be: 4 instead of: {tensor.ndim}")
    if data_format not in ("NHWC", "NCHW"):
        raise invalid(f"data_format is NHWC or NCHW; got {data_format!r}.")
    first = data_format == "NCHW"
    return (transpose(tensor, [0, 2, 3, 1]) if first else tensor), first


def _back(x: Tensor, first: bool) -> Any:
    return transpose(x, [0, 3, 1, 2]) if first else x


@export("tf.nn.space_to_depth")
def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
    """Blocks of pixels as channels: [N, H, W, C] -> [N, H / b, W / b, b b C].

    Raises: InvalidArgumentError when a block does not divide the image.
    >>> tf.nn.space_to_depth(tf.ones([1, 2, 2, 1]), 2).shape
    TensorShape([1, 1, 1, 4])
    """
    x, first = _last(input, data_format)
    n, h, w, c = (int(s) for s in x.shape)
    b = int(block_size)
    if h % b or w % b:
        raise invalid(f"Image width {w} and height {h} should be divisible by block_size: {b}")
    parts = transpose(_reshape(x, shape=(n, h // b, b, w // b, b, c)), [0, 1, 3, 2, 4, 5])
    return _back(_reshape(parts, shape=(n, h // b, w // b, b * b * c)), first)


@export("tf.nn.depth_to_space")
def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
    """Channels as blocks of pixels: [N, H, W, b b C] -> [N, H b, W b, C].

    Raises: InvalidArgumentError when b * b does not divide the channels.
    >>> tf.nn.depth_to_space(tf.ones([1, 1, 1, 4]), 2).shape
    TensorShape([1, 2, 2, 1])
    """
    x, first = _last(input, data_format)
    n, h, w, c = (int(s) for s in x.shape)
    b = int(block_size)
    if c % (b * b):
        raise invalid(f"Dimension size must be evenly divisible by {b * b} but is {c}")
    parts = transpose(_reshape(x, shape=(n, h, w, b, b, c // (b * b))), [0, 1, 3, 2, 4, 5])
    return _back(_reshape(parts, shape=(n, h * b, w * b, c // (b * b))), first)
