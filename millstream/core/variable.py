"""Variables: named values that change. Their array is replaced when assigned to, so that a tensor read before keeps its value."""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, VARIABLE, eagerly, wrap
from millstream.core.dtypes import OF_NUMPY, DType, as_dtype
from millstream.core.op import op
from millstream.core.samples import unary
from millstream.core.scope import scoped
from millstream.core.spec import ArraySpec, TensorShape, known_shape
from millstream.core.tensor import Operators, Reference, Tensor, convert, register_reader
from millstream.core.text import repr_of
from millstream.util.errors import invalid
from millstream.util.export import export


@op(name="read_variable", samples=unary(-2, 2))
def read_variable(xp: Any, x: Any) -> Any:
    """The value of a variable: what tapes see when one is used."""
    return x


read_variable.infer(lambda x: x)
read_variable.vjp(lambda g, y, x: g)


@export("tf.Variable")
class Variable(Operators):
    """A value that `assign` changes; trainable ones are watched by every GradientTape.

    Args: initial_value, anything that becomes a tensor, or a function of no arguments; trainable; dtype; name; shape.
    Raises: ValueError without an initial value, or for one that does not fit `shape`.
    >>> w = tf.Variable(4)
    >>> w.assign_sub(1)
    <tf.Variable 'UnreadVariable' shape=() dtype=int32, numpy=3>
    >>> int(w)
    3
    """

    # Memory that compiled code writes in place, and its address; set when compiled code first uses the variable.
    _home: Any = None
    _address: int = 0

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        with eagerly():
            value = initial_value() if callable(initial_value) else initial_value
            self._array = _own(convert(value, None if dtype is None else as_dtype(dtype))._array)
        self.trainable = True if trainable is None else bool(trainable)
        self.constraint, self.synchronization, self.aggregation = constraint, synchronization, aggregation
        if STATE.trace is not None:
            STATE.trace.created.append(self)
        self._name = scoped(name or "Variable")
        self._static = None if shape is None else TensorShape(shape)
        if self._static is not None and validate_shape and not self._static.is_compatible_with(self._array.shape):
            raise ValueError(
                f"The initial value's shape {self._array.shape} is not compatible with the explicitly supplied `shape` argument ({self._static})."
            )

    # ------------------------------------------------------------------ reading
    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return OF_NUMPY[self._array.dtype]

    @property
    def shape(self) -> TensorShape:
        """The sizes."""
        return known_shape(self._array.shape) if self._static is None else self._static

    @property
    def spec(self) -> ArraySpec:
        """Shape and dtype of the present value."""
        return ArraySpec(tuple(self._array.shape), self.dtype)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return int(self._array.ndim)

    @property
    def name(self) -> str:
        """The name with its scopes, ending in ":0"."""
        return self._name + ":0"

    @property
    def _shared_name(self) -> str:
        return self._name

    @property
    def device(self) -> str:
        """Where the values are."""
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    def read_value(self) -> Tensor:
        """The present value as a tensor; later assignments do not change it."""
        if STATE.trace is not None:
            value: Tensor = STATE.trace.read(self)
        else:
            value = wrap(self._array)
        for tape in STATE.tapes:
            tape.record(read_variable, (self,), {}, value)
        return value

    def value(self) -> Tensor:
        """The present value as a tensor."""
        return self.read_value()

    def numpy(self) -> Any:
        """The values as NumPy has them, a copy."""
        return self._array.copy() if isinstance(self._array, np.ndarray) else self._array

    def eval(self, session: Any = None) -> Any:
        """The values, as programs of TensorFlow 1 ask for them."""
        return self.numpy()

    def initialized_value(self) -> Tensor:
        """The value: variables are initialised when made."""
        return self.read_value()

    def get_shape(self) -> TensorShape:
        """The sizes."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Check that the variable has this shape. Raises: ValueError."""
        self.shape.assert_is_compatible_with(shape)

    def ref(self) -> Reference:
        """A hashable reference, for use as a key."""
        return Reference(self)

    experimental_ref = ref

    # ------------------------------------------------------------------ writing
    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> "Variable":
        """Replace the value; the variable comes back, under the name "UnreadVariable" (None without `read_value`).

        Raises: ValueError when shapes differ, or dtypes.
        """
        self._set(convert(value, self.dtype))
        return _unread(self) if read_value else None  # type: ignore[return-value]  # None for those who say so

    def assign_add(self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> "Variable":
        """Add to the value. Returns as `assign` does. Raises: InvalidArgumentError when shapes differ."""
        self._set(self._combine(delta, np.add, "__add__"))
        return _unread(self) if read_value else None  # type: ignore[return-value]  # None for those who say so

    def assign_sub(self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> "Variable":
        """Subtract from the value. Returns as `assign` does. Raises: InvalidArgumentError when shapes differ."""
        self._set(self._combine(delta, np.subtract, "__sub__"))
        return _unread(self) if read_value else None  # type: ignore[return-value]  # None for those who say so

    def _combine(self, delta: Any, ufunc: Any, operator: str) -> Tensor:
        """The value with something added or subtracted; unseen by tapes, as assignments are."""
        delta = delta if type(delta) is Tensor else convert(delta, self.dtype)
        if (
            STATE.trace is None
            and type(delta) is Tensor
            and delta._array.dtype == self._array.dtype
            and delta._array.shape == self._array.shape
        ):
            return wrap(ufunc(self._array, delta._array))
        delta = convert(delta, self.dtype)
        if tuple(delta.shape) != tuple(self._array.shape):
            raise invalid(
                f"Cannot update variable with shape {list(self.shape)} using a Tensor with shape {list(delta.shape)}, shapes must be equal."
            )
        tapes, STATE.tapes = STATE.tapes, ()
        try:
            result: Tensor = getattr(self.read_value(), operator)(delta)
        finally:
            STATE.tapes = tapes
        return result

    def _set(self, value: Tensor) -> None:
        if type(value) is Tensor and np.shape(value._array) == np.shape(self._array):
            pass  # the usual case, without the cost of shape objects
        elif not self.shape.is_compatible_with(value.shape):
            _refuse_shape(self, value)
        if STATE.trace is not None:
            STATE.trace.assign(self, value)
        else:
            self._array = value._array

    # ------------------------------------------------------------------ Python's protocols
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = np.array(self._array)
        return array if dtype is None else array.astype(dtype)

    def __bool__(self) -> bool:
        return bool(self.read_value())

    def __int__(self) -> int:
        return int(self.read_value())

    def __float__(self) -> float:
        return float(self.read_value())

    def __index__(self) -> int:
        return self.read_value().__index__()

    def __len__(self) -> int:
        return len(self.read_value())

    def __iter__(self) -> Any:
        return iter(self.read_value())

    def __format__(self, spec: str) -> str:
        if spec:
            raise TypeError(f"unsupported format string {spec!r} passed to Variable.__format__; format its value: variable.numpy().")
        return str(self)

    def __hash__(self) -> int:
        raise TypeError("Variable is unhashable. Instead, use tensor.ref() as the key.")

    def __copy__(self) -> "Variable":
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> "Variable":
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, _array=_own(self._array), _home=None)
        memo[id(self)] = made
        return made

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}, numpy={repr_of(self._array)}>"


