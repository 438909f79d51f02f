"""Exponentials, logarithms, hyperbolic tangent. Elementwise: float[...] -> same shape and dtype.

The compiled bodies in float32 are the polynomials of the Cephes library (S. Moshier); float64 calls the C library.
"""

from typing import Any

from millstream.core.op import op
from millstream.core.samples import unary
from millstream.core.tensor import convert
from millstream.ops.math.arithmetic import multiply, real_divide, square, subtract
from millstream.ops.rules import Array, Namespace, quiet, same_as_input


def _one(x: Any) -> Any:
    return convert(1, x.dtype)


@op("tf.math.exp", "tf.exp", kinds="fVc", samples=unary(-4, 4))
@quiet
def exp(xp: Namespace, x: Array) -> Array:
    """e to the power of x; compiled code is within 1 ulp of this in float32.

    >>> tf.exp(0.0).numpy().item()
    1.0
    """
    return xp.exp(x)


exp.infer(same_as_input)
exp.vjp(lambda g, out, x: multiply(g, out))


@op("tf.math.log", kinds="fVc", samples=unary(0.2, 4))
@quiet
def log(xp: Namespace, x: Array) -> Array:
    """Natural logarithm; -inf at 0, NaN below.

    >>> tf.math.log(1.0).numpy().item()
    0.0
    """
    return xp.log(x)


log.infer(same_as_input)
log.vjp(lambda g, out, x: real_divide(g, x))


@op("tf.math.log1p", kinds="fVc", samples=unary(-0.5, 4))
@quiet
def log1p(xp: Namespace, x: Array) -> Array:
    """log(1 + x), exact near 0.

    >>> tf.math.log1p(0.0).numpy().item()
    0.0
    """
    return xp.log1p(x)


log1p.infer(same_as_input)
log1p.vjp(lambda g, out, x: real_divide(g, _one(x) + x))


@op("tf.math.expm1", kinds="fVc", samples=unary(-2, 2))
@quiet
def expm1(xp: Namespace, x: Array) -> Array:
    """exp(x) - 1, exact near 0.

    >>> tf.math.expm1(0.0).numpy().item()
    0.0
    """
    return xp.expm1(x)


expm1.infer(same_as_input)
expm1.vjp(lambda g, out, x: multiply(g, exp(x)))
expm1.scalar(lambda b, x: b.libm("expm1", x))


@op("tf.math.tanh", "tf.tanh", "tf.nn.tanh", kinds="fVc", samples=unary(-4, 4))
def tanh(xp: Namespace, x: Array) -> Array:
    """Hyperbolic tangent; compiled code is within 4 ulp of this in float32.

    >>> tf.tanh([0.0, 1.0]).numpy().round(4).tolist()
    [0.0, 0.7616000294685364]
    """
    return xp.tanh(x)


tanh.infer(same_as_input)
tanh.vjp(lambda g, out, x: multiply(g, subtract(_one(out), square(out))))


@op("tf.math.sigmoid", "tf.sigmoid", "tf.nn.sigmoid", kinds="fVc", samples=unary(-4, 4))
@quiet
def sigmoid(xp: Namespace, x: Array) -> Array:
    """1 / (1 + exp(-x)).

    >>> tf.sigmoid(0.0).numpy().item()
    0.5
    """
    one = x.dtype.type(1)
    return xp.true_divide(one, xp.add(one, xp.exp(xp.negative(x))))


sigmoid.infer(same_as_input)
sigmoid.vjp(lambda g, out, x: multiply(g, multiply(out, subtract(_one(out), out))))


# ---------------------------------------------------------------------------------------------- compiled bodies
LN2_HIGH, LN2_LOW, LOG2_E = 0.693359375, -2.12194440e-4, 1.4426950408889634


@exp.scalar
def _(b: Any, x: Any) -> Any:
    """2**n times a polynomial on [-ln 2 / 2, ln 2 / 2]; beyond the range of float32, 0 or infinity."""
    if x.type.dtype != "float32":
        return b.libm("exp", x)
    return exp_float32(b, x)


