"""Sums, products, quotients, powers. Elementwise with broadcasting: number[...], number[...] -> the broadcast shape, same dtype."""

from typing import Any

import numpy as np

from millstream.core.deferred import Deferred, Terms
from millstream.core.dispatch import Hooks
from millstream.core.dtypes import float32, float64
from millstream.core.op import op
from millstream.core.samples import FLOATS, NUMBERS, binary, mixed_dtypes, unary
from millstream.core.tensor import Tensor, convert, install_operator
from millstream.ops.array.shape import unbroadcast
from millstream.ops.rules import Array, Namespace, broadcast, quiet, same_as_input
from millstream.util.errors import OpError, invalid
from millstream.util.export import export

DIFFERENT = mixed_dtypes(OpError)


@op("tf.math.add", "tf.add", kinds="iufVcO", samples=binary(-2, 2, dtypes=NUMBERS), errors=DIFFERENT)
@quiet
def add(xp: Namespace, x: Array, y: Array) -> Array:
    """Sum x + y; strings are joined.

    >>> tf.add([1, 2], 3).numpy().tolist()
    [4, 5]
    """
    return xp.add(x, y)


add.infer(broadcast)


def _summand_gradient(g: Any, x: Any) -> Any:
    """The gradient of a summand; that of a traced vector added to matrices waits for its other uses."""
    if type(g) is not Tensor and len(x.shape) == 1 and len(g.shape) == 2 and x.shape[0] == g.shape[1]:
        return Deferred(_sum_of_rows, g)
    return unbroadcast(g, x)


def _sum_of_rows(terms: Terms) -> Any:
    from millstream.ops.array.creation import stack
    from millstream.ops.math.reduce import reduce_sum_

    parts = [t[0] for t in terms]
    if len(parts) == 1 or any(tuple(x.shape) != tuple(parts[0].shape) for x in parts):
        sums = [reduce_sum_(x, axis=(0,), keepdims=False) for x in parts]
        return sums[0] if len(sums) == 1 else reduce_sum_(stack(sums), axis=(0,), keepdims=False)
    return reduce_sum_(stack(parts), axis=(0, 1), keepdims=False)


add.vjp(lambda g, out, x, y: _summand_gradient(g, x), lambda g, out, x, y: _summand_gradient(g, y))
add.scalar(lambda b, x, y: x + y)


@op("tf.math.negative", "tf.negative", kinds="iufVc", samples=unary(-2, 2, NUMBERS))
def negative(xp: Namespace, x: Array) -> Array:
    """The number with its sign changed.

    >>> tf.negative([1.0, -2.0]).numpy().tolist()
    [-1.0, 2.0]
    """
    return xp.negative(x)


negative.infer(same_as_input)
negative.vjp(lambda g, out, x: negative(g))
negative.scalar(lambda b, x: b.neg(x))


@op("tf.math.subtract", "tf.subtract", kinds="iufVc", samples=binary(-2, 2, dtypes=NUMBERS), errors=DIFFERENT)
@quiet
def subtract(xp: Namespace, x: Array, y: Array) -> Array:
    """Difference x - y.

    >>> tf.subtract([1, 2], 3).numpy().tolist()
    [-2, -1]
    """
    return xp.subtract(x, y)


subtract.infer(broadcast)
subtract.vjp(lambda g, out, x, y: unbroadcast(g, x), lambda g, out, x, y: unbroadcast(negative(g), y))
subtract.scalar(lambda b, x, y: x - y)


@op("tf.math.multiply", "tf.multiply", kinds="iufVc", samples=binary(-2, 2, dtypes=NUMBERS), errors=DIFFERENT)
@quiet
def multiply(xp: Namespace, x: Array, y: Array) -> Array:
    """Product x * y.

    >>> tf.multiply([1, 2], 3).numpy().tolist()
    [3, 6]
    """
    return xp.multiply(x, y)


multiply.infer(broadcast)
multiply.vjp(
    lambda g, out, x, y: unbroadcast(multiply(g, conjugate(y)), x),
    lambda g, out, x, y: unbroadcast(multiply(g, conjugate(x)), y),
)
multiply.scalar(lambda b, x, y: x * y)


def conjugate(x: Tensor) -> Any:
    """The complex conjugate; real tensors are returned as they are."""
    return _conj(x) if x.dtype.is_complex else x


