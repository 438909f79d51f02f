"""Optimizers by name."""

from typing import Any

from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.keras.optimizers.base import Optimizer
from millstream.keras.optimizers.formula import TABLE
from millstream.util.export import export


@export("tf.keras.optimizers.get", "tf.optimizers.get")
def get(identifier: Any) -> Any:
    """The optimizer of a name (in any case) or config; an optimizer is returned as it is.

    Raises: ValueError for an unknown name, saying the nearest one.
    >>> tf.keras.optimizers.get("adam").get_config()["name"]
    'Adam'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if all(callable(getattr(identifier, name, None)) for name in ("apply_gradients", "get_config")) and not isinstance(identifier, type):
        return identifier  # an optimizer that wraps another
    raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}. Give a name such as 'adam', or an optimizer.")


@export("tf.keras.optimizers.deserialize", "tf.optimizers.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer of a config. Raises: ValueError for an unknown class."""
    name = config["class_name"]
    if isinstance(name, str) and name.lower() in TABLE:
        config = {**config, "class_name": name.lower()}
    return deserialize_keras_object(config, TABLE, custom_objects, "optimizer")


@export("tf.keras.optimizers.serialize", "tf.optimizers.serialize")
def serialize(optimizer: Any) -> Any:
    """The config of an optimizer.

    >>> tf.keras.optimizers.serialize(tf.keras.optimizers.SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    return serialize_keras_object(optimizer)
