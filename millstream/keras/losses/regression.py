"""Losses of real numbers: squares, absolute values, logarithms, angles. y_true, y_pred [..., D] -> [...]"""

import math
from typing import Any

from millstream.core.tensor import convert
from millstream.keras.backend.compose import like, mean_last, number, where
from millstream.keras.backend.config import epsilon, floatx
from millstream.keras.losses.base import LossFunctionWrapper, Reduction, as_predictions, loss_class, loss_function
from millstream.ops.array.creation import cast
from millstream.ops.math import arithmetic, comparison
from millstream.ops.math.exponential import log
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.nn.activation import softplus
from millstream.ops.nn.normalization import l2_normalize


@loss_function("mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_pred - y_true) ** 2) over the last axis.

    >>> tf.keras.losses.mse([[0.0, 1.0]], [[1.0, 1.0]]).numpy().tolist()
    [0.5]
    """
    y_true, y_pred = as_predictions(y_true, y_pred)
    return mean_last(arithmetic.squared_difference(y_pred, y_true))


@loss_function("mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_pred - y_true|) over the last axis."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    return mean_last(abs(y_pred - y_true))


@loss_function("mape", "MAPE")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_pred - y_true| / |y_true|) over the last axis; |y_true| counts as 1e-7 at least."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    relative = abs((y_true - y_pred) / arithmetic.maximum(abs(y_true), like(epsilon(), y_true)))
    return mean_last(relative) * like(100.0, y_pred)


@loss_function("msle", "MSLE")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y_pred + 1) - log(y_true + 1)) ** 2) over the last axis; both count as 1e-7 at least."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    small, one = like(epsilon(), y_pred), like(1.0, y_pred)
    first = log(arithmetic.maximum(y_pred, small) + one)
    second = log(arithmetic.maximum(y_true, small) + one)
    return mean_last(arithmetic.squared_difference(first, second))


@loss_function("huber_loss", metric=False)
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the squared error where it is at most delta, a straight line beyond; its mean over the last axis.

    >>> float(tf.keras.losses.huber([0.0], [3.0]))
    2.5
    """
    y_pred, y_true = cast(y_pred, floatx()), cast(y_true, floatx())
    size = abs(y_pred - y_true)
    half, bound = like(0.5, size), like(delta, size)
    return mean_last(where(comparison.less_equal(size, bound), half * arithmetic.square(size), bound * (size - half * bound)))


@loss_function("logcosh")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    x = y_pred - y_true
    return mean_last(x + softplus(x * like(-2.0, x)) - number(math.log(2.0), x.dtype))


@loss_function(metric=False)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between y_true and y_pred along an axis: -1 for the same direction.

    >>> tf.keras.losses.cosine_similarity([[0.0, 2.0]], [[0.0, 3.0]]).numpy().round(4).tolist()
    [-1.0]
    """
    y_true, y_pred = convert(y_true), convert(y_pred)
    return -reduce_sum(l2_normalize(y_true, axis) * l2_normalize(y_pred, axis), axis=axis)


# ---------------------------------------------------------------------------------------------- classes
@loss_class
class MeanSquaredError(LossFunctionWrapper):
    """Mean squared error.

    >>> float(tf.keras.losses.MeanSquaredError()([[0.0], [2.0]], [[1.0], [2.0]]))
    0.5
    """

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "mean_squared_error") -> None:
        super().__init__(mean_squared_error, reduction, name)


@loss_class
class MeanAbsoluteError(LossFunctionWrapper):
    """Mean absolute error."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "mean_absolute_error") -> None:
        super().__init__(mean_absolute_error, reduction, name)


@loss_class
class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean absolute error in percent of the true value."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "mean_absolute_percentage_error") -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name)


@loss_class
class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean squared error of log(1 + y)."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "mean_squared_logarithmic_error") -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name)


@loss_class
class Huber(LossFunctionWrapper):
    """Squared error near 0, absolute error beyond delta."""

    def __init__(self, delta: float = 1.0, reduction: str = Reduction.AUTO, name: str | None = "huber_loss") -> None:
        super().__init__(huber, reduction, name, delta=delta)


@loss_class
class LogCosh(LossFunctionWrapper):
    """log(cosh(error)): squared error near 0, absolute error far away."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "log_cosh") -> None:
        super().__init__(log_cosh, reduction, name)


@loss_class
class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between labels and predictions."""

    def __init__(self, axis: int = -1, reduction: str = Reduction.AUTO, name: str | None = "cosine_similarity") -> None:
        super().__init__(cosine_similarity, reduction, name, axis=axis)
