"""Losses of probabilities: cross-entropies, Kullback-Leibler divergence, Poisson.

    y_pred      probabilities [..., C classes], or logits when from_logits
    y_true      one-hot or soft labels [..., C]; for the sparse one, class numbers [...] or [..., 1]

Where a prediction comes straight from a softmax or sigmoid, its logits are used: `_keras_logits`, which the activations
leave on their result, and in a trace the input of the op itself.
"""

import warnings
from typing import Any

from millstream.core.dispatch import STATE
from millstream.core.dtypes import int64
from millstream.core.tensor import Tensor, convert
from millstream.graph.trace import GraphTensor
from millstream.keras.backend.compose import clip, like, mean_last
from millstream.keras.backend.config import epsilon
from millstream.keras.losses.base import LossFunctionWrapper, Reduction, as_predictions, loss_class, loss_function
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import reshape, transpose
from millstream.ops.math.exponential import log
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.nn.cross_entropy import sigmoid_cross_entropy_with_logits, softmax_cross_entropy_with_logits
from millstream.ops.nn.softmax import sparse_softmax_cross_entropy_with_logits
from millstream.ops.rules import normalize_axis
from millstream.util.export import export


# ---------------------------------------------------------------------------------------------- logits behind a probability
def _logits_behind(output: Any, op_name: str, loss: str, from_logits: bool) -> Any:
    """The logits of which a softmax or sigmoid made `output`, or None where that is not known."""
    kept = output.__dict__.get("_keras_logits")
    if kept is not None:
        if from_logits:
            warnings.warn(
                f'"`{loss}` received `from_logits=True`, but the `output` argument was produced by a sigmoid or softmax '
                'activation and thus does not represent logits. Was this intended?"', stacklevel=4,
            )  # fmt: skip
        return kept
    return None if from_logits or not isinstance(output, GraphTensor) else _input_of(output, op_name)


def _input_of(output: GraphTensor, op_name: str) -> Any:
    """What a traced tensor was computed from, if by that op; the very object that tapes have seen, so that gradients find it."""
    node = output._node
    if node.op.name != op_name or "_keras_history" in output.__dict__:
        return None
    for tape in STATE.tapes:
        for record in reversed(getattr(tape, "_records", ())):
            if record[3] is output:
                return record[1][0]
    return GraphTensor(output._trace, node.inputs[0])


# ---------------------------------------------------------------------------------------------- per element or per row
@export("tf.keras.backend.binary_crossentropy")
def elementwise_binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(t log(p) + (1 - t) log(1 - p)), elementwise. Raises: ValueError when logits and labels differ in shape."""
    target, output = convert(target), convert(output)
    logits = _logits_behind(output, "sigmoid", "binary_crossentropy", from_logits)
    if logits is not None or from_logits:
        logits = output if logits is None else logits
        if tuple(logits.shape) != tuple(target.shape):
            raise ValueError(
                f"logits and labels must have the same shape ({logits.shape} vs {target.shape}).{_binary_hint(target, logits)}"
            )
        return sigmoid_cross_entropy_with_logits(target, logits)
    small, one = like(epsilon(), output), like(1.0, output)
    output = clip(output, small, one - small)
    return -(target * log(output + small) + (one - target) * log(one - output + small))


def _binary_hint(target: Tensor, logits: Tensor) -> str:
    if tuple(logits.shape) == (*tuple(target.shape), 1):
        return " Add an axis to the labels with tf.expand_dims(labels, -1)."
    return " A binary cross-entropy needs one output per label: end the model with as many units as there are labels per sample."


@export("tf.keras.backend.categorical_crossentropy")
def rowwise_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(t log(p)) along the axis of classes; probabilities are scaled to sum to 1 first.

    Raises: ValueError when labels and predictions differ in shape.
    """
    target, output = convert(target), convert(output)
    _check_one_hot(target, output)
    logits = _logits_behind(output, "softmax", "categorical_crossentropy", from_logits)
    if logits is not None or from_logits:
        return softmax_cross_entropy_with_logits(target, output if logits is None else logits, axis)
    output = output / reduce_sum(output, axis=axis, keepdims=True)
    small = like(epsilon(), output)
    output = clip(output, small, like(1.0, output) - small)
    return -reduce_sum(target * log(output), axis=axis)


def _check_one_hot(target: Tensor, output: Tensor) -> None:
    if target.shape.is_compatible_with(output.shape):
        return
    classes = output.shape[-1] if output.ndim else 1
    numbers = tuple(target.shape) in {tuple(output.shape)[:-1], (*tuple(output.shape)[:-1], 1)}
    hint = (
        f" The labels look like class numbers: use sparse_categorical_crossentropy, or make them one-hot with tf.one_hot(labels, {classes})."
        if numbers
        else f" Labels of a categorical cross-entropy have the predictions' shape, {output.shape}: one number per class."
    )
    raise ValueError(f"Shapes {target.shape} and {output.shape} are incompatible.{hint}")


