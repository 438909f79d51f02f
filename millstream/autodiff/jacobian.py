"""Jacobians: one backward walk per element of the target (per element of one example, for a batch of independent ones).

target [*T], source [*S]         -> jacobian [*T, *S]
target [B, *T], source [B, *S]   -> batch jacobian [B, *T, *S]
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from millstream.autodiff.reverse import Record, backprop
from millstream.core.dispatch import Hooks
from millstream.core.spec import ArraySpec, Shape
from millstream.core.tensor import convert
from millstream.ops.array.creation import stack
from millstream.ops.array.shape import reshape


def jacobians(records: Sequence[Record], target: Any, sources: Sequence[Any]) -> list[Any]:
    """The derivative of every element of the target to every element of each source; None where no path leads there."""
    shape = tuple(target.shape)
    directions = np.eye(_count(shape), dtype=target.dtype.numpy).reshape(-1, *shape)
    rows = [backprop(records, sources, [target], [convert(d)]) for d in directions]
    return [_assemble([row[i] for row in rows], (*shape, *tuple(s.shape)), s, 0) for i, s in enumerate(sources)]


def batch_jacobian(records: Sequence[Record], target: Any, source: Any) -> Any:
    """The same within each example of a batch; example i of the target must not depend on other examples of the source.

    Raises: ValueError for tensors without a dimension beside the batch, or batches of two sizes.
    """
    shape, source_shape = (tuple(x.shape.with_rank_at_least(2)) for x in (target, source))
    if shape[0] != source_shape[0]:
        raise ValueError(f"Need first dimension of target shape ({target.shape}) and source shape ({source.shape}) to match.")
    size, rest = shape[0], shape[1:]
    directions = np.repeat(np.eye(_count(rest), dtype=target.dtype.numpy)[:, None], size, axis=1).reshape(-1, *shape)
    rows = [backprop(records, [source], [target], [convert(d)])[0] for d in directions]
    return _assemble(rows, (*shape, *source_shape[1:]), source, 1)


def _count(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _assemble(rows: list[Any], shape: Shape, source: Any, axis: int) -> Any:
    """The rows along an axis, in the jacobian's shape; None when there is none, zeros where a target has no elements."""
    if not rows:
        return Hooks.zeros(ArraySpec(shape, source.dtype))
    return None if rows[0] is None else reshape(stack(rows, axis), shape)
