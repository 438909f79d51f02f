"""tf.keras.activations: functions from a tensor to one of the same shape, and the look-up of them by name.

`softmax` and `sigmoid` keep their input on the result (`_keras_logits`): cross-entropies use it, because a logarithm of a
probability that has been rounded to 0 or 1 has lost the digits that its logit still has.
"""

from collections.abc import Callable
from typing import Any

from millstream.core.tensor import convert
from millstream.keras.backend.compose import clip, like, number, where
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.ops.math.comparison import greater
from millstream.ops.math.exponential import exp
from millstream.ops.math.exponential import sigmoid as sigmoid_
from millstream.ops.math.exponential import tanh as tanh_
from millstream.ops.math.reduce import reduce_max, reduce_sum
from millstream.ops.nn.activation import (
    elu as elu_,
)
from millstream.ops.nn.activation import (
    gelu as gelu_,
)
from millstream.ops.nn.activation import (
    leaky_relu,
    silu,
)
from millstream.ops.nn.activation import (
    relu as relu_,
)
from millstream.ops.nn.activation import (
    selu as selu_,
)
from millstream.ops.nn.activation import (
    softplus as softplus_,
)
from millstream.ops.nn.activation import (
    softsign as softsign_,
)
from millstream.ops.nn.softmax import softmax as softmax_
from millstream.util.export import export

Activation = Callable[..., Any]
_TABLE: dict[str, Any] = {}


def _activation(function: Activation) -> Activation:
    """Register a function under tf.keras.activations and for `get`."""
    _TABLE[function.__name__] = function
    return export(f"tf.keras.activations.{function.__name__}")(function)


@_activation
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis (or several). x[..., C] of rank 2 or more.

    Raises: ValueError for a tensor of rank 1 or 0.
    >>> tf.keras.activations.softmax(tf.constant([[0.0, 0.0]])).numpy().tolist()
    [[0.5, 0.5]]
    """
    x = convert(x)
    if x.ndim < 2:
        raise ValueError(f"Cannot apply softmax to a tensor that is {x.ndim}D. Received input: {x}. Give it a batch dimension.")
    if x.ndim == 2 or isinstance(axis, int):
        output = softmax_(x, axis=-1 if x.ndim == 2 else axis)  # TensorFlow 2.4 takes the last axis of a matrix, whatever is asked for
    else:
        e = exp(x - reduce_max(x, axis=axis, keepdims=True))
        output = e / reduce_sum(e, axis=axis, keepdims=True)
    output._keras_logits = x
    return output


@_activation
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, alpha * (exp(x) - 1) elsewhere.

    >>> tf.keras.activations.elu(tf.constant([1.0, 0.0])).numpy().tolist()
    [1.0, 0.0]
    """
    x = convert(x)
    result = elu_(x)
    return result if alpha == 1 else where(greater(x, like(0, x)), result, result * like(alpha, x))


@_activation
def selu(x: Any) -> Any:
    """The self-normalising scaled `elu`: scale 1.0507, alpha 1.6733."""
    return selu_(x)


@_activation
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return softplus_(x)


@_activation
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return softsign_(x)


@_activation
def swish(x: Any) -> Any:
    """x * sigmoid(x)."""
    return silu(x)


@_activation
def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0) -> Any:
    """max(x, 0); with alpha, a slope below the threshold; with max_value, an upper bound.

    >>> tf.keras.activations.relu(tf.constant([-2.0, 9.0]), alpha=0.5, max_value=6).numpy().tolist()
    [-1.0, 6.0]
    """
    x = convert(x)
    if alpha == 0 and max_value is None and threshold == 0:
        return relu_(x)
    if max_value is None and threshold == 0:
        return leaky_relu(x, alpha)
    above = where(greater(x, like(threshold, x)), x, like(0, x)) if threshold else relu_(x)
    if max_value is not None:
        above = clip(above, 0, max_value)
    return above - relu_(like(threshold, x) - x) * like(alpha, x) if alpha else above


@_activation
def gelu(x: Any, approximate: bool = False) -> Any:
    """x times the probability that a standard normal number lies below x; `approximate`: by tanh.

    >>> tf.keras.activations.gelu(tf.constant([0.0])).numpy().tolist()
    [0.0]
    """
    return gelu_(x, approximate)


@_activation
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return tanh_(x)


@_activation
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    >>> tf.keras.activations.sigmoid(tf.constant([0.0])).numpy().tolist()
    [0.5]
    """
    x = convert(x)
    output = sigmoid_(x)
    output._keras_logits = x
    return output


@_activation
def exponential(x: Any) -> Any:
    """e to the power of x."""
    return exp(x)


@_activation
def hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5, cut off at 0 and 1.

    >>> tf.keras.activations.hard_sigmoid(tf.constant([-9.0, 0.0])).numpy().tolist()
    [0.0, 0.5]
    """
    x = convert(x)
    return clip(x * number(0.2, x.dtype) + number(0.5, x.dtype), 0.0, 1.0)


@_activation
def linear(x: Any) -> Any:
    """x itself."""
    return x


# ---------------------------------------------------------------------------------------------- by name
@export("tf.keras.activations.get")
def get(identifier: Any) -> Activation:
    """The activation of a name or config; a function is returned as it is, None gives `linear`.

    Raises: ValueError for an unknown name, saying the nearest one; TypeError for what is neither name nor function.
    >>> tf.keras.activations.get("relu").__name__
    'relu'
    """
    if identifier is None:
        return linear
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]
    raise TypeError(f"Could not interpret activation function identifier: {identifier!r}. Give a name such as 'relu', or a function.")


@export("tf.keras.activations.deserialize")
def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Activation:
    """The activation of a name or config."""
    found: Activation = deserialize_keras_object(name, _TABLE, custom_objects, "activation function")
    return found


@export("tf.keras.activations.serialize")
def serialize(activation: Any) -> Any:
    """The name of an activation (or the config of one that is an object).

    >>> tf.keras.activations.serialize(tf.keras.activations.softmax)
    'softmax'
    """
    return serialize_keras_object(activation)
