"""Error function, gamma function and their kin. Elementwise: float[...] -> same shape and dtype.

Where the C library has the function it is asked element by element; the others are series and continued fractions of
the Handbook of Mathematical Functions (Abramowitz and Stegun), evaluated in float64: relative error below 1e-12 unless
a function says otherwise.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import binary, unary
from millstream.core.tensor import convert
from millstream.ops.array.shape import unbroadcast
from millstream.ops.math.arithmetic import add, multiply, negative, square, subtract
from millstream.ops.math.exponential import exp, log
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.rules import Array, Namespace, broadcast, quiet, same_as_input
from millstream.util.export import export

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


def _each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of Python floats, for arrays: same shape and dtype."""
    ufunc = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(ufunc(np.asarray(x, np.float64)), np.float64).astype(x.dtype)[()]


def _in_double(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of float64 arrays, for any float dtype."""

    @quiet
    def call(*xs: Array) -> Array:
        return function(*[np.asarray(x, np.float64) for x in xs]).astype(xs[0].dtype)[()]

    return call


_erf, _erfc = _each(math.erf), _each(math.erfc)


# ---------------------------------------------------------------------------------------------- error function
@op("tf.math.erf", samples=unary(-2, 2), kinds="fV")
def erf(xp: Namespace, x: Array) -> Array:
    """Error function: 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x.

    >>> float(tf.math.erf(0.0))
    0.0
    """
    return _erf(x)


def _bell(g: Any, x: Any, factor: float) -> Any:
    """g * factor * exp(-x**2)."""
    return multiply(g, multiply(convert(factor, g.dtype), exp(negative(square(x)))))


erf.infer(same_as_input)
erf.vjp(lambda g, out, x: _bell(g, x, TWO_OVER_ROOT_PI))
erf.scalar(lambda b, x: b.libm("erf", x))


@op("tf.math.erfc", samples=unary(-2, 2), kinds="fV")
def erfc(xp: Namespace, x: Array) -> Array:
    """1 - erf(x), exact for large x.

    >>> float(tf.math.erfc(0.0))
    1.0
    """
    return _erfc(x)


erfc.infer(same_as_input)
erfc.vjp(lambda g, out, x: _bell(g, x, -TWO_OVER_ROOT_PI))
erfc.scalar(lambda b, x: b.libm("erfc", x))


def _inverse_erf(y: Array) -> Array:
    """A first guess good to 2e-3 (S. Winitzki's formula), then four Newton steps with the second derivative (Halley)."""
    tail = np.log1p(-np.minimum(y * y, 1 - 1e-300))
    a = 2 / (math.pi * 0.147) + tail / 2
    x = np.copysign(np.sqrt(np.sqrt(a * a - tail / 0.147) - a), y)
    for _ in range(4):
        error = np.asarray(np.frompyfunc(_erf_error, 2, 1)(x, y), np.float64)
        step = error / (TWO_OVER_ROOT_PI * np.exp(-x * x))
        x = np.where(np.isfinite(step), x - step / (1 + x * step), x)
    return np.where(np.abs(y) == 1, np.copysign(np.inf, y), np.where(np.abs(y) > 1, np.copysign(np.inf, y), x))


def _erf_error(x: float, y: float) -> float:
    """erf(x) - y, without loss of digits near 1."""
    return math.erf(x) - y if abs(y) < 0.5 else math.copysign(1, y) * ((1 - abs(y)) - math.erfc(abs(x)))


_erfinv = _in_double(_inverse_erf)


@op("tf.math.erfinv", samples=unary(-0.9, 0.9), kinds="f")
def erfinv(xp: Namespace, x: Array) -> Array:
    """The inverse of erf on (-1, 1).

    >>> float(tf.math.erfinv(0.0))
    0.0
    """
    return _erfinv(x)


erfinv.infer(same_as_input)
erfinv.vjp(lambda g, out, x: multiply(g, multiply(convert(math.sqrt(math.pi) / 2, g.dtype), exp(square(out)))))


@export("tf.math.ndtri")
def ndtri(x: Any, name: str | None = None) -> Any:
    """The quantile of the standard normal distribution at probability x.

    >>> float(tf.math.ndtri(0.5))
    0.0
    """
    p = convert(x)
    return multiply(convert(math.sqrt(2), p.dtype), execute(erfinv, (subtract(multiply(convert(2, p.dtype), p), convert(1, p.dtype)),), {}))


@export("tf.math.erfcinv")
def erfcinv(x: Any, name: str | None = None) -> Any:
    """The inverse of erfc on (0, 2).

    >>> float(tf.math.erfcinv(1.0))
    0.0
    """
    y = convert(x)
    return execute(erfinv, (subtract(convert(1, y.dtype), y),), {})


# ---------------------------------------------------------------------------------------------- gamma function
def _log_gamma(x: float) -> float:
    return math.inf if x <= 0 and x == math.floor(x) else math.lgamma(x)


_lgamma = _each(_log_gamma)


@op("tf.math.lgamma", samples=unary(0.5, 4), kinds="f")
def lgamma(xp: Namespace, x: Array) -> Array:
    """log |gamma(x)|; inf at 0, -1, -2, ...

    >>> float(tf.math.lgamma(1.0))
    0.0
    """
    return _lgamma(x)


lgamma.infer(same_as_input)
lgamma.scalar(lambda b, x: b.libm("lgamma", x))


def _psi(x: Array) -> Array:
    """Reflection below 1/2, recurrence up to 10, asymptotic series above."""
    mirrored = x < 0.5
    z = np.where(mirrored, 1 - x, x)
    shift = np.zeros_like(z)
    for _ in range(10):
        small = z < 10
        shift = shift - np.where(small, 1 / z, 0)
        z = np.where(small, z + 1, z)
    w = 1 / (z * z)
    tail = w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w * (1 / 240 - w * (1 / 132 - w * (691 / 32760 - w / 12))))))
    value = shift + np.log(z) - 0.5 / z - tail
    value = np.where(mirrored, value - math.pi / np.tan(math.pi * x), value)
    return np.where((x <= 0) & (x == np.floor(x)), np.inf, value)


