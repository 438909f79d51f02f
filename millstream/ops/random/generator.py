"""tf.random.Generator: random numbers from a state of one's own, int64[3] (counter low, counter high, key)."""

import enum
import os
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, wrap
from millstream.core.dtypes import DType, as_dtype, float32, int64, uint64
from millstream.core.spec import Shape
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.ops.random import philox, traced
from millstream.ops.random.draw import between, bounds, floating, scaled, shape_of
from millstream.ops.random.seeds import BLOCKS_PER_NUMBER
from millstream.util.export import export


@export("tf.random.Algorithm", "tf.random.experimental.Algorithm")
class Algorithm(enum.Enum):
    """How random bits are made."""

    PHILOX = 1
    THREEFRY = 2


def _check_algorithm(alg: Any) -> None:
    """Raises: ValueError for algorithms other than Philox."""
    if alg not in (None, "philox", 1, Algorithm.PHILOX) and str(getattr(alg, "value", alg)) != "1":
        raise ValueError(f"Unsupported algorithm {alg!r} of random numbers; 'philox' is there.")


@export("tf.random.create_rng_state", "tf.random.experimental.create_rng_state")
def create_rng_state(seed: Any, alg: Any = None) -> Any:
    """The state int64[3] of a seed: a whole number, cut into pieces of 64 bits, or up to three numbers."""
    _check_algorithm(alg)
    pieces = (
        [int(v) for v in np.asarray(seed).reshape(-1)] if not isinstance(seed, int) else [seed >> 64 * i & philox.M64 for i in range(3)]
    )
    if len(pieces) > 3 or (isinstance(seed, int) and seed >> 192 not in (0, -1)):
        raise ValueError(f"The seed {seed!r} is too long: a state holds three numbers of 64 bits.")
    return traced.state_array(*[*pieces, 0, 0, 0][:3])


@export("tf.random.Generator", "tf.random.experimental.Generator")
class Generator:
    """A source of random numbers with a state of its own; make one by `from_seed`.

    >>> g = tf.random.Generator.from_seed(1)
    >>> g.uniform([2]).shape, g.state.numpy().tolist()
    (TensorShape([2]), [513, 0, 0])
    """

    def __init__(self, copy_from: "Generator | None" = None, state: Any = None, alg: Any = None) -> None:
        _check_algorithm(alg)
        if copy_from is not None:
            if state is not None:
                raise ValueError("Give copy_from or state, not both.")
            state = copy_from.state
        if state is None:
            raise ValueError("A Generator needs copy_from or state; make one from a seed by Generator.from_seed.")
        self._state = Variable(
            convert(state, int64) if not isinstance(state, np.ndarray) else state.astype(np.int64), trainable=False, name="StateVar"
        )

    @classmethod
    def from_state(cls, state: Any, alg: Any) -> "Generator":
        """A generator that goes on from a state int64[3]."""
        return cls(state=state if isinstance(state, Variable) else np.asarray(state).astype(np.int64), alg=alg)

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> "Generator":
        """A generator of a seed."""
        return cls(state=create_rng_state(seed, alg), alg=alg)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> "Generator":
        """A generator whose numbers nobody can foresee."""
        return cls(state=traced.state_array(*(int.from_bytes(os.urandom(8)) for _ in range(3))), alg=alg)

    @classmethod
    def from_key_counter(cls, key: Any, counter: Any, alg: Any) -> "Generator":
        """A generator of a key and a counter of two numbers."""
        low, high = (int(v) for v in counter)
        return cls(state=traced.state_array(low, high, int(key)), alg=alg)

    @property
    def state(self) -> Variable:
        """The state: counter low, counter high, key."""
        return self._state

    @property
    def algorithm(self) -> int:
        """The number of the algorithm: 1 is Philox."""
        return 1

    @property
    def key(self) -> Any:
        """The key."""
        return self._state.read_value()[2]  # type: ignore[index]

    def reset(self, state: Any) -> None:
        """Go on from a state."""
        self._state.assign(convert(state, int64))

    def reset_from_seed(self, seed: Any) -> None:
        """Go on as `from_seed`."""
        self._state.assign(create_rng_state(seed))

    def reset_from_key_counter(self, key: Any, counter: Any) -> None:
        """Go on as `from_key_counter`."""
        low, high = (int(v) for v in counter)
        self._state.assign(traced.state_array(low, high, int(key)))

    def skip(self, delta: Any) -> None:
        """Move on as drawing `delta` numbers would."""
        self._advance(int(delta))

    def _advance(self, count: int) -> Tensor:
        """The state before; the variable then stands `count` numbers further."""
        before = self._state.read_value()
        self._state.assign(traced.skip_blocks(before, blocks=BLOCKS_PER_NUMBER * count))
        return before

    def _draw(self, kind: str, shape: Shape, dtype: DType) -> Tensor:
        count = traced.size(shape)
        state = self._advance(count)
        if STATE.trace is None:
            low, high, key = (int(v) for v in state._array)
            return wrap(traced.shaped(philox.KINDS[kind](key & philox.M64, low, high, count, dtype.numpy), shape))
        made: Tensor = traced.DRAW_FROM_STATE[kind](state, shape=shape, dtype=dtype)
        return made

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None) -> Any:
        """Normal numbers."""
        return scaled(self._draw("normal", shape_of(shape), floating(dtype)), stddev, mean)

    def truncated_normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, name: str | None = None) -> Any:
        """Normal numbers within two deviations of the mean."""
        return scaled(self._draw("truncated_normal", shape_of(shape), floating(dtype)), stddev, mean)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, name: str | None = None) -> Any:
        """Uniform numbers in [minval, maxval). Raises: ValueError for whole numbers without maxval."""
        target, sizes = as_dtype(dtype), shape_of(shape)
        if not target.is_integer:
            return between(self._draw("uniform", sizes, floating(target)), minval, 1 if maxval is None else maxval)
        if maxval is None:
            raise ValueError(f"Must specify maxval for integer dtype {target!r}")
        low, high = bounds(minval, maxval, target)
        return traced.philox_integers_from_state(self._advance(traced.size(sizes)), low, high, shape=sizes, dtype=target)

    def uniform_full_int(self, shape: Any, dtype: Any = uint64, name: str | None = None) -> Any:
        """Whole numbers, every value of the dtype as likely as any other."""
        return self._draw("bits", shape_of(shape), as_dtype(dtype))

    def make_seeds(self, count: int = 1) -> Any:
        """Seeds for stateless ops: int64[2, count], one in each column."""
        keys = self.uniform_full_int([count], int64)
        return convert([keys, keys - keys])

    def split(self, count: int = 1) -> "list[Generator]":
        """New generators, their keys drawn from this one."""
        keys = self.uniform_full_int([count], int64).numpy()
        return [Generator(state=traced.state_array(0, 0, int(k))) for k in keys]


_global: list[Generator] = []


@export("tf.random.get_global_generator", "tf.random.experimental.get_global_generator")
def get_global_generator() -> Generator:
    """The generator that programs share; made with unforeseeable numbers when first asked for."""
    if not _global:
        _global.append(Generator.from_non_deterministic_state())
    return _global[0]


@export("tf.random.set_global_generator", "tf.random.experimental.set_global_generator")
def set_global_generator(generator: Generator) -> None:
    """Make a generator the one that programs share."""
    _global[:] = [generator]
