"""tf.keras.initializers: callables (shape, dtype) -> a tensor of first values, with TensorFlow 2.4's own random numbers.

Without a seed each call draws the next op seed of the global one (`tf.random.set_seed`); with a seed every call gives
the same numbers, those of the stateless random ops with seed [seed, 0].

    fan_in, fan_out     inputs and outputs per unit: the kernel's last two sizes times the size of its receptive field
"""

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType
from millstream.core.tensor import Tensor
from millstream.keras.backend.compose import number
from millstream.keras.backend.config import dtype_or_default
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.ops.array.creation import constant as constant_tensor
from millstream.ops.array.creation import ones as ones_tensor
from millstream.ops.array.creation import zeros as zeros_tensor
from millstream.ops.array.shape import static_shape
from millstream.util.export import export, publish, space

_TABLE: dict[str, Any] = {}
# a truncated normal number's standard deviation when it is cut off at two of the normal's
_TRUNCATED_STDDEV = 0.87962566103423978


def _initializer(*names: str, plain: tuple[str, ...] = ()) -> Callable[[type], type]:
    """Register a class under tf.keras.initializers and tf.initializers by its name and its lower-case ones, and as tf.<plain>."""

    def register(cls: type) -> type:
        found = (cls.__name__, *names)
        for name in found:
            _TABLE[name] = cls
        publish(cls, *[f"tf.{s}.{n}" for s in ("keras.initializers", "initializers") for n in found], *[f"tf.{n}" for n in plain])
        return cls

    return register


@export("tf.keras.initializers.Initializer", "tf.initializers.Initializer")
class Initializer:
    """Base class: override `__call__(shape, dtype=None)` and, if there are arguments, `get_config`.

    >>> class Sevens(tf.keras.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None, **kwargs):
    ...         return tf.fill(shape, 7.0)
    >>> Sevens()((2,)).numpy().tolist()
    [7.0, 7.0]
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """A tensor of this shape and dtype. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override __call__(shape, dtype=None).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Initializer":
        """An initializer of `get_config`'s result."""
        return cls(**{k: v for k, v in config.items() if k != "dtype"})


# ---------------------------------------------------------------------------------------------- constants
@_initializer("zeros", plain=("zeros_initializer",))
class Zeros(Initializer):
    """Zeros.

    >>> tf.keras.initializers.Zeros()((2,)).numpy().tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """Zeros of this shape. Raises: ValueError for strings."""
        return zeros_tensor(shape, _numeric(dtype))


@_initializer("ones", plain=("ones_initializer",))
class Ones(Initializer):
    """Ones."""

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """Ones of this shape. Raises: ValueError for strings."""
        return ones_tensor(shape, _numeric(dtype))


@_initializer("constant")
class Constant(Initializer):
    """A number everywhere, or the given values in the given shape.

    >>> tf.keras.initializers.Constant(3.0)((2,)).numpy().tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: Any = 0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """The values. Raises: TypeError when their number does not fit the shape."""
        return constant_tensor(np.asarray(self.value), dtype_or_default(dtype), shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"value": self.value}


@export("tf.constant_initializer")
class ConstantOfOwnType(Constant):
    """As `Constant`, but the values keep their own dtype unless one is asked for (`tf.constant_initializer`)."""

    def __init__(self, value: Any = 0) -> None:
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise TypeError(
                f"Invalid type for initial value: {type(value)} (expected Python scalar, list or tuple of values, or numpy.ndarray)."
            )
        super().__init__(value)

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """The values. Raises: TypeError when their number does not fit the shape."""
        return constant_tensor(self.value, dtype, shape)


@_initializer("identity")
class Identity(Initializer):
    """Gain on the diagonal, zero elsewhere: shape [rows, columns] only."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """The matrix. Raises: ValueError for another rank than 2."""
        sizes = static_shape(shape)
        if len(sizes) != 2:
            raise ValueError(f"Identity matrix initializer can only be used for 2D matrices; got shape {sizes}.")
        return wrap(np.eye(*sizes, dtype=_floating(dtype).numpy) * _floating(dtype).as_numpy_dtype(self.gain))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"gain": self.gain}


# ---------------------------------------------------------------------------------------------- random numbers
def _draw(kind: str, shape: Any, seed: Any, dtype: DType, **limits: Any) -> Any:
    """Numbers of tf.random.<kind>, or of its stateless namesake when there is a seed."""
    random = space("random")
    if seed is None:
        return getattr(random, kind)(shape, dtype=dtype, **limits)
    return getattr(random, f"stateless_{kind}")(shape, seed=[int(seed), 0], dtype=dtype, **limits)


@_initializer("random_uniform", "uniform", plain=("random_uniform_initializer",))
class RandomUniform(Initializer):
    """Numbers spread evenly over [minval, maxval); whole ones for an integer dtype."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """The numbers. Raises: ValueError for a dtype that is neither floating nor integer."""
        target = dtype_or_default(dtype)
        if not (target.is_floating or target.is_integer):
            raise ValueError(f"Expected float or integer dtype, got {target}.")
        return _draw("uniform", shape, self.seed, target, minval=self.minval, maxval=self.maxval)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


@_initializer("random_normal", "normal", plain=("random_normal_initializer",))
class RandomNormal(Initializer):
    """Normally distributed numbers."""

    _kind: ClassVar[str] = "normal"

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """The numbers. Raises: ValueError for a dtype that is not floating."""
        return _draw(self._kind, shape, self.seed, _floating(dtype), mean=self.mean, stddev=self.stddev)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


@_initializer("truncated_normal")
class TruncatedNormal(RandomNormal):
    """Normally distributed numbers, those beyond two standard deviations drawn again."""

    _kind: ClassVar[str] = "truncated_normal"


@_initializer("variance_scaling")
class VarianceScaling(Initializer):
    """Random numbers whose variance is scale / n, n being fan_in, fan_out or their mean.

    Args: mode, "fan_in", "fan_out" or "fan_avg"; distribution, "truncated_normal", "untruncated_normal" or "uniform".
    Raises: ValueError for anything else, and for a scale that is not positive.
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None) -> None:
        if scale <= 0.0:
            raise ValueError(f"`scale` must be positive float; got {scale}.")
        if mode not in {"fan_in", "fan_out", "fan_avg"}:
            raise ValueError(f"Invalid `mode` argument: {mode!r}. Choose 'fan_in', 'fan_out' or 'fan_avg'.")
        distribution = "truncated_normal" if str(distribution).lower() == "normal" else str(distribution).lower()
        if distribution not in {"uniform", "truncated_normal", "untruncated_normal"}:
            raise ValueError(
                f"Invalid `distribution` argument: {distribution!r}. Choose 'uniform', 'truncated_normal' or 'untruncated_normal'."
            )
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """The numbers. Raises: ValueError for a dtype that is not floating."""
        target, sizes = _floating(dtype), static_shape(shape)
        fan_in, fan_out = compute_fans(sizes)
        count = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, count)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return _draw("uniform", sizes, self.seed, target, minval=-limit, maxval=limit)
        if self.distribution == "untruncated_normal":
            return _draw("normal", sizes, self.seed, target, mean=0.0, stddev=math.sqrt(variance))
        return _draw("truncated_normal", sizes, self.seed, target, mean=0.0, stddev=math.sqrt(variance) / _TRUNCATED_STDDEV)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}


