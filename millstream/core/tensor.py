"""Tensors: an array with TensorFlow's face, and the conversion of anything to one.

An eager tensor holds an ndarray, or a NumPy scalar when it has no dimensions; it is never changed in place.
Its operators are installed by the ops (`install_operator`), so that this file depends on none of them.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from millstream.core.dtypes import OF_NUMPY, DType
from millstream.core.spec import TensorShape, known_shape
from millstream.core.text import repr_of, text_of
from millstream.core.values import python_scalar, to_array
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
        return known_shape(self._array.shape)

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
        if self.ndim:
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return int(self._one("index").__index__())

    def _one(self, what: str) -> Any:
        """The single element; the era's NumPy let any one-element array stand for its element, and an empty one be false."""
        if self._array.size != 1:
            if what == "truth value":
                if not self._array.size:
                    return False
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


def refuse_in_graph(what: str) -> Any:
    """Raises: the error for a traced tensor used where a value is needed."""
    raise OperatorNotAllowedInGraphError(f"{what} is not allowed in a traced function: the tensor has no value yet.")


# ---------------------------------------------------------------------------------------------- conversion
_READERS: list[tuple[type, Callable[[Any], Any]]] = []
_pack_hook: list[Callable[[Any, DType | None, DType | None], Tensor]] = []


def register_reader(kind: type, read: Callable[[Any], Any]) -> None:
    """Say how objects of a class (variables, IndexedSlices, ...) become tensors."""
    _READERS.append((kind, read))


def reader_of(value: Any) -> Callable[[Any], Any] | None:
    """The reader of an object's class, if it has one."""
    for kind, read in _READERS:
        if isinstance(value, kind):
            return read
    return None


def set_pack(pack: Callable[[Any, DType | None, DType | None], Tensor]) -> None:
    """The op that stacks lists which contain tensors; installed by the ops."""
    _pack_hook[:] = [pack]


def convert(value: Any, dtype: DType | None = None, hint: DType | None = None) -> Tensor:
    """Any value as a tensor.

    Raises: ValueError when it is a tensor of another dtype than `dtype`, or ragged; TypeError when it does not fit.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return _wrap(python_scalar(value, dtype, hint))
    if isinstance(value, Tensor):
        return _checked(value, dtype)
    read = reader_of(value)
    if read is not None:
        return _checked(read(value), dtype)
    if isinstance(value, (list, tuple)) and not isinstance(value, TensorShape) and holds_tensors(value):
        return _pack_hook[0](value, dtype, hint)
    return _wrap(to_array(value, dtype, hint))


def _wrap(array: Any) -> Tensor:
    made = object.__new__(Tensor)
    made._array = array
    return made


def _checked(tensor: Tensor, dtype: DType | None) -> Tensor:
    if dtype is not None and tensor.dtype is not dtype:
        raise ValueError(f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {tensor.dtype.name}: {tensor!r}")
    return tensor


def holds_tensors(value: Any) -> bool:
    """Whether a nested list or tuple has a tensor, or what becomes one, in it."""
    return any(isinstance(v, Tensor) or reader_of(v) is not None or (isinstance(v, (list, tuple)) and holds_tensors(v)) for v in value)


def check_scalar(tensor: Tensor, what: str) -> Any:
    """The value of a tensor without dimensions. Raises: InvalidArgumentError."""
    if tensor.ndim:
        raise invalid(f"{what} must be a scalar; got shape {tensor.shape}.")
    return tensor._array[()]
