"""Keras objects by name: custom objects, {"class_name": ..., "config": ...} and back, and the nearest name for a wrong one."""

import difflib
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from millstream.util.export import export, publish

Table = Mapping[str, Any]
_custom: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}
_lock = threading.Lock()


@export("tf.keras.utils.get_custom_objects")
def get_custom_objects() -> dict[str, Any]:
    """The table of custom objects itself: what stands in it is found by name everywhere."""
    return _custom


class CustomObjectScope:
    """Context manager: names that mean these objects inside. Args: mappings from names to classes or functions.

    >>> with tf.keras.utils.custom_object_scope({"half": lambda x: x / 2}):
    ...     tf.keras.activations.get("half")(4.0)
    2.0
    """

    def __init__(self, *args: Table) -> None:
        self.custom_objects = args
        self.backup: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.backup = dict(_custom)
        for table in self.custom_objects:
            _custom.update(table)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with _lock:
            _custom.clear()
            _custom.update(self.backup)


publish(CustomObjectScope, "tf.keras.utils.CustomObjectScope", "tf.keras.utils.custom_object_scope")


@export("tf.keras.utils.register_keras_serializable")
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: let a class or function be found by "package>name" when a config is read.

    Raises: ValueError for a class without get_config, and for a name or object that is registered already.
    """

    def register(thing: Any) -> Any:
        full = f"{package}>{name or thing.__name__}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(
                f"Cannot register {thing.__name__}: a class that does not have a get_config() method. Give it one that returns its arguments."
            )
        if full in _custom:
            raise ValueError(f"{full} has already been registered to {_custom[full]}. Choose another name or package.")
        if thing in _registered_names:
            raise ValueError(f"{thing} has already been registered to {_registered_names[thing]}.")
        _custom[full] = thing
        _registered_names[thing] = full
        return thing

    return register


@export("tf.keras.utils.get_registered_name")
def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered; otherwise its own name."""
    return _registered_names.get(obj, obj.__name__) if _hashable(obj) else str(obj.__name__)


def _hashable(thing: Any) -> bool:
    return getattr(type(thing), "__hash__", None) is not None


@export("tf.keras.utils.get_registered_object")
def get_registered_object(name: str, custom_objects: Table | None = None, module_objects: Table | None = None) -> Any:
    """The object of a name among custom objects, or None."""
    for table in (_custom, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


# ---------------------------------------------------------------------------------------------- to a config
@export("tf.keras.utils.serialize_keras_object")
def serialize_keras_object(instance: Any) -> Any:
    """An object as {"class_name", "config"}, a function or class as its name, None as None.

    Raises: ValueError for what has neither a config nor a name.
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not inspect.isclass(instance):
        return {"class_name": get_registered_name(type(instance)), "config": {k: _plain(v) for k, v in instance.get_config().items()}}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"Cannot serialize {instance!r}: it has no get_config() and no name.")


def _plain(value: Any) -> Any:
    """Nested Keras objects become configs; everything else stays."""
    if isinstance(value, str) or inspect.isclass(value) or not hasattr(value, "get_config"):
        return value
    return serialize_keras_object(value)


# ---------------------------------------------------------------------------------------------- from a config
@export("tf.keras.utils.deserialize_keras_object")
def deserialize_keras_object(
    identifier: Any, module_objects: Table | None = None, custom_objects: Table | None = None, printable_module_name: str = "object"
) -> Any:
    """The object that a config or name describes: custom objects first, then `module_objects`.

    Raises: ValueError for an unknown name (with the nearest known one) and for what is no description.
    """
    if identifier is None:
        return None
    tables = [custom_objects or {}, _custom, module_objects or {}]
    if isinstance(identifier, Mapping):
        return _from_config(identifier, tables, custom_objects or {}, printable_module_name)
    if isinstance(identifier, str):
        found = _find(identifier, tables, printable_module_name)
        return found() if inspect.isclass(found) else found
    if inspect.isfunction(identifier):
        return identifier
    raise ValueError(f"Could not interpret serialized {printable_module_name}: {identifier}")


def _from_config(config: Table, tables: list[Table], custom_objects: Table, kind: str) -> Any:
    if "class_name" not in config or "config" not in config:
        raise ValueError(f"Improper config format: {config}. A config has the keys 'class_name' and 'config'.")
    cls: Any = _find(config["class_name"], tables, kind)
    arguments = config["config"]
    if not hasattr(cls, "from_config"):
        with CustomObjectScope(custom_objects):
            return cls(**arguments)
    if "custom_objects" in inspect.signature(cls.from_config).parameters:
        return cls.from_config(arguments, custom_objects={**_custom, **custom_objects})
    with CustomObjectScope(custom_objects):
        return cls.from_config(arguments)


def _find(name: str, tables: list[Table], kind: str) -> Any:
    for table in tables:
        if name in table and table[name] is not None:
            return table[name]
    raise unknown(kind, name, [n for table in tables for n in table])


def unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a name that nothing has, with the nearest known names."""
    names = sorted({n for n in known if not n.startswith("_")})
    close = difflib.get_close_matches(name, names, 3, 0.5) or difflib.get_close_matches(
        name.lower(), [n for n in names if n.islower()], 3, 0.55
    )
    hint = f"Did you mean {' or '.join(repr(c) for c in close)}?" if close else f"Known names: {', '.join(names)}."
    return ValueError(
        f"Unknown {kind}: {name}. {hint} One of your own is made known by custom_objects or tf.keras.utils.custom_object_scope."
    )
