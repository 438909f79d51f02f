"""Windows that slide over space: what convolutions and pooling share. x [N batch, spatial sizes ..., C channels].

tap: one place within a window. The input's size, the window's, stride, padding (before, after) and dilation of each
spatial dimension give the output's size: floor((size + padding - reach) / stride) + 1 with reach = (window - 1) dilation + 1.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from millstream.core.spec import Shape
from millstream.core.tensor import Tensor
from millstream.util.errors import UnimplementedError, invalid

Array = Any
Pairs = tuple[tuple[int, int], ...]
CHANNELS_LAST = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def per_dimension(value: Any, spatial: int, what: str, op: str) -> Shape:
    """A number, one for each spatial dimension, or one for each dimension with 1 for batch and channels, as one for each spatial dimension.

    Raises: InvalidArgumentError when there are others than 1 for batch or channels, or numbers below 1; ValueError for another count.
    """
    given = [value] if isinstance(value, int) else [int(v) for v in (value.numpy() if isinstance(value, Tensor) else value)]
    if len(given) == spatial + 2:
        if given[0] != 1 or given[-1] != 1:
            raise invalid(f"Current implementation does not yet support {what} in the batch and depth dimensions; got {given}. [Op:{op}]")
        given = given[1:-1]
    if len(given) == 1:
        given *= spatial
    if len(given) != spatial:
        raise ValueError(f"{what} should be of length 1, {spatial} or {spatial + 2} but was {len(given)}: {value}.")
    if min(given) < 1:
        raise invalid(f"{what} must be positive; got {given}. [Op:{op}]")
    return tuple(given)


def channels_last(data_format: str | None, spatial: int, op: str) -> None:
    """Raises: UnimplementedError for channels first, as TensorFlow on CPUs; ValueError for what is no data format."""
    if data_format is None or data_format == CHANNELS_LAST[spatial]:
        return
    if not data_format.startswith("NC") or len(data_format) != spatial + 2:
        raise ValueError(f"data_format must be {CHANNELS_LAST[spatial]!r} or None; got {data_format!r}.")
    raise UnimplementedError(
        None,
        None,
        f"The {op} op currently only supports the {CHANNELS_LAST[spatial]} tensor format on the CPU. The op was given the format: {data_format} [Op:{op}]. "
        "Move the channels last: tf.transpose(x, [0, 2, 3, 1]).",
    )


def padding_of(padding: Any, sizes: Shape, window: Shape, strides: Shape, dilations: Shape) -> Pairs:
    """The zeros before and after each spatial dimension, from "VALID", "SAME", or pairs for every dimension or every spatial one.

    Raises: ValueError for another word; InvalidArgumentError for pairs that do not fit.
    """
    if isinstance(padding, str):
        word = padding.upper()
        if word == "VALID":
            return ((0, 0),) * len(sizes)
        if word != "SAME":
            raise ValueError(f'padding must be "VALID", "SAME" or a list of pairs; got {padding!r}.')
        return tuple(_same(*each) for each in zip(sizes, window, strides, dilations, strict=True))
    pairs = [(int(a), int(b)) for a, b in (padding.numpy() if isinstance(padding, Tensor) else padding)]
    if len(pairs) == len(sizes) + 2:
        if pairs[0] != (0, 0) or pairs[-1] != (0, 0):
            raise invalid(f"Nonzero explicit padding in the batch or depth dimensions is not supported; got {pairs}.")
        pairs = pairs[1:-1]
    if len(pairs) != len(sizes) or min(min(p) for p in pairs) < 0:
        raise invalid(f"Explicit padding needs a pair of sizes of at least 0 for each of the {len(sizes) + 2} dimensions; got {padding}.")
    return tuple(pairs)


def _same(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """As many zeros as give ceil(size / stride) outputs, the odd one behind."""
    missing = max((-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return missing // 2, missing - missing // 2


def output_sizes(sizes: Shape, window: Shape, strides: Shape, pads: Pairs, dilations: Shape, op: str) -> Shape:
    """The output's spatial sizes. Raises: InvalidArgumentError when one would be negative."""
    out = []
    for size, w, s, p, d in zip(sizes, window, strides, pads, dilations, strict=True):
        reach = (w - 1) * d + 1
        count = (size + sum(p) - reach) // s + 1
        if count < 0:
            raise invalid(
                f"Computed output size would be negative: {count} [input_size: {size}, effective_filter_size: {reach}, stride: {s}] [Op:{op}]. "
                "Use a smaller window, larger inputs, or padding='SAME'."
            )
        out.append(count)
    return tuple(out)


def fitting_sizes(sizes: Shape, window: Shape, strides: Shape, pads: Pairs, dilations: Shape) -> Shape:
    """The output's spatial sizes in a graph. Raises: ValueError when the window is larger than the padded input."""
    for size, w, p, d in zip(sizes, window, pads, dilations, strict=True):
        reach = (w - 1) * d + 1
        if reach > size + sum(p):
            raise ValueError(
                f"Negative dimension size caused by subtracting {reach} from {size + sum(p)}: a window of {window} does not fit an input of {sizes}. "
                "Use a smaller window, larger inputs, or padding='same'."
            )
    return output_sizes(sizes, window, strides, pads, dilations, "")


def padded(xp: Any, x: Array, pads: Pairs, value: float = 0.0) -> Array:
    """x with a margin in its spatial dimensions; x itself where there is none."""
    if not any(a or b for a, b in pads):
        return x
    return xp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)


def every_tap(window: Shape) -> Iterator[Shape]:
    """The places of a window, row by row."""
    return itertools.product(*map(range, window))


def seen_by(tap: Shape, outs: Shape, strides: Shape, dilations: Shape) -> tuple[slice, ...]:
    """The elements of the padded input that a tap meets as the window slides: an index for all dimensions but the last."""
    starts = [t * d for t, d in zip(tap, dilations, strict=True)]
    return (slice(None), *(slice(a, a + (n - 1) * s + 1 if n else a, s) for a, n, s in zip(starts, outs, strides, strict=True)))


def without_margin(x: Array, pads: Pairs, sizes: Shape) -> Array:
    """The part of a padded array that is no margin."""
    return x[(slice(None), *(slice(a, a + n) for (a, _), n in zip(pads, sizes, strict=True)))]
