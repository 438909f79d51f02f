"""tf.compat: text and bytes, and the Python types that count as whole, real and complex numbers."""

from __future__ import annotations

import datetime as dt
import numbers
import os
from typing import Any

import numpy as np

from millstream.util.export import export, publish

publish((bytes, str), "tf.compat.bytes_or_text_types")
publish((numbers.Integral, np.integer), "tf.compat.integral_types")
publish((numbers.Real, np.integer, np.floating), "tf.compat.real_types")
publish((numbers.Complex, np.number), "tf.compat.complex_types")

# The day up to which a 2.4 program may count on new ops being read by older servers.
_HORIZON = dt.date(2021, 1, 11)


@export("tf.compat.as_bytes")
def as_bytes(bytes_or_text: str | bytes | bytearray, encoding: str = "utf-8") -> bytes:
    """Text, or bytes as they are, as bytes. Raises: TypeError for anything else.

    >>> as_bytes("abc")
    b'abc'
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    return bytes(_checked(bytes_or_text))


@export("tf.compat.as_text", "tf.compat.as_str")
def as_text(bytes_or_text: str | bytes | bytearray, encoding: str = "utf-8") -> str:
    """Bytes, or text as it is, as text. Raises: TypeError for anything else.

    >>> as_text(b"abc")
    'abc'
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    return bytes(_checked(bytes_or_text)).decode(encoding)


# Any: it is the user's value that is wrong here.
def _checked(value: Any) -> bytes | bytearray:
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError(f"Expected binary or unicode string, got {value!r}")
    return value


@export("tf.compat.as_str_any")
def as_str_any(value: object) -> str:
    """Any value as text: bytes decoded, everything else by str().

    >>> as_str_any(3), as_str_any(b"q")
    ('3', 'q')
    """
    return as_text(value) if isinstance(value, bytes) else str(value)


@export("tf.compat.path_to_str")
def path_to_str(path: Any) -> Any:
    """A path object as text; what is no path object comes back as it is."""
    return as_text(os.fspath(path)) if hasattr(path, "__fspath__") else path


@export("tf.compat.forward_compatible")
def forward_compatible(year: int, month: int, day: int) -> bool:
    """Whether programs may use what was new on that day: all that is older than TensorFlow 2.4.4."""
    return dt.date(year, month, day) < _HORIZON
