"""tf.keras.optimizers.schedules: learning rates that depend on the step. step (any number) -> scalar of the first rate's dtype."""

import math
from typing import Any, ClassVar

from millstream.core.tensor import convert
from millstream.keras.backend.compose import like, where
from millstream.keras.objects import deserialize_keras_object, serialize_keras_object
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import floordiv, minimum, pow_, sqrt
from millstream.ops.math.comparison import equal, less_equal
from millstream.ops.math.exponential import log
from millstream.util.export import export, space

_SPACES = ("tf.keras.optimizers.schedules", "tf.optimizers.schedules")


@export(*[f"{s}.LearningRateSchedule" for s in _SPACES])
class LearningRateSchedule:
    """Base class: override `__call__(step)`, and `get_config` for saving.

    >>> class Halving(tf.keras.optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 1.0 / (step + 1)
    >>> float(Halving()(1))
    0.5
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError("Learning rate schedule must override __call__")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError("Learning rate schedule must override get_config")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """A schedule of `get_config`'s result."""
        return cls(**config)


class _Decay(LearningRateSchedule):
    """A schedule whose constructor's arguments are attributes, from a first rate on."""

    _arguments: ClassVar[tuple[str, ...]] = ()
    initial_learning_rate: Any

    def _start(self, step: Any, *numbers: Any) -> list[Any]:
        """[first rate, step, numbers...] as tensors of the first rate's dtype."""
        first = convert(self.initial_learning_rate)
        return [first, cast(step, first.dtype), *[cast(n, first.dtype) for n in numbers]]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in self._arguments}


def _floor(x: Any) -> Any:
    return floordiv(x, like(1, x))


@export(*[f"{s}.ExponentialDecay" for s in _SPACES])
class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate ** (step / decay_steps); staircase: whole exponents only.

    >>> float(tf.keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)(10))
    0.5
    """

    _arguments: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self, initial_learning_rate: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False, name: str | None = None
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        first, step, steps, rate = self._start(step, self.decay_steps, self.decay_rate)
        power = step / steps
        return first * pow_(rate, _floor(power) if self.staircase else power)


@export(*[f"{s}.PiecewiseConstantDecay" for s in _SPACES])
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] for steps above boundaries[i - 1] and up to boundaries[i].

    Raises: ValueError unless there is one value more than boundaries.
    >>> float(tf.keras.optimizers.schedules.PiecewiseConstantDecay([100], [1.0, 0.5])(101))
    0.5
    """

    def __init__(self, boundaries: Any, values: Any, name: str | None = None) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"The length of boundaries should be 1 less than the length of values; got {len(boundaries)} boundaries and {len(values)} values."
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        step = convert(step)
        values: Any = convert(self.values)
        found = values[len(self.values) - 1]
        for i in reversed(range(len(self.boundaries))):
            found = where(less_equal(step, cast(self.boundaries[i], step.dtype)), values[i], found)
        return found

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


@export(*[f"{s}.PolynomialDecay" for s in _SPACES])
class PolynomialDecay(_Decay):
    """From the first rate to the end rate in decay_steps, by (1 - step / decay_steps) ** power.

    cycle: after the end, again from the curve of a decay of 2, 3, ... times the steps.
    """

    _arguments: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        end_learning_rate: Any = 0.0001,
        power: Any = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.end_learning_rate = initial_learning_rate, decay_steps, end_learning_rate
        self.power, self.cycle, self.name = power, cycle, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        first, step, steps, end, power = self._start(step, self.decay_steps, self.end_learning_rate, self.power)
        one = like(1, step)
        if self.cycle:
            steps = steps * where(equal(step, like(0, step)), one, -_floor(-(step / steps)))
        else:
            step = minimum(step, steps)
        return (first - end) * pow_(one - step / steps, power) + end


