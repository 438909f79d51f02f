"""tf.strings: texts are bytes (UTF-8), handled one by one in Python. Elementwise: string[...] -> string or number[...]."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import as_dtype, float32, string
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import broadcast_to
from millstream.ops.printing import number_text
from millstream.ops.rules import broadcast_shapes, normalize_axes, sizes_of
from millstream.util.errors import invalid
from millstream.util.export import export


def _texts(x: Any) -> Any:
    """The bytes of a string tensor as an object array. Raises: InvalidArgumentError for another dtype."""
    tensor = convert(x)
    if tensor.dtype is not string:
        raise invalid(f"Expected a tensor of strings; got {tensor.dtype.name}. Use tf.strings.as_string.")
    return np.asarray(tensor._array, object)


def _each(function: Callable[[bytes], Any], x: Any, dtype: Any = object) -> Tensor:
    array = _texts(x)
    out = np.empty(array.shape, dtype)
    for i, text in np.ndenumerate(array):
        out[i] = function(text)
    return wrap(out if dtype is object or out.ndim else out[()])


def _encoded(function: Callable[[str], str], encoding: str) -> Callable[[bytes], bytes]:
    if encoding not in ("", "utf-8"):
        raise ValueError(f"encoding is '' (ASCII letters alone) or 'utf-8'; got {encoding!r}.")
    name = "utf-8" if encoding else "latin-1"
    ascii_only = {"lower": bytes.lower, "upper": bytes.upper}
    if not encoding:
        return ascii_only[function.__name__]
    return lambda b: function(b.decode(name)).encode(name)


@export("tf.strings.lower")
def lower(input: Any, encoding: str = "", name: str | None = None) -> Tensor:
    """Small letters.

    >>> tf.strings.lower("ABC").numpy()
    b'abc'
    """
    return _each(_encoded(str.lower, encoding), input)


@export("tf.strings.upper")
def upper(input: Any, encoding: str = "", name: str | None = None) -> Tensor:
    """Capital letters.

    >>> tf.strings.upper("abc").numpy()
    b'ABC'
    """
    return _each(_encoded(str.upper, encoding), input)


@export("tf.strings.strip")
def strip(input: Any, name: str | None = None) -> Tensor:
    """Without white space at either end.

    >>> tf.strings.strip(" a ").numpy()
    b'a'
    """
    return _each(bytes.strip, input)


@export("tf.strings.length")
def length(input: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """How many bytes, or characters (unit="UTF8_CHAR"): int32.

    >>> int(tf.strings.length("abc"))
    3
    """
    return _each((lambda b: len(b.decode())) if unit == "UTF8_CHAR" else len, input, np.int32)


@export("tf.strings.join")
def join(inputs: Any, separator: str = "", name: str | None = None) -> Tensor:
    """Strings of several tensors joined elementwise; they broadcast.

    >>> tf.strings.join(["a", ["b", "c"]], "-").numpy().tolist()
    [b'a-b', b'a-c']
    """
    tensors = [convert(x) for x in inputs]
    shape = broadcast_shapes(*[sizes_of(x) for x in tensors])
    arrays = [np.broadcast_to(_texts(x), shape) for x in tensors]
    out = np.empty(shape, object)
    for i in np.ndindex(*shape):
        out[i] = separator.encode().join([bytes(a[i]) for a in arrays])
    return wrap(out)


@export("tf.strings.reduce_join")
def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: str | None = None) -> Tensor:
    """Strings joined along axes, all by default.

    >>> tf.strings.reduce_join([["a", "b"], ["c", "d"]], axis=1).numpy().tolist()
    [b'ab', b'cd']
    """
    array = _texts(inputs)
    axes = normalize_axes(axis, array.ndim)
    kept = [i for i in range(array.ndim) if i not in axes]
    rows = array.transpose([*kept, *axes]).reshape([array.shape[i] for i in kept] + [-1])
    out = np.empty(rows.shape[:-1], object)
    for i in np.ndindex(*out.shape):
        out[i] = separator.encode().join(rows[i])
    return wrap(out.reshape([1 if i in axes else n for i, n in enumerate(array.shape)]) if keepdims else out)


@export("tf.strings.split")
def split(input: Any, sep: Any = None, maxsplit: int = -1, name: str | None = None) -> Tensor:
    """The parts of a string between separators (white space by default).

    Raises: NotImplementedError for several strings, whose parts would be ragged.
    >>> tf.strings.split("a b c").numpy().tolist()
    [b'a', b'b', b'c']
    """
    array = _texts(input)
    if array.ndim:
        raise NotImplementedError(
            "tf.strings.split takes one string: the parts of several are ragged, and ragged tensors are not there yet."
        )
    parts = array[()].split(None if sep in (None, "") else _bytes(sep), maxsplit)
    return wrap(np.array(parts, object))


def _bytes(text: Any) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(convert(text).numpy()) if isinstance(text, Tensor) else bytes(text)


@export("tf.strings.bytes_split", "tf.strings.unicode_split")
def characters(
    input: Any, input_encoding: str = "", errors: str = "replace", replacement_char: int = 65533, name: str | None = None
) -> Tensor:
    """The bytes of a string one by one; with an encoding, its characters."""
    array = _texts(input)
    if array.ndim:
        raise NotImplementedError("This takes one string: the parts of several are ragged, and ragged tensors are not there yet.")
    text = array[()]
    parts = [c.encode() for c in text.decode(input_encoding, errors)] if input_encoding else [text[i : i + 1] for i in range(len(text))]
    return wrap(np.array(parts, object))


@export("tf.strings.substr")
def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE", name: str | None = None) -> Tensor:
    """`len` bytes (or characters) from `pos` on; a negative pos counts from the end.

    Raises: InvalidArgumentError for a pos outside of the string.
    >>> tf.strings.substr("hello", 1, 3).numpy()
    b'ell'
    """
    texts = convert(input)
    starts, counts = (broadcast_to(convert(v), sizes_of(texts))._array for v in (pos, len))
    out = np.empty(sizes_of(texts), object)
    for i, text in np.ndenumerate(_texts(texts)):
        whole = text.decode() if unit == "UTF8_CHAR" else text
        out[i] = _part(whole, int(np.asarray(starts)[i]), int(np.asarray(counts)[i]))
    return wrap(out)


def _part(text: Any, start: int, count: int) -> bytes:
    size = text.__len__()
    if not -size <= start <= size:
        raise invalid(f"pos {start} out of range for string of length {size}")
    first = start + size if start < 0 else start
    part = text[first : first + max(count, 0)]
    return part.encode() if isinstance(part, str) else part


def _pattern(pattern: Any) -> re.Pattern[bytes]:
    return re.compile(_bytes(pattern))


@export("tf.strings.regex_replace")
def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: str | None = None) -> Tensor:
    r"""Each match (or the first) of a regular expression replaced; \1 stands for its first group.

    >>> tf.strings.regex_replace("a-b-c", "-", "+").numpy()
    b'a+b+c'
    """
    compiled, by = _pattern(pattern), re.sub(rb"\\0", rb"\\g<0>", _bytes(rewrite))
    return _each(lambda b: compiled.sub(by, b, 0 if replace_global else 1), input)


@export("tf.strings.regex_full_match")
def regex_full_match(input: Any, pattern: str, name: str | None = None) -> Tensor:
    """Whether the whole string matches a regular expression: bool.

    >>> bool(tf.strings.regex_full_match("abc", "a.*"))
    True
    """
    compiled = _pattern(pattern)
    return _each(lambda b: compiled.fullmatch(b) is not None, input, np.bool_)


@export("tf.strings.to_number")
def to_number(input: Any, out_type: Any = float32, name: str | None = None) -> Tensor:
    """The numbers that strings write.

    Raises: InvalidArgumentError for a string that is no number.
    >>> tf.strings.to_number(["1.5", "2"]).numpy().tolist()
    [1.5, 2.0]
    """
    target = as_dtype(out_type)

    def read(text: bytes) -> Any:
        try:
            return int(text) if target.is_integer else float(text)
        except ValueError:
            raise invalid(f"StringToNumberOp could not correctly convert string: {text.decode(errors='replace')}") from None

    return _each(read, input, target.numpy)


@export("tf.strings.as_string", "tf.as_string")
def as_string(
    input: Any,
    precision: int = -1,
    scientific: bool = False,
    shortest: bool = False,
    width: int = -1,
    fill: str = "",
    name: str | None = None,
) -> Tensor:
    """Numbers as text.

    >>> tf.strings.as_string([1, 2]).numpy().tolist()
    [b'1', b'2']
    """
    tensor = convert(input)
    kind = "e" if scientific else "g" if shortest else "f"

    def write(value: Any) -> bytes:
        if tensor.dtype.is_bool:
            text = "true" if value else "false"
        elif tensor.dtype.is_floating:
            text = number_text(value) if shortest and precision < 0 else f"{float(value):.{precision if precision >= 0 else 6}{kind}}"
        else:
            text = str(value)
        return text.rjust(max(width, 0), fill or " ").encode()

    array = np.asarray(tensor._array)
    out = np.empty(array.shape, object)
    for i, v in np.ndenumerate(array):
        out[i] = write(v)
    return wrap(out)
