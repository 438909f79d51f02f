"""Losing: losses and metrics that layers add to those of the model: regularisers, add_loss, add_metric."""

from typing import Any

from millstream.core.tensor import Tensor, convert
from millstream.keras.layers.context import CALL, STRUCTURE
from millstream.keras.layers.keras_tensor import KerasTensor
from millstream.keras.layers.tracking import is_metric, unique
from millstream.util import tree


class Losing:
    """What a layer adds to the loss and to the metrics."""

    _flatten_layers: Any
    _losses: list[Any]
    _callable_losses: list[Any]
    _metrics: list[Any]
    name: Any

    def add_loss(self, losses: Any, **kwargs: Any) -> None:
        """Add tensors to the loss (inside `call`), or functions of no arguments that give them (anywhere)."""
        for loss in tree.flatten(losses):
            if callable(loss) and not isinstance(loss, Tensor):
                self._callable_losses.append(loss)
            elif isinstance(loss, KerasTensor):
                self._add_symbolic_loss(loss)
            elif loss is not None:
                self._losses.append(convert(loss))
                if CALL.lossy is not None:
                    CALL.lossy.append(self)

    def _add_symbolic_loss(self, loss: Any) -> None:
        raise ValueError(
            f"add_loss of layer {self.name} got a Keras tensor: {loss}. Call add_loss on the functional model that the tensor belongs to, or inside a layer's `call`."
        )

    @property
    def losses(self) -> list[Any]:
        """The losses of the last call, and those of regularisers, of this layer and all inside it."""
        found: list[Any] = []
        for layer in unique(self._flatten_layers()):
            found += layer._losses
            found += [loss for loss in (make() for make in layer._callable_losses) if loss is not None]
        return found

    def add_metric(self, value: Any, name: str | None = None, aggregation: str | None = None, **kwargs: Any) -> None:
        """Report a tensor as a metric: its mean over the batches (aggregation="mean"), or what a metric object made of it.

        Raises: ValueError without a name, or for a tensor without values of a metric outside of `call`.
        """
        aggregation = kwargs.get("aggregation", aggregation)
        if name is None and not (is_metric(getattr(value, "_metric_obj", None)) or isinstance(value, KerasTensor)):
            raise ValueError("Please provide a name for your metric like `self.add_metric(tf.reduce_sum(inputs), name='mean_activation')`")
        if isinstance(value, KerasTensor):
            self._add_symbolic_metric(value, name, aggregation)
        elif CALL.root is None and CALL.lossy is None:
            raise ValueError(f"Expected a symbolic Tensor for the metric value, received: {value}. Call add_metric inside `call`.")
        else:
            self._observe(value, name, aggregation)

    def _observe(self, value: Any, name: str | None, aggregation: str | None) -> None:
        of = getattr(value, "__dict__", {}).get("_metric_obj")
        if of is not None:  # the tensor is a metric object's result: report that object
            if all(m is not of for m in self._metrics):
                self._metrics.append(of)
                STRUCTURE.version += 1
            return
        metric = next((m for m in self._metrics if m.name == name), None)
        if metric is None:
            from millstream.keras.metrics import Mean

            metric = Mean(name=name)
            self._metrics.append(metric)
            STRUCTURE.version += 1
        metric.update_state(value)

    def _add_symbolic_metric(self, value: Any, name: str | None, aggregation: str | None) -> None:
        raise ValueError(
            f"add_metric of layer {self.name} got a Keras tensor: {value}. Call add_metric on the functional model that the tensor belongs to."
        )

    @property
    def metrics(self) -> list[Any]:
        """The metrics of this layer and all inside it: added by add_metric, or attributes."""
        found: list[Any] = []
        for layer in self._flatten_layers():
            found += [*layer._metrics, *(x for x in layer._held() if is_metric(x))]
        return unique(found)
