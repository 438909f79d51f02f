"""Softmax and the cross-entropies from logits. logits float[..., C classes]."""

from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, Hooks, execute
from millstream.core.dtypes import int32, int64
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import convert
from millstream.ops.array.shape import expand_dims
from millstream.ops.math.arithmetic import multiply, real_divide, subtract
from millstream.ops.math.exponential import exp, log
from millstream.ops.math.reduce import reduce_max_, reduce_sum_
from millstream.ops.rules import Array, Namespace, normalize_axis, quiet, same_as_input
from millstream.util.errors import invalid
from millstream.util.export import export


def _last(x: Any) -> dict[str, Any]:
    return {"axis": (len(x.shape) - 1,), "keepdims": True}


def _logit_samples() -> list[Sample]:
    return [
        Sample(f"{d}{list(s)}", (Sampled(s, d, -5, 5),))
        for d in ("float32", "float64")
        for s in ((3, 5), (7,), (2, 3, 10), (0, 4), (32, 10))
    ]


@op(name="softmax", kinds="fV", samples=_logit_samples)
@quiet
def _softmax(xp: Namespace, logits: Array) -> Array:
    """exp(x) / sum(exp(x)) along the last dimension."""
    e = xp.exp(logits - logits.max(-1, None, True, logits.dtype.type(-np.inf)))
    return xp.true_divide(e, e.sum(-1, None, None, True))


_softmax.infer(same_as_input)
_softmax.vjp(lambda g, out, x: multiply(subtract(g, reduce_sum_(multiply(g, out), **_last(x))), out))


@_softmax.expand
def _(x: Any) -> Any:
    e = exp(subtract(x, reduce_max_(x, **_last(x))))
    return real_divide(e, reduce_sum_(e, **_last(x)))


@op(name="log_softmax", kinds="fV", samples=_logit_samples)
@quiet
def _log_softmax(xp: Namespace, logits: Array) -> Array:
    """x - log(sum(exp(x))) along the last dimension."""
    shifted = logits - logits.max(-1, None, True, logits.dtype.type(-np.inf))
    return shifted - xp.log(xp.exp(shifted).sum(-1, None, None, True))


_log_softmax.infer(same_as_input)
_log_softmax.vjp(lambda g, out, x: subtract(g, multiply(exp(out), reduce_sum_(g, **_last(x)))))


@_log_softmax.expand
def _(x: Any) -> Any:
    shifted = subtract(x, reduce_max_(x, **_last(x)))
    return subtract(shifted, log(reduce_sum_(exp(shifted), **_last(x))))


def _along(primitive: Any, logits: Any, axis: Any) -> Any:
    """Apply a last-dimension op along any axis."""
    x = convert(logits)
    if not x.ndim:
        raise invalid("softmax needs at least one dimension; got a scalar. Give logits of shape [..., classes].")
    at = normalize_axis(-1 if axis is None else int(axis), x.ndim)
    if at == x.ndim - 1:
        return primitive(x)
    from millstream.ops.array.shape import transpose

    order = [i for i in range(x.ndim) if i != at] + [at]
    return transpose(execute(primitive, (transpose(x, order),), {}), np.argsort(order))


@export("tf.nn.softmax", "tf.math.softmax")
def softmax(logits: Any, axis: Any = None, name: str | None = None) -> Any:
    """exp(x) / sum(exp(x)) along an axis, the last by default.

    >>> tf.nn.softmax([0.0, 0.0]).numpy().tolist()
    [0.5, 0.5]
    """
    return _along(_softmax, logits, axis)


@export("tf.nn.log_softmax", "tf.math.log_softmax")
def log_softmax(logits: Any, axis: Any = None, name: str | None = None) -> Any:
    """log(softmax(x)), computed without loss of digits."""
    return _along(_log_softmax, logits, axis)


