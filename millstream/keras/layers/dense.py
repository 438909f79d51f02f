"""Dense: y = activation(x kernel + bias).   x [..., in], kernel [in, units], bias [units]."""

from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras import activations, constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import reshape
from millstream.ops.nn.matmul import matmul
from millstream.util.export import export


@export("tf.keras.layers.Dense")
class Dense(Layer):
    """Fully connected layer. Input [..., in] -> output [..., units].

    Args: units; activation, a name or a function; use_bias; initializers, regularizers and constraints of kernel and bias;
    activity_regularizer, of the outputs. Raises: ValueError for units that are no positive number, TypeError for inputs that are no numbers.
    >>> tf.keras.layers.Dense(3)(tf.ones((2, 4))).shape
    TensorShape([2, 3])
    """

    supports_masking = True

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = int(units)
        if self.units < 1:
            raise ValueError(f"Dense layer {self.name} needs at least one unit; got units={units}. Pass a positive whole number.")
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.kernel: Any = None
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias. Raises: ValueError when the last size is unknown."""
        if not self._dtype.is_floating and not self._dtype.is_complex:
            raise TypeError(f"Unable to build `Dense` layer with non-floating point dtype {self._dtype}")
        size = TensorShape(input_shape)[-1]
        if size is None:
            raise ValueError("The last dimension of the inputs to `Dense` should be defined. Found `None`.")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self.kernel = self.add_weight(
            "kernel", (size, self.units), None, self.kernel_initializer, self.kernel_regularizer, True, self.kernel_constraint
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.units,), None, self.bias_initializer, self.bias_regularizer, True, self.bias_constraint
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """activation(inputs kernel + bias)."""
        x = inputs if inputs.dtype is self._compute_dtype else cast(inputs, self._compute_dtype)
        y = matmul(x, self.kernel.read_value()) if x.ndim == 2 else self._over_last(x)
        if self.use_bias:
            y = y + self.bias.read_value()
        return self.activation(y)

    def _over_last(self, x: Any) -> Any:
        """The product over the last dimension of an input of more than two."""
        rows = reshape(x, (-1, x.shape[-1]))
        return reshape(matmul(rows, self.kernel.read_value()), (*x.shape[:-1], self.units))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """[..., in] -> [..., units]."""
        return TensorShape(input_shape)[:-1].concatenate(self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        config = {"units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        for what in ("kernel", "bias"):
            config[f"{what}_initializer"] = initializers.serialize(getattr(self, f"{what}_initializer"))
        for what in ("kernel", "bias", "activity"):
            config[f"{what}_regularizer"] = regularizers.serialize(getattr(self, f"{what}_regularizer"))
        for what in ("kernel", "bias"):
            config[f"{what}_constraint"] = constraints.serialize(getattr(self, f"{what}_constraint"))
        return {**super().get_config(), **config}
