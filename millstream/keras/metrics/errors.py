"""Metrics that average a loss function or a distance over the samples."""

from typing import Any

import numpy as np

from millstream.core.tensor import convert
from millstream.core.variable import Variable
from millstream.keras.losses import crossentropy, margin, regression
from millstream.keras.losses.base import drop_last_of_one
from millstream.keras.metrics.base import Mean, MeanMetricWrapper, Metric, fit_to_values, metric_class
from millstream.keras.metrics.matches import metric_function
from millstream.ops.array.creation import cast, ones_like, zeros
from millstream.ops.math.arithmetic import sqrt, squared_difference
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.math.safe import divide_no_nan
from millstream.ops.nn.normalization import l2_normalize


@metric_function("cosine_similarity", public=False)
def cosine_proximity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between label and prediction along an axis: 1 for the same direction."""
    y_true, y_pred = convert(y_true), convert(y_pred)
    return reduce_sum(l2_normalize(y_true, axis) * l2_normalize(y_pred, axis), axis=axis)


@metric_class
class MeanSquaredError(MeanMetricWrapper):
    """Mean squared error.

    >>> float(tf.keras.metrics.MeanSquaredError()([[0.0]], [[3.0]]))
    9.0
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(regression.mean_squared_error, name, dtype)


@metric_class
class RootMeanSquaredError(Mean):
    """Square root of the mean squared error.

    >>> float(tf.keras.metrics.RootMeanSquaredError()([[0.0]], [[3.0]]))
    3.0
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:  # type: ignore[override]  # two tensors where Mean takes one
        """Add a batch of labels and predictions."""
        y_true, y_pred = drop_last_of_one(cast(y_true, self._dtype), cast(y_pred, self._dtype))
        return super().update_state(squared_difference(y_pred, y_true), sample_weight)

    def result(self) -> Any:
        """The root of the mean so far."""
        return sqrt(super().result())


@metric_class
class MeanAbsoluteError(MeanMetricWrapper):
    """Mean absolute error."""

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(regression.mean_absolute_error, name, dtype)


@metric_class
class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean absolute error in percent of the true value."""

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(regression.mean_absolute_percentage_error, name, dtype)


@metric_class
class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean squared error of log(1 + y)."""

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(regression.mean_squared_logarithmic_error, name, dtype)


@metric_class
class LogCoshError(MeanMetricWrapper):
    """Mean of log(cosh(error))."""

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(regression.log_cosh, name, dtype)


@metric_class
class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between labels and predictions."""

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_proximity, name, dtype, axis=axis)


@metric_class
class Poisson(MeanMetricWrapper):
    """Mean Poisson loss."""

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(crossentropy.poisson, name, dtype)


@metric_class
class KLDivergence(MeanMetricWrapper):
    """Mean Kullback-Leibler divergence."""

    def __init__(self, name: str | None = "kullback_leibler_divergence", dtype: Any = None) -> None:
        super().__init__(crossentropy.kl_divergence, name, dtype)


@metric_class
class Hinge(MeanMetricWrapper):
    """Mean hinge loss."""

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(margin.hinge, name, dtype)


@metric_class
class SquaredHinge(MeanMetricWrapper):
    """Mean squared hinge loss."""

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(margin.squared_hinge, name, dtype)


@metric_class
class CategoricalHinge(MeanMetricWrapper):
    """Mean categorical hinge loss."""

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(margin.categorical_hinge, name, dtype)


@metric_class
class BinaryCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of yes-or-no labels."""

    def __init__(
        self, name: str | None = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0
    ) -> None:
        super().__init__(crossentropy.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@metric_class
class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of one-hot labels."""

    def __init__(
        self, name: str | None = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0
    ) -> None:
        super().__init__(crossentropy.categorical_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@metric_class
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of class numbers."""

    def __init__(
        self, name: str | None = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False, axis: int = -1
    ) -> None:
        super().__init__(crossentropy.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis)


@metric_class
class MeanRelativeError(Mean):
    """Mean of |y_true - y_pred| / normalizer; 0 where the normalizer is 0."""

    def __init__(self, normalizer: Any, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.normalizer = cast(normalizer, self._dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:  # type: ignore[override]  # two tensors where Mean takes one
        """Add a batch of labels and predictions. Raises: ValueError when their shapes differ."""
        y_true, y_pred = drop_last_of_one(cast(y_true, self._dtype), cast(y_pred, self._dtype))
        normalizer, y_pred = drop_last_of_one(self.normalizer, y_pred)
        y_pred.shape.assert_is_compatible_with(y_true.shape)
        return super().update_state(divide_no_nan(abs(y_true - y_pred), normalizer), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "normalizer": np.asarray(self.normalizer.numpy())}


@metric_class
class MeanTensor(Metric):
    """The (weighted) mean of tensors of one shape, elementwise.

    >>> m = tf.keras.metrics.MeanTensor()
    >>> m.update_state([1.0, 2.0])
    >>> m.update_state([3.0, 2.0])
    >>> m.result().numpy().tolist()
    [2.0, 2.0]
    """

    def __init__(self, name: str | None = "mean_tensor", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._total: Variable | None = None
        self._count: Variable | None = None

    @property
    def total(self) -> Variable | None:
        """The sum so far; None before the first batch."""
        return self._total

    @property
    def count(self) -> Variable | None:
        """The sum of weights so far; None before the first batch."""
        return self._count

    def _state(self, shape: Any) -> tuple[Variable, Variable]:
        if self._total is None or self._count is None:
            self._total = self.add_weight("total", shape=shape, initializer="zeros")
            self._count = self.add_weight("count", shape=shape, initializer="zeros")
        if tuple(self._total.shape) != tuple(shape):
            raise ValueError(
                f"MeanTensor input values must always have the same shape. Expected shape (set during the first call): {tuple(self._total.shape)}. Got: {tuple(shape)}"
            )
        return self._total, self._count

    def update_state(self, values: Any, sample_weight: Any = None) -> Any:
        """Add a tensor. Raises: ValueError for another shape than the first one's."""
        values = cast(convert(values), self._dtype)
        total, count = self._state(tuple(values.shape))
        amount = ones_like(values)
        if sample_weight is not None:
            values, weight = fit_to_values(values, cast(sample_weight, self._dtype))
            amount, values = amount * weight, values * weight
        total.assign_add(values + zeros(total.shape, self._dtype))
        count.assign_add(amount)

    def result(self) -> Any:
        """The mean so far. Raises: ValueError before the first tensor."""
        if self._total is None or self._count is None:
            raise ValueError(
                "MeanTensor does not have any result yet. Please call the MeanTensor instance or use `.update_state(value)` before retrieving the result."
            )
        return divide_no_nan(self._total.read_value(), self._count.read_value())
