"""Losses by name."""

from typing import Any

from millstream.keras.losses import crossentropy, margin, regression
from millstream.keras.losses.base import FUNCTIONS, Loss
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.util.export import export

_MODULES = (crossentropy, margin, regression)  # they fill the table


@export("tf.keras.losses.get", "tf.losses.get")
def get(identifier: Any) -> Any:
    """The loss of a name or config: a function for a function's name, an object for a class's. A callable is returned as it is.

    Raises: ValueError for an unknown name, saying the nearest one.
    >>> tf.keras.losses.get("mse").__name__
    'mean_squared_error'
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(
        f"Could not interpret loss function identifier: {identifier!r}. Give a name such as 'mse', a loss, or a function (y_true, y_pred)."
    )


@export("tf.keras.losses.deserialize", "tf.losses.deserialize")
def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss of a name or config."""
    return deserialize_keras_object(name, FUNCTIONS | {"Loss": Loss}, custom_objects, "loss function")


@export("tf.keras.losses.serialize", "tf.losses.serialize")
def serialize(loss: Any) -> Any:
    """The name of a loss function, or the config of a loss.

    >>> tf.keras.losses.serialize(tf.keras.losses.mse)
    'mean_squared_error'
    """
    return serialize_keras_object(loss)
