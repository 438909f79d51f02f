"""Metrics of yes-or-no predictions by threshold: precision, recall, areas under curves; and MeanIoU of class numbers.

T thresholds, N predictions (all axes flattened), L labels per sample of a multi-label metric
counts [T] (or [T, L]) of true and false positives and negatives; a prediction is positive above a threshold
"""

from typing import Any

import numpy as np

from millstream.core.dtypes import bool_
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras.backend.compose import like, where
from millstream.keras.losses.base import drop_last_of_one, fit_weight
from millstream.keras.metrics.base import Metric, metric_class
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import broadcast_to, expand_dims, reshape
from millstream.ops.math.comparison import equal, greater, logical_and, logical_not, not_equal
from millstream.ops.math.reduce import reduce_max, reduce_sum
from millstream.ops.math.safe import divide_no_nan
from millstream.ops.nn.matmul import matmul
from millstream.ops.nn.softmax import one_hot_like
from millstream.util.errors import invalid

NEVER_ABOVE = -1e10  # a prediction that is above no threshold, and a threshold that every other prediction is above


# ---------------------------------------------------------------------------------------------- counting
def check_probabilities(y_pred: Any) -> None:
    """Raises: InvalidArgumentError when an eager prediction lies outside of [0, 1]."""
    array = getattr(y_pred, "_array", None) if type(y_pred) is Tensor else None
    if array is None or not np.size(array):
        return
    if not np.min(array) >= 0:
        raise invalid(f"predictions must be >= 0; got {np.min(array)}. Put a sigmoid or softmax at the end of the model.")
    if not np.max(array) <= 1:
        raise invalid(f"predictions must be <= 1; got {np.max(array)}. Put a sigmoid or softmax at the end of the model.")


def keep_top_k(y_pred: Any, k: int) -> Any:
    """The k largest predictions of the last axis; the rest becomes NEVER_ABOVE. Of equal ones the first count."""
    n = int(y_pred.shape[-1])
    mine, other = expand_dims(y_pred, -1), expand_dims(y_pred, -2)
    earlier = convert(np.tri(n, n, -1, dtype=bool))
    before = cast(greater(other, mine), "int32") + cast(logical_and(equal(other, mine), earlier), "int32")
    rank = reduce_sum(before, axis=-1)
    return where(greater(like(int(k), rank), rank), y_pred, like(NEVER_ABOVE, y_pred))


def prepare(
    y_true: Any, y_pred: Any, sample_weight: Any, dtype: Any, top_k: int | None = None, class_id: int | None = None
) -> tuple[Any, Any, Any]:
    """Labels, predictions, and weights or None, all of one shape. Raises: ValueError when labels and predictions differ in shape."""
    y_true, y_pred = cast(y_true, dtype), cast(y_pred, dtype)
    check_probabilities(y_pred)
    y_true, y_pred = drop_last_of_one(y_true, y_pred)
    y_pred.shape.assert_is_compatible_with(y_true.shape)
    weight = None if sample_weight is None else fit_weight(cast(sample_weight, dtype), y_pred.ndim)
    if top_k is not None:
        y_pred = keep_top_k(y_pred, top_k)
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
        weight = None if weight is None else fit_weight(weight, y_pred.ndim)
    return y_true, y_pred, weight if weight is None else broadcast_to(weight, y_pred.shape)


def count_into(counts: dict[str, Variable], thresholds: list[float], y_true: Any, y_pred: Any, weight: Any) -> None:
    """Add to the counts named "tp", "fp", "tn", "fn", each [T] or [T, L]; labels and predictions [N] or [N, L]."""
    level = convert(np.array(thresholds, y_pred.dtype.numpy).reshape(-1, *[1] * y_pred.ndim))
    guess, truth = greater(expand_dims(y_pred, 0), level), expand_dims(cast(y_true, bool_), 0)
    parts = {
        "tp": (truth, guess),
        "fn": (truth, logical_not(guess)),
        "fp": (logical_not(truth), guess),
        "tn": (logical_not(truth), logical_not(guess)),
    }
    for name, variable in counts.items():
        hits = cast(logical_and(*parts[name]), variable.dtype)
        variable.assign_add(reduce_sum(hits if weight is None else hits * expand_dims(weight, 0), axis=1))


def _flat(*tensors: Any) -> tuple[Any, ...]:
    return tuple(None if t is None else reshape(t, [-1]) for t in tensors)


