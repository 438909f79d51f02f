"""Tensors: an array with TensorFlow's face, and the conversion of anything to one.

An eager tensor holds an ndarray, or a NumPy scalar when it has no dimensions; it is never changed in place.
Its operators are installed by the ops (`install_operator`), so that this file depends on none of them.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from millstream.core.dtypes import OF_NUMPY, DType, as_dtype, string
from millstream.core.spec import TensorShape
from millstream.util.errors import OperatorNotAllowedInGraphError, invalid
from millstream.util.export import export


class Operators:
    """Operators of tensors and variables, filled in by the ops."""

    __array_priority__ = 100
    __slots__ = ()


def install_operator(name: str, function: Callable[..., Any]) -> None:
    """Make a function a method (such as "__add__") of tensors and variables."""
    setattr(Operators, name, function)


@export("tf.Tensor")
class Tensor(Operators):
    """An array of one dtype, on the CPU, immutable.

    >>> tf.constant([1, 5], dtype=tf.int64)
    <tf.Tensor: shape=(2,), dtype=int64, numpy=array([1, 5])>
    """

    __slots__ = ("__dict__", "__weakref__", "_array")
    _array: Any
    _dispatch: ClassVar[Any] = None
    _priority: ClassVar[int] = 0

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return OF_NUMPY[self._array.dtype]

    @property
    def shape(self) -> TensorShape:
        """The sizes."""
        return TensorShape(self._array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return int(self._array.ndim)

    @property
    def device(self) -> str:
        """Where the values are."""
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    backing_device = device

    def numpy(self) -> Any:
        """The values: an ndarray of their own, or a NumPy scalar (bytes for a scalar string)."""
        array = self._array
        return array.copy() if type(array) is np.ndarray and array.ndim else array[()] if type(array) is np.ndarray else array

    def get_shape(self) -> TensorShape:
        """The sizes."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Check that the tensor has this shape. Raises: ValueError."""
        if not self.shape.is_compatible_with(shape):
            raise ValueError(f"Tensor's shape {self.shape} is not compatible with supplied shape {TensorShape(shape)}")

    def ref(self) -> "Reference":
        """A hashable reference, for use as a key."""
        return Reference(self)

    experimental_ref = ref

    def cpu(self) -> "Tensor":
        """Itself."""
        return self

    def gpu(self, gpu_index: int = 0) -> "Tensor":
        """Itself: there is one memory."""
        return self

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The values, as programs of TensorFlow 1 ask for them."""
        return self.numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = np.asarray(self._array)
        return array.astype(dtype) if dtype is not None and array.dtype != dtype else array.copy() if copy else array

    def __bool__(self) -> bool:
        return bool(self._one("truth value"))

    def __int__(self) -> int:
        return int(self._one("int"))

    def __float__(self) -> float:
        return float(self._one("float"))

    def __complex__(self) -> complex:
        return complex(self._one("complex"))

    def __index__(self) -> int:
        return int(self._one("index").__index__())

    def _one(self, what: str) -> Any:
        """The single element; the era's NumPy let any one-element array stand for its element."""
        if self._array.size != 1:
            if what == "truth value":
                raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")
            raise TypeError(f"only size-1 arrays can be converted to Python scalars; got shape {self.shape} for {what}.")
        return self._array.reshape(-1)[0]

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("Scalar tensor has no `len()`")
        return len(self._array)

    def __iter__(self) -> Iterator["Tensor"]:
        if not self._array.ndim:
            raise TypeError("Cannot iterate over a scalar tensor.")
        return (self[i] for i in range(len(self._array)))  # type: ignore[index]

    def __hash__(self) -> int:
        raise TypeError("Tensor is unhashable. Instead, use tensor.ref() as the key.")

    def __format__(self, spec: str) -> str:
        return format(self.numpy(), spec)

    def __copy__(self) -> "Tensor":
        return self

    def __deepcopy__(self, memo: Any) -> "Tensor":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return convert, (self._array,)

    def __str__(self) -> str:
        return f"tf.Tensor({text_of(self._array)}, shape={self.shape}, dtype={self.dtype.name})"

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={repr_of(self._array)}>"

    def __getattr__(self, name: str) -> Any:
        if name in ("name", "op", "graph", "consumers", "value_index"):
            raise AttributeError(f"Tensor.{name} is meaningless when eager execution is enabled.")
        hint = " It has values: call .numpy() first." if hasattr(np.ndarray, name) and not name.startswith("_") else ""
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'.{hint}")


