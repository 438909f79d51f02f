"""Layers that reshape, repeat, mask or pass on: Flatten, Reshape, Permute, RepeatVector, Activation, Dropout, Masking, ActivityRegularization."""

from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras import activations, regularizers
from millstream.keras.backend.config import image_data_format
from millstream.keras.layers.base import Layer
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims, reshape, transpose
from millstream.ops.math.comparison import not_equal
from millstream.ops.math.reduce import reduce_any
from millstream.ops.nn.dropout import dropout
from millstream.util.export import export


@export("tf.keras.layers.Flatten")
class Flatten(Layer):
    """All dimensions but the batch in one: [batch, ...] -> [batch, product]. Args: data_format, whether channels stand last or first.

    >>> tf.keras.layers.Flatten()(tf.ones((2, 3, 4))).shape
    TensorShape([2, 12])
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"

    def call(self, inputs: Any) -> Any:
        """Row by row, channels last."""
        sizes = tuple(inputs.shape)
        if self._channels_first and len(sizes) > 2:
            inputs = transpose(inputs, (0, *range(2, len(sizes)), 1))
        count = 1
        for n in sizes[1:]:
            count *= n
        return reshape(inputs, (sizes[0], count))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "data_format": self.data_format}


def data_format_of(value: str | None) -> str:
    """'channels_last' or 'channels_first'; None stands for the setting. Raises: ValueError for another word."""
    chosen = (value or image_data_format()).lower()
    if chosen not in {"channels_first", "channels_last"}:
        raise ValueError(f'The `data_format` argument must be one of "channels_first", "channels_last". Received: {value}')
    return chosen


@export("tf.keras.layers.Reshape")
class Reshape(Layer):
    """The rows of the batch in another shape. Args: target_shape, without the batch; one size may be -1.

    Raises: ValueError when the number of elements differs.
    >>> tf.keras.layers.Reshape((2, -1))(tf.ones((5, 6))).shape
    TensorShape([5, 2, 3])
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape) if isinstance(target_shape, (tuple, list, TensorShape)) else (int(target_shape),)

    def call(self, inputs: Any) -> Any:
        """The same elements, row by row."""
        return reshape(inputs, (inputs.shape[0], *self._sizes(tuple(inputs.shape[1:]))))

    def _sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        have = _product(sizes)
        known = _product(tuple(n for n in self.target_shape if n != -1))
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"Layer {self.name}: only one size of target_shape may be -1; got {self.target_shape}.")
        if (have % known if known else have) if -1 in self.target_shape else have != known:
            raise ValueError(
                f"Layer {self.name} cannot reshape inputs of shape {(None, *sizes)} ({have} numbers a row) to {self.target_shape}: "
                "total size of new array must be unchanged. Choose sizes whose product is the same, or put -1 for one of them."
            )
        return tuple(have // known if n == -1 else n for n in self.target_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "target_shape": self.target_shape}


def _product(sizes: tuple[int, ...]) -> int:
    count = 1
    for n in sizes:
        count *= n
    return count


@export("tf.keras.layers.Permute")
class Permute(Layer):
    """The dimensions of each row in another order. Args: dims, counted from 1. Raises: ValueError when they are not 1 to n.

    >>> tf.keras.layers.Permute((2, 1))(tf.ones((5, 3, 4))).shape
    TensorShape([5, 4, 3])
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"Invalid permutation `dims` for Permute Layer: {dims}. The set of indices in `dims` must be consecutive and start from 1."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        """Transpose all but the batch."""
        return transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "dims": self.dims}


@export("tf.keras.layers.RepeatVector")
class RepeatVector(Layer):
    """Each row n times: [batch, features] -> [batch, n, features]. Raises: TypeError when n is no whole number.

    >>> tf.keras.layers.RepeatVector(3)(tf.ones((2, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        """A new dimension of size n."""
        from millstream.ops.array.join import tile

        return tile(expand_dims(inputs, 1), (1, self.n, 1))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "n": self.n}


@export("tf.keras.layers.Activation")
class Activation(Layer):
    """An activation by itself. Args: activation, a name or a function.

    >>> tf.keras.layers.Activation("relu")(tf.constant([-1.0, 2.0])).numpy().tolist()
    [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        """The function of the inputs."""
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


@export("tf.keras.layers.Dropout")
class Dropout(Layer):
    """In training, zeros a part of the inputs at random and scales the rest by 1 / (1 - rate); otherwise passes them on.

    Args: rate, between 0 and 1; noise_shape, where sizes of 1 share one draw; seed. Raises: ValueError for another rate.
    >>> tf.keras.layers.Dropout(0.5)(tf.ones((2,))).numpy().tolist()
    [1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(f"Dropout layer {self.name} got rate={rate}; the part to drop lies between 0 and 1.")
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Dropped in training, passed on otherwise."""
        if not training:
            return inputs
        return dropout(inputs, rate=self.rate, noise_shape=self._noise_shape(inputs), seed=self.seed)

    def _noise_shape(self, inputs: Any) -> Any:
        if self.noise_shape is None:
            return None
        return [size if wanted is None else wanted for wanted, size in zip(self.noise_shape, inputs.shape, strict=True)]

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}


class _SpatialDropout(Dropout):
    """Dropout of whole channels."""

    _ndim = 3

    def __init__(self, rate: float, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(rate, **kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self._ndim)

    def _noise_shape(self, inputs: Any) -> Any:
        sizes, ones = tuple(inputs.shape), (1,) * (self._ndim - 2)
        return (*sizes[:2], *ones) if self.data_format == "channels_first" else (sizes[0], *ones, sizes[-1])


@export("tf.keras.layers.SpatialDropout1D")
class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole features: one draw for all steps. Input [batch, steps, features]."""

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(rate, "channels_last", **kwargs)


@export("tf.keras.layers.SpatialDropout2D")
class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images. Input [batch, rows, columns, channels]."""

    _ndim = 4


@export("tf.keras.layers.SpatialDropout3D")
class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes."""

    _ndim = 5


@export("tf.keras.layers.Masking")
class Masking(Layer):
    """Marks the steps whose features all equal mask_value, so that layers which know masks skip them.

    >>> tf.keras.layers.Masking()(tf.constant([[[1.0], [0.0]]]))._keras_mask.numpy().tolist()
    [[True, False]]
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """True where a step counts."""
        return reduce_any(not_equal(inputs, cast(self.mask_value, inputs.dtype)), axis=-1)

    def call(self, inputs: Any) -> Any:
        """The inputs, with zeros for the steps that do not count."""
        counts = reduce_any(not_equal(inputs, cast(self.mask_value, inputs.dtype)), axis=-1, keepdims=True)
        return inputs * cast(counts, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "mask_value": self.mask_value}


@export("tf.keras.layers.ActivityRegularization")
class ActivityRegularization(Layer):
    """Adds a penalty on the inputs to the loss. Args: l1, l2, factors of the sums of magnitudes and of squares."""

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "l1": self.l1, "l2": self.l2}
