"""Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: what a convolution's gradient does to its outputs, as a layer. Kernel [window ..., filters, C]."""

from typing import Any

from millstream.keras.layers.convolutional import Conv, spread
from millstream.ops.nn.conv import conv_transpose
from millstream.util.export import export


class _Transpose(Conv):
    """The layers' common part: filters spread every input over a window of outputs.

    The default strides and padding give an output as large as the strides times the input.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, *args, **kwargs)
        self.output_padding = None if output_padding is None else spread(output_padding, self.rank, "output_padding")
        for step, more in zip(self.strides, self.output_padding or (), strict=False):
            if step <= more:
                raise ValueError(f"Stride {self.strides} must be greater than output padding {self.output_padding}")

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias. Raises: ValueError when the channels are unknown."""
        self._add_kernel((*self.kernel_size, self.filters, self._channels(input_shape)))
        self._add_bias(self.filters)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """activation(the transposed convolution + bias)."""
        x, padding = self._entering(inputs)
        sizes = [self._size(int(n), i) for i, n in enumerate(x.shape[1:-1])]
        return self._finished(
            conv_transpose(x, self.kernel, [int(x.shape[0]), *sizes, self.filters], self.strides, padding.upper(), None, self.dilation_rate)
        )

    def _size(self, size: int, axis: int) -> int:
        """The output's size along a spatial axis."""
        step, window = self.strides[axis], (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        if self.output_padding is None:
            return size * step + (max(window - step, 0) if self.padding == "valid" else 0)
        inside = 0 if self.padding == "valid" else window // 2
        return (size - 1) * step + window - 2 * inside + self.output_padding[axis]

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**{k: v for k, v in super().get_config().items() if k != "groups"}, "output_padding": self.output_padding}


@export("tf.keras.layers.Conv1DTranspose", "tf.keras.layers.Convolution1DTranspose")
class Conv1DTranspose(_Transpose):
    """Transposed convolution over sequences: [N, steps, C] -> [N, steps * strides, filters]. Args: those of Conv2DTranspose."""

    rank = 1


@export("tf.keras.layers.Conv2DTranspose", "tf.keras.layers.Convolution2DTranspose")
class Conv2DTranspose(_Transpose):
    """Transposed convolution over images: [N, H, W, C] -> [N, H * strides, W * strides, filters] with padding "same".

    Args: filters; kernel_size; strides; padding; output_padding, further rows and columns; the others are those of Conv2D.
    Raises: ValueError for an output_padding that is not below the strides.
    >>> tf.keras.layers.Conv2DTranspose(3, 5, strides=2, padding="same")(tf.ones((1, 4, 4, 2))).shape
    TensorShape([1, 8, 8, 3])
    """


@export("tf.keras.layers.Conv3DTranspose", "tf.keras.layers.Convolution3DTranspose")
class Conv3DTranspose(_Transpose):
    """Transposed convolution over volumes. Args: those of Conv2DTranspose."""

    rank = 3