class Reference:
    """A hashable handle of a tensor or variable: equal when it is the same object."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    def deref(self) -> Any:
        """The tensor or variable."""
        return self._target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._target is other._target

    def __hash__(self) -> int:
        return id(self._target)

    def __repr__(self) -> str:
        return f"<Reference wrapping {self._target!r}>"


def text_of(array: Any) -> str:
    """The values as `print` shows them."""
    return str(array[()] if np.ndim(array) == 0 and isinstance(array, np.ndarray) else array)


def repr_of(array: Any) -> str:
    """The values as `repr` shows them, scalars bare."""
    if np.ndim(array):
        return repr(array)
    value = array[()] if isinstance(array, np.ndarray) else array
    return repr(value) if isinstance(value, (bytes, str)) else str(value)


def refuse_in_graph(what: str) -> Any:
    """Raises: the error for a traced tensor used where a value is needed."""
    raise OperatorNotAllowedInGraphError(f"{what} is not allowed in a traced function: the tensor has no value yet.")


# ---------------------------------------------------------------------------------------------- conversion
_READERS: list[tuple[type, Callable[[Any], Any]]] = []
_pack_hook: list[Callable[[Any, DType | None], Tensor]] = []


def register_reader(kind: type, read: Callable[[Any], Any]) -> None:
    """Say how objects of a class (variables, IndexedSlices, ...) become tensors."""
    _READERS.append((kind, read))


def reader_of(value: Any) -> Callable[[Any], Any] | None:
    """The reader of an object's class, if it has one."""
    for kind, read in _READERS:
        if isinstance(value, kind):
            return read
    return None


def set_pack(pack: Callable[[Any, DType | None], Tensor]) -> None:
    """The op that stacks lists which contain tensors; installed by the ops."""
    _pack_hook[:] = [pack]


def convert(value: Any, dtype: DType | None = None, hint: DType | None = None) -> Tensor:
    """Any value as a tensor.

    Raises: ValueError when it is a tensor of another dtype than `dtype`, or ragged; TypeError when it does not fit.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return _wrap(_python_scalar(value, dtype or hint))
    if isinstance(value, Tensor):
        return _checked(value, dtype)
    read = reader_of(value)
    if read is not None:
        return _checked(read(value), dtype)
    if isinstance(value, (list, tuple)) and not isinstance(value, TensorShape) and _holds_tensors(value):
        return _pack_hook[0](value, dtype or hint)
    return _wrap(to_array(value, dtype, hint))


def _wrap(array: Any) -> Tensor:
    made = object.__new__(Tensor)
    made._array = array
    return made


def _checked(tensor: Tensor, dtype: DType | None) -> Tensor:
    if dtype is not None and tensor.dtype is not dtype:
        raise ValueError(f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {tensor.dtype.name}: {tensor!r}")
    return tensor


def _holds_tensors(value: Any) -> bool:
    return any(
        isinstance(v, Tensor) or reader_of(v) is not None or (isinstance(v, (list, tuple)) and _holds_tensors(v)) for v in value
    )


def to_array(value: Any, dtype: DType | None = None, hint: DType | None = None) -> Any:
    """Values that are no tensors as an ndarray, or as a NumPy scalar when they have no dimensions."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return _python_scalar(value, dtype or hint)
    if isinstance(value, (np.ndarray, np.generic)):
        return _from_numpy(value, dtype, hint)
    if isinstance(value, TensorShape):
        return np.array(value.as_list(), (dtype or as_dtype("int32")).numpy)
    if isinstance(value, DType):
        raise _unconvertible(value)
    return _from_python(value, dtype, hint)


def _python_scalar(value: Any, dtype: DType | None) -> Any:
    if dtype is None:
        if type(value) is int and not -(2**31) <= value < 2**31:
            return np.int64(value)
        return _DEFAULTS[type(value)](value)
    fits = _FITS[type(value)]
    if not (dtype.is_floating or dtype.is_complex if fits == "f" else dtype.is_bool if fits == "b" else not (dtype.is_bool or dtype is string)):
        raise TypeError(f"Cannot convert {value!r} to EagerTensor of dtype {dtype.name}")
    try:
        return dtype.as_numpy_dtype(value)
    except OverflowError:
        raise ValueError(f"Can't convert Python integer {value} to dtype {dtype.name}: it is out of range.") from None


