"""AddLoss, AddMetric: how `model.add_loss(tensor)` and `model.add_metric(tensor)` stand in a functional model."""

from typing import Any

from millstream.keras.layers.base import Layer
from millstream.util.export import export


@export("tf.keras.layers.AddLoss")
class AddLoss(Layer):
    """Adds its input to the model's loss, and passes it on."""

    def __init__(self, unconditional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unconditional = unconditional

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        self.add_loss(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "unconditional": self.unconditional}


@export("tf.keras.layers.AddMetric")
class AddMetric(Layer):
    """Reports its input as a metric, and passes it on. Args: aggregation; metric_name."""

    def __init__(self, aggregation: str | None = None, metric_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aggregation, self.metric_name = aggregation, metric_name

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        self.add_metric(inputs, name=self.metric_name, aggregation=self.aggregation)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "aggregation": self.aggregation, "metric_name": self.metric_name}
