"""Step sizes per weight from the squares of its gradients: Adagrad, Adadelta, RMSprop.

Duchi et al., 2011; Zeiler, 2012; Tieleman and Hinton, 2012.
"""

from collections.abc import Sequence
from typing import Any

from millstream.keras.backend.compose import number
from millstream.keras.optimizers.formula import FormulaOptimizer, Slots, optimizer_class, with_iterations
from millstream.ops.math.arithmetic import rsqrt, sqrt, square


@optimizer_class
class Adagrad(FormulaOptimizer):
    """accumulator += g^2; var -= lr g / (sqrt(accumulator) + epsilon).

    Raises: ValueError for a negative initial_accumulator_value.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        name: str = "Adagrad",
        **kwargs: Any,
    ) -> None:
        if initial_accumulator_value < 0.0:
            raise ValueError(f"initial_accumulator_value must be non-negative: {initial_accumulator_value}")
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs)
        self._initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon or 1e-7

    def _slot_values(self) -> dict[str, float]:
        return {"accumulator": self._initial_accumulator_value}

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        apply_state[var_device, var_dtype]["epsilon"] = self._epsilon(var_dtype)

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        total = slots["accumulator"] + square(grad)
        return var - grad * c["lr_t"] / (sqrt(total) + c["epsilon"]), {"accumulator": total}

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the weights; those without iterations are taken too."""
        super().set_weights(with_iterations(self.weights, weights))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"initial_accumulator_value": self._initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **self._hypers("learning_rate", "decay"), **own}


@optimizer_class
class Adadelta(FormulaOptimizer):
    """accum_grad and accum_var are running means of squared gradients and squared updates.

    update = sqrt(accum_var + epsilon) / sqrt(accum_grad + epsilon) * g; var -= lr * update.
    """

    def __init__(self, learning_rate: Any = 0.001, rho: Any = 0.95, epsilon: float = 1e-7, name: str = "Adadelta", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._start(learning_rate, kwargs, rho=rho)
        self.epsilon = epsilon or 1e-7

    def _slot_values(self) -> dict[str, float]:
        return {"accum_grad": 0.0, "accum_var": 0.0}

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        rho = self._get_hyper("rho", var_dtype)
        apply_state[var_device, var_dtype].update(epsilon=self._epsilon(var_dtype), rho=rho, one_minus_rho=number(1.0, var_dtype) - rho)

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        squares = slots["accum_grad"] * c["rho"] + square(grad) * c["one_minus_rho"]
        update = sqrt(slots["accum_var"] + c["epsilon"]) * rsqrt(squares + c["epsilon"]) * grad
        moves = slots["accum_var"] * c["rho"] + square(update) * c["one_minus_rho"]
        return var - update * c["lr_t"], {"accum_grad": squares, "accum_var": moves}

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the weights; those without iterations are taken too."""
        super().set_weights(with_iterations(self.weights, weights))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._hypers("learning_rate", "decay", "rho"), "epsilon": self.epsilon}


@optimizer_class
class RMSprop(FormulaOptimizer):
    """rms is a running mean of squared gradients; var -= lr g / (sqrt(rms) + epsilon); centered: less the squared mean gradient.

    With momentum, as in TensorFlow, epsilon stands inside the root. Raises: ValueError for a momentum outside of [0, 1].
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        name: str = "RMSprop",
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self._momentum = not isinstance(momentum, (int, float)) or momentum > 0
        if isinstance(momentum, (int, float)) and not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be between [0, 1]; got {momentum}.")
        self._start(learning_rate, kwargs, rho=rho, momentum=momentum)
        self.epsilon, self.centered = epsilon or 1e-7, centered

    def _slot_values(self) -> dict[str, float]:
        return {"rms": 0.0, **({"momentum": 0.0} if self._momentum else {}), **({"mg": 0.0} if self.centered else {})}

    def _always_moving(self) -> tuple[str, ...]:
        return () if self._momentum else ("rms", "mg")

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        rho = self._get_hyper("rho", var_dtype)
        c = apply_state[var_device, var_dtype]
        c.update(epsilon=self._epsilon(var_dtype), rho=rho, one_minus_rho=number(1.0, var_dtype) - rho)
        if self._momentum:
            c["momentum"] = self._get_hyper("momentum", var_dtype)

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        rms = c["rho"] * slots["rms"] + c["one_minus_rho"] * square(grad)
        new, spread = {"rms": rms}, rms
        if self.centered:
            new["mg"] = c["rho"] * slots["mg"] + c["one_minus_rho"] * grad
            spread = rms - square(new["mg"])
        if not self._momentum:
            return var - c["lr_t"] * grad / (sqrt(spread) + c["epsilon"]), new
        new["momentum"] = slots["momentum"] * c["momentum"] + c["lr_t"] * grad * rsqrt(spread + c["epsilon"])
        return var - new["momentum"], new

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the weights; those without iterations are taken too."""
        super().set_weights(with_iterations(self.weights, weights))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **self._hypers("learning_rate", "decay", "rho", "momentum"), **own}