_digamma = _in_double(_psi)


@op("tf.math.digamma", samples=unary(0.5, 4), kinds="f")
def digamma(xp: Namespace, x: Array) -> Array:
    """The derivative of lgamma.

    >>> round(float(tf.math.digamma(1.0)), 4)
    -0.5772
    """
    return _digamma(x)


lgamma.vjp(lambda g, out, x: multiply(g, digamma(x)))
digamma.infer(same_as_input)

# B(2k) / (2k)!, k = 1 ... 10
_BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600, -3617 / 10670622842880000)


def _hurwitz(s: Array, q: Array) -> Array:
    """Euler-Maclaurin: twelve terms of the sum, then the integral and corrections."""
    total = np.zeros(np.broadcast_shapes(s.shape, q.shape))
    for k in range(12):
        total = total + (q + k) ** -s
    w = q + 12.0
    total = total + w ** (1 - s) / (s - 1) + 0.5 * w**-s
    factor, power = s, w ** (-s - 1)
    for k, b in enumerate(_BERNOULLI):
        total = total + b * factor * power
        factor = factor * (s + 2 * k + 1) * (s + 2 * k + 2)
        power = power / (w * w)
    return np.where(s == 1, np.inf, np.where(s < 1, np.nan, total))


_zeta = _in_double(_hurwitz)


@op("tf.math.zeta", samples=binary(1.5, 4, 0.5, 4, gradient=False), kinds="f")
def zeta(xp: Namespace, x: Array, q: Array) -> Array:
    """Hurwitz's zeta function: the sum of (q + k) ** -x over k = 0, 1, 2, ... for x > 1.

    >>> round(float(tf.math.zeta(2.0, 1.0)), 4)
    1.6449
    """
    return _zeta(x, q)


zeta.infer(broadcast)
zeta.vjp(None, lambda g, out, x, q: unbroadcast(multiply(g, multiply(negative(x), zeta(add(x, convert(1, x.dtype)), q))), q))


def _polygamma(n: Array, x: Array) -> Array:
    gamma = np.asarray(np.frompyfunc(math.gamma, 1, 1)(n + 1), np.float64)
    return np.where(n == 0, _psi(x), np.where(n % 2 == 0, -1.0, 1.0) * gamma * _hurwitz(n + 1, x))


_poly = _in_double(_polygamma)


@op("tf.math.polygamma", samples=binary(1, 1, 0.5, 4, gradient=False), kinds="f")
def polygamma(xp: Namespace, a: Array, x: Array) -> Array:
    """The derivative of order a of digamma at x.

    >>> round(float(tf.math.polygamma(1.0, 1.0)), 4)
    1.6449
    """
    return _poly(a, x)


