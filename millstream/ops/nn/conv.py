"""Convolutions as TensorFlow names them. x [N batch, spatial sizes ..., C channels], filters [window ..., C in, K out]; channels last only.

Those of one spatial dimension are computed as ones of two with a first size of 1, which is what kernels are made for.
"""

from collections.abc import Sequence
from typing import Any

import millstream.ops.nn.winograd  # noqa: F401  # how kernels want convolutions
from millstream.core.spec import Shape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import _reshape
from millstream.ops.nn.convolution import Geometry, convolution, input_gradient, spatial
from millstream.ops.nn.windows import channels_last, output_sizes, padding_of, per_dimension
from millstream.util.errors import invalid
from millstream.util.export import export

_KINDS = "fVi"  # NumPy's kinds of the numbers that are convolved


def _operands(x: Any, f: Any, dims: int, name: str) -> tuple[Any, Any]:
    """Input and filters as tensors of the right rank."""
    image = convert(x)
    filters = convert(f, hint=image.dtype)
    if image.ndim != dims + 2:
        raise invalid(f"input must be {dims + 2}-dimensional{_listed(image)} [Op:{name}]{_hint(image.ndim, dims)}")
    if filters.ndim != dims + 2:
        raise invalid(f"filter must be {dims + 2}-dimensional: {_listed(filters)} [Op:{name}]")
    if image.dtype.numpy.kind not in _KINDS or image.dtype.name in {"uint8", "int8", "int16", "int64"}:
        raise invalid(
            f"{name} takes half, bfloat16, float, double or int32; got {image.dtype.name}. Convert the input: tf.cast(x, tf.float32)."
        )
    return image, filters


def _listed(x: Any) -> str:
    return f"[{','.join(map(str, x.shape))}]"


def _hint(ndim: int, dims: int) -> str:
    return ". If the channels are missing, add them: x[..., tf.newaxis]" if ndim == dims + 1 else ""


def _geometry(x: Any, window: Shape, strides: Any, padding: Any, dilations: Any, groups: int, name: str) -> Geometry:
    dims = len(window)
    steps = per_dimension(strides, dims, "strides", name)
    rates = per_dimension(1 if dilations is None else dilations, dims, "dilations", name)
    return Geometry(steps, padding_of(padding, spatial(x), window, steps, rates), rates, groups)