def _own(array: Any) -> Any:
    return array.copy() if isinstance(array, np.ndarray) else array


def _refuse_shape(variable: Variable, value: Any) -> None:
    raise ValueError(
        f"Cannot assign to variable {variable.name} due to variable shape {variable.shape} and value shape {value.shape} are incompatible"
    )


class _Unread(Variable):
    """What an assignment returns: the variable itself under another name. It holds nothing of its own."""

    __slots__ = ("_origin",)
    _origin: Variable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._origin, name)

    @property
    def name(self) -> str:
        """TensorFlow's name for variables fresh from an assignment."""
        return "UnreadVariable"

    def read_value(self) -> Tensor:
        """The present value, read from the variable itself."""
        return self._origin.read_value()

    def _set(self, value: Tensor) -> None:
        self._origin._set(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        return self._origin.__deepcopy__(memo)

    def __reduce__(self) -> Any:
        return _same, (self._origin,)


def _unread(variable: Variable) -> _Unread:
    made = object.__new__(_Unread)
    made._origin = variable._origin if type(variable) is _Unread else variable
    return made


def _same(variable: Variable) -> Variable:
    """What a pickled result of an assignment becomes: the variable."""
    return variable


register_reader(Variable, lambda variable: variable.read_value())
VARIABLE[0] = Variable
