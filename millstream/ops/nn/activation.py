"""Activations of neural networks. Elementwise: float[...] -> same shape and dtype."""

import math
from typing import Any

from millstream.core.dispatch import execute
from millstream.core.dtypes import float32
from millstream.core.op import op
from millstream.core.samples import NUMBERS, unary
from millstream.core.tensor import convert
from millstream.ops.array.creation import cast
from millstream.ops.array.join import concat
from millstream.ops.math.arithmetic import absolute, add, multiply, negative, real_divide, square, subtract
from millstream.ops.math.comparison import greater, less, logical_and, select, where_else_zero
from millstream.ops.math.exponential import exp_float32, log1p_float32, sigmoid
from millstream.ops.math.special import erf
from millstream.ops.rules import Array, Namespace, quiet, same_as_input
from millstream.util.export import export

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _const(value: float, x: Any) -> Any:
    return convert(value, x.dtype)


@op("tf.nn.relu", samples=unary(-2, 2, NUMBERS), kinds="iufV")
def relu(xp: Namespace, features: Array) -> Array:
    """max(x, 0); the gradient at 0 is 0.

    >>> tf.nn.relu([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    return xp.maximum(features, features.dtype.type(0))


relu.infer(same_as_input)
relu.vjp(lambda g, out, x: where_else_zero(greater(out, _const(0, out)), g))
relu.scalar(lambda b, x: b.max(x, b.const(0, x)))


@op("tf.nn.relu6", samples=unary(-2, 8, NUMBERS), kinds="iufV")
def relu6(xp: Namespace, features: Array) -> Array:
    """min(max(x, 0), 6); the gradient at 0 and 6 is 0.

    >>> tf.nn.relu6([-1.0, 9.0]).numpy().tolist()
    [0.0, 6.0]
    """
    return xp.minimum(xp.maximum(features, features.dtype.type(0)), features.dtype.type(6))


relu6.infer(same_as_input)
relu6.vjp(lambda g, out, x: where_else_zero(logical_and(greater(out, _const(0, out)), less(out, _const(6, out))), g))
relu6.scalar(lambda b, x: b.min(b.max(x, b.const(0, x)), b.const(6, x)))


@op(name="leaky_relu", samples=unary(-2, 2, alpha=0.2), kinds="fV")
@quiet
def _leaky_relu(xp: Namespace, features: Array, *, alpha: float) -> Array:
    """x where it is positive, else alpha x."""
    return xp.where(features > 0, features, features * features.dtype.type(alpha))


_leaky_relu.infer(same_as_input)
_leaky_relu.vjp(lambda g, out, x, *, alpha: select(greater(x, _const(0, x)), g, multiply(g, _const(alpha, g))))
_leaky_relu.scalar(lambda b, x, *, alpha: b.select(b.gt(x, b.const(0, x)), x, x * b.const(alpha, x)))


@export("tf.nn.leaky_relu")
def leaky_relu(features: Any, alpha: Any = 0.2, name: str | None = None) -> Any:
    """x where it is positive, else alpha x; whole numbers become float32.

    >>> tf.nn.leaky_relu([-10.0, 2.0]).numpy().tolist()
    [-2.0, 2.0]
    """
    x = convert(features)
    if x.dtype.is_integer:
        x = cast(x, float32)
    return execute(_leaky_relu, (x,), {"alpha": float(alpha)})


@op("tf.nn.elu", samples=unary(-2, 2), kinds="fV")
@quiet
def elu(xp: Namespace, features: Array) -> Array:
    """exp(x) - 1 below 0, else x.

    >>> tf.nn.elu([0.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """
    return xp.where(features < 0, xp.expm1(features), features)


elu.infer(same_as_input)
elu.vjp(lambda g, out, x: select(less(x, _const(0, x)), multiply(g, add(out, _const(1, out))), g))
elu.scalar(lambda b, x: b.select(b.lt(x, b.const(0, x)), _exp(b, x) - 1.0, x))


def _exp(b: Any, x: Any) -> Any:
    return exp_float32(b, x) if x.type.dtype == "float32" else b.libm("exp", x)


@op("tf.nn.selu", samples=unary(-2, 2), kinds="fV")
@quiet
def selu(xp: Namespace, features: Array) -> Array:
    """1.0507 x where it is positive, else 1.7581 (exp(x) - 1).

    >>> round(float(tf.nn.selu(1.0)), 4)
    1.0507
    """
    scale, alpha = features.dtype.type(SELU_SCALE), features.dtype.type(SELU_SCALE * SELU_ALPHA)
    return xp.where(features < 0, alpha * xp.expm1(features), scale * features)


selu.infer(same_as_input)


@selu.vjp
def _selu_gradient(g: Any, out: Any, x: Any) -> Any:
    below = multiply(g, add(out, _const(SELU_SCALE * SELU_ALPHA, out)))
    return select(less(x, _const(0, x)), below, multiply(g, _const(SELU_SCALE, g)))


@selu.scalar
def _(b: Any, x: Any) -> Any:
    return b.select(b.lt(x, b.const(0, x)), (_exp(b, x) - 1.0) * b.const(SELU_SCALE * SELU_ALPHA, x), x * b.const(SELU_SCALE, x))


@export("tf.nn.crelu")
def crelu(features: Any, axis: int = -1, name: str | None = None) -> Any:
    """relu(x) and relu(-x) side by side along an axis.

    >>> tf.nn.crelu([1.0, -2.0]).numpy().tolist()
    [1.0, 0.0, 0.0, 2.0]
    """
    x = convert(features)
    return relu(concat([x, negative(x)], axis))


@op("tf.math.softplus", "tf.nn.softplus", samples=unary(-4, 4), kinds="fV")
@quiet
def softplus(xp: Namespace, features: Array) -> Array:
    """log(1 + exp(x)), without overflow.

    >>> round(float(tf.nn.softplus(0.0)), 4)
    0.6931
    """
    return xp.logaddexp(features, features.dtype.type(0))


softplus.infer(same_as_input)
softplus.vjp(lambda g, out, x: multiply(g, sigmoid(x)))


@softplus.scalar
def _(b: Any, x: Any) -> Any:
    """max(x, 0) + log(1 + exp(-|x|))."""
    e = _exp(b, b.neg(b.abs(x)))
    return b.max(x, b.const(0, x)) + (log1p_float32(b, e) if x.type.dtype == "float32" else b.libm("log1p", e))


@export("tf.math.log_sigmoid")
def log_sigmoid(x: Any, name: str | None = None) -> Any:
    """log(sigmoid(x)), without loss of digits.

    >>> round(float(tf.math.log_sigmoid(0.0)), 4)
    -0.6931
    """
    return negative(softplus(negative(convert(x))))


@op("tf.nn.softsign", "tf.math.softsign", samples=unary(-2, 2), kinds="fV")
@quiet
def softsign(xp: Namespace, features: Array) -> Array:
    """x / (1 + |x|).

    >>> tf.nn.softsign([1.0, -1.0]).numpy().tolist()
    [0.5, -0.5]
    """
    return features / (xp.abs(features) + features.dtype.type(1))


softsign.infer(same_as_input)
softsign.vjp(lambda g, out, x: real_divide(g, square(add(absolute(x), _const(1, x)))))
softsign.scalar(lambda b, x: x / (b.abs(x) + 1.0))


@op("tf.nn.silu", "tf.nn.swish", samples=unary(-4, 4), kinds="fV")
@quiet
def silu(xp: Namespace, features: Array) -> Array:
    """x sigmoid(x).

    >>> round(float(tf.nn.silu(1.0)), 4)
    0.7311
    """
    return xp.true_divide(features, xp.add(xp.exp(xp.negative(features)), features.dtype.type(1)))


silu.infer(same_as_input)


@silu.vjp
def _silu_gradient(g: Any, out: Any, x: Any) -> Any:
    s = sigmoid(x)
    return multiply(g, multiply(s, add(multiply(x, subtract(_const(1, x), s)), _const(1, x))))


silu.scalar(lambda b, x: x / (_exp(b, b.neg(x)) + 1.0))


@export("tf.nn.gelu")
def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Any:
    """x times the normal distribution function at x; approximate: with tanh in its place.

    >>> round(float(tf.nn.gelu(1.0)), 4)
    0.8413
    """
    x = convert(features)
    half = multiply(_const(0.5, x), x)
    if not approximate:
        return multiply(half, add(_const(1, x), execute(erf, (real_divide(x, _const(math.sqrt(2), x)),), {})))
    from millstream.ops.math.exponential import tanh

    cubed = multiply(x, multiply(x, x))
    inner = multiply(_const(0.7978845608028654, x), add(x, multiply(_const(0.044715, x), cubed)))
    return multiply(half, add(_const(1, x), tanh(inner)))