def convolve(x: Any, f: Any, strides: Any, padding: Any, dilations: Any = None, groups: int = 0, name: str = "Conv2D") -> Any:
    """The convolution of tensors with as many spatial dimensions as they have; groups 0: as many as the channels ask for.

    Raises: InvalidArgumentError when the filters' channels do not divide the input's.
    """
    channels, inside = int(x.shape[-1]), int(f.shape[-2])
    count = groups or (channels // inside if inside else 1)
    if not inside or channels != inside * count or int(f.shape[-1]) % count:
        raise invalid(
            f"input depth must be evenly divisible by filter depth: {channels} vs {inside} [Op:{name}]. Filters are [window, in, out]."
        )
    geometry = _geometry(x, tuple(map(int, f.shape[:-2])), strides, padding, dilations, count, name)
    if len(geometry.strides) == 1:
        return flat(convolution(raised(x, 0), raised(f, -1), **_raised(geometry).attrs))
    return convolution(x, f, **geometry.attrs)


def raised(x: Any, at: int) -> Tensor:
    """A spatial dimension of size 1 before the only one: images [N, 1, W, C] (at 0), filters [1, S, C, K] (at -1)."""
    sizes = tuple(map(int, x.shape))
    return _reshape(x, shape=(*sizes[: at + 1], 1, *sizes[at + 1 :]))  # type: ignore[no-any-return]


def flat(x: Any) -> Tensor:
    """Images [N, 1, W, C] without the dimension of size 1."""
    n, _, w, c = map(int, x.shape)
    return _reshape(x, shape=(n, w, c))  # type: ignore[no-any-return]


def _raised(g: Geometry) -> Geometry:
    return Geometry((1, *g.strides), ((0, 0), *g.pads), (1, *g.dilations), g.groups)


def _transposed(x: Any, f: Any, output_shape: Any, strides: Any, padding: Any, dilations: Any, name: str) -> Any:
    """The gradient of a convolution as an operation of its own; filters are [window, out, in].

    Raises: InvalidArgumentError when no convolution of the output's sizes gives the input's.
    """
    dims = x.ndim - 2
    steps = per_dimension(strides, dims, "strides", name)
    rates = per_dimension(1 if dilations is None else dilations, dims, "dilations", name)
    sizes, window = _output_spatial(output_shape, dims), tuple(map(int, f.shape[:-2]))
    pads = padding_of(padding, sizes, window, steps, rates)
    if output_sizes(sizes, window, steps, pads, rates, name) != spatial(x):
        found = output_sizes(sizes, window, steps, pads, rates, name)
        raise invalid(
            f"{name}: output_shape {list(sizes)} with strides {list(steps)} belongs to inputs of {list(found)}; got {list(spatial(x))}."
        )
    if int(f.shape[-1]) != int(x.shape[-1]):
        raise invalid(f"{name}: filters [window, out, in] have in={int(f.shape[-1])}, the input has {int(x.shape[-1])} channels.")
    geometry = Geometry(steps, pads, rates, 1)
    if dims == 1:
        return flat(input_gradient(raised(x, 0), raised(f, -1), sizes=(1, *sizes), **_raised(geometry).attrs))
    return input_gradient(x, f, sizes=sizes, **geometry.attrs)


def _output_spatial(output_shape: Any, dims: int) -> Shape:
    given = [int(n) for n in (output_shape.numpy() if isinstance(output_shape, Tensor) else output_shape)]
    return tuple(given[1:-1] if len(given) == dims + 2 else given)


# ---------------------------------------------------------------------------------------------- public names
@export("tf.nn.convolution")
def convolution_v2(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """A convolution in as many spatial dimensions as the filters have (1, 2 or 3), with groups where channels ask for them.

    >>> tf.nn.convolution(tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 3])).shape
    TensorShape([1, 3, 3, 3])
    """
    dims = convert(input).ndim - 2
    channels_last(data_format, dims, f"Conv{dims}D")
    x, f = _operands(input, filters, dims, f"Conv{dims}D")
    return convolve(x, f, 1 if strides is None else strides, padding, dilations, name=f"Conv{dims}D")


@export("tf.nn.conv2d")
def conv2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NHWC", dilations: Any = None, name: str | None = None
) -> Any:
    """Images [N, H, W, C] and filters [R, S, C, K]: [N, P, Q, K]. padding: "SAME", "VALID" or pairs for all four dimensions.

    Raises: InvalidArgumentError for wrong ranks and channels, UnimplementedError for NCHW.
    >>> tf.nn.conv2d(tf.ones([1, 3, 3, 1]), tf.ones([2, 2, 1, 1]), 1, "VALID").numpy()[0, :, :, 0].tolist()
    [[4.0, 4.0], [4.0, 4.0]]
    """
    channels_last(data_format, 2, "Conv2D")
    x, f = _operands(input, filters, 2, "Conv2D")
    return convolve(x, f, strides, padding, dilations)


@export("tf.nn.conv1d")
def conv1d(
    input: Any, filters: Any, stride: Any, padding: Any, data_format: str = "NWC", dilations: Any = None, name: str | None = None
) -> Any:
    """Sequences [N, W, C] and filters [S, C, K]: [N, Q, K].

    >>> tf.nn.conv1d(tf.ones([1, 4, 1]), tf.ones([2, 1, 1]), 2, "VALID").numpy().ravel().tolist()
    [2.0, 2.0]
    """
    channels_last(data_format, 1, "Conv1D")
    x, f = _operands(input, filters, 1, "Conv1D")
    return convolve(x, f, stride, padding, dilations, name="Conv1D")


@export("tf.nn.conv3d")
def conv3d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NDHWC", dilations: Any = None, name: str | None = None
) -> Any:
    """Volumes [N, D, H, W, C] and filters [T, R, S, C, K]: [N, O, P, Q, K].

    >>> tf.nn.conv3d(tf.ones([1, 2, 2, 2, 1]), tf.ones([2, 2, 2, 1, 1]), [1] * 5, "VALID").numpy().ravel().tolist()
    [8.0]
    """
    channels_last(data_format, 3, "Conv3D")
    x, f = _operands(input, filters, 3, "Conv3D")
    return convolve(x, f, strides, padding, dilations, name="Conv3D")


