"""Layers inside layers as plain data: the public `tf.keras.layers.serialize` and `deserialize`, which know models too and so stand above."""

from typing import Any

from millstream.util import export


def serialize(layer: Any) -> Any:
    """A layer as {'class_name': ..., 'config': ...}."""
    return export.space("keras.layers").serialize(layer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A layer of such a dictionary. Raises: ValueError for an unknown class."""
    return export.space("keras.layers").deserialize(config, custom_objects)
