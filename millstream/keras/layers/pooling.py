"""Pooling layers: the largest element or the mean of windows, or of all of space. x [N, spatial sizes ..., C]."""

from collections.abc import Callable
from typing import Any, ClassVar

from millstream.keras.layers.base import Layer
from millstream.keras.layers.convolutional import FIRST, padding_word, spread
from millstream.keras.layers.core import data_format_of
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims
from millstream.ops.math.reduce import reduce_max, reduce_mean, reduce_sum
from millstream.ops.nn.pool import avg_pool, max_pool
from millstream.util.export import export


class _Pooling(Layer):
    """Windows that slide; strides None: as far as the window is wide."""

    rank = 2
    _function: ClassVar[Callable[..., Any]] = max_pool

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = spread(pool_size, self.rank, "pool_size")
        self.strides = spread(self.pool_size if strides is None else strides, self.rank, "strides")
        self.padding, self.data_format = padding_word(padding, self.rank, causal=False), data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        """Pooled; channels first is not supported, as in TensorFlow on CPUs."""
        first = FIRST[self.rank] if self.data_format == "channels_first" else None
        return type(self)._function(inputs, self.pool_size, self.strides, self.padding.upper(), first)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"pool_size": self.pool_size, "padding": self.padding, "strides": self.strides, "data_format": self.data_format}
        return {**super().get_config(), **own}


@export("tf.keras.layers.MaxPooling1D", "tf.keras.layers.MaxPool1D")
class MaxPooling1D(_Pooling):
    """The largest element of each window of sequences. Args: pool_size; strides; padding; data_format."""

    rank = 1


@export("tf.keras.layers.MaxPooling2D", "tf.keras.layers.MaxPool2D")
class MaxPooling2D(_Pooling):
    """The largest element of each window of images. Args: pool_size; strides (None: pool_size); padding, "valid" or "same"; data_format.

    >>> tf.keras.layers.MaxPool2D()(tf.ones((1, 5, 5, 3))).shape
    TensorShape([1, 2, 2, 3])
    """


@export("tf.keras.layers.MaxPooling3D", "tf.keras.layers.MaxPool3D")
class MaxPooling3D(_Pooling):
    """The largest element of each window of volumes. Args: those of MaxPooling2D."""

    rank = 3


@export("tf.keras.layers.AveragePooling1D", "tf.keras.layers.AvgPool1D")
class AveragePooling1D(_Pooling):
    """The mean of each window of sequences. Args: those of MaxPooling1D."""

    rank = 1
    _function = avg_pool


@export("tf.keras.layers.AveragePooling2D", "tf.keras.layers.AvgPool2D")
class AveragePooling2D(_Pooling):
    """The mean of each window of images; margins are not counted. Args: those of MaxPooling2D.

    >>> tf.keras.layers.AveragePooling2D(3, strides=2, padding="same")(tf.ones((1, 5, 5, 3))).shape
    TensorShape([1, 3, 3, 3])
    """

    _function = avg_pool


@export("tf.keras.layers.AveragePooling3D", "tf.keras.layers.AvgPool3D")
class AveragePooling3D(_Pooling):
    """The mean of each window of volumes. Args: those of MaxPooling2D."""

    rank = 3
    _function = avg_pool


# ---------------------------------------------------------------------------------------------- all of space
class _Global(Layer):
    """All of space becomes one element for each channel: [N, ..., C] -> [N, C]."""

    rank = 2
    _function: ClassVar[Callable[..., Any]] = reduce_max

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        """One element for each channel."""
        return type(self)._function(inputs, axis=self._axes())

    def _axes(self) -> list[int]:
        first = 1 if self.data_format == "channels_last" else 2
        return list(range(first, first + self.rank))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "data_format": self.data_format}


@export("tf.keras.layers.GlobalMaxPooling1D", "tf.keras.layers.GlobalMaxPool1D")
class GlobalMaxPooling1D(_Global):
    """The largest element of each channel: [N, steps, C] -> [N, C]. Args: data_format."""

    rank = 1


@export("tf.keras.layers.GlobalMaxPooling2D", "tf.keras.layers.GlobalMaxPool2D")
class GlobalMaxPooling2D(_Global):
    """The largest element of each channel: [N, H, W, C] -> [N, C]. Args: data_format."""


@export("tf.keras.layers.GlobalMaxPooling3D", "tf.keras.layers.GlobalMaxPool3D")
class GlobalMaxPooling3D(_Global):
    """The largest element of each channel: [N, D, H, W, C] -> [N, C]. Args: data_format."""

    rank = 3


@export("tf.keras.layers.GlobalAveragePooling1D", "tf.keras.layers.GlobalAvgPool1D")
class GlobalAveragePooling1D(_Global):
    """The mean of each channel over the steps that a mask, if there is one, keeps: [N, steps, C] -> [N, C]. Args: data_format."""

    rank = 1
    supports_masking = True
    _function = reduce_mean

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The mean over the steps."""
        if mask is None:
            return super().call(inputs)
        axis = self._axes()[0]
        weights = expand_dims(cast(mask, inputs.dtype), 2 if axis == 1 else 1)
        return reduce_sum(inputs * weights, axis) / reduce_sum(weights, axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """No steps are left to be masked."""
        return None


@export("tf.keras.layers.GlobalAveragePooling2D", "tf.keras.layers.GlobalAvgPool2D")
class GlobalAveragePooling2D(_Global):
    """The mean of each channel: [N, H, W, C] -> [N, C]. Args: data_format.

    >>> tf.keras.layers.GlobalAveragePooling2D()(tf.ones((2, 5, 5, 3))).shape
    TensorShape([2, 3])
    """

    _function = reduce_mean


@export("tf.keras.layers.GlobalAveragePooling3D", "tf.keras.layers.GlobalAvgPool3D")
class GlobalAveragePooling3D(_Global):
    """The mean of each channel: [N, D, H, W, C] -> [N, C]. Args: data_format."""

    rank = 3
    _function = reduce_mean
