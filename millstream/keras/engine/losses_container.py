"""LossesContainer: the losses that a model was compiled with, one per output, summed; and the metrics that report them."""

from typing import Any

from millstream.core.tensor import convert
from millstream.keras import losses as losses_module
from millstream.keras.engine.conform import apply_mask, mask_of, match, per_output, pseudo_names
from millstream.keras.engine.naming import name_of
from millstream.keras.layers.context import STRUCTURE
from millstream.keras.metrics import Mean
from millstream.ops.array.creation import cast
from millstream.util import tree


class LossesContainer:
    """Callable: losses_container(y_true, y_pred, sample_weight, regularization_losses) -> the total loss.

    Args: losses, by name, object or function, or per output; loss_weights; output_names, None to make them up from the outputs.
    """

    def __init__(self, losses: Any, loss_weights: Any = None, output_names: Any = None) -> None:
        self._user_losses, self._user_loss_weights, self._output_names = losses, loss_weights, output_names
        self._losses: list[Any] = []
        self._loss_weights: list[Any] = []
        self._per_output: list[Any] = []
        self._loss_metric = Mean(name="loss")
        self._built = False
        for loss in tree.flatten(losses):
            as_loss(loss)  # a wrong name is said at compile time

    @property
    def metrics(self) -> list[Any]:
        """The total loss and, for several outputs, each one's own; none before the first call."""
        return [self._loss_metric, *(m for m in self._per_output if m is not None)] if self._built else []

    def build(self, y_pred: Any) -> None:
        """Find the loss of each output."""
        names = self._output_names = pseudo_names(y_pred) if isinstance(y_pred, dict) else list(self._output_names or pseudo_names(y_pred))
        self._losses = [as_loss(v) for v in per_output(self._user_losses, y_pred, names, "loss", share=True)]
        self._loss_weights = per_output(self._user_loss_weights, y_pred, names, "loss_weights")
        several = len(names) > 1
        self._per_output = [
            Mean(name=f"{n}_loss") if several and loss is not None else None for n, loss in zip(names, self._losses, strict=True)
        ]
        self._built = True
        STRUCTURE.version += 1

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None) -> Any:
        """The total loss, noted in the metrics."""
        if not self._built:
            self.build(y_pred)
        names = self._output_names
        targets = per_output(y_true, y_pred, names, "y")
        weights = per_output(sample_weight, y_pred, names, "sample_weight", share=True)
        if all(y is None for y in targets) and any(loss is not None for loss in self._losses):
            raise ValueError(
                "The model was compiled with a loss, but there are no targets: pass y (or batches of (x, y)), or compile with loss=None."
            )
        values, reported, batch = self._each(targets, tree.flatten(y_pred), weights)
        if regularization_losses:
            penalty = add_all(regularization_losses)
            values.append(penalty)
            reported.append(penalty)
        if not values:
            return convert(0.0)
        self._loss_metric.update_state(add_all(reported), sample_weight=batch)
        return add_all(values)

    def _each(self, targets: list[Any], predictions: list[Any], weights: list[Any]) -> tuple[list[Any], list[Any], Any]:
        """Each output's loss as trained and as reported, and the number of samples."""
        values: list[Any] = []
        reported: list[Any] = []
        batch = None
        rows = zip(targets, predictions, weights, self._losses, self._loss_weights, self._per_output, strict=True)
        for y_true, y_pred, weight, loss, factor, metric in rows:
            if y_true is None or loss is None:
                continue
            y_true, y_pred, weight = match(convert(y_true), y_pred, weight)
            value = loss(y_true, y_pred, sample_weight=apply_mask(y_pred, weight, mask_of(y_pred)))
            if batch is None:
                batch = int(y_true.shape[0]) if y_true.ndim else 1
            if metric is not None:
                metric.update_state(value, sample_weight=batch)
            if factor is not None:
                value = value * factor
            values.append(value)
            reported.append(value)
        return values, reported, batch


def add_all(values: Any) -> Any:
    """The sum of scalars, in the largest of their float types."""
    values = list(values)
    widest = max((v.dtype for v in values), key=lambda d: d.size)
    total = values[0] if values[0].dtype is widest else cast(values[0], widest)
    for v in values[1:]:
        total = total + (v if v.dtype is widest else cast(v, widest))
    return total


def as_loss(loss: Any) -> Any:
    """A Loss object of what a user gives; None stays. Raises: ValueError for what is no loss."""
    if loss is None:
        return None
    found = losses_module.get(loss)
    if isinstance(found, losses_module.Loss):
        return found
    name = name_of(found)
    if name is None:
        raise ValueError(f"Loss should be a callable, found: {found}")
    return losses_module.LossFunctionWrapper(found, name=name)
