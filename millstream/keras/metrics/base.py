"""What metrics share: `Metric`, a thing with state that is fed batch by batch, and those that keep a sum, a mean, or a table.

`update_state` and `result` are written with ops on tensors and variables, so that a training step traces them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.dispatch import eagerly
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras.backend.config import dtype_or_default
from millstream.keras.backend.names import to_snake_case, unique_object_name
from millstream.keras.initializers import get as get_initializer
from millstream.keras.losses.base import drop_last_of_one, fit_weight
from millstream.ops.array.creation import cast
from millstream.ops.math.reduce import reduce_mean, reduce_sum
from millstream.ops.math.safe import divide_no_nan
from millstream.util.export import export

CLASSES: dict[str, Any] = {}


def metric_class(cls: type) -> type:
    """Register a metric under tf.keras.metrics and tf.metrics."""
    CLASSES[cls.__name__] = cls
    return export(f"tf.keras.metrics.{cls.__name__}", f"tf.metrics.{cls.__name__}")(cls)


@metric_class
class Metric:
    """Base class: override `update_state(...)`, which adds a batch, and `result()`; make state with `add_weight`.

    Args: name, by default the class's name in snake case; dtype, of the state and result.
    >>> class Largest(tf.keras.metrics.Metric):
    ...     def __init__(self, name="largest", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.found = self.add_weight("found", initializer="zeros")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.found.assign(tf.maximum(self.found, tf.reduce_max(y_pred)))
    ...
    ...     def result(self):
    ...         return self.found
    >>> float(Largest()([0.0], [7.0]))
    7.0
    """

    stateful = True

    def __init__(self, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        if kwargs:
            raise TypeError(
                f"{type(self).__name__} got unexpected arguments {sorted(kwargs)}; a metric takes name and dtype besides its own."
            )
        if type(self).update_state is Metric.update_state or type(self).result is Metric.result:
            raise TypeError(f"Can't instantiate abstract class {type(self).__name__}: a metric overrides update_state and result.")
        self._name = name or unique_object_name(to_snake_case(type(self).__name__), zero_based=True)
        self._dtype = dtype_or_default(dtype)
        self._weights: list[Variable] = []
        self.trainable, self.built = True, True

    # ------------------------------------------------------------------ what subclasses override
    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError("A metric must override update_state.")

    def result(self) -> Any:
        """The value so far. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError("A metric must override result.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}

    def reset_states(self) -> None:
        """Forget all batches: every state variable becomes zero."""
        for weight in self.weights:
            weight.assign(np.zeros(tuple(weight.shape), weight.dtype.numpy))

    # ------------------------------------------------------------------ what all share
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the value so far."""
        self.update_state(*args, **kwargs)
        found = self.result()
        return found.read_value() if isinstance(found, Variable) else found

    def reset_state(self) -> None:
        """The later name of `reset_states`."""
        self.reset_states()

    def add_weight(
        self, name: str, shape: Any = (), aggregation: Any = None, synchronization: Any = None, initializer: Any = None, dtype: Any = None
    ) -> Variable:
        """A new state variable that is not trained."""
        make = get_initializer("glorot_uniform" if initializer is None else initializer)
        target = self._dtype if dtype is None else dtype_or_default(dtype)
        with eagerly():
            made = Variable(make(tuple(shape), dtype=target), trainable=False, name=name, dtype=target)
        self._weights.append(made)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> "Metric":
        import copy

        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return made

    @property
    def name(self) -> str:
        """The name under which logs show it."""
        return self._name

    @property
    def dtype(self) -> str:
        """The name of the state's dtype."""
        return self._dtype.name  # type: ignore[no-any-return]

    @property
    def submetrics(self) -> list["Metric"]:
        """Metrics kept as attributes."""
        return [v for v in self.__dict__.values() if isinstance(v, Metric)]

    def _checkpoint_children(self) -> list[tuple[str, Any]]:
        own = [(v._shared_name.rpartition("/")[2], v) for v in self._weights]
        return own + [(k, v) for k, v in vars(self).items() if isinstance(v, Metric)]

    @property
    def weights(self) -> list[Variable]:
        """The state, that of metrics kept as attributes included."""
        return [*self._weights, *[w for m in self.submetrics for w in m.weights]]

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`."""
        return self.weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The same as `weights`: no state is trained."""
        return self.weights

    non_trainable_variables = non_trainable_weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """None: no state is trained."""
        return []

    trainable_variables = trainable_weights

    def get_weights(self) -> list[Any]:
        """The state as NumPy arrays."""
        return [w.numpy() for w in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Replace the state. Raises: ValueError when the number of arrays differs."""
        if len(weights) != len(self.weights):
            raise ValueError(f"Metric {self.name} has {len(self.weights)} weights; got {len(weights)} arrays.")
        for variable, array in zip(self.weights, weights, strict=True):
            variable.assign(array)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Metric":
        """A metric of `get_config`'s result."""
        return cls(**config)


# ---------------------------------------------------------------------------------------------- sums and means
def fit_to_values(values: Tensor, weight: Tensor) -> tuple[Any, Any]:
    """Values and weight so that they broadcast: a weight of one axis less gets one, and of fewer still averages the values' last axes."""
    weight = fit_weight(weight, values.ndim)
    if weight.ndim < values.ndim and weight.ndim:
        values = reduce_mean(values, axis=list(range(weight.ndim, values.ndim)))
    return values, weight


class Reduce(Metric):
    """A sum, or a sum and a count, of values. Base of `Sum` and `Mean`."""

    def __init__(self, counts: bool, name: str | None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_weight("total", initializer="zeros")
        if counts:
            self.count = self.add_weight("count", initializer="zeros")

    def _weighted(self, values: Any, sample_weight: Any) -> tuple[Any, Any]:
        """(values times weights, weights broadcast to the values or None)."""
        values = cast(convert(values), self._dtype)
        if sample_weight is None:
            return values, None
        values, weight = fit_to_values(values, cast(sample_weight, self._dtype))
        return values * weight, weight


@metric_class
class Sum(Reduce):
    """The (weighted) sum of all values.

    >>> m = tf.keras.metrics.Sum()
    >>> m.update_state([1.0, 3.0])
    >>> float(m.result())
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(False, name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> Any:
        """Add values, each times its weight."""
        self.total.assign_add(reduce_sum(self._weighted(values, sample_weight)[0]))

    def result(self) -> Any:
        """The sum so far."""
        return self.total.read_value()


@metric_class
class Mean(Reduce):
    """The (weighted) mean of all values; 0 of none.

    >>> m = tf.keras.metrics.Mean()
    >>> m.update_state([1.0, 3.0])
    >>> float(m.result())
    2.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(True, name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> Any:
        """Add values, each times its weight."""
        weighted, weight = self._weighted(values, sample_weight)
        self.total.assign_add(reduce_sum(weighted))
        if weight is None:
            self.count.assign_add(convert(float(weighted.shape.num_elements()), self._dtype))
        else:
            repeated = (weighted.shape.num_elements() or 0) / max(weight.shape.num_elements() or 0, 1)
            total = reduce_sum(weight)
            self.count.assign_add(total if repeated == 1 else total * convert(float(repeated), self._dtype))

    def result(self) -> Any:
        """The mean so far."""
        return divide_no_nan(self.total.read_value(), self.count.read_value())


class MeanMetricWrapper(Mean):
    """The mean of a function fn(y_true, y_pred, **kwargs) that returns a value per sample."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name, dtype)
        self._fn, self._fn_kwargs = fn, kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:  # type: ignore[override]  # two tensors where Mean takes one
        """Add a batch of labels and predictions."""
        y_true, y_pred = cast(y_true, self._dtype), cast(y_pred, self._dtype)
        y_true, y_pred = drop_last_of_one(y_true, y_pred)
        return super().update_state(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the function's included."""
        kwargs = {k: v.numpy() if hasattr(v, "numpy") else v for k, v in self._fn_kwargs.items()}
        wrapped = {"fn": self._fn} if type(self) is MeanMetricWrapper else {}
        return {**super().get_config(), **wrapped, **kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Metric":
        """A metric of `get_config`'s result."""
        if cls is MeanMetricWrapper:
            from millstream.keras.metrics.lookup import get

            return cls(**{**config, "fn": get(config["fn"])})  # files hold the function's name
        return cls(**{k: v for k, v in config.items() if k != "fn"})


CLASSES["MeanMetricWrapper"] = MeanMetricWrapper
