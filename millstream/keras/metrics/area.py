"""AUC: the area under the curve of true against false positives (ROC), or of precision against recall (PR).

T thresholds, from a little below 0 to a little above 1; counts [T], or [T, L] for L labels per sample
"""

from typing import Any

import numpy as np

from millstream.core.tensor import convert
from millstream.keras.backend.compose import like, number, where
from millstream.keras.backend.config import epsilon
from millstream.keras.metrics.base import metric_class
from millstream.keras.metrics.confusion import FourCounts, count_into, prepare
from millstream.ops.array.shape import broadcast_to, reshape
from millstream.ops.math.arithmetic import maximum, minimum
from millstream.ops.math.comparison import greater, logical_and
from millstream.ops.math.exponential import log
from millstream.ops.math.reduce import reduce_mean, reduce_sum
from millstream.ops.math.safe import divide_no_nan

_CURVES = {"ROC": "ROC", "PR": "PR", "roc": "ROC", "pr": "PR"}
_SUMMATIONS = ("interpolation", "minoring", "majoring")


@metric_class
class AUC(FourCounts):
    """Area under a curve, by Riemann sums over thresholds.

    Args: num_thresholds, spread evenly over [0, 1], or `thresholds` of one's own; curve, "ROC" or "PR"; summation_method,
    "interpolation", "minoring" or "majoring"; multi_label, an area per label, averaged with `label_weights`.
    Raises: ValueError for anything else.
    >>> float(tf.keras.metrics.AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75
    """

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation", name: str | None = None, dtype: Any = None,
        thresholds: Any = None, multi_label: bool = False, label_weights: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        self._check(curve, summation_method)
        inner = self._inner(num_thresholds, thresholds)
        self.num_thresholds = len(inner) + 2
        self._thresholds = np.array([0.0 - epsilon(), *inner, 1.0 + epsilon()])
        self.curve, self.summation_method, self.multi_label = _CURVES[curve], summation_method.lower(), multi_label
        self.label_weights = None if label_weights is None else convert(np.asarray(label_weights, self._dtype.numpy))
        if not multi_label:
            self._make_counts((self.num_thresholds,))
        self._built = not multi_label

    @staticmethod
    def _check(curve: Any, summation_method: Any) -> None:
        if curve not in _CURVES:
            raise ValueError(f'Invalid AUC curve value "{curve}". Choose "ROC" or "PR".')
        if str(summation_method).lower() not in _SUMMATIONS:
            raise ValueError(f'Invalid AUC summation method value "{summation_method}". Choose one of {", ".join(_SUMMATIONS)}.')

    @staticmethod
    def _inner(num_thresholds: int, thresholds: Any) -> list[float]:
        """The thresholds between the two ends."""
        if thresholds is not None:
            wrong = [t for t in thresholds if t is None or not 0 <= t <= 1]
            if wrong:
                raise ValueError(f"Threshold values must be in [0, 1]. Invalid values: {wrong}")
            return sorted(thresholds)
        if num_thresholds <= 1:
            raise ValueError(f"`num_thresholds` must be > 1; got {num_thresholds}.")
        return [(i + 1) * 1.0 / (num_thresholds - 1) for i in range(num_thresholds - 2)]

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, the two ends included."""
        return list(self._thresholds)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch of labels and predictions, [N] or any shape; [N, L] with multi_label."""
        truth, guess, weight = prepare(y_true, y_pred, sample_weight, self._dtype)
        if self.multi_label:
            if guess.ndim != 2:
                raise ValueError(f"AUC with multi_label=True takes labels and predictions of shape [samples, labels]; got {guess.shape}.")
            if not self._built:
                self._make_counts((self.num_thresholds, int(guess.shape[-1])))
                self._built = True
        else:
            weight = self._by_label(weight, guess)
            truth, guess, weight = (None if t is None else reshape(t, [-1]) for t in (truth, guess, weight))
        count_into(self._counts(), list(self._thresholds), truth, guess, weight)

    def _by_label(self, weight: Any, guess: Any) -> Any:
        """The samples' weights times those of the labels."""
        if self.label_weights is None:
            return weight
        labels = broadcast_to(self.label_weights, guess.shape)
        return labels if weight is None else labels * weight

    def result(self) -> Any:
        """The area so far; with multi_label the mean over the labels."""
        if not self._built:
            return number(0.0, self._dtype)
        tp, tn, fp, fn = self._read()
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._average(_interpolated_pr_areas(tp, fp, fn))
        recall = divide_no_nan(tp, tp + fn)
        x, y = (divide_no_nan(fp, fp + tn), recall) if self.curve == "ROC" else (recall, divide_no_nan(tp, tp + fp))
        if self.summation_method == "interpolation":
            height = (y[:-1] + y[1:]) / 2.0
        else:
            height = (minimum if self.summation_method == "minoring" else maximum)(y[:-1], y[1:])
        return self._average((x[:-1] - x[1:]) * height)

    def interpolate_pr_auc(self) -> Any:
        """The area under the precision-recall curve, true positives interpolated between thresholds (Davis and Goadrich, 2006)."""
        tp, _, fp, fn = self._read()
        return self._average(_interpolated_pr_areas(tp, fp, fn))

    def _average(self, areas: Any) -> Any:
        """The sum of the areas between thresholds; with multi_label averaged over the labels."""
        if not self.multi_label:
            return reduce_sum(areas)
        by_label = reduce_sum(areas, axis=0)
        if self.label_weights is None:
            return reduce_mean(by_label)
        return divide_no_nan(reduce_sum(by_label * self.label_weights), reduce_sum(self.label_weights))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        weights = None if self.label_weights is None else self.label_weights.numpy()
        own = {"num_thresholds": self.num_thresholds, "curve": self.curve, "summation_method": self.summation_method}
        inner = {"thresholds": self.thresholds[1:-1], "multi_label": self.multi_label, "label_weights": weights}
        return {**super().get_config(), **own, **inner}


def _interpolated_pr_areas(tp: Any, fp: Any, fn: Any) -> Any:
    """Areas between neighbouring thresholds, the true positives growing linearly with all positives in between."""
    positive = tp + fp
    zero = like(0, tp)
    gained = tp[:-1] - tp[1:]
    slope = divide_no_nan(gained, maximum(positive[:-1] - positive[1:], zero))
    intercept = tp[1:] - slope * positive[1:]
    both = logical_and(greater(positive[:-1], zero), greater(positive[1:], zero))
    ratio = where(both, divide_no_nan(positive[:-1], maximum(positive[1:], zero)), like(1, tp))
    return divide_no_nan(slope * (gained + intercept * log(ratio)), maximum(tp[1:] + fn[1:], zero))
