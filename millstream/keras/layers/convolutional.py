"""Conv1D, Conv2D, Conv3D: y = activation(x * kernel + bias).   x [N, spatial sizes ..., C], kernel [window ..., C / groups, filters]."""

from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras import activations, constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.keras.layers.core import data_format_of
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.creation import cast
from millstream.ops.array.join import pad
from millstream.ops.nn.conv import convolve
from millstream.ops.nn.windows import channels_last
from millstream.util.export import export

FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def spread(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """A whole number, or one for each spatial dimension, as one for each. Raises: ValueError for another count or other things."""
    if isinstance(value, int):
        return (value,) * rank
    try:
        found = tuple(int(v) for v in value)
    except (TypeError, ValueError):
        found = ()
    if len(found) != rank:
        raise ValueError(f"The `{name}` argument must be a tuple of {rank} integers. Received: {value}")
    return found


def padding_word(value: Any, rank: int, causal: bool) -> str:
    """ "valid", "same" or, in one dimension, "causal". Raises: ValueError for another word."""
    word = value.lower() if isinstance(value, str) else value
    if word == "causal" and not causal:
        raise ValueError("Causal padding is only supported for `Conv1D`and `SeparableConv1D`.")
    if word not in {"valid", "same", "causal"}:
        raise ValueError(
            f'The `padding` argument must be a list/tuple or one of "valid", "same" (or "causal", only for `Conv1D). Received: {value}'
        )
    return str(word)


class Conv(Layer):
    """What convolution layers have in common: their arguments, checked, and what is done after the sum of products."""

    rank = 2
    _causal = False

    def __init__(
        self, filters: Any, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1,
        groups: int = 1, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer), **kwargs)
        self.filters: Any = int(filters) if isinstance(filters, float) else filters
        self.groups = groups or 1
        self._check_filters()
        self._slide(kernel_size, strides, padding, data_format, dilation_rate)
        self.activation: Any = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)
        self.kernel: Any = None
        self.bias: Any = None

    def _check_filters(self) -> None:
        if self.filters is not None and self.filters < 1:
            raise ValueError(
                f"{type(self).__name__} layer {self.name} needs at least one filter; got filters={self.filters}. Pass a positive whole number."
            )
        if self.filters is not None and self.filters % self.groups:
            raise ValueError(
                f"The number of filters must be evenly divisible by the number of groups. Received: groups={self.groups}, filters={self.filters}"
            )

    def _slide(self, kernel_size: Any, strides: Any, padding: Any, data_format: str | None, dilation_rate: Any) -> None:
        """Take the arguments that say how the window slides."""
        self.kernel_size = spread(kernel_size, self.rank, "kernel_size")
        if not all(self.kernel_size):
            raise ValueError(f"The argument `kernel_size` cannot contain 0(s). Received: {self.kernel_size}")
        self.strides = spread(strides, self.rank, "strides")
        self.dilation_rate = spread(dilation_rate, self.rank, "dilation_rate")
        self.padding, self.data_format = padding_word(padding, self.rank, self._causal), data_format_of(data_format)

    # ------------------------------------------------------------------ build
    def _channels(self, input_shape: Any) -> int:
        """The inputs' channels, which are fixed from then on. Raises: ValueError when they are unknown."""
        axis = -1 if self.data_format == "channels_last" else 1
        size = TensorShape(input_shape)[axis]
        if size is None:
            raise ValueError("The channel dimension of the inputs should be defined. Found `None`.")
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: size})
        return int(size)

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias. Raises: ValueError for channels that the groups do not divide, or of unknown number."""
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels (full input shape is {input_shape})."
            )
        self._add_kernel((*self.kernel_size, channels // self.groups, self.filters))
        self._add_bias(self.filters)
        self.built = True

    def _add_kernel(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight("kernel", shape, None, self.kernel_initializer, self.kernel_regularizer, True, self.kernel_constraint)

    def _add_bias(self, count: int) -> None:
        if self.use_bias:
            self.bias = self.add_weight("bias", (count,), None, self.bias_initializer, self.bias_regularizer, True, self.bias_constraint)

    # ------------------------------------------------------------------ call
    def call(self, inputs: Any) -> Any:
        """activation(inputs * kernel + bias)."""
        x, padding = self._entering(inputs)
        y = convolve(x, self.kernel, self.strides, padding, self.dilation_rate, self.groups, f"Conv{self.rank}D")
        return self._finished(y)

    def _entering(self, inputs: Any) -> tuple[Any, str]:
        """The inputs in the layer's dtype, with the zeros before the first step that causal padding means; and the padding that is left to do."""
        if self.data_format == "channels_first":
            channels_last(FIRST[self.rank], self.rank, f"Conv{self.rank}D")
        x = inputs if inputs.dtype is self._compute_dtype else cast(inputs, self._compute_dtype)
        if self.padding != "causal":
            return x, self.padding
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        return pad(x, [[0, 0], [before, 0], [0, 0]]), "valid"

    def _finished(self, y: Any) -> Any:
        if self.use_bias:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {
            name: getattr(self, name) for name in ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups")
        }
        own |= {"activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        for kind, module in (("initializer", initializers), ("regularizer", regularizers), ("constraint", constraints)):
            for name in ("kernel", "bias", "activity") if kind == "regularizer" else ("kernel", "bias"):
                own[f"{name}_{kind}"] = module.serialize(getattr(self, f"{name}_{kind}"))
        return {**super().get_config(), **own}


@export("tf.keras.layers.Conv1D", "tf.keras.layers.Convolution1D")
class Conv1D(Conv):
    """Convolution over sequences: [N, steps, C] -> [N, steps, filters].

    Args: filters; kernel_size; strides; padding, "valid", "same" or "causal" (no step sees later ones); dilation_rate; groups; activation;
    use_bias; initializers, regularizers, constraints. Raises: ValueError for arguments that do not fit.
    >>> tf.keras.layers.Conv1D(3, 2)(tf.ones((1, 5, 4))).shape
    TensorShape([1, 4, 3])
    """

    rank = 1
    _causal = True

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str = "channels_last", dilation_rate: Any = 1,
        groups: int = 1, activation: Any = None, use_bias: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, **kwargs)


@export("tf.keras.layers.Conv2D", "tf.keras.layers.Convolution2D")
class Conv2D(Conv):
    """Convolution over images: [N, H, W, C] -> [N, P, Q, filters].

    Args: filters; kernel_size; strides; padding, "valid" or "same"; data_format (channels last only); dilation_rate; groups; activation;
    use_bias; initializers, regularizers, constraints. Raises: ValueError for arguments that do not fit.
    >>> tf.keras.layers.Conv2D(3, 2, padding="same", activation="relu")(tf.ones((1, 5, 5, 4))).shape
    TensorShape([1, 5, 5, 3])
    """


@export("tf.keras.layers.Conv3D", "tf.keras.layers.Convolution3D")
class Conv3D(Conv):
    """Convolution over volumes: [N, D, H, W, C] -> [N, O, P, Q, filters]. Args: those of Conv2D.

    >>> tf.keras.layers.Conv3D(3, 2)(tf.ones((1, 3, 3, 3, 2))).shape
    TensorShape([1, 2, 2, 2, 3])
    """

    rank = 3
