"""The switches between TensorFlow 1 and 2, and what TensorFlow 2 programs still call of TensorFlow 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from millstream.core import scope
from millstream.core.dispatch import STATE
from millstream.util.export import export, publish

_NO_GRAPHS = (
    "{name} asks for TensorFlow 1's graphs and sessions, which Millstream does not have: it runs TensorFlow 2 programs. "
    "Leave the call out, and write the computation as a function (with tf.function if you like)."
)


def _refuse(name: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(_NO_GRAPHS.format(name=f"tf.compat.v1.{name}"))

    refuse.__name__, refuse.__doc__ = name, "Raises: NotImplementedError; graphs and sessions of TensorFlow 1 are not supported."
    publish(refuse, f"tf.compat.v1.{name}")


for _name in ("disable_eager_execution", "disable_v2_behavior", "placeholder", "disable_v2_tensorshape", "global_variables_initializer"):
    _refuse(_name)


def _accept(name: str) -> None:
    def accept(*args: Any, **kwargs: Any) -> None:
        return None

    accept.__name__, accept.__doc__ = name, "Nothing: it is so already."
    publish(accept, f"tf.compat.v1.{name}")


for _name in ("enable_eager_execution", "enable_v2_behavior", "enable_resource_variables", "enable_v2_tensorshape", "reset_default_graph"):
    _accept(_name)


@export("tf.compat.v1.executing_eagerly", "tf.compat.v1.executing_eagerly_outside_functions")
def executing_eagerly() -> bool:
    """Whether ops are carried out at once."""
    return STATE.trace is None


class _Fields:
    """Named settings, made when they are first touched."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Fields()
        self.__dict__[name] = made
        return made


@export("tf.compat.v1.ConfigProto")
class ConfigProto(_Fields):
    """Settings of a session: kept, and without effect."""


@export("tf.compat.v1.GPUOptions")
class GPUOptions(_Fields):
    """Settings of GPUs: kept, and without effect."""


@export("tf.compat.v1.Session", "tf.compat.v1.InteractiveSession")
class Session:
    """What TensorFlow 2 programs make to configure GPUs. It runs nothing. Raises: NotImplementedError when asked to."""

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        self.config = config

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Raises: NotImplementedError."""
        raise NotImplementedError(_NO_GRAPHS.format(name="Session.run"))

    def close(self) -> None:
        """Nothing."""


@contextmanager
def _as_default(graph: Any) -> Iterator[Any]:
    yield graph


@export("tf.Graph")
class Graph:
    """A scope in which TensorFlow 1 would build a graph; ops inside are carried out at once.

    >>> with tf.Graph().as_default():
    ...     float(tf.constant(1.0) + 1.0)
    2.0
    """

    building_function = False

    def as_default(self) -> Any:
        """Context manager."""
        return _as_default(self)

    seed: Any = None
    version = 0

    def device(self, device_name_or_function: Any) -> Any:
        """Context manager: there is one device."""
        return _as_default(self)

    def control_dependencies(self, control_inputs: Any) -> Any:
        """Context manager: ops are carried out in the order of the program."""
        return _as_default(self)

    def name_scope(self, name: str) -> Any:
        """Context manager: names made inside get this prefix."""
        return scope.name_scope(name)

    def get_operations(self) -> list[Any]:
        """None are kept."""
        return []


@export("tf.compat.v1.get_default_graph")
def get_default_graph() -> Graph:
    """The graph in force."""
    return _DEFAULT


_DEFAULT = Graph()
