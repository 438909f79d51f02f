"""tf.py_function and tf.numpy_function: Python on values, called from functions of tensors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, execute, wrap
from millstream.core.dtypes import DType, as_dtype, bool_
from millstream.core.op import Op
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert, refuse_in_graph
from millstream.util.errors import invalid
from millstream.util.export import export


@export("tf.py_function")
def py_function(func: Callable[..., Any], inp: Sequence[Any], Tout: Any, name: str | None = None) -> Any:
    """Call a Python function with eager tensors; tapes see what it does.

    inp: its arguments. Tout: the dtype of its result, or a list of dtypes ([] when only its effects matter).
    Raises: InvalidArgumentError when the results do not fit Tout.
    >>> float(tf.py_function(lambda x: x.numpy() * 2, [3.0], tf.float32))
    6.0
    """
    return _call(func, inp, Tout, lambda tensors: tensors)


@export("tf.numpy_function")
def numpy_function(func: Callable[..., Any], inp: Sequence[Any], Tout: Any, name: str | None = None) -> Any:
    """Call a Python function with arrays; no gradient flows through.

    >>> tf.numpy_function(np.sinh, [0.0], tf.float32).numpy().item()
    0.0
    """
    tapes, STATE.tapes = STATE.tapes, ()
    try:
        return _call(func, inp, Tout, lambda tensors: [x.numpy() for x in tensors])
    finally:
        STATE.tapes = tapes


@export("tf.compat.v1.py_func")
def py_func(func: Callable[..., Any], inp: Sequence[Any], Tout: Any, stateful: bool = True, name: str | None = None) -> Any:
    """As numpy_function."""
    return numpy_function(func, inp, Tout, name)


def _call(func: Callable[..., Any], inp: Sequence[Any], wanted: Any, given: Callable[[list[Tensor]], list[Any]]) -> Any:
    several = isinstance(wanted, (list, tuple))
    types = [as_dtype(t) for t in wanted] if several else [as_dtype(wanted)]
    tensors = [convert(x) for x in inp]
    if STATE.trace is not None:
        return _in_trace(func, tensors, types, given)
    results = _results(func(*given(tensors)), types, several)
    return results if several else results[0]


def _results(result: Any, types: list[DType], several: bool) -> list[Tensor]:
    if not several:
        return [_as(result, types[0])]
    values = [] if result is None and not types else list(result) if isinstance(result, (list, tuple)) else [result]
    if len(values) != len(types):
        raise invalid(f"The Python function returned {len(values)} values, expected to see {len(types)} (Tout={[t.name for t in types]}).")
    return [_as(v, t) for v, t in zip(values, types, strict=True)]


def _as(value: Any, dtype: DType) -> Tensor:
    """A result as a tensor of its declared dtype; Python's numbers take it."""
    if isinstance(value, Tensor) and value.dtype is dtype:
        return value
    tensor = convert(value) if isinstance(value, (Tensor, np.ndarray, np.generic)) else convert(value, hint=dtype)
    if tensor.dtype is not dtype:
        raise invalid(f"The Python function returned a value of type {tensor.dtype.name}, but Tout says {dtype.name}; convert one of them.")
    return tensor


def _in_trace(
    func: Callable[..., Any], tensors: list[Tensor], types: list[DType], given: Callable[[list[Tensor]], list[Any]]
) -> list[Tensor]:
    """A function without results is called each time that the graph runs; results would need shapes that nobody knows."""
    if types:
        refuse_in_graph("using the result of a Python function (tf.py_function, tf.numpy_function), whose shape is unknown before it runs,")

    def meaning(xp: Any, *arrays: Any) -> Any:
        func(*given([wrap(np.array(a) if np.ndim(a) else np.asarray(a)[()]) for a in arrays]))
        return np.bool_(True)

    made = Op("python_function", meaning, mixed=True, stateful=True, samples=None, errors=())
    made.infer(lambda *specs: ArraySpec((), bool_))
    made.vjp_all(lambda g, y, *inputs: [None] * len(inputs))
    execute(made, tuple(tensors), {})
    return []