@op(name="sparse_softmax_cross_entropy", mixed=True, samples=lambda: [
    Sample("batch", (Sampled((4, 5), "float32", -3, 3), Sampled((4,), "int64", 0, 4))), Sample("deep", (Sampled((2, 3, 4)), Sampled((2, 3), "int32", 0, 3))),
])  # fmt: skip
@quiet
def _sparse_cross_entropy(xp: Namespace, logits: Array, labels: Array) -> Array:
    """-log(softmax(logits)[label]). A label outside [0, C) gives NaN; callers that can, check before."""
    good = (labels >= 0) & (labels < logits.shape[-1])
    at = xp.where(good, labels, 0)[..., None].astype("int64")
    picked = xp.take_along_axis(_log_softmax.meaning(xp, logits), at, axis=-1)[..., 0]
    return xp.where(good, -picked, logits.dtype.type(np.nan))


_sparse_cross_entropy.infer(lambda logits, labels: ArraySpec(logits.shape[:-1], logits.dtype))


@_sparse_cross_entropy.expand
def _(x: Any, labels: Any) -> Any:
    """The label's place is found by comparing, so that a label out of range reads nothing; it gives NaN."""
    from millstream.ops.math.comparison import select

    shifted = subtract(x, reduce_max_(x, **_last(x)))
    picked = reduce_sum_(multiply(one_hot_like(x, labels), shifted), axis=(len(x.shape) - 1,), keepdims=False)
    total = reduce_sum_(exp(shifted), axis=(len(x.shape) - 1,), keepdims=False)
    return select(label_in_range(labels, int(x.shape[-1])), subtract(log(total), picked), convert(float("nan"), x.dtype))


def label_in_range(labels: Any, classes: int) -> Any:
    """Whether each label is a class."""
    from millstream.ops.math.comparison import greater_equal, less, logical_and

    return logical_and(greater_equal(labels, convert(0, labels.dtype)), less(labels, convert(classes, labels.dtype)))


@op(name="one_hot_like", mixed=True, samples=lambda: [Sample("batch", (Sampled((4, 5)), Sampled((4,), "int64", -1, 5)), {}, False)])
def one_hot_like(xp: Namespace, x: Array, labels: Array) -> Array:
    """1 at each label along the last dimension of x, 0 elsewhere, in x's dtype; zeros for a label out of range."""
    return xp.equal(labels[..., None], xp.arange(x.shape[-1])).astype(x.dtype)


_sparse_cross_entropy.vjp(lambda g, out, x, labels: multiply(expand_dims(g, -1), subtract(_softmax(x), one_hot_like(x, labels))), None)
one_hot_like.infer(lambda x, labels: x)
one_hot_like.vjp(lambda g, out, x, labels: Hooks.zeros_like(x), None)


@one_hot_like.expand
def _(x: Any, labels: Any) -> Any:
    from millstream.ops.array.creation import cast
    from millstream.ops.math.comparison import equal

    classes = convert(np.arange(int(x.shape[-1]), dtype=labels.dtype.numpy))
    return cast(equal(expand_dims(labels, -1), classes), x.dtype)


@export("tf.nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """-log(softmax(logits)[label]) per row; labels are whole numbers in [0, C).

    Raises: InvalidArgumentError for labels out of range (eagerly), ValueError for shapes that do not match.
    """
    x, y = convert(logits), convert(labels)
    if y.dtype not in (int32, int64):
        raise invalid(
            f"Labels are whole numbers, int32 or int64; got {y.dtype.name}. Use tf.cast. [Op:SparseSoftmaxCrossEntropyWithLogits]"
        )
    if y.ndim != x.ndim - 1 or tuple(y.shape) != tuple(x.shape)[:-1]:
        raise ValueError(
            f"Shape mismatch: The shape of labels (received {y.shape}) should equal the shape of logits except for the last dimension (received {x.shape})."
        )
    check_labels(y, int(x.shape[-1]))
    return execute(_sparse_cross_entropy, (x, y), {})


def check_labels(labels: Any, classes: int) -> None:
    """Raises: InvalidArgumentError when an eager label is no class; of a traced one, its input is checked before running."""
    if STATE.trace is not None:
        STATE.trace.require_labels(labels, classes)
        return
    array = labels._array
    bad = np.asarray(array).reshape(-1)
    bad = bad[(bad < 0) | (bad >= classes)]
    if bad.size:
        raise invalid(
            f"Received a label value of {int(bad[0])} which is outside the valid range of [0, {classes}).  Label values: {np.asarray(array)}"
        )
