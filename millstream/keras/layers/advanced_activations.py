"""Activations that are layers, with settings or weights of their own: LeakyReLU, PReLU, ELU, ThresholdedReLU, Softmax, ReLU."""

from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras import activations, constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.creation import cast
from millstream.ops.math.comparison import greater
from millstream.util.export import export


def _needed(value: Any, what: str) -> float:
    """A setting as a float. Raises: ValueError for None."""
    if value is None:
        raise ValueError(f"{what} cannot be None, needs a float. Got None")
    return float(value)


@export("tf.keras.layers.LeakyReLU")
class LeakyReLU(Layer):
    """x for x > 0, else alpha x.

    >>> tf.keras.layers.LeakyReLU(0.5)(tf.constant([-1.0, 2.0])).numpy().tolist()
    [-0.5, 2.0]
    """

    supports_masking = True

    def __init__(self, alpha: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = _needed(alpha, "The alpha value of a Leaky ReLU layer")

    def call(self, inputs: Any) -> Any:
        """Leaky."""
        return activations.relu(inputs, alpha=self.alpha)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "alpha": self.alpha}


@export("tf.keras.layers.PReLU")
class PReLU(Layer):
    """x for x > 0, else alpha x with a learnt alpha for each feature. Args: alpha's initializer, regularizer, constraint; shared_axes, along which alpha is one."""

    supports_masking = True

    def __init__(
        self, alpha_initializer: Any = "zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None, shared_axes: Any = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.alpha_initializer, self.alpha_regularizer = initializers.get(alpha_initializer), regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = None if shared_axes is None else [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)

    def build(self, input_shape: Any) -> None:
        """Make alpha."""
        sizes = list(TensorShape(input_shape))[1:]
        for axis in self.shared_axes or ():
            sizes[axis - 1] = 1
        self.alpha = self.add_weight("alpha", sizes, None, self.alpha_initializer, self.alpha_regularizer, True, self.alpha_constraint)
        self.input_spec = InputSpec(ndim=len(sizes) + 1)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Leaky by alpha."""
        return activations.relu(inputs) - self.alpha * activations.relu(-inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


@export("tf.keras.layers.ELU")
class ELU(Layer):
    """x for x > 0, else alpha (exp(x) - 1)."""

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = _needed(alpha, "The alpha value of an ELU layer")

    def call(self, inputs: Any) -> Any:
        """Exponential below 0."""
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "alpha": self.alpha}


@export("tf.keras.layers.ThresholdedReLU")
class ThresholdedReLU(Layer):
    """x for x > theta, else 0. Raises: ValueError for a negative theta."""

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theta = _needed(theta, "Theta of a Thresholded ReLU layer")
        if self.theta < 0:
            raise ValueError(f"The theta value of a Thresholded ReLU layer should be >=0, got {theta}")

    def call(self, inputs: Any) -> Any:
        """0 up to theta."""
        return inputs * cast(greater(inputs, cast(self.theta, inputs.dtype)), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "theta": self.theta}


@export("tf.keras.layers.Softmax")
class Softmax(Layer):
    """exp(x) / sum(exp(x)) along an axis; with a mask, steps that do not count get 0."""

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Probabilities."""
        if mask is not None:
            inputs = inputs + (cast(1.0, inputs.dtype) - cast(mask, inputs.dtype)) * cast(-1e9, inputs.dtype)
        return activations.softmax(inputs, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "axis": self.axis}


@export("tf.keras.layers.ReLU")
class ReLU(Layer):
    """max(x, 0); at most max_value, and negative_slope (x - threshold) below threshold. Raises: ValueError for negative settings."""

    supports_masking = True

    def __init__(self, max_value: float | None = None, negative_slope: float = 0, threshold: float = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if value is not None and value < 0:
                raise ValueError(f"{name} of Relu layer cannot be negative value: {value}")
        self.max_value = None if max_value is None else float(max_value)
        self.negative_slope, self.threshold = (
            _needed(negative_slope, "negative_slope of Relu layer"),
            _needed(threshold, "threshold of Relu layer"),
        )

    def call(self, inputs: Any) -> Any:
        """Rectified."""
        return activations.relu(inputs, alpha=self.negative_slope, max_value=self.max_value, threshold=self.threshold)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