@op(name="conj", samples=unary(-2, 2, ("complex64", "complex128"), False))
def _conj(xp: Namespace, x: Array) -> Array:
    """Complex conjugate."""
    return xp.conj(x)


_conj.infer(same_as_input)
_conj.vjp(lambda g, out, x: _conj(g))


def divide_or_zero(x: Any, y: Any) -> Any:
    """x / y, 0 where y is 0."""
    from millstream.ops.math.safe import divide_no_nan

    return divide_no_nan(x, y)


@op(name="real_divide", kinds="fVc", samples=binary(-2, 2, 0.5, 2))
@quiet
def real_divide(xp: Namespace, x: Array, y: Array) -> Array:
    """Quotient x / y of floating point numbers; x / 0 is an infinity or NaN."""
    return xp.true_divide(x, y)


real_divide.infer(broadcast)
real_divide.vjp(
    lambda g, out, x, y: unbroadcast(real_divide(g, conjugate(y)), x),
    lambda g, out, x, y: unbroadcast(multiply(g, conjugate(real_divide(real_divide(negative(x), y), y))), y),
)
real_divide.scalar(lambda b, x, y: x / y)


@op("tf.math.floordiv", "tf.floordiv", kinds="iufV", samples=binary(-9, 9, 1, 4, dtypes=NUMBERS, gradient=False), errors=DIFFERENT)
@quiet
def floordiv(xp: Namespace, x: Array, y: Array) -> Array:
    """Quotient rounded down.

    >>> tf.math.floordiv(-7, 2).numpy().item()
    -4
    """
    if x.dtype.kind in "iu":
        _refuse_zero(xp, y)
        return xp.floor_divide(x, y)
    return xp.floor(xp.true_divide(x, y))


def _refuse_zero(xp: Namespace, y: Array) -> None:
    if xp is np and not np.all(y):
        raise invalid("Integer division by zero")


floordiv.infer(broadcast)
floordiv.no_gradient()


@op(
    "tf.math.floormod",
    "tf.math.mod",
    "tf.mod",
    kinds="iufV",
    samples=binary(-9, 9, 1.5, 4, dtypes=FLOATS, gradient=False),
    errors=DIFFERENT,
)
@quiet
def floormod(xp: Namespace, x: Array, y: Array) -> Array:
    """Remainder of floordiv; it has the sign of y.

    >>> tf.math.floormod(-7, 2).numpy().item()
    1
    """
    if x.dtype.kind in "iu":
        _refuse_zero(xp, y)
    return xp.mod(x, y)


floormod.infer(broadcast)
floormod.vjp(lambda g, out, x, y: unbroadcast(g, x), lambda g, out, x, y: unbroadcast(multiply(g, negative(floordiv(x, y))), y))


@op("tf.math.sign", "tf.sign", samples=unary(-2, 2, NUMBERS))
def sign(xp: Namespace, x: Array) -> Array:
    """-1, 0 or 1; NaN stays NaN.

    >>> tf.sign([-3.0, 0.0, 2.0]).numpy().tolist()
    [-1.0, 0.0, 1.0]
    """
    return xp.sign(x)


sign.infer(same_as_input)
sign.vjp(lambda g, out, x: Hooks.zeros_like(g))


@sign.scalar
def _(b: Any, x: Any) -> Any:
    zero, one = b.const(0, x), b.const(1, x)
    return b.select(b.gt(x, zero), one, b.select(b.lt(x, zero), b.const(-1, x), x))


@op(name="real_abs", kinds="iufV", samples=unary(-2, 2, NUMBERS))
def absolute(xp: Namespace, x: Array) -> Array:
    """Absolute value of real numbers."""
    return xp.abs(x)


absolute.infer(same_as_input)
absolute.vjp(lambda g, out, x: multiply(g, sign(x)))
absolute.scalar(lambda b, x: b.abs(x))


@op("tf.math.square", "tf.square", kinds="iufVc", samples=unary(-2, 2, NUMBERS))
@quiet
def square(xp: Namespace, x: Array) -> Array:
    """x * x.

    >>> tf.square([1.0, -3.0]).numpy().tolist()
    [1.0, 9.0]
    """
    return xp.square(x)


square.infer(same_as_input)
square.vjp(lambda g, out, x: multiply(g, multiply(conjugate(x), 2)))
square.scalar(lambda b, x: x * x)


