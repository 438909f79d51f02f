"""Noise in training: GaussianNoise, GaussianDropout, AlphaDropout. Otherwise they pass their inputs on."""

from typing import Any

from millstream.keras.layers.base import Layer
from millstream.ops.array.creation import cast
from millstream.ops.math.comparison import greater_equal
from millstream.ops.random.draw import normal, uniform
from millstream.util.export import export

_ALPHA, _SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946  # of selu, whose mean and variance AlphaDropout keeps


@export("tf.keras.layers.GaussianNoise")
class GaussianNoise(Layer):
    """Adds normal numbers of mean 0. Args: stddev."""

    supports_masking = True

    def __init__(self, stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Noisy in training."""
        return inputs + normal(inputs.shape, 0.0, self.stddev, inputs.dtype) if training else inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "stddev": self.stddev}


@export("tf.keras.layers.GaussianDropout")
class GaussianDropout(Layer):
    """Multiplies by normal numbers of mean 1 and standard deviation sqrt(rate / (1 - rate)). Args: rate, between 0 and 1."""

    supports_masking = True

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Noisy in training."""
        if not training or not 0 < self.rate < 1:
            return inputs
        return inputs * normal(inputs.shape, 1.0, (self.rate / (1 - self.rate)) ** 0.5, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "rate": self.rate}


@export("tf.keras.layers.AlphaDropout")
class AlphaDropout(Layer):
    """Dropout that keeps mean and variance of selu's outputs. Args: rate; noise_shape; seed."""

    supports_masking = True

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Dropped in training."""
        if not training or not 0 < self.rate < 1:
            return inputs
        low = -_ALPHA * _SCALE
        shape = inputs.shape if self.noise_shape is None else self.noise_shape
        kept = cast(greater_equal(uniform(shape, seed=self.seed), cast(self.rate, "float32")), inputs.dtype)
        factor = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        mixed = inputs * kept + low * (1.0 - kept)
        return mixed * factor - factor * low * self.rate

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "rate": self.rate}
