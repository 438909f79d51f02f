"""Settings of Keras: the default float type, the small number that keeps divisions finite, and the order of image axes."""

from typing import Any

from millstream.core.dtypes import as_dtype
from millstream.util.export import export

_settings: dict[str, Any] = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
_FLOATS = ("float16", "float32", "float64")


@export("tf.keras.backend.floatx")
def floatx() -> str:
    """The name of the default float type.

    >>> tf.keras.backend.floatx()
    'float32'
    """
    return str(_settings["floatx"])


@export("tf.keras.backend.set_floatx")
def set_floatx(value: str) -> None:
    """Make another float type the default. Raises: ValueError for anything but float16, float32, float64."""
    if value not in _FLOATS:
        raise ValueError(f"Unknown floatx type: {value}. Choose one of {', '.join(_FLOATS)}.")
    _settings["floatx"] = str(value)


@export("tf.keras.backend.epsilon")
def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite: 1e-7 unless changed."""
    return float(_settings["epsilon"])


@export("tf.keras.backend.set_epsilon")
def set_epsilon(value: float) -> None:
    """Change the small number of `epsilon`."""
    _settings["epsilon"] = value


@export("tf.keras.backend.image_data_format")
def image_data_format() -> str:
    """Where an image's channels stand: "channels_last" or "channels_first"."""
    return str(_settings["image_data_format"])


@export("tf.keras.backend.set_image_data_format")
def set_image_data_format(data_format: str) -> None:
    """Change the place of the channels. Raises: ValueError for an unknown order."""
    if data_format not in {"channels_last", "channels_first"}:
        raise ValueError(f"Unknown data_format: {data_format}. Choose 'channels_last' or 'channels_first'.")
    _settings["image_data_format"] = str(data_format)


def dtype_or_default(dtype: Any) -> Any:
    """A DType of anything that names one; the default float type for None."""
    return as_dtype(floatx() if dtype is None else dtype)