_DEFAULTS: dict[type, Any] = {float: np.float32, int: np.int32, bool: np.bool_}
_FITS: dict[type, str] = {float: "f", int: "i", bool: "b"}


def _from_numpy(value: Any, dtype: DType | None, hint: DType | None) -> Any:
    if value.dtype.kind in "US" or value.dtype == object:
        return _strings(np.asarray(value), dtype)
    if value.dtype not in OF_NUMPY:
        value = value.astype(value.dtype.newbyteorder("="))
        if value.dtype not in OF_NUMPY:
            raise _unconvertible(value)
    target = dtype or (hint if hint is not None and _castable(value.dtype, hint) else None)
    if isinstance(value, np.ndarray):
        array = value.astype(target.numpy) if target is not None and target.numpy != value.dtype else value.copy()
        return array if array.ndim else array[()]
    return value if target is None else target.as_numpy_dtype(value)


def _castable(dtype: Any, hint: DType) -> bool:
    """Whether arrays take the other operand's dtype: floats any floating one, integers any that holds numbers."""
    return (hint.is_floating or hint.is_complex) if dtype.kind in "fV" else hint.is_complex if dtype.kind == "c" else (
        dtype.kind in "iu" and not hint.is_bool and hint is not string
    )


def _from_python(value: Any, dtype: DType | None, hint: DType | None) -> Any:
    try:
        array = np.array(value)
    except ValueError:
        raise ValueError("Can't convert non-rectangular Python sequence to Tensor.") from None
    if array.dtype.kind in "USO":
        return _strings(array, dtype)
    default = {"f": "float32", "i": "int32", "c": "complex128", "b": "bool"}.get(array.dtype.kind, array.dtype.name)
    if hasattr(value, "__array__") or hasattr(value, "dtype"):
        return _from_numpy(array, dtype, hint)
    target = dtype or hint
    if target is None or (dtype is None and not _python_fits(array, target)):
        target = as_dtype("int64") if default == "int32" and array.size and not _in_int32(array) else as_dtype(default)
    elif not _python_fits(array, target):
        sample = array.reshape(-1)[0] if array.size else array
        raise TypeError(f"Cannot convert {sample.item()!r} to EagerTensor of dtype {target.name}")
    array = array.astype(target.numpy)
    return array if array.ndim else array[()]


def _in_int32(array: Any) -> bool:
    return bool(array.min() >= -(2**31) and array.max() < 2**31)


def _python_fits(array: Any, target: DType) -> bool:
    if array.size == 0:
        return target is not string
    kind = array.dtype.kind
    return kind in ("b" if target.is_bool else "iu" if target.is_integer else "iuf" if target.is_floating else "iufc")


def _strings(array: Any, dtype: DType | None) -> Any:
    """Strings as an object array of bytes; a scalar as bytes in a 0-d array."""
    if dtype is not None and dtype is not string:
        raise ValueError(f"Cannot convert {_sample(array)!r} to EagerTensor of dtype {dtype.name}: strings stay tf.string.")
    out = np.empty(array.shape, object)
    for i, v in enumerate(array.reshape(-1)):
        if not isinstance(v, (str, bytes)):
            raise _unconvertible(v)
        out.reshape(-1)[i] = v.encode() if isinstance(v, str) else bytes(v)
    return out


def _sample(array: Any) -> Any:
    return array.reshape(-1)[0] if array.size else ""


def _unconvertible(value: Any) -> Exception:
    if isinstance(value, (list, tuple)):
        return ValueError("Can't convert non-rectangular Python sequence to Tensor.")
    return ValueError(f"Attempt to convert a value ({value!r}) with an unsupported type ({type(value)}) to a Tensor.")


def check_scalar(tensor: Tensor, what: str) -> Any:
    """The value of a tensor without dimensions. Raises: InvalidArgumentError."""
    if tensor.ndim:
        raise invalid(f"{what} must be a scalar; got shape {tensor.shape}.")
    return tensor._array[()]
