"""CRC-32C as TensorFlow stores it: masked, since a checksum of bytes that hold their own checksum is weak."""

from __future__ import annotations

from typing import Any


def crc32c(data: Any, crc: int = 0) -> int:
    """The CRC-32C of bytes (anything with a buffer), going on from the `crc` of what came before.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    import google_crc32c

    view = memoryview(data).cast("B")
    for start in range(0, len(view), _PIECE):  # bytes() copies: large arrays go through in pieces
        crc = google_crc32c.extend(crc, bytes(view[start : start + _PIECE]))
    return crc


_PIECE = 1 << 20


def masked(crc: int) -> int:
    """The form in which a checksum is stored."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
