"""Data types: what an element is. `tf.float32` and its like; each wraps one NumPy type."""

from typing import Any

import numpy as np

from millstream.util.export import export, publish


@export("tf.DType", "tf.dtypes.DType")
class DType:
    """The type of a tensor's elements. Equal to its name, its NumPy type and itself.

    >>> tf.float32 == "float32", tf.float32.size, tf.int8.max
    (True, 4, 127)
    """

    __slots__ = ("_code", "_numpy", "is_bool", "is_complex", "is_floating", "is_integer", "is_unsigned", "name")

    def __init__(self, name: str, numpy: Any, code: int, kind: str) -> None:
        self.name, self._numpy, self._code = name, numpy, code
        self.is_floating, self.is_complex = kind == "f", kind == "c"
        self.is_integer, self.is_unsigned = kind in "iu", kind == "u"
        self.is_bool = kind == "b"

    @property
    def as_numpy_dtype(self) -> Any:
        """The NumPy scalar type, such as numpy.float32."""
        return self._numpy.type

    @property
    def numpy(self) -> Any:
        """The numpy.dtype."""
        return self._numpy

    @property
    def as_datatype_enum(self) -> int:
        """The number that stands for this type in TensorFlow's files."""
        return self._code

    @property
    def base_dtype(self) -> "DType":
        """Itself: reference types do not exist here."""
        return self

    @property
    def real_dtype(self) -> "DType":
        """The type of the real part."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    @property
    def size(self) -> int:
        """Bytes of one element; 0 for strings, which have no fixed number."""
        return 0 if self is string else int(self._numpy.itemsize)

    @property
    def is_numpy_compatible(self) -> bool:
        """Whether NumPy can hold it: always."""
        return True

    @property
    def is_quantized(self) -> bool:
        """Whether it is a quantized type."""
        return self.name.startswith(("qint", "quint"))

    @property
    def min(self) -> Any:
        """The smallest finite value. Raises: TypeError for types without one."""
        return self._limit("min")

    @property
    def max(self) -> Any:
        """The largest finite value. Raises: TypeError for types without one."""
        return self._limit("max")

    @property
    def limits(self) -> tuple[Any, Any]:
        """The pair (min, max) of what an image of this type holds: (0, 1) for floating types, (0, max) for whole numbers."""
        return (0, 1) if self.is_floating else (0, self.max) if self.is_integer else (False, True)

    def _limit(self, end: str) -> Any:
        if self.is_integer:
            return getattr(np.iinfo(self._numpy), end)
        if self.is_floating:
            return getattr(_finfo(self._numpy), end)
        raise TypeError(f"Cannot find the {end}imum value of {self.name}.")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor of this type can stand for one of the other."""
        return self is as_dtype(other)

    def __eq__(self, other: object) -> bool:
        if type(other) is DType:
            return self is other
        try:
            return other is not None and self is as_dtype(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return self._code

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __int__(self) -> int:
        return self._code

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


def _finfo(dtype: Any) -> Any:
    if dtype.name == "bfloat16":
        import ml_dtypes

        return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    return np.finfo(dtype)


def _bfloat16() -> Any:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


_BY_NAME: dict[str, DType] = {}
OF_NUMPY: dict[Any, DType] = {}


def _define(name: str, numpy: Any, code: int, kind: str) -> DType:
    made = DType(name, numpy, code, kind)
    _BY_NAME[name] = made
    if not made.is_quantized:
        OF_NUMPY[numpy] = made
    publish(made, f"tf.{name}", f"tf.dtypes.{name}")
    return made


float32 = _define("float32", np.dtype("float32"), 1, "f")
float64 = _define("float64", np.dtype("float64"), 2, "f")
int32 = _define("int32", np.dtype("int32"), 3, "i")
uint8 = _define("uint8", np.dtype("uint8"), 4, "u")
int16 = _define("int16", np.dtype("int16"), 5, "i")
int8 = _define("int8", np.dtype("int8"), 6, "i")
string = _define("string", np.dtype(object), 7, "s")
complex64 = _define("complex64", np.dtype("complex64"), 8, "c")
int64 = _define("int64", np.dtype("int64"), 9, "i")
bool_ = _define("bool", np.dtype(bool), 10, "b")
qint8 = _define("qint8", np.dtype("int8"), 11, "q")
quint8 = _define("quint8", np.dtype("uint8"), 12, "q")
qint32 = _define("qint32", np.dtype("int32"), 13, "q")
bfloat16 = _define("bfloat16", _bfloat16(), 14, "f")
qint16 = _define("qint16", np.dtype("int16"), 15, "q")
quint16 = _define("quint16", np.dtype("uint16"), 16, "q")
uint16 = _define("uint16", np.dtype("uint16"), 17, "u")
complex128 = _define("complex128", np.dtype("complex128"), 18, "c")
float16 = _define("float16", np.dtype("float16"), 19, "f")
resource = _define("resource", np.dtype("V1"), 20, "r")
variant = _define("variant", np.dtype("V2"), 21, "r")
uint32 = _define("uint32", np.dtype("uint32"), 22, "u")
uint64 = _define("uint64", np.dtype("uint64"), 23, "u")
for _alias, _made in (("half", float16), ("double", float64)):
    publish(_made, f"tf.{_alias}", f"tf.dtypes.{_alias}")
    _BY_NAME[_alias] = _made
_BY_CODE = {d._code: d for d in _BY_NAME.values()}
_BY_PYTHON = {float: float32, int: int32, bool: bool_, str: string, bytes: string, complex: complex128, object: string}


@export("tf.as_dtype", "tf.dtypes.as_dtype")
def as_dtype(type_value: Any) -> DType:
    """The DType of a DType, a name, a NumPy type or a Python type.

    Raises: TypeError when nothing of the kind exists.
    >>> tf.as_dtype("float16")
    tf.float16
    """
    if type(type_value) is DType:
        return type_value
    found = None if type_value is None else _lookup(type_value)
    if found is None:
        raise TypeError(f"Cannot convert value {type_value!r} to a TensorFlow DType; expected a name such as 'float32' or a NumPy type.")
    return found


def _lookup(value: Any) -> DType | None:
    if isinstance(value, str) and value in _BY_NAME:
        return _BY_NAME[value]
    if isinstance(value, type) and value in _BY_PYTHON:
        return _BY_PYTHON[value]
    if isinstance(value, int) and not isinstance(value, bool):
        return _BY_CODE.get(value)
    try:
        dtype = np.dtype(value)
    except TypeError:
        return None
    return string if dtype.kind in "SUO" else OF_NUMPY.get(dtype.newbyteorder("="))
