"""tf.keras.constraints: what a weight is put through after each update. weights[...] -> the same shape."""

from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.keras.backend.compose import clip, like
from millstream.keras.backend.config import epsilon
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.ops.array.creation import cast, stack
from millstream.ops.array.shape import reshape
from millstream.ops.math.arithmetic import sqrt, square
from millstream.ops.math.comparison import greater_equal
from millstream.ops.math.reduce import reduce_sum
from millstream.util.export import export


@export("tf.keras.constraints.Constraint")
class Constraint:
    """Base class: override `__call__(w)`, which returns the constrained weight."""

    def __call__(self, w: Any) -> Any:
        """The constrained weight. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override __call__(w).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}


def _norms(w: Tensor, axis: Any) -> Any:
    """Euclidean lengths along an axis or several, with size 1 there."""
    return sqrt(reduce_sum(square(w), axis=axis, keepdims=True))


@export("tf.keras.constraints.MaxNorm", "tf.keras.constraints.max_norm")
class MaxNorm(Constraint):
    """Scales vectors along `axis` down to a length of at most max_value.

    >>> tf.keras.constraints.MaxNorm(1.0)(tf.constant([[3.0], [4.0]])).numpy().round(4).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        """The constrained weight."""
        w = convert(w)
        norms = _norms(w, self.axis)
        return w * (clip(norms, 0, self.max_value) / (like(epsilon(), w) + norms))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


@export("tf.keras.constraints.NonNeg", "tf.keras.constraints.non_neg")
class NonNeg(Constraint):
    """Sets negative weights to zero."""

    def __call__(self, w: Any) -> Any:
        """The constrained weight."""
        w = convert(w)
        return w * cast(greater_equal(w, like(0, w)), w.dtype)


@export("tf.keras.constraints.UnitNorm", "tf.keras.constraints.unit_norm")
class UnitNorm(Constraint):
    """Scales vectors along `axis` to length 1."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """The constrained weight."""
        w = convert(w)
        return w / (like(epsilon(), w) + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"axis": self.axis}


@export("tf.keras.constraints.MinMaxNorm", "tf.keras.constraints.min_max_norm")
class MinMaxNorm(Constraint):
    """Moves the length of vectors along `axis` towards [min_value, max_value]: all the way with rate 1, part of it below."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        """The constrained weight."""
        w = convert(w)
        norms = _norms(w, self.axis)
        rate = like(self.rate, w)
        wanted = rate * clip(norms, self.min_value, self.max_value) + (like(1, w) - rate) * norms
        return w * (wanted / (like(epsilon(), w) + norms))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


@export("tf.keras.constraints.RadialConstraint", "tf.keras.constraints.radial_constraint")
class RadialConstraint(Constraint):
    """Gives each ring of a square kernel [size, size, ...] one value, taken from the kernel's diagonal."""

    def __call__(self, w: Any) -> Any:
        """The constrained weight. Raises: ValueError for a kernel of another rank than 4."""
        w = convert(w)
        if w.ndim != 4:
            raise ValueError(f"The weight tensor must be of rank 4, but is of shape {w.shape}.")
        height, width, channels, kernels = (int(n) for n in w.shape)
        flat = reshape(w, (height, width, channels * kernels))
        return reshape(_rings(flat, height), (height, width, channels, kernels))


def _rings(w: Any, size: int) -> Any:
    """w[size, size, C] with each ring filled by one value of its diagonal, TensorFlow's choice: one place before the ring for the
    innermost, on the lower right of it for the others of an even size, one place further in for those of an odd size.
    """
    start, count = size // 2, (size + 1) // 2

    def value(i: int, j: int) -> Any:
        inside = count - 1 - min(i, j, size - 1 - i, size - 1 - j)
        at = start + inside - size % 2 if inside else start - 1
        return w[at, at]

    return stack([stack([value(i, j) for j in range(size)]) for i in range(size)])


# ---------------------------------------------------------------------------------------------- by name
_TABLE: dict[str, Any] = {c.__name__: c for c in (Constraint, MaxNorm, NonNeg, UnitNorm, MinMaxNorm, RadialConstraint)}
_TABLE |= {"max_norm": MaxNorm, "maxnorm": MaxNorm, "non_neg": NonNeg, "nonneg": NonNeg, "unit_norm": UnitNorm, "unitnorm": UnitNorm}
_TABLE |= {"min_max_norm": MinMaxNorm, "radial_constraint": RadialConstraint}


@export("tf.keras.constraints.get")
def get(identifier: Any) -> Any:
    """The constraint of a name or config; a callable is returned as it is, None as None.

    Raises: ValueError for an unknown name, saying the nearest one.
    >>> tf.keras.constraints.get("max_norm").get_config()
    {'max_value': 2, 'axis': 0}
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret constraint identifier: {identifier!r}. Give a name such as 'non_neg', or a constraint.")


@export("tf.keras.constraints.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint of a name or config."""
    return deserialize_keras_object(config, _TABLE, custom_objects, "constraint")


@export("tf.keras.constraints.serialize")
def serialize(constraint: Any) -> Any:
    """The config of a constraint."""
    return serialize_keras_object(constraint)
