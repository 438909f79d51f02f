"""Names for objects: custom objects that users register, and objects as {'class_name': ..., 'config': ...}."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from millstream.util.export import export

_CUSTOM: dict[str, Any] = {}
_REGISTERED: dict[str, Any] = {}
_REGISTERED_NAMES: dict[Any, str] = {}


@export("tf.keras.utils.get_custom_objects")
def get_custom_objects() -> dict[str, Any]:
    """The dictionary of custom objects, live: what is put in is found by name."""
    return _CUSTOM


@export("tf.keras.utils.custom_object_scope", "tf.keras.utils.CustomObjectScope")
class CustomObjectScope:
    """Context manager: custom objects (one or more dictionaries) that hold inside only.

    >>> with tf.keras.utils.custom_object_scope({"double": lambda x: 2 * x}): tf.keras.utils.get_custom_objects()["double"](4)
    8
    """

    def __init__(self, *args: Mapping[str, Any]) -> None:
        self.custom_objects = args
        self.backup: dict[str, Any] = {}

    def __enter__(self) -> "CustomObjectScope":
        self.backup = dict(_CUSTOM)
        for objects in self.custom_objects:
            _CUSTOM.update(objects)
        return self

    def __exit__(self, *error: object) -> None:
        _CUSTOM.clear()
        _CUSTOM.update(self.backup)


@export("tf.keras.utils.register_keras_serializable")
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: make a class or function known as 'package>name' when models are loaded.

    Raises: ValueError when the name is taken, or a class has no get_config.
    """

    def register(thing: Any) -> Any:
        key = f"{package}>{name or thing.__name__}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"Cannot register a class that does not have a get_config() method; give {thing.__name__} one.")
        if _REGISTERED.get(key, thing) is not thing:
            raise ValueError(f"{key} has already been registered to {_REGISTERED[key]}. Choose another name or package.")
        _REGISTERED[key], _REGISTERED_NAMES[thing] = thing, key
        return thing

    return register


@export("tf.keras.utils.get_registered_name")
def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, else its own."""
    try:
        return _REGISTERED_NAMES.get(obj, obj.__name__)
    except TypeError:
        return str(obj.__name__)


@export("tf.keras.utils.get_registered_object")
def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None) -> Any:
    """What stands under a name: custom objects first, then registered ones, then the module's own; else None."""
    for table in (custom_objects or {}, _CUSTOM, _REGISTERED, module_objects or {}):
        if name in table:
            return table[name]
    return None


@export("tf.keras.utils.serialize_keras_object")
def serialize_keras_object(instance: Any) -> Any:
    """An object as {'class_name', 'config'}, a function as its name, None as None. Raises: ValueError for other things."""
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": get_registered_name(type(instance)), "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"Cannot serialize {instance}: it has neither a get_config() method nor a name.")


@export("tf.keras.utils.deserialize_keras_object")
def deserialize_keras_object(
    identifier: Any, module_objects: Mapping[str, Any] | None = None, custom_objects: Mapping[str, Any] | None = None, printable_module_name: str = "object"
) -> Any:  # fmt: skip
    """The object that a name or {'class_name', 'config'} stands for.

    Raises: ValueError for an unknown name (the nearest known ones are said) or another kind of identifier.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return _from_config(identifier, module_objects, custom_objects, printable_module_name)
    if isinstance(identifier, str):
        found = get_registered_object(identifier, custom_objects, module_objects)
        if found is None:
            raise unknown(printable_module_name, identifier, module_objects)
        return found() if inspect.isclass(found) else found
    if inspect.isfunction(identifier):
        return identifier
    raise ValueError(f"Could not interpret serialized {printable_module_name}: {identifier}; expected a name, or a dictionary with class_name and config.")


def _from_config(config: dict[str, Any], module_objects: Any, custom_objects: Any, what: str) -> Any:
    if "class_name" not in config or "config" not in config:
        raise ValueError(f"Improper config format: {config}; expected a dictionary with class_name and config.")
    cls = get_registered_object(config["class_name"], custom_objects, module_objects)
    if cls is None:
        raise unknown(what, config["class_name"], module_objects)
    if not hasattr(cls, "from_config"):
        return cls(**config["config"])
    if "custom_objects" in inspect.signature(cls.from_config).parameters:
        return cls.from_config(config["config"], custom_objects={**_CUSTOM, **(custom_objects or {})})
    with CustomObjectScope(custom_objects or {}):
        return cls.from_config(config["config"])


def unknown(what: str, name: str, known: Mapping[str, Any] | None) -> ValueError:
    """The error for a name that stands for nothing, with the nearest names that do."""
    close = difflib.get_close_matches(name, list(known or ()), 3, 0.5)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    return ValueError(
        f"Unknown {what}: {name}.{hint} If it is your own, pass the object itself, or make it known with tf.keras.utils.custom_object_scope."
    )


def name_of(thing: Any) -> str | None:
    """The name of a loss or metric that a user gives: a function's, or in snake case that of an object or class with __call__."""
    if hasattr(thing, "name"):
        return str(thing.name)
    if hasattr(thing, "__name__"):
        return get_registered_name(thing)
    if callable(thing):
        from millstream.keras.backend import snake_case

        return snake_case(get_registered_name(type(thing)))
    return None