def exp_float32(b: Any, x: Any) -> Any:
    """exp of float32 values: e**x = 2**n e**r with n = round(x / ln 2)."""
    inside = b.min_num(b.max_num(x, b.const(-104.0, x)), b.const(89.0, x))
    n = b.round_even(inside * LOG2_E)
    r = b.fma(n, b.const(-LN2_HIGH, x), inside)
    r = b.fma(n, b.const(-LN2_LOW, x), r)
    p = b.poly(r, EXP_P)
    whole = b.fma(p, r * r, r) + 1.0
    half = b.ashr(b.cast(n, "int32"), 1)
    return b.select(b.eq(x, x), whole * _power_of_two(b, half) * _power_of_two(b, b.cast(n, "int32") - half), x)


def _power_of_two(b: Any, n: Any) -> Any:
    return b.bitcast(b.shl(n + 127, 23), "float32")


# (exp(r) - 1 - r) / r**2 on [-0.3466, 0.3466], highest power first
EXP_P = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)


@log.scalar
def _(b: Any, x: Any) -> Any:
    """log(2**e m) = e ln 2 + log m, m in [sqrt(1/2), sqrt(2)); denormal inputs count as 0."""
    return log_float32(b, x) if x.type.dtype == "float32" else b.libm("log", x)


def log_float32(b: Any, x: Any) -> Any:
    """log of float32 values."""
    bits = b.bitcast(x, "int32")
    shifted = bits - 0x3F3504F3
    e = b.cast(b.ashr(shifted, 23), "float32")
    m = b.bitcast((shifted & 0x007FFFFF) + 0x3F3504F3, "float32") - 1.0
    z = m * m
    y = b.poly(m, LOG_P) * m * z
    y = b.fma(e, b.const(LN2_LOW, x), y)
    y = b.fma(b.const(-0.5, x), z, y)
    y = b.fma(e, b.const(LN2_HIGH, x), m + y)
    y = b.select(b.eq(x, b.const(float("inf"), x)), x, y)
    y = b.select(b.lt(x, b.const(1.1754944e-38, x)), b.const(float("-inf"), x), y)
    return b.select(b.ge(x, b.const(0.0, x)), y, b.const(float("nan"), x))


# (log(1 + m) - m + m**2 / 2) / m**3 on [sqrt(1/2) - 1, sqrt(2) - 1], highest power first
LOG_P = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip


@log1p.scalar
def _(b: Any, x: Any) -> Any:
    return log1p_float32(b, x) if x.type.dtype == "float32" else b.libm("log1p", x)


def log1p_float32(b: Any, x: Any) -> Any:
    """log(u) x / (u - 1) with u = 1 + x rounded: the rounding of u cancels (W. Kahan)."""
    u = x + 1.0
    d = u - 1.0
    zero = b.const(0.0, x)
    y = b.select(b.eq(d, zero), x, log_float32(b, u) * (x / d))
    return b.select(b.eq(u, b.const(float("inf"), x)), u, y)


@tanh.scalar
def _(b: Any, x: Any) -> Any:
    """Odd polynomial below 0.625, through exp above, where no digits cancel."""
    if x.type.dtype != "float32":
        return b.libm("tanh", x)
    a = b.abs(x)
    z = x * x
    near = b.fma(b.poly(z, TANH_P) * z, x, x)
    t = exp_float32(b, a + a)
    far = b.const(1.0, x) - b.const(2.0, x) / (t + 1.0)
    far = b.select(b.lt(x, b.const(0.0, x)), b.neg(far), far)
    return b.select(b.lt(a, b.const(0.625, x)), near, b.select(b.eq(x, x), far, x))


# (tanh(x) - x) / x**3 in x**2 on [0, 0.625**2], highest power first
TANH_P = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)


@sigmoid.scalar
def _(b: Any, x: Any) -> Any:
    e = exp_float32(b, b.neg(x)) if x.type.dtype == "float32" else b.libm("exp", b.neg(x))
    return b.const(1.0, x) / (e + 1.0)
