"""BatchNormalization, LayerNormalization: shift and scale to mean 0 and variance 1, then by learnt factors.

y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
"""

from collections.abc import Sequence
from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras import constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import reshape
from millstream.ops.math.arithmetic import rsqrt, square
from millstream.ops.math.reduce import reduce_mean
from millstream.util.export import export

_NAMES = ("beta", "gamma")


class _Normalization(Layer):
    """What both have in common: gamma and beta."""

    supports_masking = True
    _weights_of: tuple[str, ...] = ("beta", "gamma")

    def _take(self, options: dict[str, Any]) -> None:
        """Initializers, regularizers and constraints by their keywords."""
        for key, value in options.items():
            kind = key.rpartition("_")[2]
            read = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}[kind]
            setattr(self, key, read.get(value))

    def _add_scale_and_center(self, shape: Sequence[int], scale: bool, center: bool) -> None:
        self.gamma = self._learnt("gamma", shape) if scale else None
        self.beta = self._learnt("beta", shape) if center else None

    def _learnt(self, name: str, shape: Sequence[int]) -> Any:
        kinds = (getattr(self, f"{name}_{kind}") for kind in ("initializer", "regularizer", "constraint"))
        initializer, regularizer, constraint = kinds
        return self.add_weight(name, shape, self._weight_dtype(), initializer, regularizer, True, constraint)

    def _weight_dtype(self) -> str:
        """Half floats are too coarse for statistics."""
        return "float32" if self._dtype.name in {"float16", "bfloat16"} else self._dtype.name

    def _options(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, module in (("initializer", initializers), ("regularizer", regularizers), ("constraint", constraints)):
            for name in self._weights_of if kind == "initializer" else _NAMES:
                found[f"{name}_{kind}"] = module.serialize(getattr(self, f"{name}_{kind}"))
        return found


def _apply(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    factor = rsqrt(variance + cast(epsilon, variance.dtype))
    if gamma is not None:
        factor = factor * gamma
    shift = -mean * factor if beta is None else beta - mean * factor
    return x * cast(factor, x.dtype) + cast(shift, x.dtype)


@export("tf.keras.layers.BatchNormalization", "tf.keras.layers.experimental.SyncBatchNormalization")
class BatchNormalization(_Normalization):
    """Normalizes each feature over the batch in training, by the moving averages of mean and variance otherwise.

    Args: axis, of the features; momentum, of the moving averages; epsilon; center, scale; initializers, regularizers, constraints.
    While `trainable` is False it always uses the moving averages. Raises: ValueError for an axis that is not there.
    """

    _weights_of = ("beta", "gamma", "moving_mean", "moving_variance")

    def __init__(
        self, axis: Any = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
        renorm_momentum: float = 0.99, fused: bool | None = None, trainable: bool = True, virtual_batch_size: int | None = None,
        adjustment: Any = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, trainable=trainable, **kwargs)
        if renorm or virtual_batch_size is not None or adjustment is not None:
            raise ValueError(
                f"BatchNormalization {self.name}: renorm, virtual_batch_size and adjustment are not supported; leave them out."
            )
        self.axis, self.momentum, self.epsilon, self.center, self.scale, self.fused = axis, momentum, epsilon, center, scale, fused
        self._take({
            "beta_initializer": beta_initializer, "gamma_initializer": gamma_initializer, "moving_mean_initializer": moving_mean_initializer,
            "moving_variance_initializer": moving_variance_initializer, "beta_regularizer": beta_regularizer, "gamma_regularizer": gamma_regularizer,
            "beta_constraint": beta_constraint, "gamma_constraint": gamma_constraint,
        })  # fmt: skip
        self._axes: list[int] = []

    def build(self, input_shape: Any) -> None:
        """Make gamma, beta and the moving averages."""
        sizes = tuple(TensorShape(input_shape))
        self._axes = sorted(_positive(a, len(sizes), self.name) for a in ([self.axis] if isinstance(self.axis, int) else self.axis))
        self.axis = list(self._axes)
        features = {a: sizes[a] for a in self._axes}
        if None in features.values():
            raise ValueError(f"Axis {self.axis} of the inputs of layer {self.name} must have a known size; got shape {sizes}.")
        self.input_spec = InputSpec(ndim=len(sizes), axes=features)
        shape = tuple(n or 0 for n in features.values()) if len(features) == 1 else tuple(features.get(i) or 1 for i in range(len(sizes)))
        self._add_scale_and_center(shape, self.scale, self.center)
        dtype = self._weight_dtype()
        self.moving_mean = self.add_weight("moving_mean", shape, dtype, self.moving_mean_initializer, trainable=False)  # type: ignore[attr-defined]
        self.moving_variance = self.add_weight("moving_variance", shape, dtype, self.moving_variance_initializer, trainable=False)  # type: ignore[attr-defined]
        self.built = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Normalized over the batch in training, by the moving averages otherwise."""
        x = cast(inputs, self._weight_dtype()) if inputs.dtype.name in {"float16", "bfloat16"} else inputs
        if training and self.trainable:
            mean, variance = self._of_batch(x)
        else:
            mean, variance = (self._lined_up(v.read_value(), x) for v in (self.moving_mean, self.moving_variance))
        gamma, beta = (None if v is None else self._lined_up(v.read_value(), x) for v in (self.gamma, self.beta))
        return cast(_apply(x, mean, variance, gamma, beta, self.epsilon), inputs.dtype)

    def _of_batch(self, x: Any) -> tuple[Any, Any]:
        """Mean and variance of the batch; the moving averages go on by a part of them."""
        axes = [i for i in range(x.ndim) if i not in self._axes]
        mean = reduce_mean(x, axis=axes, keepdims=True)
        variance = reduce_mean(square(x - mean), axis=axes, keepdims=True)
        count = 1
        for a in axes:
            count *= int(x.shape[a])
        # The kernel for images, which Keras takes for inputs of four dimensions, estimates the variance without bias.
        unbiased = variance * (count / max(count - 1, 1)) if x.ndim == 4 and self.fused is not False else variance
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, unbiased)):
            now = moving.read_value()
            moving.assign_sub((now - reshape(value, tuple(now.shape))) * cast(1 - self.momentum, now.dtype))
        return mean, variance

    def _lined_up(self, value: Any, x: Any) -> Any:
        """Weights of the features against the axes of x."""
        if self._axes == [x.ndim - 1] or value.ndim == x.ndim:
            return value
        return reshape(value, tuple(n if i in self._axes else 1 for i, n in enumerate(x.shape)))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"axis": self.axis, "momentum": self.momentum, "epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        return {**super().get_config(), **own, **self._options()}


def _positive(axis: int, rank: int, layer: str) -> int:
    if not -rank <= axis < rank:
        raise ValueError(f"Invalid axis: {axis}; the inputs of layer {layer} have {rank} dimensions.")
    return axis % rank


@export("tf.keras.layers.LayerNormalization")
class LayerNormalization(_Normalization):
    """Normalizes each sample over its features. Args: axis, one or several; epsilon; center, scale; initializers, regularizers, constraints.

    >>> tf.keras.layers.LayerNormalization(epsilon=0.0)(tf.constant([[1.0, 3.0]])).numpy().tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
        gamma_constraint: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, trainable=trainable, **kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self.axis, self.epsilon, self.center, self.scale = axis if isinstance(axis, int) else list(axis), epsilon, center, scale
        self._take({
            "beta_initializer": beta_initializer, "gamma_initializer": gamma_initializer, "beta_regularizer": beta_regularizer,
            "gamma_regularizer": gamma_regularizer, "beta_constraint": beta_constraint, "gamma_constraint": gamma_constraint,
        })  # fmt: skip
        self._axes: list[int] = []

    def build(self, input_shape: Any) -> None:
        """Make gamma and beta."""
        sizes = tuple(TensorShape(input_shape))
        self._axes = [_positive(a, len(sizes), self.name) for a in ([self.axis] if isinstance(self.axis, int) else self.axis)]
        if len(set(self._axes)) != len(self._axes):
            raise ValueError(f"Duplicate axis: {self.axis}")
        shape = tuple(sizes[a] or 0 for a in self._axes)
        self._add_scale_and_center(shape, self.scale, self.center)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Normalized over the axes."""
        x = cast(inputs, self._weight_dtype()) if inputs.dtype.name in {"float16", "bfloat16"} else inputs
        mean = reduce_mean(x, axis=self._axes, keepdims=True)
        variance = reduce_mean(square(x - mean), axis=self._axes, keepdims=True)
        line = tuple(n if i in self._axes else 1 for i, n in enumerate(x.shape))
        gamma, beta = (None if v is None else reshape(v.read_value(), line) for v in (self.gamma, self.beta))
        return cast(_apply(x, mean, variance, gamma, beta, self.epsilon), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **self._options(),
        }
