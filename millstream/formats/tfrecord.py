"""TFRecord files: byte strings one after the other, each framed by its length and masked CRC-32C checksums.

    length   uint64        checksum of the length   uint32        data        checksum of the data   uint32
All numbers are little-endian. A file that ends within a header ends there, as TensorFlow reads it.
"""

import struct
from collections.abc import Iterator
from typing import IO

from millstream.formats.crc import masked
from millstream.util.errors import DataLossError

_HEADER, _FOOTER, _LENGTH = struct.Struct("<QI"), struct.Struct("<I"), struct.Struct("<Q")


def masked_crc(data: bytes) -> int:
    """The checksum that frames data: rotated and shifted, since checksums of checksums are weak.

    >>> masked_crc(b"abc")
    569464686
    """
    import google_crc32c

    return masked(int(google_crc32c.value(data)))


def read(file: IO[bytes], name: str) -> Iterator[bytes]:
    """The records of an open file. Raises: DataLossError where a checksum is wrong or a record is cut off."""
    at = 0
    while len(header := file.read(_HEADER.size)) == _HEADER.size:
        length, crc = _HEADER.unpack(header)
        if masked_crc(header[: _LENGTH.size]) != crc:
            raise _damaged(name, "corrupted", at)
        data, footer = file.read(length), file.read(_FOOTER.size)
        if len(data) < length or len(footer) < _FOOTER.size:
            raise _damaged(name, "truncated", at)
        if _FOOTER.unpack(footer)[0] != masked_crc(data):
            raise _damaged(name, "corrupted", at + _HEADER.size)
        at += _HEADER.size + length + _FOOTER.size
        yield data


def _damaged(name: str, how: str, at: int) -> Exception:
    return DataLossError(None, None, f"{how} record at {at} in {name}; the file is damaged, or is no TFRecord file of this compression.")


def framed(data: bytes) -> bytes:
    """A record as it stands in a file."""
    length = _LENGTH.pack(len(data))
    return length + _FOOTER.pack(masked_crc(length)) + data + _FOOTER.pack(masked_crc(data))
