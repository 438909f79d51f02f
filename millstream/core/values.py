"""Values of Python and NumPy as the arrays within tensors.

What decides the dtype, first of all: the dtype asked for; the other operand's (`hint`), where the value fits it; the
kind of the first element (Python's floats are float32, its whole numbers int32 or, where too large, int64).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dtypes import OF_NUMPY, DType, as_dtype, float32, int32, int64, string
from millstream.core.quiet import overflow_raises, quiet
from millstream.core.spec import TensorShape

_DEFAULTS: dict[type, DType] = {float: float32, int: int32, bool: as_dtype(bool)}
_DEFAULT_OF_KIND = {"f": float32, "i": int32, "u": int32, "c": as_dtype("complex128"), "b": as_dtype(bool)}
_LARGEST = float(np.finfo(np.float32).max)


def to_array(value: Any, dtype: DType | None = None, hint: DType | None = None) -> Any:
    """Values that are no tensors as an ndarray, or as a NumPy scalar when they have no dimensions.

    Raises: TypeError for what does not fit `dtype`, ValueError for what is no value, ragged or of mixed types.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return python_scalar(value, dtype, hint)
    if isinstance(value, (np.ndarray, np.generic)):
        return _from_numpy(value, dtype, hint)
    if isinstance(value, (str, bytes)):
        return _strings(np.array(value, object), dtype)
    if isinstance(value, TensorShape):
        return np.array(value.as_list(), (dtype or int32).numpy)
    if isinstance(value, DType):
        raise _unconvertible(value)
    return _from_python(value, dtype, hint)


def python_scalar(value: Any, dtype: DType | None, hint: DType | None = None) -> Any:
    """A float, int or bool as a NumPy scalar; whole numbers too large for their dtype wrap round, as TensorFlow's do."""
    kind = type(value)
    target = dtype or hint
    if target is None or (dtype is None and not _fits(kind, target)):
        target = int64 if kind is int and not -(2**31) <= value < 2**31 else _DEFAULTS[kind]
    elif not _fits(kind, target):
        raise _does_not_fit(value, target)
    if kind is float:
        return _floating(value, target)
    try:
        return target.as_numpy_dtype(value)
    except OverflowError:
        return _wrapped(value, target)


def _fits(kind: type, target: DType) -> bool:
    """Whether numbers of a Python type can be elements of a dtype; bool can be any number."""
    if target is string:
        return False
    return target.is_floating or target.is_complex or (kind is bool or (kind is int and not target.is_bool))


def _floating(value: float, target: DType) -> Any:
    if target is float32 and _LARGEST < abs(value) < np.inf:
        raise ValueError(f"Can't convert Python sequence with a value out of range: {value} is beyond float32. Ask for dtype=tf.float64.")
    return target.as_numpy_dtype(value) if target is float32 else _quietly(target.as_numpy_dtype, value)


@quiet
def _quietly(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def _wrapped(value: int, target: DType) -> Any:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"Can't convert Python sequence with out-of-range integer to Tensor: {value} needs more than 64 bits.")
    return np.int64(value).astype(target.numpy)


def _does_not_fit(value: Any, target: DType) -> Exception:
    return TypeError(f"Cannot convert {value!r} to EagerTensor of dtype {target.name}")


# ---------------------------------------------------------------------------------------------- NumPy's
def _from_numpy(value: Any, dtype: DType | None, hint: DType | None) -> Any:
    """A copy; it takes the dtype asked for, or the other operand's, whatever is lost."""
    if value.dtype.kind in "US" or value.dtype == object:
        return _strings(np.asarray(value).astype(object), dtype)
    if value.dtype not in OF_NUMPY:
        value = value.astype(value.dtype.newbyteorder("="))
        if value.dtype not in OF_NUMPY:
            raise _unconvertible(value)
    if dtype is string:
        raise ValueError(f"Failed to convert a NumPy array of {value.dtype} to tf.string; use tf.strings.as_string.")
    target = value.dtype if (dtype or hint or string) is string else (dtype or hint).numpy  # type: ignore[union-attr]
    if value.dtype.kind == "c" and target.kind != "c":
        value = value.real
    array = _quietly(np.asarray(value).astype, target)
    return array if array.ndim else array[()]


