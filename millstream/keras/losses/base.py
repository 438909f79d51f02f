"""What losses share: the class `Loss`, reductions, weights, and the matching of shapes.

y_true, y_pred [batch, ..., D]  ->  losses [batch, ...]  ->  times weights  ->  summed, averaged, or left as they are
"""

from collections.abc import Callable
from typing import Any, ClassVar

from millstream.core.dtypes import float32
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims, squeeze
from millstream.ops.math.comparison import is_tensor_like
from millstream.ops.math.reduce import reduce_mean, reduce_sum
from millstream.util.export import export


@export("tf.keras.losses.Reduction", "tf.losses.Reduction")
class Reduction:
    """How the losses of a batch become one number."""

    AUTO: ClassVar[str] = "auto"
    NONE: ClassVar[str] = "none"
    SUM: ClassVar[str] = "sum"
    SUM_OVER_BATCH_SIZE: ClassVar[str] = "sum_over_batch_size"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """Every reduction there is."""
        return (cls.AUTO, cls.NONE, cls.SUM, cls.SUM_OVER_BATCH_SIZE)

    @classmethod
    def validate(cls, key: Any) -> None:
        """Raises: ValueError for what is no reduction."""
        if key not in cls.all():
            raise ValueError(f"Invalid Reduction Key {key}. Choose one of {', '.join(cls.all())}.")


@export("tf.keras.losses.Loss", "tf.losses.Loss")
class Loss:
    """Base class: override `call(y_true, y_pred)`, which returns a loss per sample.

    Args: reduction, one of `Reduction`; name.   Raises: ValueError for another reduction.
    >>> class Distance(tf.keras.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    >>> float(Distance()(tf.constant([[1.0], [2.0]]), tf.constant([[1.0], [4.0]])))
    1.0
    """

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = None) -> None:
        Reduction.validate(reduction)
        self.reduction, self.name = reduction, name

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss: a scalar, or one per sample with reduction "none".

        Args: sample_weight, a number, or a tensor that broadcasts to the losses [batch, ...].
        """
        return compute_weighted_loss(self.call(y_true, y_pred), sample_weight, self._get_reduction())

    def _get_reduction(self) -> str:
        return Reduction.SUM_OVER_BATCH_SIZE if self.reduction == Reduction.AUTO else self.reduction

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss per sample. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override call(y_true, y_pred).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"reduction": self.reduction, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Loss":
        """A loss of `get_config`'s result."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A loss made of a function fn(y_true, y_pred, **kwargs) that returns a loss per sample."""

    def __init__(self, fn: Callable[..., Any], reduction: str = Reduction.AUTO, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(reduction, name)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The function's result, after a superfluous last axis of size 1 has been dropped."""
        if is_tensor_like(y_true) and is_tensor_like(y_pred):
            y_true, y_pred = drop_last_of_one(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the function's included."""
        return {**super().get_config(), **{k: v.numpy() if hasattr(v, "numpy") else v for k, v in self._fn_kwargs.items()}}


# ---------------------------------------------------------------------------------------------- shapes
def drop_last_of_one(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both tensors; where one has one axis more, and that of size 1, without it: [N] and [N, 1] mean the same labels."""
    more = y_pred.ndim - y_true.ndim
    if more == 1 and y_pred.shape[-1] == 1:
        y_pred = squeeze(y_pred, [-1])
    elif more == -1 and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, [-1])
    return y_true, y_pred


def fit_weight(weight: Tensor, rank: int) -> Any:
    """A weight with the rank of the values when it has one axis too many or too few; scalars stay."""
    if weight.ndim == 0:
        return weight
    if weight.ndim - rank == 1:
        return squeeze(weight, [-1])
    return expand_dims(weight, -1) if rank - weight.ndim == 1 else weight


def compute_weighted_loss(losses: Any, sample_weight: Any = None, reduction: str = Reduction.SUM_OVER_BATCH_SIZE) -> Any:
    """Losses times weights, reduced. As in TensorFlow this happens in float32; the result has the losses' dtype.

    Raises: InvalidArgumentError when the weights do not broadcast to the losses.
    """
    losses = convert(losses)
    values = cast(losses, float32)
    if sample_weight is not None:
        values = values * fit_weight(cast(sample_weight, float32), values.ndim)
    if reduction == Reduction.SUM or (reduction != Reduction.NONE and 0 in tuple(values.shape)):
        values = reduce_sum(values)
    elif reduction != Reduction.NONE:
        values = reduce_mean(values)
    return cast(values, losses.dtype)


def loss_function(*names: str, metric: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function (y_true, y_pred) -> loss per sample under tf.keras.losses and tf.losses, and as a metric's function too."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        spaces = ("keras.losses", "losses", "keras.metrics", "metrics") if metric else ("keras.losses", "losses")
        found = (function.__name__, *names)
        FUNCTIONS.update(dict.fromkeys(found, function))
        return export(*[f"tf.{s}.{n}" for s in spaces for n in found])(function)

    return register


def loss_class(cls: type) -> type:
    """Register a loss under tf.keras.losses and tf.losses."""
    FUNCTIONS[cls.__name__] = cls
    return export(f"tf.keras.losses.{cls.__name__}", f"tf.losses.{cls.__name__}")(cls)


FUNCTIONS: dict[str, Any] = {}


def as_predictions(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors, the labels in the predictions' dtype."""
    y_pred = convert(y_pred)
    return cast(y_true, y_pred.dtype), y_pred