@export("tf.keras.backend.sparse_categorical_crossentropy")
def rowwise_sparse_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(p[label]) along the axis of classes. target: class numbers [...], [..., 1] or flat; whole numbers, also as floats.

    Raises: ValueError when the number of labels does not fit (and says so when they are one-hot); InvalidArgumentError for a
    label that is no class, where its value is known.
    """
    target, output = cast(target, int64), convert(output)
    logits = _logits_behind(output, "softmax", "sparse_categorical_crossentropy", from_logits)
    if logits is None:
        small = like(epsilon(), output)
        logits = output if from_logits else log(clip(output, small, like(1.0, output) - small))
    at = normalize_axis(axis, logits.ndim)
    if at != logits.ndim - 1:
        logits = transpose(logits, [i for i in range(logits.ndim) if i != at] + [at])
    rows = tuple(logits.shape)[:-1]
    if target.ndim == len(rows):
        return sparse_softmax_cross_entropy_with_logits(target, logits)
    flat = reshape(target, [-1])
    _check_class_numbers(target, flat, logits)
    return reshape(sparse_softmax_cross_entropy_with_logits(flat, reshape(logits, [-1, logits.shape[-1]])), rows)


def _check_class_numbers(target: Tensor, flat: Tensor, logits: Tensor) -> None:
    classes = int(logits.shape[-1])
    rows = logits.shape.num_elements() // max(classes, 1)  # type: ignore[operator]
    if flat.shape[0] == rows:
        return
    one_hot = target.ndim == logits.ndim and target.shape[-1] == classes
    hint = (
        f" The labels of shape {target.shape} look one-hot: use categorical_crossentropy (CategoricalCrossentropy), or make class numbers of them with tf.argmax(labels, -1)."
        if one_hot
        else " A sparse categorical cross-entropy takes one class number per prediction."
    )
    raise ValueError(
        f"Shape mismatch: The shape of labels (received {flat.shape}) should equal the shape of logits except for the last dimension (received ({rows}, {classes})).{hint}"
    )


# ---------------------------------------------------------------------------------------------- functions
def _smooth(y_true: Any, smoothing: Any, spread: float) -> Any:
    """Labels moved towards their mean: y (1 - s) + s * spread. A smoothing of 0 costs nothing."""
    if not isinstance(smoothing, Tensor) and not hasattr(smoothing, "assign") and not smoothing:
        return y_true
    amount = like(smoothing, y_true) if not hasattr(smoothing, "assign") else cast(smoothing, y_true.dtype)
    return y_true * (like(1.0, y_true) - amount) + amount * like(spread, y_true)


@loss_function("bce", "BCE")
def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0) -> Any:
    """mean(-(y log(p) + (1 - y) log(1 - p))) over the last axis.

    >>> tf.keras.losses.binary_crossentropy([[1.0]], [[0.5]]).numpy().round(4).tolist()
    [0.6930999755859375]
    """
    y_true, y_pred = as_predictions(y_true, y_pred)
    return mean_last(elementwise_binary_crossentropy(_smooth(y_true, label_smoothing, 0.5), y_pred, from_logits))


@loss_function()
def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0) -> Any:
    """-sum(y log(p)) over the last axis, y one-hot.

    >>> tf.keras.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4).tolist()
    [0.6930999755859375]
    """
    y_true, y_pred = as_predictions(y_true, y_pred)
    classes = y_true.shape[-1] if y_true.ndim else 1
    return rowwise_categorical_crossentropy(_smooth(y_true, label_smoothing, 1.0 / max(classes or 1, 1)), y_pred, from_logits)


@loss_function()
def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(p[label]) along the axis of classes; y_true are class numbers.

    >>> tf.keras.losses.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().round(4).tolist()
    [0.6930999755859375]
    """
    return rowwise_sparse_crossentropy(y_true, y_pred, from_logits, axis)


@loss_function("kld", "KLD", "kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y log(y / p)) over the last axis; both are cut off at 1e-7 and 1."""
    y_true, y_pred = as_predictions(y_true, y_pred)
    y_true, y_pred = clip(y_true, epsilon(), 1.0), clip(y_pred, epsilon(), 1.0)
    return reduce_sum(y_true * log(y_true / y_pred), axis=-1)


@loss_function()
def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(p - y log(p)) over the last axis.

    >>> tf.keras.losses.poisson([[1.0]], [[1.0]]).numpy().round(4).tolist()
    [1.0]
    """
    y_true, y_pred = as_predictions(y_true, y_pred)
    return mean_last(y_pred - y_true * log(y_pred + like(epsilon(), y_pred)))


# ---------------------------------------------------------------------------------------------- classes
@loss_class
class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy of yes-or-no labels.

    >>> round(float(tf.keras.losses.BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: Any = 0, reduction: str = Reduction.AUTO, name: str | None = "binary_crossentropy"
    ) -> None:
        super().__init__(binary_crossentropy, reduction, name, from_logits=from_logits, label_smoothing=label_smoothing)
        self.from_logits = from_logits


@loss_class
class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of one-hot labels.

    >>> round(float(tf.keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Any = 0,
        reduction: str = Reduction.AUTO,
        name: str | None = "categorical_crossentropy",
    ) -> None:
        super().__init__(categorical_crossentropy, reduction, name, from_logits=from_logits, label_smoothing=label_smoothing)


@loss_class
class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of class numbers.

    >>> round(float(tf.keras.losses.SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    def __init__(
        self, from_logits: bool = False, reduction: str = Reduction.AUTO, name: str | None = "sparse_categorical_crossentropy"
    ) -> None:
        super().__init__(sparse_categorical_crossentropy, reduction, name, from_logits=from_logits)


@loss_class
class KLDivergence(LossFunctionWrapper):
    """Kullback-Leibler divergence of two distributions."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "kl_divergence") -> None:
        super().__init__(kl_divergence, reduction, name)


@loss_class
class Poisson(LossFunctionWrapper):
    """Poisson loss of counts."""

    def __init__(self, reduction: str = Reduction.AUTO, name: str | None = "poisson") -> None:
        super().__init__(poisson, reduction, name)
