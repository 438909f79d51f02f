"""Pooling as TensorFlow names it. x [N batch, spatial sizes ..., C channels]; channels last only; windows of one dimension as of two."""

from typing import Any

from millstream.core.op import Op
from millstream.core.tensor import convert
from millstream.ops.nn.conv import flat, raised
from millstream.ops.nn.convolution import spatial
from millstream.ops.nn.pooling import avg_pool as _mean
from millstream.ops.nn.pooling import max_pool as _maximum
from millstream.ops.nn.windows import channels_last, padding_of, per_dimension
from millstream.util.errors import invalid
from millstream.util.export import export


def _pool(op: Op, input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None, dims: int, dilations: Any = 1) -> Any:
    """Raises: InvalidArgumentError for another rank; UnimplementedError for channels first."""
    name = {"max_pool": "MaxPool", "avg_pool": "AvgPool"}[op.name]
    channels_last(data_format, dims, name)
    x = convert(input)
    if x.ndim != dims + 2:
        raise invalid(
            f"tensor_in_shape must have {dims} spatial dimensions: inputs have {dims + 2} dimensions; got shape {list(x.shape)} [Op:{name}]"
        )
    window, steps, rates = (per_dimension(v, dims, w, name) for v, w in ((ksize, "ksize"), (strides, "strides"), (dilations, "dilations")))
    pads = padding_of(padding, spatial(x), window, steps, rates)
    if dims == 1:
        return flat(op(raised(x, 0), window=(1, *window), strides=(1, *steps), pads=((0, 0), *pads), dilations=(1, *rates)))
    return op(x, window=window, strides=steps, pads=pads, dilations=rates)


@export("tf.nn.max_pool1d")
def max_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC", name: str | None = None) -> Any:
    """The largest element of each window of sequences [N, W, C]."""
    return _pool(_maximum, input, ksize, strides, padding, data_format, 1)


@export("tf.nn.max_pool2d")
def max_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", name: str | None = None) -> Any:
    """The largest element of each window of images [N, H, W, C]; the gradient goes to the first of equals.

    Raises: InvalidArgumentError for another rank, UnimplementedError for NCHW.
    >>> tf.nn.max_pool2d(tf.reshape(tf.range(4.0), [1, 2, 2, 1]), 2, 2, "VALID").numpy().ravel().tolist()
    [3.0]
    """
    return _pool(_maximum, input, ksize, strides, padding, data_format, 2)


@export("tf.nn.max_pool3d")
def max_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC", name: str | None = None) -> Any:
    """The largest element of each window of volumes [N, D, H, W, C]."""
    return _pool(_maximum, input, ksize, strides, padding, data_format, 3)


@export("tf.nn.max_pool")
def max_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """The largest element of each window, in as many spatial dimensions as the input has."""
    return _pool(_maximum, input, ksize, strides, padding, data_format, convert(input).ndim - 2)


@export("tf.nn.avg_pool1d")
def avg_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC", name: str | None = None) -> Any:
    """The mean of each window of sequences [N, W, C]."""
    return _pool(_mean, input, ksize, strides, padding, data_format, 1)


@export("tf.nn.avg_pool2d")
def avg_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", name: str | None = None) -> Any:
    """The mean of each window of images [N, H, W, C]; margins are not counted.

    >>> tf.nn.avg_pool2d(tf.ones([1, 3, 3, 1]), 2, 2, "SAME").numpy().ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return _pool(_mean, input, ksize, strides, padding, data_format, 2)


@export("tf.nn.avg_pool3d")
def avg_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC", name: str | None = None) -> Any:
    """The mean of each window of volumes [N, D, H, W, C]."""
    return _pool(_mean, input, ksize, strides, padding, data_format, 3)


@export("tf.nn.avg_pool")
def avg_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """The mean of each window, in as many spatial dimensions as the input has."""
    return _pool(_mean, input, ksize, strides, padding, data_format, convert(input).ndim - 2)


@export("tf.nn.pool")
def pool(
    input: Any, window_shape: Any, pooling_type: str, strides: Any = None, padding: Any = "VALID", data_format: str | None = None, dilations: Any = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Maximum ("MAX") or mean ("AVG") over windows in as many spatial dimensions as the input has.

    Raises: ValueError for another pooling_type.
    >>> tf.nn.pool(tf.ones([1, 4, 4, 1]), [2, 2], "AVG").shape
    TensorShape([1, 3, 3, 1])
    """
    if pooling_type not in ("MAX", "AVG"):
        raise ValueError(f'pooling_type must be "MAX" or "AVG"; got {pooling_type!r}.')
    op = _maximum if pooling_type == "MAX" else _mean
    dims = convert(input).ndim - 2
    return _pool(
        op, input, window_shape, 1 if strides is None else strides, padding, data_format, dims, 1 if dilations is None else dilations
    )
