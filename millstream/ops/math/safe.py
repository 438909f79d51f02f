"""Quotients, products and logarithms that give 0 where they would give NaN. Elementwise with broadcasting: float, float -> float."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import binary
from millstream.core.tensor import convert
from millstream.ops.array.shape import unbroadcast
from millstream.ops.math.arithmetic import add, multiply, negative, real_divide
from millstream.ops.math.comparison import not_equal, where_else_zero
from millstream.ops.math.exponential import log, log1p
from millstream.ops.rules import Array, Namespace, broadcast, quiet
from millstream.util.export import export


def _zero(x: Any) -> Any:
    return convert(0, x.dtype)


def _where_nonzero(x: Any, value: Any) -> Any:
    """value where x is not 0, else 0."""
    return where_else_zero(not_equal(x, _zero(x)), value)


@op("tf.math.divide_no_nan", samples=binary(-2, 2, 0.5, 2), kinds="fVc")
@quiet
def divide_no_nan(xp: Namespace, x: Array, y: Array) -> Array:
    """x / y; 0 where y is 0.

    >>> tf.math.divide_no_nan([1.0, 2.0], [0.0, 4.0]).numpy().tolist()
    [0.0, 0.5]
    """
    return xp.where(y == 0, x.dtype.type(0), xp.true_divide(x, y))


divide_no_nan.infer(broadcast)
divide_no_nan.vjp(
    lambda g, out, x, y: unbroadcast(divide_no_nan(g, y), x),
    lambda g, out, x, y: unbroadcast(multiply(g, divide_no_nan(divide_no_nan(negative(x), y), y)), y),
)
divide_no_nan.scalar(lambda b, x, y: b.select(b.eq(y, b.const(0, y)), b.const(0, x), x / y))


@op("tf.math.multiply_no_nan", samples=binary(-2, 2, 0.5, 2), kinds="fVc")
@quiet
def multiply_no_nan(xp: Namespace, x: Array, y: Array) -> Array:
    """x * y; 0 where y is 0, whatever x is.

    >>> tf.math.multiply_no_nan([float("inf")], [0.0]).numpy().tolist()
    [0.0]
    """
    return xp.where(y == 0, x.dtype.type(0), xp.multiply(x, y))


multiply_no_nan.infer(broadcast)
multiply_no_nan.vjp(
    lambda g, out, x, y: unbroadcast(multiply_no_nan(g, y), x),
    lambda g, out, x, y: unbroadcast(multiply_no_nan(x, g), y),
)
multiply_no_nan.scalar(lambda b, x, y: b.select(b.eq(y, b.const(0, y)), b.const(0, x), x * y))


@op("tf.math.xlogy", samples=binary(-2, 2, 0.5, 2), kinds="fVc")
@quiet
def xlogy(xp: Namespace, x: Array, y: Array) -> Array:
    """x log(y); 0 where x is 0.

    >>> tf.math.xlogy([0.0, 2.0], [0.0, 1.0]).numpy().tolist()
    [0.0, 0.0]
    """
    return xp.where(x == 0, x.dtype.type(0), xp.multiply(x, xp.log(y)))


xlogy.infer(broadcast)


@xlogy.expand
def _(x: Any, y: Any) -> Any:
    return _where_nonzero(x, multiply(x, log(y)))


@op("tf.math.xlog1py", samples=binary(-2, 2, -0.5, 2), kinds="fVc")
@quiet
def xlog1py(xp: Namespace, x: Array, y: Array) -> Array:
    """x log(1 + y); 0 where x is 0.

    >>> tf.math.xlog1py([0.0, 2.0], [-1.0, 0.0]).numpy().tolist()
    [0.0, 0.0]
    """
    return xp.where(x == 0, x.dtype.type(0), xp.multiply(x, xp.log1p(y)))


xlog1py.infer(broadcast)


@xlog1py.expand
def _(x: Any, y: Any) -> Any:
    return _where_nonzero(x, multiply(x, log1p(y)))


@op("tf.math.xdivy", samples=binary(-2, 2, 0.5, 2), kinds="fVc")
@quiet
def xdivy(xp: Namespace, x: Array, y: Array) -> Array:
    """x / y; 0 where x is 0, whatever y is.

    >>> tf.math.xdivy([0.0, 2.0], [0.0, 4.0]).numpy().tolist()
    [0.0, 0.5]
    """
    return xp.where(x == 0, x.dtype.type(0), xp.true_divide(x, y))


xlogy.vjp(
    lambda g, out, x, y: unbroadcast(multiply(g, _where_nonzero(x, log(y))), x),
    lambda g, out, x, y: unbroadcast(multiply(g, xdivy(x, y)), y),
)
xlog1py.vjp(
    lambda g, out, x, y: unbroadcast(multiply(g, _where_nonzero(x, log1p(y))), x),
    lambda g, out, x, y: unbroadcast(multiply(g, xdivy(x, add(y, convert(1, y.dtype)))), y),
)
xdivy.infer(broadcast)
xdivy.vjp(
    lambda g, out, x, y: unbroadcast(multiply(g, _where_nonzero(x, real_divide(convert(1, y.dtype), y))), x),
    lambda g, out, x, y: unbroadcast(multiply(g, xdivy(negative(x), multiply(y, y))), y),
)
xdivy.scalar(lambda b, x, y: b.select(b.eq(x, b.const(0, x)), b.const(0, x), x / y))


@export("tf.math.reciprocal_no_nan")
def reciprocal_no_nan(x: Any, name: str | None = None) -> Any:
    """1 / x; 0 where x is 0.

    >>> tf.math.reciprocal_no_nan([0.0, 2.0]).numpy().tolist()
    [0.0, 0.5]
    """
    tensor = convert(x)
    return execute(divide_no_nan, (convert(np.ones((), tensor.dtype.numpy)), tensor), {})
