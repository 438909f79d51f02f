"""Accuracies: how often predictions match labels. y_true, y_pred [..., C classes] -> 1.0 or 0.0 per sample."""

from collections.abc import Callable
from typing import Any

from millstream.core.tensor import convert
from millstream.keras.backend.compose import like, mean_last, where
from millstream.keras.backend.config import floatx
from millstream.keras.losses.base import drop_last_of_one
from millstream.keras.metrics.base import MeanMetricWrapper, metric_class
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims, reshape, squeeze
from millstream.ops.math.comparison import equal, greater, less, logical_and
from millstream.ops.math.reduce import argmax, reduce_sum
from millstream.ops.nn.softmax import label_in_range, one_hot_like
from millstream.util.export import export

FUNCTIONS: dict[str, Any] = {}


def metric_function(*names: str, public: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function for `get`, and under tf.keras.metrics and tf.metrics when it is public."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        found = (function.__name__, *names)
        FUNCTIONS.update(dict.fromkeys(found, function))
        return export(*[f"tf.{s}.{n}" for s in ("keras.metrics", "metrics") for n in found])(function) if public else function

    return register


@metric_function("acc", "ACC", public=False)
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where label and prediction are equal. Raises: ValueError when their shapes differ."""
    y_true, y_pred = drop_last_of_one(convert(y_true), convert(y_pred))
    y_pred.shape.assert_is_compatible_with(y_true.shape)
    return cast(equal(y_true, cast(y_pred, y_true.dtype)), floatx())


@metric_function()
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """The share of labels over the last axis that equal the prediction, which is 1 above the threshold and 0 elsewhere.

    >>> tf.keras.metrics.binary_accuracy([[1.0], [0.0]], [[0.8], [0.6]]).numpy().tolist()
    [1.0, 0.0]
    """
    y_pred = convert(y_pred)
    guess = cast(greater(y_pred, like(threshold, y_pred)), y_pred.dtype)
    return mean_last(cast(equal(cast(y_true, y_pred.dtype), guess), floatx()))


@metric_function()
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction stands where the largest label does.

    >>> tf.keras.metrics.categorical_accuracy([[0, 1]], [[0.2, 0.8]]).numpy().tolist()
    [1.0]
    """
    return cast(equal(argmax(y_true, axis=-1), argmax(y_pred, axis=-1)), floatx())


@metric_function()
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction stands at the label, a class number. y_true [...] or [..., 1].

    Raises: ValueError for one-hot labels.
    >>> tf.keras.metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]]).numpy().tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = convert(y_true), convert(y_pred)
    if y_true.ndim == y_pred.ndim:
        if y_true.shape[-1] != 1:
            raise ValueError(
                f"Can not squeeze dim[{y_true.ndim - 1}], expected a dimension of 1, got {y_true.shape[-1]}: the labels of shape {y_true.shape} "
                "are no class numbers. Use categorical_accuracy for one-hot labels."
            )
        y_true = squeeze(y_true, [-1])
    return cast(equal(y_true, cast(argmax(y_pred, axis=-1), y_true.dtype)), floatx())


@metric_function()
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the largest label is among the k largest predictions.

    >>> tf.keras.metrics.top_k_categorical_accuracy([[1.0, 0, 0]], [[0.3, 0.8, 0.1]], k=2).numpy().tolist()
    [1.0]
    """
    return sparse_top_k_categorical_accuracy(argmax(y_true, axis=-1), y_pred, k)


@metric_function()
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the label, a class number, is among the k largest predictions; ties count. -> [samples], flat."""
    y_true, y_pred = convert(y_true), convert(y_pred)
    if y_pred.ndim > 2:
        y_pred = reshape(y_pred, [-1, y_pred.shape[-1]])
    return cast(in_top_k(reshape(cast(y_true, "int32"), [-1]), y_pred, k), floatx())


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than k predictions exceed that of the target. targets [N], predictions [N, C] -> bool [N]; false out of range."""
    at_target = equal(one_hot_like(predictions, targets), like(1, predictions))
    own = reduce_sum(where(at_target, predictions, like(0, predictions)), axis=-1)
    above = reduce_sum(cast(greater(predictions, expand_dims(own, -1)), "int32"), axis=-1)
    finite = less(abs(own), like(float("inf"), own))
    return logical_and(logical_and(less(above, like(int(k), above)), finite), label_in_range(targets, int(predictions.shape[-1])))


# ---------------------------------------------------------------------------------------------- classes
@metric_class
class Accuracy(MeanMetricWrapper):
    """How often labels equal predictions.

    >>> float(tf.keras.metrics.Accuracy()([1, 2], [1, 3]))
    0.5
    """

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


@metric_class
class BinaryAccuracy(MeanMetricWrapper):
    """How often yes-or-no labels equal the predictions, taken as yes above the threshold."""

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


@metric_class
class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction stands where the one-hot label does."""

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@metric_class
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction stands at the label, a class number.

    >>> float(tf.keras.metrics.SparseCategoricalAccuracy()([[1], [0]], [[0.2, 0.8], [0.3, 0.7]]))
    0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@metric_class
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of the one-hot label is among the k largest predictions."""

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


@metric_class
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label, a class number, is among the k largest predictions."""

    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)
