"""Adam and its kin: running means m of gradients and v of their squares.

    m += (1 - beta_1) (g - m)      v += (1 - beta_2) (g^2 - v)      t  the step, from 1

Kingma and Ba, 2015; AMSGrad: Reddi et al., 2018; Nadam: Dozat, 2016.
"""

from collections.abc import Sequence
from typing import Any

from millstream.core.variable import Variable
from millstream.keras.backend.compose import number
from millstream.keras.optimizers.formula import FormulaOptimizer, Slots, optimizer_class
from millstream.keras.optimizers.schedules import LearningRateSchedule
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import maximum, pow_, sqrt, square

_NO_SCHEDULE = (
    "The Nadam optimizer does not support tf.keras.optimizers.schedules.LearningRateSchedule as the learning rate. Give it a number."
)


class _Moments(FormulaOptimizer):
    """What Adam, Adamax and Nadam share: two rates of forgetting, epsilon, slots m and v."""

    def _begin(self, learning_rate: Any, beta_1: Any, beta_2: Any, epsilon: float, kwargs: dict[str, Any]) -> None:
        self._start(learning_rate, kwargs, beta_1=beta_1, beta_2=beta_2)
        self.epsilon = epsilon or 1e-7

    def _slot_values(self) -> dict[str, float]:
        return {"m": 0.0, "v": 0.0}

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        one = number(1.0, var_dtype)
        beta_1, beta_2 = self._get_hyper("beta_1", var_dtype), self._get_hyper("beta_2", var_dtype)
        apply_state[var_device, var_dtype].update(
            epsilon=self._epsilon(var_dtype), one=one, step=cast(self.iterations.read_value(), var_dtype) + one,
            beta_1_t=beta_1, beta_2_t=beta_2, one_minus_beta_1_t=one - beta_1, one_minus_beta_2_t=one - beta_2,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._hypers("learning_rate", "decay", "beta_1", "beta_2"), "epsilon": self.epsilon}


@optimizer_class
class Adam(_Moments):
    """var -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon); amsgrad: with the largest v so far.

    >>> w = tf.Variable(1.0)
    >>> _ = tf.keras.optimizers.Adam(0.1).minimize(lambda: w * w, [w])
    >>> round(float(w), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        name: str = "Adam",
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self._begin(learning_rate, beta_1, beta_2, epsilon, kwargs)
        self.amsgrad = amsgrad

    def _always_moving(self) -> tuple[str, ...]:
        return ("m", "v", "vhat", "var")

    def _slot_values(self) -> dict[str, float]:
        return {"m": 0.0, "v": 0.0, **({"vhat": 0.0} if self.amsgrad else {})}

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        c = apply_state[var_device, var_dtype]
        c["beta_1_power"], c["beta_2_power"] = pow_(c["beta_1_t"], c["step"]), pow_(c["beta_2_t"], c["step"])
        c["lr"] = c["lr_t"] * sqrt(c["one"] - c["beta_2_power"]) / (c["one"] - c["beta_1_power"])

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        m = slots["m"] + (grad - slots["m"]) * c["one_minus_beta_1_t"]
        v = slots["v"] + (square(grad) - slots["v"]) * c["one_minus_beta_2_t"]
        new = {"m": m, "v": v}
        if self.amsgrad:
            new["vhat"] = v = maximum(slots["vhat"], v)
        return var - m * c["lr"] / (sqrt(v) + c["epsilon"]), new

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the weights; those of an AMSGrad from before TensorFlow 2, which had a third slot always, are taken too."""
        own = len(self.weights)
        super().set_weights(weights[:own] if len(weights) == 3 * ((own - 1) // 2) + 1 else weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "amsgrad": self.amsgrad}


@optimizer_class
class Adamax(_Moments):
    """var -= lr / (1 - beta_1^t) * m / (v + epsilon), v = max(beta_2 v, |g|)."""

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: float = 1e-7, name: str = "Adamax", **kwargs: Any
    ) -> None:
        super().__init__(name, **kwargs)
        self._begin(learning_rate, beta_1, beta_2, epsilon, kwargs)

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        c = apply_state[var_device, var_dtype]
        c["lr"] = c["lr_t"] / (c["one"] - pow_(c["beta_1_t"], c["step"]))

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        m = slots["m"] + (grad - slots["m"]) * c["one_minus_beta_1_t"]
        v = maximum(slots["v"] * c["beta_2_t"], abs(grad))
        return var - c["lr"] * (m / (v + c["epsilon"])), {"m": m, "v": v}


@optimizer_class
class Nadam(_Moments):
    """Adam with Nesterov momentum that warms up: mu(t) = beta_1 (1 - 0.96^(0.004 t) / 2). `decay=` is set to 0.004 always.

    Raises: ValueError for a learning rate schedule, which TensorFlow's has no place for.
    """

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: float = 1e-7, name: str = "Nadam", **kwargs: Any
    ) -> None:
        kwargs["decay"] = kwargs.pop("schedule_decay", 0.004)
        if isinstance(kwargs.get("lr", learning_rate), LearningRateSchedule):
            raise ValueError(_NO_SCHEDULE)
        super().__init__(name, **kwargs)
        self._begin(learning_rate, beta_1, beta_2, epsilon, kwargs)
        self._m_cache: Variable | None = None

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        if self._m_cache is None and var_list:
            self._m_cache = self.add_weight("momentum_cache", (), var_list[0].dtype, "ones")
            self._weights.append(self._m_cache)
        super()._create_slots(var_list)

    def _always_moving(self) -> tuple[str, ...]:
        return ("m", "v")

    def _decayed_lr(self, var_dtype: Any) -> Any:
        return self._get_hyper("learning_rate", var_dtype)  # the decay is that of the momentum

    def _momentum_at(self, c: dict[str, Any], step: Any) -> Any:
        half, base = number(0.5, step.dtype), number(0.96, step.dtype)
        return c["beta_1_t"] * (c["one"] - half * pow_(base, number(float(self._initial_decay), step.dtype) * step))

    def _prepare(self, var_list: Sequence[Any]) -> Any:
        assert self._m_cache is not None
        self._m_cache_read = self._m_cache.read_value()  # each dtype's product starts from the value before this step
        return super()._prepare(var_list)

    def _prepare_local(self, var_device: str, var_dtype: Any, apply_state: Any) -> None:
        super()._prepare_local(var_device, var_dtype, apply_state)
        c = apply_state[var_device, var_dtype]
        now, later = self._momentum_at(c, c["step"]), self._momentum_at(c, c["step"] + c["one"])
        product = cast(self._m_cache_read, var_dtype) * now
        if self._m_cache is not None and self._m_cache.dtype is product.dtype:
            self._m_cache.assign(product)
        c.update(
            one_minus_m_t=c["one"] - now, m_t_1=later, one_minus_m_schedule_new=c["one"] - product,
            one_minus_m_schedule_next=c["one"] - product * later, v_t_prime_denominator=c["one"] - pow_(c["beta_2_t"], c["step"]),
        )  # fmt: skip

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        m = c["beta_1_t"] * slots["m"] + c["one_minus_beta_1_t"] * grad
        v = c["beta_2_t"] * slots["v"] + c["one_minus_beta_2_t"] * square(grad)
        ahead = c["one_minus_m_t"] * (grad / c["one_minus_m_schedule_new"]) + c["m_t_1"] * (m / c["one_minus_m_schedule_next"])
        return var - c["lr_t"] * ahead / (sqrt(v / c["v_t_prime_denominator"]) + c["epsilon"]), {"m": m, "v": v}