@op("tf.math.sqrt", "tf.sqrt", kinds="fVc", samples=unary(0.3, 4))
@quiet
def sqrt(xp: Namespace, x: Array) -> Array:
    """Square root; NaN for negative numbers.

    >>> tf.sqrt([4.0, 9.0]).numpy().tolist()
    [2.0, 3.0]
    """
    return xp.sqrt(x)


sqrt.infer(same_as_input)
sqrt.vjp(lambda g, out, x: real_divide(multiply(g, convert(0.5, g.dtype)), conjugate(out)))
sqrt.scalar(lambda b, x: b.sqrt(x))


@op("tf.math.rsqrt", kinds="fVc", samples=unary(0.3, 4))
@quiet
def rsqrt(xp: Namespace, x: Array) -> Array:
    """1 / sqrt(x).

    >>> tf.math.rsqrt([4.0]).numpy().tolist()
    [0.5]
    """
    return xp.reciprocal(xp.sqrt(x))


rsqrt.infer(same_as_input)
rsqrt.vjp(lambda g, out, x: multiply(multiply(convert(-0.5, g.dtype), g), multiply(out, multiply(out, out))))
rsqrt.scalar(lambda b, x: b.const(1, x) / b.sqrt(x))


@op("tf.math.reciprocal", kinds="fVc", samples=unary(0.5, 4))
@quiet
def reciprocal(xp: Namespace, x: Array) -> Array:
    """1 / x.

    >>> tf.math.reciprocal([4.0]).numpy().tolist()
    [0.25]
    """
    return xp.true_divide(x.dtype.type(1), x)


reciprocal.infer(same_as_input)
reciprocal.vjp(lambda g, out, x: multiply(negative(g), multiply(out, out)))
reciprocal.scalar(lambda b, x: b.const(1, x) / x)


@op("tf.math.maximum", "tf.maximum", kinds="iufV", samples=binary(-2, 2, dtypes=NUMBERS), errors=DIFFERENT)
def maximum(xp: Namespace, x: Array, y: Array) -> Array:
    """The larger of two numbers; NaN if one is NaN. The gradient of a tie goes to x.

    >>> tf.maximum([1.0, 5.0], 3.0).numpy().tolist()
    [3.0, 5.0]
    """
    return xp.maximum(x, y)


maximum.infer(broadcast)
maximum.vjp(
    lambda g, out, x, y: unbroadcast(_where_gradient(g, x, y, "ge"), x),
    lambda g, out, x, y: unbroadcast(_where_gradient(g, x, y, "lt"), y),
)
maximum.scalar(lambda b, x, y: b.max(x, y))


@op("tf.math.minimum", "tf.minimum", kinds="iufV", samples=binary(-2, 2, dtypes=NUMBERS), errors=DIFFERENT)
def minimum(xp: Namespace, x: Array, y: Array) -> Array:
    """The smaller of two numbers; NaN if one is NaN. The gradient of a tie goes to x.

    >>> tf.minimum([1.0, 5.0], 3.0).numpy().tolist()
    [1.0, 3.0]
    """
    return xp.minimum(x, y)


minimum.infer(broadcast)
minimum.vjp(
    lambda g, out, x, y: unbroadcast(_where_gradient(g, x, y, "le"), x),
    lambda g, out, x, y: unbroadcast(_where_gradient(g, x, y, "gt"), y),
)
minimum.scalar(lambda b, x, y: b.min(x, y))


def _where_gradient(g: Tensor, x: Tensor, y: Tensor, relation: str) -> Any:
    """g where the relation holds, zero elsewhere."""
    from millstream.ops.math import comparison

    return comparison.where_else_zero(getattr(comparison, _RELATIONS[relation])(x, y), g)


_RELATIONS = {"ge": "greater_equal", "gt": "greater", "le": "less_equal", "lt": "less"}


@op("tf.math.pow", "tf.pow", kinds="iufVc", samples=binary(0.3, 2, -2, 3), errors=DIFFERENT)
@quiet
def pow_(xp: Namespace, x: Array, y: Array) -> Array:
    """x to the power of y.

    >>> tf.pow([2.0, 3.0], 2).numpy().tolist()
    [4.0, 9.0]
    """
    if xp is np and x.dtype.kind in "iu" and np.any(y < 0):
        raise invalid("Integers to negative integer powers are not allowed")
    return xp.power(x, y)


