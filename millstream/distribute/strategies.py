"""Strategies of one replica: scope, run, reduce, and data sets handed through."""

import enum
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, Self

from millstream.core.tensor import Tensor, convert
from millstream.ops.math.reduce import reduce_mean, reduce_sum
from millstream.util import tree
from millstream.util.export import export


@export("tf.distribute.ReduceOp")
class ReduceOp(enum.Enum):
    """How the values of replicas become one."""

    SUM = "SUM"
    MEAN = "MEAN"

    @staticmethod
    def from_variable_aggregation(aggregation: Any) -> "ReduceOp":
        """The reduction of a VariableAggregation. Raises: ValueError for NONE and others."""
        name = getattr(aggregation, "name", aggregation)
        if name not in ("SUM", "MEAN"):
            raise ValueError(f"Could not convert from `tf.VariableAggregation` {aggregation!r} to `tf.distribute.ReduceOp` type.")
        return ReduceOp(name)


class _Current:
    """The strategy and the replica in force."""

    strategy: ClassVar[Any] = None
    replica: ClassVar[Any] = None


class InputContext(NamedTuple):
    """What a function that makes data sets is told: one pipeline, one replica."""

    num_input_pipelines: int = 1
    input_pipeline_id: int = 0
    num_replicas_in_sync: int = 1

    def get_per_replica_batch_size(self, global_batch_size: int) -> int:
        """The share of a batch. Raises: ValueError when it cannot be divided."""
        if global_batch_size % self.num_replicas_in_sync:
            raise ValueError(f"The global_batch_size {global_batch_size} is not divisible by {self.num_replicas_in_sync} replicas.")
        return global_batch_size // self.num_replicas_in_sync


export("tf.distribute.InputContext")(InputContext)


@export("tf.distribute.RunOptions")
class RunOptions(NamedTuple):
    """Options of `run`, none of which matters with one replica."""

    experimental_enable_dynamic_batch_size: bool = True
    experimental_bucketizing_dynamic_shape: bool = False


