"""tf.keras.regularizers: penalties for large weights, added to the loss. weights[...] -> scalar."""

import math
from typing import Any

import numpy as np

from millstream.core.tensor import convert
from millstream.keras.backend.compose import like
from millstream.keras.backend.config import floatx
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import square
from millstream.ops.math.reduce import reduce_sum
from millstream.util.export import export


@export("tf.keras.regularizers.Regularizer")
class Regularizer:
    """Base class: override `__call__(x)`, which returns the penalty, and `get_config`."""

    def __call__(self, x: Any) -> Any:
        """The penalty of a weight. A regularizer that is not overridden costs nothing."""
        return 0.0

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Regularizer":
        """A regularizer of `get_config`'s result."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_config().")


def _penalty(value: Any, default: float) -> Any:
    """A penalty as a NumPy number of the default float type, as Keras keeps it. Raises: ValueError for what is no finite number."""
    value = default if value is None else value
    number = value.numpy() if hasattr(value, "numpy") else value
    bad = isinstance(number, str) or np.ndim(number) or (not hasattr(number, "dtype") and not isinstance(number, (int, float)))
    if bad or math.isinf(float(number)) or math.isnan(float(number)):
        raise ValueError(f"Value: {value} is not a valid regularization penalty number, expected an int or float value")
    return np.array(number, floatx())


def _l1(x: Any, factor: Any) -> Any:
    return reduce_sum(abs(x)) * like(float(factor), x)


def _l2(x: Any, factor: Any) -> Any:
    return reduce_sum(square(x)) * like(float(factor), x)


@export("tf.keras.regularizers.L1", "tf.keras.regularizers.l1")
class L1(Regularizer):
    """Penalty l1 * sum(|x|). `l=` is another name of the argument.

    Raises: ValueError for a penalty that is no finite number, TypeError for unknown arguments.
    >>> float(tf.keras.regularizers.l1(0.5)(tf.constant([1.0, -3.0])))
    2.0
    """

    def __init__(self, l1: Any = 0.01, **kwargs: Any) -> None:
        self.l1 = _penalty(_only_l(kwargs, l1), 0.01)

    def __call__(self, x: Any) -> Any:
        """The penalty of a weight."""
        return _l1(_floating(x), self.l1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"l1": float(self.l1)}


@export("tf.keras.regularizers.L2", "tf.keras.regularizers.l2")
class L2(Regularizer):
    """Penalty l2 * sum(x ** 2). `l=` is another name of the argument.

    Raises: ValueError for a penalty that is no finite number, TypeError for unknown arguments.
    >>> float(tf.keras.regularizers.l2(0.5)(tf.constant([1.0, -3.0])))
    5.0
    """

    def __init__(self, l2: Any = 0.01, **kwargs: Any) -> None:
        self.l2 = _penalty(_only_l(kwargs, l2), 0.01)

    def __call__(self, x: Any) -> Any:
        """The penalty of a weight."""
        return _l2(_floating(x), self.l2)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"l2": float(self.l2)}


@export("tf.keras.regularizers.L1L2")
class L1L2(Regularizer):
    """Penalty l1 * sum(|x|) + l2 * sum(x ** 2).

    >>> float(tf.keras.regularizers.L1L2(0.5, 0.25)(tf.constant([2.0])))
    2.0
    """

    def __init__(self, l1: Any = 0.0, l2: Any = 0.0) -> None:
        self.l1, self.l2 = _penalty(l1, 0.0), _penalty(l2, 0.0)

    def __call__(self, x: Any) -> Any:
        """The penalty of a weight."""
        x = _floating(x)
        total = like(0, x)
        if self.l1:
            total = total + _l1(x, self.l1)
        return total + _l2(x, self.l2) if self.l2 else total

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"l1": float(self.l1), "l2": float(self.l2)}


@export("tf.keras.regularizers.l1_l2")
def l1_l2(l1: Any = 0.01, l2: Any = 0.01) -> L1L2:
    """Both penalties.

    >>> tf.keras.regularizers.l1_l2(l1=0.5, l2=0.25).get_config()
    {'l1': 0.5, 'l2': 0.25}
    """
    return L1L2(l1, l2)


def _only_l(kwargs: dict[str, Any], value: Any) -> Any:
    """The penalty under its old name `l`, if it is given so."""
    value = kwargs.pop("l", value)
    if kwargs:
        raise TypeError(f"Argument(s) not recognized: {kwargs}")
    return value


def _floating(x: Any) -> Any:
    x = convert(x)
    return x if x.dtype.is_floating else cast(x, floatx())


# ---------------------------------------------------------------------------------------------- by name
_TABLE: dict[str, Any] = {"L1": L1, "L2": L2, "L1L2": L1L2, "l1": L1, "l2": L2, "l1_l2": L1L2}


@export("tf.keras.regularizers.get")
def get(identifier: Any) -> Any:
    """The regularizer of a name or config; a callable is returned as it is, None as None.

    Raises: ValueError for an unknown name, saying the nearest one.
    >>> type(tf.keras.regularizers.get("l2")).__name__
    'L2'
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(
        f"Could not interpret regularizer identifier: {identifier!r}. Give a name such as 'l2', or tf.keras.regularizers.l2(0.01)."
    )


@export("tf.keras.regularizers.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer of a name or config."""
    if config == "l1_l2":  # by this name both penalties are 0.01, by "L1L2" they are 0
        return L1L2(0.01, 0.01)
    return deserialize_keras_object(config, _TABLE, custom_objects, "regularizer")


@export("tf.keras.regularizers.serialize")
def serialize(regularizer: Any) -> Any:
    """The config of a regularizer."""
    return serialize_keras_object(regularizer)
