"""MetricState: a model's metrics, reset and read with as little Python as possible."""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.keras.layers.context import STRUCTURE
from millstream.keras.metrics import Metric


class MetricState:
    """The metrics of a model at one state of its structure."""

    def __init__(self, metrics: list[Any]) -> None:
        self.version, self.metrics = STRUCTURE.version, metrics
        plain = [m for m in metrics if type(m).reset_states is Metric.reset_states]
        self._zeros = [(v, np.zeros_like(v._array)[()]) for m in plain for v in m.variables]
        self._resets: list[Callable[[], Any]] = [m.reset_states for m in metrics if type(m).reset_states is not Metric.reset_states]

    def reset(self) -> None:
        """Begin all anew: variables are given zeros, or the metric's own reset_states is called."""
        for variable, zero in self._zeros:
            variable._array = zero
        for reset in self._resets:
            reset()

    def read(self) -> dict[str, Any]:
        """The results by name, as Python numbers (arrays stay arrays)."""
        return {m.name: as_number(m.result()) for m in self.metrics}


def as_number(value: Any) -> Any:
    """A scalar as a Python number; an array stays one."""
    if isinstance(value, (Tensor, Variable)):
        value = value._array
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and np.ndim(value) == 0 else value
