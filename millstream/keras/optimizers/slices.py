"""Gradients of looked-up rows: an object with `values` [K, ...] and `indices` [K] stands for a table that is zero but for these rows."""

from collections.abc import Callable
from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.keras.backend.compose import like
from millstream.ops.array.creation import ones_like
from millstream.ops.array.gather import gather_grad
from millstream.ops.array.shape import reshape
from millstream.ops.math.comparison import greater


def is_slices(gradient: Any) -> bool:
    """Whether a gradient names its rows."""
    return not isinstance(gradient, Tensor) and hasattr(gradient, "indices") and hasattr(gradient, "values")


def map_values(function: Callable[[Any], Any], gradient: Any) -> Any:
    """A gradient with its values put through a function."""
    if is_slices(gradient):
        return type(gradient)(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(convert(gradient))


def scatter_rows(values: Any, indices: Any, shape: tuple[int, ...]) -> Any:
    """A table of this shape with the values added at the rows named, zero elsewhere."""
    return gather_grad(convert(values), convert(indices), shape=shape, axis=0, batch_dims=0)


def touched_rows(indices: Any, like_table: Any) -> Any:
    """Whether a row is named: bool[rows, 1, ...], to broadcast against the table."""
    indices = convert(indices)
    rows = int(like_table.shape[0])
    ones = ones_like(indices, dtype=like_table.dtype)
    counts = gather_grad(ones, indices, shape=(rows,), axis=0, batch_dims=0)
    return reshape(greater(counts, like(0, counts)), (rows, *[1] * (len(like_table.shape) - 1)))