pow_.infer(broadcast)
pow_.vjp(
    lambda g, out, x, y: unbroadcast(multiply(multiply(g, y), pow_(x, subtract(y, convert(1, y.dtype)))), x),
    lambda g, out, x, y: unbroadcast(multiply(multiply(g, out), _safe_log(x)), y),
)


@pow_.scalar
def _(b: Any, x: Any, y: Any) -> Any:
    return b.libm("pow", x, y)


def _safe_log(x: Tensor) -> Any:
    """log x where x > 0, else 0, so that the gradient of 0 ** y to y is 0."""
    from millstream.ops.math import comparison, exponential

    positive = comparison.greater(x, convert(0, x.dtype))
    return comparison.where_else_zero(positive, exponential.log(comparison.select(positive, x, Hooks.ones_like(x))))


@op("tf.math.squared_difference", kinds="iufVc", samples=binary(-2, 2), errors=DIFFERENT)
@quiet
def squared_difference(xp: Namespace, x: Array, y: Array) -> Array:
    """(x - y) ** 2.

    >>> tf.math.squared_difference(5.0, 2.0).numpy().item()
    9.0
    """
    return xp.square(xp.subtract(x, y))


squared_difference.infer(broadcast)
squared_difference.vjp(
    lambda g, out, x, y: unbroadcast(multiply(multiply(convert(2, g.dtype), g), subtract(x, y)), x),
    lambda g, out, x, y: unbroadcast(multiply(multiply(convert(-2, g.dtype), g), subtract(x, y)), y),
)


@squared_difference.scalar
def _(b: Any, x: Any, y: Any) -> Any:
    d = x - y
    return d * d


@export("tf.math.abs", "tf.abs")
def abs_(x: Any, name: str | None = None) -> Any:
    """Absolute value.

    >>> tf.abs([-1.5, 2.0]).numpy().tolist()
    [1.5, 2.0]
    """
    from millstream.ops.math.complex_ import absolute_of

    return absolute_of(x)


@export("tf.math.truediv", "tf.truediv", "tf.math.divide", "tf.divide", "tf.realdiv")
def truediv(x: Any, y: Any, name: str | None = None) -> Any:
    """Quotient x / y; whole numbers of up to 16 bits give float32, of more float64, as TensorFlow has it.

    >>> tf.divide(7, 2).numpy().item()
    3.5
    """
    if type(x) is Tensor and x._array.dtype.kind == "f" and (type(y) is float or type(y) is Tensor):
        return real_divide(x, y)
    x, y = _pair(x, y)
    if x.dtype is not y.dtype:
        raise TypeError(f"x and y must have the same dtype, got {x.dtype!r} != {y.dtype!r}. Convert one of them with tf.cast.")
    if x.dtype.is_integer:
        wide = float32 if x.dtype.size < 4 else float64
        x, y = (convert(v) if v.dtype is wide else _cast(v, wide) for v in (x, y))
    return real_divide(x, y)


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Both as tensors; a Python number takes the dtype of the other."""
    if isinstance(x, Tensor) or hasattr(x, "assign"):
        x = convert(x)
        return x, convert(y, hint=x.dtype)
    y = convert(y) if isinstance(y, Tensor) or hasattr(y, "assign") else y
    x = convert(x, hint=y.dtype if isinstance(y, Tensor) else None)
    return x, convert(y, hint=x.dtype)


def _cast(x: Tensor, dtype: Any) -> Any:
    from millstream.ops.array.creation import cast

    return cast(x, dtype)


def _install() -> None:
    for name, function in (("add", add.fast), ("sub", subtract.fast), ("mul", multiply.fast), ("pow", pow_.fast),
                           ("floordiv", floordiv.fast), ("mod", floormod.fast), ("truediv", truediv)):  # fmt: skip
        install_operator(f"__{name}__", function)
        install_operator(f"__r{name}__", _commuted(function) if name in ("add", "mul") else _backward(function))
    install_operator("__neg__", negative.fast)
    install_operator("__abs__", absolute.fast)


def _commuted(function: Any) -> Any:
    """Number + tensor as tensor + number, which is quicker; strings keep their order."""

    def operator(self: Any, other: Any) -> Any:
        return function(self, other) if type(other) is float or type(other) is int else function(other, self)

    return operator


def _backward(function: Any) -> Any:
    def operator(self: Any, other: Any) -> Any:
        return function(other, self)

    return operator


_install()
Hooks.add = add.fast