digamma.vjp(lambda g, out, x: multiply(g, polygamma(convert(np.ones((), x.dtype.numpy)), x)))
polygamma.infer(broadcast)
polygamma.vjp(None, lambda g, out, a, x: unbroadcast(multiply(g, polygamma(add(a, convert(1, a.dtype)), x)), x))


@export("tf.math.lbeta")
def lbeta(x: Any, name: str | None = None) -> Any:
    """log of the multivariate beta function along the last dimension.

    >>> round(float(tf.math.lbeta([1.0, 2.0])), 4)
    -0.6931
    """
    tensor = convert(x)
    return subtract(reduce_sum(execute(lgamma, (tensor,), {}), -1), execute(lgamma, (reduce_sum(tensor, -1),), {}))


# ---------------------------------------------------------------------------------------------- incomplete gamma function
def _igamma_series(a: Array, x: Array) -> Array:
    """x**a e**-x / gamma(a) times the sum of x**n / (a (a + 1) ... (a + n)): quick for x < a + 1."""
    term = 1 / a
    total = term
    for n in range(1, 200):
        term = term * x / (a + n)
        total = total + term
        if np.all(np.abs(term) <= 1e-16 * np.abs(total)):
            break
    return total * _igamma_scale(a, x)


def _igamma_scale(a: Array, x: Array) -> Array:
    return np.exp(a * np.log(x) - x - np.asarray(np.frompyfunc(_log_gamma, 1, 1)(a), np.float64))


def _igamma_fraction(a: Array, x: Array) -> Array:
    """Legendre's continued fraction of the upper part, by Lentz's method: quick for x > a + 1."""
    b = x + 1 - a
    c, d = np.full_like(b, 1e300), 1 / b
    h = d
    for n in range(1, 300):
        an = -n * (n - a)
        b = b + 2
        d, c = 1 / (an * d + b), b + an / c
        h = h * (d * c)
        if np.all(np.abs(d * c - 1) < 1e-16):
            break
    return h * _igamma_scale(a, x)


def _lower(a: Array, x: Array) -> Array:
    a, x = np.broadcast_arrays(a, x)
    below = x < a + 1
    low = _igamma_series(a, np.where(below, x, 1.0))
    high = 1 - _igamma_fraction(a, np.where(below, a + 2, x))
    value = np.where(below, low, high)
    return np.where((x < 0) | (a <= 0), np.nan, np.where(x == 0, 0.0, np.where(np.isinf(x), 1.0, value)))


def _upper(a: Array, x: Array) -> Array:
    a, x = np.broadcast_arrays(a, x)
    above = x >= a + 1
    value = np.where(above, _igamma_fraction(a, np.where(above, x, a + 2)), 1 - _lower(a, np.where(above, 1.0, x)))
    return np.where(np.isinf(x), 0.0, value)


_igamma, _igammac = _in_double(_lower), _in_double(_upper)


def _density(g: Any, a: Any, x: Any) -> Any:
    """g times the gamma distribution's density: the derivative of the lower part to x."""
    one = convert(1, x.dtype)
    return unbroadcast(multiply(g, exp(subtract(multiply(subtract(a, one), log(x)), add(x, lgamma(a))))), x)


@op("tf.math.igamma", samples=binary(0.5, 4, 0.5, 4, gradient=False), kinds="f")
def igamma(xp: Namespace, a: Array, x: Array) -> Array:
    """The regularized lower incomplete gamma function P(a, x). No gradient to a.

    >>> round(float(tf.math.igamma(2.0, 1.0)), 4)
    0.2642
    """
    return _igamma(a, x)


igamma.infer(broadcast)
igamma.vjp(None, lambda g, out, a, x: _density(g, a, x))


@op("tf.math.igammac", samples=binary(0.5, 4, 0.5, 4, gradient=False), kinds="f")
def igammac(xp: Namespace, a: Array, x: Array) -> Array:
    """The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x). No gradient to a.

    >>> round(float(tf.math.igammac(2.0, 1.0)), 4)
    0.7358
    """
    return _igammac(a, x)


igammac.infer(broadcast)
igammac.vjp(None, lambda g, out, a, x: negative(_density(g, a, x)))