def check_thresholds(thresholds: Any, default: float) -> list[float]:
    """Thresholds as a list. Raises: ValueError when one lies outside of [0, 1]."""
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [t for t in found if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Invalid values: {wrong}")
    return found


def _only(result: Any, thresholds: list[float]) -> Any:
    """A scalar when there is one threshold."""
    return result[0] if len(thresholds) == 1 else result


# ---------------------------------------------------------------------------------------------- one count
class _Count(Metric):
    """The number (or weight) of predictions of one kind."""

    _kind: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.init_thresholds, self.thresholds = thresholds, check_thresholds(thresholds, 0.5)
        self.accumulator = self.add_weight("accumulator", shape=(len(self.thresholds),), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch of labels and predictions."""
        flat = _flat(*prepare(y_true, y_pred, sample_weight, self._dtype))
        count_into({self._kind: self.accumulator}, self.thresholds, *flat)

    def result(self) -> Any:
        """The count so far: a scalar for one threshold, otherwise [T]."""
        return _only(self.accumulator.read_value(), self.thresholds)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


@metric_class
class TruePositives(_Count):
    """Positive labels predicted as positive.

    >>> float(tf.keras.metrics.TruePositives()([0, 1, 1], [0.9, 0.8, 0.1]))
    1.0
    """

    _kind = "tp"


@metric_class
class TrueNegatives(_Count):
    """Negative labels predicted as negative."""

    _kind = "tn"


@metric_class
class FalsePositives(_Count):
    """Negative labels predicted as positive."""

    _kind = "fp"


@metric_class
class FalseNegatives(_Count):
    """Positive labels predicted as negative."""

    _kind = "fn"


# ---------------------------------------------------------------------------------------------- precision, recall
class _Share(Metric):
    """True positives as a share of themselves and one other kind."""

    _other: tuple[str, str]

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = check_thresholds(thresholds, 0.5 if top_k is None else NEVER_ABOVE)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_weight("true_positives", shape=shape, initializer="zeros")
        setattr(self, self._other[1], self.add_weight(self._other[1], shape=shape, initializer="zeros"))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch of labels and predictions."""
        flat = _flat(*prepare(y_true, y_pred, sample_weight, self._dtype, self.top_k, self.class_id))
        count_into({"tp": self.true_positives, self._other[0]: getattr(self, self._other[1])}, self.thresholds, *flat)

    def result(self) -> Any:
        """The share so far: a scalar for one threshold, otherwise [T]."""
        right, other = self.true_positives.read_value(), getattr(self, self._other[1]).read_value()
        return _only(divide_no_nan(right, right + other), self.thresholds)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}


@metric_class
class Precision(_Share):
    """The share of positive predictions that are right.

    Args: thresholds, one or several; top_k, take only the k largest of each sample as positive; class_id, look at one class.
    >>> float(tf.keras.metrics.Precision()([0, 1, 1], [0.9, 0.8, 0.1]))
    0.5
    """

    _other = ("fp", "false_positives")


@metric_class
class Recall(_Share):
    """The share of positive labels that are found.

    >>> float(tf.keras.metrics.Recall()([0, 1, 1], [0.9, 0.8, 0.1]))
    0.5
    """

    _other = ("fn", "false_negatives")


# ---------------------------------------------------------------------------------------------- all four counts
class FourCounts(Metric):
    """Base of metrics that keep all four counts at many thresholds."""

    def _make_counts(self, shape: tuple[int, ...]) -> None:
        self.true_positives = self.add_weight("true_positives", shape=shape, initializer="zeros")
        self.true_negatives = self.add_weight("true_negatives", shape=shape, initializer="zeros")
        self.false_positives = self.add_weight("false_positives", shape=shape, initializer="zeros")
        self.false_negatives = self.add_weight("false_negatives", shape=shape, initializer="zeros")

    def _counts(self) -> dict[str, Variable]:
        return {"tp": self.true_positives, "tn": self.true_negatives, "fp": self.false_positives, "fn": self.false_negatives}

    def _read(self) -> tuple[Any, Any, Any, Any]:
        """(true positives, true negatives, false positives, false negatives) as tensors."""
        tp, tn, fp, fn = (v.read_value() for v in self._counts().values())
        return tp, tn, fp, fn


class _BestUnderConstraint(FourCounts):
    """The best of one share at a threshold where another is at least a given value."""

    def __init__(self, value: float, num_thresholds: int, name: str | None, dtype: Any, argument: str) -> None:
        super().__init__(name, dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"`{argument}` must be in the range [0, 1]; got {value}.")
        if num_thresholds <= 0:
            raise ValueError(f"`num_thresholds` must be > 0; got {num_thresholds}.")
        self.value, self.num_thresholds, self._argument = value, num_thresholds, argument
        inner = [(i + 1) * 1.0 / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        self.thresholds = [0.5] if num_thresholds == 1 else [0.0, *inner, 1.0]
        self._make_counts((num_thresholds,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch of labels and predictions."""
        count_into(self._counts(), self.thresholds, *_flat(*prepare(y_true, y_pred, sample_weight, self._dtype)))

    def _best(self, constrained: Any, wanted: Any) -> Any:
        """The largest wanted value where the constrained one is large enough; 0 where it nowhere is."""
        good = greater(constrained, like(self.value, constrained)) | equal(constrained, like(self.value, constrained))
        return reduce_max(where(good, wanted, like(0, wanted)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "num_thresholds": self.num_thresholds, self._argument: self.value}


@metric_class
class SensitivityAtSpecificity(_BestUnderConstraint):
    """The best sensitivity (recall) at a specificity of at least the given one."""

    def __init__(self, specificity: float, num_thresholds: int = 200, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(specificity, num_thresholds, name, dtype, "specificity")
        self.specificity = specificity

    def result(self) -> Any:
        """The sensitivity."""
        tp, tn, fp, fn = self._read()
        return self._best(divide_no_nan(tn, tn + fp), divide_no_nan(tp, tp + fn))


@metric_class
class SpecificityAtSensitivity(_BestUnderConstraint):
    """The best specificity at a sensitivity (recall) of at least the given one."""

    def __init__(self, sensitivity: float, num_thresholds: int = 200, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(sensitivity, num_thresholds, name, dtype, "sensitivity")
        self.sensitivity = sensitivity

    def result(self) -> Any:
        """The specificity."""
        tp, tn, fp, fn = self._read()
        return self._best(divide_no_nan(tp, tp + fn), divide_no_nan(tn, tn + fp))


@metric_class
class PrecisionAtRecall(_BestUnderConstraint):
    """The best precision at a recall of at least the given one."""

    def __init__(self, recall: float, num_thresholds: int = 200, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(recall, num_thresholds, name, dtype, "recall")
        self.recall = recall

    def result(self) -> Any:
        """The precision."""
        tp, _, fp, fn = self._read()
        return self._best(divide_no_nan(tp, tp + fn), divide_no_nan(tp, tp + fp))


@metric_class
class RecallAtPrecision(_BestUnderConstraint):
    """The best recall at a precision of at least the given one."""

    def __init__(self, precision: float, num_thresholds: int = 200, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(precision, num_thresholds, name, dtype, "precision")
        self.precision = precision

    def result(self) -> Any:
        """The recall."""
        tp, _, fp, fn = self._read()
        return self._best(divide_no_nan(tp, tp + fp), divide_no_nan(tp, tp + fn))


# ---------------------------------------------------------------------------------------------- class numbers
@metric_class
class MeanIoU(Metric):
    """The mean over the classes of intersection over union, from a table of labels (rows) by predictions (columns).

    >>> float(tf.keras.metrics.MeanIoU(num_classes=2)([0, 1, 1], [0, 1, 0]))
    0.5
    """

    def __init__(self, num_classes: int, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.num_classes = num_classes
        self.total_cm = self.add_weight("total_confusion_matrix", shape=(num_classes, num_classes), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch of class numbers. Raises: InvalidArgumentError when an eager one is out of range."""
        rows, columns = (self._one_hot(cast(y, "int64"), what) for y, what in ((y_true, "labels"), (y_pred, "predictions")))
        if sample_weight is not None:
            columns = columns * reshape(cast(sample_weight, self._dtype), [-1, 1])
        self.total_cm.assign_add(matmul(rows, columns, transpose_a=True))

    def _one_hot(self, numbers: Any, what: str) -> Any:
        array = getattr(numbers, "_array", None) if type(numbers) is Tensor else None
        if array is not None and np.size(array) and not (np.min(array) >= 0 and np.max(array) < self.num_classes):
            raise invalid(
                f"`{what}` out of bound: class numbers of MeanIoU(num_classes={self.num_classes}) are 0 to {self.num_classes - 1}; got {np.min(array)} to {np.max(array)}."
            )
        flat = reshape(numbers, [-1])
        return one_hot_like(convert(np.zeros((int(flat.shape[0]), self.num_classes), self._dtype.numpy)), flat)

    def result(self) -> Any:
        """The mean over those classes that occur."""
        table: Any = self.total_cm.read_value()
        both = reduce_sum(table * convert(np.eye(self.num_classes, dtype=self._dtype.numpy)), axis=0)
        either = reduce_sum(table, axis=0) + reduce_sum(table, axis=1) - both
        occurring = reduce_sum(cast(not_equal(either, like(0, either)), self._dtype))
        return divide_no_nan(reduce_sum(divide_no_nan(both, either)), occurring)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "num_classes": self.num_classes}