@export(*[f"{s}.InverseTimeDecay" for s in _SPACES])
class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps); staircase: whole quotients only.

    >>> float(tf.keras.optimizers.schedules.InverseTimeDecay(1.0, 1, 0.5)(2))
    0.5
    """

    _arguments: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self, initial_learning_rate: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False, name: str | None = None
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        first, step, steps, rate = self._start(step, self.decay_steps, self.decay_rate)
        done = step / steps
        return first / (like(1, step) + rate * (_floor(done) if self.staircase else done))


# ---------------------------------------------------------------------------------------------- cosines
def _half_wave(x: Any) -> Any:
    """(1 + cos(pi x)) / 2: from 1 at 0 to 0 at 1."""
    return like(0.5, x) * (like(1, x) + space("math").cos(like(math.pi, x) * x))


@export("tf.keras.experimental.CosineDecay", *[f"{s}.CosineDecay" for s in _SPACES])
class CosineDecay(_Decay):
    """Along half a cosine wave to alpha times the first rate in decay_steps."""

    _arguments: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "alpha", "name")

    def __init__(self, initial_learning_rate: Any, decay_steps: Any, alpha: float = 0.0, name: str | None = None) -> None:
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = initial_learning_rate, decay_steps, alpha, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        first, step, steps, alpha = self._start(step, self.decay_steps, self.alpha)
        return first * ((like(1, step) - alpha) * _half_wave(minimum(step, steps) / steps) + alpha)


@export("tf.keras.experimental.CosineDecayRestarts", *[f"{s}.CosineDecayRestarts" for s in _SPACES])
class CosineDecayRestarts(_Decay):
    """Half a cosine wave again and again, each t_mul times as long and m_mul times as high as the one before."""

    _arguments: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(
        self,
        initial_learning_rate: Any,
        first_decay_steps: Any,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate, self.first_decay_steps, self.alpha, self.name = initial_learning_rate, first_decay_steps, alpha, name
        self._t_mul, self._m_mul = t_mul, m_mul

    @property
    def t_mul(self) -> float:
        """How many times longer each wave is."""
        return self._t_mul

    @property
    def m_mul(self) -> float:
        """How many times higher each wave is."""
        return self._m_mul

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        first, step, steps, alpha, t_mul, m_mul = self._start(step, self.first_decay_steps, self.alpha, self._t_mul, self._m_mul)
        one = like(1, step)
        done = step / steps
        if self._t_mul == 1.0:
            wave = _floor(done)
            place = done - wave
        else:
            wave = _floor(log(one - done * (one - t_mul)) / log(t_mul))
            length = pow_(t_mul, wave)
            place = (done - (one - length) / (one - t_mul)) / length
        return first * ((one - alpha) * (pow_(m_mul, wave) * _half_wave(place)) + alpha)


@export("tf.keras.experimental.LinearCosineDecay")
class LinearCosineDecay(_Decay):
    """(alpha + what is left of the steps) times num_periods cosine waves, plus beta."""

    _arguments: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "num_periods", "alpha", "beta", "name")

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        num_periods: float = 0.5,
        alpha: float = 0.0,
        beta: float = 0.001,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.num_periods = initial_learning_rate, decay_steps, num_periods
        self.alpha, self.beta, self.name = alpha, beta, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        first, step, steps, alpha, beta, periods = self._start(step, self.decay_steps, self.alpha, self.beta, self.num_periods)
        step = minimum(step, steps)
        wave = _half_wave(like(2, step) * periods * (step / steps))
        return first * ((alpha + self._line(step, steps)) * wave + beta)

    def _line(self, step: Any, steps: Any) -> Any:
        return (steps - step) / steps


@export("tf.keras.experimental.NoisyLinearCosineDecay")
class NoisyLinearCosineDecay(LinearCosineDecay):
    """As LinearCosineDecay, with normal noise of variance initial_variance / (1 + step) ** variance_decay on the line."""

    _arguments: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate",
        "decay_steps",
        "initial_variance",
        "variance_decay",
        "num_periods",
        "alpha",
        "beta",
        "name",
    )

    def __init__(
        self, initial_learning_rate: Any, decay_steps: Any, initial_variance: float = 1.0, variance_decay: float = 0.55, num_periods: float = 0.5,
        alpha: float = 0.0, beta: float = 0.001, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(initial_learning_rate, decay_steps, num_periods, alpha, beta, name)
        self.initial_variance, self.variance_decay = initial_variance, variance_decay

    def _line(self, step: Any, steps: Any) -> Any:
        variance = like(self.initial_variance, step) / pow_(like(1, step) + step, like(self.variance_decay, step))
        noise = space("random").normal((), dtype=step.dtype) * sqrt(variance)
        return super()._line(step, steps) + noise


# ---------------------------------------------------------------------------------------------- configs
_TABLE: dict[str, Any] = {
    c.__name__: c
    for c in (
        ExponentialDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        InverseTimeDecay,
        CosineDecay,
        CosineDecayRestarts,
        LinearCosineDecay,
        NoisyLinearCosineDecay,
    )
}


@export(*[f"{s}.serialize" for s in _SPACES])
def serialize(learning_rate_schedule: Any) -> Any:
    """The config of a schedule."""
    return serialize_keras_object(learning_rate_schedule)


@export(*[f"{s}.deserialize" for s in _SPACES])
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule of a config. Raises: ValueError for an unknown class."""
    return deserialize_keras_object(config, _TABLE, custom_objects, "decay")
