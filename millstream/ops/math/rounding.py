"""Rounding, and tests for NaN and infinities. Elementwise: float[...] -> same shape; the tests give bool."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import bool_
from millstream.core.op import Op, op
from millstream.core.samples import FLOATS, NUMBERS, binary, unary
from millstream.core.tensor import convert
from millstream.ops.rules import Array, Namespace, as_dtype_of, broadcast, same_as_input
from millstream.util.export import export


def _rounding(name: str, says: str, builder_name: str, *public: str) -> Op:
    numpy_name = {"round": "rint"}.get(name, name)

    def meaning(xp: Namespace, x: Array) -> Array:
        return getattr(xp, numpy_name)(x)

    meaning.__name__, meaning.__doc__ = name, f"The whole number {says}, as a floating point number."
    made = op(*public, name=name, samples=unary(-3, 3, gradient=False), kinds="fV")(meaning)
    made.infer(same_as_input)
    made.no_gradient()
    made.scalar(lambda b, x: getattr(b, builder_name)(x))
    return made


floor = _rounding("floor", "below", "floor", "tf.math.floor", "tf.floor")
ceil = _rounding("ceil", "above", "ceil", "tf.math.ceil", "tf.ceil")
rint = _rounding("rint", "nearest, of two the even one", "round_even", "tf.math.rint")


@export("tf.math.round", "tf.round")
def round_(x: Any, name: str | None = None) -> Any:
    """The nearest whole number, of two the even one; whole numbers stay as they are.

    >>> tf.round([0.5, 1.5, 2.4]).numpy().tolist()
    [0.0, 2.0, 2.0]
    """
    tensor = convert(x)
    return tensor if tensor.dtype.is_integer else execute(rint, (tensor,), {})


def _test(name: str, says: str, numpy_name: str, body: Any) -> Op:
    def meaning(xp: Namespace, x: Array) -> Array:
        return getattr(xp, numpy_name)(x)

    meaning.__name__, meaning.__doc__ = (
        name,
        f"Whether each element is {says}.\n\n    >>> bool(tf.math.{name}(1.0))\n    {name == 'is_finite'}\n    ",
    )
    made = op(f"tf.math.{name}", samples=unary(-3, 3, gradient=False), kinds="fV")(meaning)
    made.infer(as_dtype_of(bool_))
    made.no_gradient()
    made.scalar(body)
    return made


def _infinity(b: Any, x: Any) -> Any:
    return b.const(float("inf"), x)


is_nan = _test("is_nan", "NaN", "isnan", lambda b, x: b.ne(x, x))
is_inf = _test("is_inf", "an infinity", "isinf", lambda b, x: b.eq(b.abs(x), _infinity(b, x)))
is_finite = _test("is_finite", "neither NaN nor an infinity", "isfinite", lambda b, x: b.lt(b.abs(x), _infinity(b, x)))


@op("tf.math.nextafter", samples=binary(-2, 2, dtypes=FLOATS, gradient=False), kinds="f")
def nextafter(xp: Namespace, x1: Array, x2: Array) -> Array:
    """The next representable number from x1 towards x2.

    >>> float(tf.math.nextafter(1.0, 2.0)) > 1
    True
    """
    return xp.nextafter(x1, x2)


nextafter.infer(broadcast)
nextafter.no_gradient()


@op("tf.truncatediv", samples=binary(-9, 9, 1, 4, dtypes=("int32", "int64"), gradient=False), kinds="iu")
def truncatediv(xp: Namespace, x: Array, y: Array) -> Array:
    """Quotient of whole numbers, rounded towards zero.

    >>> int(tf.truncatediv(-7, 2))
    -3
    """
    refuse_zero(y)
    return (xp.sign(x) * xp.sign(y) * (xp.abs(x) // xp.abs(y))).astype(x.dtype)


@op("tf.truncatemod", samples=binary(-9, 9, 1, 4, dtypes=NUMBERS, gradient=False))
def truncatemod(xp: Namespace, x: Array, y: Array) -> Array:
    """Remainder of the quotient rounded towards zero; it has the sign of x.

    >>> int(tf.truncatemod(-7, 2))
    -1
    """
    if x.dtype.kind in "iu":
        refuse_zero(y)
    with np.errstate(all="ignore"):
        return xp.fmod(x, y)


def refuse_zero(y: Array) -> None:
    """Raises: InvalidArgumentError when whole numbers are divided by zero."""
    from millstream.util.errors import invalid

    if not np.all(y):
        raise invalid("Integer division by zero")


for _made in (truncatediv, truncatemod):
    _made.infer(broadcast)
    _made.no_gradient()
