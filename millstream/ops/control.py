"""Around ops: custom gradients, scopes, grouping, what is known before a function runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, eagerly, wrap
from millstream.core.op import Op
from millstream.core.tensor import Tensor, convert
from millstream.util import tree
from millstream.util.export import export


@export("tf.executing_eagerly")
def executing_eagerly() -> bool:
    """Whether ops are carried out at once: not inside a function being traced.

    >>> tf.executing_eagerly()
    True
    """
    return STATE.trace is None


@export("tf.inside_function")
def inside_function() -> bool:
    """Whether a function is being traced."""
    return STATE.trace is not None


@export("tf.get_static_value")
def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The value as an array if it is known before the function runs, else None.

    >>> tf.get_static_value(tf.constant([1, 2])).tolist()
    [1, 2]
    """
    if not isinstance(tensor, Tensor):
        return tensor if not hasattr(tensor, "read_value") else None
    return tensor.numpy() if tensor._dispatch is None else None


@export("tf.no_op")
def no_op(name: str | None = None) -> None:
    """Nothing."""


@export("tf.group")
def group(*inputs: Any, **kwargs: Any) -> None:
    """Nothing: ops run in the order in which they are written."""


@export("tf.tuple")
def tuple_(tensors: Any, control_inputs: Any = None, name: str | None = None) -> list[Any]:
    """The tensors, all of them computed."""
    return [None if t is None else convert(t) for t in tensors]


@export("tf.identity_n")
def identity_n(input: Any, name: str | None = None) -> list[Any]:
    """The tensors themselves, in a list."""
    return [convert(t) for t in input]


@export("tf.guarantee_const")
def guarantee_const(input: Any, name: str | None = None) -> Any:
    """The tensor itself."""
    return convert(input)


@export("tf.timestamp")
def timestamp(name: str | None = None) -> Tensor:
    """Seconds since 1970: float64."""
    return wrap(np.float64(time.time()))


@export("tf.control_dependencies")
@contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """Context manager that does nothing: ops run in the order in which they are written."""
    yield


@export("tf.device")
@contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Context manager that does nothing: there is one device."""
    yield


@export("tf.init_scope")
@contextmanager
def init_scope() -> Iterator[None]:
    """Context manager: ops inside are carried out at once, outside of any tape and any function being traced."""
    with eagerly():
        yield


# ---------------------------------------------------------------------------------------------- gradients
@contextmanager
def _unrecorded() -> Iterator[None]:
    tapes, STATE.tapes = STATE.tapes, ()
    try:
        yield
    finally:
        STATE.tapes = tapes


@export("tf.custom_gradient")
def custom_gradient(f: Any = None) -> Any:
    """Decorator: f returns its result and a function from the result's gradients to the arguments' gradients.

    >>> @tf.custom_gradient
    ... def clip(x):
    ...     return x, lambda g: tf.clip_by_value(g, -1.0, 1.0)
    >>> x = tf.constant(2.0)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = clip(x) * 5.0
    >>> float(tape.gradient(y, x))
    1.0
    """
    if f is None:
        return custom_gradient

    def decorated(*args: Any, **kwargs: Any) -> Any:
        return _with_gradient(f, args, kwargs)

    decorated.__name__, decorated.__doc__, decorated.__wrapped__ = getattr(f, "__name__", "function"), f.__doc__, f  # type: ignore[attr-defined]
    return decorated


def _with_gradient(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    places = [i for i, a in enumerate(tree.flatten(list(args))) if isinstance(a, Tensor) or hasattr(a, "assign")]
    inputs = [tree.flatten(list(args))[i] for i in places]
    if STATE.trace is not None:
        STATE.trace.has_own_gradients = True
    with _unrecorded():
        result, gradient = f(*args, **kwargs)
        leaves = [_fresh(convert(r)) for r in tree.flatten(result)]
    made = _gradient_op(gradient, len(tree.flatten(list(args))), places)
    for tape in STATE.tapes:
        tape.record(made, tuple(inputs), {}, tuple(leaves))
    return tree.pack(result, leaves)


def _fresh(x: Tensor) -> Tensor:
    """A tensor of its own: a result that is the argument itself would hide the custom gradient."""
    from millstream.ops.array.shape import identity

    return identity(x) if x._dispatch is not None else wrap(x._array)


def _gradient_op(gradient: Callable[..., Any], count: int, places: list[int]) -> Op:
    def rule(g: Any, out: Any, *inputs: Any) -> list[Any]:
        found = gradient(*(g if type(g) is tuple else (g,)))
        flat = list(found) if isinstance(found, (list, tuple)) else [found]
        if len(flat) != count:
            raise ValueError(
                f"The gradient function of tf.custom_gradient returned {len(flat)} gradients for {count} arguments; return one for each."
            )
        return [None if flat[i] is None else convert(flat[i]) for i in places]

    made = Op("custom_gradient", lambda xp, *xs: xs, mixed=True, stateful=False, samples=None, errors=())
    made.vjp_all(rule)
    return made


@export("tf.grad_pass_through")
def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the values of f and the gradient of the identity."""

    def function(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        return f(x), lambda g: g

    made: Callable[..., Any] = custom_gradient(function)
    return made


@export("tf.recompute_grad")
def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself: its values are kept for the gradient, not computed again."""
    return f
