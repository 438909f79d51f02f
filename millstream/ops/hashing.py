"""FarmHash's 64-bit fingerprint of bytes, by which TensorFlow sorts words into buckets; and tf.strings' buckets.

Pike and Alakuijala, FarmHash (2014): the function is published as `farmhash::Fingerprint64` and never changes.
"""

from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import string
from millstream.core.tensor import Tensor, convert
from millstream.util.errors import invalid
from millstream.util.export import export

_M = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _u64(b: bytes, at: int) -> int:
    return int.from_bytes(b[at : at + 8], "little")


def _u32(b: bytes, at: int) -> int:
    return int.from_bytes(b[at : at + 4], "little")


def _turn(x: int, by: int) -> int:
    return (x >> by | x << 64 - by) & _M if by else x


def _mix(x: int) -> int:
    return x ^ x >> 47


def _pair(u: int, v: int, mul: int) -> int:
    a = _mix((u ^ v) * mul & _M)
    return _mix((v ^ a) * mul & _M) * mul & _M


def _to_16(b: bytes) -> int:
    n = len(b)
    mul = _K2 + n * 2 & _M
    if n >= 8:
        first, last = _u64(b, 0) + _K2 & _M, _u64(b, n - 8)
        c = _turn(last, 37) * mul + first & _M
        d = (_turn(first, 25) + last) * mul & _M
        return _pair(c, d, mul)
    if n >= 4:
        return _pair(n + (_u32(b, 0) << 3) & _M, _u32(b, n - 4), mul)
    if n:
        y, z = b[0] + (b[n >> 1] << 8), n + (b[n - 1] << 2)
        return _mix((y * _K2 ^ z * _K0) & _M) * _K2 & _M
    return _K2


def _to_32(b: bytes) -> int:
    n = len(b)
    mul = _K2 + n * 2 & _M
    a, second = _u64(b, 0) * _K1 & _M, _u64(b, 8)
    c, d = _u64(b, n - 8) * mul & _M, _u64(b, n - 16) * _K2 & _M
    return _pair(_turn(a + second & _M, 43) + _turn(c, 30) + d & _M, a + _turn(second + _K2 & _M, 18) + c & _M, mul)


def _to_64(b: bytes) -> int:
    n = len(b)
    mul = _K2 + n * 2 & _M
    a, second = _u64(b, 0) * _K2 & _M, _u64(b, 8)
    c, d = _u64(b, n - 8) * mul & _M, _u64(b, n - 16) * _K2 & _M
    y = _turn(a + second & _M, 43) + _turn(c, 30) + d & _M
    z = _pair(y, a + _turn(second + _K2 & _M, 18) + c & _M, mul)
    e, f = _u64(b, 16) * mul & _M, _u64(b, 24)
    g, h = (y + _u64(b, n - 32)) * mul & _M, (z + _u64(b, n - 24)) * mul & _M
    return _pair(_turn(e + f & _M, 43) + _turn(g, 30) + h & _M, e + _turn(f + a & _M, 18) + g & _M, mul)


def _weak(b: bytes, at: int, a: int, c: int) -> tuple[int, int]:
    """Two sums of 32 bytes and two seeds."""
    w, x, y, z = (_u64(b, at + i) for i in (0, 8, 16, 24))
    a = a + w & _M
    c = _turn(c + a + z & _M, 21)
    kept = a
    a = a + x + y & _M
    c = c + _turn(a, 44) & _M
    return a + z & _M, c + kept & _M


def _long(b: bytes) -> int:
    n, seed = len(b), 81
    x, y = seed, seed * _K1 + 113 & _M
    z = _mix(y * _K2 + 113 & _M) * _K2 & _M
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _u64(b, 0) & _M
    at, end = 0, (n - 1) // 64 * 64
    while at != end:
        x, y, z, v, w = _round(b, at, x, y, z, v, w, _K1, 1)
        at += 64
    mul = _K1 + ((z & 0xFF) << 1) & _M
    at = n - 64
    w = (w[0] + (n - 1 & 63) & _M, w[1])
    v = (v[0] + w[0] & _M, v[1])
    w = (w[0] + v[0] & _M, w[1])
    x, y, z, v, w = _round(b, at, x, y, z, v, w, mul, 9)
    first = _pair(v[0], w[0], mul) + _mix(y) * _K0 + z & _M
    return _pair(first, _pair(v[1], w[1], mul) + x & _M, mul)


def _round(b: bytes, at: int, x: int, y: int, z: int, v: tuple[int, int], w: tuple[int, int], mul: int, times: int) -> Any:
    x = _turn(x + y + v[0] + _u64(b, at + 8) & _M, 37) * mul & _M
    y = _turn(y + v[1] + _u64(b, at + 48) & _M, 42) * mul & _M
    x ^= w[1] * times & _M
    y = y + v[0] * times + _u64(b, at + 40) & _M
    z = _turn(z + w[0] & _M, 33) * mul & _M
    v = _weak(b, at, v[1] * mul & _M, x + w[0] & _M)
    w = _weak(b, at + 32, z + w[1] & _M, y + _u64(b, at + 16) & _M)
    return z, y, x, v, w


def fingerprint64(data: bytes) -> int:
    """The 64-bit fingerprint of bytes.

    >>> hex(fingerprint64(b"hello"))
    '0xb48be5a931380ce8'
    """
    n = len(data)
    return _to_16(data) if n <= 16 else _to_32(data) if n <= 32 else _to_64(data) if n <= 64 else _long(data)


@export("tf.strings.to_hash_bucket_fast")
def to_hash_bucket_fast(input: Any, num_buckets: int, name: str | None = None) -> Tensor:
    """Strings to whole numbers below num_buckets, by their fingerprint: int64.

    >>> tf.strings.to_hash_bucket_fast(["a", "b", "a"], 3).dtype
    tf.int64
    """
    x = convert(input)
    if x.dtype is not string:
        raise invalid(f"Expected a tensor of strings; got {x.dtype.name}.")
    array = np.asarray(x._array, object)
    out = np.empty(array.shape, np.int64)
    for place, text in np.ndenumerate(array):
        out[place] = fingerprint64(text) % int(num_buckets)
    return wrap(out if out.ndim else out[()])
