"""The name of a loss or metric that a user gives."""

from typing import Any

from millstream.keras.backend.names import to_snake_case
from millstream.keras.objects import get_registered_name


def name_of(thing: Any) -> str | None:
    """An object's `name`, a function's own, or that of its class in snake case; None for what cannot be called."""
    if hasattr(thing, "name"):
        return str(thing.name)
    if hasattr(thing, "__name__"):
        return get_registered_name(thing)
    return to_snake_case(type(thing).__name__) if callable(thing) else None
