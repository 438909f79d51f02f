"""Random numbers, TensorFlow's own for a seed."""

from millstream.ops.random import draw, generator, seeds, stateless
from millstream.ops.random.draw import RandomShuffleStream, categorical, normal, shuffle, truncated_normal, uniform
from millstream.ops.random.seeds import get_seed, global_seed, set_seed
from millstream.ops.random.stateless import stateless_normal, stateless_truncated_normal, stateless_uniform

__all__ = [
    "RandomShuffleStream", "categorical", "draw", "generator", "get_seed", "global_seed", "normal", "seeds", "set_seed", "shuffle", "stateless",
    "stateless_normal", "stateless_truncated_normal", "stateless_uniform", "truncated_normal", "uniform",
]  # fmt: skip
