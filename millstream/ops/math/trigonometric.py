"""Circular and hyperbolic functions. Elementwise: float or complex[...] -> same shape and dtype."""

from collections.abc import Callable
from typing import Any

from millstream.core.op import Op, op
from millstream.core.samples import binary, unary
from millstream.core.tensor import convert
from millstream.ops.array.shape import unbroadcast
from millstream.ops.math.arithmetic import add, conjugate, multiply, negative, real_divide, rsqrt, square, subtract
from millstream.ops.rules import Array, Namespace, broadcast, quiet, same_as_input

Slope = Callable[[Any, Any], Any]
_TABLE: dict[str, Op] = {}


def _function(name: str, numpy_name: str, low: float, high: float, says: str, slope: Slope) -> Op:
    """One function of the table below: they differ in NumPy's name, the interval of the samples, and the slope at x with value y."""

    @quiet
    def meaning(xp: Namespace, x: Array) -> Array:
        return getattr(xp, numpy_name)(x)

    meaning.__name__, meaning.__doc__ = (
        name,
        f"{says} of x; NaN where it is not defined.\n\n    >>> tf.math.{name}(1.0).shape\n    TensorShape([])\n    ",
    )
    made = op(f"tf.math.{name}", f"tf.{name}", samples=unary(low, high), kinds="fVc")(meaning)
    made.infer(same_as_input)
    made.vjp(lambda g, out, x: multiply(g, conjugate(slope(x, out))))
    made.scalar(lambda b, x: b.libm(name, x))
    _TABLE[name] = made
    return made


def _one(x: Any) -> Any:
    return convert(1, x.dtype) if not x.dtype.is_complex else convert(1 + 0j, x.dtype)


def _reciprocal(x: Any) -> Any:
    return real_divide(_one(x), x)


sin = _function("sin", "sin", -3, 3, "Sine", lambda x, y: _TABLE["cos"](x))
cos = _function("cos", "cos", -3, 3, "Cosine", lambda x, y: negative(sin(x)))
tan = _function("tan", "tan", -1, 1, "Tangent", lambda x, y: add(_one(x), square(y)))
asin = _function("asin", "arcsin", -0.8, 0.8, "Inverse sine", lambda x, y: rsqrt(subtract(_one(x), square(x))))
acos = _function("acos", "arccos", -0.8, 0.8, "Inverse cosine", lambda x, y: negative(rsqrt(subtract(_one(x), square(x)))))
atan = _function("atan", "arctan", -3, 3, "Inverse tangent", lambda x, y: _reciprocal(add(_one(x), square(x))))
sinh = _function("sinh", "sinh", -2, 2, "Hyperbolic sine", lambda x, y: _TABLE["cosh"](x))
cosh = _function("cosh", "cosh", -2, 2, "Hyperbolic cosine", lambda x, y: sinh(x))
asinh = _function("asinh", "arcsinh", -3, 3, "Inverse hyperbolic sine", lambda x, y: _reciprocal(cosh(y)))
acosh = _function("acosh", "arccosh", 1.5, 4, "Inverse hyperbolic cosine", lambda x, y: _reciprocal(sinh(y)))
atanh = _function("atanh", "arctanh", -0.8, 0.8, "Inverse hyperbolic tangent", lambda x, y: _reciprocal(subtract(_one(x), square(x))))


@op("tf.math.atan2", "tf.atan2", samples=binary(0.4, 2, -2, -0.4), kinds="fV")
def atan2(xp: Namespace, y: Array, x: Array) -> Array:
    """The angle of the point (x, y), in (-pi, pi].

    >>> round(float(tf.math.atan2(1.0, 0.0)), 4)
    1.5708
    """
    return xp.arctan2(y, x)


def _over_square(g: Any, y: Any, x: Any) -> Any:
    return real_divide(g, add(square(y), square(x)))


atan2.infer(broadcast)
atan2.vjp(
    lambda g, out, y, x: unbroadcast(multiply(_over_square(g, y, x), x), y),
    lambda g, out, y, x: unbroadcast(negative(multiply(_over_square(g, y, x), y)), x),
)
atan2.scalar(lambda b, y, x: b.libm("atan2", y, x))
