"""Losses of margins, for labels -1 and 1 (0 and 1 are taken for these) or one-hot. y_true, y_pred [..., D] -> [...]"""

from typing import Any

from millstream.keras.backend.compose import like, mean_last, where
from millstream.keras.losses.base import LossFunctionWrapper, Reduction, as_predictions, loss_class, loss_function
from millstream.ops.math import arithmetic, comparison
from millstream.ops.math.reduce import reduce_all, reduce_max, reduce_sum


def _signs(y_true: Any) -> Any:
    """Labels as -1 and 1: when all of them are 0 or 1, 0 becomes -1."""
    zero, one = like(0, y_true), like(1, y_true)
    binary = reduce_all(comparison.logical_or(comparison.equal(y_true, zero), comparison.equal(y_true, one)))
    return where(binary, y_true + y_true - one, y_true)


def _shortfall(y_true: Any, y_pred: Any) -> Any:
    """max(1 - y_true * y_pred, 0)."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    return arithmetic.maximum(like(1, y_pred) - _signs(y_true) * y_pred, like(0, y_pred))


@loss_function()
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis.

    >>> float(tf.keras.losses.hinge([-1.0, 1.0], [0.5, 1.0]))
    0.75
    """
    return mean_last(_shortfall(y_true, y_pred))


@loss_function()
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0) ** 2) over the last axis."""
    return mean_last(arithmetic.square(_shortfall(y_true, y_pred)))


@loss_function(metric=False)
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """How far the best wrong class comes within 1 of the right one: max(neg - pos + 1, 0). y_true one-hot [..., C]."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    one = like(1, y_pred)
    right = reduce_sum(y_true * y_pred, axis=-1)
    wrong = reduce_max((one - y_true) * y_pred, axis=-1)
    return arithmetic.maximum(like(0, y_pred), wrong - right + one)


@loss_class
class Hinge(LossFunctionWrapper):
    """max(1 - y_true * y_pred, 0)."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "hinge") -> None:
        super().__init__(hinge, reduction, name)


@loss_class
class SquaredHinge(LossFunctionWrapper):
    """max(1 - y_true * y_pred, 0) ** 2."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "squared_hinge") -> None:
        super().__init__(squared_hinge, reduction, name)


@loss_class
class CategoricalHinge(LossFunctionWrapper):
    """Margin between the right class and the best wrong one."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "categorical_hinge") -> None:
        super().__init__(categorical_hinge, reduction, name)
