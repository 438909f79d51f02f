"""The small functions of `tf.keras.backend`: the session's state, and reading and writing of variables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.scope import name_scope
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.keras.backend.config import floatx
from millstream.keras.backend.names import reset_uids
from millstream.ops.array.creation import cast
from millstream.util.export import export, publish


class _Phase:
    """What `set_learning_phase` said."""

    fixed: int | None = None


_on_clear: list[Callable[[], None]] = []
publish(name_scope, "tf.keras.backend.name_scope")


@export("tf.keras.backend.clear_session")
def clear_session() -> None:
    """Forget the names given so far, so that the next Dense is called `dense` again."""
    reset_uids()
    _Phase.fixed = None
    for forget in _on_clear:
        forget()


def when_cleared(forget: Callable[[], None]) -> Callable[[], None]:
    """Decorator: a function that `clear_session` calls too."""
    _on_clear.append(forget)
    return forget


# ---------------------------------------------------------------------------------------------- values
@export("tf.keras.backend.get_value")
def get_value(x: Any) -> Any:
    """The values of a variable or tensor as NumPy has them."""
    return x.numpy() if isinstance(x, (Tensor, Variable)) else x


@export("tf.keras.backend.batch_get_value")
def batch_get_value(tensors: Sequence[Any]) -> list[Any]:
    """The values of several variables."""
    return [get_value(x) for x in tensors]


@export("tf.keras.backend.set_value")
def set_value(x: Variable, value: Any) -> None:
    """Give a variable a new value, cast to its dtype."""
    x.assign(np.asarray(value, dtype=x.dtype.numpy))


@export("tf.keras.backend.batch_set_value")
def batch_set_value(tuples: Sequence[tuple[Variable, Any]]) -> None:
    """Give several variables new values: pairs (variable, value)."""
    for variable, value in tuples:
        set_value(variable, value)


@export("tf.keras.backend.int_shape")
def int_shape(x: Any) -> tuple[int | None, ...] | None:
    """The sizes as a tuple, None where unknown."""
    shape = x.shape if isinstance(x.shape, TensorShape) else TensorShape(x.shape)
    return tuple(shape) if shape.rank is not None else None


@export("tf.keras.backend.ndim")
def ndim(x: Any) -> int:
    """The number of dimensions."""
    return len(x.shape)


@export("tf.keras.backend.dtype")
def dtype(x: Any) -> str:
    """The name of the dtype."""
    return str(x.dtype.name)


@export("tf.keras.backend.cast_to_floatx")
def cast_to_floatx(x: Any) -> Any:
    """An array in the default float type (a tensor stays one)."""
    if isinstance(x, (Tensor, Variable)):
        return cast(x, floatx())
    return np.asarray(x, dtype=floatx())


@export("tf.keras.backend.learning_phase")
def learning_phase() -> int:
    """1 while training is switched on by `set_learning_phase`, else 0."""
    return _Phase.fixed or 0


def fixed_learning_phase() -> int | None:
    """What `set_learning_phase` said, or None."""
    return _Phase.fixed


@export("tf.keras.backend.set_learning_phase")
def set_learning_phase(value: int) -> None:
    """Say what layers take for `training` when nobody tells them. Raises: ValueError for other values than 0 and 1."""
    if value not in {0, 1}:
        raise ValueError(f"Expected learning phase to be 0 or 1; got {value!r}.")
    _Phase.fixed = int(value)