@export("tf.distribute.ReplicaContext")
class ReplicaContext:
    """What a function in `run` knows of its replica."""

    def __init__(self, strategy: Any, replica_id_in_sync_group: int) -> None:
        self._strategy, self._replica = strategy, replica_id_in_sync_group

    @property
    def strategy(self) -> Any:
        """The strategy."""
        return self._strategy

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas there are."""
        return 1

    @property
    def replica_id_in_sync_group(self) -> int:
        """The number of this one."""
        return self._replica

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of this replica."""
        return ("/job:localhost/replica:0/task:0/device:CPU:0",)

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        """The reduction over all replicas: the value itself."""
        _reduction(reduce_op)
        return tree.map_structure(convert, value)

    def merge_call(self, merge_fn: Callable[..., Any], args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of the strategy and the values of all replicas."""
        before, _Current.replica = _Current.replica, None
        try:
            return merge_fn(self._strategy, *args, **(kwargs or {}))
        finally:
            _Current.replica = before

    def __enter__(self) -> Self:
        self._before, _Current.replica = _Current.replica, self
        return self

    def __exit__(self, *error: object) -> None:
        _Current.replica = self._before


def _reduction(reduce_op: Any) -> ReduceOp:
    """A ReduceOp, also by name. Raises: ValueError."""
    if isinstance(reduce_op, ReduceOp):
        return reduce_op
    try:
        return ReduceOp(str(reduce_op).upper())
    except ValueError:
        raise ValueError(f"reduce_op is tf.distribute.ReduceOp.SUM or MEAN; got {reduce_op!r}.") from None


class _Scope:
    """Context manager: the strategy is in force inside."""

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy

    def __enter__(self) -> Any:
        self._before, _Current.strategy = _Current.strategy, self._strategy
        return self._strategy

    def __exit__(self, *error: object) -> None:
        _Current.strategy = self._before


@export("tf.distribute.Strategy")
class Strategy:
    """A way to spread work over devices; here over one. Make a MirroredStrategy or a OneDeviceStrategy.

    >>> strategy = tf.distribute.MirroredStrategy()
    >>> with strategy.scope():
    ...     w = tf.Variable(2.0)
    >>> float(strategy.run(lambda x: x * w, (3.0,)))
    6.0
    """

    def __init__(self, extended: Any = None) -> None:
        self._extended = extended

    @property
    def extended(self) -> Any:
        """The strategy's own part; itself unless given."""
        return self if self._extended is None else self._extended

    @property
    def cluster_resolver(self) -> Any:
        """The machines: there is no cluster."""
        return None

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas there are: one."""
        return 1

    def scope(self) -> _Scope:
        """Context manager: variables made inside belong to this strategy."""
        return _Scope(self)

    def run(self, fn: Callable[..., Any], args: Any = (), kwargs: Any = None, options: Any = None) -> Any:
        """Call a function on every replica."""
        if not isinstance(args, (list, tuple)):
            raise ValueError(f"positional args must be a list or tuple, got {type(args)}")
        with self.scope(), ReplicaContext(self, 0):
            return fn(*args, **(kwargs or {}))

    experimental_run_v2 = run

    def experimental_run(self, fn: Callable[..., Any], input_iterator: Any = None) -> Any:
        """Call a function of the next element of an iterator, on every replica."""
        return self.run(fn, () if input_iterator is None else (next(input_iterator),))

    def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
        """One value of the replicas' values: reduced along an axis, or itself for axis=None.

        >>> float(tf.distribute.get_strategy().reduce("SUM", tf.constant([1.0, 2.0]), axis=0))
        3.0
        """
        how = _reduction(reduce_op)
        if axis is None:
            return tree.map_structure(convert, value)
        reduced = reduce_sum if how is ReduceOp.SUM else reduce_mean
        return tree.map_structure(lambda x: reduced(x, axis), value)

    def gather(self, value: Any, axis: int) -> Tensor:
        """The values of all replicas, joined along an axis: the value."""
        return convert(value)

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """The values of the replicas of this machine."""
        return (value,)

    unwrap = experimental_local_results

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """A data set whose elements are spread over replicas: itself."""
        return dataset

    def distribute_datasets_from_function(self, dataset_fn: Callable[[InputContext], Any], options: Any = None) -> Any:
        """The data set that a function of an InputContext makes."""
        return dataset_fn(InputContext())

    experimental_distribute_datasets_from_function = distribute_datasets_from_function

    def experimental_distribute_values_from_function(self, value_fn: Callable[[Any], Any]) -> Any:
        """The value that a function of a context makes."""
        return value_fn(ReplicaContext(self, 0))

    def make_dataset_iterator(self, dataset: Iterable[Any]) -> Any:
        """An iterator over a data set."""
        return iter(dataset)

    def group(self, value: Any, name: str | None = None) -> None:
        """Nothing: what was to be done is done."""

    def __copy__(self) -> Self:
        raise RuntimeError("Must only deepcopy DistributionStrategy.")

    def __deepcopy__(self, memo: Any) -> Self:
        made = type(self).__new__(type(self))
        vars(made).update(vars(self))
        return made


@export("tf.distribute.MirroredStrategy")
class MirroredStrategy(Strategy):
    """Copies on every device of this machine. Args: devices, of which one is used; cross_device_ops, without effect."""

    def __init__(self, devices: Any = None, cross_device_ops: Any = None) -> None:
        super().__init__()


@export("tf.distribute.OneDeviceStrategy")
class OneDeviceStrategy(Strategy):
    """Everything on one device. Args: device."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device


@export("tf.distribute.MultiWorkerMirroredStrategy")
class MultiWorkerMirroredStrategy(Strategy):
    """Copies on several machines: here on this one. Raises: NotImplementedError when a cluster of several workers is described."""

    def __init__(self, cluster_resolver: Any = None, communication_options: Any = None) -> None:
        super().__init__()
        self._cluster_resolver = cluster_resolver
        if _workers() > 1:
            raise NotImplementedError(
                "Millstream trains on one machine; TF_CONFIG describes several workers. Unset it to train on this one."
            )

    @property
    def cluster_resolver(self) -> Any:
        """What was given."""
        return self._cluster_resolver


def _workers() -> int:
    """How many workers the environment's TF_CONFIG describes."""
    import json
    import os

    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return len(cluster.get("worker", ())) + len(cluster.get("chief", ()))


_DEFAULT = Strategy()


@export("tf.distribute.get_strategy")
def get_strategy() -> Strategy:
    """The strategy in force.

    >>> tf.distribute.get_strategy().num_replicas_in_sync
    1
    """
    found: Strategy = _DEFAULT if _Current.strategy is None else _Current.strategy
    return found


@export("tf.distribute.has_strategy")
def has_strategy() -> bool:
    """Whether a strategy other than the default one is in force.

    >>> tf.distribute.has_strategy()
    False
    """
    return _Current.strategy is not None


@export("tf.distribute.experimental_set_strategy")
def experimental_set_strategy(strategy: Strategy | None) -> None:
    """Put a strategy in force without `with`; None ends it."""
    _Current.strategy = strategy


@export("tf.distribute.get_replica_context")
def get_replica_context() -> ReplicaContext | None:
    """The replica in force; None in a strategy's scope outside of `run`.

    >>> tf.distribute.get_replica_context().num_replicas_in_sync
    1
    """
    if _Current.replica is not None:
        return _Current.replica  # type: ignore[no-any-return]  # a ReplicaContext
    return None if has_strategy() else ReplicaContext(_DEFAULT, 0)


@export("tf.distribute.in_cross_replica_context")
def in_cross_replica_context() -> bool:
    """Whether a strategy's scope is in force outside of `run`.

    >>> tf.distribute.in_cross_replica_context()
    False
    """
    return get_replica_context() is None
