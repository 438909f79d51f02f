"""What ops of one kind share: shape rules, checks, and the undoing of broadcasting in gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dtypes import DType, bool_
from millstream.core.quiet import quiet as quiet  # noqa: PLC0414  (for the ops: their meanings are decorated with it)
from millstream.core.spec import ArraySpec, Shape
from millstream.util.errors import IncompatibleShapesError, invalid

Namespace = Any  # numpy or jax.numpy; neither has a type of its own
Array = Any


def same_as_input(x: ArraySpec, *others: ArraySpec, **attrs: Any) -> ArraySpec:
    """Shape and dtype of the first input."""
    return x


def broadcast(x: ArraySpec, *others: ArraySpec, **attrs: Any) -> ArraySpec:
    """The broadcast shape, the first input's dtype."""
    return ArraySpec(broadcast_shapes(x.shape, *[o.shape for o in others]), x.dtype)


def broadcast_bool(x: ArraySpec, *others: ArraySpec, **attrs: Any) -> ArraySpec:
    """The broadcast shape, bool."""
    return ArraySpec(broadcast_shapes(x.shape, *[o.shape for o in others]), bool_)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """NumPy's rule. Raises: InvalidArgumentError, as TensorFlow says it."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        told = " vs. ".join("[" + ",".join(map(str, s)) + "]" for s in shapes)
        raise IncompatibleShapesError(None, None, f"Incompatible shapes: {told}") from None


def as_dtype_of(dtype: DType) -> Callable[..., ArraySpec]:
    """A rule: the first input's shape with a dtype of its own."""
    return lambda x, *others, **attrs: ArraySpec(x.shape, dtype)


def sizes_of(x: Any) -> Shape:
    """The sizes of a tensor: all of them are known."""
    return tuple(x.shape)


def normalize_axis(axis: int, rank: int) -> int:
    """An axis from 0 to rank - 1. Raises: InvalidArgumentError."""
    if not -rank <= axis < rank:
        raise invalid(f"Expected dimension in the range [{-rank}, {rank}), but got {axis}")
    return axis % rank


def normalize_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """None (all), a number, or several, as sorted numbers from 0."""
    if axis is None:
        return tuple(range(rank))
    if type(axis) is int and -rank <= axis < rank:
        return (axis % rank,)
    axes = [axis] if isinstance(axis, int) else np.asarray(axis).reshape(-1).tolist()
    found = sorted(normalize_axis(int(a), rank) for a in axes)
    if len(set(found)) != len(found):
        raise invalid(f"Invalid reduction arguments: Axes contains duplicate dimension: {axes}")
    return tuple(found)
