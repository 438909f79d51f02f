"""What all of Keras shares: the default float type, the fuzz factor, unique names, and the small functions of `tf.keras.backend`."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.scope import name_scope
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.util.export import export, publish


class _Config:
    """The settings of `tf.keras.backend`."""

    floatx = "float32"
    epsilon = 1e-7
    image_data_format = "channels_last"
    learning_phase: int | None = None


_counts: dict[str, int] = {}
_on_clear: list[Callable[[], None]] = []
publish(name_scope, "tf.keras.backend.name_scope")


@export("tf.keras.backend.floatx")
def floatx() -> str:
    """The name of the default float type.

    >>> tf.keras.backend.floatx()
    'float32'
    """
    return _Config.floatx


@export("tf.keras.backend.set_floatx")
def set_floatx(value: str) -> None:
    """Set the default float type. Raises: ValueError for other names than float16, float32, float64, bfloat16."""
    if value not in {"float16", "float32", "float64", "bfloat16"}:
        raise ValueError(f"Unknown floatx type: {value}; expected 'float16', 'float32', 'float64' or 'bfloat16'.")
    _Config.floatx = str(value)


@export("tf.keras.backend.epsilon")
def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite."""
    return _Config.epsilon


@export("tf.keras.backend.set_epsilon")
def set_epsilon(value: float) -> None:
    """Set the small number that keeps divisions and logarithms finite."""
    _Config.epsilon = value


@export("tf.keras.backend.image_data_format")
def image_data_format() -> str:
    """Where images have their channels: 'channels_last' or 'channels_first'."""
    return _Config.image_data_format


@export("tf.keras.backend.set_image_data_format")
def set_image_data_format(data_format: str) -> None:
    """Say where images have their channels. Raises: ValueError for another word."""
    if data_format not in {"channels_last", "channels_first"}:
        raise ValueError(f"Unknown data_format: {data_format}; expected 'channels_last' or 'channels_first'.")
    _Config.image_data_format = data_format


# ---------------------------------------------------------------------------------------------- names
@export("tf.keras.backend.get_uid")
def get_uid(prefix: str = "") -> int:
    """The next number for a prefix: 1, 2, ...

    >>> tf.keras.backend.get_uid("an example") + 1 == tf.keras.backend.get_uid("an example")
    True
    """
    _counts[prefix] = _counts.get(prefix, 0) + 1
    return _counts[prefix]


@export("tf.keras.backend.reset_uids")
def reset_uids() -> None:
    """Begin all numbers anew."""
    _counts.clear()


def unique_name(prefix: str, zero_based: bool = True) -> str:
    """A name no layer has had: dense, dense_1, ...; not zero-based: input_1, input_2, ..."""
    number = get_uid(prefix) - zero_based
    return f"{prefix}_{number}" if number else prefix


def snake_case(name: str) -> str:
    """A class's name as a layer's.

    >>> from millstream.keras.backend import snake_case
    >>> snake_case("BatchNormalization"), snake_case("PReLU"), snake_case("_Own")
    ('batch_normalization', 'p_re_lu', 'private__own')
    """
    parted = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()
    return "private" + snake if snake.startswith("_") else snake


@export("tf.keras.backend.clear_session")
def clear_session() -> None:
    """Forget the names given so far, so that the next Dense is called `dense` again."""
    reset_uids()
    _Config.learning_phase = None
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
        from millstream.ops.array.creation import cast

        return cast(x, floatx())
    return np.asarray(x, dtype=floatx())


@export("tf.keras.backend.learning_phase")
def learning_phase() -> int:
    """1 while training is switched on by `set_learning_phase`, else 0."""
    return _Config.learning_phase or 0


def fixed_learning_phase() -> int | None:
    """What `set_learning_phase` said, or None."""
    return _Config.learning_phase


@export("tf.keras.backend.set_learning_phase")
def set_learning_phase(value: int) -> None:
    """Say what layers take for `training` when nobody tells them. Raises: ValueError for other values than 0 and 1."""
    if value not in {0, 1}:
        raise ValueError(f"Expected learning phase to be 0 or 1; got {value!r}.")
    _Config.learning_phase = int(value)
