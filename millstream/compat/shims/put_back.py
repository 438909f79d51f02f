"""How a name is put back: only where it is missing, so that a library that still has it, or has it again, is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any


# Any: names of modules and classes stand for whatever they stand for.
def put_back(owner: ModuleType | type, names: Mapping[str, Any]) -> None:
    """Give a module or class the names that it does not hold; names that its __getattr__ only answers with an error count as missing."""
    for name, value in names.items():
        if name not in vars(owner):
            setattr(owner, name, value)
