"""SGD: var -= lr * grad, with momentum: m = momentum * m - lr * grad, var += m."""

from typing import Any

from millstream.keras.optimizers.formula import FormulaOptimizer, Slots, optimizer_class


@optimizer_class
class SGD(FormulaOptimizer):
    """Gradient descent, with momentum if asked for; nesterov looks one momentum step ahead.

    Raises: ValueError for a momentum outside of [0, 1].
    >>> w = tf.Variable(1.0)
    >>> _ = tf.keras.optimizers.SGD(0.25).minimize(lambda: w * w, [w])
    >>> float(w)
    0.5
    """

    def __init__(self, learning_rate: Any = 0.01, momentum: Any = 0.0, nesterov: bool = False, name: str = "SGD", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._momentum = not isinstance(momentum, (int, float)) or momentum > 0
        if isinstance(momentum, (int, float)) and not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be between [0, 1]; got {momentum}.")
        self._start(learning_rate, kwargs, momentum=momentum)
        self.nesterov = nesterov

    def _slot_values(self) -> dict[str, float]:
        return {"momentum": 0.0} if self._momentum else {}

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        if self._momentum:
            apply_state[var_device, var_dtype]["momentum"] = self._get_hyper("momentum", var_dtype)

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        if not self._momentum:
            return var - c["lr_t"] * grad, {}
        step = c["lr_t"] * grad
        moved = slots["momentum"] * c["momentum"] - step
        return var + (moved * c["momentum"] - step if self.nesterov else moved), {"momentum": moved}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._hypers("learning_rate", "decay", "momentum"), "nesterov": self.nesterov}