def compute_fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a kernel's shape.

    >>> compute_fans((3, 3, 8, 16))
    (72, 144)
    """
    if len(shape) < 2:
        only = shape[0] if shape else 1
        return only, only
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class _Scaled(VarianceScaling):
    """A VarianceScaling with fixed arguments, of which only the seed is open."""

    _fixed: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self._fixed, seed)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": self.seed}


@_initializer("glorot_uniform")
class GlorotUniform(_Scaled):
    """Evenly spread, variance 2 / (fan_in + fan_out): the default of most layers (Glorot and Bengio, 2010)."""

    _fixed = (1.0, "fan_avg", "uniform")


@_initializer("glorot_normal")
class GlorotNormal(_Scaled):
    """Truncated normal, variance 2 / (fan_in + fan_out)."""

    _fixed = (1.0, "fan_avg", "truncated_normal")


@_initializer("he_normal")
class HeNormal(_Scaled):
    """Truncated normal, variance 2 / fan_in (He et al., 2015)."""

    _fixed = (2.0, "fan_in", "truncated_normal")


@_initializer("he_uniform")
class HeUniform(_Scaled):
    """Evenly spread, variance 2 / fan_in."""

    _fixed = (2.0, "fan_in", "uniform")


@_initializer("lecun_normal")
class LecunNormal(_Scaled):
    """Truncated normal, variance 1 / fan_in."""

    _fixed = (1.0, "fan_in", "truncated_normal")


@_initializer("lecun_uniform")
class LecunUniform(_Scaled):
    """Evenly spread, variance 1 / fan_in."""

    _fixed = (1.0, "fan_in", "uniform")


@_initializer("orthogonal")
class Orthogonal(Initializer):
    """A random matrix with orthonormal rows or columns (whichever are fewer), times gain; more axes are folded into the rows."""

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain, self.seed = gain, seed

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Tensor:
        """The matrix. Raises: ValueError for fewer than two axes."""
        target, sizes = _floating(dtype), static_shape(shape)
        if len(sizes) < 2:
            raise ValueError(f"The tensor to initialize must be at least two-dimensional; got shape {sizes}.")
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        drawn = _draw("normal", (max(rows, columns), min(rows, columns)), self.seed, target)
        q, r = np.linalg.qr(drawn.numpy())
        q = q * np.sign(np.diag(r))
        return wrap((q.T if rows < columns else q).reshape(sizes).astype(target.numpy) * number(self.gain, target)._array)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"gain": self.gain, "seed": self.seed}


def _floating(dtype: Any) -> DType:
    target: DType = dtype_or_default(dtype)
    if not target.is_floating:
        raise ValueError(f"Expected floating point type, got {target}.")
    return target


def _numeric(dtype: Any) -> DType:
    target: DType = dtype_or_default(dtype)
    if target.name == "string":
        raise ValueError(f"Expected numeric or boolean dtype, got {target}.")
    return target


# ---------------------------------------------------------------------------------------------- by name
_TABLE |= {"zero": Zeros, "one": Ones}


@export("tf.keras.initializers.get", "tf.initializers.get")
def get(identifier: Any) -> Any:
    """The initializer of a name or config; a callable is returned as it is, None as None.

    Raises: ValueError for an unknown name, saying the nearest one.
    >>> type(tf.keras.initializers.get("he_normal")).__name__
    'HeNormal'
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier() if inspect.isclass(identifier) and issubclass(identifier, Initializer) else identifier
    raise ValueError(
        f"Could not interpret initializer identifier: {identifier!r}. Give a name such as 'glorot_uniform', or an initializer."
    )


@export("tf.keras.initializers.deserialize", "tf.initializers.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer of a name or config."""
    return deserialize_keras_object(config, _TABLE, custom_objects, "initializer")


@export("tf.keras.initializers.serialize", "tf.initializers.serialize")
def serialize(initializer: Any) -> Any:
    """The config of an initializer.

    >>> tf.keras.initializers.serialize(tf.keras.initializers.Zeros())
    {'class_name': 'Zeros', 'config': {}}
    """
    return serialize_keras_object(initializer)