@export("tf.nn.conv_transpose")
def conv_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transposed convolution in 1, 2 or 3 spatial dimensions: filters [window, out, in].

    >>> tf.nn.conv_transpose(tf.ones([1, 2, 1]), tf.ones([2, 1, 1]), [1, 4, 1], 2).numpy().ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    dims = convert(input).ndim - 2
    op = f"Conv{dims}DBackpropInput"
    channels_last(data_format, dims, op)
    x, f = _operands(input, filters, dims, op)
    return _transposed(x, f, output_shape, strides, padding, dilations, op)


@export("tf.nn.conv1d_transpose")
def conv1d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transposed convolution of sequences: filters [S, out, in]."""
    return conv_transpose(input, filters, output_shape, strides, padding, data_format, dilations)


@export("tf.nn.conv2d_transpose")
def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transposed convolution of images: filters [R, S, out, in].

    >>> tf.nn.conv2d_transpose(tf.ones([1, 1, 1, 1]), tf.ones([2, 2, 1, 1]), [1, 2, 2, 1], 2).numpy().ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return conv_transpose(input, filters, output_shape, strides, padding, data_format, dilations)


@export("tf.nn.conv3d_transpose")
def conv3d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transposed convolution of volumes: filters [T, R, S, out, in]."""
    return conv_transpose(input, filters, output_shape, strides, padding, data_format, dilations)


@export("tf.nn.depthwise_conv2d")
def depthwise_conv2d(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: str | None = None, dilations: Any = None, name: str | None = None
) -> Any:
    """Each channel with filters of its own, [R, S, C, M]: [N, P, Q, C M].

    >>> tf.nn.depthwise_conv2d(tf.ones([1, 2, 2, 3]), tf.ones([2, 2, 3, 2]), [1, 1, 1, 1], "VALID").shape
    TensorShape([1, 1, 1, 6])
    """
    op = "DepthwiseConv2dNative"
    channels_last(data_format, 2, op)
    x, f = _operands(input, filter, 2, op)
    rows, columns, channels, multiplier = map(int, f.shape)
    if channels != int(x.shape[-1]):
        raise invalid(f"input and filter must have the same depth: {int(x.shape[-1])} vs {channels} [Op:{op}]")
    split = _reshape(f, shape=(rows, columns, 1, channels * multiplier))
    return convolve(x, split, strides, padding, dilations, groups=channels, name=op)


@export("tf.nn.separable_conv2d")
def separable_conv2d(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any, data_format: str | None = None, dilations: Any = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """A depthwise convolution, then one of 1 by 1 that mixes channels.

    >>> tf.nn.separable_conv2d(tf.ones([1, 2, 2, 3]), tf.ones([2, 2, 3, 1]), tf.ones([1, 1, 3, 4]), [1, 1, 1, 1], "VALID").shape
    TensorShape([1, 1, 1, 4])
    """
    return conv2d(depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations), pointwise_filter, 1, "VALID")


@export("tf.nn.atrous_conv2d")
def atrous_conv2d(value: Any, filters: Any, rate: int, padding: Any, name: str | None = None) -> Any:
    """A convolution whose taps lie `rate` pixels apart."""
    return conv2d(value, filters, 1, padding, dilations=rate)


@export("tf.nn.atrous_conv2d_transpose")
def atrous_conv2d_transpose(value: Any, filters: Any, output_shape: Sequence[int], rate: int, padding: Any, name: str | None = None) -> Any:
    """The transposed convolution whose taps lie `rate` pixels apart."""
    return conv2d_transpose(value, filters, output_shape, 1, padding, dilations=rate)
