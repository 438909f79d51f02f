"""tf.data.Options: switches of TensorFlow's input pipeline. They are kept and merged; elements come in order whatever they say."""

import enum
from typing import Any, ClassVar

from millstream.util.export import export


@export("tf.data.experimental.AutoShardPolicy")
class AutoShardPolicy(enum.IntEnum):
    """How a data set is shared out among workers."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2


class _Switches:
    """Named switches with defaults. Raises: AttributeError for a name that is none of them."""

    _defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        for name, default in self._defaults.items():
            object.__setattr__(self, name, default() if isinstance(default, type) else default)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._defaults:
            raise AttributeError(f"Cannot set the property {name} on {type(self).__name__}; it has {', '.join(self._defaults)}.")
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # as mutable things have it

    def merge(self, options: Any) -> Any:
        """These switches, with the other's wherever it says something. Raises: TypeError for other things."""
        if not isinstance(options, type(self)):
            raise TypeError(f"All options should be of type {type(self).__name__}; got {type(options)}.")
        merged = type(self)()
        for name in self._defaults:
            mine, theirs = getattr(self, name), getattr(options, name)
            value = mine.merge(theirs) if isinstance(mine, _Switches) else mine if theirs is None else theirs
            object.__setattr__(merged, name, value)
        return merged


@export("tf.data.experimental.DistributeOptions")
class DistributeOptions(_Switches):
    """How a data set is shared out among workers."""

    _defaults: ClassVar[dict[str, Any]] = {"auto_shard_policy": AutoShardPolicy.AUTO, "num_devices": None}


@export("tf.data.experimental.MapVectorizationOptions")
class MapVectorizationOptions(_Switches):
    """Switches of TensorFlow's map vectorisation."""

    _defaults: ClassVar[dict[str, Any]] = {"enabled": None, "use_choose_fastest": None}


@export("tf.data.experimental.OptimizationOptions")
class OptimizationOptions(_Switches):
    """Switches of TensorFlow's graph rewrites."""

    _defaults: ClassVar[dict[str, Any]] = {
        "map_vectorization": MapVectorizationOptions,
        **dict.fromkeys((
            "apply_default_optimizations", "autotune", "autotune_buffers", "autotune_cpu_budget", "autotune_ram_budget", "filter_fusion",
            "filter_with_random_uniform_fusion", "hoist_random_uniform", "map_and_batch_fusion", "map_and_filter_fusion", "map_fusion",
            "map_parallelization", "noop_elimination", "parallel_batch", "reorder_data_discarding_ops", "shuffle_and_repeat_fusion",
        )),
    }  # fmt: skip


@export("tf.data.experimental.StatsOptions")
class StatsOptions(_Switches):
    """Switches of statistics."""

    _defaults: ClassVar[dict[str, Any]] = {"aggregator": None, "prefix": "", "counter_prefix": "", "latency_all_edges": None}


@export("tf.data.experimental.ThreadingOptions")
class ThreadingOptions(_Switches):
    """How many threads TensorFlow's pipeline may use."""

    _defaults: ClassVar[dict[str, Any]] = {"max_intra_op_parallelism": None, "private_threadpool_size": None}


@export("tf.data.Options")
class Options(_Switches):
    """What `Dataset.with_options` takes.

    >>> options = tf.data.Options()
    >>> options.experimental_deterministic = False
    >>> tf.data.Dataset.range(2).with_options(options).options().experimental_deterministic
    False
    """

    _defaults: ClassVar[dict[str, Any]] = {
        "experimental_deterministic": None, "experimental_distribute": DistributeOptions, "experimental_external_state_policy": None,
        "experimental_optimization": OptimizationOptions, "experimental_slack": None, "experimental_stats": StatsOptions,
        "experimental_threading": ThreadingOptions,
    }  # fmt: skip
