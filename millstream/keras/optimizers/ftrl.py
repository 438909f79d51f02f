"""Ftrl: follow the regularized leader (McMahan et al., 2013), for sparse models.

n  accumulator: sum of squared gradients        z  linear: gradients less what the variable has moved already
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from millstream.keras.backend.compose import like, number, where
from millstream.keras.optimizers.formula import FormulaOptimizer, Slots, optimizer_class
from millstream.ops.math.arithmetic import pow_, sign, sqrt, square
from millstream.ops.math.comparison import greater


@optimizer_class
class Ftrl(FormulaOptimizer):
    """Ftrl with L1, L2 and shrinkage regularization: weights that matter little become exactly 0.

    Raises: ValueError for negative strengths, and for a positive learning_rate_power.
    """

    def __init__(
        self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0, name: str = "Ftrl", l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        _check("initial_accumulator_value", initial_accumulator_value)
        _check("l1_regularization_strength", l1_regularization_strength)
        _check("l2_regularization_strength", l2_regularization_strength)
        _check("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power {learning_rate_power} needs to be negative or zero")
        self._start(
            learning_rate,
            kwargs,
            learning_rate_power=learning_rate_power,
            l1_regularization_strength=l1_regularization_strength,
            l2_regularization_strength=l2_regularization_strength,
            beta=beta,
        )
        self._initial_accumulator_value = initial_accumulator_value
        self._l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength

    def _slot_values(self) -> dict[str, float]:
        return {"accumulator": self._initial_accumulator_value, "linear": 0.0}

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            for name, value in self._slot_values().items():
                self.add_slot(var, name, np.full(tuple(var.shape), value, var.dtype.numpy))

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        c = apply_state[var_device, var_dtype]
        two, one = number(2.0, var_dtype), number(1.0, var_dtype)
        shrinks = bool(self._l2_shrinkage_regularization_strength)  # then TensorFlow keeps the linear slot times the learning rate
        strength = self._get_hyper("l2_regularization_strength", var_dtype) + self._get_hyper("beta", var_dtype) / (two * c["lr_t"])
        c.update(
            power=-self._get_hyper("learning_rate_power", var_dtype),
            l1=self._get_hyper("l1_regularization_strength", var_dtype),
            scale=c["lr_t"] if shrinks else one,
            divisor=one if shrinks else c["lr_t"],
            two_l2=two * strength,
            two_shrinkage=number(2.0 * self._l2_shrinkage_regularization_strength, var_dtype),
        )

    def _root(self, n: Any, c: dict[str, Any]) -> Any:
        """n ** -learning_rate_power; the usual power is a square root."""
        given = self._hyper["learning_rate_power"]
        usual = getattr(given, "_array", given) == -0.5
        return sqrt(n) if usual else pow_(n, c["power"])

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        total = slots["accumulator"] + square(grad)
        root = self._root(total, c)
        pull = grad + c["two_shrinkage"] * var if self._l2_shrinkage_regularization_strength else grad
        linear = slots["linear"] + c["scale"] * pull - (root - self._root(slots["accumulator"], c)) / c["divisor"] * var
        limit = c["scale"] * c["l1"]
        value = (sign(linear) * limit - linear) / (root / c["divisor"] + c["scale"] * c["two_l2"])
        return where(greater(abs(linear), limit), value, like(0, linear)), {"accumulator": total, "linear": linear}

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        hypers = self._hypers(
            "learning_rate", "decay", "learning_rate_power", "l1_regularization_strength", "l2_regularization_strength", "beta"
        )
        own = {
            "initial_accumulator_value": self._initial_accumulator_value,
            "l2_shrinkage_regularization_strength": self._l2_shrinkage_regularization_strength,
        }
        return {**super().get_config(), **hypers, **own}


def _check(name: str, value: float) -> None:
    if value < 0.0:
        raise ValueError(f"{name} {value} needs to be positive or zero")