# ---------------------------------------------------------------------------------------------- Python's
def _from_python(value: Any, dtype: DType | None, hint: DType | None) -> Any:
    """A nested list, or an object that knows itself as an array."""
    try:
        array = np.array(value)
    except UnicodeDecodeError:  # str beside bytes that are no text
        array = np.array(value, object)
    except ValueError:
        raise _ragged() from None
    if hasattr(value, "__array__") or hasattr(value, "dtype"):
        return _from_numpy(array, dtype, hint)
    if dtype is string and not array.size:
        return array.astype(object)
    if array.dtype.kind in "USO":
        return _strings(np.array(value, object), dtype)
    target = dtype or (hint if hint is not None and _array_fits(array, hint) else None)
    if target is None:
        target = _natural(array, _first_leaf(value))
    elif not _array_fits(array, target):
        raise _does_not_fit(value, target)
    return _of_dtype(array, target)


def _array_fits(array: Any, target: DType) -> bool:
    kind = array.dtype.kind
    if not array.size or target is string:
        return target is not string
    return kind in ("b" if target.is_bool else "biu" if target.is_integer else "biuf" if target.is_floating else "biufc")


def _first_leaf(value: Any) -> Any:
    """The element that stands first; an empty list for nothing."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def _natural(array: Any, first: Any) -> DType:
    """The dtype that the first element gives. Raises: ValueError when the others are of another kind."""
    kind = array.dtype.kind
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind == kind == "f":
        return OF_NUMPY[first.dtype]
    if (kind != "b" and isinstance(first, (bool, np.bool_))) or (kind == "c" and isinstance(first, (int, float))):
        raise ValueError("Can't convert Python sequence with mixed types to Tensor: write all elements as numbers of one kind.")
    if kind in "iu" and array.size and not (array.min() >= -(2**31) and array.max() < 2**31):
        return int64
    return _DEFAULT_OF_KIND.get(kind) or as_dtype(array.dtype)


def _of_dtype(array: Any, target: DType) -> Any:
    if array.dtype.kind == "u" and array.size and array.max() >= 2**63 and target.name != "uint64":
        raise ValueError("Can't convert Python sequence with out-of-range integer to Tensor.")
    try:
        made = _narrow(array, target) if target is float32 else _quietly(array.astype, target.numpy)
    except FloatingPointError:
        raise ValueError(
            "Can't convert Python sequence with a value out of range for float32 to Tensor. Ask for dtype=tf.float64."
        ) from None
    return made if made.ndim else made[()]


@overflow_raises
def _narrow(array: Any, target: DType) -> Any:
    return array.astype(target.numpy)


# ---------------------------------------------------------------------------------------------- strings
def _strings(array: Any, dtype: DType | None) -> Any:
    """Strings as an object array of bytes, of no dimensions for one alone."""
    flat = array.reshape(-1)
    wrong = [v for v in flat if not isinstance(v, (str, bytes))]
    if wrong:
        raise _mixed(flat, wrong[0])
    if dtype is not None and dtype is not string:
        raise _does_not_fit(flat[0] if flat.size else "", dtype)
    out = np.empty(array.shape, object)
    out.reshape(-1)[:] = [v.encode() if isinstance(v, str) else bytes(v) for v in flat]
    return out


def _mixed(flat: Any, wrong: Any) -> Exception:
    """What to say of an object array that holds more, or other, than strings."""
    if isinstance(wrong, (list, tuple)):
        return _ragged()
    if len(flat) > 1:
        return ValueError(f"Can't convert Python sequence with mixed types to Tensor: it holds {wrong!r} of type {type(wrong)}.")
    return _unconvertible(wrong)


def _ragged() -> Exception:
    return ValueError("Can't convert non-rectangular Python sequence to Tensor.")


def _unconvertible(value: Any) -> Exception:
    return ValueError(f"Attempt to convert a value ({value!r}) with an unsupported type ({type(value)}) to a Tensor.")
