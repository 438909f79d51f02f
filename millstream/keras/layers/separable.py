"""DepthwiseConv2D, SeparableConv1D, SeparableConv2D: filters for each channel, and then a mixture of channels.

depthwise_kernel [window ..., C, depth_multiplier]   pointwise_kernel [1 ..., C depth_multiplier, filters]
"""

from typing import Any

from millstream.keras import constraints, initializers, regularizers
from millstream.keras.layers.convolutional import Conv, spread
from millstream.ops.array.shape import reshape
from millstream.ops.nn.conv import convolve
from millstream.util.export import export


class _Depthwise(Conv):
    """What both have in common: the kernel of every channel."""

    depth_multiplier: int
    depthwise_kernel: Any

    def _take_depthwise(self, initializer: Any, regularizer: Any, constraint: Any) -> None:
        self.depthwise_initializer = initializers.get(initializer)
        self.depthwise_regularizer = regularizers.get(regularizer)
        self.depthwise_constraint = constraints.get(constraint)

    def _add_depthwise(self, channels: int) -> None:
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), None, self.depthwise_initializer, self.depthwise_regularizer,
            True, self.depthwise_constraint,
        )  # fmt: skip

    def _each_channel(self, inputs: Any) -> Any:
        """Every channel with its own filters."""
        x, padding = self._entering(inputs)
        channels = int(x.shape[-1])
        filters = reshape(self.depthwise_kernel, (*self.kernel_size, 1, channels * self.depth_multiplier))
        return convolve(x, filters, self.strides, padding, self.dilation_rate, channels, "DepthwiseConv2dNative")

    def _depthwise_config(self) -> dict[str, Any]:
        return {
            "depth_multiplier": self.depth_multiplier,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer),
            "depthwise_constraint": constraints.serialize(self.depthwise_constraint),
        }


def _without_kernel(config: dict[str, Any], *more: str) -> dict[str, Any]:
    gone = {"kernel_initializer", "kernel_regularizer", "kernel_constraint", *more}
    return {k: v for k, v in config.items() if k not in gone}


@export("tf.keras.layers.DepthwiseConv2D")
class DepthwiseConv2D(_Depthwise):
    """Convolves every channel by itself: [N, H, W, C] -> [N, P, Q, C depth_multiplier]. Args: kernel_size; depth_multiplier; those of Conv2D.

    >>> tf.keras.layers.DepthwiseConv2D(3, depth_multiplier=2)(tf.ones((1, 5, 5, 4))).shape
    TensorShape([1, 3, 3, 8])
    """

    def __init__(
        self, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", depth_multiplier: int = 1, data_format: str | None = None,
        dilation_rate: Any = (1, 1), activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            None, spread(kernel_size, 2, "kernel_size"), strides, padding, data_format, dilation_rate, 1, activation, use_bias,
            bias_initializer=bias_initializer, bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = depth_multiplier
        self._take_depthwise(depthwise_initializer, depthwise_regularizer, depthwise_constraint)

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias. Raises: ValueError when the channels are unknown."""
        channels = self._channels(input_shape)
        self._add_depthwise(channels)
        self._add_bias(channels * self.depth_multiplier)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """activation(every channel * its filters + bias)."""
        return self._finished(self._each_channel(inputs))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**_without_kernel(super().get_config(), "filters", "groups"), **self._depthwise_config()}


class _Separable(_Depthwise):
    """Depthwise, then pointwise."""

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1,
        depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
        pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, **kwargs,
        )  # fmt: skip
        self.depth_multiplier = depth_multiplier
        self._take_depthwise(depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.pointwise_kernel: Any = None

    def build(self, input_shape: Any) -> None:
        """Make both kernels and the bias. Raises: ValueError when the channels are unknown."""
        channels = self._channels(input_shape)
        self._add_depthwise(channels)
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel", (*[1] * self.rank, channels * self.depth_multiplier, self.filters), None, self.pointwise_initializer,
            self.pointwise_regularizer, True, self.pointwise_constraint,
        )  # fmt: skip
        self._add_bias(self.filters)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """activation(every channel * its filters, mixed, + bias)."""
        return self._finished(convolve(self._each_channel(inputs), self.pointwise_kernel, 1, "valid", 1, 1, f"Conv{self.rank}D"))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        pointwise = {
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "pointwise_regularizer": regularizers.serialize(self.pointwise_regularizer),
            "pointwise_constraint": constraints.serialize(self.pointwise_constraint),
        }
        return {**_without_kernel(super().get_config(), "groups"), **self._depthwise_config(), **pointwise}


@export("tf.keras.layers.SeparableConv1D", "tf.keras.layers.SeparableConvolution1D")
class SeparableConv1D(_Separable):
    """Depthwise convolution over sequences, then a mixture of channels. Args: those of SeparableConv2D; padding may be "causal"."""

    rank = 1
    _causal = True


@export("tf.keras.layers.SeparableConv2D", "tf.keras.layers.SeparableConvolution2D")
class SeparableConv2D(_Separable):
    """Depthwise convolution over images, then a mixture of channels: [N, H, W, C] -> [N, P, Q, filters].

    Args: filters; kernel_size; depth_multiplier; initializers, regularizers and constraints of depthwise, pointwise and bias; those of Conv2D.
    >>> tf.keras.layers.SeparableConv2D(5, 3)(tf.ones((1, 5, 5, 4))).shape
    TensorShape([1, 3, 3, 5])
    """
