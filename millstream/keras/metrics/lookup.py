"""Metrics by name, and the metric that a name such as "accuracy" means for given shapes."""

from typing import Any

from millstream.keras.backend.names import to_snake_case
from millstream.keras.losses.base import FUNCTIONS as LOSS_FUNCTIONS
from millstream.keras.metrics import area, confusion, errors, matches
from millstream.keras.metrics.base import CLASSES, MeanMetricWrapper, Metric
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.util.export import export

_MODULES = (area, confusion, errors, matches)  # they fill the tables
_BY_SHAPE = {
    "accuracy": ("binary_accuracy", "sparse_categorical_accuracy", "categorical_accuracy"),
    "crossentropy": ("binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy"),
}
_SHORT = {"acc": "accuracy", "ce": "crossentropy"}


def _table() -> dict[str, Any]:
    functions = {k: v for k, v in LOSS_FUNCTIONS.items() if not isinstance(v, type)}
    return {**functions, **matches.FUNCTIONS, **CLASSES}


@export("tf.keras.metrics.get", "tf.metrics.get")
def get(identifier: Any) -> Any:
    """The metric of a name or config: a function for a function's name, an object for a class's. A callable is returned as it is.

    Raises: ValueError for an unknown name, saying the nearest one.
    >>> tf.keras.metrics.get("AUC").name[:3]
    'auc'
    """
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(
        f"Could not interpret metric function identifier: {identifier!r}. Give a name such as 'accuracy', a metric, or a function (y_true, y_pred)."
    )


@export("tf.keras.metrics.deserialize", "tf.metrics.deserialize")
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric of a name or config."""
    return deserialize_keras_object(config, _table(), custom_objects, "metric function")


@export("tf.keras.metrics.serialize", "tf.metrics.serialize")
def serialize(metric: Any) -> Any:
    """The name of a metric function, or the config of a metric.

    >>> tf.keras.metrics.serialize(tf.keras.metrics.Mean())
    {'class_name': 'Mean', 'config': {'name': 'mean', 'dtype': 'float32'}}
    """
    return serialize_keras_object(metric)


def resolve(identifier: Any, y_true_shape: Any, y_pred_shape: Any, loss: Any = None) -> Metric | None:
    """The metric that `compile(metrics=[identifier])` means for labels and predictions of these shapes.

    "accuracy" (or "acc") and "crossentropy" ("ce") are the binary one for predictions [..., 1], the sparse one where the labels
    have an axis less than the predictions or a last axis of 1, and the categorical one otherwise; the metric keeps the name given.
    Raises: ValueError for an unknown name.
    """
    if identifier is None:
        return None
    found = get(_by_shape(identifier, tuple(y_true_shape), tuple(y_pred_shape)))
    if isinstance(found, Metric):
        return found
    return MeanMetricWrapper(found, name=identifier if isinstance(identifier, str) else _name_of(found))


def _by_shape(identifier: Any, y_true: tuple[Any, ...], y_pred: tuple[Any, ...]) -> Any:
    """The full name of a metric given by a short one."""
    word = str(identifier).lower() if isinstance(identifier, str) else ""
    kinds = _BY_SHAPE.get(_SHORT.get(word, word))
    if kinds is None:
        return identifier
    last_true, last_pred = y_true[-1] if y_true else 1, y_pred[-1] if y_pred else 1
    if last_pred == 1:
        return kinds[0]
    sparse = len(y_true) < len(y_pred) or (last_true == 1 and (last_pred or 0) > 1)
    return kinds[1] if sparse else kinds[2]


def _name_of(function: Any) -> str:
    for attribute in ("name", "__name__"):
        found = getattr(function, attribute, None)
        if isinstance(found, str):
            return found
    return to_snake_case(type(function).__name__)
