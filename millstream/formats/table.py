"""LevelDB's table of sorted keys and values, as the .index file of a checkpoint is one.

block      entries, then the places of its restarts (uint32 each) and their number (uint32)
entry      shared, unshared, length (varints), the key's last `unshared` bytes, the value; `shared` bytes are those of the key before
trailer    after each block: 1 byte compression, 4 bytes masked CRC-32C of block and compression byte
handle     offset and size of a block (varints)
footer     48 bytes: handles of the metaindex and of the index block, zeros, an 8-byte magic number
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from millstream.formats.crc import crc32c, masked

MAGIC = 0xDB4775248B80FB57
_FOOTER, _TRAILER = 48, 5
_RESTART_EVERY = 16  # entries
_BLOCK = 262_144  # bytes after which a new block begins


# ---------------------------------------------------------------------------------------------- numbers
def varint(n: int) -> bytes:
    """A whole number, 7 bits a byte, low ones first.

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """(number, place after it). Raises: ValueError when it does not end."""
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has more than 64 bits")


# ---------------------------------------------------------------------------------------------- writing
class _Block:
    """A block being filled."""

    def __init__(self) -> None:
        self.data, self.restarts, self.count, self.last = bytearray(), [0], 0, b""

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self.count == _RESTART_EVERY:
            self.restarts.append(len(self.data))
            self.count = 0
        elif self.data:
            shared = _common(self.last, key)
        self.data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        self.last = key
        self.count += 1

    def finish(self) -> bytes:
        return bytes(self.data) + struct.pack(f"<{len(self.restarts) + 1}I", *self.restarts, len(self.restarts))


def _common(a: bytes, b: bytes) -> int:
    most = min(len(a), len(b))
    return next((i for i in range(most) if a[i] != b[i]), most)


def write_table(items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a table. Args: items, sorted by key, each key once."""
    out, index, block = bytearray(), _Block(), _Block()
    for key, value in items:
        if len(block.data) >= _BLOCK:
            index.add(block.last, _append(out, block))
            block = _Block()
        block.add(key, value)
    index.add(block.last + b"\x00", _append(out, block))
    handles = _append(out, _Block()) + _append(out, index)
    out += handles.ljust(_FOOTER - 8, b"\x00") + struct.pack("<Q", MAGIC)
    return bytes(out)


def _append(out: bytearray, block: _Block) -> bytes:
    """Write a block; gives its handle."""
    start, data = len(out), block.finish()
    out += data + b"\x00" + struct.pack("<I", masked(crc32c(data + b"\x00")))
    return varint(start) + varint(len(data))


# ---------------------------------------------------------------------------------------------- reading
def read_table(data: bytes) -> dict[bytes, bytes]:
    """All keys and values, every block checked. Raises: ValueError, which says what is wrong."""
    if len(data) < _FOOTER:
        raise ValueError(f"it has {len(data)} bytes, fewer than the {_FOOTER} of a table's end")
    footer = data[-_FOOTER:]
    if struct.unpack("<Q", footer[-8:])[0] != MAGIC:
        raise ValueError("its end is missing: the number that closes a table is not there")
    start, size, at = _handle(footer, 0)
    _block(data, start, size)  # the metaindex, which holds nothing
    start, size, at = _handle(footer, at)
    if any(footer[at:-8]):
        raise ValueError("the padding of its end is not empty")
    found: dict[bytes, bytes] = {}
    for _, handle in _entries(_block(data, start, size)):
        start, size, _ = _handle(handle, 0)
        for key, value in _entries(_block(data, start, size)):
            if key in found:
                raise ValueError(f"the key {key.decode(errors='replace')!r} is there twice")
            found[key] = value
    return found


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    start, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return start, size, at


def _block(data: bytes, start: int, size: int) -> bytes:
    """A block's contents, without its trailer."""
    end = start + size + _TRAILER
    if end > len(data) - _FOOTER:
        raise ValueError(f"a block is said to end at byte {end}, beyond the end of the blocks at {len(data) - _FOOTER}")
    body, crc = data[start : end - 4], struct.unpack("<I", data[end - 4 : end])[0]
    if masked(crc32c(body)) != crc:
        raise ValueError(f"the block of bytes {start} to {end} does not fit its checksum")
    if body[-1]:
        raise ValueError(f"a block is compressed (method {body[-1]}), which checkpoints of TensorFlow 2 never are")
    return body[:-1]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(block) < 4:
        raise ValueError("a block is too short")
    end = len(block) - 4 - 4 * struct.unpack("<I", block[-4:])[0]
    if end < 0:
        raise ValueError("a block is said to have more restarts than fit into it")
    at, key = 0, b""
    while at < end:
        shared, at = read_varint(block, at)
        fresh, at = read_varint(block, at)
        length, at = read_varint(block, at)
        if shared > len(key) or at + fresh + length > end:
            raise ValueError("an entry is longer than its block")
        key = key[:shared] + block[at : at + fresh]
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length
