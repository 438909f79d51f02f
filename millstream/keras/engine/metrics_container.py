"""MetricsContainer: the metrics that a model was compiled with; plain ones ignore sample weights, weighted ones heed them."""

from typing import Any

from millstream.core.tensor import convert
from millstream.keras import losses as losses_module
from millstream.keras import metrics as metrics_module
from millstream.keras.engine.conform import apply_mask, mask_of, match, per_output, pseudo_names
from millstream.keras.engine.naming import name_of
from millstream.keras.layers.context import STRUCTURE
from millstream.util import tree

_BY_SHAPE = {
    "accuracy": ("binary_accuracy", "sparse_categorical_accuracy", "categorical_accuracy"),
    "crossentropy": ("binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy"),
}
_BY_SHAPE.update(acc=_BY_SHAPE["accuracy"], ce=_BY_SHAPE["crossentropy"])


class MetricsContainer:
    """Holds metrics and weighted metrics per output; `update_state(y_true, y_pred, sample_weight)` after each batch."""

    def __init__(self, metrics: Any = None, weighted_metrics: Any = None, output_names: Any = None) -> None:
        self._user_metrics, self._user_weighted, self._output_names = metrics, weighted_metrics, output_names
        self._metrics: list[list[Any]] = []
        self._weighted: list[list[Any]] = []
        self._built = False
        for metric in (*tree.flatten(metrics), *tree.flatten(weighted_metrics)):
            if isinstance(metric, str) and metric not in _BY_SHAPE:
                metrics_module.get(metric)  # a wrong name is said at compile time

    @property
    def metrics(self) -> list[Any]:
        """All metric objects, output by output, plain before weighted; none before the first update."""
        return (
            [m for plain, weighted in zip(self._metrics, self._weighted, strict=True) for m in (*plain, *weighted)] if self._built else []
        )

    def build(self, y_pred: Any, y_true: Any) -> None:
        """Make the metric objects of each output. Raises: ValueError for two of one name."""
        names = self._output_names = pseudo_names(y_pred) if isinstance(y_pred, dict) else list(self._output_names or pseudo_names(y_pred))
        targets, predictions = per_output(y_true, y_pred, names, "y"), tree.flatten(y_pred)
        self._metrics = self._objects(self._user_metrics, targets, y_pred, predictions, "metrics")
        self._weighted = self._objects(self._user_weighted, targets, y_pred, predictions, "weighted_metrics")
        self._name_them(names)
        self._built = True
        STRUCTURE.version += 1

    def _objects(self, given: Any, targets: list[Any], y_pred: Any, predictions: list[Any], what: str) -> list[list[Any]]:
        groups = _groups(given, y_pred, list(self._output_names), what)
        rows = zip(groups, targets, predictions, strict=True)
        return [[as_metric(m, t, p) for m in group if m is not None] for group, t, p in rows]

    def _name_them(self, names: list[str]) -> None:
        """Several outputs: their names come first. A weighted metric whose name is taken says `weighted_`."""
        taken: set[str] = set()
        for output, plain, weighted in zip(names, self._metrics, self._weighted, strict=True):
            prefix = f"{output}_" if len(names) > 1 else ""
            for metric in (*plain, *weighted):
                is_weighted = any(metric is w for w in weighted)
                again = is_weighted and prefix + metric.name in taken
                metric._name = f"{prefix}{'weighted_' if again else ''}{metric.name}"
                if metric._name in taken:
                    raise ValueError(
                        f"Found two metrics with the same name: {metric._name}. All the metrics added to the model need to have unique names: pass name=... to one."
                    )
                taken.add(metric._name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take note of a batch."""
        if not self._built:
            self.build(y_pred, y_true)
        names = self._output_names
        targets = per_output(y_true, y_pred, names, "y")
        weights = per_output(sample_weight, y_pred, names, "sample_weight", share=True)
        for t, p, weight, plain, weighted in zip(targets, tree.flatten(y_pred), weights, self._metrics, self._weighted, strict=True):
            if t is None or not (plain or weighted):
                continue
            target, prediction, weight = match(convert(t), p, weight)
            mask = apply_mask(prediction, None, mask_of(p))
            for metric in plain:
                metric.update_state(target, prediction, sample_weight=mask)
            for metric in weighted:
                metric.update_state(target, prediction, sample_weight=apply_mask(prediction, weight, mask_of(p)))

    def reset_states(self) -> None:
        """Begin all metrics anew."""
        for metric in self.metrics:
            metric.reset_states()


def _groups(given: Any, outputs: Any, names: list[str], what: str) -> list[list[Any]]:
    """The metrics of each output: a flat list belongs to every output, a list of lists or a dictionary to each its own."""
    if isinstance(given, (list, tuple)) and not any(tree.is_nested(g) for g in given):
        return [list(given)] if len(names) == 1 else [[_copy(g) for g in given] for _ in names]
    found = per_output(given, outputs, names, what, share=True)
    return [list(tree.flatten(g)) if g is not None else [] for g in found]


def _copy(metric: Any) -> Any:
    """A metric object of each output's own."""
    return type(metric).from_config(metric.get_config()) if isinstance(metric, metrics_module.Metric) else metric


def as_metric(metric: Any, y_true: Any, y_pred: Any) -> Any:
    """A metric object of a name, object or function; 'accuracy' and 'crossentropy' are chosen by the shapes, and keep their names.

    Raises: ValueError for what is no metric.
    """
    found = _by_shape(metric, y_true, y_pred) if isinstance(metric, str) and metric in _BY_SHAPE else metrics_module.get(metric)
    if isinstance(found, metrics_module.Metric):
        return found
    name = metric if isinstance(metric, str) else name_of(metric)
    if name is None or not (callable(found) or isinstance(found, losses_module.Loss)):
        raise ValueError(f"Metric should be a callable, found: {metric}")
    return metrics_module.MeanMetricWrapper(found, name=name)


def _by_shape(metric: str, y_true: Any, y_pred: Any) -> Any:
    binary, sparse, categorical = _BY_SHAPE[metric]
    if y_true is None or y_pred.shape[-1] == 1:
        return metrics_module.get(binary)
    is_sparse = y_true.ndim < y_pred.ndim or (y_true.shape[-1] == 1 and y_pred.shape[-1] > 1)
    return metrics_module.get(sparse if is_sparse else categorical)
