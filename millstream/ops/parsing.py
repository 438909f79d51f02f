"""Text as numbers: lines of comma-separated values, base64."""

import base64
import csv
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, float32, float64, int32, int64, string
from millstream.core.tensor import Tensor, convert
from millstream.util.errors import invalid
from millstream.util.export import export


def _texts(x: Any) -> Any:
    tensor = convert(x)
    if tensor.dtype is not string:
        raise invalid(f"Expected a tensor of strings; got {tensor.dtype.name}.")
    return np.asarray(tensor._array, object)


@export("tf.io.decode_csv")
def decode_csv(
    records: Any, record_defaults: Any, field_delim: str = ",", use_quote_delim: bool = True, na_value: str = "",
    select_cols: Any = None, name: str | None = None,
) -> list[Tensor]:  # fmt: skip
    """Lines of comma-separated values as one tensor per column, each of the records' shape.

    record_defaults: per column a value for empty fields (its dtype is the column's), or a dtype or [] where it must be filled.
    Raises: InvalidArgumentError for another number of fields, an empty field without default, a field of another type.
    >>> [x.numpy().tolist() for x in tf.io.decode_csv(["1,2.5", "3,"], [0, 7.0])]
    [[1, 3], [2.5, 7.0]]
    """
    lines, columns = _texts(records), [_column(d) for d in record_defaults]
    kept = list(range(len(columns))) if select_cols is None else [int(c) for c in select_cols]
    out = [np.empty(lines.shape, dtype.numpy) for dtype, _ in columns]
    quoting: Any = csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE
    for place, line in np.ndenumerate(lines):
        fields = next(csv.reader([line.decode()], delimiter=field_delim, quoting=quoting), [])
        if select_cols is None and len(fields) != len(columns):
            raise invalid(f"Expect {len(columns)} fields but have {len(fields)} in record {place[0] if place else 0}")
        for i, (dtype, default) in enumerate(columns):
            field = fields[kept[i]] if kept[i] < len(fields) else ""
            out[i][place] = _value(field, dtype, default, i, na_value)
    return [wrap(a if a.ndim or a.dtype == object else a[()]) for a in out]


def _column(default: Any) -> tuple[DType, Any]:
    """Dtype and default of a column; None where the field must be filled."""
    if isinstance(default, DType):
        return default, None
    x = convert(default)
    if x.dtype not in (int32, int64, float32, float64, string):
        raise TypeError(f"A column is int32, int64, float32, float64 or string; got the default {default!r} of {x.dtype.name}.")
    values = np.asarray(x._array).reshape(-1)
    return x.dtype, values[0] if values.size else None


def _value(field: str, dtype: DType, default: Any, number: int, na_value: str) -> Any:
    if field in ("", na_value):
        if default is None:
            raise invalid(f"Field {number} is required but missing in record!")
        return default
    if dtype is string:
        return field.encode()
    try:
        return dtype.as_numpy_dtype(field)
    except (ValueError, OverflowError):
        raise invalid(f"Field {number} in record is not a valid {dtype.name}: {field}") from None


def _each(function: Any, x: Any) -> Tensor:
    array = _texts(x)
    out = np.empty(array.shape, object)
    for place, text in np.ndenumerate(array):
        out[place] = function(text)
    return wrap(out)


@export("tf.io.encode_base64")
def encode_base64(input: Any, pad: bool = False, name: str | None = None) -> Tensor:
    """Strings in base64, with - and _ as in addresses of web pages; pad: with = at the end.

    >>> tf.io.encode_base64("abcd").numpy()
    b'YWJjZA'
    """
    return _each(lambda b: base64.urlsafe_b64encode(b) if pad else base64.urlsafe_b64encode(b).rstrip(b"="), input)


@export("tf.io.decode_base64")
def decode_base64(input: Any, name: str | None = None) -> Tensor:
    """The strings that base64 writes.

    >>> tf.io.decode_base64("YWJjZA").numpy()
    b'abcd'
    """
    return _each(lambda b: base64.urlsafe_b64decode(b + b"=" * (-len(b) % 4)), input)
