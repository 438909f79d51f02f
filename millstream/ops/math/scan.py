"""Running sums and products along an axis. Exclusive leaves the element itself out, reverse runs from the end."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.tensor import convert
from millstream.ops.array.shape import stop_gradient
from millstream.ops.math.arithmetic import add, conjugate, multiply, real_divide, subtract
from millstream.ops.math.exponential import exp, log
from millstream.ops.math.reduce import reduce_max_
from millstream.ops.rules import Array, Namespace, quiet, same_as_input
from millstream.util.errors import invalid
from millstream.util.export import export


def _samples(low: float) -> Any:
    cases = (
        ((7,), 0, False, False),
        ((3, 4), 1, True, False),
        ((3, 4), 0, False, True),
        ((2, 3, 2), 1, True, True),
        ((0, 3), 0, True, False),
    )
    return lambda: [
        Sample(f"{d}{list(s)}{int(e)}{int(r)}", (Sampled(s, d, low, 2),), {"axis": a, "exclusive": e, "reverse": r}) for d in ("float32", "float64") for s, a, e, r in cases
    ]  # fmt: skip


def _running(accumulate: Any, first: Any, x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    """A running total, turned over before and after when it runs from the end."""
    rows = np.moveaxis(x, axis, 0)
    rows = rows[::-1] if reverse else rows
    if exclusive and len(rows):
        rows = np.concatenate([np.full_like(rows[:1], first), rows[:-1]])
    out = accumulate(rows, axis=0, dtype=x.dtype)
    return np.moveaxis(out[::-1] if reverse else out, 0, axis)


@op(name="cumsum", samples=_samples(-2), kinds="iufVc")
@quiet
def _cumsum(xp: Namespace, x: Array, *, axis: int, exclusive: bool, reverse: bool) -> Array:
    """Running sum along an axis."""
    return _running(np.cumsum, 0, x, axis, exclusive, reverse)


_cumsum.infer(same_as_input)
_cumsum.vjp(lambda g, out, x, *, axis, exclusive, reverse: _cumsum(g, axis=axis, exclusive=exclusive, reverse=not reverse))


@op(name="cumprod", samples=_samples(0.5), kinds="iufVc")
@quiet
def _cumprod(xp: Namespace, x: Array, *, axis: int, exclusive: bool, reverse: bool) -> Array:
    """Running product along an axis."""
    return _running(np.cumprod, 1, x, axis, exclusive, reverse)


_cumprod.infer(same_as_input)


@_cumprod.vjp
def _(g: Any, out: Any, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    """As TensorFlow: NaN where x is 0."""
    return real_divide(_cumsum(multiply(g, conjugate(out)), axis=axis, exclusive=exclusive, reverse=not reverse), conjugate(x))


def _scan(primitive: Any, x: Any, axis: Any, exclusive: bool, reverse: bool) -> Any:
    tensor, at = convert(x), int(axis)
    if not -tensor.ndim <= at < tensor.ndim:
        raise invalid(f"ScanOp: Expected scan axis in the range [{-tensor.ndim}, {tensor.ndim}), but got {at}")
    return execute(primitive, (tensor,), {"axis": at % tensor.ndim, "exclusive": bool(exclusive), "reverse": bool(reverse)})


@export("tf.math.cumsum", "tf.cumsum")
def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """Running sum along an axis.

    Raises: InvalidArgumentError for an axis that x has not.
    >>> tf.cumsum([1, 2, 3]).numpy().tolist()
    [1, 3, 6]
    """
    return _scan(_cumsum, x, axis, exclusive, reverse)


@export("tf.math.cumprod")
def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """Running product along an axis.

    >>> tf.math.cumprod([1, 2, 3]).numpy().tolist()
    [1, 2, 6]
    """
    return _scan(_cumprod, x, axis, exclusive, reverse)


@export("tf.math.cumulative_logsumexp")
def cumulative_logsumexp(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
    """Running log(sum(exp(x))) along an axis, shifted by the largest element so that nothing overflows.

    >>> tf.math.cumulative_logsumexp([0.0, 0.0]).numpy().round(4).tolist()
    [0.0, 0.6930999755859375]
    """
    tensor = convert(x)
    at = int(axis) % max(tensor.ndim, 1)
    top = stop_gradient(reduce_max_(tensor, axis=(at,), keepdims=True))
    return add(log(_scan(_cumsum, exp(subtract(tensor, top)), axis, exclusive, reverse)), top)
