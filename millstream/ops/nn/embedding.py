"""Rows of tables, and losses that need nothing else."""

import math
from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.ops.array.creation import cast
from millstream.ops.array.gather import gather
from millstream.ops.array.join import concat
from millstream.ops.math.arithmetic import add, multiply, subtract, truediv
from millstream.ops.math.combine import clip_by_norm
from millstream.ops.math.comparison import greater_equal, less_equal, logical_and, logical_not, where_else_zero
from millstream.ops.math.exponential import exp, log
from millstream.ops.math.reduce import reduce_sum
from millstream.util.export import export


@export("tf.nn.embedding_lookup")
def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: str | None = None) -> Any:
    """Rows of a table [V, ...] at ids [...]; max_norm scales down rows whose Euclidean norm is larger.

    Raises: InvalidArgumentError for an id outside of the table (eagerly).
    >>> tf.nn.embedding_lookup([[1.0], [2.0]], [1, 0]).numpy().tolist()
    [[2.0], [1.0]]
    """
    several = isinstance(params, (list, tuple)) and all(isinstance(p, (Tensor, Variable)) for p in params)
    table = (concat(list(params), 0) if len(params) > 1 else convert(params[0])) if several else convert(params)
    places = convert(ids)
    rows = gather(table, places)
    if max_norm is None:
        return rows
    return clip_by_norm(rows, max_norm, axes=list(range(places.ndim, rows.ndim)))


@export("tf.nn.log_poisson_loss")
def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Any:
    """exp(c) - c * targets, for the logarithm c of a Poisson mean; the full loss adds Stirling's approximation of log(targets!).

    Raises: ValueError when shapes differ.
    >>> round(float(tf.nn.log_poisson_loss(1.0, 0.0)), 4)
    1.0
    """
    c = convert(log_input)
    z = convert(targets, hint=c.dtype)
    if tuple(c.shape) != tuple(z.shape):
        raise ValueError(f"log_input and targets must have the same shape ({c.shape} vs {z.shape})")
    loss = subtract(exp(c), multiply(c, z))
    if not compute_full_loss:
        return loss
    half, two_pi = convert(0.5, c.dtype), convert(2 * math.pi, c.dtype)
    stirling = add(subtract(multiply(z, log(z)), z), multiply(half, log(multiply(two_pi, z))))
    small = logical_and(greater_equal(z, convert(0, c.dtype)), less_equal(z, convert(1, c.dtype)))
    return add(loss, where_else_zero(logical_not(small), stirling))


@export("tf.nn.compute_average_loss")
def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Any:
    """The sum of the losses of a batch's samples, divided by the batch size.

    >>> float(tf.nn.compute_average_loss([1.0, 2.0], global_batch_size=4))
    0.75
    """
    losses = convert(per_example_loss)
    if sample_weight is not None:
        losses = multiply(losses, cast(convert(sample_weight, hint=losses.dtype), losses.dtype))
    size = int(losses.shape[0]) if global_batch_size is None else global_batch_size
    return truediv(reduce_sum(losses), cast(convert(size), losses.dtype))


@export("tf.nn.scale_regularization_loss")
def scale_regularization_loss(regularization_loss: Any) -> Any:
    """The sum of a regularization loss, divided by the number of replicas: one.

    >>> float(tf.nn.scale_regularization_loss(1.0))
    1.0
    """
    return reduce_sum(convert(regularization_loss))
